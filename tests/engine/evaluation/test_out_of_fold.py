"""From fold networks to honest figures: no patient helps to judge or calibrate itself."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from engine.__main__ import main
from engine.errors import InvalidData
from engine.evaluation import row_predictions
from engine.evaluation.calibration_fit import cross_fitted, fit_calibration
from engine.evaluation.fold_predictions import predict_fold
from engine.evaluation.joint_predictions import joint_predictions
from engine.evaluation.out_of_fold import assemble, assemble_ensemble
from engine.evaluation.row_predictions import RowPrediction
from engine.networks import ensemble
from engine.networks.checkpoint import load_checkpoint
from engine.networks.preprocessing import PreprocessingConfig
from engine.training import dataset
from engine.training.augmentation import AugmentationConfig
from engine.training.config import PRESETS
from engine.training.training import train
from tests.graded_images import write_images
from tests.tiny_networks import write_tiny_checkpoint

MEMBERS = ("hybrid", "light")

CONFIG = replace(
    PRESETS["light"],
    architecture={"filters": (4, 4, 8), "pools_globally": True, "has_malignancy": True},
    preprocessing=PreprocessingConfig(height=224, width=224, keeps_aspect=False),
    augmentation=AugmentationConfig(variants=0),
    batch=8,
    head_epochs=0,
    whole_epochs=1,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The manifest, and the folder in which both folds and the final network were trained."""
    folder = tmp_path_factory.mktemp("out_of_fold")
    manifest = write_images(folder)
    source = dataset.read(manifest)
    for fold in (0, 1, None):
        train(CONFIG, source, folder / "runs", fold=fold)
    return manifest, folder / "runs"


@pytest.mark.parametrize("is_quick", [True, False])
def test_every_image_is_predicted_by_the_network_that_never_saw_its_patient(
    trained, tmp_path, is_quick
):
    manifest, runs = trained
    assemble(manifest, runs, tmp_path, "light", is_quick)
    with (tmp_path / "light.out_of_fold.csv").open(newline="") as stream:
        said = {record["file"]: record for record in csv.DictReader(stream)}
    rows = dataset.read_manifest(manifest)
    assert said.keys() == {row.file for row in rows}  # also of the grade that the network lacks
    for record in said.values():
        assert sum(float(record[f"p{grade}"]) for grade in (1, 3, 4, 5)) == pytest.approx(
            1, abs=1e-3
        )
    shipped = load_checkpoint(tmp_path / "light.safetensors")
    manifest_entry = json.loads((tmp_path / "manifest.json").read_text())["light"]
    assert manifest_entry == {"file": "light.safetensors", "sha256": shipped.identity.sha256}
    assert shipped.heat_reference > 0
    assert shipped.calibration.view.slope != 1


def test_a_network_that_saw_the_fold_is_refused(trained, tmp_path):
    manifest, runs = trained
    swapped = tmp_path / "runs"
    shutil.copytree(runs, swapped)
    shutil.copy(runs / "fold1" / "checkpoint.safetensors", swapped / "fold0")
    with pytest.raises(InvalidData, match="held out another"):
        assemble(manifest, swapped, tmp_path / "out", "light", is_quick=True)


def test_a_folds_own_labels_do_not_touch_its_calibration():
    random = np.random.default_rng(0)

    def predictions(grade_of_fold_zero):
        return [
            RowPrediction(
                row=dataset.ManifestRow(
                    f"{index}",
                    None,
                    f"P{index}",
                    grade,
                    birads_low=grade,
                    birads_high=grade,
                    is_malignant=grade > 3,
                    fold=index % 2,
                ),
                probabilities=dict.fromkeys((1, 3, 4, 5), float("nan")),
                category=0,
                logits=logits[index],
                malignancy_logit=float(logits[index, 3]),
            )
            for index in range(80)
            for grade in [grade_of_fold_zero if index % 2 == 0 else (1, 3, 4, 5)[index % 4]]
        ]

    logits = random.normal(0, 2, (80, 4))
    one = cross_fitted(predictions(1), (1, 3, 4, 5))
    other = cross_fitted(predictions(5), (1, 3, 4, 5))
    assert [p.probabilities for p in one[::2]] == [p.probabilities for p in other[::2]]
    assert [p.probabilities for p in one[1::2]] != [p.probabilities for p in other[1::2]]


@pytest.fixture(scope="module")
def pair_runs(tmp_path_factory):
    """A manifest, hybrids and light networks trained on it, each on frames of its own."""
    folder = tmp_path_factory.mktemp("pair")
    manifest = write_images(folder, per_grade=4)
    source = dataset.read(manifest)
    hybrid = replace(
        PRESETS["hybrid"],
        architecture={"width": 16, "layers": 1, "heads": 2},
        preprocessing=PreprocessingConfig(height=64, width=64),
        augmentation=AugmentationConfig(variants=0),
        head_epochs=1,
        whole_epochs=0,
    )
    light = replace(
        hybrid,
        name="light",
        architecture=PRESETS["light"].architecture,
        preprocessing=PreprocessingConfig(height=96, width=64),
    )
    for fold in (0, 1, None):
        train(hybrid, source, folder / "first", fold=fold)
        train(light, source, folder / "second", fold=fold)
    return manifest, folder / "first", folder / "second"


def probabilities_of(record, grades=(1, 2, 3, 4, 5)):
    return [float(record[f"p{grade}"]) for grade in grades]


def read_csv(path):
    with path.open(newline="") as stream:
        return {record["file"]: record for record in csv.DictReader(stream)}


