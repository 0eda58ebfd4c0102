"""A reader asks about a spot: the answer stands beside it, is kept and goes out with the reading,
and is nowhere before the reader may see what a model says.
"""

import csv
import json
from itertools import combinations, product

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QCursor, QPainter, QPicture

from engine.domain import (
    NOTICE,
    AnnotationKind,
    Laterality,
    PixelSpacing,
    ReadingMode,
    SpacingSource,
)
from engine.errors import EngineStopped, StorageFailed
from engine.records.store import ReadingStore
from tests.viewer.driver import (
    are_images_shown,
    enter,
    has_predicted,
    is_predicted,
    open_and_wait,
    open_current,
    phase,
    sign,
)
from tests.viewer.fake_engine import NO_SPACING, FakeEngine, refused_region, region_prediction
from tests.viewer.pages import LEFT as LEFT_BUTTON
from tests.viewer.pages import click, drag, message_below, spot
from tests.viewer.studies import make_view, spacing
from viewer.display import regions
from viewer.display.opinion import percent
from viewer.shared.states import Phase, RegionRequest
from viewer.viewports.region_painting import paint_card

RIGHT = Laterality.RIGHT
CONCURRENT, SECOND, BLIND = ReadingMode
REGION = AnnotationKind.REGION


@pytest.fixture
def ask_in(make_window, write_studies, engine, qtbot):
    """A signed window in a mode over answered studies, and what its engine was asked."""

    def make(mode=CONCURRENT, count=1, **options):
        window = make_window(mode=mode, **options)
        open_and_wait(qtbot, window, write_studies(count))
        window.session.inference.start()
        sign(qtbot, window)
        window.assessment.reader.editingFinished.emit()
        qtbot.waitUntil(lambda: has_predicted(window), timeout=10_000)
        qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)
        return window

    return make


def canvas_of(window, label="R CC"):
    return next(c for c in window.viewports.canvases if c.view.label == label)


def draw(window, top_left=(20, 30), bottom_right=(50, 60), label="R CC"):
    """A rectangle with the tool, a quarter pixel within: it is rounded outward."""
    canvas = canvas_of(window, label)
    window.commands.trigger("tools.choose_region")
    start, end = (n + 0.25 for n in top_left), (n - 0.25 for n in bottom_right)
    drag(canvas, LEFT_BUTTON, spot(canvas, *start), spot(canvas, *end))
    return canvas


def point_at(canvas, row, column):
    at = QPointF(*spot(canvas, row, column))
    QCursor.setPos(canvas.mapToGlobal(at.toPoint()))


def press_s(qtbot, window, canvas, row=40, column=40):
    point_at(canvas, row, column)
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_S)


def asked(engine):
    return [(view.label, box) for _, view, box in engine.regions]


def answers(window):
    return [answer for _, answer in window.viewports.tools.visible_requests]


def wait_for_prediction(qtbot, window):
    qtbot.waitUntil(lambda: answers(window) and not any(a.is_pending for a in answers(window)))


def told(window):
    return message_below(window.viewports)


def is_written(words, malignancy, is_full):
    """Whether it stands on a spot's card: a picture keeps what is painted in it as UTF-16."""
    said = region_prediction(make_view(), (10, 10, 40, 40), malignancy)
    request = RegionRequest(said.image_uid, said.box, said)
    picture = QPicture()
    with QPainter(picture) as painter:
        within = QRectF(0, 0, 800, 800)
        paint_card(painter, QRectF(9, 9, 50, 50), request, "", "", within, [], is_full)
    return words.encode("utf-16-be") in bytes(picture.data())


def stored(readings_path):
    with ReadingStore(readings_path) as store:
        return store.regions()


def exported(window, path, **options):
    window.session.exporting.export_readings(path, **options)
    with path.open(encoding="utf-8", newline="") as file:
        return [row["regions"] for row in csv.DictReader(file)]


def escape(qtbot, canvas):
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)


# ------------------------------------------------------------------------------------ where it lies


