"""The child of `faults.py` that makes mutants and gives each to the program, as it would meet it.

    PYTHONPATH=. python benchmarks/fault_worker.py

A line of JSON on standard input asks for mutants (kind, seed, first, count, where to keep bad
ones); an empty line comes back once there are whole files to make them of, then a line for each
mutant: its number, outcome, seconds of the processor, what was said, and of a DICOM image what was
changed. If this process dies or falls silent, the parent knows at which mutant.
"""

import ctypes
import hashlib
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import fault_mutants
import imagecodecs
import numpy as np
from fault_mutants import KINDS, Mutant

from engine.anonymisation.anonymising import Anonymiser
from engine.dicom import voi
from engine.dicom.header_listing import read_header
from engine.dicom.loading import load, load_pixels
from engine.domain import MammogramView, Pixels
from engine.errors import EngineError
from engine.networks import preprocessing
from viewer.display.rendering import prepare, thumbnail

SAME, SHOWN, REFUSED, WRONG, BUG = "same", "shown", "refused", "wrong", "bug"
_MEMORY = 4 * 2**30  #: bytes of address space
_COPIED = 8  #: of that many images one is copied without names as well
_UNTRUE = {
    "The file cannot be opened",
    "Unexpected fault in this file",
}  # of a file that lies there
_ROOT = Path(__file__).parents[1]
Outcome = tuple[str, str]  #: one of the five, and what was said


@dataclass(frozen=True)
class Seed:
    """A whole file, and what becomes of it."""

    name: str
    data: bytes
    expected: object = None


class Faulty(Exception):
    """The program did what it must not do."""


# --------------------------------------------------------------------------------------- images


@dataclass(frozen=True)
class Shown:
    """What was found in an image file."""

    pixels: tuple[str, ...]  #: digests
    notes: frozenset[str]
    titles: tuple[str, ...]


def _shown(path: Path, copies: Path | None) -> Shown:
    """As window, engine and copier treat it; whatever is no EngineError is raised."""
    catalogue = load([path])
    titles = [failure.title for failure in catalogue.failures]
    digests, notes = [], set(catalogue.notes)
    for study in catalogue.studies:
        notes.update(study.notes)
        for view in study.views:
            notes.update(view.notes, view.display_warnings, view.laterality_warnings)
            try:
                pixels = load_pixels(view)
            except EngineError as error:
                titles.append(error.title)
                continue
            digests.append(_digest(pixels))
            _filled(_OTHERWISE)
            if _digest(load_pixels(view)) != digests[-1]:
                raise Faulty("other pixels the second time: memory that nobody wrote")
            _filled(_ONCE)
            _use(view, pixels)
        if copies is not None and digests:
            _copy(study, copies, digests)
    with suppress(EngineError):
        read_header(path)
    return Shown(tuple(digests), frozenset(map(str, notes)), tuple(titles))


def _filled(value: int) -> None:
    """Memory that the C library gives out comes filled with a value, where it can (glibc)."""
    if hasattr(_C, "mallopt"):
        _C.mallopt(_M_PERTURB, value)


_C, _M_PERTURB, _ONCE, _OTHERWISE = ctypes.CDLL(None), -6, 0x55, 0xAA


def _digest(pixels: Pixels) -> str:
    line = f"{pixels.shape} {pixels.value_scale} {pixels.value_offset}".encode()
    return hashlib.sha256(line + pixels.stored.tobytes()).hexdigest()


def _use(view: MammogramView, pixels: Pixels) -> None:
    display = prepare(view, pixels)
    thumbnail(display, 112, view.laterality, view.pixel_aspect)
    for preset in voi.presets(view, pixels):
        voi.display_table(pixels, preset)
    if view.out_of_scope is None:
        with suppress(EngineError):
            image = preprocessing.grey(view, pixels)
            preprocessing.prepare(image, view.pixel_aspect, preprocessing.PreprocessingConfig())


def _copy(study, folder: Path, digests: list[str]) -> None:
    """A copy shows the same values."""
    copy = Anonymiser(folder).copy(study)
    if copy.failures and copy.failures[0].title in _UNTRUE:
        raise Faulty(f"copy: {copy.failures[0].title}")
    for image in copy.images:
        (again,) = load([image.copy]).studies
        if load_pixels(again.views[0]).stored.tobytes() not in {
            load_pixels(view).stored.tobytes() for view in study.views
        }:
            raise Faulty("the copy shows other values")


