"""A reading room in Salamanca: the whole window speaks Spanish, and what it keeps is the same as
everywhere.
"""

import csv
import pickle
import re
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialogButtonBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QToolButton,
    QWidget,
)

from engine.dicom.limits import check_size
from engine.dicom.scope_rules import no_mammogram, no_standard_view
from engine.domain import NOTICE, Laterality, ReadingMode, not_judged
from engine.errors import StorageFailed, UnreadableFile, UnsupportedImage
from engine.messages import as_message, listed, message
from engine.records.training_manifest import NOT_FOUND, OLDER, UNREADABLE, Written
from tests.viewer.driver import choose, is_predicted, open_and_wait, rows
from tests.viewer.fake_engine import FakeEngine, prediction_of
from viewer.display import measuring
from viewer.display.assessment_form import CHANGE_REASONS, REASONS
from viewer.display.listed_reading import ReadingFilter as Listed
from viewer.display.measuring import PixelSize
from viewer.output import pictures
from viewer.output.output import CopyDialog, PictureDialog, SummaryDialog
from viewer.panes.header_browser import HeaderBrowser
from viewer.panes.help import About
from viewer.panes.settings_dialog import SettingsDialog
from viewer.panes.shortcuts_dialog import ShortcutsDialog
from viewer.panes.steps_dialog import StepsDialog
from viewer.shared import languages
from viewer.shared.messages import localised, localised_error, localised_unless_foreign
from viewer.viewports.corner_text import OverlayOptions
from viewer.viewports.screen_calibration import ScreenCalibration
from viewer.window.settings import Settings

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
NOTICE_ES = "Solo para investigación. No apto para el diagnóstico."


@pytest.fixture
def english_texts():
    """Those that look different in Spanish, as their widgets would show them."""
    tree = ElementTree.parse(languages.FOLDER / "birads_es.ts")
    texts = set()
    for entry in tree.iter("message"):
        source = entry.findtext("source")
        if entry.findtext("translation") != source:
            texts.add(source)
    return texts


def texts_of(widget: QWidget) -> set[str]:
    """All that a widget and what it holds show or tell a screen reader."""
    texts = set()
    for child in [widget, *widget.findChildren(QWidget)]:
        texts |= {child.windowTitle(), child.toolTip(), child.accessibleName()}
        texts |= {child.accessibleDescription()}
        if isinstance(child, QLabel | QAbstractButton):
            texts.add(child.text())
        if isinstance(child, QLineEdit | QPlainTextEdit):
            texts.add(child.placeholderText())
        if isinstance(child, QComboBox):
            texts |= {child.itemText(number) for number in range(child.count())}
        if isinstance(child, QMenu):
            texts.add(child.title())
    for action in widget.findChildren(QAction):
        texts |= {action.text(), action.iconText(), action.toolTip()}
    return {text for text in texts if text}


def open_answered(window, folder, qtbot):
    open_and_wait(qtbot, window, folder)
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)


def test_no_english_is_left_in_the_whole_window(
    spanish, make_window, write_studies, english_texts, qtbot
):
    window = make_window()
    window.models.compare(True)
    window.prediction.set_overlay(True, 0.5)
    open_answered(window, write_studies(2), qtbot)
    choose(qtbot, window, RIGHT, "4A")
    shown = texts_of(window)
    assert NOTICE_ES in shown
    assert {"&Archivo", "Lista de trabajo", "Coincido", "Mapa de calor"} <= shown
    left_over = shown & english_texts
    assert not left_over
    words = " ".join(shown)
    for english in ("breast", "reading", "image", "study", "category", "model ", " the ", "hidden"):
        assert not re.search(rf"\b{english}\b", words), english


@pytest.mark.parametrize("mode", list(ReadingMode))
def test_every_reading_mode_speaks_spanish(
    spanish, make_window, write_studies, english_texts, qtbot, mode
):
    window = make_window(mode=mode)
    window.ask_for_mode()
    open_and_wait(qtbot, window, write_studies(1))
    assert not texts_of(window) & english_texts


