"""What goes out to threads and engine comes back to the right study, or not at all."""

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter

import pytest
from PySide6.QtCore import QObject

from engine.dicom.loading import load_pixels
from engine.domain import (
    Agreement,
    BiradsCategory,
    FailedFile,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    StudyPrediction,
)
from engine.errors import EngineStopped, IncompatibleCheckpoint, StorageFailed, UnreadableFile
from tests.phantom import write_mammogram, write_plain
from tests.viewer.fake_engine import MODELS, FakeEngine, study_prediction
from viewer.shared.states import EngineState, RunState, StudyState

STOPPED = EngineStopped("The engine stopped", "It has been started again.")


class Emitted(QObject):
    """Every signal of a session and its parts, in order, as (signal, arguments)."""

    SIGNALS = (
        *("catalogue_opened", "study_selected", "images.loaded", "images.failed"),
        *(
            "images.thumbnail_made",
            "study_predicted",
            "status_changed",
            "inference.progress_changed",
        ),
        *("model_changed", "inference.engine_changed", "assessment_recorded", "recording_failed"),
        *("error_occurred", "opening.finished", "inference.run_changed", "other_changed"),
    )

    def __init__(self, session):
        super().__init__()
        self.all = []
        for name in self.SIGNALS:
            signal = attrgetter(name)(session)
            signal.connect(lambda *values, name=name: self.all.append((name, values)))

    def of(self, name):
        return [values for signal, values in self.all if signal == name]


@pytest.fixture
def emitted(session):
    return Emitted(session)


@pytest.fixture
def open_folder(qtbot, session):
    """Opens paths and returns the catalogue; nothing is selected yet."""

    def open_(*paths):
        with qtbot.waitSignal(session.catalogue_opened, timeout=10_000) as opened:
            session.open(paths)
        return opened.args[0]

    return open_


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-3000])


def assessment_of(study, **changes):
    values = {
        "study_uid": study.uid,
        "image_uids": tuple(view.image_uid for view in study.views if view.laterality.value == "R"),
        "patient_id": study.patient_id,
        "laterality": Laterality.RIGHT,
        "reader": "Dr. X",
        "category": BiradsCategory.BENIGN,
        "proposed_agreement": Agreement.NOT_COMPARABLE,
        "agreement": Agreement.NOT_COMPARABLE,
        "reason": "",
        "comment": "",
        "prediction": None,
        "reading_mode": ReadingMode.CONCURRENT,
        "opened_at": datetime.now(UTC),
        "recorded_at": datetime.now(UTC),
    }
    return ReaderAssessment(**(values | changes))


# ---------------------------------------------------------------------------------------- opening


def test_a_folder_becomes_its_studies_and_what_cannot_be_read(
    session, open_folder, write_studies, qtbot
):
    folder = write_studies(2)
    (folder / "broken.dcm").write_bytes(b"")
    catalogue = open_folder(folder)
    assert [study.patient_id for study in catalogue.studies] == ["A-1", "A-2"]
    assert [failure.path.name for failure in catalogue.failures] == ["broken.dcm"]
    assert session.current_study is None


def test_only_the_latest_of_two_openings_arrives(
    session, emitted, open_folder, write_studies, qtbot
):
    first, second = write_studies(3, "first"), write_studies(1, "second", patient_id="B-1")
    session.open([first])
    catalogue = open_folder(second)
    qtbot.wait(100)
    assert [study.patient_id for study in catalogue.studies] == ["B-1"]
    assert len(emitted.of("catalogue_opened")) == 1


def test_a_cancelled_opening_keeps_what_is_open(
    session, emitted, open_folder, write_studies, qtbot
):
    catalogue = open_folder(write_studies(1, "first"))
    session.open([write_studies(3, "second")])
    session.opening.cancel()
    qtbot.wait(200)
    assert emitted.of("catalogue_opened") == [(catalogue,)]
    session.select_study(catalogue.studies[0].uid)
    assert session.current_study is catalogue.studies[0]


def test_a_folder_without_mammograms_is_told_and_keeps_what_is_open(
    session, emitted, open_folder, write_studies, tmp_path, qtbot
):
    catalogue = open_folder(write_studies(1))
    (tmp_path / "empty").mkdir()
    with qtbot.waitSignal(session.error_occurred) as fault:
        session.open([tmp_path / "empty"])
    assert "No mammograms" in fault.args[0].title
    assert emitted.of("catalogue_opened") == [(catalogue,)]


# ----------------------------------------------------------------------------------------- images


def test_the_images_of_the_selected_study_arrive_under_its_name(
    session, emitted, open_folder, write_studies, qtbot
):
    study, other = open_folder(write_studies(2)).studies
    session.select_study(study.uid, other.uid)
    qtbot.waitUntil(lambda: len(emitted.of("images.loaded")) == 4)
    assert {(uid, image) for uid, image, _ in emitted.of("images.loaded")} == {
        (study.uid, view.image_uid) for view in study.views
    }
    assert all(shown.pixels.shape == (96, 72) for _, _, shown in emitted.of("images.loaded"))