def _image_outcome(seed: Seed, mutant: Mutant, folder: Path, number: int) -> Outcome:
    path = folder / "in" / f"RCC{Path(seed.name).suffix}"
    path.write_bytes(mutant.data)
    found = _shown(path, folder / "copies" if number % _COPIED == 0 else None)
    if untrue := _UNTRUE.intersection(found.titles):
        raise Faulty(next(iter(untrue)))
    if not found.pixels:
        return REFUSED, "; ".join(found.titles)
    expected = seed.expected
    if found.pixels == expected.pixels:
        return SAME, ""
    is_said = bool(found.notes - expected.notes) or bool(found.titles)
    return (WRONG if _harms_pixels_only(seed, mutant) and not is_said else SHOWN), mutant.kind


def _area(seed: Seed, mutant: Mutant) -> str:
    """Of a DICOM image, what was changed; all of another file."""
    if not seed.name.endswith(".dcm"):
        return ""
    if not _harms_pixels_only(seed, mutant):
        return "headers"
    is_plain = Path(seed.name).stem in ("implicit", "explicit", "big-endian")
    return "uncompressed pixels" if is_plain else "compressed pixels"


def _harms_pixels_only(seed: Seed, mutant: Mutant) -> bool:
    """Whether it is damage, and not other values of a header, which may rightly show otherwise."""
    if seed.name.endswith(".dcm"):
        start = fault_mutants.pixel_start(seed.data)
        return mutant.data[:start] == seed.data[:start]
    return mutant.kind not in ("chunk", "word")


def _seen(name: str, data: bytes, folder: Path) -> Seed:
    path = folder / "in" / f"RCC{Path(name).suffix}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    found = _shown(path, folder / "copies")
    assert len(found.pixels) == 1, (name, found)
    return Seed(name, data, found)


def _grey() -> np.ndarray:
    from synthetic_studies import detector_values

    return detector_values("R", "CC", 128, 96, 12)


def _dicom_seeds(folder: Path) -> list[Seed]:
    """The self-test's samples, and a detector's noise in every transfer syntax."""
    from tests.phantom import TRANSFER_SYNTAXES, write_mammogram

    seeds = [
        _seen(path.name, path.read_bytes(), folder)
        for path in sorted((_ROOT / "resources" / "self_test").glob("*.dcm"))
    ]
    for syntax in TRANSFER_SYNTAXES:
        bits = 8 if syntax == "jpeg-baseline" else 12
        values = _grey() >> (12 - bits)
        path = folder / "RCC.dcm"
        write_mammogram(  # a UID that does not come of the path
            path, values=values, bits_stored=bits, transfer_syntax=syntax, sop_uid="1.2.3"
        )
        seeds.append(_seen(f"{syntax}.dcm", path.read_bytes(), folder))
    return seeds


def _picture_seeds(*encoders: tuple[str, Callable[[np.ndarray], bytes]]):
    def make(folder: Path) -> list[Seed]:
        grey = _grey()
        return [_seen(name, bytes(encode(grey)), folder) for name, encode in encoders]

    return make


def _byte(grey: np.ndarray) -> np.ndarray:
    return (grey >> 4).astype(np.uint8)


def _colours(grey: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.dstack([_byte(grey), _byte(grey)[::-1], _byte(grey)]))


_png_seeds = _picture_seeds(
    ("8.png", lambda grey: imagecodecs.png_encode(_byte(grey))),
    ("16.png", lambda grey: imagecodecs.png_encode(grey << 4)),
    ("colours.png", lambda grey: imagecodecs.png_encode(_colours(grey))),
)
_jpeg_seeds = _picture_seeds(
    ("grey.jpg", lambda grey: imagecodecs.jpeg_encode(_byte(grey), level=95)),
    ("colours.jpg", lambda grey: imagecodecs.jpeg_encode(_colours(grey), level=90)),
    ("coarse.jpg", lambda grey: imagecodecs.jpeg_encode(_byte(grey), level=40)),
)
_LZW, _JPEG, _DEFLATE = 5, 7, 8  # of TIFF's tag 259
_STRIPS = (cv2.IMWRITE_TIFF_COMPRESSION, 1, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16)
_tiff_seeds = _picture_seeds(
    ("8.tif", lambda grey: imagecodecs.tiff_encode(_byte(grey))),
    ("16.tif", lambda grey: imagecodecs.tiff_encode(grey << 4)),
    ("deflated.tif", lambda grey: imagecodecs.tiff_encode(grey, compression=_DEFLATE)),
    ("lzw.tif", lambda grey: imagecodecs.tiff_encode(grey, compression=_LZW)),
    ("jpeg.tif", lambda grey: imagecodecs.tiff_encode(_byte(grey), compression=_JPEG)),
    ("strips.tif", lambda grey: cv2.imencode(".tif", grey, _STRIPS)[1]),
    ("colours.tif", lambda grey: imagecodecs.tiff_encode(_colours(grey))),
)


