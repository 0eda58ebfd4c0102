"""Controls that stand beside every figure: is it the breast that is read, and at what price?

A figure over several collections is in part one of telling the collections apart, and within one
collection machines and batches can stand in for disease. So: the same figure within collection,
site and machine; how many cancer-free views are called 4 or 5; what operating points chosen on
other patients hold; what can be told without the breast (`borders`), and how much of the network's
score that explains; what the network says of breasts blurred to nothing (`preprocessing.blurred`);
and what a network predicts of a collection that it was trained without.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.arrays import FloatArray
from engine.evaluation import borders, metrics
from engine.evaluation.metrics import SUSPICIOUS
from engine.evaluation.row_predictions import RowPrediction
from engine.evaluation.table import Table, breast_table, image_table
from engine.training import dataset
from engine.training.dataset import ManifestRow

#: Shares of the cancer-free that may be called at the operating points.
BUDGETS = (0.25, 0.10)
LEVELS = ("collections", "sites", "machines")
_UNNAMED = "unnamed"
_FEWEST = 20  #: cases of either outcome below which the baseline is not taught

#: What each figure of a group means, in the order of the report.
DEFINITIONS: Mapping[str, str] = {
    "auc_malignant": "area under the ROC for malignant pathology",
    "auc_4_or_5": "area under the ROC of P(BI-RADS ≥ 4) for a label of 4 or 5 against one of at "
    "most 3, a reader's, a stand-in's or a range within",
    "cancer_free_called_4_or_5": "share of cancer-free cases called 4 or 5 (1 - specificity)",
    "cancers_called_4_or_5": "share of cancers called 4 or 5 (sensitivity)",
    "graded_1_called_4_or_5": "share of a reader's 1 called 4 or 5",
    "graded_1_or_2_called_4_or_5": "share of a reader's 1 and 2 called 4 or 5",
    "graded_1_or_2_called_1_or_2": "share of a reader's 1 and 2 called 1 or 2",
}


def measure(
    predictions: Sequence[RowPrediction],
    *,
    statistics: np.ndarray | None = None,
    blurred: Sequence[RowPrediction] | None = None,
    left_out: Mapping[str, Sequence[RowPrediction]] | None = None,
    resamples: int = metrics.RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """All controls, strict JSON; what cannot be measured, or was not asked for, is None.

    `statistics` are `borders.of_rows` of the predictions' rows, `blurred` predictions for the
    blurred breasts, `left_out` predictions by networks that were trained without the collection
    they are named by.
    """
    images = image_table(predictions)
    return {
        **_of_table(images, resamples, seed),
        "per_breast": _of_table(breast_table(predictions), resamples, seed),
        "operating_points": _operating_points(images, resamples, seed),
        "without_the_breast": None
        if statistics is None
        else without_the_breast(
            [prediction.row for prediction in predictions],
            statistics,
            images.cases.malignancy,
            resamples,
            seed,
        ),
        "blurred": None
        if blurred is None
        else _of_table(image_table(blurred), resamples, seed)["groups"],
        "left_out": None
        if left_out is None
        else {
            name: _of_table(image_table(others), resamples, seed)["groups"]
            for name, others in left_out.items()
        },
    }


# ----------------------------------------------------------- within collection, site and machine


def _of_table(table: Table, resamples: int, seed: int) -> dict[str, Any]:
    """Figures of each group, and the AUC over all pairs that lie within one group of a level."""
    groups: dict[str, dict[str, Any]] = {"all": _figures_of(table, resamples, seed)}
    named = {
        "collections": np.ones(len(table.cases), bool),
        "sites": table.sites != "",
        "machines": table.machines != "",
    }
    for level in LEVELS:
        names = origins(table, level)
        groups[level] = {
            str(name): _figures_of(table.take((names == name) & named[level]), resamples, seed)
            for name in np.unique(names[named[level]])
        }
    return {
        "groups": groups,
        "within": {level: _within(table, level, resamples, seed) for level in LEVELS},
    }


def origins(table: Table, level: str) -> np.ndarray:
    """Each case's collection, site or machine by its full name, as far as it is known; str (n,)."""
    names = [str(name) or _UNNAMED for name in table.datasets]
    if level != "collections":
        names = [f"{n} site {v}" if v else n for n, v in zip(names, table.sites, strict=True)]
    if level == "machines":
        names = [f"{n} machine {v}" if v else n for n, v in zip(names, table.machines, strict=True)]
    return np.array(names, str)


