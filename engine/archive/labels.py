"""What readers or pathology say of breasts, from a CSV: held as numbers, 20 bytes a breast.

Columns: ``study`` (the Study Instance UID, or the hash of it that stands in the results), and where
known ``laterality`` (R, L; empty: both), ``birads`` (0 to 6, 4A …), ``pathology`` (malignant,
benign or normal), ``density`` (A to D).
"""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.archive.index import digest
from engine.domain import BiradsCategory
from engine.errors import InvalidData

_COLUMNS = frozenset(("laterality", "birads", "pathology", "density"))
_PATHOLOGY = {"": -1, "malignant": 1, "benign": 0, "normal": 0}
_HASHED = re.compile(r"[0-9a-f]{24}")


class Label(NamedTuple):
    """What is known of a breast."""

    grade: int = 0  #: the reader's 1 to 5; 0: none
    malignant: int = -1  #: 1, 0; -1: unknown
    density: str | None = None


def breast_key(study: str, laterality: str) -> int:
    return int.from_bytes(digest("breast", study, laterality, size=8), "big")


class Labels:
    """Found by study and side; of several of one breast the last counts."""

    def __init__(self, rows: Iterator[tuple[str, str, Label]]) -> None:
        keys, grades, malignant, densities = [], [], [], []
        for study, sides, label in rows:
            for side in sides:
                keys.append(breast_key(study, side))
                grades.append(label.grade)
                malignant.append(label.malignant)
                densities.append(" ABCD".index(label.density or " "))
        table = np.array(keys, np.uint64)
        # the last of equal ones: the first in the reversed order
        self._keys, first = np.unique(table[::-1], return_index=True)
        place = len(table) - 1 - first
        self._grades = np.array(grades, np.int8)[place]
        self._malignant = np.array(malignant, np.int8)[place]
        self._densities = np.array(densities, np.int8)[place]

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, study: str, laterality: str) -> Label | None:
        key = np.uint64(breast_key(study, laterality))
        place = int(np.searchsorted(self._keys, key))
        if place == len(self._keys) or self._keys[place] != key:
            return None
        return Label(
            int(self._grades[place]),
            int(self._malignant[place]),
            (None, *"ABCD")[self._densities[place]],
        )


def read(path: Path, named: Callable[[str], str]) -> Labels:
    """`named` gives the name that a study has in the results. Raises InvalidData."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = {name.strip().lower() for name in rows.fieldnames or ()}
            if "study" not in columns or not columns & _COLUMNS:
                raise InvalidData(
                    "Labels without columns",
                    f"{path} needs the column study, and one of {', '.join(sorted(_COLUMNS))}.",
                )
            return Labels(_rows(path, rows, named))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidData("The labels cannot be read", f"{path}: check the file.") from error


def _rows(
    path: Path, rows: "csv.DictReader[str]", named: Callable[[str], str]
) -> Iterator[tuple[str, str, Label]]:
    for number, raw in enumerate(rows, start=2):
        row = {name.strip().lower(): (value or "").strip() for name, value in raw.items() if name}
        try:
            label = Label(
                _grade(row.get("birads", "")),
                _PATHOLOGY[row.get("pathology", "").lower()],
                _density(row.get("density", "")),
            )
            sides = _sides(row.get("laterality", ""))
        except (KeyError, ValueError) as error:
            raise InvalidData(
                "A label is not understood", f"{path}, line {number}: see docs/archive.md."
            ) from error
        study = row["study"]
        yield study if _HASHED.fullmatch(study) else named(study), sides, label


def _grade(text: str) -> int:
    if not text:
        return 0
    return BiradsCategory(text.upper().removesuffix(".0")).grade or 0


def _sides(text: str) -> str:
    if not text:
        return "RL"
    side = text[0].upper()
    if side not in "RL":
        raise ValueError
    return side


def _density(text: str) -> str | None:
    """ACR letters; the older 1 to 4 mean the same four."""
    if not text:
        return None
    return "ABCD"["ABCD1234".index(text.upper().removesuffix(".0")) % 4]
