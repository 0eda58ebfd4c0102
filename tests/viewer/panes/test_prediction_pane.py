"""What the model says stands under the right side, in words that do not claim too much."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QLabel

from engine.domain import (
    BreastPrediction,
    FailedFile,
    Laterality,
    OutOfScope,
    Prediction,
    StudyPrediction,
    not_judged,
)
from engine.errors import EngineStopped, IncompatibleCheckpoint
from engine.messages import message
from tests.viewer.fake_engine import MODELS, prediction_of, study_prediction
from tests.viewer.studies import make_study
from viewer.display.opinion import percent
from viewer.panes.category_bars import GRADES, CategoryBars
from viewer.panes.prediction_pane import PredictionPane
from viewer.shared import theme
from viewer.shared.states import (
    EngineState,
    EngineStatus,
    OtherModelPrediction,
    StudyProgress,
    StudyState,
    StudyStatus,
)

STUDY = make_study()
RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
READY = EngineStatus(EngineState.READY, "hybrid", MODELS["hybrid"])


@pytest.fixture
def pane(qtbot):
    pane = PredictionPane()
    qtbot.addWidget(pane)
    pane.resize(340, 640)
    pane.show_engine(READY)
    pane.show_study(STUDY)
    return pane


def saying(right, left, study=STUDY, model="hybrid", confidence=0.71):
    answer = study_prediction(study, model)
    said = {
        side: prediction_of(model, category, confidence)
        for side, category in ((RIGHT, right), (LEFT, left))
    }
    breasts = tuple(BreastPrediction(side, word, ()) for side, word in said.items())
    views = tuple(
        replace(one, prediction=said.get(view.laterality, one.prediction))
        for one, view in zip(answer.views, study.views, strict=True)
    )
    return replace(answer, breasts=breasts, views=views)


def words(pane, side):
    column = pane.columns[side]
    labels = column.headline, column.confidence, column.suspicion, column.shifted, column.origin
    told = [label.text() for label in labels]
    return " ".join(filter(None, told)).replace("\n", " ")


def is_prediction_shown(pane):
    return pane.prediction is not None


def test_each_breast_has_its_category_meaning_and_confidence(pane):
    pane.show_prediction(saying(4, 2))
    assert words(pane, RIGHT) == (
        "Model category 4 (pattern like training grade 4) confidence 71 % P(4 or 5) 78 % "
        "from CC 4 and MLO 4"
    )
    assert words(pane, LEFT) == (
        "Model category 2 (pattern like training grade 2) confidence 71 % P(4 or 5) 15 % > 10 % "
        "from CC 2 and MLO 2"
    )


def test_a_category_is_a_training_grade_not_an_assessment(pane):
    for grade in GRADES:
        pane.show_prediction(saying(grade, grade, confidence=0.9))
        assert f"(pattern like training grade {grade})" in words(pane, RIGHT)
        for assessment in ("benign", "negative", "suspicious"):
            assert assessment not in words(pane, RIGHT)


def test_a_breast_whose_views_are_two_categories_apart_says_so_in_its_headline(pane):
    answer = saying(3, 3, confidence=0.9)
    apart = [prediction_of("hybrid", grade, 0.9) for grade in (1, 2, 3, 3)]  # R CC, L CC, R MLO …
    views = tuple(replace(v, prediction=p) for v, p in zip(answer.views, apart, strict=True))
    pane.show_prediction(replace(answer, views=views))
    assert words(pane, RIGHT).endswith("from CC 1 but MLO 3")
    assert words(pane, LEFT).endswith("from CC 2 and MLO 3")
    assert "mean of its 2 views (CC, MLO)" in pane.columns[RIGHT].toolTip()
    pane.show_prediction(None)
    assert pane.columns[RIGHT].toolTip() == ""


def test_a_category_that_the_model_lacks_is_not_offered_and_never_0_percent(pane):
    pane.show_prediction(saying(4, 1, model="light"))
    assert pane.bars.row_text(2) == "Category 2 not offered by this model"
    assert "Category 2 not offered by this model" in pane.bars.accessibleDescription()
    assert pane.bars.accessibleDescription().count("%") == 8  # four categories, two breasts
    pane.show_prediction(saying(4, 1, model="hybrid"))
    assert "not offered" not in pane.bars.accessibleDescription()


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.713, "71 %"), (0.004, "<1 %"), (0.999, ">99 %"), (0.0, "0 %"), (1.0, "100 %")],
)
def test_rounding_claims_neither_certainty_nor_impossibility(probability, text):
    assert percent(probability) == text


def test_views_stand_below_their_breast(pane):
    answer = study_prediction(STUDY)
    pane.show_prediction(answer)
    by_label = {
        view.label: answer.views[n].prediction.category for n, view in enumerate(STUDY.views)
    }
    lines = pane.views.breasts[RIGHT].text().splitlines()
    suspicion = {
        view.label: percent(answer.views[n].prediction.suspicion)
        for n, view in enumerate(STUDY.views)
    }
    assert lines == [
        f"{view}: {by_label[f'R {view}']} · P(4–5) {suspicion[f'R {view}']}"
        for view in ("CC", "MLO")
    ]


def test_out_of_scope_gives_its_reason_in_words(pane):
    answer = saying(4, 2)
    silent = OutOfScope(MODELS["hybrid"], "A magnification view.")
    breasts = (replace(answer.breasts[0], prediction=silent), answer.breasts[1])
    views = (replace(answer.views[0], prediction=silent), *answer.views[1:])
    pane.show_prediction(replace(answer, breasts=breasts, views=views))
    assert words(pane, RIGHT) == "Out of scope. A magnification view."
    assert "R CC: out of scope. A magnification view." in pane.views.text.splitlines()
    assert "right" not in pane.bars.row_text(1)
    assert "left" in pane.bars.row_text(1)


def test_a_view_that_could_not_be_decoded_is_named(pane):
    answer = saying(4, 2)
    cut = STUDY.views[1]
    failure = FailedFile(cut.path, "File is cut", "Copy it again.")
    views = tuple(view for view in answer.views if view.image_uid != cut.image_uid)
    pane.show_prediction(replace(answer, views=views, failures=(failure,)))
    assert "L CC: File is cut" in pane.views.text.splitlines()


def test_views_that_may_be_two_patients_give_no_breast_result(pane):
    study = replace(STUDY, is_joined=False)
    pane.show_study(study)
    pane.show_prediction(study_prediction(study))
    assert "not known to belong to one patient" in words(pane, RIGHT)
    assert pane.views.headline.text() == (
        "RIGHT, LEFT: Views only: they are not known to belong to one patient."
    )
    assert "CC:" in pane.views.breasts[RIGHT].text()


def test_a_view_of_unknown_side_stands_under_neither_breast(pane):
    study = make_study(("R CC", "? CC"))
    pane.show_study(study)
    pane.show_prediction(study_prediction(study))
    assert "SIDE NOT KNOWN\nCC:" in pane.views.text
    assert words(pane, LEFT) == "No image is known to be of it."
    assert pane.views.breasts[LEFT].text() == ""


def test_the_model_is_named_to_the_byte(pane):
    pane.show_prediction(saying(4, 2))
    assert pane.model.text() == "Hybrid (ResNet-50 + transformer) · 3fa9c2d1"


def test_the_pane_says_what_confidence_and_heat_map_are_not(pane):
    texts = [label.text() for label in pane.findChildren(type(pane.model))]
    assert any("enriched archive cases, not on a screening population" in text for text in texts)
    assert any("Model attention, not a lesion outline" in text for text in texts)


@pytest.mark.parametrize(
    ("engine", "status", "text"),
    [
        (EngineStatus(EngineState.STARTING, "hybrid"), StudyState.QUEUED, "engine is starting"),
        (READY, StudyState.RUNNING, "at work on this study"),
        (READY, StudyState.QUEUED, "next in the queue"),
        (READY, StudyState.IDLE, "not asked"),
    ],
)
def test_waiting_is_told_in_words(pane, engine, status, text):
    pane.show_engine(engine)
    pane.show_status(StudyStatus(status))
    assert text in pane.waiting.text()
    assert not is_prediction_shown(pane)


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (StudyProgress(1, 4, None), "view 1 of 4 …"),
        (StudyProgress(2, 4, 5.7), "view 2 of 4, some 6 s to go …"),
        (StudyProgress(4, 4, 0.2), "view 4 of 4, some 1 s to go …"),
    ],
)
def test_work_tells_the_view_it_is_at_and_the_time_it_may_take(pane, progress, text):
    pane.show_status(StudyStatus(StudyState.RUNNING, progress=progress))
    assert text in pane.waiting.text()


def test_the_breast_that_is_done_is_told_while_the_other_is_still_being_judged(pane, qtbot):
    pane.show()
    pane.show_status(StudyStatus(StudyState.RUNNING, progress=StudyProgress(3, 4, 2.0)))
    whole = saying(4, 2)
    right = [view.image_uid for view in STUDY.views if view.laterality is RIGHT]
    views = tuple(view for view in whole.views if view.image_uid in right)
    pane.show_part(replace(whole, breasts=whole.breasts[:1], views=views))
    told, places = words(pane, RIGHT), [column.geometry() for column in pane.columns.values()]
    assert told.startswith("Model category 4")
    assert words(pane, LEFT) == "Still being judged: view 3 of 4 …"
    assert pane.views.text.splitlines() == pane.views.breasts[RIGHT].text().splitlines()
    assert not is_prediction_shown(pane)  # nothing that goes on to paper or a file
    pane.show_prediction(whole)
    assert words(pane, RIGHT) == told
    assert words(pane, LEFT).startswith("Model category 2")
    assert [column.geometry() for column in pane.columns.values()] == places
    pane.show_prediction(None)
    assert words(pane, RIGHT) == ""


def test_a_part_that_was_given_up_is_taken_away(pane):
    pane.show_part(saying(4, 2))
    pane.show_status(StudyStatus(StudyState.FAILED, EngineStopped("The engine stopped", "Go on.")))
    pane.show_part(None)
    assert pane.waiting.text() == "The engine stopped\nGo on."
    assert words(pane, RIGHT) == ""
    with pytest.raises(ValueError, match="another study"):
        pane.show_part(replace(saying(4, 2), study_uid="9.9"))


def test_a_failed_study_gives_title_and_advice(pane):
    pane.show_status(StudyStatus(StudyState.FAILED, EngineStopped("The engine stopped", "Go on.")))
    assert pane.waiting.text() == "The engine stopped\nGo on."
    assert pane.retry_button.isHidden()


def test_an_engine_that_cannot_start_can_be_tried_again(pane, qtbot):
    failure = IncompatibleCheckpoint("Checkpoint is missing", "Install it again.")
    pane.show_engine(EngineStatus(EngineState.FAILED, "hybrid", failure=failure))
    assert "Checkpoint is missing" in pane.waiting.text()
    assert not pane.retry_button.isHidden()
    with qtbot.waitSignal(pane.retry_requested):
        qtbot.mouseClick(pane.retry_button, Qt.MouseButton.LeftButton)


def test_another_study_takes_the_answer_away_and_another_studys_answer_is_refused(pane):
    pane.show_prediction(saying(4, 2))
    other = make_study(uid="9.9.9")
    pane.show_study(other)
    assert not is_prediction_shown(pane)
    with pytest.raises(ValueError, match="another study"):
        pane.show_prediction(saying(4, 2))
    assert not is_prediction_shown(pane)
    pane.show_study(None)
    assert pane.waiting.text() == "No study is open."


def test_the_overlay_is_told_with_its_opacity(pane, qtbot):
    pane.set_overlay(False, 0.5)
    with qtbot.waitSignal(pane.overlay_changed) as changed:
        pane.toggle_overlay()
    assert changed.args == [True, 0.5]
    with qtbot.waitSignal(pane.overlay_changed) as changed:
        pane.set_overlay(True, 0.25)
    assert changed.args == [True, 0.25]


def test_the_prediction_asks_for_no_more_height_than_the_waiting_did(pane):
    before = pane.heights(348)
    for prediction in (saying(5, 3), of_none(), None):
        pane.show_prediction(prediction)
        assert pane.heights(348) == before


LIGHT = EngineStatus(EngineState.READY, "light", MODELS["light"])
MISSING = IncompatibleCheckpoint("Checkpoint is missing", "Install it <b>again</b>.")


def by_other(prediction=None, state=StudyState.DONE, engine=LIGHT, failure=None, study=STUDY):
    return OtherModelPrediction(study.uid, engine, StudyStatus(state, failure), prediction)


def test_the_other_model_has_no_line_unless_both_are_asked(pane, qtbot):
    pane.show()
    qtbot.waitExposed(pane)
    assert pane.other.isHidden()
    without = pane.heights(348)
    with qtbot.waitSignal(pane.room_changed):
        pane.reserve_other(True)
    assert not pane.other.isHidden()
    assert pane.heights(348) > without
    pane.reserve_other(False)
    assert pane.other.isHidden()
    assert pane.heights(348) == without


def test_the_other_models_word_names_it_and_gives_each_breast(pane):
    pane.show_other(by_other(saying(3, 4, model="light", confidence=0.45)))
    assert pane.other.text == "Lightweight CNN: R 3 · 45 %, L 4 · 45 %"
    assert pane.other.accessibleName() == "The other model"
    assert pane.other.accessibleDescription() == pane.other.text
    assert "Lightweight CNN · b07e55aa" in pane.other.toolTip()
    assert not is_prediction_shown(pane)  # the chosen model has said nothing yet


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (by_other(state=StudyState.QUEUED), "Lightweight CNN is asked next …"),
        (by_other(state=StudyState.RUNNING), "Lightweight CNN is at work …"),
        (
            by_other(
                state=StudyState.QUEUED, engine=EngineStatus(EngineState.STARTING, "light", None)
            ),
            "Lightweight CNN is starting …",
        ),
        (
            by_other(state=StudyState.FAILED, failure=EngineStopped("The engine stopped", "Go on")),
            "Lightweight CNN failed. The engine stopped",
        ),
        (
            by_other(
                state=StudyState.IDLE,
                engine=EngineStatus(EngineState.FAILED, "light", failure=MISSING),
            ),
            "Lightweight CNN failed. Checkpoint is missing",
        ),
        (None, ""),
    ],
)
def test_the_other_models_silence_is_explained_in_its_line(pane, answer, text):
    pane.show_other(answer)
    assert pane.other.text == text
    assert "<b>" not in pane.other.toolTip()


def test_a_breast_that_the_other_model_may_not_judge_is_out_of_scope_with_the_reason_at_hand(pane):
    answer = saying(3, 4, model="light", confidence=0.45)
    silent = OutOfScope(MODELS["light"], "A <magnification> view.")
    breasts = (replace(answer.breasts[0], prediction=silent), answer.breasts[1])
    pane.show_other(by_other(replace(answer, breasts=breasts)))
    assert pane.other.text == "Lightweight CNN: R out of scope, L 4 · 45 %"
    assert "A &lt;magnification&gt; view." in pane.other.toolTip()


def test_views_that_make_no_breast_get_no_number_of_the_other_model(pane):
    study = replace(STUDY, is_joined=False)
    pane.show_study(study)
    answer = study_prediction(study, "light")
    pane.show_other(by_other(answer, study=study))
    assert pane.other.text == "Lightweight CNN: views only; choose it to see them."
    silent = OutOfScope(MODELS["light"], "A magnification view.")
    views = tuple(replace(view, prediction=silent) for view in answer.views)
    pane.show_other(by_other(replace(answer, views=views), StudyState.OUT_OF_SCOPE, study=study))
    assert pane.other.text == "Lightweight CNN: out of scope"


def test_another_study_takes_the_other_models_word_away_too(pane):
    pane.show_other(by_other(saying(3, 4, model="light")))
    other = make_study(uid="9.9.9")
    pane.show_study(other)
    assert pane.other.text == ""
    with pytest.raises(ValueError, match="another study"):
        pane.show_other(by_other(saying(3, 4, model="light")))
    assert pane.other.text == ""


@pytest.mark.parametrize("width", [300, 348, 500])
@pytest.mark.parametrize("reason", ["", "A magnification view."])
def test_the_other_models_words_stand_below_the_breast_that_they_are_of(pane, qtbot, width, reason):
    pane.resize(width, 700)
    pane.reserve_other(True)
    pane.show()
    qtbot.waitExposed(pane)
    said = saying(3, 5, model="light", confidence=0.999)
    silent = OutOfScope(MODELS["light"], reason)
    if reason:
        said = replace(said, breasts=(replace(said.breasts[0], prediction=silent), said.breasts[1]))
    pane.show_prediction(saying(3, 5))
    pane.show_other(by_other(said))
    qtbot.wait(10)
    for side in (RIGHT, LEFT):
        words, above = pane.other.breasts[side], pane.columns[side]
        assert words.mapTo(pane, QPoint(0, 0)).x() == above.mapTo(pane, QPoint(0, 0)).x()


@pytest.mark.parametrize("width", [300, 348, 500])
def test_the_other_models_line_is_whole_and_never_changes_its_height(pane, qtbot, width):
    pane.resize(width, 700)
    pane.reserve_other(True)
    pane.show()
    qtbot.waitExposed(pane)
    hybrid = EngineStatus(EngineState.READY, "hybrid", MODELS["hybrid"])
    broken = EngineStatus(EngineState.FAILED, "hybrid", failure=MISSING)
    silent = OutOfScope(MODELS["hybrid"], "A magnification view.")
    said = saying(4, 5, confidence=0.999)
    out = replace(said, breasts=tuple(replace(b, prediction=silent) for b in said.breasts))
    qtbot.wait(10)
    place = pane.other.geometry()
    for answer in (
        None,
        by_other(said, engine=hybrid),
        by_other(out, engine=hybrid),
        by_other(replace(said, breasts=()), engine=hybrid),
        by_other(state=StudyState.RUNNING, engine=hybrid),
        by_other(state=StudyState.IDLE, engine=broken),
    ):
        pane.show_other(answer)
        qtbot.wait(10)
        assert pane.other.geometry() == place
        for label in pane.other.findChildren(QLabel):
            if label.isVisible() and label.text():
                needed = label.fontMetrics().boundingRect(
                    QRect(0, 0, label.width(), 0), Qt.TextFlag.TextWordWrap, label.text()
                )
                assert needed.height() <= label.height(), label.text()
                assert needed.width() <= label.width(), label.text()
                assert label.geometry().bottom() < pane.other.height()


def colour_runs(image, y, colour):
    """x of the pixels of that colour in a row."""
    return [x for x in range(image.width()) if image.pixelColor(x, y) == colour]


def test_bars_grow_from_the_middle_to_the_side_they_hang_on(qtbot):
    bars = CategoryBars()
    qtbot.addWidget(bars)
    bars.resize(320, bars.sizeHint().height())
    said = {RIGHT: prediction_of("hybrid", 4, 0.8), LEFT: prediction_of("hybrid", 2, 0.4)}
    bars.show_predictions(said, (1, 2, 3, 4, 5))
    image = bars.grab().toImage()
    of_four = colour_runs(image, 3 * bars.row_height + 9, theme.ACCENT)
    of_two = colour_runs(image, 1 * bars.row_height + 9, theme.ACCENT)
    assert max(of_four) < 160 < min(of_two)
    room = 320 // 2 - bars.middle_width // 2 - bars.percent_width - bars.GAP
    assert len(of_four) == pytest.approx(0.8 * room, abs=1)
    assert len(of_two) == pytest.approx(0.4 * room, abs=1)


@pytest.mark.parametrize("width", [300, 320, 500])
def test_no_number_is_clipped_in_a_narrow_pane(qtbot, width):
    bars = CategoryBars()
    qtbot.addWidget(bars)
    small = QFontMetrics(theme.font(theme.SMALL_TEXT_PX, bold=True))
    for text in ("100 %", ">99 %", "<1 %"):
        assert small.horizontalAdvance(text) <= bars.percent_width
    text = QFontMetrics(theme.font(theme.SMALL_TEXT_PX))
    assert text.horizontalAdvance("2  not offered by this model") <= width
    # a certain bar ends before its number begins
    bars.resize(width, bars.sizeHint().height())
    certain = Prediction(MODELS["hybrid"], {grade: float(grade == 5) for grade in GRADES})
    bars.show_predictions({RIGHT: certain, LEFT: certain}, GRADES)
    image = bars.grab(QRect(0, 4 * bars.row_height, width, bars.row_height)).toImage()
    accent = colour_runs(image, 9, theme.ACCENT)
    assert min(accent) >= bars.percent_width
    assert max(accent) < width - bars.percent_width


def test_nothing_from_a_file_is_read_as_markup(pane):
    study = replace(STUDY, is_joined=True)
    silent = OutOfScope(MODELS["hybrid"], "<b>bold</b>")
    answer = study_prediction(study)
    pane.show_prediction(
        StudyPrediction(
            study.uid,
            MODELS["hybrid"],
            tuple(replace(view, prediction=silent) for view in answer.views),
            tuple(replace(breast, prediction=silent) for breast in answer.breasts),
        )
    )
    assert pane.columns[RIGHT].headline.textFormat() == Qt.TextFormat.PlainText
    for label in (pane.views.headline, *pane.views.breasts.values(), *pane.views.remarks):
        assert label.textFormat() == Qt.TextFormat.PlainText


def both_saying(hybrid, light):
    """The ensemble's word on the study, whose networks say these categories of everything."""
    answer = study_prediction(STUDY, "both")
    others = prediction_of("hybrid", hybrid), prediction_of("light", light)

    def alone(part):
        return replace(part, prediction=replace(part.prediction, others=others))

    return replace(
        answer,
        views=tuple(map(alone, answer.views)),
        breasts=tuple(map(alone, answer.breasts)),
    )


