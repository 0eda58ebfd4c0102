"""One network's word on a study: per view, then per breast, or why it says nothing.

Files in, frozen values out; tensors and logits stay inside. Every view is judged alone, so that
its answer does not depend on its neighbours, and a file that cannot be judged never stops the next.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from engine.dicom.loading import load_pixels
from engine.domain import (
    BreastPrediction,
    Explanation,
    FailedFile,
    Laterality,
    MammogramView,
    ModelIdentity,
    Prediction,
    Study,
    StudyPrediction,
    ViewPrediction,
)
from engine.errors import (
    EngineError,
    IncompatibleCheckpoint,
    UnsupportedImage,
    fault_trace,
    is_out_of_memory,
)
from engine.networks import appearance, preprocessing, scope
from engine.networks.checkpoint import load_checkpoint, shipped_checkpoint

log = logging.getLogger(__name__)

UNEXPECTED_TITLE = "Unexpected fault in this file"
UNEXPECTED_ADVICE = "This is a bug of the program: please report it with the log; go on without it."


def another_network(asked: str, found: str) -> IncompatibleCheckpoint:
    """A file that holds another network than it was asked for."""
    return IncompatibleCheckpoint(
        "Checkpoint refused",
        f"It holds the network {found}, not {asked}. Install the program again or choose another.",
    )


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the network itself said of a view, kept until its breast is pooled."""

    view: MammogramView
    logits: np.ndarray  #: (categories,)
    malignancy: float | None  #: logit


def use_threads(count: int | None = None) -> None:
    """How many cores the networks of this process take; None leaves one for the window.

    torch counts physical cores by itself. The grey-value steps share the number.
    """
    count = count or max(1, torch.get_num_threads() - 1)
    torch.set_num_threads(count)
    cv2.setNumThreads(count)


class Predictor:
    """A checkpoint that answers; not thread-safe.

    `checkpoint_path` stands in for the shipped checkpoint of `name`. Raises
    `IncompatibleCheckpoint`.
    """

    def __init__(self, checkpoint_path: Path | None = None, name: str = "hybrid") -> None:
        self._checkpoint = load_checkpoint(checkpoint_path or shipped_checkpoint(name)).made_fast()
        if checkpoint_path is None and self.identity.name != name:
            raise another_network(name, self.identity.name)
        appearance.shipped()  # an installation without it fails at once, not at every file

    @property
    def identity(self) -> ModelIdentity:
        return self._checkpoint.identity

    def warm_up(self) -> None:
        """One pass over a black image: the first real one then runs at full speed."""
        config = self._checkpoint.preprocessing
        with torch.inference_mode():
            self._checkpoint.model.answer(torch.zeros(1, 1, config.height, config.width))

    def predict_study(self, study: Study, heatmaps: bool = False) -> StudyPrediction:
        """Every view in the study's order, then the breasts, right before left.

        What cannot be decoded is listed under `failures`; nothing is raised for a single file.
        """
        views, answers, failures = [], [], []
        for view in study.views:
            try:
                prediction, answer = self._judge(view, heatmaps)
            except EngineError as error:
                failures.append(FailedFile(view.path, error.title, error.advice))
            except Exception as error:
                if is_out_of_memory(error):
                    advice = "Close other programs and try again."
                    failures.append(FailedFile(view.path, "Not enough memory", advice))
                    continue
                log.error("Unexpected fault while judging a view: %s", fault_trace(error))
                failures.append(FailedFile(view.path, UNEXPECTED_TITLE, UNEXPECTED_ADVICE))
            else:
                views.append(prediction)
                if answer is not None:
                    answers.append(answer)
        breasts = self._pool(study, answers) if study.is_joined else ()
        return StudyPrediction(study.uid, self.identity, tuple(views), breasts, tuple(failures))

    def _judge(
        self, view: MammogramView, wants_heatmap: bool
    ) -> tuple[ViewPrediction, _Answer | None]:
        if view.out_of_scope is not None:
            return ViewPrediction(view.image_uid, self._silent(view.out_of_scope)), None
        pixels = load_pixels(view)
        image = preprocessing.grey(view, pixels)
        reason = scope.reason_not_to_judge(view, pixels, image)
        if reason is not None:
            return ViewPrediction(view.image_uid, self._silent(reason)), None
        try:
            tensor, geometry = preprocessing.prepare(
                image, view.pixel_aspect, self._checkpoint.preprocessing
            )
        except UnsupportedImage as error:  # sound and shown, but there is no breast in it
            return ViewPrediction(view.image_uid, self._silent(str(error))), None
        answer = self._ask(view, tensor)
        explanation: Explanation | None = None
        if wants_heatmap:
            from engine.networks import gradcam

            explanation = gradcam.explain(self._checkpoint, tensor, geometry)
        return ViewPrediction(view.image_uid, self._of_view(answer), explanation), answer

    def _ask(self, view: MammogramView, tensor: np.ndarray) -> _Answer:
        with torch.inference_mode():
            output = self._checkpoint.model.answer(torch.from_numpy(tensor)[None])
        if not torch.isfinite(output.logits).all():
            raise FloatingPointError("the network's answer is not a number")
        malignancy = None if output.malignancy is None else float(output.malignancy[0])
        return _Answer(view, output.logits[0].double().numpy(), malignancy)

    def _of_view(self, answer: _Answer) -> Prediction:
        calibration = self._checkpoint.calibration
        prediction = self._spoken(calibration.view_probabilities(answer.logits[None])[0])
        if answer.malignancy is None or calibration.malignancy_view is None:
            return prediction
        malignancy = calibration.view_malignancy(np.array([answer.malignancy]))[0]
        return replace(prediction, malignancy=float(malignancy))

    def _pool(self, study: Study, answers: Sequence[_Answer]) -> tuple[BreastPrediction, ...]:
        breasts = []
        for side in (Laterality.RIGHT, Laterality.LEFT):
            if not any(view.laterality is side for view in study.views):
                continue
            of_side = [answer for answer in answers if answer.view.laterality is side]
            prediction = (
                self._of_breast(of_side)
                if of_side
                else self._silent("No view of this breast can be judged.")
            )
            uids = tuple(answer.view.image_uid for answer in of_side)
            breasts.append(BreastPrediction(side, prediction, uids))
        return tuple(breasts)

    def _of_breast(self, answers: Sequence[_Answer]) -> Prediction:
        calibration = self._checkpoint.calibration
        logits = np.stack([answer.logits for answer in answers])
        prediction = self._spoken(calibration.breast_probabilities(logits))
        if answers[0].malignancy is None or calibration.malignancy_view is None:
            return prediction
        malignancy = np.array([answer.malignancy for answer in answers])
        return replace(prediction, malignancy=float(calibration.breast_malignancy(malignancy)))

    def _spoken(self, probabilities: np.ndarray) -> Prediction:
        grades = self.identity.categories
        return Prediction(
            self.identity,
            {grade: float(p) for grade, p in zip(grades, probabilities, strict=True)},
        )

    def _silent(self, reason: str) -> Prediction:
        return Prediction(self.identity, None, scope_reason=reason)