def test_a_file_that_cannot_be_decoded_does_not_hold_up_its_study(
    session, emitted, open_folder, write_studies, qtbot
):
    folder = write_studies(1)
    (study,) = open_folder(folder).studies
    cut_short(folder / "01" / "LCC.dcm")  # e.g. on a network drive that is being written
    session.select_study(study.uid)
    qtbot.waitUntil(
        lambda: len(emitted.of("images.loaded")) + len(emitted.of("images.failed")) == 4
    )
    ((uid, image, error),) = emitted.of("images.failed")
    assert (uid, study.view(image).label) == (study.uid, "L CC")
    assert isinstance(error, UnreadableFile)
    assert error.advice


def test_the_next_study_is_decoded_ahead_and_shows_at_once(
    session, emitted, open_folder, write_studies, qtbot
):
    first, second = open_folder(write_studies(2)).studies
    session.select_study(first.uid, second.uid)
    ahead = {(second.uid, view.image_uid) for view in second.views}
    qtbot.waitUntil(lambda: all(key in session.images.cache for key in ahead))
    emitted.all.clear()
    session.select_study(second.uid)
    assert len(emitted.of("images.loaded")) == 4  # without a turn of the event loop


def test_going_through_studies_fast_shows_no_image_under_another_study(
    session, emitted, open_folder, write_studies, qtbot
):
    studies = open_folder(write_studies(6)).studies
    for study in (*studies, *reversed(studies)):
        session.select_study(study.uid)
        qtbot.wait(3)
    qtbot.waitUntil(lambda: len(_last_shown(emitted)) == 4)
    owner = {view.image_uid: study.uid for study in studies for view in study.views}
    current = None
    for name, values in emitted.all:
        if name == "study_selected":
            current = values[0].uid
        elif name == "images.loaded":
            assert values[0] == current == owner[values[1]]


def _last_shown(emitted):
    """Image uids told since the last selection."""
    names = [name for name, _ in emitted.all]
    start = len(names) - names[::-1].index("study_selected")
    return {values[1] for name, values in emitted.all[start:] if name == "images.loaded"}


def test_the_pixel_cache_keeps_its_bound_however_many_studies_are_read(
    make_session, write_studies, qtbot
):
    one_study = 4 * 96 * 72 * 2 * 2
    session = make_session(pixel_cache_bytes=3 * one_study)
    emitted = Emitted(session)
    session.open([write_studies(8)])
    qtbot.waitUntil(lambda: emitted.of("catalogue_opened") != [])
    studies = emitted.of("catalogue_opened")[0][0].studies
    for study, upcoming in zip(studies, (*studies[1:], None), strict=True):
        emitted.all.clear()
        session.select_study(study.uid, upcoming and upcoming.uid)
        qtbot.waitUntil(lambda: len(_last_shown(emitted)) == 4)
        assert session.images.cache.size_bytes <= 3 * one_study


def test_a_study_larger_than_the_cache_is_still_shown(make_session, write_studies, qtbot):
    session = make_session(pixel_cache_bytes=1000)
    emitted = Emitted(session)
    session.open([write_studies(2)])
    qtbot.waitUntil(lambda: emitted.of("catalogue_opened") != [])
    first, second = emitted.of("catalogue_opened")[0][0].studies
    session.select_study(first.uid, second.uid)
    qtbot.waitUntil(lambda: len(_last_shown(emitted)) == 4)


def test_images_of_a_closed_catalogue_are_dropped_even_under_an_equal_study_uid(
    session, emitted, open_folder, tmp_path, qtbot, monkeypatch
):
    """Plain images are named by folder and stem, and two disks may hold equal ones."""
    for disk, seed in (("disk1", 1), ("disk2", 2)):
        for side in "RL":
            write_plain(tmp_path / disk / "scans" / f"7_{side}_CC.png", laterality=side, seed=seed)
    may_decode = threading.Event()

    def slow_load_pixels(view, urgency):
        if "disk1" in view.path.parts:
            may_decode.wait(10)
        return load_pixels(view)

    monkeypatch.setattr("viewer.session.images.load_pixels", slow_load_pixels)
    (one,) = open_folder(tmp_path / "disk1").studies
    session.select_study(one.uid)
    (two,) = open_folder(tmp_path / "disk2").studies
    assert two.uid == one.uid
    session.select_study(two.uid)
    may_decode.set()
    qtbot.waitUntil(lambda: len(emitted.of("images.loaded")) == 2)
    qtbot.wait(100)
    assert {image for _, image, _ in emitted.of("images.loaded")} == {
        v.image_uid for v in two.views
    }
    assert len(emitted.of("images.thumbnail_made")) == 1


