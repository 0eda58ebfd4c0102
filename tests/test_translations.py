"""Every text that the program shows is known to its translators, and finished in Spanish.

How the files are made is said in docs/translating.md.
"""

import ast
import re
import string
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QTranslator

from engine import errors
from engine.domain import BIRADS_MEANING, NOTICE, Agreement, ReadingMode, SpacingSource
from viewer.shared.languages import FOLDER, LANGUAGES, SOURCE

ROOT = Path(__file__).parents[1]
VIEWER = sorted((ROOT / "viewer").rglob("*.py"))
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
OTHERS = [code for code in LANGUAGES if code != SOURCE]
# Met on a command line alone, which speaks English.
_ENGLISH = (
    *(
        "__main__.py",
        "self_test.py",
        "archive/",
        "audit/",
        "evaluation/",
        "interop/",
        "pacs/",
        "training/",
    ),
    "networks/models.py",
    *("records/exports.py", "records/predict_region.py", "records/readings_command.py"),
)
SHOWN_ENGINE = [
    path for path in ENGINE if not path.relative_to(ROOT / "engine").as_posix().startswith(_ENGLISH)
]
ERRORS = {"program_error", "FailedFile"} | {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.EngineError)
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


def calls(paths: Iterable[Path], *names: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls of these functions, and where each stands."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def marked() -> Iterator[tuple[str, str]]:
    """Each text and its comment, as they stand in the calls of `tr`, `mark` and `message`."""
    for _, call in calls(ENGINE + VIEWER, "tr", "mark", "message"):
        text, *comment = call.args[:2]
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
    *("QMenu", "QGroupBox", "QDockWidget", "QListWidgetItem", "QTreeWidgetItem"),
    *("BannerMessage", "ActionSpec"),
    *("emit", "set_hint", "set_step", "set_text", "set_words", "show_error", "show_failure"),
    *("getOpenFileNames", "getSaveFileName", "getExistingDirectory", "show_message", "drawText"),
}
SAME_EVERYWHERE = re.compile(
    r"birads-viewer|\((\*\.csv|\*\.png|\*\.pdf)\)|^ mm$|\.csv$|\.pdf$|^training-$"
    r"|BI-RADS|<br>|</?b>"
    r"|^Disclaimer$|^Software$"  # keywords of PNG
)


def untranslated(path: Path, shown_by: Container[str]) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
        if name not in shown_by:
            continue
        texts = call.args[1:2] if name == "ActionSpec" else call.args  # between identity and keys
        for argument in texts:
            for node in visible(argument):
                words = node.value
                if re.search(r"[A-Za-z]{2}", words) and not SAME_EVERYWHERE.search(words):
                    yield f"{path.name}:{node.lineno}: {words!r}"


def visible(node: ast.AST) -> Iterator[ast.Constant]:
    """The literals in an expression that go through neither `tr` nor another function."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node
    elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.BoolOp | ast.List | ast.Tuple):
        for child in ast.iter_child_nodes(node):
            yield from visible(child)
    elif isinstance(node, ast.IfExp):
        yield from visible(node.body)
        yield from visible(node.orelse)


@pytest.mark.parametrize("path", VIEWER, ids=lambda path: path.name)
def test_no_text_is_shown_that_translators_do_not_know(path):
    assert not list(untranslated(path, SHOWN_BY | ERRORS))


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


# --------------------------------------------------------------------------- the engine's sentences


@pytest.mark.parametrize("path", SHOWN_ENGINE, ids=lambda path: path.name)
def test_no_error_of_the_engine_reaches_the_window_in_words_that_translators_do_not_know(path):
    """Reasons and notes are of type `Message`, which mypy holds; errors take plain texts, too."""
    assert not list(untranslated(path, ERRORS))


def test_every_template_is_a_literal_and_gets_the_values_that_it_names():
    found = list(calls(ENGINE + VIEWER, "message"))
    assert len(found) > 250
    for where, call in found:
        (template,) = call.args
        assert isinstance(template, ast.Constant), f"{where}: lupdate reads literals only"
        named = {name for _, name, _, _ in string.Formatter().parse(template.value) if name}
        assert named == {keyword.arg for keyword in call.keywords}, where


def test_what_stands_in_a_sentence_is_told_in_the_readers_language_too():
    for where, call in calls(ENGINE + VIEWER, "message"):
        literals = [node.value for keyword in call.keywords for node in visible(keyword.value)]
        assert not [text for text in literals if re.search(r"[A-Za-z]{2}", text)], where


def test_stored_words_can_be_told_in_another_language():
    known = {text for text, _ in marked()}
    words = [NOTICE, *BIRADS_MEANING.values()]
    words += [value.value for values in (Agreement, ReadingMode, SpacingSource) for value in values]
    assert not set(words) - known
