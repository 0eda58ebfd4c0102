"""Training as a program: it learns, it can be killed at any moment, and it keeps patients apart."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.__main__ import main
from engine.errors import IncompatibleCheckpoint, InvalidData
from engine.networks.checkpoint import load_checkpoint
from engine.networks.models import build_model
from engine.networks.preprocessing import PreprocessingConfig, prepare
from engine.networks.torchvision_guard import torchvision
from engine.training import dataset
from engine.training.augmentation import AugmentationConfig, make_frames
from engine.training.backbone import load_backbone
from engine.training.config import PRESETS, read_config
from engine.training.dataset import hash_patient
from engine.training.distributed import DistributedContext
from engine.training.trainer import TrainingRun
from engine.training.training import train, train_in
from tests.engine.small_trainings import HYBRID, LIGHT
from tests.graded_images import write_images


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return dataset.read(write_images(tmp_path_factory.mktemp("images")))


def test_the_clean_frame_is_what_the_clinic_prepares_to_the_bit(source, tmp_path):
    frames = make_frames(
        source.rows, LIGHT.preprocessing, AugmentationConfig(variants=2), 1, tmp_path
    )
    image = cv2.imread(str(source.rows[7].path), cv2.IMREAD_GRAYSCALE)
    from engine.domain import Pixels
    from engine.networks.preprocessing import grey
    from engine.training.dataset import read_row

    view, _ = read_row(source.rows[7])
    clean = grey(view, Pixels(image.astype(np.uint16)))
    tensor, _ = prepare(clean, 1.0, LIGHT.preprocessing)
    assert np.array_equal(frames.frames[0, 7], np.round(tensor[0] * 255).astype(np.uint8))
    assert not np.array_equal(frames.frames[1, 7], frames.frames[0, 7])


def test_boxes_move_with_the_breast(tmp_path):
    """In every variant the marked cells are the brightest: the lesion went with its box."""
    source = dataset.read(write_images(tmp_path, per_grade=2, grades=(5,)))
    config = PreprocessingConfig(height=256, width=160, clahe_clip=0)
    frames = make_frames(source.rows, config, AugmentationConfig(variants=6), 1, tmp_path / "c")
    for variant in range(7):
        cells = cv2.resize(
            np.array(frames.frames[variant, 0]), (5, 8), interpolation=cv2.INTER_AREA
        )
        marked = np.array(frames.boxes[variant, 0], np.float32)
        assert cells[marked > 0.5].mean() > cells[(marked == 0) & (cells > 0)].mean() + 20


def test_the_held_out_fold_is_predicted_and_its_patients_are_never_trained_on(source, tmp_path):
    path = train(LIGHT, source, tmp_path, fold=1)
    said = np.load(tmp_path / "fold1" / "held_out.npz")
    held = [row for row in source.rows if row.fold == 1]  # a 2 teaches it what it is not
    assert sorted(said["files"]) == sorted(row.file for row in held)
    assert said["logits"].shape == (len(held), 4)
    trained = set(load_checkpoint(path).provenance["training_patients"])
    assert trained
    assert not trained & {hash_patient(row.patient_id) for row in held}
    assert (tmp_path / "fold1" / "curves.png").stat().st_size > 1000


class Killed(Exception):
    pass


@pytest.mark.parametrize("config", [LIGHT, HYBRID], ids=["light", "hybrid"])
def test_a_training_killed_after_an_epoch_resumes_to_the_same_network(source, tmp_path, config):
    whole = load_checkpoint(train(config, source, tmp_path / "whole", fold=0))

    def kill(epoch, _total):
        if epoch.number == 1:
            raise Killed

    with pytest.raises(Killed):
        train(config, source, tmp_path / "killed", fold=0, on_epoch=kill)
    seen = []
    resumed = load_checkpoint(
        train(
            config,
            source,
            tmp_path / "killed",
            fold=0,
            resume=True,
            on_epoch=lambda epoch, _: seen.append(epoch.number),
        )
    )
    assert seen == list(range(2, config.head_epochs + config.whole_epochs + 1))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_stage_one_leaves_the_backbone_alone_and_stage_two_frees_its_upper_half(source, tmp_path):
    from engine.networks.models import build_model

    torch.manual_seed(HYBRID.seed)
    start = build_model("hybrid", **HYBRID.architecture).state_dict()

    def moved(folder, config):
        train(config, source, folder, fold=0)
        state = torch.load(folder / "fold0" / "state.pt", weights_only=True)["model"]
        return {name.split(".")[0] for name in start if not torch.equal(start[name], state[name])}

    first = moved(tmp_path / "one", replace(HYBRID, whole_epochs=0))
    assert "classify" in first
    assert not {"stem", "layer1", "layer2", "layer3", "layer4"} & first
    second = moved(tmp_path / "two", HYBRID)
    assert {"layer3", "layer4"} <= second
    assert not {"stem", "layer1", "layer2"} & second


def test_a_state_of_another_network_is_not_resumed(source, tmp_path):
    train(replace(LIGHT, whole_epochs=1), source, tmp_path, fold=0)
    other = replace(LIGHT, architecture={**LIGHT.architecture, "filters": (4, 8, 16)})
    with pytest.raises(IncompatibleCheckpoint, match="Cannot resume"):
        train(other, source, tmp_path, fold=0, resume=True)


def test_an_unreadable_image_is_left_out_with_a_warning(tmp_path, caplog):
    path = write_images(tmp_path, per_grade=4)
    (tmp_path / "g4_0.png").write_bytes(b"no picture")
    checkpoint = load_checkpoint(
        train(replace(LIGHT, whole_epochs=1), dataset.read(path), tmp_path / "out")
    )
    assert checkpoint.provenance["skipped"] == 1
    assert "g4_0.png" in caplog.text


def test_an_empty_category_a_missing_image_and_a_missing_fold_are_refused_first(source, tmp_path):
    without = dataset.DataSource(tuple(row for row in source.rows if row.birads != 5))
    with pytest.raises(InvalidData, match="BI-RADS 5"):
        train(LIGHT, without, tmp_path)
    gone = replace(source.rows[0], path=tmp_path / "gone.png")
    with pytest.raises(InvalidData, match="not there"):
        train(LIGHT, dataset.DataSource((gone, *source.rows[1:])), tmp_path)
    with pytest.raises(InvalidData, match="fold 7"):
        train(LIGHT, source, tmp_path, fold=7)


@pytest.mark.parametrize("name", ["hybrid", "light"])
def test_two_processes_under_torchrun_learn_what_one_learns(source, tmp_path, name):
    """Each takes half of every batch; without dropout only rounding may differ."""
    changes = {
        "hybrid": {
            "architecture": {**HYBRID.architecture, "dropout": 0.0},
            "preprocessing": {"height": 96, "width": 64},
            "head_epochs": 1,
        },
        "light": {
            "architecture": LIGHT.architecture | {"pools_globally": False, "dropout": 0.0},
            "preprocessing": {"height": 224, "width": 224, "keeps_aspect": False},
            "head_epochs": 0,
        },
    }[name] | {
        "augmentation": {"variants": 1},
        "batch": 4,
        "whole_epochs": 1,
        "mixed_precision": False,
    }
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(changes))
    manifest = source.rows[0].path.parent / "images.csv"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += ["-m", "engine", "train", name, "--data", str(manifest), "--fold", "0"]
    command += ["--config", str(settings), "--out", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]

    train(read_config(name, settings), source, tmp_path / "one", fold=0)
    one, two = (
        load_file(tmp_path / count / "fold0" / "checkpoint.safetensors") for count in ("one", "two")
    )
    for key, value in one.items():
        assert torch.allclose(value.float(), two[key].float(), atol=2e-3), key


def test_a_batch_that_cannot_be_shared_out_is_refused_before_any_training(source, tmp_path):
    with pytest.raises(InvalidData, match="8 rows to 3 processes"):
        train_in(
            DistributedContext(rank=0, size=3),
            TrainingRun(LIGHT, source, tmp_path, fold=0),
        )


def test_the_better_lightweight_network_starts_from_photographs_in_grey(source, tmp_path):
    """MobileNetV2 sees colours, normalised; its grey heir gives the same of a grey picture."""
    torch.manual_seed(3)
    colour = torchvision.models.mobilenet_v2(weights=None).eval()
    torch.save(colour.state_dict(), tmp_path / "weights.pth")
    heir = build_model("light", trunk="mobilenet").eval()
    load_backbone(heir, tmp_path / "weights.pth")
    grey = torch.rand(1, 1, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.inference_mode():
        seen = colour.features[:7]((grey.expand(-1, 3, -1, -1) - mean) / deviation)
        heard = heir.forward_frozen(grey)
    inside = slice(3, -3)  # at the border the padding is grey zero, not the mean colour
    assert torch.allclose(heard[..., inside, inside], seen[..., inside, inside], atol=1e-4)
    with pytest.raises(IncompatibleCheckpoint, match="is no ResNet-50"):
        load_backbone(build_model("hybrid"), tmp_path / "weights.pth")


def test_torchvisions_own_resnet_is_taught_to_take_plain_input(tmp_path):
    torch.manual_seed(4)
    colour = torchvision.models.resnet50(weights=None).eval()
    torch.save(colour.state_dict(), tmp_path / "resnet50.pth")
    heir = build_model("hybrid").eval()
    load_backbone(heir, tmp_path / "resnet50.pth")
    grey = torch.rand(1, 1, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.inference_mode():
        seen = colour.bn1(colour.conv1((grey.expand(-1, 3, -1, -1) - mean) / deviation))
        heard = heir.stem[1](heir.stem[0](grey.expand(-1, 3, -1, -1)))
    inside = slice(3, -3)
    assert torch.allclose(heard[..., inside, inside], seen[..., inside, inside], atol=1e-4)


def test_the_better_lightweight_network_is_trained_from_cached_features(source, tmp_path):
    config = replace(
        LIGHT, architecture={"trunk": "mobilenet"}, head_epochs=1, whole_epochs=1, batch=4
    )
    checkpoint = load_checkpoint(train(config, source, tmp_path, fold=0))
    assert checkpoint.identity.categories == (1, 3, 4, 5)
    assert list((tmp_path / "cache").glob("*/lower-*.done"))


def test_a_network_of_ours_gives_starting_weights_but_never_to_a_fold_it_was_trained_on(
    source, tmp_path
):
    config = replace(
        LIGHT, architecture={"trunk": "mobilenet"}, head_epochs=1, whole_epochs=0, batch=4
    )
    first = train(config, source, tmp_path / "first", fold=0)
    heir = build_model("light", trunk="mobilenet")
    load_backbone(heir, first)
    taught, others = load_checkpoint(first).model.state_dict(), heir.state_dict()
    for name, value in taught.items():
        assert torch.equal(value, others[name]) is name.startswith(heir.pretrained), name
    second = train(config, source, tmp_path / "second", backbone=first, fold=0)
    assert (
        load_checkpoint(second).provenance["training_patients"]
        == load_checkpoint(first).provenance["training_patients"]
    )
    with pytest.raises(InvalidData, match="held out"):
        train(config, source, tmp_path / "third", backbone=first, fold=1)
    with pytest.raises(IncompatibleCheckpoint, match="is no MobileNetV2"):
        load_backbone(heir, train(HYBRID, source, tmp_path / "hybrid", fold=0))


def test_a_lesions_grade_reaches_the_cells_that_show_it(source):
    """The guided read-out attends where the boxes say, whatever the attention prefers."""
    model = build_model("hybrid", width=16, layers=1, heads=2, dropout=0.0).train()
    c3 = torch.rand(2, 512, 8, 8)
    lesions = torch.zeros(2, 2, 2)
    lesions[:, 1, 0] = 0.5
    output = model.forward_trainable(c3, lesions)
    assert model.forward_trainable(c3).attention_supervised is None
    moved = model.forward_trainable(c3, lesions.flip(1)).attention_supervised.logits
    assert not torch.allclose(output.attention_supervised.logits, moved)
    with torch.no_grad():
        model.attend.weight *= 100
    assert torch.allclose(
        model.forward_trainable(c3, lesions).attention_supervised.logits,
        output.attention_supervised.logits,
        atol=1e-5,
    )


def test_a_file_that_is_no_resnet_is_refused_as_backbone(source, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(IncompatibleCheckpoint, match="Backbone refused"):
        train(HYBRID, source, tmp_path / "out", backbone=path)


def test_a_configuration_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"gamma": 2.0, "preprocessing": {"clahe_clip": 0}}))
    config = read_config("light", path)
    assert config.gamma == 2.0
    assert config.preprocessing == replace(PRESETS["light"].preprocessing, clahe_clip=0)
    assert config.whole_epochs == PRESETS["light"].whole_epochs
    path.write_text(json.dumps({"gama": 2.0}))
    with pytest.raises(InvalidData, match="gama"):
        read_config("light", path)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("hybrid", {"preprocessing": {"height": 500}}, "height is 500.*multiple of 32"),
        ("light", {"preprocessing": {"width": 224.5}}, "width is 224.5"),
        ("light", {"preprocessing": {"width": 0}}, "width is 0"),
        ("light", {"architecture": {}}, "512 x 320.*224 x 224"),
        ("light", {"architecture": {"filter": [1, 1, 1]}}, "no network has this architecture"),
        ("light", {"architecture": {"trunk": "oak"}}, "no network has this architecture"),
    ],
)
def test_a_frame_that_the_network_cannot_take_is_refused_in_words(tmp_path, name, changes, told):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(changes))
    with pytest.raises(InvalidData, match=told):
        read_config(name, path)


def test_the_papers_network_takes_its_own_frame(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps({"architecture": {}, "preprocessing": {"height": 224, "width": 224}})
    )
    assert read_config("light", path).preprocessing.width == 224


def test_a_wrong_frame_is_refused_before_anything_is_prepared(source, tmp_path):
    config = replace(HYBRID, preprocessing=PreprocessingConfig(height=100, width=64))
    with pytest.raises(InvalidData, match="height is 100"):
        train(config, source, tmp_path, fold=0)
    assert not (tmp_path / "cache").exists()


def test_a_training_without_one_data_set_sees_none_of_its_images_and_says_so(source, tmp_path):
    """What is left out here is known to the other half alone: a 2, which this network lacks."""
    rows = tuple(
        replace(row, dataset="film" if row.birads == 2 else "digital") for row in source.rows
    )
    both = replace(source, rows=rows)
    rest = both.without(["film"])
    assert {row.dataset for row in rest.rows} == {"digital"}
    provenance = load_checkpoint(
        train(replace(LIGHT, whole_epochs=1), rest, tmp_path, fold=0)
    ).provenance
    assert provenance["left_out"] == ["film"]
    film = {hash_patient(row.patient_id) for row in rows if row.dataset == "film"}
    assert not film & set(provenance["training_patients"])


def test_only_a_data_set_that_is_there_can_be_left_out(source, tmp_path, capsys, caplog):
    named = replace(source, rows=tuple(replace(row, dataset="film") for row in source.rows))
    with pytest.raises(InvalidData, match="No row is of 'flim'; the manifest has film"):
        named.without(["flim"])
    with pytest.raises(InvalidData, match="Every data set"):
        named.without(["film"])
    assert named.without([]).rows == named.rows
    manifest = source.rows[0].path.parent / "images.csv"
    arguments = ["train", "light", "--data", str(manifest), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--leave-out", "film"]) == 1
    assert "no named data set" in caplog.text
    assert not (tmp_path / "out").exists()
