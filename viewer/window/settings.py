"""What is remembered between two starts, and where this user's files lie."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from engine.domain import ReadingMode
from engine.private_files import (
    FILE_MODE,
    FOLDER_NAME,
    keep_private,
    make_folder,
    make_private_folder,
)
from engine.records.backups import default_store
from engine.site_configuration import Export, ReadingSettings, SitePolicy
from viewer.display.mouse_habits import Drag, MouseHabits, Wheel
from viewer.display.opinion import LEAST_CANCERS, MOST_CANCERS
from viewer.display.reading_steps import DEFAULT_PROTOCOL, StepKind
from viewer.panes.settings_dialog import TEXT_SCALES
from viewer.panes.tool_row import Words
from viewer.shared.languages import LANGUAGES
from viewer.shared.states import MODEL_TITLES
from viewer.viewports.screen_calibration import LEAST_MM, MOST_MM

T = TypeVar("T")
#: Keys whose values tell neither who nor where.
_IMPERSONAL = (
    *("language", "model", "reading_mode", "asks_both", "cancers_per_1000", "worklist/order"),
    *("overlay/visible", "overlay/opacity", "keys/chosen", "keys/keypad"),
    *("backups/kept", "images/apart"),
)

RECENT_COUNT = 10
DEFAULT_BACKUPS = 14
DEFAULT_OPACITY = 0.5


def data_folder() -> Path:
    """For readings and logs, the user's own or where the site says; it need not exist yet.

    Raises ConfigurationRefused.
    """
    return default_store().parent


def config_folder() -> Path:
    location = QStandardPaths.StandardLocation.GenericConfigLocation
    return Path(QStandardPaths.writableLocation(location)) / FOLDER_NAME


class Settings:
    """Typed values over an INI file; one that was edited into nonsense reads as the default.

    What the site has locked reads so, whatever was chosen; what it has set stands for a reader
    who has not chosen.
    """

    def __init__(self, path: Path | None = None, policy: SitePolicy | None = None) -> None:
        self._path = path or config_folder() / "settings.ini"
        self.policy = policy or SitePolicy()
        self._keep_private()
        self._values = QSettings(str(self._path), QSettings.Format.IniFormat)

    @property
    def recent(self) -> tuple[Path, ...]:
        """The latest opened files and folders, newest first."""
        return tuple(Path(text) for text in self._texts("recent"))[:RECENT_COUNT]

    def add_recent(self, paths: Sequence[Path]) -> None:
        newest = [path.absolute() for path in paths]
        rest = [path for path in self.recent if path not in newest]
        self._values.setValue("recent", [str(path) for path in (newest + rest)[:RECENT_COUNT]])

    def clear_recent(self) -> None:
        self._values.remove("recent")

    @property
    def language(self) -> str:
        """A key of `languages.LANGUAGES`; empty until one was chosen: then the system decides."""
        chosen = self._text("language")
        return self._of_site("language", chosen if chosen in LANGUAGES else None) or ""

    @language.setter
    def language(self, language: str) -> None:
        self._values.setValue("language", language)

    @property
    def model_name(self) -> str:
        chosen = self._text("model")
        name = self._of_site("model", chosen if chosen in MODEL_TITLES else None)
        return name or next(iter(MODEL_TITLES))

    @model_name.setter
    def model_name(self, name: str) -> None:
        self._values.setValue("model", name)

    @property
    def reading_mode(self) -> ReadingMode | None:
        """None until the reader has chosen one."""
        name = self._text("reading_mode")
        chosen = ReadingMode[name] if name in ReadingMode.__members__ else None
        return self._of_site("mode", chosen)

    @reading_mode.setter
    def reading_mode(self, mode: ReadingMode) -> None:
        self._values.setValue("reading_mode", mode.name)

    def _of_site(self, name: str, chosen: T | None) -> T | None:
        """By the site where that is locked, else as chosen, else by the site."""
        locked: T | None = getattr(self.policy.locked, name)
        if locked is not None:
            return locked
        default: T | None = getattr(self.policy.defaults, name)
        return default if chosen is None else chosen

    def has_chosen(self, name: str) -> bool:
        """Whether the reader has, of a field of `ReadingSettings`; it counts unless locked."""
        return bool(self._text({"mode": "reading_mode"}.get(name, name)))

    @property
    def open_folder(self) -> Path | None:
        """Where dialogs that open begin; None: where the system begins them."""
        return self._of_site("open_folder", None)

    @property
    def export_folder(self) -> Path | None:
        """Where dialogs that save begin."""
        return self._of_site("export_folder", None)

    @property
    def compares_models(self) -> bool:
        """Whether the network that is not chosen is asked about the open study too."""
        return self._flag("asks_both") and not self.policy.is_locked("model")

    @compares_models.setter
    def compares_models(self, compares_models: bool) -> None:
        self._values.setValue("asks_both", compares_models)

    @property
    def cancers_per_1000(self) -> float | None:
        """How many cancers this site sees in 1,000 women screened; None: it has not stated it."""
        cancers = self._number("cancers_per_1000", 0)
        return cancers if LEAST_CANCERS <= cancers <= MOST_CANCERS else None

    @cancers_per_1000.setter
    def cancers_per_1000(self, cancers: float | None) -> None:
        self._values.setValue("cancers_per_1000", cancers or 0)

    @property
    def others_marks(self) -> bool:
        """Whether others' marks are painted, where they may be."""
        return self._values.value("others/marks", "true") in (True, "true")

    @others_marks.setter
    def others_marks(self, are_shown: bool) -> None:
        self._values.setValue("others/marks", are_shown)

    @property
    def overlay_visible(self) -> bool:
        return self._flag("overlay/visible")

    @overlay_visible.setter
    def overlay_visible(self, visible: bool) -> None:
        self._values.setValue("overlay/visible", visible)

    @property
    def overlay_opacity(self) -> float:
        """In [0, 1]."""
        opacity = self._number("overlay/opacity", DEFAULT_OPACITY)
        return opacity if 0 <= opacity <= 1 else DEFAULT_OPACITY

    @overlay_opacity.setter
    def overlay_opacity(self, opacity: float) -> None:
        self._values.setValue("overlay/opacity", float(opacity))

    @property
    def reader(self) -> str:
        """The name that readings are recorded under; empty until it was asked for."""
        return self._text("reader")

    @reader.setter
    def reader(self, name: str) -> None:
        self._values.setValue("reader", name)

    def protocol(self, reader: str) -> tuple[StepKind, ...]:
        """The steps that this reader goes through a study by; until chosen the common ones."""
        names = self._values.value(_protocol_key(reader)) or self._values.value(_protocol_key(""))
        names = [names] if isinstance(names, str) else names  # an INI list of one is a text
        if not isinstance(names, list):
            return DEFAULT_PROTOCOL
        known = (name for name in names if isinstance(name, str) and name in StepKind.__members__)
        return tuple(StepKind[name] for name in known) or DEFAULT_PROTOCOL

    def set_protocol(self, reader: str, protocol: Sequence[StepKind]) -> None:
        self._values.setValue(_protocol_key(reader), [kind.name for kind in protocol])

    @property
    def keys(self) -> dict[str, tuple[str, ...]]:
        """The reader's own, by `Keymap` identity, as `QKeySequence` writes them portably."""
        try:
            chosen = json.loads(self._text("keys/chosen", "{}"))
        except (ValueError, RecursionError):
            return {}
        if not isinstance(chosen, dict):
            return {}
        return {
            name: tuple(key for key in keys if isinstance(key, str))
            for name, keys in chosen.items()
            if isinstance(keys, list)
        }

    @property
    def has_keypad(self) -> bool:
        """Whether the keypad's layout is on."""
        return self._flag("keys/keypad")

    def set_keys(self, chosen: Mapping[str, Sequence[str]], has_keypad: bool) -> None:
        self._values.setValue("keys/chosen", json.dumps(chosen))
        self._values.setValue("keys/keypad", has_keypad)

    @property
    def mouse(self) -> MouseHabits:
        """What the buttons and the wheel do on an image."""
        usual = MouseHabits()
        drags = {}
        for button in ("left", "middle", "right"):
            name = self._text(f"mouse/{button}")
            drags[button] = Drag[name] if name in Drag.__members__ else getattr(usual, button)
        wheel = self._text("mouse/wheel")
        return MouseHabits(
            **drags, wheel=Wheel[wheel] if wheel in Wheel.__members__ else usual.wheel
        )

    @mouse.setter
    def mouse(self, habits: MouseHabits) -> None:
        for name, meant in vars(habits).items():
            self._values.setValue(f"mouse/{name}", meant.name)

    @property
    def text_scale(self) -> float:
        """How large text is, 1 as the program comes; from the next start on."""
        scale = self._number("text/scale", 1.0)
        return scale if scale in TEXT_SCALES else 1.0

    @text_scale.setter
    def text_scale(self, scale: float) -> None:
        self._values.setValue("text/scale", scale)

    @property
    def toolbar_words(self) -> Words:
        """Where the words of the toolbar's buttons stand."""
        name = self._text("toolbar/words")
        return Words[name] if name in Words.__members__ else Words.BESIDE

    @toolbar_words.setter
    def toolbar_words(self, words: Words) -> None:
        self._values.setValue("toolbar/words", words.name)

    @property
    def screens(self) -> dict[str, float]:
        """Calibrated ones: mm of a device pixel by `screen_calibration.screen_key`."""
        found = {}
        for entry in self._texts("screens"):
            mm, _, key = entry.partition(" ")
            try:
                size = float(mm)
            except ValueError:
                continue
            if LEAST_MM <= size <= MOST_MM and key:
                found[key] = size
        return found

    def add_screen(self, key: str, pixel_mm: float) -> None:
        screens = {**self.screens, key: pixel_mm}
        self._values.setValue("screens", [f"{mm:.6f} {key}" for key, mm in screens.items()])

    @property
    def worklist_order(self) -> str:
        """The name of a `viewer.display.worklist_row.WorklistOrder`."""
        return self._text("worklist/order")

    @worklist_order.setter
    def worklist_order(self, order: str) -> None:
        self._values.setValue("worklist/order", order)

    @property
    def is_worklist_order_reversed(self) -> bool:
        return self._flag("worklist/reversed")

    @is_worklist_order_reversed.setter
    def is_worklist_order_reversed(self, is_reversed: bool) -> None:
        self._values.setValue("worklist/reversed", is_reversed)

    @property
    def watched_folder(self) -> Path | None:
        """None: none is watched."""
        text = self._text("worklist/watched")
        return Path(text) if text else None

    @watched_folder.setter
    def watched_folder(self, folder: Path | None) -> None:
        self._values.setValue("worklist/watched", "" if folder is None else str(folder.absolute()))

    @property
    def kept_backups(self) -> int:
        """Daily backups of the readings that are kept; 0: none are made."""
        try:
            count = int(self._text("backups/kept", str(DEFAULT_BACKUPS)))
        except ValueError:
            return DEFAULT_BACKUPS
        return count if count >= 0 else DEFAULT_BACKUPS

    @property
    def geometry(self) -> QByteArray:
        """Of the window, as Qt wrote it; empty at first."""
        return self._bytes("window/geometry")

    @geometry.setter
    def geometry(self, state: QByteArray) -> None:
        self._values.setValue("window/geometry", state)

    @property
    def layout(self) -> QByteArray:
        """Of the window's docks, as Qt wrote it; empty at first."""
        return self._bytes("window/layout")

    @layout.setter
    def layout(self, state: QByteArray) -> None:
        self._values.setValue("window/layout", state)

    @property
    def images_apart(self) -> bool:
        """Whether the images have a window of their own where there is a second screen."""
        return self._flag("images/apart")

    @images_apart.setter
    def images_apart(self, are_apart: bool) -> None:
        self._values.setValue("images/apart", are_apart)

    @property
    def images_geometry(self) -> QByteArray:
        """Of that window, as Qt wrote it; empty at first."""
        return self._bytes("images/geometry")

    @images_geometry.setter
    def images_geometry(self, state: QByteArray) -> None:
        self._values.setValue("images/geometry", state)

    def impersonal(self) -> dict[str, str]:
        """What is set, without names, paths and what the window looks like; by its key."""
        keys = (key for key in self._values.allKeys() if key in _IMPERSONAL)
        chosen = {key: self._text(key) for key in keys}
        locked = [
            entry.name for entry in fields(ReadingSettings) if self.policy.is_locked(entry.name)
        ]
        closed = [way.value for way in Export if way not in self.policy.exports]
        return chosen | {
            "screens measured": str(len(self.screens)),
            "locked by the site": ", ".join(locked) or "nothing",
            "exports closed by the site": ", ".join(closed) or "none",
        }

    def _text(self, key: str, default: str = "") -> str:
        """A number that was set in this run has not become a text yet."""
        value = self._values.value(key, default)
        return str(value) if isinstance(value, str | int | float) else default

    def _flag(self, key: str) -> bool:
        return self._values.value(key, "false") in (True, "true")

    def _number(self, key: str, default: float) -> float:
        try:
            return float(self._text(key, str(default)))
        except ValueError:
            return default

    def _texts(self, key: str) -> list[str]:
        texts = self._values.value(key, [])
        if isinstance(texts, str):  # an INI list of one is a text
            return [texts] if texts else []
        return [text for text in texts if text] if isinstance(texts, list) else []

    def _bytes(self, key: str) -> QByteArray:
        value = self._values.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def save(self) -> None:
        self._values.sync()
        self._keep_private()

    def _keep_private(self) -> None:
        """It holds the reader's name and paths. Qt writes a new file with the mode of the old."""
        with suppress(OSError):  # then nothing is remembered, and nothing more
            if self._path.parent.name == FOLDER_NAME:
                make_private_folder(self._path.parent)
            else:
                make_folder(self._path.parent)
            self._path.touch(FILE_MODE)
        keep_private(self._path)


def _protocol_key(reader: str) -> str:
    """Several readers may share the account of a reading room's PC."""
    return f"steps/{reader.strip().casefold().encode().hex() or 'anybody'}"
