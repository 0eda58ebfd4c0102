"""What a row of the worklist says: of a study how far the model and the reader are with it, else
what could not be read.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from PySide6.QtGui import QImage

from engine.domain import Catalogue, FailedFile, Prediction, Study, StudyPrediction
from viewer.shared.languages import tr
from viewer.shared.messages import localised, localised_error
from viewer.shared.plain_text import shortened, tool_tip, visible_lines
from viewer.shared.states import StudyState, StudyStatus

Rank = tuple[int, float, int]  #: sorts by suspicion; failures and notes come last
Badge = tuple[str, int | None]  #: ('R', 4) of a breast; None: out of scope
_STUDY_RANK, _FAILURE_RANK, _NOTE_RANK = range(3)


@dataclass(eq=False)
class StudyRow:
    number: int  #: in the order of the catalogue
    study: Study
    status: StudyStatus = field(default_factory=lambda: StudyStatus(StudyState.QUEUED))
    prediction: StudyPrediction | None = None
    thumbnail: QImage | None = None
    has_draft: bool = False
    is_read: bool = False
    is_unfinished: bool = False  #: a second read, with no category kept or changed

    @property
    def title(self) -> str:
        return shortened(self.study.patient_id) or tr("No patient ID")

    @property
    def text(self) -> str:
        count, date = len(self.study.views), self.study.study_date
        images = tr("1 image") if count == 1 else tr("%n images", "", count)
        when = date.isoformat() if date else tr("no date")
        return f"{when} · {images}"

    @property
    def rank(self) -> Rank:
        """What is not known yet comes after what is."""
        suspicion = -1.0 if self.prediction is None else self.prediction.suspicion
        return _STUDY_RANK, -suspicion, self.number

    @property
    def badges(self) -> tuple[Badge, ...]:
        """Of each breast that the model was asked about.

        Of views that make no breast the most suspicious one's, under a question mark.
        """
        if self.prediction is None:
            return ()
        if not self.prediction.breasts and self.prediction.views:
            views = [view.prediction for view in self.prediction.views]
            judged = [each for each in views if isinstance(each, Prediction)]
            worst = max(judged, key=lambda each: (each.suspicion, each.category), default=None)
            return (("?", None if worst is None else worst.category),)
        judgements = ((b.laterality.value, b.prediction) for b in self.prediction.breasts)
        return tuple(
            (side, each.category if isinstance(each, Prediction) else None)
            for side, each in judgements
        )

    @property
    def state_text(self) -> str:
        """What stands beside the badges: empty once the model is done."""
        if self.status.state is StudyState.DONE:
            return ""
        if self.status.failure is not None:
            return localised(self.status.failure.title)
        if self.status.state is StudyState.RUNNING:
            progress = self.status.progress
            if progress is None:
                return tr("running …")
            at = tr("view {number} of {count} …", "that the model is at")
            return at.format(number=progress.view, count=progress.views)
        return tr(self.status.state.value)

    @property
    def sentence(self) -> str:
        """The row in words, for screen readers."""
        breasts = [_badge_text(side, category) for side, category in self.badges]
        read = tr("reading not finished") if self.is_unfinished else tr("read", "by the reader")
        marks = (
            tr("notes") if self.study.notes else "",
            tr("unsaved reading") if self.has_draft else "",
            read if self.is_read else "",
        )
        patient = tr("Patient {name}").format(name=self.title)
        parts = [patient, self.text, *breasts, self.state_text, *marks]
        return ", ".join(part for part in parts if part)

    @property
    def tool_tip(self) -> str:
        study = self.study
        lines = [f"{study.patient_id} {study.patient_name}".strip(), self.text, study.description]
        lines.append(", ".join(view.label for view in study.views))
        lines += map(localised, study.notes)
        if self.status.failure is not None:
            lines.append(localised_error(self.status.failure))
        return tool_tip(*lines)


@dataclass(eq=False)
class MessageRow:
    """A file that could not be read, or a note on the list."""

    number: int
    title: str
    text: str
    is_failure: bool
    study: ClassVar[None] = None

    @property
    def rank(self) -> Rank:
        return _FAILURE_RANK if self.is_failure else _NOTE_RANK, 0.0, self.number

    @property
    def sentence(self) -> str:
        return f"{self.title}. {self.text}"

    @property
    def tool_tip(self) -> str:
        return tool_tip(self.title, self.text)


Row = StudyRow | MessageRow


def message_rows(catalogue: Catalogue, first: int) -> list[MessageRow]:
    """Failures, then notes, numbered from `first` on."""
    failures = [_failure(failure) for failure in catalogue.failures]
    notes = [(tr("Note", "on the list"), note, False) for note in _notes(catalogue)]
    return [MessageRow(first + n, *row) for n, row in enumerate([*failures, *notes])]


def _failure(failure: FailedFile) -> tuple[str, str, bool]:
    text = f"{localised(failure.title)}. {localised(failure.advice)}"
    return shortened(failure.path.name), visible_lines(text), True


def _notes(catalogue: Catalogue) -> tuple[str, ...]:
    count = catalogue.skipped_count
    notes = tuple(visible_lines(localised(note)) for note in catalogue.notes)
    if not count:
        return notes
    if count == 1:
        return (*notes, tr("1 file is no image and was skipped."))
    return (*notes, tr("%n files are no images and were skipped.", "", count))


def _badge_text(side: str, category: int | None) -> str:
    """For screen readers."""
    template = {
        "R": tr("right {said}"),
        "L": tr("left {said}"),
        "?": tr("side unknown, {said}"),
    }[side]
    text = (
        tr("out of scope")
        if category is None
        else tr("model category {category}").format(category=category)
    )
    return template.format(said=text)
