"""From a folder of images over a bare machine and back, on the CPU: `scripts/train_on_gpu.py`."""

import csv
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from engine.errors import InvalidData
from engine.evaluation.fold_predictions import predict_fold
from engine.evaluation.out_of_fold import assemble
from engine.evaluation.row_predictions import predict_rows
from engine.networks.checkpoint import load_checkpoint
from engine.networks.models import build_model, optimized_for_inference
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.torchvision_guard import torchvision
from engine.training import dataset, frame_pack
from engine.training.augmentation import AugmentationConfig, make_frames
from engine.training.inputs import LiveInputs
from engine.training.objective import Objective
from engine.training.trainer import Pace, TimeIsUp
from engine.training.training import seconds_per_step, train
from scripts import pieces, train_on_gpu
from tests.engine.small_trainings import HYBRID
from tests.graded_images import write_images

FRAME = PreprocessingConfig(height=96, width=64)
SMALL = replace(
    HYBRID, preprocessing=FRAME, head_epochs=0, whole_epochs=1, lower_rate=1e-4, batch=8
)
LIGHT = replace(SMALL, name="light", architecture={"trunk": "mobilenet"}, head_epochs=1)
MIB = 1 << 20
#: What a machine for training has no use for, and so may lack.
ABSENT = "pydicom,imagecodecs,pytorch_grad_cam,sklearn,pandas,scipy,matplotlib,tqdm,PySide6"
NO_BREAST, NO_IMAGE = "g4_0.png", "g1_1.png"


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two folds of twelve and eight images; one shows no breast, another is no image."""
    folder = tmp_path_factory.mktemp("images")
    manifest = write_images(folder, per_grade=4)
    cv2.imwrite(str(folder / NO_BREAST), np.zeros((200, 140), np.uint8))
    (folder / NO_IMAGE).write_bytes(b"no picture")
    return dataset.read(manifest)


@pytest.fixture(scope="module")
def pack(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "frames.pack"
    frame_pack.write_pack(source, FRAME, path, MIB)
    return frame_pack.read_pack(path)


def place(source, file: str) -> int:
    return [row.file for row in source.rows].index(file)


def test_a_packed_frame_is_the_clinics_but_for_what_jpeg_costs(source, pack, tmp_path, caplog):
    assert pack.quality == 95  # there is room enough
    live = pack.on(torch.device("cpu"))
    made = make_frames(source.rows, FRAME, AugmentationConfig(variants=0), 1, tmp_path)
    good = np.flatnonzero(made.readable)
    assert good.tolist() == np.flatnonzero(live.readable).tolist()
    images, cells = live.draw(good, np.zeros(len(good), int), AugmentationConfig(), FRAME)
    got, wanted = images[:, 0].numpy() * 255, made.frames[0][good].astype(float)
    assert np.abs(got - wanted)[wanted > 0].mean() < 4
    assert np.mean((got > 0) != (wanted > 0)) < 0.005  # as blank outside, but for black spots
    assert np.abs(cells.numpy() - made.boxes[0][good]).max() < 1e-3
    assert cells.max() > 0.2
    for told, row in zip(pack.source.rows, source.rows, strict=True):
        assert replace(told, path=row.path) == row


def test_what_cannot_be_framed_is_packed_as_nothing_and_says_why(source, pack):
    blank, broken = place(source, NO_BREAST), place(source, NO_IMAGE)
    assert sorted(pack.skipped) == sorted([blank, broken])
    assert not pack.frames[[blank, broken]].any()
    assert pack.scope_reasons[blank] == "The image is blank."
    assert pack.scope_reasons[broken] is None


def test_frames_are_packed_as_well_as_there_is_room(source, tmp_path, caplog):
    """Less room, less quality; what cannot fit is refused, and a cut file is no pack."""
    path = tmp_path / "frames.pack"
    frame_pack.write_pack(source, FRAME, tmp_path / "whole.pack", MIB)
    whole = (tmp_path / "whole.pack").stat().st_size
    limit = whole - 8000
    quality = frame_pack.write_pack(source, FRAME, path, limit)
    assert 15 <= quality < 95
    assert path.stat().st_size <= limit
    with pytest.raises(InvalidData, match="do not fit"):
        frame_pack.write_pack(source, FRAME, path, 9000)
    for codec in ("webp", "avif"):
        frame_pack.write_pack(source, FRAME, path, MIB, codec=codec)
        other = frame_pack.read_pack(path).frames.astype(int)
        assert np.abs(other - frame_pack.read_pack(tmp_path / "whole.pack").frames).mean() < 2
    path.write_bytes((tmp_path / "whole.pack").read_bytes()[: whole // 2])
    with pytest.raises(InvalidData, match="cannot be read"):
        frame_pack.read_pack(path)
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (
            ["--height", "500", "--width", "320"],
            "height is 500, and must be a multiple of 32 pixels",
        ),
        (
            ["--height", "512", "--width", "310"],
            "width is 310, and must be a multiple of 32 pixels",
        ),
    ],
)
def test_a_frame_that_no_network_takes_is_refused_before_it_is_packed(tmp_path, capsys, size, told):
    manifest, out = write_images(tmp_path, per_grade=2), tmp_path / "pack"

    assert train_on_gpu.main(["pack", "--data", str(manifest), "--out", str(out), *size]) == 1

    assert told in capsys.readouterr().err
    assert not out.exists()


def test_live_frames_free_the_lowest_layers_too_and_only_they_can(source, pack, tmp_path):
    live = pack.on(torch.device("cpu"))
    torch.manual_seed(SMALL.seed)
    start = build_model("hybrid", **SMALL.architecture).state_dict()
    train(SMALL, pack.source, tmp_path, live=live)
    state = torch.load(tmp_path / "state.pt", weights_only=True)["model"]
    moved = {name for name in start if not torch.equal(start[name], state[name])}
    assert {"stem.0.weight", "layer1.0.conv1.weight", "layer4.0.conv1.weight"} <= moved
    assert "stem.1.running_mean" not in moved  # statistics stay
    with pytest.raises(InvalidData, match="stay frozen"):
        train(SMALL, source, tmp_path / "cached", fold=0)


def test_a_frozen_part_of_the_light_network_keeps_its_statistics_too(pack, tmp_path):
    config = replace(LIGHT, lower_rate=0.0, head_epochs=0)
    live = pack.on(torch.device("cpu"))
    torch.manual_seed(config.seed)
    start = build_model("light", trunk="mobilenet").state_dict()
    train(config, pack.source, tmp_path, live=live)
    state = torch.load(tmp_path / "state.pt", weights_only=True)["model"]
    below = [name for name in start if name.startswith("below")]
    assert all(torch.equal(start[name], state[name]) for name in below)
    above = [name for name in start if name.startswith("middle") and "running_mean" in name]
    assert above
    assert not any(torch.equal(start[name], state[name]) for name in above)


def test_a_training_out_of_time_stops_before_an_epoch_and_resumes_to_the_same(pack, tmp_path):
    live = pack.on(torch.device("cpu"))
    calm = Pace(save_seconds=1e9, watches_held_out=False)
    path = train(LIGHT, pack.source, tmp_path / "whole", fold=1, live=live, pace=calm)
    whole = load_checkpoint(path)
    clock = []

    def out_of_time(epoch, _total):
        clock.append(epoch.number)
        object.__setattr__(pace, "deadline", 0.0)

    pace = replace(calm)
    with pytest.raises(TimeIsUp, match="before epoch 2"):
        train(
            LIGHT, pack.source, tmp_path / "cut", fold=1, live=live, pace=pace, on_epoch=out_of_time
        )
    assert clock == [1]
    path = train(LIGHT, pack.source, tmp_path / "cut", fold=1, live=live, resume=True, pace=calm)
    resumed = load_checkpoint(path)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    with (path.parent / "curves.csv").open() as stream:
        assert [record["number"] for record in csv.DictReader(stream)] == ["1", "2"]


@pytest.mark.parametrize("config", [SMALL, LIGHT], ids=["hybrid", "light"])
def test_nothing_on_the_way_to_a_step_or_an_answer_is_left_on_the_cpu(pack, monkeypatch, config):
    """Tensors on "meta" hold no numbers, but refuse to meet those of the CPU as a GPU's do."""
    meta, cpu = torch.device("meta"), pack.on(torch.device("cpu"))
    live = replace(cpu, frames=cpu.frames.to(meta), masks=cpu.masks.to(meta))
    with pytest.raises(RuntimeError):
        live.frames[:1] + cpu.frames[:1]
    # Where there are no numbers, nothing can be drawn or counted; the shapes are the same.
    seeded = SimpleNamespace(manual_seed=lambda seed: None)
    monkeypatch.setattr(torch, "Generator", lambda device: seeded)
    monkeypatch.setattr(
        torch, "randn", lambda shape, generator, device: torch.zeros(shape, device=device)
    )
    monkeypatch.setattr(torch, "bincount", lambda x, minlength: x.new_zeros(minlength))
    with meta:
        model = build_model(config.name, **config.architecture).train()
    config = replace(config, mixed_precision=False)  # meta knows no autocast
    inputs = LiveInputs(
        model, live, config.augmentation, config.preprocessing, config.mixed_precision, meta
    )
    rows = np.array([0, 2, 5])
    batch, boxes = inputs.load(np.array([3, 4, 9]), rows)
    objective = Objective(config, pack.source.rows, model.categories, meta)
    monkeypatch.setattr(torch, "autocast", lambda *a, **k: nullcontext())
    output = inputs.forward_module(model)(batch, boxes)
    loss, terms = objective.loss(output, boxes, rows)
    loss.backward()
    assert {value.device for value in (loss, *terms)} == {meta}
    assert all(parameter.grad is not None for parameter in model.parameters())
    with torch.inference_mode():
        answer = optimized_for_inference(model).predict(batch)
    assert answer.logits.device == answer.malignancy.device == meta


