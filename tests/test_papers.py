"""What the papers lead to is there: files, headings, and how long the first of them may be."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SOURCES = sorted(
    path
    for folder in ("engine", "viewer", "tests", "benchmarks", "scripts", "packaging", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".md", ".toml"}
)
MADE_LATER = re.compile(r"[A-Z]{3,}|\.cdx\.json$")  # names that stand for any, and the bundle's own
FOLDERS = "docs|engine|viewer|scripts|tests|benchmarks|resources|packaging|requirements"


@cache
def headings(path: Path) -> set[str]:
    """As GitHub and Qt name them in links."""
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings_that_exist(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        file, _, heading = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not heading or heading in headings(target), link


@pytest.mark.parametrize(
    "path", [*ROOT.glob("*.md"), *SOURCES], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_files_that_are_spoken_of_exist(path):
    named = re.findall(
        rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*\w\.[a-z]\w{{0,5}})\b", path.read_text("utf-8")
    )
    assert not [
        name for name in named if not MADE_LATER.search(name) and not (ROOT / name).exists()
    ]


def test_the_readme_is_short_and_says_how_to_run_one_test():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 120
    assert any("pytest" in line and "-k" in line for line in lines)
    assert any('-m "not slow"' in line for line in lines)
