"""report.html: what `evaluate` found, for a radiologist to read, print and file.

One self-contained page, its pictures embedded as PNG. Every picture carries the notice itself, so
that it keeps it when it is copied out, and so does every printed page. Patients are named nowhere;
the worst errors name the image file, without which they could not be looked at again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from engine import __version__
from engine.domain import BIRADS_MEANING, MODEL_MEANING
from engine.evaluation import controls, metrics, page
from engine.evaluation.metrics import GRADES, SUSPICIOUS, Cases
from engine.evaluation.table import ErrorPicture, Table, grade_of
from engine.records.exports import heat_on_source, overlay

_MARKERS = ("o", "^", "s", "D", "v", "P")
_PICTURE_ROWS = 520  #: of a mammogram in the report
_FEWEST_IN_BIN = 10  #: cases for a point of a per-category reliability curve
_CURVE_THRESHOLDS = np.round(np.arange(0.01, 0.605, 0.01), 4).tolist()
_SCREENING_CURVE = np.round(np.arange(0.001, 0.0505, 0.001), 4).tolist()
_MOST_PLACED = 3000  #: images in the feature-space picture


def write(
    path: Path,
    results: Mapping[str, Any],
    table: Table,
    errors: Sequence[ErrorPicture] = (),
    embeddings: np.ndarray | None = None,
) -> None:
    """Writes the page; `results` is metrics.json's content. Raises StorageFailed."""
    sections = [
        _summary(results),
        _key_figures(results),
        _categories(results),
        _discrimination(results, table),
        _calibration(results, table),
        _decisions(results, table),
        _datasets(results),
        _controls(results),
        _heat(results),
        _features(table, embeddings),
        _worst(errors),
        _comparison(results),
        _readers(results),
        _rows(results),
        _definitions(),
    ]
    model, source = results["model"], results["predictions"]
    head = (
        f"<h1>How well the {escape(model['name'])} network reads</h1>"
        f'<p class="sub">{escape(results["manifest"])} · '
        + (f"predictions from {escape(source)} · " if source else "")
        + (f"checkpoint sha-256 <code>{model['sha256'][:16]}</code> · " if model["sha256"] else "")
        + f"categories {', '.join(map(str, model['categories']))} · "
        f"birads-engine {__version__}</p>"
    )
    page.write(path, f"BI-RADS evaluation – {model['name']}", head, sections)


# ------------------------------------------------------------------------------------- sections


def _summary(results: Mapping[str, Any]) -> str:
    warnings = "".join(f'<p class="warning">{escape(text)}</p>' for text in results["warnings"])
    rows = results["rows"]
    if not results["n"]:
        text = (
            f"{rows['predicted']} images were judged; none has a reader's category from 1 to 5, so "
            "the figures below are those of pathology and of the data sets."
        )
    else:
        text = (
            f"On {page.count(results['n'], 'image')} with a reader's BI-RADS category the network "
            f"gave the same category in <b>{page.share(results['accuracy'])}</b>"
            f"{_bounds(results, 'accuracy', page.share)} and one at most one step away in "
            f"<b>{page.share(results['within_one_accuracy'])}</b>."
        )
        calls = [
            f"{page.share(results['per_class'][str(grade)]['sensitivity'])} of the "
            f"{results['per_class'][str(grade)]['support']} images read as {grade}"
            for grade in (4, 5)
            if results["per_class"][str(grade)]["support"]
        ]
        if calls:
            text += f" It found {' and '.join(calls)}."
    if results["auc_malignant"] is not None:
        text += (
            f" Shown one malignant and one other image, it ranks the malignant one higher "
            f"<b>{page.share(results['auc_malignant'])}</b> of the time"
            f"{_bounds(results, 'auc_malignant', page.share)}."
        )
    return f"{warnings}<section><h2>In short</h2><p>{text}</p></section>"