def test_the_first_image_of_a_study_has_all_cores_and_the_others_wait_for_it(
    session, emitted, open_folder, write_studies, qtbot, monkeypatch
):
    """Of a study that was not decoded ahead; then one image a core."""
    first, second = open_folder(write_studies(2)).studies
    qtbot.waitUntil(lambda: len(emitted.of("images.thumbnail_made")) == 2)
    begun, may_decode = [], threading.Event()

    def slow_load_pixels(view, urgency):
        begun.append((view.image_uid, urgency.threads))
        may_decode.wait(10)
        return load_pixels(view)

    monkeypatch.setattr("viewer.session.images.load_pixels", slow_load_pixels)
    session.select_study(second.uid, first.uid)
    qtbot.waitUntil(lambda: len(begun) == 1)
    qtbot.wait(50)
    assert begun == [(second.views[0].image_uid, os.cpu_count())]
    may_decode.set()
    qtbot.waitUntil(lambda: len(begun) == 8)
    assert all(threads == 1 for _, threads in begun[1:])


def test_a_study_left_before_its_first_image_holds_the_next_one_up_no_longer(
    session, emitted, open_folder, write_studies, qtbot, monkeypatch
):
    first, second = open_folder(write_studies(2)).studies
    qtbot.waitUntil(lambda: len(emitted.of("images.thumbnail_made")) == 2)
    may_decode = threading.Event()

    def slow_load_pixels(view, urgency):
        if view.study_uid == first.uid:
            may_decode.wait(10)
        return load_pixels(view)

    monkeypatch.setattr("viewer.session.images.load_pixels", slow_load_pixels)
    session.select_study(first.uid)
    session.select_study(second.uid)
    qtbot.waitUntil(lambda: len(_last_shown(emitted)) == 4, timeout=4000)
    may_decode.set()


def test_a_cache_that_just_cannot_hold_the_next_study_is_not_filled_again_and_again(
    make_session, write_studies, qtbot, monkeypatch
):
    decoded = []

    def counted_load_pixels(view, urgency):
        decoded.append(view.image_uid)
        return load_pixels(view)

    monkeypatch.setattr("viewer.session.images.load_pixels", counted_load_pixels)
    monkeypatch.setattr("viewer.session.images.expected_bytes", lambda _study: 0)  # headers may err
    session = make_session(pixel_cache_bytes=6 * 96 * 72 * 2)
    emitted = Emitted(session)
    session.open([write_studies(2)])
    qtbot.waitUntil(lambda: emitted.of("catalogue_opened") != [])
    first, second = emitted.of("catalogue_opened")[0][0].studies
    qtbot.waitUntil(lambda: len(emitted.of("images.thumbnail_made")) == 2)
    decoded.clear()  # before a study is open, one image of each is decoded for its thumbnail
    session.select_study(first.uid, second.uid)
    qtbot.waitUntil(lambda: len(decoded) >= 8)
    qtbot.wait(300)
    assert len(decoded) == 8
    session.select_study(second.uid)
    qtbot.waitUntil(lambda: len(_last_shown(emitted)) == 4)


def test_every_study_gets_a_thumbnail(session, emitted, open_folder, write_studies, qtbot):
    studies = open_folder(write_studies(4)).studies
    qtbot.waitUntil(lambda: len(emitted.of("images.thumbnail_made")) == 4)
    assert {uid for uid, _ in emitted.of("images.thumbnail_made")} == {
        study.uid for study in studies
    }
    assert all(image.height() == 112 for _, image in emitted.of("images.thumbnail_made"))


# --------------------------------------------------------------------------------------- networks


def test_the_engine_starts_only_after_the_first_image(
    session, emitted, engine, open_folder, write_studies, qtbot
):
    (study,) = open_folder(write_studies(1)).studies
    session.select_study(study.uid)
    assert engine.warmed == []
    qtbot.waitUntil(lambda: engine.warmed != [], timeout=10_000)
    told_before = [name for name, _ in emitted.all]
    assert "images.loaded" in told_before[: told_before.index("inference.engine_changed")]


def test_an_unreadable_first_image_does_not_keep_the_engine_asleep(
    session, engine, open_folder, tmp_path, qtbot
):
    path = write_mammogram(tmp_path / "one" / "RCC.dcm", rows=96, columns=72)
    (study,) = open_folder(path.parent).studies
    cut_short(path)
    session.select_study(study.uid)
    qtbot.waitUntil(lambda: engine.warmed != [], timeout=10_000)


@pytest.fixture
def studies(session, open_folder, write_studies, engine, qtbot):
    """Three studies with an engine that is awake and answers only when told to."""
    engine.is_holding = True
    session.inference.start()
    return open_folder(write_studies(3)).studies


def wait_asked(qtbot, engine, *expected):
    qtbot.waitUntil(lambda: engine.waiting == list(expected))


