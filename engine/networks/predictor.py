"""What the networks say of a study: per view, then per breast, or why they say nothing.

Files in, frozen values out; tensors and logits stay inside. Every view is judged alone, so that
its answer does not depend on its neighbours, and a file that cannot be judged never stops the next.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch

from engine.dicom.loading import load_pixels
from engine.domain import (
    DEFAULT_MODEL,
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
from engine.networks import appearance, ensemble, preprocessing, scope
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import shipped_checkpoint
from engine.networks.ensemble import Frame
from engine.networks.models import Output

log = logging.getLogger(__name__)

T = TypeVar("T")

UNEXPECTED_TITLE = "Unexpected fault in this file"
UNEXPECTED_ADVICE = "This is a bug of the program: please report it with the log; go on without it."


def another_network(asked: str, found: str) -> IncompatibleCheckpoint:
    """A file that holds another network than it was asked for."""
    return IncompatibleCheckpoint(
        "Checkpoint refused",
        f"It holds the network {found}, not {asked}. Install the program again or choose another.",
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a view came to, kept until its breast is pooled."""

    view: MammogramView
    scope_reason: str | None = None  #: why no network was asked
    outputs: tuple[Output, ...] = ()  #: by voice; each of one image, float64
    explanation: Explanation | None = None


def use_threads(count: int | None = None) -> None:
    """How many cores the networks of this process take; None leaves one for the window.

    torch counts physical cores by itself. The grey-value steps share the number.
    """
    count = count or max(1, torch.get_num_threads() - 1)
    torch.set_num_threads(count)
    cv2.setNumThreads(count)


