"""Others' documents beside the images: a layer of their own, with their maker, and hidden as long
as the model's answer is.
"""

from dataclasses import replace

import pydicom
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog

from engine.domain import ReadingMode, VoiWindow
from engine.interop.marks import (
    DocumentKind,
    DocumentOrigin,
    ForeignDocument,
    ForeignMark,
    Intent,
    Shape,
    ShownSo,
    Shutter,
)
from engine.interop.plans import ObjectKind, ReaderRecords
from tests.interop_studies import drawings_on, reading, study_in
from tests.viewer.driver import canvases, enter, find, open_and_wait, phase, rows, sign, use
from tests.viewer.sites import write_documents
from tests.viewer.studies import make_view
from viewer.display.foreign_marks import captions, maker_text, marks_on, presets_of
from viewer.display.orientation import AS_HUNG, Orientation
from viewer.panes.foreign_documents import ForeignDocumentsDialog
from viewer.shared import theme
from viewer.shared.states import Phase

PATIENCE_MS = 30_000
VIEW = make_view(uid="1")
ACME = DocumentOrigin("Acme", "Seer", "2.1", "2026-11-28 12:30")


@pytest.fixture
def with_documents(tmp_path):
    """A study with its model's and a reader's documents beside its images, one of them broken."""
    study = study_in(tmp_path / "study")
    said = ReaderRecords((reading(study),), drawings_on(study))
    for path in write_documents(study, tmp_path / "study", words=said):
        dataset = pydicom.dcmread(path)
        if dataset.Modality == "PR":
            dataset.Manufacturer = "Acme"
            dataset.save_as(path)
    broken = tmp_path / "study" / "broken.dcm"
    whole = next((tmp_path / "study").glob("sr-*.dcm")).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    return tmp_path / "study"


@pytest.fixture
def opened(make_window, with_documents, qtbot):
    def open_in(mode=ReadingMode.CONCURRENT):
        window = make_window(mode=mode)
        open_and_wait(qtbot, window, with_documents)
        return window

    return open_in


def words_of(window):
    return window.session.foreign.words


def are_read(window):
    return bool(words_of(window).documents)


def foreign_pixels(canvas):
    """How many pixels have the colour of others' marks."""
    image = canvas.grab().toImage()
    colour = theme.FOREIGN.rgb()
    return sum(
        image.pixel(x, y) == colour for y in range(image.height()) for x in range(image.width())
    )


def test_images_are_turned_as_a_presentation_state_says_where_the_reader_wants_it(
    make_window, with_documents, qtbot
):
    for path in with_documents.glob("*.dcm"):
        try:
            dataset = pydicom.dcmread(path)
        except EOFError:
            continue
        if dataset.get("Modality") == "PR":
            dataset.ImageRotation, dataset.ImageHorizontalFlip = 90, "Y"
            dataset.save_as(path)
    window = make_window()
    open_and_wait(qtbot, window, with_documents)
    qtbot.waitUntil(lambda: are_read(window), timeout=PATIENCE_MS)

    def corners():
        return {c.view.label: c.image.camera.orientation for c in canvases(window)}

    as_hung = corners()
    assert set(as_hung.values()) == {AS_HUNG}  # nothing is turned unasked
    use(window, "others_documents")
    dialog = window.findChild(ForeignDocumentsDialog)
    button = find(dialog, QAbstractButton, "Turn the images so")
    items = [dialog.tree.topLevelItem(n) for n in range(dialog.tree.topLevelItemCount())]
    for item in items:
        dialog.tree.setCurrentItem(item)
        lines = [item.child(n).text(0) for n in range(item.childCount())]
        turns = [line.removeprefix("shows ") for line in lines if line.startswith("shows ")]
        assert button.isEnabled() is bool(turns)
        if not turns:
            continue
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        for canvas in canvases(window):
            if canvas.view.label in turns:
                wanted = Orientation.of_presentation(90, True)
                wanted = wanted.of_mirrored() if canvas.image.is_mirrored else wanted
                assert canvas.image.camera.orientation == wanted
                assert canvas.text.name.startswith(canvas.view.label)  # the side stays told
                assert any("flipped" in words for words in canvas.text.warnings())
    assert corners() != as_hung
    use(window, "reset")
    assert corners() == as_hung


