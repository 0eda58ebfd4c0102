"""The door: from a file that somebody else wrote to what it says of a study's images.

Like every file it is hostile. What cannot be read of it is said, in notes or as an error.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from engine.dicom.files import SourceFile
from engine.dicom.tags import read_tags
from engine.domain import FailedFile, Study
from engine.errors import EngineError, UnreadableFile, UnsupportedImage
from engine.interop import codes, foreign_images, foreign_reports
from engine.interop.foreign_tags import LARGEST_REPORT, meaning, opened, text
from engine.interop.marks import DocumentKind, DocumentOrigin, ForeignDocument, ForeignMark

_ROOT = "1.2.840.10008.5.1.4.1.1."
_KINDS = {
    _ROOT + "88.50": DocumentKind.CAD_REPORT,
    _ROOT + "88.11": DocumentKind.REPORT,
    _ROOT + "88.22": DocumentKind.REPORT,
    _ROOT + "88.33": DocumentKind.REPORT,
    _ROOT + "88.34": DocumentKind.REPORT,
    _ROOT + "88.59": DocumentKind.KEY_OBJECTS,
    _ROOT + "11.1": DocumentKind.PRESENTATION,
    _ROOT + "66.4": DocumentKind.SEGMENTATION,
    _ROOT + "66.7": DocumentKind.SEGMENTATION,
    _ROOT + "104.1": DocumentKind.PDF,
}
_SMALL = {DocumentKind.CAD_REPORT, DocumentKind.REPORT, DocumentKind.KEY_OBJECTS}
_LARGEST_PDF = 32 * 2**20


def kind_of(path: Path) -> DocumentKind | None:
    """By its header alone; None: an image, or no document that is read. Raises EngineError."""
    try:
        with SourceFile(path) as file, read_tags(file) as read:
            return _KINDS.get(read.tags.text("SOPClassUID"))
    except OSError as error:
        raise UnreadableFile(
            "The file cannot be opened", "Check that it is still there and that you may read it."
        ) from error


def read(path: Path) -> ForeignDocument:
    """Raises UnreadableFile, and UnsupportedImage for what is no document that is read here."""
    kind = kind_of(path)
    if kind is None:
        raise UnsupportedImage("Not a document", "It is none of those that are read.")
    with suppress(OSError):
        if kind in _SMALL and path.stat().st_size > LARGEST_REPORT:
            raise UnreadableFile("The document is too large", "Check where it comes from.")
    with opened(path) as dataset:
        return _document(kind, dataset)


def read_all(
    paths: Iterable[Path], study: Study
) -> tuple[tuple[ForeignDocument, ...], tuple[FailedFile, ...]]:
    """The documents among the files that are about images of the study, the newest first, and
    those that cannot be read.
    """
    found, failures = [], []
    for path in paths:
        try:
            if kind_of(path) is None:
                continue
            document = fitting(read(path), study)
        except EngineError as error:
            failures.append(FailedFile(path, error.title, error.advice))
            continue
        if document is not None:
            found.append(document)
    found.sort(key=lambda document: document.maker.written, reverse=True)
    return tuple(found), tuple(failures)


def fitting(document: ForeignDocument, study: Study) -> ForeignDocument | None:
    """What of it is about the study's images; None where that is nothing, or it is another
    patient's.
    """
    if document.study_uid != study.uid or document.patient_id != study.patient_id:
        return None
    views = {view.image_uid: view for view in study.views}
    marks: list[ForeignMark] = []
    notes = list(document.notes)
    for mark in document.marks:
        view = views.get(mark.image_uid)
        if view is None:
            continue
        size = (view.rows, view.columns)
        if document.grid is not None and document.grid != size:
            notes.append("A segmentation of another size than its image is not shown.")
            continue
        if all(-1 <= r <= size[0] + 1 and -1 <= c <= size[1] + 1 for r, c in mark.points):
            marks.append(mark)
        else:
            notes.append("A mark outside its image is not shown.")
    return replace(
        document,
        marks=tuple(marks),
        shown=tuple(
            replace(shown, image_uids=tuple(uid for uid in shown.image_uids if uid in views))
            for shown in document.shown
            if any(uid in views for uid in shown.image_uids)
        ),
        key_images=tuple(uid for uid in document.key_images if uid in views),
        notes=tuple(dict.fromkeys(notes)),
    )


def _document(kind: DocumentKind, dataset: Dataset) -> ForeignDocument:
    maker = DocumentOrigin(
        text(dataset, "Manufacturer", 64),
        text(dataset, "ManufacturerModelName", 64),
        text(dataset, "SoftwareVersions", 64),
        _written(dataset),
    )
    document = ForeignDocument(
        kind,
        meaning(dataset, "ConceptNameCodeSequence")
        or text(dataset, "ContentDescription", 64)
        or text(dataset, "DocumentTitle", 200)
        or text(dataset, "SeriesDescription", 64),
        maker,
        text(dataset, "StudyInstanceUID", 64),
        text(dataset, "PatientID", 64),
        text(dataset, "SOPInstanceUID", 64),
        is_verified=text(dataset, "VerificationFlag") == "VERIFIED",
        is_ours=maker.manufacturer == codes.MAKER,
    )
    if kind in (DocumentKind.CAD_REPORT, DocumentKind.REPORT):
        is_cad = kind is DocumentKind.CAD_REPORT
        tree = (foreign_reports.read_cad if is_cad else foreign_reports.read_measurements)(dataset)
        return replace(
            document,
            observers=tuple(tree.observers),
            marks=tuple(tree.marks),
            statements=tuple(tree.statements),
            notes=tuple(tree.notes),
        )
    if kind is DocumentKind.KEY_OBJECTS:
        images, words = foreign_reports.read_key_images(dataset)
        return replace(
            document,
            observers=tuple(foreign_reports.read_observers(dataset)),
            key_images=tuple(dict.fromkeys(images)),
            notes=(words,) if words else (),
        )
    if kind is DocumentKind.PRESENTATION:
        marks, shown, notes = foreign_images.read_presentation(dataset)
        creator = text(dataset, "ContentCreatorName", 64).replace("^", " ").strip()
        return replace(
            document,
            observers=(creator,) if creator else (),
            marks=tuple(marks),
            shown=tuple(shown),
            notes=tuple(notes),
        )
    if kind is DocumentKind.SEGMENTATION:
        marks, grid, notes = foreign_images.read_segmentation(dataset)
        return replace(document, marks=tuple(marks), grid=grid, notes=tuple(notes))
    return replace(document, pdf=_pdf(dataset))


def _pdf(dataset: Dataset) -> bytes:
    data = dataset.get("EncapsulatedDocument")
    if not isinstance(data, bytes) or not data[:1024].lstrip().startswith(b"%PDF-"):
        raise UnreadableFile("No PDF inside", "The document is empty or something else.")
    if len(data) > _LARGEST_PDF:
        raise UnreadableFile("The PDF is too large", "Open it on a workstation of the PACS.")
    return data


def _written(dataset: Dataset) -> str:
    day = text(dataset, "ContentDate", 8) or text(dataset, "PresentationCreationDate", 8)
    time = text(dataset, "ContentTime", 16) or text(dataset, "PresentationCreationTime", 16)
    try:
        moment = datetime.strptime(day + (time[:4] or "0000"), "%Y%m%d%H%M")
    except ValueError:
        return ""
    return f"{moment:%Y-%m-%d %H:%M}" if time else f"{moment:%Y-%m-%d}"