def _key_figures(results: Mapping[str, Any]) -> str:
    names = {
        "coverage": "In scope",
        "accuracy": "Same category as the reader",
        "within_one_accuracy": "Within one category",
        "macro_f1": "Macro F1",
        "qwk": "Quadratic kappa",
        "mae": "Mean distance, categories",
        "macro_auc": "AUC, mean over categories",
        "auc_birads4plus": "AUC, BI-RADS ≥ 4",
        "auc_malignant": "AUC, malignancy",
        "ece": "Calibration error (ECE)",
        "brier": "Brier score",
        "nll": "Log-loss",
    }
    columns = [results, results["per_breast"]]
    lines = [
        [label, *(cell for group in columns for cell in _with_bounds(group, name))]
        for name, label in names.items()
    ]
    head = [
        "",
        f"per image (n {results['n']})",
        "95 % interval",
        f"per breast (n {results['per_breast']['n']})",
        "95 % interval",
    ]
    subsets = [
        [
            title,
            str(group["n"]),
            _figure(group["accuracy"]),
            _figure(group["within_one_accuracy"]),
            _figure(group["macro_f1"]),
            _figure(group["qwk"]),
            _figure(group["ece"]),
        ]
        for title, group in (
            ("every reader's category", results),
            ("reader's 3 to 5 only", results["subsets"]["true_3_to_5"]),
            ("reader's 2 only", results["subsets"]["true_2"]),
            ("in scope only", results["subsets"]["in_scope"]),
            ("with proxy normals as 1", results["subsets"]["with_proxy_normal"]),
        )
    ]
    lacking = [str(grade) for grade in GRADES if grade not in results["model"]["categories"]]
    note = (
        f"<p>This network does not offer BI-RADS {' or '.join(lacking)}: an image read so counts "
        "as wrong above, and is left out under “3 to 5 only”.</p>"
        if lacking
        else ""
    )
    return page.section(
        "Key figures",
        page.table(head, lines)
        + f'<p class="caption">Intervals: bootstrap over {results["n_patients"]} patients. '
        f"A breast is judged by {escape(results['per_breast']['method'])}; its truth is its worst "
        "view's.</p><h3>Who is counted</h3>"
        + page.table(["", "n", "same", "within one", "macro F1", "kappa", "ECE"], subsets)
        + note,
    )


def _categories(results: Mapping[str, Any]) -> str:
    if not results["n"]:
        return ""
    lines = []
    for grade in GRADES:
        row = results["per_class"][str(grade)]
        low_high = _interval(results["intervals"].get(f"sensitivity_{grade}"))
        lines.append(
            [
                f"{grade} {BIRADS_MEANING[grade]}",
                str(row["support"]),
                _figure(row["sensitivity"]),
                low_high,
                _figure(row["specificity"]),
                _figure(row["precision"]),
                _figure(row["f1"]),
                _figure(row["ece"]),
            ]
        )
    head = [
        "category",
        "n",
        "sensitivity (recall)",
        "95 %",
        "specificity",
        "precision",
        "F1",
        "ECE",
    ]
    return page.section(
        "Category by category",
        page.picture(_confusion(results), "Confusion matrix of reader and network")
        + '<p class="caption">Each row is what the reader said; the colour and the percentage say '
        "where the network put those images. The diagonal is agreement.</p>"
        + page.table(head, lines),
    )


def _discrimination(results: Mapping[str, Any], table: Table) -> str:
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    main = table.main
    drawn = _draw_roc(
        left,
        "Reader's BI-RADS 4 or 5",
        _split(main, table, lambda cases: cases.take(cases.truth > 0)),
        lambda cases: (cases.truth >= SUSPICIOUS, cases.suspicion),
        results["intervals"]["auc_birads4plus"],
    )
    drawn |= _draw_roc(
        right,
        "Malignant by pathology",
        _split(main, table, lambda cases: cases.take(np.isfinite(cases.malignant))),
        lambda cases: (cases.malignant == 1, cases.malignancy),
        results["intervals"]["auc_malignant"],
    )
    if not drawn:
        return ""
    return page.section(
        "Telling apart",
        page.picture(figure, "ROC curves")
        + '<p class="caption">How many true cases are found (upwards) at what cost in false alarms '
        "(to the right); the further a curve bends to the upper left, the better. The dot on the "
        "left is the network's own category, 4 or 5. Thin lines: one data set each; a set with one "
        "outcome only has none, and then the pooled curve is in part one of telling the data "
        "sets apart: trust the thin lines.</p>",
    )


def _calibration(results: Mapping[str, Any], table: Table) -> str:
    counted = table.main.take(table.main.truth > 0)
    if not len(counted):
        return ""
    return page.section(
        "Does its confidence mean what it says?",
        page.picture(_reliability(counted), "Reliability diagrams")
        + '<p class="caption">Left: of the images on which it claims, say, 70 % confidence, 70 % '
        "should be right; a bar below the diagonal is over-confidence (dots: the bin's mean "
        "confidence, with the 95 % interval of what was right). Right: the same for each "
        f"category's probability (points of at least {_FEWEST_IN_BIN} images). "
        f"Expected calibration error {_figure(results['ece'])}"
        f"{_bounds(results, 'ece', _figure)}; the bootstrap pushes this one up a little.</p>",
    )