def test_the_whole_worklist_is_predicted_one_study_at_a_time(
    session, emitted, studies, engine, qtbot
):
    for study in studies:
        wait_asked(qtbot, engine, (study.uid, "hybrid"))
        assert session.status(study.uid).state is StudyState.RUNNING
        engine.finish_next()
        qtbot.waitUntil(lambda uid=study.uid: session.prediction(uid) is not None)
        assert session.status(study.uid).state is StudyState.DONE
    assert session.inference.progress == (3, 3)
    assert [done for done, _ in emitted.of("inference.progress_changed")][-1] == 3
    assert [p.study_uid for (p,) in emitted.of("study_predicted")] == [s.uid for s in studies]


def test_the_open_study_goes_before_the_rest(session, studies, engine, qtbot):
    first, _, last = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    session.select_study(last.uid)
    engine.finish_next()
    wait_asked(qtbot, engine, (last.uid, "hybrid"))


def test_a_pause_lets_only_the_open_study_through_until_it_ends(session, studies, engine, qtbot):
    first, second, last = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    session.inference.pause()
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)
    assert engine.waiting == []
    assert session.status(second.uid).state is StudyState.QUEUED
    session.select_study(last.uid)
    wait_asked(qtbot, engine, (last.uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(last.uid) is not None)
    assert engine.waiting == []
    session.inference.resume()
    wait_asked(qtbot, engine, (second.uid, "hybrid"))


def test_a_cancelled_run_empties_the_queue_and_can_be_started_again(
    session, studies, engine, qtbot
):
    first, second, last = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    session.inference.cancel()
    assert session.status(last.uid).state is StudyState.IDLE
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)
    assert engine.waiting == []
    session.inference.resume()
    assert session.status(last.uid).state is StudyState.QUEUED
    wait_asked(qtbot, engine, (second.uid, "hybrid"))


def test_another_model_answers_anew_and_the_first_ones_word_is_kept(
    session, emitted, studies, engine, qtbot
):
    first = studies[0]
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)
    session.set_model("light")
    assert session.prediction(first.uid) is None
    assert session.status(first.uid).state is StudyState.QUEUED
    emitted.all.clear()
    # what the engine was doing for the hybrid is finished and kept, and not shown now
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "light"))
    assert emitted.of("study_predicted") == []
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)
    assert session.prediction(first.uid).model == MODELS["light"]
    emitted.all.clear()
    session.set_model("hybrid")
    assert [p.model.name for (p,) in emitted.of("study_predicted")] == ["hybrid", "hybrid"]


def test_an_answer_for_a_closed_catalogue_is_dropped(
    session, emitted, studies, engine, open_folder, write_studies, qtbot
):
    wait_asked(qtbot, engine, (studies[0].uid, "hybrid"))
    (new,) = open_folder(write_studies(1, "other", patient_id="B-1")).studies
    engine.finish_next()
    wait_asked(qtbot, engine, (new.uid, "hybrid"))
    assert emitted.of("study_predicted") == []
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(new.uid) is not None)
    assert [p.study_uid for (p,) in emitted.of("study_predicted")] == [new.uid]


def test_a_dead_engine_costs_one_study_and_a_second_look_tries_again(
    session, studies, engine, qtbot
):
    first, second, _ = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.fail_next(STOPPED)
    wait_asked(qtbot, engine, (second.uid, "hybrid"))
    assert session.status(first.uid).state is StudyState.FAILED
    assert session.status(first.uid).failure is STOPPED
    assert session.inference.progress == (1, 3)
    session.select_study(first.uid)
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)


def test_a_study_that_was_given_up_is_tried_again_once_the_engine_works_and_only_once(
    session, studies, engine, qtbot
):
    first, second, third = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.fail_next(STOPPED)
    wait_asked(qtbot, engine, (second.uid, "hybrid"))
    assert session.status(first.uid).state is StudyState.FAILED
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "hybrid"))  # it works again
    engine.fail_next(STOPPED)
    wait_asked(qtbot, engine, (third.uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.inference.progress == (3, 3))
    assert session.status(first.uid).failure is STOPPED
    assert engine.waiting == []


def test_studies_after_which_none_was_answered_are_tried_again_a_while_later_and_only_once(
    session, studies, engine, qtbot, monkeypatch
):
    monkeypatch.setattr("viewer.session.inference.RECOVERY_MS", 50)
    for _ in range(2):
        for study in studies:
            wait_asked(qtbot, engine, (study.uid, "hybrid"))
            engine.fail_next(STOPPED)
    qtbot.wait(200)
    assert session.inference.progress == (3, 3)
    assert engine.waiting == []


def test_a_reader_who_restarts_the_engine_has_given_up_studies_asked_again(
    session, studies, engine, qtbot
):
    first = studies[0]
    for study in studies:
        wait_asked(qtbot, engine, (study.uid, "hybrid"))
        engine.fail_next(STOPPED)
    qtbot.waitUntil(lambda: session.inference.progress == (3, 3))
    session.inference.restart_engine()
    assert engine.restarts == 1
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)


