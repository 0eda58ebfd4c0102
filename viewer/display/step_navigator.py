"""Where a reader is in a study: at which hanging-protocol step, beside which prior, at which tile.

Pure logic, no widgets. A study that opens begins with the protocol's first step and the newest of
its priors. A step at 1:1 has tiles, of which one shows at a time; how many there are its viewport
knows, and says.
"""

from collections.abc import Sequence

from engine.domain import MammogramView, Study
from viewer.display.hanging import Page, hang
from viewer.display.priors import Prior
from viewer.display.reading_steps import DEFAULT_PROTOCOL, Step, StepKind, step_with, steps_of
from viewer.shared.languages import tr

_NO_PAGE = Page(())


class StepNavigator:
    def __init__(self) -> None:
        self._study: Study | None = None
        self._views: tuple[MammogramView, ...] = ()
        self._priors: tuple[Prior, ...] = ()
        self._prior: Prior | None = None
        self._protocol: tuple[StepKind, ...] = DEFAULT_PROTOCOL
        self._steps: tuple[Step, ...] = ()
        self._number = 0
        self._tile = 0

    # --------------------------------------------------------------------------------- where one is

    @property
    def study(self) -> Study | None:
        return self._study

    @property
    def views(self) -> tuple[MammogramView, ...]:
        """The study's own, in the order in which the reader goes through them."""
        return self._views

    @property
    def priors(self) -> tuple[Prior, ...]:
        """The newest first."""
        return self._priors

    @property
    def prior(self) -> Prior | None:
        """That hangs beside the study on the steps that compare."""
        return self._prior

    @property
    def protocol(self) -> tuple[StepKind, ...]:
        return self._protocol

    @property
    def steps(self) -> tuple[Step, ...]:
        return self._steps

    @property
    def number(self) -> int:
        """Of the step, from 0."""
        return self._number

    @property
    def step(self) -> Step | None:
        """None where nothing is open."""
        return self._steps[self._number] if self._steps else None

    @property
    def page(self) -> Page:
        """The step's; without cells where nothing is open."""
        return self.step.page if self.step else _NO_PAGE

    @property
    def has_prior(self) -> bool:
        """Whether the step compares."""
        return self.step is not None and self.step.has_prior

    @property
    def view_at_actual_size(self) -> MammogramView | None:
        """The step's, that shows by tiles; None on all other steps."""
        if self.step is None or self.step.kind is not StepKind.ACTUAL:
            return None
        return self.page.views[0]

    # ------------------------------------------------------------------------------------- contents

    def open(self, study: Study | None, priors: Sequence[Prior] = ()) -> None:
        self._study, self._priors = study, tuple(priors)
        self._views = tuple(view for page in hang(study) for view in page.views) if study else ()
        self._prior = next(iter(self._priors), None)
        self._hang()

    def set_protocol(self, protocol: Sequence[StepKind]) -> None:
        """Begins with the first step."""
        self._protocol = tuple(protocol)
        self._hang()

    def show_prior(self, prior: Prior) -> None:
        """In the place of the one that hangs: on a step of the same kind, else on the first that
        compares.
        """
        kind = self.step.kind if self.step else None
        self._prior = prior
        self._hang()
        alike = (n for n, step in enumerate(self._steps) if step.kind is kind)
        self.turn_to(next(alike, self.first_with_prior() or 0))

    def _hang(self) -> None:
        self._number = self._tile = 0
        prior = self._prior.study if self._prior else None
        self._steps = steps_of(self._study, prior, self._protocol) if self._study else ()

    # ------------------------------------------------------------------------------------ the ways

    def turn_to(self, number: int) -> None:
        """To a step's first tile."""
        self._number, self._tile = number, 0

    def turn_to_view(self, image_uid: str) -> bool:
        """To the step that is nearest of those that show it; whether that is another than now."""
        number = step_with(self._steps, self._number, image_uid) if self._steps else None
        if number is None or number == self._number:
            return False
        self.turn_to(number)
        return True

    def next_number(self, direction: int) -> int | None:
        """Of the following or the preceding step; None at the end."""
        number = self._number + direction
        return number if 0 <= number < len(self._steps) else None

    def step_tile(self, direction: int, count: int) -> bool:
        """To the following or the preceding of so many tiles, if there is one."""
        tile = self._tile + direction
        if not 0 <= tile < count:
            return False
        self._tile = tile
        return True

    def to_last_tile(self, count: int) -> None:
        self._tile = max(0, count - 1)

    def tile(self, count: int) -> int:
        """Which of so many shows; there may have become fewer."""
        self._tile = min(self._tile, max(0, count - 1))
        return self._tile

    def neighbour(self, image_uid: str, direction: int) -> str | None:
        """The view after or before one: on the page, then in the study; None beyond its ends."""
        own = self.page.own_views
        if not own:
            return None
        edge = own[-1 if direction > 0 else 0].image_uid
        for views, start in ((self.page.views, image_uid), (self._views, edge)):
            uids = [view.image_uid for view in views]
            if start in uids:
                place = uids.index(start)
                other = min(max(place + direction, 0), len(uids) - 1)
                if other != place:
                    return uids[other]
        return None

    def first_with_prior(self) -> int | None:
        """The number of the first step that compares."""
        return next((n for n, step in enumerate(self._steps) if step.has_prior), None)

    def next_prior(self) -> Prior | None:
        """The next older one, and after the oldest the newest again."""
        if self._prior is None:
            return None
        return self._priors[(self._priors.index(self._prior) + 1) % len(self._priors)]

    # ------------------------------------------------------------------------------------- as text

    def text(self, tile_count: int) -> str:
        """'Step 2 of 7: CC', with the tile or the prior where there are several."""
        step = self.step
        if step is None:
            return ""
        tile = number = older = ""
        if tile_count > 1:
            tile = tr(", part {number} of {count}").format(number=self._tile + 1, count=tile_count)
        if len(self._steps) > 1:
            number = tr("Step {number} of {count}: ").format(
                number=self._number + 1, count=len(self._steps)
            )
        if step.has_prior and self._prior and len(self._priors) > 1:
            place = self._priors.index(self._prior) + 1
            older = " " + tr("{done} of {total}").format(done=place, total=len(self._priors))
        return f"{number}{step.title}{tile}{older}"

    def end_text(self, direction: int) -> str:
        """Why there is no step in that direction."""
        return tr("last step") if direction > 0 else tr("first step")

    def no_prior_text(self) -> str:
        """Why no step compares."""
        if self._priors:
            return tr("prior: none among your steps")
        return tr("prior: none in what was opened")
