"""The tables of docs/experiments.md: both papers reproduced, ablations, other architectures.

    python benchmarks/experiments.py STUDY --data DATA/images.csv --backbone FILE --runs DIR

runs what is missing of a study, row by row, and prints its table; killed, it goes on where it was.
`--mobilenet FILE` and `--efficientnet FILE` give starting weights of MobileNetV2 and
EfficientNet-Lite0 (the latter with PyPI's `efficientnet-lite-pytorch`, which only that row needs).

Rows of one study share folds, epochs and everything else but what their name says. Figures are of
the held-out rows, uncalibrated (the arg-max of the plain softmax), with 95 % intervals by
resampling patients.
"""

import argparse
import json
import logging
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from engine.evaluation import metrics
from engine.evaluation.row_predictions import RowPrediction, recalibrated
from engine.evaluation.table import image_table
from engine.networks import models
from engine.networks.calibration import Calibration
from engine.networks.models import HYBRID, LIGHT, NetworkOutput
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.torchvision_guard import torchvision
from engine.training import dataset
from engine.training.augmentation import AugmentationConfig
from engine.training.config import PRESETS, TrainingConfig
from engine.training.dataset import DataSource, ManifestRow
from engine.training.training import train

Split = tuple[DataSource, int]  #: rows with folds, and the fold to hold out

FOLDS = (0, 1)  #: of the ablations; final networks use all five
CBIS = "cbis-ddsm"

#: Trunks that only these tables know, beside torchvision's own names.
FROZEN_C4 = "frozen C4"
RESNET = "frozen C4, resnet"
WIDE_LIGHT = "mobilenet_v2, BI-RADS 1 to 5"
EFFICIENTNET = "efficientnet_lite0"
UNTIED = {"guided_weight": 0.0, "attention_weight": 0.0}  #: for networks without attention

# ---------------------------------------------------------------------------------- how to split


def by_folds(*folds: int) -> Callable[[DataSource], list[Split]]:
    """The manifest's own patient-level folds."""
    return lambda source: [(source, fold) for fold in folds]


def as_paper_2(
    by_image: bool, keeps_mix: bool = True, seeds: Sequence[int] = (1,)
) -> Callable[[DataSource], list[Split]]:
    """20 % test, then 12.5 % of the rest for validation (left unused: the epochs are fixed).

    Not `keeps_mix`: first drawn down to the paper's 1865 / 387 / 102 / 24 images of BI-RADS 1, 3,
    4, 5, as far as our 170 images of category 1 go.
    """

    def split(source: DataSource) -> list[Split]:
        splits = []
        for seed in seeds:
            rows = [row for row in source.rows if row.birads in (1, 3, 4, 5)]
            if not keeps_mix:
                rows = _drawn_down(rows, {1: 1865, 3: 387, 4: 102, 5: 24}, seed)
            rest, test = dataset.split_by_patient(rows, 0.2, seed, by_image)
            remaining = [rows[i] for i in rest]
            kept, _ = dataset.split_by_patient(remaining, 0.125, seed, by_image)
            chosen = [replace(remaining[i], fold=1) for i in kept]
            chosen += [replace(rows[i], fold=0) for i in test]
            splits.append((DataSource(tuple(chosen)), 0))
        return splits

    return split


def _drawn_down(rows: list[ManifestRow], mix: dict[int, int], seed: int) -> list[ManifestRow]:
    draw = random.Random(seed)
    groups = {grade: [row for row in rows if row.birads == grade] for grade in mix}
    share = min(len(groups[grade]) / count for grade, count in mix.items())
    return [
        row
        for grade, count in mix.items()
        for row in draw.sample(groups[grade], max(2, round(share * count)))
    ]


def oversampled_then_split(by_image: bool = True) -> Callable[[DataSource], list[Split]]:
    """The suspected fault behind figures like 0.92: every category is filled up with copies to the
    size of the largest, and only then is a fifth of the images held out."""

    def split(source: DataSource) -> list[Split]:
        rows = [row for row in source.rows if row.birads is not None and row.birads < 6]
        draw = random.Random(1)
        groups = {g: [r for r in rows if r.birads == g] for g in {r.birads for r in rows}}
        largest = max(map(len, groups.values()))
        filled = [
            row
            for group in groups.values()
            for row in [*group, *draw.choices(group, k=largest - len(group))]
        ]
        _, test = dataset.split_by_patient(filled, 0.2, 1, by_image)
        held = set(test.tolist())
        return [
            (
                DataSource(
                    tuple(replace(r, fold=int(i not in held)) for i, r in enumerate(filled))
                ),
                0,
            )
        ]

    return split