@pytest.mark.parametrize(
    ("points", "box"),
    [
        (((10, 20), (30, 50)), (20, 10, 50, 30)),
        (((30, 50), (10, 20)), (20, 10, 50, 30)),  # drawn from the other end
        (((10.2, 20.7), (29.1, 49.01)), (20, 10, 50, 30)),  # every pixel that it touches
        (((-5, -5), (500, 500)), (0, 0, 72, 96)),
        (((40, 40), (40, 40)), (40, 40, 41, 41)),  # at least one
        (((96, 72), (96, 72)), (71, 95, 72, 96)),
    ],
)
def test_a_rectangle_is_asked_about_in_whole_pixels_of_the_image(points, box):
    assert regions.box_of(points, 96, 72) == box
    assert regions.box_of(regions.corners_of(box), 96, 72) == box


def test_the_square_about_the_pointer_is_of_the_same_size_on_every_machine():
    fine = make_view(shape=(4000, 3000), pixel_spacing=spacing(0.05))
    coarse = make_view(shape=(2000, 1500), pixel_spacing=spacing(0.1))
    assert regions.spot_around(fine, 2000, 1000) == (800, 1800, 1200, 2200)
    assert regions.spot_around(coarse, 1000, 500) == (400, 900, 600, 1100)
    oblong = PixelSpacing(0.2, 0.1, SpacingSource.FILE)
    oblong = make_view(shape=(1000, 1500), pixel_spacing=oblong)
    assert regions.spot_around(oblong, 500, 500) == (400, 450, 600, 550)


def test_at_an_edge_the_square_is_moved_inwards_and_on_a_small_image_it_is_all_of_it():
    view = make_view(shape=(2000, 1500), pixel_spacing=spacing(0.1))
    assert regions.spot_around(view, 0, 1500) == (1300, 0, 1500, 200)
    assert regions.spot_around(make_view(pixel_spacing=spacing(1)), 9, 9) == (0, 0, 20, 20)
    assert regions.spot_around(make_view(pixel_spacing=spacing(0.01)), 9, 9) == (0, 0, 300, 400)


def test_without_a_spacing_the_square_is_a_share_of_the_longer_side():
    assert regions.spot_around(make_view(shape=(1200, 900)), 600, 450) == (400, 550, 500, 650)
    tall = make_view(shape=(600, 900), pixel_aspect=2.0)  # 1,200 pixel widths
    assert regions.spot_around(tall, 300, 450) == (400, 275, 500, 325)


# ------------------------------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("malignancy", "warned"), [(0.05, []), (0.4, ["P(4 or 5) 40 % > 10 %"]), (0.9, [])]
)
def test_a_low_category_of_a_spot_with_much_of_a_4_or_5_says_so(malignancy, warned):
    said = region_prediction(make_view(), (10, 10, 40, 40), malignancy)
    assert regions.warnings(said) == warned
    assert regions.remarks(said)[: len(warned)] == warned
    request = RegionRequest(said.image_uid, said.box, said)
    assert regions.lines_of(request) == [*regions.headline(said), *warned]


@pytest.mark.parametrize("is_full", [True, False])
def test_the_card_of_a_spot_warns_whether_it_is_selected_or_not(qtbot, is_full):
    warning = "P(4 or 5) 40 % > 10 %"
    assert is_written(warning, 0.4, is_full)
    assert not is_written(warning[:9], 0.05, is_full)


def test_rounding_claims_neither_certainty_nor_impossibility_of_a_spot(qtbot):
    said = region_prediction(make_view(), (10, 10, 40, 40), 0.001)
    assert regions.headline(said)[0] == "P(malignant) <1 %"
    assert is_written("<1 %", 0.001, True)


def test_a_spots_category_has_no_assessments_name():
    said = region_prediction(make_view(), (10, 10, 40, 40), 0.05)
    words = " ".join([*regions.headline(said), *regions.remarks(said)])
    assert "category 2" in words
    assert not any(word in words.casefold() for word in ("benign", "negative", "bi-rads"))


# ------------------------------------------------------------------------------------------ asking


