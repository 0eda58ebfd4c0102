"""A strip above the images that tells a fault and what to do; it never asks to be answered.

It takes its place from the images rather than lying over them: no pixel of a breast is covered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.plain_text import shortened

MESSAGE_LENGTH = 1000  # characters of a title, of an advice


@dataclass(frozen=True)
class BannerMessage:
    title: str
    advice: str
    action: str = ""  #: the label of a button that does more than dismiss


class Banner(QFrame):
    """Shows the newest message; those before it come back when it is dismissed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._messages: list[tuple[BannerMessage, Callable[[], None] | None]] = []
        self.setObjectName("banner")
        self.setStyleSheet(
            f"#banner {{ background: {theme.RAISED.name()}; border: none;"
            f" border-left: 4px solid {theme.WARNING.name()}; }}"
        )
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._action = QPushButton(self)
        self._action.clicked.connect(self._on_action)
        self._dismiss = QPushButton(tr("Dismiss"), self)
        self._dismiss.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 5, 8, 5)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._action)
        layout.addWidget(self._dismiss)
        self.hide()

    @property
    def message(self) -> BannerMessage | None:
        """The one that shows."""
        return self._messages[-1][0] if self._messages else None

    def show_message(
        self, message: BannerMessage, on_action: Callable[[], None] | None = None
    ) -> None:
        """One of the same title is not kept below it: it is the same news, told before."""
        self._messages = [known for known in self._messages if known[0].title != message.title]
        self._messages.append((message, on_action))
        self._refresh()

    def dismiss(self) -> None:
        if self._messages:
            self._messages.pop()
        self._refresh()

    def clear(self) -> None:
        self._messages.clear()
        self._refresh()

    def _on_action(self) -> None:
        _, on_action = self._messages[-1]
        self.dismiss()
        if on_action is not None:
            on_action()

    def _refresh(self) -> None:
        message = self.message
        if message is not None:
            more = len(self._messages) - 1
            rest = tr(" (and %n more)", "", more) if more else ""
            self._text.setText(
                f"<b>{_escaped(message.title)}</b>{rest}<br>{_escaped(message.advice)}"
            )
            text = f"{message.title}. {message.advice}"
            self.setAccessibleName(shortened(text, MESSAGE_LENGTH))
            self._action.setText(message.action)
            self._action.setVisible(bool(message.action))
        self.setVisible(message is not None)


def _escaped(text: str) -> str:
    return escape(shortened(text, MESSAGE_LENGTH))
