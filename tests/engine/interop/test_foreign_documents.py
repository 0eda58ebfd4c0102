"""Others' marks: CAD reports, TID 1500, presentation states, segmentations, key objects, PDF.

Read are objects that highdicom wrote for us, and hand-made ones in the ways of older writers; no
vendor's file could be had.
"""

import io
import random
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from engine.domain import BiradsCategory, Laterality, VoiFunction, VoiLut, VoiWindow
from engine.errors import EngineError, UnreadableFile, UnsupportedImage
from engine.interop import results
from engine.interop.foreign_documents import fitting, kind_of, read, read_all
from engine.interop.foreign_reports import category_of, shape_of
from engine.interop.marks import DocumentKind, Intent, Shape
from engine.interop.plans import ObjectKind, Observer, ReaderRecords, plan
from engine.interop.presentation_states import ShownAs
from engine.interop.regions import warm_regions
from tests.interop_studies import drawings_on, reading, said_of, study_in
from tests.phantom import write_dataset, write_mammogram

CAD = "1.2.840.10008.5.1.4.1.1.88.50"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Study, prediction, and our own objects as files: (kind, observer) -> paths."""
    folder = tmp_path_factory.mktemp("foreign")
    study = study_in(folder / "exam")
    prediction, words = said_of(study), ReaderRecords((reading(study),), drawings_on(study))
    shown = {
        view.image_uid: ShownAs(VoiWindow(900, 700, VoiFunction.SIGMOID), (10, 110, 20, 120))
        for view in study.views
    }
    planned = plan(study, tuple(ObjectKind), prediction, words)
    files: dict = {}
    for made in results.make(study, planned, prediction, words, shown=shown):
        key = made.planned.kind, made.planned.observer
        files.setdefault(key, []).append(results.write(made, folder))
    return study, prediction, files


def code(value, scheme="DCM", words="x"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, words
    return item


def content(kind, name=None, value=None, children=(), relation="CONTAINS", **more):
    item = Dataset()
    item.ValueType, item.RelationshipType = kind, relation
    if name is not None:
        item.ConceptNameCodeSequence = [name]
    if value is not None:
        item.ConceptCodeSequence = [value]
    if children:
        item.ContentSequence = list(children)
    for keyword, given in more.items():
        setattr(item, keyword, given)
    return item


def image(uid="1.2.3.4", relation="SELECTED FROM"):
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
    referenced.ReferencedSOPInstanceUID = uid
    return content("IMAGE", relation=relation, ReferencedSOPSequence=[referenced])


def document(path, sop_class, children=(), **more):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.3.99"
    dataset.StudyInstanceUID, dataset.PatientID = "1.2.3", "P-17"
    dataset.Manufacturer, dataset.SoftwareVersions = "Other Vendor", "7.2"
    dataset.ContentDate, dataset.ContentTime = "20261101", "093000"
    if children:
        dataset.ValueType = "CONTAINER"
        dataset.ContentSequence = list(children)
    for keyword, given in more.items():
        setattr(dataset, keyword, given)
    return write_dataset(path, dataset, "1.2.840.10008.1.2.1")


def only(files, kind, observer=Observer.MODEL):
    return files[kind, observer][0]


# ----------------------------------------------------------------------------------- CAD reports


def test_a_cad_reports_findings_are_read_with_place_certainty_and_intent(written):
    study, prediction, files = written
    read_back = read(only(files, ObjectKind.CAD_REPORT))
    assert read_back.kind is DocumentKind.CAD_REPORT
    assert read_back.title == "Mammography CAD Report"
    assert len(read_back.marks) == 8  # centre and outline of each view's region
    centre, outline = read_back.marks[:2]
    assert (centre.shape, outline.shape) == (Shape.POINT, Shape.OUTLINE)
    assert centre.intent is Intent.OPTIONAL
    assert centre.certainty == pytest.approx(prediction.views[0].prediction.suspicion, abs=1e-3)
    (region,) = warm_regions(prediction.views[0].explanation)
    assert np.allclose([(c, r) for r, c in outline.points], region.outline, atol=1e-3)
    assert centre.image_uid == study.views[0].image_uid
    assert read_back.is_ours


def test_items_by_reference_are_followed_and_what_is_not_to_be_shown_says_so(tmp_path):
    """As vendors write it: images in the library, findings referred to by their place."""
    library = content("CONTAINER", code("111028"), children=[image("1.2.3.4", "CONTAINS")])
    by_reference = Dataset()
    by_reference.RelationshipType = "SELECTED FROM"
    by_reference.ReferencedContentItemIdentifier = [1, 1, 1]
    point = content(
        *("SCOORD", code("111010")),
        relation="HAS PROPERTIES",
        children=[by_reference],
        GraphicType="POINT",
        GraphicData=[30.0, 40.0],
    )
    certainty = content("NUM", code("111012"), relation="HAS PROPERTIES")
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = "85", [code("%", "UCUM")]
    certainty.MeasuredValueSequence = [measured]

    def finding(intent):
        shown = content("CODE", code("111056"), code(intent), relation="HAS CONCEPT MOD")
        mass = code("F-01796", "SRT", "Mammography breast density")
        return content("CODE", code("111059"), mass, [shown, certainty, point])

    impression = content(
        *("CONTAINER", code("111034")), children=[finding("111150"), finding("111152")]
    )
    referred = Dataset()
    referred.RelationshipType = "INFERRED FROM"
    referred.ReferencedContentItemIdentifier = [1, 3, 1]
    summary = content("CODE", code("111017"), code("111242"), [referred])
    path = document(tmp_path / "cad.dcm", CAD, [library, summary, impression])
    found = read(path)
    assert {(mark.image_uid, mark.points, mark.certainty) for mark in found.marks} == {
        ("1.2.3.4", ((40.0, 30.0),), 0.85)
    }
    assert {mark.intent for mark in found.marks} == {Intent.REQUIRED, Intent.NOT}
    assert found.maker.manufacturer == "Other Vendor"
    assert (found.maker.version, found.maker.written) == ("7.2", "2026-11-01 09:30")
    assert not found.is_ours


def test_a_tree_that_refers_to_itself_comes_to_an_end(tmp_path):
    loop = Dataset()
    loop.RelationshipType, loop.ReferencedContentItemIdentifier = "CONTAINS", [1, 1]
    other = Dataset()
    other.RelationshipType, other.ReferencedContentItemIdentifier = "CONTAINS", [1, 1]
    group = content("CONTAINER", code("111034"), children=[loop, other])
    found = read(document(tmp_path / "loop.dcm", CAD, [group]))
    assert (found.marks, found.notes) == ((), ())


def test_a_tree_that_is_told_again_and_again_comes_to_an_end(tmp_path):
    """Each of the containers refers twice to the next: two to the power of their number."""
    containers = []
    for number in range(2, 40):
        references = [Dataset(), Dataset()]
        for reference in references:
            reference.RelationshipType = "CONTAINS"
            reference.ReferencedContentItemIdentifier = [1, number]
        containers.append(content("CONTAINER", code("111034"), children=references))
    found = read(document(tmp_path / "fan.dcm", CAD, containers))
    assert found.marks == ()
    assert "too deep" in found.notes[0]


def test_a_mark_without_a_place_is_said(tmp_path):
    nowhere = content("SCOORD", code("111010"), GraphicType="POINT", GraphicData=[1.0, 2.0])
    odd = content("SCOORD", children=[image()], GraphicType="POLYLINE", GraphicData=[1.0, 2.0, 3.0])
    finding = content("CODE", code("111059"), code("1"), [nowhere, odd])
    found = read(document(tmp_path / "cad.dcm", CAD, [finding]))
    assert found.marks == ()
    assert found.notes == ("A mark could not be read.",) * 2


# ------------------------------------------------------------------------------------- reports


def test_a_measurement_report_is_read_breast_by_breast(written):
    _, prediction, files = written
    found = read(only(files, ObjectKind.REPORT))
    assert found.kind is DocumentKind.REPORT
    assert not found.is_verified
    breasts = [s for s in found.statements if s.category is not None]
    assert [(s.laterality, s.category.value) for s in breasts] == [
        (breast.laterality, str(breast.prediction.category)) for breast in prediction.breasts
    ]
    assert dict(breasts[0].words)["Probability of cancer"] == "31 %"
    outlines = [mark for mark in found.marks if mark.shape is Shape.OUTLINE]
    assert len(outlines) == 4
    assert outlines[0].label == "Region of high model attention"


def test_a_readers_report_is_read_with_its_measurements(written):
    _, _, files = written
    found = read(only(files, ObjectKind.REPORT, Observer.READER))
    assert found.observers == ("Dr. Anna Beispiel",)
    assert found.statements[0].category is BiradsCategory.MODERATE_SUSPICION
    assert found.statements[0].laterality is Laterality.RIGHT
    ruler = next(mark for mark in found.marks if mark.shape is Shape.LINE)
    assert (ruler.points, ruler.label) == (((100.0, 60.0), (100.0, 90.0)), "3 mm")
    assert Shape.ELLIPSE in {mark.shape for mark in found.marks}


@pytest.mark.parametrize(
    ("value", "words", "expected"),
    [
        (("SCT", "397141009"), "", "2"),
        (("BI", "MA.II.A.5.4C"), "", "4C"),
        (("99X", "1"), "4a - Low suspicion", "4A"),
        (("99X", "1"), "BI-RADS 5", "5"),
        (("99X", "1"), "BIRADS0: more images", "0"),
        (("99X", "1"), "2B", None),
        (("99X", "1"), "42 findings", None),
        (("99X", "1"), "", None),
    ],
)
def test_a_category_is_told_by_code_or_by_its_name(value, words, expected):
    found = category_of(value, words)
    assert (found and found.value) == expected


def test_shapes_that_make_no_sense_are_none():
    assert shape_of("POINT", [1.0, 2.0]) == [(Shape.POINT, ((2.0, 1.0),))]
    assert shape_of("MULTIPOINT", [1.0, 2.0, 3.0, 4.0])[1] == (Shape.POINT, ((4.0, 3.0),))
    square = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert shape_of("POLYLINE", square)[0][0] is Shape.OUTLINE
    assert shape_of("POLYGON", square[:6])[0][1][-1] == (0.0, 0.0)
    for kind, values in (
        ("POLYLINE", [1.0, 2.0]),
        ("CIRCLE", [1.0, 2.0]),
        ("ELLIPSE", [1.0, 2.0]),
        ("POINT", []),
        ("BLOB", [1.0, 2.0]),
    ):
        assert shape_of(kind, values) == []


# ---------------------------------------------------------------------------- presentation states


def test_a_presentation_state_is_read_with_window_area_and_drawings(written):
    study, _, files = written
    found = read(only(files, ObjectKind.PRESENTATION, Observer.READER))
    (shown,) = found.shown
    assert shown.image_uids == (study.views[0].image_uid,)
    (window,) = shown.vois
    assert (window.center, window.width, window.function) == (900, 700, VoiFunction.SIGMOID)
    assert shown.area == (10, 110, 20, 120)
    assert (shown.rotation, shown.is_flipped, shown.is_inverse) == (0, False, False)
    lines = [mark for mark in found.marks if mark.shape is Shape.LINE]
    assert lines[0].points == ((100.0, 60.0), (100.0, 90.0))
    texts = [mark for mark in found.marks if mark.shape is Shape.TEXT]
    assert any("größer als zuvor" in mark.label for mark in texts)
    # the notice lies in shares of the displayed area
    assert texts[0].points[0] == pytest.approx((12, 22), abs=1e-4)


def presentation(tmp_path, **more):
    series = Dataset()
    series.SeriesInstanceUID = "1.2.3.1"
    referenced = Dataset()
    referenced.ReferencedSOPInstanceUID = "1.2.3.4"
    series.ReferencedImageSequence = [referenced]
    return read(
        document(
            tmp_path / "pr.dcm",
            "1.2.840.10008.5.1.4.1.1.11.1",
            ReferencedSeriesSequence=[series],
            **more,
        )
    )


def test_shutters_luts_and_turns_are_read(tmp_path):
    table = Dataset()
    table.LUTDescriptor = [4, 0, 8]
    table.add_new("LUTData", "OW", np.array([0, 80, 160, 255], "<u2").tobytes())
    broken = Dataset()
    broken.LUTDescriptor = [400, 0, 8]
    broken.add_new("LUTData", "OW", b"\0\0")
    voi = Dataset()
    voi.VOILUTSequence = [table, broken]
    found = presentation(
        tmp_path,
        SoftcopyVOILUTSequence=[voi],
        ImageRotation=90,
        ImageHorizontalFlip="Y",
        PresentationLUTShape="INVERSE",
        ShutterShape=["RECTANGULAR", "CIRCULAR", "BITMAP"],
        ShutterUpperHorizontalEdge="10",
        ShutterLeftVerticalEdge="20",
        ShutterLowerHorizontalEdge="110",
        ShutterRightVerticalEdge="120",
        CenterOfCircularShutter=["50", "60"],
        RadiusOfCircularShutter="30",
        ShutterPresentationValue=65535,
    )
    (shown,) = found.shown
    (lut,) = shown.vois
    assert isinstance(lut, VoiLut)
    assert list(lut.table) == [0, 80, 160, 255]
    assert (shown.rotation, shown.is_flipped, shown.is_inverse) == (90, True, True)
    assert [(s.shape, s.points) for s in shown.shutters] == [
        ("RECTANGULAR", ((10, 20), (110, 120))),
        ("CIRCULAR", ((50, 60), (80, 60))),
    ]
    assert shown.shutters[0].grey == 1
    assert found.notes == ("A VOI LUT was left out: it is too short.", "A shutter was left out.")


def turned(array, rotation, is_flipped):
    array = np.rot90(array, -rotation // 90)
    return np.fliplr(array) if is_flipped else array


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("is_contradictory", [False, True])
def test_shares_of_a_turned_display_lie_where_they_are_seen(
    tmp_path, rotation, is_flipped, is_contradictory
):
    rows, columns = 40, 30
    numbers = turned(np.arange(rows * columns).reshape(rows, columns), rotation, is_flipped)

    def place(number):
        return [int(number) % columns + 1, int(number) // columns + 1]

    area = Dataset()
    corners = [place(numbers[0, 0]), place(numbers[-1, -1])]
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = (
        corners[::-1] if is_contradictory else corners
    )
    drawing = Dataset()
    drawing.GraphicAnnotationUnits, drawing.GraphicType = "DISPLAY", "POINT"
    drawing.NumberOfGraphicPoints = 1
    seen = numbers.shape[0] // 4, numbers.shape[1] // 10  # row and column on the display
    drawing.GraphicData = [(seen[1] + 0.5) / numbers.shape[1], (seen[0] + 0.5) / numbers.shape[0]]
    annotation = Dataset()
    annotation.GraphicLayer, annotation.GraphicObjectSequence = "MARKS", [drawing]
    found = presentation(
        tmp_path,
        DisplayedAreaSelectionSequence=[area],
        GraphicAnnotationSequence=[annotation],
        ImageRotation=rotation,
        ImageHorizontalFlip="Y" if is_flipped else "N",
    )
    assert found.shown == () or found.shown[0].area == (0, rows, 0, columns)
    if is_contradictory:
        assert found.marks == ()
        assert found.notes == ("A drawing was left out.",)
        return
    (mark,) = found.marks
    column, row = place(numbers[seen])
    assert mark.points[0] == pytest.approx((row - 0.5, column - 0.5), abs=1e-4)


def test_windows_and_areas_that_make_no_sense_are_left_out(tmp_path):
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth = ["100", "200"], ["0", "50"]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1]
    found = presentation(
        tmp_path,
        SoftcopyVOILUTSequence=[voi],
        DisplayedAreaSelectionSequence=[area],
        ImageRotation=7,
    )
    (shown,) = found.shown
    assert shown.vois == (VoiWindow(200, 50),)
    assert (shown.area, shown.rotation) == (None, 0)


# --------------------------------------------------------------------------------- segmentations


def test_a_segmentation_is_read_as_outlines(written):
    study, _, files = written
    found = read(only(files, ObjectKind.SEGMENTATION))
    view = study.views[0]
    assert found.grid == (view.rows, view.columns)
    (mark,) = found.marks
    assert (mark.image_uid, mark.shape) == (view.image_uid, Shape.OUTLINE)
    assert mark.label == "Model attention, research only"
    mask = pydicom.dcmread(only(files, ObjectKind.SEGMENTATION)).pixel_array
    rows, columns = np.nonzero(mask.reshape(found.grid))
    points = np.array(mark.points)
    assert points.min(0).tolist() == [rows.min() + 0.5, columns.min() + 0.5]
    assert points.max(0).tolist() == [rows.max() + 0.5, columns.max() + 0.5]


def test_fractional_ones_and_label_maps_are_read(tmp_path, written):
    import highdicom as hd

    from engine.interop.sources import sources_of

    study = written[0]
    header = sources_of(study)[0].header
    mask = np.zeros((header.Rows, header.Columns), np.uint8)
    mask[20:40, 30:50], mask[100:120, 30:60] = 1, 2
    descriptions = [
        hd.seg.SegmentDescription(
            *(number, f"Segment {number}"),
            pydicom.sr.coding.Code("49755003", "SCT", "Morphologically Abnormal Structure"),
            pydicom.sr.coding.Code("4147007", "SCT", "Mass"),
            "MANUAL",
        )
        for number in (1, 2)
    ]
    shared = {
        "series_instance_uid": "1.2.3.5",
        "series_number": 1,
        "instance_number": 1,
        "manufacturer": "Other Vendor",
        "manufacturer_model_name": "M",
        "software_versions": "1",
        "device_serial_number": "1",
        "omit_empty_frames": False,
    }
    for kind, pixels in (
        ("LABELMAP", mask[None]),
        ("FRACTIONAL", np.stack([mask == 1, mask == 2], -1)[None].astype(np.float32)),
    ):
        segmentation = hd.seg.Segmentation(
            [header], pixels, kind, descriptions, sop_instance_uid="1.2.3.6", **shared
        )
        segmentation.save_as(tmp_path / f"{kind}.dcm")
        found = fitting(read(tmp_path / f"{kind}.dcm"), study)
        assert {mark.label for mark in found.marks} == {"Segment 1", "Segment 2"}, kind
        first = next(mark for mark in found.marks if mark.label == "Segment 1")
        assert np.array(first.points).min(0).tolist() == [20.5, 30.5]


def test_a_segmentation_of_another_size_is_not_laid_over_the_image(written):
    study, _, files = written
    found = read(only(files, ObjectKind.SEGMENTATION))
    fitted = fitting(replace(found, grid=(10, 10)), study)
    assert fitted.marks == ()
    assert "another size" in fitted.notes[0]


def test_a_segmentation_that_claims_gigabytes_is_refused_before_it_is_decoded(tmp_path, written):
    dataset = pydicom.dcmread(only(written[2], ObjectKind.SEGMENTATION))
    dataset.Rows = dataset.Columns = 60000
    dataset.save_as(tmp_path / "huge.dcm")
    with pytest.raises(UnreadableFile, match="too large"):
        read(tmp_path / "huge.dcm")


# ----------------------------------------------------------------------------- marked images, PDF


def test_marked_images_are_read(written):
    study, _, files = written
    found = read(only(files, ObjectKind.KEY_OBJECTS, Observer.READER))
    assert found.kind is DocumentKind.KEY_OBJECTS
    assert found.title == "Of Interest"
    assert found.key_images == (study.views[0].image_uid,)
    assert found.observers == ("Dr. Anna Beispiel",)


def test_a_pdf_is_handed_over_as_it_is_and_nothing_else_as_one(tmp_path):
    sop_class = "1.2.840.10008.5.1.4.1.1.104.1"
    pdf = b"%PDF-1.7\n" + bytes(100)
    path = document(
        tmp_path / "a.dcm", sop_class, EncapsulatedDocument=pdf, DocumentTitle="Befund\u202e"
    )
    found = read(path)
    assert found.pdf.startswith(b"%PDF-1.7")
    assert found.title == "Befund\ufffd"
    with pytest.raises(UnreadableFile, match="No PDF inside"):
        read(document(tmp_path / "b.dcm", sop_class, EncapsulatedDocument=b"MZ" + bytes(100)))
    with pytest.raises(UnreadableFile, match="No PDF inside"):
        read(document(tmp_path / "c.dcm", sop_class))


# --------------------------------------------------------------------------------------- the door


def test_an_image_is_no_document(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    assert kind_of(path) is None
    with pytest.raises(UnsupportedImage):
        read(path)


def test_only_what_is_about_the_studys_own_images_is_kept(written, tmp_path):
    study, _, files = written
    every = [path for paths in files.values() for path in paths]
    (tmp_path / "broken.dcm").write_bytes(every[0].read_bytes()[:3000])
    broken = tmp_path / "broken.dcm"
    found, failures = read_all([*every, broken, study.views[0].path], study)
    captures = files[ObjectKind.CAPTURE, Observer.MODEL]
    assert len(found) == len(every) - len(captures)
    assert [failure.path for failure in failures] == [broken]
    assert all(document.study_uid == study.uid for document in found)
    other = study_in(tmp_path / "other", patient_id="P-99")
    assert read_all(every, other) == ((), ())
    moved = replace(found[0], patient_id="P-99")
    assert fitting(moved, study) is None


def test_marks_outside_their_image_are_said_and_not_shown(written):
    study, _, files = written
    found = read(only(files, ObjectKind.CAD_REPORT))
    far = replace(found.marks[0], points=((1e9, -5.0),))
    foreign = replace(found.marks[0], image_uid="1.2.3")
    fitted = fitting(replace(found, marks=(far, foreign, found.marks[1])), study)
    assert fitted.marks == (found.marks[1],)
    assert fitted.notes == ("A mark outside its image is not shown.",)


def test_hostile_words_are_cut_and_made_visible(tmp_path):
    evil = "A\x1b[31m\u202e" + "x" * 5000
    group = content(
        *("CONTAINER", code("125007")),
        children=[content("TEXT", code("121106", words=evil), TextValue=evil)],
    )
    path = document(tmp_path / "a.dcm", "1.2.840.10008.5.1.4.1.1.88.33", [group])
    ((name, value),) = read(path).statements[0].words
    assert len(name) <= 100
    assert len(value) <= 1000
    for text in (name, value):
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize(
    "kind",
    [
        ObjectKind.CAD_REPORT,
        ObjectKind.REPORT,
        ObjectKind.PRESENTATION,
        ObjectKind.SEGMENTATION,
        ObjectKind.KEY_OBJECTS,
    ],
)
def test_damaged_documents_never_raise_but_an_error_in_words(written, tmp_path, kind):
    study, _, files = written
    observer = Observer.READER if kind is ObjectKind.KEY_OBJECTS else Observer.MODEL
    whole = only(files, kind, observer).read_bytes()
    chance = random.Random(kind.value)
    path = tmp_path / "damaged.dcm"
    outcomes = set()
    for round_ in range(40):
        data = bytearray(whole)
        if round_ % 3 == 0:
            del data[chance.randrange(200, len(data)) :]
        for _ in range(chance.choice((1, 4, 30))):
            place = chance.randrange(132, min(len(data), 20_000))
            data[place] = chance.randrange(256)
        path.write_bytes(data)
        try:
            found = read(path)
        except EngineError:
            outcomes.add("error")
        else:
            outcomes.add("read")
            fitting(found, study)
    assert outcomes


def test_a_file_of_endless_items_is_refused_at_once(tmp_path):
    buffer = io.BytesIO()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CAD, "1.2.3"
    dataset.ContentSequence = []
    dataset.save_as(buffer, enforce_file_format=True)
    data = buffer.getvalue()[:-12]  # without the empty sequence
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * 300_000
    head = b"\x40\x00\x30\xa7SQ\0\0" + len(items).to_bytes(4, "little")
    (tmp_path / "many.dcm").write_bytes(data + head + items)
    with pytest.raises(UnreadableFile):
        read(tmp_path / "many.dcm")
