"""The steps that a reader goes through with one key: pure logic, no widgets.

A protocol is the reader's list of kinds of steps (a hanging protocol's, DICOM PS3.3 C.23); what a
study has decides which of them there are, so that nobody steps through empty pages. Whatever the
protocol leaves out, every view of the study hangs on some step: one for it is added at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.domain import STANDARD_VIEWS, MammogramView, Study
from viewer.display.hanging import (
    SIDES,
    Cell,
    Page,
    Place,
    hang,
    hang_extras,
    hang_extras_over_prior,
    hang_over_prior,
    hang_places,
)
from viewer.shared.languages import mark, tr

_CC, _MLO = ((tuple((side, view) for side in SIDES)) for view in STANDARD_VIEWS)
_RIGHT, _LEFT = (tuple((side, view) for view in STANDARD_VIEWS) for side in SIDES)


class StepKind(Enum):
    """What a protocol is made of; the values are what the reader chooses from."""

    OVERVIEW = mark("All standard views")
    CC = mark("CC pair")
    MLO = mark("MLO pair")
    RIGHT = mark("Right breast")
    LEFT = mark("Left breast")
    EXTRAS = mark("Extra views")
    ACTUAL = mark("Each view at 1:1, part by part")
    PRIOR_ALL = mark("All standard views over the prior")
    PRIOR_CC = mark("CC pair over the prior")
    PRIOR_MLO = mark("MLO pair over the prior")
    PRIOR_EXTRAS = mark("Extra views over the prior")


DEFAULT_PROTOCOL = (
    StepKind.OVERVIEW,
    StepKind.CC,
    StepKind.MLO,
    StepKind.EXTRAS,
    StepKind.ACTUAL,
    StepKind.PRIOR_ALL,
    StepKind.PRIOR_EXTRAS,
)  #: unless the reader makes another
_PRIOR_KINDS = frozenset(
    {StepKind.PRIOR_CC, StepKind.PRIOR_MLO, StepKind.PRIOR_ALL, StepKind.PRIOR_EXTRAS}
)
_PLACES: dict[StepKind, tuple[Place, ...]] = {
    StepKind.CC: _CC,
    StepKind.MLO: _MLO,
    StepKind.RIGHT: _RIGHT,
    StepKind.LEFT: _LEFT,
    StepKind.PRIOR_CC: _CC,
    StepKind.PRIOR_MLO: _MLO,
    StepKind.PRIOR_ALL: _CC + _MLO,
}
# Steps of one family follow each other where the reader goes from view to view.
_FAMILIES = (
    frozenset({StepKind.OVERVIEW, StepKind.EXTRAS}),
    frozenset({StepKind.CC, StepKind.MLO, StepKind.RIGHT, StepKind.LEFT}),
    frozenset({StepKind.ACTUAL}),
    _PRIOR_KINDS,
)


@dataclass(frozen=True)
class Step:
    kind: StepKind
    title: str  #: what it shows, as text
    page: Page

    @property
    def has_prior(self) -> bool:
        return self.kind in _PRIOR_KINDS

    def holds(self, image_uid: str) -> bool:
        return any(view.image_uid == image_uid for view in self.page.views)


def steps_of(study: Study, prior: Study | None, protocol: Sequence[StepKind]) -> tuple[Step, ...]:
    """The steps of a protocol that the study has; none twice, and every view on at least one."""
    steps: list[Step] = []
    for kind in dict.fromkeys(protocol):
        steps += (step for step in _steps(kind, study, prior) if not _is_shown(step, steps))
    seen = {view.image_uid for step in steps for view in _whole_views(step)}
    for page in hang(study):
        if any(view.image_uid not in seen for view in page.views):
            steps.append(Step(StepKind.OVERVIEW, _labels(page), page))
    return tuple(steps)


def views_beside(study: Study, prior: Study) -> tuple[MammogramView, ...]:
    """The prior's views that any step can show."""
    steps = [
        step for kind in StepKind if kind in _PRIOR_KINDS for step in _steps(kind, study, prior)
    ]
    views = [cell.view for step in steps for cell in step.page.cells if cell.view and cell.prior]
    return tuple({view.image_uid: view for view in views}.values())


def step_with(steps: Sequence[Step], here: int, image_uid: str) -> int | None:
    """The step to turn to for a view: this one, the nearest of its family, else an overview."""
    if steps[here].holds(image_uid):
        return here

    def distance(number: int) -> tuple[bool, bool, int]:
        kind = steps[number].kind
        is_related = any({kind, steps[here].kind} <= family for family in _FAMILIES)
        return not is_related, kind not in _FAMILIES[0], abs(number - here)

    return min(
        (n for n, step in enumerate(steps) if step.holds(image_uid)), key=distance, default=None
    )


def _steps(kind: StepKind, study: Study, prior: Study | None) -> list[Step]:
    if kind in _PRIOR_KINDS:
        return [] if prior is None else _prior_steps(kind, study, prior)
    if kind is StepKind.ACTUAL:
        views = [view for page in hang(study) for view in page.views]
        cells = [Cell(view, view.label) for view in views]
        return [
            Step(kind, tr("{view} at 1:1").format(view=cell.label), Page((cell,))) for cell in cells
        ]
    if kind is StepKind.OVERVIEW:
        pages = hang(study)
        extras = len(hang_extras(study))
        pages = pages[: len(pages) - extras]
    elif kind is StepKind.EXTRAS:
        pages = hang_extras(study)
    else:
        page = hang_places(study, _PLACES[kind])
        pages = () if page is None else (page,)
    return [Step(kind, _labels(page), page) for page in pages]


def _prior_steps(kind: StepKind, study: Study, prior: Study) -> list[Step]:
    if kind is StepKind.PRIOR_EXTRAS:
        pages = hang_extras_over_prior(study, prior)
    else:
        page = hang_over_prior(study, prior, _PLACES[kind])
        pages = () if page is None else (page,)
    return [
        Step(kind, tr("{views} over prior").format(views=_labels(page)), page) for page in pages
    ]


def _labels(page: Page) -> str:
    """'CC', 'R CC, R MLO' or 'CC and MLO': what of the open study hangs there."""
    labels = list(dict.fromkeys(cell.label for cell in page.cells if cell.label and not cell.prior))
    positions = list(dict.fromkeys(label.split()[1] for label in labels))
    are_pairs = len(labels) == 2 * len(positions) and "?" not in "".join(labels)
    return tr(" and ", "between two words").join(positions) if are_pairs else ", ".join(labels)


def _whole_views(step: Step) -> tuple[MammogramView, ...]:
    return () if step.kind is StepKind.ACTUAL else step.page.own_views


def _is_shown(step: Step, steps: Sequence[Step]) -> bool:
    """Whether an earlier step has the same cells; a tour at 1:1 is no repetition."""
    pages = [
        other.page
        for other in steps
        if (other.kind is StepKind.ACTUAL) is (step.kind is StepKind.ACTUAL)
    ]
    return step.page in pages
