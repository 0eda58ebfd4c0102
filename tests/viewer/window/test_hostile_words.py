"""A disc from anywhere is opened: what its names say is read as words, and nothing else happens."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent, QImage, QTextDocument
from PySide6.QtWidgets import QApplication, QLabel

from engine.domain import (
    Agreement,
    BiradsCategory,
    Catalogue,
    FailedFile,
    Laterality,
    ReaderAssessment,
    ReadingMode,
)
from engine.plain_text import REPLACEMENT, visible_text
from engine.records.csv_cells import inert
from engine.records.store import ReadingStore
from tests.viewer.studies import make_study
from viewer.display.listed_reading import ReadingFilter
from viewer.panes.assessment_pane import AssessmentPane
from viewer.panes.disagreements import DisagreementsPage
from viewer.panes.worklist import WorklistPane
from viewer.shared.banner import Banner, BannerMessage
from viewer.shared.plain_text import CUT, PlainLabel, shortened, tool_tip
from viewer.shared.states import VisibleReading

UNSEEN = ("\0", "\x07", "\b", "\x1b", "\x7f", "\u202e", "\u2066", "\u200f", "\u200b", "\udcff")


@pytest.fixture
def bait(tmp_path):
    """A picture, and the markup that would open it."""
    path = tmp_path / "bait.png"
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    image.save(str(path))
    return f'<img src="file://{path}">'


def tip_at(view, index):
    """The tool tip that a resting mouse brings."""
    at = view.visualRect(index).center()
    QApplication.sendEvent(
        view.viewport(), QHelpEvent(QEvent.Type.ToolTip, at, view.viewport().mapToGlobal(at))
    )
    (tip,) = [w for w in QApplication.topLevelWidgets() if w.inherits("QTipLabel")]
    return tip


def seen_of(markup):
    """What rich text shows; pictures would be object characters in it."""
    document = QTextDocument()
    document.setHtml(markup)
    return document.toPlainText()


def reading(**changes):
    now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    settings = {
        "study_uid": "1.2.3",
        "image_uids": ("1.2.3.0",),
        "patient_id": "A-17",
        "laterality": Laterality.RIGHT,
        "reader": "Dr. X",
        "category": BiradsCategory.BENIGN,
        "proposed_agreement": Agreement.DISAGREE,
        "agreement": Agreement.DISAGREE,
        "reason": "",
        "comment": "",
        "prediction": None,
        "reading_mode": ReadingMode.CONCURRENT,
        "opened_at": now,
        "recorded_at": now,
        "record_id": 1,
        **changes,
    }
    return ReaderAssessment(**settings)


@pytest.mark.parametrize("character", UNSEEN, ids=[f"{ord(c):04X}" for c in UNSEEN])
def test_a_character_that_cannot_be_seen_is_seen_to_be_there(character):
    assert visible_text(f"a{character}b") == f"a{REPLACEMENT}b"


def test_names_of_any_script_stay_as_they_are():
    for name in ("Łucja", "محمد", "नी\u200dल", "山田 花子", "Nguyễn\u00a0Thị", "😀👩\u200d⚕\ufe0f"):
        assert visible_text(name) == name


def test_marks_heaped_on_a_letter_do_not_cover_the_lines_around_it():
    heaped = "e" + "\u0301" * 50
    assert visible_text(heaped) == "e" + "\u0301" * 4 + REPLACEMENT * 46


def test_two_long_names_that_differ_at_their_ends_still_differ():
    one, other = "L" * 65000 + "_R_CC.dcm", "L" * 65000 + "_L_CC.dcm"
    assert shortened(one).startswith("LLL")
    assert shortened(one).endswith("_R_CC.dcm")
    assert CUT in shortened(one)
    assert len(shortened(one)) == 120
    assert shortened(one) != shortened(other)
    assert shortened("L" * 120) == "L" * 120


def test_a_worklist_of_a_hostile_disc_opens_no_file_and_shows_no_markup(qtbot, bait):
    study = replace(
        make_study(),
        patient_id=f"P<h1>BIG</h1>{bait}",
        patient_name="<b>Doe</b>^\u202eenaJ",
        description="Q" * 65000,
    )
    failure = FailedFile(Path(f"{bait.replace('/', '_')}.dcm"), "File is cut", "Copy <b>it</b>.")
    pane = WorklistPane()
    qtbot.addWidget(pane)
    pane.resize(264, 600)
    pane.show_catalogue(Catalogue((study,), (failure,), 0, ("<b>dir\udcff</b>",)))
    pane.show()
    model = pane.list_view.model()
    told = []
    for row in range(model.rowCount()):
        tip = tip_at(pane.list_view, model.index(row, 0))
        told.append(seen_of(tip.text()))
        assert tip.width() < 900
        assert tip.height() < 400
    assert f"P<h1>BIG</h1>{bait}" in told[0].replace("\u200b", "")
    assert f"<b>Doe</b>^{REPLACEMENT}enaJ" in told[0]
    assert len(told[0]) < 1000
    assert "Copy <b>it</b>." in told[1]
    assert f"<b>dir{REPLACEMENT}</b>" in told[2]
    assert "\ufffc" not in "".join(told)  # no picture


def test_a_page_of_hostile_notes_and_readers_shows_their_words_only(qtbot, bait):
    page = DisagreementsPage()
    qtbot.addWidget(page)
    hostile = reading(
        reader="Dr\0\x1b\u202eX", comment=f"\u202eoops\0 {bait}", patient_id="C" * 65536
    )
    page.show_readings([VisibleReading(hostile, False)])
    page.filter_box.setCurrentIndex(page.filter_box.findData(ReadingFilter.ALL))
    page.resize(1500, 500)
    page.show()
    model = page.table.model()
    shown, tips = [], []
    for column in range(model.columnCount()):
        index = model.index(0, column)
        shown.append(index.data())
        if index.data(Qt.ItemDataRole.ToolTipRole):
            tip = tip_at(page.table, index)
            assert tip.width() < 900
            tips.append(seen_of(tip.text()))
    assert f"Dr{REPLACEMENT * 3}X" in shown
    assert page.reader_box.findText(f"Dr{REPLACEMENT * 3}X") > 0
    assert max(map(len, shown)) <= 120
    assert any(bait in tip.replace("\u200b", "") for tip in tips)
    assert not set("".join(shown + tips)) & {"\0", "\x1b", "\u202e", "\ufffc"}


def test_a_reader_of_another_database_does_not_turn_the_history_round(qtbot):
    pane = AssessmentPane()
    qtbot.addWidget(pane)
    pane.show_study(make_study(), history=(reading(reader="Dr\0\x1b\u202eX", comment="\u202eno"),))
    assert f"Dr{REPLACEMENT * 3}X · “{REPLACEMENT}no”" in pane.history.text()


def test_labels_and_the_banner_take_nothing_for_markup(qtbot, bait):
    label = PlainLabel(f"<b>x</b>{bait}\nsecond\u202e")
    qtbot.addWidget(label)
    assert label.textFormat() is Qt.TextFormat.PlainText
    assert label.text() == f"<b>x</b>{bait}\nsecond{REPLACEMENT}"
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_message(BannerMessage(f"{bait}\0", "A" * 65000))
    text = seen_of(banner.findChild(QLabel).text())
    assert text.startswith(f"{bait}{REPLACEMENT}")
    assert len(text) < 1300
    assert tool_tip("", " ") == ""


def test_an_exported_reading_holds_no_escape_sequence_and_keeps_to_its_line(tmp_path):
    path = tmp_path / "readings.sqlite"
    with ReadingStore(path) as store:
        store.record(
            reading(record_id=None, reader="Dr\0\x1b\u202eX", comment="line\n=2\r\n\u202eend")
        )
        store.export_csv(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["reader"] == f"Dr{REPLACEMENT * 3}X"
    assert row["comment"] == f"line =2  {REPLACEMENT}end"
    assert inert("\n=1+1") == "' =1+1"
