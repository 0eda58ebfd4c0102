"""The greys of a page: windows, presets and polarity of all its views alike, and the shutter."""

from collections.abc import Callable, Iterable
from functools import partial

from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.viewports.canvas import Canvas

_WINDOW_STEP = 0.1  #: a press of an arrow with Ctrl, in parts of the width


class Windowing:
    """Of all canvases, a prior's too; one that comes later is shown like the others."""

    def __init__(
        self, canvases: Callable[[], Iterable[Canvas]], current: Callable[[], Canvas | None]
    ) -> None:
        self._canvases, self._current = canvases, current
        self._is_inverted = False
        self._is_linear = False
        self._has_shutter = True
        self._preset = 0

    def begin(self) -> None:
        """Another study: its files' own windows and polarity."""
        self._preset = 0
        self._is_inverted = self._is_linear = False

    def attach(self, canvas: Canvas) -> None:
        """A new one, without pixels."""
        canvas.set_shutter(self._has_shutter)

    def show(self, canvas: Canvas) -> None:
        """One whose pixels have come."""
        canvas.image.greys.set_inverted(self._is_inverted)
        self._show_window(canvas)

    def toggle_invert(self) -> None:
        """All views, so that no two polarities hang side by side; padding stays black."""
        self._is_inverted = not self._is_inverted
        for canvas in self._canvases():
            canvas.image.greys.set_inverted(self._is_inverted)

    def toggle_shutter(self) -> None:
        """All views, until it is switched on again."""
        self._has_shutter = not self._has_shutter
        for canvas in self._canvases():
            canvas.set_shutter(self._has_shutter)

    def step_preset(self, step: int) -> None:
        self.show_preset(self._preset + step)

    def show_preset(self, number: int) -> None:
        """Of each view the preset of that number, counted round."""
        self._preset = number
        self._is_linear = False
        for canvas in self._canvases():
            self._show_window(canvas)

    def toggle_linear(self) -> None:
        """All views by a straight line, whatever curves their files hold; again: as before."""
        self._is_linear = not self._is_linear
        for canvas in self._canvases():
            self._show_window(canvas)

    def _show_window(self, canvas: Canvas) -> None:
        if self._is_linear:
            canvas.image.greys.show_linear()
        else:
            canvas.image.greys.show_preset(self._preset)

    def adjust(self, wider: int, brighter: int) -> None:
        """Steps of the selected view's window."""
        if canvas := self._current():
            canvas.user_adjust_window(wider * _WINDOW_STEP, brighter * _WINDOW_STEP)

    def adjust_all(self, wider: float, brighter: float) -> None:
        for canvas in self._canvases():
            canvas.image.greys.adjust(wider, brighter)

    def commands(self) -> tuple[ActionSpec, ...]:
        """A key held down must not switch something on and off."""
        return (
            ActionSpec(
                "next_preset", tr("Next window preset"), ("W",), partial(self.step_preset, 1)
            ),
            ActionSpec(
                "previous_preset",
                tr("Previous window preset"),
                ("Shift+W",),
                partial(self.step_preset, -1),
            ),
            ActionSpec(
                "toggle_linear",
                tr("Linear fallback for a broken curve"),
                ("L",),
                self.toggle_linear,
                repeats=False,
            ),
            ActionSpec("toggle_invert", tr("Invert"), ("I",), self.toggle_invert, repeats=False),
            ActionSpec(
                "toggle_shutter",
                tr("Shutter over film borders and light"),
                ("D",),
                self.toggle_shutter,
                lambda: self._has_shutter,
                repeats=False,
            ),
            ActionSpec(
                "adjust_window_0_1",
                tr("Brighter"),
                ("Ctrl+Up",),
                partial(self.adjust, 0, 1),
                is_local=True,
            ),
            ActionSpec(
                "adjust_window_0_-1",
                tr("Darker"),
                ("Ctrl+Down",),
                partial(self.adjust, 0, -1),
                is_local=True,
            ),
            ActionSpec(
                "adjust_window_1_0",
                tr("Less contrast"),
                ("Ctrl+Right",),
                partial(self.adjust, 1, 0),
                is_local=True,
            ),
            ActionSpec(
                "adjust_window_-1_0",
                tr("More contrast"),
                ("Ctrl+Left",),
                partial(self.adjust, -1, 0),
                is_local=True,
            ),
        )
