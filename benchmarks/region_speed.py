"""How long a rectangle of a 24-megapixel mammogram takes, decoded already: first and next.

    python -m benchmarks.region_speed [CHECKPOINT]

Core-seconds on one thread: on a machine that does nothing else, no more than the time on the clock.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from engine.dicom.loading import load, load_pixels
from engine.domain import RegionOutOfScope
from engine.networks.region import RegionPredictor
from tests.phantom import write_mammogram

ROWS, COLUMNS, PIXEL_MM = 5928, 4048, 0.05
BOX = (3000, 2800, 3400, 3200)  #: 20 mm
REPEATS = 5


def main(checkpoint: Path | None) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    predictor = RegionPredictor(checkpoint)
    predictor.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        path = write_mammogram(
            Path(folder) / "R.dcm", rows=ROWS, columns=COLUMNS, imager_spacing=(PIXEL_MM,) * 2
        )
        view = load([path]).studies[0].views[0]
        pixels = load_pixels(view)
    spent = []
    for _ in range(1 + REPEATS):
        start = time.process_time()
        answer = predictor.predict(view, pixels, BOX)
        spent.append(time.process_time() - start)
        if isinstance(answer, RegionOutOfScope):
            raise SystemExit(answer.reason)
    sys.stdout.write(
        f"first rectangle of an image: {spent[0]:.3f} s (outline and appearance of the whole)\n"
        f"each further one: {np.median(spent[1:]):.3f} s\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
