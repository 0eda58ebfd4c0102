"""An engine that answers when the test says so; its word depends on study and model alone."""

import zlib
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from engine.domain import (
    BreastPrediction,
    Explanation,
    Laterality,
    ModelIdentity,
    Prediction,
    Study,
    StudyPrediction,
    ViewPrediction,
)

MODELS = {
    "hybrid": ModelIdentity("hybrid", "3fa9c2d1" * 8, (1, 2, 3, 4, 5)),
    "light": ModelIdentity("light", "b07e55aa" * 8, (1, 3, 4, 5)),
}
HEAT_SHAPE = (32, 20)


def prediction_of(model_name: str, category: int, confidence: float = 0.6) -> Prediction:
    """The rest of the probability is spread evenly."""
    model = MODELS[model_name]
    rest = (1 - confidence) / (len(model.categories) - 1)
    return Prediction(
        model, {grade: confidence if grade == category else rest for grade in model.categories}
    )


def category_of(study_uid: str, model_name: str, side: Laterality) -> int:
    """What the fake says of a breast: as if by chance, and always the same."""
    categories = MODELS[model_name].categories
    return categories[zlib.crc32(f"{study_uid}{model_name}{side}".encode()) % len(categories)]


def answer_of(study: Study, model_name: str = "hybrid", heatmaps: bool = True) -> StudyPrediction:
    model = MODELS[model_name]
    views = []
    for view in study.views:
        if view.out_of_scope is not None:
            prediction = Prediction(model, None, view.out_of_scope)
        else:
            side = view.laterality or Laterality.RIGHT
            prediction = prediction_of(model_name, category_of(study.uid, model_name, side))
        heat = Explanation(
            np.full(HEAT_SHAPE, 0.8, np.float32), (0, view.rows, 0, view.columns), "4 or 5", "fake"
        )
        views.append(ViewPrediction(view.image_uid, prediction, heat if heatmaps else None))
    breasts = []
    for side in Laterality if study.is_joined else ():
        uids = tuple(view.image_uid for view in study.views if view.laterality is side)
        if uids:
            said = prediction_of(model_name, category_of(study.uid, model_name, side))
            breasts.append(BreastPrediction(side, said, uids))
    return StudyPrediction(study.uid, model, tuple(views), tuple(breasts))


@dataclass(eq=False)
class FakeEngine:
    """Answers at once, or with `is_holding` only by `answer_next` and `fail_next`."""

    is_holding: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)  #: (study uid, model), in order
    warmed: list[str] = field(default_factory=list)
    warm_up_failure: Exception | None = None
    is_stopped: bool = False
    restarts: int = 0
    _waiting: list[tuple[Future, Study, str]] = field(default_factory=list)

    def warm_up(self, model_name: str) -> Future:
        self.warmed.append(model_name)
        future = Future()
        if self.warm_up_failure is not None:
            future.set_exception(self.warm_up_failure)
        else:
            future.set_result(MODELS[model_name])
        return future

    def predict(self, study: Study, model_name: str, heatmaps: bool = False) -> Future:
        self.asked.append((study.uid, model_name))
        future = Future()
        if self.is_holding:
            self._waiting.append((future, study, model_name))
        else:
            future.set_result(answer_of(study, model_name, heatmaps))
        return future

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """Asked and not answered yet: (study uid, model)."""
        return [(study.uid, model_name) for _, study, model_name in self._waiting]

    def answer_next(self, prediction: StudyPrediction | None = None) -> None:
        future, study, model_name = self._waiting.pop(0)
        future.set_result(prediction or answer_of(study, model_name))

    def fail_next(self, error: Exception) -> None:
        future, _, _ = self._waiting.pop(0)
        future.set_exception(error)

    def restart(self) -> None:
        self.restarts += 1

    def stop(self) -> None:
        self.is_stopped = True
        for future, _, _ in self._waiting:
            future.cancel()
