"""The commands of the window: each has an identity for ever, since readers' settings keep their
keys under it, and each stands in one menu.
"""

from pathlib import Path

import pytest
from PySide6.QtGui import QAction

from viewer.shared.commands import ActionSpec, Commands
from viewer.shared.keymap import FIXED, KEYPAD
from viewer.window.menus import MENUS, TOOLBAR

# As they are in settings.ini on readers' computers. A line may be added, for a new command; none
# may be changed or taken away: with it the keys that a reader chose would be lost.
IDENTITIES = Path(__file__).parents[1].joinpath("command_identities.txt").read_text().split()


def test_no_command_loses_the_name_under_which_a_reader_chose_its_keys(window):
    assert {spec.id for spec in window.commands.specs} == set(IDENTITIES)
    assert len(IDENTITIES) == len(set(IDENTITIES))


def test_the_keypad_the_toolbar_and_the_fixed_key_name_commands_that_there_are():
    in_toolbar = {identity for group in TOOLBAR for identity in group}
    assert set(KEYPAD) | set(FIXED) | in_toolbar <= set(IDENTITIES)


def test_each_command_stands_in_one_place_of_the_menus(window):
    placed = [identity for menu in MENUS.values() for identity in menu]
    found = [identity for identity in IDENTITIES if not identity.startswith("language_")]
    assert sorted(identity for identity in placed if identity in IDENTITIES) == sorted(found)
    assert window.findChildren(QAction, "language_en")


def test_no_two_commands_share_a_key(window):
    keys = [key for spec in window.commands.specs for key in spec.keys]
    assert len(keys) == len(set(keys))


def test_a_command_is_carried_out_and_its_tick_follows_what_became_of_it(qapp):
    state = {"is_on": False, "done": 0}

    def switch():
        state["is_on"] = not state["is_on"]

    def fail_to_switch():
        state["done"] += 1

    commands = Commands()
    specs = [
        ActionSpec("switch", "Switch", ("X",), switch, lambda: state["is_on"]),
        ActionSpec("stuck", "Stuck", (), fail_to_switch, lambda: False),
    ]
    commands.add(commands, specs)
    commands.trigger("switch")
    commands.trigger("stuck")
    assert commands.action("switch").isChecked()
    assert not commands.action("stuck").isChecked()  # though Qt ticks what is pressed
    assert state["done"] == 1
    state["is_on"] = False
    commands.refresh()
    assert not commands.action("switch").isChecked()
    assert commands.with_key("switch", "press {}") == "press X"
    assert commands.with_key("stuck", "press {}") == ""


def test_two_commands_cannot_be_called_the_same(qapp):
    commands = Commands()
    first = ActionSpec("same", "One", (), lambda: None)
    with pytest.raises(ValueError, match="same"):
        commands.add(commands, [first, first])