def test_documents_are_told_apart_from_images_and_their_marks_show_with_their_maker(opened, qtbot):
    window = opened()
    assert len(canvases(window)) == 4  # no segmentation and no capture among the views
    qtbot.waitUntil(lambda: are_read(window), timeout=PATIENCE_MS)
    assert len(rows(window)) == 1  # none of them is an image that cannot be read
    assert window.banner.message.title == "A document cannot be read"
    canvas = canvases(window)[0]
    assert any("birads-viewer project" in caption for caption in canvas.text.foreign)
    qtbot.waitUntil(lambda: foreign_pixels(canvas) > 20, timeout=PATIENCE_MS)
    use(window, "others_marks")
    assert foreign_pixels(canvas) == 0
    assert canvas.text.foreign == ()


def test_a_presentation_states_window_is_one_more_preset(opened, qtbot):
    window = opened()
    qtbot.waitUntil(lambda: are_read(window), timeout=PATIENCE_MS)
    canvas = canvases(window)[0]
    names = []
    for _ in range(8):
        use(window, "next_preset")
        names.append(str(canvas.image.greys.voi.name))
    assert any("·" in name or "Anna" in name for name in names), names


@pytest.mark.parametrize("mode", [ReadingMode.SECOND_READ, ReadingMode.BLIND_AUDIT])
def test_nothing_of_them_shows_while_the_answer_is_hidden(opened, qtbot, mode):
    window = opened(mode)
    qtbot.wait(500)
    assert words_of(window).hidden > 5
    assert not words_of(window).documents
    use(window, "others_documents")
    dialog = window.findChild(ForeignDocumentsDialog)
    assert "told once you have read" in dialog.explanation.text()
    assert dialog.tree.topLevelItemCount() == 0
    canvas = canvases(window)[0]
    assert foreign_pixels(canvas) == 0
    assert (
        len({str(canvas.image.greys.voi) for _ in range(6) if not use(window, "next_preset")}) <= 2
    )
    sign(qtbot, window)
    enter(qtbot, window, R="2", L="1")
    if mode is ReadingMode.BLIND_AUDIT:
        assert words_of(window).hidden
        return
    qtbot.waitUntil(lambda: phase(window) is Phase.AFTER, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: are_read(window), timeout=PATIENCE_MS)
    assert dialog.tree.topLevelItemCount() > 5
    window.session.set_mode(ReadingMode.BLIND_AUDIT)  # a stricter mode hides them at once
    assert words_of(window).hidden
    assert dialog.tree.topLevelItemCount() == 0
    assert foreign_pixels(canvas) == 0


def test_what_they_say_stands_in_words_with_what_cannot_be_read(opened, qtbot):
    window = opened()
    qtbot.waitUntil(lambda: are_read(window), timeout=PATIENCE_MS)
    use(window, "others_documents")
    dialog = window.findChild(ForeignDocumentsDialog)
    texts = []

    def collect(item):
        texts.append(f"{item.text(0)} | {item.text(1)}")
        for number in range(item.childCount()):
            collect(item.child(number))

    for number in range(dialog.tree.topLevelItemCount()):
        collect(dialog.tree.topLevelItem(number))
    told = "\n".join(texts)
    for words in (
        "CAD report",
        "segmentation",
        "right breast | BI-RADS",
        "marks on R CC",
        "Acme",
        "broken.dcm",
    ):
        assert words in told, words
    assert not find(dialog, QAbstractButton, "Save the PDF").isEnabled()


def test_an_earlier_study_brings_no_documents_to_the_open_one(make_window, tmp_path, qtbot):
    new = study_in(tmp_path / "all" / "new", study_uid="1.2.826.0.1.9", study_date="20240302")
    old = study_in(tmp_path / "all" / "old", study_uid="1.2.826.0.1.8", study_date="20220302")
    write_documents(old, tmp_path / "all" / "old", kinds=(ObjectKind.REPORT,))
    window = make_window()
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=PATIENCE_MS):
        window.open([tmp_path / "all"])
    qtbot.waitUntil(lambda: len(canvases(window)) == 8, timeout=PATIENCE_MS)
    assert window.session.current_study.uid == new.uid
    assert words_of(window).documents == ()
    assert words_of(window).hidden == 0


