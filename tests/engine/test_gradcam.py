"""Grad-CAM: the map is the published formula, on an absolute scale, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine.networks import gradcam, preprocessing
from engine.networks.checkpoint import load_checkpoint
from engine.networks.models import HYBRID, LIGHT
from tests.engine.hooks import hook_count
from tests.phantom import breast
from tests.tiny_networks import PREPROCESSING, tiny_model, write_tiny_checkpoint

ROOT = Path(__file__).parent.parent.parent


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
    # pytorch_grad_cam's own context manager prints IndexErrors and goes on
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
