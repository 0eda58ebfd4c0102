"""What a reader draws: measured as it is drawn, kept as it is, undone without a trace lost, and
never in the study.
"""

import hashlib
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine.domain import AnnotationKind, PixelSpacing, SpacingSource
from engine.records.store import ReadingStore
from tests.viewer.driver import open_and_wait, sign
from tests.viewer.pages import (
    LEFT,
    canvases,
    click,
    drag,
    hang,
    screen,
    spot,
)
from tests.viewer.studies import make_study, spacing
from viewer.display.annotations import AnnotationModel
from viewer.viewports.viewports import ViewportsPane

RULER, ANGLE, ELLIPSE, ARROW, TEXT, REGION = AnnotationKind


@pytest.fixture
def pane(qtbot):
    pane = ViewportsPane()
    qtbot.addWidget(pane)
    pane.resize(640, 640)
    pane.show()
    pane.records = []
    pane.tools.annotated.connect(pane.records.append)
    return pane


def begin(pane, reader="Dr. X", labels=("R CC", "L CC"), **settings):
    """Hangs a study and gives its canvases by label."""
    study = make_study(labels, **{"pixel_spacing": spacing(0.1), **settings})
    hang(pane, study)
    pane.tools.set_reader(reader)
    pane.tools.show_annotations(study, ())
    return canvases(pane)


def choose(pane, kind):
    pane.commands.trigger(f"tools.hand.choose_{kind.name}")


def act(pane, name):
    step = pane.tools.annotation_tool.remove if name == "remove" else getattr(pane.tools, name)
    step()


def draw(pane, canvas, kind, *points):
    choose(pane, kind)
    drag(canvas, LEFT, spot(canvas, *points[0]), spot(canvas, *points[1]))
    for point in points[2:]:
        click(canvas, spot(canvas, *point))


def drawn(pane, canvas):
    return pane.tools.annotations.of(canvas.view.image_uid)


# ----------------------------------------------------------------------------------------- drawing


def test_a_ruler_drawn_from_end_to_end_tells_its_length_and_origin(pane):
    canvas = begin(pane)["R CC"]
    before = canvas.image.greys.voi
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    (ruler,) = drawn(pane, canvas)
    assert ruler.points[0] == pytest.approx((100, 150), abs=0.01)
    assert ruler.points[1] == pytest.approx((180, 210), abs=0.01)
    assert ruler.measured == "10.0 mm, at detector"
    assert (ruler.reader, ruler.patient_id, ruler.study_uid) == ("Dr. X", "A-17", "1.2.3")
    assert canvas.image.greys.voi == before  # the drag drew, and did not touch the window
    assert pane.records == [ruler]


@pytest.mark.parametrize("label", ["R CC", "L CC"])
def test_a_drawing_lies_on_the_same_tissue_however_the_view_is_shown(pane, label):
    """Mirrored because film faces the wrong way, zoomed, flipped, rotated: the points stay."""
    canvas = begin(pane)[label]
    draw(pane, canvas, RULER, (100, 120), (180, 180))
    (ruler,) = drawn(pane, canvas)
    pane.select(canvas.view.image_uid)
    for name in ("tools.turn_mirrored", "tools.turn_turned_right", "zoom_step_1"):
        pane.commands.trigger(name)
        draw(pane, canvas, RULER, (100, 120), (180, 180))
        again = drawn(pane, canvas)[-1]
        assert np.allclose(again.points, ruler.points, atol=0.01)
        assert again.measured == ruler.measured


def test_a_ruler_drawn_on_a_mirrored_display_measures_the_stored_image(pane, qtbot):
    from tests.viewer.studies import pixels_of
    from viewer.display import rendering

    study = make_study(("R CC",), pixel_spacing=spacing(0.1))
    pane.show_study(study)
    view = study.views[0]
    pane.show_pixels(view.image_uid, rendering.prepare(view, pixels_of(view, "L")))
    pane.tools.show_annotations(study, ())
    canvas = canvases(pane)["R CC"]
    assert canvas.image.is_mirrored
    draw(pane, canvas, RULER, (100, 20), (100, 120))
    (ruler,) = drawn(pane, canvas)
    assert np.allclose(ruler.points, [(100, 20), (100, 120)], atol=0.01)