def test_the_other_windows_speak_spanish_too(
    spanish, make_window, write_studies, english_texts, qtbot
):
    window = make_window()
    open_answered(window, write_studies(1), qtbot)
    study, canvas = window.session.current_study, window.viewports.current
    window.readings.show_page()
    dialogs = [
        window.disagreements,
        SettingsDialog(window.settings.mouse, window.settings.toolbar_words, 1.0, window),
        ShortcutsDialog(window.keymap, window.settings.mouse, window),
        StepsDialog(window.viewports.protocol, window),
        About(window),
        ScreenCalibration(None, window),
        HeaderBrowser("1.2.3", "R CC", window),
        PictureDialog(canvas, window.output, window),
        SummaryDialog(window.output, window),
        CopyDialog(study, window.output, window),
    ]
    for dialog in dialogs:
        dialog.show()
        assert not texts_of(dialog) & english_texts, type(dialog).__name__
        dialog.close()


def test_qts_own_words_are_spanish(spanish, qtbot):
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    qtbot.addWidget(box)
    assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "Cancelar"


# ------------------------------------------------------------------------------------------- room


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_spanish_words_have_room(themed, spanish, make_window, write_studies, qtbot, size):
    window = make_window()
    window.resize(*size)
    window.models.compare(True)
    window.prediction.set_overlay(True, 0.5)
    open_answered(window, write_studies(1), qtbot)
    choose(qtbot, window, RIGHT, "2")
    qtbot.wait(50)
    for label in window.findChildren(QLabel):
        if label.isVisible() and label.text():
            if label.wordWrap():
                needed = label.heightForWidth(label.width())
                assert label.height() >= needed, label.text()
            elif "\n" not in label.text():
                assert label.width() >= label.sizeHint().width() - 1, label.text()
    for button in window.findChildren(QAbstractButton):
        is_picture = isinstance(button, QToolButton) and not button.icon().isNull()
        if button.isVisible() and len(button.text()) > 2 and not is_picture:
            needed = button.fontMetrics().horizontalAdvance(button.text().replace("&", ""))
            assert button.width() >= needed + 4, button.text()
    assert not window.menus.tools.more.isVisible()


def test_the_panes_are_no_taller_than_in_english(themed, qapp, make_window, write_studies, qtbot):
    """All of a second read stands on a screen of 768 lines."""
    heights = []
    folder = write_studies(1)
    for language in ("en", "es"):
        languages.install(qapp, language)
        try:
            window = make_window(engine=FakeEngine())
            window.models.compare(True)
            open_answered(window, folder, qtbot)
            heights.append((window.prediction.height(), window.assessment.height()))
            assert window.close()
        finally:
            languages.remove(qapp)
    assert heights[0] == heights[1]


def test_every_state_of_a_form_fits_beside_its_breast(spanish, make_window, write_studies, qtbot):
    window = make_window()
    open_answered(window, write_studies(1), qtbot)
    form = window.assessment.forms[LEFT]
    form.setFocus()
    states = ("unsaved", "keep or change", "save again?", "choose a category", "why changed?")
    times = (("saved {time}", "2026-11-22"), ("kept {time}", "12:34"))
    told = [languages.tr(state) for state in (*states, "confirm below", "NOT SAVED")]
    told += [languages.tr(words).format(time=time) for words, time in times]
    for words in told:
        form.show_error(words)
        qtbot.wait(5)
        assert form.state_label.width() >= form.state_label.sizeHint().width(), words


@pytest.mark.parametrize("category", range(1, 6))
def test_the_spanish_categories_fit_into_the_lines_that_are_kept_for_them(
    themed, spanish, make_window, write_studies, qtbot, category
):
    """Else the reader's form would move when the answer comes."""
    window = make_window()
    open_answered(window, write_studies(1), qtbot)
    for column in window.prediction.columns.values():
        views = [("CC", prediction_of("hybrid", 1)), ("MLO", prediction_of("hybrid", 5))]
        column.reserve_prior(True)
        column.show_judgement(prediction_of("both", category), views, 6.0)
        qtbot.wait(10)
        for label in (column.headline, column.confidence, column.suspicion, column.origin):
            assert label.heightForWidth(label.width()) <= label.minimumHeight(), label.text()


def test_no_two_entries_of_a_menu_share_a_key(spanish, make_window):
    window = make_window()
    menus = [action.menu() for action in window.menuBar().actions()]
    for entries in (window.menuBar().actions(), *(menu.actions() for menu in menus)):
        keys = re.findall(r"&(\w)", " ".join(entry.text() for entry in entries).lower())
        assert len(keys) == len(set(keys)), [entry.text() for entry in entries]


# --------------------------------------------------------------------------- what does not change


