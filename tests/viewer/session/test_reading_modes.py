"""What a mode hides is nowhere: not in a pixel, a text, the clipboard, or an export; and what the
reader said before and after is on record, whatever happens in between.
"""

import csv
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import (
    QAccessible,
    QAction,
    QGuiApplication,
    QImage,
    QKeySequence,
    QPainter,
)
from PySide6.QtWidgets import QApplication, QLabel, QToolButton, QWidget

import viewer.output.output
import viewer.panes.assessment_pane
import viewer.panes.breast_form
import viewer.session.readings
import viewer.session.region_requests
import viewer.session.session
from engine.domain import (
    Agreement,
    BiradsCategory,
    Laterality,
    Prediction,
    ReadingMode,
)
from engine.errors import StorageFailed
from engine.records.store import ReadingStore
from tests.viewer.driver import (
    SAVE,
    are_images_shown,
    choose,
    enter,
    has_predicted,
    is_predicted,
    open_and_wait,
    phase,
    press,
    rows,
    sign,
)
from tests.viewer.fake_engine import (
    MODELS,
    FakeEngine,
    Oracle,
    alarmed,
    alarmed_of_no_spot,
    saying,
    silent,
    study_prediction,
)
from viewer.__main__ import starting_mode
from viewer.display.assessment_form import CHANGE_REASONS, REASONS
from viewer.display.listed_reading import ReadingFilter
from viewer.display.reading_modes import MODE_TITLES
from viewer.display.worklist_row import WorklistFilter, WorklistOrder
from viewer.output import pictures, summary
from viewer.panes.worklist_items import row_at
from viewer.shared.states import Phase, StudyState
from viewer.viewports.corner_text import EVERYTHING
from viewer.window.settings import Settings

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CONCURRENT, SECOND, BLIND = ReadingMode


def stored(readings_path):
    with ReadingStore(readings_path) as store:
        return store.all()


def give_reason(window, side, reason):
    box = window.assessment.forms[side].reason_box
    box.setCurrentIndex(box.findData(reason))


def said_of(study, side):
    return {b.laterality: b.prediction for b in study_prediction(study).breasts}[side]


@pytest.fixture
def open_in(make_window, write_studies, qtbot):
    """A window in a mode, with studies open and signed; `engine` is the fixture's by default."""

    def make(mode, count=1, **options):
        window = make_window(mode=mode, **options)
        open_and_wait(qtbot, window, write_studies(count))
        window.session.inference.start()
        sign(qtbot, window)
        window.assessment.reader.editingFinished.emit()
        return window

    return make


def wait_for_predictions(qtbot, window):
    qtbot.waitUntil(lambda: has_predicted(window))


# ------------------------------------------------------------------------------------ second read


def test_a_second_read_reveals_when_each_breast_has_its_category_and_records_both_words(
    open_in, readings_path, qtbot
):
    window = open_in(SECOND)
    study = window.session.current_study
    wait_for_predictions(qtbot, window)
    assert not is_predicted(window)
    assert "hidden" in window.prediction.waiting.text()
    assert rows(window)[0].prediction is None

    enter(qtbot, window, R="2")
    assert [r.category.value for r in stored(readings_path)] == ["2"]  # at once
    assert phase(window) is Phase.BEFORE
    assert not is_predicted(window)
    assert window.assessment.hint.text().startswith("Left breast still to be saved")
    assert window.focusWidget() in window.assessment.forms[LEFT].findChildren(QWidget)

    enter(qtbot, window, L="1")
    assert phase(window) is Phase.AFTER
    assert is_predicted(window)
    assert rows(window)[0].prediction is not None
    before = stored(readings_path)
    assert all(r.prediction == said_of(study, r.laterality) for r in before)
    assert all(r.revealed_at >= r.recorded_at for r in before)
    assert window.assessment.save_button.text().startswith("Keep")

    qtbot.keyClick(window, *SAVE)
    _, _, right, left = stored(readings_path)
    assert (right.category_before.value, right.category.value) == ("2", "2")
    assert (left.category_before.value, left.category.value) == ("1", "1")
    assert right.supersedes == before[0].record_id
    assert right.prediction.model.sha256 == "3fa9c2d1" * 8
    assert right.revealed_at == before[0].revealed_at
    assert right.reading_mode is SECOND
    assert 0 <= before[0].time_spent_s <= right.time_spent_s < 60
    assert not window.assessment.save_button.isEnabled()
    assert "kept" in window.assessment.forms[RIGHT].state_label.text()


