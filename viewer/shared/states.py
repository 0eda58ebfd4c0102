"""What the program is doing, as values that the session tells and the panes show."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from engine.domain import (
    ModelIdentity,
    ReaderAssessment,
    ReadingMode,
    RegionJudgement,
    StudyPrediction,
)
from engine.errors import EngineError
from viewer.shared.languages import mark

MODEL_TITLES: Mapping[str, str] = {
    "both": mark("Both networks as one"),
    "hybrid": mark("Hybrid (ResNet-50 + transformer)"),
    "light": mark("Lightweight CNN"),
}


SHORT_TITLES: Mapping[str, str] = {  # where the full one has no room
    "both": mark("Both"),
    "hybrid": mark("Hybrid"),
    "light": mark("Light"),
}
OTHER_MODEL: Mapping[str, str] = {"hybrid": "light", "light": "hybrid"}  # who is a second opinion


class StudyState(Enum):
    """How far the current model is with a study."""

    IDLE = mark("not asked")  #: the run was cancelled, or the engine cannot run
    QUEUED = mark("queued")
    RUNNING = "running"
    DONE = "done"
    OUT_OF_SCOPE = mark("out of scope")  #: done, and no view of it may be judged
    FAILED = mark("failed")


@dataclass(frozen=True)
class StudyStatus:
    state: StudyState
    failure: EngineError | None = None  #: with state FAILED
    progress: "StudyProgress | None" = None  #: with state RUNNING, once the engine tells of it


@dataclass(frozen=True)
class StudyProgress:
    """How far a network is with the study that it is at."""

    view: int  #: that it is at, from 1
    views: int
    seconds_left: float | None  #: of all views that are left; None while its pace is not known


class EngineState(Enum):
    """How far the engine process is with the current model."""

    ASLEEP = "not started"  #: until the first image is on the screen
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class EngineStatus:
    """The engine and the model it was asked for."""

    state: EngineState
    model_name: str
    identity: ModelIdentity | None = None  #: with state READY
    failure: EngineError | None = None  #: with state FAILED


@dataclass(frozen=True)
class OtherModelPrediction:
    """What the model that was not chosen says of the open study, or how far it is with it."""

    study_uid: str
    engine: EngineStatus  #: of that model
    status: StudyStatus
    prediction: StudyPrediction | None = None


@dataclass(frozen=True)
class RegionRequest:
    """What the region network says of a rectangle in the open study, or that it is being asked."""

    image_uid: str
    box: tuple[int, int, int, int]  #: as in `RegionPrediction`
    prediction: RegionJudgement | None = None
    failure: EngineError | None = None

    @property
    def is_pending(self) -> bool:
        return self.prediction is None and self.failure is None


class RunState(Enum):
    """Whether inference goes through the worklist; the open study is answered in any case."""

    RUNNING = "running"
    PAUSED = "paused"  #: the rest keeps its place in the queue
    CANCELLED = "cancelled"


class Phase(Enum):
    """What the reader of the open study may be shown of the model's answer, and why."""

    OPEN = "shown at once"
    BEFORE = "hidden until a category is stored for each breast"
    WAITING = "the categories are stored, the answer is not there yet"
    AFTER = "revealed after the reader's own categories"
    NEVER = "kept for the audit, not shown"

    @property
    def is_hidden(self) -> bool:
        return self in (Phase.BEFORE, Phase.WAITING, Phase.NEVER)


@dataclass(frozen=True)
class ReadingState:
    """How the open study is read."""

    mode: ReadingMode
    phase: Phase
    chosen: ReadingMode  #: from the next study on, where it is another than `mode`


class HowRead(NamedTuple):
    """How far the readings of a study are."""

    is_read: bool  #: anybody has recorded an assessment that stands
    is_unfinished: bool  #: this reader's second read was begun, and no category kept or changed
    has_disagreed: bool  #: with the model, as far as it may be told


@dataclass(frozen=True)
class VisibleReading:
    """A stored reading, without what the model said where its reader may not be told that now."""

    reading: ReaderAssessment
    is_hidden: bool  #: whether anything of the model was left out, or would be if it had answered


def program_error(title: str) -> EngineError:
    """What the reader is told of a bug of ours, while its traceback goes to the log."""
    advice = mark("This is a fault of the program: please report it with its log file.")
    return EngineError(title, advice)