# ----------------------------------------------------------------------- without a window


def document(*marks, shown=(), **changes):
    settings = {"kind": DocumentKind.CAD_REPORT, "title": "CAD", "maker": ACME, **changes}
    return ForeignDocument(
        settings.pop("kind"),
        settings.pop("title"),
        settings.pop("maker"),
        *("1.2.3", "A-17", "1.2.9"),
        marks=marks,
        shown=shown,
        **settings,
    )


def test_a_mark_that_its_maker_wants_not_shown_is_not():
    shown = ForeignMark("1", Shape.POINT, ((1.0, 2.0),), "mass")
    hidden = ForeignMark("1", Shape.POINT, ((3.0, 4.0),), "seen and rejected", intent=Intent.NOT)
    earlier = replace(ACME, written="2026-11-28 12:29")
    both = [document(shown, hidden), document(shown, kind=DocumentKind.REPORT, maker=earlier)]
    of_image, other = marks_on(VIEW, both)
    assert of_image.marks == other.marks == (shown,)
    assert captions([of_image, other]) == ("Acme Seer 2.1, 2026-11-28 12:30: CAD report, report",)
    assert marks_on(make_view(uid="2"), both) == ()


def test_shutter_and_area_of_a_presentation_state_are_outlined():
    shutter = Shutter("RECTANGULAR", ((0.0, 0.0), (9.0, 9.0)))
    state = ShownSo(("1",), area=(0, 5, 0, 5), shutters=(shutter,))
    (of_image,) = marks_on(VIEW, [document(shown=(state,), kind=DocumentKind.PRESENTATION)])
    assert of_image.shutters == (shutter,)
    assert of_image.area == (0, 5, 0, 5)
    whole = ShownSo(("1",), area=(0, VIEW.rows, 0, VIEW.columns))
    assert marks_on(VIEW, [document(shown=(whole,))]) == ()  # it says nothing about the image


def test_a_preset_is_named_with_who_wrote_it():
    state = ShownSo(("1",), (VoiWindow(10, 20, name="BONE"),))
    (voi,) = presets_of("1", [document(shown=(state,), observers=("Dr. Y",))])
    assert (voi.center, voi.width, voi.name) == (10, 20, "BONE · Dr. Y")


def test_a_maker_without_a_name_is_said_to_have_none():
    assert maker_text(DocumentOrigin("", "", "", "")) == "maker not named"


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_is_painted(qtbot, shape, themed):
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QImage, QPainter

    from viewer.display.foreign_marks import ImageMarks
    from viewer.display.placement import Placement
    from viewer.viewports import foreign_painting

    points = ((20.0, 20.0), (60.0, 60.0), (20.0, 60.0), (60.0, 20.0))
    mark = ForeignMark("1", shape, points, "mass", 0.83)
    image = QImage(100, 100, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    marks = (ImageMarks((mark,), (), None, DocumentKind.REPORT, ACME),)
    area = QRectF(0, 0, 100, 100)
    foreign_painting.paint(painter, marks, Placement(100, 100, 0, 0, 100, 100), 1.0, area, area)
    painter.end()
    coloured = sum(image.pixelColor(x, y).saturation() > 60 for y in range(100) for x in range(100))
    assert coloured > 5


def test_a_pdf_is_saved_where_the_reader_says_and_never_among_the_images(
    opened, qtbot, tmp_path, monkeypatch, with_documents
):
    window = opened()
    use(window, "others_documents")
    dialog = window.findChild(ForeignDocumentsDialog)
    pdf = document(kind=DocumentKind.PDF, pdf=b"%PDF-1.4 words")
    from viewer.session.foreign import ForeignWords

    study = window.session.current_study
    dialog.show_words(ForeignWords(study.uid, (pdf,)), study)
    dialog.tree.setCurrentItem(dialog.tree.topLevelItem(0))
    target = tmp_path / "out.pdf"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    find(dialog, QAbstractButton, "Save the PDF").click()
    assert target.read_bytes() == b"%PDF-1.4 words"
    inside = with_documents / "out.pdf"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(inside), ""))
    find(dialog, QAbstractButton, "Save the PDF").click()
    assert not inside.exists()