def _decisions(results: Mapping[str, Any], table: Table) -> str:
    main = table.main
    counted = main.take(main.truth > 0)
    known = main.take(np.isfinite(main.malignant))
    curves = [
        (
            "Event: the reader's BI-RADS 4 or 5",
            metrics.decision_curve(
                counted.truth >= SUSPICIOUS, counted.suspicion, _CURVE_THRESHOLDS
            ),
        ),
        (
            "Event: malignancy",
            metrics.decision_curve(known.malignant == 1, known.malignancy, _CURVE_THRESHOLDS),
        ),
        (
            "Malignancy at a screening prevalence of 1 %",
            metrics.decision_curve(
                known.malignant == 1, known.malignancy, _SCREENING_CURVE, prevalence=0.01
            ),
        ),
    ]
    if not any(points for _, points in curves):
        return ""
    lines = [
        [title, f"{point['threshold']:.1%}", *_decision_cells(point)]
        for title, key in (
            ("BI-RADS ≥ 4", "birads4plus"),
            ("malignancy", "malignant"),
            ("malignancy, prevalence 0.5 %", "malignant_at_prevalence_0.005"),
            ("malignancy, prevalence 1 %", "malignant_at_prevalence_0.01"),
        )
        for point in results["decision"][key]
    ]
    head = ["event", "threshold", "net benefit", "of acting on all", "avoided per 100"]
    return page.section(
        "Would acting on it help?",
        page.picture(_decision_picture(curves), "Decision curves")
        + '<p class="caption">Net benefit counts true alarms and subtracts false ones, weighed by '
        "the probability at which one would act (Vickers and Elkin). The network is worth using "
        "where its line is above both others. “Avoided per 100”: procedures spared per 100 images "
        "compared with acting on all, at no loss of true cases. The images come from women with a "
        "finding, so the first two columns of the picture are not a screening population; the "
        "third exchanges the prevalence, but the benign cases are still those that someone "
        "worried about.</p>" + page.table(head, lines) + _screening(results["screening"]),
    )


def _decision_cells(point: Mapping[str, Any]) -> list[str]:
    return [
        f"{point['net_benefit']:.4f}",
        f"{point['net_benefit_all']:.4f}",
        f"{point['avoided_per_100']:.1f}",
    ]


def _screening(screening: Mapping[str, Any] | None) -> str:
    if screening is None:
        return ""
    head = [
        "cancers per 1000 women",
        "called 4 or 5 per 1000",
        "of them cancer",
        "cancers missed per 1000",
        *(f"cancer if said {grade}" for grade in GRADES),
    ]
    lines = [
        [
            f"{1000 * float(prevalence):.0f}",
            f"{row['called_4_or_5_per_1000']:.0f}",
            page.share(row["ppv"]),
            f"{row['cancers_missed_per_1000']:.1f}",
            *(
                "–" if chance is None else f"{chance:.2%}"
                for chance in row["malignancy_of_category"].values()
            ),
        ]
        for prevalence, row in screening.items()
    ]
    return (
        "<h3>If cancer were as rare as in screening</h3>"
        + page.table(head, lines)
        + '<p class="caption">Worked out by Bayes from the sensitivity and specificity measured '
        "here. Healthy women without any finding were hardly measured, so the false alarms are "
        "those of a harder population.</p>"
    )


