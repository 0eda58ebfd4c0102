"""A session from PACS to PACS in the real window, with pictures of each step.

    python scripts/pacs_session.py [--size 1920x1080] [--out FOLDER]

Starts an Orthanc of its own on the local host (Debian: orthanc), gives it the exams of
`take_screenshots`, and reads one of them as a reader does: the node is entered and tested, the
study is found, fetched with its prior, read blind, its answer revealed, the results are sent; then
the study is fetched again as by another PC, and what came back is looked at. What the PACS holds in
the end is printed. Settings and readings are the script's own.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

SIZE = 1920, 1080
PATIENCE_S = 300
MALIGN, READER = "P_00820", "Dr A. Example"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="{}x{}".format(*SIZE))
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "docs" / "screenshots"
    )
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            os.environ[name] = str(home / name.lower())
        import take_screenshots

        platform = take_screenshots.offscreen(home, width, height)
        os.environ.setdefault("QT_QPA_PLATFORM", platform)
        take_screenshots.write_exams(home / "exams")
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from tests.orthanc import Orthanc

        with Orthanc(home / "orthanc", viewer_port=11119) as pacs:
            for path in sorted((home / "exams").rglob("*.dcm")):
                _upload(pacs.http, path)
            _Session(home, arguments.out, width, height, pacs).go()
            for kind, count in sorted(_held(pacs).items()):
                print(f"{count:3} {kind}")  # noqa: T201  what the program is for


def _upload(port: int, path: Path) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/instances", data=path.read_bytes(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        json.loads(answer.read())


def _held(pacs: object) -> dict[str, int]:
    counts: dict[str, int] = {}
    for instance in pacs.get("/instances"):
        tags = pacs.get(f"/instances/{instance}/simplified-tags")
        kind = f"{tags.get('Modality')}  {tags.get('SeriesDescription', '')}"
        counts[kind] = counts.get(kind, 0) + 1
    return counts


class _Session:
    def __init__(self, home: Path, out: Path, width: int, height: int, pacs: object) -> None:
        from PySide6.QtWidgets import QApplication

        from viewer.session.inference import start_engine
        from viewer.session.session import Session
        from viewer.shared import theme
        from viewer.window.main_window import MainWindow
        from viewer.window.settings import Settings

        self.app = QApplication.instance() or QApplication(sys.argv[:1])
        theme.apply(self.app)
        self.home, self.out, self.pacs = home, out, pacs
        self.session = Session(start_engine(None), home / "readings.sqlite")
        self.window = MainWindow(self.session, Settings(home / "settings.ini"), home)
        self.window.resize(width, height)
        self.window.show()

    def go(self) -> None:
        try:
            self._enter_the_node()
            self._find_and_open()
            self._read_blind()
            self._send()
            self._fetch_again()
        finally:
            self.window.close()
            self.session.close()

    # ------------------------------------------------------------------------------- the steps

    def _enter_the_node(self) -> None:
        from PySide6.QtWidgets import QAbstractButton

        from viewer.network.nodes_dialog import NodesDialog

        self.window.commands.trigger("dicom_nodes")
        dialog = self._shown(NodesDialog)
        self._press(dialog, QAbstractButton, "Add")
        dialog.name.setText("archive")
        dialog.ae_title.setText("ORTHANC")
        dialog.host.setText("127.0.0.1")
        dialog.port.setValue(1)
        dialog.tls.security.setCurrentIndex(1)
        self._press(dialog, QAbstractButton, "Test this node")
        self._wait(lambda: "Nothing listens" in dialog.message.text())
        self._save("pacs_node_refused", dialog)
        dialog.port.setValue(self.pacs.dicom)
        dialog.own_title.setText("VIEWER")
        dialog.tls.is_accepted.setChecked(True)
        self._press(dialog, QAbstractButton, "Test this node")
        self._wait(lambda: "answers" in dialog.message.text())
        self._press(dialog, QAbstractButton, "Save")
        self._wait(lambda: self.session.network.is_on)
        self._save("pacs_node", dialog)
        dialog.close()

    def _find_and_open(self) -> None:
        from PySide6.QtWidgets import QAbstractButton

        from engine.domain import ReadingMode
        from viewer.network.pacs_dialog import PacsDialog

        self.window.choose_mode(ReadingMode.SECOND_READ)
        self.window.commands.trigger("open_pacs")
        dialog = self._shown(PacsDialog)
        dialog.patient_id.setText(MALIGN)
        self._press(dialog, QAbstractButton, "Find")
        self._wait(lambda: dialog.found.topLevelItemCount() == 2)
        started = time.monotonic()
        first: list[float] = []
        self.session.images.loaded.connect(lambda *_image: first.append(time.monotonic() - started))
        self._press(dialog, QAbstractButton, "Open")
        self._wait(lambda: bool(first))
        self._look(200)
        self._save("pacs_on_its_way", dialog)
        self._wait(lambda: all(t.is_over for t in self.session.retrieving.transfers))
        took = time.monotonic() - started
        self._wait(lambda: self._are_images_shown(8))
        print(f"first image after {first[0]:.2f} s, all 8 here after {took:.2f} s")  # noqa: T201
        self._save("pacs_fetched", dialog)
        dialog.close()

    def _read_blind(self) -> None:
        from PySide6.QtWidgets import QAbstractButton, QLineEdit

        from tests.viewer.driver import find

        study = self.session.current_study
        assert study.study_date.year == 2024, "the study that was asked for hangs"
        self._wait(lambda: self.session.status(study.uid).state.name == "DONE")
        self._look(500)
        self.window.commands.trigger("send_results")
        sending = self._shown_sending()
        self._save("pacs_sent_blind", sending)
        sending.close()
        field = find(self.window, QLineEdit, "Reader's name")
        field.setText(READER)
        field.editingFinished.emit()
        self._save("pacs_read_blind", self.window)
        for name in ("right breast, BI-RADS 2,", "left breast, BI-RADS 4B,"):
            self._press(self.window.assessment, QAbstractButton, name)
        self.window.commands.trigger("save")
        self._wait(lambda: not self.session.reading.phase.is_hidden)
        self._look(800)

    def _send(self) -> None:
        from PySide6.QtWidgets import QAbstractButton

        self.window.commands.trigger("send_results")
        sending = self._shown_sending()
        self._look(300)
        self._save("pacs_sending", sending)
        self._press(sending, QAbstractButton, "Send")
        self._wait(lambda: len(self.session.sending.entries) > 3)
        sending.tabs.setCurrentIndex(1)
        self._look(100)
        self._save("pacs_queue", sending)
        self._wait(lambda: not self.session.sending.entries and not self.session.sending.busy_nodes)
        sending.close()

    def _fetch_again(self) -> None:
        """As by another PC that has nothing of the study yet."""
        from PySide6.QtWidgets import QAbstractButton

        from engine.domain import ReadingMode
        from engine.pacs.inbox import default_folder
        from viewer.network.pacs_dialog import PacsDialog
        from viewer.panes.foreign_documents import ForeignDocumentsDialog

        shutil.rmtree(default_folder())
        self.window.choose_mode(ReadingMode.CONCURRENT)
        self.window.commands.trigger("open_pacs")
        dialog = self._shown(PacsDialog)
        self._press(dialog, QAbstractButton, "Find")
        self._wait(lambda: dialog.found.topLevelItemCount() == 2)
        self._press(dialog, QAbstractButton, "Open")
        self._wait(lambda: all(t.is_over for t in self.session.retrieving.transfers))
        dialog.close()
        self._wait(lambda: self._are_images_shown(8))
        words = lambda: self.session.foreign.words  # noqa: E731
        self._wait(lambda: words() is not None and len(words().documents) > 3)
        self._look(500)
        self._save("pacs_others_marks", self.window)
        self.window.commands.trigger("others_documents")
        documents = self._shown(ForeignDocumentsDialog)
        self._look(200)
        self._save("pacs_others_documents", documents)
        documents.close()

    # ----------------------------------------------------------------------------- hands and eyes

    def _shown(self, kind: type) -> object:
        self._wait(lambda: self.window.findChild(kind) is not None)
        dialog = next(d for d in self.window.findChildren(kind) if d.isVisible())
        self._look(100)
        return dialog

    def _shown_sending(self) -> object:
        from viewer.network.sending_dialog import SendingDialog

        return self._shown(SendingDialog)

    def _press(self, within: object, kind: type, words: str) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        from tests.viewer.driver import find

        QTest.mouseClick(find(within, kind, words), Qt.MouseButton.LeftButton)
        self._look(50)

    def _are_images_shown(self, count: int) -> bool:
        from viewer.display.shown_image import ImageState

        canvases = self.window.viewports.every_canvas
        return len(canvases) == count and all(c.state is ImageState.SHOWN for c in canvases)

    def _look(self, milliseconds: int) -> None:
        from PySide6.QtTest import QTest

        QTest.qWait(milliseconds)

    def _wait(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > end:
                self._save("pacs_stuck", self.window)
                raise SystemExit("what was waited for did not come; see pacs_stuck.png")
            self._look(30)

    def _save(self, name: str, widget: object) -> None:
        import take_screenshots

        self._look(50)
        take_screenshots.save(widget.grab().toImage(), self.out / f"{name}.png")


if __name__ == "__main__":
    main()
