"""Keys are the reader's own: changed at once, told before one is taken, kept, and never in the way
of typing.
"""

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication

from engine.domain import BiradsCategory, Laterality
from engine.records.store import ReadingStore
from tests.viewer.driver import is_predicted, open_and_wait, sign
from tests.viewer.fake_engine import FakeEngine
from tests.viewer.pages import step_below
from viewer.panes.shortcuts_dialog import BY_HAND, ShortcutsDialog
from viewer.shared.keymap import KEYPAD
from viewer.window.settings import Settings

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
PAD = Qt.KeyboardModifier.KeypadModifier
Key = Qt.Key


@pytest.fixture
def dialog(window, qtbot):
    dialog = ShortcutsDialog(window.keymap, window.settings.mouse, window)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def press(qtbot, dialog, key):
    """Into the field for the new key."""
    dialog.key_edit.setFocus()
    qtbot.keyClick(dialog.key_edit, key)


def listed(dialog):
    rows = {}
    for number in range(dialog.tree.topLevelItemCount()):
        group = dialog.tree.topLevelItem(number)
        for child in map(group.child, range(group.childCount())):
            rows[child.text(0)] = child.text(1)
    return rows


def click_keypad(qtbot, key):
    qtbot.keyClick(QApplication.focusWidget(), key, PAD)


# ------------------------------------------------------------------------------------- the list


def test_every_command_is_listed_with_its_keys_and_what_the_mouse_does(dialog):
    rows = listed(dialog)
    assert rows["Heat-map"] == "H"
    assert rows["Ask both networks"] == "Shift+M"
    assert rows["Next study"] == "PgDown"
    assert rows["Linear fallback for a broken curve"] == "L"
    assert "Ctrl+Return" in rows["Save reading"]
    assert rows["Steps"] == ""  # no key yet, but it can have one
    assert set(dict(BY_HAND)) <= set(rows)
    assert not dialog.isModal()


def test_no_key_has_two_meanings_with_the_keypad_and_without(window):
    for is_on in (False, True):
        window.keymap.set_keypad(is_on)
        keys = [
            keys.toString() for entry in window.keymap.entries for keys in entry.action.shortcuts()
        ]
        assert len(keys) == len(set(keys))
        assert len(keys) > 60


def test_every_action_of_the_menus_can_have_a_key_and_all_identities_differ(window):
    actions = [
        action
        for menu in window.menus.all_menus
        for action in menu.actions()
        if not action.isSeparator() and action.menu() is None
    ]
    assert all(action.objectName() for action in actions), [a.text() for a in actions]
    assert len(actions) == len({action.objectName() for action in actions})
    assert set(KEYPAD) <= {action.objectName() for action in actions}


def test_the_list_is_searched_by_words_and_by_keys(dialog):
    for wanted in ("linear fall", "F11"):
        dialog.search.setText(wanted)
        shown = [row for row in dialog.rows.values() if not row.isHidden()]
        assert 1 <= len(shown) <= 2, wanted
        assert dialog.tree.currentItem() is shown[0]
    dialog.search.setText("no such thing")
    assert not dialog.set_button.isEnabled()


# -------------------------------------------------------------------------------------- changes