# ------------------------------------------------------------------------------------- the studies


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: str
    config: TrainingConfig
    split: Callable[[DataSource], list[Split]] = field(default=by_folds(*FOLDS))
    start: str | None = None  #: the option that names its starting weights


PAPER_2 = TrainingConfig(
    name=LIGHT,
    preprocessing=PreprocessingConfig(height=224, width=224, keeps_aspect=False),
    augmentation=AugmentationConfig(
        variants=4, rotation_degrees=20, scale=0, shift=0, flip_share=0, gamma=0, grain=0, blur=0
    ),
    batch=32,
    head_epochs=0,
    whole_epochs=20,
    whole_head_rate=1e-3,
    cosine=False,
    weight_decay=0,
    balance_power=0,
    gamma=2,
    alpha=0.25,
    distance_loss="none",
    malignancy_weight=0,
    attention_weight=0,
    guided_weight=0,
    averaging=0,
)
_CROSS_ENTROPY = replace(PAPER_2, gamma=0, alpha=1)

#: Of the hybrid, small enough for two cores. Stage two frees layer 4 only, so that C3 and C4 are
#: computed once.
ABLATION = replace(
    PRESETS[HYBRID],
    architecture={"trunk": FROZEN_C4},
    preprocessing=PreprocessingConfig(height=256, width=160),
    augmentation=AugmentationConfig(variants=2),
    batch=8,
    head_epochs=1,
    whole_epochs=2,
)


#: The light network with all five categories; it learns the same from fewer operations.
SMALL = replace(
    ABLATION,
    architecture={"trunk": WIDE_LIGHT},
    augmentation=replace(PRESETS[LIGHT].augmentation, variants=3),
    batch=PRESETS[LIGHT].batch,
    whole_epochs=7,
    head_rate=PRESETS[LIGHT].head_rate,
    whole_head_rate=PRESETS[LIGHT].whole_head_rate,
    backbone_rate=PRESETS[LIGHT].backbone_rate,
)


def _paper_2() -> list[Row]:
    rows = []
    for loss, config in (("focal", PAPER_2), ("cross-entropy", _CROSS_ENTROPY)):
        for mix in (True, False):
            for by_image in (True, False):
                split = as_paper_2(by_image, mix, (1,) if mix else (1, 2))
                name = f"{loss}, {'our' if mix else 'its'} mix, split by "
                rows.append(Row(name + ("image (leaks)" if by_image else "patient"), config, split))
    return rows


def _focal() -> list[Row]:
    """Alpha is varied once: it scales the whole loss, and Adam divides by the gradients' size."""
    split = as_paper_2(by_image=False, keeps_mix=False, seeds=(1, 2))
    rows = [
        Row(f"gamma {gamma}, alpha {alpha}", replace(PAPER_2, gamma=gamma, alpha=alpha), split)
        for gamma, alpha in ((0, 0.25), (0, 1.0), (1, 0.25), (2, 0.25), (3, 0.25))
    ]
    balanced = replace(_CROSS_ENTROPY, balance_power=1.0)
    return [*rows, Row("cross-entropy, classes drawn equally often", balanced, split)]


def _structure() -> list[Row]:
    def row(name: str, **changes) -> Row:
        return Row(name, replace(ABLATION, **changes), start="backbone")

    return [
        row("hybrid"),
        row("ResNet-50 alone", architecture={"trunk": RESNET}, **UNTIED),
        row("one scale (C5)", architecture={"trunk": FROZEN_C4, "scales": (5,)}),
        row("without stage two", head_epochs=3, whole_epochs=0),
    ]


def _teaching() -> list[Row]:
    def row(name: str, **changes) -> Row:
        return Row(name, replace(SMALL, **changes), start="mobilenet")

    plain = replace(SMALL.preprocessing, clahe_clip=0)
    still = replace(SMALL.augmentation, variants=0)
    return [
        row("squared EMD beside cross-entropy"),
        row("cross-entropy alone", distance_loss="none"),
        row("expected distance", distance_loss="expected"),
        row("CDW-CE", distance_loss="cdw"),
        row("without CLAHE", preprocessing=plain),
        row("without oversampling", balance_power=0.0),
        row("without augmentation", augmentation=still),
        row("boxes unused", **UNTIED),
    ]


