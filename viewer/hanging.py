"""Which view hangs in which cell: pure logic over a study's tags, never over its pixels.

The standard page is R CC, L CC over R MLO, L MLO, the breasts back to back. What a study has beyond
that follows on pages of up to four; what it lacks leaves a labelled gap, so that the others keep
their place. Two views or fewer, or one breast alone, get the room instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from engine.domain import STANDARD_VIEWS, Laterality, MammogramView, Study, ViewPosition

_SIDES = (Laterality.RIGHT, Laterality.LEFT)  # as they hang, left to right
_POSITIONS = tuple(ViewPosition)  # in the order of the standard's importance
_PAGE_SIZE = 4
# A breast's box is two to three times as tall as wide, so that four in a row come out 1.3 to 2
# times as large as two by two in a pane this much wider than tall; but corner text needs room.
_ROW_ASPECT = 1.25  #: width / height of the pane
_ROW_CELL_WIDTH = 240  #: logical pixels


class Arrangement(Enum):
    """How the cells of a page lie; the reader's choice."""

    AUTO = "automatic"
    GRID = "two rows"
    ROW = "one row"


@dataclass(frozen=True)
class Cell:
    """A place on a page: a view, a gap where a standard view is missing, or nothing."""

    view: MammogramView | None
    label: str  #: 'R CC', also of a gap; empty where nothing belongs


@dataclass(frozen=True)
class Page:
    """Cells in reading order; a page of four holds the two rows of a grid one after the other."""

    cells: tuple[Cell, ...]

    @property
    def views(self) -> tuple[MammogramView, ...]:
        return tuple(cell.view for cell in self.cells if cell.view)

    def columns(self, arrangement: Arrangement, width: int, height: int) -> int:
        """Cells in a row, in a pane of that size in logical pixels.

        By the pane alone, not by the breasts: studies of one worklist all hang the same way.
        """
        count = len(self.cells)
        if arrangement is Arrangement.AUTO:
            is_wide = width >= _ROW_ASPECT * height and width >= _ROW_CELL_WIDTH * count
            arrangement = Arrangement.ROW if is_wide else Arrangement.GRID
        return count if arrangement is Arrangement.ROW else min(2, count)


def hang(study: Study) -> tuple[Page, ...]:
    """The pages that a reader goes through; every view of the study is on exactly one."""
    standard: dict[tuple[Laterality, ViewPosition], MammogramView] = {}
    extras = []
    for view in sorted(study.views, key=_preference):
        place = (view.laterality, view.view_position)
        if None in place or view.view_position not in STANDARD_VIEWS or place in standard:
            extras.append(view)
        else:
            standard[place] = view
    extras.sort(key=_reading_order)

    if not _leaves_gaps(standard, len(extras)):
        return _in_fours(sorted(standard.values(), key=_reading_order) + extras)
    cells = []
    for position in STANDARD_VIEWS:
        for side in _SIDES:
            label = f"{side.value} {position.value}"
            cells.append(Cell(standard.get((side, position)), label))
    return (Page(tuple(cells)), *_in_fours(extras))


def _leaves_gaps(
    standard: Mapping[tuple[Laterality, ViewPosition], MammogramView], extra: int
) -> bool:
    """Whether to hang the four standard places, though some may be empty.

    Not so where what there is makes a page of its own: a pair, one breast, a single view.
    """
    sides = {side for side, _ in standard}
    positions = {position for _, position in standard}
    return len(sides) == len(positions) == 2 or (len(sides) == 2 and len(standard) + extra > 4)


def _in_fours(views: Sequence[MammogramView]) -> tuple[Page, ...]:
    pages = []
    for start in range(0, len(views), _PAGE_SIZE):
        cells = [Cell(view, view.label) for view in views[start : start + _PAGE_SIZE]]
        for left in range(0, len(cells) - 1, 2):
            sides = tuple(cell.view.laterality for cell in cells[left : left + 2])
            if sides == _SIDES[::-1]:  # chest walls together
                cells[left : left + 2] = reversed(cells[left : left + 2])
        if len(cells) == 3:
            cells.append(Cell(None, ""))
        pages.append(Page(tuple(cells)))
    return tuple(pages)


def _preference(view: MammogramView) -> tuple:
    """Of several views for one place the first hangs there: whole breasts, then the newest."""
    is_partial = bool(view.view_modifiers) or view.out_of_scope is not None
    newest_first = tuple(-ord(letter) for letter in view.acquired) if view.acquired else (0,)
    return is_partial, newest_first, view.instance_number, view.image_uid


def _reading_order(view: MammogramView) -> tuple:
    """Known before unknown, by projection, right before left, then as acquired."""
    position, side = view.view_position, view.laterality
    return (
        position is None or side is None,
        _POSITIONS.index(position) if position else len(_POSITIONS),
        _SIDES.index(side) if side else len(_SIDES),
        view.acquired,
        view.instance_number,
        view.image_uid,
    )
