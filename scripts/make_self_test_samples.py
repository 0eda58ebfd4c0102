"""Writes resources/self_test: one small phantom for each transfer syntax and plain format.

    python scripts/make_self_test_samples.py

reference.npy holds the stored values, uint16 (rows, columns), 12 bits, that all of them show;
phantom.dcm is a larger breast with a lesion, for the networks. `engine.self_test` reads them.
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests import phantom  # noqa: E402

FOLDER = ROOT / "resources" / "self_test"
ROWS, COLUMNS = 64, 48
UID_ROOT = "1.2.826.0.1.3680043.8.498.7"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    image = phantom.breast("R", "CC", ROWS, COLUMNS)
    values = phantom.stored_values(image, 12)
    np.save(FOLDER / "reference.npy", values.astype(np.uint16))
    for number, name in enumerate(phantom.TRANSFER_SYNTAXES, start=1):
        bits = 8 if name == "jpeg-baseline" else 12
        phantom.write_mammogram(
            FOLDER / f"{name}.dcm",
            values=phantom.stored_values(image, bits),
            bits_stored=bits,
            transfer_syntax=name,
            predictor=7 if name == "jpeg-lossless" else 1,
            sop_uid=f"{UID_ROOT}.{number}",
        )
    for name, bits in (("png-8", 8), ("png-16", 16), ("jpeg-8", 8), ("tiff-16", 16)):
        kind, _, _ = name.partition("-")
        phantom.write_plain(
            FOLDER / f"{name}.{kind}",
            values=phantom.stored_values(image, bits).astype(np.uint8 if bits == 8 else np.uint16),
            **({"level": 95} if kind == "jpeg" else {}),
        )
    phantom.write_mammogram(
        FOLDER / "phantom.dcm",
        rows=512,
        columns=384,
        lesion=(256, 250, 30),
        transfer_syntax="jpeg2000-lossless",
        sop_uid=f"{UID_ROOT}.100",
    )


if __name__ == "__main__":
    main()