def test_a_change_after_the_answer_needs_a_reason_of_its_own(open_in, readings_path, qtbot):
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    enter(qtbot, window, R="2", L="2")
    form = window.assessment.forms[RIGHT]
    enter(qtbot, window, R="4A")
    assert len(stored(readings_path)) == 3  # the left one, which was kept
    assert form.state_label.text() == "why changed?"
    assert window.focusWidget() is form.reason_box
    offered = [form.reason_box.itemData(n) for n in range(1, form.reason_box.count())]
    assert tuple(offered) == CHANGE_REASONS
    give_reason(window, RIGHT, "overlooked before")
    assert not window.assessment.confirm_box.isVisible()  # higher than before
    qtbot.keyClick(window, *SAVE)
    changed = stored(readings_path)[-1]
    assert (changed.category_before.value, changed.category.value) == ("2", "4A")
    assert changed.reason == "overlooked before"
    assert form.state_label.text().startswith("was 2 · ")
    assert "R 2 → 4A" in window.assessment.history.text()
    choose(qtbot, window, RIGHT, "2")  # back to the category before: no change, no such reason
    assert form.draft.reason not in CHANGE_REASONS
    assert form.reason_box.itemData(1) == REASONS[0]


def test_a_lower_category_after_the_answer_has_to_be_confirmed_in_place(
    open_in, readings_path, qtbot
):
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    enter(qtbot, window, R="4B", L="1")
    qtbot.keyClick(window, *SAVE)
    count = len(stored(readings_path))
    choose(qtbot, window, RIGHT, "2")
    give_reason(window, RIGHT, "judged differently")
    confirm = window.assessment.confirm_box
    assert confirm.isVisible()
    assert confirm.text() == "Confirm lowering R 4B → 2"
    assert "57 of 168" in window.assessment.hint.text()
    qtbot.keyClick(window, *SAVE)
    assert len(stored(readings_path)) == count
    assert window.assessment.forms[RIGHT].state_label.text() == "confirm below"
    assert window.focusWidget() is confirm
    assert QApplication.activeModalWidget() is None
    qtbot.keyClick(confirm, Qt.Key.Key_Space)
    choose(qtbot, window, RIGHT, "1")
    assert not confirm.isChecked()  # it was said of another category
    give_reason(window, RIGHT, "judged differently")
    confirm.setFocus()
    qtbot.keyClick(confirm, Qt.Key.Key_Space)
    qtbot.keyClick(window, *SAVE)
    lowered = stored(readings_path)[-1]
    assert (lowered.category_before.value, lowered.category.value) == ("4B", "1")
    assert not confirm.isVisible()


def test_what_was_entered_before_the_answer_survives_the_end_of_the_program(
    open_in, make_window, readings_path, write_studies, qtbot
):
    folder = write_studies(1)
    engine = FakeEngine(is_holding=True)
    window = open_in(SECOND, engine=engine)
    enter(qtbot, window, R="3")
    # no close: as if it had been killed
    again = make_window(mode=SECOND, engine=FakeEngine())
    open_and_wait(qtbot, again, folder)
    again.session.inference.start()
    sign(qtbot, again)
    again.assessment.reader.editingFinished.emit()
    wait_for_predictions(qtbot, again)
    assert phase(again) is Phase.BEFORE
    assert again.assessment.forms[RIGHT].draft.category is BiradsCategory.PROBABLY_BENIGN
    enter(qtbot, again, L="1")
    assert phase(again) is Phase.AFTER
    qtbot.keyClick(again, *SAVE)
    assert [r.category_before and r.category_before.value for r in stored(readings_path)] == [
        None,
        None,
        "3",
        "1",
    ]


def test_an_answer_that_comes_after_the_categories_is_revealed_when_it_is_there(
    open_in, readings_path, qtbot
):
    engine = FakeEngine(is_holding=True)
    window = open_in(SECOND, engine=engine)
    qtbot.waitUntil(lambda: engine.waiting != [])
    enter(qtbot, window, R="2", L="1")
    assert phase(window) is Phase.WAITING
    assert "at work" in window.prediction.waiting.text()
    enter(qtbot, window, R="3")  # a correction: nothing was revealed, no reason is asked for
    assert [r.category_before for r in stored(readings_path)] == [None] * 3
    engine.finish_next()
    qtbot.waitUntil(lambda: is_predicted(window))
    assert phase(window) is Phase.AFTER
    assert window.assessment.forms[RIGHT].entry.before is BiradsCategory.PROBABLY_BENIGN
    newest = stored(readings_path)[-1]
    assert newest.revealed_at is not None


