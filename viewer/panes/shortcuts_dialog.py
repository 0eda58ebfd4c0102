"""All keys and what the mouse does, and the place where the reader changes a key.

Every change is at work at once. What a key is taken from is said before it is taken.
"""

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

from viewer.shared import theme
from viewer.shared.keymap import Entry, Keymap, written
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel

# What no action stands for; the hand on the image, and the keys of the assessment.
BY_HAND = (
    (mark("Window and level"), mark("drag · with Shift all views")),
    (mark("Zoom"), mark("Ctrl + wheel · drag with the right button")),
    (mark("Move the image"), mark("drag with the middle button · Space and drag")),
    (mark("Next and previous view"), mark("wheel")),
    (mark("One view large"), mark("double click")),
    (
        mark("Draw, with a tool chosen (needs the mouse)"),
        mark("drag, or click from point to point"),
    ),
    (mark("Change a drawing"), mark("drag its line or one of its ends")),
    (mark("Category in the focused breast"), mark("0 … 6, then A, B, C after 4")),
    (mark("Next field, field before"), mark("Tab · Shift+Tab")),
)
KEYPAD_WORDS = mark(
    "One hand reads a study, with Num Lock on:\n"
    ".  right breast, then left     0 … 6  its category (4 again: 4A, 4B, 4C)     Enter  save\n"
    "7, 9  step back, on     8  heat-map     /, *  study before, next     +, -  zoom"
)
_IDENTITY = Qt.ItemDataRole.UserRole


