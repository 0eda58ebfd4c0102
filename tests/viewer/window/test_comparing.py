"""A reader compares with the prior: it is the same patient's, it says so, and it delays nothing."""

import threading

import pydicom
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest

from engine.dicom.loading import load_pixels
from engine.domain import AnnotationKind, ReadingMode
from engine.records.store import ReadingStore
from tests.phantom import breast, stored_values, write_mammogram, write_study
from tests.viewer.driver import are_images_shown, choose, is_predicted, open_current, sign
from tests.viewer.fake_engine import Oracle, alarmed, silent, study_prediction
from viewer.display.orientation import Orientation
from viewer.display.reading_steps import DEFAULT_PROTOCOL, StepKind
from viewer.display.shown_image import ImageState
from viewer.output.pictures import file_name
from viewer.panes.header_browser import HeaderBrowser
from viewer.panes.steps_dialog import StepsDialog
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions
from viewer.window.settings import Settings


def shown(window):
    return [canvas for canvas in window.viewports.findChildren(Canvas) if canvas.isVisible()]


def years(window, are_priors=True):
    views = [c.view for c in shown(window) if (c.prior is not None) is are_priors]
    return {view.acquired[:4] for view in views}


def test_one_key_after_the_other_leads_from_the_overview_to_the_prior(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    assert years(window, False) == {"2024"}
    assert years(window) == set()
    for _ in range(60):
        qtbot.keyClick(window, Qt.Key.Key_N)
    assert (years(window, False), years(window)) == ({"2024"}, {"2022"})
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert years(window) == {"2019"}
    qtbot.waitUntil(lambda: all(c.state is ImageState.SHOWN for c in shown(window)), timeout=20_000)
    assert {c.view.patient_id for c in shown(window)} == {"A-1"}


def test_the_priors_date_is_whole_on_the_smallest_view(window, annas_studies, qtbot):
    window.resize(960, 540)
    open_current(qtbot, window, annas_studies)
    qtbot.keyClick(window, Qt.Key.Key_O)
    priors = [canvas for canvas in shown(window) if canvas.prior]
    for canvas in priors:
        lines = canvas.text.lines_above(canvas.rect())
        (dated,) = [line for line in lines if line.text == "2022-03-02"]
        assert QFontMetrics(dated.font).horizontalAdvance(dated.text) <= canvas.width() - 16


def test_a_namesake_has_priors_of_nobody_else(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    other = next(s for s in window.session.studies.values() if s.patient_id == "B-2")
    window.worklist.select(other.uid)
    assert window.session.images.priors == ()
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert {c.view.patient_id for c in shown(window)} == {"B-2"}


def test_what_is_read_and_said_beside_a_prior_is_of_the_current_study(
    window, annas_studies, readings_path, qtbot
):
    open_current(qtbot, window, annas_studies)
    current = window.session.current_study
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    qtbot.keyClick(window, Qt.Key.Key_O)
    below = next(canvas for canvas in shown(window) if canvas.prior)
    QTest.mouseClick(below, Qt.MouseButton.LeftButton)  # the prior is the selected view
    assert window.viewports.selected == below.view.image_uid
    assert window.statusBar().currentMessage().startswith("PRIOR 2022-03-02 R CC")
    qtbot.waitUntil(lambda: window.session.inference.progress == (4, 4), timeout=10_000)
    said = {breast.laterality: breast.prediction for breast in study_prediction(current).breasts}
    for told in window.session.prediction(current.uid).breasts:
        assert told.prediction == said[told.laterality]
    sign(qtbot, window)
    for side in said:
        choose(qtbot, window, side, "2")
    window.assessment.save()
    with ReadingStore(readings_path) as store:
        assert {reading.study_uid for reading in store.all()} == {current.uid}
        assert {reading.image_uids for reading in store.all()} <= {
            tuple(v.image_uid for v in current.views if v.laterality is side) for side in said
        }
    assert not any(canvas.has_heat for canvas in shown(window) if canvas.prior)


def test_beside_a_prior_nothing_hidden_shows(make_window, annas_studies, qtbot):
    """Whole pages of two windows whose models contradict each other, about the prior too."""
    looks = []
    for says in (alarmed, silent):
        window = make_window(mode=ReadingMode.BLIND_AUDIT, engine=Oracle(says))
        window.prediction.set_overlay(True, 1.0)
        open_current(qtbot, window, annas_studies)
        window.session.inference.start()
        qtbot.waitUntil(lambda w=window: w.session.inference.progress == (4, 4), timeout=20_000)
        window.viewports.next_prior()
        assert len(shown(window)) == 8
        looks.append(
            (
                [canvas.grab().toImage() for canvas in shown(window)],
                [canvas.accessibleDescription() for canvas in shown(window)],
                window.statusBar().currentMessage(),
            )
        )
    assert looks[0] == looks[1]


def test_the_current_images_are_decoded_before_the_priors(
    make_session, annas_studies, qtbot, monkeypatch
):
    order, lock = [], threading.Lock()

    def noted_load_pixels(view, urgency):
        with lock:
            order.append(view.acquired[:4])
        return load_pixels(view)

    monkeypatch.setattr("viewer.session.images.load_pixels", noted_load_pixels)
    session = make_session()
    thumbnails = []
    session.images.thumbnail_made.connect(lambda uid, _: thumbnails.append(uid))
    with qtbot.waitSignal(session.catalogue_opened, timeout=10_000) as opened:
        session.open([annas_studies])
    studies = {study.study_date.year: study for study in opened.args[0].studies}
    qtbot.waitUntil(lambda: len(thumbnails) == 4)
    order.clear()
    session.select_study(studies[2024].uid, studies[2021].uid)
    qtbot.waitUntil(lambda: len(order) == 12, timeout=10_000)
    assert order == ["2024"] * 4 + ["2022"] * 4 + ["2021"] * 4


def test_a_prior_of_another_choice_is_told_and_only_while_it_hangs(
    make_session, annas_studies, qtbot
):
    session = make_session()
    told = []
    session.images.loaded.connect(lambda study_uid, *_: told.append(study_uid))
    with qtbot.waitSignal(session.catalogue_opened, timeout=10_000) as opened:
        session.open([annas_studies])
    studies = {study.study_date.year: study for study in opened.args[0].studies}
    session.select_study(studies[2024].uid)
    assert [prior.study.study_date.year for prior in session.images.priors] == [2022, 2019]
    qtbot.waitUntil(lambda: len(told) == 8)
    assert session.images.cache.pinned == {studies[2024].uid, studies[2022].uid}
    told.clear()
    session.images.show_prior(studies[2019].uid)
    qtbot.waitUntil(lambda: told.count(studies[2019].uid) == 4)
    assert session.images.is_hung(studies[2019].uid)
    assert not session.images.is_hung(studies[2022].uid)
    session.select_study(studies[2019].uid)
    assert session.images.priors == ()
    assert not session.images.is_hung(studies[2024].uid)


def test_a_prior_that_cannot_be_decoded_says_so_in_its_own_cell(window, annas_studies, qtbot):
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        path = annas_studies / "2" / "LCC.dcm"
        window.open([annas_studies])
        window.session.catalogue_opened.connect(
            lambda _: path.write_bytes(path.read_bytes()[:-3000])
        )
    qtbot.waitUntil(lambda: len(list(window.viewports.every_canvas)) == 8)

    def failed():
        return [c for c in window.viewports.every_canvas if c.state is ImageState.FAILED]

    qtbot.waitUntil(lambda: failed() != [], timeout=20_000)
    assert [(c.view.label, c.prior is not None) for c in failed()] == [("L CC", True)]


def test_two_patients_in_one_folder_are_never_on_one_screen(window, tmp_path, qtbot):
    """Even under one Study Instance UID and one name."""
    for patient_id, views in (("A-1", ("CC",)), ("B-2", ("MLO",))):
        for side in "RL":
            for view in views:
                write_mammogram(
                    tmp_path / "mixed" / f"{side}{view}.dcm",
                    laterality=side,
                    view=view,
                    patient_id=patient_id,
                    patient_name="Example^Anna",
                    study_uid="1.2.3",
                    study_date="20240302" if patient_id == "A-1" else "20220302",
                )
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000) as opened:
        window.open([tmp_path / "mixed"])
    assert any("kept apart" in note for note in opened.args[0].notes)
    for study in opened.args[0].studies:
        window.worklist.select(study.uid)
        for _ in range(12):
            assert {c.view.patient_id for c in shown(window)} == {study.patient_id}
            qtbot.keyClick(window, Qt.Key.Key_N)
            qtbot.keyClick(window, Qt.Key.Key_O)


def test_an_image_whose_pixels_lie_as_of_the_other_breast_asks_to_check_its_side(
    window, tmp_path, qtbot
):
    def orientation(dataset):
        dataset.PatientOrientation = ["P", "L"]

    folder = write_study(tmp_path / "study", views=(("R", "MLO"), ("L", "MLO"), ("L", "CC")))
    drawn = stored_values(breast("L", "CC"))
    write_mammogram(folder / "x.dcm", values=drawn, study_uid=uid_in(folder), edit=orientation)
    window.open([folder])
    qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)
    canvas = next(c for c in shown(window) if c.view.label == "R CC")
    words = [text for text, _ in canvas.text.top_lines()]
    assert words[-3:] == ["⇄ mirrored for display", "check side", "chest wall not as tagged"]
    assert [c.view.label for c in shown(window) if c.image.side_warnings] == ["R CC"]


