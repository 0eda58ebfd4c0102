"""Every text that the program shows is known to its translators, and finished in Spanish.

How the files are made is said in docs/translating.md.
"""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QTranslator

from engine.dicom import scope_rules
from engine.domain import BIRADS_MEANING, NOTICE, Agreement, ReadingMode, SpacingSource
from engine.records import training_manifest
from viewer.shared.languages import FOLDER, LANGUAGES, SOURCE

ROOT = Path(__file__).parents[1]
VIEWER = sorted((ROOT / "viewer").rglob("*.py"))
OTHERS = [code for code in LANGUAGES if code != SOURCE]
# What a reader never meets in the window: command lines, training, reports, exports.
SILENT = {
    *("__init__", "__main__", "self_test", "torchvision_guard", "exports", "confidentiality"),
    *("augmentation", "calibration", "dataset", "distributed", "evaluation", "losses", "metrics"),
    *("borders", "controls", "csv_cells", "table"),
    *("models", "out_of_fold", "report", "row_predictions", "training", "gradcam", "frame_pack"),
    *("lesions", "predict_region", "region_evaluation", "region_training"),
    "readings_command",
}
# Of the other modules, literals of several words that are no sentences for the reader.
NOT_SHOWN = (
    *(r"SELECT|INSERT|PRAGMA|WHERE|BEGIN IMMEDIATE|LEFT JOIN|, reader, |%\(asctime\)s",),
    *(r"birads-viewer |^PS3\.15|double float|parent watch|^In the engine process|must have",),
    *(r"FOR PROCESSING$|roi mask|cropped images|network's answer is not",),  # tags, and bugs
    *(r"^Patient ID and Study|^the patient in CBIS|^one folder and one|^a folder of at|^nothing:",),
    *(r"values\)$|characters\)$|^unreadable, |bytes$|^1 byte$|element$",),  # a header's listing
    *(r"^\{\} \{\}$|^\{\}: \{\}$|^\{\} written for|^1 image$|^\{\} images$|^ Left out",),  # parts
    *(r"^Application Support$",),  # a folder of macOS
    *(r"^C\.\d|^CID |^PS3\.4",),  # where the standard has it
    *(r"^allocate memory$|^out of memory$|^died, killed by",),  # sought in others' words; the log
    *(r"^Readings could|^One JSON object|studies copied, ",),  # the log, the command line
)
FAULTS = {
    "program_fault",
    "EngineError",
    "UnreadableFile",
    "UnsupportedImage",
    "StorageFailed",
    "EngineStopped",
}


def messages(language: str) -> list[ElementTree.Element]:
    return list(ElementTree.parse(FOLDER / f"birads_{language}.ts").iter("message"))


def source(message: ElementTree.Element) -> str:
    return message.findtext("source")


def told(message: ElementTree.Element) -> list[str]:
    """One text, or of a counted one all its forms."""
    translation = message.find("translation")
    forms = [form.text or "" for form in translation.findall("numerusform")]
    return forms or [translation.text or ""]


def placeholders(text: str) -> list[str]:
    named = [f"{{{name}}}" for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    return sorted(named + re.findall("%n", text))


def marked() -> Iterator[tuple[str, str]]:
    """Each text and its comment, as they stand in the viewer's calls of `tr` and `mark`."""
    for path in VIEWER:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tr", "mark"):
                text, *comment = node.args[:2]
                if isinstance(text, ast.Constant):
                    yield text.value, comment[0].value if comment else ""


@pytest.mark.parametrize("language", OTHERS)
def test_all_texts_of_the_program_and_no_others_are_there_to_be_translated(language):
    known = {(source(m), m.findtext("comment") or "") for m in messages(language)}
    assert known == set(marked())


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language):
    unfinished = [source(m) for m in messages(language) if m.find("translation").get("type")]
    assert not unfinished
    assert not [source(m) for m in messages(language) if not all(told(m))]


@pytest.mark.parametrize("language", OTHERS)
def test_numbers_names_and_spaces_stand_where_they_belong_in_a_translation(language):
    for message in messages(language):
        text = source(message)
        for words in told(message):
            assert placeholders(words) == placeholders(text), text
            assert (words[0] == " ", words[-1] == " ") == (text[0] == " ", text[-1] == " "), text
            assert words.count("\n") == text.count("\n"), text
            assert ("…" in words) == ("…" in text), text
            assert re.findall(r"<[^>]+>", words) == re.findall(r"<[^>]+>", text), text


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_file_says_what_its_source_says(language):
    translator = QTranslator()
    assert translator.load(f"birads_{language}.qm", str(FOLDER))
    for message in messages(language):
        comment = message.findtext("comment")
        forms = told(message)
        if message.get("numerus"):
            singular = translator.translate("", source(message), comment, 1)
            assert [singular, translator.translate("", source(message), comment, 5)] == forms
        else:
            assert translator.translate("", source(message), comment) == forms[0]


