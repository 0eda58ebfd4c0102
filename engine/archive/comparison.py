"""birads-engine archive compare: two runs over the same breasts, what changed and for whom.

Breasts are matched by study and side; each takes some 50 bytes of memory.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from engine import __version__
from engine.archive import parts
from engine.archive.labels import breast_key
from engine.archive.run import RunSettings
from engine.archive.tally import DIMENSIONS, ORDERED, OTHERS, UNSTATED
from engine.arrays import Array
from engine.evaluation import page
from engine.evaluation.metrics import GRADES, SUSPICIOUS
from engine.evaluation.page import BLUE, GREY, picture, quiet, section, table
from engine.plain_text import visible_text

_EXAMPLES = 20
_SHOWN = 25
_MOST_GROUPS = 500
_COLUMNS = (
    *("record", "unit", "study", "laterality", "category", "p_4_or_5", "p_malignant"),
    *DIMENSIONS,
)


@dataclass(frozen=True, eq=False)
class RunPredictions:
    """What a run said, sorted by the breast's key; category 0 and NaN where it was not judged."""

    keys: Array  #: uint64
    categories: Array  #: int8
    suspicion: Array  #: float32
    malignancy: Array  #: float32

    def at(self, keys: Array) -> "RunPredictions":
        """Of these breasts, which are all there."""
        places = np.searchsorted(self.keys, keys)
        return RunPredictions(
            keys, self.categories[places], self.suspicion[places], self.malignancy[places]
        )


def read(folder: Path) -> RunPredictions:
    """Raises StorageFailed."""
    keys, categories, suspicion, malignancy = [], [], [], []
    for batch in parts.batches(folder, _COLUMNS[:7]):
        rows = batch.to_pandas()
        rows = rows[rows["record"] == "breast"]
        keys.append(_keys(rows))
        categories.append(rows["category"].fillna(0).to_numpy(np.int8))
        suspicion.append(rows["p_4_or_5"].to_numpy(np.float32))
        malignancy.append(rows["p_malignant"].to_numpy(np.float32))
    empty = np.zeros(0)
    table_of_keys = np.concatenate([empty.astype(np.uint64), *keys])
    unique, places = np.unique(table_of_keys, return_index=True)
    return RunPredictions(
        unique,
        np.concatenate([empty.astype(np.int8), *categories])[places],
        np.concatenate([empty.astype(np.float32), *suspicion])[places],
        np.concatenate([empty.astype(np.float32), *malignancy])[places],
    )


def compare(folder_a: Path, folder_b: Path) -> dict[str, Any]:
    """Figures as JSON can hold them; groups and examples are told by B's rows.

    Raises StorageFailed.
    """
    a, b = read(folder_a), read(folder_b)
    shared = np.intersect1d(a.keys, b.keys, assume_unique=True)
    of_a, of_b = a.at(shared), b.at(shared)
    both = (of_a.categories > 0) & (of_b.categories > 0)
    contingency = np.zeros((6, 6), np.int64)
    np.add.at(contingency, (of_a.categories, of_b.categories), 1)
    shift = (of_b.suspicion - of_a.suspicion)[both]
    groups, examples = _walk(folder_b, of_a)
    return {
        "breasts": {"a": len(a.keys), "b": len(b.keys), "both": len(shared)},
        "judged_by_both": int(both.sum()),
        "contingency": contingency.tolist(),
        **_changes(of_a.categories[both], of_b.categories[both], shift),
        "shift_histogram": np.histogram(shift, bins=80, range=(-1, 1))[0].tolist(),
        "correlation": _correlation(of_a.suspicion[both], of_b.suspicion[both]),
        "groups": groups,
        "examples": examples,
    }


def _changes(a: Array, b: Array, shift: Array) -> dict[str, float | int | None]:
    number = len(a)
    return {
        "n": number,
        "changed": _share(a != b),
        "raised": _share(b > a),
        "lowered": _share(b < a),
        "raised_to_4_or_5": _share((b >= SUSPICIOUS) & (a < SUSPICIOUS)),
        "lowered_from_4_or_5": _share((a >= SUSPICIOUS) & (b < SUSPICIOUS)),
        "mean_shift": float(shift.mean()) if number else None,
        "mean_distance": float(np.abs(shift).mean()) if number else None,
    }


def _share(mask: Array) -> float | None:
    return float(mask.mean()) if len(mask) else None


