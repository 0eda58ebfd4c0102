"""The tour of scripts/tour.py over phantoms: after every scene what the reader must see is there.

The scenes are scripts/tour.py's; what each has to show stands here in a function of the same name.
"""

import csv
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QTreeWidget

from engine.domain import NOTICE, Agreement, AnnotationKind, Laterality, ReadingMode
from engine.records.store import ReadingStore
from scripts import tour
from tests.phantom import write_study
from tests.viewer.driver import cells, is_predicted, rows
from tests.viewer.fake_engine import Oracle, prediction_of, study_prediction
from tests.viewer.pages import message_below, step_below
from viewer.output.output import CopyDialog, PictureDialog, SummaryDialog
from viewer.panes.mode_question import ModeQuestion
from viewer.viewports.empty_viewport import EmptyViewport
from viewer.viewports.heat_legend import HeatLegend
from viewer.viewports.screen_calibration import ScreenCalibration

FOUR = ["R CC", "L CC", "R MLO", "L MLO"]
SPACING_MM = 0.1
ROWS, COLUMNS = 1000, 720  # at 1:1 more than a window shows
RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT


@pytest.fixture
def studies(tmp_path):
    """Anna's exam and her prior of 2022, and between them another patient's exam."""

    def edit(dataset):
        dataset.PatientBirthDate = "19610412"

    exams = (("1", "A-1", "20240312"), ("2", "B-2", "20240313"), ("3", "A-1", "20220308"))
    for name, patient, date in exams:
        write_study(
            tmp_path / "studies" / name,
            patient_id=patient,
            patient_name=f"Example^{'Anna' if patient == 'A-1' else 'Berta'}",
            study_date=date,
            rows=ROWS,
            columns=COLUMNS,
            window=[(2048, 4096, "NORMAL"), (2300, 3000, "HARDER")],
            imager_spacing=(SPACING_MM, SPACING_MM),
            edit=edit,
        )
    return tmp_path / "studies"


def four_on_the_right(study, model_name):
    """Every right breast is a 4, every left one a 2."""

    def said(side):
        return prediction_of(model_name, *((4, 0.71) if side is RIGHT else (2, 0.64)))

    answer = study_prediction(study, model_name)
    sides = {view.image_uid: view.laterality for view in study.views}
    views = [replace(view, prediction=said(sides[view.image_uid])) for view in answer.views]
    breasts = [replace(breast, prediction=said(breast.laterality)) for breast in answer.breasts]
    return replace(answer, views=tuple(views), breasts=tuple(breasts))


# ------------------------------------------------------------------------------- what is looked at


@dataclass(frozen=True)
class View:
    """What one view shows; `point` is the source point at a place of its canvas."""

    words: tuple[str, ...]
    label: str
    patient_id: str
    prior: bool
    window: object
    zoom: float
    grey: np.ndarray  #: (rows, columns, 3) as painted
    drawings: tuple
    has_heat: bool
    left: int
    top: int
    point: Callable[[float, float], tuple[float, float]]

    @property
    def right(self):
        return self.left + self.grey.shape[1]


class Look:
    """What there is to be seen in a moment."""

    def __init__(self, reader, readings_path):
        window = reader.window
        pane = window.viewports
        marks = pane.tools.annotations.of
        self.views = {canvas.text.name: view_of(canvas, marks) for canvas in pane.shown_canvases}
        self.status = window.statusBar().currentMessage()
        self.pointed = window.pixel_label.text()
        self.told = message_below(pane)
        self.step = step_below(pane)
        self.waiting = window.prediction.waiting.text() if not is_predicted(window) else ""
        self.message = window.banner.message if window.banner.isVisible() else None
        self.rows = rows(window)
        with ReadingStore(readings_path) as store:
            self.stored = store.all()
        self.right = window.assessment.forms[RIGHT]
        self.left = window.assessment.forms[LEFT]
        self.states = self.right.state_label.text(), self.left.state_label.text()

    def windows(self):
        return [view.window for view in self.views.values()]

    def changed(self, before):
        """The labels of the views that are painted otherwise than before."""
        return [
            name
            for name, view in self.views.items()
            if name not in before.views or not np.array_equal(view.grey, before.views[name].grey)
        ]


