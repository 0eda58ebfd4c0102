"""A button that names its key where there is room for it."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStyle, QStyleOptionButton, QWidget

from viewer.shared.plain_text import tool_tip


class KeyedButton(QPushButton):
    """Its words are always whole; the key gives way, and stands in the tooltip in any case."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._words = self._key = self._explanation = ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_words(self, words: str, explanation: str = "") -> None:
        self._words, self._explanation = words, explanation
        self._show()

    def set_key(self, key: str) -> None:
        """As it is written; empty if there is none."""
        self._key = key
        self._show()

    def _show(self) -> None:
        both = f"{self._words}   {self._key}".rstrip()
        self.setText(both if self._width(both) <= self.width() else self._words)
        told = (self._explanation or self._words.replace("&", ""), self._key)
        self.setToolTip(tool_tip(" · ".join(part for part in told if part)))
        self.updateGeometry()

    def _width(self, text: str) -> int:
        """Pixels that the button needs with it."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = text
        metrics = self.fontMetrics()
        size = QSize(metrics.horizontalAdvance(text), metrics.height())
        kind = QStyle.ContentsType.CT_PushButton
        return self.style().sizeFromContents(kind, option, size, self).width()

    def sizeHint(self) -> QSize:
        return QSize(self._width(self._words), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show()