BOTH = EngineStatus(EngineState.READY, "both", MODELS["both"])


def test_networks_that_differ_say_on_what_and_those_that_agree_say_so(pane):
    pane.show_engine(BOTH)
    pane.reserve_networks(True)
    pane.show_prediction(both_saying(2, 4))
    assert pane.other.text == (
        "Hybrid 2 · P(4–5) 20 %; Light 4 · P(4–5) 73 %; differ: breast, CC, MLO, "
        "Hybrid 2 · P(4–5) 20 %; Light 4 · P(4–5) 73 %; differ: breast, CC, MLO"
    )
    assert "3fa9c2d1" in pane.other.toolTip()
    assert "b07e55aa" in pane.other.toolTip()
    pane.show_prediction(both_saying(4, 4))
    assert "differ" not in pane.other.text
    assert pane.other.text.count("the same categories") == 2
    pane.show_other(None)  # nobody is asked beside them
    assert "Hybrid 4" in pane.other.text
    pane.show_prediction(None)
    assert pane.other.text == ""
    assert pane.other.toolTip() == ""


@pytest.mark.parametrize("width", [330, 348, 500])
def test_what_each_network_says_is_whole_and_never_changes_its_height(pane, qtbot, width):
    pane.resize(width, 900)
    pane.show_engine(BOTH)
    pane.reserve_networks(True)
    pane.show()
    qtbot.waitExposed(pane)
    qtbot.wait(10)
    place = pane.other.geometry()
    for prediction in (None, both_saying(2, 4), both_saying(4, 4)):
        pane.show_prediction(prediction)
        qtbot.wait(10)
        assert pane.other.geometry() == place
        for label in pane.other.findChildren(QLabel):
            if label.isVisible() and label.text():
                assert label.sizeHint().width() <= label.width() or label.wordWrap()
                assert label.heightForWidth(label.width()) <= label.height(), label.text()


