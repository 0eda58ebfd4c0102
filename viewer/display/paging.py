"""How what does not fit is parted: blocks into pages, and a height among two panes."""

from collections.abc import Sequence


def pages(heights: Sequence[int], room: int, gap: int) -> list[list[int]]:
    """The blocks' numbers by page, in their order: on each as many as fit, pixels.

    One that is taller than `room` has a page of its own.
    """
    parted: list[list[int]] = []
    filled = 0
    for number, height in enumerate(heights):
        if parted and filled + gap + height <= room:
            parted[-1].append(number)
            filled += gap + height
        else:
            parted.append([number])
            filled = height
    return parted


def shared_height(height: int, form: int, least: int, most: int, history: int) -> int:
    """Of `height` pixels, those for the prediction above the form; the form has the rest.

    `form` is what the form needs in any case, `history` what it likes to have for what was
    recorded before; `least` shows a prediction on one page, `most` is all that it can use. What is
    beyond the needs of both goes to the prediction first, but for a third to the history.
    """
    room = height - form
    if room <= least:
        return max(0, room)
    return min(most, room - min(history, (room - least) // 3))