def test_what_two_networks_said_of_the_fold_that_neither_saw_is_combined_without_predicting_again(
    pair_runs, tmp_path, monkeypatch
):
    manifest, first, second = pair_runs
    assemble(manifest, first, tmp_path, "hybrid")
    assemble(manifest, second, tmp_path, "light")
    with monkeypatch.context() as patch:
        for method in ("predict", "forward_for_inference"):  # no fold's network predicts
            patch.setattr(f"engine.networks.models.Network.{method}", None)
        assemble_ensemble(manifest, first, second, tmp_path)
    both = ensemble.load(tmp_path / "both.json")
    entry = json.loads((tmp_path / "manifest.json").read_text())["both"]
    assert entry == {"file": "both.json", "sha256": both.identity.sha256}
    names = [member.identity.sha256 for member in both.members]
    assert names == [
        load_checkpoint(tmp_path / f"{n}.safetensors").identity.sha256 for n in MEMBERS
    ]
    assert both.members[0].preprocessing != both.members[1].preprocessing
    assert 0 < both.identity.population.views.suspicious < 1
    assert 0 < both.identity.population.breasts.malignant < 1
    trained = [set(member.provenance["training_patients"]) for member in both.members]
    assert set(both.provenance["training_patients"]) == trained[0] | trained[1]

    said = read_csv(tmp_path / "both.out_of_fold.csv")
    rows = dataset.read_manifest(manifest)
    assert said.keys() == {row.file for row in rows}
    assert all(record["box_hit"] == "" for record in said.values())
    for record in said.values():
        assert sum(probabilities_of(record)) == pytest.approx(1, abs=1e-6)
    # by hand, of one image: the mean of the malignancy logits that the two folds' networks gave,
    # each calibrated by what it said of the other fold
    stored = [np.load(run_dir / "fold1" / "predictions.npz") for run_dir in (first, second)]
    file = str(stored[0]["files"][0])
    logits = []
    for run_dir, of_fold, member in zip((first, second), stored, both.members, strict=True):
        others = predict_fold(run_dir / "fold0", 0, rows)
        scaling = fit_calibration(others, member.identity.categories, rows).cancer.head
        logit = of_fold["malignancy"][list(of_fold["files"]).index(file)]
        logits.append(logit * scaling.slope + scaling.offset)
    (joint,) = [
        p for p in joint_predictions(first, second, both.members, rows) if p.row.file == file
    ]
    assert joint.malignancy_logit == pytest.approx(np.mean(logits), rel=1e-5)


def test_the_joint_heat_maps_are_held_against_the_boxes_when_asked_to_and_then_known(
    pair_runs, tmp_path, monkeypatch
):
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)  # no thread beside the bar
    manifest, first, second = pair_runs
    copies = [shutil.copytree(runs, tmp_path / runs.name) for runs in (first, second)]
    command = ["out-of-fold", "both", "--data", str(manifest), "--runs", str(copies[0])]
    command += ["--beside", str(copies[1]), "--out", str(tmp_path / "out")]
    for name, runs in zip(MEMBERS, copies, strict=True):
        assemble(manifest, runs, tmp_path / "out", name)
    for fold in ("0", "1"):
        assert main([*command, "--fold", fold]) == 0
    assert main(command) == 0
    said = read_csv(tmp_path / "out" / "both.out_of_fold.csv")
    for row in dataset.read_manifest(manifest):
        assert (said[row.file]["box_hit"] in ("0", "1")) == bool(row.boxes)


def test_a_partner_that_saw_the_fold_is_refused(pair_runs, tmp_path):
    manifest, first, second = pair_runs
    swapped = shutil.copytree(second, tmp_path / "second")
    shutil.copy(second / "fold1" / "checkpoint.safetensors", swapped / "fold0")
    for name, runs in zip(MEMBERS, (first, second), strict=True):
        assemble(manifest, runs, tmp_path / "out", name)
    with pytest.raises(InvalidData, match="held out another"):
        assemble_ensemble(manifest, first, swapped, tmp_path / "out")


def test_an_ensemble_of_networks_that_are_not_the_shipped_ones_is_refused(pair_runs, tmp_path):
    manifest, first, second = pair_runs
    for name in MEMBERS:
        write_tiny_checkpoint(tmp_path / f"{name}.safetensors", name)
    with pytest.raises(InvalidData, match="assemble it first"):
        assemble_ensemble(manifest, first, second, tmp_path)


def test_the_frames_that_training_made_are_looked_at_again_and_give_the_same(
    trained, tmp_path, monkeypatch
):
    manifest, runs = trained
    rows = dataset.read_manifest(manifest)
    without = shutil.copytree(runs, tmp_path / "without", ignore=shutil.ignore_patterns("cache"))
    decoded = predict_fold(without / "fold1", 1, rows)
    again = shutil.copytree(runs, tmp_path / "again")
    (again / "fold1" / "predictions.npz").unlink(missing_ok=True)
    read = []
    monkeypatch.setattr(
        row_predictions,
        "prepared_row",
        lambda row, checkpoint, real=row_predictions.prepared_row, **options: (
            read.append(row) or real(row, checkpoint, **options)
        ),
    )
    framed = predict_fold(again / "fold1", 1, rows)
    assert read
    assert all(row.boxes for row in read)
    assert len(framed) == len(decoded) > len(read)
    for one, other in zip(framed, decoded, strict=True):
        assert one.row == other.row
        assert one.boxes == other.boxes
        np.testing.assert_allclose(one.logits, other.logits, rtol=1e-4, atol=1e-5)