def view_of(canvas, marks):
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    grey = lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
    placement, width, height = canvas.image.placement, canvas.width(), canvas.height()
    area = canvas.rect()
    written = *canvas.text.lines_above(area), *canvas.text.lines_below(area)
    return View(
        tuple(text for text, _, _ in written),
        canvas.view.label,
        canvas.view.patient_id,
        canvas.prior is not None,
        canvas.image.greys.voi,
        canvas.image.camera.magnification or 0,
        grey,
        tuple(marks(canvas.view.image_uid)),
        canvas.shows_heat,
        canvas.x(),
        canvas.y(),
        lambda x, y: placement.to_source(x * (width - 1), y * (height - 1)),
    )


def inside(grey):
    """Without the frame of the selected view."""
    return grey[4:-4, 4:-4]


# ------------------------------------------------- what each scene must show, by the scene's name

SHOWN = {}


def shows(check):
    """`check(looks, now, reader)`: `looks` holds those at the scenes before."""
    SHOWN[check.__name__] = check
    return check


@shows
def first_start(looks, now, reader):
    question = reader.window.findChild(ModeQuestion)
    assert question.isVisible()
    assert "How do you want to read?" in [label.text() for label in question.findChildren(QLabel)]
    assert now.views == {}


@shows
def hung(looks, now, reader):
    assert not reader.window.mode_question.isVisible()
    assert list(now.views) == FOUR
    assert {view.patient_id for view in now.views.values()} == {"A-1"}
    for right, left in (("R CC", "L CC"), ("R MLO", "L MLO")):
        one, other = now.views[right], now.views[left]
        assert (one.right, one.top) == (other.left, other.top)
        middle = one.grey.shape[0] // 2  # tissue on both sides of the seam, air outside
        assert one.grey[middle, -6].min() > 60 < other.grey[middle, 5].min()
        assert one.grey[middle, 5].max() == 0 == other.grey[middle, -6].max()
    for view in now.views.values():
        assert {view.label, "Example Anna", "A-1", "2024-03-12 10:15"} <= set(view.words)
    assert [row.badges for row in now.rows] == [(("R", 4), ("L", 2))] * 3
    assert reader.window.notice.isVisible()
    assert reader.window.notice.text() == NOTICE


@shows
def heat_map(looks, now, reader):
    assert now.changed(looks["hung"]) == FOUR
    assert all(view.has_heat for view in now.views.values())
    assert np.ptp(now.views["R CC"].grey.astype(int), axis=2).max() > 60  # colours
    assert reader.window.viewports.findChild(HeatLegend).isVisible()


@shows
def window_dragged(looks, now, reader):
    before = looks["hung"].views["R CC"].window
    dragged = now.views["R CC"].window
    assert dragged.width > before.width
    assert dragged.center < before.center  # brighter
    assert f"W {dragged.width:.0f} L {dragged.center:.0f} adjusted" in now.status
    others = [view.window for name, view in now.views.items() if name != "R CC"]
    assert others == [view.window for n, view in looks["hung"].views.items() if n != "R CC"]
    assert not any(view.has_heat for view in now.views.values())


@shows
def all_windows_dragged(looks, now, reader):
    assert now.changed(looks["window_dragged"]) == FOUR
    for new, old in zip(now.windows(), looks["window_dragged"].windows(), strict=True):
        assert new.width < old.width


@shows
def presets(looks, now, reader):
    assert {window.name for window in now.windows()} == {"HARDER"}
    assert all("W 3000 L 2300 HARDER" in view.words for view in now.views.values())


@shows
def zoomed(looks, now, reader):
    before = looks["hung"].views
    assert now.views["L MLO"].zoom > 1.25**3 * before["L MLO"].zoom
    assert np.allclose(  # what was under the pointer stayed there
        now.views["L MLO"].point(0.3, 0.5), before["L MLO"].point(0.3, 0.5), atol=6
    )
    for name in ("R CC", "L CC", "R MLO"):
        assert now.views[name].zoom == before[name].zoom


@shows
def panned(looks, now, reader):
    before = looks["zoomed"].views["L MLO"]
    assert now.views["L MLO"].zoom == before.zoom
    assert np.allclose(now.views["L MLO"].point(0.4, 0.7), before.point(0.3, 0.5), atol=3)
    assert now.changed(looks["zoomed"]) == ["L MLO"]