def test_a_rectangle_is_drawn_and_its_answer_stands_beside_it(ask_in, engine, qtbot, readings_path):
    window = ask_in()
    before = canvas_of(window).grab().toImage()
    canvas = draw(window)
    assert asked(engine) == [("R CC", (30, 20, 60, 50))]
    wait_for_prediction(qtbot, window)
    (answer,) = answers(window)
    assert answer.prediction == region_prediction(canvas.view, (30, 20, 60, 50))
    assert canvas.grab().toImage() != before
    said = answer.prediction
    words = f"R CC: P(malignant) {percent(said.malignancy)}. category {said.category}, confidence"
    assert told(window).startswith(words)  # also what a screen reader hears
    assert NOTICE in told(window)
    assert words in canvas.accessibleDescription()
    assert NOTICE in canvas.accessibleDescription()
    (drawing,) = window.viewports.tools.annotations.of(canvas.view.image_uid)
    assert drawing.kind is REGION
    mm = canvas.view.pixel_spacing.row_mm
    assert drawing.measured == f"{30 * mm:.1f} × {30 * mm:.1f} mm, at detector"
    (record,) = stored(readings_path)
    assert record.prediction == answer.prediction
    assert (record.reader, record.patient_id) == ("Dr. X", "A-1")


def test_the_key_asks_about_a_square_at_the_pointer(ask_in, engine, qtbot):
    window = ask_in()
    canvas = canvas_of(window, "L MLO")
    press_s(qtbot, window, canvas)
    (label, box) = asked(engine)[0]
    assert label == "L MLO"
    at = canvas.image.placement.to_source(*spot(canvas, 40, 40))
    assert box == regions.spot_around(canvas.view, *at)
    assert window.viewports.current is canvas
    wait_for_prediction(qtbot, window)


def test_the_key_beside_the_images_says_what_it_needs(ask_in, engine, qtbot):
    window = ask_in()
    QCursor.setPos(window.worklist.mapToGlobal(window.worklist.rect().center()))
    window.commands.trigger("tools.ask_at_pointer")
    assert told(window) == "Point at a spot on an image, then S"
    assert engine.regions == []


def test_without_spacing_the_reader_is_told_what_the_square_is(
    make_window, write_studies, engine, qtbot
):
    engine.is_holding_regions = True
    window = make_window()

    def edit(dataset):
        for name in ("PixelSpacing", "ImagerPixelSpacing"):
            if name in dataset:
                del dataset[name]

    open_and_wait(qtbot, window, write_studies(1, edit=edit))
    canvas = canvas_of(window)
    assert canvas.view.pixel_spacing is None
    press_s(qtbot, window, canvas)
    assert "a twelfth of its longer side" in told(window)
    (drawing,) = window.viewports.tools.annotations.of(canvas.view.image_uid)
    assert drawing.measured.endswith("px, pixels only")
    engine.finish_region()
    wait_for_prediction(qtbot, window)
    (answer,) = answers(window)
    assert regions.remarks(answer.prediction)[-1] == NO_SPACING
    line = window.output.summarise(False, True).regions[0]
    assert "the image's own pixels were taken as they are" in line.text


def test_a_rectangle_outside_the_breast_is_refused_with_the_reason(ask_in, engine, qtbot):
    engine.is_holding_regions = True
    window = ask_in()
    canvas = draw(window, (2, 2), (8, 8))
    view, box = canvas.view, asked(engine)[0][1]
    engine.finish_region(prediction=refused_region(view, box))
    wait_for_prediction(qtbot, window)
    reason = "not judged: More than half of the rectangle lies outside the breast."
    assert told(window) == f"R CC: {reason} · {NOTICE}"
    assert reason in canvas.accessibleDescription()
    assert regions.headline(answers(window)[0].prediction) == [reason]


