"""Time from opening a study's folder to its first image painted, beside bare decoders of one image.

The window is open already and the engine silent; files lie in the system's cache. Bare decoding
begins with the compressed stream in memory and ends with its pixels; DCMTK's processes begin with
the file and end with an 8-bit image file. All take turns.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import get_frame
from synthetic_studies import SYNTAXES, write_batch
from viewer_program import Program, SilentEngine, program

FIRST, ALL = "birads-viewer, first image", "birads-viewer, all four images"


@dataclass(frozen=True)
class Opening:
    """Seconds by program; `bare` is the name of the fastest bare decoder."""

    format_name: str
    seconds: dict[str, np.ndarray]
    bare: str


def measure(repeats: int, say: Callable[[str], None]) -> list[Opening]:
    results = []
    with (
        tempfile.TemporaryDirectory() as folder,
        program(Path(folder), SilentEngine()) as viewer,
    ):
        for format_name, syntax in SYNTAXES.items():
            say(format_name)
            # A study for every turn: one that was open before is still on the screen, and decoded.
            batch = write_batch(Path(folder) / syntax, repeats + 1, [syntax])
            studies = sorted(batch.iterdir())
            results.append(_measure_format(viewer, studies, format_name))
    return results


def _measure_format(viewer: Program, studies: Sequence[Path], format_name: str) -> Opening:
    file = next(studies[0].glob("*.dcm"))
    stream = get_frame(pydicom.dcmread(file).PixelData, 0, number_of_frames=1)
    others = _bare_decoders(format_name, stream) | _dcmtk(format_name, file, studies[0].parent)
    taken: dict[str, list[float]] = {name: [] for name in (FIRST, ALL, *others)}
    for turn, study in enumerate(studies):
        first, everything = _open(viewer, study)
        turns = {FIRST: first, ALL: everything}
        for name, decode in others.items():
            start = time.perf_counter()
            decode()
            turns[name] = time.perf_counter() - start
        if turn:  # the first warms up
            for name, seconds in turns.items():
                taken[name].append(seconds)
    seconds = {name: np.array(all_) for name, all_ in taken.items()}
    bare = min(
        (name for name in others if "imagecodecs" in name), key=lambda n: np.median(seconds[n])
    )
    return Opening(format_name, seconds, bare)


def _bare_decoders(format_name: str, stream: bytes) -> dict[str, Callable[[], object]]:
    if format_name == "JPEG 2000":
        return {
            "imagecodecs, one thread": lambda: imagecodecs.jpeg2k_decode(stream, numthreads=1),
            "imagecodecs, two threads": lambda: imagecodecs.jpeg2k_decode(stream, numthreads=2),
        }
    return {
        "imagecodecs.jpeg8_decode": lambda: imagecodecs.jpeg8_decode(stream),
        "imagecodecs.ljpeg_decode": lambda: imagecodecs.ljpeg_decode(stream),
    }


def _dcmtk(format_name: str, file: Path, folder: Path) -> dict[str, Callable[[], object]]:
    """Which decodes no JPEG 2000; none where it is not installed (Debian: dcmtk)."""
    if format_name == "JPEG 2000" or shutil.which("dcmj2pnm") is None:
        return {}
    plain, image = str(folder / "plain.tmp"), str(folder / "image.tmp")

    def two() -> None:
        subprocess.run(["dcmdjpeg", str(file), plain], check=True)
        subprocess.run(["dcm2pnm", "+Wi", "1", plain, image], check=True)

    def one() -> None:
        subprocess.run(["dcmj2pnm", "+Wi", "1", str(file), image], check=True)

    return {"dcmdjpeg, then dcm2pnm": two, "dcmj2pnm": one}


def _open(viewer: Program, study: Path) -> tuple[float, float]:
    """Seconds to the first image, and to all four."""
    headers = (pydicom.dcmread(file, stop_before_pixels=True) for file in study.iterdir())
    uids = {str(header.SOPInstanceUID) for header in headers}
    start = time.perf_counter()
    viewer.window.open([study])
    viewer.wait_for(lambda: bool(uids & viewer.painted))
    first = time.perf_counter() - start
    viewer.wait_for(lambda: uids <= viewer.painted)
    return first, time.perf_counter() - start


def table(results: list[Opening]) -> list[str]:
    """Markdown."""
    lines = [
        "| format | program | median, ms | fastest, ms | of bare decoding |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        bare = np.median(result.seconds[result.bare])
        for name, seconds in result.seconds.items():
            lines.append(
                f"| {result.format_name} | {name} | {1e3 * np.median(seconds):.0f} "
                f"| {1e3 * seconds.min():.0f} | {np.median(seconds) / bare:.2f} × |"
            )
    return lines
