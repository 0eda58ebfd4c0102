"""On every screen all is read without scrolling, *Save* is in sight, and nothing moves under the
reader's hand, whatever the model predicts.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QLabel

from engine.domain import BreastPrediction, Laterality, OutOfScope, ReadingMode
from tests.viewer.fake_engine import MODELS, prediction_of, study_prediction
from tests.viewer.studies import STANDARD, make_study
from viewer.display import opinion
from viewer.display.paging import pages, shared_height
from viewer.panes.reading_pane import LOW, ReadingPane
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import localised
from viewer.shared.states import EngineState, EngineStatus, Phase, ReadingState

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CONCURRENT = ReadingState(ReadingMode.CONCURRENT, Phase.OPEN, ReadingMode.CONCURRENT)
BEFORE = ReadingState(ReadingMode.SECOND_READ, Phase.BEFORE, ReadingMode.SECOND_READ)
AFTER = ReadingState(ReadingMode.SECOND_READ, Phase.AFTER, ReadingMode.SECOND_READ)
READER = "Dr. Annegret Example-Schmidt"
# What the window leaves for the pane, as its docks are at the first start
SCREENS = {
    "960 x 540, a 1080 screen at 200 %": (336, 433),
    "1366 x 768": (348, 661),
    "1920 x 1080": (348, 973),
    "2048 x 2560, portrait": (348, 2453),
}
REFUSED = (
    "This is a magnification view, not a standard CC or MLO view.",
    "This is a breast with an implant, not a breast without one.",
    "This is a spot compression view, not a standard CC or MLO view.",
    "This is an ML view, not a standard CC or MLO view.",
    "This is an XCCL view, not a standard CC or MLO view.",
)
MIXED = make_study((*STANDARD, "R ML", "L XCCL", "R CC", "L MLO"), uid="8.8.8")
PHOTO = make_study(("? ?",), uid="7.7.7", notes=("No pixel spacing: lengths cannot be measured.",))


LOW_SCREENS = list(SCREENS)[:2]
CASES = [(screen, "en") for screen in SCREENS] + [(screen, "es") for screen in LOW_SCREENS]


@pytest.fixture(scope="module", autouse=True)
def program_style(qapp):
    """As `themed`, once for all: it costs more than a pane."""
    style, palette, font = qapp.style().objectName(), qapp.palette(), qapp.font()
    theme.apply(qapp)
    yield
    qapp.setStyleSheet("")
    qapp.setStyle(style)
    qapp.setPalette(palette)
    qapp.setFont(font)


@pytest.fixture(params=CASES, ids=[" in ".join(case) for case in CASES])
def pane(qtbot, request):
    screen, language = request.param
    if language == "es":
        request.getfixturevalue("spanish")
    pane = ReadingPane()
    qtbot.addWidget(pane)
    pane.resize(*SCREENS[screen])
    pane.prediction.show_engine(EngineStatus(EngineState.READY, "both", MODELS["both"]))
    pane.prediction.reserve_networks(True)
    pane.assessment.set_save_keys("Ctrl+Enter", "Ctrl+Shift+Enter")
    pane.assessment.set_reader(READER)
    pane.show()
    qtbot.waitExposed(pane)
    return pane


def settle():
    """Until the layouts that were asked for are made."""
    for _ in range(4):
        QApplication.processEvents()


def open_in(pane, study, reading=CONCURRENT, prediction=None):
    pane.prediction.show_study(study)
    pane.prediction.show_reading(reading)
    pane.assessment.show_study(study, datetime.now(UTC), (), reading)
    if prediction is not None:
        pane.prediction.show_prediction(prediction)
        pane.assessment.show_prediction(prediction)
    settle()


def all_judged(study):
    return study_prediction(study, "both")


def right_breast_alone(study=MIXED):
    """The standard views of the right breast are judged, of all others it is said why not."""
    answer = study_prediction(study, "both")
    model, others = MODELS["both"], (MODELS["hybrid"], MODELS["light"])

    def refused(reason):
        return OutOfScope(model, reason, tuple(OutOfScope(each, reason) for each in others))

    judged, silent = prediction_of("both", 4), (None, 1, None, 1, 3, 4, 0, 2)
    views = tuple(
        replace(view, prediction=judged if which is None else refused(REFUSED[which]))
        for view, which in zip(answer.views, silent, strict=True)
    )
    left = refused("No view of this breast can be judged.")
    breasts = (BreastPrediction(RIGHT, judged, ()), BreastPrediction(LEFT, left, ()))
    return replace(answer, views=views, breasts=breasts)


def no_mammogram(study=PHOTO):
    answer = study_prediction(study, "both")
    silent = OutOfScope(MODELS["both"], "It does not look like a mammogram.")
    views = tuple(replace(view, prediction=silent) for view in answer.views)
    return replace(answer, views=views, breasts=())


def is_whole(label):
    """Whether all of its text is seen where it stands."""
    flags = Qt.TextFlag.TextWordWrap if label.wordWrap() else Qt.TextFlag.TextSingleLine
    room = QRect(0, 0, label.width(), 0)
    needed = label.fontMetrics().boundingRect(room, flags, label.text())
    fits = needed.height() <= label.height() and needed.width() <= label.width()
    return fits and label.visibleRegion().boundingRect().height() >= needed.height()


def pages_of(pane):
    """Turns to each page, as the reader does."""
    pager = pane.prediction.pager
    for number in range(pager.page_count):
        if pager.page_count > 1:
            pager.tabs[number].click()
        settle()
        yield number


def read(pane):
    """All that the prediction's pages say; each label on them must be whole."""
    said = []
    for _ in pages_of(pane):
        for label in pane.prediction.findChildren(QLabel):
            if label.isVisible() and label.text():
                assert is_whole(label), label.text()
                said.append(label.text())
        for area in pane.prediction.findChildren(QAbstractScrollArea):
            assert area.verticalScrollBar().maximum() == 0
    return "\n".join(said)


