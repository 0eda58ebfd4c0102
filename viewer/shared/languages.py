"""The language of the screen: English in the sources, others by Qt's translators.

A text is written where it is shown, as `tr("…")`; one that is told later is only marked where it
stands, as `mark("…")`, and goes through `tr` on its way to the screen. What is stored, exported,
logged or compared never goes through either. docs/translating.md says how to add a language.

Qt is imported inside the functions: the engine's child process imports modules with marked texts.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.messages import mark as mark  # for the viewer's texts as for the engine's
from resources import ROOT

if TYPE_CHECKING:
    from PySide6.QtCore import QCoreApplication, QTranslator

log = logging.getLogger(__name__)

SOURCE = "en"
#: Those that are shipped, by their own names.
LANGUAGES: Mapping[str, str] = {SOURCE: "English", "es": "Español"}
FOLDER = ROOT / "translations"
OURS = "birads"  #: files begin so
_installed: "list[QTranslator]" = []
_current = SOURCE


def tr(text: str, comment: str = "", n: int = -1) -> str:
    """`text` in the reader's language; with `n`, "%n" in it becomes that number.

    `comment` tells apart equal texts that other languages put differently. lupdate reads these
    calls: literals only, and arguments by position.
    """
    from PySide6.QtCore import QCoreApplication

    return QCoreApplication.translate("", text, comment or None, n)


def current() -> str:
    """The one that is shown."""
    return _current


def wanted(chosen: str) -> str:
    """The language chosen, else the first of the system's that is shipped, else English."""
    from PySide6.QtCore import QLocale

    if chosen in LANGUAGES:
        return chosen
    names = (name.partition("-")[0] for name in QLocale.system().uiLanguages())
    return next((name for name in names if name in LANGUAGES), SOURCE)


def install(app: "QCoreApplication", language: str) -> None:
    """Before the first widget is made: texts that are shown already stay as they are.

    Where the translation is missing the program speaks English.
    """
    from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator

    global _current
    remove(app)
    if language == SOURCE:
        return
    qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for name, folder in (("qtbase", qt), (OURS, str(FOLDER))):  # the last one is asked first
        translator = QTranslator()
        if translator.load(QLocale(language), name, "_", folder):
            app.installTranslator(translator)
            _installed.append(translator)
            _current = language
        elif name == OURS:
            log.warning("The translation %s is missing or damaged", language)
            remove(app)


def remove(app: "QCoreApplication") -> None:
    """Back to English."""
    global _current
    _current = SOURCE
    while _installed:
        app.removeTranslator(_installed.pop())
