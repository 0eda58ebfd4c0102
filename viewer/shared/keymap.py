"""Which key does what: the program's keys, the reader's own over them, and those of the keypad.

A key belongs to one command at most. The reader's own choice goes first, then the program's, then
the keypad's layer, so that neither a new version nor the keypad ever takes a chosen key away.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QMenu, QPlainTextEdit

from viewer.shared.languages import tr

# One hand on the keypad, Num Lock on: 0 … 6 stay free for the categories of the breast in hand.
KEYPAD = {
    "next_breast": "Num+.",
    "save": "Num+Enter",
    "step_-1": "Num+7",
    "heat_map": "Num+8",
    "step_1": "Num+9",
    "step_study_-1": "Num+/",
    "step_study_1": "Num+*",
    "zoom_step_-1": "Num+-",
    "zoom_step_1": "Num++",
}
FIXED = ("tools.cancel",)  # hints on the screen name its key
# They move the keyboard, press what has it, or are the breast forms' own.
TAKEN = ("Tab", "Shift+Tab", "Space", "Return", "Enter", "Num+Enter", *"0123456", *"ABC")
_TYPED_IN = (QLineEdit, QPlainTextEdit, QAbstractSpinBox)


@dataclass(frozen=True)
class KeymapEntry:
    """A command of the menus that can have a key."""

    identity: str
    group: str  #: the title of its menu
    action: QAction
    defaults: tuple[str, ...]  #: as QKeySequence writes them portably
    tool_tip: str  #: without keys

    @property
    def text(self) -> str:
        return plain(self.action.text())

    @property
    def is_fixed(self) -> bool:
        return self.identity in FIXED


class Keymap(QObject):
    """Gives the actions their keys, and tells them in their tooltips."""

    changed = Signal()

    def __init__(
        self, chosen: Mapping[str, tuple[str, ...]], has_keypad: bool, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._entries: dict[str, KeymapEntry] = {}
        self._chosen = {
            name: tuple(key for key in map(_normal, keys) if key not in TAKEN)
            for name, keys in chosen.items()
            if name not in FIXED
        }
        self._has_keypad = has_keypad
        self._mnemonics: set[str] = set()

    def add_menu(self, menu: QMenu) -> None:
        """Its actions that have an object name; `apply` is to follow."""
        self._mnemonics.add(_portable(QKeySequence.mnemonic(menu.title())))
        for action in menu.actions():
            name = action.objectName()
            if name and name not in self._entries:
                tool_tip = plain(action.toolTip())
                keys = tuple(_portable(keys) for keys in action.shortcuts())
                self._entries[name] = KeymapEntry(name, plain(menu.title()), action, keys, tool_tip)

    def apply(self) -> None:
        """From now on the actions have these keys."""
        app = cast(QApplication, QApplication.instance())
        app.removeEventFilter(self)
        if self._has_keypad:
            app.installEventFilter(self)
        for entry in self._entries.values():
            keys = self.keys(entry.identity)
            entry.action.setShortcuts([QKeySequence(key) for key in keys])
            keys_text = self.text(entry.identity)
            entry.action.setToolTip(
                f"{entry.tool_tip} ({keys_text})" if keys_text else entry.tool_tip
            )
        self.changed.emit()

    @property
    def entries(self) -> tuple[KeymapEntry, ...]:
        """In the order of the menus."""
        return tuple(self._entries.values())

    def keys(self, identity: str) -> tuple[str, ...]:
        return tuple(key for key, name in self._holders() if name == identity)

    def text(self, identity: str) -> str:
        """Its keys as they are written on this computer; empty if it has none."""
        return " · ".join(written(key) for key in self.keys(identity))

    def first(self, identity: str) -> str:
        """Of its keys the one to name where there is little room."""
        return next(iter(map(written, self.keys(identity))), "")

    def _holders(self) -> Iterator[tuple[str, str]]:
        """Each key once, with the command that has it."""
        seen: set[str] = set()
        layers: list[list[tuple[str, tuple[str, ...]]]] = [
            [(name, self._entries[name].defaults) for name in FIXED if name in self._entries],
            [(name, self._own_keys(name)) for name in self._entries if name in self._chosen],
            [(name, e.defaults) for name, e in self._entries.items() if name not in self._chosen],
            [(name, (key,)) for name, key in KEYPAD.items() if name in self._entries]
            if self._has_keypad
            else [],
        ]
        for layer in layers:
            for name, keys in layer:
                for key in keys:
                    if key not in seen:
                        seen.add(key)
                        yield key, name

    def _own_keys(self, identity: str) -> tuple[str, ...]:
        return self._chosen[identity]

    # --------------------------------------------------------------------------- the reader's own

    @property
    def chosen(self) -> dict[str, tuple[str, ...]]:
        """What differs from the program's keys, by identity; empty: no key."""
        return dict(self._chosen)

    @property
    def has_keypad(self) -> bool:
        return self._has_keypad

    def set_keypad(self, is_on: bool) -> None:
        self._has_keypad = is_on
        self.apply()

    def holder(self, key: str) -> KeymapEntry | None:
        """Whose key it is now."""
        name = dict(self._holders()).get(_normal(key))
        return None if name is None else self._entries[name]

    def objection(self, key: str) -> str:
        """Why no command can have the key; empty if one can."""
        key = _normal(key)
        if not key:
            return tr("No key was pressed.")
        if key in TAKEN:
            return tr("{key} has its own use in the forms and on buttons.").format(key=written(key))
        if key in self._mnemonics:
            return tr("{key} opens a menu.").format(key=written(key))
        if (holder := self.holder(key)) is not None and holder.is_fixed:
            text = tr("{key} always belongs to: {command}.")
            return text.format(key=written(key), command=holder.text)
        return ""

    def give(self, identity: str, key: str) -> None:
        """The command's only key from now on; whoever had it has it no more.

        Raises ValueError where `objection` says why not.
        """
        key = _normal(key)
        if self._entries[identity].is_fixed or self.objection(key):
            raise ValueError(f"{key} cannot be given to {identity}")
        for name, keys in self._chosen.items():
            self._chosen[name] = tuple(other for other in keys if other != key)
        self._choose(identity, (key,))

    def clear(self, identity: str) -> None:
        """No key but the keypad's."""
        if not self._entries[identity].is_fixed:
            self._choose(identity, ())

    def reset(self, identity: str) -> list[KeymapEntry]:
        """The program's own keys; returns the commands that keep one of them by choice."""
        self._chosen.pop(identity, None)
        self.apply()
        holders = [self.holder(key) for key in self._entries[identity].defaults]
        return [holder for holder in holders if holder and holder.identity != identity]

    def reset_all(self) -> None:
        self._chosen.clear()
        self.apply()

    def _choose(self, identity: str, keys: tuple[str, ...]) -> None:
        self._chosen[identity] = keys
        if keys == self._entries[identity].defaults:
            del self._chosen[identity]
        self.apply()

    # ------------------------------------------------------------------------------------- typing

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Whoever types a number or a line into a field types: no key of the pad is a command."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_on_pad = event.modifiers() == Qt.KeyboardModifier.KeypadModifier
            if is_on_pad and isinstance(watched, _TYPED_IN):
                event.accept()
                return True
        return False


def plain(text: str) -> str:
    """A menu's words without their mnemonic and dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip(" …")


def written(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _portable(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.PortableText)


def _normal(key: str) -> str:
    """As Qt writes it, one chord; empty where it is none."""
    return _portable(QKeySequence(key)) if QKeySequence(key).count() == 1 else ""
