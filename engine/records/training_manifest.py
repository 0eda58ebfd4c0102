"""What readers said, as training data: a manifest that `birads-engine train --data` takes.

Two forms:

- Pseudonymised, a folder: `images.csv` and a copy of each image, as grey as a network sees it (8
  bits, the file's first window) and black outside the breast, where films carry names. Keyed hashes
  stand for patient, study, image and reader; no name of a file of the clinic's is told.
- Identified, one file: the clinic's own identifiers, and the paths of its own files.

The newest reading of a breast counts, whoever's it is. The grade is the reader's; of the model
nothing is told, so that nothing that is hidden gets out.
"""

import csv
import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import imagecodecs
import numpy as np

from engine.dicom import loading
from engine.dicom.attributions import Attributions, attributed
from engine.dicom.files import real_file
from engine.domain import (
    NOTICE,
    BiradsCategory,
    MammogramView,
    ReaderAssessment,
    Study,
    current_readings,
)
from engine.errors import EngineError, FileChanged, StorageFailed, UnsupportedImage
from engine.messages import Message, joined, message
from engine.networks.preprocessing import grey, outline_breast
from engine.private_files import make_folder, replaced_whole, write_private
from engine.records.csv_cells import inert, is_formula
from engine.records.pseudonyms import Pseudonyms
from engine.training.dataset import INCOMPLETE, READER

log = logging.getLogger(__name__)

COLUMNS = (
    *("file", "dataset", "patient_id", "laterality", "view", "birads", "birads_kind"),
    *("birads_raw", "aspect_ratio", "study_uid", "image_uid", "reader", "reading_mode", "by_hand"),
    "notice",
)
DATASET = "readings"
IMAGE_FOLDER = "images"

# why an image is left out, in words for the reader
NOT_FOUND = message("not where it was read")
NO_PLACE = message("of a place that was not kept")  # an old reading, or a name in no encoding
REPLACED = message("replaced by another image")
UNREADABLE = message("unreadable")
OUT_OF_SCOPE = message("no view that networks judge")
NO_BREAST = message("without a breast to be found")
OLDER = message("with a newer reading of the same breast")


@dataclass(frozen=True)
class ReadStudy:
    """The readings of one study of one patient, and where its images were last seen."""

    readings: tuple[ReaderAssessment, ...]
    places: Mapping[str, Path]  #: by image uid
    #: what readers say of images by hand; it counts for those as it did when they were read
    attributions: Attributions = field(default_factory=dict)


@dataclass
class Written:
    """What came of it: images written, and how many were left out for which reason."""

    path: Path  #: of the manifest
    image_count: int = 0
    left_out: Counter[Message] = field(default_factory=Counter)

    @property
    def summary(self) -> Message:
        """In one line for the reader."""
        count, left_out = self.image_count, +self.left_out
        reasons = joined("; ", (joined(" ", (n, reason)) for reason, n in left_out.items()))
        if count == 1 and left_out:
            return message("1 image written for training. Left out: {reasons}.", reasons=reasons)
        if count == 1:
            return message("1 image written for training.")
        if left_out:
            return message(
                "{count} images written for training. Left out: {reasons}.",
                count=count,
                reasons=reasons,
            )
        return message("{count} images written for training.", count=count)


class Cancelled(Exception):
    """By the caller's `should_stop`; neither a manifest nor copies of images are left."""


def write(
    studies: Sequence[ReadStudy],
    target: Path,
    pseudonyms: Pseudonyms | None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Written:
    """Writes the manifest: with pseudonyms `target` is a new or empty folder, else a CSV file.

    Raises StorageFailed where it cannot be written, `target` holds other files or lies among the
    images that were read; Cancelled.
    """
    written = Written(target if pseudonyms is None else target / "images.csv")
    wanted = [item for study in studies for item in _newest(study, written.left_out)]
    said = {key: word for study in studies for key, word in study.attributions.items()}
    try:
        _refuse_among_images(target, studies)
        with nullcontext() if pseudonyms is None else _claimed(target):
            rows = []
            for number, (reading, image_uid, path) in enumerate(wanted):
                if should_stop():
                    raise Cancelled
                on_progress(number, len(wanted))
                row = _row(
                    reading, image_uid, path, written.path, pseudonyms, written.left_out, said
                )
                if row is not None:
                    rows.append(row)
            with replaced_whole(written.path) as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
    except OSError as error:
        log.warning("A training manifest could not be written: errno %s", error.errno)
        raise StorageFailed(
            message("Manifest cannot be written"),
            message(
                "Check that the folder exists, may be written to and has room ({why}).",
                why=str(error.strerror),
            ),
        ) from error
    on_progress(len(wanted), len(wanted))
    written.image_count = len(rows)
    log.info("Wrote a training manifest of %d images", len(rows))
    return written


def _refuse_among_images(target: Path, studies: Iterable[ReadStudy]) -> None:
    """Nothing is ever written into the folder of a study."""
    files = {real_file(path) for study in studies for path in study.places.values()}
    folders = {file.parent.resolve() for file in files}
    if not folders.isdisjoint(target.resolve().parents):
        raise StorageFailed(
            message("Folder belongs to a study"),
            message("Choose a place outside the folders of the images."),
        )


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """A new or empty folder to copy images into; where the block fails none is left in it."""
    make_folder(folder)
    if any(folder.iterdir()):
        raise StorageFailed(
            message("Folder is not empty"),
            message("Choose a new or empty folder for the training data."),
        )
    make_folder(folder / IMAGE_FOLDER)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder / IMAGE_FOLDER, ignore_errors=True)
        raise