def test_a_new_key_works_at_once_and_the_tooltip_names_it(window, dialog, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    dialog.choose("toggle_invert")
    press(qtbot, dialog, Key.Key_J)
    assert dialog.message.text() == "J is free."
    qtbot.mouseClick(dialog.set_button, Qt.MouseButton.LeftButton)
    assert listed(dialog)["Invert"] == "J"
    dialog.hide()
    canvas = window.viewports.current
    window.activateWindow()
    canvas.setFocus()
    QApplication.processEvents()
    qtbot.keyClick(canvas, Key.Key_I)
    assert not canvas.image.greys.is_inverted
    qtbot.keyClick(canvas, Key.Key_J)
    assert canvas.image.greys.is_inverted
    assert window.commands.action("toggle_invert").toolTip() == "Invert (J)"


def test_a_conflict_is_told_before_the_key_is_taken_over(window, dialog, qtbot):
    dialog.choose("toggle_invert")
    press(qtbot, dialog, Key.Key_N)
    assert dialog.message.text() == "N now belongs to: Next step. It would lose it."
    assert dialog.set_button.text() == "&Take over"
    assert window.keymap.keys("step_1") == ("N",)  # nothing has happened yet
    qtbot.mouseClick(dialog.set_button, Qt.MouseButton.LeftButton)
    assert window.keymap.keys("toggle_invert") == ("N",)
    assert window.keymap.keys("step_1") == ()

    dialog.choose("step_1")
    qtbot.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert dialog.message.text() == "Invert keeps its key. "
    dialog.choose("toggle_invert")
    qtbot.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert window.keymap.keys("step_1") == ("N",)
    assert window.keymap.chosen == {}


@pytest.mark.parametrize(
    ("key", "words"),
    [(Key.Key_3, "own use"), (Key.Key_B, "own use"), (Key.Key_Escape, "Put the tool away")],
)
def test_keys_of_the_forms_and_escape_cannot_be_had(window, dialog, qtbot, key, words):
    dialog.choose("toggle_invert")
    press(qtbot, dialog, key)
    assert words in dialog.message.text()
    assert not dialog.set_button.isEnabled()
    with pytest.raises(ValueError, match="cannot be given"):
        window.keymap.give("toggle_invert", QKeySequence(key).toString())


def test_a_key_that_opens_a_menu_cannot_be_had(window):
    assert "opens a menu" in window.keymap.objection("Alt+F")


def test_changes_and_the_keypad_are_there_at_the_next_start(make_window, tmp_path):
    window = make_window()
    window.keymap.give("toggle_invert", "J")
    window.keymap.clear("fit")
    window.keymap.set_keypad(True)
    assert window.close()
    tomorrow = make_window(engine=FakeEngine())
    assert tomorrow.keymap.keys("toggle_invert") == ("J",)
    assert tomorrow.keymap.keys("fit") == ()
    assert tomorrow.keymap.has_keypad
    tomorrow.keymap.reset_all()
    assert tomorrow.keymap.keys("toggle_invert") == ("I",)
    assert Settings(tmp_path / "settings.ini").keys == {}


@pytest.mark.parametrize(
    "nonsense",
    [
        *("", "[]", "{", "[" * 5000),
        *('{"fit": "F"}', '{"fit": [3]}', '{"x": ["N"]}', '{"fit": ["é→"]}'),
    ],
)
def test_settings_edited_into_nonsense_do_not_break_the_keys(make_window, tmp_path, nonsense):
    file = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    file.setValue("keys/chosen", nonsense)
    file.sync()
    window = make_window()
    assert window.keymap.keys("step_1") == ("N",)
    assert len(window.keymap.entries) > 60


def test_settings_edited_by_hand_neither_take_escape_nor_a_key_of_the_forms(make_window, tmp_path):
    settings = Settings(tmp_path / "settings.ini")
    edited = {"tools.cancel": [], "save": ["2", "Ctrl+K"], "fit": ["Esc"]}
    settings.set_keys(edited, False)
    settings.save()
    keymap = make_window().keymap
    assert keymap.keys("save") == ("Ctrl+K",)
    assert "Esc" in keymap.keys("tools.cancel")
    assert keymap.keys("fit") == ()


def test_the_save_button_and_hints_name_the_key_that_saves_now(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    assert window.assessment.save_button.text() == "Save   Ctrl+Enter"
    window.keymap.give("save", "F12")
    assert window.assessment.save_button.text() == "Save   F12"
    window.keymap.clear("save")
    assert window.assessment.save_button.text() == "Save"
    window.viewports.toggle_single()
    assert "V or double click" in step_below(window.viewports)
    window.keymap.clear("toggle_single")
    window.viewports.toggle_single()
    window.viewports.toggle_single()
    assert step_below(window.viewports) == "One view; double click shows all"


# --------------------------------------------------------------------------------------- keypad


def test_one_hand_on_the_keypad_reads_a_study_and_goes_on(
    window, write_studies, readings_path, qtbot
):
    open_and_wait(qtbot, window, write_studies(2))
    sign(qtbot, window)
    window.keymap.set_keypad(True)
    window.activateWindow()
    window.viewports.current.setFocus()
    QApplication.processEvents()
    first = window.session.current_study.uid
    pane = window.viewports

    click_keypad(qtbot, Key.Key_9)
    assert step_below(pane).startswith("Step 2")
    click_keypad(qtbot, Key.Key_7)
    assert step_below(pane).startswith("Step 1")
    zoom = pane.current.image.camera.scale
    click_keypad(qtbot, Key.Key_Plus)
    assert pane.current.image.camera.scale > zoom
    click_keypad(qtbot, Key.Key_Minus)
    assert pane.current.image.camera.scale == pytest.approx(zoom)
    click_keypad(qtbot, Key.Key_8)
    assert window.prediction.overlay[0]

    click_keypad(qtbot, Key.Key_Period)
    assert "▸" in window.assessment.forms[RIGHT].name_label.text()
    click_keypad(qtbot, Key.Key_2)
    click_keypad(qtbot, Key.Key_Period)
    assert "▸" in window.assessment.forms[LEFT].name_label.text()
    for _ in range(3):
        click_keypad(qtbot, Key.Key_4)
    click_keypad(qtbot, Key.Key_Enter)
    with ReadingStore(readings_path) as store:
        said = {(r.study_uid, r.laterality.value): r.category for r in store.all()}
    assert said == {
        (first, "R"): BiradsCategory.BENIGN,
        (first, "L"): BiradsCategory.MODERATE_SUSPICION,
    }
    click_keypad(qtbot, Key.Key_Asterisk)
    assert window.session.current_study.uid != first
    click_keypad(qtbot, Key.Key_Slash)
    assert window.session.current_study.uid == first


def test_a_category_is_entered_only_where_a_breast_is_marked(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    window.keymap.set_keypad(True)
    window.activateWindow()
    window.viewports.current.setFocus()
    QApplication.processEvents()
    for key in (Key.Key_0, Key.Key_2, Key.Key_5, Key.Key_6):
        click_keypad(qtbot, key)
    assert all(form.draft.category is None for form in window.assessment.forms.values())


def test_numbers_typed_on_the_keypad_into_fields_are_no_commands(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(2))
    window.keymap.set_keypad(True)
    window.activateWindow()
    study, overlay = window.session.current_study, window.prediction.overlay
    note = window.assessment.forms[RIGHT].note_box
    for field, read in ((window.assessment.reader, None), (note, note.toPlainText)):
        field.setFocus()
        QApplication.processEvents()
        for key, text in (
            (Key.Key_8, "8"),
            (Key.Key_Slash, "/"),
            (Key.Key_Period, "."),
            (Key.Key_Asterisk, "*"),
            (Key.Key_Plus, "+"),
            (Key.Key_7, "7"),
        ):
            event = QKeyEvent(QKeyEvent.Type.ShortcutOverride, key, PAD, text)
            event.ignore()
            QApplication.sendEvent(field, event)
            assert event.isAccepted(), "the field takes it before the window does"
            qtbot.keyClick(field, key, PAD)
        assert (read or field.text)().endswith("8/.*+7")
    assert window.session.current_study is study
    assert window.prediction.overlay == overlay
    qtbot.keyClick(note, Key.Key_Enter, PAD)
    assert not window.session.history(study)


def test_without_the_layout_the_keypad_is_no_more_than_digits(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(2))
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    window.activateWindow()
    window.viewports.current.setFocus()
    QApplication.processEvents()
    study = window.session.current_study
    for key in (Key.Key_9, Key.Key_8, Key.Key_Asterisk):
        click_keypad(qtbot, key)
    assert window.session.current_study is study
    assert step_below(window.viewports).startswith("Step 1")
    assert not window.prediction.overlay[0]


def test_a_key_of_the_pad_that_the_reader_chose_is_not_taken_by_the_layout(window):
    window.keymap.give("fit", "Num+7")
    window.keymap.set_keypad(True)
    assert window.keymap.keys("fit") == ("Num+7",)
    assert "Num+7" not in window.keymap.keys("step_-1")