def test_an_angle_takes_two_arms(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, ANGLE, (100, 200), (150, 200), (150, 260))
    (angle,) = drawn(pane, canvas)
    assert len(angle.points) == 3
    assert angle.measured == "90.0°, at detector"


def test_an_ellipse_tells_mean_deviation_and_area(pane):
    canvas = begin(pane)["R CC"]
    canvas_pixels = canvas.image.display.pixels.stored
    draw(pane, canvas, ELLIPSE, (150, 180), (250, 260))
    (ellipse,) = drawn(pane, canvas)
    grey, area = ellipse.measured.split("\n")
    row, column = np.mgrid[150:250, 180:260] + 0.5
    inside = ((row - 200) / 50) ** 2 + ((column - 220) / 40) ** 2 <= 1
    values = canvas_pixels[150:250, 180:260][inside].astype(float)
    mean, deviation = (float(n.replace(",", "")) for n in grey[5:-3].split(" ± "))
    assert mean == pytest.approx(values.mean(), rel=0.01)
    assert deviation == pytest.approx(values.std(ddof=1), rel=0.03)
    assert area == "62.8 mm², at detector"


def test_a_text_is_typed_where_it_stands_and_letters_are_no_shortcuts(pane):
    canvas = begin(pane)["L CC"]
    pane.activateWindow()
    choose(pane, TEXT)
    click(canvas, (60, 80))
    entry = QApplication.focusWidget()
    QTest.keyClicks(entry, "Re-test RE")  # R is the ruler, E the ellipse
    QTest.keyClick(entry, Qt.Key.Key_Return)
    (text,) = drawn(pane, canvas)
    assert (text.kind, text.text) == (TEXT, "Re-test RE")
    assert QApplication.focusWidget() is canvas


def test_words_being_typed_are_kept_when_the_reader_turns_to_something_else(pane):
    canvas = begin(pane)["L CC"]
    for turn_away in (lambda: canvas.setFocus(), lambda: pane.show_study(None)):
        study = pane.study
        pane.activateWindow()
        choose(pane, TEXT)
        click(canvas, (60, 80))
        QTest.keyClicks(QApplication.focusWidget(), "cluster")
        turn_away()
        assert pane.records[-1].text == "cluster"
        assert pane.records[-1].image_uid == canvas.view.image_uid
        assert pane.records[-1].study_uid == study.uid


def test_a_field_that_the_reader_turns_to_keeps_the_keyboard(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    window.activateWindow()
    choose(window.viewports, TEXT)
    click(window.viewports.canvases[0], (60, 80))
    QTest.keyClicks(QApplication.focusWidget(), "cluster")
    window.assessment.reader.setFocus()
    QApplication.processEvents()
    assert QApplication.focusWidget() is window.assessment.reader
    assert [a.text for a in drawn(window.viewports, window.viewports.canvases[0])] == ["cluster"]


def test_words_being_typed_are_kept_when_the_window_is_closed(
    window, write_studies, readings_path, qtbot
):
    open_and_wait(qtbot, window, write_studies(1))
    study = window.session.current_study
    window.activateWindow()
    choose(window.viewports, TEXT)
    click(window.viewports.canvases[0], (60, 80))
    QTest.keyClicks(QApplication.focusWidget(), "cluster")
    window.close()
    with ReadingStore(readings_path) as store:
        assert [a.text for a in store.annotations(study.uid)] == ["cluster"]


def test_an_empty_text_leaves_nothing(pane):
    canvas = begin(pane)["L CC"]
    pane.activateWindow()
    choose(pane, TEXT)
    click(canvas, (60, 80))
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert drawn(pane, canvas) == ()
    assert pane.records == []


def test_a_tool_draws_once_and_is_put_away(pane):
    canvas = begin(pane)["R CC"]
    action = pane.commands.action("tools.hand.choose_RULER")
    action.trigger()
    assert action.isChecked()
    assert canvas.cursor().shape() == Qt.CursorShape.CrossCursor
    drag(canvas, LEFT, (100, 100), (150, 150))
    assert not action.isChecked()
    assert canvas.cursor().shape() != Qt.CursorShape.CrossCursor
    drag(canvas, LEFT, (40, 200), (90, 200))
    assert canvas.image.greys.voi.name == "adjusted"  # the next drag is the window's again
    assert len(drawn(pane, canvas)) == 1


@pytest.mark.parametrize("how", ["again", "escape"])
def test_a_tool_chosen_by_mistake_is_put_away_and_leaves_nothing(pane, how):
    canvas = begin(pane)["R CC"]
    choose(pane, ANGLE)
    drag(canvas, LEFT, (100, 100), (150, 150))  # one arm
    if how == "again":
        choose(pane, ANGLE)
    else:
        pane.commands.trigger("tools.cancel")
    assert pane.tools.annotation_tool.kind is None
    assert drawn(pane, canvas) == ()


def test_points_beside_the_image_are_brought_to_its_edge(pane):
    canvas = begin(pane)["R CC"]
    canvas.zoom_by(0.3)
    draw(pane, canvas, RULER, (-40, -90), (900, 900))
    (ruler,) = drawn(pane, canvas)
    assert ruler.points == ((0.0, 0.0), (400.0, 300.0))


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        (None, "pixels only"),
        (PixelSpacing(0.05, 0.05, SpacingSource.MAGNIFICATION, 1.8), "magnification 1.8"),
        (PixelSpacing(0.05, 0.05, SpacingSource.CALIBRATED), "calibrated"),
    ],
)
def test_what_is_printed_on_the_image_holds_the_origin_of_its_spacing(pane, given, origin):
    canvas = begin(pane, pixel_spacing=given)["R CC"]
    for kind, points in ((RULER, ((99, 99), (150, 150))), (ELLIPSE, ((200, 150), (250, 190)))):
        draw(pane, canvas, kind, *points)
        assert drawn(pane, canvas)[-1].measured.endswith(origin)
    draw(pane, canvas, ANGLE, (99, 99), (150, 150), (170, 99))
    assert drawn(pane, canvas)[-1].measured.endswith(origin)