def test_a_study_that_was_revealed_stays_so_for_its_reader_and_hidden_from_the_next(
    open_in, make_window, write_studies, qtbot
):
    folder = write_studies(1)
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    enter(qtbot, window, R="2", L="1")
    assert window.close()
    again = make_window(mode=SECOND, engine=FakeEngine())
    open_and_wait(qtbot, again, folder)
    again.session.inference.start()
    qtbot.waitUntil(lambda: is_predicted(again), timeout=10_000)
    assert phase(again) is Phase.AFTER
    assert again.assessment.forms[RIGHT].entry.is_to_be_kept
    sign(qtbot, again, "Dr. Y")
    again.assessment.reader.editingFinished.emit()
    assert phase(again) is Phase.BEFORE
    assert not is_predicted(again)
    assert rows(again)[0].prediction is None
    assert again.assessment.forms[RIGHT].draft.category is None


def test_a_correction_and_the_last_category_saved_together_reveal_after_both(
    open_in, readings_path, qtbot
):
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    enter(qtbot, window, L="2")
    enter(qtbot, window, R="1", L="3")
    words = stored(readings_path)
    assert [(r.laterality.value, r.category.value) for r in words] == [
        ("L", "2"),
        ("L", "3"),
        ("R", "1"),
    ]
    assert all(r.category_before is None for r in words)
    assert window.assessment.forms[LEFT].entry.before is BiradsCategory.PROBABLY_BENIGN


@pytest.mark.parametrize("deed", ["record", "reveal"])
def test_nothing_is_revealed_that_could_not_be_put_on_record(
    open_in, qtbot, monkeypatch, readings_path, deed
):
    window = open_in(SECOND, count=2)
    wait_for_predictions(qtbot, window)
    full = StorageFailed("Readings cannot be saved", "The disk is full.")

    def refuse(*_arguments):
        raise full

    monkeypatch.setattr(ReadingStore, deed, refuse)
    enter(qtbot, window, R="2", L="1")
    assert window.banner.message.title == full.title
    assert not is_predicted(window)
    assert phase(window).is_hidden
    monkeypatch.undo()
    if deed == "record":
        assert window.assessment.forms[RIGHT].draft.category is BiradsCategory.BENIGN
        qtbot.keyClick(window, *SAVE)
    else:
        assert window.banner.message.action == "Try again"
        press(qtbot, window.banner, "Try again")
    assert is_predicted(window)
    assert all(r.revealed_at for r in stored(readings_path))


def test_the_form_does_not_move_when_the_answer_is_revealed(open_in, qtbot):
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    form, save = window.assessment.forms[RIGHT], window.assessment.save_button
    before = [part.mapTo(window, part.rect().topLeft()) for part in (form, save)]
    width = form.width()
    enter(qtbot, window, R="5", L="1")
    enter(qtbot, window, R="2")
    qtbot.wait(50)
    assert form.width() == width
    assert window.assessment.confirm_box.isVisible()
    assert [part.mapTo(window, part.rect().topLeft()) for part in (form, save)] == before


# ------------------------------------------------------------------------------------ blind audit


def test_a_blind_audit_keeps_what_the_model_says_and_never_shows_it(
    open_in, make_window, write_studies, readings_path, qtbot, tmp_path
):
    folder = write_studies(1)
    engine = FakeEngine(is_holding=True)
    window = open_in(BLIND, engine=engine)
    study = window.session.current_study
    qtbot.waitUntil(lambda: engine.waiting != [])
    enter(qtbot, window, R="2", L="1")
    assert [r.prediction for r in stored(readings_path)] == [None, None]
    engine.finish_next()
    qtbot.waitUntil(lambda: window.session.inference.progress == (1, 1))
    assert [r.prediction for r in stored(readings_path)] == [
        said_of(study, s) for s in (RIGHT, LEFT)
    ]
    assert all(r.revealed_at is None for r in stored(readings_path))
    assert not is_predicted(window)
    assert not window.assessment.save_button.isEnabled()
    window.readings.export(tmp_path / "out.csv")
    assert "3fa9c2d1" not in (tmp_path / "out.csv").read_text("utf-8")
    window.readings.export(tmp_path / "all.csv", unblind=True)
    assert "3fa9c2d1" in (tmp_path / "all.csv").read_text("utf-8")
    assert "revealed from now on" in window.banner.message.advice
    assert all(r.revealed_at for r in stored(readings_path))
    assert window.close()
    again = make_window(mode=BLIND, engine=FakeEngine())
    open_and_wait(qtbot, again, folder)
    again.session.inference.start()
    wait_for_predictions(qtbot, again)
    assert not is_predicted(again)


