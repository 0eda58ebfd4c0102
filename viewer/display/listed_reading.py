"""One line of the list of readings, in words; and which lines a filter lets through."""

from dataclasses import dataclass
from enum import Enum

from engine.domain import Agreement, OutOfScope, ReaderAssessment
from viewer.shared.languages import mark, tr


class ReadingFilter(Enum):
    """Which readings are listed; the figures count all that the other filters let through."""

    DISAGREEMENTS = mark("Disagreements")
    ALL = mark("All readings")
    AGREEMENTS = mark("Agreements")
    NOT_COMPARABLE = mark("Not comparable")
    UNFINISHED = mark("Not finished")


_AGREEMENTS = {
    ReadingFilter.DISAGREEMENTS: Agreement.DISAGREE,
    ReadingFilter.AGREEMENTS: Agreement.AGREE,
    ReadingFilter.NOT_COMPARABLE: Agreement.NOT_COMPARABLE,
}


@dataclass(frozen=True)
class ListedReading:
    reading: ReaderAssessment
    is_hidden: bool  #: what the model predicted is left out, and would be if it had predicted
    is_current: bool  #: no later record supersedes or withdraws it

    @property
    def category(self) -> str:
        category, before = self.reading.category, self.reading.category_before
        if before is None or before is category or self.is_hidden:
            return category.value
        return f"{before.value} → {category.value}"

    @property
    def model(self) -> str:
        prediction = self.reading.prediction
        if self.is_hidden:
            return tr("hidden")
        if prediction is None:
            return "–"
        if isinstance(prediction, OutOfScope):
            return tr("out of scope")
        return f"{prediction.category} · {prediction.confidence:.0%}"

    @property
    def state(self) -> str:
        """What stands in the column of agreement."""
        reading = self.reading
        if reading.is_withdrawn:
            return tr("withdrawn")
        if not self.is_current:
            return tr("corrected later")
        if reading.is_unfinished:
            return tr("not finished")
        if self.is_hidden:
            return tr("hidden")
        text = tr(reading.agreement.value)
        if reading.agreement is not reading.proposed_agreement:
            return tr("{agreement} by hand").format(agreement=text)
        return text

    @property
    def reason(self) -> str:
        return tr(self.reading.reason) if self.reading.reason else ""

    @property
    def recorded(self) -> str:
        """When."""
        return f"{self.reading.recorded_at.astimezone():%Y-%m-%d %H:%M}"

    def passes(self, wanted: ReadingFilter) -> bool:
        if wanted is ReadingFilter.ALL:
            return True
        if wanted is ReadingFilter.UNFINISHED:
            return self.reading.is_unfinished and self.is_current
        return self.reading.agreement is _AGREEMENTS[wanted]

    def contains(self, text: str) -> bool:
        """Whether patient, reason or note have it, whatever its case."""
        reading, wanted = self.reading, text.strip().casefold()
        texts = (reading.patient_id, reading.reason, self.reason, reading.comment)
        return not wanted or any(wanted in each.casefold() for each in texts)
