"""What the networks predict of a study: per view, then per breast, or why they do not.

Files in, frozen values out; tensors and logits stay inside. A network looks at every view alone;
what it sees in the views of one breast is read together (`Calibration.read_breast`). A file that
cannot be judged never stops the next.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
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
    error_trace,
    is_out_of_memory,
)
from engine.messages import Message, message
from engine.networks import appearance, ensemble, gradcam, preprocessing, scope
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import shipped_checkpoint
from engine.networks.ensemble import Frame
from engine.networks.models import NetworkOutput
from engine.networks.packed import packed

P = TypeVar("P", ViewPrediction, BreastPrediction)
T = TypeVar("T")
log = logging.getLogger(__name__)

UNEXPECTED_TITLE = message("Unexpected fault in this file")
UNEXPECTED_ADVICE = message(
    "This is a bug of the program: please report it with the log; go on without it."
)


def another_network(wanted: str, found: str) -> IncompatibleCheckpoint:
    """A file that holds another network than the wanted one."""
    return IncompatibleCheckpoint(
        message("Checkpoint refused"),
        message(
            "It holds the network {found}, not {asked}. Install the program again or choose "
            "another.",
            found=found,
            asked=wanted,
        ),
    )


@dataclass(frozen=True, eq=False)
class _ViewOutput:
    """What a view came to, until its breast is pooled."""

    view: MammogramView
    scope_reason: Message | None = None  #: why no network ran
    outputs: tuple[NetworkOutput, ...] = ()  #: by calibrator; each of one image, float64
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
    where the networks run; heat-maps are made on a processor only. Raises
    `IncompatibleCheckpoint`.
    """

    def __init__(
        self,
        checkpoint_path: Path | None = None,
        name: str = DEFAULT_MODEL,
        device: str = "cpu",
    ) -> None:
        path = checkpoint_path or shipped_checkpoint(name)
        self._checkpoint = ensemble.load(path).optimized_for_inference()
        self._device = torch.device(device)
        for member in self._checkpoint.members:
            if self.is_on_processor:
                packed(member.model)
            else:
                member.model.to(self._device)
        if checkpoint_path is None and self.identity.name != name:
            raise another_network(name, self.identity.name)
        members = self._checkpoint.members
        own = members if len(members) > 1 else ()
        #: of the checkpoint, then of each member of an ensemble
        self._calibrators = [
            _Calibrator(each.identity, each.calibration) for each in (self._checkpoint, *own)
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
                member.model.predict(
                    torch.zeros(1, 1, config.height, config.width, device=self._device)
                )

    def predict_study(
        self,
        study: Study,
        heatmaps: bool = False,
        on_view: Callable[[int, int, StudyPrediction | None], None] | None = None,
    ) -> StudyPrediction:
        """Every view in the study's order, then the breasts, right before left.

        What cannot be decoded is listed under `failures`; nothing is raised for a single file.
        Judged is breast by breast. `on_view` is told, before a view is begun, of views that are
        done, of views in all and, when the last view of a breast is done, of what is final by then.
        Whoever asks so waits: each view is made ready on another thread, while the one before it
        is with the networks.
        """
        found: dict[int, _ViewOutput | FailedFile] = {}  # by the view's place in the study
        order = _breast_by_breast(study)
        if on_view is None:
            for place in order:
                view = study.views[place]
                found[place] = self._judge(view, partial(self._prepared, view), heatmaps)
            return self._pooled(study, [found[place] for place in sorted(found)])
        with ThreadPoolExecutor(1, "preparing") as thread:
            coming = [(place, study.views[place]) for place in order]
            ahead = [thread.submit(self._prepared, view) for _, view in coming[:1]]
            for number, (place, view) in enumerate(coming):
                on_view(number, len(coming), self._final_so_far(study, found))
                prepared = ahead.pop()
                wait([prepared])
                ahead += [
                    thread.submit(self._prepared, following)
                    for _, following in coming[number + 1 : number + 2]
                ]
                found[place] = self._judge(view, prepared.result, heatmaps)
        return self._pooled(study, [found[place] for place in sorted(found)])

    def _final_so_far(
        self, study: Study, found: "Mapping[int, _ViewOutput | FailedFile]"
    ) -> StudyPrediction | None:
        """The breasts whose views are all found; None where the last view completed none.

        The views of a breast are read together, so one alone says nothing that would last.
        """
        coming = {v.laterality for place, v in enumerate(study.views) if place not in found}
        coming.add(None)
        if not found or not study.is_joined or study.views[[*found][-1]].laterality in coming:
            return None
        final = [place for place in sorted(found) if study.views[place].laterality not in coming]
        part = replace(study, views=tuple(study.views[place] for place in final))
        return self._pooled(part, [found[place] for place in final])

    def predict_studies(self, studies: Sequence[Study], batch: int) -> list[StudyPrediction]:
        """The same of several studies, that many views in a pass of the network: a GPU is idle
        otherwise. Predictions differ from `predict_study` by rounding; there are no heat-maps."""
        found: list[list[_ViewOutput | FailedFile | None]] = []
        waiting: list[_Waiting] = []
        for study in studies:
            of_study: list[_ViewOutput | FailedFile | None] = []
            found.append(of_study)
            for view in study.views:
                prepared = _attempted(view, partial(self._prepared, view))
                if isinstance(prepared, _ViewOutput | FailedFile):
                    of_study.append(prepared)
                    continue
                waiting.append(_Waiting(view, prepared, of_study, len(of_study)))
                of_study.append(None)
                if len(waiting) == batch:
                    self._pass(waiting)
                    waiting.clear()
        self._pass(waiting)
        return [
            self._pooled(study, [each for each in of_study if each is not None])
            for study, of_study in zip(studies, found, strict=True)
        ]

    def _pooled(self, study: Study, found: "Sequence[_ViewOutput | FailedFile]") -> StudyPrediction:
        judged = [each for each in found if isinstance(each, _ViewOutput)]
        failures = tuple(each for each in found if isinstance(each, FailedFile))
        whole, *members = (
            calibrator.of_study(study, judged, place, failures)
            for place, calibrator in enumerate(self._calibrators)
        )
        return _with_others(whole, members)

    def _judge(
        self,
        view: MammogramView,
        prepare: Callable[[], _ViewOutput | tuple[Frame, ...]],
        wants_heatmap: bool,
    ) -> _ViewOutput | FailedFile:
        return _attempted(view, lambda: self._looked_at(view, prepare(), wants_heatmap))

    def _looked_at(
        self,
        view: MammogramView,
        prepared: _ViewOutput | tuple[Frame, ...],
        wants_heatmap: bool,
    ) -> _ViewOutput:
        if isinstance(prepared, _ViewOutput):
            return prepared
        upright: Sequence[NetworkOutput] | None = None
        explanation: Explanation | None = None
        if wants_heatmap:
            upright, explanation = gradcam.look_and_explain(self._checkpoint, prepared)
        (outputs,) = self._forward([prepared], upright)
        return _ViewOutput(view, None, outputs, explanation)

    def _prepared(self, view: MammogramView) -> _ViewOutput | tuple[Frame, ...]:
        """What the networks are to see of it, by member, or why they do not run."""
        if view.out_of_scope is not None:
            return _ViewOutput(view, view.out_of_scope)
        pixels = load_pixels(view)
        image = preprocessing.grey(view, pixels)
        reason = scope.reason_not_to_judge(view, pixels, image)
        if reason is not None:
            return _ViewOutput(view, reason)
        try:
            return ensemble.frames_of(self._checkpoint, image, view.pixel_aspect)
        except UnsupportedImage as error:  # sound and shown, but there is no breast in it
            return _ViewOutput(view, error.message)

    def _pass(self, waiting: "Sequence[_Waiting]") -> None:
        """Puts each view's outputs in their place."""
        together: list[tuple[NetworkOutput, ...]] = []
        if len(waiting) > 1:
            try:
                together = self._forward([each.frames for each in waiting])
            except Exception:  # noqa: BLE001  whose fault it is comes out below
                log.debug("A pass of %d views failed: one by one now", len(waiting))
        for each, outputs in zip(waiting, together, strict=False):
            each.found[each.place] = _ViewOutput(each.view, None, outputs)
        for each in waiting[len(together) :]:
            each.found[each.place] = _attempted(each.view, partial(self._alone, each))

    def _alone(self, waiting: "_Waiting") -> _ViewOutput:
        (outputs,) = self._forward([waiting.frames])
        return _ViewOutput(waiting.view, None, outputs)

    def _forward(
        self,
        images: Sequence[Sequence[Frame]],
        upright: Sequence[NetworkOutput] | None = None,
    ) -> list[tuple[NetworkOutput, ...]]:
        """Of each image, by calibrator; `upright` is what the members' `forward` gave, if known."""
        with torch.inference_mode():
            outputs = []
            for place, member in enumerate(self._checkpoint.members):
                tensors = np.stack([frames[place][0] for frames in images])
                output = member.model.predict_after(
                    None if upright is None else upright[place],
                    torch.from_numpy(tensors).to(self._device),
                )
                outputs.append(_moved(output))
            joint = self._checkpoint.combined(outputs)
        found = (joint, *outputs) if len(outputs) > 1 else (joint,)
        if not all(torch.isfinite(output.logits).all() for output in found):
            raise FloatingPointError("the network's answer is not a number")
        return [tuple(_of_image(each, place) for each in found) for place in range(len(images))]


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A view on its way to the networks, and where its outputs go."""

    view: MammogramView
    frames: tuple[Frame, ...]
    found: list[_ViewOutput | FailedFile | None]
    place: int


def _breast_by_breast(study: Study) -> list[int]:
    """The views' places, that breast first whose view comes first."""
    sides = [view.laterality for view in study.views]
    return sorted(range(len(sides)), key=lambda place: sides.index(sides[place]))


def _attempted(view: MammogramView, action: Callable[[], T]) -> T | FailedFile:
    """What comes of it, or why this one file has no prediction."""
    try:
        return action()
    except EngineError as error:
        return FailedFile(view.path, error.title, error.advice)
    except Exception as error:  # noqa: BLE001  a bug at one file stops no study
        if is_out_of_memory(error):
            advice = message("Close other programs and try again.")
            return FailedFile(view.path, message("Not enough memory"), advice)
        log.error("Unexpected fault while judging a view: %s", error_trace(error))
        return FailedFile(view.path, UNEXPECTED_TITLE, UNEXPECTED_ADVICE)


def _moved(output: NetworkOutput) -> NetworkOutput:
    """To where calibrations are worked out."""
    malignancy = output.malignancy
    return NetworkOutput(output.logits.cpu(), None if malignancy is None else malignancy.cpu())


def _of_image(output: NetworkOutput, place: int) -> NetworkOutput:
    malignancy = output.malignancy
    return NetworkOutput(
        output.logits[place : place + 1],
        None if malignancy is None else malignancy[place : place + 1],
    )


def _with_others(whole: StudyPrediction, members: Sequence[StudyPrediction]) -> StudyPrediction:
    """Each prediction of the ensemble with what its members say of the same."""

    def with_others(own: P, *others: P) -> P:
        alone = tuple(other.prediction for other in others)
        return replace(own, prediction=replace(own.prediction, others=alone))

    views = [each.views for each in (whole, *members)]
    breasts = [each.breasts for each in (whole, *members)]
    return replace(
        whole,
        views=tuple(with_others(*same) for same in zip(*views, strict=True)),
        breasts=tuple(with_others(*same) for same in zip(*breasts, strict=True)),
    )


@dataclass(frozen=True)
class _Calibrator:
    """Makes predictions of outputs, of the ensemble's or of one of its members."""

    model: ModelIdentity
    calibration: Calibration

    def of_study(
        self,
        study: Study,
        judged: Sequence[_ViewOutput],
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
            breast: Judgement = self._out_of_scope(message("No view of this breast can be judged."))
            if together:
                of_views, breast = self._read([judged[i].outputs[place] for i in together])
                said.update(zip(together, of_views, strict=True))
            uids = tuple(judged[index].view.image_uid for index in together)
            breasts.append(BreastPrediction(side, breast, uids))
        for index, each in enumerate(judged):
            if each.outputs and index not in said:
                (said[index],), _ = self._read([each.outputs[place]])
        views = tuple(
            ViewPrediction(
                each.view.image_uid,
                said[index] if each.scope_reason is None else self._out_of_scope(each.scope_reason),
                each.explanation if place == 0 else None,
            )
            for index, each in enumerate(judged)
        )
        return StudyPrediction(study.uid, self.model, views, tuple(breasts), failures)

    def _read(self, outputs: Sequence[NetworkOutput]) -> tuple[list[Prediction], Prediction]:
        """Of the views of one breast, at least one; and of the breast."""
        logits = np.stack([output.logits[0].double().numpy() for output in outputs])
        heads = [float(o.malignancy[0]) for o in outputs if o.malignancy is not None]
        malignancy = np.array(heads) if heads else None
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

    def _out_of_scope(self, reason: Message) -> OutOfScope:
        return OutOfScope(self.model, reason)