def test_a_blind_reading_made_without_the_model_gets_its_answer_another_day(
    open_in, make_window, write_studies, readings_path, qtbot
):
    folder = write_studies(1)
    window = open_in(BLIND, engine=FakeEngine(is_holding=True))
    enter(qtbot, window, R="2", L="1")
    assert window.close()
    again = make_window(engine=FakeEngine())
    open_and_wait(qtbot, again, folder)
    again.session.inference.start()
    qtbot.waitUntil(lambda: is_predicted(again), timeout=10_000)
    assert all(r.prediction is not None for r in stored(readings_path))


# --------------------------------------------------------------------------------- another mode


def test_a_stricter_mode_hides_at_once_and_what_was_shown_before_is_on_record(
    open_in, readings_path, qtbot
):
    window = open_in(CONCURRENT)
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    began = datetime.now(UTC)
    window.choose_mode(SECOND)
    assert not is_predicted(window)
    assert rows(window)[0].prediction is None
    assert window.assessment.forms[RIGHT].entry.prediction is None
    assert not window.viewports.has_heat
    enter(qtbot, window, R="2")
    assert stored(readings_path)[0].revealed_at < began  # not an independent word
    enter(qtbot, window, L="1")
    assert is_predicted(window)
    window.choose_mode(BLIND)
    assert not is_predicted(window)


@pytest.mark.parametrize("mode", [SECOND, BLIND])
def test_a_laxer_mode_begins_with_the_next_study_and_reveals_nothing_of_this_one(
    open_in, qtbot, mode
):
    window = open_in(mode, count=2)
    qtbot.waitUntil(lambda: window.session.inference.progress == (2, 2), timeout=10_000)
    window.choose_mode(CONCURRENT)
    assert window.menus.mode_button.text() == "Mode: Concurrent"
    assert "begins with the next study" in window.prediction.waiting.text()
    assert not is_predicted(window)
    assert [row.prediction is None for row in rows(window)] == [True, False]
    window.worklist.set_order(WorklistOrder.SUSPICION)
    assert [row.prediction is None for row in rows(window)] == [False, True]
    window.worklist.set_order(WorklistOrder.OPENED)
    for other in (mode, CONCURRENT):
        window.choose_mode(other)
        assert not is_predicted(window)
    window.worklist.step(1)
    assert is_predicted(window)
    window.worklist.step(-1)
    assert is_predicted(window)  # opened anew, as a concurrent reading
    assert phase(window) is Phase.OPEN


def test_the_list_is_not_ranked_by_what_is_hidden_and_the_wanted_order_comes_back(open_in, qtbot):
    def says(study, name):
        """The last is the most suspicious."""
        grade = min(5, int(study.patient_id.removeprefix("A-")) + 1)
        said = Prediction(MODELS[name], {g: 0.96 if g == grade else 0.01 for g in range(1, 6)})
        return saying(study, MODELS[name], said, 0.5)

    window = open_in(CONCURRENT, count=4, engine=Oracle(says))
    qtbot.waitUntil(lambda: window.session.inference.progress == (4, 4), timeout=10_000)
    opened = window.worklist.study_uids
    window.worklist.set_order(WorklistOrder.SUSPICION)
    ranked = window.worklist.study_uids
    assert ranked != opened
    window.choose_mode(SECOND)
    assert window.worklist.study_uids == opened
    assert window.worklist.order is WorklistOrder.OPENED
    assert window.settings.worklist_order == "SUSPICION"
    window.choose_mode(CONCURRENT)
    still_hidden = window.session.current_study.uid
    assert window.worklist.study_uids[-1] == still_hidden  # its place would tell
    window.worklist.select(window.worklist.study_uids[0])
    assert window.worklist.study_uids == ranked


def test_the_mode_is_remembered_and_the_demo_reads_concurrently_without_a_trace(
    open_in, tmp_path, qtbot
):
    window = open_in(CONCURRENT)
    window.commands.trigger("mode_second_read")
    assert window.menus.mode_button.text() == "Mode: Second read"
    assert window.close()
    settings = Settings(tmp_path / "settings.ini")
    assert settings.reading_mode is SECOND
    assert starting_mode(False, settings) is SECOND
    assert starting_mode(True, settings) is CONCURRENT
    assert settings.reading_mode is SECOND
    (tmp_path / "nonsense.ini").write_text("[General]\nreading_mode=psychic\n")
    assert Settings(tmp_path / "nonsense.ini").reading_mode is None


