"""A large folder is read while its rest is being found, and nothing moves under the reader."""

import pytest
from PySide6.QtWidgets import QListView

from tests.phantom import write_mammogram, write_study
from viewer.display.shown_image import ImageState
from viewer.panes.worklist_items import row_at


@pytest.fixture
def found_at_once(_folders_are_small, monkeypatch):
    """What is complete shows after every single file, as if reading it had taken long."""
    monkeypatch.setattr("engine.dicom.loading.FIRST_FOUND_S", -1.0)
    monkeypatch.setattr("engine.dicom.loading.FOUND_AGAIN", 0.0)


def patients(window):
    model = window.worklist.findChild(QListView).model()
    rows = [row_at(model.index(n, 0)) for n in range(model.rowCount())]
    return [row.study.patient_id for row in rows if row.study is not None]


def selected(window):
    index = window.worklist.findChild(QListView).currentIndex()
    return row_at(index).study.patient_id


def open_to_the_end(qtbot, window, folder):
    sizes = []
    session = window.session
    session.catalogue_opened.connect(lambda catalogue: sizes.append(len(catalogue.studies)))
    session.catalogue_grown.connect(lambda catalogue, _new: sizes.append(len(catalogue.studies)))
    with qtbot.waitSignal(session.opening.finished, timeout=20_000):
        window.open([folder])
    qtbot.waitUntil(lambda: all_shown(window), timeout=20_000)
    return sizes


def all_shown(window):
    shown = list(window.viewports.every_canvas)
    return bool(shown) and all(canvas.state is ImageState.SHOWN for canvas in shown)


@pytest.mark.usefixtures("found_at_once")
def test_the_first_study_hangs_while_the_others_are_found_and_stays_as_it_is(
    qtbot, window, write_studies
):
    hung = []
    window.session.study_selected.connect(lambda study: hung.append(study and study.patient_id))
    sizes = open_to_the_end(qtbot, window, write_studies(6))
    assert sizes[0] < 6
    assert sizes[-1] == 6
    assert sizes == sorted(sizes)
    assert hung == ["A-1"]  # once, and never taken down
    assert selected(window) == "A-1"
    assert patients(window) == [f"A-{n}" for n in range(1, 7)]
    window.worklist.step(5)
    assert window.session.current_study.patient_id == "A-6"


def test_many_studies_come_to_the_list_some_at_a_time_in_their_order(
    qtbot, window, write_studies, monkeypatch
):
    monkeypatch.setattr("viewer.session.catalogue.GROWTH", 3)
    many, one = write_studies(8), write_studies(1, "first", patient_id="A-0", study_uid="1.9")
    open_to_the_end(qtbot, window, one)
    sizes, told = [], []
    window.session.catalogue_grown.connect(
        lambda catalogue, new: (sizes.append(len(catalogue.studies)), told.extend(new))
    )
    hung = []
    window.session.study_selected.connect(hung.append)
    window.session.catalogue.add([many])
    qtbot.waitUntil(lambda: len(patients(window)) == 9, timeout=20_000)
    assert sizes == [4, 7, 9]
    assert patients(window) == [f"A-{n}" for n in range(9)]
    assert [study.patient_id for study in told] == [f"A-{n}" for n in range(1, 9)]
    assert (hung, selected(window)) == ([], "A-0")


def test_a_folder_that_is_opened_is_listed_some_studies_at_a_time(
    qtbot, window, write_studies, monkeypatch
):
    monkeypatch.setattr("viewer.session.catalogue.GROWTH", 3)
    sizes = open_to_the_end(qtbot, window, write_studies(8))
    qtbot.waitUntil(lambda: len(patients(window)) == 8, timeout=20_000)
    assert sizes == [3, 6, 8]
    assert patients(window) == [f"A-{n}" for n in range(1, 9)]
    assert selected(window) == "A-1"


def test_what_is_still_to_come_to_the_list_is_dropped_with_it(
    qtbot, window, write_studies, monkeypatch
):
    monkeypatch.setattr("viewer.session.catalogue.GROWTH", 1)
    many, one = write_studies(6), write_studies(1, "first", patient_id="A-0", study_uid="1.9")
    other = write_studies(1, "other", patient_id="B-1", study_uid="1.8")
    open_to_the_end(qtbot, window, one)
    with qtbot.waitSignal(window.session.catalogue_grown, timeout=20_000):
        window.session.catalogue.add([many])
    open_to_the_end(qtbot, window, other)
    qtbot.wait(50)
    assert patients(window) == ["B-1"]


@pytest.mark.usefixtures("found_at_once")
def test_a_study_that_turns_out_to_have_another_view_hangs_again_with_it(qtbot, window, tmp_path):
    folder = tmp_path / "studies"
    for number in (1, 2):
        write_study(folder / f"{number}", patient_id=f"A-{number}", study_uid=f"1.2.{number}")
    late = folder / "3" / "again.dcm"
    write_mammogram(late, patient_id="A-1", study_uid="1.2.1", laterality="R", view="ML")
    hung = []
    window.session.study_selected.connect(lambda study: hung.append(study and len(study.views)))
    open_to_the_end(qtbot, window, folder)
    assert (hung[0], hung[-1]) == (4, 5)
    study = window.session.current_study
    assert study.patient_id == "A-1"
    assert [view.label for view in study.views][-1] == "R ML"


@pytest.mark.usefixtures("found_at_once")
def test_an_earlier_study_that_is_found_later_hangs_beside(qtbot, window, tmp_path):
    folder = tmp_path / "studies"

    def born(dataset):
        dataset.PatientBirthDate = "19600504"

    for year in (2024, 2022):
        options = {"study_date": f"{year}0302", "study_uid": f"1.2.{year}", "edit": born}
        write_study(folder / f"{2030 - year}", patient_id="A-17", **options)
    write_study(folder / "c", patient_id="A-18")
    open_to_the_end(qtbot, window, folder)
    session = window.session
    assert session.current_study.study_date.year == 2024
    assert [prior.study.study_date.year for prior in session.images.priors] == [2022]
    qtbot.waitUntil(lambda: len(list(window.viewports.every_canvas)) == 8, timeout=20_000)
