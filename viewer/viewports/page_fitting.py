"""One scale for all views of a page that are to be compared, given to their canvases.

Until the pixels of all are known, the scale is guessed from the headers, so that views neither wait
for each other nor jump at every arrival: they settle once, together.
"""

from collections.abc import Mapping, Sequence

from viewer.display.breast_box import BreastBox
from viewer.display.page_scale import Basis, fit, share
from viewer.display.shown_image import ImageState
from viewer.viewports.canvas import Canvas

_EXPECTED_WIDTH = 0.6  #: of a film's, that a breast takes; only until its pixels are there


def fit_canvases(
    canvases: Sequence[Canvas], in_millimetres: bool, coming: Mapping[Canvas, BreastBox]
) -> tuple[Basis | None, bool]:
    """What they have in common, and whether one of them is apart from that, being rotated.

    `in_millimetres`: some view of the whole page has a spacing. `coming`: the breasts of views
    whose pixels are there, and show in a moment.
    """
    is_settled = all(c.state is not ImageState.LOADING or c in coming for c in canvases)
    fits = [
        fit(
            canvas.view,
            _breast_size(canvas, is_settled, coming.get(canvas)),
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


def _breast_size(canvas: Canvas, is_settled: bool, coming: BreastBox | None) -> tuple[int, float]:
    """(rows, columns) that are to fit; expected ones until the page has settled."""
    box = coming or (canvas.image.display.breast if canvas.image.has_pixels else None)
    if is_settled and box is not None:
        return box.row_stop - box.row_start, box.column_stop - box.column_start
    return canvas.view.rows, canvas.view.columns * _EXPECTED_WIDTH
