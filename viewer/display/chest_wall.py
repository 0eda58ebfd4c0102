"""On which side of the screen a breast's chest wall belongs, and whether tags and pixels agree.

Three witnesses: the laterality says where the wall hangs, Patient Orientation (C.7.6.1.1.1) where
it is stored, and so do the pixels. The label is always the tag's; the display is turned round so
that chest walls meet, by the pixels where they are clear, else by the orientation. Whatever does
not fit together is said on the image. No pixel can tell a mirrored right breast from a left one,
so the words ask the reader to check, and claim nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.domain import MammogramView, ViewPosition
from engine.messages import message
from viewer.display.breast_box import ImageSide, hung_wall

CHECK_SIDE = message("check side")
LATERAL_VIEWS = frozenset(  # the head is up
    {
        ViewPosition.MLO,
        ViewPosition.ML,
        ViewPosition.LM,
        ViewPosition.LMO,
        ViewPosition.SIO,
        ViewPosition.ISO,
    }
)


@dataclass(frozen=True)
class SideCheck:
    """How a view must be shown, and what its reader must know of it."""

    is_mirrored: bool
    warnings: tuple[str, ...]  #: a few words each; CHECK_SIDE first where the side is in doubt


def check_side(
    view: MammogramView, in_pixels: ImageSide | None, conflicts: Sequence[str] = ()
) -> SideCheck:
    """`in_pixels` is the side of the stored image that the breast grows out of, None if unclear;
    `conflicts` are what is doubtful about it among the others: `hanging.laterality_conflicts`.
    """
    wanted = hung_wall(view.laterality)
    in_tags = tagged_wall(view)
    stored = in_pixels or in_tags
    is_mirrored = None not in (wanted, stored) and stored is not wanted
    warnings = [*conflicts, *view.laterality_warnings]
    if None not in (in_pixels, in_tags) and in_pixels is not in_tags:
        warnings.append(message("chest wall not as tagged"))
    elif is_mirrored and in_tags is None:
        warnings.append(message("chest wall on other side"))
    if warnings:
        warnings.insert(0, CHECK_SIDE)
    return SideCheck(is_mirrored, (*warnings, *_turned(view)))


def tagged_wall(view: MammogramView) -> ImageSide | None:
    """Where Patient Orientation has the chest wall: posterior of a row."""
    along_row = view.orientation[0] if len(view.orientation) == 2 else ""
    return {"P": ImageSide.RIGHT, "A": ImageSide.LEFT}.get(along_row[:1])


def _turned(view: MammogramView) -> tuple[str, ...]:
    """What only turning by hand puts right; a CC hangs with its lateral side up."""
    if len(view.orientation) != 2:
        return ()
    along_row, along_column = (value[:1] for value in view.orientation)
    if along_column in ("A", "P"):
        return (message("lies on its side by its tag"),)
    lateral = view.laterality.value if view.laterality else None  # 'R' of a right breast
    is_lateral_down = view.view_position is ViewPosition.CC and along_column == lateral
    is_head_down = view.view_position in LATERAL_VIEWS and along_column == "H"
    # of the other breast's orientation `laterality_warnings` speaks
    is_told = bool(view.laterality_warnings)
    if along_row and (is_head_down or (is_lateral_down and not is_told)):
        return (message("upside down by its tag"),)
    return ()
