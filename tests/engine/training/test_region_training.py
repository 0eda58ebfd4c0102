"""Lesion crops teach the region network; figures come from lesions that it never saw."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tqdm import tqdm

from engine.__main__ import main
from engine.domain import NOTICE
from engine.errors import IncompatibleCheckpoint, InvalidData
from engine.evaluation import region_evaluation
from engine.evaluation.region_evaluation import assemble
from engine.networks.models import build_model
from engine.networks.region_network import RegionConfig, load_region_checkpoint
from engine.training import dataset
from engine.training.backbone import load_backbone
from engine.training.lesions import FILM_PIXEL_MM, read_crop, read_lesions
from engine.training.region_training import (
    BACKGROUND,
    Region,
    RegionTrainingConfig,
    altered,
    background_regions,
    corner_regions,
    lesion_regions,
    middle,
    train_regions,
)
from tests.phantom import breast

CONFIG = RegionTrainingConfig(region=RegionConfig(side=64), epochs=1, finishing_epochs=1, batch=4)
COLUMNS = (
    *("file", "dataset", "patient_id", "laterality", "view", "abnormality", "abnormality_id"),
    *("birads", "pathology", "native_rows", "native_columns", "fold", "birads_kind"),
)
PREDICTED = [
    *("file", "patient_id", "abnormality", "category", "confidence"),
    *("p2", "p3", "p4", "p5", "p_malignant", "notice"),
]


def write_crop(path: Path, seed: int, side: int = 90, is_malignant: bool = False) -> None:
    random = np.random.default_rng(seed)
    image = 90 + 20 * cv2.GaussianBlur(random.normal(size=(side, side + 6)), (0, 0), 3) * 6
    cv2.circle(image, (side // 2, side // 2), side // 3, 190 if is_malignant else 140, -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(image, 0, 255).astype(np.uint8))


def write_lesions(folder: Path, count: int = 16) -> Path:
    """lesions.csv with every grade and both kinds in each of two folds, a crop for each row."""
    records = []
    for number in range(count):
        file = f"lesions/{number}.png"
        is_malignant = number % 4 >= 2
        side = 90 + 4 * number
        write_crop(folder / file, number, side, is_malignant)
        records.append(
            {
                "file": file,
                "dataset": "cbis-ddsm",
                "patient_id": f"p{number // 2}",
                "laterality": "R",
                "view": "CC",
                "abnormality": "calcification" if number % 3 == 0 else "mass",
                "abnormality_id": 1,
                "birads": 2 + number % 4,
                "pathology": "MALIGNANT" if is_malignant else "BENIGN",
                "native_rows": side,
                "native_columns": side + 6,
                "fold": number // 2 % 2,
                "birads_kind": "reader",
            }
        )
    return write_rows(folder / "lesions.csv", records)


def write_rows(path: Path, records: list[dict]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(records)
    return path


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(autouse=True)
def _no_monitor(monkeypatch):
    monkeypatch.setattr(tqdm, "monitor_interval", 0)  # no thread that outlives the test


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_lesions(tmp_path_factory.mktemp("lesions"))


@pytest.fixture(scope="module")
def runs(manifest, tmp_path_factory):
    """Both folds and the final network, trained."""
    out = tmp_path_factory.mktemp("runs")
    for fold in (0, 1, None):
        train_regions(replace(CONFIG, finishing_epochs=0), manifest, out, fold=fold)
    return out


# -------------------------------------------------------------------------------------- the data


def test_a_crop_that_was_shrunk_is_taken_at_its_true_size(tmp_path):
    write_crop(tmp_path / "lesions/a.png", 0, side=100)
    record = {"file": "lesions/a.png", "patient_id": "p", "abnormality": "mass", "birads": 4}
    sizes = ({"native_rows": 400, "native_columns": 424}, {"native_rows": 100}, {})
    rows = [record | sizes[0], record | sizes[2]]
    shrunk, plain = read_lesions(write_rows(tmp_path / "a.csv", rows))
    assert read_crop(shrunk)[1] == pytest.approx((4 * FILM_PIXEL_MM, 4 * FILM_PIXEL_MM))
    assert read_crop(plain)[1] == (FILM_PIXEL_MM, FILM_PIXEL_MM)
    with pytest.raises(InvalidData, match="row 2: native_rows"):
        read_lesions(write_rows(tmp_path / "b.csv", [record | sizes[1]]))


def test_a_lesion_that_is_neither_mass_nor_calcification_is_named_with_its_row(tmp_path):
    record = {"file": "a.png", "patient_id": "p", "abnormality": "mass", "birads": 4}
    rows = [record, record | {"abnormality": "distortion"}]
    with pytest.raises(InvalidData, match="row 3: abnormality is 'distortion'"):
        read_lesions(write_rows(tmp_path / "a.csv", rows))


def test_what_is_incomplete_or_graded_1_teaches_its_pathology_alone(tmp_path):
    write_crop(tmp_path / "a.png", 0)
    record = {"file": "a.png", "patient_id": "p", "abnormality": "mass", "pathology": "BENIGN"}
    rows = [record | {"birads": "", "birads_kind": "incomplete"}, record | {"birads": 1}]
    rows.append(record | {"birads": 3, "pathology": ""})
    regions = lesion_regions(read_lesions(write_rows(tmp_path / "a.csv", rows)))
    assert [r.allowed.tolist() for r in regions] == [
        [True] * 4,
        [True] * 4,
        [False, True, False, False],
    ]
    assert [regions[0].malignant, regions[1].malignant] == [0, 0]
    assert np.isnan(regions[2].malignant)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two whole views of 200 mm by 150 mm; each with a boxed mass."""
    folder = tmp_path_factory.mktemp("films")
    records = []
    for number in range(2):
        image = np.round(breast("R", rows=400, columns=300, seed=number) * 255)
        cv2.imwrite(str(folder / f"{number}.png"), image.astype(np.uint8))
        records.append({"file": f"{number}.png", "patient_id": f"film{number}", "birads": 4})
    with (folder / "images.csv").open("w", newline="") as stream:
        columns = ("file", "patient_id", "birads", "dataset", "laterality", "view", "boxes")
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for record in records:
            box = json.dumps([[180, 150, 260, 250]])
            known = {"dataset": "cbis-ddsm", "laterality": "R", "view": "CC", "boxes": box}
            writer.writerow(record | known)
    views = dataset.read_manifest(folder / "images.csv")
    return views, {view.file: (4444, 3333) for view in views}  # 200 mm by 150 mm of film