def _correlation(a: Array, b: Array) -> float | None:
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return None
    return float(np.corrcoef(a, b)[0, 1])


class _Changed:
    """Counts of a group, from which the shares follow."""

    def __init__(self) -> None:
        self.n = self.changed = self.up = self.down = 0
        self.shift = 0.0

    def add(self, a: Array, b: Array, shift: Array) -> None:
        self.n += len(a)
        self.changed += int((a != b).sum())
        self.up += int(((b >= SUSPICIOUS) & (a < SUSPICIOUS)).sum())
        self.down += int(((a >= SUSPICIOUS) & (b < SUSPICIOUS)).sum())
        self.shift += float(shift.sum())

    def figures(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "changed": self.changed / self.n,
            "raised_to_4_or_5": self.up / self.n,
            "lowered_from_4_or_5": self.down / self.n,
            "mean_shift": self.shift / self.n,
        }


def _walk(folder: Path, of_a: RunPredictions) -> tuple[dict[str, Any], dict[str, Any]]:
    """Groups and the greatest changes, by the rows of B; `of_a` are the breasts of both."""
    groups: dict[str, dict[str, _Changed]] = {name: {} for name in DIMENSIONS}
    greatest: dict[str, list[tuple[float, int, dict[str, Any]]]] = {"raised": [], "lowered": []}
    for batch in parts.batches(folder, _COLUMNS):
        rows = batch.to_pandas()
        rows = rows[(rows["record"] == "breast") & rows["category"].notna()]
        if not len(of_a.keys) or not len(rows):
            continue
        keys = _keys(rows)
        places = np.minimum(np.searchsorted(of_a.keys, keys), len(of_a.keys) - 1)
        known = (of_a.keys[places] == keys) & (of_a.categories[places] > 0)
        rows, places = rows[known], places[known]
        before = of_a.categories[places]
        now = rows["category"].to_numpy(np.int8)
        shift = rows["p_4_or_5"].to_numpy(np.float32) - of_a.suspicion[places]
        for name in DIMENSIONS:
            said = rows[name].map(_name).to_numpy()
            for key in np.unique(said.astype(str)):
                mask = said == key
                kept = key if key in groups[name] or len(groups[name]) < _MOST_GROUPS else OTHERS
                group = groups[name].setdefault(str(kept), _Changed())
                group.add(before[mask], now[mask], shift[mask])
        _keep(greatest, rows, before, of_a.suspicion[places], shift)
    return (
        {
            name: {key: known[key].figures() for key in sorted(known)}
            for name, known in groups.items()
        },
        {
            kind: [told for *_, told in sorted(kept, key=lambda each: each[:2], reverse=True)]
            for kind, kept in greatest.items()
        },
    )


def _keep(
    greatest: Mapping[str, list[tuple[float, int, dict[str, Any]]]],
    rows: Any,
    before: Array,
    suspicion: Array,
    shift: Array,
) -> None:
    for kind, sign in (("raised", 1), ("lowered", -1)):
        for place in np.argsort(-sign * shift, kind="stable")[:_EXAMPLES]:
            if sign * shift[place] <= 0:
                break
            row = rows.iloc[int(place)]
            told = {
                "unit": int(row["unit"]),
                "study": row["study"],
                "laterality": row["laterality"],
                "category_a": int(before[place]),
                "category_b": int(row["category"]),
                "p_4_or_5_a": float(suspicion[place]),
                "p_4_or_5_b": float(row["p_4_or_5"]),
                "maker": row["maker"],
            }
            heapq.heappush(greatest[kind], (float(sign * shift[place]), -told["unit"], told))
            if len(greatest[kind]) > _EXAMPLES:
                heapq.heappop(greatest[kind])


def _keys(rows: Any) -> Array:
    pairs = zip(rows["study"], rows["laterality"], strict=True)
    return np.array([breast_key(*pair) for pair in pairs], np.uint64)


def _name(value: Any) -> str:
    if value is None or value != value:
        return UNSTATED
    return str(int(value)) if isinstance(value, float) else str(value)


# -------------------------------------------------------------------------------------------- page


