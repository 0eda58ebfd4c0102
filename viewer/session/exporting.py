"""What leaves the program as files: readings as CSV, training data, anonymised copies of studies.

Never into a folder of images that are open. What of the model goes with a reading is decided by
`readings`, as for everything else that is told.
"""

import threading
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from engine.anonymisation.anonymising import Anonymiser, refuse_inside, study_folders
from engine.domain import AnonymousCopy, Study
from engine.errors import EngineError
from engine.records import training_manifest
from engine.site_configuration import Export, SitePolicy
from viewer.session.readings import Readings
from viewer.shared.delivery import Delivery


class Exporting(QObject):
    """Lives on the window's thread; writes on two of its own. `close` must be called."""

    training_progressed = Signal(int, int)  #: images done, images in all
    #: at its end: what came of it in a line, or None where it was cancelled or has failed
    training_written = Signal(object)
    study_copied = Signal(AnonymousCopy)  #: complete
    failed = Signal(EngineError)

    def __init__(
        self, readings: Readings, delivery: Delivery, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._readings = readings
        self._delivery = delivery
        self._studies: Mapping[str, Study] = {}
        self.policy = SitePolicy()  #: what the site lets out, and where to
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="exporting")
        self._stop_writing = threading.Event()
        self._copier = ThreadPoolExecutor(1, thread_name_prefix="copying")
        self._stop_copying = threading.Event()

    def open(self, studies: Mapping[str, Study]) -> None:
        """Another catalogue, by study uid."""
        self._studies = studies

    def check_target(self, path: Path) -> None:
        """Raises StorageFailed where `path` would lie among the images that are open, and
        ConfigurationRefused where the site wants such files somewhere else.
        """
        self.policy.check_place(path)
        for study in self._studies.values():
            refuse_inside(path, study_folders(study))

    # -------------------------------------------------------------------------------- readings

    def export_readings(
        self,
        path: Path,
        unblind: bool = False,
        only: Collection[int] | None = None,
        is_pseudonymised: bool = False,
    ) -> int | None:
        """Writes all readings, or those with these record ids, as CSV; their number, or None after
        `failed`.

        What the model said is left out wherever this reader has not been shown it, and in a mode
        that hides, wherever it is hidden now; `unblind` writes all, and is on record as a reveal.
        """
        try:
            self.policy.check_allowed(Export.READINGS)
            self.check_target(path)
            pseudonyms = self._readings.pseudonyms() if is_pseudonymised else None
            return self._readings.export_csv(path, unblind, only, pseudonyms)
        except EngineError as error:
            self.failed.emit(error)
            return None

    def write_training_data(
        self, target: Path, only: Collection[int], is_pseudonymised: bool = True
    ) -> None:
        """Writes the readings with these record ids as `records.training_manifest` tells;
        `training_progressed` follows, and at the end `training_written`.
        """
        try:
            self.policy.check_allowed(Export.TRAINING)
            self.policy.check_place(target)
            studies = self._readings.read_studies(only)
            pseudonyms = self._readings.pseudonyms() if is_pseudonymised else None
        except EngineError as error:
            self.failed.emit(error)
            self.training_written.emit(None)
            return
        self._stop_writing.set()
        self._stop_writing = should_stop = threading.Event()

        def report(done: int, total: int) -> None:
            self._delivery.deliver(lambda: self.training_progressed.emit(done, total))

        future = self._writer.submit(
            training_manifest.write, studies, target, pseudonyms, report, should_stop.is_set
        )
        self._delivery.when_done(future, self._on_training_written)

    @Slot()
    def cancel_training_data(self) -> None:
        self._stop_writing.set()

    def _on_training_written(self, future: Future[training_manifest.Written]) -> None:
        summary = None
        try:
            summary = future.result().summary
        except EngineError as error:
            self.failed.emit(error)
        except training_manifest.Cancelled:
            pass
        finally:  # also as a bug of ours goes to the log
            self.training_written.emit(summary)

    # ---------------------------------------------------------------------------------- copies

    def copy_anonymised(self, study: Study, folder: Path, blanks_marks: bool) -> None:
        """Into a new folder in `folder`; `study_copied` or `failed` follows."""
        try:
            self.policy.check_allowed(Export.COPIES)
            self.check_target(folder)
            anonymiser = Anonymiser(folder, blanks_marks=blanks_marks)
        except EngineError as error:
            self.failed.emit(error)
            return
        future = self._copier.submit(anonymiser.copy, study, self._stop_copying.is_set)
        self._delivery.when_done(future, self._on_copied)

    def _on_copied(self, future: Future[AnonymousCopy]) -> None:
        if future.cancelled():
            return
        try:
            copy = future.result()
        except EngineError as error:
            self.failed.emit(error)
            return
        self.study_copied.emit(copy)

    def stop(self) -> None:
        self._stop_copying.set()
        self._stop_writing.set()

    def close(self) -> None:
        """Waits until what is being written has stopped."""
        self.stop()
        self._copier.shutdown(cancel_futures=True)
        self._writer.shutdown(cancel_futures=True)
