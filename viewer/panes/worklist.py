"""The worklist: every study that was opened, how far the model is with it, and what could not be
read; below it the progress of the run with pause and cancel.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSignalBlocker,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListView,
    QProgressBar,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Catalogue, FailedFile, Prediction, Study, StudyPrediction
from viewer.shared import theme
from viewer.shared.engine_words import localised, localised_error
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip, visible_lines
from viewer.shared.states import RunState, StudyState, StudyStatus

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
AnyIndex = QModelIndex | QPersistentModelIndex


class Order(Enum):
    """In which order the studies stand; failures and notes come after them in both."""

    OPENED = mark("As opened")
    SUSPICION = mark("Most suspicious first")


class _Kind(Enum):
    STUDY = auto()
    FAILURE = auto()
    NOTE = auto()


_KIND_RANK = {_Kind.STUDY: 0, _Kind.FAILURE: 1, _Kind.NOTE: 2}


@dataclass(eq=False)
class _Row:
    """What one row tells; of a failure or a note only `title` and `text`."""

    kind: _Kind
    number: int  #: in the order of the catalogue
    title: str
    text: str = ""
    study: Study | None = None
    status: StudyStatus = field(default_factory=lambda: StudyStatus(StudyState.QUEUED))
    prediction: StudyPrediction | None = None
    thumbnail: QImage | None = None
    has_draft: bool = False
    is_read: bool = False
    is_unfinished: bool = False  #: a second read, with no category kept or changed

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sorts by suspicion; what is not known yet comes after what is."""
        suspicion = -1.0 if self.prediction is None else self.prediction.suspicion
        return _KIND_RANK[self.kind], -suspicion, self.number

    @property
    def badges(self) -> tuple[tuple[str, int | None], ...]:
        """('R', 4) for each breast that the model was asked about; None: out of scope.

        Of views that make no breast the most suspicious one's, under a question mark.
        """
        if self.prediction is None:
            return ()
        if not self.prediction.breasts and self.prediction.views:
            views = [view.prediction for view in self.prediction.views]
            judged = [said for said in views if isinstance(said, Prediction)]
            worst = max(judged, key=lambda said: (said.suspicion, said.category), default=None)
            return (("?", None if worst is None else worst.category),)
        return tuple(
            (side.value, said.category if isinstance(said, Prediction) else None)
            for side, said in ((b.laterality, b.prediction) for b in self.prediction.breasts)
        )

    @property
    def state_text(self) -> str:
        """What stands beside the badges: empty once the model is done."""
        if self.status.state is StudyState.DONE:
            return ""
        if self.status.failure is not None:
            return localised(self.status.failure.title)
        if self.status.state is StudyState.RUNNING:
            progress = self.status.progress
            if progress is None:
                return tr("running …")
            at = tr("view {number} of {count} …", "that the model is at")
            return at.format(number=progress.view, count=progress.views)
        return tr(self.status.state.value)

    @property
    def sentence(self) -> str:
        """The row in words, for screen readers."""
        if self.study is None:
            return f"{self.title}. {self.text}"
        breasts = [_badge_words(side, category) for side, category in self.badges]
        marks = [words for words, is_set in self._marks if is_set]
        patient = tr("Patient {name}").format(name=self.title)
        parts = [patient, self.text, *breasts, self.state_text, *marks]
        return ", ".join(part for part in parts if part)

    @property
    def _marks(self) -> tuple[tuple[str, bool], ...]:
        has_notes = self.study is not None and bool(self.study.notes)
        return (
            (tr("notes"), has_notes),
            (tr("unsaved reading"), self.has_draft),
            (
                tr("reading not finished") if self.is_unfinished else tr("read", "by the reader"),
                self.is_read,
            ),
        )


def _badge_words(side: str, category: int | None) -> str:
    """For screen readers."""
    words = {
        "R": tr("right {said}"),
        "L": tr("left {said}"),
        "?": tr("side unknown, {said}"),
    }[side]
    said = (
        tr("out of scope")
        if category is None
        else tr("model category {category}").format(category=category)
    )
    return words.format(said=said)


