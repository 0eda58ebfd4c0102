"""What the networks say of a study: per view, then per breast, or why they say nothing.

Files in, frozen values out; tensors and logits stay inside. A network looks at every view alone;
what it sees in the views of one breast is read together (`Calibration.read_breast`). A file that
cannot be judged never stops the next.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from engine.dicom.loading import load_pixels
from engine.domain import (
    DEFAULT_MODEL,
    BreastPrediction,
    Explanation,
    FailedFile,
    Judgement,
    Laterality,
    MammogramView,
    ModelIdentity,
    OutOfScope,
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

    `checkpoint_path` stands in for the shipped checkpoint of `name`. Raises
    `IncompatibleCheckpoint`.
    """

    def __init__(self, checkpoint_path: Path | None = None, name: str = DEFAULT_MODEL) -> None:
        path = checkpoint_path or shipped_checkpoint(name)
        self._checkpoint = ensemble.load(path).made_fast()
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

    def warm_up(self) -> None:
        """One pass over a black image: the first real one then runs at full speed."""
        with torch.inference_mode():
            for member in self._checkpoint.members:
                config = member.preprocessing
                member.model.answer(torch.zeros(1, 1, config.height, config.width))

    def predict_study(
        self,
        study: Study,
        heatmaps: bool = False,
        on_view: Callable[[int, int], None] | None = None,
    ) -> StudyPrediction:
        """Every view in the study's order, then the breasts, right before left.

        What cannot be decoded is listed under `failures`; nothing is raised for a single file.
        `on_view` is told of views that are done, before the next is begun, and views in all.
        """
        judged, failures = [], []
        for number, view in enumerate(study.views):
            if on_view is not None:
                on_view(number, len(study.views))
            try:
                judged.append(self._judge(view, heatmaps))
            except EngineError as error:
                failures.append(FailedFile(view.path, error.title, error.advice))
            except Exception as error:
                if is_out_of_memory(error):
                    advice = "Close other programs and try again."
                    failures.append(FailedFile(view.path, "Not enough memory", advice))
                    continue
                log.error("Unexpected fault while judging a view: %s", fault_trace(error))
                failures.append(FailedFile(view.path, UNEXPECTED_TITLE, UNEXPECTED_ADVICE))
        whole, *members = (
            voice.of_study(study, judged, place, tuple(failures))
            for place, voice in enumerate(self._voices)
        )
        return _with_others(whole, members)

    def _judge(self, view: MammogramView, wants_heatmap: bool) -> _Judged:
        if view.out_of_scope is not None:
            return _Judged(view, view.out_of_scope)
        pixels = load_pixels(view)
        image = preprocessing.grey(view, pixels)
        reason = scope.reason_not_to_judge(view, pixels, image)
        if reason is not None:
            return _Judged(view, reason)
        try:
            frames = ensemble.frames_of(self._checkpoint, image, view.pixel_aspect)
        except UnsupportedImage as error:  # sound and shown, but there is no breast in it
            return _Judged(view, str(error))
        outputs = self._ask(frames)
        explanation: Explanation | None = None
        if wants_heatmap:
            from engine.networks import gradcam

            explanation = gradcam.explain(self._checkpoint, frames)
        return _Judged(view, None, outputs, explanation)

    def _ask(self, frames: Sequence[Frame]) -> tuple[Output, ...]:
        """What each voice says of one image."""
        members = self._checkpoint.members
        with torch.inference_mode():
            outputs = [
                member.model.answer(torch.from_numpy(tensor)[None])
                for member, (tensor, _) in zip(members, frames, strict=True)
            ]
            joined = self._checkpoint.joined(outputs)
        spoken = (joined, *outputs) if len(outputs) > 1 else (joined,)
        if not all(torch.isfinite(output.logits).all() for output in spoken):
            raise FloatingPointError("the network's answer is not a number")
        return spoken


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
        said: dict[int, Prediction] = {}  # by place among the judged
        breasts: list[BreastPrediction] = []
        for side in (Laterality.RIGHT, Laterality.LEFT):
            if not study.is_joined or not any(view.laterality is side for view in study.views):
                continue
            together = [i for i, e in enumerate(judged) if e.outputs and e.view.laterality is side]
            breast: Judgement = self._silent("No view of this breast can be judged.")
            if together:
                views, breast = self._read([judged[index].outputs[place] for index in together])
                said.update(zip(together, views, strict=True))
            uids = tuple(judged[index].view.image_uid for index in together)
            breasts.append(BreastPrediction(side, breast, uids))
        for index, each in enumerate(judged):
            if each.outputs and index not in said:
                (said[index],), _ = self._read([each.outputs[place]])
        views = tuple(
            ViewPrediction(
                each.view.image_uid,
                said.get(index) or self._silent(each.scope_reason),
                each.explanation if place == 0 else None,
            )
            for index, each in enumerate(judged)
        )
        return StudyPrediction(study.uid, self.model, views, tuple(breasts), failures)

    def _read(self, outputs: Sequence[Output]) -> tuple[list[Prediction], Prediction]:
        """Of the views of one breast, at least one; and of the breast."""
        logits = np.stack([output.logits[0].double().numpy() for output in outputs])
        malignancy = None
        if outputs[0].malignancy is not None:
            malignancy = np.array([float(output.malignancy[0]) for output in outputs])
        read = self.calibration.read_breast(logits, malignancy, self.model.categories)
        views = [self._prediction(probabilities, read.cancer) for probabilities in read.views]
        return views, self._prediction(read.breast, read.cancer)

    def _prediction(self, probabilities: np.ndarray, cancer: float | None) -> Prediction:
        grades = self.model.categories
        return Prediction(
            self.model,
            {grade: float(p) for grade, p in zip(grades, probabilities, strict=True)},
            malignancy=cancer,
        )

    def _silent(self, reason: str) -> OutOfScope:
        return OutOfScope(self.model, reason)
