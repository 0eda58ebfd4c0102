"""What the buttons and the wheel of the mouse do on an image: values, and in words. No widgets.

The presets follow what readers are used to from other programs, as these are commonly set up; the
names are theirs. Whatever a drag does, a click with the right button opens a menu.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import Enum

from viewer.shared.languages import mark, tr


class Drag(Enum):
    """What moving the mouse with a button down does; the names stand in settings.ini."""

    WINDOW = mark("window and level")
    PAN = mark("move the image")
    ZOOM = mark("zoom in and out")
    NOTHING = mark("nothing")


class Wheel(Enum):
    """What the wheel does; with Ctrl the other. The names stand in settings.ini."""

    VIEWS = mark("next and previous view")
    ZOOM = mark("zoom in and out")


@dataclass(frozen=True)
class MouseHabits:
    """Of one reader."""

    left: Drag = Drag.WINDOW
    middle: Drag = Drag.PAN
    right: Drag = Drag.ZOOM
    wheel: Wheel = Wheel.VIEWS

    @property
    def preset(self) -> str | None:
        """By its name; None: the reader's own."""
        return next((name for name, habits in PRESETS.items() if habits == self), None)


PRESETS: Mapping[str, MouseHabits] = {
    mark("birads-viewer, RadiAnt"): MouseHabits(),
    mark("Weasis"): MouseHabits(right=Drag.NOTHING),
    mark("Mammography workstation"): MouseHabits(Drag.PAN, Drag.WINDOW, Drag.NOTHING),
}
BUTTONS = (mark("left button"), mark("middle button"), mark("right button"))  # as in `MouseHabits`


def ways(habits: MouseHabits) -> list[tuple[str, str]]:
    """What can be done on an image by hand, and how; in the reader's language."""
    *drags, wheel = astuple(habits)
    plain, with_ctrl = tr("wheel"), tr("Ctrl + wheel")
    zooms = wheel is Wheel.ZOOM

    def by(drag: Drag) -> list[str]:
        text = tr("drag with the {button}")
        return [
            text.format(button=tr(button))
            for button, meant in zip(BUTTONS, drags, strict=True)
            if meant is drag
        ]

    window = by(Drag.WINDOW)
    lines = [
        (tr("Window and level"), [*window, tr("with Shift all views")] if window else []),
        (tr("Zoom"), [plain if zooms else with_ctrl, *by(Drag.ZOOM)]),
        (tr("Move the image"), [*by(Drag.PAN), tr("Space and drag")]),
        (tr("Next and previous view"), [with_ctrl if zooms else plain]),
        (tr("What can be done here"), [tr("click with the right button")]),
    ]
    return [(what, " · ".join(how)) for what, how in lines if how]
