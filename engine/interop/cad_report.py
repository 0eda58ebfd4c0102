"""Mammography CAD SR (TID 4000): what mammography workstations draw by themselves. Off by default.

It calls regions findings of a detection, and our regions are attention; it has no place for a
category of a breast. So it says as little as it may: "Selected region", presentation optional.
highdicom has no such document: the tree is made of pydicom's items, its frame is another report's.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from engine import __version__
from engine.arrays import Array
from engine.domain import NOTICE, MammogramView, Prediction, StudyPrediction
from engine.interop import codes, equipment
from engine.interop.regions import warm_regions
from engine.interop.reports import ReportClass, model_report
from engine.interop.sources import SourceImage

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.50"


def _dcm(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


_RENDERING_INTENT = _dcm("111056", "Rendering Intent")
_OPTIONAL = _dcm("111151", "Presentation Optional: Rendering device may present")
_SELECTED_REGION = _dcm("111099", "Selected region")


def cad_report(sources: Sequence[SourceImage], prediction: StudyPrediction) -> Dataset:
    """Centre and outline of each warm region, by view."""
    model = prediction.model
    by_uid = {source.view.image_uid: source for source in sources}
    findings = []
    for view in prediction.views:
        source = by_uid.get(view.image_uid)
        said = view.prediction
        if source is None or view.explanation is None or not isinstance(said, Prediction):
            continue
        for region in warm_regions(view.explanation):
            certainty = round(100 * said.suspicion, 1)
            findings.append(
                _code(
                    *("CONTAINS", _dcm("111059", "Single Image Finding"), _SELECTED_REGION),
                    _code("HAS CONCEPT MOD", _RENDERING_INTENT, _OPTIONAL),
                    *_algorithm(model.name),
                    _number(_dcm("111012", "Certainty of Finding"), certainty),
                    _place(_dcm("111010", "Center"), "POINT", region.outline[:-1].mean(0), source),
                    _place(_dcm("111041", "Outline"), "POLYLINE", region.outline, source),
                )
            )
    summary = _dcm("111242", "All algorithms succeeded; with findings")
    if not findings:
        summary = _dcm("111241", "All algorithms succeeded; without findings")
    tree = [
        _code(
            "HAS CONCEPT MOD",
            _dcm("121049", "Language of Content Item and Descendants"),
            Code("en", "RFC5646", "English"),
            _code(
                *("HAS CONCEPT MOD", _dcm("121046", "Country of Language")),
                Code("US", "ISO3166_1", "United States"),
            ),
        ),
        _container("CONTAINS", _dcm("111028", "Image Library"), *map(_library_image, sources)),
        _code(
            "CONTAINS",
            _dcm("111017", "CAD Processing and Findings Summary"),
            summary,
            _text("HAS PROPERTIES", codes.COMMENT, NOTICE),
            *(
                [
                    _container(
                        "INFERRED FROM",
                        _dcm("111034", "Individual Impression/Recommendation"),
                        _code("HAS CONCEPT MOD", _RENDERING_INTENT, _OPTIONAL),
                        *findings,
                    )
                ]
                if findings
                else []
            ),
        ),
        _code(
            "CONTAINS",
            _dcm("111064", "Summary of Detections"),
            _dcm("111222", "Succeeded"),
            _container(
                "INFERRED FROM",
                _dcm("111063", "Successful Detections"),
                _code(
                    *("CONTAINS", _dcm("111022", "Detection Performed"), _SELECTED_REGION),
                    *_algorithm(model.name),
                    *(_image("HAS PROPERTIES", source) for source in sources),
                ),
            ),
        ),
        _code(
            *("CONTAINS", _dcm("111065", "Summary of Analyses"), _dcm("111225", "Not Attempted")),
        ),
    ]
    frame = model_report(sources, prediction, ReportClass.COMPREHENSIVE)
    return _reframed(frame, tree)


def _reframed(frame: Dataset, tree: Sequence[Dataset]) -> Dataset:
    """The frame's patient, study, equipment and evidence around another tree."""
    document = Dataset()
    for element in frame:
        if element.keyword not in ("ContentSequence", "ConceptNameCodeSequence"):
            document[element.tag] = element
    document.file_meta = frame.file_meta
    document.SOPClassUID = document.file_meta.MediaStorageSOPClassUID = UID(SOP_CLASS)
    document.ConceptNameCodeSequence = [_item(_dcm("111036", "Mammography CAD Report"))]
    document.ContentTemplateSequence[0].TemplateIdentifier = "4000"
    document.ReferencedPerformedProcedureStepSequence = []
    document.SeriesNumber = equipment.SERIES_NUMBERS["cad", "model"]
    document.SeriesDescription = "Model attention. Research use only."
    document.ContentSequence = list(tree)
    if codes.OWN_SCHEME not in equipment.used_schemes(document):
        del document.CodingSchemeIdentificationSequence
    return document


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _content(value_type: str, relation: str, children: Iterable[Dataset]) -> Dataset:
    content = Dataset()
    content.ValueType, content.RelationshipType = value_type, relation
    kept = list(children)
    if kept:
        content.ContentSequence = kept
    return content