def test_a_drawing_is_painted_and_gone_with_its_undo(pane):
    canvas = begin(pane)["R CC"]
    clean = screen(canvas)
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    pane.tools.cancel()  # the selection
    x, y = (round(n) for n in spot(canvas, 140, 180))
    painted = screen(canvas)
    around = painted[y - 3 : y + 4, x - 3 : x + 4].astype(int)
    assert (around[:, :, 2] - around[:, :, 0]).max() > 60  # a blue line on grey
    changed = (painted != clean).any(axis=2)
    assert 200 < changed.sum() < 9000
    act(pane, "undo")
    assert np.array_equal(screen(canvas), clean)


def test_words_of_a_drawing_stay_inside_the_view_and_off_its_label(pane):
    canvas = begin(pane)["R CC"]
    clean = screen(canvas)
    draw(pane, canvas, RULER, (2, 200), (4, 290))
    changed = np.argwhere((screen(canvas) != clean).any(axis=2))
    words = changed[changed[:, 0] > spot(canvas, 12, 0)[1]]  # below the line itself
    free = canvas.text.free_area(canvas.rect())
    assert words[:, 0].min() >= free.top() - 1
    assert words[:, 1].max() < canvas.width()


def test_words_of_two_drawings_do_not_cover_each_other(pane):
    from viewer.viewports.annotation_painting import paint

    canvas = begin(pane)["R CC"]
    for _ in range(4):  # all from the same point
        draw(pane, canvas, RULER, (100, 150), (180, 210))
        pane.tools.cancel()
    taken = []
    image = canvas.grab()
    painter = QPainter(image)
    for ruler in drawn(pane, canvas):
        points = [QPointF(60, 60), QPointF(120, 200)]
        area = QRectF(canvas.rect())
        paint(painter, ruler, points, area, canvas.text.free_area(canvas.rect()), taken)
    painter.end()
    assert len(taken) == 4
    assert not any(a.intersects(b) for n, a in enumerate(taken) for b in taken[:n])
    assert all(canvas.text.free_area(canvas.rect()).contains(box) for box in taken)


def test_a_drawing_out_of_sight_leaves_no_words_at_the_edge(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (30, 200), (40, 290))
    pane.tools.cancel()
    canvas.centre(40.0, 300, 200)  # per mm: 4 device pixels a pixel
    with_drawing = screen(canvas)
    act(pane, "undo")
    assert np.array_equal(with_drawing, screen(canvas))


# ------------------------------------------------------------------------- changing and taking back


