"""Which view hangs in which cell: pure logic over a study's tags, never over its pixels.

The standard page is R CC, L CC over R MLO, L MLO, the breasts back to back. What a study has beyond
that follows on pages of up to four, pairs beside each other: repeats, implant-displaced views,
other projections, then spot and magnification views. What it lacks leaves a labelled gap, so that
the others keep their place. Two views or fewer, or one breast alone, get the room instead.

Pages that compare have a row of their own for each study: a view hangs over the same view of the
prior, and what one of the two lacks leaves a gap there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from engine.domain import STANDARD_VIEWS, Laterality, MammogramView, Study, ViewPosition
from viewer.shared.languages import tr

Place = tuple[Laterality, ViewPosition]
_Kind = tuple[Laterality | None, ViewPosition | None, frozenset[str]]

SIDES = (Laterality.RIGHT, Laterality.LEFT)  #: as they hang, left to right
IMPLANT_DISPLACED = "implant displaced"
# Modifiers that leave a view what it is; all others make another view of it.
_HARMLESS = frozenset({"axillary tissue", "infra-mammary fold", "nipple in profile"})
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
    """A place on a page: a view, a gap where a view is missing, or nothing."""

    view: MammogramView | None
    label: str  #: 'R CC', also of a gap; empty where nothing belongs
    prior: Study | None = None  #: the earlier study that the cell is for; None: the open one


@dataclass(frozen=True)
class Page:
    """Cells in reading order; a page of four holds the two rows of a grid one after the other."""

    cells: tuple[Cell, ...]
    fixed_columns: int | None = None  #: of a page that compares, whatever the reader's arrangement

    @property
    def views(self) -> tuple[MammogramView, ...]:
        """Of the open study and of the prior."""
        return tuple(cell.view for cell in self.cells if cell.view)

    @property
    def own_views(self) -> tuple[MammogramView, ...]:
        """Of the open study."""
        return tuple(cell.view for cell in self.cells if cell.view and not cell.prior)

    def columns(self, arrangement: Arrangement, width: int, height: int) -> int:
        """Cells in a row, in a pane of that size in logical pixels.

        By the pane alone, not by the breasts: studies of one worklist all hang the same way.
        """
        if self.fixed_columns:
            return self.fixed_columns
        count = len(self.cells)
        if arrangement is Arrangement.AUTO:
            is_wide = width >= _ROW_ASPECT * height and width >= _ROW_CELL_WIDTH * count
            arrangement = Arrangement.ROW if is_wide else Arrangement.GRID
        return count if arrangement is Arrangement.ROW else min(2, count)


# -------------------------------------------------------------------------------------- one study


def hang(study: Study) -> tuple[Page, ...]:
    """The pages that show a study; every view of it is on exactly one."""
    standard, extras = _sorted_out(study)
    if not _leaves_gaps(standard, len(extras)):
        return _in_fours([*sorted(standard.values(), key=_reading_order), *extras])
    places = [(side, position) for position in STANDARD_VIEWS for side in SIDES]
    return (Page(tuple(_row(standard, places))), *_in_fours(extras))


def hang_extras(study: Study) -> tuple[Page, ...]:
    """What hangs after the standard views; nothing where these make no page of their own."""
    standard, extras = _sorted_out(study)
    return _in_fours(extras) if _leaves_gaps(standard, len(extras)) else ()


def hang_places(study: Study, places: Iterable[Place]) -> Page | None:
    """One row of standard views, with gaps for those that the study lacks.

    A breast that the study does not have at all leaves none. None where nothing is there to hang.
    """
    standard, _ = _sorted_out(study)
    places = _of_imaged_sides(standard, places)
    cells = _row(standard, places)
    return Page(tuple(cells)) if any(cell.view for cell in cells) else None


def laterality_conflicts(study: Study) -> Mapping[str, tuple[str, ...]]:
    """By image uid, what is doubtful about its side: views that claim to be the same.

    Repeats of an exposure are usual; where the other side lacks that view, it is likelier that one
    of the two bears the wrong side.
    """
    claims: dict[Place, list[MammogramView]] = defaultdict(list)
    for view in study.views:
        place = _place(view)
        if place and not _is_partial(view):
            claims[place].append(view)
    sides = {side for side, _ in claims}
    found: dict[str, tuple[str, ...]] = {}
    for (side, position), views in claims.items():
        other = next(s for s in SIDES if s is not side)
        if len(views) > 1 and len(sides) == 2 and (other, position) not in claims:
            label = tr("{count} images claim {view}").format(
                count=len(views), view=f"{side.value} {position.value}"
            )
            missing = tr("none {view}", "no image of that view").format(
                view=f"{other.value} {position.value}"
            )
            found.update((view.image_uid, (label, missing)) for view in views)
    return found


# ------------------------------------------------------------------------- beside an earlier study


def hang_over_prior(study: Study, prior: Study, places: Iterable[Place]) -> Page | None:
    """The open study's row over the prior's; None where either has none of these views."""
    standard, _ = _sorted_out(study)
    before, _ = _sorted_out(prior)
    places = _of_imaged_sides(standard, places)
    whole = frozenset[str]()
    same = {
        place: view
        for place, view in before.items()
        if _modified(view) == (_modified(standard[place]) if place in standard else whole)
    }
    row, below = _row(standard, places), _row(same, places, prior)
    if not any(cell.view for cell in row) or not any(cell.view for cell in below):
        return None
    return Page((*row, *below), len(places))


def hang_extras_over_prior(study: Study, prior: Study) -> tuple[Page, ...]:
    """Views beyond the standard ones of which the prior has the same: place and modifiers."""
    before: dict[_Kind, list[MammogramView]] = defaultdict(list)
    for view in _sorted_out(prior)[1]:
        before[_kind_of_view(view)].append(view)
    pairs = []
    for view in _sorted_out(study)[1]:
        same = before.get(_kind_of_view(view))
        if same and None not in (view.laterality, view.view_position):
            pairs.append((view, same.pop(0)))
    pages = []
    for start in range(0, len(pairs), _PAGE_SIZE):
        part = pairs[start : start + _PAGE_SIZE]
        row = [Cell(view, view.label) for view, _ in part]
        below = [Cell(view, view.label, prior) for _, view in part]
        pages.append(Page((*row, *below), len(part)))
    return tuple(pages)


# ------------------------------------------------------------------------------ which goes where


def _sorted_out(study: Study) -> tuple[dict[Place, MammogramView], list[MammogramView]]:
    """The view for each standard place, and the rest in reading order."""
    standard: dict[Place, MammogramView] = {}
    extras = []
    for view in sorted(study.views, key=_preference):
        place = _place(view)
        if place is None or place in standard:
            extras.append(view)
        else:
            standard[place] = view
    return standard, sorted(extras, key=_reading_order)


def _place(view: MammogramView) -> Place | None:
    """Among the standard ones."""
    if view.laterality is None or view.view_position not in STANDARD_VIEWS:
        return None
    return view.laterality, view.view_position


def _of_imaged_sides(
    standard: Mapping[Place, MammogramView], places: Iterable[Place]
) -> list[Place]:
    sides = {side for side, _ in standard}
    return [place for place in places if place[0] in sides]


def _row(
    standard: Mapping[Place, MammogramView], places: Iterable[Place], prior: Study | None = None
) -> list[Cell]:
    return [
        Cell(standard.get((side, position)), f"{side.value} {position.value}", prior)
        for side, position in places
    ]


def _leaves_gaps(standard: Mapping[Place, MammogramView], extra: int) -> bool:
    """Whether to hang the four standard places, though some may be empty.

    Not so where what there is makes a page of its own: a pair, one breast, a single view.
    """
    sides = {side for side, _ in standard}
    positions = {position for _, position in standard}
    return len(sides) == len(positions) == 2 or (len(sides) == 2 and len(standard) + extra > 4)


def _in_fours(views: Sequence[MammogramView]) -> tuple[Page, ...]:
    pages = []
    views = _paired(views)
    for start in range(0, len(views), _PAGE_SIZE):
        part = list(views[start : start + _PAGE_SIZE])
        for left in range(0, len(part) - 1, 2):
            sides = tuple(view.laterality for view in part[left : left + 2])
            if sides == SIDES[::-1]:  # chest walls together
                part[left : left + 2] = reversed(part[left : left + 2])
        cells = [Cell(view, view.label) for view in part]
        if len(cells) == 3:
            cells.append(Cell(None, ""))
        pages.append(Page(tuple(cells)))
    return tuple(pages)


def _paired(views: Sequence[MammogramView]) -> list[MammogramView]:
    """In the same order, but right and left of one kind beside each other, before those alone.

    Not where all are of one breast: then the order is the pair.
    """
    if len({view.laterality for view in views} & set(SIDES)) < 2:
        return list(views)
    kinds: dict[_Kind, tuple[list[MammogramView], list[MammogramView]]]
    kinds = defaultdict(lambda: ([], []))
    for view in views:
        if view.laterality:
            of_kind = kinds[None, *_kind_of_view(view)[1:]]  # of either side
            of_kind[SIDES.index(view.laterality)].append(view)
    pairs = [pair for rights, lefts in kinds.values() for pair in zip(rights, lefts, strict=False)]
    paired = [view for pair in pairs for view in pair]
    uids = {id(view) for view in paired}
    return paired + [view for view in views if id(view) not in uids]


def _kind_of_view(view: MammogramView) -> _Kind:
    return view.laterality, view.view_position, _modified(view)


def _modified(view: MammogramView) -> frozenset[str]:
    return frozenset(view.view_modifiers) - _HARMLESS


def _is_partial(view: MammogramView) -> bool:
    return bool(_modified(view)) or view.out_of_scope is not None


def _preference(view: MammogramView) -> tuple[object, ...]:
    """Of several views for one place the first hangs there: whole breasts, then the newest."""
    newest_first = tuple(-ord(letter) for letter in view.acquired) if view.acquired else (0,)
    return _is_partial(view), newest_first, view.instance_number, view.image_uid


def _reading_order(view: MammogramView) -> tuple[object, ...]:
    """Known before unknown, by kind and projection, right before left, then as acquired."""
    position, side = view.view_position, view.laterality
    is_known = position is not None and side is not None
    return (
        not is_known,
        _rank(view) if is_known else 0,
        _POSITIONS.index(position) if position else len(_POSITIONS),
        sorted(_modified(view)),
        SIDES.index(side) if side else len(SIDES),
        view.acquired,
        view.instance_number,
        view.image_uid,
    )


def _rank(view: MammogramView) -> int:
    """Repeats of the standard, implant displaced, other projections, then parts of the breast."""
    if IMPLANT_DISPLACED in view.view_modifiers:
        return 1
    if _modified(view):
        return 3
    return 0 if view.view_position in STANDARD_VIEWS else 2
