"""The door: from a study and what was said of it to DICOM objects, and to files.

Each object is made by a module of its own; what is made was planned by `plans`. An object that
cannot be made never stops the next.
"""

import io
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from engine.arrays import Array
from engine.dicom import voi
from engine.dicom.loading import load_pixels
from engine.domain import MammogramView, Pixels, Study, StudyPrediction, ViewPrediction
from engine.errors import EngineError, StorageFailed, UnsupportedImage, error_trace
from engine.interop import cad_report, equipment, reports
from engine.interop.key_objects import key_objects
from engine.interop.pictures import secondary_capture
from engine.interop.plans import ObjectKind, Observer, Plan, PlannedObject, ReaderRecords
from engine.interop.presentation_states import ShownAs, model_state, reader_state
from engine.interop.register import DocumentRegister
from engine.interop.reports import DocumentReference, ReportClass
from engine.interop.segmentations import segmentation
from engine.interop.sources import SourceImage, sources_of
from engine.messages import message
from engine.networks import preprocessing
from engine.private_files import write_whole

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Made:
    """One planned object and what became of it: a data set, an error, or neither (nothing warm)."""

    planned: PlannedObject
    dataset: Dataset | None = None
    error: EngineError | None = None


def make(
    study: Study,
    plan: Plan,
    prediction: StudyPrediction | None = None,
    records: ReaderRecords | None = None,
    report_class: ReportClass = ReportClass.COMPREHENSIVE_3D,
    shown: Mapping[str, ShownAs] | None = None,
    register: DocumentRegister | None = None,
) -> Iterator[Made]:
    """The planned objects in turn; `shown` is how the reader looks at images, by image uid.

    `register` gives a reader's document its predecessor; whoever writes it enters it there, by
    `entered`. Raises IdentityRefused and UnreadableFile before anything is made.
    """
    if plan.refused is not None:
        raise plan.refused
    maker = _Maker(
        study,
        sources_of(study),
        prediction,
        records or ReaderRecords(),
        report_class,
        shown or {},
        register,
    )
    for planned in plan.objects:
        try:
            yield Made(planned, maker.make(planned))
        except EngineError as error:
            yield Made(planned, error=error)
        except Exception as error:  # noqa: BLE001  a bug at one object stops no other
            log.error("Unexpected fault while making a result: %s", error_trace(error))
            said = StorageFailed(
                message("Result not made"), message("This is a bug of the program: report it.")
            )
            yield Made(planned, error=said)


def write(made: Made, folder: Path, register: DocumentRegister | None = None) -> Path:
    """The object as a file, there whole or not at all; its name names nobody.

    Raises StorageFailed; ValueError where there is no object.
    """
    if made.dataset is None:
        raise ValueError("nothing was made")
    buffer = io.BytesIO()
    made.dataset.save_as(buffer, enforce_file_format=True)
    path = folder / f"{made.planned.kind.value}-{made.dataset.SOPInstanceUID}.dcm"
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise StorageFailed(
            message("Result not written"),
            message(
                "{reason}: free some space in {folder}, or choose another folder.",
                reason=error.strerror or message("It could not be written"),
                folder=str(folder),
            ),
        ) from error
    if register is not None:
        entered(made, register)
    return path


def entered(made: Made, register: DocumentRegister) -> None:
    """Remembers a reader's document, so that the next one names it."""
    planned = made.planned
    is_report = planned.kind is ObjectKind.REPORT and planned.observer is Observer.READER
    if made.dataset is not None and is_report:
        register.add(DocumentReference.of(made.dataset), planned.reader)


class _Maker:
    """Makes one object after the other, and keeps what several of them need."""

    def __init__(
        self,
        study: Study,
        sources: tuple[SourceImage, ...],
        prediction: StudyPrediction | None,
        records: ReaderRecords,
        report_class: ReportClass,
        shown: Mapping[str, ShownAs],
        register: DocumentRegister | None,
    ) -> None:
        self._study = study
        self._sources = sources
        self._by_uid = {source.view.image_uid: source for source in sources}
        self._prediction = prediction
        self._records = records
        self._report_class = report_class
        self._shown = shown
        self._register = register
        self._model_document: Dataset | None = None
        self._series: dict[tuple[object, ...], tuple[str, int]] = {}
        self._pixels: tuple[str, Pixels] | None = None  # of the last image: they are large

    def make(self, planned: PlannedObject) -> Dataset | None:
        if planned.kind is ObjectKind.REPORT:
            return self._report(planned)
        if planned.kind is ObjectKind.KEY_OBJECTS:
            return key_objects(self._sources, planned.image_uids, planned.reader)
        if planned.kind is ObjectKind.CAD_REPORT:
            assert self._prediction is not None
            return cad_report.cad_report(self._sources, self._prediction)
        (uid,) = planned.image_uids
        source = self._by_uid[uid]
        if planned.kind is ObjectKind.PRESENTATION:
            return self._state(planned, source)
        series, number = self._next(planned.kind)
        prediction = self._prediction_of(uid)
        if planned.kind is ObjectKind.SEGMENTATION:
            return segmentation(source, prediction, series, number)
        return secondary_capture(source, prediction, self._grey(source.view), series, number)

    def _report(self, planned: PlannedObject) -> Dataset | None:
        if planned.observer is Observer.MODEL:
            assert self._prediction is not None
            self._model_document = reports.model_report(
                self._sources, self._prediction, self._report_class
            )
            return self._model_document
        records = self._records.of(planned.reader)
        earlier = None
        if self._register is not None:
            earlier = self._register.newest(self._study.uid, planned.reader)
        if earlier is None and all(reading.is_withdrawn for reading in records.newest):
            return None  # taken back before it was ever told
        return reports.reader_report(
            self._sources,
            records.newest,
            records.drawings,
            self._report_class,
            self._model_document,
            earlier,
        )

    def _state(self, planned: PlannedObject, source: SourceImage) -> Dataset:
        view = source.view
        if source.header.SamplesPerPixel != 1:
            raise UnsupportedImage(
                message("A colour image"),
                message("Only grey images have a grayscale presentation state."),
            )
        shown = self._shown.get(view.image_uid)
        if shown is None:
            pixels = self._pixels_of(view)
            shown = ShownAs(voi.as_window(voi.presets(view, pixels)[0]))
        series, number = self._next(planned.kind, planned.observer, planned.reader, view.laterality)
        if planned.observer is Observer.MODEL:
            return model_state(source, self._prediction_of(view.image_uid), shown, series, number)
        drawings = self._records.of(planned.reader).drawings
        own = [drawing for drawing in drawings if drawing.image_uid == view.image_uid]
        return reader_state(source, own, shown, series, number)

    def _next(self, *key: object) -> tuple[str, int]:
        """Series UID and the number of the next object in it."""
        series, number = self._series.get(key, (equipment.new_uid(), 0))
        self._series[key] = (series, number + 1)
        return series, number + 1

    def _prediction_of(self, uid: str) -> ViewPrediction:
        assert self._prediction is not None
        return next(view for view in self._prediction.views if view.image_uid == uid)

    def _pixels_of(self, view: MammogramView) -> Pixels:
        if self._pixels is None or self._pixels[0] != view.image_uid:
            self._pixels = (view.image_uid, load_pixels(view))
        return self._pixels[1]

    def _grey(self, view: MammogramView) -> Array:
        return preprocessing.grey(view, self._pixels_of(view))
