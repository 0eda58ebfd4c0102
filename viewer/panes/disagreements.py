"""The page of all readings: where readers and the model part, how often, and since when.

A window of its own beside the images. It lists what it is given, and is given nothing that a
reading mode hides (`Session.all_readings`); what it wants done it says by signals.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSignalBlocker,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    Agreement,
    OutOfScope,
    ReaderAssessment,
    ReadingMode,
    standing,
)
from engine.evaluation import agreement
from viewer.display.reading_modes import MODE_TITLES
from viewer.panes.agreement_charts import ConfusionMatrix, MonthChart
from viewer.shared import theme
from viewer.shared.engine_words import localised, notice
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip
from viewer.shared.states import ToldReading

AnyIndex = QModelIndex | QPersistentModelIndex
FIGURES_WIDTH = 376  # pixels
PROGRESS_WIDTH = 140


class Shown(Enum):
    """Which readings are listed; the figures count all that the other filters let through."""

    DISAGREEMENTS = mark("Disagreements")
    ALL = mark("All readings")
    AGREEMENTS = mark("Agreements")
    NOT_COMPARABLE = mark("Not comparable")
    UNFINISHED = mark("Not finished")


@dataclass(frozen=True)
class _Row:
    reading: ReaderAssessment
    is_hidden: bool
    is_standing: bool

    @property
    def category(self) -> str:
        category, before = self.reading.category, self.reading.category_before
        is_changed = before not in (None, category) and not self.is_hidden
        return f"{before.value} → {category.value}" if is_changed else category.value

    @property
    def model(self) -> str:
        said = self.reading.prediction
        if self.is_hidden:
            return tr("hidden")
        if said is None:
            return "–"
        if isinstance(said, OutOfScope):
            return tr("out of scope")
        return f"{said.category} · {said.confidence:.0%}"

    @property
    def state(self) -> str:
        """What stands in the column of agreement."""
        reading = self.reading
        if reading.is_withdrawn:
            return tr("withdrawn")
        if not self.is_standing:
            return tr("corrected later")
        if reading.is_unfinished:
            return tr("not finished")
        if self.is_hidden:
            return tr("hidden")
        word = localised(reading.agreement.value)
        if reading.agreement is not reading.proposed_agreement:
            return tr("{agreement} by hand").format(agreement=word)
        return word

    @property
    def reason(self) -> str:
        return tr(self.reading.reason) if self.reading.reason else ""

    def is_shown_as(self, shown: Shown) -> bool:
        if shown is Shown.ALL:
            return True
        if shown is Shown.UNFINISHED:
            return self.reading.is_unfinished and self.is_standing
        wanted = {
            Shown.DISAGREEMENTS: Agreement.DISAGREE,
            Shown.AGREEMENTS: Agreement.AGREE,
            Shown.NOT_COMPARABLE: Agreement.NOT_COMPARABLE,
        }[shown]
        return self.reading.agreement is wanted


def _recorded(reading: ReaderAssessment) -> str:
    return f"{reading.recorded_at.astimezone():%Y-%m-%d %H:%M}"


# Title, what the cell says of a row, what it is sorted by, width in pixels
_COLUMNS: tuple[tuple[str, Callable[[_Row], str], Callable[[_Row], object], int], ...] = (
    (mark("Recorded"), lambda row: _recorded(row.reading), lambda row: row.reading.record_id, 142),
    (mark("Patient"), lambda row: row.reading.patient_id, lambda row: row.reading.patient_id, 100),
    (
        mark("Breast"),
        lambda row: row.reading.laterality.value,
        lambda row: row.reading.laterality.value,
        58,
    ),
    (mark("Reader"), lambda row: row.category, lambda row: row.reading.category.value, 66),
    (mark("Model"), lambda row: row.model, lambda row: row.model, 76),
    (mark("Agreement"), lambda row: row.state, lambda row: row.state, 116),
    (mark("Reason"), lambda row: row.reason, lambda row: row.reason, 112),
    (mark("Read by"), lambda row: row.reading.reader, lambda row: row.reading.reader, 84),
    (
        mark("Mode"),
        lambda row: tr(MODE_TITLES[row.reading.reading_mode]),
        lambda row: row.reading.reading_mode.value,
        98,
    ),
    (mark("Note"), lambda row: row.reading.comment, lambda row: row.reading.comment, 80),
)


class _ReadingsModel(QAbstractTableModel):
    RowRole = Qt.ItemDataRole.UserRole
    SortRole = Qt.ItemDataRole.UserRole + 1

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[_Row] = []

    def show(self, rows: Iterable[_Row]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        _, text, key, _ = _COLUMNS[index.column()]
        if role == self.RowRole:
            return row
        if role == self.SortRole:
            return key(row)
        if role == Qt.ItemDataRole.DisplayRole:
            return shortened(text(row))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tool_tip(text(row)) or None
        if role == Qt.ItemDataRole.ForegroundRole and not row.is_standing:
            return theme.MUTED
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_COLUMNS[section][0])
        return None


class DisagreementsPage(QWidget):
    """Shown as a window of its own; `show_readings` fills it anew, the filters stay."""

    # A ReaderAssessment whose study is to be opened, at its breast
    reading_requested = Signal(object)
    # Path, record ids, whether keyed hashes are to stand for identifiers
    csv_requested = Signal(object, object, bool)
    # The same; with pseudonyms the path is a folder, else a CSV file
    training_requested = Signal(object, object, bool)
    training_cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Readings and disagreements"))
        self._every: list[_Row] = []
        self._make_filters()
        self._make_table()
        self._make_figures()
        self._make_buttons()
        self._lay_out()
        self._refilter()
        for keys, slot in (
            ("Ctrl+F", self._search.setFocus),
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

        self._shown = choice(tr("Which readings are listed"))
        with QSignalBlocker(self._shown):
            for shown in Shown:
                self._shown.addItem(tr(shown.value), shown)
        self._period = choice(tr("Month"))
        self._model_choice = choice(tr("Model that was asked"))
        self._mode = choice(tr("Reading mode"))
        self._reader = choice(tr("Read by"))
        self._search = QLineEdit(self)
        self._search.setPlaceholderText(tr("Patient, reason or note …   Ctrl+F"))
        self._search.setAccessibleName(tr("Search patient, reason and note"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._refilter)
        self._with_corrected = QCheckBox(tr("Corrected ones too"), self)
        self._with_corrected.toggled.connect(self._refilter)

    def _make_table(self) -> None:
        self._readings = _ReadingsModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._readings)
        self._sorted.setSortRole(_ReadingsModel.SortRole)
        table = self._table = QTableView(self)
        table.setAccessibleName(tr("Readings"))
        table.setModel(self._sorted)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSortingEnabled(True)
        table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(28)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for number, (_, _, _, width) in enumerate(_COLUMNS):
            table.setColumnWidth(number, width)
        table.activated.connect(self._open)  # Enter, or a double click
        table.selectionModel().currentRowChanged.connect(self._refresh_buttons)

    def _make_figures(self) -> None:
        self._figures = QWidget(self)
        self._counted = PlainLabel(self._figures)
        self._counted.setFont(theme.font(bold=True))
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for row, (name, title, meaning) in enumerate(
            (
                ("agreement", tr("Agreement"), tr("Share of “agree” by the reader's own word")),
                ("categories_match", tr("Same category"), tr("4A, 4B and 4C count as 4")),
                (
                    "within_one_category",
                    tr("Within one category"),
                    tr("At most one category apart"),
                ),
                ("kappa", tr("Kappa"), tr("Cohen's, unweighted")),
                (
                    "qwk",
                    tr("Kappa, weighted"),
                    tr("Cohen's, by the squared distance of the categories"),
                ),
            )
        ):
            label, value = PlainLabel(title, self._figures), PlainLabel(self._figures)
            label.setToolTip(meaning)
            value.setToolTip(meaning)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setAccessibleName(title)
            grid.addWidget(label, row, 0)
            grid.addWidget(value, row, 1)
            self._values[name] = value
        self._caveat = _quiet(PlainLabel(self._figures))
        self._matrix = ConfusionMatrix(self._figures)
        self._months = MonthChart(self._figures)
        column = QVBoxLayout(self._figures)
        column.setContentsMargins(14, 4, 14, 8)
        column.setSpacing(8)
        column.addWidget(self._counted)
        column.addLayout(grid)
        column.addWidget(self._caveat)
        column.addWidget(_title(tr("Reader against model"), self._figures))
        column.addWidget(self._matrix)
        column.addWidget(_title(tr("By month"), self._figures))
        column.addWidget(self._months)
        column.addStretch(1)

    def _make_buttons(self) -> None:
        self._open_button = QPushButton(tr("Open study   Enter"), self)
        self._open_button.clicked.connect(self._open)
        self._csv_button = QPushButton(tr("Export CSV …"), self)
        self._csv_button.clicked.connect(self._ask_for_csv)
        self._training_button = QPushButton(tr("Training data …"), self)
        self._training_button.setToolTip(
            tr("The listed readings as a manifest for birads-engine train --data")
        )
        self._training_button.clicked.connect(self._ask_for_training)
        self._identified = QCheckBox(tr("With patient identifiers"), self)
        self._identified.setToolTip(
            tr(
                "Otherwise keyed hashes stand for patients, studies, images and readers, notes are "
                "left out, and training data holds copies of the images without names."
            )
        )
        self._progress = QProgressBar(self)
        self._progress.setFixedWidth(PROGRESS_WIDTH)
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(6)
        self._progress.setAccessibleName(tr("Training data written"))
        self._cancel = QPushButton(tr("Cancel"), self)
        self._cancel.clicked.connect(self.training_cancel_requested)
        self._message = PlainLabel(self)
        self._message.setAccessibleName(tr("Message"))
        self._message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for widget in (self._progress, self._cancel):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # nothing beside it moves
            widget.setSizePolicy(policy)
            widget.hide()

    def _lay_out(self) -> None:
        told = PlainLabel(notice(), self)
        told.setFont(theme.font(bold=True))
        told.setStyleSheet(f"color: {theme.WARNING.name()}")
        filters = QHBoxLayout()
        for box in (self._shown, self._period, self._model_choice, self._mode, self._reader):
            filters.addWidget(box)
        filters.addWidget(self._search, 1)
        filters.addWidget(self._with_corrected)
        figures = QScrollArea(self)
        figures.setWidget(self._figures)
        figures.setWidgetResizable(True)
        figures.setFrameShape(QScrollArea.Shape.NoFrame)
        figures.setFixedWidth(FIGURES_WIDTH)
        figures.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        figures.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        figures.setAccessibleName(tr("Agreement of readers and model"))
        middle = QHBoxLayout()
        middle.addWidget(self._table, 1)
        middle.addWidget(figures)
        buttons = QHBoxLayout()
        for widget in (self._open_button, self._csv_button, self._training_button):
            buttons.addWidget(widget)
        buttons.addWidget(self._identified)
        buttons.addStretch(1)
        buttons.addWidget(self._progress)
        buttons.addWidget(self._cancel)
        buttons.addWidget(told)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.addLayout(filters)
        column.addLayout(middle, 1)
        column.addWidget(self._message)  # always there, so that nothing moves when it speaks
        column.addLayout(buttons)
        self.resize(1340, 700)

    # ------------------------------------------------------------------------------- what it shows

    def show_readings(self, told: Sequence[ToldReading]) -> None:
        """All there are, oldest first."""
        kept = self._selected
        readings = [item.reading for item in told]
        counted = {reading.record_id for reading in standing(readings)}
        self._every = [
            _Row(item.reading, item.is_hidden, item.reading.record_id in counted) for item in told
        ]
        _offer(self._period, tr("All months"), _months(readings))
        _offer(self._model_choice, tr("All models"), _models(readings))
        modes = sorted({r.reading_mode for r in readings}, key=list(ReadingMode).index)
        _offer(self._mode, tr("All modes"), [(tr(MODE_TITLES[m]), m) for m in modes])
        readers = sorted({r.reader for r in readings})
        _offer(self._reader, tr("All readers"), [(shortened(name), name) for name in readers])
        self._refilter()
        self._select(kept.reading.record_id if kept is not None else None)

    def show_message(self, text: str) -> None:
        self._message.setText(text)
        self._message.setToolTip(tool_tip(text))

    @property
    def has_message(self) -> bool:
        return bool(self._message.text())

    def show_training_progress(self, done: int, total: int) -> None:
        self._progress.show()
        self._cancel.show()
        self._training_button.setEnabled(False)
        self._progress.setRange(0, max(1, total))
        self._progress.setValue(done)

    def end_training_progress(self) -> None:
        self._progress.hide()
        self._cancel.hide()
        self._refresh_buttons()

    def _refilter(self) -> None:
        kept = self._selected
        passed = [row for row in self._every if self._passes(row)]
        shown = self._shown.currentData()
        listed = [row for row in passed if row.is_shown_as(shown)]
        if not self._with_corrected.isChecked():
            listed = [row for row in listed if row.is_standing]
        self._readings.show(listed)
        self._select(kept.reading.record_id if kept is not None else None)
        self._show_figures([row for row in passed if row.is_standing], len(listed))
        self._refresh_buttons()

    def _passes(self, row: _Row) -> bool:
        """Whether it counts in the figures; whether it is listed is for `Shown` to say."""
        reading = row.reading
        wanted = self._search.text().strip().casefold()
        texts = (reading.patient_id, reading.reason, row.reason, reading.comment)
        return (
            self._period.currentData() in (None, agreement.month_of(reading))
            and self._model_choice.currentData() in (None, _model_key(reading))
            and self._mode.currentData() in (None, reading.reading_mode)
            and self._reader.currentData() in (None, reading.reader)
            and (not wanted or any(wanted in text.casefold() for text in texts))
        )

    def _show_figures(self, rows: Sequence[_Row], listed_count: int) -> None:
        compared = agreement.comparable(row.reading for row in rows)
        figures = agreement.figures(compared)
        count = (
            tr("1 reading compared · {listed} listed")
            if len(compared) == 1
            else tr("%n readings compared · {listed} listed", "", len(compared))
        )
        self._counted.setText(count.format(listed=listed_count))
        for name, label in self._values.items():
            is_share = name not in ("kappa", "qwk")
            label.setText(_told(figures[name], figures["intervals"].get(name), is_share))
        self._caveat.setText(_caveat(compared, sum(row.is_hidden for row in rows)))
        self._matrix.show_matrix(figures["confusion_matrix"], figures["categories"])
        self._months.show_months(agreement.by_month(compared))

    # ------------------------------------------------------------------------------ what is chosen

    @property
    def _selected(self) -> _Row | None:
        return self._table.currentIndex().data(_ReadingsModel.RowRole)

    def _select(self, record_id: int | None) -> None:
        """That reading, else the first that is listed."""
        ids = [
            self._sorted.index(n, 0).data(_ReadingsModel.RowRole).reading.record_id
            for n in range(self._sorted.rowCount())
        ]
        if ids:
            self._table.selectRow(ids.index(record_id) if record_id in ids else 0)

    @property
    def listed_ids(self) -> tuple[int, ...]:
        return tuple(row.reading.record_id for row in self._readings.rows)

    def _refresh_buttons(self) -> None:
        self._open_button.setEnabled(self._selected is not None)
        self._csv_button.setEnabled(bool(self._readings.rows))
        is_writing = not self._progress.isHidden()
        has_any = any(row.is_standing for row in self._readings.rows)
        self._training_button.setEnabled(has_any and not is_writing)

    def _open(self) -> None:
        if (row := self._selected) is not None:
            self.show_message("")
            self.reading_requested.emit(row.reading)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._table.setFocus()

    def _ask_for_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Export the listed readings"), "disagreements.csv", "CSV (*.csv)"
        )
        if path:
            self.csv_requested.emit(Path(path), self.listed_ids, not self._identified.isChecked())

    def _ask_for_training(self) -> None:
        today = f"{datetime.now(UTC).astimezone():%Y-%m-%d}"
        if self._identified.isChecked():
            path, _ = QFileDialog.getSaveFileName(
                self, tr("Training manifest with identifiers"), "images.csv", "CSV (*.csv)"
            )
        else:
            path, _ = QFileDialog.getSaveFileName(
                self, tr("New folder for the training data"), f"training-{today}"
            )
        if path:
            self.show_message("")
            self.show_training_progress(0, 0)
            is_pseudonymised = not self._identified.isChecked()
            self.training_requested.emit(Path(path), self.listed_ids, is_pseudonymised)


def _caveat(compared: Sequence[ReaderAssessment], hidden_count: int) -> str:
    if hidden_count:
        if hidden_count == 1:
            return tr("1 reading is not counted: what the model said is hidden from you now.")
        return tr(
            "%n readings are not counted: what the model said is hidden from you now.",
            "",
            hidden_count,
        )
    if any(reading.reading_mode is ReadingMode.CONCURRENT for reading in compared):
        return tr("Concurrent readers saw the answer first, which flatters the model.")
    return tr("Readings with 0 or 6, and those without the model's word, are not compared.")


def _model_key(reading: ReaderAssessment) -> tuple[str, str] | None:
    said = reading.prediction
    return None if said is None else (said.model.name, said.model.sha256)


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


def _told(value: float | None, interval: Sequence[float] | None, is_share: bool) -> str:
    if value is None:
        return "–"
    form = "{:.0%}" if is_share else "{:.2f}"
    text = form.format(value)
    if interval:
        low, high = map(form.format, interval)
        text += "   " + tr("({low} to {high})").format(low=low, high=high)
    return text


def _title(text: str, parent: QWidget) -> QLabel:
    label = PlainLabel(text, parent)
    label.setFont(theme.font(bold=True))
    return label


def _quiet(label: QLabel) -> QLabel:
    label.setFont(theme.font(theme.SMALL_TEXT_PX))
    label.setWordWrap(True)
    palette = label.palette()
    palette.setColor(label.foregroundRole(), theme.MUTED)
    label.setPalette(palette)
    return label
