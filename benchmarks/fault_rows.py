"""A row of the table that `faults.py` prints."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Say = Callable[[str], None]  #: hears of progress


@dataclass(frozen=True)
class Row:
    """One kind of fault, and how often it ended how; what is left ended well."""

    what: str
    tried: int
    crashed: int = 0  #: an exception that has no words, a process that died or hung
    wrong: int = 0  #: something else than there was is shown or acknowledged, without a word
    refused: int = 0  #: with the reason
    slow: int = 0  #: over two seconds, of the processor where others use it too
    lost: int = 0  #: what was acknowledged or asked for and is not there
    remark: str = ""


def table(rows: Iterable[Row]) -> list[str]:
    """Markdown."""
    lines = [
        "| what | how many | crashed | wrong in silence | refused rightly | slow > 2 s | lost |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        numbers = (row.tried, row.crashed, row.wrong, row.refused, row.slow, row.lost)
        words = row.what + (f" ({row.remark})" if row.remark else "")
        lines.append(f"| {words} | " + " | ".join(f"{number:,}" for number in numbers) + " |")
    return lines
