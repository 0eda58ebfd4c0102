"""What the reader of the open studies has said, and what they may be shown of the predictions.

One place decides both, because the one hangs on the other: what the reader has stored reveals the
prediction (`display.reading_modes` has the rules), and what was shown is on record with it.
Nothing here tells anybody anything; the session asks, and tells. Only news of the file itself come
unasked (`on_problem`): that it was gone or replaced, and what was done about it.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.dicom.attributions import Attributions
from engine.domain import (
    Agreement,
    Annotation,
    Attribution,
    Draft,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    RegionRecord,
    Study,
    StudyPrediction,
    UnsavedEntries,
    current_readings,
)
from engine.errors import EngineError, StorageFailed
from engine.records import backups, verification
from engine.records.drafts import DraftStore
from engine.records.pseudonyms import SECRET_NAME, Pseudonyms
from engine.records.store import ReadingStore
from engine.records.training_manifest import ReadStudy
from viewer.display.reading_modes import Disclosure, second_read, sides_to_read
from viewer.shared.languages import mark
from viewer.shared.states import Phase, ReadingState, VisibleReading

log = logging.getLogger(__name__)

DRAFT_FOLDER = "drafts"  # there, too

EntriesKey = tuple[str, str, frozenset[str], str]  #: of `UnsavedEntries`


class Readings:
    """Lives on the window's thread. Raises StorageFailed where the store cannot be used."""

    def __init__(
        self, path: Path, mode: ReadingMode, on_problem: Callable[[StorageFailed], None]
    ) -> None:
        self._path = path
        self._on_problem = on_problem
        self._store: ReadingStore | None = None
        self._disclosure = Disclosure(mode)
        self._studies: Mapping[str, Study] = {}
        self._current: Study | None = None
        self._revealed: dict[str, bool] = {}  # per study uid: to this reader, in second read
        self._on_screen_s: dict[str, float] = {}  # per study uid, but for the time since:
        self._on_screen_since = time.monotonic()
        self._undoable: set[int] = set()  # record ids of this run, undone ones too
        self._drafts = DraftStore(path.with_name(DRAFT_FOLDER))
        self._entries: dict[EntriesKey, UnsavedEntries] = {}  # by their keys; not written yet:
        self._unwritten: set[EntriesKey] = set()
        # could not be stored yet, in this run or one before
        self._unstored: list[Annotation] = list(self._drafts.take_drawings())
        self._unstored_regions: list[RegionRecord] = []  # likewise, in this run

    @property
    def store(self) -> ReadingStore:
        """Opened when it is first needed; raises StorageFailed."""
        if self._store is None:
            self._store = ReadingStore(self._path, on_problem=self._on_problem)
        return self._store

    def check(self) -> None:
        """Raises StorageFailed now, not at the first save, where readings cannot be stored."""
        _ = self.store
        self._store_drawings()

    def verify_and_back_up(
        self, kept_backups: int, should_stop: Callable[[], bool]
    ) -> verification.Verdict:
        """Looks at every row, and makes the daily backup of what is sound. For a thread of its own;
        raises StorageFailed.
        """
        verdict = verification.verify(self._path, should_stop)
        if verdict.is_sound and verdict.rows and not should_stop():
            backups.back_up_daily(self._path, kept_backups)
        return verdict

    def settle(self) -> None:
        """For a moment after a save when nobody waits."""
        if self._store is not None:
            self._store.settle()

    def close(self) -> None:
        """Raises StorageFailed where drawings are lost; it is closed all the same."""
        try:
            self.write_entries()
        except StorageFailed:  # the reader was asked whether to quit without saving
            log.warning("What was entered and not saved is not kept")
        try:
            self._store_drawings()
        finally:
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

    def grow(self, studies: Mapping[str, Study]) -> None:
        """More studies of the same catalogue; those that it had are as they were."""
        self._studies = studies

    def select(self, study: Study | None) -> None:
        """Another study came up; its clock runs from now on."""
        self._stop_clock()
        self._current = study
        self._disclosure.open(None if study is None else study.uid)
        if study is not None:
            self._note_places(study)

    def _note_places(self, study: Study) -> None:
        """Of a study that has been read, where its files lie now: perhaps they were moved."""
        try:
            if self.stored(study):
                places = _places(study)
                known = self.store.places(study.uid, study.patient_id)
                if places.items() - known.items():
                    self.store.note_places(study.uid, study.patient_id, places)
        except StorageFailed:  # told where the readings themselves are asked for
            log.warning("Where the files of a study lie is not kept yet")

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
            phase = Phase.BEFORE if self._own_readings(self._current) is None else Phase.WAITING
        return ReadingState(mode, phase, self.mode)

    # ------------------------------------------------------------------------ what may be shown

    def is_hidden(self, study_uid: str) -> bool:
        """Whether nothing of the model's answer to the study may leave the session."""
        mode = self._disclosure.mode_of(study_uid)
        if mode is not ReadingMode.SECOND_READ:
            return mode is ReadingMode.BLIND_AUDIT
        if study_uid not in self._revealed:
            study = self._studies.get(study_uid)
            own = None if study is None else self._own_readings(study)
            self._revealed[study_uid] = own is not None and all(
                reading.is_revealed for reading in own
            )
        return not self._revealed[study_uid]

    def _own_readings(self, study: Study) -> tuple[ReaderAssessment, ...] | None:
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
        own = self._own_readings(study)
        if own is None:
            return False
        self.store.reveal([_id(reading) for reading in own], datetime.now(UTC))
        self._revealed[study.uid] = True
        return True

    def note_shown(self, study: Study) -> None:
        """The model's answer is on the screen, as far as this reader looks."""
        self._disclosure.note_shown(study, datetime.now(UTC))

    def attach_predictions(self, study: Study, prediction: StudyPrediction) -> None:
        """Keeps what the model says with the readings that were made without it."""
        by_side = {breast.laterality: breast.prediction for breast in prediction.breasts}
        try:
            predictions = {
                _id(reading): by_side[reading.laterality]
                for reading in self.stored(study)
                if reading.reading_mode is not ReadingMode.CONCURRENT
                and reading.prediction is None
                and reading.laterality in by_side
            }
            if predictions:
                self.store.attach_predictions(predictions)
        except (
            StorageFailed
        ):  # the reading itself is safe; the prediction comes again with the study
            log.warning("What the model says of a reading is not kept yet")

    # -------------------------------------------------------------------------- what readers say

    def history(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """Earlier assessments of the study, oldest first.

        While the prediction is hidden, without what was said of it and to it.
        """
        earlier = self.stored(study)
        if not self.is_hidden(study.uid):
            return earlier
        return tuple(assessment.without_model() for assessment in earlier)

    def stored(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """The same with all that is known."""
        return tuple(reading for reading in self.store.history(study.uid) if is_of(reading, study))

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
            read = [view for view in study.views if view.image_uid in assessment.image_uids]
            by_hand = sorted({what for view in read for what in view.by_hand})
            assessment = replace(assessment, by_hand=tuple(by_hand))
        recorded = self.store.record(assessment, {} if study is None else _places(study))
        self._undoable.add(_id(recorded))
        self._revealed.pop(assessment.study_uid, None)
        return recorded

    def undo(self) -> ReaderAssessment:
        """Takes back this reader's latest reading of the open study, of this run of the program:
        a new record says again what was said before, or that nothing is said any more.

        A category that the prediction was revealed upon stays. Raises EngineError where there
        is nothing to undo.
        """
        study = self._current
        to_undo = None if study is None else self._to_undo(study)
        if study is None or to_undo is None:
            raise EngineError(
                mark("Nothing to undo"),
                mark(
                    "Only what you saved for this study since the program was started, in this "
                    "reading mode, can be undone."
                ),
            )
        last, before = to_undo
        is_upon = self.is_second_read(study) and not self.is_hidden(study.uid)
        if is_upon and last.category_before is None:
            raise EngineError(
                mark("The category without the model stays"),
                mark("The model's answer was revealed upon it: keep or change it instead."),
            )
        said = None if before is None or before.is_withdrawn else before
        again = replace(
            said or last,
            record_id=None,
            supersedes=last.record_id,
            restores=None if said is None else said.restores or said.record_id,
            is_withdrawn=said is None,
            opened_at=last.opened_at,
            recorded_at=datetime.now(UTC),
            time_spent_s=last.time_spent_s,
        )
        if again.reading_mode is not ReadingMode.CONCURRENT and again.category_before is None:
            # what has become known of it since is no part of what was said
            nothing = Agreement.NOT_COMPARABLE
            again = replace(again, prediction=None, proposed_agreement=nothing, agreement=nothing)
        recorded = self.store.record(again)
        self._undoable.add(_id(recorded))
        self._revealed.pop(study.uid, None)
        return recorded

    def _to_undo(self, study: Study) -> tuple[ReaderAssessment, ReaderAssessment | None] | None:
        """The standing reading whose words were said last, and the one before it of that breast.

        In a mode that hides, both of that mode: what was said to the model would tell of it.
        """
        own = [a for a in self.stored(study) if self.reader and a.reader == self.reader]
        every = {_id(a): a for a in own}
        mode = self._disclosure.mode_of(study.uid)
        pairs = []
        for last in current_readings(own):
            said = last.restores or _id(last)
            superseded = every[said].supersedes
            before = None if superseded is None else every.get(superseded)
            modes = {reading.reading_mode for reading in (last, before) if reading is not None}
            if said in self._undoable and (mode is ReadingMode.CONCURRENT or modes == {mode}):
                pairs.append((said, last, before))
        if not pairs:
            return None
        _, last, before = max(pairs, key=lambda pair: pair[0])
        return last, before

    def _with_times(self, study: Study, assessment: ReaderAssessment) -> ReaderAssessment:
        shown_at = self._disclosure.shown_at(study)
        if assessment.category_before is not None:  # revealed perhaps on another day
            earlier = {a.record_id: a.revealed_at for a in self.stored(study)}
            shown_at = earlier.get(assessment.supersedes) or shown_at
        spent = self._on_screen_s.get(study.uid, 0.0)
        if self._current is not None and self._current.uid == study.uid:
            spent += time.monotonic() - self._on_screen_since
        return replace(assessment, revealed_at=shown_at, time_spent_s=round(spent, 1))

    def is_to_be_read(self, study: Study) -> bool:
        """Whether this reader has still to say something of it: of a breast with images, or, in a
        second read, to the model's answer.
        """
        own = [
            a
            for a in current_readings(self.stored(study))
            if self.reader and a.reader == self.reader
        ]
        is_covered = bool(own) and sides_to_read(study) <= {a.laterality for a in own}
        return not is_covered or any(a.is_unfinished for a in own)

    # ------------------------------------------------------------------------ what readers draw

    def annotations(self, study: Study, is_stored_known: bool = True) -> tuple[Annotation, ...]:
        """What readers drew on its images, with what could not be stored yet, first drawn first.

        The latter alone where what is stored cannot be known.
        """
        images = {view.image_uid for view in study.views}
        stored = self.store.annotations(study.uid) if is_stored_known else ()
        newest = {annotation.annotation_id: annotation for annotation in (*stored, *self._unstored)}
        return tuple(  # as for assessments, a study's uid alone is not trusted
            annotation
            for annotation in newest.values()
            if annotation.study_uid == study.uid
            and annotation.patient_id == study.patient_id
            and annotation.image_uid in images
            and not annotation.is_removed
        )

    def annotate(self, annotation: Annotation) -> None:
        """Stores it with all that could not be stored before; or keeps it for the next time."""
        self._unstored.append(annotation)
        self._store_drawings()

    def _store_drawings(self) -> None:
        if self._unstored:
            try:
                self.store.annotate(self._unstored)
            except StorageFailed:
                self._drafts.keep_drawings(self._unstored)
                raise
            self._unstored.clear()
            self._drafts.forget_drawings()
        if self._unstored_regions:
            self.store.record_regions(self._unstored_regions)
            self._unstored_regions.clear()

    def attributions(self) -> Attributions:
        """What readers say of images, of these and of others."""
        return self.store.attributions()

    def attribute(self, said: Sequence[Attribution]) -> None:
        self.store.attribute(said)

    def regions(self, study: Study) -> tuple[RegionRecord, ...]:
        """What readers were told of rectangles on its images, the first told first, hidden or not;
        with what could not be stored yet.
        """
        images = {view.image_uid for view in study.views}
        return tuple(
            region
            for region in (*self.store.regions(study.uid), *self._unstored_regions)
            if (region.study_uid, region.patient_id) == (study.uid, study.patient_id)
            and region.prediction.image_uid in images
        )

    def record_region(self, region: RegionRecord) -> None:
        """Stores it with all that could not be stored before; or keeps it for the next time."""
        self._unstored_regions.append(region)
        self._store_drawings()

    # ---------------------------------------------------------- what readers have not saved yet

    def note_entries(self, study: Study, drafts: Mapping[Laterality, Draft]) -> None:
        """What stands in the forms of a study and is not saved; on the disk by `write_entries`."""
        entries = replace(
            self._entries_of(study), drafts=dict(drafts), entered_at=datetime.now(UTC)
        )
        before = self._entries.get(entries.key)
        if before is not None and before.has_seen_model:
            entries = replace(entries, has_seen_model=True)
        self._entries[entries.key] = entries
        self._unwritten.add(entries.key)

    def write_entries(self) -> None:
        """Raises StorageFailed where one cannot be written; it is tried again with the next."""
        for key in tuple(self._unwritten):
            entries = self._entries[key]
            self._drafts.keep(entries)
            self._unwritten.discard(key)
            if not entries.drafts:
                del self._entries[key]

    def unsaved(self, study: Study) -> UnsavedEntries | None:
        """What this reader entered in an earlier run and did not save.

        While the prediction is hidden, only what was entered without it.
        """
        wanted = self._entries_of(study)
        if wanted.key in self._unwritten:  # it was changed or discarded just now
            return None
        found = self._drafts.find(wanted)
        if found is None:
            return None
        self._entries[found.key] = found
        at = found.entered_at
        saved_since = set() if at is None else self._saved_since(study, at)
        drafts = {side: draft for side, draft in found.drafts.items() if side not in saved_since}
        return replace(found, drafts=drafts) if drafts else None

    def _saved_since(self, study: Study, at: datetime) -> set[Laterality]:
        """Breasts that this reader has saved since: the program ended before the entries went."""
        try:
            own = [a for a in self.stored(study) if a.reader == self.reader]
        except StorageFailed:  # told where the readings themselves are asked for
            return set()
        return {a.laterality for a in own if a.recorded_at >= at}

    def _entries_of(self, study: Study) -> UnsavedEntries:
        return UnsavedEntries(
            study.uid,
            study.patient_id,
            frozenset(view.image_uid for view in study.views),
            self.reader,
            has_seen_model=not self.is_hidden(study.uid),
        )

    # ------------------------------------------------------------------- all readings together

    def visible(self) -> tuple[VisibleReading, ...]:
        """All readings of all studies, superseded ones too, oldest first."""
        return tuple(
            VisibleReading(reading, False)
            if self._may_be_shown(reading)
            else VisibleReading(reading.without_model(), True)
            for reading in self.store.all()
        )

    def _may_be_shown(self, reading: ReaderAssessment) -> bool:
        return reading.is_revealed and self._may_be_exported(reading)

    def study_of(self, reading: ReaderAssessment) -> Study | None:
        """The study that was read, if it is in the open catalogue."""
        study = self._studies.get(reading.study_uid)
        return study if study is not None and is_of(reading, study) else None

    def places(self, reading: ReaderAssessment) -> dict[str, Path]:
        """Where the files of the study that was read were last seen, by image uid."""
        return self.store.places(reading.study_uid, reading.patient_id)

    def read_studies(self, record_ids: Collection[int]) -> tuple[ReadStudy, ...]:
        """The readings with these record ids, by study, with all that is needed to find them."""
        of_study: dict[tuple[str, str], list[ReaderAssessment]] = {}
        for reading in current_readings(self.store.all()):
            if reading.record_id in record_ids:
                of_study.setdefault((reading.study_uid, reading.patient_id), []).append(reading)
        return tuple(
            ReadStudy(tuple(readings), self.places(readings[0]), self.attributions())
            for readings in of_study.values()
        )

    def pseudonyms(self) -> Pseudonyms:
        """Of this installation; raises StorageFailed where its secret cannot be had."""
        return Pseudonyms.of_installation(self._path.with_name(SECRET_NAME))

    def export_csv(
        self,
        path: Path,
        unblind: bool = False,
        only: Collection[int] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> int:
        """Writes readings; their number. See `Exporting.export_readings`."""
        return self.store.export_csv(path, self._may_be_exported, unblind, only, pseudonyms)

    def _may_be_exported(self, assessment: ReaderAssessment) -> bool:
        study = self.study_of(assessment)
        if study is not None:
            return not self.is_hidden(study.uid)
        if self.mode is ReadingMode.SECOND_READ:
            return assessment.reader == self.reader
        return self.mode is ReadingMode.CONCURRENT


def is_of(reading: ReaderAssessment, study: Study) -> bool:
    """Whether the study is the one that was read.

    A study uid alone is not trusted: that of plain images is their folder's name, and another
    patient's folder may have the same. It is if it is of the same patient and has an image in
    common.
    """
    images = {view.image_uid for view in study.views}
    names = (reading.study_uid, reading.patient_id)
    return names == (study.uid, study.patient_id) and not images.isdisjoint(reading.image_uids)


def _id(reading: ReaderAssessment) -> int:
    """Of one that is stored."""
    if reading.record_id is None:
        raise ValueError("a reading without a record")
    return reading.record_id


def _places(study: Study) -> dict[str, Path]:
    return {view.image_uid: view.path.absolute() for view in study.views}
