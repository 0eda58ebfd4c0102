"""A disc whose names are markup, formulas, paths and controls is read from the first window to the
last export: they are words everywhere, nothing is opened, run or written elsewhere.
"""

import contextlib
import csv
import logging
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage, QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QWidget

from engine.domain import Agreement, BiradsCategory, Laterality, ReaderAssessment, ReadingMode
from engine.plain_text import REPLACEMENT
from tests.phantom import write_plain, write_study
from tests.viewer.driver import canvases, rows, use
from viewer.display.shown_image import ImageState
from viewer.output import pictures
from viewer.viewports.corner_text import OverlayOptions

UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
TALL = "L" * 65_000
NAMES = {  # patient's name, ID
    "markup": ("<b>BIG</b>^{bait}", "P<h1>BIG</h1>{bait}"),
    "control": ("A\x1b]0;pwn\x07B\x08", "P\x1b[31m\x7f"),
    "turned": ("\u202eevitagen\u2066^x", "RTL\u202e4321"),
    "formula": ("=cmd|'/c calc'!A1", "@SUM(1)"),
    "wide": ("\uff0b1", "\uff1d1+1"),
    "path": ("../../../tmp/evil", "../../evil"),
    "windows": ("C:\\evil", "\\\\server\\share\\x"),
    "format": ("%n %1 {0} {name}^%s", "%n{count}&x"),
    "tall": (TALL, TALL),
}
READERS = ("<b>Dr</b>{bait}", "=HYPERLINK(1)", "Dr\0\x1b\u202eX", "R" * 65_536, "%n {0}", "../../r")
FILES = ("=1+1_R_CC.png", "a\nb_L_CC.png", "\u202egnp_R_MLO.png", "\x1b[31m_L_MLO.png")
FILES += ("<img src='bait.png'>_R_CC.png", "C:\\evil_L_CC.png", "n" * 240 + "_R_CC.png")


@pytest.fixture
def bait(tmp_path):
    path = tmp_path / "bait.png"
    image = QImage(30, 20, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    image.save(str(path))
    return path


@pytest.fixture
def disc(tmp_path, bait):
    folder = tmp_path / "disc"
    lure = f'<img src="file://{bait}">'
    for key, (name, patient) in NAMES.items():

        def edit(dataset, key=key):
            dataset.StudyDescription = f"<b>D</b>{lure}" if key == "markup" else "D\x1b"
            dataset.SeriesDescription = dataset.Manufacturer = lure
            dataset.WindowCenterWidthExplanation = f"<b>{lure}"
            dataset.SOPInstanceUID = f"../../{key}/{dataset.InstanceNumber}"

        write_study(
            folder / key,
            patient_name=name.replace("{bait}", lure),
            patient_id=patient.replace("{bait}", lure),
            study_uid=f"/tmp/evil/{key}",
            views=(("R", "CC"),),
            rows=96,
            columns=72,
            edit=edit,
        )
    picture = write_plain(tmp_path / "a.png", rows=96, columns=72).read_bytes()
    for number, name in enumerate(FILES):
        path = folder / f"<b>names{number}" / name
        path.parent.mkdir()
        path.write_bytes(picture)
    undecodable = os.fsencode(folder) + b"/dir\xff<b>"
    os.mkdir(undecodable)
    with open(undecodable + b"/\xfe_R_CC.png", "wb") as file:
        file.write(picture)
    (folder / "<b>BROKEN.dcm").write_bytes(b"x" * 500)
    (folder / "<img src='bait.png'>.dcm").write_bytes(b"x" * 500)
    return folder


class Watch:
    """Which file is opened or read by anybody: inotify."""

    def __init__(self, path):
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK)
        opened_or_read = 0x20 | 0x1
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(path), opened_or_read) > 0

    def events(self):
        with contextlib.suppress(BlockingIOError):
            return os.read(self._descriptor, 65_536)
        return b""

    def close(self):
        os.close(self._descriptor)


def texts_of(thing: QObject):
    for name in (
        "text",
        "toolTip",
        "windowTitle",
        "accessibleName",
        "statusTip",
        "placeholderText",
    ):
        read = getattr(thing, name, None)
        with contextlib.suppress(TypeError):  # of a table's item, which wants a place
            if callable(read) and isinstance(words := read(), str):
                yield name, words


def may_be_markup(text: str) -> bool:
    """As Qt guesses: a tag in the first line."""
    return bool(re.search(r"<[!/]?[a-zA-Z][^<>]*>|&lt;", text.partition("\n")[0]))


def is_markup(label: QLabel) -> bool:
    return label.textFormat() is Qt.TextFormat.RichText or (
        label.textFormat() is Qt.TextFormat.AutoText and may_be_markup(label.text())
    )


def look_at_everything(where):
    """Every widget, action, cell and tool tip that there is, hidden ones too."""
    things = [*QApplication.allWidgets()]
    for widget in QApplication.topLevelWidgets():
        things += widget.findChildren(QAction)
    for thing in things:
        for name, words in texts_of(thing):
            assert not UNSEEN.search(words), (where, type(thing).__name__, name, words[:80])
            assert len(words) < 5000, (where, type(thing).__name__, name)
        if isinstance(thing, QLabel) and is_markup(thing):
            assert_plain(thing.text(), where)
        if isinstance(thing, QWidget) and may_be_markup(thing.toolTip()):
            assert_plain(thing.toolTip(), where)
        if isinstance(thing, QAbstractItemView) and (model := thing.model()) is not None:
            for row in range(model.rowCount()):
                for column in range(model.columnCount()):
                    index = model.index(row, column)
                    tip = index.data(Qt.ItemDataRole.ToolTipRole) or ""
                    words = index.data() or ""
                    assert not UNSEEN.search(tip + str(words)), (where, tip[:80], words)
                    assert len(tip) < 3000
                    if may_be_markup(tip):
                        assert_plain(tip, where)


