"""Pins all that an installation takes, by version and SHA-256, for each way of installing it.

    python scripts/lock_requirements.py             # what pyproject.toml asks for, else as it was
    python scripts/lock_requirements.py --upgrade   # the newest of everything

Writes requirements/<extra>.txt with uv (the extra `supply`), for Linux, macOS and Windows at once,
and build.txt with what builds a wheel. On Linux torch and what its CUDA build brings are not in
them: which of its two builds one gets is the index's choice, and pip can hold only one of them
against a hash. There pyproject.toml's exact version stands, and torch_cpu.txt, by hand, has the CPU
build's.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = ("test", "demo", "bundle")  # in this order: what is shipped was tested
HEADER = """\
# Made by scripts/lock_requirements.py; no torch on Linux: CONTRIBUTING.md, "What is installed".
"""
OF_CUDA = re.compile(r"(nvidia|cuda)-|triton==")


def lock(name: str, *options: str, upgrade: bool, requires: list[str] | None = None) -> None:
    """Writes requirements/<name>.txt; pins that it has by now are kept where they still fit.

    `requires` is locked, else what `options` name.
    """
    path = ROOT / "requirements" / f"{name}.txt"
    if upgrade:
        path.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"),
        *("--output-file", str(path), *options),
    ]
    subprocess.run(command, cwd=ROOT, check=True, input="\n".join(requires or ()), text=True)
    path.write_text(HEADER + without_what_linux_lacks(path.read_text("utf-8")), "utf-8")


def without_what_linux_lacks(text: str) -> str:
    """`text` without CUDA's libraries, and torch for other systems only."""
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.M)
    kept = [entry for entry in entries if not OF_CUDA.match(entry)]
    return re.sub(
        r"^(torch==\S+) \\$", r"\1 ; sys_platform != 'linux' \\", "".join(kept), flags=re.M
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true")
    upgrade = parser.parse_args().upgrade
    lock("build", "-", upgrade=upgrade, requires=PROJECT["build-system"]["requires"])
    tested = "build"
    for extra in EXTRAS:
        constraints = ("--constraints", f"requirements/{tested}.txt")
        lock(extra, "--extra", extra, "pyproject.toml", *constraints, upgrade=upgrade)
        tested = "test"


if __name__ == "__main__":
    main()
