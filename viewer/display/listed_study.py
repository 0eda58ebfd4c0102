"""What a PACS or its worklist lists, as the reader is shown it. Every word comes from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any

from viewer.shared.languages import mark


class Days(Enum):
    """Of which days studies are asked for."""

    ANY = mark("any day")
    TODAY = mark("today")
    WEEK = mark("the last 7 days")
    MONTH = mark("the last 30 days")
    YEAR = mark("the last 12 months")

    def since(self, today: date) -> date | None:
        """None: from the first one on."""
        spans = {Days.TODAY: 0, Days.WEEK: 6, Days.MONTH: 29, Days.YEAR: 364}
        return today - timedelta(days=spans[self]) if self in spans else None


@dataclass(frozen=True)
class ListedStudy:
    """A study, or a step of the worklist, whose study may not be there yet."""

    node: str
    study_uid: str  #: empty where a worklist names none
    patient_id: str
    name: str
    born: str
    day: str  #: as YYYY-MM-DD, as far as it was a date
    time: str  #: as HH:MM
    description: str
    accession: str
    modalities: str
    images: int | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "ListedStudy":
        """A row of `birads-engine pacs find` or `worklist`."""
        modalities = row.get("modalities") or row.get("modality") or ""
        several = isinstance(modalities, list | tuple)
        images = row.get("images")
        return cls(
            node=_text(row, "node"),
            study_uid=_text(row, "study"),
            patient_id=_text(row, "patient"),
            name=_text(row, "name").replace("^", " ").strip(),
            born=_day(_text(row, "birth_date")),
            day=_day(_text(row, "study_date") or _text(row, "scheduled_date")),
            time=_time(_text(row, "study_time") or _text(row, "scheduled_time")),
            description=_text(row, "description") or _text(row, "procedure"),
            accession=_text(row, "accession"),
            modalities=", ".join(map(str, modalities)) if several else str(modalities),
            images=images if isinstance(images, int) else None,
        )

    @property
    def label(self) -> str:
        """Whose, and of when."""
        return " · ".join(part for part in (self.name or self.patient_id, self.day) if part)


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _day(text: str) -> str:
    is_date = len(text) == 8 and text.isascii() and text.isdigit()
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if is_date else text


def _time(text: str) -> str:
    is_time = len(text) >= 4 and text[:4].isascii() and text[:4].isdigit()
    return f"{text[:2]}:{text[2:4]}" if is_time else ""