def assert_plain(markup, where):
    """What is shown as rich text holds no element but those that the program writes itself."""
    elements = set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", markup))
    assert elements <= {"b", "br", "qt", "p", "a", "span", "html", "i"}, (where, markup[:200])
    document = QTextDocument()
    document.setHtml(markup)
    assert "\ufffc" not in document.toPlainText(), (where, markup[:200])
    assert "BIG" not in re.sub(r"&lt;.*?&gt;", "", "".join(re.findall(r"<b>(.*?)</b>", markup)))


def reading_of(study, number, bait):
    now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    reader = READERS[number % len(READERS)].replace("{bait}", f'<img src="file://{bait}">')
    return ReaderAssessment(
        study_uid=study.uid,
        image_uids=(study.views[0].image_uid,),
        patient_id=study.patient_id,
        laterality=Laterality.RIGHT,
        reader=reader,
        category=BiradsCategory.BENIGN,
        proposed_agreement=Agreement.DISAGREE,
        agreement=Agreement.DISAGREE,
        reason="",
        comment=f"{READERS[-1 - number % len(READERS)]}\n=2",
        prediction=None,
        reading_mode=ReadingMode.CONCURRENT,
        opened_at=now,
        recorded_at=now,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="inotify; and such names are legal there")
def test_a_hostile_disc_is_words_from_the_window_to_the_last_export(
    qtbot, make_window, disc, bait, tmp_path, caplog, monkeypatch
):
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)  # where a relative source of a picture would be found
    before = {path: path.read_bytes() for path in disc.rglob("*") if path.is_file()}
    window = make_window()
    session = window.session
    watch = Watch(bait)
    with qtbot.waitSignal(session.catalogue_opened, timeout=20_000):
        window.open([disc])
    session.inference.start()
    studies = [row.study for row in rows(window) if row.study is not None]
    assert len(studies) == len(NAMES) + len(FILES) + 1
    look_at_everything("opened")

    out = tmp_path / "out"
    out.mkdir()
    copies = []
    session.exporting.study_copied.connect(copies.append)
    for number, study in enumerate(studies):
        window.worklist.select(study.uid)
        qtbot.waitUntil(
            lambda: all(c.state is not ImageState.LOADING for c in canvases(window)), timeout=20_000
        )
        (canvas,) = canvases(window)
        for words, _ in canvas.text.top_lines():
            assert not UNSEEN.search(words)
            assert len(words) < 1000
        if canvas.view.laterality is Laterality.RIGHT:
            session.record(reading_of(study, number, bait))
        name = pictures.file_name(canvas)
        assert re.fullmatch(r"[A-Za-z_]+\.png", name)
        window.output.save_picture(canvas, OverlayOptions(identity=True), out / f"{number}-{name}")
        if number % 4 == 0:
            window.output.save_summary(out / f"{number}.pdf", True, True)
            for command in ("summary", "save_picture", "anonymise", "tools.ask_for_header"):
                use(window, command)
                qtbot.wait(30)
                look_at_everything(command)
                window.output.close_all()
        session.exporting.copy_anonymised(study, out / "copies", False)
        look_at_everything(study.patient_id[:20])
    use(window, "disagreements")
    look_at_everything("disagreements")
    window.fill_recent()
    look_at_everything("recent folders")
    qtbot.waitUntil(lambda: len(copies) == len(studies), timeout=30_000)
    use(window, "copy_picture")
    assert not QGuiApplication.clipboard().text()

    ids = [told.reading.record_id for told in session.all_readings()]
    assert len(ids) >= len(NAMES)
    exports = {"readings.csv": False, "without names.csv": True}
    for name, is_pseudonymised in exports.items():
        session.exporting.export_readings(out / name, is_pseudonymised=is_pseudonymised)
    for target, is_pseudonymised in (("training", True), ("images.csv", False)):
        with qtbot.waitSignal(session.exporting.training_written, timeout=30_000):
            session.exporting.write_training_data(out / target, ids, is_pseudonymised)
    for table in (*out.glob("*.csv"), *out.glob("training/*.csv")):
        with table.open(encoding="utf-8", newline="") as file:
            cells = [list(row.items()) for row in csv.DictReader(file)]
        # the paths of a manifest are what `train` opens: they stay what they are
        words = [cell for row in cells for key, cell in row if key != "file"]
        assert [cell for cell in words if UNSEEN.search(cell) or "\n" in cell] == [], table
        cells = [cell for row in cells for _, cell in row]
        told = [c for c in cells if c.startswith(FORMULA) and not re.fullmatch(r"-?[\d.]+", c)]
        assert told == []
    assert watch.events() == b""
    watch.close()

    assert {path: path.read_bytes() for path in disc.rglob("*") if path.is_file()} == before
    made = [path for path in out.rglob("*") if path.is_file()]
    assert len(made) > 2 * len(studies)
    assert all(re.fullmatch(r"[\w .-]+", path.name) for path in made)
    named = [path for path in tmp_path.rglob("*evil*") if disc not in path.parents]
    assert [*named, *tmp_path.parent.glob("*evil*")] == []
    assert not Path("/tmp/evil").exists()
    for copy in (path for path in made if path.suffix == ".dcm"):
        assert b"evil" not in copy.read_bytes()
        assert pydicom.dcmread(copy).PatientName != ""
    logged = caplog.text
    for words in ("evil", "BIG", "cmd|", "pwn", "LLLL", "RRRR", str(disc), REPLACEMENT):
        assert words not in logged
