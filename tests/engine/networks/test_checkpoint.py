"""A checkpoint is refused by name unless it is, to the byte, what it says it is."""

import hashlib
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from engine import shipped
from engine.errors import IncompatibleCheckpoint
from engine.networks import checkpoint, process
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import load_checkpoint, save_checkpoint
from engine.networks.predictor import Predictor
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.process import EngineSettings
from resources import ROOT
from tests.tiny_networks import tiny_model, write_tiny_checkpoint


@pytest.mark.parametrize("name", ["hybrid", "light"])
def test_a_saved_checkpoint_predicts_bit_equal(tmp_path, name):
    model = tiny_model(name).half().float()  # as it will be stored
    config = PreprocessingConfig(height=224, width=224)
    path = tmp_path / "a.safetensors"
    calibration = Calibration.identity(len(model.categories), True)
    digest = save_checkpoint(path, name, model, config, calibration, 0.5, {"rows": 3})
    loaded = load_checkpoint(path)
    image = torch.rand(2, 1, 224, 224)
    with torch.inference_mode():
        assert torch.equal(loaded.model(image).logits, model(image).logits)
    assert loaded.preprocessing == config
    assert loaded.calibration == calibration
    assert loaded.heat_reference == 0.5
    assert loaded.provenance == {"rows": 3}
    assert loaded.identity.sha256 == digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.identity.categories == model.categories


def rewrite_header(path, **changes):
    with safe_open(path, "pt") as stream:
        header = json.loads(stream.metadata()["birads-viewer"])
        weights = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    header.update(changes)
    path.write_bytes(save(weights, {"birads-viewer": json.dumps(header)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "hybrid", "architecture": {}},
        {"name": "resnet"},
        {"format": 99},
        {"architecture": {"filters": [8, 8, 8]}},
        {"architecture": {"colour": "red"}},
        {"preprocessing": {"height": 10**9, "width": 224}},
        {"preprocessing": {"size": 3}},
        {"calibration": {}},
        {"provenance": None},
        {"heat_reference": 0},
    ],
)
def test_another_architectures_or_a_doctored_checkpoint_is_refused(tmp_path, changes):
    path = write_tiny_checkpoint(tmp_path / "light.safetensors")
    rewrite_header(path, **changes)
    with pytest.raises(IncompatibleCheckpoint, match=r"light\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize(("height", "width"), [(100, 96), (128, 1), (128.0, 96), (-32, 96)])
def test_a_checkpoint_whose_network_cannot_take_its_frames_is_refused(tmp_path, height, width):
    path = write_tiny_checkpoint(tmp_path / "hybrid.safetensors", "hybrid")
    rewrite_header(path, preprocessing={"height": height, "width": width})
    with pytest.raises(IncompatibleCheckpoint, match=r"cannot take frames|out of range"):
        load_checkpoint(path)


@pytest.mark.parametrize("length", [0, 7, 100, 5000])
def test_a_truncated_checkpoint_is_refused(tmp_path, length):
    path = write_tiny_checkpoint(tmp_path / "cut.safetensors")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(IncompatibleCheckpoint, match="truncated"):
        load_checkpoint(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    path = write_tiny_checkpoint(tmp_path / "light.safetensors")
    with safe_open(path, "pt") as stream:
        metadata = stream.metadata()
        weights = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    next(iter(weights.values())).view(-1)[0] = value
    path.write_bytes(save(weights, metadata))
    with pytest.raises(IncompatibleCheckpoint, match="are numbers"):
        load_checkpoint(path)


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "evil.safetensors"
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(IncompatibleCheckpoint):
        load_checkpoint(path)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(IncompatibleCheckpoint, match="gone"):
        load_checkpoint(tmp_path / "gone.safetensors")


def test_a_shipped_file_with_another_hash_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHIPPED_FOLDER", tmp_path)
    path = write_tiny_checkpoint(tmp_path / "light.safetensors")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = {"light": {"file": path.name, "sha256": digest}}
    (tmp_path / "manifest.json").write_text(json.dumps(entry))
    assert load_checkpoint(checkpoint.shipped_checkpoint("light")).identity.sha256 == digest
    entry["light"]["sha256"] = "0" * 64
    (tmp_path / "manifest.json").write_text(json.dumps(entry))
    with pytest.raises(IncompatibleCheckpoint, match="sha-256"):
        load_checkpoint(path)


def test_a_network_that_was_not_installed_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHIPPED_FOLDER", tmp_path)
    with pytest.raises(IncompatibleCheckpoint, match="hybrid"):
        checkpoint.shipped_checkpoint("hybrid")


def test_a_link_in_the_shipped_folder_is_no_way_round_the_hash(tmp_path, monkeypatch):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setattr(checkpoint, "SHIPPED_FOLDER", folder)
    elsewhere = write_tiny_checkpoint(tmp_path / "elsewhere.safetensors")
    digest = hashlib.sha256(elsewhere.read_bytes()).hexdigest()
    entry = {"light": {"file": "light.safetensors", "sha256": digest}}
    (folder / "manifest.json").write_text(json.dumps(entry))
    (folder / "light.safetensors").symlink_to(elsewhere)
    asked = checkpoint.shipped_checkpoint("light")
    assert load_checkpoint(asked).identity.sha256 == digest
    data = bytearray(elsewhere.read_bytes())
    data[-1] ^= 1
    elsewhere.write_bytes(data)
    with pytest.raises(IncompatibleCheckpoint, match="sha-256"):
        load_checkpoint(asked)
    assert load_checkpoint(elsewhere)  # a file of the user's own is nobody's but the user's


@pytest.mark.parametrize(
    "manifest",
    [
        *("null", "[]", "3", '{"light": {}}', '{"light": null}', '{"light": {"file": 3}}', "{", ""),
        '{"light": {"file": "../light.safetensors", "sha256": "00"}}',
    ],
)
def test_a_manifest_that_is_none_means_that_no_network_is_installed(
    tmp_path, monkeypatch, manifest
):
    monkeypatch.setattr(checkpoint, "SHIPPED_FOLDER", tmp_path)
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(IncompatibleCheckpoint, match="Network not installed"):
        checkpoint.shipped_checkpoint("light")


def test_one_network_under_the_other_ones_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHIPPED_FOLDER", tmp_path)
    path = write_tiny_checkpoint(tmp_path / "light.safetensors", "hybrid")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = {"light": {"file": path.name, "sha256": digest}}
    (tmp_path / "manifest.json").write_text(json.dumps(entry))
    with pytest.raises(IncompatibleCheckpoint, match="holds the network hybrid, not light"):
        Predictor(None, "light")
    worker = process.Worker(EngineSettings(checkpoints={"light": path}, threads=1))
    with pytest.raises(IncompatibleCheckpoint, match="holds the network hybrid, not light"):
        worker.warm_up("light")


def test_all_that_is_shipped_is_what_the_manifest_says():
    for name, entry in shipped.entries().items():
        folder = ROOT if name in ("scope", "confidentiality_profile") else ROOT / "checkpoints"
        assert shipped.is_as_shipped(name, (folder / entry["file"]).read_bytes()), name
    assert not shipped.is_as_shipped("unknown", b"")


def test_a_file_made_anew_is_entered_under_its_name_and_the_rest_stays(tmp_path):
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"light": {"file": "light.safetensors", "sha256": "00"}}')
    (tmp_path / "scope.safetensors").write_bytes(b"new")
    shipped.enter("scope", tmp_path / "scope.safetensors", manifest)
    assert shipped.is_as_shipped("scope", b"new", manifest)
    assert shipped.entries(manifest)["light"]["sha256"] == "00"
