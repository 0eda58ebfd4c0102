"""What was recorded of a study, in lines."""

from collections.abc import Sequence

from engine.domain import ReaderAssessment, ReadingMode
from viewer.display.assessment_form import COMMENT_LENGTH
from viewer.shared.languages import tr
from viewer.shared.plain_text import shortened


def history_lines(history: Sequence[ReaderAssessment], is_hidden: bool) -> list[str]:
    """The newest first; `history` is in the order of recording.

    `is_hidden`: without what the reader entered in response to the model.
    """
    superseded = {assessment.supersedes for assessment in history}
    return [
        _line(assessment, assessment.record_id in superseded, is_hidden)
        for assessment in reversed(history)
    ]


def _line(assessment: ReaderAssessment, is_superseded: bool, is_hidden: bool) -> str:
    category, before = assessment.category.value, assessment.category_before
    if before is not None and before is not assessment.category and not is_hidden:
        category = f"{before.value} → {category}"
    parts = [
        f"{assessment.recorded_at.astimezone():%Y-%m-%d %H:%M}",
        f"{assessment.laterality.value} {category}",
    ]
    mode = assessment.reading_mode
    was_seen = mode is ReadingMode.CONCURRENT or before is not None
    if was_seen and not is_hidden:
        reason = f" ({tr(assessment.reason)})" if assessment.reason else ""
        parts.append(tr(assessment.agreement.value) + reason)
    if mode is not ReadingMode.CONCURRENT:
        is_without_model = mode is ReadingMode.SECOND_READ and not was_seen
        parts.append(tr("before the answer") if is_without_model else tr(mode.value))
    if assessment.is_withdrawn or assessment.restores is not None:
        parts.append(tr("withdrawn") if assessment.is_withdrawn else tr("restored"))
    parts.append(shortened(assessment.reader))
    if assessment.comment and not (is_hidden and assessment.prediction is not None):
        parts.append(f"“{shortened(assessment.comment, COMMENT_LENGTH)}”")
    return " · ".join(parts) + (tr(" — corrected later") if is_superseded else "")
