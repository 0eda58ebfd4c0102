"""What the figures are worth, as the report's tables: within collections, sites and machines,
without the breast, and where a network was trained without one of the collections.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from engine.evaluation import controls, page
from engine.evaluation import report_cells as cells

_GROUP_AUCS = ("auc_malignant", "auc_4_or_5")
_OUTCOMES = ("_in_cancers", "_in_cancer_free")


def section(results: Mapping[str, Any]) -> str:
    """Empty where `results`, metrics.json's content, has no controls."""
    found = results.get("controls")
    if found is None:
        return ""
    machines = found["groups"]["machines"].items()
    pairs = [
        [
            *(f"pairs within {level}", ""),
            *(cells.figure_and_bounds(part, key) for key in _GROUP_AUCS),
            *[""] * 5,
        ]
        for level, part in controls.finer_levels(found["within"])
    ]
    body = _groups_table([*controls.named_groups(found["groups"]), *machines], pairs)
    body += (
        '<p class="caption">A figure over several collections is in part one of telling them '
        "apart, and within one machines and batches may stand in for disease: trust the lines "
        "below the first. “Pairs within”: how often a cancer ranks above another image of its own "
        "collection, site or machine. “Label 4–5” counts ranges too.</p>"
    )
    body += _operating_points(found["operating_points"])
    body += _without_the_breast(found["without_the_breast"])
    if found["blurred"]:
        body += (
            "<h3>Breasts blurred to nothing</h3>"
            + _groups_table(controls.named_groups(found["blurred"]))
            + '<p class="caption">The same network shown every breast as one even grey within its '
            "outline. There is no lesion to see: an AUC above 0.5 is none of mammography.</p>"
        )
    for name, groups in (found["left_out"] or {}).items():
        body += f"<h3>{escape(name)}, by a network trained without it</h3>" + _groups_table(
            controls.named_groups(groups)
        )
    return page.section("What the figures are worth", body)


def _groups_table(
    groups: Iterable[tuple[str, Mapping[str, Any]]], more: Iterable[list[str]] = ()
) -> str:
    head = [
        *("", "images (cancers)", "AUC malignancy", "AUC label 4–5", "cancer-free called 4–5"),
        *("cancers called 4–5", "1 called 4–5", "1–2 called 4–5", "1–2 called 1–2"),
    ]
    lines = [
        [
            name,
            f"{group['n']} ({group['n_cancers']})",
            *(cells.figure_and_bounds(group, key) for key in _GROUP_AUCS),
            *(
                cells.share_and_bounds(group, k)
                for k in controls.DEFINITIONS
                if k not in _GROUP_AUCS
            ),
        ]
        for name, group in groups
    ]
    return page.table(head, [*lines, *more])


def _operating_points(points: Mapping[str, Any] | None) -> str:
    if points is None:
        return ""
    lines = [
        [
            name,
            f"{float(budget):.0%}",
            cells.share_and_bounds(group, "cancer_free_called"),
            cells.share_and_bounds(group, "cancers_called"),
        ]
        for budget, groups in points.items()
        for name, group in groups.items()
    ]
    return (
        "<h3>At operating points chosen on other patients</h3>"
        + page.table(["", "may be called", "cancer-free called", "cancers called"], lines)
        + '<p class="caption">For each fold the limit of P(4 or 5) was set on the other folds, so '
        "that no more than the stated share of their cancer-free images lies above it.</p>"
    )


def _without_the_breast(collections: Mapping[str, Any] | None) -> str:
    lines = [
        [
            f"{name}{with_size}",
            str(part["n"]),
            cells.figure_and_bounds(part[key], "auc_malignant"),
            cells.figure_and_bounds(part[key], "auc_of_the_network"),
            f"{part[key]['lift']:+.3f}\n{cells.interval(part[key]['intervals']['lift'])}",
            *(cells.signed(part[key][f"correlation{where}"]) for where in ("", *_OUTCOMES)),
            cells.figure(part[key]["partial_r2"]),
            cells.figure(part[key]["share_explained"]),
        ]
        for name, part in (collections or {}).items()
        for key, with_size in (("statistics", ""), ("statistics_and_size", ", with size"))
        if part and part[key]
    ]
    if not lines:
        return ""
    head = [
        *("", "images", "AUC without the breast", "AUC of the network", "AUC gained by adding"),
        *("correlation", "in cancers", "in others", "partial R²", "share explained"),
    ]
    return (
        "<h3>What can be told without the breast</h3>"
        + page.table(head, lines)
        + '<p class="caption">Fifteen statistics of the stored image (levels used, extremes, mean, '
        "the edges; with size: that of the original) read by boosted trees, held out by patient. "
        "What they tell is the digitiser or the machine. Correlation and partial R² (given the "
        "outcome) are with the network's log-odds of malignancy; the share explained is how much "
        "of these the statistics foretell on new patients.</p>"
    )
