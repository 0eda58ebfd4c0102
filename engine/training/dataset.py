"""What networks are trained and judged on: manifests, folders of categories, splits by patient.

A manifest is a CSV with one row per whole view (file, birads, patient_id, and what else is known;
columns in `birads-engine train --help`). Everything is checked before any training; a fault names
its row.
"""

import csv
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TypeVar

import numpy as np

from engine.arrays import FloatArray
from engine.dicom.files import real_file
from engine.domain import Laterality, MammogramView, Pixels, ViewPosition
from engine.errors import InvalidData, UnreadableFile

E = TypeVar("E", bound=Enum)
log = logging.getLogger(__name__)

READER, PROXY_NORMAL, INCOMPLETE = "reader", "proxy-normal", "incomplete"
_KINDS = {"", READER, PROXY_NORMAL, INCOMPLETE, "interval-benign", "interval-malignant"}
_SITE_AND_MACHINE = re.compile(r"site (\d+) machine (\d+)")  #: how rsna's rows tell it in `tissue`
_IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dcm", ".dicom"}


@dataclass(frozen=True)
class ManifestRow:
    """One whole view with what is known of it."""

    file: str  #: as the manifest writes it
    path: Path
    patient_id: str
    birads: int | None  #: a reader's grade 1..6; None where no single grade is known
    birads_kind: str = READER
    birads_low: int | None = None  #: inclusive range; equal to `birads` where that is given
    birads_high: int | None = None
    dataset: str = ""
    laterality: Laterality | None = None
    view: ViewPosition | None = None
    is_malignant: bool | None = None  #: None where pathology is unknown
    pathology: str = ""
    boxes: tuple[tuple[float, float, float, float], ...] = ()  #: x_min, y_min, x_max, y_max, stored
    density: str = ""
    site: str = ""  #: where the image was made, if the manifest tells
    machine: str = ""  #: which machine of that site made it
    aspect_ratio: float | None = None  #: true width / height of the frame; None: square pixels
    native_shape: tuple[int, int] | None = None  #: rows, columns of the original, if it was shrunk
    fold: int | None = None

    @property
    def is_reader_graded(self) -> bool:
        """Counts in the main figures."""
        return self.birads is not None and self.birads_kind == READER

    def pixel_aspect(self, rows: int, columns: int) -> float:
        """A stored pixel's height over its width."""
        return 1.0 if self.aspect_ratio is None else columns / (rows * self.aspect_ratio)

    def allowed(self, categories: Sequence[int]) -> np.ndarray:
        """bool (categories,): what the label admits; all where it says nothing of the grade.

        A range admits those of its grades that the network has. Where it has none of them (a 2 for
        a network of 1, 3, 4, 5) the nearest on either side are admitted: such a row still teaches
        what it is not.
        """
        low, high = self.birads_low, self.birads_high
        if low is None or high is None or self.birads_kind == INCOMPLETE or high > max(categories):
            return np.ones(len(categories), bool)
        grades = np.array(categories)
        inside = (grades >= low) & (grades <= high)
        if inside.any():
            return inside
        below, above = grades[grades < low], grades[grades > high]
        nearest = [*below[-1:], *above[:1]]
        return np.isin(grades, nearest)

    def teaches(self, categories: Sequence[int], has_malignancy: bool) -> bool:
        """Whether a network can learn anything of this row: a grade, or its pathology."""
        return not self.allowed(categories).all() or (
            has_malignancy and self.is_malignant is not None
        )


@dataclass(frozen=True)
class DataSource:
    """Rows to train on, and what had to be left out."""

    rows: tuple[ManifestRow, ...]
    notes: tuple[str, ...] = ()
    may_leak: bool = False  #: no patient could be found: images of one patient may be split
    left_out: tuple[str, ...] = ()  #: data sets that `without` took away

    def without(self, names: Iterable[str]) -> "DataSource":
        """The rows of the other data sets; raises `InvalidData` for a name that no row bears."""
        names = tuple(dict.fromkeys(names))
        named = [row for name in names for row in of_dataset(self.rows, name)]
        rest = tuple(row for row in self.rows if row.dataset not in names)
        if named and not rest:
            raise InvalidData("Nothing to train on", "Every data set was left out.")
        return replace(self, rows=rest, left_out=(*self.left_out, *names))


