"""The networks' shapes, and what travels with them."""

import pytest
import torch
from torch import nn

from engine.networks.models import HYBRID, LIGHT, build_model, optimized_for_inference
from tests.tiny_networks import ARCHITECTURES, tiny_model

SMALL = ARCHITECTURES[HYBRID]


@pytest.mark.parametrize(("height", "width"), [(128, 96), (96, 160)])
def test_the_hybrid_answers_five_grades_malignancy_and_attention_at_any_frame(height, width):
    model = tiny_model(HYBRID)
    with torch.inference_mode():
        output = model(torch.rand(2, 1, height, width))
    assert output.logits.shape == (2, 5)
    assert output.malignancy.shape == (2,)
    assert output.attention.shape == (2, height // 32, width // 32)
    # log-attention over the grid: it sums to one
    assert torch.allclose(output.attention.exp().sum(dim=(1, 2)), torch.ones(2), atol=1e-4)


def test_the_hybrid_looks_at_every_scale_it_names():
    model = tiny_model(HYBRID)
    c3, c4, c5 = torch.rand(1, 512, 8, 8), torch.rand(1, 1024, 4, 4), torch.rand(1, 2048, 2, 2)
    with torch.inference_mode():
        before = model.forward_head(c3, c4, c5).logits
        spot = c3.clone()
        spot[0, :, 3, 3] += 5  # one cell of the finest scale
        after = model.forward_head(spot, c4, c5).logits
    assert not torch.allclose(before, after, atol=1e-4)


def test_the_hybrid_knows_where_a_thing_lies():
    """Two places swapped are another image to it: positions are part of the tokens."""
    model = tiny_model(HYBRID)
    c3, c4, c5 = torch.rand(1, 512, 8, 8), torch.rand(1, 1024, 4, 4), torch.rand(1, 2048, 2, 2)
    with torch.inference_mode():
        here = model.forward_head(c3, c4, c5).attention
        there = model.forward_head(c3.flip(3), c4.flip(3), c5.flip(3)).attention.flip(2)
    assert not torch.allclose(here, there, atol=1e-4)


def test_splitting_the_hybrid_at_c3_changes_nothing():
    model = tiny_model(HYBRID)
    image = torch.rand(1, 1, 96, 96)
    with torch.inference_mode():
        assert torch.equal(
            model(image).logits, model.forward_trainable(model.forward_frozen(image)).logits
        )


@pytest.mark.parametrize(
    ("name", "architecture"), [(HYBRID, SMALL), (LIGHT, {"trunk": "mobilenet"})]
)
def test_a_breast_turned_upside_down_gets_the_same_answer(name, architecture):
    torch.manual_seed(3)
    model = build_model(name, **architecture).eval()
    image = torch.rand(2, 1, 96, 64)
    with torch.inference_mode():
        upright, turned = model.predict(image), model.predict(image.flip(2))
        one, other = model(image).logits, model(image.flip(2)).logits
    assert (one - other).abs().max() > 20 * (upright.logits - turned.logits).abs().max()
    assert upright.logits.shape == (2, len(model.categories))
    assert torch.allclose(upright.logits, turned.logits, atol=1e-4)
    assert torch.allclose(upright.malignancy, turned.malignancy, atol=1e-4)


def test_the_papers_network_predicts_as_in_the_paper():
    model = build_model(LIGHT).eval()
    image = torch.rand(1, 1, 224, 224)
    with torch.inference_mode():
        assert torch.equal(model.predict(image).logits, model(image).logits)


def test_the_lightweight_network_is_the_papers():
    """Three convolution and pooling blocks, dense 128, dropout 0.5, four categories."""
    model = build_model(LIGHT)
    assert len(model.blocks) == 3
    assert model.dense.out_features == 128
    assert model.dropout.p == 0.5
    assert model.categories == (1, 3, 4, 5)
    with torch.inference_mode():
        output = model(torch.rand(2, 1, 224, 224))
    assert output.logits.shape == (2, 4)
    assert output.malignancy is None


@pytest.mark.parametrize("height", [64, 96, 160, 416])
def test_an_image_in_two_halves_gets_the_same_output(height):
    torch.manual_seed(2)
    model, image = build_model("light", trunk="mobilenet").eval(), torch.rand(1, 1, height, 64)
    with torch.inference_mode():
        whole, halves = model(image), model.forward_for_inference(image)
    assert torch.allclose(halves.logits, whole.logits, atol=1e-6)
    assert torch.allclose(halves.attention, whole.attention, atol=1e-5)


def test_an_unknown_network_is_a_key_error():
    with pytest.raises(KeyError):
        build_model("resnet")


@pytest.mark.parametrize(
    ("name", "architecture", "frame"),
    [
        ("hybrid", SMALL, (96, 64)),
        ("light", {"trunk": "mobilenet"}, (224, 224)),
        ("light", {"filters": (4, 8, 8), "pools_globally": True}, (224, 224)),
    ],
)
def test_the_fast_copy_answers_as_the_network_it_was_made_of(name, architecture, frame):
    torch.manual_seed(2)
    model = build_model(name, **architecture)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # as if trained: no statistic is at its start
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    model.eval()
    fast = optimized_for_inference(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    image = torch.rand(2, 1, *frame)
    with torch.inference_mode():
        assert torch.allclose(fast(image).logits, model(image).logits, atol=1e-4)
