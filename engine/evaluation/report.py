"""report.html: what `evaluate` found, for a radiologist to read, print and file.

One self-contained page, its pictures embedded as PNG. Every picture carries the notice itself, so
that it keeps it when it is copied out, and so does every printed page. Patients are named nowhere;
the worst errors name the image file, without which they could not be looked at again.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from engine import __version__
from engine.domain import BIRADS_MEANING, MODEL_MEANING
from engine.evaluation import metrics, page, report_controls
from engine.evaluation import report_cells as cells
from engine.evaluation import report_pictures as pictures
from engine.evaluation.metrics import GRADES, SUSPICIOUS
from engine.evaluation.table import ErrorPicture, Table, grade_of

_CURVE_THRESHOLDS = np.round(np.arange(0.01, 0.605, 0.01), 4).tolist()
_SCREENING_CURVE = np.round(np.arange(0.001, 0.0505, 0.001), 4).tolist()


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
        report_controls.section(results),
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
            f"{cells.in_brackets(results, 'accuracy', page.share)} and one at most one step away "
            f"in <b>{page.share(results['within_one_accuracy'])}</b>."
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
            f"{cells.in_brackets(results, 'auc_malignant', page.share)}."
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
        [label, *(cell for group in columns for cell in cells.figure_and_interval(group, name))]
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
            cells.figure(group["accuracy"]),
            cells.figure(group["within_one_accuracy"]),
            cells.figure(group["macro_f1"]),
            cells.figure(group["qwk"]),
            cells.figure(group["ece"]),
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
        low_high = cells.interval(results["intervals"].get(f"sensitivity_{grade}"))
        lines.append(
            [
                f"{grade} {BIRADS_MEANING[grade]}",
                str(row["support"]),
                cells.figure(row["sensitivity"]),
                low_high,
                cells.figure(row["specificity"]),
                cells.figure(row["precision"]),
                cells.figure(row["f1"]),
                cells.figure(row["ece"]),
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
        page.picture(pictures.confusion(results), "Confusion matrix of reader and network")
        + '<p class="caption">Each row is what the reader said; the colour and the percentage say '
        "where the network put those images. The diagonal is agreement.</p>"
        + page.table(head, lines),
    )


def _discrimination(results: Mapping[str, Any], table: Table) -> str:
    drawn = pictures.roc_curves(table, results["intervals"])
    if drawn is None:
        return ""
    return page.section(
        "Telling apart",
        page.picture(drawn, "ROC curves")
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
        page.picture(pictures.reliability(counted), "Reliability diagrams")
        + '<p class="caption">Left: of the images on which it claims, say, 70 % confidence, 70 % '
        "should be right; a bar below the diagonal is over-confidence (dots: the bin's mean "
        "confidence, with the 95 % interval of what was right). Right: the same for each "
        f"category's probability (points of at least {pictures.FEWEST_IN_BIN} images). "
        f"Expected calibration error {cells.figure(results['ece'])}"
        f"{cells.in_brackets(results, 'ece', cells.figure)}; "
        "the bootstrap pushes this one up a little.</p>",
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
        page.picture(pictures.decision_curves(curves), "Decision curves")
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
            figures = [cells.figure_and_bounds(group, key) for key in names]
            lines.append(
                [
                    name + unit,
                    str(group["n_rows"]),
                    str(group["n"]),
                    page.share(group["coverage"]),
                    *figures,
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
                    cells.interval(group["intervals"].get(figure), page.share),
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
        page.picture(pictures.feature_space(table, embeddings), "Feature space")
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
        picture = page.picture(
            pictures.mammogram(error), f"Reader {truth}, network {prediction.category}"
        )
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
                    cells.figure(row["first"]),
                    cells.figure(row["second"]),
                    f"{row['value']:+.3f}",
                    cells.interval(None if row["low"] is None else (row["low"], row["high"])),
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
            cells.figure(row["kappa"]),
            cells.figure(row["qwk"]),
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


# ------------------------------------------------------------------------------------ text