def test_the_first_start_asks_once_in_a_strip_that_blocks_nothing(make_window, qtbot):
    window = make_window()
    assert not window.mode_question.isVisible()
    window.ask_for_mode()
    assert window.mode_question.isVisible()
    assert QApplication.activeModalWidget() is None
    texts = [label.text() for label in window.mode_question.findChildren(QLabel)]
    assert any("27 radiologists" in text for text in texts)
    qtbot.mouseClick(window.mode_question.buttons[BLIND], Qt.MouseButton.LeftButton)
    assert not window.mode_question.isVisible()
    assert window.session.mode is BLIND
    assert window.settings.reading_mode is BLIND


# ------------------------------------------------------------------------- nothing gets through

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


class StoppedClock(datetime):
    """So that two windows that are compared were used at the same time."""

    @classmethod
    def now(cls, tz=None):
        return NOW if tz is not None else NOW.replace(tzinfo=None)


TEXTS = (
    *("toolTip", "accessibleName", "accessibleDescription", "statusTip", "whatsThis"),
    *("windowTitle", "text", "toPlainText", "currentText", "currentMessage", "placeholderText"),
)
ROLES = [role for role in Qt.ItemDataRole if role < Qt.ItemDataRole.UserRole]


SPOKEN = (
    *(QAccessible.Text.Name, QAccessible.Text.Description, QAccessible.Text.Value),
    *(QAccessible.Text.Help, QAccessible.Text.Accelerator),
)


def words(thing: QObject) -> list[str]:
    """Everything that a widget or action can say."""
    told = [str(getattr(thing, name)()) for name in TEXTS if callable(getattr(thing, name, None))]
    told.append(str(thing.property("text")))
    told.append(str(thing.isEnabled()))
    return [type(thing).__name__, *told]


def heard(interface, depth=0) -> list[str]:
    """What a screen reader is told, children included."""
    if interface is None or not interface.isValid() or depth > 12:
        return []
    told = [interface.text(kind) for kind in SPOKEN]
    for number in range(interface.childCount()):
        told += heard(interface.child(number), depth + 1)
    return told


def copied(qtbot, window) -> list[str]:
    """What the keyboard copies from the worklist and from every text that can be selected."""
    clipboard = QGuiApplication.clipboard()
    clipboard.setText("nothing")
    window.worklist.list_view.setFocus()
    qtbot.keySequence(window.worklist.list_view, QKeySequence(QKeySequence.StandardKey.Copy))
    taken = [clipboard.text()]
    for label in window.findChildren(QLabel):
        if label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse:
            label.setSelection(0, len(label.text()))
            taken.append(label.selectedText())
            label.setSelection(0, 0)
    window.worklist.list_view.clearFocus()
    clipboard.clear()
    return taken


def exported(window, path, **options) -> list[dict]:
    assert window.session.exporting.export_readings(path, **options) is not None
    with path.open(encoding="utf-8", newline="") as file:
        return [row | {"time_spent_s": ""} for row in csv.DictReader(file)]


def given_out(window, path) -> dict[str, object]:
    """What the File menu makes of the open study: pictures, the clipboard, the page of paper."""
    output, clipboard = window.output, QGuiApplication.clipboard()
    output.copy_picture(EVERYTHING)
    made = output.summarise(True, True)
    page = QImage(600, 850, QImage.Format.Format_RGB32)
    page.fill(0xFFFFFFFF)
    painter = QPainter(page)
    summary.paint_page(painter, QRectF(page.rect()), made)
    painter.end()
    copied = clipboard.image()  # a name of its own: its bits live no longer than it does
    seen = {
        "picture on the clipboard": bytes(copied.constBits()),
        "pictures": [
            pictures.png(pictures.picture_of(canvas, EVERYTHING))
            for canvas in window.viewports.canvases
        ],
        "summary": (made.words(), bytes(page.constBits())),
        "pdf": re.sub(rb"\d{4}-?\d\d-?\d\dT?\d\S*|<[0-9a-f]{32}>|uuid:\S*", b"", summary.pdf(made)),
    }
    clipboard.clear()
    for name in ("show_picture", "show_summary"):
        getattr(output, name)()
        (dialog,) = output.dialogs
        QApplication.processEvents()
        grabbed = dialog.grab().toImage()
        seen[name] = (
            [words(thing) for thing in dialog.findChildren(QWidget)],
            bytes(grabbed.constBits()),
        )
    output.close_all()
    window.banner.clear()
    return seen


