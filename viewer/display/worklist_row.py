"""What a row of the worklist says: of a study how far the model and the reader are with it, else
what could not be read; and which rows a filter and a search let through.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import ClassVar

from PySide6.QtGui import QImage

from engine.domain import Catalogue, FailedFile, Prediction, Study, StudyPrediction
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised, localised_error
from viewer.shared.plain_text import natural, shortened, tool_tip, visible_lines
from viewer.shared.states import StudyState, StudyStatus

Badge = tuple[str, int | None]  #: ('R', 4) of a breast; None: out of scope
_SUSPICIOUS_CATEGORY = 4
_SEARCHED_LENGTH = 4096  # characters of a row's words; a hostile header has millions


class WorklistFilter(Enum):
    """Which rows are listed."""

    ALL = mark("All studies")
    UNREAD = mark("Unread")
    READ = mark("Read already")
    DISAGREED = mark("Disagreed with the model")
    SUSPICIOUS = mark("Suspicious: model 4 or 5")
    FAILED = mark("Failed")

    @property
    def tells_of_the_model(self) -> bool:
        """Whether its rows, and their number, say what the model said."""
        return self in (WorklistFilter.DISAGREED, WorklistFilter.SUSPICIOUS)


class WorklistOrder(Enum):
    """What the studies are sorted by; failures and notes come after them in all."""

    OPENED = mark("As opened")
    PATIENT = mark("Patient")
    DATE = mark("Date")
    READING = mark("Reading")
    SUSPICION = mark("Model")

    @property
    def tells_of_the_model(self) -> bool:
        return self is WorklistOrder.SUSPICION


@dataclass(eq=False)
class StudyRow:
    number: int  #: in the order of the catalogue
    study: Study
    status: StudyStatus = field(default_factory=lambda: StudyStatus(StudyState.QUEUED))
    prediction: StudyPrediction | None = None
    badges: tuple[Badge, ...] = ()  #: of the prediction, once for all who paint and filter
    thumbnail: QImage | None = None
    has_draft: bool = False
    is_earlier: bool = False  #: a prior of another one listed: read elsewhere, here to compare
    is_read: bool = False
    is_unfinished: bool = False  #: a second read, with no category kept or changed
    has_disagreed: bool = False  #: a reading that stands disagrees, and that may be told

    def passes(self, wanted: WorklistFilter) -> bool:
        if wanted is WorklistFilter.ALL:
            return True
        if wanted is WorklistFilter.DISAGREED:
            return self.has_disagreed
        if wanted is WorklistFilter.SUSPICIOUS:
            return any(is_suspicious(category) for _, category in self.badges)
        if wanted is WorklistFilter.FAILED:
            return self.status.state is StudyState.FAILED
        is_done = self.is_read and not self.is_unfinished
        if wanted is WorklistFilter.READ:
            return is_done
        return not is_done and (not self.is_earlier or self.has_draft or self.is_unfinished)

    @cached_property
    def searched(self) -> str:
        """Name, ID and date, also without hyphens, as `search_words` are."""
        study = self.study
        date = f"{study.study_date:%Y-%m-%d %Y%m%d}" if study.study_date else ""
        return _folded(f"{study.patient_id} {study.patient_name} {study.description} {date}")

    def sort_key(self, order: WorklistOrder) -> str:
        """Compares as text; equals stand as they were opened."""
        key = {
            WorklistOrder.OPENED: "",
            WorklistOrder.PATIENT: natural(_folded(self.title)),
            WorklistOrder.DATE: self.study.study_date.isoformat() if self.study.study_date else "",
            WorklistOrder.READING: str(self._reading_rank),
            # what is not known yet stands below what is
            WorklistOrder.SUSPICION: f"{self.prediction.suspicion:.9f}" if self.prediction else "",
        }[order]
        place = (
            self.number
            if order in (WorklistOrder.PATIENT, WorklistOrder.READING)
            else 10**8 - self.number
        )
        return f"{key}\0{place:09}"

    @property
    def _reading_rank(self) -> int:
        """What is begun comes first, then what is not, then priors."""
        if self.has_draft:
            return 0
        if self.is_unfinished:
            return 1
        if self.is_read:
            return 4
        return 3 if self.is_earlier else 2

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
            tr("prior", "an earlier study of a patient") if self.is_earlier else "",
            tr("notes") if self.study.notes else "",
            tr("unsaved reading") if self.has_draft else "",
            read if self.is_read else "",
            tr("disagreed with the model") if self.has_disagreed else "",
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

    title: str
    text: str
    is_failure: bool
    study: ClassVar[None] = None

    def passes(self, wanted: WorklistFilter) -> bool:
        return wanted is WorklistFilter.ALL or (wanted is WorklistFilter.FAILED and self.is_failure)

    @cached_property
    def searched(self) -> str:
        """A file is searched by its name; notes are of all."""
        return _folded(self.title) if self.is_failure else ""

    @property
    def sentence(self) -> str:
        return f"{self.title}. {self.text}"

    @property
    def tool_tip(self) -> str:
        return tool_tip(self.title, self.text)


Row = StudyRow | MessageRow


def badges_of(prediction: StudyPrediction) -> tuple[Badge, ...]:
    """Of each breast that the model was asked about.

    Of views that make no breast the most suspicious one's, under a question mark.
    """
    if not prediction.breasts and prediction.views:
        views = [view.prediction for view in prediction.views]
        judged = [each for each in views if isinstance(each, Prediction)]
        worst = max(judged, key=lambda each: (each.suspicion, each.category), default=None)
        return (("?", None if worst is None else worst.category),)
    judgements = ((b.laterality.value, b.prediction) for b in prediction.breasts)
    return tuple(
        (side, each.category if isinstance(each, Prediction) else None) for side, each in judgements
    )


def is_suspicious(category: int | None) -> bool:
    return category is not None and category >= _SUSPICIOUS_CATEGORY


def search_words(text: str) -> tuple[str, ...]:
    """All of which a row must have, whatever their case, accents and order."""
    return tuple(_folded(text).split())


def is_found(row: Row, words: Sequence[str]) -> bool:
    return all(word in row.searched for word in words)


def _folded(text: str) -> str:
    """A DICOM name's parts apart; without accents, so that Munoz finds Muñoz."""
    parts = re.sub(r"[\^=]", " ", text[:_SEARCHED_LENGTH])
    if parts.isascii():
        return parts.lower()
    letters = unicodedata.normalize("NFKD", parts.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def message_rows(catalogue: Catalogue) -> list[MessageRow]:
    """Failures, then notes."""
    failures = [_failure(failure) for failure in catalogue.failures]
    notes = [(tr("Note", "on the list"), note, False) for note in _notes(catalogue)]
    return [MessageRow(*row) for row in (*failures, *notes)]


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