def read(path: Path, patient_pattern: str | None = None) -> DataSource:
    """A manifest, a folder that holds images.csv, or a folder with a sub-folder per category."""
    if path.is_dir():
        manifest = path / "images.csv"
        if manifest.is_file():
            return DataSource(read_manifest(manifest))
        return read_category_folders(path, patient_pattern)
    if not path.is_file():
        raise InvalidData("Data not found", f"There is no file or folder {path.name}.")
    return DataSource(read_manifest(path))


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """All rows of a manifest, checked. Raises `InvalidData` naming the first row at fault."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = {"file", "birads", "patient_id"} - set(reader.fieldnames or ())
            if missing:
                raise InvalidData(
                    "Manifest lacks columns", f"{path.name} needs {', '.join(sorted(missing))}."
                )
            rows = tuple(
                _parse_row(path, number, record) for number, record in enumerate(reader, start=2)
            )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidData("Manifest cannot be read", f"{path.name}: {error}.") from error
    if not rows:
        raise InvalidData("Manifest is empty", f"{path.name} names no image.")
    _check_folds(path, rows)
    return rows


def of_dataset(rows: Iterable[ManifestRow], name: str) -> tuple[ManifestRow, ...]:
    """The rows of one data set; raises `InvalidData` naming those there are if it is none."""
    rows = tuple(rows)
    found = tuple(row for row in rows if row.dataset == name)
    if not found or not name:
        known = sorted({row.dataset for row in rows if row.dataset})
        raise InvalidData(
            "Data set not found",
            f"No row is of {name!r}; the manifest has {', '.join(known) or 'no named data set'}.",
        )
    return found


def of_fold(rows: Iterable[ManifestRow], fold: int) -> tuple[ManifestRow, ...]:
    """The rows of one fold; raises `InvalidData` if there are none."""
    found = tuple(row for row in rows if row.fold == fold)
    if not found:
        raise InvalidData("Fold not found", f"No row of the manifest is in fold {fold}.")
    return found


def _parse_row(manifest: Path, number: int, record: dict[str, str]) -> ManifestRow:
    cells = _Cells(manifest, number, record)
    if not cells.text("file"):
        raise cells.error("file is empty")
    if not cells.text("patient_id"):
        raise cells.error("patient_id is empty")
    birads, kind, low, high = _parse_label(cells)
    rows, columns = (cells.integer(f"native_{axis}", 1, 10**6) for axis in ("rows", "columns"))
    pathology = cells.text("pathology").upper()
    where = _SITE_AND_MACHINE.fullmatch(cells.text("tissue"))
    site, machine = where.groups() if where else ("", "")
    return ManifestRow(
        file=cells.text("file"),
        path=manifest.parent / cells.text("file"),
        patient_id=cells.text("patient_id"),
        birads=birads,
        birads_kind=kind,
        birads_low=low,
        birads_high=high,
        dataset=cells.text("dataset"),
        laterality=cells.member("laterality", Laterality),
        view=cells.member("view", ViewPosition),
        is_malignant=pathology.startswith("MALIGNANT") if pathology else None,
        pathology=pathology,
        boxes=_parse_boxes(cells),
        density=cells.text("density"),
        site=cells.text("site") or site,
        machine=cells.text("machine") or machine,
        aspect_ratio=cells.number("aspect_ratio", 0.05, 20.0),
        native_shape=None if rows is None or columns is None else (rows, columns),
        fold=cells.integer("fold", 0, 999),
    )


class _Cells:
    """A row's cells by column, checked as they are read; each raises `InvalidData`."""

    def __init__(self, manifest: Path, number: int, record: dict[str, str]) -> None:
        self._where = f"{manifest.name}, row {number}"
        # a row that is longer than the header has a cell by the name None
        self._cells = {k: (v or "").strip() for k, v in record.items() if isinstance(k, str)}

    def error(self, what: str) -> InvalidData:
        return InvalidData("Manifest row is wrong", f"{self._where}: {what}.")

    def text(self, name: str) -> str:
        return self._cells.get(name, "")

    def number(self, name: str, low: float, high: float) -> float | None:
        text = self.text(name)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"{name} is {text!r}, not a number") from None
        if not low <= value <= high:
            raise self.error(f"{name} is {text}, outside {low} to {high}")
        return value

    def integer(self, name: str, low: int, high: int) -> int | None:
        text = self.text(name)
        if not text:
            return None
        try:
            value = int(float(text))
        except (ValueError, OverflowError):
            raise self.error(f"{name} is {text!r}, not a number") from None
        if not low <= value <= high or value != float(text):
            raise self.error(f"{name} is {text}, outside {low} to {high}")
        return value

    def member(self, name: str, enumeration: type[E]) -> E | None:
        text = self.text(name).upper()
        try:
            return enumeration(text) if text else None
        except ValueError:
            raise self.error(f"{name} is {text!r}, which is unknown") from None