def uid_in(folder):
    return pydicom.dcmread(folder / "RMLO.dcm", stop_before_pixels=True).StudyInstanceUID


# ------------------------------------------------------------------------------ the reader's steps


def test_each_reader_has_steps_of_their_own_that_are_kept(
    make_window, annas_studies, tmp_path, qtbot
):
    window = make_window()
    sign(qtbot, window, "Dr. X")
    window.assessment.reader.editingFinished.emit()
    dialog = chosen_steps(qtbot, window)
    dialog.steps.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert window.viewports.protocol == DEFAULT_PROTOCOL[1:]
    sign(qtbot, window, "Dr. Y")
    window.assessment.reader.editingFinished.emit()
    assert window.viewports.protocol == DEFAULT_PROTOCOL
    sign(qtbot, window, "Dr. X")
    window.assessment.reader.editingFinished.emit()
    assert window.viewports.protocol == DEFAULT_PROTOCOL[1:]
    assert window.close()
    again = make_window()
    assert again.viewports.protocol == DEFAULT_PROTOCOL[1:]
    open_current(qtbot, again, annas_studies)
    assert [canvas.view.label for canvas in shown(again)] == ["R CC", "L CC"]


def chosen_steps(qtbot, window):
    window.commands.trigger("steps")
    return window.findChild(StepsDialog)


