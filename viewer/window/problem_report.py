"""What helps whoever looks for a fault of the program, without who reads, who is read, or where:
versions, settings, the logs, a self-test. Shown to its reader before it goes anywhere.

The logs hold no patients by design; what is the user's own (name, home folder) is taken out of
every text here all the same.
"""

import getpass
import io
import os
import platform
import re
import sys
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

from PySide6.QtCore import QProcess, qVersion
from PySide6.QtGui import QGuiApplication

from engine import __version__
from engine.domain import NOTICE
from viewer.window.settings import Settings

VERSIONS, SETTINGS, SELF_TEST = "versions.txt", "settings.txt", "self-test.txt"
#: What decides what is seen; others are of no use, or Python's own furniture.
PARTS = (
    *("torch", "torchvision", "numpy", "opencv-python-headless", "pydicom", "imagecodecs"),
    *("PySide6-Essentials", "safetensors", "highdicom", "pynetdicom", "dicomweb-client"),
)
_SHORTEST_NAME = 3  #: letters of a user's name that is looked for


def texts(settings: Settings, log_folder: Path | None) -> dict[str, str]:
    """By the names of the report's files, all but the self-test, which takes its time."""
    found = {VERSIONS: _versions(), SETTINGS: _lines(settings.impersonal())}
    for path in sorted(log_folder.glob("*.log*")) if log_folder is not None else ():
        try:
            found[f"logs/{path.name}"] = path.read_text("utf-8", errors="replace")
        except OSError as error:
            found[f"logs/{path.name}"] = f"cannot be read: {error.strerror}"
    return {name: without_user(text) for name, text in found.items()}


def _versions() -> str:
    installed = {
        each.name.lower().replace("_", "-"): each.version for each in distributions() if each.name
    }
    screens = [
        f"{screen.size().width()} x {screen.size().height()} at {screen.devicePixelRatio():g}"
        for screen in QGuiApplication.screens()
    ]
    values = {
        "birads-viewer": __version__ + (" (bundle)" if getattr(sys, "frozen", False) else ""),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "Qt": f"{qVersion()} on {QGuiApplication.platformName()}",
        "processors": str(os.cpu_count()),
        "screens (logical pixels)": "; ".join(screens),
        **{name: installed.get(name.lower(), "not installed") for name in PARTS},
    }
    return _lines(values)


def _lines(values: Mapping[str, object]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in values.items())


def without_user(text: str) -> str:
    """The home folder as "~", and the account's name as "USER" where it stands as a word."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    name = getpass.getuser()
    if len(name) < _SHORTEST_NAME:
        return text
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "USER", text, flags=re.IGNORECASE)


def archive(parts: Iterable[tuple[str, str]]) -> bytes:
    """A ZIP file of these names and texts, with the notice."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in parts:
            zipped.writestr(name, text)
        zipped.writestr("notice.txt", NOTICE + "\n")
    return file.getvalue()


def self_test_process() -> QProcess:
    """The self-test in a process of its own; `start` it, read its standard output."""
    process = QProcess()
    program = [] if getattr(sys, "frozen", False) else ["-m", "viewer"]
    process.setProgram(sys.executable)
    process.setArguments([*program, "--self-test"])
    if program:
        process.setWorkingDirectory(str(Path(__file__).parents[2]))
    return process
