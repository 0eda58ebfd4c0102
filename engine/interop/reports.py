"""TID 1500 measurement reports: what the model says, and what a reader says, in documents apart.

One document for both would carry the hidden answer of a blind reading, and mix two observers. A
reader's document names the model's as evidence only where its reader has seen that answer.

All are UNVERIFIED and preliminary, and say in words and in a code that they are for research only.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from engine.domain import (
    NOTICE,
    Annotation,
    AnnotationKind,
    BiradsCategory,
    BreastPrediction,
    Laterality,
    MammogramView,
    Prediction,
    ReaderAssessment,
    StudyPrediction,
)
from engine.interop import codes, equipment
from engine.interop.regions import as_points, ellipse_points, warm_regions
from engine.interop.sources import UTF_8, SourceImage, plain

_LONGEST_TEXT = 10_000

Group = sr.MeasurementsAndQualitativeEvaluations | sr.PlanarROIMeasurementsAndQualitativeEvaluations


class ReportClass(Enum):
    """In which SOP class a report is written; the content is the same."""

    COMPREHENSIVE_3D = "comprehensive-3d"  #: what IHE AI Results asks for
    COMPREHENSIVE = "comprehensive"  #: for an older PACS


@dataclass(frozen=True)
class DocumentReference:
    """A document that was written before."""

    study_uid: str
    series_uid: str
    sop_class: str
    sop_uid: str

    def as_dataset(self) -> Dataset:
        dataset = Dataset()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.study_uid, self.series_uid
        dataset.SOPClassUID, dataset.SOPInstanceUID = self.sop_class, self.sop_uid
        return dataset

    @classmethod
    def of(cls, dataset: Dataset) -> "DocumentReference":
        return cls(
            *(
                str(dataset.get(keyword))
                for keyword in (
                    *("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"),
                )
            )
        )


def model_report(
    sources: Sequence[SourceImage], prediction: StudyPrediction, report_class: ReportClass
) -> Dataset:
    """A group for each breast, and one for each warm region of the heat-maps."""
    model = prediction.model
    by_uid = {source.view.image_uid: source for source in sources}
    groups: list[Group] = [
        _model_on_breast(breast, sources, by_uid) for breast in prediction.breasts
    ]
    for view in prediction.views:
        source = by_uid.get(view.image_uid)
        if source is None or view.explanation is None:
            continue
        side = source.view.laterality
        for number, region in enumerate(warm_regions(view.explanation), start=1):
            groups.append(
                sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                    tracking_identifier=_tracking(
                        f"region {number}", view.image_uid, str(number), model.sha256
                    ),
                    referenced_region=sr.ImageRegion(
                        sr.GraphicTypeValues.POLYLINE,
                        region.outline,
                        sr.SourceImageForRegion(source.sop_class, view.image_uid),
                    ),
                    finding_type=codes.ATTENTION_REGION,
                    algorithm_id=equipment.algorithm(model),
                    finding_sites=_sites(side),
                    measurements=[
                        sr.Measurement(codes.PEAK_ATTENTION, round(region.peak, 4), codes.NO_UNITS)
                    ],
                    qualitative_evaluations=[_research_only()],
                )
            )
    return _document(
        sources,
        sr.ObservationContext(observer_device_context=equipment.device_observer(model)),
        groups,
        report_class,
        "model",
        "Model BI-RADS. Research use only.",
        prediction=prediction,
    )


def reader_report(
    sources: Sequence[SourceImage],
    readings: Sequence[ReaderAssessment],
    drawings: Sequence[Annotation],
    report_class: ReportClass,
    model_document: Dataset | None = None,
    predecessor: DocumentReference | None = None,
) -> Dataset:
    """What one reader says of each breast, and what was measured on the images.

    `model_document` is the report on what the model said; it becomes evidence only where the reader
    has seen what that very network says. Raises ValueError where the readings are of several
    readers.
    """
    (reader,) = {reading.reader for reading in readings}
    by_uid = {source.view.image_uid: source for source in sources}
    groups: list[Group] = [_reader_on_breast(reading, sources, by_uid) for reading in readings]
    groups += filter(None, (_measured(drawing, by_uid) for drawing in drawings))
    has_seen = model_document is not None and any(
        reading.is_revealed
        and reading.prediction is not None
        and equipment.serial_number(reading.prediction.model) == model_document.DeviceSerialNumber
        for reading in readings
    )
    return _document(
        sources,
        sr.ObservationContext(observer_person_context=equipment.person_observer(reader)),
        groups,
        report_class,
        "reader",
        "Reader's BI-RADS. Research use only.",
        evidence=[model_document] if has_seen and model_document is not None else [],
        predecessor=predecessor,
    )


# ------------------------------------------------------------------------------------ the model's


def _model_on_breast(
    breast: BreastPrediction, sources: Sequence[SourceImage], by_uid: Mapping[str, SourceImage]
) -> Group:
    said = breast.prediction
    evaluations = [
        _research_only(),
        sr.QualitativeEvaluation(
            codes.SCOPE,
            codes.IN_SCOPE if isinstance(said, Prediction) else codes.OUT_OF_SCOPE,
        ),
    ]
    if isinstance(said, Prediction):
        category = BiradsCategory(str(said.category))
        evaluations.insert(0, _assessment(category))
    of_side = [s.view.image_uid for s in sources if s.view.laterality is breast.laterality]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(
            f"breast {breast.laterality.value}",
            sources[0].view.study_uid,
            breast.laterality.value,
            said.model.sha256,
        ),
        algorithm_id=equipment.algorithm(said.model),
        finding_sites=_sites(breast.laterality),
        measurements=_probabilities(said) if isinstance(said, Prediction) else None,
        qualitative_evaluations=evaluations,
        source_images=_images(breast.image_uids or of_side, by_uid),
    )
    if not isinstance(said, Prediction):
        _say(group, codes.SCOPE_REASON, str(said.reason))
    _say(group, codes.COMMENT, NOTICE)
    return group


def _probabilities(said: Prediction) -> list[sr.Measurement]:
    values: list[tuple[Code, float | None]] = [
        (codes.PROBABILITIES[grade], share) for grade, share in sorted(said.probabilities.items())
    ]
    values += [
        (codes.CONFIDENCE, said.confidence),
        (codes.PROBABILITY_OF_CANCER, said.malignancy),
    ]
    return [
        sr.Measurement(name, round(100 * share, 2), codes.PERCENT)
        for name, share in values
        if share is not None
    ]


# ----------------------------------------------------------------------------------- the reader's


def _reader_on_breast(
    reading: ReaderAssessment, sources: Sequence[SourceImage], by_uid: Mapping[str, SourceImage]
) -> Group:
    """Of a reading whose answer is hidden, nothing that answers the model, or tells of it."""
    told = reading if reading.is_revealed else reading.without_model()
    evaluations = [
        sr.QualitativeEvaluation(codes.READING_MODE, codes.READING_MODES[told.reading_mode])
    ]
    if told.is_withdrawn:
        evaluations.append(sr.QualitativeEvaluation(codes.STANDING, codes.WITHDRAWN))
    else:
        evaluations.insert(0, _assessment(told.category))
        if told.prediction is not None:
            evaluations.append(
                sr.QualitativeEvaluation(codes.AGREEMENT, codes.AGREEMENTS[told.agreement])
            )
        if told.is_revealed and told.category_before is not None:
            evaluations.append(
                sr.QualitativeEvaluation(
                    codes.CATEGORY_BEFORE, codes.CATEGORIES[told.category_before]
                )
            )
    of_side = [s.view.image_uid for s in sources if s.view.laterality is told.laterality]
    shown = [uid for uid in told.image_uids if uid in by_uid]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(
            f"breast {told.laterality.value}", told.study_uid, told.laterality.value, told.reader
        ),
        finding_sites=_sites(told.laterality),
        qualitative_evaluations=[*evaluations, _research_only()],
        source_images=_images(shown or of_side, by_uid),
    )
    group[0].ObservationDateTime = _moment(told.recorded_at)
    if not told.is_withdrawn:
        for name, text in ((codes.REASON, told.reason), (codes.COMMENT, told.comment)):
            if text.strip():
                _say(group, name, text)
    return group


def _measured(drawing: Annotation, by_uid: Mapping[str, SourceImage]) -> Group | None:
    """None of what measures nothing: arrows, words, and rectangles the model was asked about."""
    source = by_uid.get(drawing.image_uid)
    if source is None or drawing.is_removed:
        return None
    view = source.view
    found = _measurement(drawing, view)
    if found is None:
        return None
    name, value, unit, graphic, points = found
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(
            f"{drawing.kind.value} {drawing.annotation_id[:8]}",
            drawing.study_uid,
            drawing.annotation_id,
        ),
        finding_type=codes.DRAWING,
        finding_sites=_sites(view.laterality),
        measurements=[
            sr.Measurement(
                name,
                value,
                unit,
                referenced_coordinates=[
                    sr.CoordinatesForMeasurement(
                        graphic,
                        as_points(points, view.rows, view.columns),
                        sr.SourceImageForRegion(source.sop_class, drawing.image_uid),
                    )
                ],
            )
        ],
        qualitative_evaluations=[_research_only()],
    )
    words = ". ".join(filter(None, (drawing.measured.strip(), drawing.text.strip())))
    if words:
        _say(group, codes.COMMENT, words)
    return group


def _measurement(
    drawing: Annotation, view: MammogramView
) -> tuple[Code, float, Code, sr.GraphicTypeValues, Sequence[tuple[float, float]]] | None:
    """Name, value, unit, shape and points (row, column), from the points themselves."""
    spacing = view.pixel_spacing
    down = spacing.row_mm if spacing is not None else view.pixel_aspect
    across = spacing.column_mm if spacing is not None else 1.0
    scaled = [(row * down, column * across) for row, column in drawing.points]
    if drawing.kind is AnnotationKind.RULER and len(scaled) == 2:
        unit = codes.MILLIMETRE if spacing is not None else codes.PIXELS
        length = round(math.dist(*scaled), 3)
        return codes.LENGTH, length, unit, sr.GraphicTypeValues.POLYLINE, drawing.points
    if drawing.kind is AnnotationKind.ANGLE and len(scaled) == 3:
        arms = [(p[0] - scaled[1][0], p[1] - scaled[1][1]) for p in (scaled[0], scaled[2])]
        cross = arms[0][0] * arms[1][1] - arms[0][1] * arms[1][0]
        dot = arms[0][0] * arms[1][0] + arms[0][1] * arms[1][1]
        degrees = round(abs(math.degrees(math.atan2(cross, dot))), 2)
        return codes.ANGLE, degrees, codes.DEGREE, sr.GraphicTypeValues.POLYLINE, drawing.points
    if drawing.kind is AnnotationKind.ELLIPSE and len(scaled) == 2 and spacing is not None:
        sides = (scaled[1][0] - scaled[0][0], scaled[1][1] - scaled[0][1])
        area = round(math.pi / 4 * abs(sides[0] * sides[1]), 3)
        points = ellipse_points(*drawing.points)
        return codes.AREA, area, codes.SQUARE_MILLIMETRE, sr.GraphicTypeValues.ELLIPSE, points
    return None


# ------------------------------------------------------------------------------------------- both


def _document(
    sources: Sequence[SourceImage],
    context: sr.ObservationContext,
    groups: Sequence[Group],
    report_class: ReportClass,
    observer: str,
    description: str,
    prediction: StudyPrediction | None = None,
    evidence: Sequence[Dataset] = (),
    predecessor: DocumentReference | None = None,
) -> Dataset:
    # the image library would ask every image for a legal Patient Orientation: without it, the
    # sources stand in each group and in the evidence
    content = sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.MAMMOGRAPHY,
        imaging_measurements=groups,
        title=codes.REPORT,
        referenced_images=None,
    )
    is_3d = report_class is ReportClass.COMPREHENSIVE_3D
    make = sr.Comprehensive3DSR if is_3d else sr.ComprehensiveSR
    model = prediction.model if prediction is not None else None
    dataset: Dataset = make(
        evidence=[*(source.header for source in sources), *evidence],
        content=content[0],
        series_instance_uid=equipment.new_uid(),
        series_number=equipment.SERIES_NUMBERS["sr", observer],
        sop_instance_uid=equipment.new_uid(),
        instance_number=1,
        manufacturer=equipment.MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=[predecessor.as_dataset()] if predecessor is not None else None,
        contributing_equipment=equipment.contributing(model) if model is not None else None,
        series_description=description,
        specific_character_set=UTF_8,
    )
    equipment.finish(dataset, sources, model)
    return dataset


def _assessment(category: BiradsCategory) -> sr.QualitativeEvaluation:
    return sr.QualitativeEvaluation(codes.ASSESSMENT, codes.CATEGORIES[category])


def _research_only() -> sr.QualitativeEvaluation:
    return sr.QualitativeEvaluation(codes.NOTICE_NAME, codes.RESEARCH_ONLY)


def _tracking(words: str, *parts: str) -> sr.TrackingIdentifier:
    """The same finding keeps its identifier when a run is repeated."""
    return sr.TrackingIdentifier(uid=equipment.stable_uid(*parts), identifier=words[:64])


def _sites(side: Laterality | None) -> list[sr.FindingSite]:
    laterality = codes.SIDES[side] if side is not None else None
    return [sr.FindingSite(codes.BREAST, laterality=laterality)]


def _images(
    uids: Sequence[str], by_uid: Mapping[str, SourceImage]
) -> list[sr.SourceImageForMeasurementGroup] | None:
    images = [
        sr.SourceImageForMeasurementGroup(by_uid[uid].sop_class, uid)
        for uid in uids
        if uid in by_uid
    ]
    return images or None


def _say(group: Group, name: Code, text: str) -> None:
    """highdicom's groups have no row for text, TID 1501's are extensible."""
    group[0].ContentSequence.append(
        sr.TextContentItem(
            name=name,
            value=plain(text, _LONGEST_TEXT),
            relationship_type=sr.RelationshipTypeValues.CONTAINS,
        )
    )


def _moment(time: datetime) -> str:
    return time.strftime("%Y%m%d%H%M%S%z")
