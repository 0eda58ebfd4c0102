"""What the program is, and whose work is in it."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine import __version__
from resources import ROOT
from viewer.shared.languages import tr
from viewer.shared.messages import notice

LICENCE_FOLDER = ROOT / "licences"


class About(QDialog):
    """What this is, and the notices of what it is made of."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About birads-viewer"))
        about = QLabel(self)
        about.setWordWrap(True)
        about.setAlignment(Qt.AlignmentFlag.AlignTop)
        about.setMargin(12)
        about.setText(
            f"<h3>birads-viewer {__version__}</h3><p><b>{notice()}</b></p>"
            + tr(
                "<p>Mammography studies, read beside a local BI-RADS model. Images and readings "
                "stay on this computer, unless your site has configured its network.</p><p>The "
                "model's category is not an assessment, its "
                "confidence was calibrated on enriched archive cases, and its heat-map shows "
                "attention, not the outline of a lesion.</p>"
            )
        )
        self.names = QListWidget(self)
        self.names.setAccessibleName(tr("Third-party notices"))
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        for path in licence_files():
            entry = QListWidgetItem(path.stem, self.names)
            entry.setData(Qt.ItemDataRole.UserRole, path)
        self.names.currentItemChanged.connect(self._show_notice)
        self.names.setCurrentRow(0)
        notices = QSplitter(self)
        notices.addWidget(self.names)
        notices.addWidget(self.text)
        notices.setStretchFactor(1, 1)
        notices.setSizes([190, 560])
        tabs = QTabWidget(self)
        tabs.addTab(about, tr("About"))
        tabs.addTab(notices, tr("Third-party notices"))
        layout = QVBoxLayout(self)
        layout.addWidget(tabs)
        self.resize(780, 560)

    def _show_notice(self, entry: QListWidgetItem | None) -> None:
        path = None if entry is None else entry.data(Qt.ItemDataRole.UserRole)
        self.text.setPlainText("" if path is None else path.read_text("utf-8", errors="replace"))


def licence_files() -> list[Path]:
    """The notices that this program carries: the summary first, then the texts by name."""
    files = (path for path in LICENCE_FOLDER.rglob("*") if path.suffix in (".txt", ".md"))
    return sorted(files, key=lambda path: (path.stem != "NOTICES", path.stem.lower()))