class WorklistItemModel(QAbstractListModel):
    """The rows as Qt wants them; studies first, then failures, then notes."""

    RowRole = Qt.ItemDataRole.UserRole

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._of_study: dict[str, int] = {}

    def show_catalogue(self, catalogue: Catalogue, is_more: bool = False) -> None:
        """`is_more`: of the studies that were there everything is known that was."""
        known = {row.study.uid: row for row in self._rows if row.study} if is_more else {}
        self.beginResetModel()
        self._rows = []
        for number, study in enumerate(catalogue.studies):
            row = known.get(study.uid) or _study_row(number, study)
            row.number = number
            self._rows.append(row)
        self._of_study = {row.study.uid: row.number for row in self._rows}
        for failure in catalogue.failures:
            self._rows.append(_failure_row(len(self._rows), failure))
        for note in _notes(catalogue):
            self._rows.append(_Row(_Kind.NOTE, len(self._rows), tr("Note", "on the list"), note))
        self.endResetModel()

    def change(self, study_uid: str, **values: object) -> None:
        number = self._of_study[study_uid]
        for name, value in values.items():
            setattr(self._rows[number], name, value)
        index = self.index(number)
        self.dataChanged.emit(index, index)

    def clear_predictions(self) -> None:
        for uid in self._of_study:
            self.change(uid, prediction=None)

    def row_of(self, study_uid: str) -> QModelIndex:
        return self.index(self._of_study[study_uid])

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self._rows[index.row()]
        if role == self.RowRole:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.sentence
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tool_tip(row)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if self._rows[index.row()].kind is _Kind.STUDY:
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.ItemIsEnabled


def _study_row(number: int, study: Study) -> _Row:
    count = len(study.views)
    when = study.study_date.isoformat() if study.study_date else tr("no date")
    images = tr("1 image") if count == 1 else tr("%n images", "", count)
    title = shortened(study.patient_id) or tr("No patient ID")
    return _Row(_Kind.STUDY, number, title, f"{when} · {images}", study)


def _failure_row(number: int, failure: FailedFile) -> _Row:
    text = f"{localised(failure.title)}. {localised(failure.advice)}"
    return _Row(_Kind.FAILURE, number, shortened(failure.path.name), visible_lines(text))


def _notes(catalogue: Catalogue) -> tuple[str, ...]:
    count = catalogue.skipped_count
    notes = tuple(visible_lines(localised(note)) for note in catalogue.notes)
    if not count:
        return notes
    if count == 1:
        return (*notes, tr("1 file is no image and was skipped."))
    return (*notes, tr("%n files are no images and were skipped.", "", count))


def _tool_tip(row: _Row) -> str:
    if row.study is None:
        return tool_tip(row.title, row.text)
    study = row.study
    lines = [f"{study.patient_id} {study.patient_name}".strip(), row.text, study.description]
    lines.append(", ".join(view.label for view in study.views))
    lines += map(localised, study.notes)
    if row.status.failure is not None:
        lines.append(localised_error(row.status.failure))
    return tool_tip(*lines)


