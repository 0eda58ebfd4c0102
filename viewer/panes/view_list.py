"""What the model predicts of each view, below its breast; and why of some it predicts nothing."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from viewer.display import opinion
from viewer.display.assessment_form import SIDES
from viewer.display.prediction_lines import ViewLines
from viewer.panes import labels
from viewer.panes.other_prediction import COLUMN_GAP
from viewer.shared import theme
from viewer.shared.languages import tr

ROW_GAP = 2  # pixels
REMARKS = 12  # at most, each a block of its own; what is beyond stands in the last one


class ViewList(QWidget):
    """The views that are judged. `remarks` tells of the others and stands below it: sentences, that
    need the pane's whole width and go on another page where they have no room.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("What the model says of each view"))
        self.headline = labels.wrapped(self, theme.TEXT_PX, bold=True)  # where none has a category
        self.rule = labels.wrapped(self, quiet=True)
        self.rule.setText(tr(opinion.POOLING_RULE))
        self.breasts = {side: labels.wrapped(self, quiet=True) for side in SIDES}
        self.remarks: list[QLabel] = [labels.wrapped(parent) for _ in range(REMARKS)]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(COLUMN_GAP)
        grid.setVerticalSpacing(ROW_GAP)
        grid.addWidget(self.headline, 0, 0, 1, 2)
        grid.addWidget(self.rule, 1, 0, 1, 2)
        for column, label in enumerate(self.breasts.values()):
            label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, 2, column)
            grid.setColumnStretch(column, 1)
        self.clear()

    def reserved_height(self, lines: int) -> int:
        """For that many lines on the views of a breast."""
        metrics = self.rule.fontMetrics()
        return self.rule.sizeHint().height() + ROW_GAP + lines * metrics.lineSpacing() + 1

    @property
    def shown_remarks(self) -> list[QLabel]:
        return [label for label in self.remarks if label.text()]

    @property
    def text(self) -> str:
        """All that it shows, remarks included."""
        rows = (self.headline, *self.breasts.values(), *self.remarks)
        return "\n".join(label.text() for label in rows if label.text())

    def clear(self) -> None:
        self.show_lines((), ViewLines({}, (), ()))

    def show_lines(self, no_category: Sequence[str], lines: ViewLines) -> None:
        """`no_category`: why no breast of the study has one."""
        self.headline.setText("\n".join(no_category))
        self.headline.setVisible(bool(no_category))
        for side, label in self.breasts.items():
            label.setText("\n".join(lines.by_side.get(side, ())))
            label.setVisible(any(lines.by_side.values()))
        self.rule.setVisible(not no_category)
        remarks = list(lines.remarks)
        if lines.loose:
            first, *others = lines.loose
            remarks += ["\n".join([tr("SIDE NOT KNOWN"), first]), *others]
        if len(remarks) > REMARKS:
            remarks[REMARKS - 1 :] = ["\n".join(remarks[REMARKS - 1 :])]
        for number, remark in enumerate(self.remarks):
            remark.setText(remarks[number] if number < len(remarks) else "")
