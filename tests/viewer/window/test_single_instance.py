"""A second start hands its paths to the first and ends; nobody else can do more with that door."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalSocket

from viewer.window.single_instance import (
    LARGEST,
    MOST_CALLERS,
    MOST_PATHS,
    SingleInstance,
    paths_of,
)

ROOT = Path(__file__).parents[3]
SECOND_START = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from viewer.window.single_instance import SingleInstance
app = QCoreApplication([])
second = SingleInstance(Path(sys.argv[1]))
print(second.hand_over([Path(each) for each in sys.argv[2:]]))
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def first(folder, qapp):
    instance = SingleInstance(folder)
    assert not instance.hand_over([])
    yield instance
    instance.close()


def start_again(qtbot, folder, *paths):
    """Another process; what it says of whether its paths were taken."""
    child = subprocess.Popen(
        [sys.executable, "-c", SECOND_START, str(folder), *map(str, paths)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    qtbot.waitUntil(lambda: child.poll() is not None, timeout=30_000)
    return child.communicate()[0].strip()


def socket_of(folder):
    caller = QLocalSocket()
    caller.connectToServer(str(folder / "viewer.socket"))
    return caller


@pytest.mark.skipif(os.name == "nt", reason="pipes of Windows have no file")
def test_the_door_is_its_users_alone(first, folder):
    mode = (folder / "viewer.socket").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert not mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_a_second_start_hands_its_paths_over_as_absolute_ones(first, folder, qtbot):
    with qtbot.waitSignal(first.called, timeout=30_000) as called:
        taken = start_again(qtbot, folder, "/images/ä b", "scans")
    assert taken == "True"
    assert called.args == [(Path("/images/ä b"), ROOT / "scans")]


def test_a_start_without_paths_only_calls_the_window(first, folder, qtbot):
    with qtbot.waitSignal(first.called, timeout=30_000) as called:
        assert start_again(qtbot, folder) == "True"
    assert called.args == [()]


def test_the_next_start_is_the_first_again_also_after_a_crash(folder, qapp):
    instance = SingleInstance(folder)
    assert not instance.hand_over([])
    instance.close()
    (folder / "viewer.socket").touch()  # as a killed program leaves it
    again = SingleInstance(folder)
    assert not again.hand_over([])
    assert socket_of(folder).waitForConnected(1000)
    again.close()


@pytest.mark.parametrize(
    "words",
    [
        b"not JSON\n",
        b'{"open": "/etc"}\n',
        b"[1, 2]\n",
        b'["relative"]\n',
        b'["/a\\u0000b"]\n',
        b"[" * 30_000 + b"\n",
        json.dumps(["/a"] * (MOST_PATHS + 1)).encode() + b"\n",
        b"x" * (LARGEST + 10),
        b"",
    ],
)
def test_what_is_no_list_of_paths_opens_nothing_and_is_hung_up_on(first, folder, qtbot, words):
    with qtbot.assertNotEmitted(first.called):
        caller = socket_of(folder)
        assert caller.waitForConnected(1000)
        caller.write(words)
        caller.flush()
        ended = caller.state() is QLocalSocket.LocalSocketState.UnconnectedState
        if not ended:
            qtbot.waitUntil(
                lambda: caller.state() is QLocalSocket.LocalSocketState.UnconnectedState,
                timeout=6000,
            )
    assert caller.readAll().isEmpty()
    with qtbot.waitSignal(first.called, timeout=30_000):  # and it goes on hearing others
        assert start_again(qtbot, folder) == "True"


def test_many_silent_callers_do_not_hold_it_up_for_ever(first, folder, qtbot):
    callers = [socket_of(folder) for _ in range(MOST_CALLERS * 3)]
    qtbot.wait(2500)
    with qtbot.waitSignal(first.called, timeout=30_000):
        assert start_again(qtbot, folder) == "True"
    assert len(callers) == MOST_CALLERS * 3


def test_paths_are_read_strictly():
    assert paths_of(b"[]") == ()
    assert paths_of(b'["/a", "/b"]') == (Path("/a"), Path("/b"))
    assert paths_of(b'["/a", null]') is None
    assert paths_of(b'[""]') is None


def test_the_window_opens_what_another_start_was_given(window, write_studies, qtbot):
    window.showMinimized()
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        window.on_called((write_studies(1),))
    assert not window.isMinimized()
    assert window.isVisible()