def test_a_model_that_cannot_start_is_told_once_and_the_other_one_works(
    session, emitted, engine, open_folder, write_studies, qtbot
):
    engine.warm_up_failure = IncompatibleCheckpoint("Checkpoint is missing", "Install it again.")
    session.inference.start()
    (study,) = open_folder(write_studies(1)).studies
    session.select_study(study.uid)
    qtbot.waitUntil(lambda: emitted.of("error_occurred") != [])
    qtbot.wait(50)
    assert [error.title for (error,) in emitted.of("error_occurred")] == ["Checkpoint is missing"]
    assert session.inference.engine_status.state is EngineState.FAILED
    assert session.status(study.uid).state is StudyState.IDLE
    assert engine.asked == []
    engine.warm_up_failure = None
    session.set_model("light")
    qtbot.waitUntil(lambda: session.prediction(study.uid) is not None)
    session.set_model("hybrid")  # is tried once more
    qtbot.waitUntil(lambda: session.prediction(study.uid) is not None)
    assert session.prediction(study.uid).model.name == "hybrid"


def test_an_answer_for_another_study_is_never_shown(session, emitted, studies, engine, qtbot):
    first, second, _ = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    with qtbot.captureExceptions() as bugs:
        engine.finish_next(study_prediction(second))
        qtbot.waitUntil(lambda: bugs != [])
    assert emitted.of("study_predicted") == []
    assert session.prediction(first.uid) is None
    assert session.prediction(second.uid) is None
    assert session.status(first.uid).state is StudyState.FAILED


def test_a_fault_of_the_program_in_the_engine_is_loud_and_the_rest_goes_on(
    session, studies, engine, qtbot
):
    first, second, _ = studies
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    with qtbot.captureExceptions() as bugs:
        engine.fail_next(RuntimeError("a bug"))
        qtbot.waitUntil(lambda: bugs != [])
    assert session.status(first.uid).state is StudyState.FAILED
    wait_asked(qtbot, engine, (second.uid, "hybrid"))


def test_a_study_of_which_no_file_could_be_decoded_is_failed(session, studies, engine, qtbot):
    first = studies[0]
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    failures = tuple(FailedFile(view.path, "File is cut", "Copy it again.") for view in first.views)
    engine.finish_next(StudyPrediction(first.uid, MODELS["hybrid"], (), (), failures))
    qtbot.waitUntil(lambda: session.status(first.uid).state is StudyState.FAILED)
    assert session.status(first.uid).failure.title == "File is cut"


def test_a_study_that_no_network_may_judge_is_out_of_scope_not_failed(
    session, engine, open_folder, tmp_path, qtbot
):
    write_mammogram(
        tmp_path / "spot" / "x.dcm", rows=96, columns=72, modifiers=[("R-102D6", "magnification")]
    )
    session.inference.start()
    (study,) = open_folder(tmp_path / "spot").studies
    assert study.views[0].out_of_scope
    qtbot.waitUntil(lambda: session.status(study.uid).state is StudyState.OUT_OF_SCOPE)


def test_heat_maps_stay_within_their_bound_and_come_back_when_needed(
    make_session, engine, write_studies, qtbot
):
    one_study = 4 * 32 * 20 * 4
    session = make_session(heat_cache_bytes=2 * one_study)
    emitted = Emitted(session)
    session.inference.start()
    session.open([write_studies(5)])
    qtbot.waitUntil(lambda: session.inference.progress == (5, 5))
    studies = emitted.of("catalogue_opened")[0][0].studies

    def heat_of(study):
        return [
            view.explanation for view in session.prediction(study.uid).views if view.explanation
        ]

    assert [len(heat_of(study)) for study in studies] == [0, 0, 0, 4, 4]
    session.select_study(studies[0].uid)
    assert emitted.of("study_predicted")[-1][0].breasts  # the categories show meanwhile
    qtbot.waitUntil(lambda: len(heat_of(studies[0])) == 4)
    assert sum(len(heat_of(study)) for study in studies) <= 8
    assert session.inference.progress == (5, 5)


def test_going_through_studies_fast_tells_every_prediction_under_its_own_study(
    session, emitted, engine, open_folder, write_studies, qtbot
):
    studies = open_folder(write_studies(6)).studies
    session.inference.start()
    for study in (*studies, *reversed(studies)):
        session.select_study(study.uid)
        qtbot.wait(1)
    qtbot.waitUntil(lambda: session.inference.progress == (6, 6))
    by_uid = {study.uid: study for study in studies}
    for (prediction,) in emitted.of("study_predicted"):
        expected = study_prediction(by_uid[prediction.study_uid])
        assert prediction.breasts == expected.breasts
        assert [v.image_uid for v in prediction.views] == [v.image_uid for v in expected.views]


# -------------------------------------------------------------------------------- both networks


def others_word(emitted):
    """The latest that was told of the other model."""
    return emitted.of("other_changed")[-1][0]


