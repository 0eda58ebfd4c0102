"""Two networks as one: what they say together, what each says alone, and where both looked."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine.dicom.loading import load
from engine.domain import Prediction
from engine.errors import IncompatibleCheckpoint
from engine.networks import ensemble, gradcam, preprocessing
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import load_checkpoint
from engine.networks.models import HYBRID, LIGHT, NetworkOutput, build_model
from engine.networks.predictor import Predictor
from tests.phantom import breast, write_mammogram, write_study
from tests.tiny_networks import PREPROCESSING, tiny_model, write_tiny_checkpoint

LESION = (120, 130, 12)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("ensemble") / "both.json", "both")


@pytest.fixture(scope="module")
def both(path):
    return ensemble.load(path)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"), lesion=(120, 100, 12), study_uid="1.2.3")
    blank = np.full((256, 192), 500, np.uint16)
    write_mammogram(folder / "blank.dcm", values=blank, view="ML", study_uid="1.2.3")
    (study,) = load([folder]).studies
    return study


def drawn() -> np.ndarray:
    return np.round(breast(lesion=LESION) * 255).astype(np.uint8)


def test_what_both_know_is_shared_and_the_rest_is_left_to_the_hybrid(both):
    torch.manual_seed(2)
    one = NetworkOutput(torch.randn(3, 5).double(), torch.randn(3))
    other = NetworkOutput(torch.randn(3, 4).double(), torch.randn(3))
    joined = both.combined([one, other])
    # each as its own calibration speaks
    calibrations = [member.calibration for member in both.members]
    alone, second = (
        torch.from_numpy(calibration.view.probabilities(output.logits.numpy()))
        for calibration, output in zip(calibrations, (one, other), strict=True)
    )
    odds = [
        output.malignancy * calibration.cancer.head.slope + calibration.cancer.head.offset
        for calibration, output in zip(calibrations, (one, other), strict=True)
    ]
    assert torch.allclose(joined.malignancy, (odds[0] + odds[1]) / 2)
    said = joined.logits.softmax(dim=1)
    assert torch.allclose(said[:, 1], alone[:, 1])  # BI-RADS 2
    known = [0, 2, 3, 4]
    together = ((alone[:, known].log() + second.log()) / 2).softmax(dim=1)
    assert torch.allclose(said[:, known] / (1 - said[:, 1:2]), together)
    assert both.combined([one, NetworkOutput(other.logits)]).malignancy is None


def test_each_member_says_what_it_would_say_alone_in_its_own_frame(path, study):
    said = Predictor(path).predict_study(study, heatmaps=True)
    assert said.model.name == "both"
    assert [member.model.name for member in said.members] == [HYBRID, LIGHT]
    for member in said.members:
        file = path.with_name(f"both-{member.model.name}.safetensors")
        alone = Predictor(file).predict_study(study)
        assert member.model == alone.model
        assert [v.image_uid for v in member.views] == [v.image_uid for v in said.views]
        assert member.breasts == alone.breasts
        assert [v.prediction for v in member.views] == [v.prediction for v in alone.views]
        assert all(view.explanation is None for view in member.views)
        assert member.failures == said.failures
    whole = [view.prediction for view in said.views if isinstance(view.prediction, Prediction)]
    assert len(whole) == 4
    assert all(set(p.probabilities) == {1, 2, 3, 4, 5} for p in whole)
    for member in said.members:
        alone = [v.prediction for v in member.views if isinstance(v.prediction, Prediction)]
        assert [p.probabilities for p in alone] != [p.probabilities for p in whole]
    assert all(
        v.explanation is not None for v in said.views if isinstance(v.prediction, Prediction)
    )


def test_a_network_alone_has_no_members(path, study):
    alone = Predictor(path.with_name("both-light.safetensors")).predict_study(study)
    assert alone.members == ()


def of_networks(both, models, configs):
    members = [
        replace(member, model=model, preprocessing=config)
        for member, model, config in zip(both.members, models, configs, strict=True)
    ]
    return replace(both, members=tuple(members))


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(4)
    return tiny_model(HYBRID), build_model(LIGHT, trunk="mobilenet").eval()


def test_the_maps_of_the_members_add_up(both, models):
    config = PREPROCESSING[HYBRID]
    joint = of_networks(both, models, (config, config))
    frames = ensemble.frames_of(joint, drawn(), 1.0)
    assert frames[0][0] is frames[1][0]  # one frame is made once
    seen = {}
    layers = [
        layer
        for scales in zip(*(m.explained_layers for m in models), strict=True)
        for scale in scales
        for layer in scale
    ]
    handles = [
        layer.register_forward_hook(lambda layer, _inputs, out: seen.update({layer: out}))
        for layer in layers
    ]
    image = torch.from_numpy(frames[0][0])[None]
    logits = joint.combined([model(image) for model in models]).logits
    for handle in handles:
        handle.remove()
    probability = logits.softmax(dim=1)[0]
    suspicion = (probability[3:].sum() / probability[:3].sum()).log()
    gradients = torch.autograd.grad(suspicion, [seen[layer] for layer in layers])
    cells = [
        (gradient * seen[layer]).sum(dim=1)[0].detach().numpy()
        for layer, gradient in zip(layers, gradients, strict=True)
    ]
    fine, coarse = (np.maximum(a + b, 0) for a, b in (cells[:2], cells[2:]))
    expected = np.sqrt(fine * cv2.resize(coarse, fine.shape[::-1]))

    actual = gradcam.joint_map(joint, frames)
    assert expected.max() > 0
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_a_map_carried_to_another_frame_lies_on_the_same_tissue_and_keeps_its_sum():
    image = np.ascontiguousarray(drawn()[:, ::-1])  # the chest wall on the right: mirrored
    small = preprocessing.PreprocessingConfig(height=256, width=160)
    _, to = preprocessing.prepare(image, 1.0, small)
    for other in (
        replace(small, height=512, width=320),
        replace(small, height=384, width=160),  # other margins about the breast
        replace(small, height=224, width=224, keeps_aspect=False),
        replace(small, margin=0.1),  # another part of the image
    ):
        _, source = preprocessing.prepare(image, 1.0, other)
        grid = tuple(side // 8 for side in source.network_shape)
        rows, columns = np.mgrid[: grid[0], : grid[1]]
        at = (image.shape[0] * 0.45, image.shape[1] * 0.6)  # a place of the source
        y, x = (place / 8 for place in source.to_network(*at))
        spot = np.exp(-(((rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2) / 18)).astype(np.float32)
        moved = gradcam.carried(spot, source, to, (32, 20))
        found = np.array(np.unravel_index(moved.argmax(), moved.shape)) + 0.5
        expected = np.array(to.to_network(*at)) / 8
        assert np.abs(found - expected).max() <= 1
        assert moved.sum() == pytest.approx(spot.sum(), rel=0.05)


def test_members_of_different_frames_are_explained_on_the_first_ones_grid(both, models):
    configs = (PREPROCESSING[HYBRID], replace(PREPROCESSING[HYBRID], height=256, width=192))
    joint = of_networks(both, models, configs)
    frames = ensemble.frames_of(joint, drawn(), 1.0)
    assert [tensor.shape for tensor, _ in frames] == [(1, 128, 96), (1, 256, 192)]
    heat = gradcam.joint_map(joint, frames)
    assert heat.shape == (16, 12)
    assert heat.max() > 0
    assert not np.allclose(heat, gradcam.activation_map(models[0], frames[0][0]))  # both count
    explanation = gradcam.explain(joint, frames)
    assert explanation.region == frames[0][1].region
    assert 0 <= explanation.heat.min() <= explanation.heat.max() <= 1


def copied(path, tmp_path, **changes):
    for file in path.parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    header = json.loads(path.read_text())
    header.update(changes)
    target = tmp_path / path.name
    target.write_text(json.dumps(header))
    return target


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"name": "hybrid"},
        {"members": []},
        {"members": None},
        {"members": [{"file": "both-light.safetensors"}]},
        {"calibration": {}},
        {"calibration": Calibration.identity(4, True).to_json()},
        {"calibration": {**Calibration.identity(5, True).to_json(), "population": {"views": 1}}},
        {"heat_reference": 0},
        {"provenance": None},
    ],
)
def test_a_file_that_is_no_ensemble_of_ours_is_refused(path, tmp_path, changes):
    with pytest.raises(IncompatibleCheckpoint):
        ensemble.load(copied(path, tmp_path, **changes))


def test_a_member_that_is_not_the_one_it_was_joined_with_is_refused(path, tmp_path):
    target = copied(path, tmp_path)
    assert ensemble.load(target).members
    write_tiny_checkpoint(tmp_path / "both-light.safetensors", LIGHT, heat_reference=1.0)
    with pytest.raises(IncompatibleCheckpoint, match="joined with"):
        ensemble.load(target)


def test_an_ensemble_reaches_into_no_other_folder(path, tmp_path):
    member = path.with_name("both-light.safetensors")
    entry = {"file": str(member), "sha256": load_checkpoint(member).identity.sha256}
    with pytest.raises(IncompatibleCheckpoint, match="another folder"):
        ensemble.load(copied(path, tmp_path, members=[entry, entry]))


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_a_damaged_ensemble_is_refused(tmp_path, data):
    target = tmp_path / "both.json"
    target.write_bytes(data)
    with pytest.raises(IncompatibleCheckpoint):
        ensemble.load(target)
