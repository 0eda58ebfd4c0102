"""What was entered for each study and not saved, while others are read."""

from collections.abc import Mapping
from datetime import datetime

from engine.domain import Draft, Laterality, Study, UnsavedEntries

StudyKey = tuple[str, str, frozenset[str]]


def study_key(study: Study) -> StudyKey:
    """Of plain images the uid alone may be another patient's, see `Session.history`."""
    return study.uid, study.patient_id, frozenset(view.image_uid for view in study.views)


class UnsavedDrafts:
    """By study; entries of an earlier run are known as such until they are touched."""

    def __init__(self) -> None:
        self._drafts: dict[StudyKey, dict[Laterality, Draft]] = {}
        self._entered_at: dict[StudyKey, datetime | None] = {}  # of an earlier run, not touched

    def of(self, study: Study) -> Mapping[Laterality, Draft]:
        return self._drafts.get(study_key(study), {})

    def has(self, study: Study) -> bool:
        return bool(self.of(study))

    @property
    def study_count(self) -> int:
        return len(self._drafts)

    def put(self, study: Study, drafts: Mapping[Laterality, Draft]) -> None:
        """In the place of all that was entered for the study."""
        self._entered_at.pop(study_key(study), None)
        if drafts:
            self._drafts[study_key(study)] = dict(drafts)
        else:
            self._drafts.pop(study_key(study), None)

    def drop(self, study: Study, side: Laterality) -> None:
        """It is recorded."""
        self.put(study, {s: draft for s, draft in self.of(study).items() if s is not side})

    def restore(self, study: Study, entries: UnsavedEntries) -> bool:
        """Entries of an earlier run; what was entered in this one stays before them. Whether they
        were taken.
        """
        if self.has(study) or not entries.drafts:
            return False
        self.put(study, entries.drafts)
        self._entered_at[study_key(study)] = entries.entered_at
        return True

    def restored_at(self, study: Study) -> datetime | None:
        """When its entries were made, where that was in an earlier run."""
        return self._entered_at.get(study_key(study))

    def forget_restored(self) -> list[str]:
        """They are another reader's, who finds them again. The uids of their studies."""
        forgotten = list(self._entered_at)
        for key in forgotten:
            del self._drafts[key]
        self._entered_at.clear()
        return [uid for uid, _, _ in forgotten]