def test_the_other_network_is_asked_after_the_chosen_one_about_the_open_study_only(
    session, emitted, studies, engine, qtbot
):
    first, second, last = studies
    session.inference.set_compares_models(True)
    session.select_study(second.uid)
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    wait_asked(qtbot, engine, (second.uid, "hybrid"))
    assert engine.warmed == ["hybrid"]
    assert others_word(emitted).status.state is StudyState.QUEUED
    engine.finish_next()
    wait_asked(qtbot, engine, (second.uid, "light"))
    assert engine.warmed == ["hybrid", "light"]
    assert others_word(emitted).status.state is StudyState.RUNNING
    engine.finish_next()
    wait_asked(qtbot, engine, (last.uid, "hybrid"))
    said = others_word(emitted)
    assert (said.study_uid, said.status.state) == (second.uid, StudyState.DONE)
    assert said.prediction.model == MODELS["light"]
    assert all(view.explanation is not None for view in said.prediction.views)
    engine.finish_next()
    qtbot.waitUntil(lambda: session.inference.progress == (3, 3))
    assert engine.waiting == []
    assert {p.model.name for (p,) in emitted.of("study_predicted")} == {"hybrid"}
    session.select_study(first.uid)
    wait_asked(qtbot, engine, (first.uid, "light"))


def test_one_network_is_asked_unless_both_are_wished_for(session, emitted, studies, engine, qtbot):
    session.select_study(studies[0].uid)
    engine.is_holding = False
    wait_asked(qtbot, engine, (studies[0].uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.inference.progress == (3, 3))
    qtbot.wait(50)
    assert {model for _, model in engine.asked} == {"hybrid"}
    assert engine.warmed == ["hybrid"]
    assert emitted.of("other_changed") == []
    assert session.other_prediction is None


def test_a_run_that_was_paused_still_asks_both_about_the_open_study(
    session, studies, engine, qtbot
):
    session.inference.set_compares_models(True)
    session.select_study(studies[0].uid)
    session.inference.pause()
    engine.is_holding = False
    wait_asked(qtbot, engine, (studies[0].uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.other_prediction.prediction is not None)
    qtbot.wait(50)
    assert engine.asked == [(studies[0].uid, "hybrid"), (studies[0].uid, "light")]


def test_changing_the_model_swaps_what_the_two_have_said_without_asking_again(
    session, emitted, studies, engine, qtbot
):
    session.inference.set_compares_models(True)
    session.select_study(studies[0].uid)
    session.inference.pause()
    engine.is_holding = False
    wait_asked(qtbot, engine, (studies[0].uid, "hybrid"))
    engine.finish_next()
    qtbot.waitUntil(lambda: session.other_prediction.prediction is not None)
    by_hybrid = session.prediction(studies[0].uid)
    by_light = session.other_prediction.prediction
    emitted.all.clear()
    session.set_model("light")  # without a turn of the event loop
    assert emitted.of("study_predicted") == [(by_light,)]
    assert others_word(emitted).prediction is by_hybrid
    qtbot.wait(50)
    assert len(engine.asked) == 2


def test_what_the_other_network_says_of_a_study_left_meanwhile_is_kept_for_its_return(
    session, emitted, studies, engine, qtbot
):
    first, second, _ = studies
    session.inference.set_compares_models(True)
    session.select_study(first.uid)
    session.inference.pause()
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "light"))
    session.select_study(second.uid)
    emitted.all.clear()
    engine.finish_next()
    wait_asked(qtbot, engine, (second.uid, "hybrid"))  # the chosen one goes first again
    assert emitted.of("other_changed") == []
    assert session.other_prediction.prediction is None
    session.select_study(first.uid)
    assert others_word(emitted).study_uid == first.uid
    assert others_word(emitted).prediction.study_uid == first.uid


def test_the_model_changed_meanwhile_makes_the_others_answer_the_chosen_ones(
    session, emitted, studies, engine, qtbot
):
    first = studies[0]
    session.inference.set_compares_models(True)
    session.select_study(first.uid)
    session.inference.pause()
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "light"))
    session.set_model("light")
    assert session.status(first.uid).state is StudyState.RUNNING
    assert others_word(emitted).prediction.model.name == "hybrid"
    emitted.all.clear()
    engine.finish_next()
    qtbot.waitUntil(lambda: session.prediction(first.uid) is not None)
    assert [p.model.name for (p,) in emitted.of("study_predicted")] == ["light"]
    assert emitted.of("other_changed") == []


def test_the_other_networks_answer_for_a_closed_catalogue_is_dropped(
    session, emitted, studies, engine, open_folder, write_studies, qtbot
):
    session.inference.set_compares_models(True)
    session.select_study(studies[0].uid)
    wait_asked(qtbot, engine, (studies[0].uid, "hybrid"))
    engine.finish_next()
    wait_asked(qtbot, engine, (studies[0].uid, "light"))
    (new,) = open_folder(write_studies(1, "other", patient_id="B-1")).studies
    assert others_word(emitted) is None
    session.select_study(new.uid)
    emitted.all.clear()
    engine.finish_next()
    wait_asked(qtbot, engine, (new.uid, "hybrid"))
    assert emitted.of("other_changed") == []
    assert session.other_prediction.prediction is None


