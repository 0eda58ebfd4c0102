"""Where the windows stand: the images in one of their own, and all of them back from a lost screen.

The images move as they are, with zoom, windows and what is being drawn; the worklist and the panes
stay in the main window. The choice is kept, and holds wherever there is a second screen.
"""

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import QObject, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QScreen
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from viewer.shared import theme
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.shared.messages import notice
from viewer.shared.plain_text import PlainLabel
from viewer.window.settings import Settings

_KINDS = (Qt.WindowType.Window, Qt.WindowType.Dialog)


class ImagesWindow(QWidget):
    """The images alone, below the notice."""

    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Images – birads-viewer"))
        self._hint = PlainLabel(self)
        self._hint.setFont(theme.font(theme.SMALL_TEXT_PX))
        label = PlainLabel(notice(), self)
        label.setFont(theme.font(bold=True))
        label.setStyleSheet(f"color: {theme.WARNING.name()}")
        top = QHBoxLayout()
        top.setContentsMargins(12, 3, 12, 3)
        top.addWidget(self._hint, 1)
        top.addWidget(label)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(top)

    def take(self, images: QWidget) -> None:
        self._column.addWidget(images, 1)
        images.show()

    def show_network(self, is_on: bool) -> None:
        titles = [tr("Images – birads-viewer"), *([tr("network: on")] if is_on else [])]
        self.setWindowTitle(" – ".join(titles))

    def set_hint(self, text: str) -> None:
        self._hint.setText(text)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit()
        super().closeEvent(event)


