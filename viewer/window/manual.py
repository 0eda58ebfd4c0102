"""The manual in a window of its own, without a network: docs/manual.md with its pictures, and the
papers beside it that are there.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QImage, QTextBlockFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from resources import ROOT
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import notice
from viewer.shared.plain_text import PlainLabel

FOLDERS = (ROOT / "manual", ROOT.parent / "docs")  #: in a bundle or wheel; in a checkout
PICTURE_WIDTH = 700  # logical pixels, where the screen has room
SIZE = (1060, 780)
CONTENTS_WIDTH, MARGIN = 290, 70  # of the paper: its frame and scroll bar
GAP, HEADING_GAP = 8, 22  # logical pixels above a paragraph, a heading
LINE_PERCENT = 120
_PROPORTIONAL = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_LEVEL = Qt.ItemDataRole.UserRole


def find_manual(language: str, folders: tuple[Path, ...] = FOLDERS) -> Path | None:
    """In that language, or else in English; None where this installation came without."""
    for folder in folders:
        for name in (f"manual.{language}.md", "manual.md"):
            if (folder / name).is_file() and (folder / "screenshots").is_dir():
                return folder / name
    return None


def readable(markdown: str) -> str:
    """Pictures below each other with their captions, where the paper has them side by side."""
    blocks = []
    for block in markdown.split("\n\n"):
        if _PICTURE.search(block) and block.startswith(("|", "![")):
            blocks += [f"![{text}]({file})\n\n*{text}*" for text, file in _PICTURE.findall(block)]
        else:
            blocks.append(block)
    return "\n\n".join(blocks)


def anchor(heading: str) -> str:
    """Under which links name it: '#how-good-are-the-networks'."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


class Browser(QTextBrowser):
    """Shows papers that lie here; it neither goes online nor shows another file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self._folder = Path()
        self.picture_width = PICTURE_WIDTH  #: at most, logical pixels

    def show_paper(self, path: Path) -> None:
        self._folder = path.parent
        self.document().setBaseUrl(QUrl.fromLocalFile(f"{path.parent}/"))
        self.setMarkdown(readable(path.read_text("utf-8")))
        self._space_out()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _space_out(self) -> None:
        """Qt sets a paper's paragraphs without a gap between them."""
        cursor, block = QTextCursor(self.document()), self.document().begin()
        while block.isValid():
            cursor.setPosition(block.position())
            form = QTextBlockFormat()
            form.setTopMargin(HEADING_GAP if block.blockFormat().headingLevel() else GAP)
            if block.length() > 2:  # a picture alone is one letter
                form.setLineHeight(LINE_PERCENT, _PROPORTIONAL)
            cursor.mergeBlockFormat(form)
            block = block.next()

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """A picture beside the paper, as wide as there is room."""
        url = QUrl(name)
        place = self._folder / (url.toLocalFile() if url.isLocalFile() else url.path())
        is_picture = kind == QTextDocument.ResourceType.ImageResource.value
        is_beside = place.parent == self._folder / "screenshots" and place.is_file()
        if not is_picture or not is_beside or url.scheme() not in ("", "file"):
            return None
        image, ratio = QImage(str(place)), self.devicePixelRatioF()
        width = min(image.width(), round(self.picture_width * ratio))
        fitted = image.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        fitted.setDevicePixelRatio(ratio)
        return fitted

    def headings(self) -> list[tuple[int, str, int]]:
        """Level, text and place of each."""
        found, block = [], self.document().begin()
        while block.isValid():
            if level := block.blockFormat().headingLevel():
                found.append((level, block.text(), block.position()))
            block = block.next()
        return found

    def go_to(self, position: int) -> None:
        """Its line stands at the top."""
        self.moveCursor(QTextCursor.MoveOperation.End)
        cursor = self.textCursor()
        cursor.setPosition(position)
        self.setTextCursor(cursor)


class Manual(QDialog):
    """Stands beside the images, stops nothing."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Manual"))
        self._papers = [path]  # gone through, the one that shows last
        self.browser = Browser(self)
        self.browser.setAccessibleName(tr("Manual"))
        self.browser.anchorClicked.connect(self.follow)
        self.contents = QListWidget(self)
        self.contents.setAccessibleName(tr("Contents"))
        self.contents.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.contents.itemActivated.connect(self._go_to)
        self.contents.itemClicked.connect(self._go_to)
        self.back = QPushButton(tr("Back"), self)
        self.back.clicked.connect(self.go_back)
        self._notice = PlainLabel(notice(), self)
        self._notice.setFont(theme.font(bold=True))
        self._notice.setStyleSheet(f"color: {theme.WARNING.name()}")
        parts = QSplitter(self)
        parts.addWidget(self.contents)
        parts.addWidget(self.browser)
        parts.setStretchFactor(1, 1)
        parts.setSizes([CONTENTS_WIDTH, SIZE[0] - CONTENTS_WIDTH])
        below = QHBoxLayout()
        below.addWidget(self._notice, 1)
        below.addWidget(self.back)
        column = QVBoxLayout(self)
        column.addWidget(parts, 1)
        column.addLayout(below)
        available = self.screen().availableSize()
        self.resize(min(SIZE[0], available.width()), min(SIZE[1], available.height() - 60))
        self.browser.picture_width = min(PICTURE_WIDTH, self.width() - CONTENTS_WIDTH - MARGIN)
        self._show()

    def _show(self) -> None:
        self.browser.show_paper(self._papers[-1])
        self.back.setEnabled(len(self._papers) > 1)
        self.contents.clear()
        for level, text, position in self.browser.headings():
            entry = QListWidgetItem(("" if level == 1 else "   ") + text, self.contents)
            entry.setData(_LEVEL, position)

    def _go_to(self, entry: QListWidgetItem) -> None:
        self.browser.go_to(entry.data(_LEVEL))

    def follow(self, link: QUrl) -> None:
        """To a heading, or to another paper if it is here; nowhere else."""
        if file := link.path():
            path = self._find(unquote(file))
            if path is None:
                return
            self._papers.append(path)
            self._show()
        for _, text, position in self.browser.headings():
            if link.hasFragment() and anchor(text) == link.fragment():
                self.browser.go_to(position)

    def _find(self, link: str) -> Path | None:
        """A paper beside this one, or a card of a network."""
        inside = link.partition("resources/")[2]
        path = ROOT / inside if inside else self._papers[-1].parent / Path(link).name
        return path if path.suffix == ".md" and path.is_file() else None

    def go_back(self) -> None:
        if len(self._papers) > 1:
            self._papers.pop()
            self._show()