def _figures_of(table: Table, resamples: int, seed: int) -> dict[str, Any]:
    cases, calls = table.cases, table.cases.category >= SUSPICIOUS
    malignant, known = cases.malignant == 1, np.isfinite(cases.malignant)
    high, labelled = _label(table)
    benign_calls = cases.category <= 2
    graded_1 = (table.kinds == dataset.READER) & (cases.truth == 1)
    graded_1_or_2 = (table.kinds == dataset.READER) & ((cases.truth == 1) | (cases.truth == 2))
    has_folds = len(np.unique(table.folds)) > 1

    def share(of: np.ndarray, among: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return metrics.mean(of[among], weights[:, among])

    def figures_of(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "auc_malignant": metrics.auc(
                malignant[known], cases.malignancy[known], weights[:, known]
            ),
            # out of fold each fold has a network of its own, whose scores are on a scale of its own
            "auc_malignant_within_folds": metrics.auc_within(
                table.folds[known], malignant[known], cases.malignancy[known], weights[:, known]
            )
            if has_folds
            else np.full(len(weights), np.nan),
            "auc_4_or_5": metrics.auc(
                high[labelled], cases.suspicion[labelled], weights[:, labelled]
            ),
            "cancer_free_called_4_or_5": share(calls, known & ~malignant, weights),
            "cancers_called_4_or_5": share(calls, malignant, weights),
            "graded_1_called_4_or_5": share(calls, graded_1, weights),
            "graded_1_or_2_called_4_or_5": share(calls, graded_1_or_2, weights),
            "graded_1_or_2_called_1_or_2": share(benign_calls, graded_1_or_2, weights),
        }

    return {
        "n": len(cases),
        "n_patients": len(np.unique(cases.patients)),
        "n_cancers": int(malignant.sum()),
        "n_cancer_free": int((known & ~malignant).sum()),
        "n_4_or_5": int(high.sum()),
        "n_below_4": int((labelled & ~high).sum()),
        "n_graded_1": int(graded_1.sum()),
        "n_graded_1_or_2": int(graded_1_or_2.sum()),
        **metrics.with_intervals(figures_of, cases.patients, resamples, seed),
    }


def _label(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Whether a case's label is 4 or 5, and whether it says so or says the contrary; (n,) each.

    A range that holds both says neither.
    """
    cases = table.cases
    high = (cases.truth >= SUSPICIOUS) | (cases.low >= SUSPICIOUS)
    low = ((cases.truth > 0) & (cases.truth < SUSPICIOUS)) | (
        (cases.high > 0) & (cases.high < SUSPICIOUS)
    )
    return high, high | low


def _within(table: Table, level: str, resamples: int, seed: int) -> dict[str, Any]:
    """AUC over the pairs within one collection, site or machine; the finest known where none is."""
    cases, strata = table.cases, origins(table, level)
    known = np.isfinite(cases.malignant)
    high, labelled = _label(table)

    def figures_of(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "auc_malignant": metrics.auc_within(
                strata[known],
                cases.malignant[known] == 1,
                cases.malignancy[known],
                weights[:, known],
            ),
            "auc_4_or_5": metrics.auc_within(
                strata[labelled], high[labelled], cases.suspicion[labelled], weights[:, labelled]
            ),
        }

    return {
        "n_strata": len(np.unique(strata)),
        **metrics.with_intervals(figures_of, cases.patients, resamples, seed),
    }


# -------------------------------------------------------------------------------- operating points


def limit_for(suspicion: np.ndarray, budget: float) -> float:
    """The lowest limit that at most `budget` of these cancer-free cases lie above; (n,) in.

    A case is called where its P(4 or 5) is above the limit: ties with it are not.
    """
    allowed = int(np.floor(budget * len(suspicion) + 1e-9))
    ranked = np.sort(suspicion)[::-1]
    return float(ranked[allowed]) if allowed < len(ranked) else -np.inf


def _operating_points(table: Table, resamples: int, seed: int) -> dict[str, Any] | None:
    """Limits of P(4 or 5) chosen on the other folds and applied to each; None without folds.

    {budget: {group: …}}: every collection with both outcomes has limits of its own, under which
    its sites are counted too; "all" has common ones.
    """
    cases, folds = table.cases, table.folds
    if (folds < 0).any() or len(np.unique(folds)) < 2:
        return None
    malignant, free = cases.malignant == 1, cases.malignant == 0
    collections, sites = origins(table, "collections"), origins(table, "sites")
    wholes = {"all": np.ones(len(cases), bool)}
    wholes |= {str(name): collections == name for name in np.unique(collections)}
    result: dict[str, dict[str, Any]] = {}
    for budget in BUDGETS:
        found = result[str(budget)] = {}
        for name, inside in wholes.items():
            others = {int(k): inside & free & (folds != k) for k in np.unique(folds[inside])}
            if not (inside & malignant).any() or not all(part.any() for part in others.values()):
                continue
            limits = {k: limit_for(cases.suspicion[part], budget) for k, part in others.items()}
            above = cases.suspicion > np.array([limits.get(int(k), np.inf) for k in folds])
            parts = {name: inside}
            if name != "all":
                parts |= {str(site): inside & (sites == site) for site in np.unique(sites[inside])}
            for part, among in parts.items():
                found[part] = {
                    **_called(table.take(among), above[among], resamples, seed),
                    "limits": {str(k): limit for k, limit in limits.items()},
                }
    return result


def _called(table: Table, above: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
    malignant, free = table.cases.malignant == 1, table.cases.malignant == 0

    def figures_of(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "cancer_free_called": metrics.mean(above[free], weights[:, free]),
            "cancers_called": metrics.mean(above[malignant], weights[:, malignant]),
        }

    return {
        "n_cancers": int(malignant.sum()),
        "n_cancer_free": int(free.sum()),
        **metrics.with_intervals(figures_of, table.cases.patients, resamples, seed),
    }


# ------------------------------------------------------------------------------ without the breast


def without_the_breast(
    rows: Sequence[ManifestRow],
    statistics: np.ndarray,
    malignancy: np.ndarray | None = None,
    resamples: int = metrics.RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """{collection: what `borders` reach there, and what they explain of a network's malignancy}.

    `statistics` is (n, 15), NaN for images that could not be read; a collection with fewer than
    `_FEWEST` readable cases of either outcome is None. Under "statistics" the fifteen alone, under
    "statistics_and_size" with the size and shape of the original where the manifest knows them.
    `malignancy` (n,), probabilities, is left out where no network is judged.
    """
    outcome = np.array([np.nan if row.is_malignant is None else row.is_malignant for row in rows])
    collections = np.array([row.dataset or _UNNAMED for row in rows], str)
    usable = np.isfinite(outcome) & np.isfinite(statistics).all(axis=1)
    result: dict[str, dict[str, Any] | None] = {}
    for name in np.unique(collections):
        index = np.flatnonzero(usable & (collections == name))
        cancers = int((outcome[index] == 1).sum())
        if min(cancers, len(index) - cancers) < _FEWEST:
            result[str(name)] = None
            continue
        chosen = [rows[i] for i in index.tolist()]
        score = None if malignancy is None else borders.log_odds(malignancy[index])
        alone = sized = _beside(chosen, statistics[index], score, resamples, seed)
        sizes = np.stack([borders.sizes(row) for row in chosen])
        if borders.telling(sizes).any():
            both = np.hstack([statistics[index], sizes])
            sized = _beside(chosen, both, score, resamples, seed)
        result[str(name)] = {
            "n": len(chosen),
            "n_cancers": cancers,
            "statistics": alone,
            "statistics_and_size": sized,
        }
    return result


def _beside(
    rows: Sequence[ManifestRow],
    features: np.ndarray,
    score: np.ndarray | None,
    resamples: int,
    seed: int,
) -> dict[str, Any] | None:
    """The trees' own AUC in a collection and its sites, and how log-odds `score` (n,) stand to it.

    None where the folds do not allow it.
    """
    malignant = np.array([row.is_malignant for row in rows], bool)
    folds = borders.folds_of(rows)
    guess = borders.cross_fitted(features, malignant, folds)
    both = None if score is None else borders.lifted(score, features, malignant, folds)
    if np.isnan(guess).any() or (both is not None and np.isnan(both).any()):
        return None
    sites = np.array([row.site for row in rows], str)
    parts = {f"/site {name}": sites == name for name in np.unique(sites) if name}

    def figures_of(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {"auc_malignant": metrics.auc(malignant, guess, weights)}
        for name, here in parts.items():
            found[f"auc_malignant{name}"] = metrics.auc(
                malignant[here], guess[here], weights[:, here]
            )
        if score is not None and both is not None:
            found["auc_of_the_network"] = metrics.auc(malignant, score, weights)
            found["auc_of_both"] = metrics.auc(malignant, both, weights)
            found["lift"] = found["auc_of_both"] - found["auc_of_the_network"]
        return found

    patients = np.array([row.patient_id for row in rows], str)
    result = metrics.with_intervals(figures_of, patients, resamples, seed)
    if score is None:
        return result
    within = _correlation(*(_centred(values, malignant) for values in (score, guess)))
    explained = borders.share_explained(features, score, folds)
    return {
        **result,
        "correlation": _correlation(score, guess),
        "correlation_in_cancers": _correlation(score[malignant], guess[malignant]),
        "correlation_in_cancer_free": _correlation(score[~malignant], guess[~malignant]),
        "partial_r2": None if within is None else within**2,
        "share_explained": explained if np.isfinite(explained) else None,
    }


def _centred(values: np.ndarray, malignant: np.ndarray) -> np.ndarray:
    """Less the mean of each outcome: what is left once the outcome is known."""
    means: FloatArray = np.where(malignant, values[malignant].mean(), values[~malignant].mean())
    return values - means


def _correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Pearson's; None where one does not vary."""
    if min(first.std(), second.std()) < 1e-12:
        return None
    return float(np.corrcoef(first, second)[0, 1])


# ------------------------------------------------------------------------------------ on one screen


def summary(found: Mapping[str, Any]) -> str:
    """The controls as lines of text: a group a line, then the rest."""
    head = ("", "views", "AUC malignant", "free called", "cancers", "1-2 called 1-2", "no breast")
    lines: list[tuple[str, ...]] = [head]
    for name, group in named_groups(found["groups"]):
        lines.append(
            (
                name,
                str(group["n"]),
                with_bounds(group, "auc_malignant"),
                percent(group["cancer_free_called_4_or_5"]),
                percent(group["cancers_called_4_or_5"]),
                percent(group["graded_1_or_2_called_1_or_2"]),
                number(baseline_of(found, name)),
            )
        )
    for level, within in finer_levels(found["within"]):
        lines.append((f"pairs within {level}", "", with_bounds(within, "auc_malignant"), *[""] * 4))
    for name, group in (found["blurred"] or {}).get("collections", {}).items():
        lines.append(
            (
                f"{name}, blurred",
                str(group["n"]),
                with_bounds(group, "auc_malignant"),
                percent(group["cancer_free_called_4_or_5"]),
                percent(group["cancers_called_4_or_5"]),
                *[""] * 2,
            )
        )
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def named_groups(groups: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All cases together, then every collection with its sites."""
    yield "all", groups["all"]
    for name, group in groups["collections"].items():
        yield name, group
        for site, part in groups["sites"].items():
            if site.startswith(f"{name} site "):
                yield site, part


def finer_levels(within: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The levels that divide the cases more finely than the one before: some name no machine."""
    strata = 0
    for level, figures in within.items():
        if figures["n_strata"] > strata:
            yield level, figures
        strata = figures["n_strata"]


def baseline_of(found: Mapping[str, Any], name: str) -> float | None:
    """The AUC without the breast in a collection, or in one of its sites."""
    for collection, part in (found["without_the_breast"] or {}).items():
        if part and part["statistics"] and (name + " ").startswith(f"{collection} "):
            key = "auc_malignant" + name.removeprefix(collection).replace(" ", "/", 1)
            auc: float | None = part["statistics"].get(key)
            return auc
    return None


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def with_bounds(group: Mapping[str, Any], name: str) -> str:
    bounds = group["intervals"].get(name)
    return number(group[name]) + (f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else "")