def _resolution() -> list[Row]:
    """MobileNetV2 and one fold, for more at the largest input takes two cores hours."""
    return [
        Row(
            f"{height} x {width}",
            replace(SMALL, preprocessing=PreprocessingConfig(height=height, width=width)),
            by_folds(0),
            start="mobilenet",
        )
        for height, width in ((256, 160), (512, 320), (704, 448))
    ]


def _architectures() -> list[Row]:
    rows = [
        Row("hybrid (ResNet-50 + transformer)", ABLATION, start="backbone"),
        Row("ResNet-50", _trunk(RESNET, **UNTIED), start="backbone"),
        Row("MobileNetV2 + attention", _trunk(WIDE_LIGHT), start="mobilenet"),
        Row("EfficientNet-Lite0", _trunk(EFFICIENTNET, **UNTIED), start="efficientnet"),
    ]
    for trunk, title in (
        ("densenet121", "DenseNet-121, untrained start"),
        ("vit", "ViT (12 layers, width 192, patches of 16), untrained start"),
    ):
        rows.append(Row(title, _trunk(trunk, **UNTIED)))
    return rows


def _trunk(trunk: str, **changes) -> TrainingConfig:
    return replace(ABLATION, architecture={"trunk": trunk}, **changes)


def _leak() -> list[Row]:
    return [
        Row("five folds by patient, first two", ABLATION, start="backbone"),
        Row(
            "oversampled, then split by image (leaks)",
            ABLATION,
            oversampled_then_split(),
            "backbone",
        ),
    ]


STUDIES: dict[str, Callable[[], list[Row]]] = {
    "paper-2": _paper_2,
    "paper-2-folds": lambda: [Row("the paper's recipe", PAPER_2, by_folds(0, 1, 2, 3, 4))],
    "focal": _focal,
    "structure": _structure,
    "teaching": _teaching,
    "resolution": _resolution,
    "architectures": _architectures,
    "leak": _leak,
}


# ----------------------------------------------------------------------- networks to compare with


class FrozenC4(models.HybridResNetTransformer):
    """The hybrid with layer 3 kept as it came; what training caches is C4 under C3."""

    frozen = models.HybridResNetTransformer.pretrained[:4]

    def __init__(self, **architecture) -> None:
        super().__init__(**architecture)
        self.architecture["trunk"] = FROZEN_C4

    def forward_frozen(self, image) -> torch.Tensor:
        """(batch, 4 * 512 + 1024, height / 16, width / 16)."""
        c3 = super().forward_frozen(image)
        return torch.cat([functional.pixel_unshuffle(c3, 2), self.layer3(c3)], dim=1)

    def forward_trainable(self, feature, lesions=None) -> NetworkOutput:
        c3, c4 = functional.pixel_shuffle(feature[:, :2048], 2), feature[:, 2048:]
        return self.forward_head(c3, c4, self.layer4(c4), lesions)


