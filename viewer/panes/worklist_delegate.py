"""How a row of the worklist is painted."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from viewer.display.worklist_row import MessageRow, StudyRow, is_suspicious
from viewer.panes.worklist_items import WorklistItems, row_at
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.states import StudyState

AnyIndex = QModelIndex | QPersistentModelIndex
# Made once: Python puts flags together slowly, and a row is painted while the hand moves.
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.TextElideMode.ElideMiddle
_TOP = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


class RowDelegate(QStyledItemDelegate):
    """Paints a row: thumbnail, patient, date; below them a badge for each breast and the state."""

    MARGIN = 6

    def __init__(self, items: WorklistItems, view: QListView) -> None:
        super().__init__(view)
        self._items = items
        self._thumbnail = QSize(theme.scaled(46), theme.scaled(56))
        self._badge = QSize(theme.scaled(36), theme.scaled(18))
        # the view gives each row its whole width
        self._study = QSize(0, self._thumbnail.height() + 2 * self.MARGIN)

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """Asked of every row each time that anything moves."""
        if index.row() < self._items.listed_count:
            return self._study
        row = row_at(index)
        if not isinstance(row, MessageRow):
            return self._study
        title, text = theme.font(bold=True), theme.font(theme.SMALL_TEXT_PX)
        lines = self._text_rect(row, QFontMetrics(text), self._width(option)).height()
        return QSize(
            self._width(option), QFontMetrics(title).height() + lines + 2 * self.MARGIN + 2
        )

    @staticmethod
    def _width(option: QStyleOptionViewItem) -> int:
        view = option.widget
        return view.viewport().width() if isinstance(view, QListView) else option.rect.width()

    def _text_rect(self, row: MessageRow, metrics: QFontMetrics, width: int) -> QRect:
        room = QRect(0, 0, max(40, width - 2 * self.MARGIN - 4), 10_000)
        return metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, row.text)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        row = row_at(index)
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
        if isinstance(row, StudyRow):
            self._paint_study(painter, inner, row)
        elif row is not None:
            self._paint_message(painter, inner, row)
        painter.restore()

    def _paint_message(self, painter: QPainter, inner: QRect, row: MessageRow) -> None:
        title, text = theme.font(bold=True), theme.font(theme.SMALL_TEXT_PX)
        metrics = QFontMetrics(title)
        painter.setFont(title)
        painter.setPen(theme.WARNING if row.is_failure else theme.MUTED)
        headline = f"⚠ {row.title}" if row.is_failure else row.title
        headline = metrics.elidedText(headline, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, _TOP, headline)
        painter.setFont(text)
        painter.setPen(theme.TEXT if row.is_failure else theme.MUTED)
        below = inner.adjusted(0, metrics.height() + 2, 0, 0)
        painter.drawText(below, Qt.TextFlag.TextWordWrap, row.text)

    def _paint_study(self, painter: QPainter, inner: QRect, row: StudyRow) -> None:
        box = QRect(inner.topLeft(), self._thumbnail)
        painter.fillRect(box, Qt.GlobalColor.black)
        if row.thumbnail is not None:
            size = row.thumbnail.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(box.topLeft(), size)
            target.moveCenter(box.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(target, row.thumbnail)

        title, text = theme.font(bold=True), theme.font(theme.SMALL_TEXT_PX)
        column = inner.adjusted(self._thumbnail.width() + 8, 0, 0, 0)
        line = QRect(column.topLeft(), QSize(column.width(), theme.scaled(18)))
        mark, colour = self._mark(row)
        needed = QFontMetrics(title).horizontalAdvance(row.title)
        if needed + QFontMetrics(text).horizontalAdvance(mark) + 6 > line.width():
            mark = mark.partition(" ")[0]  # its sign alone: who the patient is comes first
        painter.setFont(text)
        mark_width = painter.fontMetrics().horizontalAdvance(mark) + 6 if mark else 0
        if mark:
            painter.setPen(colour)
            painter.drawText(line, _RIGHT, mark)
        painter.setFont(title)
        painter.setPen(theme.TEXT)
        beside = line.adjusted(0, 0, -mark_width, 0)
        title_text = painter.fontMetrics().elidedText(row.title, _MIDDLE, beside.width())
        painter.drawText(beside, _LEFT, title_text)  # IDs differ at their ends
        painter.setFont(text)
        painter.setPen(theme.MUTED)
        _draw_elided(painter, line.translated(0, theme.scaled(19)), row.text)

        badge = QRect(column.left(), inner.bottom() - self._badge.height() + 1, 0, 0)
        badge.setSize(self._badge)
        for side, category in row.badges:
            self._paint_badge(painter, badge, side, category)
            badge.translate(self._badge.width() + 6, 0)
        rest = QRect(badge.left(), badge.top(), inner.right() - badge.left() + 1, badge.height())
        painter.setFont(text)
        painter.setPen(theme.WARNING if row.status.state is StudyState.FAILED else theme.MUTED)
        _draw_elided(painter, rest, row.state_text)
        if row.study.notes and not row.state_text:
            painter.drawText(rest, _RIGHT, tr("notes"))

    @staticmethod
    def _mark(row: StudyRow) -> tuple[str, QColor]:
        if row.has_draft:
            return tr("✎ unsaved"), theme.WARNING
        if row.is_unfinished:
            return tr("… not finished"), theme.WARNING
        if row.has_disagreed:
            return tr("≠ read"), theme.WARNING
        if row.is_read:
            return tr("✓ read"), theme.MUTED
        if row.is_earlier:
            return tr("prior", "an earlier study of a patient"), theme.MUTED
        return "●", theme.ACCENT

    @staticmethod
    def _paint_badge(painter: QPainter, rect: QRect, side: str, category: int | None) -> None:
        """Filled from category 4 on, so that the difference is not one of hue only."""
        is_filled = is_suspicious(category)
        painter.setPen(QPen(theme.SUSPICIOUS if is_filled else theme.MUTED, 1))
        painter.setBrush(theme.SUSPICIOUS if is_filled else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0, 0, -1, -1), 4, 4)
        painter.setPen(theme.ON_SUSPICIOUS if is_filled else theme.TEXT)
        text = f"{side} {'–' if category is None else category}"
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def _draw_elided(painter: QPainter, rect: QRect, text: str) -> None:
    text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, _LEFT, text)
