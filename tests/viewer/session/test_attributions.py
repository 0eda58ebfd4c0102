"""Side, view and study by hand: said in a dialog, shown on the images, asked of the networks,
kept with readings, undone; and never a word in the study's folder.
"""

from itertools import product

import pytest
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QComboBox, QLineEdit, QTableWidget

from engine.domain import Laterality, ReadingMode, ViewPosition
from engine.records.store import ReadingStore
from tests.phantom import STANDARD_FOUR, write_plain
from tests.viewer.driver import (
    are_images_shown,
    canvases,
    choose,
    find,
    is_predicted,
    phase,
    press,
    rows,
    sign,
    use,
)
from viewer.panes.attribution_dialog import EACH_ALONE, ONE_STUDY, AttributionDialog
from viewer.shared.states import Phase

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CC, MLO = ViewPosition.CC, ViewPosition.MLO


@pytest.fixture
def pictures(tmp_path):
    """As a photographed folder is: nothing in the names."""
    folder = tmp_path / "scans"
    for number, (side, view) in enumerate(STANDARD_FOUR, start=1):
        write_plain(folder / f"IMG_{number}.png", laterality=side, view=view, seed=number)
    return folder


def open_(qtbot, window, folder):
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        window.open([folder])
    window.session.inference.start()
    sign(qtbot, window)
    window.assessment.reader.editingFinished.emit()


def ask(window):
    use(window, "attribute")
    (dialog,) = window.findChildren(AttributionDialog)
    return dialog


def select(dialog, *names):
    table = dialog.findChild(QTableWidget)
    files = [table.item(row, 0).text() for row in range(table.rowCount())]
    table.clearSelection()
    mode = table.selectionModel().SelectionFlag
    for name in names:
        index = table.model().index(files.index(name), 0)
        table.selectionModel().select(index, mode.Select | mode.Rows)


def set_box(dialog, name, value):
    box = find(dialog, QComboBox, name)
    box.setCurrentIndex(box.findData(value))


def say(qtbot, dialog, **what):
    names = {"side": "Side of", "view": "View of", "study": "Study of"}
    for kind, value in what.items():
        if kind == "patient":
            find(dialog, QLineEdit, "Patient ID").setText(value)
        else:
            set_box(dialog, f"{names[kind]} the selected images", value)
    press(qtbot, dialog, "Apply")


def join_all(qtbot, dialog):
    for number, (position, side) in enumerate(product((CC, MLO), (RIGHT, LEFT)), start=1):
        select(dialog, f"IMG_{number}.png")
        say(qtbot, dialog, side=side, view=position)
    select(dialog, *(f"IMG_{number}.png" for number in range(1, 5)))
    say(qtbot, dialog, study=ONE_STUDY, patient="A-7")


def labels(window):
    study = window.session.current_study
    return [view.label for view in study.views]


def test_pictures_become_a_study_that_hangs_is_judged_and_read(
    window, pictures, readings_path, qtbot
):
    before = {path: path.read_bytes() for path in pictures.iterdir()}
    open_(qtbot, window, pictures)
    assert len(rows(window)) == 5  # and a note that they may be of several patients
    join_all(qtbot, ask(window))
    (row,) = [row for row in rows(window) if row.study is not None]
    assert row.study.patient_id == "A-7"
    assert labels(window) == ["R CC", "L CC", "R MLO", "L MLO"]
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    asked, _ = window.session.inference, None
    assert asked.progress == (1, 1)
    assert [b.laterality for b in window.prediction.prediction.breasts] == [RIGHT, LEFT]
    qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)
    for canvas in canvases(window):
        assert "by hand" in canvas.text.warnings()
        assert "by hand" in canvas.accessibleName()
    choose(qtbot, window, RIGHT, "2")
    choose(qtbot, window, LEFT, "1")
    window.assessment.save()
    with ReadingStore(readings_path) as store:
        assert {r.by_hand for r in store.all()} == {("laterality", "study", "view")}
    assert {path: path.read_bytes() for path in pictures.iterdir()} == before


def test_what_was_said_is_there_at_the_next_start(window, make_window, pictures, qtbot):
    open_(qtbot, window, pictures)
    join_all(qtbot, ask(window))
    assert window.close()
    again = make_window()
    open_(qtbot, again, pictures)
    assert labels(again) == ["R CC", "L CC", "R MLO", "L MLO"]


def test_ctrl_z_takes_back_step_by_step_what_was_said(window, pictures, qtbot):
    open_(qtbot, window, pictures)
    dialog = ask(window)
    select(dialog, "IMG_1.png", "IMG_2.png")
    say(qtbot, dialog, side=RIGHT, study=ONE_STUDY, patient="A-7")
    say(qtbot, dialog, side=LEFT)
    assert labels(window) == ["L ?", "L ?"]
    use(window, "undo")
    assert labels(window) == ["R ?", "R ?"]
    use(window, "undo")
    assert labels(window) == ["? ?"]
    assert sum(row.study is not None for row in rows(window)) == 4


def test_a_study_is_taken_apart_and_what_was_said_taken_back(window, pictures, qtbot):
    open_(qtbot, window, pictures)
    dialog = ask(window)
    names = [f"IMG_{number}.png" for number in range(1, 5)]
    select(dialog, *names)
    say(qtbot, dialog, study=ONE_STUDY, patient="A-7")
    select(dialog, *names[:2])
    say(qtbot, dialog, study=EACH_ALONE, patient="A-8")
    patients = sorted(row.study.patient_id for row in rows(window) if row.study is not None)
    assert patients == ["A-7", "A-8", "A-8"]
    select(dialog, *names)
    press(qtbot, dialog, "Take back")
    assert sum(row.study is not None for row in rows(window)) == 4