class _OrderProxy(QSortFilterProxyModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._order = Order.OPENED
        self.setDynamicSortFilter(True)
        self.sort(0)

    def set_order(self, order: Order) -> None:
        self._order = order
        self.invalidate()
        self.sort(0)

    def lessThan(self, left: AnyIndex, right: AnyIndex) -> bool:
        a, b = (index.data(WorklistItemModel.RowRole) for index in (left, right))
        if self._order is Order.SUSPICION:
            return a.rank < b.rank
        return a.number < b.number


class _RowDelegate(QStyledItemDelegate):
    """Paints a row: thumbnail, patient, date; below them a badge for each breast and the state."""

    MARGIN = 6
    THUMBNAIL = QSize(46, 56)
    STUDY_HEIGHT = 68
    BADGE = QSize(36, 18)

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        row = index.data(WorklistItemModel.RowRole)
        if row.kind is _Kind.STUDY:
            return QSize(self._width(option), self.STUDY_HEIGHT)
        title, text = self._fonts(option)
        lines = self._text_rect(row, QFontMetrics(text), self._width(option)).height()
        return QSize(
            self._width(option), QFontMetrics(title).height() + lines + 2 * self.MARGIN + 2
        )

    @staticmethod
    def _width(option: QStyleOptionViewItem) -> int:
        view = option.widget
        return view.viewport().width() if isinstance(view, QListView) else option.rect.width()

    def _text_rect(self, row: _Row, metrics: QFontMetrics, width: int) -> QRect:
        room = QRect(0, 0, max(40, width - 2 * self.MARGIN - 4), 10_000)
        return metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, row.text)

    @staticmethod
    def _fonts(option: QStyleOptionViewItem) -> tuple[QFont, QFont]:
        title, text = QFont(option.font), QFont(option.font)
        title.setBold(True)
        text.setPixelSize(theme.SMALL_TEXT_PX)
        return title, text

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        row = index.data(WorklistItemModel.RowRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_selected:
            painter.fillRect(option.rect, theme.SELECTION)
            painter.fillRect(
                QRect(option.rect.topLeft(), QSize(3, option.rect.height())), theme.ACCENT
            )
        painter.setPen(QPen(theme.LINE, 1))
        painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        inner = option.rect.adjusted(self.MARGIN + 2, self.MARGIN, -self.MARGIN, -self.MARGIN)
        if row.kind is _Kind.STUDY:
            self._paint_study(painter, option, inner, row)
        else:
            self._paint_message(painter, option, inner, row)
        painter.restore()

    def _paint_message(
        self, painter: QPainter, option: QStyleOptionViewItem, inner: QRect, row: _Row
    ) -> None:
        title, text = self._fonts(option)
        metrics = QFontMetrics(title)
        is_failure = row.kind is _Kind.FAILURE
        painter.setFont(title)
        painter.setPen(theme.WARNING if is_failure else theme.MUTED)
        headline = f"⚠ {row.title}" if is_failure else row.title
        headline = metrics.elidedText(headline, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, headline)
        painter.setFont(text)
        painter.setPen(theme.TEXT if is_failure else theme.MUTED)
        below = inner.adjusted(0, metrics.height() + 2, 0, 0)
        painter.drawText(below, Qt.TextFlag.TextWordWrap, row.text)

    def _paint_study(
        self, painter: QPainter, option: QStyleOptionViewItem, inner: QRect, row: _Row
    ) -> None:
        box = QRect(inner.topLeft(), self.THUMBNAIL)
        painter.fillRect(box, Qt.GlobalColor.black)
        if row.thumbnail is not None:
            size = row.thumbnail.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(box.topLeft(), size)
            target.moveCenter(box.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, row.thumbnail)

        title, text = self._fonts(option)
        column = inner.adjusted(self.THUMBNAIL.width() + 8, 0, 0, 0)
        line = QRect(column.topLeft(), QSize(column.width(), 18))
        mark, colour = self._mark(row)
        painter.setFont(text)
        mark_width = painter.fontMetrics().horizontalAdvance(mark) + 6 if mark else 0
        if mark:
            painter.setPen(colour)
            painter.drawText(
                line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, mark
            )
        painter.setFont(title)
        painter.setPen(theme.TEXT)
        _draw_elided(painter, line.adjusted(0, 0, -mark_width, 0), row.title)
        painter.setFont(text)
        painter.setPen(theme.MUTED)
        _draw_elided(painter, line.translated(0, 19), row.text)

        badge = QRect(column.left(), inner.bottom() - self.BADGE.height() + 1, 0, 0)
        badge.setSize(self.BADGE)
        for side, category in row.badges:
            self._paint_badge(painter, badge, side, category)
            badge.translate(self.BADGE.width() + 6, 0)
        rest = QRect(badge.left(), badge.top(), inner.right() - badge.left() + 1, badge.height())
        painter.setFont(text)
        painter.setPen(theme.WARNING if row.status.state is StudyState.FAILED else theme.MUTED)
        _draw_elided(painter, rest, row.state_text)
        if row.study.notes and not row.state_text:
            painter.drawText(rest, _RIGHT, tr("notes"))

    @staticmethod
    def _mark(row: _Row) -> tuple[str, object]:
        if row.has_draft:
            return tr("✎ unsaved"), theme.WARNING
        if row.is_unfinished:
            return tr("… not finished"), theme.WARNING
        return (tr("✓ read"), theme.MUTED) if row.is_read else ("", theme.MUTED)

    @staticmethod
    def _paint_badge(painter: QPainter, rect: QRect, side: str, category: int | None) -> None:
        """Filled from category 4 on, so that the difference is not one of hue only."""
        is_suspicious = category is not None and category >= 4
        painter.setPen(QPen(theme.SUSPICIOUS if is_suspicious else theme.MUTED, 1))
        painter.setBrush(theme.SUSPICIOUS if is_suspicious else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0, 0, -1, -1), 4, 4)
        painter.setPen(theme.ON_SUSPICIOUS if is_suspicious else theme.TEXT)
        text = f"{side} {'–' if category is None else category}"
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def _draw_elided(painter: QPainter, rect: QRect, text: str) -> None:
    text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


