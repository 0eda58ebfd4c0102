"""The import rule and the map of ARCHITECTURE.md, held against the source of every file."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE_FILES = sorted((ROOT / "engine").rglob("*.py"))
VIEWER_FILES = sorted((ROOT / "viewer").rglob("*.py"))
QT = {"PySide6", "shiboken6", "PyQt5", "PyQt6"}
NETWORKS = {"torch", "torchvision", "pytorch_grad_cam", "sklearn", "safetensors"}
WORDS = {
    "engine",
    "engine.arrays",
    "engine.domain",
    "engine.errors",
    "engine.messages",
    "engine.plain_text",
}  # `import engine` runs nothing
GREY_VALUES = {"engine.dicom.voi"}
ALLOWED = {  # beyond the words, per file of the viewer; each door of the engine has one file
    "opening.py": {"engine.dicom.attributions", "engine.dicom.loading"},
    "exporting.py": {
        "engine.anonymisation.anonymising",
        "engine.records.training_manifest",
        "engine.site_configuration",
    },
    "upkeep.py": {"engine.records.verification"},
    "attributing.py": {"engine.dicom.attributions"},
    "images.py": {"engine.dicom.header_listing", "engine.dicom.loading"},
    "inference.py": {"engine.networks.process"},
    "network.py": {"engine.site_configuration"},
    "session.py": {"engine.interop.plans", "engine.site_configuration"},
    "sending.py": {
        *("engine.interop.plans", "engine.interop.presentation_states", "engine.interop.register"),
        *("engine.interop.reports", "engine.interop.results", "engine.pacs.outbox"),
        "engine.dicom.voi",
    },
    "foreign.py": {"engine.interop.foreign_documents", "engine.interop.marks"},
    "auditing.py": {"engine.audit.log", "engine.audit.messages"},
    "foreign_marks.py": {"engine.interop.marks"},
    "foreign_painting.py": {"engine.interop.marks"},
    "foreign_documents.py": {"engine.interop.marks"},
    "nodes_dialog.py": {"engine.site_configuration"},
    "pacs_dialog.py": {"engine.site_configuration"},
    "network_presenter.py": {"engine.site_configuration"},
    "sending_dialog.py": {
        *("engine.interop.plans", "engine.pacs.outbox", "engine.site_configuration"),
    },
    "readings.py": {
        "engine.dicom.attributions",
        "engine.records.backups",
        "engine.records.drafts",
        "engine.records.pseudonyms",
        "engine.records.store",
        "engine.records.training_manifest",
        "engine.records.verification",
    },
    "disagreements.py": {"engine.evaluation.agreement"},
    "agreement_figures.py": {"engine.evaluation.agreement"},
    "opinion.py": {"engine.networks.calibration"},  # Bayes' rule
    "settings.py": {
        "engine.private_files",
        "engine.records.backups",
        "engine.site_configuration",
    },
    "configuration.py": {"engine.self_test", "engine.site_configuration"},
    "site_locks.py": {"engine.site_configuration"},
    "__main__.py": {"engine.private_files", "engine.self_test", "engine.site_configuration"},
    "rendering.py": GREY_VALUES,
    "shutter.py": {"engine.networks.preprocessing"},  # the breast's outline
    "grey_state.py": GREY_VALUES,
    "viewports.py": GREY_VALUES | {"engine.interop.marks"},
}


def imported_modules(path: Path) -> set[str]:
    """Full dotted names, of imports at any depth of the file; `from engine import voi` counts."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            if (ROOT / node.module.replace(".", "/")).is_dir():
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
            else:
                names.add(node.module)
    return names


