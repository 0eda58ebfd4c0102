"""The next disc bears the same names: what the window shows, it shows under its own name."""

import os

import numpy as np
import pytest

from engine.domain import FailedFile, StudyPrediction
from engine.errors import FILE_CHANGED
from tests.phantom import write_mammogram, write_plain
from tests.viewer.driver import canvases, choose, open_and_wait, rows, sign
from tests.viewer.fake_engine import MODELS, study_prediction
from viewer.display.shown_image import ImageState
from viewer.display.worklist_row import StudyRow
from viewer.session.opening import RELISTINGS
from viewer.shared.states import StudyState

SIZE = {"rows": 96, "columns": 72}


def write_bob(path, **options):
    """Another patient's image, of the size that all images of one detector have."""
    values = np.full((96, 72), 777, np.uint16)
    identity = {"patient_id": "BOB", "patient_name": "Bob", "study_uid": "1.2.9"}
    write_mammogram(path, laterality="L", view="MLO", values=values, **identity, **SIZE, **options)


def file_of(window, label, study=None):
    study = study or window.session.current_study
    return next(view.path for view in study.views if view.label == label)


def studies_of(window):
    return {study.patient_id: study for study in window.session.studies.values()}


def shown_values(window):
    """Of each image on the screen: whose it is said to be, and whether it is Bob's grey."""
    found = set()
    for canvas in canvases(window):
        if canvas.state is ImageState.SHOWN:
            key = (canvas.view.study_uid, canvas.view.image_uid)
            pixels = window.session.images.cache.get(key)
            found.add((canvas.view.patient_id, bool((pixels.pixels.stored == 777).all())))
    return found


@pytest.fixture
def listed_anew(qtbot, window):
    """Waits until what was listed is replaced by what is there now, and hangs."""

    def wait(change):
        with qtbot.waitSignal(window.session.catalogue_opened, timeout=10_000):
            change()
        qtbot.waitUntil(
            lambda: {c.state for c in canvases(window)} == {ImageState.SHOWN}, timeout=10_000
        )

    return wait


def test_another_patients_image_of_the_same_size_shows_under_its_own_name_alone(
    window, write_studies, listed_anew, qtbot
):
    open_and_wait(qtbot, window, write_studies(8))
    last = window.worklist.study_uids[7]
    study = window.session.studies[last]
    write_bob(file_of(window, "R CC", study))
    seen = []
    window.session.images.loaded.connect(lambda s, i, p: seen.append((s, p)))
    listed_anew(lambda: window.worklist.select(last))
    assert window.session.current_study.patient_id == "A-8"
    assert [view.label for view in window.session.current_study.views] == [
        "L CC",
        "R MLO",
        "L MLO",
    ]
    assert shown_values(window) == {("A-8", False)}
    assert not any(s == last and (p.pixels.stored == 777).all() for s, p in seen)
    assert "BOB" in [row.title for row in rows(window)]
    assert window.banner.message.title == FILE_CHANGED

    window.worklist.select(studies_of(window)["BOB"].uid)
    qtbot.waitUntil(lambda: shown_values(window) == {("BOB", True)}, timeout=10_000)
    assert [canvas.view.label for canvas in canvases(window)] == ["L MLO"]


def test_where_the_whole_study_is_another_patients_that_patient_comes_up(
    window, write_studies, listed_anew, qtbot
):
    open_and_wait(qtbot, window, write_studies(8))
    last = window.worklist.study_uids[7]
    for n, view in enumerate(window.session.studies[last].views):
        write_bob(view.path, sop_uid=f"1.2.9.{n}")
    listed_anew(lambda: window.worklist.select(last))
    assert window.session.current_study.patient_id == "BOB"
    assert shown_values(window) == {("BOB", True)}
    assert "A-8" not in studies_of(window)


