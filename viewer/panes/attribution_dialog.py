"""Side, view and study of images by hand: chosen images, what is said of them, and the way back.

What a file's header itself says is overridden only with a tick of its own.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PySide6.QtCore import QItemSelectionModel, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Attribution, Laterality, MammogramView, Study, ViewPosition
from viewer.panes import labels
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import notice
from viewer.shared.plain_text import PlainLabel, natural, shortened, tool_tip

COLUMNS = (mark("File"), mark("Side"), mark("View"), mark("Patient"), mark("Study"))
LEAVE, ONE_STUDY, EACH_ALONE = range(3)
MOST_IMAGES = 1_000  #: that are listed
_PATIENT_LENGTH = 64  # characters of a DICOM Long String


@dataclass(frozen=True)
class ListedImage:
    """An image as it is shown, and as its file has it."""

    study: Study
    view: MammogramView
    in_file: MammogramView
    said: Attribution  #: of it now; of one of which nothing is said, nothing

    @property
    def states_side(self) -> bool:
        """By its header, not by a name."""
        return self.in_file.laterality is not None and "laterality" not in self.in_file.guessed

    @property
    def states_view(self) -> bool:
        return self.in_file.view_position is not None and "view" not in self.in_file.guessed


class AttributionDialog(QDialog):
    """Stands beside the images, stops nothing."""

    # A tuple of Attribution, of different images
    attributed = Signal(tuple)
    # Study uid and image uid: the one image that is selected is to be seen
    image_chosen = Signal(str, str)
    # Whether images of other folders are to be listed
    elsewhere_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reader = ""
        self._images: Sequence[ListedImage] = ()
        self._left_out = 0  # images, as too many
        self.setWindowTitle(tr("Side, view and study by hand"))
        explanation = PlainLabel(
            tr(
                "What you say here is kept with the readings and marked on each image; no file "
                "changes. The networks are asked anew. Ctrl+Z takes it back."
            ),
            self,
        )
        explanation.setWordWrap(True)
        self.table = self._make_table()
        self.elsewhere_box = QCheckBox(tr("Images of the other folders &opened, too"), self)
        self.elsewhere_box.toggled.connect(self.elsewhere_wanted)
        self.side_box = self._box(tr("Side of the selected images"))
        self.view_box = self._box(tr("View of the selected images"))
        self.study_box = self._box(tr("Study of the selected images"))
        self._fill_boxes()
        self.patient = QLineEdit(self)
        self.patient.setAccessibleName(tr("Patient ID of the study"))
        self.patient.setMaxLength(_PATIENT_LENGTH)
        self.patient.textChanged.connect(self._refresh)
        self.confirm_box = QCheckBox(self)
        self.confirm_box.toggled.connect(self._refresh)
        self.hint = PlainLabel(self)
        self.hint.setWordWrap(True)
        self.hint.setStyleSheet(f"color: {theme.WARNING.name()}")
        self.say_button = self._button(tr("&Apply"), self._say)
        self.back_button = self._button(tr("&Take back"), self._take_back)
        close = self._button(tr("&Close"), self.close)

        form = QFormLayout()
        form.addRow(tr("Side"), self.side_box)
        form.addRow(tr("View"), self.view_box)
        form.addRow(tr("Study"), self.study_box)
        form.addRow(tr("Patient ID"), self.patient)
        research_only = labels.title(notice(), self)
        research_only.setStyleSheet(f"color: {theme.WARNING.name()}")
        buttons = QHBoxLayout()
        for button in (self.say_button, self.back_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(research_only)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(explanation)
        column.addWidget(self.table, 1)
        column.addWidget(self.elsewhere_box)
        column.addLayout(form)
        column.addWidget(self.confirm_box)
        column.addWidget(self.hint)
        column.addLayout(buttons)
        self.resize(760, 560)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(COLUMNS), self)
        table.setHorizontalHeaderLabels([tr(title) for title in COLUMNS])
        table.setAccessibleName(tr("Images"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.itemSelectionChanged.connect(self._on_selected)
        return table

    def _box(self, name: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.addItem(tr("as it is"), LEAVE)
        return box

    def _fill_boxes(self) -> None:
        self.side_box.addItem(tr("Right"), Laterality.RIGHT)
        self.side_box.addItem(tr("Left"), Laterality.LEFT)
        for position in ViewPosition:
            self.view_box.addItem(position.value, position)
        self.study_box.addItem(tr("one study of one patient"), ONE_STUDY)
        self.study_box.addItem(tr("each a study of its own"), EACH_ALONE)
        for box in (self.side_box, self.view_box, self.study_box):
            box.currentIndexChanged.connect(self._on_choice)

    def _button(self, text: str, slot: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(slot)
        return button

    # ------------------------------------------------------------------------------- what it shows

    def set_reader(self, name: str) -> None:
        """Whose word it is."""
        self._reader = name
        self._refresh()

    @property
    def studies(self) -> list[Study]:
        """Whose images are listed."""
        return [image.study for image in self._images]

    def offer_elsewhere(self, is_offered: bool) -> None:
        """Whether there are images in other folders."""
        self.elsewhere_box.setVisible(is_offered)

    def show_images(self, images: Sequence[ListedImage], selected: Sequence[str]) -> None:
        """The first `MOST_IMAGES`; with their folders where these are several. `selected`: by image
        uid. What is chosen below goes back to "as it is".
        """
        self._left_out = max(0, len(images) - MOST_IMAGES)
        self._images = images = images[:MOST_IMAGES]
        are_apart = len({image.view.path.parent for image in images}) > 1
        self.table.blockSignals(True)
        self.table.setRowCount(len(images))
        for row, image in enumerate(images):
            for column, text in enumerate(_cells(image, are_apart)):
                item = QTableWidgetItem(shortened(text))
                item.setToolTip(tool_tip(text))
                self.table.setItem(row, column, item)
        self.table.clearSelection()
        rows = [row for row, image in enumerate(images) if image.view.image_uid in selected]
        mode = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row in rows:
            self.table.selectionModel().select(self.table.model().index(row, 0), mode)
        if rows:
            self.table.scrollTo(self.table.model().index(rows[0], 0))
        self.table.blockSignals(False)
        for box in (self.side_box, self.view_box, self.study_box):
            box.setCurrentIndex(0)
        self._offer_patient()
        self._refresh()

    @property
    def selected(self) -> list[ListedImage]:
        rows = {index.row() for index in self.table.selectionModel().selectedRows()}
        return [self._images[row] for row in sorted(rows)]

    def _on_selected(self) -> None:
        self._offer_patient()
        self._refresh()
        if len(self.selected) == 1:
            image = self.selected[0]
            self.image_chosen.emit(image.study.uid, image.view.image_uid)

    def _on_choice(self) -> None:
        self.confirm_box.setChecked(False)  # it was ticked for another choice
        self._refresh()

    def _offer_patient(self) -> None:
        """Where the images agree on one."""
        known = {image.study.patient_id for image in self.selected}
        folders = {image.view.path.parent.name for image in self.selected}
        offered = known if len(known) == 1 else folders if len(folders) == 1 else {""}
        self.patient.setText(offered.pop()[:_PATIENT_LENGTH] if offered else "")

    # -------------------------------------------------------------------------- what is to be said

    def _words(self) -> list[Attribution]:
        """Of the selected images; what is left as it is stays as it was said before."""
        side, position = self._chosen(self.side_box), self._chosen(self.view_box)
        study, patient = self.study_box.currentData(), self.patient.text().strip()
        together = uuid.uuid4().hex
        words = []
        for image in self.selected:
            said = image.said
            name, patient_id = said.study, said.patient_id
            if study != LEAVE:
                name = together if study == ONE_STUDY else uuid.uuid4().hex
                patient_id = patient
            words.append(
                Attribution(
                    said.image_uid,
                    said.content,
                    self._reader,
                    cast("Laterality | None", side) or said.laterality,
                    cast("ViewPosition | None", position) or said.view_position,
                    name,
                    patient_id,
                )
            )
        return words

    @staticmethod
    def _chosen(box: QComboBox) -> Laterality | ViewPosition | None:
        chosen = box.currentData()
        return chosen if isinstance(chosen, Laterality | ViewPosition) else None

    def _overridden(self) -> list[str]:
        """What headers say otherwise."""
        side, position = self._chosen(self.side_box), self._chosen(self.view_box)
        sides = [i for i in self.selected if i.states_side and i.in_file.laterality is not side]
        views = [
            i for i in self.selected if i.states_view and i.in_file.view_position is not position
        ]
        patients = {i.in_file.patient_id for i in self.selected if i.study.identity is not None}
        told = []
        if side is not None and sides:
            told.append(tr("the side"))
        if position is not None and views:
            told.append(tr("the view"))
        if self.study_box.currentData() == ONE_STUDY and patients - {self.patient.text().strip()}:
            told.append(tr("the patient"))
        return told

    def _refresh(self) -> None:
        overridden = self._overridden()
        self.patient.setEnabled(self.study_box.currentData() != LEAVE)
        self.confirm_box.setVisible(bool(overridden))
        self.confirm_box.setText(
            tr("Override what the files themselves say: {what}").format(what=", ".join(overridden))
        )
        problem = self._problem(bool(overridden))
        self.hint.setText(problem or self._caution())
        self.say_button.setEnabled(not problem and self._is_anything_chosen)
        self.back_button.setEnabled(any(image.said.says_anything for image in self.selected))

    @property
    def _is_anything_chosen(self) -> bool:
        boxes = (self.side_box, self.view_box, self.study_box)
        return bool(self.selected) and any(box.currentIndex() > 0 for box in boxes)

    def _problem(self, is_overriding: bool) -> str:
        """Why it cannot be said yet; empty if it can, or nothing is chosen."""
        if not self._reader:
            return tr("Enter your name in the reading pane first: it is kept with your word.")
        if not self.selected:
            return tr("Select images above.")
        if self.study_box.currentData() != LEAVE and not self.patient.text().strip():
            return tr("A study needs a Patient ID.")
        if is_overriding and not self.confirm_box.isChecked():
            return tr("The files say otherwise: tick the line above if they are wrong.")
        return ""

    def _caution(self) -> str:
        """What does not stop the reader."""
        folders = {image.view.path.parent for image in self.selected}
        if self.study_box.currentData() == ONE_STUDY and len(folders) > 1:
            return tr("These images lie in different folders: be sure that they are one patient's.")
        if self._left_out:
            return tr("The images of further folders are not listed: open fewer.")
        return ""

    def _say(self) -> None:
        self.attributed.emit(tuple(self._words()))

    def _take_back(self) -> None:
        self.attributed.emit(
            tuple(
                Attribution(image.said.image_uid, image.said.content, self._reader)
                for image in self.selected
                if image.said.says_anything
            )
        )


def listed_images(
    studies: Sequence[Study],
    in_files: Mapping[str, MammogramView],
    said: Mapping[str, Attribution],
) -> list[ListedImage]:
    """By their files, those of the first study's folder first; `in_files`, as the files say, and
    `said`, of every image, by image uid.
    """
    images = [
        ListedImage(study, view, in_files[view.image_uid], said[view.image_uid])
        for study in studies
        for view in study.views
        if view.image_uid in in_files
    ]
    first = {image.view.path.parent for image in images[:1]}
    return sorted(images, key=lambda image: _place(image, first))


def _place(image: ListedImage, first: Collection[Path]) -> tuple[bool, str, str]:
    path = image.view.path
    return path.parent not in first, natural(str(path.parent)), natural(path.name)


def _cells(image: ListedImage, with_folder: bool) -> tuple[str, ...]:
    view = image.view
    side = {Laterality.RIGHT: tr("Right"), Laterality.LEFT: tr("Left"), None: "?"}[view.laterality]
    position = view.view_position.value if view.view_position else "?"
    count = len(image.study.views)
    return (
        f"{view.path.parent.name}/{view.path.name}" if with_folder else view.path.name,
        _with_origin(side, "laterality", view),
        _with_origin(position, "view", view),
        image.study.patient_id,
        _with_origin(tr("1 image") if count == 1 else tr("%n images", "", count), "study", view),
    )


def _with_origin(text: str, what: str, view: MammogramView) -> str:
    by_hand, guessed = tr("by hand"), tr("guessed")
    if what in view.by_hand:
        return f"{text} ({by_hand})"
    return f"{text} ({guessed})" if what in view.guessed else text
