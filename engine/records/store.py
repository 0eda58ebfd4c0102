"""What readers said, kept in one SQLite file: append-only, and safe against a killed process.

A record is never edited or deleted (triggers in the file itself refuse it); a correction is a new
record that names the one it supersedes. Every record is on the disk when `record` returns, in the
file that lies at the path then; `readings_file` sees to that.

What the model said of a reading made while its answer was hidden, and when that was revealed, come
later and stand in tables of their own, append-only like the rest. So the database knows what a
blind reader does not; `export_csv` leaves it out until it was revealed or `unblind` is asked for.
So do the places where a study's files were seen, by which it is found again.

What readers drew on the images is kept here too, a row for each change, and is in no export; what
the region network told them of rectangles is, beside the readings of that breast. What they say
images are (side, view, study) is kept likewise, and goes out with each reading made under it.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.domain import (
    Annotation,
    Attribution,
    Judgement,
    Laterality,
    ReaderAssessment,
    RegionRecord,
    current_readings,
)
from engine.errors import StorageFailed
from engine.messages import message
from engine.records import csv_export
from engine.records.pseudonyms import Pseudonyms
from engine.records.readings_file import ReadingsFile
from engine.records.rows import (
    ANNOTATION_COLUMNS,
    ATTRIBUTION_COLUMNS,
    COLUMNS,
    REGION_COLUMNS,
    SELECT,
    annotation_from_row,
    assessment_from_row,
    attribution_from_row,
    attribution_row,
    prediction_to_json,
    region_from_row,
    region_row,
)
from engine.records.storage_errors import storage_errors

log = logging.getLogger(__name__)


class ReadingStore:
    """The readings of this user on this machine; one thread uses a store, any number of processes.

    `on_problem` is told what has happened to the file and was set right, or cannot be: the reader
    must know, and saving goes on.

    Raises StorageFailed where the file or its folder cannot be used.
    """

    def __init__(
        self,
        path: Path,
        lock_timeout_s: float = 2.0,
        on_problem: Callable[[StorageFailed], None] = lambda _news: None,
    ) -> None:
        self._file = ReadingsFile(Path(path), lock_timeout_s, on_problem)

    def __enter__(self) -> "ReadingStore":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def settle(self) -> None:
        """For a moment after a save when nobody waits: a copy of the file alone is whole then."""
        self._file.settle()

    @property
    def connection(self) -> sqlite3.Connection:
        return self._file.connection

    def record(
        self, assessment: ReaderAssessment, places: Mapping[str, Path] | None = None
    ) -> ReaderAssessment:
        """Stores the assessment and returns it with its record id; it is on the disk then.

        `places` are the files of the study's images, by image uid, as of `note_places`.

        Raises StorageFailed where it could not be written, also where the record that it
        supersedes has been corrected meanwhile; ValueError where times lack their zone, the
        superseded record is of another breast, patient or reader, or a category was changed after
        the model's answer without a reason.
        """
        if assessment.record_id is not None:
            raise ValueError("the assessment has been recorded already")
        times = (assessment.opened_at, assessment.recorded_at, assessment.revealed_at)
        if any(time is not None and time.tzinfo is None for time in times):
            raise ValueError("the times of an assessment need a time zone")
        is_changed = assessment.category_before not in (None, assessment.category)
        if is_changed and not assessment.reason:
            raise ValueError("a change after the model's answer needs a reason")
        values = (
            assessment.study_uid,
            json.dumps(assessment.image_uids),
            assessment.patient_id,
            assessment.laterality.value,
            assessment.reader,
            assessment.category.value,
            assessment.proposed_agreement.value,
            assessment.agreement.value,
            assessment.reason,
            assessment.comment,
            prediction_to_json(assessment.prediction),
            assessment.reading_mode.value,
            assessment.opened_at.isoformat(),
            assessment.recorded_at.isoformat(),
            assessment.supersedes,
            assessment.category_before and assessment.category_before.value,
            assessment.revealed_at and assessment.revealed_at.isoformat(),
            assessment.time_spent_s,
            assessment.restores,
            1 if assessment.is_withdrawn else None,
            None,
            json.dumps(assessment.by_hand) if assessment.by_hand else None,
        )
        with self._file.saving():
            if assessment.supersedes is not None:
                self._check_superseded(assessment)
            self._add_places(assessment.study_uid, assessment.patient_id, places or {})
            row = dict(zip(COLUMNS.split(", "), values, strict=True))
            record_id = self._file.insert("readings", row)
            # read back rather than copied: the caller sees what the next start will see
            (recorded,) = self._select("WHERE readings.id = ?", record_id)
        log.info("Recorded reading %d", record_id)
        return recorded

    def attach_predictions(self, predictions: Mapping[int, Judgement]) -> None:
        """Keeps what the model says of readings made without it, by record id; the first stays.

        Raises StorageFailed.
        """
        now = datetime.now(UTC).isoformat()
        with self._file.saving():
            for record_id, prediction in predictions.items():
                row = {"reading": record_id, "prediction": prediction_to_json(prediction)}
                self._file.insert("answers", row | {"stored_at": now}, "INSERT OR IGNORE")

    def reveal(self, record_ids: Collection[int], at: datetime) -> None:
        """Keeps that the readers of these are shown the answers now; the first time stays.

        Raises StorageFailed: the answers are not to be shown then.
        """
        with self._file.saving():
            for record_id in record_ids:
                row = {"reading": record_id, "revealed_at": at.isoformat()}
                self._file.insert("reveals", row, "INSERT OR IGNORE")

    def note_places(self, study_uid: str, patient_id: str, places: Mapping[str, Path]) -> None:
        """Keeps where the files of the study's images lie now, by image uid.

        Raises StorageFailed.
        """
        with self._file.saving():
            self._add_places(study_uid, patient_id, places)

    def _add_places(self, study_uid: str, patient_id: str, places: Mapping[str, Path]) -> None:
        known = self._places(study_uid, patient_id)
        study = {"study_uid": study_uid, "patient_id": patient_id}
        for image_uid, path in places.items():
            # a name in no encoding would stop the reading from being stored
            if known.get(image_uid) != path and _is_text(str(path)):
                self._file.insert("places", study | {"image_uid": image_uid, "path": str(path)})

    def places(self, study_uid: str, patient_id: str) -> dict[str, Path]:
        """Where the files of the study's images were last seen, by image uid.

        None of studies that were last read with a version that did not keep it.
        """
        with self._file.reading():
            return self._places(study_uid, patient_id)

    def _places(self, study_uid: str, patient_id: str) -> dict[str, Path]:
        rows = self.connection.execute(
            "SELECT image_uid, path FROM places WHERE study_uid = ? AND patient_id = ? ORDER BY id",
            (study_uid, patient_id),
        )
        return {image_uid: Path(path) for image_uid, path in rows}

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Stores drawings, changes of them and removals, in that order: all of them or none.

        Raises StorageFailed.
        """
        now = datetime.now(UTC).isoformat()
        with self._file.saving():
            for annotation in annotations:
                values = (
                    annotation.annotation_id,
                    annotation.study_uid,
                    annotation.image_uid,
                    annotation.patient_id,
                    annotation.reader,
                    annotation.kind.value,
                    json.dumps(annotation.points),
                    annotation.text,
                    annotation.measured,
                    int(annotation.is_removed),
                )
                row = dict(zip(ANNOTATION_COLUMNS.split(", "), values, strict=True))
                self._file.insert("annotations", row | {"stored_at": now})

    def annotations(self, study_uid: str) -> tuple[Annotation, ...]:
        """What is drawn on the study's images now, the first drawn first. Raises StorageFailed."""
        newest: dict[str, Annotation] = {}
        with self._file.reading():
            rows = self.connection.execute(
                f"SELECT {ANNOTATION_COLUMNS} FROM annotations WHERE study_uid = ? ORDER BY id",
                (study_uid,),
            )
            for row in rows:
                annotation = annotation_from_row(row)
                newest[annotation.annotation_id] = annotation
        return tuple(found for found in newest.values() if not found.is_removed)

    def attribute(self, attributions: Sequence[Attribution]) -> None:
        """Stores what a reader says of images: all of it or nothing. Raises StorageFailed."""
        now = datetime.now(UTC).isoformat()
        with self._file.saving():
            for said in attributions:
                row = dict(zip(ATTRIBUTION_COLUMNS.split(", "), attribution_row(said), strict=True))
                self._file.insert("attributions", row | {"stored_at": now})

    def attributions(self) -> dict[tuple[str, str], Attribution]:
        """What is said of images now, by image uid and content. Raises StorageFailed."""
        with self._file.reading():
            rows = self.connection.execute(
                f"SELECT {ATTRIBUTION_COLUMNS} FROM attributions ORDER BY id"
            )
            newest = {
                (said.image_uid, said.content): said for said in map(attribution_from_row, rows)
            }
        return {key: said for key, said in newest.items() if said.says_anything}

    def record_regions(self, regions: Sequence[RegionRecord]) -> None:
        """Stores what readers were told of rectangles: all of it or nothing.

        Raises StorageFailed; ValueError where a time lacks its zone.
        """
        if any(region.asked_at.tzinfo is None for region in regions):
            raise ValueError("the time of an answer needs a time zone")
        with self._file.saving():
            for region in regions:
                row = dict(zip(REGION_COLUMNS.split(", "), region_row(region), strict=True))
                self._file.insert("regions", row)

    def regions(self, study_uid: str | None = None) -> tuple[RegionRecord, ...]:
        """What readers were told of rectangles in the study, or in all, the first told first.

        Raises StorageFailed.
        """
        with self._file.reading():
            rows = self.connection.execute(
                f"SELECT {REGION_COLUMNS} FROM regions WHERE ?1 IS NULL OR study_uid = ?1 "
                "ORDER BY id",
                (study_uid,),
            )
            return tuple(region_from_row(row) for row in rows)

    def _check_superseded(self, assessment: ReaderAssessment) -> None:
        earlier = self._select("WHERE readings.id = ?", assessment.supersedes)
        restored = (
            []
            if assessment.restores is None
            else self._select("WHERE readings.id = ?", assessment.restores)
        )
        if not earlier or any(
            getattr(record, name) != getattr(assessment, name)
            for record in (*earlier, *restored)
            for name in ("study_uid", "patient_id", "laterality", "reader")
        ):
            raise ValueError("a correction must be of the same breast and by the same reader")
        if self._select("WHERE supersedes = ?", assessment.supersedes):
            raise StorageFailed(
                message("Reading corrected meanwhile"),
                message(
                    "Open the study again, look at the newest reading, and save yours after it."
                ),
            )

    def history(self, study_uid: str) -> tuple[ReaderAssessment, ...]:
        """All assessments of the study, superseded ones too, oldest first."""
        with self._file.reading():
            return self._select("WHERE study_uid = ?", study_uid)

    def current(self, study_uid: str) -> dict[Laterality, ReaderAssessment]:
        """The newest assessment of each breast of the study that has one."""
        return {each.laterality: each for each in current_readings(self.history(study_uid))}

    def all(self) -> tuple[ReaderAssessment, ...]:
        """Every assessment of every study, superseded ones too, oldest first."""
        with self._file.reading():
            return self._select("")

    def _select(self, where: str, *parameters: object) -> tuple[ReaderAssessment, ...]:
        rows = self.connection.execute(f"{SELECT} {where} ORDER BY readings.id", parameters)
        return tuple(assessment_from_row(row) for row in rows)

    def export_csv(
        self,
        path: Path,
        may_show: Callable[[ReaderAssessment], bool] = lambda _assessment: True,
        unblind: bool = False,
        only: Collection[int] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> int:
        """Writes all assessments, or `only` those with these record ids, as UTF-8 CSV, one a line;
        returns their number.

        Beside a reading of a breast stands what its reader was told of rectangles on its views,
        before or after, also of those that were taken away: a JSON array.

        With `pseudonyms` keyed hashes stand for patients, studies, images and readers, and free
        text, which may name anybody, is left out.
        Of a reading whose answer was never revealed, and of those that `may_show` refuses, nothing
        of the model is told. With `unblind` everything is, and is on record as revealed from then
        on. The file appears whole or not at all. A text cell that a spreadsheet would run as a
        formula gets an apostrophe in front. Raises StorageFailed.
        """
        assessments = self.all()
        if unblind:
            hidden = [a for a in assessments if a.prediction is not None and not a.is_revealed]
            ids = [a.record_id for a in hidden if a.record_id is not None]
            self.reveal(ids, datetime.now(UTC))
            assessments = self.all()
        current = {a.record_id for a in current_readings(assessments) if a.record_id is not None}
        regions = self.regions()
        if only is not None:
            assessments = tuple(a for a in assessments if a.record_id in only)
        entries = [
            (a, [region for region in regions if csv_export.is_beside(region, a)])
            if a.is_revealed and (unblind or may_show(a))
            else (a.without_model(), [])
            for a in assessments
        ]
        with storage_errors("exported"):
            csv_export.write(Path(path), entries, current, pseudonyms)
        log.info("Exported %d readings", len(assessments))
        return len(assessments)


def _is_text(name: str) -> bool:
    """Whether it has no bytes that could not be decoded (PEP 383)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