def listed(qtbot, window) -> list[object]:
    """What every filter, heading and search that can be chosen leaves of the worklist."""
    bar, seen = window.worklist.bar, []
    boxes = bar.filter_box
    for place in range(boxes.count()):
        if boxes.model().item(place).isEnabled():
            boxes.setCurrentIndex(place)
            seen.append((boxes.currentText(), window.worklist.study_uids))
    boxes.setCurrentIndex(0)
    for button in bar.findChildren(QToolButton):
        for _ in range(3):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
            seen.append((button.text(), window.worklist.order, window.worklist.study_uids))
    for text in ("4", "suspicious", "disagree", "A-2"):
        bar.search.setText(text)
        seen.append(window.worklist.study_uids)
    bar.search.clear()
    window.worklist.set_order(WorklistOrder.SUSPICION)
    return seen


def everything(qtbot, window, path) -> dict[str, object]:
    """All ways out of the window."""
    given = given_out(window, path)
    widgets = [window, *window.findChildren(QWidget)]
    model = window.worklist.list_view.model()
    cells = [model.index(number, 0) for number in range(model.rowCount())]
    page = window.disagreements
    window.readings.show_page()
    page.filter_box.setCurrentIndex(page.filter_box.findData(ReadingFilter.ALL))
    table = page.table.sorted
    seen = {
        **given,
        "copied": copied(qtbot, window),
        "exported": exported(window, path),
        "exported without names": [
            (row["model_category"], row["agreement"], row["reason"])
            for row in exported(window, path, is_pseudonymised=True)
        ],
        "page": [
            [str(table.index(row, column).data(role)) for role in ROLES]
            for row in range(table.rowCount())
            for column in range(table.columnCount())
        ],
        "words": [words(thing) for thing in (*widgets, *window.findChildren(QAction))],
        "heard": heard(QAccessible.queryAccessibleInterface(window)),
        "items": [[str(cell.data(role)) for role in ROLES] for cell in cells],
        "rows": [
            (
                *(row.sentence, row.badges, row.status.state, row.prediction, row.has_disagreed),
                *([row.sort_key(order) for order in WorklistOrder]),
                *([row.passes(wanted) for wanted in WorklistFilter]),
            )
            for row in (row_at(cell) for cell in cells)
        ],
        "listed": listed(qtbot, window),
        "title": (window.windowTitle(), window.statusBar().currentMessage()),
    }
    QApplication.processEvents()
    for name, widget in (
        ("pixels", window),
        ("pixels behind", window.prediction.bars),
        ("pixels of the page", page),
    ):
        image = widget.grab().toImage()  # also of what another page covers
        seen[name] = bytes(image.constBits())
    return seen


def before_any_word(qtbot, window):
    """As it is opened."""


def with_one_breast_saved(qtbot, window):
    enter(qtbot, window, R="2")


def with_both_breasts_saved(qtbot, window):
    enter(qtbot, window, R="2", L="4A")


def after_a_look_at_the_answer(qtbot, window):
    """In concurrent reading, with a disagreement recorded and another begun."""
    window.choose_mode(CONCURRENT)
    window.worklist.step(1)
    window.worklist.step(-1)
    enter(qtbot, window, R="2")
    choose(qtbot, window, LEFT, "3")
    window.choose_mode(SECOND)


def ask_about_a_spot(qtbot, window):
    tools = window.viewports.tools
    tools.annotation_tool.add_region(window.viewports.current, (10, 20, 40, 50))
    qtbot.waitUntil(lambda: tools.visible_requests != [])
    qtbot.waitUntil(lambda: not any(region.is_pending for region in window.session.regions))


def after_an_answer_about_a_spot(qtbot, window):
    """In concurrent reading, and saved with what was seen; a second one is still in the hand."""
    window.choose_mode(CONCURRENT)
    window.worklist.step(1)
    window.worklist.step(-1)
    ask_about_a_spot(qtbot, window)
    enter(qtbot, window, R="2")
    window.commands.trigger("tools.choose_region")
    window.choose_mode(SECOND)


def after_an_answer_about_a_spot_in_a_blind_audit(qtbot, window):
    after_an_answer_about_a_spot(qtbot, window)
    window.choose_mode(BLIND)
    window.commands.trigger("tools.ask_at_pointer")


def after_a_colleagues_answer_about_a_spot(qtbot, window):
    """Who has not read the study yet."""
    after_an_answer_about_a_spot(qtbot, window)
    sign(qtbot, window, "Dr. Y")
    window.assessment.reader.editingFinished.emit()


def with_a_laxer_mode_chosen(qtbot, window):
    window.choose_mode(CONCURRENT)