def _datasets(results: Mapping[str, Any]) -> str:
    if not results["datasets"]:
        return ""
    head = [
        *("data set", "images", "graded", "in scope", "same", "within one", "macro F1", "kappa"),
        *("AUC ≥ 4", "AUC malignancy", "ECE"),
    ]
    names = ["accuracy", "within_one_accuracy", "macro_f1", "qwk", "auc_birads4plus"]
    names += ["auc_malignant", "ece"]
    lines, kinds = [], []
    for unit, groups in (("", results), (", per breast", results["per_breast"])):
        for name, group in groups["datasets"].items():
            cells = [_figure_and_bounds(group, figure) for figure in names]
            lines.append(
                [
                    name + unit,
                    str(group["n_rows"]),
                    str(group["n"]),
                    page.share(group["coverage"]),
                    *cells,
                ]
            )
    for name, group in results["datasets"].items():
        for kind, row in group["by_kind"].items():
            met = row["interval_accuracy"] if row["accuracy"] is None else row["accuracy"]
            kinds.append(
                [
                    name,
                    kind,
                    str(row["n_rows"]),
                    *(str(row["said"][str(grade)]) for grade in GRADES),
                    page.share(met),
                    page.share(row["mean_p_birads4plus"]),
                ]
            )
    return page.section(
        "Data set by data set",
        page.table(head, lines)
        + '<p class="caption">Here stand-ins count too: films reported normal as '
        "category 1. Below each figure: its 95 % interval.</p>"
        "<h3>What it said of each kind of label</h3>"
        + page.table(
            [
                *("data set", "label", "images"),
                *(f"said {grade}" for grade in GRADES),
                *("label met", "mean P(≥ 4)"),
            ],
            kinds,
        )
        + '<p class="caption">“Label met”: the same category, or one within the range where only '
        "a range is known (interval-benign: 2 to 3, interval-malignant: 4 to 5). Incomplete "
        "assessments (0) have no right answer and count for pathology only.</p>",
    )


