"""A page to read, print and file: its look, its tables and its pictures.

Self-contained; pictures are embedded as PNG and carry the notice themselves, so that they keep it
when they are copied out, and so does every printed page.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from engine.domain import NOTICE
from engine.errors import StorageFailed

# Okabe and Ito's colours, told apart by every reader.
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SERIES = (ORANGE, GREEN, PINK, "#56b4e9", "#e69f00")
GREY, INK = "#8a8f98", "#1c2430"
GRADE_COLOURS = {1: "#2166ac", 2: "#67a9cf", 3: "#e0b43a", 4: "#e66101", 5: "#a50026"}
_DPI = 110


def write(path: Path, title: str, head: str, sections: Iterable[str]) -> None:
    """`head` and `sections` are HTML; empty sections are left out. Raises StorageFailed."""
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f'<body><p class="notice">{NOTICE}</p><main>{head}{"".join(filter(None, sections))}</main>'
        f'<p class="notice foot">{NOTICE}</p></body></html>\n'
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StorageFailed("Report not written", f"{path.name}: {error.strerror}.") from error


def section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    def cells(tag: str, values: Sequence[str]) -> str:
        lines = (escape(str(value)).replace("\n", "<br>") for value in values)
        return "".join(f"<{tag}>{line}</{tag}>" for line in lines)

    body = "".join(f"<tr>{cells('td', line)}</tr>" for line in lines)
    return (
        f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def picture(figure: Figure, alternative: str) -> str:
    """The figure as an embedded PNG with the notice below it."""
    figure.set_dpi(_DPI)
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib types none of what is called
    canvas.draw()
    drawn = cv2.cvtColor(np.asarray(canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)
    strip = np.full((22, drawn.shape[1], 3), 255, np.uint8)
    cv2.putText(
        strip, NOTICE, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (90, 80, 70), 1, cv2.LINE_AA
    )
    encoded = cv2.imencode(".png", np.vstack([drawn, strip]), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    data = base64.b64encode(encoded.tobytes()).decode("ascii")
    return f'<img alt="{escape(alternative)}" src="data:image/png;base64,{data}">'


def percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#b8bec8")
    axes.tick_params(colors="#4a5260", labelsize=10)
    axes.set_axisbelow(True)


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


_STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #f4f5f7; color: #1c2430;
       font: 15px/1.5 "Segoe UI", system-ui, -apple-system, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 12px 20px 60px; }
h1 { font-size: 27px; font-weight: 600; margin: 22px 0 2px; }
h2 { font-size: 19px; font-weight: 600; margin: 0 0 10px; }
h3 { font-size: 15px; font-weight: 600; margin: 20px 0 6px; }
section { background: #fff; border: 1px solid #e1e4e9; border-radius: 8px; padding: 18px 22px;
          margin: 16px 0; }
.sub, .caption { color: #5a6372; font-size: 13.5px; }
.caption { max-width: 78ch; }
.notice { margin: 0; padding: 7px 20px; background: #1c2430; color: #fff; font-size: 13.5px;
          text-align: center; position: sticky; top: 0; z-index: 2; }
.notice.foot { position: static; }
.warning { background: #fff3e0; border-left: 5px solid #d55e00; padding: 10px 14px; margin: 14px 0;
           font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; margin: 6px 0; min-width: 40%; }
th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top; }
th { color: #5a6372; font-weight: 600; border-bottom: 1px solid #c9ced6; }
td { border-bottom: 1px solid #eceef1; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; display: block; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 18px; }
figure { margin: 0; break-inside: avoid; }
figure img { max-height: 380px; width: auto; margin: 0 auto; }
figcaption { font-size: 13px; margin-top: 6px; }
dt { font-weight: 600; font-size: 13.5px; }
dd { margin: 0 0 8px; color: #5a6372; font-size: 13.5px; }
small { color: #5a6372; }
@media print {
  body { background: #fff; font-size: 11pt; }
  section { border: none; padding: 0; break-inside: auto; }
  img, table { break-inside: avoid; }
  .notice { position: fixed; top: 0; left: 0; right: 0; color: #000; background: #fff; }
  .notice.foot { position: fixed; top: auto; bottom: 0; }
  main { padding-top: 40px; padding-bottom: 40px; }
}
"""
