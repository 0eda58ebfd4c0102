"""What a site has set: it counts whatever a reader chose, shows as locked and says why."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from engine.domain import ReadingMode
from engine.errors import EngineError
from engine.site_configuration import VARIABLE, Export, ReadingSettings, SitePolicy
from tests.viewer.driver import open_and_wait
from viewer.__main__ import starting_mode, starting_model
from viewer.shared.plain_text import PlainLabel
from viewer.window.configuration import show_refusal
from viewer.window.settings import Settings

ROOT = Path(__file__).parents[3]
POLICY = SitePolicy(
    notice="Study M-12 <b>only</b>",
    exports=frozenset({Export.SUMMARIES}),
    defaults=ReadingSettings(language="es"),
    locked=ReadingSettings("light", ReadingMode.SECOND_READ),
    because="Protocol 12/2026",
)


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path / "settings.ini", POLICY)


@pytest.fixture
def locked_window(qtbot, make_session, settings, tmp_path):
    from viewer.window.main_window import MainWindow

    session = make_session(model_name="light", mode=ReadingMode.SECOND_READ)
    window = MainWindow(session, settings, tmp_path)
    qtbot.addWidget(window)
    window.resize(1366, 768)
    window.show()
    qtbot.waitExposed(window)
    return window


def test_a_lock_counts_before_the_readers_word_and_that_before_the_sites_default(
    settings, tmp_path
):
    assert settings.language == "es"
    settings.language, settings.model_name = "en", "hybrid"
    settings.reading_mode, settings.compares_models = ReadingMode.CONCURRENT, True
    assert settings.language == "en"
    assert settings.model_name == "light"
    assert settings.reading_mode is ReadingMode.SECOND_READ
    settings.save()
    assert not settings.compares_models  # another model's answer beside the locked one's
    assert starting_mode(True, settings) is ReadingMode.SECOND_READ  # in a demo, too
    assert starting_model("both", settings) == "light"
    free = Settings(tmp_path / "settings.ini")
    assert (free.model_name, free.reading_mode) == ("hybrid", ReadingMode.CONCURRENT)
    assert starting_model("both", free) == "both"


def test_what_is_locked_shows_as_locked_with_the_reason(locked_window):
    window = locked_window
    for identity in ("model_both", "other_model", "mode_concurrent", "export", "anonymise"):
        action = window.commands.action(identity)
        assert not action.isEnabled(), identity
        assert "(locked)" in action.text()
        assert "Protocol 12/2026" in action.toolTip()
        action.setEnabled(True)  # as a presenter may
        assert not action.isEnabled(), identity
    assert window.commands.action("summary").isEnabled()
    assert window.commands.action("language_es").isEnabled()
    assert not window.menus.model_choice.isEnabled()
    assert "Protocol 12/2026" in window.menus.model_choice.toolTip()
    mode = window.menus.mode_button
    assert not mode.isEnabled()
    assert "Protocol 12/2026" in mode.toolTip()
    assert not window.disagreements.csv_button.isEnabled()
    assert "(locked)" in window.disagreements.training_button.text()


def test_the_sites_words_stand_in_the_window_as_they_are(locked_window):
    shown = [label for label in locked_window.findChildren(PlainLabel) if "M-12" in label.text()]
    assert [label.text() for label in shown] == [POLICY.notice]
    assert shown[0].isVisible()


def test_no_key_gets_around_a_lock(locked_window, write_studies, qtbot):
    open_and_wait(qtbot, locked_window, write_studies(1))
    locked_window.commands.trigger("other_model")
    locked_window.commands.trigger("mode_concurrent")
    assert locked_window.session.inference.model_name == "light"
    assert locked_window.session.mode is ReadingMode.SECOND_READ


def test_what_another_door_asks_for_is_refused_and_told(locked_window, tmp_path, qtbot):
    exporting = locked_window.session.exporting
    told: list[EngineError] = []
    exporting.failed.connect(told.append)
    assert exporting.export_readings(tmp_path / "readings.csv") is None
    exporting.write_training_data(tmp_path / "training", ())
    assert [str(error.title) for error in told] == ["Not allowed by this site"] * 2
    assert not (tmp_path / "readings.csv").exists()


def configuration(tmp_path, text: str) -> subprocess.CompletedProcess:
    path = tmp_path / "site.toml"
    path.write_text(text, "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "viewer", "--print-configuration"],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path), VARIABLE: str(path)},
        capture_output=True,
        text=True,
    )


def test_the_configuration_is_printed_with_whose_word_each_setting_is(tmp_path):
    answer = configuration(
        tmp_path,
        '[site]\ndata = "/srv/b"\nexports = ["pictures"]\n'
        '[site.defaults]\nlanguage = "es"\n'
        '[site.locked]\nmode = "second read"\nbecause = "Protocol"\n',
    )
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    for line in (
        f"site file: {tmp_path / 'site.toml'} (used)",
        "data: /srv/b (site)",
        "mode: second read (locked by site)",
        "language: es (site's default)",
        "model: both (program)",
        "export of pictures: allowed",
        "export of readings: closed (site)",
        "reason for locks: Protocol",
        "network: no nodes; receives nothing",
    ):
        assert line in lines


def test_a_file_that_cannot_be_used_is_told_and_nothing_is_guessed(tmp_path, qtbot):
    answer = configuration(tmp_path, '[site]\nmodle = "light"\n')
    assert answer.returncode == 2
    assert "unknown modle" in answer.stdout
    error = EngineError("Site configuration is not valid", "/etc/x: unknown modle.")
    seen = []

    def close():
        box = QApplication.activeModalWidget()
        seen.append((box.text(), box.informativeText()))
        box.done(QMessageBox.StandardButton.Ok)

    QTimer.singleShot(200, close)
    assert show_refusal(error) == 2
    assert seen == [("Site configuration is not valid", "/etc/x: unknown modle.")]
