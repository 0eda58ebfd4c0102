"""The registry of commands: whatever a menu offers, a button of the toolbar shows or a key does.

A command's identity is its own, whatever it calls: readers' settings keep their keys under it, so
it never changes (tests/viewer/command_identities.txt holds them all).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from viewer.shared.languages import tr
from viewer.shared.plain_text import tool_tip


@dataclass(frozen=True)
class ActionSpec:
    """One command: what it is called, its keys before the reader changes them, and what it does."""

    id: str
    text: str  #: translated, with its mnemonic
    keys: tuple[str, ...]  #: as QKeySequence reads them
    callback: Callable[[], object]
    is_checked: Callable[[], bool] | None = None  #: what its tick follows; None: it has no tick
    choice_of: str = ""  #: the set of commands of which one is ticked
    tool_tip: str = ""  #: where it says more than the text
    is_local: bool = False  #: only while its owner has the keyboard: the key has other uses
    repeats: bool = True  #: goes on while its key is held down


class Commands(QObject):
    """Makes the actions of specs, in their order, and keeps their ticks true."""

    carried_out = Signal()  #: any of them, just now

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._specs: dict[str, ActionSpec] = {}
        self._actions: dict[str, QAction] = {}
        self._choices: dict[str, QActionGroup] = {}

    @property
    def specs(self) -> tuple[ActionSpec, ...]:
        return tuple(self._specs.values())

    def add(self, owner: QObject, specs: Iterable[ActionSpec]) -> list[QAction]:
        """Raises ValueError where an identity is another command's."""
        return [self._add(spec, QAction(spec.text, owner)) for spec in specs]

    def adopt(self, identity: str, keys: tuple[str, ...], action: QAction) -> None:
        """An action that Qt has made and ticks by itself, such as a dock's."""
        self._add(ActionSpec(identity, action.text(), keys, lambda: None), action)

    def _add(self, spec: ActionSpec, action: QAction) -> QAction:
        if spec.id in self._actions:
            raise ValueError(f"two commands are {spec.id}")
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        if spec.tool_tip:
            action.setToolTip(spec.tool_tip)
        if spec.is_local:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setAutoRepeat(spec.repeats)
        if spec.is_checked is not None:
            action.setCheckable(True)
        if spec.choice_of:
            group = self._choices.setdefault(spec.choice_of, QActionGroup(self))
            group.addAction(action)
        action.triggered.connect(lambda *_checked: self._carry_out(spec))
        self._specs[spec.id], self._actions[spec.id] = spec, action
        return action

    def _carry_out(self, spec: ActionSpec) -> None:
        spec.callback()
        self.refresh()
        self.carried_out.emit()

    def action(self, identity: str) -> QAction:
        """Raises KeyError where no command is called so."""
        return self._actions[identity]

    def trigger(self, identity: str) -> None:
        """As by its key or from its menu."""
        self._actions[identity].trigger()

    def lock(self, identity: str, reason: str) -> None:
        """Not in this installation, whoever enables it later; the menu says so, the tip why."""
        action = self._actions[identity]
        action.setText(tr("{command} (locked)").format(command=action.text()))
        action.setToolTip(tool_tip(reason))
        action.setEnabled(False)
        action.enabledChanged.connect(lambda _is_on: action.setEnabled(False))

    def refresh(self) -> None:
        """After something that a tick follows has changed by another way than by a command."""
        for identity, spec in self._specs.items():
            if spec.is_checked is not None:
                self._actions[identity].setChecked(spec.is_checked())

    def with_key(self, identity: str, template: str) -> str:
        """The template with the command's key in them, at "{}"; empty if it has none."""
        keys = self._actions[identity].shortcut()
        if keys.isEmpty():
            return ""
        return template.format(keys.toString(QKeySequence.SequenceFormat.NativeText))