SCENES = {
    "second read, nothing entered": (SECOND, before_any_word, 3),
    "second read, one breast saved": (SECOND, with_one_breast_saved, 3),
    "second read, seen before": (SECOND, after_a_look_at_the_answer, 3),
    "second read, concurrent from the next study": (SECOND, with_a_laxer_mode_chosen, 1),
    "blind audit, nothing entered": (BLIND, before_any_word, 3),
    "blind audit, saved": (BLIND, with_both_breasts_saved, 3),
    "blind audit, concurrent from the next study": (BLIND, with_a_laxer_mode_chosen, 1),
}


def progress_of(window):
    return window.session.status(window.session.current_study.uid).progress


@pytest.fixture
def look(make_window, write_studies, readings_path, tmp_path, qtbot, monkeypatch):
    """All that a window lets out whose networks say this, after these deeds of the reader."""
    monkeypatch.setattr(viewer.panes.assessment_pane, "datetime", StoppedClock)
    monkeypatch.setattr(viewer.panes.breast_form, "datetime", StoppedClock)
    monkeypatch.setattr(viewer.session.session, "datetime", StoppedClock)
    monkeypatch.setattr(viewer.session.region_requests, "datetime", StoppedClock)
    monkeypatch.setattr(viewer.session.readings, "datetime", StoppedClock)
    monkeypatch.setattr(viewer.output.output, "datetime", StoppedClock)
    QApplication.setCursorFlashTime(0)

    def look(says, mode, deed, count, model="hybrid", halts=False):
        folder = write_studies(count, "scene")
        (tmp_path / "settings.ini").unlink(missing_ok=True)
        shutil.rmtree(readings_path.parent, ignore_errors=True)
        window = make_window(mode=mode, engine=Oracle(says, halts), model_name=model)
        window.models.set_cancers(6)
        window.prediction.set_overlay(True, 1.0)
        window.models.compare(True)
        window.worklist.set_order(WorklistOrder.SUSPICION)
        open_and_wait(qtbot, window, folder)
        window.session.inference.start()
        sign(qtbot, window)
        window.assessment.reader.editingFinished.emit()
        done = (0 if halts else count, count)
        if halts:
            qtbot.waitUntil(lambda: progress_of(window) is not None, timeout=20_000)
        qtbot.waitUntil(lambda: window.session.inference.progress == done, timeout=20_000)
        other = window.session.inference.other_model_name
        if other is not None and not halts:
            qtbot.waitUntil(lambda: has_predicted(window, other), timeout=20_000)
        deed(qtbot, window)
        qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)
        qtbot.waitUntil(lambda: all(row.thumbnail for row in rows(window)), timeout=20_000)
        qtbot.wait(50)
        seen = everything(qtbot, window, tmp_path / "out.csv")
        window.assessment.discard()
        assert window.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return seen

    yield look
    QApplication.setCursorFlashTime(1000)


@pytest.mark.parametrize(("mode", "deed", "count"), SCENES.values(), ids=SCENES)
def test_two_windows_whose_models_contradict_each_other_are_alike_while_they_are_hidden(
    look, mode, deed, count
):
    one, other = look(alarmed, mode, deed, count), look(silent, mode, deed, count)
    for way in one:
        assert one[way] == other[way], way


@pytest.mark.parametrize(
    ("mode", "deed"), [(SECOND, with_one_breast_saved), (BLIND, before_any_word)]
)
def test_nor_do_they_tell_of_the_first_breast_while_the_second_is_judged(look, mode, deed):
    one, other = (look(says, mode, deed, 2, halts=True) for says in (alarmed, silent))
    for way in one:
        assert one[way] == other[way], way


def test_the_first_breast_is_told_before_the_second_where_nothing_is_hidden(look):
    one, other = (
        look(says, CONCURRENT, before_any_word, 1, halts=True) for says in (alarmed, silent)
    )
    differing = {way for way in one if one[way] != other[way]}
    assert {"picture on the clipboard", "pictures", "words", "heard", "pixels"} <= differing
    assert not {"exported", "items", "rows"} & differing  # which wait for all
    assert one["summary"][0] == other["summary"][0]  # its words; its pictures are the screen's


SPOT_SCENES = {
    "second read, asked before": (SECOND, after_an_answer_about_a_spot),
    "second read, asked by a colleague": (SECOND, after_a_colleagues_answer_about_a_spot),
    "blind audit, asked before": (BLIND, after_an_answer_about_a_spot_in_a_blind_audit),
}