NOTES = ("A breast implant is present.", "One of 5 frames is shown.")
REASON = message("A magnification view.")


def test_what_is_known_of_an_image_stands_with_what_the_model_says_of_it(pane):
    view = replace(STUDY.views[0], notes=(*NOTES, not_judged(REASON)), out_of_scope=REASON)
    study = replace(STUDY, views=(view, *STUDY.views[1:]))
    pane.show_study(study)
    pane.show_prediction(saying(2, 2, study))
    remarks = [label.text() for label in pane.views.shown_remarks]
    assert remarks == [f"R CC: {note}" for note in NOTES]  # why it is not judged is said elsewhere


def of_none(reason="It does not look like a mammogram."):
    silent = OutOfScope(MODELS["hybrid"], reason)
    answer = study_prediction(STUDY)
    return replace(
        answer,
        views=tuple(replace(view, prediction=silent) for view in answer.views),
        breasts=tuple(BreastPrediction(side, silent, ()) for side in (RIGHT, LEFT)),
    )


def test_a_reason_is_said_once_for_all_views_that_it_is_true_of(pane):
    pane.show_prediction(of_none())
    assert pane.views.text.splitlines() == [
        "Out of scope.",
        "R CC, L CC, R MLO, L MLO: out of scope. It does not look like a mammogram.",
    ]


