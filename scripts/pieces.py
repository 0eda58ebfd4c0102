"""Files cut into pieces and joined again, for a way that carries only so much at a time.

Pieces lie in folders `round0`, `round1`, …, each small enough for one transfer, with an index.json
that names every file, its pieces and their sha-256. `join` takes whatever rounds have come, keeps
what is not yet complete, and says what is missing. Standard library only: it runs where nothing
else is installed.
"""

import hashlib
import json
import shutil
from pathlib import Path, PurePosixPath

MIB = 1 << 20
INDEX = "index.json"
_WAITING = "pieces"  #: folder under `join`'s out for pieces of files that are not complete


class PiecesError(Exception):
    """A piece is damaged, or belongs to another set."""


def cut(
    files: dict[str, Path],
    out: Path,
    piece_bytes: int,
    round_bytes: int,
    round_files: int = 8,
    only: int | None = None,
) -> int:
    """Cuts files, keyed by the path they get when joined, in the order given; returns the number
    of rounds. With `only`, no other round is written."""
    entries, pieces = [], []
    for number, (name, path) in enumerate(files.items()):
        entry = {"path": name, "bytes": path.stat().st_size, "sha256": _digest(path), "pieces": []}
        with path.open("rb") as stream:
            for data in iter(lambda stream=stream: stream.read(piece_bytes), b""):
                piece = {
                    "name": f"{number:02d}-{len(entry['pieces']):03d}.piece",
                    "bytes": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
                entry["pieces"].append(piece)
                pieces.append((path, piece_bytes * (len(entry["pieces"]) - 1), piece))
        entries.append(entry)
    index = json.dumps({"files": entries}, indent=1).encode()
    rounds = _shared_out(pieces, round_bytes - len(index), round_files - 1)
    for number, members in enumerate(rounds):
        if only not in (None, number):
            continue
        folder = out / f"round{number}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX).write_bytes(index)
        for path, start, piece in members:
            with path.open("rb") as stream:
                stream.seek(start)
                (folder / piece["name"]).write_bytes(stream.read(piece["bytes"]))
    return len(rounds)


def _shared_out(pieces: list, most_bytes: int, most_files: int) -> list[list]:
    rounds: list[list] = [[]]
    for member in pieces:
        size = sum(piece["bytes"] for *_, piece in rounds[-1]) + member[2]["bytes"]
        if rounds[-1] and (size > most_bytes or len(rounds[-1]) == most_files):
            rounds.append([])
        if member[2]["bytes"] > most_bytes:
            raise PiecesError("A piece is larger than a round: cut smaller pieces.")
        rounds[-1].append(member)
    return rounds


def join(folders: list[Path], out: Path) -> tuple[list[str], list[str]]:
    """Joins what is complete; returns the paths under `out` that are there and those that lack
    pieces. Raises `PiecesError` for a damaged piece or one of another set."""
    waiting = out / _WAITING
    waiting.mkdir(parents=True, exist_ok=True)
    index = _keep_index(folders, waiting)
    known = {piece["name"]: piece for entry in index["files"] for piece in entry["pieces"]}
    for piece_path in (path for folder in folders for path in sorted(folder.rglob("*.piece"))):
        piece = known.get(piece_path.name)
        if piece is None or _digest(piece_path) != piece["sha256"]:
            raise PiecesError(f"{piece_path} is damaged or of another set: bring it again.")
        if not (waiting / piece_path.name).is_file():
            shutil.copyfile(piece_path, waiting / piece_path.name)
    there, lacking = [], []
    for entry in index["files"]:
        target = out / _harmless(entry["path"])
        parts = [waiting / piece["name"] for piece in entry["pieces"]]
        if not (target.is_file() and _digest(target) == entry["sha256"]):
            if not all(part.is_file() for part in parts):
                lacking.append(entry["path"])
                continue
            _put_together(parts, target, entry["sha256"])
        there.append(entry["path"])
        for part in parts:
            part.unlink(missing_ok=True)
    return there, lacking


def _keep_index(folders: list[Path], waiting: Path) -> dict:
    """The one index of all folders and of what came before."""
    found = {path.read_bytes() for folder in folders for path in folder.rglob(INDEX)}
    kept = waiting / INDEX
    if kept.is_file():
        found.add(kept.read_bytes())
    if len(found) != 1:
        what = "No index.json came" if not found else "Rounds of different sets came together"
        raise PiecesError(f"{what}: join one set at a time, into an empty folder.")
    data = found.pop()
    kept.write_bytes(data)
    return json.loads(data)


def _harmless(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise PiecesError(f"{name} would be written outside the folder.")
    return path


def _put_together(parts: list[Path], target: Path, digest: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as stream:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, stream)
    if _digest(partial) != digest:
        raise PiecesError(f"{target.name} is not what was cut.")
    partial.replace(target)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