def test_a_headers_side_is_overridden_only_with_a_tick_and_the_image_says_so(
    window, write_studies, qtbot
):
    open_(qtbot, window, write_studies(1))
    dialog = ask(window)
    select(dialog, "RCC.dcm")
    set_box(dialog, "Side of the selected images", LEFT)
    assert not find(dialog, QAbstractButton, "Apply").isEnabled()
    tick = find(dialog, QCheckBox, "Override what the files themselves say")
    tick.setChecked(True)
    press(qtbot, dialog, "Apply")
    view = next(v for v in window.session.current_study.views if v.path.name == "RCC.dcm")
    assert view.laterality is LEFT
    canvas = next(c for c in canvases(window) if c.image.view.image_uid == view.image_uid)
    qtbot.waitUntil(lambda: "check side" in canvas.text.warnings(), timeout=10_000)
    assert "header says R" in canvas.text.warnings()
    assert not tick.isChecked() or not tick.isVisible()  # it was of that choice alone


def test_a_side_that_changed_is_asked_anew_and_the_rest_is_not(
    window, engine, write_studies, qtbot
):
    open_(qtbot, window, write_studies(2))
    qtbot.waitUntil(lambda: window.session.inference.progress == (2, 2), timeout=10_000)
    first = window.session.current_study.uid
    engine.asked.clear()
    dialog = ask(window)
    select(dialog, "RCC.dcm")
    find(dialog, QComboBox, "Side of the selected images").setCurrentIndex(2)
    find(dialog, QCheckBox, "Override").setChecked(True)
    press(qtbot, dialog, "Apply")
    qtbot.waitUntil(lambda: window.session.inference.progress == (2, 2), timeout=10_000)
    assert {uid for uid, _ in engine.asked} == {first}


def test_a_study_by_hand_is_as_hidden_as_any_in_a_blind_mode(make_window, pictures, qtbot):
    window = make_window(mode=ReadingMode.SECOND_READ)
    open_(qtbot, window, pictures)
    dialog = ask(window)
    select(dialog, "IMG_1.png")
    say(qtbot, dialog, side=RIGHT, view=CC, study=ONE_STUDY, patient="A-7")
    qtbot.waitUntil(lambda: window.session.inference.progress == (4, 4), timeout=10_000)
    assert phase(window) is Phase.BEFORE
    assert not is_predicted(window)
    choose(qtbot, window, RIGHT, "2")
    window.assessment.save()
    assert phase(window) is Phase.AFTER
    say(qtbot, dialog, side=LEFT)  # another breast: nothing was said of it
    assert phase(window) is Phase.BEFORE
    assert not is_predicted(window)


def test_unsaved_entries_are_not_left_under_another_side(window, pictures, qtbot):
    open_(qtbot, window, pictures)
    dialog = ask(window)
    select(dialog, "IMG_1.png")
    say(qtbot, dialog, side=RIGHT)
    choose(qtbot, window, RIGHT, "3")
    say(qtbot, dialog, side=LEFT)
    assert window.banner.message.title == "Unsaved entries"
    assert labels(window) == ["R ?"]


def test_it_needs_a_name_and_a_patient(window, pictures, qtbot):
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        window.open([pictures])
    dialog = ask(window)
    select(dialog, "IMG_1.png")
    set_box(dialog, "Side of the selected images", RIGHT)
    button = find(dialog, QAbstractButton, "Apply")
    assert not button.isEnabled()
    sign(qtbot, window)
    window.assessment.reader.editingFinished.emit()
    assert button.isEnabled()
    set_box(dialog, "Study of the selected images", ONE_STUDY)
    find(dialog, QLineEdit, "Patient ID").clear()
    assert not find(dialog, QAbstractButton, "Apply").isEnabled()


def test_images_of_different_folders_are_joined_where_the_reader_wants_them_listed(
    window, tmp_path, qtbot
):
    for number, (side, view) in enumerate(STANDARD_FOUR, start=1):
        path = tmp_path / "scans" / f"day {number % 2}" / f"IMG_{number}.png"
        write_plain(path, laterality=side, view=view, seed=number)
    open_(qtbot, window, tmp_path / "scans")
    dialog = ask(window)
    table = dialog.findChild(QTableWidget)
    assert table.rowCount() == 2  # of the open study's folder alone
    find(dialog, QCheckBox, "Images of the other folders").setChecked(True)
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert names == [f"day {number % 2}/IMG_{number}.png" for number in (2, 4, 1, 3)]
    for name, (position, side) in zip(names, product((CC, MLO), (RIGHT, LEFT)), strict=True):
        select(dialog, name)
        say(qtbot, dialog, side=side, view=position)
    select(dialog, *names)
    set_box(dialog, "Study of the selected images", ONE_STUDY)
    find(dialog, QLineEdit, "Patient ID").setText("A-7")
    assert "different folders" in dialog.hint.text()
    press(qtbot, dialog, "Apply")
    (row,) = [row for row in rows(window) if row.study is not None]
    assert (row.study.patient_id, len(row.study.views)) == ("A-7", 4)
    use(window, "undo")
    assert len([row for row in rows(window) if row.study is not None]) == 4


def test_where_everything_lies_in_one_folder_no_other_is_offered(window, pictures, qtbot):
    open_(qtbot, window, pictures)
    assert not ask(window).elsewhere_box.isVisible()
