"""report.html of a run over an archive: what came out, where it differs, what to look at."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from engine import __version__
from engine.archive.card import ALL, CardDistribution
from engine.archive.run import RunSettings
from engine.archive.tally import ORDERED, UNSTATED, greatest_distance, stability_index
from engine.arrays import Array
from engine.evaluation import page
from engine.evaluation.metrics import GRADES
from engine.evaluation.page import (
    BLUE,
    GRADE_COLOURS,
    GREY,
    INK,
    count,
    picture,
    quiet,
    section,
    table,
)
from engine.plain_text import visible_text

_TITLES = {
    "maker": "By maker",
    "machine": "By machine",
    "year": "By year of the study",
    "age_band": "By age",
    "density": "By density",
}
_SHOWN = 25  #: groups of a table, the largest
_DRAWN = 12  #: groups of a picture, where they have no order
_FEWEST = 200  #: breasts of a group whose drift is worked out; chance alone gives fewer 0.05
_SHIFTED, _OTHER = 0.1, 0.25  #: of the population stability index, as is customary
_COARSE = 50  #: bins of a drawn histogram


def write(
    path: Path,
    settings: RunSettings,
    figures: Mapping[str, Any],
    card: Mapping[str, CardDistribution],
) -> None:
    """Raises StorageFailed."""
    sections = [
        _in_short(figures, card),
        _distribution(figures, card),
        *(_by_group(name, title, figures, card) for name, title in _TITLES.items()),
        _scope(figures),
        _failures(figures),
        _drift(figures, card),
        _labels(figures),
        _definitions(),
    ]
    head = (
        f"<h1>What the {escape(settings.model)} network says of an archive</h1>"
        f'<p class="sub">{figures["studies"]:,} studies · '
        f"{count(figures['views'], 'view')} · checkpoint sha-256 "
        f"<code>{escape(settings.model_sha256[:16])}</code> · birads-engine {__version__}</p>"
    )
    page.write(path, f"Archive – {settings.model}", head, sections)


# ---------------------------------------------------------------------------------------- sections


def _in_short(figures: Mapping[str, Any], card: Mapping[str, CardDistribution]) -> str:
    breasts = figures["breasts"]
    warnings = []
    if len({sha256 for _, sha256, _ in figures["networks"]}) > 1:
        warnings.append("The rows are of more than one network: the figures below mix them.")
    if len(figures["programs"]) > 1:
        versions = ", ".join(sorted(figures["programs"]))
        warnings.append(f"More than one version of the program judged: {versions}.")
    index = card and stability_index(card[ALL].suspicion, np.array(figures["histogram"]))
    if index and index > _OTHER:
        warnings.append(
            "What the network says here is distributed otherwise than on the model card's data "
            f"(stability index {index:.2f}): the card's figures need not hold."
        )
    told = (
        f"Of {count(breasts['breasts'], 'breast')} the network judged {breasts['judged']:,} and "
        f"put <b>{_share(breasts['called_4_or_5'])}</b> into category 4 or 5; the mean probability "
        f"of 4 or 5 is <b>{_share(breasts['mean_p_4_or_5'])}</b>. "
        f"{_share(_ratio(figures['views_in_scope'], figures['views']))} of "
        f"{count(figures['views'], 'view')} were in scope. {_failed(figures['failures'])} failed."
    )
    notes = "".join(f'<p class="warning">{escape(text)}</p>' for text in warnings)
    return f"{notes}<section><h2>In short</h2><p>{told}</p></section>"


def _distribution(figures: Mapping[str, Any], card: Mapping[str, CardDistribution]) -> str:
    breasts = figures["breasts"]
    if not breasts["judged"]:
        return ""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    here = np.array([breasts["categories"][str(grade)] for grade in GRADES]) / breasts["judged"]
    places = np.arange(5)
    width = 0.42 if card else 0.8
    left.bar(places - (width / 2 if card else 0), here, width, color=BLUE, label="this archive")
    _draw_histogram(right, np.array(figures["histogram"]), BLUE, "this archive")
    if card:
        said = card[ALL]
        left.bar(
            places + width / 2,
            said.categories / said.categories.sum(),
            width,
            color=GREY,
            label=ALL,
        )
        _draw_histogram(right, said.suspicion, GREY, ALL)
    left.set_xticks(places, [str(grade) for grade in GRADES])
    left.set(xlabel="category", ylabel="of the breasts judged")
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set(xlabel="P(4 or 5)", ylabel="of the breasts judged", xlim=(0, 1))
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (left, right):
        quiet(axes)
        axes.legend(frameon=False, fontsize=10)
    lines = [
        [
            str(grade),
            f"{breasts['categories'][str(grade)]:,}",
            f"{here[grade - 1]:.1%}",
        ]
        for grade in GRADES
    ]
    return section(
        "What it says",
        picture(figure, "Categories and P(4 or 5)")
        + table(["category", "breasts", "share"], lines)
        + '<p class="caption">A network\'s category is a pattern like that training grade, no '
        "assessment.</p>",
    )


def _draw_histogram(axes: Axes, counts: Array, colour: str, label: str) -> None:
    coarse = counts.reshape(_COARSE, -1).sum(axis=1) / counts.sum()
    edges = np.linspace(0, 1, _COARSE + 1)
    axes.stairs(coarse, edges, color=colour, linewidth=2, label=label)


def _by_group(
    name: str, title: str, figures: Mapping[str, Any], card: Mapping[str, CardDistribution]
) -> str:
    groups: Mapping[str, Any] = figures["groups"][name]
    if not set(groups) - {UNSTATED}:
        return ""
    largest = sorted(groups, key=lambda key: -groups[key]["breasts"])[:_SHOWN]
    is_ordered = name in ORDERED
    shown = sorted(largest) if is_ordered else largest
    lines = [
        [
            visible_text(key),
            f"{group['breasts']:,}",
            f"{group['judged']:,}",
            *(_share(_ratio(group["categories"][str(grade)], group["judged"])) for grade in GRADES),
            _share(group["mean_p_4_or_5"]),
            _share(group["p90_p_4_or_5"]),
            _stability_text(card, figures["group_histograms"][name][key]),
        ]
        for key, group in ((key, groups[key]) for key in shown)
    ]
    head = [
        *(_TITLES[name].removeprefix("By "), "breasts", "judged", *map(str, GRADES)),
        *("mean P(4 or 5)", "90th percentile", "drift"),
    ]
    left_out = len(groups) - len(shown)
    rest = f'<p class="caption">{count(left_out, "smaller group")} left out.</p>'
    drawn = [key for key in shown if groups[key]["judged"]][: _SHOWN if is_ordered else _DRAWN]
    image = picture(_stacked(groups, drawn), title) if len(drawn) > 1 else ""
    return section(title, image + table(head, lines) + (rest if left_out else ""))


def _stacked(groups: Mapping[str, Any], keys: Sequence[str]) -> Figure:
    """Shares of the categories, a bar a group, with the mean of P(4 or 5) as a dot."""
    figure = Figure(figsize=(10, 0.9 + 0.38 * len(keys)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(keys))[::-1]
    left = np.zeros(len(keys))
    for grade in GRADES:
        part = np.array(
            [groups[key]["categories"][str(grade)] / groups[key]["judged"] for key in keys]
        )
        axes.barh(places, part, 0.72, left=left, color=GRADE_COLOURS[grade], label=str(grade))
        left += part
    means = [groups[key]["mean_p_4_or_5"] for key in keys]
    # counted from the right, where 4 and 5 lie
    axes.plot(1 - np.array(means), places, "D", color="white", markeredgecolor=INK, ms=7)
    axes.set_yticks(places, [_short(key) for key in keys])
    axes.set(xlim=(0, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    quiet(axes)
    axes.legend(
        ncols=6,
        frameon=False,
        fontsize=10,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        title="category; diamond: mean P(4 or 5), from the right",
        title_fontsize=10,
        alignment="left",
    )
    return figure


def _scope(figures: Mapping[str, Any]) -> str:
    reasons: Mapping[str, int] = figures["scope_reasons"]
    if not reasons:
        return ""
    lines = [
        [visible_text(reason), f"{number:,}", f"{number / figures['views']:.1%}"]
        for reason, number in list(reasons.items())[:_SHOWN]
    ]
    return section(
        "Out of scope",
        table(["why the network refused", "views", "of all views"], lines)
        + '<p class="caption">A refusal is no failure: the network says nothing rather than '
        "something of an image that it was not made for.</p>",
    )


def _failures(figures: Mapping[str, Any]) -> str:
    titles: Mapping[str, int] = figures["failure_titles"]
    if not titles:
        return ""
    lines = [[visible_text(title), f"{number:,}"] for title, number in titles.items()]
    return section(
        "Failures",
        table(["what happened", "files or studies"], lines)
        + '<p class="caption">Which they are stands in the parts (record = error) by the number '
        "of the unit, and under it in list.sqlite with their paths.</p>",
    )


def _drift(figures: Mapping[str, Any], card: Mapping[str, CardDistribution]) -> str:
    if not card:
        return section(
            "Drift",
            "<p>The network is not one that came with the program, so there are no data of a model "
            "card to compare with.</p>",
        )
    here = np.array(figures["histogram"])
    lines = []
    for name, said in card.items():
        index = stability_index(said.suspicion, here)
        distance = greatest_distance(said.suspicion, here)
        total = int(said.categories.sum())
        lines.append(
            [
                name,
                f"{total:,}",
                _share(said.categories[3:].sum() / total),
                "–" if index is None else f"{index:.2f}",
                _verdict(index),
                "–" if distance is None else f"{distance:.2f}",
            ]
        )
    head = ["compared with", "breasts", "called 4 or 5", "stability index", "", "KS distance"]
    return section(
        "Drift against the model card's data",
        table(head, lines)
        + '<p class="caption">P(4 or 5) of this archive’s breasts against what the network said of '
        "patients that it had not seen, by collection. A third of the card's views are of "
        "cancers, so an archive of screening differs from it as a whole and should be nearest to "
        "rsna, which is screening. The index by group stands in the tables above.</p>",
    )


def _stability_text(card: Mapping[str, CardDistribution], counts: Array) -> str:
    if not card or counts.sum() < _FEWEST:
        return "–"
    index = stability_index(card[ALL].suspicion, counts)
    return "–" if index is None else f"{index:.2f} {_verdict(index)}"


def _verdict(index: float | None) -> str:
    if index is None:
        return ""
    return "alike" if index < _SHIFTED else "shifted" if index < _OTHER else "other"


def _labels(figures: Mapping[str, Any]) -> str:
    met = figures["labels"]
    if met is None:
        return ""
    if not met["read"] and not met["cancers"] and not met["cancer_free"]:
        return section(
            "Against readings and pathology",
            f"<p>None of {met['given']:,} labelled breasts is among those that were judged.</p>",
        )
    body = ""
    if met["read"]:
        kappa = "–" if met["qwk"] is None else f"{met['qwk']:.2f}"
        same, near = _share(met["same"]), _share(met["within_one"])
        body += (
            f"<p>{count(met['read'], 'breast')} with a reader's category: the same "
            f"<b>{same}</b>, within one <b>{near}</b>, quadratic kappa <b>{kappa}</b>.</p>"
            + table(
                ["reader", *(f"network {grade}" for grade in GRADES)],
                [
                    [str(grade), *(f"{number:,}" for number in met["confusion"][grade - 1])]
                    for grade in GRADES
                ],
            )
        )
    if met["cancers"] or met["cancer_free"]:
        cancers, free = _share(met["cancers_called"]), _share(met["cancer_free_called"])
        area = "–" if met["auc"] is None else f"{met['auc']:.3f}"
        body += (
            f"<p>By pathology {count(met['cancers'], 'cancer')} and "
            f"{count(met['cancer_free'], 'breast')} without: called 4 or 5 "
            f"<b>{cancers}</b> and <b>{free}</b>; "
            f"AUC of P(4 or 5) <b>{area}</b>.</p>"
        )
    for kind, title in (
        ("missed", "Cancers that it calls least suspicious"),
        ("alarm", "Breasts without cancer that it calls most suspicious"),
        ("reading", "Farthest from the reader"),
    ):
        if met["worst"].get(kind):
            body += f"<h3>{title}</h3>" + _listed(met["worst"][kind])
    return section("Against readings and pathology", body)


def _listed(rows: Sequence[Mapping[str, Any]]) -> str:
    return table(
        ["unit", "study", "breast", "category", "P(4 or 5)", "reading", "pathology", "maker"],
        [
            [
                str(row["unit"]),
                visible_text(str(row["study"])),
                row["laterality"],
                str(row["category"]),
                f"{row['p_4_or_5']:.1%}",
                str(row["reading"] or "–"),
                row["pathology"] or "–",
                visible_text(row["maker"] or "–"),
            ]
            for row in rows
        ],
    )


def _definitions() -> str:
    return section(
        "What the words mean",
        "<dl><dt>Unit</dt><dd>What was judged together, as a rule one study; its number leads to "
        "the files in list.sqlite.</dd>"
        "<dt>P(4 or 5)</dt><dd>The calibrated probability of category 4 or 5, of a breast.</dd>"
        "<dt>Drift, stability index</dt><dd>How far P(4 or 5) of a group is distributed otherwise "
        "than on the model card's data: the population stability index over ten parts that hold a "
        f"tenth of these each. Below {_SHIFTED} alike, above {_OTHER} other. Groups of fewer than "
        f"{_FEWEST} breasts have none.</dd>"
        "<dt>KS distance</dt><dd>The greatest distance of the two cumulated distributions.</dd>"
        "</dl>",
    )


def _failed(number: int) -> str:
    return "1 file or study" if number == 1 else f"{number:,} files or studies"


def _short(text: str) -> str:
    text = visible_text(text)
    return text if len(text) <= 28 else text[:27] + "…"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
