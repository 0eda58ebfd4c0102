"""Which files the manual in the window is made of; asked by setup.py and viewer.spec, which put
them into resources/manual of a wheel and of the bundle.
"""

import re
from pathlib import Path


def manual_files(root: Path) -> list[tuple[Path, str]]:
    """docs/manual.md in each language, with its pictures and the paper for hospital IT: each file
    and its folder below resources/.
    """
    docs = root / "docs"
    papers = [*sorted(docs.glob("manual*.md")), docs / "hospital_it.md"]
    text = "".join(path.read_text("utf-8") for path in papers)
    pictures = sorted(set(re.findall(r"\(screenshots/([\w.]+)\)", text)))
    return [(path, "manual") for path in papers] + [
        (docs / "screenshots" / name, "manual/screenshots") for name in pictures
    ]