def test_the_same_folder_opened_again_tells_of_the_other_network_anew(
    session, emitted, studies, engine, open_folder, tmp_path, qtbot
):
    session.inference.set_compares_models(True)
    session.select_study(studies[0].uid)
    (again, *_) = open_folder(tmp_path / "studies").studies
    assert again.uid == studies[0].uid
    emitted.all.clear()
    session.select_study(again.uid)
    names = [name for name, _ in emitted.all]
    assert names.index("study_selected") < names.index("other_changed")
    assert others_word(emitted).study_uid == again.uid


def test_a_failure_of_the_other_network_is_quiet_and_holds_nothing_up(
    session, emitted, studies, engine, qtbot, caplog
):
    first, second, _ = studies
    session.inference.set_compares_models(True)
    session.select_study(first.uid)
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "light"))
    engine.fail_next(STOPPED)
    wait_asked(qtbot, engine, (second.uid, "hybrid"))
    assert others_word(emitted).status.failure is STOPPED
    assert session.status(first.uid).state is StudyState.DONE
    session.select_study(second.uid)
    session.select_study(first.uid)  # a second look tries again
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "light"))
    engine.fail_next(RuntimeError("a bug, and DOE_JANE"))  # a fault of ours: to the log
    qtbot.waitUntil(lambda: others_word(emitted).status.failure is not None)
    assert "fault of the program" in others_word(emitted).status.failure.advice
    (record,) = caplog.records
    assert "RuntimeError" in record.getMessage()
    assert "DOE_JANE" not in record.getMessage()
    assert emitted.of("error_occurred") == []


def test_an_other_network_that_cannot_start_is_told_without_a_fault_and_tried_when_chosen(
    session, emitted, studies, engine, qtbot
):
    first, second, _ = studies
    session.inference.set_compares_models(True)
    session.select_study(first.uid)
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.warm_up_failure = IncompatibleCheckpoint("Checkpoint is missing", "Install it again.")
    engine.finish_next()
    wait_asked(qtbot, engine, (second.uid, "hybrid"))
    assert others_word(emitted).engine.failure.title == "Checkpoint is missing"
    assert emitted.of("error_occurred") == []
    session.set_model("light")
    engine.finish_next()
    qtbot.waitUntil(lambda: emitted.of("error_occurred") != [])


def test_a_chosen_network_that_cannot_start_leaves_the_word_to_the_other(
    session, emitted, engine, open_folder, write_studies, qtbot
):
    original = engine.warm_up

    def warm_up(model_name):
        engine.warm_up_failure = None
        if model_name == "hybrid":
            engine.warm_up_failure = IncompatibleCheckpoint("Checkpoint is missing", "Install it.")
        return original(model_name)

    engine.warm_up = warm_up
    session.inference.set_compares_models(True)
    session.inference.start()
    first, _ = open_folder(write_studies(2)).studies
    session.select_study(first.uid)
    qtbot.waitUntil(lambda: session.other_prediction.prediction is not None)
    qtbot.wait(50)
    assert engine.asked == [(first.uid, "light")]
    assert [error.title for (error,) in emitted.of("error_occurred")] == ["Checkpoint is missing"]


def test_a_failure_of_the_chosen_network_still_lets_the_other_be_asked(
    session, emitted, studies, engine, qtbot
):
    session.inference.set_compares_models(True)
    session.select_study(studies[0].uid)
    wait_asked(qtbot, engine, (studies[0].uid, "hybrid"))
    engine.fail_next(STOPPED)
    wait_asked(qtbot, engine, (studies[0].uid, "light"))


def test_both_no_longer_wished_for_silences_the_other_network_at_once(
    session, emitted, studies, engine, qtbot
):
    first, second, _ = studies
    session.inference.set_compares_models(True)
    session.select_study(first.uid)
    wait_asked(qtbot, engine, (first.uid, "hybrid"))
    engine.finish_next()
    wait_asked(qtbot, engine, (first.uid, "light"))
    session.inference.set_compares_models(False)
    assert others_word(emitted) is None
    emitted.all.clear()
    engine.finish_next()
    wait_asked(qtbot, engine, (second.uid, "hybrid"))
    assert emitted.of("other_changed") == []


# --------------------------------------------------------------------------------- what readers say


def test_a_reading_is_stored_at_once_and_found_again(session, emitted, open_folder, write_studies):
    (study,) = open_folder(write_studies(1)).studies
    session.record(assessment_of(study))
    ((recorded,),) = emitted.of("assessment_recorded")
    assert session.history(study) == (recorded,)
    assert session.how_read(study).is_read


