"""Evaluation: rows to figures, breasts, files, heat against boxes, the command and its report."""

import base64
import csv
import json
import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import matplotlib.font_manager  # noqa: F401  builds its cache before a test is timed and watched
import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.dicom.loading import load
from engine.domain import (
    NOTICE,
    Agreement,
    BiradsCategory,
    Laterality,
    ModelIdentity,
    OutOfScope,
    Prediction,
    ReaderAssessment,
    ReadingMode,
)
from engine.errors import InvalidData, StorageFailed
from engine.evaluation import agreement, evaluation, figures, report
from engine.evaluation.row_predictions import (
    BoxScore,
    RowPrediction,
    arg_max,
    predict_rows,
    read_predictions,
    recalibrated,
    write_predictions,
)
from engine.evaluation.table import ErrorPicture, breast_table, image_table
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from engine.networks.models import Network, NetworkOutput
from engine.networks.predictor import Predictor
from engine.networks.preprocessing import PreprocessingConfig
from engine.records.store import ReadingStore
from engine.training.dataset import ManifestRow, hash_patient, read_manifest
from tests.engine.hooks import hook_count
from tests.phantom import breast, write_mammogram, write_plain
from tests.tiny_networks import ARCHITECTURES, PREPROCESSING, tiny_model, write_tiny_checkpoint

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
SIZE = {"rows": 320, "columns": 240}
FIGURES = {  # what metrics.json has promised since its first version
    *("n", "coverage", "accuracy", "within_one_accuracy", "macro_f1", "qwk", "macro_auc"),
    *("auc_birads4plus", "auc_malignant", "mae", "ece", "brier", "nll", "confusion_matrix"),
    *("categories", "per_class", "pointing_game", "energy_in_box", "baselines", "intervals"),
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def row(file="a.png", patient="p1", birads=4, **known) -> ManifestRow:
    known.setdefault("birads_low", birads)
    known.setdefault("birads_high", birads)
    known.setdefault("laterality", RIGHT)
    return ManifestRow(file=file, path=None, patient_id=patient, birads=birads, **known)


def said(of: ManifestRow, probabilities, malignancy=None, **known) -> RowPrediction:
    """Probabilities over 1..5 (five of them) or 1, 3, 4, 5 (four)."""
    grades = (1, 2, 3, 4, 5) if len(probabilities) == 5 else (1, 3, 4, 5)
    keyed = dict(zip(grades, probabilities, strict=True))
    return RowPrediction(of, keyed, arg_max(keyed), malignancy, laterality=of.laterality, **known)


def sure(grade: int) -> list[float]:
    return [0.9 if grade == other else 0.025 for other in (1, 2, 3, 4, 5)]


def strict(results: dict) -> dict:
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(json.dumps(results, allow_nan=False), parse_constant=refuse)


def rounded(results: dict) -> dict:
    return json.loads(json.dumps(results), parse_float=lambda text: round(float(text), 5))


# ------------------------------------------------------------------------------- who counts


BENIGN_RANGE = {"birads_low": 2, "birads_high": 3}
MIXED = (
    said(row("a", "p1", 4, dataset="x", is_malignant=True), sure(4)),
    said(row("b", "p2", 3, dataset="x", is_malignant=False), sure(4)),
    said(row("c", "p3", 5, dataset="x"), sure(5)),
    said(row("d", "p4", 6, dataset="x", is_malignant=True), sure(5)),
    said(row("e", "p5", None, dataset="x", birads_kind="incomplete", is_malignant=False), sure(1)),
    said(row("f", "p6", 1, dataset="y", birads_kind="proxy-normal", is_malignant=False), sure(1)),
    said(
        row("g", "p7", None, dataset="y", birads_kind="interval-benign", **BENIGN_RANGE),
        sure(4),
    ),
)


@pytest.fixture(scope="module")
def mixed():
    return strict(figures.measure(MIXED, resamples=20))


def test_main_figures_rest_on_readers_grades_one_to_five_alone(mixed):
    assert mixed["n"] == 3
    assert mixed["accuracy"] == pytest.approx(2 / 3)
    assert np.sum(mixed["confusion_matrix"]) == 3
    assert mixed["subsets"]["with_proxy_normal"]["n"] == 4
    assert mixed["subsets"]["true_3_to_5"]["n"] == 3


def test_pathology_counts_wherever_it_is_known(mixed):
    assert mixed["n_pathology"] == 5
    assert mixed["n_malignant"] == 2
    # malignant score 4 and 5, the others 4, 1 and 1: five wins and a tie of six
    assert mixed["auc_malignant"] == pytest.approx(
        evaluation.metrics.auc(
            np.array([1, 1, 0, 0, 0], bool),
            np.array([0.925, 0.925, 0.925, 0.05, 0.05]),
            np.ones((1, 5)),
        )[0]
    )
    assert mixed["auc_malignant"] == pytest.approx(5 / 6)


def test_proxies_and_ranges_appear_under_their_data_set(mixed):
    y = mixed["datasets"]["y"]
    assert y["n"] == 1
    assert y["accuracy"] == 1
    assert y["interval_accuracy"] == 0
    assert y["by_kind"]["interval-benign"]["said"]["4"] == 1
    assert y["by_kind"]["proxy-normal"]["accuracy"] == 1
    x = mixed["datasets"]["x"]
    assert x["n"] == 3
    assert x["n_rows"] == 5
    assert x["by_kind"]["incomplete"]["n_rows"] == 1


def test_every_contracted_key_stands_at_every_level(mixed):
    breasts = mixed["per_breast"]
    groups = [mixed, breasts, *mixed["datasets"].values(), *breasts["datasets"].values()]
    for group in groups:
        assert set(group) >= FIGURES
        assert set(group["per_class"]["4"]) >= {
            *("precision", "recall", "sensitivity", "specificity", "f1", "support")
        }


def test_a_network_without_category_two_is_wrong_about_twos_and_right_beside_them():
    light = [
        said(row("a", "p1", 2), [0.7, 0.1, 0.1, 0.1]),
        said(row("b", "p2", 4), [0.1, 0.1, 0.7, 0.1]),
        said(row("c", "p3", 3), [0.7, 0.1, 0.1, 0.1]),
    ]
    got = figures.measure(light, resamples=20)
    assert got["accuracy"] == pytest.approx(1 / 3)
    assert got["subsets"]["true_3_to_5"]["accuracy"] == pytest.approx(1 / 2)
    assert got["subsets"]["true_2"]["n"] == 1
    assert got["subsets"]["true_2"]["accuracy"] == 0


def test_out_of_scope_rows_count_and_coverage_says_how_many_they_are():
    got = figures.measure(
        [
            said(row("a", "p1", 4), sure(4)),
            said(row("b", "p2", 3), sure(5), scope_reason="The image is blank."),
        ],
        resamples=20,
    )
    assert got["coverage"] == 0.5
    assert got["n"] == 2
    assert got["accuracy"] == 0.5
    assert got["subsets"]["in_scope"]["accuracy"] == 1


def test_nothing_predicted_is_still_strict_json():
    got = strict(figures.measure([], resamples=20))
    assert got["n"] == 0
    assert got["accuracy"] is None
    assert got["per_breast"]["n"] == 0


# ------------------------------------------------------------------------------------ breasts


def test_views_of_a_breast_join_by_mean_log_probability_and_its_truth_is_the_worst():
    views = [
        said(row("cc", "p1", 4, is_malignant=False), [0.1, 0.1, 0.1, 0.6, 0.1], 0.8),
        said(row("mlo", "p1", 5, is_malignant=True), [0.1, 0.1, 0.1, 0.1, 0.6], 0.2),
        said(row("other side", "p1", 3, laterality=LEFT), sure(3), 0.1),
        said(row("no side", "p1", 3, laterality=None), sure(3), 0.1),
    ]
    table = breast_table(views)
    assert table.cases.truth.tolist() == [5, 3]
    assert table.cases.malignant[0] == 1
    # √(0.6·0.1) twice and 0.1 three times, made to sum to 1; 0.8 and 0.2 are opposite odds
    middle = np.sqrt(0.06) / (2 * np.sqrt(0.06) + 0.3)
    assert table.cases.probabilities[0, 3:] == pytest.approx([middle, middle])
    assert table.cases.category[0] == 5  # a tie goes to the higher
    assert table.cases.malignancy[0] == pytest.approx(0.5)


def test_an_out_of_scope_view_stays_out_of_its_breast_unless_it_is_alone():
    good = said(row("cc", "p1", 4), sure(4))
    blank = said(row("mlo", "p1", 4), sure(1), scope_reason="The image is blank.")
    assert breast_table([good, blank]).cases.category.tolist() == [4]
    alone = breast_table([blank]).cases
    assert alone.category.tolist() == [1]
    assert not alone.in_scope[0]


def test_a_breasts_own_read_out_goes_before_the_mean():
    views = [
        said(
            row(name, "p1", 4),
            sure(4),
            breast_probabilities=dict(zip((1, 2, 3, 4, 5), sure(5), strict=True)),
        )
        for name in ("cc", "mlo")
    ]
    assert breast_table(views).cases.category.tolist() == [5]
    assert "read-out" in figures.measure(views, resamples=20)["per_breast"]["method"]


# -------------------------------------------------------------------------------------- files


def test_predictions_csv_has_the_contracted_columns_and_nothing_else(tmp_path):
    path = tmp_path / "predictions.csv"
    write_predictions(path, [said(row("a", birads=None), [0.1, 0.2, 0.3, 0.4], 0.25)])
    (line,) = csv.DictReader(path.read_text("utf-8").splitlines())
    assert list(line) == [
        *("file", "patient_id", "birads", "category", "confidence", "p1", "p3", "p4", "p5"),
        *("p_malignant", "in_scope", "notice"),
    ]
    assert line["birads"] == ""
    assert (line["category"], line["confidence"], line["p_malignant"]) == ("5", "0.4", "0.25")
    assert line["in_scope"] == "true"
    assert line["notice"] == NOTICE

    write_predictions(path, [said(row("a"), sure(4))])
    assert "p_malignant" not in path.read_text("utf-8")


def test_details_written_and_read_back_give_the_same_figures(tmp_path):
    generator = np.random.default_rng(0)
    rows, predictions = [], []
    for number in range(60):
        grade = int(generator.integers(1, 6))
        rows.append(row(f"{number}", f"p{number // 3}", grade, is_malignant=grade > 3, dataset="x"))
        predictions.append(
            said(
                rows[-1],
                generator.dirichlet(np.ones(5) + 2 * np.eye(5)[grade - 1]),
                float(generator.random()),
                scope_reason=None if number % 9 else "Too small.",
                boxes=BoxScore(1.0, 0.5, 0.1, 0.0, 0.1, 0.0, 0.1) if number % 2 else None,
            )
        )
    path = tmp_path / "details.csv"
    write_predictions(path, predictions, details=True)
    again, failures = read_predictions(path, rows)
    assert not failures
    first, second = (figures.measure(p, resamples=20) for p in (predictions, again))

    assert rounded(first) == rounded(second)
    assert second["pointing_game"] == 1
    assert [p.scope_reason for p in again] == [p.scope_reason for p in predictions]


def _file(tmp_path, text):
    path = tmp_path / "said.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_cell_of_the_predictions_runs_as_a_formula_and_all_are_found_again(tmp_path):
    rows = [row(name, "=1+1") for name in ("=cmd().png", "a\x1b[31m.png", "plain.png")]
    predictions = [said(of, sure(4), scope_reason="@SUM(A1)") for of in rows]
    path = tmp_path / "details.csv"
    write_predictions(path, predictions, details=True)
    with path.open(newline="", encoding="utf-8") as stream:
        cells = list(csv.DictReader(stream))
    assert [line["file"] for line in cells] == ["'=cmd().png", "a\ufffd[31m.png", "plain.png"]
    assert {line["patient_id"] for line in cells} == {"'=1+1"}
    assert {line["scope_reason"] for line in cells} == {"'@SUM(A1)"}
    again, failures = read_predictions(path, rows)
    assert not failures
    assert [p.row for p in again] == rows


def test_a_row_without_a_prediction_is_a_failure_and_a_stranger_is_ignored(tmp_path):
    path = _file(tmp_path, "file,p1,p3,p4,p5\na,0,0,0.5,0.5\nstranger,1,0,0,0\n")
    predictions, failures = read_predictions(path, [row("a"), row("b")])
    assert [p.row.file for p in predictions] == ["a"]
    assert predictions[0].category == 5  # no category column: arg-max, a tie goes to the higher
    assert [failure.file for failure in failures] == ["b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,category\na,4\n", "p1"),
        ("file,p4,p5\na,0.4,0.4\n", "row 2: p1 … p5 sum to 0.800"),
        ("file,p4,p5\na,nan,0.4\n", "row 2: p4 is nan"),
        ("file,p4,p5\na,1.5,-0.5\n", "row 2: p4 is 1.5"),
        ("file,p4,p5\na,much,0\n", "row 2: p4 is 'much'"),
        ("file,p4,p5\nb,1,0\na,1,0\na,1,0\n", "row 4: a stands there twice"),
        ("file,category,p4,p5\na,3,0.5,0.5\n", "row 2: category 3"),
        ("file,patient_id,p4,p5\na,someone,0.5,0.5\n", "row 2: the manifest gives"),
    ],
)
def test_a_faulty_predictions_file_is_refused_by_row(tmp_path, text, told):
    with pytest.raises(InvalidData, match=re.escape(told)):
        read_predictions(_file(tmp_path, text), [row("a")])