def test_while_it_waits_it_says_so_and_escape_takes_it_away(ask_in, engine, qtbot, readings_path):
    engine.is_holding_regions = True
    window = ask_in()
    canvas = draw(window)
    assert [answer.is_pending for answer in answers(window)] == [True]
    assert told(window) == "R CC: asking about this spot …"
    waiting = canvas.grab().toImage()
    escape(qtbot, canvas)
    assert window.viewports.tools.annotations.of(canvas.view.image_uid) == ()
    assert canvas.grab().toImage() != waiting
    assert engine.regions[0][0].cancelled()
    engine.finish_region()
    qtbot.wait(50)
    assert stored(readings_path) == ()
    assert answers(window) == []


def test_undo_brings_back_a_rectangle_with_its_answer_and_asks_nobody_again(ask_in, engine, qtbot):
    window = ask_in()
    canvas = draw(window)
    wait_for_prediction(qtbot, window)
    before = answers(window)
    escape(qtbot, canvas)
    assert answers(window) == []
    assert "P(malignant)" not in canvas.accessibleDescription()
    window.commands.trigger("undo")
    assert answers(window) == before
    assert len(engine.regions) == 1
    window.commands.trigger("undo")  # the drawing of it
    assert answers(window) == []
    window.commands.trigger("redo")
    assert answers(window) == before
    assert len(engine.regions) == 1


def test_a_rectangle_that_is_moved_is_asked_about_anew_and_undone_has_its_first_answer(
    ask_in, engine, qtbot
):
    window = ask_in()
    canvas = draw(window)
    wait_for_prediction(qtbot, window)
    first = answers(window)
    drag(canvas, LEFT_BUTTON, spot(canvas, 20, 45), spot(canvas, 25, 45))  # by its upper side
    qtbot.waitUntil(lambda: len(engine.regions) == 2)
    wait_for_prediction(qtbot, window)
    assert [box for _, box in asked(engine)] == [(30, 20, 60, 50), (30, 25, 60, 55)]
    assert answers(window) != first
    window.commands.trigger("undo")
    assert answers(window) == first
    assert len(engine.regions) == 2


def test_the_last_of_two_spots_shows_all_and_a_click_turns_to_the_other(ask_in, engine, qtbot):
    window = ask_in()
    canvas = draw(window, (20, 30), (35, 45))
    draw(window, (60, 30), (75, 45))
    wait_for_prediction(qtbot, window)
    qtbot.waitUntil(lambda: len(answers(window)) == 2)
    last = canvas.grab().toImage()
    click(canvas, spot(canvas, 20, 40))
    assert canvas.grab().toImage() != last


def test_the_cards_of_many_spots_in_a_small_view_cover_neither_each_other_nor_a_spot(qtbot):
    picture = QPicture()
    painter, within = QPainter(picture), QRectF(0, 60, 370, 220)
    spots = [QRectF(270, y, 32, 32) for y in (100, 145, 190)] + [QRectF(20, 62, 30, 20)]
    view, cards = make_view(), []
    for number, own in enumerate(spots):
        box = (number, 0, 9, 9)
        answer = RegionRequest(view.image_uid, box, region_prediction(view, box))
        taken = [*cards, *(other for other in spots if other is not own)]
        paint_card(painter, own, answer, "", "", within, taken, number == 0)
        cards.append(taken[-1])
    painter.end()
    assert all(within.contains(card) for card in cards)
    pairs = [*combinations(cards, 2), *product(cards, spots)]
    assert not [(one, other) for one, other in pairs if one.intersects(other)]


def test_where_there_is_no_room_a_spots_number_stands_on_its_own_rectangle(qtbot):
    """Beside another it would be read as that one's."""
    picture = QPicture()
    painter, within = QPainter(picture), QRectF(0, 0, 300, 200)
    own, view, box = QRectF(120, 80, 40, 30), make_view(), (0, 0, 9, 9)
    around = [QRectF(0, 0, 119, 200), QRectF(161, 0, 139, 200), QRectF(119, 0, 42, 79)]
    taken = [*around, QRectF(119, 111, 42, 89)]
    answer = RegionRequest(view.image_uid, box, region_prediction(view, box))
    paint_card(painter, own, answer, "", "", within, taken, False)
    painter.end()
    assert taken[-1].center() == own.center()


