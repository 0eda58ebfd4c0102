"""Grad-CAM: the map is the published formula, on an absolute scale, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine.networks import ensemble, gradcam, preprocessing, torchvision_guard  # noqa: F401
from engine.networks.checkpoint import load_checkpoint
from engine.networks.models import HYBRID, LIGHT
from resources import ROOT as RESOURCES
from tests.engine.hooks import hook_count
from tests.phantom import breast
from tests.tiny_networks import PREPROCESSING, tiny_model, write_tiny_checkpoint

# isort: split
from pytorch_grad_cam import HiResCAM  # behind torchvision's guard

ROOT = Path(__file__).parents[3]
NOT_FOR_READERS = {"matplotlib", "scipy", "sklearn", "pandas", "pytorch_grad_cam"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return load_checkpoint(write_tiny_checkpoint(tmp_path_factory.mktemp("gradcam") / "light"))


def drawn(**options) -> np.ndarray:
    return np.round(breast(**options) * 255).astype(np.uint8)


def prepared(image: np.ndarray, name: str):
    return preprocessing.prepare(image, 1.0, PREPROCESSING[name])


def with_reference(checkpoint, heat_reference: float):
    values = {**vars(checkpoint), "heat_reference": heat_reference}
    return type(checkpoint)(**values)


class Joined(torch.nn.Module):
    """Members of an ensemble as pytorch_grad_cam wants them: an image in, logits out."""

    def __init__(self, checkpoint, other_images):
        super().__init__()
        self.networks = torch.nn.ModuleList(member.model for member in checkpoint.members)
        self.checkpoint, self.other_images = checkpoint, other_images

    def forward(self, image):
        images = (image, *self.other_images)
        outputs = [network(own) for network, own in zip(self.networks, images, strict=True)]
        return self.checkpoint.combined(outputs).logits


def log_odds_of_four_or_more(categories):
    suspicious = torch.tensor([grade >= 4 for grade in categories])
    return lambda logits: logits[suspicious].logsumexp(0) - logits[~suspicious].logsumexp(0)


def maps_by_grad_cam(checkpoint, frames) -> list[np.ndarray]:
    """Of each explained layer in turn, before the package's own cut and stretch to 0..1."""
    image, *others = (torch.from_numpy(tensor)[None] for tensor, _ in frames)
    scales = [scale for member in checkpoint.members for scale in member.model.explained_layers]
    layers = [layer for scale in scales for layer in scale]
    target = log_odds_of_four_or_more(checkpoint.identity.categories)
    with HiResCAM(Joined(checkpoint, others), layers) as cam:
        cam(image, [target])
        seen = cam.activations_and_grads
        return [
            cam.get_cam_image(image, layer, [target], at.numpy(), gradient.numpy(), False)[0]
            for layer, at, gradient in zip(layers, seen.activations, seen.gradients, strict=True)
        ]


@pytest.mark.parametrize("file", ["light.safetensors", "hybrid.safetensors", "both.json"])
def test_the_shipped_networks_maps_are_grad_cams_own_hirescam_bit_for_bit(file):
    checkpoint = ensemble.load(RESOURCES / "checkpoints" / file)
    frames = ensemble.frames_of(checkpoint, drawn(lesion=(120, 130, 12)), 1.0)
    maps = maps_by_grad_cam(checkpoint, frames)
    for scale, cells in enumerate(maps[2:]):  # of the second network, on the first one's grid
        to = maps[scale].shape
        maps[scale] = maps[scale] + gradcam.carried(cells, frames[1][1], frames[0][1], to)
    fine, coarse = (np.maximum(cells, 0) for cells in maps[:2])
    expected = np.sqrt(fine * cv2.resize(coarse, fine.shape[::-1], interpolation=cv2.INTER_LINEAR))
    actual = gradcam.joint_map(checkpoint, frames)
    assert expected.max() > 0
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


def test_an_engine_that_draws_heat_maps_loads_nothing_that_only_figures_need(tmp_path):
    code = (
        "import sys; from pathlib import Path; "
        "from engine.networks.predictor import Predictor; from engine.dicom.loading import load; "
        "study = load([Path(sys.argv[1])]).studies[0]; "
        "(view,) = Predictor(None, 'both').predict_study(study, heatmaps=True).views; "
        "print(view.explanation.method); print(*{name.split('.')[0] for name in sys.modules})"
    )
    phantom = RESOURCES / "self_test" / "phantom.dcm"
    home = tmp_path / "home"
    home.mkdir()
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, phantom],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    method, modules = answer.stdout.splitlines()
    assert method.startswith("Grad-CAM"), answer.stderr
    assert "torch" in modules.split()
    assert not NOT_FOR_READERS & set(modules.split())
    assert not list(home.rglob("*"))  # no cache of fonts either


