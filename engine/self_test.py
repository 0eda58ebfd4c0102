"""Is this installation whole? One line per check, for a hospital's IT after an installation.

What breaks in a bundle is what was left out of it: a codec that is imported by name, a checkpoint,
the child process, a licence. So every check does the real work on a small file, through the same
doors as the program. The files are made by scripts/make_self_test_samples.py.
"""

import math
import multiprocessing
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np

from engine.anonymisation import confidentiality
from engine.dicom.loading import load, load_pixels
from engine.domain import (
    MODEL_NAMES,
    Agreement,
    BiradsCategory,
    Laterality,
    ModelIdentity,
    OutOfScope,
    ReaderAssessment,
    ReadingMode,
    RegionJudgement,
    RegionOutOfScope,
    StudyPrediction,
)
from engine.errors import EngineError
from engine.messages import as_message
from engine.networks.process import EngineProcess, EngineSettings
from engine.records.store import ReadingStore
from resources import ROOT

SAMPLES = ROOT / "self_test"
LICENCES = ROOT / "licences"
REFERENCE_TOP = 4095  #: reference.npy has 12 bits
OUTPUT_NAME = "birads-viewer-self-test.txt"
MODELS = MODEL_NAMES
_TITLES = {"both": "ensemble", "hybrid": "hybrid network", "light": "light network"}
REGION_MODELS = ("region",)
REGION_BOX = (60, 200, 140, 280)  #: on the phantom's breast
TIMEOUT_S = 300  # a cold start from a slow disk, virus scanner included

#: File, what it is, its largest value, and by how much of 4095 a right decoder may be off through
#: lossy coding or 8 bits. A wrong sign, shift or byte order is off by hundreds.
DECODED = (
    ("implicit.dcm", "Implicit little endian", 4095, 0),
    ("explicit.dcm", "Explicit little endian", 4095, 0),
    ("big-endian.dcm", "Explicit big endian", 4095, 0),
    ("deflated.dcm", "Deflated explicit little endian", 4095, 0),
    ("rle.dcm", "RLE lossless", 4095, 0),
    ("jpeg-baseline.dcm", "JPEG baseline (8 bit)", 255, 100),
    ("jpeg-extended.dcm", "JPEG extended (12 bit)", 4095, 20),
    ("jpeg-lossless.dcm", "JPEG lossless (process 14)", 4095, 0),
    ("jpeg-lossless-sv1.dcm", "JPEG lossless (first order)", 4095, 0),
    ("jpeg-ls.dcm", "JPEG-LS lossless", 4095, 0),
    ("jpeg-ls-near.dcm", "JPEG-LS near-lossless", 4095, 2),
    ("jpeg2000-lossless.dcm", "JPEG 2000 lossless", 4095, 0),
    ("jpeg2000.dcm", "JPEG 2000", 4095, 60),
    ("htj2k-lossless.dcm", "HTJ2K lossless", 4095, 0),
    ("htj2k-lossless-rpcl.dcm", "HTJ2K lossless (RPCL)", 4095, 0),
    ("htj2k.dcm", "HTJ2K", 4095, 100),
    ("png-8.png", "PNG (8 bit)", 255, 9),
    ("png-16.png", "PNG (16 bit)", 65535, 1),
    ("jpeg-8.jpeg", "JPEG file (8 bit)", 255, 100),
    ("tiff-16.tiff", "TIFF (16 bit)", 65535, 1),
)

Check = tuple[str, Callable[[], object]]  #: its name, and what raises where it fails


def run(
    write: Callable[[str], None] | None = None,
    samples: Path = SAMPLES,
    settings: EngineSettings | None = None,
) -> bool:
    """Writes "ok   <name>" or "FAIL <name>: <why>" for every check; whether all are well.

    `write` takes a line; without it, lines go to standard output, or in a program that has none
    (a windowed one on Windows) to `OUTPUT_NAME` in the folder for temporary files.
    """
    if write is None:
        with default_output(OUTPUT_NAME) as file:
            return run(lambda line: print(line, file=file, flush=True), samples, settings)
    are_well = True
    engine = EngineProcess(settings)
    try:
        for name, check in _checks(samples, engine, settings):
            try:
                check()
            except (_Wrong, EngineError) as error:
                are_well = False
                write(f"FAIL {name}: {error}")
            except Exception as error:  # noqa: BLE001  whatever broke is to be told
                are_well = False
                reason = str(error).partition("\n")[0]  # the engine process sends a traceback
                write(f"FAIL {name}: {type(error).__name__}: {reason}")
            else:
                write(f"ok   {name}")
    finally:
        engine.stop()
    write("All is well." if are_well else "Something is broken: install the program again.")
    return are_well


class _Wrong(Exception):
    """A check came to the wrong result."""


def _checks(
    samples: Path, engine: EngineProcess, settings: EngineSettings | None
) -> Iterator[Check]:
    for file, title, top, tolerance in DECODED:
        yield f"{title} decodes", partial(_decode, samples, file, top, tolerance)
    for model in MODELS:
        yield f"The engine process loads the {_TITLES[model]}", partial(_load, engine, model)
        yield (
            f"The {_TITLES[model]} judges a phantom and explains itself",
            partial(_judge, engine, model, samples / "phantom.dcm"),
        )
    for model in REGION_MODELS:
        checkpoint = None if settings is None else settings.checkpoints.get(model)
        yield (
            f"The {model} network judges a rectangle of a phantom",
            partial(_judge_region, checkpoint, samples / "phantom.dcm"),
        )
    yield "The table of the confidentiality profile is whole", confidentiality.table
    yield "A reading is stored and read again", _store
    yield "The licences are there", _find_licences