def test_tissue_without_a_lesion_lies_on_the_breast_and_beside_every_box(films, manifest):
    views, native = films
    found = background_regions(views, native, read_lesions(manifest), CONFIG, each=30)
    assert len(found) > 40
    drawn = cv2.imread(str(views[0].path), cv2.IMREAD_GRAYSCALE)
    drawn[150:250, 180:260] = 0
    assert all(region.grey.max() > 10 for region in found)  # neither air …
    for region in found[:30]:  # … nor the box, which is black in `drawn`
        match = cv2.matchTemplate(drawn, region.grey, cv2.TM_SQDIFF)
        assert match.min() < 1
    assert {region.kind for region in found} == {BACKGROUND}
    assert {region.malignant for region in found} == {0.0}
    assert found[0].spacing_mm == pytest.approx((0.5, 0.5), rel=0.01)


def test_a_view_with_an_unmarked_calcification_gives_no_tissue(films, manifest):
    views, native = films
    lesions = [
        replace(row, label=replace(row.label, patient_id="film0"), abnormality="calcification")
        for row in read_lesions(manifest)[:1]
    ] + list(read_lesions(manifest)[1:2])
    found = background_regions(views[:1], native, lesions, CONFIG)
    assert not found
    assert background_regions(views[1:], native, lesions, CONFIG)


