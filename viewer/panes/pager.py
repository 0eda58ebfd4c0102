"""Blocks one below the other; on pages under tabs where they do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QTabBar, QToolButton, QVBoxLayout, QWidget

from viewer.display.paging import pages
from viewer.panes import labels
from viewer.shared import theme
from viewer.shared.languages import tr

GAP = 4  # pixels between blocks


@dataclass(frozen=True)
class _Block:
    name: str  #: of a page that begins with it
    widget: QWidget

    def height(self, width: int) -> int:
        """That it needs, pixels."""
        if self.widget.hasHeightForWidth():
            return self.widget.heightForWidth(width)
        return max(self.widget.sizeHint().height(), self.widget.minimumHeight())


class Pager(QWidget):
    """Nothing in it is cut off or scrolled, unless a single block is taller than the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._blocks: list[_Block] = []
        self._shown: Sequence[QWidget] = ()
        self._pages: list[list[_Block]] = []
        self._stretch: int | None = None  # so many blocks stand above it
        self._wanted = ""  # the name of the page that the reader chose last
        self.tabs = QTabBar(self)
        self.tabs.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setAccessibleName(tr("Pages of what the model says"))
        self.tabs.currentChanged.connect(self._on_page_chosen)
        self._content = QWidget(self)
        self._column = QVBoxLayout(self._content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP)
        self._column.addStretch()
        self._area = QScrollArea(self)
        self._area.setWidget(self._content)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(tr("What the model says"))
        labels.stop_where_it_scrolls(self._area)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.tabs)
        layout.addWidget(self._area, 1)

    def add(
        self,
        name: str,
        widget: QWidget,
        takes_rest: bool = False,
    ) -> None:
        """Below those that are there."""
        self._column.insertWidget(self._end, widget, int(takes_rest))
        self._blocks.append(_Block(name, widget))

    def add_stretch(self) -> None:
        """What is added from now on stands at the bottom of a page that has something above it."""
        self._column.insertStretch(self._end)
        self._stretch = len(self._blocks)

    @property
    def _end(self) -> int:
        """Before the stretch that is always last."""
        return self._column.count() - 1

    def show_blocks(self, shown: Sequence[QWidget]) -> None:
        """In the order in which they get pages; on its page each stands where it was added."""
        self._shown = shown
        self.fit()

    def fit(self) -> None:
        """Parts the blocks anew, as their heights or the room have changed."""
        by_widget = {block.widget: block for block in self._blocks}
        blocks = [by_widget[widget] for widget in self._shown]
        heights = [block.height(self.width()) for block in blocks]
        parted = pages(heights, self.height(), GAP)
        if len(parted) > 1:
            parted = pages(heights, self.height() - self.tabs.sizeHint().height() - GAP, GAP)
        self._pages = [[blocks[number] for number in page] for page in parted]
        names = self._names
        with QSignalBlocker(self.tabs):
            while self.tabs.count() > len(names):
                self.tabs.removeTab(self.tabs.count() - 1)
            for number, name in enumerate(names):
                if number == self.tabs.count():
                    self.tabs.addTab(name)
                self.tabs.setTabText(number, name)
            self.tabs.setCurrentIndex(names.index(self._wanted) if self._wanted in names else 0)
        for button in self.tabs.findChildren(QToolButton):  # unused; they remember earlier tabs
            button.setEnabled(False)
        self.tabs.setVisible(len(names) > 1)
        self._show_page()

    @property
    def _names(self) -> list[str]:
        """Each page's is its first block's; a last one that holds several is called "More"."""
        names: list[str] = []
        for page in self._pages:
            count = sum(name.startswith(page[0].name) for name in names)
            names.append(f"{page[0].name} {count + 1}" if count else page[0].name)
        if len(names) > 1 and len(self._pages[-1]) > 1:
            names[-1] = tr("More")
        return names

    def page_of(self, widget: QWidget) -> int | None:
        """The number of the page that it is on; None if it is not shown."""
        on_page = ([block.widget for block in page] for page in self._pages)
        return next((number for number, page in enumerate(on_page) if widget in page), None)

    def _show_page(self) -> None:
        current = self._pages[max(0, self.tabs.currentIndex())] if self._pages else []
        on_page = {block.widget for block in current}
        for block in self._blocks:  # hidden ones first: both at once would need more room
            if block.widget not in on_page:
                block.widget.hide()
        for widget in on_page:
            widget.show()
        has_any_above = any(block.widget in on_page for block in self._blocks[: self._stretch])
        if self._stretch is not None:
            self._column.setStretch(self._stretch, int(has_any_above))
        self._column.setStretch(self._end, int(self._stretch is None or not has_any_above))

    def _on_page_chosen(self, number: int) -> None:
        self._wanted = self._names[number]
        self._show_page()
        self._area.verticalScrollBar().setValue(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()