# -------------------------------------------------------------------------- what nobody translates

SHOWN_BY = {  # calls that put their first words on the screen
    *("setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setAccessibleDescription"),
    *("setPlaceholderText", "setIconText", "setStatusTip", "setTitle", "setSuffix", "setPrefix"),
    *("addAction", "addMenu", "addSection", "addItem", "addTab", "addButton", "showMessage"),
    *("setHeaderLabels", "setHorizontalHeaderLabels", "setDocName"),
    *("QLabel", "QAction", "QPushButton", "QCheckBox", "QRadioButton", "QToolButton", "QToolBar"),
    *("QMenu", "QGroupBox", "QDockWidget", "QListWidgetItem", "QTreeWidgetItem", "Message"),
    *("emit", "tell", "_tell", "set_hint", "set_step", "set_text", "show_fault"),
    *("getOpenFileNames", "getSaveFileName", "getExistingDirectory", "show_message", "drawText"),
}
SAME_EVERYWHERE = re.compile(
    r"birads-viewer|\((\*\.csv|\*\.png|\*\.pdf)\)|^ mm$|\.csv$|\.pdf$|^training-$"
    r"|BI-RADS|<br>|</?b>"
    r"|^Disclaimer$|^Software$"  # keywords of PNG
    r"|It stays on the screen|free some space"  # of templates in `engine_words`
)


def untranslated(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
        if name not in SHOWN_BY and name not in FAULTS:
            continue
        for argument in call.args:
            for node in visible(argument):
                words = node.value
                if re.search(r"[A-Za-z]{2}", words) and not SAME_EVERYWHERE.search(words):
                    yield f"{path.name}:{node.lineno}: {words!r}"


def visible(node: ast.AST) -> Iterator[ast.Constant]:
    """The literals in an expression that go through neither `tr` nor another function."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node
    elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.List | ast.Tuple):
        for child in ast.iter_child_nodes(node):
            yield from visible(child)
    elif isinstance(node, ast.IfExp):
        yield from visible(node.body)
        yield from visible(node.orelse)


@pytest.mark.parametrize("path", VIEWER, ids=lambda path: path.name)
def test_no_text_is_shown_that_translators_do_not_know(path):
    assert not list(untranslated(path))


def test_no_text_is_translated_within_an_f_string_where_lupdate_does_not_look():
    for path in VIEWER:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
                literals = [
                    c
                    for c in calls
                    if getattr(c.func, "id", "") == "tr" and isinstance(c.args[0], ast.Constant)
                ]
                assert not literals, f"{path.name}:{node.lineno}"


# ------------------------------------------------------------------------------ the engine's words


def engine_sentences() -> Iterator[tuple[str, str]]:
    """Where, and what it says: literals of several words, numbers and names in them as {}."""
    for path in sorted((ROOT / "engine").rglob("*.py")):
        if path.stem in SILENT:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        skipped = set(map(id, _not_said(tree)))
        for node in ast.walk(tree):
            if id(node) in skipped:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "{}" for p in node.values]
                words = "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value
            else:
                continue
            if " " in words.strip() and not re.search("|".join(NOT_SHOWN), words):
                yield f"engine/{path.name}:{node.lineno}", words


_UNSAID_CALLS = ("ValueError", "ArgumentParser", "execute", "compile")


def _not_said(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, parts of f-strings, and what goes to the log, a parser or a bug's traceback."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield body[0].value
        if isinstance(node, ast.JoinedStr):
            for part in node.values:
                yield part
                if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                    yield part.format_spec
                    yield from ast.walk(part.format_spec)
        if isinstance(node, ast.Call):
            owner = getattr(getattr(node.func, "value", None), "id", "")
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            if owner in ("log", "parser") or name in _UNSAID_CALLS:
                yield from ast.walk(node)


def pattern(text: str) -> str:
    return re.sub(r"\{\w*\}", "{}", text)


def test_every_sentence_of_the_engine_can_be_told_in_another_language():
    known = {pattern(text) for text, _ in marked()}
    lacking = []
    for where, words in engine_sentences():
        filled = words.replace("be {}", "be saved").replace("is {} {} view", "is a {} view")
        if filled not in known:
            lacking.append(f"{where}: {words}")
    assert not lacking, "\n".join(lacking)


def test_the_engines_single_words_can_be_told_in_another_language():
    known = {text for text, _ in marked()}
    words = [NOTICE, *BIRADS_MEANING.values()]
    words += [value.value for values in (Agreement, ReadingMode, SpacingSource) for value in values]
    words += [*scope_rules.MODALITIES.values(), *scope_rules.SOP_CLASSES.values()]
    words += [*scope_rules.MODIFIERS.values(), *scope_rules._VIEW_WORDS]
    words += [
        getattr(training_manifest, name)
        for name in ("NOT_FOUND", "REPLACED", "UNREADABLE", "OUT_OF_SCOPE", "NO_BREAST", "OLDER")
    ]
    assert not set(words) - known