def test_what_is_kept_and_exported_is_the_same_in_every_language(
    spanish, make_window, write_studies, tmp_path, qtbot
):
    window = make_window()
    open_answered(window, write_studies(1), qtbot)
    window.assessment.reader.setText("Dra. Ruiz")
    form = window.assessment.forms[RIGHT]
    said = form.entry.prediction.category
    choose(qtbot, window, RIGHT, "1" if said != 1 else "2")
    form.reason_box.setCurrentIndex(1)
    assert form.reason_box.currentText() == "Lesión no detectada"
    window.assessment.save()
    assert "lesión no detectada" in window.assessment.history.text()

    reading = window.session.all_readings()[0].reading
    assert reading.reason == REASONS[0] == "lesion missed"
    window.readings.export(tmp_path / "readings.csv")
    with open(tmp_path / "readings.csv", encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    assert row["reason"] == "lesion missed"
    assert row["agreement"] == "disagree"
    assert row["reading_mode"] == "concurrent"
    assert row["notice"] == NOTICE

    window.readings.show_page()
    page = window.disagreements
    assert page.filter_box.currentData() is Listed.DISAGREEMENTS
    for wanted in ("no detectada", "lesion missed"):  # as shown, and as exported
        page.search.setText(wanted)
        assert len(page.listed_ids) == 1
    assert page.table.sorted.index(0, 6).data() == "lesión no detectada"


def test_reasons_are_the_words_that_databases_hold():
    assert REASONS[:2] == ("lesion missed", "false mark")
    assert CHANGE_REASONS[:2] == ("overlooked before", "judged differently")


def test_a_layout_kept_in_one_language_holds_in_the_other(qapp, make_window, qtbot):
    window = make_window()
    window.worklist_dock.hide()
    assert window.close()
    languages.install(qapp, "es")
    try:
        window = make_window()
        assert not window.worklist_dock.isVisible()
        assert window.worklist_dock.windowTitle() == "Lista de trabajo"
        names = {dock.objectName() for dock in window.findChildren(QDockWidget)}
        assert names == {"Worklist", "Reading"}
    finally:
        languages.remove(qapp)


def test_a_measurement_is_kept_in_english_and_shown_in_spanish(spanish):
    size = PixelSize(0.1, 0.1, "mm", "at detector")
    kept = measuring.length_text(size, [(0, 0), (0, 100)])
    assert kept == "10.0 mm, at detector"
    assert measuring.format_for_screen(kept) == "10.0 mm, en el detector"
    values = measuring.EllipseValues(9, 1204.0, 3.0, 1.0, 5.0)
    kept = measuring.ellipse_text(size, [(0, 0), (10, 10)], values)
    assert kept.startswith("mean 1,204 ± 3 SD\n")
    assert measuring.format_for_screen(kept).startswith("media 1,204 ± 3 DE\n")
    kept = measuring.format_for_screen("4.0 px, estimated with magnification 1.8")
    assert kept == "4.0 px, estimado con magnificación 1.8"


def test_a_picture_bears_the_notice_in_both_languages_and_verbatim_in_its_metadata(
    spanish, make_window, write_studies, monkeypatch, qtbot
):
    window = make_window()
    open_answered(window, write_studies(1), qtbot)
    painted = []
    wrap = pictures.wrapped
    monkeypatch.setattr(
        pictures, "wrapped", lambda text, *rest: painted.append(text) or wrap(text, *rest)
    )
    image = pictures.picture_of(window.viewports.current, OverlayOptions())
    assert painted[:2] == [NOTICE_ES, NOTICE]
    assert QImage.fromData(pictures.png(image)).text("Disclaimer") == NOTICE


# ------------------------------------------------------------------------------ the engine's words


def test_faults_of_the_engine_are_told_in_spanish_with_their_numbers(spanish):
    with pytest.raises(UnreadableFile) as raised:
        check_size(90_000, 70_000)
    error = pickle.loads(pickle.dumps(raised.value))  # as it comes from the engine's process
    assert localised_error(error) == (
        "La imagen es demasiado grande: Declara 90000 × 70000 píxeles, más de 120 millones; "
        "compruebe de dónde procede el archivo."
    )
    assert (
        str(error)
        == error.message
        == (  # for the log
            "The image is too large: It claims 90000 × 70000 pixels, more than 120 million; "
            "check where the file comes from."
        )
    )
    frames = no_mammogram(message("a series of {count} frames", count=12))
    assert localised(not_judged(frames)) == (
        "Esto es una serie de 12 fotogramas, no una mamografía bidimensional. "
        "Las redes no la valoran."
    )
    both = listed([message("magnification"), message("spot compression")])
    assert "(magnificación y compresión focalizada)" in localised(no_standard_view(both))
    no_breast = UnsupportedImage(
        message("No breast found"), message("The image is blank; check the file.")
    )
    assert localised(no_breast.message).startswith("No se encontró la mama: La imagen está vacía")
    written = Written(Path("images.csv"), 3, Counter({UNREADABLE: 2, OLDER: 0, NOT_FOUND: 1}))
    assert "2 ilegible; 1 no está donde se leyó" in localised(written.summary)
    assert written.summary == (
        "3 images written for training. Left out: 2 unreadable; 1 not where it was read."
    )


def test_words_of_files_are_shown_as_they_came_even_if_they_are_the_programs_own(spanish):
    foreign = ("", "MAMMO SCREENING BILAT", "{braces}", "50 % {", "benign", "The file is empty")
    for words in foreign:
        assert localised_unless_foreign(words) == words
        assert localised(message("unknown ({view})", view=words)) == f"desconocida ({words})"


def test_a_sentence_of_an_earlier_run_is_told_in_spanish_where_nothing_stands_in_it(spanish):
    """Databases hold finished English sentences."""
    assert localised(as_message("The image is blank.")) == "La imagen está vacía."
    filled = "The image has only 2 grey levels, so it is no mammogram."
    assert localised(as_message(filled)) == filled


def test_a_files_endless_words_do_not_hold_up_the_window(spanish):
    words = "The file was not found: " * 3000
    begun = time.monotonic()
    assert localised(message("unknown ({view})", view=words)) == f"desconocida ({words})"
    assert time.monotonic() - begun < 1


def test_a_file_name_in_a_spanish_sentence_shows_its_hidden_characters(spanish, window):
    evil = "reading\u202es.sqlite <b>"
    advice = message("The folder {name} holds no .sqlite file.", name=evil)
    window.show_error(StorageFailed(message("No backup there"), advice))
    told = window.banner.accessibleName()
    assert "La carpeta reading\ufffds.sqlite <b>" in told


def test_faults_reach_the_spanish_banner_and_list(spanish, window, write_studies, qtbot):
    folder = write_studies(1)
    (folder / "scan.dcm").touch()
    open_and_wait(qtbot, window, folder)
    assert "El archivo está vacío" in rows(window)[-1].text
    window.show_error(
        StorageFailed("Readings cannot be saved", "The disk is full: make room, then save again.")
    )
    assert window.banner.message.title == "No se pueden guardar las lecturas"
    assert "libere espacio" in window.banner.message.advice


def test_english_comes_back(qapp, make_window):
    languages.install(qapp, "es")
    languages.remove(qapp)
    assert localised(message("unreadable")) == "unreadable"
    assert languages.current() == "en"
    assert NOTICE in texts_of(make_window())


# ------------------------------------------------------------------------------------- the choice


def test_the_language_is_chosen_in_the_menu_and_holds_from_the_next_start_on(
    make_window, tmp_path, qtbot
):
    window = make_window()
    choices = [window.commands.action(f"language_{code}") for code in ("en", "es")]
    assert [choice.text() for choice in choices] == ["English", "Español"]
    assert [choice.isChecked() for choice in choices] == [True, False]
    choices[1].trigger()
    assert [choice.isChecked() for choice in choices] == [False, True]
    assert "next start" in window.banner.message.title
    assert window.close()
    assert languages.wanted(Settings(tmp_path / "settings.ini").language) == "es"


@pytest.mark.parametrize(
    ("system", "language"),
    [("es_MX", "es"), ("es_ES", "es"), ("en_GB", "en"), ("de_DE", "en"), ("C", "en")],
)
def test_the_system_decides_until_the_reader_does(monkeypatch, system, language):
    monkeypatch.setattr(QLocale, "system", staticmethod(lambda: QLocale(system)))
    assert languages.wanted("") == language
    assert languages.wanted("en") == "en"
    assert languages.wanted("tlh") == language  # a settings file edited into nonsense


def test_a_lost_translation_leaves_english(qapp, monkeypatch, tmp_path, make_window, caplog):
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    languages.install(qapp, "es")
    try:
        assert languages.current() == "en"
        assert "missing" in caplog.text
        assert localised(message("unreadable")) == "unreadable"
        assert "Worklist" in texts_of(make_window())
    finally:
        languages.remove(qapp)