def top(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("path", ENGINE_FILES, ids=lambda path: path.name)
def test_the_engine_has_never_heard_of_qt_or_the_viewer(path):
    assert not {name for name in imported_modules(path) if top(name) in QT | {"viewer"}}


@pytest.mark.parametrize("path", VIEWER_FILES, ids=lambda path: path.name)
def test_the_viewer_never_imports_a_network_library(path):
    assert not {name for name in imported_modules(path) if top(name) in NETWORKS}


@pytest.mark.parametrize("path", VIEWER_FILES, ids=lambda path: path.name)
def test_widgets_know_the_engine_by_its_words_only(path):
    of_engine = {name for name in imported_modules(path) if top(name) == "engine"}
    # `from engine import __version__` reads a string, no module
    beyond = of_engine - WORDS - ALLOWED.get(path.name, set()) - {"engine.__version__"}
    assert not beyond


@pytest.mark.parametrize(
    "module",
    [
        *("viewer.window.main_window", "viewer.__main__", "engine.networks.process"),
        "engine.interop.results",
    ],
)
def test_the_window_does_not_wait_for_torch(module):
    heavy = sorted(NETWORKS | {"matplotlib", "pandas", "scipy"})
    code = f"import sys, {module}; print([n for n in {heavy} if n in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_an_old_clinic_pc_asks_a_network_without_loading_compiler_or_optimiser():
    code = (
        "import sys, engine.networks.predictor, torch; "
        "print([n for n in ('torch._dynamo', 'scipy', 'sklearn') if n in sys.modules]); "
        "print(callable(torch._dynamo.optimize))"  # who does want the compiler gets the true one
    )
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.stdout.split() == ["[]", "True"], answer.stderr


def test_the_words_import_nothing_but_numpy():
    for name in ("arrays.py", "domain.py", "errors.py", "messages.py", "plain_text.py"):
        modules = imported_modules(ROOT / "engine" / name) - {"engine.messages"}
        assert {top(module) for module in modules} - set(sys.stdlib_module_names) <= {"numpy"}


MODULES = {
    path.relative_to(ROOT).as_posix()
    for path in ENGINE_FILES + VIEWER_FILES
    if path.name != "__init__.py"
}


def on_the_map() -> set[str]:
    """Every module that a row of ARCHITECTURE.md names, there or not: a bare name lies beside the
    last path in its row, or else in the folder of the heading above.
    """
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    found, room = set(), ""
    for line in text[text.index("## Where is what") : text.index("## Glossary")].splitlines():
        if line.startswith("### "):
            room = (re.findall(r"`([\w/]+)/`", line) or [""])[0]
        folder = room
        for name in re.findall(r"`([\w/]+\.py)`", line):
            folder, _, module = name.rpartition("/") if "/" in name else (folder, "", name)
            found.add(f"{folder}/{module}")
    return found


def test_whoever_looks_for_a_module_finds_it_in_the_map():
    assert not MODULES - on_the_map()


def test_the_map_names_no_file_that_is_gone():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    tops = "engine|viewer|scripts|tests|benchmarks|docs|resources"
    paths = on_the_map() | set(re.findall(rf"`((?:{tops})/[\w/.-]+)`", text))
    assert len(paths) > len(MODULES)
    assert not {path for path in paths if not (ROOT / path).exists()}


def test_tests_lie_as_the_code_does():
    """In the folder of the room that they are about; what is about several, in the uppermost."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in TEST_FILES if is_test(path)}
    rooms = {path.parent.relative_to(ROOT) for path in ENGINE_FILES + VIEWER_FILES}
    assert folders - {Path()} <= rooms
    assert rooms - folders <= {Path("viewer")}


def is_test(path: Path) -> bool:
    return path.name.startswith("test_")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_test_imports_another_or_what_is_private(path):
    """Nor does it put anything in the place of what is private; attributes are found by ruff."""
    tree = ast.parse(path.read_text("utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if top(node.module) in {"engine", "viewer", "tests"}]
    assert not [node.module for node in ours if ".test_" in f".{node.module}"]
    names = [alias.name for node in ours for alias in node.names]
    assert not [name for name in names if is_private(name) or name.startswith("test_")]
    replaced = [
        str(argument.value).rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"setattr", "delattr"}
        for argument in node.args[:2]
        if isinstance(argument, ast.Constant)
    ]
    assert not [name for name in replaced if is_private(name)]


@pytest.mark.parametrize("path", VIEWER_FILES, ids=lambda path: path.name)
def test_every_label_shows_its_text_as_it_is(path):
    may_be_rich = {"plain_text.py", "banner.py", "help.py"}  # the last two escape, or say their own
    made = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert path.name in may_be_rich or "QLabel" not in made
