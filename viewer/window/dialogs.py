"""How a dialog stands beside the images: it holds nothing up."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def show_alone(dialog: QWidget) -> None:
    """Until it is closed; then it is gone."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    keep_on_screen(dialog)
    dialog.show()


def keep_on_screen(dialog: QWidget) -> None:
    """No larger than the screen that it comes up on."""
    if dialog.testAttribute(Qt.WidgetAttribute.WA_Resized):
        dialog.resize(dialog.size().boundedTo(dialog.screen().availableSize()))
