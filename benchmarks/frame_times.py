"""Time of a frame while the hand drags the window, zooms and moves four large views.

A frame is four views changed and painted anew: from the first call or mouse event until Qt has
painted all of them. All three programs show the same four images in a window of 1920 x 1080, two
rows of two, and take turns frame by frame.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyqtgraph
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QGraphicsPixmapItem,
    QGraphicsScene,
    QGraphicsView,
    QGridLayout,
    QWidget,
)
from synthetic_studies import BITS, COLUMNS, ROWS, detector_values

from engine.domain import Pixels
from tests.phantom import STANDARD_FOUR
from tests.viewer.studies import make_study
from viewer.display import rendering
from viewer.display.hanging import Arrangement
from viewer.viewports.canvas import Canvas
from viewer.viewports.viewports import ViewportsPane

SIZE = 1920, 1080
ACTIONS = (
    "window, fitted",
    "zoom",
    "pan, zoomed to twice the fit",
    "window, 1:1",
    "pan, 1:1",
)
OURS = "birads-viewer"


@dataclass(frozen=True)
class Frames:
    """Seconds of each frame, by program."""

    action: str
    seconds: dict[str, np.ndarray]


class _Viewer:
    """This program's own page of views, led by mouse events."""

    def __init__(self, images: list[np.ndarray]) -> None:
        shape = images[0].shape
        study = make_study([f"{side} {view}" for side, view in STANDARD_FOUR], shape=shape)
        self.widget = pane = ViewportsPane()
        pane.set_arrangement(Arrangement.GRID)
        pane.resize(*SIZE)
        pane.show_study(study)
        pane.show()
        for view, image in zip(study.views, images, strict=True):
            image.setflags(write=False)
            pane.show_pixels(view.image_uid, rendering.prepare(view, Pixels(image)))
        self._canvases = pane.canvases
        self._held: tuple[Qt.MouseButton, QPointF] | None = None  # button and place of a drag

    def fit(self) -> None:
        self.let_go()
        self.widget.fit()

    def zoom_to(self, factor: float | None) -> None:
        """Times the fit; None: 1:1."""
        self.let_go()
        for canvas in self._canvases:
            canvas.fit()
            if factor is None:
                canvas.actual_pixels()
            else:
                canvas.zoom_by(factor)

    def window(self, step: int) -> None:
        """Left drag; Shift takes all four views along."""
        shift = Qt.KeyboardModifier.ShiftModifier
        self._drag(
            self._canvases[:1], Qt.MouseButton.LeftButton, (2 * _turn(step), _turn(step)), shift
        )

    def zoom(self, step: int) -> None:
        self._drag(self._canvases, Qt.MouseButton.RightButton, (0, 5 * _turn(step)))

    def pan(self, step: int) -> None:
        self._drag(self._canvases, Qt.MouseButton.MiddleButton, (9 * _turn(step), 7))

    def _drag(
        self,
        canvases: Sequence[Canvas],
        button: Qt.MouseButton,
        by: tuple[int, int],
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """One mouse move of a drag that goes on until `let_go`."""
        if self._held is None:
            self._held = button, QPointF(canvases[0].rect().center())
            for canvas in canvases:
                self._send(canvas, QEvent.Type.MouseButtonPress, button, modifiers)
        self._held = button, self._held[1] + QPointF(*by)
        for canvas in canvases:
            self._send(canvas, QEvent.Type.MouseMove, Qt.MouseButton.NoButton, modifiers)

    def let_go(self) -> None:
        if self._held is not None:
            for canvas in self._canvases:
                self._send(canvas, QEvent.Type.MouseButtonRelease, self._held[0])
        self._held = None

    def _send(
        self,
        canvas: Canvas,
        kind: QEvent.Type,
        button: Qt.MouseButton,
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        held, at = self._held
        pressed = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else held
        event = QMouseEvent(kind, at, canvas.mapToGlobal(at), button, pressed, modifiers)
        QCoreApplication.sendEvent(canvas, event)


class _Pyqtgraph:
    """ImageView with levels on uint16, row-major, numba; what an ImageView shows besides is off."""

    def __init__(self, images: list[np.ndarray]) -> None:
        pyqtgraph.setConfigOptions(useNumba=True, imageAxisOrder="row-major", antialias=False)
        self.widget, grid = _grid()
        self._views = []
        for place, image in enumerate(images):
            view = pyqtgraph.ImageView()
            for extra in (view.ui.histogram, view.ui.roiBtn, view.ui.menuBtn):
                extra.hide()
            view.setImage(image, autoLevels=False, levels=(0, 2**BITS), autoHistogramRange=False)
            grid.addWidget(view, *divmod(place, 2))
            self._views.append(view)
        self.widget.show()

    def fit(self) -> None:
        for view in self._views:
            view.getView().autoRange(padding=0)

    def zoom_to(self, factor: float | None) -> None:
        self.fit()
        for view in self._views:
            box = view.getView()
            by = box.viewPixelSize()[0] if factor is None else factor
            box.scaleBy((1 / by, 1 / by))

    def window(self, step: int) -> None:
        for view in self._views:
            view.getImageItem().setLevels(_levels(step))

    def zoom(self, step: int) -> None:
        for view in self._views:
            factor = float(np.exp(_turn(step) * 5 / 150))
            view.getView().scaleBy((factor, factor))

    def pan(self, step: int) -> None:
        for view in self._views:
            box = view.getView()
            width, height = box.viewPixelSize()
            box.translateBy((9 * _turn(step) * width, 7 * height))


class _PixmapItems:
    """A QGraphicsPixmapItem each, fed by cv2.LUT; the grey image is its pixmap, unconverted."""

    def __init__(self, images: list[np.ndarray]) -> None:
        self._images = images
        self.widget, grid = _grid()
        self._items, self._views = [], []
        for place, image in enumerate(images):
            scene = QGraphicsScene(self.widget)
            item = QGraphicsPixmapItem()
            scene.addItem(item)
            scene.setSceneRect(0, 0, image.shape[1], image.shape[0])
            view = QGraphicsView(scene)
            view.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
            policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
            view.setVerticalScrollBarPolicy(policy)
            view.setHorizontalScrollBarPolicy(policy)
            grid.addWidget(view, *divmod(place, 2))
            self._items.append(item)
            self._views.append(view)
        self.widget.show()
        self.window(0)

    def fit(self) -> None:
        for view in self._views:
            view.fitInView(view.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)

    def zoom_to(self, factor: float | None) -> None:
        self.fit()
        for view in self._views:
            by = 1 / view.transform().m11() if factor is None else factor
            view.scale(by, by)

    def window(self, step: int) -> None:
        low, high = _levels(step)
        fraction = np.clip((np.arange(65536) - low) / (high - low), 0, 1)
        table = np.floor(fraction * 255 + 0.5).astype(np.uint8)
        self._shown = [cv2.LUT(image, table) for image in self._images]  # the pixmaps' own memory
        for item, grey in zip(self._items, self._shown, strict=True):
            rows, columns = grey.shape
            shown = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
            item.setPixmap(QPixmap.fromImage(shown, Qt.ImageConversionFlag.NoFormatConversion))

    def zoom(self, step: int) -> None:
        factor = float(np.exp(-_turn(step) * 5 / 150))
        for view in self._views:
            view.scale(factor, factor)

    def pan(self, step: int) -> None:
        for view in self._views:
            for bar, by in (
                (view.horizontalScrollBar(), -9 * _turn(step)),
                (view.verticalScrollBar(), -7),
            ):
                bar.setValue(bar.value() + by)


def _grid() -> tuple[QWidget, QGridLayout]:
    widget = QWidget()
    widget.resize(*SIZE)
    grid = QGridLayout(widget)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setSpacing(1)
    return widget, grid


def _turn(step: int) -> int:
    """To and fro, so that a drag never runs out of range: + for ten steps, - for ten."""
    return 1 if step // 10 % 2 == 0 else -1


def _levels(step: int) -> tuple[float, float]:
    place = step % 20 if step % 20 < 10 else 20 - step % 20
    return 40.0 * place, 2**BITS - 80.0 * place


def measure(frames: int, say: Callable[[str], None]) -> list[Frames]:
    """`frames` of each action and program; the first five of each are not counted."""
    images = [detector_values(side, view, ROWS, COLUMNS) for side, view in STANDARD_FOUR]
    programs = {
        OURS: _Viewer(images),
        "pyqtgraph ImageView": _Pyqtgraph(images),
        "QGraphicsPixmapItem": _PixmapItems(images),
    }
    for program in programs.values():
        assert program.widget.size().toTuple() == SIZE
    prepare = {
        "window, fitted": lambda program: program.fit(),
        "zoom": lambda program: program.fit(),
        "pan, zoomed to twice the fit": lambda program: program.zoom_to(2.0),
        "window, 1:1": lambda program: program.zoom_to(None),
        "pan, 1:1": lambda program: program.zoom_to(None),
    }
    results = []
    for action in ACTIONS:
        say(action)
        for program in programs.values():
            prepare[action](program)
        _paint()
        taken: dict[str, list[float]] = {name: [] for name in programs}
        for step in range(frames + 5):
            for name, program in programs.items():
                act = getattr(program, action.split(",")[0])
                start = time.perf_counter()
                act(step)
                _paint()
                if step >= 5:
                    taken[name].append(time.perf_counter() - start)
        results.append(Frames(action, {name: np.array(all_) for name, all_ in taken.items()}))
    for program in programs.values():
        program.widget.close()
    return results


def _paint() -> None:
    """All that is due, down to the window's own memory."""
    QApplication.sendPostedEvents()
    QApplication.processEvents()


def table(results: list[Frames]) -> list[str]:
    """Markdown."""
    lines = [
        "| four views | program | median, ms | 95th percentile, ms | birads-viewer is faster |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        ours = np.median(result.seconds[OURS])
        for name, seconds in result.seconds.items():
            ratio = "" if name == OURS else f"{np.median(seconds) / ours:.1f} ×"
            lines.append(
                f"| {result.action} | {name} | {1e3 * np.median(seconds):.1f} "
                f"| {1e3 * np.percentile(seconds, 95):.1f} | {ratio} |"
            )
    return lines
