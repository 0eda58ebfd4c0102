"""A report of a problem, all of it to be read before it is saved. Nothing is sent."""

from collections.abc import Mapping

from PySide6.QtCore import QProcess, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from viewer.shared.languages import tr
from viewer.shared.messages import notice
from viewer.shared.plain_text import PlainLabel, visible_lines

WORDS = "what-happened.txt"  #: the reader's own, in the report
SIZE = (860, 620)


class ProblemDialog(QDialog):
    """Stands beside the images, stops nothing."""

    saving = Signal(dict)  #: the report's texts by their names

    def __init__(
        self,
        texts: Mapping[str, str],
        slow: str,
        process: QProcess,
        parent: QWidget | None = None,
    ) -> None:
        """`slow` is the name of the text that `process` is still to write."""
        super().__init__(parent)
        self.setWindowTitle(tr("Report a problem"))
        self._texts = {WORDS: "", **texts, slow: ""}
        self._slow, self._process = slow, process
        process.setParent(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.readyRead.connect(self._read)
        process.finished.connect(lambda *_code: self._show_state(""))
        explanation = PlainLabel(
            tr(
                "All of this goes into one file, which you save and send yourself. It holds no "
                "patients, no names and no folders; look through it all the same, and write below "
                "what happened, without a patient's name."
            ),
            self,
        )
        explanation.setWordWrap(True)
        self.names = QListWidget(self)
        self.names.setAccessibleName(tr("Parts of the report"))
        self.names.addItems(list(self._texts))
        self.names.currentTextChanged.connect(self._show)
        self.text = QPlainTextEdit(self)
        self.text.setAccessibleName(tr("Text of this part"))
        self.text.setPlaceholderText(tr("What happened? What did you do just before?"))
        self.text.textChanged.connect(self._keep_words)
        self.state = PlainLabel(self)
        self.save_button = QPushButton(tr("&Save …"), self)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(lambda: self.saving.emit(dict(self._texts)))
        parts = QSplitter(self)
        parts.addWidget(self.names)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        parts.setSizes([200, SIZE[0] - 200])
        below = QHBoxLayout()
        below.addWidget(self.state, 1)
        below.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.addWidget(explanation)
        column.addWidget(parts, 1)
        column.addWidget(PlainLabel(notice(), self))
        column.addLayout(below)
        available = self.screen().availableSize()
        self.resize(min(SIZE[0], available.width()), min(SIZE[1], available.height() - 60))
        self.names.setCurrentRow(0)
        self._show_state(tr("The self-test is running …"))
        process.start()

    def _show(self, name: str) -> None:
        self.text.setReadOnly(name != WORDS)
        self.text.blockSignals(True)
        self.text.setPlainText(visible_lines(self._texts[name]))
        self.text.blockSignals(False)

    def _keep_words(self) -> None:
        if self.names.currentItem().text() == WORDS:
            self._texts[WORDS] = self.text.toPlainText()

    def _read(self) -> None:
        output = bytes(self._process.readAll().data())
        self._texts[self._slow] += output.decode("utf-8", errors="replace")
        if self.names.currentItem().text() == self._slow:
            self._show(self._slow)

    def _show_state(self, text: str) -> None:
        self.state.setText(text)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._stop()
        super().closeEvent(event)

    def reject(self) -> None:
        self._stop()
        super().reject()

    def _stop(self) -> None:
        if self._process.state() is not QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished()