class Predictor:
    """A network, or an ensemble with its members, that predicts; not thread-safe.

    `checkpoint_path` stands in for the shipped checkpoint of `name`. `device` is torch's name of
    where the networks work; heat-maps are made on a processor only. Raises
    `IncompatibleCheckpoint`.
    """

    def __init__(
        self,
        checkpoint_path: Path | None = None,
        name: str = DEFAULT_MODEL,
        device: str = "cpu",
    ) -> None:
        path = checkpoint_path or shipped_checkpoint(name)
        self._checkpoint = ensemble.load(path).made_fast()
        self._device = torch.device(device)
        for member in self._checkpoint.members:
            member.model.to(self._device)
        if checkpoint_path is None and self.identity.name != name:
            raise another_network(name, self.identity.name)
        members = self._checkpoint.members
        own = members if len(members) > 1 else ()
        #: who speaks: the checkpoint, then each member of an ensemble
        self._voices = [
            _Voice(each.identity, each.calibration) for each in (self._checkpoint, *own)
        ]
        appearance.shipped()  # an installation without it fails at once, not at every file

    @property
    def identity(self) -> ModelIdentity:
        return self._checkpoint.identity

    @property
    def is_on_processor(self) -> bool:
        return self._device.type == "cpu"

    def warm_up(self) -> None:
        """One pass over a black image: the first real one then runs at full speed."""
        with torch.inference_mode():
            for member in self._checkpoint.members:
                config = member.preprocessing
                member.model.answer(
                    torch.zeros(1, 1, config.height, config.width, device=self._device)
                )

    def predict_study(self, study: Study, heatmaps: bool = False) -> StudyPrediction:
        """Every view in the study's order, then the breasts, right before left.

        What cannot be decoded is listed under `failures`; nothing is raised for a single file.
        """
        return self.predict_studies([study], heatmaps)[0]

    def predict_studies(
        self, studies: Sequence[Study], heatmaps: bool = False, views_at_once: int = 1
    ) -> list[StudyPrediction]:
        """The same of several studies. With more than one view in a pass of the network, which a
        GPU needs to be busy, answers differ by rounding."""
        found: list[list[_Judged | FailedFile | None]] = []
        waiting: list[_Waiting] = []
        for study in studies:
            of_study: list[_Judged | FailedFile | None] = []
            found.append(of_study)
            for view in study.views:
                looked = _attempted(view, partial(self._look_at, view))
                if not isinstance(looked, tuple):
                    of_study.append(looked)
                    continue
                waiting.append(_Waiting(view, looked, of_study, len(of_study)))
                of_study.append(None)
                if len(waiting) == views_at_once:
                    self._answer(waiting, heatmaps)
                    waiting.clear()
        self._answer(waiting, heatmaps)
        return [self._joined(study, each) for study, each in zip(studies, found, strict=True)]

    def _joined(
        self, study: Study, found: Sequence["_Judged | FailedFile | None"]
    ) -> StudyPrediction:
        judged = [each for each in found if isinstance(each, _Judged)]
        failures = tuple(each for each in found if isinstance(each, FailedFile))
        whole, *members = (
            voice.of_study(study, judged, place, failures)
            for place, voice in enumerate(self._voices)
        )
        return _with_others(whole, members)

    def _look_at(self, view: MammogramView) -> _Judged | tuple[Frame, ...]:
        """What the networks are to see of it, or why they are not asked."""
        if view.out_of_scope is not None:
            return _Judged(view, view.out_of_scope)
        pixels = load_pixels(view)
        image = preprocessing.grey(view, pixels)
        reason = scope.reason_not_to_judge(view, pixels, image)
        if reason is not None:
            return _Judged(view, reason)
        try:
            return ensemble.frames_of(self._checkpoint, image, view.pixel_aspect)
        except UnsupportedImage as error:  # sound and shown, but there is no breast in it
            return _Judged(view, str(error))

    def _answer(self, waiting: Sequence["_Waiting"], wants_heatmap: bool) -> None:
        """Puts each one's answer in its place."""
        together: list[tuple[Output, ...]] = []
        if len(waiting) > 1 and not wants_heatmap:
            try:
                together = self._ask([each.frames for each in waiting])
            except Exception:
                log.debug("Asked one by one: that tells whose fault it is")
        for each, outputs in zip(waiting, together, strict=False):
            each.answers[each.place] = _Judged(each.view, None, outputs)
        for each in waiting[len(together) :]:
            deed = partial(self._judge, each.view, each.frames, wants_heatmap)
            each.answers[each.place] = _attempted(each.view, deed)

    def _judge(
        self, view: MammogramView, frames: tuple[Frame, ...], wants_heatmap: bool
    ) -> _Judged:
        (outputs,) = self._ask([frames])
        explanation: Explanation | None = None
        if wants_heatmap:
            from engine.networks import gradcam

            explanation = gradcam.explain(self._checkpoint, frames)
        return _Judged(view, None, outputs, explanation)

    def _ask(self, images: Sequence[Sequence[Frame]]) -> list[tuple[Output, ...]]:
        """What each voice says of each image."""
        members = self._checkpoint.members
        with torch.inference_mode():
            outputs = []
            for place, member in enumerate(members):
                tensors = np.stack([frames[place][0] for frames in images])
                answer = member.model.answer(torch.from_numpy(tensors).to(self._device))
                malignancy = answer.malignancy
                outputs.append(
                    Output(answer.logits.cpu(), None if malignancy is None else malignancy.cpu())
                )
            joined = self._checkpoint.joined(outputs)
        spoken = (joined, *outputs) if len(outputs) > 1 else (joined,)
        if not all(torch.isfinite(output.logits).all() for output in spoken):
            raise FloatingPointError("the network's answer is not a number")
        return [
            tuple(_of_image(output, place) for output in spoken) for place in range(len(images))
        ]


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A view on its way to the networks, and where its answer goes."""

    view: MammogramView
    frames: tuple[Frame, ...]
    answers: list[_Judged | FailedFile | None]
    place: int


def _attempted(view: MammogramView, deed: Callable[[], T]) -> T | FailedFile:
    """What comes of it, or why this one file has no answer."""
    try:
        return deed()
    except EngineError as error:
        return FailedFile(view.path, error.title, error.advice)
    except Exception as error:
        if is_out_of_memory(error):
            return FailedFile(view.path, "Not enough memory", "Close other programs and try again.")
        log.error("Unexpected fault while judging a view: %s", fault_trace(error))
        return FailedFile(view.path, UNEXPECTED_TITLE, UNEXPECTED_ADVICE)


def _of_image(output: Output, place: int) -> Output:
    malignancy = output.malignancy
    return Output(
        output.logits[place : place + 1],
        None if malignancy is None else malignancy[place : place + 1],
    )


def _with_others(whole: StudyPrediction, members: Sequence[StudyPrediction]) -> StudyPrediction:
    """Each prediction of the ensemble with what its members say of the same."""

    def joined(part, place: int):
        said = [getattr(member, part)[place].prediction for member in members]
        own = getattr(whole, part)[place]
        return replace(own, prediction=replace(own.prediction, others=tuple(said)))

    return replace(
        whole,
        views=tuple(joined("views", place) for place in range(len(whole.views))),
        breasts=tuple(joined("breasts", place) for place in range(len(whole.breasts))),
    )


@dataclass(frozen=True)
class _Voice:
    """Outputs in somebody's own calibrated words."""

    model: ModelIdentity
    calibration: Calibration

    def of_study(
        self,
        study: Study,
        judged: Sequence[_Judged],
        place: int,
        failures: tuple[FailedFile, ...],
    ) -> StudyPrediction:
        """`place` is this voice's among the outputs; the first alone has the heat-maps."""
        views = tuple(
            ViewPrediction(
                each.view.image_uid,
                self._silent(each.scope_reason)
                if each.scope_reason is not None
                else self._said([each.outputs[place]]),
                each.explanation if place == 0 else None,
            )
            for each in judged
        )
        breasts = self._breasts(study, judged, place) if study.is_joined else ()
        return StudyPrediction(study.uid, self.model, views, breasts, failures)

    def _breasts(
        self, study: Study, judged: Sequence[_Judged], place: int
    ) -> tuple[BreastPrediction, ...]:
        breasts = []
        for side in (Laterality.RIGHT, Laterality.LEFT):
            if not any(view.laterality is side for view in study.views):
                continue
            of_side = [each for each in judged if each.outputs and each.view.laterality is side]
            prediction = (
                self._said([each.outputs[place] for each in of_side])
                if of_side
                else self._silent("No view of this breast can be judged.")
            )
            uids = tuple(each.view.image_uid for each in of_side)
            breasts.append(BreastPrediction(side, prediction, uids))
        return tuple(breasts)

    def _said(self, outputs: Sequence[Output]) -> Prediction:
        """Of one view, or of a breast by its views; a breast in one view keeps the view's words."""
        logits = np.stack([output.logits[0].double().numpy() for output in outputs])
        probabilities = self.calibration.breast_probabilities(logits)
        malignancy = None
        if outputs[0].malignancy is not None and self.calibration.malignancy_view is not None:
            logits = np.array([float(output.malignancy[0]) for output in outputs])
            malignancy = float(self.calibration.breast_malignancy(logits))
        grades = self.model.categories
        return Prediction(
            self.model,
            {grade: float(p) for grade, p in zip(grades, probabilities, strict=True)},
            malignancy=malignancy,
        )

    def _silent(self, reason: str) -> Prediction:
        return Prediction(self.model, None, scope_reason=reason)
