"""The manual opens from the Help menu, with its pictures, wherever the program runs."""

import re
import shutil

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QLabel

from engine.domain import NOTICE
from tests.viewer.driver import find, press, use
from viewer.window import manual
from viewer.window.manual import FOLDERS, Manual, anchor, find_manual, readable

DOCS = FOLDERS[1]


@pytest.fixture
def opened(window):
    use(window, "manual")
    return window.findChild(Manual)


def test_the_manual_stands_beside_the_images_with_its_pictures_and_the_notice(opened):
    assert opened.isVisible()
    assert not opened.isModal()
    assert "Open a study" in opened.browser.toPlainText()
    assert find(opened, QLabel, NOTICE).isVisible()
    shown = re.findall(r'<img src="([^"]+)"', opened.browser.toHtml())
    assert "screenshots/first_start.png" in shown
    for name in shown:
        image = opened.browser.loadResource(2, QUrl(name))
        assert 0 < image.width() / image.devicePixelRatio() <= manual.PICTURE_WIDTH, name


def test_the_contents_lead_to_a_task(opened, qtbot):
    titles = [opened.contents.item(n).text().strip() for n in range(opened.contents.count())]
    entry = opened.contents.item(titles.index("Find and change a key"))
    bar = opened.browser.verticalScrollBar()
    assert bar.value() == 0
    opened.contents.setFocus()
    opened.contents.setCurrentItem(entry)
    qtbot.keyClick(opened.contents, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bar.value() > 0)
    block = opened.browser.textCursor().block()
    assert block.text() == "Find and change a key"


def test_links_lead_to_headings_and_papers_that_are_here_and_nowhere_else(opened, qtbot):
    opened.follow(QUrl("#how-good-are-the-networks"))
    assert opened.browser.textCursor().block().text() == "How good are the networks?"
    opened.follow(QUrl("hospital_it.md"))
    assert "hospital IT" in opened.browser.toPlainText()
    press(qtbot, opened, "Back")
    assert "Manual for the reader" in opened.browser.toPlainText()
    opened.follow(QUrl("../resources/checkpoints/region.md"))
    assert "Manual for the reader" not in opened.browser.toPlainText()
    press(qtbot, opened, "Back")
    for elsewhere in (
        "https://example.org/x.md",
        "/etc/passwd",
        "../../x.md",
        "screenshots/hung.png",
    ):
        opened.follow(QUrl(elsewhere))
        assert "Manual for the reader" in opened.browser.toPlainText(), elsewhere
    assert not opened.back.isEnabled()


def test_no_picture_is_loaded_from_anywhere_but_beside_the_manual(opened, tmp_path):
    shutil.copy(DOCS / "screenshots" / "hung.png", tmp_path / "hung.png")
    for name in (f"file://{tmp_path}/hung.png", "https://example.org/hung.png", "../hung.png"):
        assert opened.browser.loadResource(2, QUrl(name)) is None, name


def test_every_link_within_the_manual_has_its_heading(opened):
    anchors = {anchor(text) for _, text, _ in opened.browser.headings()}
    text = (DOCS / "manual.md").read_text("utf-8")
    links = [part.split(")")[0] for part in text.split("](#")[1:]]
    assert links
    assert set(links) <= anchors


def test_the_manual_in_the_readers_language_goes_before_the_english_one(tmp_path):
    (tmp_path / "screenshots").mkdir()
    assert find_manual("es", (tmp_path,)) is None
    (tmp_path / "manual.md").write_text("# Manual", "utf-8")
    assert find_manual("es", (tmp_path / "gone", tmp_path)).name == "manual.md"
    (tmp_path / "manual.es.md").write_text("# Manual", "utf-8")
    assert find_manual("es", (tmp_path,)).name == "manual.es.md"
    assert find_manual("en", (tmp_path,)).name == "manual.md"


def test_an_installation_without_the_manual_says_so(window, monkeypatch):
    monkeypatch.setattr("viewer.window.main_window.find_manual", lambda _language: None)
    use(window, "manual")
    assert window.findChild(Manual) is None
    assert window.banner.message.title == "The manual is not installed"


def test_pictures_side_by_side_come_below_each_other_and_tables_stay():
    table = "| x | y |\n| --- | --- |\n| 1 | 2 |"
    pair = "| | |\n| --- | --- |\n| ![One](a.png) | ![Two](b.png) |"
    below = "![One](a.png)\n\n*One*\n\n![Two](b.png)\n\n*Two*"
    assert readable(f"{pair}\n\n{table}") == f"{below}\n\n{table}"