def test_sharpness_does_not_tell_a_lesion_from_healthy_tissue():
    random = np.random.default_rng(0)
    grey = random.integers(0, 255, (160, 160), np.uint8)
    lesion = Region(grey, (0.05, 0.05), "mass", np.ones(4, bool), 1.0)
    coarse_tissue = cv2.resize(grey, (29, 29), interpolation=cv2.INTER_AREA)
    tissue = Region(coarse_tissue, (0.28, 0.28), BACKGROUND, np.ones(4, bool), 0.0)
    config = replace(CONFIG, grain=0.0, gamma=0.0, coarse_share=0.3)

    def roughness(region):
        frames = [altered(region, config, random)[0] for _ in range(60)]
        return np.sort([np.abs(np.diff(frame, axis=1)).sum() / frame.std() for frame in frames])

    of_lesion, of_tissue = roughness(lesion), roughness(tissue)
    share = np.mean(of_lesion < np.quantile(of_tissue, 0.9))
    assert 0.1 < share < 0.6  # about three in ten lesions are as soft as all tissue is
    assert np.mean(of_lesion > of_tissue.max()) > 0.4  # the others keep what crops show


def test_the_corners_of_a_mass_are_sharp_tissue_and_a_lesions_middle_is_as_small():
    image = np.zeros((100, 80), np.uint8)
    cv2.ellipse(image, (40, 50), (36, 45), 0, 0, 360, 200, -1)  # the lesion in its box
    mass = Region(image, (0.05, 0.05), "mass", np.array([False, False, True, False]), 1.0)
    calcification = replace(mass, kind="calcification")
    corners = corner_regions([mass, calcification], CONFIG)
    assert len(corners) == 4  # calcifications may lie in a corner of theirs
    for corner in corners:
        assert (corner.grey > 0).mean() < 0.25
        assert corner.spacing_mm == mass.spacing_mm
        assert (corner.malignant, corner.allowed.tolist()) == (0.0, [True, False, False, False])
    part = middle(mass, CONFIG.corner_side)
    assert part.grey.shape == corners[0].grey.shape
    assert (part.grey > 0).all()
    assert (part.malignant, part.allowed.tolist()) == (1.0, mass.allowed.tolist())


# ---------------------------------------------------------------------------------- the training


def test_a_training_that_was_stopped_goes_on_to_the_same_network(manifest, tmp_path, monkeypatch):
    whole = train_regions(CONFIG, manifest, tmp_path / "whole")
    saved = []

    def stop(epoch, total):
        saved.append(epoch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_regions(CONFIG, manifest, tmp_path / "parts", on_epoch=stop)
    resumed = train_regions(CONFIG, manifest, tmp_path / "parts", resume=True)
    first, second = (load_region_checkpoint(p, is_fast=False).model for p in (whole, resumed))
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, second.state_dict()[name], rtol=1e-3, atol=1e-4)
    assert [line["number"] for line in rows_of(tmp_path / "parts/curves.csv")] == ["1", "2"]
    with pytest.raises(IncompatibleCheckpoint, match="Cannot resume"):
        train_regions(replace(CONFIG, batch=3), manifest, tmp_path / "parts", resume=True)


def test_the_lowest_layers_stay_as_they_came_and_the_others_learn(manifest, tmp_path):
    torch.manual_seed(CONFIG.seed)
    trained = load_region_checkpoint(
        train_regions(replace(CONFIG, finishing_epochs=0), manifest, tmp_path), is_fast=False
    ).model
    torch.manual_seed(CONFIG.seed)
    fresh = type(trained)()
    for part, is_kept in (("below", True), ("middle", False), ("dense", False)):
        same = all(
            torch.equal(a, b.half().float())
            for a, b in zip(
                getattr(trained, part).parameters(),
                getattr(fresh, part).parameters(),
                strict=True,
            )
        )
        assert same is is_kept, part


