"""The menu of a right click on an image: what can be done there. Knows the images and commands."""

from PySide6.QtCore import QObject, QPointF
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from viewer.shared.commands import Commands
from viewer.shared.languages import mark, tr
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import window_text
from viewer.viewports.viewports import ViewportsPane
from viewer.window.menus import LINE

GREYS = ("toggle_linear", "toggle_invert", "toggle_shutter", "tools.toggle_local_contrast")
TOOLS = (
    *("tools.hand.choose_RULER", "tools.hand.choose_ANGLE", "tools.hand.choose_ELLIPSE"),
    *("tools.hand.choose_ARROW", "tools.hand.choose_TEXT", LINE),
    *("tools.magnify_1", "tools.magnify_2", "tools.tour_1", "tools.choose_region"),
)
TURNS = (
    *("tools.turn_mirrored", "tools.turn_flipped"),
    *("tools.turn_turned_right", "tools.turn_turned_left"),
)
SHOWN = ("heat_map", LINE, "fit", "toggle_single", "reset")
GIVEN_OUT = ("copy_picture", "save_picture", "tools.ask_for_header")
SUBMENUS = {mark("Tools"): TOOLS, mark("Turn the view"): TURNS}


class ImageMenu(QObject):
    """Made anew for each click: it depends on what lies there."""

    def __init__(self, viewports: ViewportsPane, commands: Commands, parent: QObject) -> None:
        super().__init__(parent)
        self._viewports, self._commands = viewports, commands
        viewports.menu_requested.connect(self.open)

    def open(self, canvas: Canvas, at: QPointF) -> None:
        """At that point of the view, which is the selected one from now on."""
        canvas.activated.emit()
        menu = QMenu(canvas)
        menu.setAccessibleName(tr("Menu of {view}").format(view=canvas.text.name))
        menu.setToolTipsVisible(True)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.addAction(canvas.text.name).setEnabled(False)
        menu.addSeparator()
        if self._viewports.tools.select_at(canvas, at):
            self._fill(menu, ("tools.hand.remove",))
        menu.addAction(self._ask(menu, canvas, at))
        self._add_windows(menu, canvas)
        self._fill(menu, SHOWN)
        here = menu.addAction(tr("Actual pixels (1:1) here"))
        here.triggered.connect(lambda: self._viewports.actual_pixels(at))
        menu.addSeparator()
        for title, identities in SUBMENUS.items():
            self._fill(menu.addMenu(tr(title)), identities)
        menu.addSeparator()
        self._fill(menu, GIVEN_OUT)
        menu.popup(canvas.mapToGlobal(at.toPoint()))

    def _fill(self, menu: QMenu, identities: tuple[str, ...]) -> None:
        for identity in identities:
            if identity == LINE:
                menu.addSeparator()
            else:
                menu.addAction(self._commands.action(identity))

    def _ask(self, menu: QMenu, canvas: Canvas, at: QPointF) -> QAction:
        """Where the pointer was, not where it is by then."""
        tools = self._viewports.tools
        ask = QAction(tr("Ask about this spot"), menu)
        is_allowed = not tools.spot_refusal and canvas.prior is None
        ask.setEnabled(is_allowed and canvas.is_image_at(at))
        ask.setToolTip(tools.spot_refusal)
        ask.triggered.connect(lambda: tools.ask_at(canvas, at))
        return ask

    def _add_windows(self, menu: QMenu, canvas: Canvas) -> None:
        """The view's own by their names; all views follow, each in its own of that number."""
        windows, greys = menu.addMenu(tr("Window", "of grey values")), canvas.image.greys
        for number, preset in enumerate(canvas.image.display.presets):
            action = windows.addAction(window_text(preset).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(preset == greys.voi and not greys.is_linear)
            action.triggered.connect(
                lambda _checked, number=number: self._viewports.windowing.show_preset(number)
            )
        windows.addSeparator()
        self._fill(windows, GREYS)