def test_the_end_of_a_ruler_is_dragged_and_measured_anew(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    drag(canvas, LEFT, spot(canvas, 180, 210), spot(canvas, 100, 250))
    (ruler,) = drawn(pane, canvas)
    assert ruler.points[1] == pytest.approx((100, 250), abs=0.5)
    assert ruler.measured == "10.0 mm, at detector"
    assert [record.annotation_id for record in pane.records] == [ruler.annotation_id] * 2


def test_a_drawing_is_moved_as_a_whole_and_stays_on_the_image(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    drag(canvas, LEFT, spot(canvas, 140, 180), spot(canvas, 150, 200))
    (ruler,) = drawn(pane, canvas)
    assert np.allclose(ruler.points, [(110, 170), (190, 230)], atol=1)
    drag(canvas, LEFT, spot(canvas, 150, 200), spot(canvas, -500, 200))
    (ruler,) = drawn(pane, canvas)
    assert min(row for row, _ in ruler.points) == 0
    assert ruler.measured == "10.0 mm, at detector"


def test_undo_and_redo_go_through_every_change_and_record_each(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    first = drawn(pane, canvas)
    drag(canvas, LEFT, spot(canvas, 180, 210), spot(canvas, 100, 250))
    moved = drawn(pane, canvas)
    act(pane, "remove")
    assert drawn(pane, canvas) == ()
    states = []
    for _ in range(4):  # once more than there is
        act(pane, "undo")
        states.append(drawn(pane, canvas))
    assert states == [moved, first, (), ()]
    states = []
    for _ in range(4):
        act(pane, "redo")
        states.append(drawn(pane, canvas))
    assert states == [first, moved, (), ()]
    assert len(pane.records) == 9  # 3 changes, 3 undone, 3 redone
    assert [record.is_removed for record in pane.records[2:6]] == [True, False, False, True]


def test_a_new_drawing_ends_what_could_be_redone(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    act(pane, "undo")
    draw(pane, canvas, ARROW, (100, 150), (120, 160))
    act(pane, "redo")
    assert [a.kind for a in drawn(pane, canvas)] == [ARROW]


def test_an_undo_shows_the_view_that_it_changes(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    pane.select(canvases(pane)["L CC"].view.image_uid)
    pane.toggle_single()
    assert canvas.isHidden()
    assert pane.tools.undo() == "R CC"
    assert not canvas.isHidden()
    assert pane.tools.redo() == "R CC"
    assert pane.tools.redo() is None


def test_delete_removes_the_selected_drawing(pane, qtbot):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    pane.activateWindow()
    canvas.setFocus()
    QApplication.processEvents()
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    assert drawn(pane, canvas) == ()


def test_another_readers_drawing_is_shown_with_its_name_and_cannot_be_changed(pane):
    canvas = begin(pane, reader="Dr. A")["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    (ruler,) = drawn(pane, canvas)
    own = screen(canvas)
    pane.tools.set_reader("Dr. B")
    assert not np.array_equal(screen(canvas), own)
    drag(canvas, LEFT, spot(canvas, 180, 210), spot(canvas, 100, 250))
    act(pane, "remove")
    assert drawn(pane, canvas) == (ruler,)
    assert len(pane.records) == 1


def test_another_reader_can_neither_undo_nor_redo_what_was_drawn_before(pane):
    canvas = begin(pane, reader="Dr. A")["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    draw(pane, canvas, RULER, (100, 250), (180, 310))
    act(pane, "undo")
    before = drawn(pane, canvas)
    pane.tools.set_reader("Dr. B")
    act(pane, "undo")
    act(pane, "redo")
    assert drawn(pane, canvas) == before
    assert len(pane.records) == 3


def test_no_drawing_of_one_study_shows_on_another(pane):
    canvas = begin(pane)["R CC"]
    draw(pane, canvas, RULER, (100, 150), (180, 210))
    other = make_study(("R CC", "L CC"), uid="9.9")
    hang(pane, other)
    assert all(drawn(pane, shown) == () for shown in canvases(pane).values())
    act(pane, "undo")
    assert len(pane.records) == 1


def test_a_change_of_nothing_is_no_change():
    records = []
    book = AnnotationModel(records.append)
    study = make_study(("R CC",))
    book.open(study)
    drawing = book.draft(study.views[0], RULER, ((1, 1), (2, 2)))
    book.add(drawing)
    book.replace(drawing)
    book.replace(replace(drawing, annotation_id="unknown"))
    book.remove("unknown")
    assert records == [drawing]


# ------------------------------------------------------------------------------- kept with readings


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


def test_drawings_are_there_the_next_day_and_nothing_is_written_into_the_study(
    make_window, write_studies, readings_path, qtbot
):
    folder = write_studies(2)
    before = digest(folder)
    window = make_window()
    open_and_wait(qtbot, window, folder)
    sign(qtbot, window)
    pane = window.viewports
    canvas = pane.canvases[0]
    canvas.setFocus()  # as a click does: the name is entered
    draw(pane, canvas, RULER, (20, 40), (50, 60))
    (ruler,) = drawn(pane, canvas)
    assert ruler.reader == "Dr. X"
    window.close()
    assert digest(folder) == before

    window = make_window()
    open_and_wait(qtbot, window, folder)
    pane = window.viewports
    assert drawn(pane, pane.canvases[0]) == (ruler,)
    window.worklist.step(1)
    qtbot.waitUntil(lambda: pane.canvases[0].view.patient_id == "A-2", timeout=20_000)
    assert all(drawn(pane, shown) == () for shown in pane.canvases)
    window.worklist.step(-1)
    qtbot.waitUntil(lambda: pane.canvases[0].view.patient_id == "A-1", timeout=20_000)
    assert drawn(pane, pane.canvases[0]) == (ruler,)


def test_a_drawing_that_cannot_be_stored_is_told_kept_and_stored_with_the_next(
    stores, window, write_studies, readings_path, qtbot, caplog
):
    open_and_wait(qtbot, window, write_studies(1))
    pane, session = window.viewports, window.session
    connection = stores[-1].connection
    connection.execute("PRAGMA query_only=ON")  # as SQLite finds it on a full or read-only disk
    draw(pane, pane.canvases[0], RULER, (20, 40), (50, 60))
    assert "not kept yet" in window.banner.accessibleName() + told(window)
    study = session.current_study
    assert len(session.annotations(study)) == 1  # also when the study is opened again
    connection.execute("PRAGMA query_only=OFF")
    draw(pane, pane.canvases[0], ARROW, (70, 40), (80, 60))
    with ReadingStore(readings_path) as store:
        assert [a.kind for a in store.annotations(study.uid)] == [RULER, ARROW]


def told(window):
    from PySide6.QtWidgets import QLabel

    return " ".join(label.text() for label in window.banner.findChildren(QLabel))


def test_a_drawing_of_another_patients_study_with_an_equal_name_is_not_shown(
    window, write_studies, readings_path, qtbot
):
    folder = write_studies(1)
    open_and_wait(qtbot, window, folder)
    study = window.session.current_study
    draw(window.viewports, window.viewports.canvases[0], RULER, (20, 40), (50, 60))
    (ruler,) = window.session.annotations(study)
    with ReadingStore(readings_path) as store:
        store.annotate([replace(ruler, annotation_id="x", patient_id="B-9")])
        store.annotate([replace(ruler, annotation_id="y", image_uid="elsewhere")])
    assert window.session.annotations(study) == (ruler,)


def test_no_words_of_a_drawing_are_in_the_log(window, write_studies, qtbot, caplog):
    caplog.set_level("DEBUG")
    open_and_wait(qtbot, window, write_studies(1))
    pane = window.viewports
    window.activateWindow()
    choose(pane, TEXT)
    click(pane.canvases[0], (60, 80))
    QTest.keyClicks(QApplication.focusWidget(), "Doe cyst")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert len(window.session.annotations(window.session.current_study)) == 1
    assert "cyst" not in caplog.text
    assert "A-1" not in caplog.text


def test_every_change_is_a_row_of_its_own_in_the_file(window, write_studies, readings_path, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    pane = window.viewports
    draw(pane, pane.canvases[0], RULER, (20, 40), (50, 60))
    act(pane, "undo")
    act(pane, "redo")
    with sqlite3.connect(readings_path) as connection:
        rows = connection.execute("SELECT mark, is_removed FROM annotations ORDER BY id").fetchall()
    connection.close()
    assert [removed for _, removed in rows] == [0, 1, 0]
    assert len({mark for mark, _ in rows}) == 1
