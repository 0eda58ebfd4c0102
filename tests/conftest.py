"""What every test gets: no display, settings of its own, and a guard against what it leaves behind.

A test fails that leaves a thread running or logs at WARNING or above; one that expects such a
record asks for pytest's `caplog` and looks at it.
"""

import logging
import os
import sys
import threading
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers of pytest-xdist share the cores

import pytest

THREAD_GRACE_S = 5.0  # a worker may be finishing what it was told to stop
MOST_PROCESSES = 4  # of pytest-xdist; half a gigabyte each


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """`-n auto`: hyper-threads count, for most tests wait now and then."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)


def pytest_collection_modifyitems(items):
    """Slow tests do not count for coverage: what they reach others do, and tracing takes time."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker("no_cover")


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "matplotlib.font_manager":  # once on a new machine, if that is slow
            return
        self.messages.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def _no_unexpected_log(request):
    recorder = _Recorder()
    root = logging.getLogger()
    root.addHandler(recorder)
    yield
    root.removeHandler(recorder)
    if recorder.messages and "caplog" not in request.fixturenames:
        pytest.fail("Unexpected log records:\n" + "\n".join(recorder.messages), pytrace=False)


@pytest.fixture(autouse=True)
def _fresh_user_folders(tmp_path_factory, monkeypatch):
    """The developer's own settings and readings are never used."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        folder = home / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    if sys.platform != "linux":  # there Qt asks the system, not the environment
        from PySide6.QtCore import QStandardPaths

        QStandardPaths.setTestModeEnabled(True)


@pytest.fixture(autouse=True)
def _no_dangling_thread(_no_unexpected_log):
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREAD_GRACE_S
    while left := [thread for thread in threading.enumerate() if thread not in before]:
        if time.monotonic() > deadline:
            names = ", ".join(thread.name for thread in left)
            pytest.fail(
                f"Threads still running after the test: {names}. Close the session, executor or "
                "engine process that the test started; one that outlives a test belongs in a "
                "fixture of a wider scope that has started its threads before the test.",
                pytrace=False,
            )
        time.sleep(0.01)
