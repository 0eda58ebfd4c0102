"""Whether a network may judge an image at all, as far as its pixels tell.

What the header tells is decided while loading (`MammogramView.out_of_scope`); here the image itself
is looked at. A reason is one sentence for the reader.
"""

import numpy as np

from engine.domain import Pixels

_SMALLEST_SIDE = 64  #: pixels; a thumbnail or an icon, not an image that anyone reads
_FEWEST_LEVELS = 16  #: distinct grey values; a mammogram has hundreds, a text page or mask two


def reason_not_to_judge(pixels: Pixels) -> str | None:
    """Why no network should judge the image, before a breast is looked for; None if it may."""
    if min(pixels.shape) < _SMALLEST_SIDE:
        rows, columns = pixels.shape
        return f"The image is too small to judge ({columns} × {rows} pixels)."
    used = np.bincount(pixels.stored.ravel()[::7], minlength=1)
    levels = int(np.count_nonzero(used))
    if levels == 1:
        return "The image is blank."
    if levels < _FEWEST_LEVELS:
        return f"The image has only {levels} grey levels, so it is no mammogram."
    return None