def _code(relation: str, name: Code, value: Code, *children: Dataset) -> Dataset:
    content = _content("CODE", relation, children)
    content.ConceptNameCodeSequence, content.ConceptCodeSequence = [_item(name)], [_item(value)]
    return content


def _container(relation: str, name: Code, *children: Dataset) -> Dataset:
    content = _content("CONTAINER", relation, children)
    content.ConceptNameCodeSequence, content.ContinuityOfContent = [_item(name)], "SEPARATE"
    return content


def _text(relation: str, name: Code, value: str) -> Dataset:
    content = _content("TEXT", relation, ())
    content.ConceptNameCodeSequence, content.TextValue = [_item(name)], value
    return content


def _number(name: Code, percent: float) -> Dataset:
    content = _content("NUM", "HAS PROPERTIES", ())
    content.ConceptNameCodeSequence = [_item(name)]
    measured = Dataset()
    measured.NumericValue = f"{percent:.1f}"
    measured.MeasurementUnitsCodeSequence = [_item(codes.PERCENT)]
    content.MeasuredValueSequence = [measured]
    return content


def _place(name: Code, graphic: str, points: Array, source: SourceImage) -> Dataset:
    content = _content("SCOORD", "HAS PROPERTIES", [_image("SELECTED FROM", source)])
    content.ConceptNameCodeSequence, content.GraphicType = [_item(name)], graphic
    content.GraphicData = [float(value) for value in np.ravel(points)]
    return content


def _image(relation: str, source: SourceImage, *children: Dataset) -> Dataset:
    content = _content("IMAGE", relation, children)
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = source.sop_class
    referenced.ReferencedSOPInstanceUID = source.view.image_uid
    content.ReferencedSOPSequence = [referenced]
    return content


def _library_image(source: SourceImage) -> Dataset:
    """TID 4020: side and view, as far as they are known; rows and columns as hung on film."""
    view = source.view
    context = []
    if view.laterality is not None:
        context.append(
            _code(
                "HAS ACQ CONTEXT",
                _dcm("111027", "Image Laterality"),
                codes.BREASTS[view.laterality],
            )
        )
    if view.view_position is not None and view.view_position in codes.VIEWS:
        context.append(
            _code("HAS ACQ CONTEXT", _dcm("111031", "Image View"), codes.VIEWS[view.view_position])
        )
    row, column = _directions(source, view)
    context += [
        _text("HAS ACQ CONTEXT", _dcm("111044", "Patient Orientation Row"), row),
        _text("HAS ACQ CONTEXT", _dcm("111043", "Patient Orientation Column"), column),
    ]
    return _image("CONTAINS", source, *context)


def _directions(source: SourceImage, view: MammogramView) -> tuple[str, str]:
    stated = source.header.get("PatientOrientation")
    if stated:
        return str(stated[0]), str(stated[1])
    is_right = view.laterality is not None and view.laterality.value == "R"
    return ("P" if is_right else "A"), "F"


def _algorithm(model_name: str) -> list[Dataset]:
    return [
        _text(
            *("HAS PROPERTIES", _dcm("111001", "Algorithm Name")),
            f"{equipment.PROGRAM} {model_name}",
        ),
        _text("HAS PROPERTIES", _dcm("111003", "Algorithm Version"), __version__),
    ]