def test_nothing_is_asked_about_an_earlier_study(make_window, annas_studies, engine, qtbot):
    window = make_window()
    open_current(qtbot, window, annas_studies)
    window.viewports.next_prior()
    prior = next(c for c in window.viewports.shown_canvases if c.prior)
    press_s(qtbot, window, prior)
    assert told(window) == "Nothing is asked about an earlier study: open it by itself"
    window.commands.trigger("tools.choose_region")
    drag(prior, LEFT_BUTTON, spot(prior, 20, 30), spot(prior, 50, 60))
    assert engine.regions == []
    assert prior.accessibleDescription().find("P(malignant)") == -1


# --------------------------------------------------------------------------- what can go wrong


def test_an_engine_that_dies_over_a_spot_says_so_there_and_the_next_spot_is_answered(
    ask_in, engine, qtbot, readings_path
):
    engine.is_holding_regions = True
    window = ask_in()
    canvas = draw(window)
    engine.fail_region(EngineStopped("The engine stopped", "The others go on."))
    wait_for_prediction(qtbot, window)
    (answer,) = answers(window)
    assert answer.failure.title == "The engine stopped"
    assert "The engine stopped: The others go on." in canvas.accessibleDescription()
    assert stored(readings_path) == ()
    assert is_predicted(window)  # the study's own answer stands
    engine.is_holding_regions = False
    draw(window, (60, 30), (75, 45))
    qtbot.waitUntil(lambda: len(stored(readings_path)) == 1)
    escape(qtbot, canvas)  # the second, then the first is drawn once more
    window.viewports.tools.annotation_tool.select(
        window.viewports.tools.annotations.of(canvas.view.image_uid)[0].annotation_id
    )
    escape(qtbot, canvas)
    draw(window)
    qtbot.waitUntil(lambda: len(stored(readings_path)) == 2)


def test_a_bug_in_the_region_network_is_no_end_of_the_reading(ask_in, engine, qtbot):
    engine.is_holding_regions = True
    window = ask_in()
    draw(window)
    with qtbot.captureExceptions() as bugs:
        engine.fail_region(RuntimeError("In the engine process: no such layer"))
        wait_for_prediction(qtbot, window)
    assert [str(bug[1]) for bug in bugs] == ["In the engine process: no such layer"]
    assert answers(window)[0].failure.title == "This spot could not be judged"


def test_an_answer_for_another_rectangle_is_not_shown(ask_in, engine, qtbot, readings_path):
    engine.is_holding_regions = True
    window = ask_in()
    canvas = draw(window)
    with qtbot.captureExceptions() as bugs:
        engine.finish_region(prediction=region_prediction(canvas.view, (0, 0, 5, 5)))
        wait_for_prediction(qtbot, window)
    assert len(bugs) == 1
    assert answers(window)[0].prediction is None
    assert stored(readings_path) == ()


def test_an_answer_that_comes_after_the_study_has_changed_is_dropped(
    ask_in, engine, qtbot, readings_path
):
    engine.is_holding_regions = True
    window = ask_in(count=2)
    draw(window)
    future, view, box = engine.regions[0]
    assert future.set_running_or_notify_cancel()  # the process is about to answer: too late
    window.worklist.step(1)
    future.set_result(region_prediction(view, box))
    qtbot.wait(50)
    assert answers(window) == []
    assert stored(readings_path) == ()
    assert "P(malignant)" not in told(window)
    assert "asking" not in told(window)
    window.worklist.step(-1)
    qtbot.waitUntil(lambda: are_images_shown(window))
    assert answers(window) == []
    drawings = window.viewports.tools.annotations.of(view.image_uid)
    assert [drawing.kind for drawing in drawings] == [REGION]  # it says that it has no answer
    window.viewports.grab()


def test_the_words_of_one_study_are_gone_with_it(ask_in, engine, qtbot):
    window = ask_in(count=2)
    draw(window)
    wait_for_prediction(qtbot, window)
    assert "P(malignant)" in told(window)
    window.worklist.step(1)
    assert "P(malignant)" not in told(window)
    assert answers(window) == []


