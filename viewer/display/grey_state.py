"""Which grey each stored value has on the screen: window, polarity, display aid. No widgets.

Whatever is set here acts on what is developed next; nothing of it changes a stored value.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from engine.arrays import Array
from engine.dicom import voi
from engine.domain import Voi, VoiFunction
from engine.messages import message
from viewer.display import local_contrast, rendering
from viewer.display.local_contrast import LocalContrast
from viewer.display.rendering import NOTHING, DisplayPixels, Sample


class GreyState:
    """Of one view, of `NOTHING` until it has pixels. `changed` hears of every change."""

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._display = NOTHING
        self._voi: Voi = NOTHING.presets[0]
        self._more: tuple[Voi, ...] = ()  # presets that others' documents add to the file's
        self._is_linear = False
        self._is_inverted = False
        self._has_local_contrast = False
        self._version = 0
        self._table: Array | None = None  # as all below: made when it is asked for
        self._contrast: LocalContrast | None = None

    @property
    def voi(self) -> Voi:
        return self._voi

    @property
    def is_linear(self) -> bool:
        """Whether a straight line stands for what the file says, adjusted or not."""
        return self._is_linear

    @property
    def is_inverted(self) -> bool:
        return self._is_inverted

    @property
    def has_local_contrast(self) -> bool:
        return self._has_local_contrast

    @property
    def version(self) -> int:
        """Another number whenever the same pixels may show by other greys."""
        return self._version

    def show(self, display: DisplayPixels) -> None:
        """Other pixels, in the file's first window."""
        self._display, self._voi = display, display.presets[0]
        self._forget()

    def show_preset(self, index: int) -> None:
        """The file's preset of that number, then others', counted round."""
        presets = (*self._display.presets, *self._more)
        self._set_voi(presets[index % len(presets)], is_linear=False)

    def set_more_presets(self, more: Sequence[Voi]) -> None:
        """What shows by one that is gone shows by the file's first again."""
        gone = self._voi in self._more and self._voi not in more
        self._more = tuple(more)
        if gone:
            self.show_preset(0)

    def show_linear(self) -> None:
        """A straight line instead of what the file says, which may be broken."""
        self._set_voi(self._display.linear, is_linear=True)

    def adjust(self, wider: float, brighter: float) -> None:
        """Widens the window by the factor e**`wider`, and lifts the grey by `brighter` widths."""
        pixels = self._display.pixels
        before = voi.as_window(self._voi)
        least = 2 * abs(pixels.value_scale)
        if before.function is VoiFunction.LINEAR:
            least = max(least, 2.0)  # its formula has width - 1 in it
        width = max(least, before.width * float(np.exp(wider)))
        sign = -1 if pixels.is_inverted == self._is_inverted else 1
        center = before.center + sign * brighter * before.width
        adjusted = replace(before, center=center, width=width, name=message("adjusted"))
        self._set_voi(adjusted, self._is_linear)

    def set_inverted(self, is_inverted: bool) -> None:
        if is_inverted is not self._is_inverted:
            self._is_inverted = is_inverted
            self._forget()

    def set_local_contrast(self, is_on: bool) -> None:
        """A display aid (CLAHE) over the window."""
        if is_on is not self._has_local_contrast:
            self._has_local_contrast = is_on
            self._forget()

    def reset(self) -> None:
        """The file's first window and its own polarity, without an aid."""
        self.set_inverted(False)
        self.set_local_contrast(False)
        self.show_preset(0)

    def _set_voi(self, chosen: Voi, is_linear: bool) -> None:
        if chosen is not self._voi or is_linear is not self._is_linear:
            self._voi, self._is_linear = chosen, is_linear
            self._forget()

    def _forget(self) -> None:
        self._version += 1
        self._table = self._contrast = None
        self.changed()

    @property
    def table(self) -> Array:
        """The grey level for each stored value: uint8 (65536,)."""
        if self._table is None:
            self._table = voi.display_table(self._display.pixels, self._voi, self._is_inverted)
        return self._table

    def develop(self, sampled: Sample) -> Array:
        """A sample of these pixels as it shows: uint8 (rows, columns)."""
        grey = rendering.develop(sampled, self.table)
        if not self._has_local_contrast:
            return grey
        if self._contrast is None:
            self._contrast = local_contrast.learn(self._display, self.table)
        return local_contrast.apply(grey, sampled, self._contrast)