@shows
def linked(looks, now, reader):
    assert now.told.endswith("linked: panning, zoom, window")
    right, left = now.views["R MLO"], now.views["L MLO"]
    assert right.zoom == pytest.approx(left.zoom)
    assert right.zoom > looks["hung"].views["R MLO"].zoom
    row, column = right.point(0.5, 0.5)
    mirrored_row, mirrored_column = left.point(0.5, 0.5)
    assert row == pytest.approx(mirrored_row, abs=3)
    assert column == pytest.approx(COLUMNS - mirrored_column, abs=3)
    assert now.views["R CC"].zoom == looks["hung"].views["R CC"].zoom
    assert len({(window.center, window.width) for window in now.windows()}) == 1
    assert now.views["L CC"].window != looks["hung"].views["L CC"].window


@shows
def magnified(looks, now, reader):
    glass = reader.window.viewports.tools.magnifier
    assert glass.isVisible()
    assert glass.is_double
    assert glass.geometry().contains(
        reader.view("L MLO").mapToParent(tour.point_in(reader.view("L MLO"), (0.445, 0.3)))
    )
    grey, _, _ = glass.grey()
    assert grey.std() > 1
    assert "linked" not in now.told


@shows
def toured(looks, now, reader):
    assert list(now.views) == ["R MLO"]
    assert now.views["R MLO"].zoom == 1
    assert re.match(r"Quadrant tour: R MLO, part 2 of \d", now.told)
    assert "1:1" in now.views["R MLO"].words


@shows
def at_one_to_one(looks, now, reader):
    assert list(now.views) == ["R MLO"]
    assert "1:1" in now.views["R MLO"].words
    canvas = reader.view("R MLO")
    for x, y in ((560, 300), (600, 340), (640, 380)):  # every pixel of the screen is a stored one
        row, column = (int(n) for n in canvas.image.placement.to_source(x + 0.5, y + 0.5))
        grey = canvas.image.display.pixels.stored[row, column] / 4095 * 255
        assert now.views["R MLO"].grey[y, x, 0] == pytest.approx(grey, abs=1)


@shows
def calibrating(looks, now, reader):
    (dialog,) = tour.windows_of(reader)
    assert isinstance(dialog, ScreenCalibration)
    assert "100 mm" in dialog.findChild(QLabel).text()
    assert QApplication.activeModalWidget() is None
    assert list(now.views) == FOUR


@shows
def true_size(looks, now, reader):
    (pixel_mm,) = reader.window.settings.screens.values()
    assert any(word.endswith("true size") for word in now.views["R MLO"].words)
    assert now.views["R MLO"].zoom == pytest.approx(SPACING_MM / pixel_mm, rel=0.005)


@shows
def ruler(looks, now, reader):
    (drawing,) = now.views["R MLO"].drawings
    assert drawing.kind is AnnotationKind.RULER
    start, stop = (np.array(now.views["R MLO"].point(*at)) for at in ((0.62, 0.52), (0.8, 0.6)))
    length = float(np.hypot(*(stop - start))) * SPACING_MM
    told, origin = drawing.measured.split(", ")
    assert float(told.removesuffix(" mm")) == pytest.approx(length, abs=0.6)
    assert origin == "at detector"
    assert now.changed(looks["hung"]) == ["R MLO"]


@shows
def angle(looks, now, reader):
    (drawing,) = now.views["L MLO"].drawings
    assert drawing.kind is AnnotationKind.ANGLE
    assert 0 < float(drawing.measured.split("°")[0]) < 180
    assert "L MLO" in now.changed(looks["ruler"])


@shows
def ellipse(looks, now, reader):
    (drawing,) = now.views["L CC"].drawings
    assert re.match(r"mean [\d,]+ ± [\d.,]+ SD\n[\d.,]+ mm², at detector", drawing.measured)
    canvas = reader.view("L CC")
    (row0, column0), (row1, column1) = drawing.points
    values = canvas.image.display.pixels.stored
    middle = values[int((row0 + row1) / 2), int((column0 + column1) / 2)]
    mean = float(drawing.measured.split()[1].replace(",", ""))
    assert mean == pytest.approx(middle, rel=0.2)


@shows
def arrow(looks, now, reader):
    assert [one.kind for one in now.views["R CC"].drawings] == [AnnotationKind.ARROW]


@shows
def drawn(looks, now, reader):
    assert [one.text for one in now.views["R CC"].drawings] == ["", "same as in 2022?"]
    assert "R CC" in now.changed(looks["arrow"])
    assert {name: len(view.drawings) for name, view in now.views.items()} == {
        "R CC": 2,
        "L CC": 1,
        "R MLO": 1,
        "L MLO": 1,
    }