def test_another_picture_of_the_same_size_is_listed_anew(window, tmp_path, listed_anew, qtbot):
    for name in "abcdefgh":
        write_plain(tmp_path / name / f"{name}_R_CC.png", seed=ord(name), **SIZE)
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=10_000):
        window.open([tmp_path])
    last = window.session.studies[window.worklist.study_uids[7]]
    write_plain(last.views[0].path, values=np.full((96, 72), 77, np.uint8))
    listed_anew(lambda: window.worklist.select(last.uid))
    shown = window.session.current_study.views[0]
    assert shown.path == last.views[0].path
    assert shown.image_uid != last.views[0].image_uid


def test_a_file_that_was_only_touched_is_shown_after_all(window, write_studies, listed_anew, qtbot):
    open_and_wait(qtbot, window, write_studies(8))
    last = window.worklist.study_uids[7]
    os.utime(file_of(window, "R CC", window.session.studies[last]))
    listed_anew(lambda: window.worklist.select(last))
    assert window.session.current_study.uid == last
    assert len(canvases(window)) == 4


def test_a_swap_between_picture_and_answer_gives_no_answer_but_the_study_listed_anew(
    window, engine, write_studies, listed_anew, qtbot
):
    engine.is_holding = True
    open_and_wait(qtbot, window, write_studies(1))
    study = window.session.current_study
    qtbot.waitUntil(lambda: engine.waiting == [(study.uid, "hybrid")], timeout=10_000)
    target = file_of(window, "R CC")
    write_bob(target)
    changed = FailedFile(target, FILE_CHANGED, "Open the folder again.")
    whole = study_prediction(study)
    views = tuple(v for v in whole.views if study.view(v.image_uid).path != target)
    said = StudyPrediction(study.uid, MODELS["hybrid"], views, (), (changed,))
    listed_anew(lambda: engine.finish_next(said))
    assert window.session.prediction(study.uid) is None
    assert set(studies_of(window)) == {"A-1", "BOB"}
    qtbot.waitUntil(lambda: engine.waiting == [(study.uid, "hybrid")], timeout=10_000)


def test_answers_on_other_studies_readings_and_drafts_outlive_the_listing(
    window, engine, write_studies, listed_anew, qtbot
):
    open_and_wait(qtbot, window, write_studies(8))
    session = window.session
    qtbot.waitUntil(lambda: session.inference.progress == (8, 8), timeout=10_000)
    sign(qtbot, window)
    first, last = window.worklist.study_uids[0], window.worklist.study_uids[7]
    choose(qtbot, window, session.current_study.views[0].laterality, "2")
    before = session.prediction(first)
    write_bob(file_of(window, "R CC", session.studies[last]))
    listed_anew(lambda: window.worklist.select(last))
    assert session.prediction(first) is before
    assert session.status(first).state is StudyState.DONE
    studies = [row for row in rows(window) if isinstance(row, StudyRow)]
    assert [row.title for row in studies if row.has_draft] == ["A-1"]
    assert engine.asked.count((first, "hybrid")) == 1
    qtbot.waitUntil(lambda: engine.asked.count((last, "hybrid")) == 2, timeout=10_000)


def test_a_file_that_is_being_written_all_the_time_is_not_listed_for_ever(
    window, write_studies, monkeypatch, qtbot
):
    from viewer.session import images

    folder = write_studies(1)
    opened = []
    window.session.catalogue_opened.connect(opened.append)
    decode = images.load_pixels

    def always_late(view, urgency):
        if view.label == "R CC":
            os.utime(view.path)
        return decode(view, urgency)

    monkeypatch.setattr(images, "load_pixels", always_late)
    window.open([folder])
    qtbot.waitUntil(lambda: len(opened) == RELISTINGS + 1, timeout=20_000)
    qtbot.wait(1000)
    assert len(opened) == RELISTINGS + 1
    states = {canvas.view.label: canvas.state for canvas in canvases(window)}
    assert states.pop("R CC") is ImageState.FAILED
    assert set(states.values()) == {ImageState.SHOWN}
