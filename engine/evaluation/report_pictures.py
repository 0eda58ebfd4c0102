"""The report's pictures, as figures of matplotlib."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from engine.evaluation import metrics, page
from engine.evaluation.metrics import GRADES, SUSPICIOUS, Cases
from engine.evaluation.table import ErrorPicture, Table
from engine.records.exports import heat_on_source, overlay

FEWEST_IN_BIN = 10  #: cases for a point of a per-category reliability curve
_MARKERS = ("o", "^", "s", "D", "v", "P")
_PICTURE_ROWS = 520  #: of a mammogram in the report
_MOST_PLACED = 3000  #: images in the feature-space picture


def confusion(results: Mapping[str, Any]) -> Figure:
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


def roc_curves(table: Table, intervals: Mapping[str, Sequence[float] | None]) -> Figure | None:
    """None where no data set has both outcomes; `intervals` are those of the pooled areas."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    main = table.main
    drawn = _draw_roc(
        left,
        "Reader's BI-RADS 4 or 5",
        _split(main, table, lambda cases: cases.take(cases.truth > 0)),
        lambda cases: (cases.truth >= SUSPICIOUS, cases.suspicion),
        intervals["auc_birads4plus"],
    )
    drawn |= _draw_roc(
        right,
        "Malignant by pathology",
        _split(main, table, lambda cases: cases.take(np.isfinite(cases.malignant))),
        lambda cases: (cases.malignant == 1, cases.malignancy),
        intervals["auc_malignant"],
    )
    return figure if drawn else None


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


def reliability(counted: Cases) -> Figure:
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
            if bar.count >= FEWEST_IN_BIN
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


def decision_curves(
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


def feature_space(table: Table, embeddings: np.ndarray) -> Figure:
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


def mammogram(error: ErrorPicture) -> Figure:
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
