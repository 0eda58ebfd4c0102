"""What a line of the keymap is; the lines themselves stand in `viewports` and `tools`."""

from dataclasses import dataclass
from enum import Enum


class Group(Enum):
    """Which part of the menus a command belongs to."""

    WINDOW = "Window"
    ZOOM = "Zoom"
    TURN = "Turn"
    GO = "Go"
    DRAW = "Measure and draw"
    ASK = "Ask the model"
    LINK = "Link"
    LOOK = "Look closer"


@dataclass(frozen=True)
class Command:
    """One line of the keymap.

    `name` is a method of `ViewportsPane` or, with dots, of one of its parts; it is called with
    `arguments`. `checked` names, in the same way, a property that the action's tick follows.
    """

    text: str
    keys: tuple[str, ...]
    group: Group
    name: str
    arguments: tuple = ()
    is_local: bool = False  #: only while a view has the keyboard: the key has other uses elsewhere
    checked: str = ""

    @property
    def identity(self) -> str:
        return "_".join(str(part) for part in (self.name, *self.arguments))
