"""What the region network is asked and says of rectangles on the open study, shown or not.

The session alone holds it, and hands on what the reading mode lets through.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from engine.domain import Annotation, RegionRecord, Study
from engine.errors import StorageFailed
from viewer.display.regions import Box, box_of
from viewer.session.inference import Inference
from viewer.session.readings import Readings
from viewer.shared.states import RegionRequest

log = logging.getLogger(__name__)


class RegionRequests:
    """Requests by the rectangles' `annotation_id`; predictions by where they lie."""

    def __init__(
        self,
        inference: Inference,
        readings: Readings,
        on_change: Callable[[], None],
        on_unstored: Callable[[StorageFailed], None],
    ) -> None:
        """`on_change` is called for what comes by itself, `on_unstored` where a prediction could
        not be stored; it is stored with the next drawing.
        """
        self._inference = inference
        self._readings = readings
        self._on_change = on_change
        self._on_unstored = on_unstored
        self._study: Study | None = None
        self._known: dict[tuple[str, Box], RegionRequest] = {}
        self._pending: dict[str, tuple[RegionRequest, str]] = {}  # by annotation_id, and whose

    @property
    def all(self) -> tuple[RegionRequest, ...]:
        """Of the open study, also of rectangles that were taken away."""
        return tuple(self._known.values())

    @property
    def are_pending(self) -> bool:
        return bool(self._pending)

    def open(self, study: Study | None) -> None:
        """With what was said of its rectangles earlier; whatever was being asked is dropped."""
        self._study = study
        self._known, self._pending = {}, {}
        if study is None:
            return
        try:
            stored = self._readings.regions(study)
        except StorageFailed:  # told where the drawings are asked for
            log.warning("What was said of rectangles cannot be read")
            return
        for region in stored:
            prediction = region.prediction
            where = prediction.image_uid, prediction.box
            self._known[where] = RegionRequest(*where, prediction)

    def request(self, rectangle: Annotation, may_request: bool) -> None:
        """It was drawn, moved or taken away: asks about it where nothing is known yet, and it may
        be asked.
        """
        if self._study is None:
            return
        self._drop(rectangle.annotation_id)
        view = self._study.view(rectangle.image_uid)
        box = box_of(rectangle.points, view.rows, view.columns)
        known = self._known.get((view.image_uid, box))
        is_wanted = known is None or known.failure is not None
        if is_wanted and may_request and not rectangle.is_removed:
            pending = RegionRequest(view.image_uid, box)
            self._known[view.image_uid, box] = pending
            self._pending[rectangle.annotation_id] = pending, rectangle.reader
            self._inference.request_region(rectangle.annotation_id, view, box, self._on_done)

    def _drop(self, annotation_id: str) -> None:
        if (pending := self._pending.pop(annotation_id, None)) is not None:
            region, _reader = pending
            del self._known[region.image_uid, region.box]
            self._inference.drop_region(annotation_id)

    def drop_all(self) -> None:
        """Nobody may wait for an answer any more."""
        for annotation_id in list(self._pending):
            self._drop(annotation_id)

    def _on_done(self, annotation_id: str, done: RegionRequest) -> None:
        _pending, reader = self._pending.pop(annotation_id)
        self._known[done.image_uid, done.box] = done
        if done.prediction is not None and (study := self._study) is not None:
            asked_at = datetime.now(UTC)
            region = RegionRecord(study.uid, study.patient_id, reader, done.prediction, asked_at)
            try:
                self._readings.record_region(region)
            except StorageFailed as error:
                self._on_unstored(error)
        self._on_change()
