"""What goes out to people: pictures, a page of paper, a copy without the patient. Each says what it
is for, is whole or not there, and never lies among the images.
"""

import multiprocessing
import socket
import time
from contextlib import suppress
from ctypes.util import find_library
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from PySide6.QtCore import QRectF, QSaveFile
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtPrintSupport import QPrintDialog
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit

from engine.dicom.loading import load
from engine.domain import NOTICE, Laterality, ReadingMode
from tests.phantom import write_mammogram
from tests.viewer.driver import (
    are_images_shown,
    choose,
    find,
    is_predicted,
    open_and_wait,
    press,
    sign,
    use,
)
from tests.viewer.fake_engine import FakeEngine
from viewer.display.shown_image import ImageState
from viewer.output import pictures, printers, summary
from viewer.output.output import CopyDialog, PictureDialog, SummaryDialog
from viewer.viewports.corner_text import OverlayOptions
from viewer.viewports.picture import picture

RIGHT = Laterality.RIGHT


@pytest.fixture
def reading(make_window, write_studies, qtbot):
    """A window with a study whose answer and images are there, the heat-map over them."""
    window = make_window()
    open_and_wait(qtbot, window, write_studies(2))
    window.session.inference.start()
    qtbot.waitUntil(lambda: is_predicted(window) and are_images_shown(window), timeout=20_000)
    window.prediction.set_overlay(True, 0.8)
    return window


def open_until(qtbot, window, folder, *states):
    """Until the views of the first study are in these states, one or several."""
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        window.open([folder])

    def seen():
        return {canvas.state for canvas in window.viewports.canvases}

    qtbot.waitUntil(lambda: seen() == set(states), timeout=20_000)


def spoil(path):
    """A code stream that no longer begins as one."""
    path.write_bytes(path.read_bytes().replace(b"\xff\x4f\xff\x51", bytes(4)))


def asking():
    """Processes that ask the print server."""
    return [p for p in multiprocessing.active_children() if p.name == "asking printers"]


def dialog_of(window, kind):
    (dialog,) = window.output.dialogs
    assert isinstance(dialog, kind)
    assert dialog.isVisible()
    assert QApplication.activeModalWidget() is None
    return dialog


def tick(dialog, name, is_on):
    dialog.options.boxes[name].setChecked(is_on)