def _decode(samples: Path, file: str, top: int, tolerance: int) -> None:
    view = load([samples / file]).studies[0].views[0]
    pixels = load_pixels(view)
    reference = np.load(samples / "reference.npy").astype(np.float64)
    if pixels.shape != reference.shape:
        raise _Wrong(f"{pixels.shape} pixels instead of {reference.shape}")
    values = pixels.value_offset + pixels.value_scale * pixels.stored.astype(np.float64)
    difference = np.abs(values * (REFERENCE_TOP / top) - reference).max()
    if not difference <= tolerance:
        raise _Wrong(f"grey values are off by up to {difference:.0f} of {REFERENCE_TOP}")


def _load(engine: EngineProcess, model: str) -> None:
    identity = engine.warm_up(model).result(TIMEOUT_S)
    if identity.name != model:
        raise _Wrong(f"{identity.name} answered")


def _judge(engine: EngineProcess, model: str, file: Path) -> None:
    study = load([file]).studies[0]
    prediction = engine.predict(study, model, heatmaps=True).result(TIMEOUT_S)
    for failure in prediction.failures:
        raise _Wrong(f"{failure.title}: {failure.advice}")
    _check_prediction(prediction)


def _judge_region(checkpoint: Path | None, file: Path) -> None:
    """In a process of its own, since a windowed program must not load torch."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        prediction = pool.submit(_predict_region, checkpoint, file).result(TIMEOUT_S)
    if isinstance(prediction, RegionOutOfScope):
        raise _Wrong(f"the rectangle is out of scope: {prediction.reason}")
    total = math.fsum(prediction.probabilities.values())
    malignancy = prediction.malignancy
    if not math.isclose(total, 1, abs_tol=1e-5) or malignancy is None or not 0 <= malignancy <= 1:
        raise _Wrong(f"the probabilities sum to {total}")


def _predict_region(checkpoint: Path | None, file: Path) -> RegionJudgement:
    from engine.networks.region import RegionPredictor

    view = load([file]).studies[0].views[0]
    return RegionPredictor(checkpoint).predict(view, load_pixels(view), REGION_BOX)


def _check_prediction(prediction: StudyPrediction) -> None:
    (view,) = prediction.views
    if isinstance(view.prediction, OutOfScope):
        raise _Wrong(f"the phantom is out of scope: {view.prediction.reason}")
    probabilities = view.prediction.probabilities
    if tuple(probabilities) != prediction.model.categories:
        raise _Wrong(f"categories {list(probabilities)} instead of {prediction.model.categories}")
    total = math.fsum(probabilities.values())
    if not math.isclose(total, 1, abs_tol=1e-5) or min(probabilities.values()) < 0:
        raise _Wrong(f"the probabilities sum to {total}")
    if view.explanation is None:
        raise _Wrong("there is no heat-map")
    heat = view.explanation.heat
    if not (heat.size and np.isfinite(heat).all() and heat.min() >= 0 and heat.max() <= 1):
        raise _Wrong("the heat-map leaves the range from 0 to 1")


def _store() -> None:
    now = datetime.now(UTC)
    prediction = OutOfScope(ModelIdentity("light", "0" * 64, (1, 3, 4, 5)), as_message("self-test"))
    assessment = ReaderAssessment(
        study_uid="1.2.3",
        image_uids=("1.2.3.4",),
        patient_id="self-test",
        laterality=Laterality.RIGHT,
        reader="self-test",
        category=BiradsCategory.LOW_SUSPICION,
        proposed_agreement=Agreement.NOT_COMPARABLE,
        agreement=Agreement.NOT_COMPARABLE,
        reason="",
        comment="γ, 4A – “quoted”",
        prediction=prediction,
        reading_mode=ReadingMode.CONCURRENT,
        opened_at=now,
        recorded_at=now,
    )
    with tempfile.TemporaryDirectory(prefix="birads-viewer-") as folder:
        path = Path(folder) / "readings.sqlite"
        with ReadingStore(path) as store:
            recorded = store.record(assessment)
        with ReadingStore(path) as store:
            if store.history("1.2.3") != (recorded,) or recorded.comment != assessment.comment:
                raise _Wrong("it came back changed")


def _find_licences() -> None:
    """NOTICES.txt names a file for each licence; all must be beside it."""
    named = set(re.findall(r"[\w.-]+\.txt", (LICENCES / "NOTICES.txt").read_text("utf-8")))
    missing = sorted(name for name in named if not (LICENCES / name).is_file())
    if not named or missing:
        raise _Wrong(f"missing: {', '.join(missing) or 'all'}")


def default_output(name: str) -> AbstractContextManager[TextIO]:
    """Standard output, or a file of that name where a program has none."""
    if sys.stdout is not None:
        return nullcontext(sys.stdout)
    return (Path(tempfile.gettempdir()) / name).open("w", encoding="utf-8")