class Screens(QObject):
    """Moves the images between the main window and their own."""

    message = Signal(str)  #: what became of the windows
    moved = Signal()  #: the images, out or back

    def __init__(self, window: QMainWindow, images: QWidget, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._images, self._settings = window, images, settings
        self._home = _box_of(images)
        self._place = self._home.indexOf(images)
        self._apart: ImagesWindow | None = None
        self._is_leaving = False
        self._key = ""
        self._is_networked = False
        self._empty = PlainLabel(window)  # in the images' place while they are away
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.hide()
        app = cast(QGuiApplication, QGuiApplication.instance())
        app.screenRemoved.connect(self._on_screen_removed)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "images_apart",
                tr("Images in a &window of their own"),
                ("F11",),
                self.toggle,
                lambda: self._apart is not None,
            ),
            ActionSpec(
                "images_next_screen",
                tr("Images on the &next screen"),
                ("Shift+F11",),
                self.to_next_screen,
            ),
        )

    def show_network(self, is_on: bool) -> None:
        """In the title of the images' window, as in the main one's."""
        self._is_networked = is_on
        if self._apart is not None:
            self._apart.show_network(is_on)

    @property
    def images_window(self) -> ImagesWindow | None:
        """None while the images are in the main window."""
        return self._apart

    # ------------------------------------------------------------------------- the images' window

    def toggle(self) -> None:
        """By the reader, who finds it so at the next start."""
        if self._apart is None:
            self.separate()
        else:
            self.join()
        self._settings.images_apart = self._apart is not None

    def separate(self) -> None:
        """On another screen than the main window's, if there is one."""
        if self._apart is not None:
            return
        focus = self._focus_in_images()
        self._apart = apart = ImagesWindow(self._window)
        apart.show_network(self._is_networked)
        apart.closed.connect(self._on_closed)
        apart.addActions(_actions_of(self._window))  # their keys work there too
        self.show_key(self._key)
        self._home.removeWidget(self._images)
        apart.take(self._images)
        self._home.insertWidget(self._place, self._empty, 1)
        self._empty.show()
        apart.resize(1200, 900)
        if not apart.restoreGeometry(self._settings.images_geometry):
            _put_on(self._free_screen(), apart)
        apart.show()
        areas = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        _bring_back(apart, areas)
        self._after_moving(focus)

    def join(self) -> None:
        """Back into the main window."""
        if self._apart is None:
            return
        focus = self._focus_in_images()
        apart, self._apart = self._apart, None
        self._settings.images_geometry = apart.saveGeometry()
        self._home.removeWidget(self._empty)
        self._empty.hide()
        self._home.insertWidget(self._place, self._images, 1)
        self._images.show()
        apart.hide()
        apart.deleteLater()
        self._after_moving(focus)

    def _on_closed(self) -> None:
        """By the reader's hand; the images must not go with it."""
        if self._apart is not None and not self._is_leaving:
            self.toggle()

    def to_next_screen(self) -> None:
        if self._apart is None:
            self.toggle()
            return
        screens = QGuiApplication.screens()
        here = self._apart.screen()
        place = screens.index(here) + 1 if here in screens else 0
        _put_on(screens[place % len(screens)], self._apart)

    def show_key(self, key: str) -> None:
        """The one that brings the images back, at the start and after keys have changed."""
        self._key = key
        back = tr("{key} brings them back.").format(key=key)
        back = back if key else tr("The menu Panes brings them back.")
        away = tr("The images are in a window of their own.")
        self._empty.setText(f"{away} {back}")
        if self._apart is not None:
            hint = tr("{key}: back into the main window").format(key=key)
            self._apart.set_hint(hint if key else "")

    def _free_screen(self) -> QScreen:
        """Not the main window's, unless it is the only one."""
        main = self._window.screen()
        return next((s for s in QGuiApplication.screens() if s is not main), main)

    def _focus_in_images(self) -> QWidget | None:
        focus = QApplication.focusWidget()
        is_there = focus is not None and self._images.isAncestorOf(focus)
        return focus if is_there else None

    def _after_moving(self, focus: QWidget | None) -> None:
        """The keyboard stays where it was."""
        self.moved.emit()
        window = self._window if focus is None else self._images.window()
        window.activateWindow()
        if focus is not None:
            focus.setFocus()

    # ------------------------------------------------------------------------------- from start on

    def restore(self) -> None:
        """As the reader left it, where there is a second screen."""
        if self._settings.images_apart and len(QGuiApplication.screens()) > 1:
            self.separate()

    def leave(self) -> None:
        """The program ends; the choice is kept."""
        self._is_leaving = True
        if self._apart is not None:
            self._settings.images_geometry = self._apart.saveGeometry()
            self._apart.close()

    # ------------------------------------------------------------------------------- a lost screen

    def _on_screen_removed(self, _screen: QScreen) -> None:
        QTimer.singleShot(0, self, self.gather)  # after Qt has moved what it moves by itself

    def gather(self, areas: Sequence[QRect] | None = None) -> None:
        """After a screen has gone: every window on one of the `areas` that are left.

        With one screen left the images come home too: the windows would cover each other.
        """
        areas = areas or [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if not areas:  # for a moment, as the last one is plugged out
            return
        if self._apart is not None and len(areas) == 1:
            self.join()
            self.message.emit(tr("A screen is gone: the images are back in the main window"))
        for window in QApplication.topLevelWidgets():
            if window.isVisible() and window.windowType() in _KINDS:
                _bring_back(window, areas)


def _box_of(widget: QWidget) -> QBoxLayout:
    """The layout that it stands in."""
    parent = widget.parentWidget()
    layout = None if parent is None else parent.layout()
    if not isinstance(layout, QBoxLayout):
        raise TypeError("the images stand in no row or column")
    return layout


def _put_on(screen: QScreen, window: QWidget) -> None:
    window.showNormal()
    window.setGeometry(screen.availableGeometry())
    window.showMaximized()


def _bring_back(window: QWidget, areas: Sequence[QRect]) -> None:
    if is_within(window.frameGeometry(), areas):
        return
    is_large = window.isMaximized() or window.isFullScreen()
    if is_large:
        window.showNormal()
    window.setGeometry(moved_into(window.frameGeometry(), areas))
    if is_large:
        window.showMaximized()


def is_within(rect: QRect, areas: Sequence[QRect]) -> bool:
    """Whether a hand finds it: its middle and its title lie on screens."""
    title = rect.topLeft() + (rect.topRight() - rect.topLeft()) / 2
    title.setY(title.y() + 8)
    return all(any(area.contains(spot) for area in areas) for spot in (rect.center(), title))


def moved_into(rect: QRect, areas: Sequence[QRect]) -> QRect:
    """The same size, if it fits, wholly within the nearest area."""

    def distance(area: QRect) -> int:
        return (area.center() - rect.center()).manhattanLength()

    area = min(areas, key=distance)
    result = QRect(rect.topLeft(), rect.size().boundedTo(area.size()))
    result.moveLeft(min(max(result.left(), area.left()), area.right() - result.width() + 1))
    result.moveTop(min(max(result.top(), area.top()), area.bottom() - result.height() + 1))
    return result


def _actions_of(window: QMainWindow) -> list[QAction]:
    menus = [action.menu() for action in window.menuBar().actions()]
    of_menus = [menu.actions() for menu in menus if isinstance(menu, QMenu)]
    return [action for actions in of_menus for action in actions if action.objectName()]