def test_the_first_steps_tell_how_long_a_step_takes(pack):
    live = pack.on(torch.device("cpu"))
    head, whole = seconds_per_step(LIGHT, pack.source, live, steps=2)
    assert 0 < head < whole < 30


def test_pieces_come_back_in_any_order_and_damage_is_noticed(tmp_path):
    random = np.random.default_rng(0)
    files = {}
    for name, size in (("results.zip", 300), ("checkpoint", 10_000), ("fold0/checkpoint", 9_000)):
        files[name] = tmp_path / name.replace("/", "-")
        files[name].write_bytes(random.bytes(size))
    sent, out = tmp_path / "sent", tmp_path / "out"
    count = pieces.cut(files, sent, piece_bytes=4000, round_bytes=10_000, round_files=4)
    rounds = [sent / f"round{number}" for number in range(count)]
    assert count == 3
    for folder in rounds:
        sizes = [path.stat().st_size for path in folder.iterdir()]
        assert len(sizes) <= 4
        assert sum(sizes) <= 10_000
    assert pieces.join([rounds[2]], out) == ([], list(files))
    assert pieces.join([rounds[0]], out) == (["results.zip"], ["checkpoint", "fold0/checkpoint"])
    assert pieces.join([rounds[1]], out) == (list(files), [])
    for name, path in files.items():
        assert (out / name).read_bytes() == path.read_bytes()
    assert not list(out.glob("pieces/*.piece"))

    victim = next(rounds[1].glob("*.piece"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    with pytest.raises(pieces.PiecesError, match="damaged"):
        pieces.join(rounds, tmp_path / "other")
    index = json.loads((rounds[0] / pieces.INDEX).read_text())
    index["files"][0]["path"] = "../results.zip"
    (rounds[0] / pieces.INDEX).write_text(json.dumps(index))
    with pytest.raises(pieces.PiecesError, match="outside"):
        pieces.join([rounds[0]], tmp_path / "third")


@pytest.mark.slow
def test_a_bare_machine_trains_from_what_was_carried_and_the_figures_come_home(
    source, tmp_path, caplog
):
    """Pack, carry in rounds, train two epochs of both folds and the final network with nothing but
    torch, torchvision, OpenCV and safetensors, bring back in rounds, assemble."""
    start = tmp_path / "start.pt"
    torch.manual_seed(3)
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), start)
    manifest = source.rows[0].path.parent / "images.csv"
    parts = tmp_path / "pack"
    command = ["pack", "--data", str(manifest), "--weights", str(start), "--out", str(parts)]
    command += ["--height", "96", "--width", "64", "--mib", "1", "--round-mib", "10"]
    assert train_on_gpu.main(command) == 0
    rounds = sorted(parts.glob("round*"))
    assert len(rounds) == 2
    for folder in rounds:
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 10 * MIB

    bare = tmp_path / "bare"
    bare.mkdir()
    settings = bare / "settings.json"
    settings.write_text(json.dumps({"batch": 4}))
    guard = "import sys, runpy; sys.modules.update(dict.fromkeys({!r}.split(','))); "
    guard += "sys.argv[:] = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("PYTHONPATH", None)

    def there(*words: str) -> str:
        """One command on the bare machine: another folder, no repository, few packages."""
        done = subprocess.run(
            [sys.executable, "-c", guard.format(ABSENT), *words],
            cwd=bare,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    program = str(rounds[1] / "train_on_gpu.pyz")
    assert "waiting for more rounds" in there(program, "join", str(rounds[0]), "--out", "here")
    assert "waiting" not in there(program, "join", str(rounds[1]), "--out", "here")
    sizes = ("--piece-mib", "2", "--round-mib", "6")
    told = there(
        *(program, "train", "here", "light", "--weights", "start.pt", "--out", "runs"),
        *("--config", "settings.json", "--epochs", "1", "--minutes", "60", "--send", "out"),
        *sizes,
    )
    assert "final: epoch 2 of 2" in told
    for number in (1, 2):
        there(program, "send", "runs", "--send", "out", "--round", str(number), *sizes)

    runs = tmp_path / "runs"
    first, *others = sorted((bare / "out").glob("round*"))
    carried = [path.stat().st_size for path in first.iterdir()]
    assert len(carried) <= 8
    assert max(carried) <= 2 * MIB
    assert sum(carried) <= 6 * MIB
    assert train_on_gpu.main(["collect", str(first), "--out", str(runs)]) == 0
    report = json.loads((runs / "report.json").read_text())
    assert report["is_whole"]
    assert report["plan"]["epochs"] == 1
    assert report["networks"].keys() == {"fold0", "fold1", "final"}

    # With the first round alone the figures can be assembled: the folds' answers have come.
    out = tmp_path / "shipped"
    (runs / "fold0" / "checkpoint.safetensors").unlink(missing_ok=True)
    assemble(manifest, runs, out, "light")
    with (out / "light.out_of_fold.csv").open(newline="") as stream:
        said = {record["file"]: record for record in csv.DictReader(stream)}
    assert said.keys() == {row.file for row in source.rows} - {NO_IMAGE}
    assert said[NO_BREAST]["in_scope"] in ("0", "False", "false")

    assert train_on_gpu.main(["collect", *map(str, others), "--out", str(runs)]) == 0
    checkpoint = load_checkpoint(runs / "fold0" / "checkpoint.safetensors")
    assert checkpoint.preprocessing == FRAME
    assert checkpoint.provenance["config"]["fold"] == 0
    held = [row for row in source.rows if row.fold == 0]
    brought = {p.row.file: p for p in predict_fold(runs / "fold0", 0, held)}
    asked, _ = predict_rows(checkpoint, held)
    gaps = [np.abs(p.logits - brought[p.row.file].logits).max() for p in asked]
    spread = np.std([p.logits for p in asked], axis=0).mean()
    assert max(gaps) < 0.5 + spread  # JPEG and bfloat16 move an answer a little
    (runs / "fold0" / "checkpoint.safetensors").unlink()
    with pytest.raises(InvalidData, match="held out another"):
        predict_fold(runs / "fold0", 1, held)