@pytest.mark.parametrize(("mode", "deed"), SPOT_SCENES.values(), ids=SPOT_SCENES)
def test_what_was_said_of_a_spot_before_is_nowhere_while_it_is_hidden(look, mode, deed):
    one, other = look(alarmed, mode, deed, 2), look(alarmed_of_no_spot, mode, deed, 2)
    for way in one:
        assert one[way] == other[way], way


@pytest.mark.parametrize("scene", ["second read, one breast saved", "blind audit, saved"])
def test_nor_does_it_show_that_the_networks_of_an_ensemble_contradict_each_other(look, scene):
    mode, deed, count = SCENES[scene]
    one, other = (look(says, mode, deed, count, "both") for says in (alarmed, silent))
    for way in one:
        assert one[way] == other[way], way


def test_the_same_look_tells_them_apart_in_every_way_once_they_are_shown(look):
    one = look(alarmed, CONCURRENT, with_both_breasts_saved, 1)
    other = look(silent, CONCURRENT, with_both_breasts_saved, 1)
    same = [way for way in one if one[way] == other[way]]
    assert same == ["title"]


def test_the_same_look_tells_two_answers_about_a_spot_apart_once_they_are_shown(look):
    """Where the networks say the same of the study itself."""

    def with_a_spot(qtbot, window):
        ask_about_a_spot(qtbot, window)
        enter(qtbot, window, R="2", L="1")

    one = look(alarmed, CONCURRENT, with_a_spot, 1)
    other = look(alarmed_of_no_spot, CONCURRENT, with_a_spot, 1)
    differing = {way for way in one if one[way] != other[way]}
    assert {"picture on the clipboard", "pictures", "summary", "pdf", "exported"} <= differing
    assert {"words", "heard", "pixels"} <= differing


def test_a_colleagues_reading_does_not_tell_the_answer_to_who_has_not_seen_it(
    open_in, readings_path, tmp_path, qtbot
):
    window = open_in(CONCURRENT)
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    choose(qtbot, window, RIGHT, "2")
    window.assessment.forms[RIGHT].note_box.setPlainText("the model says 5")
    qtbot.keyClick(window, *SAVE)
    window.choose_mode(SECOND)
    sign(qtbot, window, "Dr. Y")
    window.assessment.reader.editingFinished.emit()
    told = window.assessment.history.text()
    assert "R 2 · Dr. X" in told
    assert "agree" not in told
    assert "model" not in told
    (row,) = exported(window, tmp_path / "out.csv")
    assert (row["model"], row["comment"], row["agreement"]) == ("", "", "not comparable")
    assert (row["reader"], row["category"]) == ("Dr. X", "2")


def test_a_hidden_study_is_done_whatever_the_model_says(open_in, qtbot):
    window = open_in(BLIND, engine=Oracle(silent))
    wait_for_predictions(qtbot, window)
    assert rows(window)[0].status.state is StudyState.DONE
    assert window.session.history(window.session.current_study) == ()


def test_the_session_refuses_a_reading_that_tells_what_is_hidden(open_in, qtbot):
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    choose(qtbot, window, RIGHT, "2")
    form = window.assessment.forms[RIGHT]
    reading = window.assessment.assessment_of(window.session.current_study, form.side)
    said = said_of(window.session.current_study, RIGHT)
    with pytest.raises(ValueError, match="hidden"):
        window.session.record(replace(reading, prediction=said))


def test_every_mode_has_its_title_and_a_reading_of_each_agrees_only_with_what_it_saw(
    open_in, readings_path, qtbot
):
    assert set(MODE_TITLES) == set(ReadingMode)
    window = open_in(SECOND)
    wait_for_predictions(qtbot, window)
    enter(qtbot, window, R="0", L="1")
    right, left = stored(readings_path)
    assert right.agreement is Agreement.NOT_COMPARABLE
    assert left.agreement is left.proposed_agreement is not Agreement.NOT_COMPARABLE
    assert timedelta() <= right.revealed_at - right.recorded_at < timedelta(minutes=1)


def test_a_second_read_that_was_left_says_that_it_is_not_finished(open_in, qtbot):
    window = open_in(SECOND, count=2)
    wait_for_predictions(qtbot, window)
    enter(qtbot, window, R="2", L="1")
    window.worklist.step(1)
    assert rows(window)[0].is_unfinished
    assert "reading not finished" in rows(window)[0].sentence
    window.worklist.step(-1)
    qtbot.keyClick(window, *SAVE)  # keep
    assert not rows(window)[0].is_unfinished
    assert rows(window)[0].is_read