@shows
def undone(looks, now, reader):
    assert now.views["R CC"].drawings == ()
    assert np.array_equal(
        inside(now.views["R CC"].grey), inside(looks["presets_reset"].views["R CC"].grey)
    )


@shows
def redone(looks, now, reader):
    drawings = [(one.kind, one.points, one.text) for one in now.views["R CC"].drawings]
    before = looks["drawn"].views["R CC"].drawings
    assert drawings == [(one.kind, one.points, one.text) for one in before]
    assert "R CC" in now.changed(looks["undone"])


@shows
def turned(looks, now, reader):
    assert "⟲ flipped" in " ".join(now.views["L CC"].words)
    assert "⟲ rotated" in " ".join(now.views["R CC"].words)
    assert list(now.views) == FOUR  # the labels stay
    assert now.views["L CC"].words[0] == "L CC"
    assert now.views["L CC"].grey[200, 20].max() == 0  # air where the chest wall was


@shows
def reset(looks, now, reader):
    assert now.changed(looks["redone"]) in ([], ["R CC"])  # whose text is no longer selected
    for name, view in now.views.items():
        assert not any("⟲" in word for word in view.words)
        assert np.allclose(view.point(0.5, 0.5), looks["hung"].views[name].point(0.5, 0.5))


@shows
def local_contrast(looks, now, reader):
    assert now.changed(looks["reset"]) == FOUR
    for view in now.views.values():
        assert "CLAHE: display aid" in view.words
    assert now.views["R CC"].grey[now.views["R CC"].grey.shape[0] // 2, 5].max() == 0  # air


@shows
def pixel_value(looks, now, reader):
    told = re.fullmatch(r"R CC  value ([\d,]+)  row (\d+), column (\d+)", now.pointed)
    value, row, column = (int(number.replace(",", "")) for number in told.groups())
    image = pydicom.dcmread(reader.view("R CC").view.path)
    stored = np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)
    assert stored[row, column] == value > 0


@shows
def header(looks, now, reader):
    (browser,) = tour.windows_of(reader)
    assert browser.windowTitle() == "DICOM header: R CC"
    table = browser.table.model()
    names = [table.index(row, 1).data().strip() for row in range(table.rowCount())]
    assert {"Window Center", "Window Width"} <= set(names)
    assert all("window" in name.casefold() for name in names)
    assert browser.message.text() == f"{len(names)} of {browser.line_count} lines"
    assert browser.value.text()


@shows
def less_text(looks, now, reader):
    for view in now.views.values():
        assert not {"Example Anna", "A-1"} & set(view.words)
        assert "W 4096 L 2048 NORMAL" in view.words
    assert now.told == "Text: image only, no patient"


@shows
def least_text(looks, now, reader):
    assert [view.words for view in now.views.values()] == [(label,) for label in FOUR]


@shows
def stepped(looks, now, reader):
    assert list(now.views) == ["R MLO", "L MLO"]
    assert now.step.startswith("Step 3 of ")
    assert all("Example Anna" in view.words for view in now.views.values())


@shows
def beside_the_prior(looks, now, reader):
    priors = [view for view in now.views.values() if view.prior]
    currents = [view for view in now.views.values() if not view.prior]
    assert [view.label for view in priors] == [view.label for view in currents] == FOUR
    for prior, current in zip(priors, currents, strict=True):
        assert prior.words[:3] == (prior.label, "PRIOR", "2022-03-08")
        assert prior.words[3] == "2 years earlier"
        assert current.words[1] == "CURRENT"
        assert prior.left == current.left
        assert prior.top > current.top
        assert prior.zoom == pytest.approx(current.zoom)  # the same spacing: the same size
    assert {view.patient_id for view in now.views.values()} == {"A-1"}
    pane = reader.window.viewports
    reader.wait(lambda: "Same size in mm" in message_below(pane))  # after what was said before


@shows
def keys_listed(looks, now, reader):
    (listed,) = tour.windows_of(reader)
    tree = listed.findChild(QTreeWidget)
    entries = tree.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive)
    told = {entry.text(0): entry.text(1) for entry in entries}
    for command in ("Ruler", "Next step", "Heat-map", "Save reading", "Undo"):
        assert told[command]


