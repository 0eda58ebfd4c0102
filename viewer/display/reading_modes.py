"""The reading modes: what each lets through, and when the reader's own word is complete.

The session asks here before it tells anything that a model said; nothing that is hidden leaves it,
so that no widget can show it by mistake. The rules:

- Concurrent: the answer is shown as soon as it is there.
- Second read: of each study nothing is shown until this reader has stored a category for each
  breast that has images; then it is revealed, and stays so for this reader, also after a restart.
- Blind audit: nothing is shown of any study, whatever was revealed before.

A stricter mode hides at once, also in the open study. A laxer one begins with the next study: the
open one stays as it is until another is opened, so that no choice of mode reveals what is hidden
before the reader. What was shown all the same, in an earlier mode of this run, is on record: the
reading bears the time at which its reader first saw the answer.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.domain import Laterality, ReaderAssessment, ReadingMode, Study, current_readings
from viewer.shared.languages import mark
from viewer.shared.states import Phase

MODE_TITLES: Mapping[ReadingMode, str] = {
    ReadingMode.CONCURRENT: mark("Concurrent"),
    ReadingMode.SECOND_READ: mark("Second read"),
    ReadingMode.BLIND_AUDIT: mark("Blind audit"),
}
MODE_MEANINGS: Mapping[ReadingMode, str] = {
    ReadingMode.CONCURRENT: mark("The model's answer is shown at once."),
    ReadingMode.SECOND_READ: mark(
        "The model's answer is shown after your own category for each breast."
    ),
    ReadingMode.BLIND_AUDIT: mark("The model's answer is kept for the audit and never shown."),
}
# Dratsch et al., Automation bias in mammography, Radiology 307(4), 2023
EVIDENCE = mark(
    "When 27 radiologists were shown wrong categories of an AI, their accuracy dropped sharply at "
    "every level of experience (Dratsch, Radiology 2023)."
)
# Why nothing may be asked about a spot yet; what is not listed lets it through.
SPOT_REFUSALS: Mapping[Phase, str] = {
    Phase.BEFORE: mark("Spots can be asked about after your own category for each breast"),
    Phase.WAITING: mark("Spots can be asked about once the model's answer is there"),
    Phase.NEVER: mark("Nothing is asked about spots in a blind audit"),
}
_STRICTNESS = list(MODE_TITLES)  # from the laxest on


def sides_to_read(study: Study) -> frozenset[Laterality]:
    """The breasts that have images; empty where no image names its side."""
    return frozenset(view.laterality for view in study.views if view.laterality is not None)


def second_read(
    study: Study, reader: str, history: Iterable[ReaderAssessment]
) -> tuple[ReaderAssessment, ...] | None:
    """This reader's newest record of each breast, if the model's answer may be revealed by them.

    None while a category is lacking. Where no image names its side, one under either side will do.
    """
    newest = {a.laterality: a for a in current_readings(history) if reader and a.reader == reader}
    own = {side: a for side, a in newest.items() if a.reading_mode is ReadingMode.SECOND_READ}
    is_complete = own and sides_to_read(study) <= own.keys()
    return tuple(own.values()) if is_complete else None


class Disclosure:
    """The mode of each study, and what its reader has been shown of it in this run."""

    def __init__(self, mode: ReadingMode) -> None:
        self._mode = mode
        self._reader = ""
        self._open: str | None = None
        self._kept: ReadingMode | None = None  # of the open study, stricter than `_mode`
        # by reader, study uid and patient: of plain images the uid alone may be another patient's
        self._shown_at: dict[tuple[str, str, str], datetime] = {}

    @property
    def mode(self) -> ReadingMode:
        """As chosen; of the open study see `mode_of`."""
        return self._mode

    @property
    def reader(self) -> str:
        """The name under which readings are recorded; empty while there is none."""
        return self._reader

    def mode_of(self, study_uid: str) -> ReadingMode:
        return self._kept if self._kept and study_uid == self._open else self._mode

    def choose(self, mode: ReadingMode) -> None:
        of_open = self._kept or self._mode
        is_laxer = _STRICTNESS.index(mode) < _STRICTNESS.index(of_open)
        self._mode = mode
        self._kept = of_open if is_laxer and self._open is not None else None

    def open(self, study_uid: str | None) -> None:
        """Another study came up, in the mode that is chosen."""
        self._open = study_uid
        self._kept = None

    def change_reader(self, name: str) -> None:
        self._reader = name

    def note_shown(self, study: Study, at: datetime) -> None:
        self._shown_at.setdefault((self._reader, study.uid, study.patient_id), at)

    def shown_at(self, study: Study) -> datetime | None:
        """When the study's answer was first shown to this reader, or before a name was given."""
        keys = [(reader, study.uid, study.patient_id) for reader in {self._reader, ""}]
        return min((self._shown_at[key] for key in keys if key in self._shown_at), default=None)
