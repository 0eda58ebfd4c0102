"""Memory of the window's process while studies are opened one after another, each as soon as it is
decoded ahead.

The images are of a common detector's size, so that twenty studies fill the cache; the engine is
silent, since it is another process and keeps nothing of a study.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from synthetic_studies import write_batch
from viewer_program import SilentEngine, program

from viewer.session.images import PIXEL_CACHE_BYTES

ROWS, COLUMNS = 2294, 1914


@dataclass(frozen=True)
class Growth:
    resident_mb: dict[int, float]  #: by how many studies have been opened
    cached_mb: dict[int, float]


def measure(count: int, say: Callable[[str], None]) -> Growth:
    me = psutil.Process()
    resident, cached = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        say(f"writing {count} studies")
        studies = write_batch(Path(folder) / "studies", count, ["jpeg-lossless-sv1"], ROWS, COLUMNS)
        with program(Path(folder), SilentEngine()) as viewer:
            cache = viewer.session.images.cache
            viewer.window.open([studies])
            for number in range(1, count + 1):
                if number > 1:
                    uid = viewer.window.worklist.upcoming(viewer.session.current_study.uid)
                    keys = [(uid, f"{uid}.1.{place}") for place in range(1, 5)]
                    viewer.wait_for(lambda keys=keys: all(key in cache for key in keys))
                    viewer.window.worklist.step(1)
                viewer.wait_for(lambda: viewer.shown >= 4)
                if number in (1, count // 10, count // 2, count):
                    resident[number] = me.memory_info().rss / 1e6
                    cached[number] = cache.size_bytes / 1e6
                    say(f"{number} studies: {resident[number]:.0f} MB")
    return Growth(resident, cached)


def table(growth: Growth) -> list[str]:
    """Markdown."""
    lines = [
        "| studies opened | resident, MB | of it decoded images, MB |",
        "| --- | --- | --- |",
    ]
    for number, resident in growth.resident_mb.items():
        lines.append(f"| {number} | {resident:.0f} | {growth.cached_mb[number]:.0f} |")
    limit = f"The cache may hold {PIXEL_CACHE_BYTES / 1e6:.0f} MB of decoded images."
    return [*lines, "", limit]
