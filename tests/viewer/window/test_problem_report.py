"""A report of a problem: everything that helps, nobody's name, nothing that was not shown."""

import getpass
import io
import sys
import zipfile
from pathlib import Path

import pytest
from PySide6.QtCore import QProcess, Qt
from PySide6.QtWidgets import QListWidget, QPlainTextEdit

from engine.domain import NOTICE
from tests.viewer.driver import find
from viewer.panes.problem_dialog import WORDS, ProblemDialog
from viewer.window import problem_report
from viewer.window.settings import Settings


@pytest.fixture
def settings(tmp_path):
    settings = Settings(tmp_path / "settings.ini")
    settings.reader, settings.model_name = "Dr. Grey", "light"
    settings.add_recent([tmp_path / "Doe_Jane"])
    settings.set_protocol("Dr. Grey", settings.protocol("Dr. Grey"))
    return settings


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "logs").mkdir()
    home = Path.home()
    (tmp_path / "logs" / "viewer.log").write_text(f"{home}/x by {getpass.getuser()}\n")
    (tmp_path / "logs" / "viewer.log.1").write_text("older\n")
    (tmp_path / "logs" / "readings.sqlite").write_text("no log\n")
    return tmp_path / "logs"


def says(text: str) -> QProcess:
    process = QProcess()
    process.setProgram(sys.executable)
    process.setArguments(["-c", f"print({text!r})"])
    return process


def test_settings_and_logs_go_without_names_and_folders(settings, logs, qtbot):
    texts = problem_report.texts(settings, logs)
    assert list(texts) == ["versions.txt", "settings.txt", "logs/viewer.log", "logs/viewer.log.1"]
    whole = "\n".join(texts.values())
    for word in ("Grey", "Doe_Jane", "Dr.", str(logs), str(Path.home()), "geometry"):
        assert word not in whole
    assert texts["logs/viewer.log"] == "~/x by USER\n"
    assert "model: light" in texts["settings.txt"]
    assert "torch: " in texts["versions.txt"]
    assert "PySide6-Essentials: 6." in texts["versions.txt"]


def test_all_of_it_is_shown_before_it_is_saved(settings, logs, qtbot):
    dialog = ProblemDialog(
        problem_report.texts(settings, logs), "self-test.txt", says("All is well."), None
    )
    qtbot.addWidget(dialog)
    dialog.show()
    names, text = find(dialog, QListWidget, "Parts of the report"), dialog.findChild(QPlainTextEdit)
    assert not text.isReadOnly()
    text.setPlainText("It closed by itself.")
    rows = {names.item(row).text(): row for row in range(names.count())}
    names.setCurrentRow(rows["self-test.txt"])
    qtbot.waitUntil(lambda: "All is well." in text.toPlainText(), timeout=20_000)
    assert text.isReadOnly()
    shown = {}
    for name, row in rows.items():
        names.setCurrentRow(row)
        shown[name] = text.toPlainText()
    assert shown[WORDS] == "It closed by itself."
    with qtbot.waitSignal(dialog.saving) as saving:
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert {name: part.rstrip() for name, part in saving.args[0].items()} == {
        name: part.rstrip() for name, part in shown.items()
    }


def test_the_saved_file_holds_what_was_shown_and_the_notice(settings, logs):
    texts = problem_report.texts(settings, logs)
    with zipfile.ZipFile(io.BytesIO(problem_report.archive(texts.items()))) as zipped:
        held = {name: zipped.read(name).decode() for name in zipped.namelist()}
    assert held == {**texts, "notice.txt": NOTICE + "\n"}


def test_help_offers_the_report_and_closing_it_ends_the_self_test(window, qtbot):
    window.commands.trigger("report_problem")
    dialog = window.findChild(ProblemDialog)
    assert dialog.isVisible()
    process = dialog.findChild(QProcess)
    qtbot.waitUntil(lambda: process.state() is QProcess.ProcessState.Running)
    ended = []
    process.stateChanged.connect(ended.append)
    dialog.close()
    assert ended == [QProcess.ProcessState.NotRunning]