def test_a_reading_is_never_shown_for_another_patients_images(session, open_folder, tmp_path):
    """Plain images are named by folder and stem, and two disks may hold equal ones."""
    for disk, seed in (("disk1", 1), ("disk2", 2)):
        for side in "RL":
            write_plain(tmp_path / disk / "scans" / f"7_{side}_CC.png", laterality=side, seed=seed)
    (one,) = open_folder(tmp_path / "disk1").studies
    session.record(assessment_of(one))
    (two,) = open_folder(tmp_path / "disk2").studies
    assert two.uid == one.uid
    assert session.history(two) == ()
    assert not session.how_read(two).is_read
    (one,) = open_folder(tmp_path / "disk1").studies
    assert len(session.history(one)) == 1


def test_a_reading_with_another_studys_images_is_refused(session, open_folder, write_studies):
    one, two = open_folder(write_studies(2)).studies
    with pytest.raises(ValueError, match="another study"):
        session.record(replace(assessment_of(one), study_uid=two.uid))
    with pytest.raises(ValueError, match="another study"):
        session.record(assessment_of(one, patient_id="A-2"))
    assert session.history(one) == session.history(two) == ()


def test_a_reading_that_cannot_be_stored_is_told_and_can_be_saved_again(
    session, emitted, open_folder, write_studies, readings_path, caplog
):
    readings_path.parent.mkdir(parents=True)
    readings_path.write_bytes(b"no database " * 100)
    (study,) = open_folder(write_studies(1)).studies  # what was said of its images is not known
    session.upkeep.begin()
    errors = [error for (error,) in emitted.of("error_occurred")]
    assert len(errors) == 2
    assert all(isinstance(error, StorageFailed) for error in errors)
    assessment = assessment_of(study)
    session.record(assessment)
    assert [a for a, _ in emitted.of("recording_failed")] == [assessment]
    assert emitted.of("assessment_recorded") == []
    readings_path.unlink()
    session.record(assessment)
    assert len(emitted.of("assessment_recorded")) == 1


def test_readings_are_exported_or_the_fault_is_told(
    session, emitted, open_folder, write_studies, tmp_path, caplog
):
    (study,) = open_folder(write_studies(1)).studies
    session.record(assessment_of(study))
    assert session.exporting.export_readings(tmp_path / "readings.csv") == 1
    assert session.exporting.export_readings(tmp_path / "nowhere" / "readings.csv") is None
    assert len(emitted.of("error_occurred")) == 1


def test_readings_are_not_exported_over_an_image_nor_beside_it(
    session, emitted, open_folder, write_studies, tmp_path
):
    (study,) = open_folder(write_studies(1)).studies
    session.record(assessment_of(study))
    image = study.views[0].path
    before, files = image.read_bytes(), sorted(image.parent.iterdir())
    for target in (image, image.with_name("readings.csv")):
        assert session.exporting.export_readings(target) is None
    assert len(emitted.of("error_occurred")) == 2
    assert (image.read_bytes(), sorted(image.parent.iterdir())) == (before, files)


# ------------------------------------------------------------------------------------------ the end


def test_closing_in_the_middle_of_everything_leaves_nothing_running(
    make_session, write_studies, qtbot
):
    engine = FakeEngine(is_holding=True)
    session = make_session(engine=engine)
    emitted = Emitted(session)
    session.inference.start()
    session.open([write_studies(6)])
    qtbot.waitUntil(lambda: emitted.of("catalogue_opened") != [])
    session.select_study(emitted.of("catalogue_opened")[0][0].studies[0].uid)
    session.open([write_studies(6, "others")])
    session.close()
    emitted.all.clear()
    qtbot.wait(200)  # the thread guard looks after this test
    assert engine.is_stopped
    assert emitted.all == []
    assert session.inference.run_state is RunState.RUNNING
    session.close()  # twice does no harm


def test_how_far_the_engine_is_with_a_study_is_told_and_how_long_the_rest_may_take(
    qtbot, session, engine, write_studies, monkeypatch
):
    clock = [100.0]
    monkeypatch.setattr("viewer.session.inference.time.monotonic", lambda: clock[0])
    engine.is_holding = True
    with qtbot.waitSignal(session.catalogue_opened, timeout=20_000) as opened:
        session.open([write_studies(1)])
    session.select_study(opened.args[0].studies[0].uid)
    qtbot.waitUntil(lambda: engine.on_view is not None)
    told = []
    session.status_changed.connect(lambda _uid, status: told.append(status.progress))
    for done in range(4):
        engine.on_view(done, 4)
        qtbot.waitUntil(lambda count=done + 1: len(told) == count)
        clock[0] += 2.0
    assert [progress.view for progress in told] == [1, 2, 3, 4]
    assert {progress.views for progress in told} == {4}
    assert [progress.seconds_left for progress in told] == [None, 6.0, 4.0, 2.0]
