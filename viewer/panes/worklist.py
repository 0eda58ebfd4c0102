"""The worklist: every study that was opened, how far the model is with it, and what could not be
read; below it the progress of the run with pause and cancel.
"""

from typing import cast

from PySide6.QtCore import QModelIndex, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QImage, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Catalogue, StudyPrediction
from viewer.display.worklist_row import Row, StudyRow
from viewer.panes.worklist_delegate import RowDelegate
from viewer.panes.worklist_items import OrderedRows, WorklistItemModel, WorklistOrder, row_at
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.plain_text import PlainLabel
from viewer.shared.states import RunState, StudyStatus


class WorklistPane(QWidget):
    """The list with its order above and the run's progress below."""

    # A study's uid; the reader chose it
    study_selected = Signal(str)
    # The one that the reader chose
    order_changed = Signal(WorklistOrder)
    pause_requested = Signal()
    resume_requested = Signal()
    # The run, or the reading of files while that lasts
    cancel_requested = Signal()
    opening_cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = WorklistItemModel(self)
        self._ordered = OrderedRows(self)
        self._ordered.setSourceModel(self._items)
        self._run_state = RunState.RUNNING
        self._is_opening = False
        self._progress = (0, 0)
        self._wanted_order = WorklistOrder.OPENED

        self.order_box = QComboBox(self)
        self.order_box.setAccessibleName(tr("Order of the worklist"))
        for order in WorklistOrder:
            self.order_box.addItem(tr(order.value), order)
        self.order_box.currentIndexChanged.connect(self._on_order_chosen)

        self.list_view = QListView(self)
        self.list_view.setAccessibleName(tr("Worklist"))
        self.list_view.setModel(self._ordered)
        self.list_view.setItemDelegate(RowDelegate(self.list_view))
        self.list_view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list_view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list_view.setResizeMode(QListView.ResizeMode.Adjust)
        self.list_view.setFrameShape(QListView.Shape.NoFrame)
        self.setFocusProxy(self.list_view)
        self.list_view.selectionModel().currentChanged.connect(self._on_current_changed)

        self.count_label = PlainLabel(self)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self.pause_button = QPushButton(tr("Pause"), self)
        self.pause_button.clicked.connect(self.toggle_pause)
        self.cancel_button = QPushButton(tr("Cancel"), self)
        self.cancel_button.clicked.connect(self._on_cancel_clicked)

        buttons = QHBoxLayout()
        buttons.addWidget(self.pause_button, 1)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.order_box)
        layout.addWidget(self.list_view, 1)
        layout.addWidget(self.count_label)
        layout.addWidget(self._bar)
        layout.addLayout(buttons)
        self.setMinimumWidth(theme.scaled(220))
        self._refresh_footer()

    def sizeHint(self) -> QSize:
        return QSize(theme.scaled(264), 600)

    # ----------------------------------------------------------------------------- what it shows

    def show_catalogue(self, catalogue: Catalogue) -> None:
        """Selects nothing; `select` does."""
        self._items.show_catalogue(catalogue)

    def grow(self, catalogue: Catalogue) -> None:
        """More studies; the selected one stays so, where it stands on the screen."""
        selected = row_at(self.list_view.currentIndex())
        scrolled = self.list_view.verticalScrollBar().value()
        with QSignalBlocker(self.list_view.selectionModel()):
            self._items.show_catalogue(catalogue, is_more=True)
            if isinstance(selected, StudyRow):
                self.select(selected.study.uid)
        self.list_view.verticalScrollBar().setValue(scrolled)

    def show_status(self, study_uid: str, status: StudyStatus) -> None:
        self._items.change(study_uid, status=status)

    def show_prediction(self, prediction: StudyPrediction) -> None:
        self._items.change(prediction.study_uid, prediction=prediction)

    def clear_predictions(self) -> None:
        self._items.clear_predictions()

    def show_thumbnail(self, study_uid: str, image: QImage) -> None:
        self._items.change(study_uid, thumbnail=image)

    def mark_draft(self, study_uid: str, has_draft: bool) -> None:
        self._items.change(study_uid, has_draft=has_draft)

    def mark_read(self, study_uid: str, is_read: bool = True, is_unfinished: bool = False) -> None:
        self._items.change(study_uid, is_read=is_read, is_unfinished=is_unfinished)

    def show_progress(self, done: int, total: int) -> None:
        self._progress = (done, total)
        self._refresh_footer()

    def show_run(self, state: RunState) -> None:
        self._run_state = state
        self._refresh_footer()

    def show_opening(self, done: int, total: int) -> None:
        """Files are being read; `total` 0 while their number is not known."""
        self._is_opening = True
        reading = tr("Reading files: {done} of {total}").format(done=done, total=total)
        self.count_label.setText(reading if total else tr("Looking for files …"))
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self._refresh_footer()

    def hide_opening(self) -> None:
        self._is_opening = False
        self._refresh_footer()

    def set_order(self, order: WorklistOrder) -> None:
        self._wanted_order = order
        if order is WorklistOrder.OPENED or self._suspicion_entry.isEnabled():
            self.order_box.setCurrentIndex(self.order_box.findData(order))

    def allow_ranking(self, is_allowed: bool) -> None:
        """Whether what the model says may order the list; the order wanted comes back with it."""
        self._suspicion_entry.setEnabled(is_allowed)
        self.order_box.setToolTip("" if is_allowed else tr("The model's answers are hidden"))
        order = self._wanted_order if is_allowed else WorklistOrder.OPENED
        with QSignalBlocker(self.order_box):
            self.order_box.setCurrentIndex(self.order_box.findData(order))
        self._ordered.set_order(order)

    @property
    def _suspicion_entry(self) -> QStandardItem:
        model = cast(QStandardItemModel, self.order_box.model())
        return model.item(self.order_box.findData(WorklistOrder.SUSPICION))

    # ------------------------------------------------------------------------ going through it

    @property
    def study_uids(self) -> tuple[str, ...]:
        """In the order shown."""
        return tuple(row.study.uid for row in self.rows if isinstance(row, StudyRow))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The same, and below them what could not be read."""
        rows = (row_at(self._ordered.index(n, 0)) for n in range(self._ordered.rowCount()))
        return tuple(row for row in rows if row is not None)

    def upcoming(self, study_uid: str) -> str | None:
        """The study after this one, in the order shown."""
        uids = self.study_uids
        position = uids.index(study_uid) + 1
        return uids[position] if position < len(uids) else None

    def others_after(self, study_uid: str) -> tuple[str, ...]:
        """All other studies: those after this one in the order shown, then those before it."""
        uids = self.study_uids
        position = uids.index(study_uid)
        return uids[position + 1 :] + uids[:position]

    def select(self, study_uid: str) -> None:
        index = self._ordered.mapFromSource(self._items.row_of(study_uid))
        self.list_view.setCurrentIndex(index)
        self.list_view.scrollTo(index)

    def step(self, count: int) -> None:
        """Goes `count` studies on, or back where it is negative; stops at the ends."""
        uids = self.study_uids
        if not uids:
            return
        row = row_at(self.list_view.currentIndex())
        if not isinstance(row, StudyRow):
            self.select(uids[0])
            return
        position = uids.index(row.study.uid) + count
        self.select(uids[max(0, min(len(uids) - 1, position))])

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = row_at(current)
        if isinstance(row, StudyRow):
            self.study_selected.emit(row.study.uid)

    def _on_order_chosen(self, _position: int) -> None:
        order: WorklistOrder = self.order_box.currentData()
        self._wanted_order = order
        self._ordered.set_order(order)
        self.order_changed.emit(order)

    # ------------------------------------------------------------------------------ the progress

    def _refresh_footer(self) -> None:
        done, total = self._progress
        if self._is_opening:
            self.pause_button.setEnabled(False)
            self.cancel_button.setEnabled(True)
            return
        is_finished = done >= total
        state = (
            ""
            if is_finished
            else {
                RunState.RUNNING: "",
                RunState.PAUSED: tr(", paused"),
                RunState.CANCELLED: tr(", cancelled"),
            }[self._run_state]
        )
        count = tr("{done} of {total}").format(done=done, total=total)
        self.count_label.setText(f"{count}{state}" if total else "")
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(done)
        self.pause_button.setText(
            tr("Pause") if self._run_state is RunState.RUNNING else tr("Resume")
        )
        self.pause_button.setEnabled(not is_finished)
        self.cancel_button.setEnabled(not is_finished and self._run_state is not RunState.CANCELLED)

    def toggle_pause(self) -> None:
        """Requests what stands on the button, while it can be pressed."""
        if not self.pause_button.isEnabled():
            return
        if self._run_state is RunState.RUNNING:
            self.pause_requested.emit()
        else:
            self.resume_requested.emit()

    def _on_cancel_clicked(self) -> None:
        if self._is_opening:
            self.opening_cancel_requested.emit()
        else:
            self.cancel_requested.emit()