class ResNetAlone(FrozenC4):
    """The hybrid's ResNet-50 with the usual average and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.architecture = {"trunk": RESNET}
        for name in ("project", "encoder", "norm", "attend", "c5_norm", "c5_project"):
            delattr(self, name)
        del self.scale_embedding
        self.classify = nn.Linear(2048, len(self.categories))
        self.malignancy = nn.Linear(2048, 1)

    def forward_head(self, c3, c4, c5, lesions=None) -> NetworkOutput:
        pooled = self.dropout(c5.mean(dim=(2, 3)))
        return NetworkOutput(
            self.classify(pooled).float(), self.malignancy(pooled).squeeze(-1).float()
        )


class Classifier(models.Network):
    """A trunk that ends in a feature vector, read by the same two linear layers."""

    categories = (1, 2, 3, 4, 5)
    trunk = ""

    def __init__(self) -> None:
        super().__init__()
        self.architecture = {"trunk": self.trunk}
        if self.trunk == "vit":
            self.features, width = _SmallViT(), 192
        else:
            whole = getattr(torchvision.models, self.trunk)(weights=None)
            self.features, width = whole.features, 1024
        self.dropout = nn.Dropout(0.2)
        self.classify = nn.Linear(width, len(self.categories))
        self.malignancy = nn.Linear(width, 1)

    @property
    def explained_layers(self) -> models.Layers:
        return ((self.features,),)

    @property
    def feature_layer(self) -> nn.Module:
        return self.features

    def forward_trainable(self, feature, lesions=None) -> NetworkOutput:
        feature = functional.relu(self.features(feature.expand(-1, 3, -1, -1)))
        pooled = self.dropout(feature.mean(dim=(2, 3)))
        return NetworkOutput(
            self.classify(pooled).float(), self.malignancy(pooled).squeeze(-1).float()
        )


class EfficientNetLite(Classifier):
    """EfficientNet-Lite0 (Apache-2.0 weights of photographs), trained throughout."""

    trunk = EFFICIENTNET
    pretrained = ("features",)

    def __init__(self) -> None:
        models.Network.__init__(self)
        from efficientnet_lite_pytorch import EfficientNet

        self.architecture = {"trunk": self.trunk}
        self.features = EfficientNet.from_name("efficientnet-lite0")
        self.features._fc = nn.Identity()
        self.dropout = nn.Dropout(0.2)
        self.classify = nn.Linear(1280, len(self.categories))
        self.malignancy = nn.Linear(1280, 1)

    def load_starting_weights(self, weights: dict[str, torch.Tensor]) -> None:
        self.features.load_state_dict({k: v for k, v in weights.items() if "_fc." not in k})

    def forward_trainable(self, feature, lesions=None) -> NetworkOutput:
        mean = feature.new_tensor([0.485, 0.456, 0.406])[:, None, None]
        spread = feature.new_tensor([0.229, 0.224, 0.225])[:, None, None]
        normalised = (feature.expand(-1, 3, -1, -1) - mean) / spread
        feature = self.features.extract_features(normalised)
        pooled = self.dropout(feature.mean(dim=(2, 3)))
        return NetworkOutput(
            self.classify(pooled).float(), self.malignancy(pooled).squeeze(-1).float()
        )


class WideLight(models.LightweightMobileNet):
    """The light network with all five categories."""

    categories = Classifier.categories

    def __init__(self) -> None:
        super().__init__()
        self.architecture = {"trunk": WIDE_LIGHT}


class _SmallViT(nn.Module):
    """(batch, 3, height, width) to (batch, 192, height / 16, width / 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 192, 16, stride=16)
        layer = nn.TransformerEncoderLayer(
            192, 3, 768, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)

    def forward(self, image):
        patches = self.patches(image)
        rows, columns = patches.shape[-2:]
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = tokens + models._sine_positions(rows, columns, 192).to(tokens)
        return self.encoder(tokens).transpose(1, 2).unflatten(2, (rows, columns))


models.NETWORKS[HYBRID, RESNET] = ResNetAlone
models.NETWORKS[HYBRID, FROZEN_C4] = FrozenC4
models.NETWORKS[HYBRID, WIDE_LIGHT] = WideLight
models.NETWORKS[HYBRID, EFFICIENTNET] = EfficientNetLite
for _name in ("densenet121", "vit"):
    models.NETWORKS[HYBRID, _name] = type(_name, (Classifier,), {"trunk": _name})


# -------------------------------------------------------------------------------- running, telling


def _runs(row: Row, source: DataSource, run_dir: Path) -> list[tuple[Path, DataSource, int]]:
    """A folder, its rows and the fold held out, for each network of a table's line."""
    splits = row.split(source)
    draws = len({id(part) for part, _ in splits})
    return [
        (run_dir if draws == 1 else run_dir / f"draw{number}", part, fold)
        for number, (part, fold) in enumerate(splits)
    ]


def run_row(row: Row, source: DataSource, run_dir: Path, starts: dict[str, Path | None]) -> None:
    for out, part, fold in _runs(row, source, run_dir):
        if (out / f"fold{fold}" / "held_out.npz").is_file():
            continue
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "cache").exists():  # frames and features are shared by the study's rows
            (run_dir.parent / "cache").mkdir(exist_ok=True)
            (out / "cache").symlink_to((run_dir.parent / "cache").resolve())
        start = starts[row.start] if row.start else None
        if row.start and start is None:
            raise SystemExit(f"{row.name} needs --{row.start}")
        bars: dict[str, tqdm] = {}

        def on_progress(what: str, done: int, total: int, bars=bars) -> None:
            bar = bars.setdefault(what, tqdm(total=total, desc=what, mininterval=5))
            bar.update(done - bar.n)

        def on_epoch(epoch, total: int, name=row.name) -> None:
            logging.info("%s: epoch %d of %d, %.0f s", name, epoch.number, total, epoch.seconds)

        train(row.config, part, out, start, fold, True, on_epoch, on_progress)


