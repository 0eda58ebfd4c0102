"""What the reader of the open studies has said, and what he may be shown of the model's answer.

One place decides both, because the one hangs on the other: what the reader has stored reveals the
answer (`viewer.reading_modes` has the rules), and what was shown is on record with the reading.
Nothing here tells anybody anything; the session asks, and tells.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.domain import ReaderAssessment, ReadingMode, Study, StudyPrediction
from engine.errors import StorageFailed
from engine.readings import ReadingStore
from viewer.reading_modes import Disclosure, second_read
from viewer.states import Phase, ReadingState

log = logging.getLogger(__name__)


class Readings:
    """Lives on the window's thread. Raises StorageFailed where the store cannot be used."""

    def __init__(self, path: Path, mode: ReadingMode) -> None:
        self._path = path
        self._store: ReadingStore | None = None
        self._disclosure = Disclosure(mode)
        self._studies: Mapping[str, Study] = {}
        self._current: Study | None = None
        self._revealed: dict[str, bool] = {}  # per study uid: to this reader, in second read
        self._on_screen_s: dict[str, float] = {}  # per study uid, but for the time since:
        self._on_screen_since = time.monotonic()

    @property
    def store(self) -> ReadingStore:
        """Opened when it is first needed; raises StorageFailed."""
        if self._store is None:
            self._store = ReadingStore(self._path)
        return self._store

    def check(self) -> None:
        """Raises StorageFailed now, not at the first save, where readings cannot be stored."""
        _ = self.store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    # ------------------------------------------------------------------- who reads what, and how

    def open(self, studies: Mapping[str, Study]) -> None:
        """Another catalogue, by study uid."""
        self._studies = studies
        self._current = None
        self._disclosure.open(None)
        self._revealed.clear()
        self._on_screen_s.clear()

    def select(self, study: Study | None) -> None:
        """Another study came up; its clock runs from now on."""
        self._stop_clock()
        self._current = study
        self._disclosure.open(None if study is None else study.uid)

    def _stop_clock(self) -> None:
        """Adds the time that the open study was on the screen to what it had before."""
        now = time.monotonic()
        if self._current is not None:
            earlier = self._on_screen_s.get(self._current.uid, 0.0)
            self._on_screen_s[self._current.uid] = earlier + now - self._on_screen_since
        self._on_screen_since = now

    @property
    def mode(self) -> ReadingMode:
        """As chosen; the open study may still be in a stricter one."""
        return self._disclosure.mode

    @property
    def reader(self) -> str:
        return self._disclosure.reader

    def choose_mode(self, mode: ReadingMode) -> None:
        self._disclosure.choose(mode)
        self._revealed.clear()

    def change_reader(self, name: str) -> None:
        self._disclosure.change_reader(name)
        self._revealed.clear()
        self._on_screen_s.clear()
        self._on_screen_since = time.monotonic()

    def is_second_read(self, study: Study) -> bool:
        return self._disclosure.mode_of(study.uid) is ReadingMode.SECOND_READ

    @property
    def state(self) -> ReadingState:
        """How the open study is read."""
        if self._current is None:
            mode = self.mode
            phase = Phase.OPEN if mode is ReadingMode.CONCURRENT else Phase.BEFORE
            phase = Phase.NEVER if mode is ReadingMode.BLIND_AUDIT else phase
            return ReadingState(mode, phase, mode)
        mode = self._disclosure.mode_of(self._current.uid)
        if mode is ReadingMode.CONCURRENT:
            phase = Phase.OPEN
        elif mode is ReadingMode.BLIND_AUDIT:
            phase = Phase.NEVER
        elif not self.is_hidden(self._current.uid):
            phase = Phase.AFTER
        else:
            phase = Phase.BEFORE if self._own_words(self._current) is None else Phase.WAITING
        return ReadingState(mode, phase, self.mode)

    # ------------------------------------------------------------------------ what may be shown

    def is_hidden(self, study_uid: str) -> bool:
        """Whether nothing of the model's answer to the study may leave the session."""
        mode = self._disclosure.mode_of(study_uid)
        if mode is not ReadingMode.SECOND_READ:
            return mode is ReadingMode.BLIND_AUDIT
        if study_uid not in self._revealed:
            study = self._studies.get(study_uid)
            own = None if study is None else self._own_words(study)
            self._revealed[study_uid] = own is not None and all(word.is_revealed for word in own)
        return not self._revealed[study_uid]

    def _own_words(self, study: Study) -> tuple[ReaderAssessment, ...] | None:
        """This reader's second read, None while a breast lacks its category."""
        try:
            return second_read(study, self.reader, self.stored(study))
        except StorageFailed:  # told where the readings themselves are asked for
            return None

    def reveal_if_due(self) -> bool:
        """Whether the open study's answer, which is there, may be shown from now on.

        Whatever is shown is on record: raises StorageFailed where that could not be stored; it is
        tried again when the study is opened again.
        """
        study = self._current
        if study is None or not self.is_hidden(study.uid) or not self.is_second_read(study):
            return False
        own = self._own_words(study)
        if own is None:
            return False
        self.store.reveal([word.record_id for word in own], datetime.now(UTC))
        self._revealed[study.uid] = True
        return True

    def note_shown(self, study: Study) -> None:
        """The model's answer is on the screen, as far as this reader looks."""
        self._disclosure.note_shown(study, datetime.now(UTC))

    def attach_answers(self, study: Study, prediction: StudyPrediction) -> None:
        """Keeps what the model says with the readings that were made without it."""
        said = {breast.laterality: breast.prediction for breast in prediction.breasts}
        try:
            answers = {
                reading.record_id: said[reading.laterality]
                for reading in self.stored(study)
                if reading.reading_mode is not ReadingMode.CONCURRENT
                and reading.prediction is None
                and reading.laterality in said
            }
            if answers:
                self.store.attach_answers(answers)
        except StorageFailed:  # the reading itself is safe; the answer comes again with the study
            log.warning("What the model says of a reading is not kept yet")

    # -------------------------------------------------------------------------- what readers say

    def history(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """Earlier assessments of the study, oldest first.

        While the model's answer is hidden, without what was said of it and to it.
        """
        earlier = self.stored(study)
        if not self.is_hidden(study.uid):
            return earlier
        return tuple(assessment.without_model() for assessment in earlier)

    def stored(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """The same with all that is known.

        A study uid alone is not trusted: that of plain images is their folder's name, and another
        patient's folder may have the same. An assessment counts that is of the same patient and
        has an image in common.
        """
        images = {view.image_uid for view in study.views}
        return tuple(
            assessment
            for assessment in self.store.history(study.uid)
            if assessment.patient_id == study.patient_id and images & set(assessment.image_uids)
        )

    def record(self, assessment: ReaderAssessment) -> ReaderAssessment:
        """Stores it with what the pane cannot know: when the answer was shown and how long the
        study has been on the screen. Returns it as it is on the disk.

        Raises ValueError where the assessment does not fit the study that it names.
        """
        study = self._studies.get(assessment.study_uid)
        if study is not None:
            images = {view.image_uid for view in study.views}
            if (
                assessment.patient_id != study.patient_id
                or not set(assessment.image_uids) <= images
            ):
                raise ValueError("the assessment is of another study")
            if assessment.prediction is not None and self.is_hidden(study.uid):
                raise ValueError("the assessment tells what is hidden from its reader")
            assessment = self._with_times(study, assessment)
        recorded = self.store.record(assessment)
        self._revealed.pop(assessment.study_uid, None)
        return recorded

    def _with_times(self, study: Study, assessment: ReaderAssessment) -> ReaderAssessment:
        shown_at = self._disclosure.shown_at(study)
        if assessment.category_before is not None:  # revealed perhaps on another day
            earlier = {a.record_id: a.revealed_at for a in self.stored(study)}
            shown_at = earlier.get(assessment.supersedes) or shown_at
        spent = self._on_screen_s.get(study.uid, 0.0)
        if self._current is not None and self._current.uid == study.uid:
            spent += time.monotonic() - self._on_screen_since
        return replace(assessment, revealed_at=shown_at, time_spent_s=round(spent, 1))

    def export_csv(self, path: Path, unblind: bool = False) -> int:
        """Writes all readings; their number. See `Session.export_readings`."""
        return self.store.export_csv(path, self._may_be_exported, unblind)

    def _may_be_exported(self, assessment: ReaderAssessment) -> bool:
        study = self._studies.get(assessment.study_uid)
        if study is not None:
            return not self.is_hidden(study.uid)
        if self.mode is ReadingMode.SECOND_READ:
            return assessment.reader == self.reader
        return self.mode is ReadingMode.CONCURRENT
