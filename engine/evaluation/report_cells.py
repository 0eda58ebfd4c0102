"""Figures and their 95 % intervals as the report's text; a dash where there is none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.evaluation import page


def figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def interval(bounds: Sequence[float] | None, form: Callable[[float | None], str] = figure) -> str:
    return "–" if bounds is None else f"{form(bounds[0])} – {form(bounds[1])}"


def in_brackets(group: Mapping[str, Any], name: str, form: Callable[[float | None], str]) -> str:
    bounds = group["intervals"].get(name)
    return "" if bounds is None else f" ({form(bounds[0])} to {form(bounds[1])})"


def figure_and_interval(group: Mapping[str, Any], name: str) -> tuple[str, str]:
    return figure(group[name]), interval(group["intervals"].get(name))


def figure_and_bounds(group: Mapping[str, Any], name: str) -> str:
    if group[name] is None:
        return "–"
    bounds = group["intervals"].get(name)
    return f"{group[name]:.2f}" + (f"\n{bounds[0]:.2f}–{bounds[1]:.2f}" if bounds else "")


def share_and_bounds(group: Mapping[str, Any], name: str) -> str:
    if group[name] is None:
        return "–"
    bounds = group["intervals"].get(name)
    return page.share(group[name]) + (
        f"\n{page.share(bounds[0])}–{page.share(bounds[1])}" if bounds else ""
    )


def signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