def _controls(results: Mapping[str, Any]) -> str:
    found = results.get("controls")
    if found is None:
        return ""
    machines = found["groups"]["machines"].items()
    pairs = [
        [
            *(f"pairs within {level}", ""),
            *(_figure_and_bounds(part, key) for key in _GROUP_AUCS),
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


_GROUP_AUCS = ("auc_malignant", "auc_4_or_5")


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
            *(_figure_and_bounds(group, key) for key in _GROUP_AUCS),
            *(_share_and_bounds(group, k) for k in controls.DEFINITIONS if k not in _GROUP_AUCS),
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
            _share_and_bounds(group, "cancer_free_called"),
            _share_and_bounds(group, "cancers_called"),
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
            _figure_and_bounds(part[key], "auc_malignant"),
            _figure_and_bounds(part[key], "auc_of_the_network"),
            f"{part[key]['lift']:+.3f}\n{_interval(part[key]['intervals']['lift'])}",
            *(_signed(part[key][f"correlation{where}"]) for where in ("", *_OUTCOMES)),
            _figure(part[key]["partial_r2"]),
            _figure(part[key]["share_explained"]),
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


_OUTCOMES = ("_in_cancers", "_in_cancer_free")


def _heat(results: Mapping[str, Any]) -> str:
    if results["pointing_game"] is None:
        return ""
    lines = []
    groups = {"all": results, **results["datasets"]}
    for name, group in groups.items():
        if group["pointing_game"] is None:
            continue
        for figure, label in (
            ("pointing_game", "hottest point in a box"),
            ("energy_in_box", "heat inside the boxes"),
        ):
            baselines = group["baselines"][figure]
            lines.append(
                [
                    name,
                    str(group["n_boxes"]),
                    label,
                    page.share(group[figure]),
                    _interval(group["intervals"].get(figure), page.share),
                    page.share(baselines["box_area"]),
                    page.share(baselines["breast_centre"]),
                    page.share(baselines["untrained_network"]),
                ]
            )
    head = [
        *("data set", "boxed images", "figure", "network", "95 %"),
        *("chance (box area)", "breast centre", "untrained network"),
    ]
    return page.section(
        "Did it look at the lesion?",
        page.table(head, lines)
        + '<p class="caption">Grad-CAM of “BI-RADS 4 or 5” against the drawn lesion boxes, no '
        "tolerance. The three columns on the right are what no understanding at all would reach "
        "(the untrained network was asked about a sample). "
        "A heat-map shows what moved the network, not where a lesion ends.</p>",
    )


def _features(table: Table, embeddings: np.ndarray | None) -> str:
    if embeddings is None or len(embeddings) < 10:
        return ""
    return page.section(
        "How images lie in the network's eyes",
        page.picture(_feature_space(table, embeddings), "Feature space")
        + '<p class="caption">Each point is an image; close points look alike to the network '
        "(average of the last feature layer, by PCA and t-SNE; distances between far groups mean "
        "little). If points gather by data set rather than by category, the network also sees "
        "the scanner.</p>",
    )


def _worst(errors: Sequence[ErrorPicture]) -> str:
    if not errors:
        return ""
    cards = []
    for error in errors:
        prediction, row = error.prediction, error.prediction.row
        truth = grade_of(row)
        pathology = f" · pathology {escape(row.pathology.lower())}" if row.pathology else ""
        reason = prediction.scope_reason
        scope = "" if reason is None else f" · out of scope: {escape(reason)}"
        caption = (
            f"<b>Reader {truth} ({BIRADS_MEANING[truth]}), network {prediction.category} "
            f"({MODEL_MEANING[prediction.category]}, {prediction.confidence:.0%})</b><br>"
            f"It gave the reader's category {prediction.probabilities.get(truth, 0.0):.0%}"
            f"{pathology}{scope}<br><small>{escape(row.file)}</small>"
        )
        picture = page.picture(_mammogram(error), f"Reader {truth}, network {prediction.category}")
        cards.append(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")
    has_heat = any(error.explanation is not None for error in errors)
    legend = (
        " On the right of each: the heat-map on its fixed scale; a dark one means the network "
        "found little that speaks for 4 or 5."
        if has_heat
        else " (Judged from a file of predictions: no network at hand, so no heat-maps.)"
    )
    return page.section(
        "The worst errors",
        '<p class="caption">The images furthest from the reader, the surest first, one of each '
        f"breast. Blue: the drawn lesion boxes.{legend}</p>"
        f'<div class="cards">{"".join(cards)}</div>',
    )


def _comparison(results: Mapping[str, Any]) -> str:
    if "comparison" not in results:
        return ""
    lines = []
    for group, figures in results["comparison"]["groups"].items():
        for name, row in figures.items():
            if row["value"] is None:
                continue
            is_clear = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
            lines.append(
                [
                    group,
                    name,
                    _figure(row["first"]),
                    _figure(row["second"]),
                    f"{row['value']:+.3f}",
                    _interval(None if row["low"] is None else (row["low"], row["high"])),
                    "yes" if is_clear else "no",
                ]
            )
    head = ["images", "figure", "this", "other", "difference", "95 %", "clear of 0"]
    return page.section(
        f"Beside {escape(results['comparison']['with'])}",
        page.table(head, lines)
        + '<p class="caption">Paired: both are scored on the same draws of the same patients.</p>',
    )


def _readers(results: Mapping[str, Any]) -> str:
    found = results.get("reader_agreement")
    if found is None:
        return ""
    if not found["n"]:
        text = f"{found['n_records']} readings are stored; none can be compared with the network."
        return page.section("The reader's own readings", f"<p>{text}</p>")
    lines = [
        [
            mode,
            str(row["n"]),
            page.share(row["agreement"]),
            page.share(row["categories_match"]),
            page.share(row["within_one_category"]),
            _figure(row["kappa"]),
            _figure(row["qwk"]),
        ]
        for mode, row in {"all": found, **found["by_mode"]}.items()
    ]
    parted = [
        [
            row["study"],
            row["laterality"],
            row["reader_category"],
            str(row["model_category"]),
            page.share(row["model_confidence"]),
            row["reason"],
            row["reading_mode"],
        ]
        for row in found["parted"][:20]
    ]
    head = ["mode", "breasts", "agrees", "same category", "within one", "kappa", "quadratic kappa"]
    return page.section(
        "The reader's own readings",
        page.table(head, lines)
        + '<p class="caption">“Agrees” is the reader’s own word. In concurrent reading the '
        "network is seen first, which pulls the reader towards it; second reads and blind audits "
        "do not.</p>"
        + (
            "<h3>Where they part most</h3>"
            + page.table(
                ["study", "breast", "reader", "network", "confidence", "reason", "mode"], parted
            )
            if parted
            else ""
        ),
    )


def _rows(results: Mapping[str, Any]) -> str:
    rows = results["rows"]
    lines = [
        ["rows in the manifest", str(rows["manifest"])],
        ["judged", str(rows["predicted"])],
        ["patients", str(rows["patients"])],
        ["with a reader's category 1 to 5", str(rows["reader_grade_1_to_5"])],
        ["known malignancy (6): no counterpart, pathology only", str(rows["known_malignancy_6"])],
        [
            "out of scope (judged and counted all the same)",
            str(rows["predicted"] - rows["in_scope"]),
        ],
        *([f"– {reason}", str(count)] for reason, count in rows["out_of_scope_reasons"].items()),
        ["without a known side: in no breast", str(rows["without_side"])],
        ["without prediction", str(len(results["unreadable"]))],
    ]
    failed = [[item["file"], item["reason"]] for item in results["unreadable"][:200]]
    return page.section(
        "What was judged",
        page.table(["", "n"], lines)
        + ("<h3>No prediction</h3>" + page.table(["file", "why"], failed) if failed else ""),
    )


def _definitions() -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>"
        for name, meaning in metrics.DEFINITIONS.items()
    )
    return page.section("What the figures mean", f"<dl>{items}</dl>")


# ------------------------------------------------------------------------------------- pictures


def _confusion(results: Mapping[str, Any]) -> Figure:
    counts = np.array(results["confusion_matrix"])
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, support, out=np.zeros(counts.shape), where=support > 0)
    figure = Figure(figsize=(5.8, 5.0), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        percent = f"{share:.0%}" if share >= 0.005 else "<1%"
        text = f"{count}\n{percent}" if count else ("0" if support[row, 0] else "–")
        colour = "white" if share > 0.55 else (page.GREY if not count else page.INK)
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=11)
    for place, grade in enumerate(GRADES):
        if grade not in results["model"]["categories"]:
            axes.axvspan(place - 0.5, place + 0.5, color="#dddddd", alpha=0.5, lw=0)
    labels = [str(grade) for grade in GRADES]
    axes.set_xticks(range(len(GRADES)), labels, fontsize=12)
    axes.set_yticks(
        range(len(GRADES)),
        [f"{grade}  (n {total})" for grade, total in zip(GRADES, support[:, 0], strict=True)],
        fontsize=12,
    )
    axes.set_xlabel("network's BI-RADS category", fontsize=12)
    axes.set_ylabel("reader's BI-RADS category", fontsize=12)
    axes.set_xticks(np.arange(-0.5, len(GRADES)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(GRADES)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _split(main: Cases, table: Table, keep: Callable[[Cases], Cases]) -> dict[str, Cases]:
    """The pooled cases under "all", then each data set's, where there are several."""
    groups = {"all": keep(main)}
    names = [str(name) for name in np.unique(table.datasets) if name]
    if len(names) > 1:
        groups |= {name: keep(main.take(table.datasets == name)) for name in names}
    return groups


def _draw_roc(
    axes: Axes,
    title: str,
    groups: Mapping[str, Cases],
    outcome: Callable[[Cases], tuple[np.ndarray, np.ndarray]],
    bounds: Sequence[float] | None,
) -> bool:
    """Draws what has both classes; False (and a hidden panel) where nothing has."""
    from sklearn.metrics import roc_curve

    axes.set_title(title, fontsize=12, loc="left", color=page.INK)
    colours = iter(page.SERIES * 3)
    is_drawn = False
    for name, cases in groups.items():
        colour = page.BLUE if name == "all" else next(colours)  # a data set keeps its colour
        event, score = outcome(cases)
        if not len(event) or event.all() or not event.any():
            continue
        false_rate, true_rate, _ = roc_curve(event, score)
        area = metrics.auc(event, score, np.ones((1, len(event))))[0]
        label = f"{name}: {area:.2f}"
        if name == "all" and bounds:
            label += f" ({bounds[0]:.2f}–{bounds[1]:.2f})"
        axes.plot(
            false_rate,
            true_rate,
            color=colour,
            linewidth=2.6 if name == "all" else 1.2,
            label=f"{label}, n {len(event)}",
            zorder=3 if name == "all" else 2,
        )
        if name == "all" and (cases.truth > 0).all():
            called = cases.category >= SUSPICIOUS
            axes.plot(
                called[~event].mean(), called[event].mean(), "o", color=page.BLUE, ms=9, zorder=4
            )
        is_drawn = True
    if not is_drawn:
        axes.text(
            0.5, 0.5, "one class only", ha="center", va="center", color=page.GREY, fontsize=12
        )
    axes.plot([0, 1], [0, 1], color=page.GREY, linewidth=1, linestyle=":")
    _square(axes, "false alarms", "found")
    if is_drawn:
        axes.legend(title="AUC (95 %)", loc="lower right", fontsize=10, frameon=False)
    return is_drawn


def _reliability(counted: Cases) -> Figure:
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(4, 1))
    left, below = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    right = figure.add_subplot(grid[0, 1])
    bins = metrics.reliability(counted.confidence, counted.category == counted.truth)
    for bar in bins:
        middle, width = (bar.low + bar.high) / 2, bar.high - bar.low
        if bar.confidence is not None and bar.accuracy is not None:
            left.bar(middle, bar.accuracy, width * 0.92, color=page.BLUE, zorder=2)
            low, high = _wilson(bar.accuracy, bar.count)
            left.plot([bar.confidence] * 2, [low, high], color=page.INK, linewidth=1.3, zorder=4)
            left.plot([bar.confidence], [bar.accuracy], "o", color=page.INK, ms=5, zorder=4)
        below.bar(middle, bar.count, width * 0.92, color=page.GREY)
        if bar.count:
            below.text(middle, bar.count, str(bar.count), ha="center", va="bottom", fontsize=9)
    left.plot([0, 1], [0, 1], color=page.ORANGE, linewidth=1.5, linestyle="--", zorder=3)
    left.set_title("The category it says", fontsize=12, loc="left", color=page.INK)
    left.set(xlim=(0, 1), ylim=(0, 1), ylabel="right")
    page.percent(left)
    below.set(xlim=(0, 1), xlabel="confidence claimed", ylabel="images", yticks=[])
    below.set_ylim(0, 1.35 * max(bar.count for bar in bins))
    below.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (left, below):
        page.quiet(axes)
    for grade in GRADES:
        curve = [
            (bar.confidence, bar.accuracy)
            for bar in metrics.reliability(
                counted.probabilities[:, grade - 1], counted.truth == grade
            )
            if bar.count >= _FEWEST_IN_BIN
        ]
        if len(curve) > 1:
            claimed, true = zip(*curve, strict=True)
            right.plot(
                claimed, true, "o-", color=page.GRADE_COLOURS[grade], label=f"BI-RADS {grade}", ms=5
            )
    right.plot([0, 1], [0, 1], color=page.GREY, linewidth=1, linestyle=":")
    right.set_title("Each category's probability", fontsize=12, loc="left", color=page.INK)
    right.set(xlim=(0, 1), ylim=(0, 1))
    right.set(xlabel="probability claimed", ylabel="read so by the reader")
    page.percent(right)
    page.quiet(right)
    if right.get_legend_handles_labels()[0]:
        right.legend(loc="upper left", fontsize=10, frameon=False)
    return figure


def _wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` (Wilson 1927)."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + (z / (2 * count)) ** 2) ** 0.5
    return middle - half, middle + half


def _decision_picture(
    curves: Iterable[tuple[str, Sequence[metrics.DecisionPoint]]],
) -> Figure:
    curves = [(title, points) for title, points in curves if points]
    figure = Figure(figsize=(4.6 * len(curves), 4.4), layout="constrained")
    for axes, (title, points) in zip(
        figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True
    ):
        thresholds = [point.threshold for point in points]
        benefit = [point.net_benefit for point in points]
        acting = [point.net_benefit_all for point in points]
        axes.plot(thresholds, benefit, color=page.BLUE, linewidth=2.4, label="act on the network")
        axes.plot(
            thresholds, acting, color=page.ORANGE, linewidth=1.4, linestyle="--", label="on all"
        )
        axes.axhline(0, color=page.GREY, linewidth=1.2, label="on none")
        top = max(*benefit, *acting)
        axes.set(ylim=(-0.15 * top, 1.08 * top), xlim=(0, max(thresholds)))
        axes.set_title(title, fontsize=11, loc="left", color=page.INK)
        axes.set_xlabel("probability at which one would act")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(fontsize=9, frameon=False, loc="best")
        page.quiet(axes)
    figure.axes[0].set_ylabel("net benefit per image")
    return figure


def _feature_space(table: Table, embeddings: np.ndarray) -> Figure:
    chosen = np.arange(len(embeddings))
    if len(chosen) > _MOST_PLACED:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, _MOST_PLACED, replace=False))
    places = _place(embeddings[chosen])
    truth = table.cases.truth[chosen]  # proxy normals too: they are the point of the picture
    datasets = table.datasets[chosen]
    names = [str(name) for name in np.unique(datasets)]
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for grade in (0, *GRADES):
        inside = truth == grade
        if inside.any():
            label = f"BI-RADS {grade}" if grade else "no single category"
            colour = page.GRADE_COLOURS.get(grade, "#c8ccd2")
            left.scatter(*places[inside].T, s=12, color=colour, label=label, linewidths=0)
    for index, name in enumerate(names):
        inside = datasets == name
        right.scatter(
            *places[inside].T,
            s=12,
            color=(page.BLUE, *page.SERIES)[index % 6],
            marker=_MARKERS[index % len(_MARKERS)],
            label=name or "unnamed",
            linewidths=0,
        )
    for axes, title in ((left, "by category"), (right, "by data set")):
        axes.set_title(title, fontsize=12, loc="left", color=page.INK)
        axes.set(xticks=[], yticks=[])
        axes.legend(fontsize=9, markerscale=1.8, loc="best", framealpha=0.85, edgecolor="none")
        for spine in axes.spines.values():
            spine.set_color("#d0d4da")
    return figure


def _place(embeddings: np.ndarray) -> np.ndarray:
    """(n, channels) to (n, 2): standardised, PCA, and t-SNE where there are enough points."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    spread = embeddings.std(axis=0)
    varying = spread > 1e-9
    if not varying.any():
        return np.zeros((len(embeddings), 2))
    values = (embeddings[:, varying] - embeddings[:, varying].mean(axis=0)) / spread[varying]
    parts = min(30, values.shape[1], len(values) - 1)
    values = PCA(parts, random_state=0).fit_transform(values)
    if len(values) < 60:
        return np.pad(values[:, :2], ((0, 0), (0, max(0, 2 - parts))))
    perplexity = min(30, len(values) / 4)
    places: np.ndarray = TSNE(perplexity=perplexity, random_state=0).fit_transform(values)
    return places


def _mammogram(error: ErrorPicture) -> Figure:
    """The image at its true proportions, boxes outlined; beside it the same under its heat."""
    image, row = error.image, error.prediction.row
    rows, columns = image.shape
    scale = _PICTURE_ROWS / rows
    width = max(1, round(columns * scale / error.pixel_aspect))
    small = cv2.resize(image, (width, _PICTURE_ROWS), interpolation=cv2.INTER_AREA)
    panels = [small]
    if error.explanation is not None:
        heat = heat_on_source(error.explanation, image.shape)
        heat = cv2.resize(heat, (width, _PICTURE_ROWS), interpolation=cv2.INTER_AREA)
        panels.append(overlay(small, heat)[:, :, ::-1])
    height_inches = 4.2
    inches = height_inches * width / _PICTURE_ROWS * len(panels) + 0.1 * (len(panels) - 1)
    figure = Figure(figsize=(max(inches, 1.9), height_inches))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1, wspace=0.03)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        axes.imshow(panel, cmap="gray", vmin=0, vmax=255)
        for x_min, y_min, x_max, y_max in row.boxes:
            axes.add_patch(
                Rectangle(
                    (x_min * width / columns, y_min * scale),
                    (x_max - x_min) * width / columns,
                    (y_max - y_min) * scale,
                    fill=False,
                    edgecolor="#56b4e9",
                    linewidth=1.4,
                )
            )
        axes.axis("off")
    return figure


def _square(axes: Axes, across: str, up: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=across, ylabel=up, aspect="equal")
    page.percent(axes)
    page.quiet(axes)


# ------------------------------------------------------------------------------------ text


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(bounds: Sequence[float] | None, form: Callable[[float | None], str] = _figure) -> str:
    return "–" if bounds is None else f"{form(bounds[0])} – {form(bounds[1])}"


def _bounds(group: Mapping[str, Any], name: str, form: Callable[[float | None], str]) -> str:
    bounds = group["intervals"].get(name)
    return "" if bounds is None else f" ({form(bounds[0])} to {form(bounds[1])})"


def _with_bounds(group: Mapping[str, Any], name: str) -> tuple[str, str]:
    return _figure(group[name]), _interval(group["intervals"].get(name))


def _figure_and_bounds(group: Mapping[str, Any], name: str) -> str:
    if group[name] is None:
        return "–"
    bounds = group["intervals"].get(name)
    return f"{group[name]:.2f}" + (f"\n{bounds[0]:.2f}–{bounds[1]:.2f}" if bounds else "")


def _share_and_bounds(group: Mapping[str, Any], name: str) -> str:
    if group[name] is None:
        return "–"
    bounds = group["intervals"].get(name)
    return page.share(group[name]) + (
        f"\n{page.share(bounds[0])}–{page.share(bounds[1])}" if bounds else ""
    )


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
