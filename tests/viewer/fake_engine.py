"""An engine that answers when the test says so; its word depends on study and model alone."""

import zlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import numpy as np

from engine.domain import (
    BreastPrediction,
    Explanation,
    Laterality,
    MammogramView,
    ModelIdentity,
    OutOfScope,
    Population,
    Prediction,
    RegionOutOfScope,
    RegionPrediction,
    Shares,
    Study,
    StudyPrediction,
    ViewPrediction,
)
from engine.messages import message

POPULATION = Population(Shares(0.6, 0.4), Shares(0.7, 0.5))
MODELS = {
    "both": ModelIdentity("both", "5c01d3e7" * 8, (1, 2, 3, 4, 5), POPULATION),
    "hybrid": ModelIdentity("hybrid", "3fa9c2d1" * 8, (1, 2, 3, 4, 5)),
    "light": ModelIdentity("light", "b07e55aa" * 8, (1, 3, 4, 5)),
}
REGION_MODEL = ModelIdentity("region", "c4d2aa10" * 8, (2, 3, 4, 5))
NO_SPACING = message(
    "The pixel spacing is unknown: the image's own pixels were taken as they are, "
    "as if one were 0.1 mm."
)
HEAT_SHAPE = (32, 20)


def prediction_of(model_name: str, category: int, confidence: float = 0.6) -> Prediction:
    """The rest of the probability is spread evenly."""
    model = MODELS[model_name]
    if model_name == "both":
        nearest = max(category, 3) if category == 2 else category  # the light network has no 2
        alone = prediction_of("hybrid", category), prediction_of("light", nearest)
        return replace(prediction_of("hybrid", category, confidence), model=model, others=alone)
    rest = (1 - confidence) / (len(model.categories) - 1)
    return Prediction(
        model, {grade: confidence if grade == category else rest for grade in model.categories}
    )


def category_of(study_uid: str, model_name: str, side: Laterality) -> int:
    """What the fake says of a breast: as if by chance, and always the same."""
    categories = MODELS[model_name].categories
    return categories[zlib.crc32(f"{study_uid}{model_name}{side}".encode()) % len(categories)]


def study_prediction(
    study: Study, model_name: str = "hybrid", heatmaps: bool = True
) -> StudyPrediction:
    model = MODELS[model_name]
    views = []
    for view in study.views:
        if view.out_of_scope is not None:
            silent = [OutOfScope(MODELS[name], view.out_of_scope) for name in MODELS]
            others = tuple(silent[1:]) if model_name == "both" else ()
            prediction = OutOfScope(model, view.out_of_scope, others=others)
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


def region_prediction(view, box, malignancy: float | None = None) -> RegionPrediction:
    """As if by chance, and always the same; or with a malignancy that the test wants."""
    chance = zlib.crc32(f"{view.image_uid}{box}".encode()) % 1000 / 1000
    probability = chance if malignancy is None else malignancy
    low, high = (1 - probability) / 2, probability / 2
    spacing = view.pixel_spacing
    return RegionPrediction(
        view.image_uid,
        box,
        REGION_MODEL,
        {2: low * 1.2, 3: low * 0.8, 4: high * 1.2, 5: high * 0.8},
        probability,
        spacing_mm=spacing and spacing.row_mm,
        spacing_source=spacing and spacing.source.value,
        notes=() if spacing else (NO_SPACING,),
    )


def refused_region(view, box) -> RegionOutOfScope:
    reason = message("More than half of the rectangle lies outside the breast.")
    return RegionOutOfScope(view.image_uid, box, REGION_MODEL, reason)