@shows
def disagreed(looks, now, reader):
    assert now.states[0] == "unsaved"
    assert now.right.disagree_button.isChecked()
    assert now.right.draft.reason == "prior shows stable"
    assert now.right.draft.comment == "Stable for two years."
    assert [row.has_draft for row in now.rows] == [True, False, False]
    assert now.stored == ()


@shows
def saved(looks, now, reader):
    right, left = now.stored
    assert (right.laterality, right.category.value) == (RIGHT, "2")
    assert (left.laterality, left.category.value) == (LEFT, "2")
    assert right.prediction.category == 4
    assert (right.agreement, left.agreement) == (Agreement.DISAGREE, Agreement.AGREE)
    assert (right.reason, right.comment) == ("prior shows stable", "Stable for two years.")
    assert right.reader == tour.READER_NAME
    assert right.reading_mode is ReadingMode.CONCURRENT
    assert all(state.startswith("saved ") for state in now.states)
    assert (now.rows[0].is_read, now.rows[0].has_draft) == (True, False)


@shows
def reading_undone(looks, now, reader):
    assert now.message.title == "Reading undone"
    assert "no reading of it stands any more" in now.message.advice
    assert now.stored[:2] == looks["saved"].stored  # nothing is erased
    assert now.stored[2].is_withdrawn
    assert now.left.draft.category is None


@shows
def hidden(looks, now, reader):
    assert {view.patient_id for view in now.views.values()} == {"B-2"}
    assert now.waiting.startswith("The model's answer is hidden.")
    assert not any(view.has_heat for view in now.views.values())
    assert all(row.badges == () for row in now.rows[1:])
    assert not now.right.agree_button.isEnabled()
    assert len(now.stored) == len(looks["saved"].stored) + 2


@shows
def revealed(looks, now, reader):
    assert now.waiting == ""
    assert [row.badges for row in now.rows][1] == (("R", 4), ("L", 2))
    right, left = now.stored[-2:]
    assert [one.category.value for one in (right, left)] == ["4A", "1"]
    assert all(one.reading_mode is ReadingMode.SECOND_READ for one in (right, left))
    # the badges in the worklist told it while the mode was still concurrent, and that is on record
    assert all(one.revealed_at < one.opened_at < one.recorded_at for one in (right, left))
    assert now.states == ("keep or change", "keep or change")


@shows
def downgrade(looks, now, reader):
    assert [one for one in now.stored if one.laterality is RIGHT] == [
        one for one in looks["revealed"].stored if one.laterality is RIGHT
    ]  # not before it is confirmed
    assert reader.window.assessment.confirm_box.isVisible()
    assert reader.window.assessment.confirm_box.text() == "Confirm lowering R 4A → 3"
    assert now.states[0] == "confirm below"


@shows
def downgrade_confirmed(looks, now, reader):
    right = next(one for one in reversed(now.stored) if one.laterality is RIGHT)
    assert (right.category_before.value, right.category.value) == ("4A", "3")
    assert right.reason == "judged differently"
    assert right.supersedes is not None
    assert now.states[0].startswith("was 4A")


@shows
def blind_audit(looks, now, reader):
    assert "kept for the audit" in now.waiting
    assert [row.badges for row in now.rows] == [()] * 3
    right, left = now.stored[-2:]
    assert [one.reading_mode for one in (right, left)] == [ReadingMode.BLIND_AUDIT] * 2
    assert right.revealed_at < right.opened_at  # by the badges, and never since
    assert not now.right.agree_button.isEnabled()


@shows
def hidden_on_the_page(looks, now, reader):
    assert set(cells(reader.window.disagreements, "Model")) == {"hidden"}


@shows
def disagreements(looks, now, reader):
    page = reader.window.disagreements
    assert page.isVisible()
    categories = dict(zip(cells(page, "Mode"), cells(page, "Reader"), strict=True))
    assert "4A → 3" in cells(page, "Reader")
    assert "4 · 71%" in cells(page, "Model")
    assert "disagree" in cells(page, "Agreement")
    assert set(categories) >= {"Concurrent", "Second read"}
    assert re.match(r"\d+ readings compared", page.figures.counted.text())
    assert page.figures.values["kappa"].text()


@shows
def filtered(looks, now, reader):
    page = reader.window.disagreements
    assert cells(page, "Agreement") == ["disagree"]
    assert cells(page, "Reason") == ["prior shows stable"]
    assert cells(page, "Patient") == ["A-1"]


