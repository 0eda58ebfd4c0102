"""One scale for all views of a page that are to be compared, given to their canvases.

Until all have arrived, the scale is guessed from the headers, so that views neither wait for each
other nor jump at every arrival: they settle once, together.
"""

from collections.abc import Sequence

from viewer.display.page_scale import Basis, fit, share
from viewer.display.shown_image import ImageState
from viewer.viewports.canvas import Canvas

_EXPECTED_WIDTH = 0.6  #: of a film's, that a breast takes; only until its pixels are there


def fit_canvases(canvases: Sequence[Canvas], in_millimetres: bool) -> tuple[Basis | None, bool]:
    """What they have in common, and whether one of them is apart from that, being rotated.

    `in_millimetres`: some view of the whole page has a spacing.
    """
    is_settled = all(canvas.state is not ImageState.LOADING for canvas in canvases)
    fits = [
        fit(
            canvas.view,
            _breast_size(canvas, is_settled),
            canvas.device_size(),
            canvas.state is not ImageState.FAILED,
            canvas.image.camera.orientation.is_transposed,
        )
        for canvas in canvases
    ]
    shared = share(fits, in_millimetres, is_settled)
    for canvas, own, scale, is_alike in zip(
        canvases, fits, shared.scales, shared.are_alike, strict=True
    ):
        canvas.set_fit(scale, own.unit)
        canvas.set_comparable(is_alike)
    return shared.basis, any(one.is_lying for one in fits)


def _breast_size(canvas: Canvas, is_settled: bool) -> tuple[int, float]:
    """(rows, columns) that are to fit; expected ones until the page has settled."""
    if is_settled and canvas.image.has_pixels:
        box = canvas.image.display.breast
        return box.row_stop - box.row_start, box.column_stop - box.column_start
    return canvas.view.rows, canvas.view.columns * _EXPECTED_WIDTH
