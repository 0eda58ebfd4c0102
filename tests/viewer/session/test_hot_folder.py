"""A watched folder brings what is complete into the worklist, and disturbs nobody."""

import shutil

import pytest
from PySide6.QtWidgets import QLabel

from tests.phantom import write_study
from tests.viewer.driver import are_images_shown, find, open_and_wait, rows, use
from viewer.session.hot_folder import HotFolder
from viewer.shared.delivery import Delivery


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def hot(qapp, clock):
    delivery = Delivery()
    hot = HotFolder(delivery, quiet_s=10, interval_ms=10, clock=clock)
    hot.told = []
    hot.arrived.connect(hot.told.append)
    yield hot
    delivery.stop()
    hot.close()


def look(qtbot, clock, seconds):
    """Time goes by, and the folder is looked through a few times."""
    qtbot.wait(120)
    clock.now += seconds
    qtbot.wait(120)


def test_a_folder_comes_when_it_has_not_grown_for_a_while_and_only_once(hot, clock, watched, qtbot):
    hot.watch(watched)
    study = watched / "1"
    study.mkdir()
    (study / "a.dcm").write_bytes(b"1")
    look(qtbot, clock, 9)
    assert hot.told == []
    (study / "b.dcm").write_bytes(b"1")
    look(qtbot, clock, 9)
    (study / "b.dcm").write_bytes(b"12")  # grows
    look(qtbot, clock, 9)
    assert hot.told == []
    look(qtbot, clock, 2)
    assert hot.told == [(study,)]
    look(qtbot, clock, 100)
    assert hot.told == [(study,)]


def test_it_comes_again_when_more_has_come(hot, clock, watched, qtbot):
    (watched / "1").mkdir()
    (watched / "1" / "a.dcm").write_bytes(b"1")
    hot.watch(watched)
    look(qtbot, clock, 11)
    (watched / "1" / "b.dcm").write_bytes(b"1")
    look(qtbot, clock, 11)
    assert hot.told == [(watched / "1",)] * 2


def test_a_part_is_no_image_and_keeps_the_rest_waiting_while_it_grows(hot, clock, watched, qtbot):
    study = watched / "1"
    study.mkdir()
    (study / "b.dcm.part").write_bytes(b"1")
    hot.watch(watched)
    look(qtbot, clock, 11)
    assert hot.told == []  # nothing but a part
    (study / "a.dcm").write_bytes(b"1")
    for size in range(2, 5):
        (study / "b.dcm.part").write_bytes(b"1" * size)
        look(qtbot, clock, 6)
    assert hot.told == []
    look(qtbot, clock, 11)
    assert hot.told == [(study,)]  # the part was left behind


def test_loose_files_come_together_and_links_are_not_followed(hot, clock, watched, tmp_path, qtbot):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.dcm").write_bytes(b"1")
    (watched / "link").symlink_to(elsewhere)
    for name in ("b.png", "a.png"):
        (watched / name).write_bytes(b"1")
    hot.watch(watched)
    look(qtbot, clock, 11)
    assert hot.told == [(watched / "a.png", watched / "b.png")]


def test_a_folder_that_cannot_be_reached_is_told_once_and_looked_for_again(
    hot, clock, watched, qtbot
):
    told = []
    hot.reachable_changed.connect(told.append)
    watched.rmdir()
    hot.watch(watched)
    qtbot.waitUntil(lambda: told == [False])
    qtbot.wait(100)
    watched.mkdir()
    qtbot.waitUntil(lambda: told == [False, True])


# -------------------------------------------------------------------------------- in the window


def patients(window):
    return [row.study.patient_id for row in rows(window) if row.study is not None]


def test_new_studies_join_the_worklist_and_the_open_one_stays_as_it_is(
    window, write_studies, tmp_path, qtbot
):
    open_and_wait(qtbot, window, write_studies(2))
    hung = []
    window.session.study_selected.connect(hung.append)
    write_study(tmp_path / "inbox" / "new", patient_id="N-1", rows=96, columns=72)
    window.session.hot_folder.arrived.emit((tmp_path / "inbox" / "new",))
    qtbot.waitUntil(lambda: patients(window) == ["A-1", "A-2", "N-1"], timeout=20_000)
    assert hung == []
    window.worklist.step(2)
    assert window.session.current_study.patient_id == "N-1"
    qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)


def test_where_nothing_is_open_the_first_arrival_hangs(window, tmp_path, qtbot):
    write_study(tmp_path / "inbox" / "new", patient_id="N-1", rows=96, columns=72)
    window.session.hot_folder.arrived.emit((tmp_path / "inbox" / "new",))
    qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)
    assert patients(window) == ["N-1"]


def test_two_that_arrive_at_once_both_come(window, write_studies, tmp_path, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    for name in ("N-1", "N-2"):
        write_study(tmp_path / "inbox" / name, patient_id=name, rows=96, columns=72)
        window.session.hot_folder.arrived.emit((tmp_path / "inbox" / name,))
    qtbot.waitUntil(lambda: patients(window) == ["A-1", "N-1", "N-2"], timeout=20_000)


def test_a_study_of_a_uid_that_is_there_is_told_apart(window, tmp_path, qtbot):
    write_study(tmp_path / "a", patient_id="A-1", study_uid="1.2.3", rows=96, columns=72)
    open_and_wait(qtbot, window, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    write_study(tmp_path / "b", patient_id="B-1", study_uid="1.2.3", rows=96, columns=72)
    window.session.hot_folder.arrived.emit((tmp_path / "b",))
    qtbot.waitUntil(lambda: sorted(patients(window)) == ["A-1", "B-1"], timeout=20_000)
    assert len(set(window.worklist.study_uids)) == 2


def test_the_folder_is_remembered_told_and_given_up(make_window, watched, qtbot):
    window = make_window()
    window.hot_folder.watch(watched)
    assert find(window, QLabel, "Watching").text() == "Watching inbox"
    assert window.commands.action("watch_folder").isChecked()
    assert window.close()
    again = make_window()
    assert again.session.hot_folder.folder == watched
    use(again, "watch_folder")
    assert again.session.hot_folder.folder is None
    assert again.settings.watched_folder is None
    with pytest.raises(LookupError):
        find(again, QLabel, "Watching")