class WorklistPane(QWidget):
    """The list with its order above and the run's progress below."""

    # A study's uid; the reader chose it
    study_selected = Signal(str)
    # Order
    order_changed = Signal(object)
    pause_requested = Signal()
    resume_requested = Signal()
    # The run, or the reading of files while that lasts
    cancel_requested = Signal()
    opening_cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = WorklistItemModel(self)
        self._ordered = _OrderProxy(self)
        self._ordered.setSourceModel(self._items)
        self._run_state = RunState.RUNNING
        self._is_opening = False
        self._progress = (0, 0)
        self._wanted_order = Order.OPENED

        self._order = QComboBox(self)
        self._order.setAccessibleName(tr("Order of the worklist"))
        for order in Order:
            self._order.addItem(tr(order.value), order)
        self._order.currentIndexChanged.connect(self._on_order_chosen)

        self._list = QListView(self)
        self._list.setAccessibleName(tr("Worklist"))
        self._list.setModel(self._ordered)
        self._list.setItemDelegate(_RowDelegate(self._list))
        self._list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setResizeMode(QListView.ResizeMode.Adjust)
        self._list.setFrameShape(QListView.Shape.NoFrame)
        self.setFocusProxy(self._list)
        self._list.selectionModel().currentChanged.connect(self._on_current_changed)

        self._count = PlainLabel(self)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._pause = QPushButton(tr("Pause"), self)
        self._pause.clicked.connect(self.toggle_pause)
        self._cancel = QPushButton(tr("Cancel"), self)
        self._cancel.clicked.connect(self._on_cancel_clicked)

        buttons = QHBoxLayout()
        buttons.addWidget(self._pause, 1)
        buttons.addWidget(self._cancel, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self._order)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._count)
        layout.addWidget(self._bar)
        layout.addLayout(buttons)
        self.setMinimumWidth(220)
        self._refresh_footer()

    def sizeHint(self) -> QSize:
        return QSize(264, 600)

    # ----------------------------------------------------------------------------- what it shows

    def show_catalogue(self, catalogue: Catalogue) -> None:
        """Selects nothing; `select` does."""
        self._items.show_catalogue(catalogue)

    def grow(self, catalogue: Catalogue) -> None:
        """More studies; the selected one stays so, where it stands on the screen."""
        selected = self._list.currentIndex().data(WorklistItemModel.RowRole)
        scrolled = self._list.verticalScrollBar().value()
        with QSignalBlocker(self._list.selectionModel()):
            self._items.show_catalogue(catalogue, is_more=True)
            if selected is not None and selected.study is not None:
                self.select(selected.study.uid)
        self._list.verticalScrollBar().setValue(scrolled)

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
        self._count.setText(reading if total else tr("Looking for files …"))
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self._refresh_footer()

    def hide_opening(self) -> None:
        self._is_opening = False
        self._refresh_footer()

    def set_order(self, order: Order) -> None:
        self._wanted_order = order
        if order is Order.OPENED or self._may_rank:
            self._order.setCurrentIndex(self._order.findData(order))

    def allow_ranking(self, is_allowed: bool) -> None:
        """Whether what the model says may order the list; the order wanted comes back with it."""
        entry = self._order.model().item(self._order.findData(Order.SUSPICION))
        entry.setEnabled(is_allowed)
        self._order.setToolTip("" if is_allowed else tr("The model's answers are hidden"))
        order = self._wanted_order if is_allowed else Order.OPENED
        with QSignalBlocker(self._order):
            self._order.setCurrentIndex(self._order.findData(order))
        self._ordered.set_order(order)

    @property
    def _may_rank(self) -> bool:
        return self._order.model().item(self._order.findData(Order.SUSPICION)).isEnabled()

    # ------------------------------------------------------------------------ going through it

    @property
    def study_uids(self) -> tuple[str, ...]:
        """In the order shown."""
        rows = (self._row_at(number) for number in range(self._ordered.rowCount()))
        return tuple(row.study.uid for row in rows if row.study is not None)

    def upcoming(self, study_uid: str) -> str | None:
        """The study after this one, in the order shown."""
        uids = self.study_uids
        position = uids.index(study_uid) + 1
        return uids[position] if position < len(uids) else None

    def select(self, study_uid: str) -> None:
        index = self._ordered.mapFromSource(self._items.row_of(study_uid))
        self._list.setCurrentIndex(index)
        self._list.scrollTo(index)

    def step(self, count: int) -> None:
        """Goes `count` studies on, or back where it is negative; stops at the ends."""
        uids = self.study_uids
        if not uids:
            return
        row = self._list.currentIndex().data(WorklistItemModel.RowRole)
        if row is None or row.study is None:
            self.select(uids[0])
            return
        position = uids.index(row.study.uid) + count
        self.select(uids[max(0, min(len(uids) - 1, position))])

    def _row_at(self, number: int) -> _Row:
        return self._ordered.index(number, 0).data(WorklistItemModel.RowRole)

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = current.data(WorklistItemModel.RowRole)
        if row is not None and row.study is not None:
            self.study_selected.emit(row.study.uid)

    def _on_order_chosen(self, _position: int) -> None:
        order = self._wanted_order = self._order.currentData()
        self._ordered.set_order(order)
        self.order_changed.emit(order)

    # ------------------------------------------------------------------------------ the progress

    def _refresh_footer(self) -> None:
        done, total = self._progress
        if self._is_opening:
            self._pause.setEnabled(False)
            self._cancel.setEnabled(True)
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
        self._count.setText(f"{count}{state}" if total else "")
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(done)
        self._pause.setText(tr("Pause") if self._run_state is RunState.RUNNING else tr("Resume"))
        self._pause.setEnabled(not is_finished)
        self._cancel.setEnabled(not is_finished and self._run_state is not RunState.CANCELLED)

    def toggle_pause(self) -> None:
        """Asks for what the button says, while it can be pressed."""
        if not self._pause.isEnabled():
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