def _parse_label(cells: _Cells) -> tuple[int | None, str, int | None, int | None]:
    """Grade, kind, and the lowest and the highest grade that it may be."""
    kind = cells.text("birads_kind")
    if kind not in _KINDS:
        raise cells.error(f"birads_kind is {kind!r}, which is unknown")
    birads = cells.integer("birads", 0, 6)
    if birads == 0:  # incomplete: an assessment, but no grade
        birads, kind = None, INCOMPLETE
    low, high = cells.integer("birads_low", 0, 6), cells.integer("birads_high", 0, 6)
    if (low is None) != (high is None) or (low is not None and high is not None and low > high):
        raise cells.error("birads_low and birads_high are no range")
    if birads is None:
        return None, kind or INCOMPLETE, low, high
    return birads, kind or READER, birads, birads


def _parse_boxes(cells: _Cells) -> tuple[tuple[float, float, float, float], ...]:
    text = cells.text("boxes")
    if not text:
        return ()
    try:
        listed = [tuple(float(edge) for edge in box) for box in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        raise cells.error("boxes is no JSON list of [x_min, y_min, x_max, y_max]") from None
    boxes = []
    for box in listed:
        if len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]:
            raise cells.error("boxes holds one that is not [x_min, y_min, x_max, y_max]")
        boxes.append((box[0], box[1], box[2], box[3]))
    return tuple(boxes)


def _check_folds(manifest: Path, rows: Iterable[ManifestRow]) -> None:
    fold_of: dict[str, int | None] = {}
    for number, row in enumerate(rows, start=2):
        if fold_of.setdefault(row.patient_id, row.fold) != row.fold:
            raise InvalidData(
                "Patient in two folds",
                f"{manifest.name}, row {number}: this patient also stands in fold "
                f"{fold_of[row.patient_id]}; a patient belongs to one fold.",
            )


def hash_patient(patient_id: str) -> str:
    """Enough of a digest to recognise a training patient, not to name one."""
    return hashlib.sha256(patient_id.encode()).hexdigest()[:16]


def check_files(rows: Iterable[ManifestRow]) -> None:
    """Raises `InvalidData` where files are missing, naming the first and counting the rest."""
    missing = [row.file for row in rows if not real_file(row.path).is_file()]
    if missing:
        raise InvalidData(
            "Images are missing", f"{len(missing)} are not there, the first is {missing[0]}."
        )


def read_row(row: ManifestRow) -> tuple[MammogramView, Pixels]:
    """The row's image with what the manifest knows better than the file: side, view, aspect.

    Raises UnreadableFile or UnsupportedImage.
    """
    from engine.dicom import loading  # a machine that only trains may lack its decoders

    if not real_file(row.path).is_file():
        raise UnreadableFile("Image is missing", "The manifest names a file that is not there.")
    catalogue = loading.load([row.path])
    if catalogue.failures:
        raise UnreadableFile(catalogue.failures[0].title, catalogue.failures[0].advice)
    if not catalogue.studies:
        raise UnreadableFile("Not an image", "The file is no image by name and content.")
    view = catalogue.studies[0].views[0]
    pixels = loading.load_pixels(view)
    aspect = view.pixel_aspect
    if row.aspect_ratio is not None:
        aspect = row.pixel_aspect(*pixels.shape)
    view = replace(
        view,
        laterality=row.laterality or view.laterality,
        view_position=row.view or view.view_position,
        pixel_aspect=aspect,
    )
    return view, pixels


# ------------------------------------------------------------------------- folders of categories

_CATEGORY_NAME = re.compile(r"^(?:bi-?rads?)?[\s_-]*([1-5])$", re.IGNORECASE)
_KAU_NAME = re.compile(r"^\d{4}_BC(\d+)_", re.IGNORECASE)  # KAU-BCMD: year_BCpatient_view_side
_SIDE_AND_VIEW = re.compile(
    r"[\s_.-]*\b(?:left|right|l|r|lcc|rcc|lmlo|rmlo|cc|mlo)\b[\s_.-]*", re.IGNORECASE
)


def read_category_folders(path: Path, patient_pattern: str | None = None) -> DataSource:
    """A folder with one sub-folder per category (`4`, `BIRADS 4`, `birad4` …).

    The patient is the first group of `patient_pattern` in the file name if given, else the
    KAU-BCMD pattern, else the name without side and view where that joins any two images; if
    none of these works every image is its own patient, and `may_leak` says so.
    """
    rule = re.compile(patient_pattern) if patient_pattern else None
    found: list[tuple[Path, int]] = []
    notes: list[str] = []
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        match = _CATEGORY_NAME.match(folder.name.strip())
        if match is None:
            notes.append(f"Sub-folder {folder.name} is no BI-RADS category and was ignored.")
            continue
        images = sorted(
            file
            for file in folder.rglob("*")
            if file.suffix.lower() in _IMAGE_ENDINGS and file.is_file()
        )
        if not images:
            raise InvalidData("Category is empty", f"Sub-folder {folder.name} holds no image.")
        found += [(image, int(match[1])) for image in images]
    if not found:
        raise InvalidData(
            "No images found", f"{path.name} has neither images.csv nor sub-folders 1 … 5."
        )
    names = [image.stem for image, _ in found]
    patients, may_leak = _patients_of(names, rule)
    if may_leak:
        notes.append("No patient can be told from the file names: patients may leak.")
    rows = tuple(
        ManifestRow(
            file=image.relative_to(path).as_posix(),
            path=image,
            patient_id=patient,
            birads=grade,
            birads_low=grade,
            birads_high=grade,
            dataset=path.name,
        )
        for (image, grade), patient in zip(found, patients, strict=True)
    )
    return DataSource(rows, tuple(notes), may_leak)


