"""All keys and what the mouse does, and the place where the reader changes a key.

Every change is at work at once. Whose key it is stands there before it is taken.
"""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.display.mouse_habits import MouseHabits, ways
from viewer.panes import labels
from viewer.shared import theme
from viewer.shared.keymap import Keymap, KeymapEntry, written
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel

# What no action stands for, beside `mouse_habits.ways`: drawing, and the keys of the assessment.
BY_HAND = (
    (mark("One view large"), mark("double click")),
    (
        mark("Draw, with a tool chosen (needs the mouse)"),
        mark("drag, or click from point to point"),
    ),
    (mark("Change a drawing"), mark("drag its line or one of its ends")),
    (mark("Category in the focused breast"), mark("0 … 6, then A, B, C after 4")),
    (mark("Next field, field before"), mark("Tab · Shift+Tab")),
)
KEYPAD_TEXT = mark(
    "One hand reads a study, with Num Lock on:\n"
    ".  right breast, then left     0 … 6  its category (4 again: 4A, 4B, 4C)     Enter  save\n"
    "7, 9  step back, on     8  heat-map     /, *  study before, next     +, -  zoom"
)
_IDENTITY = Qt.ItemDataRole.UserRole


class ShortcutsDialog(QDialog):
    """Stands beside the images, stops nothing."""

    def __init__(self, keymap: Keymap, mouse: MouseHabits, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys and mouse"))
        self._keymap = keymap
        self.rows: dict[str, QTreeWidgetItem] = {}
        self._groups: dict[str, QTreeWidgetItem] = {}
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Find a command or a key …"))
        self.search.setAccessibleName(tr("Find a command or a key"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.tree = QTreeWidget(self)
        self.tree.setAccessibleName(tr("Commands and their keys"))
        self.tree.setHeaderLabels([tr("What", "a command"), tr("Key or mouse")])
        self.tree.currentItemChanged.connect(self._show_current)
        self._fill(mouse)
        self.tree.resizeColumnToContents(0)  # once, so that a search moves nothing

        self._label = PlainLabel(self)
        self.key_edit = QKeySequenceEdit(self)
        self.key_edit.setMaximumSequenceLength(1)
        self.key_edit.setAccessibleName(tr("New key"))
        self.key_edit.keySequenceChanged.connect(self._show_conflict)
        self.set_button = self._button(tr("&Set"), self._give)
        self.clear_button = self._button(tr("&No key"), lambda: self._change(self._keymap.clear))
        self.reset_button = self._button(tr("&Default"), self._reset_one)
        self.message = labels.wrapped(self)
        self.message.setMinimumHeight(2 * self.message.fontMetrics().lineSpacing())
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.keypad_box = QCheckBox(tr("&Keypad layout"), self)
        self.keypad_box.setChecked(keymap.has_keypad)
        self.keypad_box.toggled.connect(keymap.set_keypad)
        keypad_text = labels.wrapped(self)
        keypad_text.setText(tr(KEYPAD_TEXT))
        reset_all = self._button(tr("&All defaults"), self._reset_all)
        close = self._button(tr("&Close"), self.close)

        change = QGridLayout()
        change.addWidget(self._label, 0, 0, 1, 4)
        for column, widget in enumerate(
            (self.key_edit, self.set_button, self.clear_button, self.reset_button)
        ):
            change.addWidget(widget, 1, column)
        change.setColumnStretch(0, 1)
        bottom = QHBoxLayout()
        bottom.addWidget(reset_all)
        bottom.addStretch(1)
        bottom.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)
        layout.addLayout(change)
        layout.addWidget(self.message)
        layout.addWidget(self.keypad_box)
        layout.addWidget(keypad_text)
        layout.addLayout(bottom)
        self.resize(760, 660)
        keymap.changed.connect(self._show_keys)
        self._show_keys()
        self.tree.setFocus()
        self.tree.setCurrentItem(next(iter(self.rows.values())))

    def _button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def _fill(self, mouse: MouseHabits) -> None:
        for entry in self._keymap.entries:
            row = QTreeWidgetItem(self._group(entry.group), [entry.text])
            row.setData(0, _IDENTITY, entry.identity)
            self.rows[entry.identity] = row
        by_hand = [(tr(what), tr(how)) for what, how in BY_HAND]
        for what, how in (*ways(mouse), *by_hand):
            QTreeWidgetItem(self._group(tr("Mouse and forms")), [what, how])

    def _group(self, title: str) -> QTreeWidgetItem:
        if title not in self._groups:
            self._groups[title] = group = QTreeWidgetItem(self.tree, [title])
            group.setFont(0, theme.font(bold=True))
            group.setExpanded(True)
        return self._groups[title]

    # ------------------------------------------------------------------------------------- changes

    @property
    def _current(self) -> KeymapEntry | None:
        item = self.tree.currentItem()
        identity = None if item is None else item.data(0, _IDENTITY)
        return next((e for e in self._keymap.entries if e.identity == identity), None)

    def choose(self, identity: str) -> None:
        """The command whose key is to be changed."""
        self.tree.setCurrentItem(self.rows[identity])

    @property
    def _pressed(self) -> str:
        return self.key_edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _give(self) -> None:
        key = self._pressed
        if self.set_button.isEnabled() and self._current is not None:
            self._change(lambda identity: self._keymap.give(identity, key))

    def _change(self, how: Callable[[str], object]) -> None:
        if (entry := self._current) is not None:
            how(entry.identity)
            self._show_current()
            keys = self._keymap.text(entry.identity) or tr("no key")
            self.message.setText(f"{entry.text}: {keys}")

    def _reset_one(self) -> None:
        if (entry := self._current) is not None:
            keepers = self._keymap.reset(entry.identity)
            self._show_current()
            text = tr("{command} keeps its key.")
            self.message.setText("".join(f"{text.format(command=k.text)} " for k in keepers))

    def _reset_all(self) -> None:
        self._keymap.reset_all()
        self._show_current()
        self.message.setText(tr("All commands have the program's own keys."))

    # ------------------------------------------------------------------------------- what it shows

    def _show_keys(self) -> None:
        for identity, row in self.rows.items():
            row.setText(1, self._keymap.text(identity))
            row.setFont(1, theme.font(bold=identity in self._keymap.chosen))
        self.keypad_box.setChecked(self._keymap.has_keypad)
        self._filter()

    def _show_current(self, *_items: object) -> None:
        entry = self._current
        self.key_edit.clear()
        text = tr("This one stays.")
        if entry is not None and not entry.is_fixed:
            text = tr("New key for: {command}").format(command=entry.text)
        for widget in (self.key_edit, self.clear_button, self.reset_button):
            widget.setEnabled(entry is not None and not entry.is_fixed)
        self._label.setText(text)
        self._show_conflict()

    def _show_conflict(self) -> None:
        """Before anything is changed: who has the key now."""
        key, entry = self._pressed, self._current
        refusal = self._keymap.objection(key) if key else ""
        holder = self._keymap.holder(key) if key else None
        is_taken = holder is not None and holder is not entry and not refusal
        text = refusal
        if key and not refusal:
            text = tr("{key} is free.") if holder is None else tr("{key} is set.")
            if holder is not None and holder is not entry:
                text = tr("{key} now belongs to: {command}. It would lose it.")
            command = "" if holder is None else holder.text
            text = text.format(key=written(key), command=command)
        self.set_button.setText(tr("&Take over") if is_taken else tr("&Set"))
        can_be_set = bool(key) and not refusal and entry is not None and not entry.is_fixed
        self.set_button.setEnabled(can_be_set)
        labels.colour(self.message, theme.WARNING if is_taken or refusal else theme.MUTED)
        self.message.setText(text)

    def _filter(self) -> None:
        wanted = self.search.text().casefold()
        for group in self._groups.values():
            children = (group.child(number) for number in range(group.childCount()))
            rows = [row for row in children if row is not None]
            for row in rows:
                row.setHidden(wanted not in f"{row.text(0)} {row.text(1)}".casefold())
            group.setHidden(all(row.isHidden() for row in rows))
        current = self.tree.currentItem()
        if current is not None and current.isHidden():
            found = (row for row in self.rows.values() if not row.isHidden())
            if (first := next(found, None)) is not None:
                self.tree.setCurrentItem(first)
            else:
                self.tree.selectionModel().clear()
