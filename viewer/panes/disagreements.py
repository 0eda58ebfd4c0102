"""The page of all readings: where readers and the model part, how often, and since when.

A window of its own beside the images. It lists what it is given, and is given nothing that a
reading mode hides (`Session.all_readings`); what it wants done it signals.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.domain import ReaderAssessment, ReadingMode, current_readings
from engine.evaluation import agreement
from viewer.display.listed_reading import ListedReading, ReadingFilter
from viewer.display.reading_modes import MODE_TITLES
from viewer.panes.agreement_figures import AgreementFigures
from viewer.panes.readings_table import ReadingsTable
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import notice
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip
from viewer.shared.states import VisibleReading

FIGURES_WIDTH = 376  # pixels
PROGRESS_WIDTH = 140


class DisagreementsPage(QWidget):
    """Shown as a window of its own; `show_readings` fills it anew, the filters stay."""

    # Its study is to be opened, at its breast
    reading_requested = Signal(ReaderAssessment)
    # Where to, record ids, whether keyed hashes are to stand for identifiers
    csv_requested = Signal(Path, tuple, bool)
    # The same; with pseudonyms the path is a folder, else a CSV file
    training_requested = Signal(Path, tuple, bool)
    training_cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None, folder: Path | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._folder = folder or Path()  # where dialogs that save begin
        self._locked: set[QPushButton] = set()
        self.setWindowTitle(tr("Readings and disagreements"))
        self._every: list[ListedReading] = []
        self.table = ReadingsTable(self)
        self.table.activated.connect(self._open)  # Enter, or a double click
        self.table.selectionModel().currentRowChanged.connect(self._refresh_buttons)
        self.figures = AgreementFigures(self)
        self._make_filters()
        self._make_buttons()
        self._lay_out()
        self._refilter()
        for keys, slot in (
            ("Ctrl+F", self.search.setFocus),
            ("Escape", self.close),
            ("Ctrl+W", self.close),
        ):
            QShortcut(QKeySequence(keys), self, slot)

    # ---------------------------------------------------------------------------- what stands in it

    def _make_filters(self) -> None:
        def choice(name: str) -> QComboBox:
            box = QComboBox(self)
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(210)
            box.currentIndexChanged.connect(self._refilter)
            return box

        self.filter_box = choice(tr("Which readings are listed"))
        with QSignalBlocker(self.filter_box):
            for wanted in ReadingFilter:
                self.filter_box.addItem(tr(wanted.value), wanted)
        self._month_box = choice(tr("Month"))
        self.model_box = choice(tr("Model that was asked"))
        self._mode_box = choice(tr("Reading mode"))
        self.reader_box = choice(tr("Read by"))
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Patient, reason or note …   Ctrl+F"))
        self.search.setAccessibleName(tr("Search patient, reason and note"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._refilter)
        self.with_corrected = QCheckBox(tr("Corrected ones too"), self)
        self.with_corrected.toggled.connect(self._refilter)

    def _make_buttons(self) -> None:
        self.open_button = QPushButton(tr("Open study   Enter"), self)
        self.open_button.clicked.connect(self._open)
        self.csv_button = QPushButton(tr("Export CSV …"), self)
        self.csv_button.clicked.connect(self._ask_for_csv)
        self.training_button = QPushButton(tr("Training data …"), self)
        self.training_button.setToolTip(
            tr("The listed readings as a manifest for birads-engine train --data")
        )
        self.training_button.clicked.connect(self._ask_for_training)
        self.with_identifiers = QCheckBox(tr("With patient identifiers"), self)
        self.with_identifiers.setToolTip(
            tr(
                "Otherwise keyed hashes stand for patients, studies, images and readers, notes are "
                "left out, and training data holds copies of the images without names."
            )
        )
        self.progress = QProgressBar(self)
        self.progress.setFixedWidth(PROGRESS_WIDTH)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName(tr("Training data written"))
        self.cancel_button = QPushButton(tr("Cancel"), self)
        self.cancel_button.clicked.connect(self.training_cancel_requested)
        self.message = PlainLabel(self)
        self.message.setAccessibleName(tr("Message"))
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for widget in (self.progress, self.cancel_button):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # nothing beside it moves
            widget.setSizePolicy(policy)
            widget.hide()

    def _lay_out(self) -> None:
        research_only = PlainLabel(notice(), self)
        research_only.setFont(theme.font(theme.SMALL_TEXT_PX, bold=True))
        research_only.setStyleSheet(f"color: {theme.WARNING.name()}")
        filters = QHBoxLayout()
        boxes = (self.filter_box, self._month_box, self.model_box, self._mode_box, self.reader_box)
        for box in boxes:
            filters.addWidget(box)
        filters.addWidget(self.search, 1)
        filters.addWidget(self.with_corrected)
        figures = QScrollArea(self)
        figures.setWidget(self.figures)
        figures.setWidgetResizable(True)
        figures.setFrameShape(QScrollArea.Shape.NoFrame)
        figures.setFixedWidth(FIGURES_WIDTH)
        figures.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        figures.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        figures.setAccessibleName(tr("Agreement of readers and model"))
        middle = QHBoxLayout()
        middle.addWidget(self.table, 1)
        middle.addWidget(figures)
        buttons = QHBoxLayout()
        for widget in (self.open_button, self.csv_button, self.training_button):
            buttons.addWidget(widget)
        buttons.addWidget(self.with_identifiers)
        buttons.addStretch(1)
        buttons.addWidget(research_only)
        below = QHBoxLayout()
        below.addWidget(self.message, 1)
        below.addWidget(self.progress)
        below.addWidget(self.cancel_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.addLayout(filters)
        column.addLayout(middle, 1)
        column.addLayout(below)  # always there, so that nothing moves
        column.addLayout(buttons)
        self.resize(1340, 700)

    # ------------------------------------------------------------------------------- what it shows

    def show_readings(self, visible: Sequence[VisibleReading]) -> None:
        """All there are, oldest first."""
        readings = [item.reading for item in visible]
        current = {reading.record_id for reading in current_readings(readings)}
        self._every = [
            ListedReading(item.reading, item.is_hidden, item.reading.record_id in current)
            for item in visible
        ]
        _offer(self._month_box, tr("All months"), _months(readings))
        _offer(self.model_box, tr("All models"), _models(readings))
        modes = sorted({r.reading_mode for r in readings}, key=list(ReadingMode).index)
        _offer(self._mode_box, tr("All modes"), [(tr(MODE_TITLES[m]), m) for m in modes])
        readers = sorted({r.reader for r in readings})
        _offer(self.reader_box, tr("All readers"), [(shortened(name), name) for name in readers])
        self._refilter()

    def show_message(self, text: str) -> None:
        self.message.setText(text)
        self.message.setToolTip(tool_tip(text))

    @property
    def has_message(self) -> bool:
        return bool(self.message.text())

    def show_training_progress(self, done: int, total: int) -> None:
        self.progress.show()
        self.cancel_button.show()
        self.training_button.setEnabled(False)
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)

    def end_training_progress(self) -> None:
        self.progress.hide()
        self.cancel_button.hide()
        self._refresh_buttons()

    def _refilter(self) -> None:
        passed = [row for row in self._every if self._passes(row)]
        wanted = cast(ReadingFilter, self.filter_box.currentData())
        listed = [row for row in passed if row.passes(wanted)]
        if not self.with_corrected.isChecked():
            listed = [row for row in listed if row.is_current]
        self.table.show_rows(listed)
        counted = [row for row in passed if row.is_current]
        hidden_count = sum(row.is_hidden for row in counted)
        self.figures.show_readings([row.reading for row in counted], len(listed), hidden_count)
        self._refresh_buttons()

    def _passes(self, row: ListedReading) -> bool:
        """Whether it counts in the figures; whether it is listed is for `ReadingFilter` to say."""
        reading = row.reading
        return (
            self._month_box.currentData() in (None, agreement.month_of(reading))
            and self.model_box.currentData() in (None, _model_key(reading))
            and self._mode_box.currentData() in (None, reading.reading_mode)
            and self.reader_box.currentData() in (None, reading.reader)
            and row.contains(self.search.text())
        )

    # ------------------------------------------------------------------------------ what is chosen

    @property
    def listed_ids(self) -> tuple[int, ...]:
        """Of what is listed; what the store gave has a record id."""
        ids = (row.reading.record_id for row in self.table.rows)
        return tuple(record_id for record_id in ids if record_id is not None)

    def _refresh_buttons(self) -> None:
        self.open_button.setEnabled(self.table.selected is not None)
        self._allow(self.csv_button, bool(self.table.rows))
        is_writing = not self.progress.isHidden()
        has_any = any(row.is_current for row in self.table.rows)
        self._allow(self.training_button, has_any and not is_writing)

    def _allow(self, button: QPushButton, is_allowed: bool) -> None:
        button.setEnabled(is_allowed and button not in self._locked)

    def lock(self, button: QPushButton, reason: str) -> None:
        """Not in this installation."""
        self._locked.add(button)
        button.setText(tr("{command} (locked)").format(command=button.text()))
        button.setToolTip(tool_tip(reason))
        self._refresh_buttons()

    def _open(self) -> None:
        if (row := self.table.selected) is not None:
            self.show_message("")
            self.reading_requested.emit(row.reading)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.table.setFocus()

    def _ask_for_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            tr("Export the listed readings"),
            str(self._folder / "disagreements.csv"),
            "CSV (*.csv)",
        )
        if path:
            self.csv_requested.emit(
                Path(path), self.listed_ids, not self.with_identifiers.isChecked()
            )

    def _ask_for_training(self) -> None:
        today = f"{datetime.now(UTC).astimezone():%Y-%m-%d}"
        if self.with_identifiers.isChecked():
            path, _ = QFileDialog.getSaveFileName(
                self,
                tr("Training manifest with identifiers"),
                str(self._folder / "images.csv"),
                "CSV (*.csv)",
            )
        else:
            path, _ = QFileDialog.getSaveFileName(
                self,
                tr("New folder for the training data"),
                str(self._folder / f"training-{today}"),
            )
        if path:
            self.show_message("")
            self.show_training_progress(0, 0)
            is_pseudonymised = not self.with_identifiers.isChecked()
            self.training_requested.emit(Path(path), self.listed_ids, is_pseudonymised)


def _model_key(reading: ReaderAssessment) -> tuple[str, str] | None:
    if reading.prediction is None:
        return None
    return reading.prediction.model.name, reading.prediction.model.sha256


def _models(readings: Iterable[ReaderAssessment]) -> list[tuple[str, tuple[str, str]]]:
    keys = {key for reading in readings if (key := _model_key(reading)) is not None}
    return [(f"{name} {sha256[:8]}", (name, sha256)) for name, sha256 in sorted(keys)]


def _months(readings: Iterable[ReaderAssessment]) -> list[tuple[str, str]]:
    """The newest first."""
    months = sorted({agreement.month_of(reading) for reading in readings}, reverse=True)
    return [(month, month) for month in months]


def _offer(box: QComboBox, all_: str, choices: Sequence[tuple[str, object]]) -> None:
    """Offers them below `all_`; what was chosen stays chosen where it is still offered."""
    chosen = box.currentData()
    with QSignalBlocker(box):
        box.clear()
        box.addItem(all_, None)
        for text, value in choices:
            box.addItem(text, value)
        values = [value for _, value in choices]
        box.setCurrentIndex(values.index(chosen) + 1 if chosen in values else 0)