def _patients_of(names: list[str], rule: re.Pattern[str] | None) -> tuple[list[str], bool]:
    """A patient per name, and whether images of one patient may carry different ones."""
    for pattern in filter(None, (rule, _KAU_NAME)):
        found = [pattern.search(name) for name in names]
        matches = [match for match in found if match]
        if len(matches) == len(names):
            return [match[1] if pattern.groups else match[0] for match in matches], False
        if pattern is rule:
            first = names[found.index(None)]
            raise InvalidData("Patient rule does not fit", f"It finds no patient in {first}.")
    rest = [_SIDE_AND_VIEW.sub(" ", re.sub(r"_", " ", name)).strip().lower() for name in names]
    if len(set(rest)) < len(rest) and all(rest):
        return rest, False
    return names, True


# ----------------------------------------------------------------------------------------- splits


def split_by_patient(
    rows: Sequence[ManifestRow], share: float, seed: int, by_image: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the rest and of about `share` of the rows, stratified by grade.

    Patients stay whole (each counts under its highest grade) unless `by_image`, which reproduces
    papers that leak.
    """
    units = [str(index) if by_image else row.patient_id for index, row in enumerate(rows)]
    grade: dict[str, int] = {}
    for unit, row in zip(units, rows, strict=True):
        grade[unit] = max(grade.get(unit, 0), row.birads or row.birads_high or 0)
    random = np.random.default_rng(seed)
    held: set[str] = set()
    for value in sorted(set(grade.values())):
        group = [unit for unit in grade if grade[unit] == value]
        random.shuffle(group)
        held.update(group[: round(share * len(group))])
    is_held = np.array([unit in held for unit in units])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def balanced_weights(rows: Sequence[ManifestRow], power: float = 1.0) -> np.ndarray:
    """Sampling weights (n,), mean 1: each grade of each data set counts ~ its size^(1 - power).

    Where a data set names machines, the rows of each outcome are then spread over them alike:
    cancers come from some machines more often, and drawn as they are would teach the machine. A
    machine that has seen one outcome only keeps its share of that.
    """
    groups = [(row.dataset, row.birads or row.birads_high or 0) for row in rows]
    sizes = Counter(groups)
    weights = np.array([float(sizes[group]) ** -power for group in groups])
    for name in {row.dataset for row in rows if row.machine}:
        weights *= _evened_out([row if row.dataset == name else None for row in rows], weights)
    balanced: FloatArray = weights / weights.mean()
    return balanced


def _evened_out(rows: Sequence[ManifestRow | None], weights: np.ndarray) -> np.ndarray:
    """Factors (n,) that give every machine the same share of malignant draws; 1 where row is None.

    A machine keeps what all its rows together weigh.
    """
    factors = np.ones(len(rows))
    machine = np.array([f"{row.site}/{row.machine}" if row else "" for row in rows])
    outcome = np.array(
        [-1 if row is None or row.is_malignant is None else int(row.is_malignant) for row in rows]
    )
    mixed = [
        name
        for name in sorted(set(machine) - {""})
        if {0, 1} <= set(outcome[machine == name].tolist())
    ]
    among = np.isin(machine, mixed) & (outcome >= 0)
    if not among.any():
        return factors
    share = weights[among & (outcome == 1)].sum() / weights[among].sum()
    for name in mixed:
        here = among & (machine == name)
        for value, wanted in ((1, share), (0, 1 - share)):
            part = here & (outcome == value)
            factors[part] = wanted * weights[here].sum() / weights[part].sum()
    return factors


def single_outcome_datasets(rows: Iterable[ManifestRow]) -> frozenset[str]:
    """Data sets whose known pathology is all one: as labels they would teach only the scanner."""
    outcomes: dict[str, set[bool]] = {}
    for row in rows:
        if row.is_malignant is not None:
            outcomes.setdefault(row.dataset, set()).add(row.is_malignant)
    return frozenset(name for name, seen in outcomes.items() if len(seen) < 2)
