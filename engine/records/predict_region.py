"""`birads-engine predict-region`: one rectangle of one image, as a line of JSON."""

import argparse
import sys
from pathlib import Path

from engine.domain import FailedFile
from engine.errors import EngineError
from engine.records import exports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "exit code: 0 read (out of scope is no failure), 1 the file cannot be read, 2 wrong usage."
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a DICOM, PNG, JPEG or TIFF file with one image"
    )
    parser.add_argument(
        "--box",
        type=int,
        nargs=4,
        required=True,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="in the image's own pixels, x to the right and y down; X1 and Y1 are not part of it",
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="instead of the network that is shipped"
    )


def run(arguments: argparse.Namespace) -> int:
    from engine.dicom import loading
    from engine.networks.region import RegionPredictor

    x0, y0, x1, y1 = arguments.box
    if x0 >= x1 or y0 >= y1:
        raise _WrongUsage("Box is empty", "Say the left, upper, right and lower edge.")
    if arguments.file.is_dir() or arguments.file.name.upper() == "DICOMDIR":
        raise _WrongUsage("Not a file", f"{arguments.file}: name one image.")
    writer = exports.JsonLines(sys.stdout)
    predictor = RegionPredictor(arguments.checkpoint)
    catalogue = loading.load([arguments.file])
    for failure in catalogue.failures:
        writer.write(exports.failure_record(failure))
    if catalogue.failures:
        return 1
    if not catalogue.studies:
        raise _WrongUsage("Not an image", f"{arguments.file}: no image by name and content.")
    view = catalogue.studies[0].views[0]
    try:
        pixels = loading.load_pixels(view)
    except EngineError as error:
        writer.write(exports.failure_record(FailedFile(view.path, error.title, error.advice)))
        return 1
    writer.write(exports.region_record(view, predictor.predict(view, pixels, (x0, y0, x1, y1))))
    return 0


class _WrongUsage(EngineError):
    """The command line asks for something that cannot be."""
