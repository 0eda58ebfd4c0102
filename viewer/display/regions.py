"""Rectangles that the region network is asked about: where they lie, and the words for its answer.

Pure logic, no widgets. A box is (x_min, y_min, x_max, y_max) in whole source pixels, x to the
right, y down, as in `engine.domain.RegionPrediction`; points are (row, column).
"""

import math
from collections.abc import Sequence

from engine.domain import MammogramView, RegionJudgement, RegionOutOfScope
from viewer.display import opinion
from viewer.display.opinion import percent
from viewer.shared.languages import tr
from viewer.shared.messages import localised, localised_error
from viewer.shared.plain_text import LINE_LENGTH, shortened
from viewer.shared.states import RegionRequest

Box = tuple[int, int, int, int]
Point = tuple[float, float]
SPOT_MM = 20.0  #: side of the square around the pointer
SPOT_SHARE = 1 / 12  #: of the longer side, where no spacing is known: 20 mm of a film of 24 cm


def box_of(points: Sequence[Point], rows: int, columns: int) -> Box:
    """All pixels that the rectangle between two corners touches, on the image; at least one."""
    (row0, column0), (row1, column1) = points
    x_min, x_max = _span(column0, column1, columns)
    y_min, y_max = _span(row0, row1, rows)
    return x_min, y_min, x_max, y_max


def _span(one: float, other: float, limit: int) -> tuple[int, int]:
    low, high = sorted((one, other))
    start = min(max(math.floor(low), 0), limit - 1)
    return start, min(max(math.ceil(high), start + 1), limit)


def corners_of(box: Box) -> tuple[Point, Point]:
    """As points of a drawing."""
    x_min, y_min, x_max, y_max = box
    return (float(y_min), float(x_min)), (float(y_max), float(x_max))


def spot_around(view: MammogramView, row: float, column: float) -> Box:
    """A square of `SPOT_MM` about a point; of `SPOT_SHARE` where the view has no spacing.

    At an edge it is moved inwards, so that the network always sees as much.
    """
    spacing = view.pixel_spacing
    if spacing is not None:
        tall, wide = SPOT_MM / spacing.row_mm, SPOT_MM / spacing.column_mm
    else:  # in pixel widths, of which a row may be several
        wide = SPOT_SHARE * max(view.rows * view.pixel_aspect, view.columns)
        tall = wide / view.pixel_aspect
    y_min, y_max = _square(row, tall, view.rows)
    x_min, x_max = _square(column, wide, view.columns)
    return x_min, y_min, x_max, y_max


def _square(middle: float, size: float, limit: int) -> tuple[int, int]:
    length = min(max(1, round(size)), limit)
    start = min(max(round(middle - length / 2), 0), limit - length)
    return start, start + length


# ------------------------------------------------------------------------------------------ words


def headline(prediction: RegionJudgement) -> list[str]:
    """What it says in one or two lines; a refusal with its reason."""
    if isinstance(prediction, RegionOutOfScope):
        return [tr("not judged: {why}").format(why=_plain(localised(prediction.reason)))]
    said = tr("category {grade}, confidence {percent}").format(
        grade=prediction.category, percent=percent(prediction.confidence)
    )
    if prediction.malignancy is None:
        return [said]
    return [tr("P(malignant) {percent}").format(percent=percent(prediction.malignancy)), said]


def warnings(prediction: RegionJudgement) -> list[str]:
    """What contradicts its category, as of a breast: 'P(4 or 5) 37 % > 10 %'."""
    if isinstance(prediction, RegionOutOfScope) or not opinion.needs_warning(prediction):
        return []
    return [opinion.suspicion_text(prediction)]


def remarks(prediction: RegionJudgement) -> list[str]:
    """What must be known with it: its warnings, or e.g. that no spacing is known."""
    return [*warnings(prediction), *(_plain(localised(note)) for note in prediction.notes)]


def lines_of(request: RegionRequest) -> list[str]:
    """The same for whatever has become of the question."""
    if request.failure is not None:
        return [_plain(localised_error(request.failure))]
    if request.prediction is None:
        return [tr("asking about this spot …")]
    return [*headline(request.prediction), *warnings(request.prediction)]


def _plain(text: str) -> str:
    """Stored answers come from a database, and errors name files: see `plain_text`."""
    return shortened(text, LINE_LENGTH)
