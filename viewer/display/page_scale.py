"""What scale the views of a page share: pure logic over sizes and spacings.

Breasts that are to be compared have one scale in millimetres. A view without a credible spacing is
fitted by itself, and its size does not compare; the others keep theirs. Where none has one, views
share a scale in pixels, unless these are plainly of different machines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.domain import MammogramView, PixelSpacing
from viewer.shared.languages import mark

FILL = 0.98  #: of a cell, that the largest breast takes
_COMPARABLE = 2.0  #: breasts whose sizes in pixels differ more are each fitted by themselves
_CREDIBLE = 4.0  #: … whose sizes in mm do; no breast is four times as tall as the same or the other


class Basis(Enum):
    """What the views of a page have in common; told to the reader."""

    MILLIMETRES = mark("same size in mm")
    MIXED = mark("same size in mm, by spacings of different origin")
    PARTLY = mark("same size in mm, but for views without spacing")
    CONTRADICTORY = mark("spacings contradict each other: each view fitted, sizes do not compare")
    PIXELS = mark("same scale in pixels")
    EACH = mark("each view fitted, sizes do not compare")


@dataclass(frozen=True)
class Fit:
    """How a view would fill its cell by itself."""

    scale: float  #: device pixels per unit
    unit: tuple[float, float]  #: width and height of a pixel: in mm, else in pixel widths
    height: float  #: of the breast, in units
    spacing: PixelSpacing | None
    is_shown: bool = True  #: False: it failed, and has no say
    is_lying: bool = False  #: rotated onto its side: it has no say, and is shrunk to fit


def fit(
    view: MammogramView,
    breast: tuple[float, float],
    cell: tuple[int, int],
    is_shown: bool = True,
    is_lying: bool = False,
) -> Fit:
    """`breast` is (rows, columns) in source pixels, `cell` (width, height) in device pixels."""
    spacing = view.pixel_spacing
    unit = unit_of(view, spacing is not None)
    tall, wide = breast[0] * unit[1], breast[1] * unit[0]
    along, across = (cell[1], cell[0]) if is_lying else cell
    scale = FILL * min(along / wide, across / tall)
    return Fit(scale, unit, tall, spacing, is_shown, is_lying)


def unit_of(view: MammogramView, in_millimetres: bool) -> tuple[float, float]:
    """Width and height of a pixel: in pixel widths, or in mm; then raises ValueError where the view
    has no spacing.
    """
    if not in_millimetres:
        return 1.0, view.pixel_aspect
    if view.pixel_spacing is None:
        raise ValueError(f"{view.label} has no pixel spacing")
    return view.pixel_spacing.column_mm, view.pixel_spacing.row_mm


@dataclass(frozen=True)
class PageScale:
    basis: Basis | None  #: None: nothing to compare
    scales: tuple[float, ...]  #: one a view
    are_alike: tuple[bool, ...]  #: whether the view's size compares with the others


def share(fits: Sequence[Fit], in_millimetres: bool, is_settled: bool) -> PageScale:
    """`in_millimetres`: some view of the page has a spacing. Until the page `is_settled` heights
    are guesses, and nobody is suspected for them.
    """
    upright = [one for one in fits if not one.is_lying] or list(fits)
    shown = [one for one in upright if one.is_shown] or upright
    alike = [one for one in shown if one.spacing] if in_millimetres else shown
    basis = _basis(alike, shown, in_millimetres)
    heights = [one.height for one in alike]
    limit = _CREDIBLE if in_millimetres else _COMPARABLE
    if is_settled and alike and max(heights) >= limit * min(heights):
        alike, basis = [], Basis.CONTRADICTORY if in_millimetres else Basis.EACH
    common = min((one.scale for one in alike), default=None)
    scales = tuple(_scale(one, common, one in alike, in_millimetres) for one in fits)
    are_alike = tuple(
        one in alike or not one.is_shown or len(shown) < 2 or (one.is_lying and scale == common)
        for one, scale in zip(fits, scales, strict=True)
    )
    return PageScale(basis if len(shown) > 1 else None, scales, are_alike)


def _scale(one: Fit, common: float | None, is_alike: bool, in_millimetres: bool) -> float:
    if common is None:
        return one.scale
    if is_alike or not one.is_shown:
        return common
    is_shrunk = one.is_lying and bool(one.spacing) is in_millimetres
    return min(one.scale, common) if is_shrunk else one.scale


def _basis(alike: Sequence[Fit], shown: Sequence[Fit], in_millimetres: bool) -> Basis:
    if not in_millimetres:
        return Basis.PIXELS
    if len(alike) < len(shown):
        return Basis.PARTLY
    sources = {one.spacing.source for one in alike if one.spacing}
    return Basis.MILLIMETRES if len(sources) == 1 else Basis.MIXED
