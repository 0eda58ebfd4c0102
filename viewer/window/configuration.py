"""What the site and the reader have set, in lines for a hospital's IT; in English, as all command
lines are. And what is shown where the site's file cannot be used: nothing is guessed then.
"""

from collections.abc import Iterator
from dataclasses import fields

from PySide6.QtWidgets import QMessageBox

from engine import __version__, site_configuration
from engine.domain import ReadingMode
from engine.errors import EngineError
from engine.plain_text import visible_text
from engine.self_test import default_output
from engine.site_configuration import (
    ConfigurationRefused,
    Export,
    ReadingSettings,
    SiteConfiguration,
)
from viewer.shared.messages import localised
from viewer.window.settings import Settings, config_folder, data_folder

OUTPUT_NAME = "birads-viewer-configuration.txt"
REFUSED = 2  #: exit code


def print_all() -> int:
    """To standard output, or in a program that has none to `OUTPUT_NAME` among the temporary
    files. The exit code.
    """
    with default_output(OUTPUT_NAME) as file:
        try:
            found = site_configuration.read() or SiteConfiguration()
            text = "\n".join(lines(found, Settings(policy=found.policy)))
        except ConfigurationRefused as error:
            print(visible_text(f"birads-viewer: {error}"), file=file)
            return REFUSED
        print(text, file=file)
    return 0


def lines(site: SiteConfiguration, settings: Settings) -> Iterator[str]:
    """One setting each, with whose word it is. Raises ConfigurationRefused."""
    policy = site.policy
    yield f"birads-viewer {__version__}"
    counting = site_configuration.found()
    for path in site_configuration.places():
        use = "used" if path == counting else "there, not used" if path.exists() else "none"
        yield f"site file: {path} ({use})"
    yield f"reader's file: {config_folder() / 'settings.ini'}"
    yield f"data: {data_folder()} ({'program' if policy.data is None else 'site'})"
    for entry in fields(ReadingSettings):
        value = _effective(entry.name, settings) or "not set"
        yield f"{entry.name}: {value} ({_whose(entry.name, settings)})"
    for way in Export:
        yield f"export of {way.value}: {'allowed' if way in policy.exports else 'closed (site)'}"
    yield f"reason for locks: {policy.because or 'none given'}"
    yield f"notice: {policy.notice or 'none'}"
    yield f"network: {', '.join(site.nodes) or 'no nodes'}; " + (
        f"receives at {site.receiver.address}:{site.receiver.port}"
        if site.receiver
        else "receives nothing"
    )


def _effective(name: str, settings: Settings) -> str:
    value: object
    if name == "model":
        value = settings.model_name
    elif name == "mode":
        value = settings.reading_mode
    else:
        value = getattr(settings, name)
    return value.value if isinstance(value, ReadingMode) else str(value or "")


def _whose(name: str, settings: Settings) -> str:
    policy = settings.policy
    if policy.is_locked(name):
        return "locked by site"
    if settings.has_chosen(name):
        return "reader"
    return "program" if getattr(policy.defaults, name) is None else "site's default"


def show_refusal(error: EngineError) -> int:
    """Until it is closed; the exit code."""
    box = QMessageBox(QMessageBox.Icon.Critical, "birads-viewer", localised(error.title))
    box.setInformativeText(localised(error.advice))
    box.exec()
    return REFUSED