def test_steps_are_moved_and_given_back_and_the_last_one_cannot_be_taken_away(qtbot):
    dialog = StepsDialog([StepKind.CC, StepKind.MLO])
    qtbot.addWidget(dialog)
    told = []
    dialog.protocol_changed.connect(told.append)
    dialog.down_button.click()
    assert told == [(StepKind.MLO, StepKind.CC)]
    for row in (0, 1):
        dialog.steps.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert told[1:] == [(StepKind.CC,)]
    dialog.default_button.click()
    assert told[-1] == DEFAULT_PROTOCOL
    assert dialog.protocol == DEFAULT_PROTOCOL


def test_steps_edited_into_nonsense_are_the_default(tmp_path):
    path = tmp_path / "settings.ini"
    path.write_text("[steps]\nanybody=SIDEWAYS, 7\n")
    assert Settings(path).protocol("Dr. X") == DEFAULT_PROTOCOL
    settings = Settings(tmp_path / "kept.ini")
    settings.set_protocol("Dr. Ñandú, MD", [StepKind.MLO])
    settings.set_protocol("", [StepKind.CC, StepKind.ACTUAL])
    settings.save()
    again = Settings(tmp_path / "kept.ini")
    assert again.protocol("dr. ñandú, md ") == (StepKind.MLO,)
    assert again.protocol("Dr. New") == (StepKind.CC, StepKind.ACTUAL)  # the common ones


# ------------------------------------------------------------------------------- tools on a prior


