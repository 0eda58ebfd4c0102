"""The first image is shown before the last checks of its stream, and taken away if they fail."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from tests.phantom import STANDARD_FOUR, write_mammogram
from tests.viewer.driver import canvases
from viewer.display.shown_image import ImageState

ROWS, COLUMNS = 512, 384


def write_study(folder, syntax):
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 300, (ROWS, COLUMNS))  # no coder writes runs of zeros for it
    breast = 3000 * np.clip(
        1 - np.hypot(*np.mgrid[-1 : 1 : ROWS * 1j, 0 : 1.2 : COLUMNS * 1j]), 0, 1
    )
    for side, view in STANDARD_FOUR:
        write_mammogram(
            folder / f"{side}{view}.dcm",
            laterality=side,
            view=view,
            values=(breast + noise).astype(np.uint16),
            transfer_syntax=syntax,
        )
    return folder


def lose_a_sector(path):
    """Of the compressed pixels, by zeros; the decoder does not mind."""
    data = bytearray(path.read_bytes())
    middle = len(data) - 20_000
    data[middle : middle + 512] = bytes(512)
    path.write_bytes(data)


@pytest.fixture
def seen(window, qtbot):
    """What the images told: (image uid, whether there were pixels), and thumbnails."""
    told = []
    images = window.session.images
    images.loaded.connect(lambda _, image, __: told.append((image, True)))
    images.failed.connect(lambda _, image, __: told.append((image, False)))
    images.thumbnail_made.connect(lambda study, _: told.append((study, True)))
    return told


def first_view(window):
    return window.session.current_study.views[0]


@pytest.mark.parametrize("syntax", ["jpeg2000-lossless", "jpeg-lossless-sv1"])
def test_a_first_image_with_a_lost_sector_does_not_stay_on_the_screen(
    window, seen, tmp_path, qtbot, syntax
):
    folder = write_study(tmp_path / "study", syntax)
    for path in folder.iterdir():
        lose_a_sector(path)
    window.open([folder])
    qtbot.waitUntil(
        lambda: {c.state for c in canvases(window)} == {ImageState.FAILED}, timeout=20_000
    )
    first = first_view(window)
    told = [had_pixels for image, had_pixels in seen if image == first.image_uid]
    if syntax.startswith("jpeg2000"):
        assert told == [True, False]
    assert told[-1] is False  # some damage is found before, or by the decoder
    key = (first.study_uid, first.image_uid)
    assert key not in window.session.images.cache
    assert (first.study_uid, True) not in seen, "a thumbnail of a damaged image"
    canvas = next(c for c in canvases(window) if c.view.image_uid == first.image_uid)
    assert canvas.image.failure[0]
    grey = canvas.grab().toImage().scaled(1, 1, mode=Qt.TransformationMode.SmoothTransformation)
    assert grey.pixelColor(0, 0).lightness() < 60


@pytest.mark.parametrize("syntax", ["jpeg2000-lossless", "jpeg-lossless-sv1"])
def test_a_whole_first_image_stays_and_has_its_thumbnail(window, seen, tmp_path, qtbot, syntax):
    window.open([write_study(tmp_path / "study", syntax)])
    qtbot.waitUntil(
        lambda: {c.state for c in canvases(window)} == {ImageState.SHOWN}, timeout=20_000
    )
    qtbot.waitUntil(lambda: (first_view(window).study_uid, True) in seen)
    assert all(had_pixels for _, had_pixels in seen)
