"""Studies whose results are written: a film scanner's secondary captures, a detector's images.

Both forms hold what a clinic's do: the film's Patient Orientation is no legal one, and it has no
birth date; the detector's have all that PS3.3 wants of them.
"""

import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from engine.dicom.loading import load
from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    BiradsCategory,
    Explanation,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
)
from tests.phantom import write_study
from tests.viewer.fake_engine import study_prediction

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FORMS = ("film", "digital")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def _film(dataset: Dataset) -> None:
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.Laterality = dataset.ImageLaterality
    dataset.PatientOrientation = dataset.ViewPosition
    dataset.ConversionType = "DF"
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[dataset.SOPInstanceUID])
    for keyword in ("ImageLaterality", "ImagerPixelSpacing", "WindowCenter", "WindowWidth"):
        del dataset[keyword]


def _digital(dataset: Dataset) -> None:
    dataset.PatientBirthDate, dataset.PatientSex = "19500131", "F"
    dataset.AccessionNumber, dataset.StudyID = "A-17", "1"
    dataset.IssuerOfPatientID = "Clinic"
    is_right = dataset.ImageLaterality == "R"
    down = {"CC": ("L", "R"), "MLO": ("FL", "FR")}[dataset.ViewPosition][not is_right]
    dataset.PatientOrientation = ["P" if is_right else "A", down]


def study_in(folder: Path, form: str = "digital", **changes) -> Study:
    """Four views in `folder`, as they are listed."""
    edit = {"film": _film, "digital": _digital}[form]
    settings = {
        "patient_id": "P-17",
        "patient_name": "Muster^Änne",
        "study_uid": f"1.2.826.0.1.{zlib.crc32(str(folder).encode())}",
        "edit": edit,
        **changes,
    }
    write_study(folder, **settings)
    (study,) = load([folder]).studies
    return study


def said_of(study: Study, model: str = "both") -> StudyPrediction:
    """What the fake engine says, with a warm square on every view."""
    heat = np.zeros((64, 48), np.float32)
    heat[20:36, 10:30] = 0.9
    answer = study_prediction(study, model)
    views = tuple(
        replace(
            view,
            explanation=Explanation(
                heat, (10, of.rows - 10, 4, of.columns - 4), "BI-RADS 4 or 5", "Grad-CAM"
            ),
        )
        for view, of in zip(answer.views, study.views, strict=True)
    )
    breasts = tuple(
        replace(breast, prediction=replace(breast.prediction, malignancy=0.31))
        for breast in answer.breasts
    )
    return replace(answer, views=views, breasts=breasts)


def reading(
    study: Study,
    side: Laterality = Laterality.RIGHT,
    category: str = "4B",
    mode: ReadingMode = ReadingMode.CONCURRENT,
    reader: str = "Dr. Anna Beispiel",
    **changes,
) -> ReaderAssessment:
    settings = {
        "study_uid": study.uid,
        "image_uids": tuple(v.image_uid for v in study.views if v.laterality is side),
        "patient_id": study.patient_id,
        "laterality": side,
        "reader": reader,
        "category": BiradsCategory(category),
        "proposed_agreement": Agreement.NOT_COMPARABLE,
        "agreement": Agreement.NOT_COMPARABLE,
        "reason": "",
        "comment": "",
        "prediction": None,
        "reading_mode": mode,
        "opened_at": NOON,
        "recorded_at": NOON,
        **changes,
    }
    return ReaderAssessment(**settings)


def drawings_on(study: Study, reader: str = "Dr. Anna Beispiel") -> tuple[Annotation, ...]:
    """One of each kind on the first view."""
    view = study.views[0]
    drawn = (
        (AnnotationKind.RULER, ((100.0, 60.0), (100.0, 90.0)), "", "3.0 mm at detector"),
        (AnnotationKind.ANGLE, ((80.0, 60.0), (100.0, 60.0), (100.0, 90.0)), "", "90°"),
        (AnnotationKind.ELLIPSE, ((50.0, 40.0), (90.0, 60.0)), "Zyste", "mean 900"),
        (AnnotationKind.ARROW, ((20.0, 30.0), (60.0, 50.0)), "sieh hier", ""),
        (AnnotationKind.TEXT, ((30.0, 30.0),), "größer als zuvor", ""),
        (AnnotationKind.REGION, ((40.0, 40.0), (80.0, 80.0)), "", ""),
    )
    return tuple(
        Annotation(
            *(f"{number:032x}", study.uid, view.image_uid, study.patient_id, reader, kind),
            *(points, text, measured),
        )
        for number, (kind, points, text, measured) in enumerate(drawn)
    )
