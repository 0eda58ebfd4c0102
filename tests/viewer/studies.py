"""Studies in memory for tests of the widgets: phantom breasts without files."""

from datetime import date
from pathlib import Path

import numpy as np

from engine.domain import (
    Explanation,
    Laterality,
    MammogramView,
    ModelIdentity,
    Pixels,
    PixelSpacing,
    Prediction,
    SpacingSource,
    Study,
    StudyPrediction,
    ViewPosition,
    ViewPrediction,
    VoiFunction,
    VoiWindow,
)
from tests.phantom import breast

STANDARD = ("R CC", "L CC", "R MLO", "L MLO")
WINDOW = VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT, "normal")
MODEL = ModelIdentity("hybrid", "0" * 64, (1, 2, 3, 4, 5))


def make_view(label="R CC", uid=None, study_uid="1.2.3", shape=(400, 300), **changes):
    """`label` as in `MammogramView.label`; '?' for unknown."""
    side, position = label.split()
    settings = {
        "path": Path(f"{label}.dcm"),
        "image_uid": uid or f"{study_uid}.{label}",
        "study_uid": study_uid,
        "patient_id": "A-17",
        "rows": shape[0],
        "columns": shape[1],
        "laterality": None if side == "?" else Laterality(side),
        "view_position": None if position == "?" else ViewPosition(position),
        "vois": (WINDOW,),
        **changes,
    }
    return MammogramView(**settings)


def make_study(labels=STANDARD, uid="1.2.3", shape=(400, 300), **changes):
    views = tuple(
        make_view(label, f"{uid}.{n}", uid, shape, **changes) for n, label in enumerate(labels)
    )
    return Study(uid, "A-17", views, "Doe^Jane", date(2024, 3, 2))


def spacing(mm):
    return PixelSpacing(mm, mm, SpacingSource.DETECTOR)


def pixels_of(view, facing=None, level=1.0):
    """A phantom breast as its view should hang, or facing as the other side's would."""
    side = facing or (view.laterality.value if view.laterality else "R")
    image = breast(side, "CC", view.rows, view.columns)
    return as_pixels(np.round(image * 4095 * level))


def as_pixels(values, **changes):
    stored = np.asarray(values).astype(np.uint16)
    stored.setflags(write=False)
    return Pixels(stored, **changes)


def predict(study, heat, region=None):
    """The same heat-map over each whole view."""
    views = []
    for view in study.views:
        area = region or (0, view.rows, 0, view.columns)
        explanation = Explanation(np.float32(heat), area, "BI-RADS 4 or 5", "Grad-CAM")
        prediction = Prediction(MODEL, {1: 0.1, 2: 0.1, 3: 0.1, 4: 0.6, 5: 0.1})
        views.append(ViewPrediction(view.image_uid, prediction, explanation))
    return StudyPrediction(study.uid, MODEL, tuple(views), ())