def page_of(made):
    image = QImage(910, 1365, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    summary.paint_page(painter, QRectF(image.rect()), made)
    painter.end()
    return image


# --------------------------------------------------------------------------------------- pictures


def test_a_picture_is_what_the_screen_shows_with_the_notice_below(reading, tmp_path):
    canvas = reading.viewports.current
    canvas.set_selected(False)
    path = tmp_path / "out" / pictures.file_name(canvas)
    path.parent.mkdir()
    assert path.name == "R_CC.png"
    on_screen = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    reading.output.save_picture(canvas, OverlayOptions(), path)
    image = QImage(str(path))
    size = on_screen.rect()
    assert image.copy(size) == on_screen
    assert image.height() > on_screen.height() + 30  # the notice, and what the colours mean
    assert image.text("Disclaimer") == NOTICE
    strip = image.copy(0, size.height(), size.width(), image.height() - size.height())
    assert len({strip.pixel(x, y) for x in range(strip.width()) for y in range(strip.height())}) > 9
    assert reading.banner.message.title == "Saved"


@pytest.mark.parametrize("part", ["heat", "text", "identity"])
def test_each_part_of_a_picture_can_be_left_out(reading, part):
    canvas = reading.viewports.current
    everything = picture(canvas, OverlayOptions())
    without = picture(canvas, replace(OverlayOptions(), **{part: False}))
    assert everything != without
    bare = picture(canvas, OverlayOptions(heat=False, text=False, identity=False))
    label = picture(canvas, OverlayOptions(heat=False, text=False, identity=False, label=False))
    assert bare != label  # the side is on it


def test_no_word_of_the_patient_is_on_a_picture_unless_it_is_asked_for(
    make_window, write_studies, qtbot
):
    made = []
    for name in ("Doe^Jane", "Roe^Mary"):
        window = make_window()
        options = {"patient_name": name, "patient_id": name[:3], "study_date": f"2024{name[:2]}"}
        options["study_date"] = "20240101" if name < "E" else "20230202"
        open_and_wait(qtbot, window, write_studies(1, name=name[:3], **options))
        qtbot.waitUntil(lambda window=window: are_images_shown(window), timeout=20_000)
        window.output.show_picture()
        dialog = dialog_of(window, PictureDialog)
        made.append((dialog.shown, pictures.picture_of(dialog.canvas, dialog.shown)))
        tick(dialog, "identity", True)
        made.append((dialog.shown, pictures.picture_of(dialog.canvas, dialog.shown)))
    assert made[0] == made[2]
    assert made[1] != made[3]


def test_the_clipboard_gets_the_picture_without_the_name(reading, qtbot):
    canvas = reading.viewports.current
    expected = pictures.picture_of(canvas, OverlayOptions(identity=False))
    use(reading, "copy_picture")
    copied = QGuiApplication.clipboard().image()
    assert copied.convertToFormat(QImage.Format.Format_RGB32) == expected
    assert QGuiApplication.clipboard().text() == ""
    assert "without the patient's name" in reading.banner.message.advice


def test_what_is_not_there_cannot_be_ticked(reading, qtbot):
    reading.prediction.set_overlay(False, 0.8)
    reading.output.show_picture()
    dialog = dialog_of(reading, PictureDialog)
    assert not dialog.options.boxes["heat"].isEnabled()
    assert dialog.options.boxes["identity"].isEnabled()


def test_the_preview_follows_the_view(reading, qtbot):
    reading.output.show_picture()
    dialog = dialog_of(reading, PictureDialog)
    before = dialog.preview.pixmap().toImage()
    dialog.canvas.image.greys.adjust(0.5, 0.3)
    qtbot.waitUntil(lambda: dialog.preview.pixmap().toImage() != before)


def test_a_mirrored_view_says_so_on_every_picture_and_page(
    make_window, tmp_path, qtbot, monkeypatch
):
    folder = tmp_path / "in"
    values = pydicom.dcmread(write_mammogram(tmp_path / "x.dcm")).pixel_array[:, ::-1]
    write_mammogram(folder / "RCC.dcm", values=values)
    window = make_window()
    open_until(qtbot, window, folder, ImageState.SHOWN)
    canvas = window.viewports.current
    assert canvas.image.is_mirrored
    bare = OverlayOptions(text=False, identity=False)
    told = picture(canvas, bare)
    monkeypatch.setattr(canvas.text, "top_lines", lambda *_: [])
    assert picture(canvas, bare) != told
    monkeypatch.undo()
    made = window.output.summarise(False, True)
    assert "⇄ mirrored for display" in made.views[0].warnings
    assert made.views[0].label == "R CC"


def test_nothing_is_given_out_while_there_is_nothing(make_window):
    window = make_window()
    for command in window.output.commands():
        use(window, command.id)
        assert window.banner.message.title.startswith("No ")
        assert window.output.dialogs == []


# ----------------------------------------------------------------------------------------- summary


def test_the_summary_holds_images_both_answers_and_the_notice_on_one_page(
    reading, tmp_path, qtbot, readings_path
):
    sign(qtbot, reading, "Dr. X")
    choose(qtbot, reading, RIGHT, "4A")
    form = reading.assessment.forms[RIGHT]
    if form.reason_box.isEnabled():
        form.reason_box.setCurrentIndex(1)
    form.note_box.setPlainText("mass at 10 o'clock")
    reading.assessment.save()
    made = reading.output.summarise(True, True)
    assert made.identity.startswith("Doe Jane1 · A-1 · 2020-01-31")
    assert [view.label for view in made.views] == ["R CC", "L CC", "R MLO", "L MLO"]
    assert all(view.image is not None and view.heat is not None for view in made.views)
    assert all(view.image != view.heat for view in made.views)
    model = {line.about: line.text for line in made.model}
    prediction = reading.session.prediction(reading.session.current_study.uid)
    right = next(b.prediction for b in prediction.breasts if b.laterality is RIGHT)
    grade = right.category
    assert model["Right breast"].startswith(
        f"category {grade} (pattern like training grade {grade}"
    )
    assert "BI-RADS" not in model["Right breast"]  # an assessment is a reader's
    assert f"CC {grade} (P(4 or 5) {100 * right.suspicion:.0f} %)" in model["Right breast"]
    assert "not the worst" in model[""]
    assert "confidence 60 %" in model["Right breast"]
    assert "3fa9c2d1" in model["Model"]
    (line,) = made.reader
    assert line.text.startswith("BI-RADS 4A suspicious · ")
    assert "Dr. X" in line.text
    assert "mass at 10 o'clock" in line.text
    assert "agrees with" in line.text
    path = tmp_path / "summary"
    reading.output.save_summary(path, True, True)
    data = path.with_suffix(".pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    assert b"Doe" not in data  # neither title nor metadata


def test_without_identifiers_nothing_personal_is_on_the_page(reading, qtbot):
    sign(qtbot, reading, "Dr. Secret")
    choose(qtbot, reading, RIGHT, "0")
    reading.assessment.forms[RIGHT].note_box.setPlainText("Jane says it hurts")
    reading.assessment.save()
    told = " ".join(reading.output.summarise(False, True).words())
    assert told.startswith("Patient not named")
    for word in ("Doe", "Jane", "A-1", "2020", "Secret", "hurts"):
        assert word not in told
    assert "BI-RADS 0 incomplete" in told


def test_long_words_stay_on_the_page_and_off_the_footer(reading, qtbot):
    made = reading.output.summarise(True, True)
    long = replace(made, reader=tuple(summary.Line("Left breast", "word " * 300) for _ in "12345"))
    page = page_of(long)
    foot = page.copy(0, 1365 - 45, 910, 14)  # between the text and the footer
    assert foot == page_of(made).copy(0, 1365 - 45, 910, 14)
    assert page != page_of(made)


def test_a_view_that_cannot_be_shown_leaves_its_place_with_its_label(
    make_window, write_studies, qtbot
):
    folder = write_studies(1, transfer_syntax="jpeg2000-lossless")
    spoil(folder / "01" / "LCC.dcm")
    window = make_window()
    open_until(qtbot, window, folder, ImageState.SHOWN, ImageState.FAILED)
    made = window.output.summarise(True, True)
    assert [view.image is None for view in made.views] == [False, True, False, False]
    assert page_of(made) != page_of(replace(made, views=made.views[:1]))


def test_the_preview_blocks_nothing_and_makes_no_difference_to_the_screen(reading, qtbot):
    before = [canvas.grab().toImage() for canvas in reading.viewports.canvases]
    geometries = [canvas.geometry() for canvas in reading.viewports.canvases]
    reading.output.show_summary()
    dialog = dialog_of(reading, SummaryDialog)
    whole = dialog.preview.grab().toImage()
    tick(dialog, "identity", False)
    assert dialog.preview.page.identity == "Patient not named"
    tick(dialog, "heat", False)
    assert not dialog.preview.page.has_heat
    assert dialog.preview.grab().toImage() != whole
    assert [canvas.geometry() for canvas in reading.viewports.canvases] == geometries
    assert [canvas.grab().toImage() for canvas in reading.viewports.canvases] == before


def test_print_asks_for_a_printer_and_puts_one_page_on_the_paper(reading, tmp_path, qtbot):
    reading.output.show_summary()
    dialog = dialog_of(reading, SummaryDialog)
    press(qtbot, dialog, "Print")
    qtbot.waitUntil(lambda: dialog.findChild(QPrintDialog) is not None, timeout=60_000)
    chosen = dialog.findChild(QPrintDialog)
    assert chosen.isVisible()
    chosen.findChild(QLineEdit, "filename").setText(str(tmp_path / "printed.pdf"))
    press(qtbot, chosen, "Print")
    assert (tmp_path / "printed.pdf").read_bytes().count(b"/Type /Page\n") == 1


@pytest.fixture
def silent_print_server(monkeypatch):
    """Takes every connection and says nothing; gives the connections that were made."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        monkeypatch.setenv("CUPS_SERVER", f"127.0.0.1:{server.getsockname()[1]}")

        def accept():
            with suppress(TimeoutError):
                connections.append(server.accept()[0])
            return connections

        yield accept
    for connection in connections:
        connection.close()


def test_a_summary_that_is_merely_shown_asks_no_print_server(
    reading, silent_print_server, tmp_path
):
    reading.output.show_summary()
    dialog_of(reading, SummaryDialog).preview.grab()
    reading.output.save_summary(tmp_path / "summary", True, True)
    assert silent_print_server() == []


def test_a_print_server_that_says_nothing_does_not_hold_up_the_window(
    reading, silent_print_server, monkeypatch, qtbot
):
    monkeypatch.setattr(printers, "PATIENCE_MS", 1500)
    reading.output.show_summary()
    dialog = dialog_of(reading, SummaryDialog)
    before = time.monotonic()
    button = press(qtbot, dialog, "Print")
    assert time.monotonic() - before < 1
    assert not button.isEnabled()
    assert asking()
    qtbot.waitUntil(button.isEnabled, timeout=30_000)
    if find_library("cups"):  # else nobody asked, and there is no printer
        assert find(dialog, QLabel, "The printers do not answer.").isVisible()
    assert not asking()
    press(qtbot, dialog, "Print")
    reading.output.close_all()
    assert not asking()


# ------------------------------------------------------------------------ what closes and refuses


@pytest.mark.parametrize("opened", ["show_picture", "show_summary", "show_copying"])
@pytest.mark.parametrize(
    "change",
    [
        lambda window: window.worklist.step(1),
        lambda window: window.choose_mode(ReadingMode.BLIND_AUDIT),
        lambda window: window.session.set_reader("Dr. Y"),
    ],
    ids=["another study", "another mode", "another reader"],
)
def test_no_window_outlives_what_it_shows(reading, opened, change):
    getattr(reading.output, opened)()
    (dialog,) = reading.output.dialogs
    change(reading)
    assert not dialog.isVisible()
    assert reading.output.dialogs == []


@pytest.mark.parametrize("name", ["picture.png", "deeper/picture.png"])
def test_nothing_is_saved_among_the_images(reading, name):
    study = reading.session.current_study
    path = study.views[0].path.parent / name
    path.parent.mkdir(exist_ok=True)
    before = sorted(path.parent.iterdir())
    reading.output.save_picture(reading.viewports.current, OverlayOptions(), path)
    assert "lie in the study" in reading.banner.message.title
    reading.output.save_summary(path, True, True)
    reading.output.copy_study(study, path.parent, False)
    assert sorted(path.parent.iterdir()) == before


def test_a_link_to_an_image_does_not_lead_a_picture_into_the_study(reading, tmp_path):
    image = reading.session.current_study.views[0].path
    before = image.read_bytes()
    link = tmp_path / "elsewhere.png"
    link.symlink_to(image)
    reading.output.save_picture(reading.viewports.current, OverlayOptions(), link)
    assert "lie in the study" in reading.banner.message.title
    assert image.read_bytes() == before


def test_a_full_disk_is_told_and_the_earlier_file_stays(reading, tmp_path, monkeypatch):
    path = tmp_path / "R_CC.png"
    path.write_bytes(b"earlier")
    monkeypatch.setattr(QSaveFile, "commit", lambda self: False)
    reading.output.save_picture(reading.viewports.current, OverlayOptions(), path)
    assert reading.banner.message.title == "The file was not saved"
    assert path.read_bytes() == b"earlier"
    monkeypatch.undo()
    reading.output.save_picture(reading.viewports.current, OverlayOptions(), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.glob("R_CC*")] == ["R_CC.png"]


def test_a_folder_that_is_gone_is_told(reading, tmp_path):
    reading.output.save_summary(tmp_path / "gone" / "x.pdf", True, True)
    assert reading.banner.message.title == "The file was not saved"


def test_the_dialogs_save_what_they_show(reading, tmp_path, monkeypatch, qtbot):
    asked = []

    def answer(_parent, _title, start, _kinds):
        asked.append(Path(start).name)
        return str(tmp_path / f"{len(asked)}"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    reading.output.show_picture()
    dialog = dialog_of(reading, PictureDialog)
    tick(dialog, "heat", False)
    expected = pictures.picture_of(dialog.canvas, dialog.shown)
    press(qtbot, dialog, "Save")
    assert QImage(str(tmp_path / "1.png")).convertToFormat(expected.format()) == expected
    reading.output.show_summary()
    press(qtbot, dialog_of(reading, SummaryDialog), "Save")
    assert (tmp_path / "2.pdf").is_file()
    assert asked == ["R_CC.png", "study_summary.pdf"]


# ------------------------------------------------------------------------------------------ copies


def test_a_study_is_copied_anonymised_in_the_background(reading, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "copies"))
    reading.output.show_copying()
    dialog = dialog_of(reading, CopyDialog)
    tick(dialog, "blank", True)
    press(qtbot, dialog, "Choose a folder")
    qtbot.waitUntil(lambda: reading.banner.message is not None, timeout=20_000)
    assert reading.banner.message.title == "4 images copied, anonymised"
    (study,) = load([tmp_path / "copies"]).studies
    assert study.patient_id.startswith("ANON-")
    assert [view.label for view in study.views] == ["R CC", "L CC", "R MLO", "L MLO"]


def test_a_damaged_image_is_named_in_words_and_the_others_are_copied(
    make_window, write_studies, tmp_path, qtbot
):
    folder = write_studies(1, transfer_syntax="jpeg2000-lossless")
    spoil(folder / "01" / "LCC.dcm")
    window = make_window()
    open_until(qtbot, window, folder, ImageState.SHOWN, ImageState.FAILED)
    window.output.copy_study(window.session.current_study, tmp_path / "copies", False)
    qtbot.waitUntil(lambda: window.banner.message is not None, timeout=20_000)
    assert window.banner.message.title == "3 images copied, anonymised"
    assert "One image was not copied: The image data are corrupt" in window.banner.message.advice


def test_closing_the_program_ends_a_copy_between_two_images(
    make_window, write_studies, tmp_path, qtbot, monkeypatch
):
    window = make_window(engine=FakeEngine())
    open_and_wait(qtbot, window, write_studies(1))
    window.output.copy_study(window.session.current_study, tmp_path / "copies", False)
    assert window.close()
    left = [path for path in (tmp_path / "copies").rglob("*") if path.is_file()]
    assert all(path.suffix == ".dcm" and load([path]).failures == () for path in left)
