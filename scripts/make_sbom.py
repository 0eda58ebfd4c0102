"""Writes what the program is shipped with, as a software bill of materials (CycloneDX 1.6, JSON).

    python scripts/make_sbom.py birads-viewer.cdx.json

cyclonedx-py lists the environment that this runs in, with licences and who needs whom; kept of it
is what the program needs, directly or not, or of that what `--only` names; added are Python itself
and the trained networks with their SHA-256. Nothing of the machine is in it. Run it in an
environment with the `bundle` extra; viewer.spec does, names what it has collected, and puts the
list into the bundle.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from engine import __version__  # noqa: E402  engine/__init__.py imports nothing
from scripts.collect_licences import BUILDERS, NOT_SHIPPED, needed  # noqa: E402

EXTRAS = frozenset({"demo", "dicom"})  # the bundle's


def environment() -> dict:
    """Everything installed here, as cyclonedx-py lists it."""
    command = [
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"),
        *("--spec-version", "1.6", "--pyproject", str(ROOT / "pyproject.toml"), sys.executable),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def networks() -> list[dict]:
    """The shipped checkpoints, with the hashes that they are held against at each start."""
    manifest = json.loads((ROOT / "resources" / "checkpoints" / "manifest.json").read_text("utf-8"))
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": file["file"],
            "name": name,
            "version": __version__,
            "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
        }
        for name, file in manifest.items()
        if file["file"].endswith(".safetensors")
    ]


def python() -> dict:
    version = platform.python_version()
    return {
        "type": "platform",
        "bom-ref": f"python=={version}",
        "name": "python",
        "version": version,
        "purl": f"pkg:generic/python@{version}",
        "licenses": [{"license": {"id": "PSF-2.0"}}],
    }


def shipped(everything: dict, only: set[str]) -> dict:
    """`everything` without what only tests and tools need; of that, if named, `only` these."""
    names = (needed("birads-viewer", EXTRAS) | BUILDERS) - NOT_SHIPPED
    if only:
        names &= only | BUILDERS
    ours = everything["metadata"]["component"]
    ours["version"] = __version__  # which setuptools reads from the engine
    components = [
        component
        for component in everything["components"]
        if canonicalize_name(component["name"]) in names
    ]
    added = [python(), *networks()]
    components += added
    kept = {component["bom-ref"] for component in components}
    graph = {
        entry["ref"]: set(entry.get("dependsOn", ())) & kept for entry in everything["dependencies"]
    }
    graph = {ref: graph.get(ref, set()) for ref in kept | {ours["bom-ref"]}}
    graph[ours["bom-ref"]] |= {component["bom-ref"] for component in added}
    dependencies = [{"ref": ref, "dependsOn": sorted(graph[ref])} for ref in sorted(graph)]
    return everything | {"components": components, "dependencies": dependencies}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="distributions")
    options = parser.parse_args()
    bill = shipped(environment(), {canonicalize_name(name) for name in options.only})
    options.file.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