def test_a_region_network_teaches_whole_views_and_takes_its_patients_along(manifest, tmp_path):
    first = train_regions(CONFIG, manifest, tmp_path / "first", fold=1)
    whole = build_model("light", trunk="mobilenet")
    load_backbone(whole, first)
    taught = load_region_checkpoint(first, is_fast=False).model.state_dict()
    given = {k: v for k, v in whole.state_dict().items() if k.startswith(whole.pretrained)}
    assert all(torch.equal(value, taught[name]) for name, value in given.items())
    again = train_regions(CONFIG, manifest, tmp_path / "second", backbone=first)
    patients = load_region_checkpoint(again).provenance["training_patients"]
    assert set(load_region_checkpoint(first).provenance["training_patients"]) < set(patients)
    with pytest.raises(InvalidData, match="held out"):
        train_regions(CONFIG, manifest, tmp_path / "third", backbone=first, fold=0)


def test_a_fold_that_no_row_is_in_is_refused(manifest, tmp_path):
    with pytest.raises(InvalidData, match="fold 7"):
        train_regions(CONFIG, manifest, tmp_path, fold=7)


def test_the_command_trains_with_what_a_configuration_changes(manifest, tmp_path, caplog):
    (tmp_path / "c.json").write_text(
        '{"epochs": 1, "finishing_epochs": 0, "batch": 4, "region": {"side": 64}}'
    )
    command = ["train", "region", "--data", str(manifest.parent), "--out", str(tmp_path / "run")]
    assert main([*command, "--config", str(tmp_path / "c.json"), "--fold", "1"]) == 0
    assert "starts untrained" in caplog.text
    caplog.clear()
    loaded = load_region_checkpoint(tmp_path / "run/fold1/checkpoint.safetensors")
    assert loaded.config == RegionConfig(side=64)
    assert loaded.provenance["config"]["fold"] == 1
    (tmp_path / "c.json").write_text('{"colour": "red"}')
    assert main([*command, "--config", str(tmp_path / "c.json")]) == 1
    assert "colour" in caplog.text
    caplog.clear()


# --------------------------------------------------------------------------------- out of fold


def test_every_lesion_is_predicted_by_the_network_that_never_saw_its_patient(
    manifest, runs, tmp_path
):
    assemble(manifest, runs, tmp_path)
    said = rows_of(tmp_path / "region.out_of_fold.csv")
    assert [record["file"] for record in said] == [r.label.file for r in read_lesions(manifest)]
    shipped = load_region_checkpoint(tmp_path / "region.safetensors")
    entry = json.loads((tmp_path / "manifest.json").read_text())["region"]
    assert entry == {"file": "region.safetensors", "sha256": shipped.identity.sha256}
    assert shipped.calibration.malignancy.slope != 1
    held = load_region_checkpoint(runs / "fold0/checkpoint.safetensors").provenance
    assert len(held["training_patients"]) == 4  # of eight


def test_a_network_that_saw_the_fold_is_refused(manifest, runs, tmp_path):
    swapped = shutil.copytree(runs, tmp_path / "runs")
    shutil.copy(swapped / "fold0/checkpoint.safetensors", swapped / "fold1")
    with pytest.raises(InvalidData, match="another fold"):
        assemble(manifest, swapped, tmp_path / "out")
    (swapped / "fold0/held_out.npz").unlink()
    with pytest.raises(InvalidData, match=r"held_out\.npz"):
        assemble(manifest, swapped, tmp_path / "out")


# -------------------------------------------------------------------------------- the evaluation


