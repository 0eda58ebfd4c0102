"""Sessions and windows over real files; only the engine is a fake that the test leads."""

import pytest
from pytestqt.qtbot import QtBot

from tests.phantom import write_study
from tests.viewer.fake_engine import FakeEngine


@pytest.fixture(autouse=True)
def _folders_are_small(monkeypatch):
    """However slow the machine: what is opened is listed to its end before it shows."""
    monkeypatch.setattr("engine.dicom.loading.FIRST_FOUND_S", 1e9)


PATIENCE_MS = 60_000  # what a machine with other work may take


class PatientBot(QtBot):
    """Waits for what has to come; that it comes in time is asked elsewhere."""

    def waitUntil(self, callback, *, timeout=PATIENCE_MS):
        super().waitUntil(callback, timeout=max(timeout, PATIENCE_MS))

    def waitSignal(self, signal, *, timeout=PATIENCE_MS, raising=True, **options):
        if raising:  # else it is waited whether nothing comes, in full
            timeout = max(timeout, PATIENCE_MS)
        return super().waitSignal(signal, timeout=timeout, raising=raising, **options)


@pytest.fixture
def qtbot(qapp, request):
    return PatientBot(request)


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def readings_path(tmp_path):
    return tmp_path / "data" / "readings.sqlite"


@pytest.fixture
def make_session(qtbot, engine, readings_path):
    """Builds sessions that are closed with the test; keywords as of `Session`."""
    from viewer.session.session import Session

    sessions = []

    def make(**options):
        session = Session(options.pop("engine", engine), readings_path, **options)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def session(make_session):
    return make_session()


@pytest.fixture
def stores(monkeypatch):
    """The stores of readings that sessions open, in order: for a test whose disk is to fail."""
    from engine.records.store import ReadingStore

    opened = []

    class Remembered(ReadingStore):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr("viewer.session.readings.ReadingStore", Remembered)
    return opened


@pytest.fixture
def write_studies(tmp_path):
    """Writes studies of four phantom views under one folder, patients A-1, A-2 …; returns it."""

    def write(count, name="studies", **settings):
        folder = tmp_path / name
        for number in range(1, count + 1):
            options = {
                "patient_id": f"A-{number}",
                "patient_name": f"Doe^Jane{number}",
                "rows": 96,
                "columns": 72,
                **settings,
            }
            write_study(folder / f"{number:02}", **options)
        return folder

    return write


@pytest.fixture
def make_window(qtbot, make_session, tmp_path):
    """Shows windows that share one user's settings and readings, as starts of the program do."""
    from viewer.window.main_window import MainWindow
    from viewer.window.settings import Settings

    def make(**options):
        window = MainWindow(make_session(**options), Settings(tmp_path / "settings.ini"), tmp_path)
        qtbot.addWidget(window)
        window.resize(1366, 768)
        window.show()
        qtbot.waitExposed(window)
        return window

    return make


@pytest.fixture
def window(make_window):
    return make_window()


@pytest.fixture
def annas_studies(tmp_path):
    """Anna's screenings of 2024, 2022 and 2019, and one of 2021 of another Anna."""

    def write(name, year, patient_id, born, seed=0):
        def edit(dataset):
            dataset.PatientBirthDate = born

        options = {"patient_name": "Example^Anna", "rows": 96, "columns": 72, "edit": edit}
        date = f"{year}0302"
        write_study(tmp_path / "all" / name, patient_id=patient_id, study_date=date, **options)

    write("1", 2024, "A-1", "19610412")
    write("2", 2022, "A-1", "19610412")
    write("3", 2019, "A-1", "19610412")
    write("4", 2021, "B-2", "19550101")
    return tmp_path / "all"


@pytest.fixture
def spanish(qapp):
    """For windows that are made after it."""
    from viewer.shared import languages

    languages.install(qapp, "es")
    yield
    languages.remove(qapp)


@pytest.fixture
def themed(qapp):
    """Fonts and paddings as the program has them."""
    from viewer.shared import theme

    style, palette, font = qapp.style().objectName(), qapp.palette(), qapp.font()
    theme.apply(qapp)
    yield
    qapp.setStyleSheet("")
    qapp.setStyle(style)
    qapp.setPalette(palette)
    qapp.setFont(font)
