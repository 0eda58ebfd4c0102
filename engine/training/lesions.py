"""lesions.csv: one row per lesion crop, whose whole area is the lesion's box."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.dicom import loading
from engine.errors import EngineError, InvalidData, UnreadableFile
from engine.networks import preprocessing
from engine.training import dataset
from engine.training.dataset import ManifestRow

#: A film pixel of CBIS-DDSM: its scanners sampled at 0.042 to 0.050 mm, and no crop tells which.
FILM_PIXEL_MM = 0.045
KINDS = ("mass", "calcification")


@dataclass(frozen=True)
class LesionRow:
    """A crop with what is known of its lesion; `label` is what the columns shared with images say.

    A grade is this lesion's own, so that `label.birads` is None where it is incomplete.
    """

    label: ManifestRow
    abnormality: str  #: "mass" or "calcification"
    native_shape: tuple[int, int] | None  #: rows, columns on the film; None: as stored

    @property
    def size_mm(self) -> tuple[float, float]:
        """Of the lesion's box, (rows, columns); (0, 0) where `native_shape` is unknown."""
        rows, columns = self.native_shape or (0, 0)
        return rows * FILM_PIXEL_MM, columns * FILM_PIXEL_MM


def read_lesions(path: Path) -> tuple[LesionRow, ...]:
    """All rows, checked. Raises `InvalidData` naming the first row at fault."""
    labels = dataset.read_manifest(path)
    with path.open(newline="", encoding="utf-8-sig") as stream:
        records = list(csv.DictReader(stream))
    rows = []
    for number, (label, record) in enumerate(zip(labels, records, strict=True), start=2):

        def error(what: str, number: int = number) -> InvalidData:
            return InvalidData("Manifest row is wrong", f"{path.name}, row {number}: {what}.")

        kind = (record.get("abnormality") or "").strip().lower()
        if kind not in KINDS:
            raise error(f"abnormality is {kind!r}, neither {' nor '.join(KINDS)}")
        sides = [(record.get(name) or "").strip() for name in ("native_rows", "native_columns")]
        native = None
        if any(sides):
            try:
                native = int(float(sides[0])), int(float(sides[1]))
            except (ValueError, OverflowError):
                raise error("native_rows and native_columns are no size") from None
            if min(native) < 1 or max(native) > 100_000:
                raise error("native_rows and native_columns are no size")
        rows.append(LesionRow(label, kind, native))
    return tuple(rows)


def read_crop(row: LesionRow) -> tuple[np.ndarray, tuple[float, float]]:
    """Its grey values, uint8 (rows, columns), and the distances of rows and of columns, in mm.

    Raises `InvalidData` for a crop that cannot be read.
    """
    try:
        catalogue = loading.load([row.label.path])
        for failure in catalogue.failures:
            raise UnreadableFile(failure.title, failure.advice)
        if not catalogue.studies:
            raise UnreadableFile("Not an image", "The file is missing, or no image.")
        view = catalogue.studies[0].views[0]
        grey = preprocessing.grey(view, loading.load_pixels(view))
    except EngineError as error:
        raise InvalidData("Image cannot be read", f"{row.label.file}: {error}") from error
    rows, columns = row.native_shape or grey.shape
    return grey, (FILM_PIXEL_MM * rows / len(grey), FILM_PIXEL_MM * columns / grey.shape[1])
