"""What goes out to people: a view as a picture, a study's summary on paper, an anonymised copy.

Each has a small window of its own that blocks nothing, and that closes as soon as another study
comes up or the reading mode changes: nothing stays there that may no longer be shown, and no page
of one patient while another's images hang. Nothing is written among the images that are open.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QHideEvent,
    QImage,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain import AnonymousCopy, Study
from engine.errors import EngineError
from viewer.output import pictures, summary
from viewer.output.printers import PrinterSearch
from viewer.session.session import Session
from viewer.shared import theme
from viewer.shared.banner import BannerMessage
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised, notice
from viewer.shared.plain_text import PlainLabel
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions
from viewer.viewports.viewports import ViewportsPane

PREVIEW = QSize(420, 460)  #: logical pixels, of a picture's preview
SUMMARY_SIZE = QSize(860, 900)
UNNAMED = OverlayOptions(identity=False)
_PREVIEW_DPI = 150  # of a summary's preview, before it is shrunk
_REFRESH_MS = 200  # after the last change of the view
_NO_WORDS = mark("Without them no free words and no reader's name are on the page either.")


class Output(QObject):
    """The commands of the File menu that give something out, and their windows."""

    message = Signal(BannerMessage)  #: for the banner
    failed = Signal(EngineError)

    def __init__(
        self,
        session: Session,
        viewports: ViewportsPane,
        window: QWidget,
        folder: Path | None = None,
    ) -> None:
        super().__init__(window)
        self._session, self._viewports, self._window = session, viewports, window
        self.dialogs: list[QDialog] = []  #: one at most
        self.folder = str(folder or "")  #: of the last file in this run, at first the site's
        session.study_selected.connect(self.close_all)
        session.mode_changed.connect(self.close_all)
        session.exporting.study_copied.connect(self._on_copied)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "save_picture", tr("Save view as &picture …"), ("Ctrl+Shift+S",), self.show_picture
            ),
            ActionSpec(
                "copy_picture", tr("&Copy view as picture"), ("Ctrl+Shift+C",), self.copy_picture
            ),
            ActionSpec(
                "summary", tr("Study su&mmary, print …"), ("Ctrl+Shift+P",), self.show_summary
            ),
            ActionSpec("anonymise", tr("&Anonymised copy of the study …"), (), self.show_copying),
        )

    def close_all(self, *_change: object) -> None:
        for dialog in self.dialogs:
            dialog.hide()
            dialog.deleteLater()
        self.dialogs.clear()

    def _show(self, dialog: QDialog) -> None:
        self.close_all()
        self.dialogs.append(dialog)
        dialog.setModal(False)
        dialog.show()

    def _needs(self, title: str) -> None:
        self.message.emit(BannerMessage(title, tr("Open a study and wait for its images.")))

    # ------------------------------------------------------------------------------------ pictures

    def show_picture(self) -> None:
        """Of the selected view, with what is to be on it."""
        canvas = self._viewports.current
        if canvas is None or not pictures.can_be_pictured(canvas):
            self._needs(tr("No picture to give out"))
            return
        self._show(PictureDialog(canvas, self, self._window))

    def copy_picture(self, shown: OverlayOptions = UNNAMED) -> None:
        """Of the selected view to the clipboard, as it shows but for the patient's name."""
        canvas = self._viewports.current
        if canvas is None or not pictures.can_be_pictured(canvas):
            self._needs(tr("No picture to give out"))
            return
        image = pictures.picture_of(canvas, shown)
        image.setDevicePixelRatio(1)
        QGuiApplication.clipboard().setImage(image)
        is_named = shown.identity and canvas.text.identity
        title = tr("{view} copied as a picture").format(view=canvas.text.name)
        with_name = tr("It is with the patient's name.")
        self.message.emit(
            BannerMessage(title, with_name if is_named else tr("It is without the patient's name."))
        )

    def save_picture(self, canvas: Canvas, shown: OverlayOptions, path: Path) -> None:
        if path.suffix.lower() != ".png":
            path = path.with_name(path.name + ".png")
        self.save(path, lambda: pictures.png(pictures.picture_of(canvas, shown)))

    # ------------------------------------------------------------------------------------- summary

    def show_summary(self) -> None:
        study = self._session.current_study
        if study is None or not any(map(pictures.can_be_pictured, self._viewports.canvases)):
            self._needs(tr("No summary to give out"))
            return
        self._show(SummaryDialog(self, self._window))

    @property
    def canvases(self) -> list[Canvas]:
        return self._viewports.canvases

    def summarise(self, with_identity: bool, with_heat: bool) -> summary.StudySummary:
        """Of the open study, by what may be shown now. Raises ValueError where none is open."""
        session, study = self._session, self._session.current_study
        if study is None:
            raise ValueError("no study is open")
        return summary.summarise(
            study,
            self._viewports.canvases,
            session.prediction(study.uid),
            session.history(study),
            session.reading,
            datetime.now().astimezone(),
            with_identity,
            with_heat,
            self._viewports.tools.visible_requests,
            session.cancers_per_1000,
        )

    def save_summary(self, path: Path, with_identity: bool, with_heat: bool) -> None:
        if path.suffix.lower() != ".pdf":
            path = path.with_name(path.name + ".pdf")
        self.save(path, lambda: summary.pdf(self.summarise(with_identity, with_heat)))

    # -------------------------------------------------------------------------------------- copies

    def show_copying(self) -> None:
        study = self._session.current_study
        if study is None:
            self._needs(tr("No study to give out"))
            return
        self._show(CopyDialog(study, self, self._window))

    def copy_study(self, study: Study, folder: Path, blanks_marks: bool) -> None:
        self._session.exporting.copy_anonymised(study, folder, blanks_marks)

    def _on_copied(self, copy: AnonymousCopy) -> None:
        advice = []
        if copy.failures:
            first = copy.failures[0]
            count = len(copy.failures)
            files = (
                tr("One image was not copied: {title}. {advice}")
                if count == 1
                else tr("%n images were not copied: {title}. {advice}", "", count)
            )
            advice.append(
                files.format(title=localised(first.title), advice=localised(first.advice))
            )
        blanked = sum(image.is_blanked for image in copy.images)
        marked = sum(image.marks != 0 and not image.is_blanked for image in copy.images)
        if blanked:
            text = tr("Marks were blanked in {count}: check that no text is left.")
            advice.append(text.format(count=blanked))
        if marked:
            text = tr("In {count} something beside the breast may be text: look at them.")
            advice.append(text.format(count=marked))
        count = len(copy.images)
        copied = (
            tr("1 image copied, anonymised")
            if count == 1
            else tr("%n images copied, anonymised", "", count)
        )
        advice.append(tr("Folder: {path}").format(path=copy.folder))
        self.message.emit(BannerMessage(copied, " ".join(advice)))

    # ---------------------------------------------------------------------------------------- files

    def ask_for_file(self, parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
        start = str(Path(self.folder) / name) if self.folder else name
        path, _ = QFileDialog.getSaveFileName(parent, title, start, kinds)
        return Path(path) if path else None

    def save(self, path: Path, make: Callable[[], bytes]) -> None:
        """Whole or not at all, and never among the open images."""
        try:
            self._session.exporting.check_target(path)  # a link may lead there
            pictures.save(path, make())
        except EngineError as error:
            self.failed.emit(error)
            return
        self.folder = str(path.parent)
        self.message.emit(BannerMessage(tr("Saved"), str(path)))


class _Options(QWidget):
    """Check boxes below each other, by name."""

    changed = Signal()

    def __init__(self, entries: dict[str, tuple[str, bool]], parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.boxes: dict[str, QCheckBox] = {}
        for name, (text, is_on) in entries.items():
            box = QCheckBox(text, self)
            box.setChecked(is_on)
            box.toggled.connect(self.changed)
            column.addWidget(box)
            self.boxes[name] = box

    def __getitem__(self, name: str) -> bool:
        return self.boxes[name].isChecked()

    def disable(self, name: str) -> None:
        self.boxes[name].setChecked(False)
        self.boxes[name].setEnabled(False)


class PictureDialog(QDialog):
    """Chooses what is on a picture, and shows it."""

    def __init__(self, canvas: Canvas, output: Output, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("{view} as a picture").format(view=canvas.text.name))
        self.canvas, self._output = canvas, output
        self.options = _Options(
            {
                "heat": (tr("Heat-map"), canvas.shows_heat),
                "drawings": (tr("Drawings and measurements"), True),
                "words": (tr("Words in the corners"), True),
                "identity": (tr("Patient's name, ID and date"), False),
            },
            self,
        )
        if not canvas.shows_heat:
            self.options.disable("heat")
        if not canvas.text.identity:
            self.options.disable("identity")
        self.options.changed.connect(self._refresh)
        self._timer = QTimer(
            self, singleShot=True, interval=_REFRESH_MS
        )  # not at each step of a drag
        self._timer.timeout.connect(self._refresh)
        canvas.changed.connect(self._timer.start)
        self.preview = PlainLabel(self)
        self.preview.setFixedSize(PREVIEW)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        save = QPushButton(tr("&Save …"), self)
        save.setDefault(True)
        save.clicked.connect(self._save)
        copy = QPushButton(tr("&Copy"), self)
        copy.clicked.connect(lambda: output.copy_picture(self.shown))
        column = QVBoxLayout()
        column.addWidget(self.options)
        always = tr("Side, view and warnings are always on it, and the notice.")
        column.addWidget(_explained(always))
        column.addStretch(1)
        for button in (save, copy):
            column.addWidget(button)
        row = QHBoxLayout(self)
        row.addWidget(self.preview)
        row.addLayout(column)
        self._refresh()

    @property
    def shown(self) -> OverlayOptions:
        options = self.options
        return OverlayOptions(
            heat=options["heat"],
            drawings=options["drawings"],
            text=options["words"],
            identity=options["identity"],
        )

    def _refresh(self) -> None:
        image = pictures.picture_of(self.canvas, self.shown)
        ratio = self.devicePixelRatioF()
        image.setDevicePixelRatio(1)
        fitted = image.scaled(
            PREVIEW * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        fitted.setDevicePixelRatio(ratio)
        self.preview.setPixmap(QPixmap.fromImage(fitted))

    def _save(self) -> None:
        name = pictures.file_name(self.canvas)
        path = self._output.ask_for_file(
            self, tr("Save the view as a picture"), name, "PNG (*.png)"
        )
        if path is not None and self.isVisible():
            self._output.save_picture(self.canvas, self.shown, path)
            self.close()


class SummaryDialog(QDialog):
    """The page as it will be printed; no printer is asked before *Print* is pressed."""

    def __init__(self, output: Output, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Study summary"))
        self._output = output
        self._printer: QPrinter | None = None  # outlives its dialog, which would crash without it
        self.search = PrinterSearch(self)
        self.search.finished.connect(self._on_printers_found)
        self.options = _Options(
            {
                "identity": (tr("Patient's name, ID and date"), True),
                "heat": (tr("Heat-maps"), True),
            },
            self,
        )
        self.options.boxes["identity"].setToolTip(tr(_NO_WORDS))
        if not any(canvas.shows_heat for canvas in output.canvases):
            self.options.disable("heat")
        if not any(canvas.text.identity for canvas in output.canvases):
            self.options.disable("identity")
        self.preview = PagePreview(self._summarise(), self)
        self.options.changed.connect(self._refresh)
        self._print_button = QPushButton(tr("&Print …"), self)
        self._print_button.clicked.connect(self._search_printers)
        save = QPushButton(tr("&Save as PDF …"), self)
        save.setDefault(True)
        save.clicked.connect(self._save)
        self._status = _explained(tr(_NO_WORDS))
        below = QHBoxLayout()
        below.addWidget(self.options)
        below.addWidget(self._status, 1)
        for button in (self._print_button, save):
            below.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.addWidget(self.preview, 1)
        column.addLayout(below)
        available = self.screen().availableSize()
        self.resize(SUMMARY_SIZE.boundedTo(QSize(available.width(), available.height() - 60)))

    def _summarise(self) -> summary.StudySummary:
        return self._output.summarise(self.options["identity"], self.options["heat"])

    def _refresh(self) -> None:
        self.preview.show_page(self._summarise())

    def hideEvent(self, event: QHideEvent) -> None:
        self.search.stop()
        super().hideEvent(event)

    def _search_printers(self) -> None:
        self._print_button.setEnabled(False)
        self._status.setText(tr("Asking the printers …"))
        self.search.start()

    def _on_printers_found(self, have_answered: bool) -> None:
        self._print_button.setEnabled(True)
        if not have_answered:
            self._status.setText(tr("The printers do not answer. Save the page as PDF instead."))
            return
        self._status.setText(tr(_NO_WORDS))
        self._printer = printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        printer.setPageLayout(summary.PAGE)
        printer.setDocName(tr("Study summary"))
        dialog = QPrintDialog(printer, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowModality(Qt.WindowModality.WindowModal)
        dialog.accepted.connect(lambda: self._print(printer))
        dialog.show()

    def _print(self, printer: QPrinter) -> None:
        painter = QPainter()
        if not painter.begin(printer):
            self._status.setText(tr("The page could not be printed. Save it as PDF instead."))
            return
        size = printer.pageRect(QPrinter.Unit.DevicePixel).size()
        summary.paint_page(painter, QRectF(QPointF(0, 0), size), self.preview.page)
        painter.end()

    def _save(self) -> None:
        path = self._output.ask_for_file(
            self, tr("Save the summary"), "study_summary.pdf", "PDF (*.pdf)"
        )
        if path is not None and self.isVisible():
            self._output.save_summary(path, self.options["identity"], self.options["heat"])
            self.close()


class PagePreview(QWidget):
    """The whole page in little, on white, by the hand that paints the paper."""

    def __init__(self, page: summary.StudySummary, parent: QWidget) -> None:
        super().__init__(parent)
        self.page = page
        self._drawn: QImage | None = None
        self.setAccessibleName(tr("Study summary"))
        self.setMinimumSize(240, 340)

    def show_page(self, page: summary.StudySummary) -> None:
        self.page, self._drawn = page, None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._drawn = None

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._drawn is None:
            self._drawn = self._draw()
        shown = self._drawn.deviceIndependentSize()
        painter = QPainter(self)
        left, top = (self.width() - shown.width()) / 2, (self.height() - shown.height()) / 2
        painter.drawImage(QPointF(left, top), self._drawn)
        painter.end()

    def _draw(self) -> QImage:
        """Painted large and shrunk: letters are as wide as on paper, however small they show."""
        paper = summary.PAGE.fullRectPixels(_PREVIEW_DPI)
        inner = QRectF(summary.PAGE.paintRectPixels(_PREVIEW_DPI))
        image = QImage(paper.size(), QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        painter = QPainter(image)
        summary.paint_page(painter, inner, self.page)
        painter.end()
        ratio = self.devicePixelRatioF()
        shrunk = image.scaled(
            self.size() * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        shrunk.setDevicePixelRatio(ratio)
        return shrunk


class CopyDialog(QDialog):
    """What an anonymised copy is, before it is made."""

    def __init__(self, study: Study, output: Output, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Anonymised copy of the study"))
        self._study, self._output = study, output
        self.options = _Options(
            {"blank": (tr("Blank texts and marks beside the breast"), False)}, self
        )
        copy = QPushButton(tr("Choose a &folder and copy …"), self)
        copy.setDefault(True)
        copy.clicked.connect(self._copy)
        column = QVBoxLayout(self)
        column.addWidget(
            _explained(
                tr(
                    "Names, dates, IDs, free words and private data are removed (DICOM PS3.15 "
                    "Basic Profile), all UIDs are new, files get new names. Pixels stay as they "
                    "are."
                )
            )
        )
        column.addWidget(self.options)
        column.addWidget(
            _explained(
                tr(
                    "Text burned into the image stays unless it is blanked. Blanked images are "
                    "stored uncompressed. A program cannot promise that no text is left: look at "
                    "the copy."
                )
            )
        )
        column.addWidget(_explained(notice()))
        column.addWidget(copy, 0, Qt.AlignmentFlag.AlignRight)
        self.setFixedWidth(480)

    def _copy(self) -> None:
        title, start = tr("A folder for the copy"), self._output.folder
        folder = QFileDialog.getExistingDirectory(self, title, start)
        if folder and self.isVisible():
            self._output.copy_study(self._study, Path(folder), self.options["blank"])
            self.close()


def _explained(text: str) -> QLabel:
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setFont(theme.font(theme.SMALL_TEXT_PX))
    label.setStyleSheet(f"color: {theme.MUTED.name()};")
    return label