def test_what_cannot_be_stored_is_shown_said_and_stored_with_the_next(
    ask_in, engine, qtbot, readings_path, monkeypatch
):
    window = ask_in()

    def refuse(*_arguments):
        raise StorageFailed("Readings cannot be saved", "The disk is full.")

    monkeypatch.setattr(ReadingStore, "record_regions", refuse)
    draw(window)
    wait_for_prediction(qtbot, window)
    assert window.banner.message.title == "What you drew is not kept yet"
    monkeypatch.undo()
    draw(window, (60, 30), (75, 45))
    qtbot.waitUntil(lambda: len(stored(readings_path)) == 2)


# ------------------------------------------------------------------------------------ the next day


def test_the_next_day_the_rectangles_hang_with_their_answers_and_nobody_is_asked(
    ask_in, make_window, write_studies, qtbot
):
    window = ask_in()
    draw(window)
    wait_for_prediction(qtbot, window)
    before = answers(window)
    assert window.close()
    tomorrow = FakeEngine()
    again = make_window(engine=tomorrow)
    open_and_wait(qtbot, again, write_studies(1))
    assert answers(again) == before
    assert tomorrow.regions == []
    assert "P(malignant)" in canvas_of(again).accessibleDescription()


def test_a_colleagues_rectangle_stays_his_and_bears_his_name(ask_in, engine, qtbot):
    window = ask_in()
    canvas = draw(window)
    wait_for_prediction(qtbot, window)
    sign(qtbot, window, "Dr. Y")
    window.assessment.reader.editingFinished.emit()
    click(canvas, spot(canvas, 20, 45))
    escape(qtbot, canvas)
    assert len(answers(window)) == 1


# ---------------------------------------------------------------------------------- reading modes


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (SECOND, "Spots can be asked about after your own category for each breast"),
        (BLIND, "Nothing is asked about spots in a blind audit"),
    ],
)
def test_before_the_reader_has_committed_nothing_is_asked_and_the_reason_is_told(
    ask_in, engine, qtbot, mode, reason
):
    window = ask_in(mode)
    canvas = canvas_of(window)
    press_s(qtbot, window, canvas)
    assert told(window) == reason
    window.viewports.tools.message.emit("")
    window.commands.trigger("tools.choose_region")
    assert told(window) == reason
    assert not window.viewports.tools.is_region_chosen
    assert not window.commands.action("tools.choose_region").isChecked()
    assert engine.regions == []
    assert window.viewports.tools.annotations.of(canvas.view.image_uid) == ()


def test_in_second_read_a_spot_is_asked_about_once_both_breasts_have_their_category(
    ask_in, engine, qtbot, readings_path
):
    window = ask_in(SECOND)
    enter(qtbot, window, R="2", L="1")
    assert phase(window) is Phase.AFTER
    draw(window)
    wait_for_prediction(qtbot, window)
    assert len(stored(readings_path)) == 1


def test_a_stricter_mode_takes_the_answers_away_and_drops_the_question(
    ask_in, engine, qtbot, readings_path
):
    window = ask_in()
    canvas = canvas_of(window)
    bare = canvas.grab().toImage()
    draw(window, (60, 30), (75, 45))
    wait_for_prediction(qtbot, window)
    engine.is_holding_regions = True
    draw(window)
    future = engine.regions[-1][0]
    window.commands.trigger("tools.choose_region")
    window.choose_mode(BLIND)
    assert window.session.regions == ()
    assert future.cancelled()
    assert not window.viewports.tools.is_region_chosen
    assert "P(malignant)" not in told(window)
    assert "P(malignant)" not in canvas.accessibleDescription()
    canvas.set_selected(True)
    hidden = canvas.grab().toImage()
    engine.is_holding_regions = False
    assert answers(window) == []
    assert window.output.summarise(True, True).regions == ()
    canvas.set_selected(window.viewports.selected == canvas.view.image_uid)
    assert hidden == bare
    assert len(stored(readings_path)) == 1