def held_out(row: Row, source: DataSource, run_dir: Path) -> list[RowPrediction] | None:
    """The held-out predictions of all its splits; None while any is missing."""
    categories = models.build_model(row.config.name, **row.config.architecture).categories
    said: list[RowPrediction] = []
    for out, _, fold in _runs(row, source, run_dir):
        path = out / f"fold{fold}" / "held_out.npz"
        if not path.is_file():
            return None
        with np.load(path) as stored:
            malignancy = stored["malignancy"] if len(stored["malignancy"]) else None
            for index, file in enumerate(stored["files"]):
                known = next(r for r in source.rows if r.file == file)
                said.append(
                    RowPrediction(
                        row=known,
                        probabilities=dict.fromkeys(categories, float("nan")),
                        category=0,
                        laterality=None,
                        logits=stored["logits"][index].astype(float),
                        malignancy_logit=None if malignancy is None else float(malignancy[index]),
                    )
                )
    has_malignancy = bool(said) and said[0].malignancy_logit is not None
    plain = Calibration.identity(len(categories), has_malignancy)
    return list(recalibrated(said, plain))


def tell(rows: Sequence[tuple[Row, list[RowPrediction] | None]], graded_only: bool) -> str:
    """The Markdown table; `graded_only` counts CBIS-DDSM alone, else all data sets together."""
    head = "| what | views | AUC, malignant | quadratic kappa | accuracy | macro-F1 |"
    lines = [head + " sensitivity 3 / 4 / 5 |", "| --- " * 7 + "|"]
    for row, predictions in rows:
        if predictions is None:
            lines.append(f"| {row.name} | not run |  |  |  |  |  |")
            continue
        table = image_table(predictions)
        cases = table.cases if not graded_only else table.main
        if graded_only:
            cases = cases.take(table.datasets == CBIS)
        figures, spread = metrics.figures(cases), metrics.intervals(cases)

        def told(name: str, figures=figures, spread=spread) -> str:
            if figures[name] is None:
                return "–"
            between = spread.get(name)
            ends = f" ({between[0]:.3f} to {between[1]:.3f})" if between else ""
            return f"{figures[name]:.3f}{ends}"

        found = " / ".join(
            "–" if value is None else f"{value:.2f}"
            for value in (figures["per_class"][g]["sensitivity"] for g in "345")
        )
        cells = [told(n) for n in ("auc_malignant", "qwk", "accuracy", "macro_f1")]
        lines.append(f"| {row.name} | {figures['n']} | {' | '.join(cells)} | {found} |")
    return "\n".join(lines)


def tell_categories(
    name: str, predictions: list[RowPrediction], offered: Sequence[int] = (1, 3, 4, 5)
) -> str:
    """The paper's tables 2 and 3 with the confusion matrix at their right, as Markdown."""
    figures = metrics.figures(image_table(predictions).cases)
    named = " | ".join(f"named {grade}" for grade in offered)
    head = f"| BI-RADS | precision | sensitivity (recall) | specificity | F1 | views | {named} |"
    lines = [f"*{name}*", "", head, "| --- " * (6 + len(offered)) + "|"]
    for grade in offered:
        of_grade = figures["per_class"][str(grade)]
        told = [
            "–" if of_grade[key] is None else f"{of_grade[key]:.3f}"
            for key in ("precision", "sensitivity", "specificity", "f1")
        ]
        row = figures["confusion_matrix"][grade - 1]
        cells = [*told, of_grade["support"], *(row[other - 1] for other in offered)]
        lines.append(f"| {grade} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--backbone", type=Path)
    parser.add_argument("--mobilenet", type=Path)
    parser.add_argument("--efficientnet", type=Path)
    parser.add_argument("--only", type=int, help="run this row alone, counted from 0")
    parser.add_argument("--table", action="store_true", help="print the table, run nothing")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    source = dataset.read(arguments.data)
    rows = STUDIES[arguments.study]()
    run_dirs = [arguments.runs / arguments.study / f"{n:02d}" for n in range(len(rows))]
    starts = {name: vars(arguments)[name] for name in ("backbone", "mobilenet", "efficientnet")}
    if not arguments.table:
        for number, (row, run_dir) in enumerate(zip(rows, run_dirs, strict=True)):
            if arguments.only in (None, number):
                run_dir.mkdir(parents=True, exist_ok=True)
                (run_dir / "name.json").write_text(json.dumps(row.name))
                run_row(row, source, run_dir, starts)
    told = [
        (row, held_out(row, source, run_dir)) for row, run_dir in zip(rows, run_dirs, strict=True)
    ]
    graded_only = not arguments.study.startswith(("paper-2", "focal", "leak"))
    sys.stdout.write(tell(told, graded_only) + "\n")
    if arguments.study.startswith("paper-2"):
        for row, predictions in told:
            if predictions:
                sys.stdout.write("\n" + tell_categories(row.name, predictions) + "\n")


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
