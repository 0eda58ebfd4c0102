"""Controls: a figure is split, priced and held against what can be told without the breast."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tqdm import tqdm

from engine.__main__ import main
from engine.domain import ModelIdentity
from engine.evaluation import borders, controls, metrics
from engine.evaluation.row_predictions import (
    RowPrediction,
    arg_max,
    predict_rows,
    write_predictions,
)
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import Checkpoint
from engine.networks.models import Network, NetworkOutput
from engine.networks.preprocessing import PreprocessingConfig
from engine.training.dataset import ManifestRow, read_manifest
from tests.phantom import breast, write_plain
from tests.tiny_networks import ARCHITECTURES, write_tiny_checkpoint

GRADES = (1, 2, 3, 4, 5)


@pytest.fixture(autouse=True)
def _no_thread_outlives_a_test(monkeypatch):
    monkeypatch.setattr(tqdm, "monitor_interval", 0)


def row(number: int, is_malignant: bool | None = None, birads: int | None = None, **known):
    return ManifestRow(
        file=f"{number}.png",
        path=known.pop("path", None),
        patient_id=known.pop("patient_id", f"p{number}"),
        birads=birads,
        birads_kind=known.pop("birads_kind", "reader" if birads else "incomplete"),
        birads_low=known.pop("birads_low", birads),
        birads_high=known.pop("birads_high", birads),
        is_malignant=is_malignant,
        dataset=known.pop("dataset", "screening"),
        **known,
    )


def said(of: ManifestRow, suspicion: float) -> RowPrediction:
    """Half of the suspicion on 4, half on 5, a little more on 5; the rest on 1."""
    keyed = {1: 1 - suspicion, 2: 0.0, 3: 0.0, 4: 0.49 * suspicion, 5: 0.51 * suspicion}
    return RowPrediction(of, keyed, arg_max(keyed), suspicion, laterality=of.laterality)


def strict(found: dict) -> dict:
    return json.loads(json.dumps(found, allow_nan=False))


# ------------------------------------------------------------------------------ within a stratum


def test_pairs_within_a_stratum_are_counted_one_by_one():
    random = np.random.default_rng(3)
    strata, positive = random.integers(0, 4, 80), random.random(80) < 0.4
    score, weights = random.integers(0, 6, 80) / 6, random.integers(0, 3, (5, 80)).astype(float)
    expected = []
    for weight in weights:
        won = pairs = 0.0
        for i in np.flatnonzero(positive):
            for j in np.flatnonzero(~positive & (strata == strata[i])):
                pairs += weight[i] * weight[j]
                won += weight[i] * weight[j] * ((score[i] > score[j]) + (score[i] == score[j]) / 2)
        expected.append(won / pairs)
    found = metrics.auc_within(strata, positive, score, weights)
    assert found == pytest.approx(expected)
    everything = np.zeros(80)
    assert metrics.auc_within(everything, positive, score, weights) == pytest.approx(
        metrics.auc(positive, score, weights)
    )
    assert np.isnan(metrics.auc_within(np.arange(80), positive, score, weights)).all()


def machines_that_see_the_cancers() -> list[RowPrediction]:
    """Two machines, one with most of the cancers; the network knows the machine alone."""
    predictions = []
    for number in range(200):
        machine = number % 2
        is_malignant = number % 10 != machine if machine else number % 10 == 0
        of = row(
            number,
            is_malignant,
            site="1",
            machine=str(machine),
            patient_id=f"p{number // 4}",
            fold=(number // 4) % 5,
        )
        predictions.append(said(of, 0.8 if machine else 0.2))
    return predictions


def test_a_network_that_knows_the_machine_alone_is_found_out_within_machines():
    found = strict(controls.measure(machines_that_see_the_cancers(), resamples=50))
    groups = found["groups"]
    assert groups["all"]["auc_malignant"] > 0.75
    assert groups["sites"]["screening site 1"]["auc_malignant"] > 0.75
    assert set(groups["machines"]) == {
        "screening site 1 machine 0",
        "screening site 1 machine 1",
    }
    assert {group["auc_malignant"] for group in groups["machines"].values()} == {0.5}
    within = found["within"]
    assert within["collections"]["auc_malignant"] == groups["all"]["auc_malignant"]
    assert within["machines"]["auc_malignant"] == 0.5
    assert within["machines"]["intervals"]["auc_malignant"] == [0.5, 0.5]
    assert "pairs within machines" in controls.summary(found)


def test_networks_of_two_folds_are_not_compared_with_each_other():
    """Each orders its own patients rightly, and one says more of everything."""
    predictions = [
        said(
            row(n, n % 4 > 1, fold=n % 2, patient_id=f"p{n}"),
            0.1 + 0.2 * (n % 4 > 1) + 0.5 * (n % 2),
        )
        for n in range(40)
    ]
    found = strict(controls.measure(predictions, resamples=20))["groups"]["all"]
    assert found["auc_malignant"] == 0.75
    assert found["auc_malignant_within_folds"] == 1
    in_one = strict(controls.measure(predictions[::2], resamples=20))["groups"]["all"]
    assert in_one["auc_malignant_within_folds"] is None


def test_a_collection_with_one_outcome_has_no_figure_and_an_unnamed_site_no_line():
    predictions = [said(row(n, True, dataset="cases"), 0.1 * n) for n in range(6)]
    found = strict(controls.measure(predictions, resamples=20))
    group = found["groups"]["collections"]["cases"]
    assert group["auc_malignant"] is None
    assert group["intervals"]["auc_malignant"] is None
    assert group["cancers_called_4_or_5"] == 0
    assert group["cancer_free_called_4_or_5"] is None
    assert found["groups"]["sites"] == found["groups"]["machines"] == {}
    assert found["operating_points"] is None  # nobody named folds
    assert strict(controls.measure([], resamples=20))["groups"]["all"]["n"] == 0


# ---------------------------------------------------------------------------- who is called 4 or 5


def test_crying_wolf_is_counted_per_outcome_and_grade():
    high, low = 0.9, 0.1
    predictions = [
        said(row(0, False, 1), high),
        said(row(1, False, 1), low),
        said(row(2, False, 2), low),
        said(row(3, True, birads_kind="interval-malignant", birads_low=4, birads_high=5), high),
        said(row(4, True, birads_kind="interval-malignant", birads_low=4, birads_high=5), low),
        said(row(5, False, birads_kind="interval-benign", birads_low=1, birads_high=2), high),
        said(row(6, False, 1, birads_kind="proxy-normal"), high),
        said(row(7, None, birads_kind="interval-benign", birads_low=2, birads_high=4), high),
    ]
    group = strict(controls.measure(predictions, resamples=20))["groups"]["all"]
    assert group["cancer_free_called_4_or_5"] == pytest.approx(3 / 5)
    assert group["cancers_called_4_or_5"] == pytest.approx(1 / 2)
    assert (group["n_graded_1"], group["n_graded_1_or_2"]) == (2, 3)  # a stand-in is no grade
    assert group["graded_1_called_4_or_5"] == pytest.approx(1 / 2)
    assert group["graded_1_or_2_called_4_or_5"] == pytest.approx(1 / 3)
    assert group["graded_1_or_2_called_1_or_2"] == pytest.approx(2 / 3)
    # a range from 2 to 4 is on neither side
    assert (group["n_4_or_5"], group["n_below_4"]) == (2, 5)
    assert group["auc_4_or_5"] == pytest.approx((3.5 + 1) / 10)


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.1, 0.25, 1.0]),
)
@settings(deadline=None)
def test_a_limit_calls_no_more_than_allowed_and_a_lower_one_would(values, budget):
    suspicion = np.array(values)
    limit = controls.limit_for(suspicion, budget)
    assert (suspicion > limit).mean() <= budget + 1e-9
    lower = suspicion[suspicion <= limit]
    if len(lower):
        assert (suspicion >= lower.max()).mean() > budget


def test_an_operating_point_is_chosen_on_other_patients_than_it_is_judged_on():
    predictions = []
    for number in range(80):
        fold, is_malignant = number % 2, number % 4 >= 2
        # in fold 1 every breast looks suspicious: its own limit would hide that
        suspicion = (0.5 if fold else 0.0) + 0.4 * number / 80
        predictions.append(said(row(number, is_malignant, fold=fold), suspicion))
    found = strict(controls.measure(predictions, resamples=20))["operating_points"]
    assert set(found) == {"0.25", "0.1"}
    point = found["0.25"]["screening"]
    free = {
        fold: sorted(
            p.malignancy for p in predictions if p.row.fold == fold and not p.row.is_malignant
        )
        for fold in (0, 1)
    }
    assert point["limits"] == {
        "0": pytest.approx(free[1][-6]),  # five of twenty lie above
        "1": pytest.approx(free[0][-6]),
    }
    assert point["cancer_free_called"] == 0.5  # all of fold 1, none of fold 0
    assert point["cancers_called"] == 0.5


# --------------------------------------------------------------------------- without the breast


def test_fifteen_statistics_say_what_the_stored_image_is_like():
    image = np.full((100, 50), 10, np.uint8)
    image[:2], image[-2:], image[:, :1], image[:, -1:] = 0, 255, 20, 30
    found = dict(zip(borders.STATISTICS, borders.statistics(image), strict=True))
    assert len(found) == 15
    assert found["levels used"] == 5
    assert (found["minimum"], found["maximum"]) == (0, 255)
    assert found["mean"] == pytest.approx(image.mean())
    assert found["standard deviation"] == pytest.approx(image.std())
    assert found["mean of the top"] == pytest.approx(image[:2].mean())
    assert found["maximum of the left"] == 20
    assert found["mean of the right"] == 30
    assert found["share of 0"] == pytest.approx(96 / 5000)
    assert found["share of 255"] == pytest.approx(96 / 5000)


def batch(folder, has_marked_border: bool, count: int = 120) -> list[ManifestRow]:
    """Equal breasts; those called malignant were scanned with a lighter edge, or all alike."""
    rows = []
    for number in range(count):
        is_malignant = number % 2 == 1
        image = (breast("L", rows=96, columns=72, seed=number) * 255).astype(np.uint8)
        if is_malignant and has_marked_border:
            image[:, -3:] = 40
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), image)
        rows.append(row(number, is_malignant, path=path, patient_id=f"p{number // 2}", site="1"))
    return rows


def test_cancers_told_by_their_border_are_told_without_the_breast(tmp_path):
    rows = batch(tmp_path, has_marked_border=True)
    statistics = borders.of_rows(rows)
    found = strict(controls.without_the_breast(rows, statistics, resamples=30))["screening"]
    assert found["statistics"]["auc_malignant"] > 0.99
    assert found["statistics"]["auc_malignant/site 1"] > 0.99


def test_breasts_scanned_alike_are_not(tmp_path):
    rows = batch(tmp_path, has_marked_border=False)
    found = controls.without_the_breast(rows, borders.of_rows(rows), resamples=200)["screening"]
    low, high = found["statistics"]["intervals"]["auc_malignant"]
    assert low < 0.5 < high


def scanned(count: int = 400, seed: int = 0) -> tuple[list[ManifestRow], np.ndarray]:
    """Rows and statistics of which the fourth tells the outcome, not surely."""
    random = np.random.default_rng(seed)
    outcome = np.arange(count) % 2 == 1
    statistics = random.normal(size=(count, len(borders.STATISTICS)))
    statistics[:, 3] += 1.2 * outcome
    rows = [
        row(number, bool(value), patient_id=f"p{number // 4}", fold=(number // 4) % 5)
        for number, value in enumerate(outcome)
    ]
    return rows, statistics


def probability(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def test_a_network_that_reads_the_scanner_is_explained_and_gains_nothing():
    rows, statistics = scanned()
    leaning = probability(1.2 * statistics[:, 3])
    found = controls.without_the_breast(rows, statistics, leaning, resamples=100)["screening"]
    part = found["statistics"]
    assert part["share_explained"] > 0.9
    assert part["correlation"] > 0.8
    assert part["partial_r2"] > 0.5
    low, high = part["intervals"]["lift"]
    assert low < 0.02
    assert high < 0.05


def test_a_network_that_reads_the_breast_is_not_explained_and_the_scanner_adds_to_it():
    rows, statistics = scanned()
    outcome = np.array([of.is_malignant for of in rows])
    honest = probability(np.random.default_rng(1).normal(size=len(rows)) + 1.2 * outcome)
    part = controls.without_the_breast(rows, statistics, honest, resamples=100)["screening"][
        "statistics"
    ]
    assert abs(part["correlation_in_cancers"]) < 0.2
    assert abs(part["correlation_in_cancer_free"]) < 0.2
    assert part["correlation"] > 0.1  # both know the outcome
    assert part["partial_r2"] < 0.03
    assert part["intervals"]["lift"][0] > 0.02


def test_adding_noise_that_knows_nothing_lifts_nothing():
    """The regression that joins the two has seen neither the patients nor trees taught by them."""
    rows, statistics = scanned()
    statistics = np.random.default_rng(5).normal(size=statistics.shape)
    outcome = np.array([of.is_malignant for of in rows])
    honest = probability(np.random.default_rng(1).normal(size=len(rows)) + 1.2 * outcome)
    part = controls.without_the_breast(rows, statistics, honest, resamples=50)["screening"]
    assert part["statistics"]["lift"] < 0.01
    assert part["statistics"]["share_explained"] < 0.05


def test_the_same_images_give_the_same_baseline_again():
    rows, statistics = scanned(160)
    score = probability(statistics[:, 0])
    first, second = (
        controls.without_the_breast(rows, statistics, score, resamples=20) for _ in range(2)
    )
    assert first == second


def test_too_few_cases_or_unreadable_images_give_no_baseline_and_no_error(tmp_path):
    rows, statistics = scanned(60)
    assert controls.without_the_breast(rows[:30], statistics[:30]) == {"screening": None}
    statistics[1::2] = np.nan  # none of the cancers can be read
    assert controls.without_the_breast(rows, statistics) == {"screening": None}
    (tmp_path / "bad.png").write_bytes(b"no image")
    lost = [row(0, path=tmp_path / "none.png"), row(1, path=tmp_path / "bad.png")]
    assert np.isnan(borders.of_rows(lost)).all()


def test_a_statistic_that_never_varies_does_no_harm():
    rows, statistics = scanned(200)
    statistics[:, [0, 5]] = 7.0
    found = controls.without_the_breast(rows, statistics, resamples=20)["screening"]
    assert found["statistics"]["auc_malignant"] > 0.7
    constant = np.ones_like(statistics)
    found = controls.without_the_breast(rows, constant, probability(statistics[:, 3]), 20)
    assert found["screening"]["statistics"]["auc_malignant"] == 0.5


# --------------------------------------------------------------------------------- blurred breasts


class _SeesBrightSpots(Network):
    """Finds cancer where a spot is much brighter than the tissue about it."""

    categories = GRADES[:1] + GRADES[2:]
    architecture = ARCHITECTURES["light"]

    def __init__(self) -> None:
        super().__init__()
        self.pool = torch.nn.AvgPool2d(4)

    @property
    def feature_layer(self):
        return self.pool

    @property
    def explained_layers(self):
        return ((self.pool,),)

    def forward_trainable(self, feature, lesions=None):
        self.pool(feature)
        tissue = feature.sum(dim=(1, 2, 3)) / (feature > 0).sum(dim=(1, 2, 3))
        above = ((feature.amax(dim=(1, 2, 3)) - tissue) * 100).round() / 10
        none = torch.zeros_like(above)
        return NetworkOutput(torch.stack([none, none, above, above], dim=1), above)


def test_a_network_that_reads_lesions_is_at_chance_when_the_breast_is_blurred(tmp_path):
    checkpoint = Checkpoint(
        _SeesBrightSpots().eval(),
        ModelIdentity("light", "0", (1, 3, 4, 5)),
        PreprocessingConfig(height=224, width=224, keeps_aspect=False, clahe_clip=0),
        Calibration.identity(4, True),
        heat_reference=1.0,
        provenance={},
    )
    rows = []
    for number in range(12):
        is_malignant = number % 2 == 1
        lesion = (90 + 5 * number, 120, 9) if is_malignant else None
        path = write_plain(
            tmp_path / f"{number}.png", laterality="R", lesion=lesion, rows=256, columns=192
        )
        rows.append(row(number, is_malignant, path=path))
    sharp, _ = predict_rows(checkpoint, rows)
    blurred, _ = predict_rows(checkpoint, rows, is_blurred=True)
    found = strict(controls.measure(sharp, blurred=blurred, resamples=20))
    assert found["groups"]["all"]["auc_malignant"] > 0.9
    assert found["blurred"]["all"]["auc_malignant"] == 0.5
    assert found["blurred"]["all"]["cancers_called_4_or_5"] in (0, 1)  # all alike
    assert "screening, blurred" in controls.summary(found)


# ----------------------------------------------------------------------------------- the command


@pytest.fixture
def manifest(tmp_path):
    """Twelve phantoms of two collections, two folds and two sites, one in three malignant."""
    path = tmp_path / "images.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "birads", "patient_id", "dataset", "pathology", "fold", "tissue"])
        for number in range(12):
            write_plain(tmp_path / f"{number}.png", laterality="R", rows=256, columns=192)
            collection = "rsna" if number < 6 else "film"
            place = f"site {number % 2} machine {number % 2}" if number < 6 else ""
            pathology = "MALIGNANT" if number % 3 == 0 else "NORMAL"
            writer.writerow(
                [f"{number}.png", 4, f"p{number}", collection, pathology, number % 2, place]
            )
    return path


def predictions_file(path, manifest, names=None):
    rows = [r for r in read_manifest(manifest) if names is None or r.dataset in names]
    write_predictions(path, [said(r, 0.9 if r.is_malignant else 0.3) for r in rows])
    return path


def test_the_command_prints_controls_beside_its_figures(manifest, tmp_path, capsys):
    everything = predictions_file(tmp_path / "all.csv", manifest)
    alone = predictions_file(tmp_path / "rsna.csv", manifest, {"rsna"})
    out = tmp_path / "out"
    arguments = ["evaluate", "--manifest", str(manifest), "--out", str(out), "--resamples", "20"]
    arguments += ["--predictions", str(everything), "--left-out", f"rsna={alone}"]
    assert main([*arguments, "--blurred", str(alone)]) == 0
    found = json.loads((out / "metrics.json").read_text("utf-8"))["controls"]
    assert set(found["groups"]["collections"]) == {"film", "rsna"}
    assert set(found["groups"]["sites"]) == {"rsna site 0", "rsna site 1"}
    assert found["left_out"]["rsna"]["all"]["n"] == found["blurred"]["all"]["n"] == 6
    assert found["without_the_breast"] == {"film": None, "rsna": None}  # too few
    assert found["operating_points"]["0.25"]["rsna"]["cancers_called"] == 1
    talk = capsys.readouterr().err
    assert "free called" in talk
    assert "rsna site 1" in talk
    page = (out / "report.html").read_text("utf-8")
    for told in ("What the figures are worth", "rsna, by a network trained without it"):
        assert told in page
    assert "rsna site 0 machine 0" in page


def test_one_collection_or_fold_is_judged_alone(manifest, tmp_path):
    everything = predictions_file(tmp_path / "all.csv", manifest)
    arguments = ["evaluate", "--manifest", str(manifest), "--predictions", str(everything)]
    arguments += ["--resamples", "20", "--no-baseline", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--only", "film", "--fold", "1"]) == 0
    results = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert results["rows"]["predicted"] == 3
    assert results["controls"]["without_the_breast"] is None


def test_what_cannot_be_controlled_is_refused_at_once(manifest, tmp_path, capsys):
    everything = predictions_file(tmp_path / "all.csv", manifest)
    arguments = ["evaluate", "--manifest", str(manifest), "--out", str(tmp_path / "out")]
    given = [*arguments, "--predictions", str(everything)]
    assert main([*given, "--control", "blurred"]) == 2
    assert "A control asks the network" in capsys.readouterr().err
    assert main([*given, "--only", "rnsa"]) == 2
    assert "the manifest has film, rsna" in capsys.readouterr().err
    assert main([*given, "--no-baseline", "--left-out", f"rnsa={everything}"]) == 2
    with pytest.raises(SystemExit):
        main([*given, "--left-out", "rsna"])
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_the_network_is_asked_again_about_blurred_breasts(manifest, tmp_path):
    checkpoint = write_tiny_checkpoint(tmp_path / "light.safetensors")
    arguments = ["evaluate", "--manifest", str(manifest), "--model", "light", "--no-heatmaps"]
    arguments += ["--checkpoint", str(checkpoint), "--only", "rsna", "--resamples", "20"]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--control", "blurred"]) == 0
    found = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))["controls"]
    assert found["blurred"]["all"]["n"] == 6
    with (tmp_path / "out" / "blurred.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 6


def test_a_manifest_that_names_no_folds_deals_patients_out_whole():
    rows = [row(number, bool(number % 2), patient_id=f"p{number // 3}") for number in range(60)]
    folds = borders.folds_of(rows)
    assert len(set(folds)) == 5
    for patient in {of.patient_id for of in rows}:
        assert len({k for k, of in zip(folds, rows, strict=True) if of.patient_id == patient}) == 1
    named = [replace(of, fold=number // 30) for number, of in enumerate(rows)]
    assert borders.folds_of(named).tolist() == [0] * 30 + [1] * 30