def test_the_session_asks_nothing_that_is_hidden_though_a_widget_forgot(
    ask_in, engine, readings_path, qtbot
):
    window = ask_in(BLIND)
    tools, canvas = window.viewports.tools, canvas_of(window)
    tools.annotation_tool.add_region(canvas, (30, 20, 60, 50))
    assert engine.regions == []
    assert window.session.regions == ()


def test_who_has_seen_a_spots_answer_has_seen_the_model(
    make_window, write_studies, engine, readings_path, qtbot
):
    """In concurrent reading, before the study itself was answered; then read "without"."""
    engine.is_holding = True
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    sign(qtbot, window)
    window.assessment.reader.editingFinished.emit()
    draw(window)
    wait_for_prediction(qtbot, window)
    window.choose_mode(SECOND)
    enter(qtbot, window, R="2")
    with ReadingStore(readings_path) as store:
        (reading,) = store.all()
    assert reading.revealed_at is not None
    assert reading.revealed_at < reading.recorded_at


# ----------------------------------------------------------------------------------- what goes out


def test_the_export_tells_the_spots_beside_the_reading_of_that_breast(
    ask_in, engine, qtbot, tmp_path
):
    window = ask_in()
    canvas = draw(window)
    draw(window, (60, 30), (75, 45))
    qtbot.waitUntil(lambda: len(answers(window)) == 2)
    wait_for_prediction(qtbot, window)
    escape(qtbot, canvas)  # what was seen was seen
    enter(qtbot, window, R="2", L="1")
    right, left = exported(window, tmp_path / "out.csv")
    assert left == ""
    first, second = json.loads(right)
    said = region_prediction(canvas.view, (30, 20, 60, 50))
    assert first["box"] == [30, 20, 60, 50]
    assert first["image_uid"] == canvas.view.image_uid
    assert first["p_malignant"] == said.malignancy
    assert first["probabilities"] == {str(grade): p for grade, p in said.probabilities.items()}
    assert (first["category"], first["confidence"]) == (said.category, said.confidence)
    assert first["model_sha256"] == said.model.sha256
    assert second["box"] == [30, 60, 45, 75]
    hashed = json.loads(exported(window, tmp_path / "hashed.csv", is_pseudonymised=True)[0])
    assert hashed[0]["image_uid"] != canvas.view.image_uid
    assert hashed[0]["p_malignant"] == said.malignancy


def test_the_export_of_a_hidden_study_tells_no_spot(ask_in, engine, qtbot, tmp_path):
    window = ask_in()
    draw(window)
    wait_for_prediction(qtbot, window)
    enter(qtbot, window, R="2", L="1")
    assert exported(window, tmp_path / "seen.csv")[0] != ""
    window.choose_mode(BLIND)
    assert exported(window, tmp_path / "hidden.csv") == ["", ""]


def test_the_printed_page_lists_the_spots_by_the_numbers_on_its_pictures(ask_in, engine, qtbot):
    window = ask_in()
    bare = window.output.summarise(True, True)
    assert bare.regions == ()
    canvas = draw(window)
    draw(window, (60, 30), (75, 45))
    qtbot.waitUntil(lambda: len(answers(window)) == 2)
    wait_for_prediction(qtbot, window)
    made = window.output.summarise(False, True)
    one, two, model = made.regions
    said = region_prediction(canvas.view, (30, 20, 60, 50))
    assert (one.about, two.about) == ("R CC 1", "R CC 2")
    assert one.text.startswith(
        f"P(malignant) {percent(said.malignancy)} · category {said.category}, confidence"
    )
    assert model.text == f"region, {said.model.sha256[:8]}"
    changed = [
        view.label
        for view, before in zip(made.views, bare.views, strict=True)
        if view.image != before.image
    ]
    assert changed == ["R CC"]
    escape(qtbot, canvas)
    assert [line.about for line in window.output.summarise(False, True).regions[:-1]] == ["R CC 1"]
