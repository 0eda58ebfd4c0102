"""What the device does to a batch of frames is what OpenCV does to them one by one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine.networks import preprocessing
from engine.networks.preprocessing import PreprocessingConfig
from engine.training import augmentation
from engine.training.augmentation import AugmentationConfig, draw_alteration
from engine.training.live_frames import LiveFrames, altered, equalised, finished
from tests.phantom import breast

CONFIG = PreprocessingConfig(height=160, width=96)
QUIET = AugmentationConfig(grain=0.0)  # noise is drawn by another generator


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def framed(config=CONFIG, count=3):
    """Frames and masks of phantoms, uint8 (count, height, width)."""
    found = []
    for seed in range(count):
        lesion = (90 + 10 * seed, 50, 9.0)
        image = (breast("L", rows=300, columns=200, lesion=lesion, seed=seed) * 255).astype(
            np.uint8
        )
        crop, mask, geometry = preprocessing.crop_breast(image, 1.0, config)
        found.append(preprocessing.fill_frame(crop, mask, geometry))
    return (np.stack(part) for part in zip(*found, strict=True))


@pytest.mark.parametrize("size", [(160, 96), (100, 70), (96, 90), (64, 64)])
@pytest.mark.parametrize("clip", [2.0, 40.0, 0.01])
def test_local_contrast_is_opencvs_to_the_grey_level(size, clip):
    """Also where tiles do not divide the frame, and where every histogram is clipped."""
    random = np.random.default_rng(1)
    coarse = random.integers(0, 255, (2, 9, 7)).astype(np.float32)
    frames = [cv2.resize(part, size[::-1], interpolation=cv2.INTER_CUBIC) for part in coarse]
    frames = np.clip(np.stack(frames) + random.normal(0, 3, (2, *size)), 0, 255).astype(np.uint8)
    wanted = [cv2.createCLAHE(clip, (8, 8)).apply(frame) for frame in frames]
    assert np.array_equal(equalised(torch.from_numpy(frames), clip, 8).numpy(), wanted)


@pytest.mark.parametrize("clip", [2.0, 0.0])
def test_the_clean_frame_is_the_clinics_to_the_bit(clip):
    config = replace(CONFIG, clahe_clip=clip)
    frames, _ = framed(config)
    wanted = [preprocessing.finish(frame, config) for frame in frames]
    assert np.array_equal(finished(torch.from_numpy(frames), config).numpy(), wanted)


def test_an_alteration_is_the_one_that_is_made_on_the_cpu():
    frames, masks = framed(count=8)
    lesions = np.zeros(frames.shape, np.float32)
    lesions[:, 40:70, 20:50] = 1
    drawn, wanted, wanted_lesions = [], [], []
    for number in range(len(frames)):
        drawn.append(draw_alteration(QUIET, np.random.default_rng(number)))
        frame, lesion = augmentation.altered(
            frames[number], masks[number], lesions[number], QUIET, np.random.default_rng(number)
        )
        wanted.append(frame)
        wanted_lesions.append(lesion)
    assert any(a.is_flipped for a in drawn)
    assert any(a.blur > augmentation.LEAST_BLUR for a in drawn)
    got, got_lesions = altered(
        torch.from_numpy(frames),
        torch.from_numpy(masks),
        torch.from_numpy(lesions),
        drawn,
        torch.Generator().manual_seed(0),
    )
    difference = np.abs(got.numpy().astype(int) - np.stack(wanted))
    inside = (got.numpy() > 0) & (np.stack(wanted) > 0)
    assert inside.mean() > 0.2
    assert difference[inside].mean() < 0.5
    assert np.percentile(difference[inside], 99) <= 2
    # the outlines agree but for a pixel's breadth
    assert np.mean((got.numpy() > 0) != (np.stack(wanted) > 0)) < 0.01
    assert np.abs(got_lesions.numpy() - np.stack(wanted_lesions)).mean() < 2e-3


def test_grain_differs_from_row_to_row_and_comes_back_with_its_seed():
    frames, masks = framed(count=1)
    frames, masks = np.repeat(frames, 2, 0), np.repeat(masks, 2, 0)
    live = LiveFrames(
        torch.from_numpy(frames),
        torch.from_numpy(masks),
        ((), ()),
        np.ones(2, bool),
        np.arange(2),
        (),
    )
    grainy = AugmentationConfig(0, 0, 0, 0, 0, 0, grain=30.0, blur=0.0)
    seeds, rows = np.array([5, 9]), np.array([0, 1])
    first, _ = live.draw(rows, seeds, grainy, CONFIG)
    again, _ = live.draw(rows, seeds, grainy, CONFIG)
    assert torch.equal(first, again)
    clean, _ = live.draw(rows, np.zeros(2, int), grainy, CONFIG)
    assert not torch.allclose(first - clean, (first - clean)[[1, 0]], atol=0.05)


def test_a_row_keeps_its_boxes_when_rows_are_left_out():
    frames, masks = framed()
    boxes = ((), ((32, 64, 0, 32),), ((96, 128, 64, 96), (96, 128, 64, 96)))
    live = LiveFrames(
        torch.from_numpy(frames),
        torch.from_numpy(masks),
        boxes,
        np.array([True, True, False]),
        np.arange(3),
        ("c.png: gone",),
    ).of([2, 1])
    assert live.readable.tolist() == [False, True]
    image, cells = live.draw(np.array([0, 1]), np.zeros(2, int), QUIET, CONFIG)
    assert image.shape == (2, 1, 160, 96)
    assert cells[0].nonzero().tolist() == [[3, 2]]
    assert cells[1].nonzero().tolist() == [[1, 0]]
    assert cells.max() == 1
    moved = altered_boxes(live, seed=3)
    assert 0 < moved.max() <= 1
    assert not torch.equal(moved, cells)


def altered_boxes(live: LiveFrames, seed: int):
    _, cells = live.draw(np.array([0, 1]), np.full(2, seed), AugmentationConfig(), CONFIG)
    return cells