def place(pane, widget):
    return QRect(widget.mapTo(pane, QPoint(0, 0)), widget.size())


def test_everything_is_read_without_scrolling_and_save_stays_in_sight(pane):
    for study, prediction in (
        (make_study(), all_judged(make_study())),
        (MIXED, right_breast_alone()),
        (PHOTO, no_mammogram()),
        (make_study(), None),
    ):
        for reading in (CONCURRENT, AFTER):
            open_in(pane, study, reading, prediction)
            read(pane)
            for label in pane.assessment.findChildren(QLabel):
                if label.isVisible() and label.text():
                    assert is_whole(label), label.text()
            for tab in pane.prediction.pager.tabs:
                if tab.isVisible():
                    name_width = tab.fontMetrics().horizontalAdvance(tab.text())
                    assert tab.visibleRegion().boundingRect().width() >= name_width, tab.text()
            save = pane.assessment.save_button
            assert save.visibleRegion().boundingRect().size() == save.size()
            assert pane.verticalScrollBar().maximum() == 0


def test_every_reason_of_a_refusal_is_there_to_be_read(pane):
    open_in(pane, MIXED, CONCURRENT, right_breast_alone())
    said = read(pane)
    for reason in REFUSED:
        assert said.count(localised(reason)) == 1
    assert f"L CC, L MLO: {tr('out of scope')}. {localised(REFUSED[1])}" in said
    open_in(pane, PHOTO, CONCURRENT, no_mammogram())
    assert pane.prediction.views.isVisible()  # at once, on the first page
    assert localised("It does not look like a mammogram.") in read(pane)


def test_the_form_stands_still_whatever_is_predicted_or_hidden(pane):
    open_in(pane, make_study())
    widgets = (pane.assessment.save_button, *pane.assessment.forms.values())
    before = [place(pane, widget) for widget in widgets]
    for study, prediction in ((MIXED, right_breast_alone()), (PHOTO, no_mammogram())):
        open_in(pane, study, CONCURRENT, prediction)
        assert [place(pane, widget) for widget in widgets] == before
    open_in(pane, make_study(), BEFORE)
    hidden = [place(pane, widget) for widget in widgets]
    open_in(pane, make_study(), AFTER, all_judged(make_study()))
    assert [place(pane, widget) for widget in widgets] == hidden


def test_the_readers_name_is_seen_whole(pane):
    name = pane.assessment.reader
    assert name.text() == READER
    assert name.fontMetrics().horizontalAdvance(READER) < name.width() - 8


def test_a_stated_prior_has_its_line_on_every_screen(pane):
    pane.prediction.show_prior(6.0)
    open_in(pane, make_study(), AFTER, all_judged(make_study()))
    assert opinion.shift_rule(6.0) in read(pane)


def test_where_there_is_room_all_stands_on_one_page_and_notes_grow(qtbot):
    pane = ReadingPane()
    qtbot.addWidget(pane)
    pane.resize(348, 973)
    open_in(pane, make_study(), CONCURRENT, study_prediction(make_study()))
    pane.show()
    qtbot.waitExposed(pane)
    assert pane.prediction.pager.page_count == 1
    note = pane.assessment.forms[RIGHT].note_box
    high = note.height()
    pane.resize(348, LOW - 1)
    settle()
    assert pane.prediction.pager.page_count > 1
    assert note.height() < high
    assert note.verticalScrollBar().maximum() == 0  # one line is whole


def test_a_page_is_turned_by_the_arrow_keys_and_the_next_study_begins_on_the_first(qtbot):
    pane = ReadingPane()
    qtbot.addWidget(pane)
    pane.resize(336, 433)
    pane.show()
    qtbot.waitExposed(pane)
    study, other = make_study(), make_study(uid="9.9.9")
    open_in(pane, study, CONCURRENT, study_prediction(study))
    tabs = pane.prediction.pager.tabs
    tabs[0].setFocus()
    qtbot.keyClick(tabs[0], Qt.Key.Key_Right)
    assert tabs[1].hasFocus()
    assert pane.prediction.bars.isVisible()
    pane.prediction.show_prediction(study_prediction(study))  # e.g. as its status changes
    assert pane.prediction.bars.isVisible()
    open_in(pane, other, CONCURRENT, study_prediction(other))
    assert pane.prediction.columns[RIGHT].isVisible()
    assert not pane.prediction.bars.isVisible()


# ------------------------------------------------------------------------------------ arithmetic


def test_blocks_are_parted_in_their_order_and_none_is_left_out():
    assert pages([50, 40, 30], 130, 4) == [[0, 1, 2]]
    assert pages([50, 40, 30], 100, 4) == [[0, 1], [2]]
    assert pages([50, 400, 30], 100, 4) == [[0], [1], [2]]
    assert pages([], 100, 4) == []


def test_the_form_gets_what_it_needs_before_anything_else():
    assert shared_height(500, form=300, least=400, most=800, history=110) == 200
    assert shared_height(200, form=300, least=400, most=800, history=110) == 0
    assert shared_height(1000, form=300, least=400, most=800, history=110) == 600
    assert shared_height(730, form=300, least=400, most=800, history=110) == 420
    assert shared_height(3000, form=300, least=400, most=800, history=110) == 800
