"""Others' presentation states and segmentations.

A presentation state's window is one more preset, never a replacement. A segmentation is shown by
the outlines of its segments.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from pydicom.dataset import Dataset

from engine.arrays import Array
from engine.dicom.limits import check_size
from engine.dicom.tags import Tags, lut
from engine.domain import Voi, VoiFunction, VoiWindow
from engine.errors import UnreadableFile
from engine.interop.foreign_reports import shape_of
from engine.interop.foreign_tags import items, number, numbers, referenced_images, text
from engine.interop.marks import ForeignMark, Point, Shape, ShownSo, Shutter
from engine.messages import Message, message

_MOST_MARKS = 2_000
_MOST_FRAMES = 64
_MOST_OUTLINES = 500  # of one frame
_MOST_POINTS = 20_000

Area = tuple[float, float, float, float]


# ----------------------------------------------------------------------------- presentation states


def read_presentation(dataset: Dataset) -> tuple[list[ForeignMark], list[ShownSo], list[Message]]:
    """Marks, how images are shown, and what could not be read."""
    every = [
        uid
        for series in items(dataset, "ReferencedSeriesSequence")[:1_000]
        for uid in referenced_images(series, "ReferencedImageSequence")
    ]
    notes: list[Message] = []
    rotation, is_flipped = _turn(dataset, notes)
    corners = _corners(dataset, every)
    areas = {uid: _area(*pair) for uid, pair in corners.items()}
    shown = _shown(dataset, every, areas, (rotation, is_flipped), notes)
    marks = []
    for annotation in items(dataset, "GraphicAnnotationSequence")[:1_000]:
        uids = referenced_images(annotation, "ReferencedImageSequence") or every
        for uid in uids[:1_000]:
            display = _display(corners.get(uid), rotation, is_flipped)
            marks += _graphics(annotation, uid, display, notes)
    if items(dataset, "CompoundGraphicSequence") or any(
        items(annotation, "CompoundGraphicSequence")
        for annotation in items(dataset, "GraphicAnnotationSequence")
    ):
        notes.append(message("Compound graphics are not shown."))
    if len(marks) > _MOST_MARKS:
        notes.append(message("Of its marks the first {most} are shown.", most=_MOST_MARKS))
    return marks[:_MOST_MARKS], shown, list(dict.fromkeys(notes))


def _turn(dataset: Dataset, notes: list[Message]) -> tuple[int, bool]:
    """Degrees clockwise, and whether it is flipped left to right after that (PS3.3 C.10.6)."""
    rotation = int(number(dataset, "ImageRotation") or 0) % 360
    is_flipped = text(dataset, "ImageHorizontalFlip") == "Y"
    if rotation not in (0, 90, 180, 270):
        notes.append(message("A rotation by {degrees} degrees was left out.", degrees=rotation))
        return 0, False
    return rotation, is_flipped


Corners = tuple[Point, Point]  #: of a displayed area, column and row of its first and last pixel


def _corners(dataset: Dataset, every: Sequence[str]) -> dict[str, Corners]:
    """Of each image's displayed area, top left and bottom right as displayed, where stated."""
    corners: dict[str, Corners] = {}
    for item in items(dataset, "DisplayedAreaSelectionSequence")[:1_000]:
        first = numbers(item, "DisplayedAreaTopLeftHandCorner", 2)
        last = numbers(item, "DisplayedAreaBottomRightHandCorner", 2)
        if len(first) != 2 or len(last) != 2:
            continue
        for uid in referenced_images(item, "ReferencedImageSequence") or every:
            corners[uid] = (first[0], first[1]), (last[0], last[1])
    return corners


def _area(first: Point, last: Point) -> Area:
    # the first pixel of an image is 1\1, and the last one is inside
    left, right = sorted((first[0], last[0]))
    top, bottom = sorted((first[1], last[1]))
    return top - 1, bottom, left - 1, right


#: Column and row of the displayed area's corners, and whether rows run across the display.
Display = tuple[Point, Point, bool]


def _display(corners: Corners | None, rotation: int, is_flipped: bool) -> Display | None:
    """Where shares of a displayed area lie in the image; None where it is not stated, or its
    corners contradict how the image is turned: they are named as it is displayed (PS3.3 C.10.4).
    """
    if corners is None:
        return None
    (column, row), (last_column, last_row) = corners
    across, down = _ACROSS_DOWN[rotation, is_flipped]
    is_sideways = rotation in (90, 270)
    columns_run, rows_run = (down, across) if is_sideways else (across, down)
    if (last_column - column) * columns_run < 0 or (last_row - row) * rows_run < 0:
        return None
    # from the outer edge of the first pixel to that of the last
    first = column - (columns_run > 0), row - (rows_run > 0)
    last = last_column - (columns_run < 0), last_row - (rows_run < 0)
    return first, last, is_sideways