# ------------------------------------------------------------------------------------ DICOMDIR


def _directory_seeds(folder: Path) -> list[Seed]:
    """Four images on a disc, and a fifth beside it that no DICOMDIR may lead to."""
    from tests.phantom import STANDARD_FOUR, write_directory, write_mammogram

    disc = folder / "outer" / "disc"
    for number, (side, view) in enumerate(STANDARD_FOUR):
        path = disc / "DICOM" / f"IM{number}"
        write_mammogram(path, laterality=side, view=view, rows=32, columns=24)
    write_mammogram(folder / "outer" / "EVIL", patient_id="EVIL", rows=32, columns=24)
    names = [["DICOM", f"IM{number}"] for number in range(4)]
    path, _ = write_directory(disc / "DICOMDIR", names)
    return [Seed("DICOMDIR", path.read_bytes(), disc)]


def _directory_outcome(seed: Seed, mutant: Mutant, folder: Path, number: int) -> Outcome:
    path = seed.expected / "DICOMDIR"
    path.write_bytes(mutant.data)
    catalogue = load([path])
    views = [view for study in catalogue.studies for view in study.views]
    if any(not view.path.resolve().is_relative_to(seed.expected.resolve()) for view in views):
        return WRONG, "leads out of the disc"
    if len(views) == 4:
        return SAME, ""
    if catalogue.failures or catalogue.notes or catalogue.skipped_count:
        return REFUSED, "; ".join(sorted({failure.title for failure in catalogue.failures}))
    return WRONG, f"{mutant.kind}: {len(views)} of 4 without a word"


# ------------------------------------------------------------------------------- readings file


def _readings_seeds(folder: Path) -> list[Seed]:
    from engine.records.store import ReadingStore
    from tests.engine.readings import assessment

    path = folder / "seed" / "readings.sqlite"
    with ReadingStore(path) as store:
        for number in range(12):
            store.record(assessment(comment=f"reading {number}"))
        rows = store.all()
    return [Seed(path.name, path.read_bytes(), (rows, path.with_suffix(".anchor").read_bytes()))]


def _readings_outcome(seed: Seed, mutant: Mutant, folder: Path, number: int) -> Outcome:
    from engine.records.store import ReadingStore
    from engine.records.verification import verify

    rows, anchor = seed.expected
    shutil.rmtree(folder / "readings", ignore_errors=True)
    path = folder / "readings" / seed.name
    path.parent.mkdir()
    path.write_bytes(mutant.data)
    path.with_suffix(".anchor").write_bytes(anchor)
    try:
        verdict = verify(path)
        with ReadingStore(path) as store:
            found = store.all()
    except EngineError as error:
        return REFUSED, error.title
    if found == rows:
        return SAME, ""
    if not verdict.is_sound:
        return REFUSED, "told by its chain"
    return WRONG, mutant.kind


# ------------------------------------------------------------------- settings and checkpoints


def _settings_seeds(folder: Path) -> list[Seed]:
    from engine.domain import ReadingMode
    from viewer.display.reading_steps import DEFAULT_PROTOCOL
    from viewer.window.settings import Settings

    path = folder / "seed.ini"
    settings = Settings(path)
    settings.add_recent([folder / "a", folder / "b c"])
    settings.language, settings.model_name, settings.reader = "es", "light", "Dr. Ñandú"
    settings.reading_mode, settings.compares_models = ReadingMode.SECOND_READ, True
    settings.cancers_per_1000, settings.overlay_opacity, settings.overlay_visible = 6.5, 0.3, True
    settings.set_protocol("Dr. Ñandú", DEFAULT_PROTOCOL)
    settings.set_keys({"reading.save": ["Ctrl+K"]}, True)
    settings.add_screen("Screen 1920x1080", 0.25)
    settings.worklist_order, settings.images_apart = "SUSPICION", True
    settings.save()
    return [Seed(path.name, path.read_bytes())]


def _settings_outcome(seed: Seed, mutant: Mutant, folder: Path, number: int) -> Outcome:
    from PySide6.QtCore import QCoreApplication

    from viewer.window.settings import Settings

    if QCoreApplication.instance() is None:
        _settings_outcome.application = QCoreApplication([])
    path = folder / "settings.ini"
    path.write_bytes(mutant.data)
    settings = Settings(path)
    for name in dir(Settings):
        if isinstance(getattr(Settings, name), property):
            getattr(settings, name)
    settings.protocol(settings.reader)
    settings.add_recent([folder])
    settings.save()
    if settings.recent[0] != folder:
        return WRONG, "what is set is not kept"
    return SAME, ""