def test_a_refused_breast_gives_its_views_own_reason_where_they_have_the_same(pane):
    answer = saying(4, 2)
    implant = OutOfScope(MODELS["hybrid"], "This is a breast with an implant.")
    general = OutOfScope(MODELS["hybrid"], "No view of this breast can be judged.")
    views = [replace(v, prediction=implant) if n % 2 else v for n, v in enumerate(answer.views)]
    breasts = (answer.breasts[0], replace(answer.breasts[1], prediction=general))
    pane.show_prediction(replace(answer, views=tuple(views), breasts=breasts))
    assert words(pane, LEFT) == "Out of scope. This is a breast with an implant."
    other = OutOfScope(MODELS["hybrid"], "This is an ML view.")
    views[1] = replace(views[1], prediction=other)
    pane.show_prediction(replace(answer, views=tuple(views), breasts=breasts))
    assert words(pane, LEFT) == "Out of scope. No view of this breast can be judged."


def test_where_no_breast_has_a_category_no_bars_are_shown_and_nothing_below_moves(pane, qtbot):
    pane.show()
    pane.show_prediction(saying(2, 3))
    QApplication.processEvents()
    below = pane.overlay_button.mapTo(pane, QPoint(0, 0))
    pane.show_prediction(of_none())
    QApplication.processEvents()
    assert pane.bars.isHidden()
    assert pane.overlay_button.mapTo(pane, QPoint(0, 0)) == below
    pane.show_prediction(saying(2, 3))
    assert pane.bars.isVisible()
    QApplication.processEvents()
    assert pane.overlay_button.mapTo(pane, QPoint(0, 0)) == below
