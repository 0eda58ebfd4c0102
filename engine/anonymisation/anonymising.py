"""An anonymised copy of studies in another folder; the door `birads-engine anonymise`.

DICOM images keep their pixels bit for bit in their transfer syntax, without comments and whatever
else stands around them in the streams (`pixel_streams`), and get a header cleaned by
`confidentiality`. PNG and JPEG keep theirs too, without metadata but for how they are turned; TIFF
becomes PNG. File and folder names are new. Only where a stream cannot be taken apart, or marks
beside the breast are to be blanked (or an old overlay lies in the pixels' unused bits) are pixels
stored anew, uncompressed (DICOM) or as PNG, every value outside the marks as it was. An image that
cannot be decoded is not copied, since nobody could tell what it shows.
Reports, structured or as PDF, are never copied: their words are the patient's.
"""

import argparse
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian

from engine.anonymisation import dicom_copies, plain_copies
from engine.anonymisation.burned_in import find_marks
from engine.anonymisation.confidentiality import ReplacementIds, anonymise, state_blanked, table
from engine.dicom import loading
from engine.dicom.decoding import read_layout
from engine.dicom.encapsulation import Container
from engine.dicom.files import SourceFile, opened_as_listed, real_file
from engine.dicom.plain_images import plain_format
from engine.dicom.tags import DEFLATED, read_tags
from engine.domain import (
    NOTICE,
    AnonymousCopy,
    CopiedImage,
    FailedFile,
    MammogramView,
    Study,
)
from engine.errors import EngineError, StorageFailed, UnreadableFile, UnsupportedImage
from engine.messages import message
from engine.private_files import FOLDER_MODE, make_folder, private_opener

log = logging.getLogger(__name__)


class Anonymiser:
    """Copies studies into sub-folders of `out`, each named by its patient's pseudonym.

    One run, one key: studies of one patient (ID, issuer, birth date) stay together, UIDs keep
    referring to each other, and afterwards nobody can lead them back. `out` must not lie in a
    folder of `sources`. Raises DamagedInstallation before anything is read or written.
    """

    def __init__(self, out: Path, sources: Iterable[Path] = (), blanks_marks: bool = False) -> None:
        self._out = out
        self._blanks_marks = blanks_marks
        self._ids = ReplacementIds()
        table()
        refuse_inside(out, sources)

    def copy(self, study: Study, should_stop: Callable[[], bool] | None = None) -> AnonymousCopy:
        """Raises StorageFailed where the target is refused or cannot be written."""
        refuse_inside(self._out, study_folders(study))
        patient = self._ids.patient(_whose(study))
        study_uid = self._ids.uid(study.uid)
        images, failures = [], []
        with _storage_errors():
            folder = _new_folder(self._out, patient)
        names: set[str] = set()
        for view in study.views:
            if should_stop and should_stop():
                break
            try:
                images.append(self._copy_image(view, folder, names, patient, study_uid))
            except StorageFailed:
                raise
            except EngineError as error:
                failures.append(FailedFile(view.path, error.title, error.advice))
            except MemoryError:
                advice = message("Close other programs and copy the study again.")
                failures.append(FailedFile(view.path, message("Not enough memory"), advice))
        return AnonymousCopy(folder, tuple(images), tuple(failures))

    def _copy_image(
        self, view: MammogramView, folder: Path, names: set[str], patient: str, study_uid: str
    ) -> CopiedImage:
        pixels = loading.load_pixels(view)  # raises where they are damaged
        try:
            marks, count = find_marks(view, pixels)
        except UnsupportedImage:
            if self._blanks_marks:
                raise
            marks, count = None, None
        blanked = marks if self._blanks_marks and count else None
        with _source(view) as file:
            head = file.read(132)
        kind = None if head[128:] == b"DICM" else plain_format(head)
        if kind is None:
            suffix = ".dcm"
            parts = self._dicom(view, blanked, patient, study_uid)
        else:
            suffix = ".jpg" if kind == "JPEG" and blanked is None else ".png"
            parts = _plain(view, kind, blanked)
        name = _free_name(_name_of(view), suffix, names)
        parts = _with_first(parts)  # faults of the source come before anything is written
        with _storage_errors(), _appearing_whole(folder / name) as target:
            for part in parts:
                target.write(part)
        return CopiedImage(view.path, folder / name, count, blanked is not None)

    def _dicom(
        self, view: MammogramView, marks: np.ndarray | None, patient: str, study_uid: str
    ) -> Iterator[bytes]:
        with _source(view) as file:
            yield from self._dicom_parts(file, view, marks, patient, study_uid)

    def _dicom_parts(
        self,
        file: SourceFile,
        view: MammogramView,
        marks: np.ndarray | None,
        patient: str,
        study_uid: str,
    ) -> Iterator[bytes]:
        with read_tags(file) as read:
            layout = read_layout(read)
            has_overlay_bits = dicom_copies.has_overlay_bits(read.tags.dataset)
        values, items = None, None
        is_anew = marks is not None or has_overlay_bits or not layout.is_as_stated
        if not is_anew and layout.container is not Container.NATIVE:
            try:
                items = dicom_copies.bare_streams(file, layout)
            except ValueError:
                log.info("A stream cannot be taken apart; its pixels are stored anew.")
                is_anew = True
        if is_anew:
            values = dicom_copies.clean_values(file, layout, marks)
        with read_tags(file) as read:
            dataset = read.tags.dataset
            anonymise(dataset, self._ids, patient, study_uid)
            if "SOPInstanceUID" not in dataset:
                dataset.SOPInstanceUID = self._ids.uid(view.image_uid)
            syntax = layout.transfer_syntax
            if values is not None:
                syntax = str(ExplicitVRLittleEndian)
                dicom_copies.state_new_values(dataset, layout)
            if marks is not None:
                state_blanked(dataset)
            head = b"\0" * 128 + b"DICM" + dicom_copies.file_meta(dataset, syntax)
            header = dicom_copies.encoded_header(dataset, layout, syntax)
        yield head
        if values is not None:
            yield header + dicom_copies.pixel_element(layout, "little", False, len(values))
            yield values
            return
        if items is None:
            pixels = dicom_copies.native_pixels(file, layout)
        else:
            pixels = dicom_copies.encapsulated(layout, items)
        if syntax == DEFLATED:
            yield dicom_copies.deflated(header + b"".join(pixels))
        else:
            yield header
            yield from pixels