def _checkpoint_seeds(folder: Path) -> list[Seed]:
    """Also as a shipped one: then it must be what its manifest says."""
    from engine import shipped
    from engine.networks import checkpoint
    from tests.tiny_networks import write_tiny_checkpoint

    checkpoint.SHIPPED_FOLDER = folder / "shipped"
    checkpoint.SHIPPED_FOLDER.mkdir()
    path = write_tiny_checkpoint(checkpoint.SHIPPED_FOLDER / "light.safetensors")
    manifest = checkpoint.SHIPPED_FOLDER / "manifest.json"
    manifest.write_text("{}")
    shipped.enter("light", path, manifest)
    return [Seed(path.name, path.read_bytes(), checkpoint.SHIPPED_FOLDER)]


def _checkpoint_outcome(seed: Seed, mutant: Mutant, folder: Path, number: int) -> Outcome:
    from engine.networks.checkpoint import load_checkpoint

    is_shipped = number % 2 == 0
    path = (seed.expected if is_shipped else folder) / seed.name
    path.write_bytes(mutant.data)
    try:
        load_checkpoint(path)
    except EngineError as error:
        return REFUSED, error.title
    if mutant.data == seed.data:
        return SAME, ""
    return (WRONG, "shipped, and another") if is_shipped else (SHOWN, mutant.kind)


_MAKERS = {
    "DICOM": _dicom_seeds,
    "PNG": _png_seeds,
    "JPEG": _jpeg_seeds,
    "TIFF": _tiff_seeds,
    "DICOMDIR": _directory_seeds,
    "readings": _readings_seeds,
    "settings": _settings_seeds,
    "checkpoint": _checkpoint_seeds,
}
_OUTCOMES = {
    "DICOMDIR": _directory_outcome,
    "readings": _readings_outcome,
    "settings": _settings_outcome,
    "checkpoint": _checkpoint_outcome,
}


class Worker:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seeds: dict[str, list[Seed]] = {}

    def prepare(self, kind: str) -> None:
        """Makes the whole files of a kind."""
        if kind not in self._seeds:
            self._seeds[kind] = _MAKERS[kind](self._folder)

    def mutant(self, kind: str, seed: int, number: int) -> tuple[Seed, Mutant]:
        """The same for the same three; `prepare` comes first."""
        seeds = self._seeds[kind]
        rng = random.Random(f"{seed}/{kind}/{number}")
        original = seeds[number % len(seeds)]
        try:
            return original, KINDS[kind](original.data, rng, [one.data for one in seeds])
        except (IndexError, ValueError, KeyError):  # nothing of that kind in this file
            return original, fault_mutants.damaged(original.data, rng, [original.data])

    def outcome(self, kind: str, seed: int, number: int) -> tuple[str, str, float, str, Mutant]:
        original, mutant = self.mutant(kind, seed, number)
        start = time.process_time()
        try:
            outcome, said = _OUTCOMES.get(kind, _image_outcome)(
                original, mutant, self._folder, number
            )
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            where = " ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            outcome, said = BUG, f"{type(error).__name__} {error} at {where}"[:300]
        seconds = time.process_time() - start
        shutil.rmtree(self._folder / "copies", ignore_errors=True)
        area = _area(original, mutant)
        return outcome, f"{original.name}: {said}", seconds, area, mutant


def main() -> None:
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print
    shared_memory = Path("/dev/shm")  # nothing to wait for a drive for
    base = shared_memory if os.access(shared_memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="faults-", dir=base) as name:
        worker = Worker(Path(name).resolve())
        for line in sys.stdin:
            asked = json.loads(line)
            worker.prepare(asked["kind"])
            answers.write("\n")
            answers.flush()
            for number in range(asked["first"], asked["first"] + asked["count"]):
                outcome, said, seconds, area, mutant = worker.outcome(
                    asked["kind"], asked["seed"], number
                )
                if asked.get("keep") and (outcome == BUG or seconds > 2):
                    kept = Path(asked["keep"]) / f"{asked['kind']}-{number}-{outcome}"
                    kept.write_bytes(mutant.data)
                answers.write(json.dumps([number, outcome, round(seconds, 3), said, area]) + "\n")
                answers.flush()


if __name__ == "__main__":
    main()