@dataclass(eq=False)
class FakeEngine:
    """Answers at once, or with `is_holding` only by `finish_next` and `fail_next`."""

    is_holding: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)  #: (study uid, model), in order
    warmed: list[str] = field(default_factory=list)
    warm_up_failure: Exception | None = None
    is_stopped: bool = False
    is_holding_regions: bool = False  #: then only `finish_region` and `fail_region` answer
    regions: list[tuple[Future, MammogramView, tuple]] = field(default_factory=list)  #: asked
    restarts: int = 0
    on_view: Callable[..., None] | None = None  #: of the study asked last
    _waiting: list[tuple[Future, Study, str]] = field(default_factory=list)

    def warm_up(self, model_name: str) -> Future:
        self.warmed.append(model_name)
        future = Future()
        if self.warm_up_failure is not None:
            future.set_exception(self.warm_up_failure)
        else:
            future.set_result(MODELS[model_name])
        return future

    def predict(
        self,
        study: Study,
        model_name: str,
        heatmaps: bool = False,
        *,
        on_view: Callable[..., None] | None = None,
    ) -> Future:
        self.asked.append((study.uid, model_name))
        self.on_view = on_view
        future = Future()
        if self.is_holding:
            self._waiting.append((future, study, model_name))
        else:
            future.set_result(study_prediction(study, model_name, heatmaps))
        return future

    def predict_region(self, view: MammogramView, box: tuple[int, int, int, int]) -> Future:
        future = Future()
        self.regions.append((future, view, box))
        if not self.is_holding_regions:
            future.set_result(region_prediction(view, box))
        return future

    def finish_region(self, number: int = -1, prediction: RegionPrediction | None = None) -> None:
        """As the process does: an answer that nobody waits for any more goes nowhere."""
        future, view, box = self.regions[number]
        if future.set_running_or_notify_cancel():
            future.set_result(prediction or region_prediction(view, box))

    def fail_region(self, error: Exception, number: int = -1) -> None:
        self.regions[number][0].set_exception(error)

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """Asked and not answered yet: (study uid, model)."""
        return [(study.uid, model_name) for _, study, model_name in self._waiting]

    def finish_next(self, prediction: StudyPrediction | None = None) -> None:
        future, study, model_name = self._waiting.pop(0)
        future.set_result(prediction or study_prediction(study, model_name))

    def fail_next(self, error: Exception) -> None:
        future, _, _ = self._waiting.pop(0)
        future.set_exception(error)

    def restart(self) -> None:
        self.restarts += 1

    def stop(self) -> None:
        self.is_stopped = True
        for future, _, _ in self._waiting:
            future.cancel()


def alarmed(study, name):
    """All of it a 5, certain and hot."""
    model = ModelIdentity(name, "a1" * 32, (1, 2, 3, 4, 5))
    # its networks contradict each other
    others = prediction_of("hybrid", 1), prediction_of("light", 5)
    others = others if name == "both" else ()
    said = Prediction(
        model, {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0, 5: 1.0}, malignancy=1.0, others=others
    )
    return saying(study, model, said, 1.0)


def alarmed_of_no_spot(study, name):
    """The same of the study; of a spot in it nothing may be said, see `Oracle`."""
    return alarmed(study, name)


def silent(study, name):
    """Nothing may be judged."""
    model = ModelIdentity(name, "b2" * 32, (1, 3, 4, 5))
    return saying(study, model, OutOfScope(model, "Not a mammogram. " * 4), None)


def saying(study, model, said, heat):
    answer = study_prediction(study, model.name)
    views = []
    for view, shown in zip(answer.views, study.views, strict=True):
        region = (0, shown.rows, 0, shown.columns)
        of = heat and Explanation(np.full(HEAT_SHAPE, heat, np.float32), region, "4 or 5", "fake")
        views.append(replace(view, prediction=said, explanation=of))
    breasts = tuple(replace(breast, prediction=said) for breast in answer.breasts)
    return StudyPrediction(study.uid, model, tuple(views), breasts)


class Oracle(FakeEngine):
    def __init__(self, says, halts=False):
        super().__init__()
        self._says, self._halts = says, halts

    def predict(self, study, model_name, heatmaps=False, *, on_view=None):
        super().predict(study, model_name, heatmaps)
        answered = Future()
        if self._halts:  # with one breast
            whole = self._says(study, model_name)
            of = {view.image_uid for view in study.views if view.laterality is Laterality.RIGHT}
            views = tuple(view for view in whole.views if view.image_uid in of)
            part = replace(whole, views=views, breasts=whole.breasts[:1])
            on_view(len(views), len(study.views), part)
            return answered
        answered.set_result(self._says(study, model_name))
        return answered

    def predict_region(self, view, box):
        answered = Future()
        is_alarmed = self._says is alarmed
        answered.set_result(
            region_prediction(view, box, 1.0) if is_alarmed else refused_region(view, box)
        )
        return answered
