"""Below the buttons of the forms: what is to be known before a save, and what was recorded."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from viewer.panes import labels
from viewer.shared.languages import mark, tr

# European Radiology 2024, PMC11255031, table 2: 25 of 66 and 32 of 102, retrospective and enriched
DOWNGRADE_EVIDENCE = mark(
    "In a study of two AIs, a third of the positives that readers lowered to negative after seeing "
    "the AI were cancers (57 of 168, Eur Radiol 2024)."
)
HINT_LINES, EVIDENCE_LINES = 2, 3


class SaveNotes(QScrollArea):
    """Has room for a hint in any case, and for as much of the history as there is."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        content = QWidget(self)
        self.confirm_box = QCheckBox(content)
        self.confirm_box.setToolTip(tr(DOWNGRADE_EVIDENCE))
        self.hint = labels.wrapped(content, quiet=True)
        self._history_title = labels.wrapped(content, quiet=True)
        self._history_title.setText(tr("Recorded for this study"))
        self.history = labels.wrapped(content, quiet=True)
        self.history.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.confirm_box, self.hint, self._history_title, self.history):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Recorded for this study"))
        labels.stop_where_it_scrolls(self)
        self.reserve(is_tick_asked=False)

    def reserve(self, is_tick_asked: bool) -> None:
        """Two lines of a hint; or the tick that a lowered category needs, with the evidence."""
        line = self.hint.fontMetrics().lineSpacing() + 1
        height = HINT_LINES * line
        if is_tick_asked:
            height = self.confirm_box.sizeHint().height() + EVIDENCE_LINES * line
        self.setMinimumHeight(height)

    def ask_to_confirm(self, steps: Sequence[str]) -> None:
        """'R 4A → 3' of each breast whose category was lowered; a tick holds for these alone."""
        text = tr("Confirm lowering {steps}").format(steps=", ".join(steps)) if steps else ""
        if text != self.confirm_box.text():
            self.confirm_box.setText(text)
            self.confirm_box.setChecked(False)
        self.confirm_box.setVisible(bool(steps))

    def show_history(self, lines: Sequence[str]) -> None:
        self.history.setText("\n".join(lines))
        self._history_title.setVisible(bool(lines))
        self.history.setVisible(bool(lines))
