"""How a dialog stands beside the images: it holds nothing up."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def show_alone(dialog: QWidget) -> None:
    """Until it is closed; then it is gone."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