#: By rotation and flip: which way the image's lines run from left to right, and from top to bottom.
_ACROSS_DOWN = {
    (0, False): (1, 1),
    (90, False): (-1, 1),
    (180, False): (-1, -1),
    (270, False): (1, -1),
    (0, True): (-1, 1),
    (90, True): (1, 1),
    (180, True): (1, -1),
    (270, True): (-1, -1),
}


def _shown(
    dataset: Dataset,
    every: Sequence[str],
    areas: dict[str, Area],
    turn: tuple[int, bool],
    notes: list[Message],
) -> list[ShownSo]:
    vois: dict[str, list[Voi]] = {uid: [] for uid in every}
    for item in items(dataset, "SoftcopyVOILUTSequence")[:1_000]:
        found = _vois(item, notes)
        for uid in referenced_images(item, "ReferencedImageSequence") or every:
            vois.setdefault(uid, []).extend(found)
    rotation, is_flipped = turn
    shutters = _shutters(dataset, notes)
    is_inverse = text(dataset, "PresentationLUTShape") == "INVERSE"
    return [
        ShownSo(
            (uid,),
            tuple(found),
            areas.get(uid),
            is_flipped,
            rotation,
            is_inverse,
            shutters,
        )
        for uid, found in vois.items()
    ]


def _vois(item: Dataset, notes: list[Message]) -> list[Voi]:
    found: list[Voi] = []
    centers = numbers(item, "WindowCenter", 16)
    widths = numbers(item, "WindowWidth", 16)
    word = text(item, "VOILUTFunction") or "LINEAR"
    function = VoiFunction(word) if word in {f.value for f in VoiFunction} else VoiFunction.LINEAR
    for center, width in zip(centers, widths, strict=False):
        if width > 0:
            name = text(item, "WindowCenterWidthExplanation", 64)
            found.append(VoiWindow(center, width, function, name))
    for table in items(item, "VOILUTSequence")[:8]:
        read = lut(Tags(table), is_big_endian=False, first_is_signed=False)
        if isinstance(read, str):
            notes.append(message("A VOI LUT was left out: {reason}.", reason=read))
        else:
            found.append(read)
    return found


def _shutters(dataset: Dataset, notes: list[Message]) -> tuple[Shutter, ...]:
    kinds = dataset.get("ShutterShape") or []
    kinds = [kinds] if isinstance(kinds, str) else [str(kind) for kind in list(kinds)[:3]]
    grey = (number(dataset, "ShutterPresentationValue") or 0) / 65535
    shutters = []
    for kind in kinds:
        points: list[Point] = []
        if kind == "RECTANGULAR":
            edges = [
                number(dataset, f"Shutter{edge}Edge")
                for edge in ("UpperHorizontal", "LeftVertical", "LowerHorizontal", "RightVertical")
            ]
            if None not in edges:
                top, left, bottom, right = (edge for edge in edges if edge is not None)
                points = [(top, left), (bottom, right)]
        elif kind == "CIRCULAR":
            centre = numbers(dataset, "CenterOfCircularShutter", 2)
            radius = number(dataset, "RadiusOfCircularShutter")
            if len(centre) == 2 and radius is not None and radius > 0:
                points = [(centre[0], centre[1]), (centre[0] + radius, centre[1])]
        elif kind == "POLYGONAL":
            values = numbers(dataset, "VerticesOfThePolygonalShutter", 2_000)
            if len(values) >= 6 and len(values) % 2 == 0:
                points = [(values[i], values[i + 1]) for i in range(0, len(values), 2)]
        if points:
            shutters.append(Shutter(kind, tuple(points), min(max(grey, 0.0), 1.0)))
        else:
            notes.append(message("A shutter was left out."))
    return tuple(shutters)


def _graphics(
    annotation: Dataset, uid: str, display: Display | None, notes: list[Message]
) -> list[ForeignMark]:
    marks = []
    layer = text(annotation, "GraphicLayer", 64)
    for item in items(annotation, "GraphicObjectSequence")[:_MOST_MARKS]:
        values = numbers(item, "GraphicData", 2 * _MOST_POINTS)
        units = text(item, "GraphicAnnotationUnits") or "PIXEL"
        placed = _placed(values, units, display)
        found = shape_of(text(item, "GraphicType"), placed)
        if not found:
            notes.append(message("A drawing was left out."))
        is_filled = text(item, "GraphicFilled") == "Y"
        marks += [
            ForeignMark(uid, shape, points, layer, is_filled=is_filled) for shape, points in found
        ]
    for item in items(annotation, "TextObjectSequence")[:_MOST_MARKS]:
        words = text(item, "UnformattedTextValue")
        box = numbers(item, "BoundingBoxTopLeftHandCorner", 2)
        units = text(item, "BoundingBoxAnnotationUnits")
        anchor = numbers(item, "AnchorPoint", 2)
        if anchor:
            box, units = anchor, text(item, "AnchorPointAnnotationUnits")
        placed = _placed(box, units or "PIXEL", display)
        if words and len(placed) == 2:
            marks.append(ForeignMark(uid, Shape.TEXT, ((placed[1], placed[0]),), words))
        elif words:
            notes.append(message("A text was left out."))
    return marks


