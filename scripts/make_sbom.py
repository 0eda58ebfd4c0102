"""The software bill of materials of what is shipped: CycloneDX, by the OWASP project's own tool.

    python scripts/make_sbom.py [FILE]

Needs the `bundle` extra, and lists the distributions of this environment that the program needs,
directly or not, with versions and licences; what only builds or tests it is left out. viewer.spec
puts it into the bundle as sbom.cdx.json.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.collect_licences import needed  # noqa: E402

SHIPPED = frozenset({"demo", "dicom"})  #: the extras that come with the bundle
NAME = "sbom.cdx.json"


def make(path: Path) -> Path:
    """Writes it and returns `path`; raises CalledProcessError where the tool does."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / NAME
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
        command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"]
        subprocess.run([*command, "--output-file", str(whole), sys.executable], check=True)
        told = json.loads(whole.read_text("utf-8"))
    path.write_text(json.dumps(shipped_alone(told), indent=2) + "\n", "utf-8")
    return path


def shipped_alone(told: dict) -> dict:
    """Without the components that nothing needs which is shipped."""
    names = needed("birads-viewer", SHIPPED)
    kept = [one for one in told["components"] if canonicalize_name(one["name"]) in names]
    refs = {one["bom-ref"] for one in kept} | {told["metadata"]["component"]["bom-ref"]}
    dependencies = [
        {**one, **({"dependsOn": [d for d in one["dependsOn"] if d in refs]} if "dependsOn" in one else {})}
        for one in told.get("dependencies", [])
        if one["ref"] in refs
    ]
    return {**told, "components": kept, "dependencies": dependencies}


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else NAME))