def write(path: Path, runs: tuple[RunSettings, RunSettings], figures: Mapping[str, Any]) -> None:
    """Raises StorageFailed."""
    a, b = runs
    head = (
        f"<h1>Two runs compared</h1>"
        f'<p class="sub">A: {escape(a.model)} <code>{escape(a.model_sha256[:16])}</code>, birads-'
        f"engine {escape(a.program)} · B: {escape(b.model)} "
        f"<code>{escape(b.model_sha256[:16])}</code>, birads-engine {escape(b.program)} · "
        f"compared by {__version__}</p>"
    )
    sections = [
        _in_short(runs, figures),
        _contingency(figures),
        *(_group(name, figures["groups"][name]) for name in DIMENSIONS),
        _examples("Raised most", figures["examples"]["raised"]),
        _examples("Lowered most", figures["examples"]["lowered"]),
    ]
    page.write(path, "Two runs compared", head, sections)


def _in_short(runs: tuple[RunSettings, RunSettings], figures: Mapping[str, Any]) -> str:
    breasts = figures["breasts"]
    warning = ""
    if runs[0].has_identifiers != runs[1].has_identifiers:
        warning = (
            '<p class="warning">One run holds hashes and the other identifiers, so no breast can '
            "be matched: run both in the same way.</p>"
        )
    elif not breasts["both"]:
        warning = (
            '<p class="warning">The two have no breast in common. Hashes match only where both '
            "runs were made by one user's installation.</p>"
        )
    told = (
        f"{breasts['both']:,} breasts are in both ({breasts['a'] - breasts['both']:,} in A only, "
        f"{breasts['b'] - breasts['both']:,} in B only); both judged "
        f"{figures['judged_by_both']:,} of them. "
    )
    if figures["n"]:
        correlation = figures["correlation"]
        told += (
            f"The category changed in <b>{figures['changed']:.1%}</b> ({figures['raised']:.1%} up, "
            f"{figures['lowered']:.1%} down). <b>{figures['raised_to_4_or_5']:.1%}</b> rose to 4 "
            f"or 5, <b>{figures['lowered_from_4_or_5']:.1%}</b> fell from it. P(4 or 5) moved by "
            f"{figures['mean_shift']:+.3f} on average, by {figures['mean_distance']:.3f} in either "
            "direction" + ("." if correlation is None else f"; correlation {correlation:.2f}.")
        )
    return f"{warning}<section><h2>In short</h2><p>{told}</p></section>"


def _contingency(figures: Mapping[str, Any]) -> str:
    if not figures["n"]:
        return ""
    names = ["not judged", *map(str, GRADES)]
    lines = [
        [f"A {name}", *(f"{number:,}" for number in row)]
        for name, row in zip(names, figures["contingency"], strict=True)
    ]
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.subplots()
    counts = np.array(figures["shift_histogram"])
    axes.stairs(counts / counts.sum(), np.linspace(-1, 1, len(counts) + 1), fill=True, color=BLUE)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel="P(4 or 5) of B minus that of A", ylabel="breasts")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    quiet(axes)
    return section(
        "Who changed",
        table(["", *(f"B {name}" for name in names)], lines)
        + '<p class="caption">Rows: what A said; columns: what B says of the same breasts.</p>'
        + picture(figure, "Change of P(4 or 5)"),
    )


def _group(name: str, groups: Mapping[str, Any]) -> str:
    if not set(groups) - {UNSTATED}:
        return ""
    shown = sorted(groups, key=lambda key: -groups[key]["n"])[:_SHOWN]
    if name in ORDERED:
        shown.sort()
    lines = [
        [
            visible_text(key),
            f"{group['n']:,}",
            f"{group['changed']:.1%}",
            f"{group['raised_to_4_or_5']:.1%}",
            f"{group['lowered_from_4_or_5']:.1%}",
            f"{group['mean_shift']:+.3f}",
        ]
        for key, group in ((key, groups[key]) for key in shown)
    ]
    word = name.replace("_band", "")
    head = [word, "breasts", "changed", "rose to 4 or 5", "fell from it", "mean shift"]
    return section(f"By {word}", table(head, lines))


def _examples(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        [
            str(row["unit"]),
            visible_text(str(row["study"])),
            row["laterality"],
            f"{row['category_a']} → {row['category_b']}",
            f"{row['p_4_or_5_a']:.1%} → {row['p_4_or_5_b']:.1%}",
            visible_text(row["maker"] or "–"),
        ]
        for row in rows
    ]
    head = ["unit of B", "study", "breast", "category", "P(4 or 5)", "maker"]
    return section(title, table(head, lines))
