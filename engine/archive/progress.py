"""How far it is, on the terminal; in a log file a line a minute."""

import sys
import time
from typing import Any

from tqdm import tqdm

from engine.archive.run import RunProgress

_EVERY_S = 60.0  #: a line, where nobody looks at a terminal
_KNOWN_AFTER_S = 30.0  #: no speed is told before, while workers start
_REASONS = 3  #: of failures that are named


class _Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """With a speed that fits studies."""

    @property
    def format_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = super().format_dict
        since_start = (values["n"] - values["initial"]) / max(values["elapsed"], 1e-9)
        return values | {"per_minute": f"{60 * (values['rate'] or since_start):,.1f} a minute"}


class Terminal:
    """On standard error. No path and no identifier is shown."""

    def __init__(self) -> None:
        self._is_watched = sys.stderr.isatty()
        self._bar: Any = None
        self._logged_at = -_EVERY_S
        self._logged = -1  #: how many were done when it was told last
        self._started = time.monotonic()
        tqdm.monitor_interval = 0  # else it leaves a thread behind

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        sys.stderr.write(text + "\n")

    def listing(self, folders: int, files: int) -> None:
        text = f"listing: {folders:,} folders, {files:,} new files"
        if self._is_watched:
            self._line(text, is_last=False)
        elif self._is_due():
            sys.stderr.write(text + "\n")

    def judging(self, progress: RunProgress) -> None:
        if self._is_watched:
            self._draw(progress)
            return
        is_end = progress.done == progress.total != self._logged
        if not self._is_due() and not is_end:
            return
        self._logged = progress.done
        words = [f"{progress.done:,} of {progress.total:,} studies"]
        elapsed = time.monotonic() - self._started
        if progress.judged and (is_end or elapsed > _KNOWN_AFTER_S):
            per_minute = 60 * progress.judged / max(elapsed, 1e-9)
            left = (progress.total - progress.done) / per_minute
            words.append(f"{per_minute:,.1f} a minute")
            words += [f"{int(left // 60)} h {int(left % 60):02d} min left"] if left else []
        sys.stderr.write(", ".join(words + failure_texts(progress)) + "\n")

    def _is_due(self) -> bool:
        """Once a minute, the first time at once."""
        now = time.monotonic()
        if now - self._logged_at < _EVERY_S:
            return False
        self._logged_at = now
        return True

    def begin_judging(self) -> None:
        self._line("", is_last=True)
        self._started = time.monotonic()
        self._logged_at = -_EVERY_S

    def _draw(self, progress: RunProgress) -> None:
        if self._bar is None:
            self._bar = _Bar(
                total=progress.total,
                initial=progress.done,
                unit=" studies",
                dynamic_ncols=True,
                smoothing=0.05,
                bar_format="{n_fmt} of {total_fmt} |{bar}| {per_minute}, {remaining} left{postfix}",
            )
        self._bar.set_postfix_str("; ".join(failure_texts(progress)), refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def _line(self, text: str, *, is_last: bool) -> None:
        if not self._is_watched:
            return
        sys.stderr.write(f"\r{text}\x1b[K")
        if is_last:
            sys.stderr.write("\r")


def failure_texts(progress: RunProgress) -> list[str]:
    """The commonest failures of today, with their numbers."""
    common = progress.failures.most_common(_REASONS)
    rest = sum(progress.failures.values()) - sum(number for _, number in common)
    words = [f"{title}: {number:,}" for title, number in common]
    return words + ([f"other failures: {rest:,}"] if rest else [])