def refuse_inside(out: Path, sources: Iterable[Path]) -> None:
    """Raises StorageFailed where `out` is, or lies in, one of the folders that are read."""
    target = out.resolve()
    for source in sources:
        if target.is_relative_to(source.resolve()):
            raise StorageFailed(
                message("The copy would lie in the study"),
                message(
                    "Nothing is written among the images that are read: choose a folder outside "
                    "them."
                ),
            )


def study_folders(study: Study) -> set[Path]:
    """The folders that hold its images, the one around these, and those that links lead to."""
    files = {real_file(view.path) for view in study.views}
    folders = {folder.resolve() for folder in {file.parent for file in files}}
    real = folders | {file.resolve().parent for file in files}
    try:
        around = Path(os.path.commonpath(folders))
    except ValueError:  # on several drives
        return real
    return real if around == Path(around.anchor) else real | {around}


def _plain(view: MammogramView, kind: str, marks: np.ndarray | None) -> Iterator[bytes]:
    """The picture alone, without metadata."""
    with _source(view) as file:
        picture = plain_copies.bare(file, kind, marks)
    yield picture


# ------------------------------------------------------------------------------------------ files


def _name_of(view: MammogramView) -> str:
    """'R_CC', which also tells side and view of a picture; nothing of the old name."""
    return "view" if "?" in view.label else view.label.replace(" ", "_")


def _whose(study: Study) -> str:
    """Two hospitals may give one Patient ID to two patients; the issuer or birth date tells."""
    told = study.identity
    if told is None:
        return study.patient_id or study.uid
    return "\0".join((told.patient_id, told.issuer, str(told.birth_date or "")))


def _free_name(stem: str, suffix: str, taken: set[str]) -> str:
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name + suffix


def _new_folder(out: Path, name: str) -> Path:
    make_folder(out)
    number, folder = 1, out / name
    while folder.exists():
        number += 1
        folder = out / f"{name}_{number}"
    folder.mkdir(FOLDER_MODE)
    return folder


def _with_first(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same, its first part already made."""
    first = next(parts)

    def again() -> Iterator[bytes]:
        yield first
        yield from parts

    return again()


@contextmanager
def _appearing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is there when the block ends well, else nothing is."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb", opener=private_opener) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _source(view: MammogramView) -> Iterator[SourceFile]:
    """The image's file, as it was listed from the first byte to the last (`engine.dicom.files`)."""
    try:
        with opened_as_listed(view.path, view.file) as file:
            yield file
    except OSError as error:
        raise UnreadableFile(
            message("The file cannot be read"),
            message("Check that it is still there and that you may read it."),
        ) from error


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            message("The copy was not written"),
            message(
                "{why}: free some space, or choose another folder. What was copied before is "
                "complete.",
                why=error.strerror or message("It could not be written"),
            ),
        ) from error


# ----------------------------------------------------------------------------------- command line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "One JSON object a line on standard output: what became of each file, with the marks that\n"
        "were found beside the breast and may be text. It names old and new files: keep it apart\n"
        "from the copy. exit code: 0 all copied, 1 some file failed, 2 wrong usage."
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="STUDY",
        help="a folder or ZIP file (searched through), a DICOMDIR, a DICOM, PNG, JPEG or TIFF file",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder for the copies, outside those that are read",
    )
    parser.add_argument(
        "--blank-marks",
        action="store_true",
        help="blank what stands out beside the breast (texts, markers, labels); these images are "
        "then stored uncompressed. Look at the result: text over the breast stays",
    )


def run(arguments: argparse.Namespace) -> int:
    sources = [_searched(path) for path in arguments.paths]
    anonymiser = Anonymiser(arguments.out, sources, arguments.blank_marks)
    catalogue = loading.load(arguments.paths)
    failed = list(catalogue.failures)
    for failure in catalogue.failures:
        _write_failure(failure)
    for study in catalogue.studies:
        copy = anonymiser.copy(study)
        for image in copy.images:
            _write(
                {
                    "file": str(image.source),
                    "copy": str(image.copy),
                    "marks": image.marks,
                    "blanked": image.is_blanked,
                    "notice": NOTICE,
                }
            )
        for failure in copy.failures:
            _write_failure(failure)
        failed += copy.failures
    sys.stderr.write(
        f"{len(catalogue.studies)} studies copied, {len(failed)} files failed, "
        f"{catalogue.skipped_count} files are no images and were skipped\n"
    )
    return 1 if failed else 0


def _searched(path: Path) -> Path:
    return path if path.is_dir() else real_file(path).parent


def _write_failure(failure: FailedFile) -> None:
    error = {"title": failure.title, "advice": failure.advice}
    _write({"file": str(failure.path), "error": error})


def _write(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