@pytest.mark.parametrize("name", [LIGHT, HYBRID])
def test_the_map_is_hirescam_of_the_log_odds_of_four_or_more(name):
    model, (tensor, _) = tiny_model(name), prepared(drawn(lesion=(120, 130, 12)), name)
    seen = []

    def keep(_layer, _inputs, output):
        output.retain_grad()
        seen.append(output)

    handles = [layer.register_forward_hook(keep) for (layer,) in model.explained_layers]
    probability = model(torch.from_numpy(tensor)[None]).logits.softmax(dim=1)[0]
    for handle in handles:
        handle.remove()
    first = model.categories.index(4)
    (probability[first:].sum() / probability[:first].sum()).log().backward()
    maps = [torch.relu((layer.grad * layer).sum(dim=1))[0].detach().numpy() for layer in seen]
    height, width = maps[0].shape
    expected = np.ones((height, width), np.float32)
    for each in maps:
        expected *= cv2.resize(each, (width, height)) ** (1 / len(maps))

    actual = gradcam.activation_map(model, tensor)
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    assert expected.max() > 0
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_a_mirrored_image_has_the_mirrored_map_on_its_source_grid(checkpoint):
    image = drawn(laterality="R", lesion=(110, 130, 14))
    mirrored = np.ascontiguousarray(image[:, ::-1])
    reference = gradcam.activation_map(checkpoint.model, prepared(image, LIGHT)[0]).max()
    checkpoint = with_reference(checkpoint, float(reference))
    heats = []
    for picture in (image, mirrored):
        explanation = gradcam.explain(checkpoint, [prepared(picture, LIGHT)])
        r0, r1, c0, c1 = explanation.region
        heat = np.zeros(picture.shape, np.float32)
        heat[r0:r1, c0:c1] = cv2.resize(explanation.heat, (c1 - c0, r1 - r0))
        heats.append(heat)
    assert heats[0].max() > 0.4
    assert np.abs(heats[0] - heats[0][:, ::-1]).max() > 0.3  # the map itself has two sides
    # the outline may differ by a pixel of its coarse grid
    assert np.abs(heats[0] - heats[1][:, ::-1]).mean() < 0.01


def test_a_quiet_map_is_not_stretched(checkpoint):
    tensor, geometry = prepared(drawn(), LIGHT)
    top = float(gradcam.activation_map(checkpoint.model, tensor).max())
    quiet = gradcam.explain(with_reference(checkpoint, 10 * top), [(tensor, geometry)])
    loud = gradcam.explain(with_reference(checkpoint, top / 3), [(tensor, geometry)])
    assert 0.05 < quiet.heat.max() <= 0.1001
    assert loud.heat.max() == 1.0
    assert loud.heat.min() >= 0.0


def test_there_is_no_heat_beside_the_breast(checkpoint):
    image = drawn(lesion=(120, 130, 12))
    tensor, geometry = prepared(image, LIGHT)
    model = tiny_model(LIGHT, seed=1)
    raw = gradcam.activation_map(model, tensor)
    outside = cv2.resize(tensor[0], raw.shape[::-1], interpolation=cv2.INTER_AREA) == 0
    assert (raw[outside] > 0).any()  # alight in air too
    values = {**vars(checkpoint), "model": model, "heat_reference": 1e-9}
    explanation = gradcam.explain(type(checkpoint)(**values), [(tensor, geometry)])
    r0, r1, c0, c1 = explanation.region
    heat = cv2.resize(explanation.heat, (c1 - c0, r1 - r0), interpolation=cv2.INTER_NEAREST)
    tissue = image[r0:r1, c0:c1] > 40
    air = cv2.dilate((image[r0:r1, c0:c1] > 0).astype(np.uint8), np.ones((31, 31))) == 0
    assert heat[tissue].mean() > 0.5
    assert air.any()
    assert heat[air].max() == 0


def test_the_explanation_names_its_target_and_method(checkpoint):
    explanation = gradcam.explain(checkpoint, [prepared(drawn(), LIGHT)])
    assert explanation.target == "log-odds of BI-RADS 4 or 5"
    assert explanation.method.startswith("Grad-CAM")
    assert explanation.heat.dtype == np.float32


@pytest.mark.parametrize("frozen", [True, False])
def test_weights_may_be_frozen_and_no_gradient_is_left_on_them(frozen):
    model, (tensor, _) = tiny_model(LIGHT), prepared(drawn(), LIGHT)
    model.requires_grad_(not frozen)
    before = gradcam.activation_map(tiny_model(LIGHT), tensor)
    with torch.inference_mode():  # however it is called
        heat = gradcam.activation_map(model, tensor)
    np.testing.assert_array_equal(heat, before)
    assert all(weight.grad is None for weight in model.parameters())
    assert all(weight.requires_grad is not frozen for weight in model.parameters())


def test_hooks_are_gone_after_use_and_after_an_exception():
    model, (tensor, _) = tiny_model(LIGHT), prepared(drawn(), LIGHT)
    gradcam.activation_map(model, tensor)
    assert hook_count(model) == 0
    for fault in (np.repeat(tensor, 3, axis=0), tensor[:, :4, :4]):  # neither fits the layers
        with pytest.raises(RuntimeError):
            gradcam.activation_map(model, fault)
        assert hook_count(model) == 0
        assert all(weight.requires_grad for weight in model.parameters())


def test_an_index_error_in_the_network_is_not_swallowed(monkeypatch):
    model, (tensor, _) = tiny_model(LIGHT), prepared(drawn(), LIGHT)
    monkeypatch.setattr(type(model), "categories", (1, 3))  # a mask of another length
    with pytest.raises(IndexError):
        gradcam.activation_map(model, tensor)
    assert hook_count(model) == 0


def test_asking_for_a_map_does_not_change_the_answer():
    model, (tensor, _) = tiny_model(HYBRID), prepared(drawn(), HYBRID)
    batch = torch.from_numpy(tensor)[None]
    with torch.inference_mode():
        before = model(batch).logits
        gradcam.activation_map(model, tensor)
        assert torch.equal(model(batch).logits, before)


def test_torchvision_imports_behind_its_guard_in_a_fresh_interpreter():
    code = (
        "import engine.networks.torchvision_guard, torchvision.models, pytorch_grad_cam; "
        "print(torchvision.models.resnet18(weights=None).fc.out_features)"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "1000", answer.stderr
