"""Grayscale softcopy presentation states: how an image was shown, and what is drawn on it.

One for each image: images of different sizes may not share one. One series for each side, as the
side is the series'. What the model marks and what a reader drew are states of their own, so that
hanging one never shows the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset

from engine.domain import (
    MODEL_MEANING,
    NOTICE,
    Annotation,
    AnnotationKind,
    ModelIdentity,
    Prediction,
    ViewPrediction,
    VoiWindow,
)
from engine.interop import equipment
from engine.interop.regions import as_points, ellipse_points, warm_regions
from engine.interop.sources import UTF_8, SourceImage, person_name, plain

_MODEL_COLOUR = hd.color.CIELabColor(60, 60, 40)
_READER_COLOUR = hd.color.CIELabColor(85, -10, 60)
_WORDS_BOX = (0.02, 0.02, 0.98, 0.08)  # of the displayed area: left, top, right, bottom
_ARROW_TIP = 0.15  #: of the arrow's length
_LONGEST_TEXT = 1_000  # Unformatted Text Value is ST: 1024


@dataclass(frozen=True)
class ShownAs:
    """What the reader looks at: window and part of the image."""

    window: VoiWindow
    #: row_start, row_stop, column_start, column_stop in source pixels; None: the whole image
    area: tuple[int, int, int, int] | None = None


def model_state(
    source: SourceImage, of_view: ViewPrediction, shown: ShownAs, series_uid: str, number: int
) -> Dataset:
    """The model's words and the outlines of its attention."""
    said = of_view.prediction
    words = "Model: not judged."
    if isinstance(said, Prediction):
        meaning = MODEL_MEANING[said.category]
        words = f"Model: BI-RADS {said.category} ({meaning}), {said.confidence:.0%}."
    outlines = [] if of_view.explanation is None else warm_regions(of_view.explanation)
    graphics = [_polyline(region.outline) for region in outlines]
    layer = hd.pr.GraphicLayer("MODEL", 1, "Model attention", display_color=_MODEL_COLOUR)
    return _state(
        *(source, shown, layer, graphics, [_caption(f"{words} {NOTICE}")]),
        *("MODEL", "Model attention. Research use only.", series_uid, number, said.model),
    )


def reader_state(
    source: SourceImage,
    drawings: Sequence[Annotation],
    shown: ShownAs,
    series_uid: str,
    number: int,
) -> Dataset:
    """What a reader drew on the image, and how it was shown. All drawings are one reader's."""
    readers = {drawing.reader for drawing in drawings}
    graphics, texts = [], [_caption(NOTICE)]
    for drawing in drawings:
        graphics += _graphics(drawing, source)
        words = " ".join(filter(None, (drawing.measured.strip(), drawing.text.strip())))
        if words and drawing.kind is not AnnotationKind.REGION:
            texts.append(_words_at(words, drawing, source))
    layer = hd.pr.GraphicLayer("READER", 1, "Reader's drawings", display_color=_READER_COLOUR)
    return _state(
        *(source, shown, layer, graphics, texts, "READER"),
        *("Reader's drawings. Research use only.", series_uid, number, None),
        creator=next(iter(readers), ""),
    )


def _state(
    source: SourceImage,
    shown: ShownAs,
    layer: hd.pr.GraphicLayer,
    graphics: list[hd.pr.GraphicObject],
    texts: list[hd.pr.TextObject],
    observer: str,
    description: str,
    series_uid: str,
    number: int,
    model: ModelIdentity | None,
    creator: str = "",
) -> Dataset:
    header = source.header
    annotation = hd.pr.GraphicAnnotation(
        [header], layer, graphic_objects=graphics or None, text_objects=texts or None
    )
    window = shown.window
    state: Dataset = hd.pr.GrayscaleSoftcopyPresentationState(
        [header],
        series_instance_uid=series_uid,
        series_number=equipment.SERIES_NUMBERS["gsps", observer.lower()]
        + (source.view.laterality is not None and source.view.laterality.value == "L"),
        sop_instance_uid=equipment.new_uid(),
        instance_number=number,
        content_label=observer,
        content_description=description,
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        content_creator_name=person_name(creator) or f"{equipment.PROGRAM}^",
        voi_lut_transformations=[
            hd.pr.SoftcopyVOILUTTransformation(
                window_center=float(window.center),
                window_width=float(window.width),
                voi_lut_function=window.function.value,
                referenced_images=hd.content.ReferencedImageSequence([header]),
            )
        ],
        presentation_lut_transformation=hd.PresentationLUTTransformation(
            presentation_lut_shape=header.PresentationLUTShape
        ),
        contributing_equipment=equipment.contributing(model) if model is not None else None,
        series_description=description,
        specific_character_set=UTF_8,
        **equipment.made_by(model),
    )
    side = source.view.laterality
    state.Laterality = side.value if side is not None else ""
    for item in state.DisplayedAreaSelectionSequence:
        if "PixelOriginInterpretation" in item:  # of whole-slide images alone
            del item.PixelOriginInterpretation
        if shown.area is not None:
            row_start, row_stop, column_start, column_stop = shown.area
            item.DisplayedAreaTopLeftHandCorner = [column_start + 1, row_start + 1]
            item.DisplayedAreaBottomRightHandCorner = [column_stop, row_stop]
    equipment.finish(state, [source], model)
    return state


def _graphics(drawing: Annotation, source: SourceImage) -> list[hd.pr.GraphicObject]:
    view = source.view
    points = as_points(drawing.points, view.rows, view.columns)
    if drawing.kind in (AnnotationKind.RULER, AnnotationKind.ANGLE):
        return [_polyline(points)]
    if drawing.kind is AnnotationKind.ARROW and len(points) == 2:
        tail, tip = points
        back = (tail - tip) * _ARROW_TIP
        across = back[::-1] * (0.5, -0.5)
        return [_polyline(points), _polyline([tip + back + across, tip, tip + back - across])]
    if drawing.kind is AnnotationKind.ELLIPSE and len(points) == 2:
        ends = as_points(ellipse_points(*drawing.points), view.rows, view.columns)
        return [hd.pr.GraphicObject("ELLIPSE", ends, "PIXEL")]
    if drawing.kind is AnnotationKind.REGION and len(points) == 2:
        (left, top), (right, bottom) = points
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        return [_polyline(corners)]
    return []


def _polyline(points: object) -> hd.pr.GraphicObject:
    return hd.pr.GraphicObject("POLYLINE", np.asarray(points, np.float32), "PIXEL")


def _caption(words: str) -> hd.pr.TextObject:
    return hd.pr.TextObject(
        plain(words, _LONGEST_TEXT), "DISPLAY", bounding_box=_WORDS_BOX, text_justification="LEFT"
    )


def _words_at(words: str, drawing: Annotation, source: SourceImage) -> hd.pr.TextObject:
    column, row = as_points(drawing.points[:1], source.view.rows, source.view.columns)[0]
    return hd.pr.TextObject(
        plain(words, _LONGEST_TEXT),
        "PIXEL",
        anchor_point=(float(column), float(row)),
        anchor_point_visible=drawing.kind is not AnnotationKind.TEXT,
    )
