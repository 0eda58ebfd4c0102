"""Whether a network may judge an image at all, as far as its pixels tell.

What the header tells is decided while loading (`MammogramView.out_of_scope`); here the image itself
is looked at: is there enough of it, does it look like a mammogram (`appearance`), and if
not, would its negative? A reason is one sentence for the reader.

What cannot be known: a cranio-caudal view turned upside down looks like one that is not, so only
obliques are refused for it; a mirrored breast looks like the other one.
"""

import numpy as np

from engine.domain import MammogramView, Pixels, ViewPosition
from engine.errors import UnsupportedImage
from engine.messages import Message, message
from engine.networks import appearance
from engine.networks.appearance import Appearance

_SMALLEST_SIDE = 64  #: pixels; a thumbnail or an icon, not an image that anyone reads
_FEWEST_LEVELS = 16  #: distinct grey values; a mammogram has hundreds, a text page or mask two

NOT_A_MAMMOGRAM = message("It does not look like a mammogram.")
INVERTED = message("It looks like a negative: export it with dense tissue bright.")
UPSIDE_DOWN = message("It looks upside down: turn it and open it again.")


def reason_not_to_judge(view: MammogramView, pixels: Pixels, image: np.ndarray) -> Message | None:
    """Why no network should judge the view, whose grey image (`preprocessing.grey`) is `image`.

    None if it may, or if no breast can be outlined: `preprocessing.prepare` then says so.
    Raises `IncompatibleCheckpoint` where the installation lacks what was learnt of mammograms.
    """
    if min(pixels.shape) < _SMALLEST_SIDE:
        rows, columns = pixels.shape
        return message(
            "The image is too small to judge ({columns} × {rows} pixels).",
            columns=columns,
            rows=rows,
        )
    used = np.bincount(pixels.stored.ravel()[::7], minlength=1)
    levels = int(np.count_nonzero(used))
    if levels == 1:
        return message("The image is blank.")
    if levels < _FEWEST_LEVELS:
        return message(
            "The image has only {count} grey levels, so it is no mammogram.", count=levels
        )
    return reason_by_appearance(image, view.pixel_aspect, view.view_position)


def reason_by_appearance(
    image: np.ndarray,
    pixel_aspect: float = 1.0,
    position: ViewPosition | None = None,
    known: Appearance | None = None,
) -> Message | None:
    """The same by the grey uint8 (rows, columns) image alone; `known` replaces what is shipped."""
    known = known or appearance.shipped()
    may_be_oblique = position in (None, ViewPosition.MLO)
    features = _described(known, image, pixel_aspect)
    if features is not None and known.accepts(features):
        is_oblique = position is ViewPosition.MLO
        if may_be_oblique and known.is_upside_down(features, is_oblique):
            return UPSIDE_DOWN
        return None
    if _is_mammogram(known, 255 - image, pixel_aspect):
        return INVERTED
    if features is None:
        return None
    if may_be_oblique and _is_mammogram(known, image[::-1], pixel_aspect):
        return UPSIDE_DOWN
    return NOT_A_MAMMOGRAM


def _is_mammogram(known: Appearance, image: np.ndarray, pixel_aspect: float) -> bool:
    features = _described(known, image, pixel_aspect)
    return features is not None and bool(known.accepts(features))


def _described(known: Appearance, image: np.ndarray, pixel_aspect: float) -> np.ndarray | None:
    """(features,); None where no breast is outlined."""
    try:
        frame = appearance.framed(image, pixel_aspect)
    except UnsupportedImage:
        return None
    features: np.ndarray = known.describe(frame[None])[0]
    return features