@shows
def listed_readings_exported(looks, now, reader):
    text = (reader.output_dir / "disagreements.csv").read_text(encoding="utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert (row["category"], row["laterality"], row["notice"]) == ("2", "R", NOTICE)
    assert "A-1" not in text
    assert "Stable for two years" not in text
    assert reader.window.disagreements.message.text().startswith("1 exported without")


@shows
def training_data_written(looks, now, reader):
    folder = reader.output_dir / "training"
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["birads"] for row in written] == ["2", "2"]  # two views of the breast
    for row in written:
        assert (folder / row["file"]).is_file()
        assert "A-1" not in "".join(row.values())


@shows
def opened_at_the_breast(looks, now, reader):
    window = reader.window
    assert {view.patient_id for view in now.views.values()} == {"A-1"}
    assert window.viewports.study.study_date.year == 2024
    assert window.viewports.current.view.laterality is RIGHT
    assert now.right.isAncestorOf(QApplication.focusWidget())
    assert now.right.draft.category.value == "2"


@shows
def readings_exported(looks, now, reader):
    text = (reader.output_dir / "readings.csv").read_text(encoding="utf-8")
    exported = list(csv.DictReader(text.splitlines()))
    assert len(exported) == len(now.stored)
    assert {row["notice"] for row in exported} == {NOTICE}
    assert now.message.title == f"{len(exported)} readings exported"
    assert {row["reading_mode"] for row in exported} == {mode.value for mode in ReadingMode}


@shows
def plain_picture_saved(looks, now, reader):
    assert now.message.title == "Saved"
    assert colours(QImage(str(reader.output_dir / "plain.png"))) > 0  # the notice below


@shows
def picture(looks, now, reader):
    (dialog,) = tour.windows_of(reader)
    assert isinstance(dialog, PictureDialog)
    assert not dialog.isModal()
    assert dialog.options["heat"]
    assert not dialog.options["identity"]


@shows
def picture_copied(looks, now, reader):
    plain, overlaid = (QImage(str(reader.output_dir / f"{n}.png")) for n in ("plain", "overlaid"))
    assert colours(plain) < colours(overlaid) / 4
    copied = QGuiApplication.clipboard().image()
    assert copied.size() == overlaid.size()
    assert now.message.title == "R CC copied as a picture"
    assert "without" in now.message.advice


