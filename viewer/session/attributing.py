"""What readers say by hand that images are: side, view and study. No file changes."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal

from engine.dicom.attributions import Attributions, attribution_key
from engine.domain import Attribution, MammogramView
from engine.errors import EngineError, StorageFailed
from viewer.session.readings import Readings


class Attributing(QObject):
    """Lives on the window's thread; what is said is on record before anything shows it."""

    # Something else is said of images now; who connects first shows them so
    attributed = Signal()
    failed = Signal(EngineError)

    def __init__(self, readings: Readings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._readings = readings
        self._before: list[tuple[Attribution, ...]] = []  # of this run, to be undone

    def known(self) -> Attributions:
        """Of all images ever; nothing where it cannot be read."""
        try:
            return self._readings.attributions()
        except StorageFailed as error:
            self.failed.emit(error)
            return {}

    def of(self, views: Iterable[MammogramView]) -> dict[str, Attribution]:
        """What readers say of the images now, by image uid; of the others nothing."""
        known = self.known()
        keys = {view.image_uid: attribution_key(view) for view in views}
        return {uid: known.get(key) or Attribution(*key, "") for uid, key in keys.items()}

    def attribute(self, said: Sequence[Attribution]) -> None:
        """Puts on record what a reader says images are, and shows them so; the networks are asked
        anew where a side, a view or a study has changed. `attributed` follows.

        Raises StorageFailed, and nothing has changed then.
        """
        before = self._said_now(said)
        self._readings.attribute(said)
        self._before.append(before)
        self.attributed.emit()

    @property
    def undoable(self) -> int:
        """How many times something was said of images in this run that was not undone."""
        return len(self._before)

    def undo(self) -> None:
        """Says again what was said before; raises StorageFailed, then it can be tried again."""
        self._readings.attribute(self._before[-1])
        self._before.pop()
        self.attributed.emit()

    def forget(self) -> None:
        """Other files are being opened: what was said of these is no longer to be undone."""
        self._before.clear()

    def _said_now(self, of: Sequence[Attribution]) -> tuple[Attribution, ...]:
        known = self._readings.attributions()
        return tuple(
            known.get((said.image_uid, said.content))
            or Attribution(said.image_uid, said.content, said.reader)
            for said in of
        )