# -------------------------------------------------------------------------- asking the network


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of phantoms with images.csv: DICOM and PNG, a blank one, a text file, a gap."""
    folder = tmp_path_factory.mktemp("images")
    lines = ["file,patient_id,laterality,view,birads,birads_kind,pathology,boxes,dataset"]
    for patient in range(4):
        for number, (side, view) in enumerate([("R", "CC"), ("R", "MLO"), ("L", "CC")]):
            spot = (150, 200 if side == "R" else 40, 14)
            x, y = spot[1] - 20, spot[0] - 20
            options = {"laterality": side, "view": view, "lesion": spot, "seed": 7 * patient}
            name = f"case{patient}/{side}{view}"
            if patient == 0:
                path = folder / f"{name}.dcm"
                path.parent.mkdir(exist_ok=True)
                write_mammogram(path, **options, **SIZE, sop_uid=f"1.2.3.{number}")
            else:
                path = write_plain(folder / f"{name}.png", **options, **SIZE)
            lines.append(
                f"{path.relative_to(folder).as_posix()},patient{patient},{side},{view},"
                f"{3 + patient % 3},reader,{'MALIGNANT' if patient % 2 else 'BENIGN'},"
                f'"[[{x}, {y}, {x + 40}, {y + 40}]]",phantoms'
            )
    write_plain(folder / "blank.png", values=np.full((320, 240), 3, np.uint8))
    (folder / "text.png").write_text("no image")
    lines += [
        "blank.png,patient8,R,CC,3,reader,,,phantoms",
        "text.png,patient9,R,CC,3,reader,,,phantoms",
        "gone.png,patient9,R,MLO,3,reader,,,phantoms",
    ]
    (folder / "images.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("networks") / "light.safetensors")


@pytest.fixture(scope="module")
def answered(images, checkpoint_path):
    rows = read_manifest(images / "images.csv")
    return predict_rows(load_checkpoint(checkpoint_path), rows, batch_size=5)


def test_rows_are_judged_as_the_viewer_judges_the_same_files(images, checkpoint_path, answered):
    predictor = Predictor(checkpoint_path)
    by_file = {prediction.row.file: prediction for prediction in answered[0]}
    for patient in range(4):
        (study,) = load([images / f"case{patient}"]).studies
        expected = predictor.predict_study(study)
        for view, answer in zip(study.views, expected.views, strict=True):
            ours = by_file[view.path.relative_to(images).as_posix()]
            theirs = answer.prediction
            assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-6)
            assert ours.category == theirs.category
            assert ours.malignancy == pytest.approx(theirs.malignancy, abs=1e-6)
        assert [answer.laterality for answer in expected.breasts] == [RIGHT, LEFT]
        for answer in expected.breasts:
            ours = [
                p
                for p in answered[0]
                if p.row.patient_id == f"patient{patient}" and p.laterality is answer.laterality
            ]
            for view in ours:
                assert view.breast_probabilities == pytest.approx(
                    answer.prediction.probabilities, abs=1e-6
                )
                assert view.breast_malignancy == pytest.approx(
                    answer.prediction.malignancy, abs=1e-6
                )


def test_what_cannot_be_read_is_listed_and_what_shows_no_breast_is_judged_out_of_scope(answered):
    predictions, failures = answered
    assert [failure.file for failure in failures] == ["text.png", "gone.png"]
    assert all(failure.reason for failure in failures)
    assert len(predictions) == 13
    blank = predictions[-1]
    assert blank.row.file == "blank.png"
    assert not blank.in_scope
    assert sum(blank.probabilities.values()) == pytest.approx(1)
    assert all(p.in_scope for p in predictions[:-1])


@pytest.mark.parametrize("heatmaps", [False, True])
def test_neither_the_batch_nor_a_heat_map_changes_the_answer(
    images, checkpoint_path, answered, heatmaps
):
    rows = read_manifest(images / "images.csv")[:4]
    checkpoint = load_checkpoint(checkpoint_path)
    alone, _ = predict_rows(checkpoint, rows, batch_size=3, heatmaps=heatmaps)
    assert all((one.boxes is not None) == heatmaps for one in alone)
    assert hook_count(checkpoint.model) == 0
    for one, other in zip(alone, answered[0], strict=False):
        assert one.logits == pytest.approx(other.logits, abs=1e-5)
        assert one.embedding == pytest.approx(other.embedding, abs=1e-5)


def test_an_aspect_ratio_undoes_the_stretch_of_a_stored_frame(tmp_path):
    path = tmp_path / "hybrid.safetensors"
    checkpoint = load_checkpoint(write_tiny_checkpoint(path, "hybrid"))  # keeps the aspect
    image = np.round(breast(rows=400, columns=260, lesion=(200, 200, 20)) * 255).astype(np.uint8)
    true = write_plain(tmp_path / "true.png", values=image)
    square = cv2.resize(image, (400, 400), interpolation=cv2.INTER_CUBIC)
    stretched = write_plain(tmp_path / "stretched.png", values=square)
    rows = [
        replace(row("true"), path=true),
        replace(row("corrected", "p2"), path=stretched, aspect_ratio=260 / 400),
        replace(row("uncorrected", "p3"), path=stretched),
    ]
    (as_it_is, corrected, uncorrected), _ = predict_rows(checkpoint, rows)
    error = np.abs(corrected.logits - as_it_is.logits).max()
    assert error < 0.2 * np.abs(uncorrected.logits - as_it_is.logits).max()


def test_other_calibration_speaks_the_same_logits_anew(answered):
    plain = Calibration.identity(4, True)
    alone = [replace(view, laterality=None) for view in answered[0]]
    again = recalibrated(alone, plain)
    for before, after in zip(answered[0], again, strict=True):
        expected = np.exp(before.logits) / np.exp(before.logits).sum()
        assert list(after.probabilities.values()) == pytest.approx(expected)
        assert after.category == arg_max(after.probabilities)


# --------------------------------------------------------------------------- heat against boxes


class _Brightness(Network):
    """Finds BI-RADS 4 and 5 where the image is brightest: its Grad-CAM is the bright spot."""

    categories = (1, 3, 4, 5)
    architecture = ARCHITECTURES["light"]

    def __init__(self) -> None:
        super().__init__()
        self.pool = torch.nn.AvgPool2d(4)
        self.threshold = torch.nn.Parameter(torch.tensor(0.9))

    @property
    def feature_layer(self):
        return self.pool

    @property
    def explained_layers(self):
        return ((self.pool,),)

    def forward_trainable(self, feature, lesions=None):
        bright = self.pool(torch.relu(feature - self.threshold)).sum(dim=(1, 2, 3))
        none = torch.zeros_like(bright)
        return NetworkOutput(torch.stack([none, none, bright, bright], dim=1))


@pytest.mark.parametrize("side", ["R", "L"])
def test_the_pointing_game_is_won_on_the_lesion_and_lost_beside_it(tmp_path, side):
    checkpoint = Checkpoint(
        _Brightness().eval(),
        ModelIdentity("light", "0", (1, 3, 4, 5)),
        PreprocessingConfig(height=224, width=224, keeps_aspect=False, clahe_clip=0),
        Calibration.identity(4, False),
        heat_reference=1.0,
        provenance={},
    )
    column = 200 if side == "R" else 39
    path = write_plain(tmp_path / f"{side}.png", laterality=side, lesion=(110, column, 12), **SIZE)
    around = (column - 12, 98, column + 12, 122)
    mirrored = (239 - column - 12, 98, 239 - column + 12, 122)
    below = (column - 12, 210, column + 12, 234)
    rows = [
        replace(row(name, name), path=path, boxes=boxes)
        for name, boxes in {
            "hit": (around,),
            "any of several": (below, around),
            "below": (below,),
            "mirrored": (mirrored,),
            "unboxed": (),
        }.items()
    ]
    predictions, _ = predict_rows(checkpoint, rows, heatmaps=True)
    scores = {p.row.file: p.boxes for p in predictions}
    assert scores["unboxed"] is None
    assert [scores[name].hit for name in ("hit", "any of several", "below", "mirrored")] == [
        *(1, 1, 0, 0)
    ]
    assert scores["hit"].energy > 0.9
    assert scores["below"].energy < 0.1
    # the box is 24 x 24 of a half ellipse of about 0.8 x 240 x 0.45 x 320 x pi / 2
    assert scores["hit"].area == pytest.approx(24 * 24 / (0.8 * 240 * 0.45 * 320 * np.pi / 2), 0.15)
    for score in (scores["hit"], scores["below"]):
        assert score.untrained_hit in (0, 1)
        assert 0 <= score.untrained_energy < 0.5
        assert 0 < score.centre_energy < 0.3


def test_the_breast_centre_prior_hits_a_box_at_the_centre_of_the_breast(tmp_path):
    path = write_plain(tmp_path / "a.png", lesion=(40, 230, 8), **SIZE)
    network = load_checkpoint(write_tiny_checkpoint(tmp_path / "light.safetensors"))
    middle = (239 - 110, 130, 239 - 50, 190)  # centroid: 4/(3 pi) of the depth from the wall
    (prediction,), _ = predict_rows(
        network, [replace(row(), path=path, boxes=(middle,))], heatmaps=True
    )
    assert prediction.boxes.centre_hit == 1
    assert prediction.boxes.centre_energy > prediction.boxes.area


# ---------------------------------------------------------------------------- two networks


def test_the_better_of_two_networks_wins_the_paired_comparison():
    generator = np.random.default_rng(1)
    good, bad = [], []
    for number in range(300):
        grade = int(generator.integers(3, 6))
        of = row(f"{number}", f"p{number // 2}", grade, is_malignant=grade == 5, dataset="x")
        good.append(said(of, generator.dirichlet(0.5 + 4 * np.eye(5)[grade - 1])))
        bad.append(said(of, generator.dirichlet(np.ones(5))))
    groups = strict(figures.compare(good, bad[::-1], resamples=200))
    assert set(groups) == {"all", "x", "all/breast", "x/breast"}
    for name in ("qwk", "auc_malignant", "sensitivity_4_and_5"):
        assert groups["all"][name]["low"] > 0
    assert groups["all"] == groups["x"]
    with pytest.raises(InvalidData):
        figures.compare(good, [])


def test_worst_errors_come_furthest_and_surest_first_and_one_of_each_breast():
    errors = [
        said(row("near", "p1", 4), sure(5)),
        said(row("far", "p2", 5), sure(1)),
        said(row("far and surer", "p3", 5), [0.97, 0.01, 0.01, 0.005, 0.005]),
        said(row("same breast", "p3", 5), [0.9, 0.02, 0.02, 0.02, 0.04]),
        said(row("right", "p4", 5), sure(5)),
        said(row("proxy", "p5", 1, birads_kind="proxy-normal"), sure(5)),
        said(row("six", "p6", 6), sure(1)),
    ]
    found = [p.row.file for p in figures.worst_errors(errors)]
    assert found == ["far and surer", "far", "near"]


# ------------------------------------------------------------------------------ reader's word


def assessed(category, model, number, *, mode=ReadingMode.SECOND_READ, word=None, supersedes=None):
    identity = ModelIdentity("hybrid", "0", (1, 2, 3, 4, 5))
    if model is None:
        prediction = OutOfScope(identity, "The image is blank.")
    else:
        prediction = Prediction(identity, dict(zip((1, 2, 3, 4, 5), sure(model), strict=True)))
    category = BiradsCategory(category)
    agrees = Agreement.AGREE if category.grade == model else Agreement.DISAGREE
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return ReaderAssessment(
        study_uid=f"1.2.{number}",
        image_uids=(),
        patient_id=f"p{number}",
        laterality=RIGHT,
        reader="A",
        category=category,
        proposed_agreement=agrees,
        agreement=word or agrees,
        reason="",
        comment="",
        prediction=prediction,
        reading_mode=mode,
        opened_at=now,
        recorded_at=now,
        supersedes=supersedes,
        record_id=number,
    )


READINGS = [
    assessed("4A", 4, 1),
    assessed("4C", 4, 2),
    assessed("2", 4, 3, mode=ReadingMode.CONCURRENT, word=Agreement.AGREE),
    assessed("2", 2, 4),
    assessed("0", 4, 5),  # no answer yet
    assessed("6", 5, 6),  # known from a biopsy
    assessed("3", None, 7),  # the model said nothing
    assessed("5", 2, 8),
    assessed("2", 2, 9, supersedes=8),  # corrects the one before
]


def test_agreement_counts_current_comparable_readings_and_4a_to_4c_are_fours():
    got = strict(agreement.of_readings(READINGS, resamples=50))
    assert (got["n_records"], got["n_current"], got["n"]) == (9, 8, 5)
    # reader 4 4 2 2 2, model 4 4 4 2 2
    assert got["categories_match"] == pytest.approx(4 / 5)
    assert got["agreement"] == 1  # the reader let the third pass
    by_chance = (2 * 3 + 3 * 2) / 25
    assert got["kappa"] == pytest.approx((0.8 - by_chance) / (1 - by_chance))
    assert got["qwk"] == pytest.approx(got["kappa"])  # the one distance there is
    assert got["by_mode"]["concurrent"]["n"] == 1
    assert got["by_mode"]["concurrent"]["kappa"] is None or got["by_mode"]["concurrent"]["n"] == 1
    assert [part["study"] for part in got["parted"]] == ["1.2.3"]
    assert got["parted"][0]["model_category"] == 4


def test_agreement_counts_blind_readings_with_the_answer_that_came_later(tmp_path):
    with ReadingStore(tmp_path / "readings.sqlite") as store:
        for number, (category, model) in enumerate([("4A", 4), ("2", 4)], 1):
            reading = assessed(category, model, number, mode=ReadingMode.BLIND_AUDIT)
            said, nothing = reading.prediction, Agreement.NOT_COMPARABLE
            unseen = replace(
                reading,
                record_id=None,
                prediction=None,
                agreement=nothing,
                proposed_agreement=nothing,
            )
            store.attach_predictions({store.record(unseen).record_id: said})
        got = strict(agreement.of_readings(store.all(), resamples=50))
    assert got["by_mode"]["blind audit"]["n"] == 2
    assert got["agreement"] == got["categories_match"] == 0.5


def test_readings_of_the_first_version_are_evaluated(tmp_path):
    path = tmp_path / "readings.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        Path(__file__).parents[1].joinpath("readings_v1.sql").read_text("utf-8")
    )
    connection.close()
    with ReadingStore(path) as store:
        got = strict(agreement.of_readings(store.all(), resamples=50))
    assert (got["n_records"], got["n_current"], got["n"]) == (3, 2, 1)
    assert got["by_mode"]["concurrent"]["categories_match"] == 1


def test_no_readings_give_no_figures():
    got = strict(agreement.of_readings([]))
    assert got["n"] == 0
    assert got["kappa"] is None


# ---------------------------------------------------------------------------------- the command


def pictures_of(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        for data in found
    ]


def check_page(page: str) -> None:
    assert page.count(NOTICE) >= 2
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert not re.search(r"\bnan\b|\bNone\b", re.sub(r"base64,[^\"]+", "", page))
    for picture in pictures_of(page):
        assert picture is not None
        strip = picture[-22:]
        assert 0.5 < np.mean(strip > 200) < 0.999  # the notice, dark on white


@pytest.fixture(scope="module")
def evaluated(images, tmp_path_factory):
    """The command on the phantoms with a network that was trained on two of the patients."""
    folder = tmp_path_factory.mktemp("evaluated")
    network = folder / "light.safetensors"
    save_checkpoint(
        network,
        "light",
        tiny_model("light"),
        PREPROCESSING["light"],
        Calibration.identity(4, True),
        3e-5,
        {
            "training_patients": [hash_patient(p) for p in ("patient0", "patient1", "other")],
            "may_leak": True,
        },
    )
    arguments = ["evaluate", "--manifest", str(images / "images.csv"), "--model", "light"]
    code = main([*arguments, "--checkpoint", str(network), "--out", str(folder), "--resamples=30"])
    return code, folder, arguments


def test_the_command_writes_the_contracted_files_and_fails_softly(evaluated, images):
    code, folder, _ = evaluated
    assert code == 1  # two rows could not be read; the rest went on
    results = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert set(results) >= FIGURES | {"per_breast", "datasets"}
    assert results["n"] == 13
    assert results["coverage"] == pytest.approx(12 / 13)
    assert results["rows"]["predicted"] == 13
    assert [item["file"] for item in results["unreadable"]] == ["text.png", "gone.png"]
    assert results["model"]["name"] == "light"
    assert results["n_boxes"] == 12
    assert 0 <= results["pointing_game"] <= 1
    for baseline in results["baselines"]["pointing_game"].values():
        assert 0 <= baseline <= 1
    assert results["per_breast"]["n"] == 9
    assert "read-out" in results["per_breast"]["method"]

    with (folder / "predictions.csv").open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["file"] for line in lines][-1] == "blank.png"
    assert lines[-1]["in_scope"] == "false"
    check_page((folder / "report.html").read_text("utf-8"))


def test_patients_that_were_trained_on_are_counted_in_a_warning(evaluated):
    _, folder, _ = evaluated
    results = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert any("2 of the 6 patients were trained on" in text for text in results["warnings"])
    assert "2 of the 6 patients were trained on" in (folder / "report.html").read_text("utf-8")


def test_a_training_that_knew_no_patients_is_named_in_the_report(evaluated):
    _, folder, _ = evaluated
    assert "Patients may leak." in (folder / "report.html").read_text("utf-8")


def test_its_own_details_judged_again_give_its_own_figures(evaluated, tmp_path, capsys):
    _, folder, arguments = evaluated
    readings = tmp_path / "readings.sqlite"
    with ReadingStore(readings) as store:
        for reading in READINGS[:4]:
            store.record(replace(reading, record_id=None))
    code = main(
        [
            *(*arguments, "--predictions", str(folder / "details.csv"), "--out", str(tmp_path)),
            *("--compare", str(folder / "predictions.csv"), "--readings", str(readings)),
            "--resamples=30",
        ]
    )
    assert code == 1  # the two rows still have no prediction
    first, second = (
        json.loads(
            (at / "metrics.json").read_text("utf-8"), parse_float=lambda t: round(float(t), 5)
        )
        for at in (folder, tmp_path)
    )
    for name in FIGURES | {"per_breast", "datasets", "decision", "screening"}:
        assert first[name] == second[name], name
    assert second["comparison"]["groups"]["all"]["accuracy"]["value"] == 0
    assert second["reader_agreement"]["n"] == 4
    page = (tmp_path / "report.html").read_text("utf-8")
    check_page(page)
    assert "own readings" in page
    assert "n 13" in capsys.readouterr().err


def test_a_checkpoint_of_the_other_network_is_refused(images, checkpoint_path, tmp_path, capsys):
    arguments = ["evaluate", "--manifest", str(images / "images.csv"), "--model", "hybrid"]
    code = main([*arguments, "--checkpoint", str(checkpoint_path), "--out", str(tmp_path)])
    assert code == 2
    assert "light" in capsys.readouterr().err
    assert not (tmp_path / "metrics.json").exists()


def test_a_manifest_at_fault_is_refused_by_row(tmp_path, capsys):
    path = tmp_path / "images.csv"
    path.write_text("file,birads,patient_id\na.png,4,p1\nb.png,nine,p2\n", encoding="utf-8")
    out = tmp_path / "out"
    assert main(["evaluate", "--manifest", str(path), "--model", "light", "--out", str(out)]) == 2
    assert "row 3" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed):
        evaluation.make_output_folder(tmp_path / "file" / "out")


# --------------------------------------------------------------------------------- the report


def test_the_report_draws_many_images_and_their_feature_space(tmp_path):
    generator = np.random.default_rng(0)
    predictions = []
    for number in range(90):
        grade = int(generator.integers(1, 6))
        predictions.append(
            replace(
                said(
                    row(
                        f"<{number}>",
                        f"p{number}",
                        grade,
                        dataset="xyz"[number % 3],
                        is_malignant=bool(generator.random() < grade / 6),
                    ),
                    generator.dirichlet(np.ones(5) + 2 * np.eye(5)[grade - 1]),
                    float(generator.random()),
                ),
                embedding=generator.normal(size=12) + grade,
            )
        )
    results = {
        "model": {"name": "hybrid", "sha256": "0" * 64, "categories": [1, 2, 3, 4, 5]},
        "manifest": "images.csv",
        "predictions": None,
        "warnings": ["<b>"],
        "rows": figures.count_rows([p.row for p in predictions], predictions),
        "unreadable": [{"file": "<script>", "reason": "&"}],
        **figures.measure(predictions, resamples=30),
    }
    errors = [
        ErrorPicture(p, np.round(breast(**SIZE) * 255).astype(np.uint8), 1.5)
        for p in figures.worst_errors(predictions, 2)
    ]
    path = tmp_path / "report.html"
    report.write(
        path,
        results,
        image_table(predictions),
        errors,
        np.stack([p.embedding for p in predictions]),
    )
    page = path.read_text("utf-8")
    check_page(page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert len(pictures_of(page)) == 5 + 2  # confusion, ROC, reliability, decision, features
    mammogram = pictures_of(page)[-1]
    # 320 rows of 1.5 tall pixels against 240 columns: twice as tall as wide
    assert (mammogram.shape[0] - 22) / mammogram.shape[1] == pytest.approx(2, abs=0.05)
