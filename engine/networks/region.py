"""What the region network says of a rectangle that a reader drew; or why it says nothing.

Whether it should judge it at all is decided here: the image must be a mammogram as far as header
and pixels tell, and the rectangle must lie on the breast and be large enough to hold a lesion.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.domain import (
    MammogramView,
    ModelIdentity,
    Pixels,
    RegionJudgement,
    RegionOutOfScope,
    RegionPrediction,
)
from engine.errors import UnsupportedImage
from engine.messages import Message, message
from engine.networks import appearance, preprocessing, scope
from engine.networks.checkpoint import shipped_checkpoint
from engine.networks.region_network import REGION, cut, load_region_checkpoint

Box = tuple[int, int, int, int]  #: x_min, y_min, x_max, y_max in source pixels

SMALLEST_MM = 2.0  #: of a rectangle's sides
_SMALLEST_PIXELS = 4  #: of a rectangle's sides, however large a pixel is
_LEAST_ON_BREAST = 0.5  #: of the rectangle's area
_FEWEST_LEVELS = 4  #: distinct grey values
_COARSE_MM = 0.15  #: from here on a calcification is less than a pixel
_REMEMBERED = 8  #: images whose outline is kept: a study's views, for the next rectangle

EMPTY = message("The rectangle is empty.")
OUTSIDE_IMAGE = message("The rectangle lies outside the image.")
OUTSIDE_BREAST = message("The rectangle lies outside the breast.")
MOSTLY_OUTSIDE_BREAST = message("More than half of the rectangle lies outside the breast.")
TOO_SMALL = message("The rectangle is too small to judge (a side of less than 2 mm).")
BLANK = message("There is nothing to see in the rectangle: it is all of one grey.")
CLIPPED = message("The rectangle reaches beyond the image; only the part inside was looked at.")
NO_SPACING = message(
    "The pixel spacing is unknown: the image's own pixels were taken as they are, "
    "as if one were 0.1 mm."
)


@dataclass(frozen=True, eq=False)
class _Known:
    """What was found out about a whole image, so that its next rectangle is predicted sooner."""

    reason: Message | None  #: why no network may judge it
    breast: np.ndarray | None  #: bool (rows, columns), coarser than the image


class RegionPredictor:
    """The region network, ready to predict; not thread-safe.

    `checkpoint_path` stands in for the shipped checkpoint. Raises `IncompatibleCheckpoint`.
    """

    def __init__(self, checkpoint_path: Path | None = None) -> None:
        self._checkpoint = load_region_checkpoint(checkpoint_path or shipped_checkpoint(REGION))
        self._known: OrderedDict[str, _Known] = OrderedDict()
        appearance.shipped()  # an installation without it fails at once, not at every image

    @property
    def identity(self) -> ModelIdentity:
        return self._checkpoint.identity

    def warm_up(self) -> None:
        """One pass over a grey square: the first real one then runs at full speed."""
        side = self._checkpoint.config.side
        self._checkpoint.predict(np.full((1, 2, side, side), 0.5, np.float32))

    def predict(self, view: MammogramView, pixels: Pixels, box: Box) -> RegionJudgement:
        """Judges `box` of `pixels`, which are `view`'s; what lies beyond the image is left out.

        Pixels (x, y) with x_min <= x < x_max and y_min <= y < y_max are looked at.
        """
        spacing = view.pixel_spacing
        x_min, y_min, x_max, y_max = (int(edge) for edge in box)
        box = x_min, y_min, x_max, y_max
        known_mm = None if spacing is None else float(spacing.row_mm)
        source = None if spacing is None else spacing.source.value

        def out_of_scope(reason: Message) -> RegionOutOfScope:
            return RegionOutOfScope(view.image_uid, box, self.identity, reason, known_mm, source)

        inside = _clipped(box, pixels.shape)
        if spacing is None:
            frame_mm = self._checkpoint.config.spacing_mm
            spacing_mm = frame_mm * view.pixel_aspect, frame_mm
        else:
            spacing_mm = spacing.row_mm, spacing.column_mm
        reason = view.out_of_scope or _reason_of_box(box, inside, spacing_mm)
        if reason is None:
            known = self._examined(view, pixels)
            reason = known.reason
            if known.breast is not None:
                reason = _reason_of_place(inside, pixels.shape, known.breast)
        if reason is not None:
            return out_of_scope(reason)
        x0, y0, x1, y1 = inside
        stored = np.ascontiguousarray(pixels.stored[y0:y1, x0:x1])
        grey = preprocessing.grey(view, replace(pixels, stored=stored))
        if len(np.unique(grey)) < _FEWEST_LEVELS:
            return out_of_scope(BLANK)
        logits, malignancy = self._checkpoint.predict(
            cut(grey, spacing_mm, self._checkpoint.config)[None]
        )
        calibration = self._checkpoint.calibration
        probabilities = calibration.grades.probabilities(logits)[0]
        return RegionPrediction(
            image_uid=view.image_uid,
            box=box,
            model=self.identity,
            probabilities={
                grade: float(p)
                for grade, p in zip(self.identity.categories, probabilities, strict=True)
            },
            malignancy=float(calibration.malignancy.probabilities(malignancy)[0]),
            spacing_mm=known_mm,
            spacing_source=source,
            notes=self._notes(inside != box, spacing is None, inside, spacing_mm),
        )

    def _examined(self, view: MammogramView, pixels: Pixels) -> _Known:
        known = self._known.get(view.image_uid)
        if known is None:
            known = _known(view, pixels)
            self._known[view.image_uid] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _notes(
        self,
        is_clipped: bool,
        is_spacing_unknown: bool,
        inside: Box,
        spacing_mm: tuple[float, float],
    ) -> tuple[Message, ...]:
        notes: list[Message] = []
        if is_clipped:
            notes.append(CLIPPED)
        if is_spacing_unknown:
            notes.append(NO_SPACING)
        elif max(spacing_mm) > _COARSE_MM:
            notes.append(
                message(
                    "A pixel of this image is {mm} mm: too coarse to judge calcifications.",
                    mm=f"{max(spacing_mm):.2f}",
                )
            )
        config = self._checkpoint.config
        largest = max(
            (inside[3] - inside[1]) * spacing_mm[0], (inside[2] - inside[0]) * spacing_mm[1]
        )
        frame_mm = config.side * config.spacing_mm
        if largest > 1.5 * frame_mm:
            notes.append(
                message(
                    "The rectangle is larger than {size} mm, so it was looked at coarser: {mm} "
                    "mm for a pixel.",
                    size=f"{frame_mm:.0f}",
                    mm=f"{largest / config.side:.2f}",
                )
            )
        return tuple(notes)


def _clipped(box: Box, shape: tuple[int, int]) -> Box:
    x0, y0, x1, y1 = box
    return max(0, x0), max(0, y0), min(shape[1], x1), min(shape[0], y1)


def _reason_of_box(box: Box, inside: Box, spacing_mm: tuple[float, float]) -> Message | None:
    if box[0] >= box[2] or box[1] >= box[3]:
        return EMPTY
    wide, tall = inside[2] - inside[0], inside[3] - inside[1]
    if wide <= 0 or tall <= 0:
        return OUTSIDE_IMAGE
    if min(wide * spacing_mm[1], tall * spacing_mm[0]) < SMALLEST_MM - 1e-6:
        return TOO_SMALL
    if min(wide, tall) < _SMALLEST_PIXELS:
        return TOO_SMALL
    return None


def _known(view: MammogramView, pixels: Pixels) -> _Known:
    image = preprocessing.grey(view, pixels)
    reason = scope.reason_not_to_judge(view, pixels, image)
    if reason is not None:
        return _Known(reason, None)
    try:
        return _Known(None, preprocessing.outline_breast(image, view.pixel_aspect))
    except UnsupportedImage as error:  # sound and shown, but there is no breast in it
        return _Known(error.message, None)


def _reason_of_place(box: Box, shape: tuple[int, int], breast: np.ndarray) -> Message | None:
    """`breast` covers the whole image, of `shape`, at its own resolution."""
    down, across = breast.shape[0] / shape[0], breast.shape[1] / shape[1]
    x0, y0 = int(box[0] * across), int(box[1] * down)
    x1, y1 = max(x0 + 1, math.ceil(box[2] * across)), max(y0 + 1, math.ceil(box[3] * down))
    share = breast[y0:y1, x0:x1].mean()
    if share == 0:
        return OUTSIDE_BREAST
    return MOSTLY_OUTSIDE_BREAST if share < _LEAST_ON_BREAST else None
