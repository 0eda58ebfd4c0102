"""The one question of the first start: how the reader wants to read.

It stands above the images and waits; whoever does not answer reads on in the mode that is set.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QPushButton, QWidget

from engine.domain import ReadingMode
from viewer.display.reading_modes import EVIDENCE, MODE_MEANINGS, MODE_TITLES
from viewer.panes import labels
from viewer.shared import theme
from viewer.shared.languages import tr


class ModeQuestion(QFrame):
    """The three modes with a sentence each, and a sentence of the evidence."""

    # The mode that the reader chose
    answered = Signal(ReadingMode)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modeQuestion")
        self.setStyleSheet(
            f"#modeQuestion {{ background: {theme.RAISED.name()}; border: none;"
            f" border-left: 4px solid {theme.ACCENT.name()}; }}"
        )
        question = labels.title(tr("How do you want to read?"), self)
        evidence = labels.wrapped(self)
        change = tr("You can change it at any time in the toolbar.")
        evidence.setText(f"{tr(EVIDENCE)} {change}")
        self.buttons: dict[ReadingMode, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 10, 8)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        grid.addWidget(question, 0, 0, 1, 3)
        grid.addWidget(evidence, 1, 0, 1, 3)
        for column, (mode, title) in enumerate(MODE_TITLES.items()):
            is_default = mode is ReadingMode.CONCURRENT
            title = tr("{mode} (default)").format(mode=tr(title)) if is_default else tr(title)
            button = QPushButton(title, self)
            button.setAccessibleDescription(tr(MODE_MEANINGS[mode]))
            button.clicked.connect(lambda _checked=False, mode=mode: self.answered.emit(mode))
            self.buttons[mode] = button
            grid.addWidget(button, 2, column)
            meaning = labels.wrapped(self)
            meaning.setText(tr(MODE_MEANINGS[mode]))
            meaning.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            grid.addWidget(meaning, 3, column)
            grid.setColumnStretch(column, 1)