def test_crops_are_judged_by_kind_of_lesion_with_intervals_by_patient(manifest, runs, tmp_path):
    command = ["evaluate-regions", "--manifest", str(manifest), "--resamples", "50"]
    checkpoint = str(runs / "checkpoint.safetensors")
    assert main([*command, "--checkpoint", checkpoint, "--out", str(tmp_path / "a")]) == 0
    said = rows_of(tmp_path / "a/predictions.csv")
    assert list(said[0]) == PREDICTED
    assert {record["notice"] for record in said} == {NOTICE}
    assert {record["abnormality"] for record in said} == {"mass", "calcification"}
    for record in said:
        total = sum(float(record[f"p{grade}"]) for grade in (2, 3, 4, 5))
        assert total == pytest.approx(1, abs=1e-6)
        assert float(record["confidence"]) == float(record[f"p{record['category']}"])
    found = json.loads((tmp_path / "a/metrics.json").read_text())
    assert found["n_rows"] == 16
    assert {kind: part["n_rows"] for kind, part in found["kinds"].items()} == {
        "mass": 10,
        "calcification": 6,
    }
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high
    assert found["notice"] == NOTICE

    # The predictions' file gives the same figures without asking a network.
    again = ["--predictions", str(tmp_path / "a/predictions.csv"), "--out", str(tmp_path / "b")]
    assert main([*command, *again]) == 0
    from_file = json.loads((tmp_path / "b/metrics.json").read_text())
    for figure in ("n", "accuracy", "qwk", "auc_malignant", "nll", "ece_malignant"):
        assert from_file[figure] == pytest.approx(found[figure], abs=1e-6), figure


def test_a_missing_crop_is_told_and_the_others_are_judged(manifest, runs, tmp_path, caplog):
    folder = shutil.copytree(manifest.parent, tmp_path / "data")
    (folder / "lesions/3.png").unlink()
    (folder / "lesions/4.png").write_bytes(b"no picture")
    command = ["evaluate-regions", "--manifest", str(folder / "lesions.csv")]
    command += ["--checkpoint", str(runs / "checkpoint.safetensors"), "--resamples", "10"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    assert "lesions/3.png" in caplog.text
    assert "lesions/4.png" in caplog.text
    caplog.clear()
    assert len(rows_of(tmp_path / "out/predictions.csv")) == 14


def test_no_cell_of_the_predictions_runs_as_a_formula(runs, tmp_path):
    write_crop(tmp_path / "=1.png", 0)
    record = {"file": "=1.png", "patient_id": "+p", "abnormality": "mass", "birads": 4}
    manifest = write_rows(tmp_path / "a.csv", [record])
    rows = read_lesions(manifest)
    said, has_failed = region_evaluation.predict_lesions(rows, runs / "checkpoint.safetensors")
    assert not has_failed
    region_evaluation.write_predictions(tmp_path / "p.csv", said)
    (line,) = rows_of(tmp_path / "p.csv")
    assert (line["file"], line["patient_id"]) == ("'=1.png", "'+p")
    again, missing = region_evaluation.read_predictions(tmp_path / "p.csv", rows)
    assert not missing
    assert again[0].malignancy == pytest.approx(said[0].malignancy)


def test_what_the_size_alone_tells_stands_beside_the_networks_figure(manifest):
    rows = read_lesions(manifest)
    said = [
        region_evaluation.LesionPrediction(
            row, {2: 0.25, 3: 0.25, 4: 0.25, 5: 0.25}, row.size_mm[0] / 100
        )
        for row in rows
    ]
    controls = region_evaluation.figures(said, resamples=5, seed=0)["baselines"]
    by_size = controls["auc_malignant_by_size"]
    assert by_size > 0.5  # write_lesions makes later crops larger, and cancers come later
    found = region_evaluation.figures(said, resamples=5, seed=0)["auc_malignant"]
    assert found == pytest.approx(by_size, abs=0.02)  # a network that knows the size only …
    assert controls["auc_malignant_alike_in_size"] != pytest.approx(found, abs=0.02)  # … is found


@pytest.mark.parametrize("cell", ["", "1.5", "nan", "much"])
def test_a_prediction_that_is_no_probability_is_refused(manifest, runs, tmp_path, cell):
    rows = read_lesions(manifest)[:1]
    said, _ = region_evaluation.predict_lesions(rows, runs / "checkpoint.safetensors")
    region_evaluation.write_predictions(tmp_path / "p.csv", said)
    (record,) = rows_of(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, PREDICTED)
        writer.writeheader()
        writer.writerow(record | {"p_malignant": cell})
    with pytest.raises(InvalidData, match="wrong"):
        region_evaluation.read_predictions(tmp_path / "p.csv", rows)
