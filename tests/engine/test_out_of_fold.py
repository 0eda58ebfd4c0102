"""From fold networks to honest figures: no patient helps to judge or calibrate itself."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import InvalidData
from engine.evaluation.out_of_fold import assemble, cross_fitted
from engine.evaluation.row_predictions import RowPrediction
from engine.networks.checkpoint import load_checkpoint
from engine.networks.preprocessing import PreprocessingConfig
from engine.training import dataset
from engine.training.augmentation import AugmentationConfig
from engine.training.training import PRESETS, train
from tests.graded_images import write_images

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
    offered = [row for row in rows if row.birads != 2]
    # what the network lacks is predicted too, unless only training's own logits are used
    assert said.keys() == {row.file for row in (offered if is_quick else rows)}
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
    """A manifest, hybrids and light networks trained on its frames."""
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
    light = replace(hybrid, name="light", architecture=PRESETS["light"].architecture)
    for fold in (0, 1, None):
        train(hybrid, source, folder / "first", fold=fold)
        train(light, source, folder / "second", fold=fold)
    return manifest, folder / "first", folder / "second"


def test_two_networks_answer_together_for_the_fold_that_neither_saw(pair_runs, tmp_path):
    manifest, first, second = pair_runs
    assemble(manifest, first, tmp_path, "hybrid", beside=second)
    shipped = load_checkpoint(tmp_path / "hybrid.safetensors")
    assert shipped.model.architecture["trunk"] == "pair"
    assert shipped.provenance["beside"]["name"] == "light"
    alone = load_checkpoint(first / "checkpoint.safetensors")
    frame = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        together = shipped.model(frame).logits
        assert not torch.equal(together, alone.model(frame).logits)
        assert torch.equal(shipped.model.first(frame).logits, alone.model(frame).logits)


def test_a_partner_that_saw_the_fold_is_refused(pair_runs, tmp_path):
    manifest, first, second = pair_runs
    swapped = tmp_path / "second"
    shutil.copytree(second, swapped)
    shutil.copy(second / "fold1" / "checkpoint.safetensors", swapped / "fold0")
    with pytest.raises(InvalidData, match="held out another"):
        assemble(manifest, first, tmp_path / "out", "hybrid", beside=swapped)