def _newest(
    study: ReadStudy, left_out: Counter[Message]
) -> Iterable[tuple[ReaderAssessment, str, Path | None]]:
    """Each image once, under the newest reading of its breast."""
    of_image: dict[str, list[ReaderAssessment]] = defaultdict(list)
    for reading in current_readings(study.readings):
        for image_uid in reading.image_uids:
            of_image[image_uid].append(reading)
    for image_uid, readings in of_image.items():
        left_out[OLDER] += len(readings) - 1
        yield max(readings, key=lambda r: r.record_id or 0), image_uid, study.places.get(image_uid)


def _row(
    reading: ReaderAssessment,
    image_uid: str,
    path: Path | None,
    manifest: Path,
    pseudonyms: Pseudonyms | None,
    left_out: Counter[Message],
    said: Attributions,
) -> dict[str, object] | None:
    """None where the image is left out; then the reason is counted."""
    view = _find(path, reading, image_uid, said)
    if isinstance(view, Message):
        left_out[view] += 1
        return None
    row: dict[str, object] = {
        "dataset": DATASET,
        "laterality": (view.laterality or reading.laterality).value,
        "view": view.view_position.value if view.view_position else "",
        "birads": reading.category.value[0],  # 4A is a 4
        "birads_kind": INCOMPLETE if reading.category is BiradsCategory.INCOMPLETE else READER,
        "birads_raw": reading.category.value,
        "reading_mode": reading.reading_mode.value,
        "by_hand": " ".join(sorted(view.by_hand)),
        "notice": NOTICE,
    }
    if view.pixel_aspect != 1:
        row["aspect_ratio"] = f"{view.columns / (view.rows * view.pixel_aspect):.6g}"
    if pseudonyms is None:
        identity = {"patient_id": reading.patient_id, "study_uid": reading.study_uid}
        identity |= {"image_uid": image_uid, "reader": reading.reader}
        row |= {name: inert(text) for name, text in identity.items()}
        row["file"] = _from_manifest(view.path, manifest)
    else:
        row["patient_id"] = pseudonyms.name("patient", reading.patient_id or reading.study_uid)
        row["study_uid"] = pseudonyms.name("study", reading.study_uid)
        row["image_uid"] = pseudonyms.name("image", image_uid)
        row["reader"] = pseudonyms.name("reader", reading.reader)
        # not by the image alone: of two patients' images that claim one uid, each has its file
        name = pseudonyms.name("file", f"{reading.patient_id}\0{reading.study_uid}\0{image_uid}")
        file = Path(IMAGE_FOLDER) / f"{name}.png"
        reason = copy_breast(view, manifest.parent / file)
        if reason is not None:
            left_out[reason] += 1
            return None
        row["file"] = file.as_posix()
    row["patient_id"] = row["patient_id"] or row["study_uid"]  # a manifest needs one
    return row


def _find(
    path: Path | None, reading: ReaderAssessment, image_uid: str, said: Attributions
) -> MammogramView | Message:
    """The image as its file tells it now, or why it cannot be used.

    The file is trusted only where it still holds the image that was read.
    """
    if path is None:
        return NO_PLACE
    if not real_file(path).is_file():
        return NOT_FOUND
    try:
        catalogue = attributed(loading.load([path]), said)
    except EngineError:
        return UNREADABLE
    if catalogue.failures or not catalogue.studies:
        return UNREADABLE
    same = [
        view
        for study in catalogue.studies
        for view in study.views
        if view.image_uid == image_uid and _is_of(study, reading)
    ]
    if not same:
        return REPLACED
    return OUT_OF_SCOPE if same[0].out_of_scope else same[0]


def _is_of(study: Study, reading: ReaderAssessment) -> bool:
    """Whether the tags of the file name the patient who was read; names of files tell nothing."""
    identity = study.identity
    return identity is None or identity.patient_id == reading.patient_id


def copy_breast(view: MammogramView, target: Path) -> Message | None:
    """Writes the breast alone, uint8 (rows, columns); why not, or None."""
    try:
        image = grey(view, loading.load_pixels(view))
        outline = outline_breast(image, view.pixel_aspect)
    except UnsupportedImage:
        return NO_BREAST
    except FileChanged:
        return REPLACED
    except (EngineError, MemoryError):
        return UNREADABLE
    size = (view.columns, view.rows)
    mask = cv2.resize(outline.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    image[mask == 0] = 0
    write_private(target, bytes(imagecodecs.png_encode(image)))
    return None


def _from_manifest(path: Path, manifest: Path) -> str:
    """Relative where that is possible (another drive of Windows is not), with slashes."""
    try:
        relative = path.resolve().relative_to(manifest.parent.resolve()).as_posix()
        return f"./{relative}" if is_formula(relative) else relative  # still the same path
    except ValueError:
        return str(path.resolve())
