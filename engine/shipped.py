"""What came with the program, held against the sha-256 that it was shipped with.

One manifest names the networks, the scope gate and the table of the confidentiality profile. It
lies beside them, unsigned: it finds damage, a half-made update and a mistake, not an attacker who
may write there.
"""

import hashlib
import json
from pathlib import Path

from resources import ROOT

MANIFEST = ROOT / "checkpoints" / "manifest.json"


def entries(manifest: Path = MANIFEST) -> dict[str, dict[str, str]]:
    """File name and sha-256 by what the file is, leaving out whatever is no such entry.

    Raises OSError or ValueError where the manifest itself is missing or none.
    """
    read = json.loads(manifest.read_text("utf-8"))
    if not isinstance(read, dict):
        raise ValueError("not a manifest")
    return {name: entry for name, entry in read.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    file, digest = entry.get("file"), entry.get("sha256")
    return isinstance(file, str) and isinstance(digest, str) and file == Path(file).name


def enter(name: str, path: Path, manifest: Path = MANIFEST) -> None:
    """Makes the file the one that is shipped as `name`."""
    known = entries(manifest)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known[name] = {"file": path.name, "sha256": digest}
    manifest.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")


def is_as_shipped(name: str, data: bytes, manifest: Path = MANIFEST) -> bool:
    """Whether `data` is to the byte what the manifest calls `name`; False without a manifest."""
    try:
        return entries(manifest)[name]["sha256"] == hashlib.sha256(data).hexdigest()
    except (OSError, ValueError, KeyError):
        return False