def show_prior(qtbot, window):
    """One of the prior's views, selected."""
    qtbot.keyClick(window, Qt.Key.Key_O)
    qtbot.waitUntil(lambda: all(c.state is ImageState.SHOWN for c in shown(window)), timeout=20_000)
    prior = next(canvas for canvas in shown(window) if canvas.prior)
    window.viewports.select(prior.view.image_uid)
    return prior


def test_a_drawing_goes_onto_the_current_study_and_never_onto_a_prior(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    prior = show_prior(qtbot, window)
    current = next(c for c in shown(window) if not c.prior and c.view.label == prior.view.label)
    annotated = []
    window.viewports.tools.annotated.connect(annotated.append)
    for canvas in (prior, current):
        window.viewports.tools.annotation_tool.cancel()
        window.viewports.tools.annotation_tool.choose(AnnotationKind.RULER)
        middle = canvas.rect().center()
        qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
        qtbot.mouseMove(canvas, middle + QPoint(20, 20))
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(20, 20))
    assert [drawn.image_uid for drawn in annotated] == [current.view.image_uid]
    assert annotated[0].study_uid == window.session.current_study.uid


def test_a_tool_outlives_the_prior_that_it_was_used_on(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    show_prior(qtbot, window)
    tools = window.viewports.tools
    tools.magnify(1)
    tools.tour(1)
    tools.tour(1)
    qtbot.keyClick(window, Qt.Key.Key_O)
    if years(window) != {"2019"}:
        qtbot.keyClick(window, Qt.Key.Key_O)
    assert years(window) == {"2019"}
    qtbot.waitUntil(lambda: all(c.state is ImageState.SHOWN for c in shown(window)), timeout=20_000)
    tools.toggle_local_contrast()
    tools.annotation_tool.update()
    tools.turn(Orientation.turned_right)
    assert all("CLAHE: display aid" in dict(c.text.bottom_lines()) for c in shown(window))


def test_a_priors_patient_is_hidden_with_the_others_but_never_that_it_is_a_prior(
    window, annas_studies, qtbot
):
    open_current(qtbot, window, annas_studies)
    prior = show_prior(qtbot, window)
    for level in range(2):
        window.viewports.tools.next_text_level()
        words = [text for text, _, _ in prior.text.lines_above(prior.rect())]
        assert words[1:3] == ["PRIOR", "2022-03-02"], level
        assert not {"Example^Anna", "A-1"} & set(words)


def test_the_header_of_a_prior_is_shown_under_its_date(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    prior = show_prior(qtbot, window)
    window.commands.trigger("tools.ask_for_header")
    (browser,) = window.findChildren(HeaderBrowser)
    assert "PRIOR 2022-03-02" in browser.windowTitle()
    assert browser.image_uid == prior.view.image_uid
    browser.close()


# ----------------------------------------------------------------------------------- outputs


def test_the_summary_is_of_the_current_study_alone(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    show_prior(qtbot, window)
    assert {canvas.prior for canvas in window.viewports.canvases} == {None}
    assert len(window.viewports.canvases) == 4
    made = window.output.summarise(True, True).words()
    assert "2022" not in str(made)


def test_a_picture_of_a_prior_says_so_and_without_names_not_of_when(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    prior = show_prior(qtbot, window)
    assert file_name(prior).startswith("PRIOR_")
    for shown_words in (True, False):
        with_names = [
            text
            for text, _, _ in prior.text.lines_above(prior.rect(), OverlayOptions(text=shown_words))
        ]
        assert {"PRIOR", "2022-03-02", "A-1"} <= set(with_names)
        bare = OverlayOptions(text=shown_words, identity=False)
        without = [text for text, _, _ in prior.text.lines_above(prior.rect(), bare)]
        assert "PRIOR" in without
        assert not any("2022" in text or "A-1" in text for text in without)


def test_no_name_is_given_out_that_is_not_on_the_screen(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    canvas = shown(window)[0]
    assert "A-1" in canvas.text.identity
    window.viewports.tools.next_text_level()
    assert canvas.text.identity == ()
    assert canvas.text.top_lines() == canvas.text.top_lines(with_identity=False)