def _placed(values: list[float], units: str, display: Display | None) -> list[float]:
    """Columns and rows in pixels. DISPLAY are shares of the displayed area, as it is displayed."""
    if units != "DISPLAY":
        return values
    if display is None:
        return []
    (column, row), (last_column, last_row), is_sideways = display
    placed: list[float] = []
    for across, down in zip(values[::2], values[1::2], strict=False):
        along_row, along_column = (down, across) if is_sideways else (across, down)
        placed.append(column + along_row * (last_column - column))
        placed.append(row + along_column * (last_row - row))
    return placed


# --------------------------------------------------------------------------------- segmentations


def read_segmentation(
    dataset: Dataset,
) -> tuple[list[ForeignMark], tuple[int, int], list[Message]]:
    """Outlines of the segments, the grid that they lie on, and what could not be read.

    Raises UnreadableFile where its pixels cannot be decoded.
    """
    rows, columns = (int(number(dataset, name) or 0) for name in ("Rows", "Columns"))
    count = max(1, int(number(dataset, "NumberOfFrames") or 1))
    if rows < 1 or columns < 1:
        raise UnreadableFile(
            message("The segmentation has no pixels"), message("Ask for it to be written anew.")
        )
    check_size(rows, columns)
    check_size(rows * count, columns)
    notes: list[Message] = []
    if count > _MOST_FRAMES:
        notes.append(
            message(
                "Of its {count} frames the first {most} are shown.",
                count=count,
                most=_MOST_FRAMES,
            )
        )
    frames = _frames(dataset, count, rows, columns)
    labels = {
        int(number(item, "SegmentNumber") or 0): text(item, "SegmentLabel", 64)
        for item in items(dataset, "SegmentSequence")[:1_000]
    }
    groups = items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = items(dataset, "SharedFunctionalGroupsSequence")[:1]
    is_label_map = text(dataset, "SegmentationType") == "LABELMAP"
    half = (number(dataset, "MaximumFractionalValue") or 1) / 2
    alone = _only_image(dataset)
    marks: list[ForeignMark] = []
    for place, frame in enumerate(frames[:_MOST_FRAMES]):
        own = groups[place : place + 1] + shared
        uid, source_frame = _source(own)
        uid = uid or alone
        if not uid:
            notes.append(message("A segment does not say of which image it is."))
            continue
        masks = (
            {int(value): frame == value for value in np.unique(frame)[:256] if value}
            if is_label_map
            else {_segment(own): frame >= max(half, 0.5)}
        )
        for segment, mask in masks.items():
            marks += _outlines(mask, uid, source_frame, labels.get(segment, ""), notes)
    if len(marks) > _MOST_MARKS:
        notes.append(message("Of its outlines the first {most} are shown.", most=_MOST_MARKS))
    return marks[:_MOST_MARKS], (rows, columns), list(dict.fromkeys(notes))


def _frames(dataset: Dataset, count: int, rows: int, columns: int) -> Array:
    try:
        pixels = np.asarray(dataset.pixel_array)
        return pixels.reshape(count, rows, columns)
    except Exception as error:  # of any type: decoders run on whatever bytes the file holds
        raise UnreadableFile(
            message("The segmentation cannot be decoded"),
            message("Its pixels are damaged, or compressed in a way that is not read."),
        ) from error


def _source(groups: Sequence[Dataset]) -> tuple[str, int | None]:
    for group in groups:
        for derivation in items(group, "DerivationImageSequence"):
            for source in items(derivation, "SourceImageSequence")[:1]:
                frame = number(source, "ReferencedFrameNumber")
                uid = text(source, "ReferencedSOPInstanceUID", 64)
                return uid, int(frame) if frame else None
    return "", None


def _segment(groups: Sequence[Dataset]) -> int:
    for group in groups:
        for item in items(group, "SegmentIdentificationSequence")[:1]:
            return int(number(item, "ReferencedSegmentNumber") or 0)
    return 0


def _only_image(dataset: Dataset) -> str:
    """Where the whole segmentation refers to one image."""
    uids = [
        uid
        for series in items(dataset, "ReferencedSeriesSequence")[:100]
        for uid in referenced_images(series, "ReferencedInstanceSequence")
    ]
    return uids[0] if len(uids) == 1 else ""


def _outlines(
    mask: Array, uid: str, frame: int | None, label: str, notes: list[Message]
) -> list[ForeignMark]:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = sorted(found, key=cv2.contourArea, reverse=True)
    if len(found) > _MOST_OUTLINES:
        notes.append(message("Its smallest pieces are not shown."))
    marks = []
    for outline in found[:_MOST_OUTLINES]:
        points = [(float(row) + 0.5, float(column) + 0.5) for column, row in outline[:, 0, :]]
        points = points[:_MOST_POINTS]
        marks.append(ForeignMark(uid, Shape.OUTLINE, (*points, points[0]), label, frame=frame))
    return marks