def colours(image):
    """Pixels that are clearly no grey."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels = lines[:, : 3 * image.width()].reshape(-1, 3).astype(int)
    return int((np.ptp(pixels, axis=1) > 20).sum())


@shows
def summary(looks, now, reader):
    (dialog,) = tour.windows_of(reader)
    assert isinstance(dialog, SummaryDialog)
    page = dialog.preview.grab().toImage()
    assert page.pixelColor(page.rect().center()).isValid()
    assert QApplication.activeModalWidget() is None


@shows
def copying(looks, now, reader):
    assert (reader.output_dir / "summary.pdf").read_bytes().startswith(b"%PDF")
    (dialog,) = tour.windows_of(reader)
    assert isinstance(dialog, CopyDialog)
    assert dialog.options["blank"]
    assert now.status.startswith("R CC   W 4096")  # the menu did not wipe it


@shows
def copied(looks, now, reader):
    assert now.message.title == "4 images copied, anonymised"
    files = [path for path in (reader.output_dir / "copies").rglob("*") if path.is_file()]
    originals = {one.SOPInstanceUID for one in map(header_of, reader.studies.rglob("*.dcm"))}
    assert len(files) == 4
    for path in files:
        assert b"Anna" not in path.read_bytes()
        copy = header_of(path)
        assert copy.PatientID != "A-1"
        assert copy.SOPInstanceUID not in originals


def header_of(path):
    return pydicom.dcmread(path, stop_before_pixels=True)


@shows
def unreadable(looks, now, reader):
    assert list(now.views) == ["R CC", "R MLO", "L MLO"]
    gap = reader.window.viewports.findChild(EmptyViewport)
    assert gap.isVisible()
    assert gap.accessibleName() == "L CC, missing, or not readable"
    told = [row.sentence for row in now.rows[1:]]
    assert [sentence.split(".")[0] for sentence in told] == ["LCC", "scan 3"]
    assert "cut off" in told[0]
    assert "empty" in told[1]


# ---------------------------------------------------------------------------------------- the tour


def hashes(folder):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*.dcm")}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_reader_goes_through_all_tools_modes_and_exports_and_sees_what_must_be_seen(
    make_window, studies, readings_path, tmp_path, qtbot
):
    before = hashes(studies)
    (tmp_path / "out").mkdir()
    (tmp_path / "pictures").mkdir()
    window = make_window(engine=Oracle(four_on_the_right))
    window.ask_for_mode()
    reader = tour.Reader(window, studies, tmp_path / "out")
    looks = {}
    assert list(SHOWN) == list(tour.SCENES)
    for name, scene in tour.SCENES.items():
        with scene(reader):
            looks[name] = Look(reader, readings_path)
            SHOWN[name](looks, looks[name], reader)
            if name in tour.PICTURED:
                assert reader.picture().save(str(tmp_path / "pictures" / f"{name}.png"))
        if name == "presets":
            looks["presets_reset"] = Look(reader, readings_path)
    assert {path.stem for path in (tmp_path / "pictures").iterdir()} == set(tour.PICTURED)
    assert hashes(studies) == before  # nothing was written into a study


def is_opened(reader, number):
    """Whether that row of the worklist is open."""
    return reader.window.session.current_study is rows(reader.window)[number].study


def sign_and_open(reader, studies):
    """As a day begins for who has read here before; strokes are counted from the first study on."""
    name = reader.find(QLineEdit, "Reader's name")
    reader.click(name)
    reader.type(tour.READER_NAME)
    reader.click(reader.window.worklist.list_view)
    reader.open(studies)
    reader.wait_for_images()
    reader.go_to(reader.window)
    reader.strokes = 0


def test_every_normal_study_is_read_in_four_strokes_and_the_first_of_the_day_too(
    window, studies, readings_path, tmp_path
):
    reader = tour.Reader(window, studies, tmp_path)
    sign_and_open(reader, studies)
    reader.press("1")  # the keyboard is in the right breast's form, and on no category
    reader.enter("L", "2")
    reader.save_and_next()
    assert reader.strokes <= 4
    assert is_opened(reader, 1)

    reader.strokes = 0
    reader.press("3")
    reader.enter("L", "1")
    reader.save_and_next()
    assert reader.strokes <= 4
    assert is_opened(reader, 1)  # what is left is Anna's prior, there to be compared with
    told = "No other study of the worklist is left to be read; priors that were not read: 1"
    assert message_below(reader.window.viewports) == told
    with ReadingStore(readings_path) as store:
        said = [(one.patient_id, one.laterality, one.category.value) for one in store.all()]
    assert said == [(p, s, c) for p, c_r, c_l in (("A-1", "1", "2"), ("B-2", "3", "1"))
                    for s, c in ((RIGHT, c_r), (LEFT, c_l))]  # fmt: skip


def test_the_first_study_whose_category_is_changed_after_the_answer_takes_eight_strokes(
    make_window, studies, readings_path, tmp_path
):
    window = make_window(engine=Oracle(four_on_the_right))
    reader = tour.Reader(window, studies, tmp_path)
    window.choose_mode(ReadingMode.SECOND_READ)
    sign_and_open(reader, studies)
    reader.wait_for_the_model()
    reader.press("3")
    reader.enter("L", "1")
    reader.save_and_next()  # reveals, and stays
    assert is_opened(reader, 0)
    assert is_predicted(window)
    reader.press("4")
    reader.save_and_next()  # asks for the reason, in its place
    reader.press("2")  # the second one
    reader.save_and_next()
    assert reader.strokes <= 8
    assert is_opened(reader, 1)
    with ReadingStore(readings_path) as store:
        (changed,) = (one for one in store.all() if one.reason)
    assert (changed.category_before.value, changed.category.value) == ("3", "4")
    assert changed.reason == "judged differently"


def test_the_docs_have_a_picture_of_every_scene_that_is_to_have_one():
    root = Path(tour.__file__).parents[1]
    pictures = {path.name for path in (root / "docs" / "screenshots").glob("*.png")}
    of_scenes = {f"{name}.png" for name in tour.PICTURED}
    papers = [root / "README.md", root / "docs" / "manual.md"]
    text = "".join(paper.read_text(encoding="utf-8") for paper in papers)
    shown = set(re.findall(r"screenshots/([\w-]+\.png)", text))
    assert shown
    assert pictures == of_scenes | shown  # none is left over from another window