class ShortcutsDialog(QDialog):
    """Stands beside the images, stops nothing."""

    def __init__(self, keymap: Keymap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys and mouse"))
        self._keymap = keymap
        self._rows: dict[str, QTreeWidgetItem] = {}
        self._search = QLineEdit(self)
        self._search.setPlaceholderText(tr("Find a command or a key …"))
        self._search.setAccessibleName(tr("Find a command or a key"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._filter)
        self._tree = QTreeWidget(self)
        self._tree.setAccessibleName(tr("Commands and their keys"))
        self._tree.setHeaderLabels([tr("What", "a command"), tr("Key or mouse")])
        self._tree.currentItemChanged.connect(self._show_current)
        self._fill()
        self._tree.resizeColumnToContents(0)  # once, so that a search moves nothing

        self._label = PlainLabel(self)
        self._edit = QKeySequenceEdit(self)
        self._edit.setMaximumSequenceLength(1)
        self._edit.setAccessibleName(tr("New key"))
        self._edit.keySequenceChanged.connect(self._show_conflict)
        self._set = self._button(tr("&Set"), self._give)
        self._clear = self._button(tr("&No key"), lambda: self._change(self._keymap.clear))
        self._reset = self._button(tr("&Default"), self._reset_one)
        self._words = PlainLabel(self)
        self._words.setWordWrap(True)
        self._words.setFont(theme.font(theme.SMALL_TEXT_PX))
        self._words.setMinimumHeight(2 * self._words.fontMetrics().lineSpacing())
        self._words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._keypad = QCheckBox(tr("&Keypad layout"), self)
        self._keypad.setChecked(keymap.has_keypad)
        self._keypad.toggled.connect(keymap.set_keypad)
        keypad_words = PlainLabel(tr(KEYPAD_WORDS), self)
        keypad_words.setWordWrap(True)
        keypad_words.setFont(theme.font(theme.SMALL_TEXT_PX))
        reset_all = self._button(tr("&All defaults"), self._reset_all)
        close = self._button(tr("&Close"), self.close)

        change = QGridLayout()
        change.addWidget(self._label, 0, 0, 1, 4)
        for column, widget in enumerate((self._edit, self._set, self._clear, self._reset)):
            change.addWidget(widget, 1, column)
        change.setColumnStretch(0, 1)
        bottom = QHBoxLayout()
        bottom.addWidget(reset_all)
        bottom.addStretch(1)
        bottom.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(self._search)
        layout.addWidget(self._tree, 1)
        layout.addLayout(change)
        layout.addWidget(self._words)
        layout.addWidget(self._keypad)
        layout.addWidget(keypad_words)
        layout.addLayout(bottom)
        self.resize(760, 660)
        keymap.changed.connect(self._show_keys)
        self._show_keys()
        self._tree.setFocus()
        self._tree.setCurrentItem(next(iter(self._rows.values())))

    def _button(self, text: str, slot) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def _fill(self) -> None:
        groups: dict[str, QTreeWidgetItem] = {}

        def group(title: str) -> QTreeWidgetItem:
            if title not in groups:
                groups[title] = QTreeWidgetItem(self._tree, [title])
                groups[title].setFont(0, theme.font(bold=True))
                groups[title].setExpanded(True)
            return groups[title]

        for entry in self._keymap.entries:
            row = QTreeWidgetItem(group(entry.group), [entry.text])
            row.setData(0, _IDENTITY, entry.identity)
            self._rows[entry.identity] = row
        for what, how in BY_HAND:
            QTreeWidgetItem(group(tr("Mouse and forms")), [tr(what), tr(how)])

    # ------------------------------------------------------------------------------------- changes

    @property
    def _current(self) -> Entry | None:
        item = self._tree.currentItem()
        identity = None if item is None else item.data(0, _IDENTITY)
        return next((e for e in self._keymap.entries if e.identity == identity), None)

    def choose(self, identity: str) -> None:
        """The command whose key is to be changed."""
        self._tree.setCurrentItem(self._rows[identity])

    @property
    def _pressed(self) -> str:
        return self._edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _give(self) -> None:
        key = self._pressed
        if self._set.isEnabled() and self._current is not None:
            self._change(lambda identity: self._keymap.give(identity, key))

    def _change(self, how) -> None:
        if (entry := self._current) is not None:
            how(entry.identity)
            self._show_current()
            keys = self._keymap.text(entry.identity) or tr("no key")
            self._words.setText(f"{entry.text}: {keys}")

    def _reset_one(self) -> None:
        if (entry := self._current) is not None:
            keepers = self._keymap.reset(entry.identity)
            self._show_current()
            words = tr("{command} keeps its key.")
            self._words.setText("".join(f"{words.format(command=k.text)} " for k in keepers))

    def _reset_all(self) -> None:
        self._keymap.reset_all()
        self._show_current()
        self._words.setText(tr("All commands have the program's own keys."))

    # ------------------------------------------------------------------------------- what it shows

    def _show_keys(self) -> None:
        for identity, row in self._rows.items():
            row.setText(1, self._keymap.text(identity))
            row.setFont(1, theme.font(bold=identity in self._keymap.chosen))
        self._keypad.setChecked(self._keymap.has_keypad)
        self._filter()

    def _show_current(self, *_items: object) -> None:
        entry = self._current
        self._edit.clear()
        can_change = entry is not None and not entry.is_fixed
        for widget in (self._edit, self._clear, self._reset):
            widget.setEnabled(can_change)
        words = tr("This one stays.")
        if can_change:
            words = tr("New key for: {command}").format(command=entry.text)
        self._label.setText(words)
        self._show_conflict()

    def _show_conflict(self) -> None:
        """Before anything is changed: who has the key now."""
        key, entry = self._pressed, self._current
        words, fault, holder = "", "", None
        if key:
            fault, holder = self._keymap.fault(key), self._keymap.holder(key)
            if fault:
                words = fault
            elif holder is None or holder is entry:
                words = tr("{key} is free.") if holder is None else tr("{key} is set.")
                words = words.format(key=written(key))
            else:
                words = tr("{key} now belongs to: {command}. It would lose it.")
                words = words.format(key=written(key), command=holder.text)
        is_taken = holder is not None and holder is not entry and not fault
        self._set.setText(tr("&Take over") if is_taken else tr("&Set"))
        self._set.setEnabled(bool(key) and not fault and entry is not None and not entry.is_fixed)
        palette = self._words.palette()
        colour = theme.WARNING if is_taken or fault else theme.MUTED
        palette.setColor(self._words.foregroundRole(), colour)
        self._words.setPalette(palette)
        self._words.setText(words)

    def _filter(self) -> None:
        wanted = self._search.text().casefold()
        for number in range(self._tree.topLevelItemCount()):
            group = self._tree.topLevelItem(number)
            shown = 0
            for child in map(group.child, range(group.childCount())):
                is_wanted = wanted in f"{child.text(0)} {child.text(1)}".casefold()
                child.setHidden(not is_wanted)
                shown += is_wanted
            group.setHidden(not shown)
        current = self._tree.currentItem()
        if current is not None and current.isHidden():
            found = (row for row in self._rows.values() if not row.isHidden())
            self._tree.setCurrentItem(next(found, None))
