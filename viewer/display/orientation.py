"""How a reader has turned an image: flips and quarter turns, and how they are called.

Pure arithmetic. What is turned is only the display; which breast it is, the tag says and the label.
"""

from dataclasses import dataclass, replace

from viewer.shared.languages import mark


@dataclass(frozen=True)
class Orientation:
    """Transposed first (rows become columns), then mirrored and flipped as seen on the screen."""

    is_transposed: bool = False
    is_mirrored: bool = False  #: left and right change places
    is_flipped: bool = False  #: top and bottom change places

    def mirrored(self) -> "Orientation":
        return replace(self, is_mirrored=not self.is_mirrored)

    def flipped(self) -> "Orientation":
        return replace(self, is_flipped=not self.is_flipped)

    def turned_right(self) -> "Orientation":
        """By 90°, as seen now."""
        return Orientation(not self.is_transposed, not self.is_flipped, self.is_mirrored)

    def turned_left(self) -> "Orientation":
        return Orientation(not self.is_transposed, self.is_flipped, not self.is_mirrored)

    def of_mirrored(self) -> "Orientation":
        """The same, of an image that is itself mirrored before."""
        return self.flipped() if self.is_transposed else self.mirrored()

    @classmethod
    def of_presentation(cls, rotation: int, is_flipped: bool) -> "Orientation":
        """Of the stored image: so many degrees clockwise, a multiple of 90, then flipped left to
        right (DICOM PS3.3 C.10.6).
        """
        orientation = cls()
        for _ in range(rotation // 90):
            orientation = orientation.turned_right()
        return orientation.mirrored() if is_flipped else orientation

    @property
    def text(self) -> str:
        """What was done to the image, shortly, in English; empty if nothing."""
        return _TEXTS[self]


AS_HUNG = Orientation()
_FLIPPED = mark("flipped left to right")
_TEXTS = {
    AS_HUNG: "",
    AS_HUNG.mirrored(): _FLIPPED,
    AS_HUNG.flipped(): mark("flipped top to bottom"),
    AS_HUNG.mirrored().flipped(): mark("rotated 180°"),
    AS_HUNG.turned_right(): mark("rotated 90° right"),
    AS_HUNG.turned_left(): mark("rotated 90° left"),
    AS_HUNG.mirrored().turned_right(): mark("flipped left to right, rotated 90° right"),
    AS_HUNG.mirrored().turned_left(): mark("flipped left to right, rotated 90° left"),
}
