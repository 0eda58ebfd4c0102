"""A small manifest of phantoms that a network can learn to grade."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from tests.phantom import breast


def write_images(
    folder: Path, per_grade: int = 6, grades: tuple[int, ...] = (1, 2, 3, 4, 5)
) -> Path:
    """Grades 4 and 5 have a bright lesion; two folds; two views a patient."""
    records = []
    for grade in grades:
        for number in range(per_grade):
            name = f"g{grade}_{number}.png"
            lesion = (90 + 5 * number, 60, 4.0 * (grade - 2)) if grade > 2 else None
            image = breast("L", rows=200, columns=140, lesion=lesion, seed=10 * grade + number)
            cv2.imwrite(str(folder / name), (image * 255).astype(np.uint8))
            patient = f"p{grade}{number // 2}"
            box = json.dumps([[40, 70 + 5 * number, 80, 110 + 5 * number]]) if lesion else ""
            records.append([name, grade, patient, "MALIGNANT" if grade > 3 else "BENIGN", box])
    path = folder / "images.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "birads", "patient_id", "pathology", "boxes", "fold"])
        for record in records:
            writer.writerow([*record, int(record[2][-1]) % 2])
    return path
