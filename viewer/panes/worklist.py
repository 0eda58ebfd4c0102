"""The worklist: every study that was opened, how far the model is with it, and what could not be
read; above it what is listed and in what order, below it the progress of the run with pause and
cancel.

The open study stays open whatever is listed; only the reader's own step leads to another.
"""

from collections.abc import Collection

from PySide6.QtCore import QModelIndex, QPoint, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Catalogue, StudyPrediction
from viewer.display.worklist_row import Row, StudyRow, WorklistFilter, WorklistOrder, badges_of
from viewer.panes.worklist_bar import WorklistBar
from viewer.panes.worklist_delegate import RowDelegate
from viewer.panes.worklist_items import WorklistItems, row_at
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.plain_text import PlainLabel
from viewer.shared.states import RunState, StudyStatus


class WorklistPane(QWidget):
    """The list, what stands above it, and the run's progress below."""

    # A study's uid; the reader chose it
    study_selected = Signal(str)
    # By what the reader wants it sorted, and whether that is turned round
    order_changed = Signal(WorklistOrder, bool)
    pause_requested = Signal()
    resume_requested = Signal()
    # The run, or the reading of files while that lasts
    cancel_requested = Signal()
    opening_cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = WorklistItems(self)
        self._run_state = RunState.RUNNING
        self._is_opening = False
        self._progress = (0, 0)
        self._open_uid: str | None = None
        self._counting_due = QTimer(self, singleShot=True)  # once, however many have changed
        self._counting_due.timeout.connect(self._count)

        self.bar = WorklistBar(self)
        self.bar.filter_changed.connect(self._refilter)
        self.bar.order_changed.connect(self._reorder)
        self.bar.order_wanted.connect(self.order_changed)
        self.bar.left_downwards.connect(self._on_left_downwards)

        self.list_view = QListView(self)
        self.list_view.setAccessibleName(tr("Worklist"))
        self.list_view.setModel(self._items)
        self.list_view.setItemDelegate(RowDelegate(self._items, self.list_view))
        self.list_view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list_view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list_view.setResizeMode(QListView.ResizeMode.Adjust)
        self.list_view.setFrameShape(QListView.Shape.NoFrame)
        self.setFocusProxy(self.list_view)
        self.list_view.selectionModel().currentChanged.connect(self._on_current_changed)

        self._nothing_label = PlainLabel(tr("No study is like that. Esc empties the search."), self)
        self._nothing_label.setWordWrap(True)
        self._nothing_label.hide()
        self._watched_label = PlainLabel(self)
        self._watched_label.setWordWrap(True)
        self._watched_label.hide()
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
        layout.addWidget(self.bar)
        layout.addWidget(self._nothing_label)
        layout.addWidget(self.list_view, 1)
        layout.addWidget(self._watched_label)
        layout.addWidget(self.count_label)
        layout.addWidget(self._bar)
        layout.addLayout(buttons)
        self.setMinimumWidth(theme.scaled(220))
        self._refresh_footer()

    def sizeHint(self) -> QSize:
        return QSize(theme.scaled(264), 600)

    # ----------------------------------------------------------------------------- what it shows

    def show_catalogue(self, catalogue: Catalogue) -> None:
        """All of it is listed; selects nothing, `select` does."""
        self._open_uid = None
        self._items.keep(None)
        self.bar.list_all()
        self._items.show_catalogue(catalogue)
        self._count_soon()

    def grow(self, catalogue: Catalogue) -> None:
        """More studies; the selected one stays so, and what the reader sees stays where it is."""
        bar = self.list_view.verticalScrollBar()
        scrolled, top = bar.value(), row_at(self.list_view.indexAt(QPoint(0, 0)))
        was_at = self._top_of(top)
        with QSignalBlocker(self.list_view.selectionModel()):
            self._items.show_catalogue(catalogue, is_more=True)
            if self._open_uid is not None and not self._is_open_selected():
                self._show_open()
                bar.setValue(scrolled)
        bar.setValue(bar.value() + self._top_of(top) - was_at)
        self._count_soon()

    def _top_of(self, row: Row | None) -> int:
        """Of a study that is listed, in pixels from the list's upper edge."""
        if not isinstance(row, StudyRow):
            return 0
        return self.list_view.visualRect(self._items.index_of(row.study.uid)).top()

    def show_status(self, study_uid: str, status: StudyStatus) -> None:
        self._change(study_uid, status=status)

    def show_prediction(self, prediction: StudyPrediction) -> None:
        badges = badges_of(prediction)
        self._change(prediction.study_uid, prediction=prediction, badges=badges)

    def clear_predictions(self) -> None:
        """With what readers made of them."""
        for row in tuple(self._items.studies):
            self._change(row.study.uid, prediction=None, badges=(), has_disagreed=False)

    def show_thumbnail(self, study_uid: str, image: QImage) -> None:
        self._change(study_uid, thumbnail=image)

    def mark_draft(self, study_uid: str, has_draft: bool) -> None:
        self._change(study_uid, has_draft=has_draft)

    def mark_earlier(self, study_uids: Collection[str]) -> None:
        """Those that are there to be compared with a later one; no other is."""
        for row in tuple(self._items.studies):
            self._change(row.study.uid, is_earlier=row.study.uid in study_uids)

    def mark_read(
        self,
        study_uid: str,
        is_read: bool = True,
        is_unfinished: bool = False,
        has_disagreed: bool = False,
    ) -> None:
        """`has_disagreed`: as far as it may be told."""
        self._change(
            study_uid, is_read=is_read, is_unfinished=is_unfinished, has_disagreed=has_disagreed
        )

    def _change(self, study_uid: str, **values: object) -> None:
        self._items.change(study_uid, **values)
        self._count_soon()

    def show_watched(self, text: str) -> None:
        """Which folder new studies come from; empty: none is watched."""
        self._watched_label.setText(text)
        self._watched_label.setVisible(bool(text))

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

    # ------------------------------------------------------------------ what is listed, and how

    @property
    def order(self) -> WorklistOrder:
        """By which the list is sorted now."""
        return self.bar.order[0]

    def set_order(self, order: WorklistOrder, is_reversed: bool = False) -> None:
        """What tells of the model waits while that is hidden."""
        self.bar.set_order(order, is_reversed)

    def allow_ranking(self, is_allowed: bool) -> None:
        """Whether what the model says may order and filter the list."""
        self.bar.allow_ranking(is_allowed)

    def search(self) -> None:
        """The keyboard goes to the search, and what is typed replaces what stands there."""
        self.bar.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.bar.search.selectAll()

    def _reorder(self) -> None:
        self._items.set_order(*self.bar.order)
        self.list_view.scrollTo(self.list_view.currentIndex())

    def _refilter(self) -> None:
        """The view would select a neighbour of what is no longer listed: it is not asked."""
        with QSignalBlocker(self.list_view.selectionModel()):
            self._items.set_filter(self.bar.wanted, self.bar.search.text())
            self._show_open()
        self.list_view.viewport().update()
        self._nothing_label.setVisible(self.bar.is_filtering and not self._items.rowCount())

    def _show_open(self) -> None:
        """Selects it where it is listed, else nothing."""
        index = QModelIndex() if self._open_uid is None else self._items.index_of(self._open_uid)
        self.list_view.selectionModel().clear()
        self.list_view.setCurrentIndex(index)
        self.list_view.scrollTo(index)

    def _is_open_selected(self) -> bool:
        row = row_at(self.list_view.currentIndex())
        return isinstance(row, StudyRow) and row.study.uid == self._open_uid

    def _on_left_downwards(self) -> None:
        self.list_view.setFocus(Qt.FocusReason.OtherFocusReason)
        if not self.list_view.currentIndex().isValid():
            self.step(1)

    def _count_soon(self) -> None:
        if not self._counting_due.isActive():
            self._counting_due.start()

    def _count(self) -> None:
        """Of studies; files that could not be read count with those that failed."""
        rows = tuple(self._items.studies)
        counts = {wanted: sum(row.passes(wanted) for row in rows) for wanted in WorklistFilter}
        counts[WorklistFilter.FAILED] += self._items.failure_count
        self.bar.show_counts(counts)

    # ------------------------------------------------------------------------ going through it

    @property
    def has_keyboard(self) -> bool:
        """Of its window: the list, not the search."""
        return self.window().focusWidget() is self.list_view

    @property
    def study_uids(self) -> tuple[str, ...]:
        """In the order shown."""
        return tuple(row.study.uid for row in self.rows if isinstance(row, StudyRow))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The same, and below them what could not be read."""
        rows = (row_at(self._items.index(n, 0)) for n in range(self._items.rowCount()))
        return tuple(row for row in rows if row is not None)

    def upcoming(self, study_uid: str) -> str | None:
        """The study after this one, in the order shown."""
        return self._uid_at(self._items.index_of(study_uid).row() + 1)

    def _uid_at(self, number: int) -> str | None:
        """Of the listed study; None beyond them."""
        row = row_at(self._items.index(number, 0)) if number < self._items.listed_count else None
        return row.study.uid if isinstance(row, StudyRow) else None

    def others_after(self, study_uid: str) -> tuple[str, ...]:
        """All other studies listed: those after this one in the order shown, then those before."""
        position = self._items.index_of(study_uid).row()  # -1: it is not listed
        return self.study_uids[position + 1 :] + self.study_uids[: max(0, position)]

    def select(self, study_uid: str) -> None:
        """Everything is listed again where it was not."""
        if not self._items.index_of(study_uid).isValid():
            self.bar.list_all()
        index = self._items.index_of(study_uid)
        self.list_view.setCurrentIndex(index)
        self.list_view.scrollTo(index)

    def step(self, count: int) -> None:
        """Goes `count` studies on, or back where it is negative; stops at the ends. To the first
        one where the open study is not listed.
        """
        last = self._items.listed_count - 1
        current = self.list_view.currentIndex()
        is_at_study = isinstance(row_at(current), StudyRow)
        wanted = max(0, min(last, current.row() + count)) if is_at_study else 0
        if (uid := self._uid_at(wanted)) is not None:
            self.select(uid)

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = row_at(current)
        if isinstance(row, StudyRow):
            self._open_uid = row.study.uid
            QTimer.singleShot(0, self, self._keep_open)  # the view is in the middle of its change
            self.study_selected.emit(row.study.uid)

    def _keep_open(self) -> None:
        """The one before may go now."""
        self._items.keep(self._open_uid)

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
