"""What stands above the worklist: the search, which studies are listed, and by what sorted."""

from functools import partial
from typing import cast

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.display.worklist_row import WorklistFilter, WorklistOrder
from viewer.shared import theme
from viewer.shared.languages import mark, tr

# By what the headings sort, and what they say of it.
_COLUMNS = {
    WorklistOrder.PATIENT: mark("By Patient ID; again: the other way round, then as opened"),
    WorklistOrder.DATE: mark("The newest first; again: the other way round, then as opened"),
    WorklistOrder.READING: mark("What is begun first, then unread; again: the other way round"),
    WorklistOrder.SUSPICION: mark("The most suspicious first; again: the other way round"),
}
_UPWARDS = (WorklistOrder.PATIENT, WorklistOrder.READING)


class WorklistBar(QWidget):
    """Offers nothing that tells of the model while that is hidden, and says so there."""

    filter_changed = Signal()
    order_changed = Signal()  #: in which the list stands
    order_wanted = Signal(WorklistOrder, bool)  #: perhaps later; whether it is turned round
    left_downwards = Signal()  #: the keyboard goes on to the list

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted = WorklistOrder.OPENED, False
        self._may_tell = True
        self._counts: dict[WorklistFilter, int] = {}
        self.search = _Search(self)
        self.search.textChanged.connect(lambda _text: self.filter_changed.emit())
        self.search.left_downwards.connect(self.left_downwards)
        self.filter_box = QComboBox(self)
        self.filter_box.setAccessibleName(tr("Which studies are listed"))
        self.filter_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for wanted in WorklistFilter:
            self.filter_box.addItem("", wanted)
        self.filter_box.currentIndexChanged.connect(lambda _place: self.filter_changed.emit())
        self._buttons = {order: self._make_button(order) for order in _COLUMNS}
        headings = QHBoxLayout()
        headings.setSpacing(2)
        for order, button in self._buttons.items():  # the longer word has the more room
            needed = button.fontMetrics().horizontalAdvance(tr(order.value))
            headings.addWidget(button, needed + theme.scaled(14))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.search)
        column.addWidget(self.filter_box)
        column.addLayout(headings)
        self._refresh_filters()
        self._refresh_buttons()

    def _make_button(self, order: WorklistOrder) -> QToolButton:
        button = QToolButton(self)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        button.setMinimumWidth(1)  # all four stand beside each other in the narrowest pane
        button.setStyleSheet("padding: 3px 0px;")
        button.setFont(theme.font(theme.SMALL_TEXT_PX))
        button.clicked.connect(partial(self._on_heading_clicked, order))
        return button

    # ---------------------------------------------------------------------------------- the filter

    @property
    def wanted(self) -> WorklistFilter:
        return cast(WorklistFilter, self.filter_box.currentData())

    @property
    def is_filtering(self) -> bool:
        return self.wanted is not WorklistFilter.ALL or bool(self.search.text())

    def list_all(self) -> None:
        """`filter_changed` follows once, if anything changes."""
        if not self.is_filtering:
            return
        with QSignalBlocker(self):
            self.search.clear()
            self.filter_box.setCurrentIndex(0)
        self.filter_changed.emit()

    def show_counts(self, counts: dict[WorklistFilter, int]) -> None:
        """How many rows each filter lists; of what is hidden none."""
        self._counts = counts
        self._refresh_filters()

    def _refresh_filters(self) -> None:
        model = cast(QStandardItemModel, self.filter_box.model())
        for place, wanted in enumerate(WorklistFilter):
            is_hidden = wanted.tells_of_the_model and not self._may_tell
            title = tr(wanted.value)
            text = (
                tr("{title}: the model's answers are hidden").format(title=title)
                if is_hidden
                else f"{title} ({self._counts.get(wanted, 0):,})"
            )
            if self.filter_box.itemText(place) != text:
                self.filter_box.setItemText(place, text)
            model.item(place).setEnabled(not is_hidden)

    # ----------------------------------------------------------------------------------- the order

    @property
    def order(self) -> tuple[WorklistOrder, bool]:
        """By what the list is sorted now, and whether that is turned round."""
        order, is_reversed = self._wanted
        if order.tells_of_the_model and not self._may_tell:
            return WorklistOrder.OPENED, False
        return order, is_reversed

    def set_order(self, order: WorklistOrder, is_reversed: bool = False) -> None:
        """It waits while what it tells of is hidden."""
        self._wanted = order, is_reversed
        self._refresh_buttons()
        self.order_changed.emit()
        self.order_wanted.emit(order, is_reversed)

    def _on_heading_clicked(self, order: WorklistOrder) -> None:
        """Once sorts by it, twice the other way round, three times as opened."""
        before, is_reversed = self.order
        if before is not order:
            self.set_order(order)
        elif not is_reversed:
            self.set_order(order, True)
        else:
            self.set_order(WorklistOrder.OPENED)

    def _refresh_buttons(self) -> None:
        sorted_by, is_reversed = self.order
        for order, button in self._buttons.items():
            is_hidden = order.tells_of_the_model and not self._may_tell
            title = tr(order.value)
            arrow = "▲" if (order in _UPWARDS) is not is_reversed else "▼"
            button.setText(f"{title} {arrow}" if order is sorted_by else title)
            button.setChecked(order is sorted_by)
            button.setEnabled(not is_hidden)
            tip = tr("The model's answers are hidden") if is_hidden else tr(_COLUMNS[order])
            button.setToolTip(tip)
            button.setAccessibleName(tr("Sort by: {column}").format(column=title))
            button.setAccessibleDescription(tip)

    # ------------------------------------------------------------------------------- what is hidden

    def allow_ranking(self, is_allowed: bool) -> None:
        """Whether what the model says may order and filter the list; an order comes back with it,
        a filter does not.
        """
        self._may_tell = is_allowed
        self._refresh_filters()
        self._refresh_buttons()
        if self.wanted.tells_of_the_model and not is_allowed:
            self.filter_box.setCurrentIndex(0)
        self.order_changed.emit()


class _Search(QLineEdit):
    """Down and Enter go on to the list; Esc empties it first."""

    left_downwards = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setPlaceholderText(tr("Search name, ID or date"))
        self.setAccessibleName(tr("Search the worklist"))
        self.setClearButtonEnabled(True)
        self.setMaxLength(200)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear() if self.text() else self.left_downwards.emit()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left_downwards.emit()
        else:
            super().keyPressEvent(event)
