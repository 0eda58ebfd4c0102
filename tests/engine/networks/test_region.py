"""Ask about this spot: a rectangle that a reader drew gets an answer, or a reason why not."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save

from engine.__main__ import main
from engine.dicom.loading import load, load_pixels
from engine.domain import NOTICE, RegionOutOfScope, RegionPrediction
from engine.errors import IncompatibleCheckpoint
from engine.networks import checkpoint as checkpoint_module
from engine.networks import region
from engine.networks.region import RegionPredictor
from engine.networks.region_network import RegionConfig, cut, load_region_checkpoint
from tests.phantom import breast, stored_values, write_mammogram, write_plain
from tests.tiny_networks import write_tiny_checkpoint, write_tiny_region_checkpoint

KEYS = [
    *("file", "box", "model", "model_sha256", "in_scope", "scope_reason", "category"),
    *("confidence", "probabilities", "p_malignant", "spacing_mm", "spacing_source", "notes"),
    "notice",
]
ON_BREAST = (250, 200, 330, 280)  #: of `exam`, on the right breast's tissue; 8 mm
SIZE = {"rows": 512, "columns": 384}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_region_checkpoint(tmp_path_factory.mktemp("region") / "tiny.safetensors")


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return RegionPredictor(checkpoint)


def opened(path):
    view = load([path]).studies[0].views[0]
    return view, load_pixels(view)


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """A right breast with a lesion, 0.1 mm a pixel."""
    path = tmp_path_factory.mktemp("exam") / "R.dcm"
    return write_mammogram(
        path, laterality="R", lesion=(240, 290, 12), imager_spacing=(0.1, 0.1), **SIZE
    )


# ------------------------------------------------------------------------ what the network sees


def shown(frame):
    """(rows, columns) that the rectangle fills of the frame."""
    return int(frame[1].any(axis=1).sum()), int(frame[1].any(axis=0).sum())


@pytest.mark.parametrize("spacing_mm", [0.05, 0.1, 0.2, 0.4])
def test_a_rectangle_of_8_mm_fills_as_much_of_the_frame_at_every_resolution(spacing_mm):
    image = cv2.resize(breast(rows=256, columns=192), (400, 400))
    side = round(8 / spacing_mm)
    frame = cut(to_grey(cv2.resize(image, (side, side))), (spacing_mm,) * 2, RegionConfig(side=96))
    assert shown(frame) == (80, 80)
    assert frame.dtype == np.float32
    assert frame.min() >= 0
    assert frame.max() <= 1


def test_pixels_that_are_not_square_are_shown_as_long_as_they_are():
    grey = to_grey(breast(rows=100, columns=100))
    assert shown(cut(grey, (0.05, 0.1), RegionConfig(side=128))) == (50, 100)


def test_a_rectangle_larger_than_the_frame_is_shown_whole_and_coarser():
    grey = to_grey(breast(rows=400, columns=200))
    assert shown(cut(grey, (0.1, 0.1), RegionConfig(side=64))) == (64, 32)


def test_a_calcification_of_two_tenths_of_a_millimetre_stays_bright_in_the_frame():
    grey = np.full((160, 160), 90, np.uint8) + np.arange(160, dtype=np.uint8) // 8
    grey[80:84, 80:84] = 200  # 0.2 mm at 0.05 mm a pixel
    frame = cut(grey, (0.05, 0.05), RegionConfig(side=96))
    assert frame[0].max() == 1
    assert frame[0].max() - np.median(frame[0][frame[1] > 0]) > 0.3


def test_what_lies_outside_the_rectangle_tells_the_network_nothing(predictor, exam):
    view, pixels = opened(exam)
    elsewhere, above = pixels.stored.copy(), ON_BREAST[1] - 40
    elsewhere[:above] = elsewhere[:above] // 2  # still a breast, but another one
    altered = replace(pixels, stored=elsewhere)
    first = predictor.predict(view, pixels, ON_BREAST)
    second = predictor.predict(replace(view, image_uid="2.25.1"), altered, ON_BREAST)
    assert isinstance(first, RegionPrediction)
    assert first.probabilities == pytest.approx(second.probabilities, abs=0.02)


def to_grey(image):
    return np.round(image * 255).astype(np.uint8)


# --------------------------------------------------------------------------------- the answer


def test_a_spot_on_the_breast_gets_calibrated_probabilities_and_a_malignancy(
    predictor, checkpoint, tmp_path
):
    # Without a window the rectangle's own range of values is its grey.
    path = write_mammogram(tmp_path / "R.dcm", lesion=(240, 290, 12), window=None, **SIZE)
    view, pixels = opened(path)
    answer = predictor.predict(view, pixels, ON_BREAST)
    network = load_region_checkpoint(checkpoint, is_fast=False)
    x0, y0, x1, y1 = ON_BREAST
    part = pixels.stored[y0:y1, x0:x1].astype(float)
    grey = np.round((part - part.min()) / (part.max() - part.min()) * 255).astype(np.uint8)
    logits, malignancy = network.predict(cut(grey, (0.1, 0.1), network.config)[None])
    scores = logits[0] * 3.0 + [0.1, 0.2, 0.3, 0.4]
    expected = np.exp(scores) / np.exp(scores).sum()
    assert tuple(answer.probabilities) == (2, 3, 4, 5)
    np.testing.assert_allclose(list(answer.probabilities.values()), expected, rtol=1e-3)
    assert answer.malignancy == pytest.approx(1 / (1 + np.exp(-(malignancy[0] * 2 - 0.5))), 1e-3)
    assert answer.confidence == max(answer.probabilities.values())
    assert answer.probabilities[answer.category] == answer.confidence
    assert answer.box == ON_BREAST
    assert answer.image_uid == view.image_uid
    assert (answer.spacing_mm, answer.spacing_source) == (0.1, "at detector")
    assert answer.notes == ()


def test_a_mirrored_breast_gets_the_same_answer_at_the_mirrored_spot(predictor, tmp_path):
    values = stored_values(breast("R", lesion=(240, 290, 12), **SIZE))
    right = write_mammogram(tmp_path / "a.dcm", values=values, imager_spacing=(0.1, 0.1))
    left = write_mammogram(
        tmp_path / "b.dcm", laterality="L", values=np.fliplr(values), imager_spacing=(0.1, 0.1)
    )
    x0, y0, x1, y1 = box = (251, 201, 322, 280)  # an odd width
    first = predictor.predict(*opened(right), box)
    second = predictor.predict(*opened(left), (384 - x1, y0, 384 - x0, y1))
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-5)
    assert first.malignancy == pytest.approx(second.malignancy, abs=1e-5)


def test_an_image_without_spacing_is_taken_as_it_is_and_says_so(predictor, tmp_path):
    image = opened(write_plain(tmp_path / "R_CC.png", **SIZE))
    answer = predictor.predict(*image, ON_BREAST)
    assert isinstance(answer, RegionPrediction)
    assert (answer.spacing_mm, answer.spacing_source) == (None, None)
    assert answer.notes == (region.NO_SPACING,)


def test_a_coarse_image_says_that_calcifications_cannot_be_judged(predictor, tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", imager_spacing=(0.4, 0.4), **SIZE)
    answer = predictor.predict(*opened(path), ON_BREAST)
    assert any("too coarse to judge calcifications" in note for note in answer.notes)
    assert any("looked at coarser" in note for note in answer.notes)  # 32 mm of it


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((0, 0, 60, 60), region.OUTSIDE_BREAST),
        ((10, 216, 110, 296), region.MOSTLY_OUTSIDE_BREAST),
        ((300, 250, 315, 300), region.TOO_SMALL),
        ((300, 250, 300, 300), region.EMPTY),
        ((330, 250, 300, 300), region.EMPTY),
        ((500, 700, 600, 800), region.OUTSIDE_IMAGE),
        ((-90, -90, -10, -10), region.OUTSIDE_IMAGE),
    ],
)
def test_a_rectangle_that_shows_no_lesion_is_refused_in_words(predictor, exam, box, reason):
    answer = predictor.predict(*opened(exam), box)
    assert isinstance(answer, RegionOutOfScope)
    assert answer.reason == reason


def test_a_rectangle_over_the_images_edge_is_judged_inside_it_and_says_so(predictor, exam):
    view, pixels = opened(exam)
    beyond = predictor.predict(view, pixels, (324, 200, 460, 280))
    inside = predictor.predict(view, pixels, (324, 200, 384, 280))
    assert beyond.probabilities == inside.probabilities
    assert beyond.notes == (region.CLIPPED, *inside.notes)
    assert beyond.box == (324, 200, 460, 280)


def test_what_the_header_puts_out_of_scope_is_not_judged_by_the_spot(predictor, exam):
    view, pixels = opened(exam)
    answer = predictor.predict(replace(view, out_of_scope="It is a specimen."), pixels, ON_BREAST)
    assert answer.reason == "It is a specimen."


def test_a_picture_that_is_no_mammogram_is_refused(predictor, tmp_path):
    values = stored_values(1 - breast("R", lesion=(240, 290, 12), **SIZE))
    answer = predictor.predict(
        *opened(write_mammogram(tmp_path / "a.dcm", values=values, imager_spacing=(0.1, 0.1))),
        ON_BREAST,
    )
    assert isinstance(answer, RegionOutOfScope)


def test_a_blanked_patch_of_the_breast_is_refused(predictor, exam, tmp_path):
    values = stored_values(breast("R", lesion=(240, 290, 12), **SIZE))
    values[195:285, 245:335] = 3000
    path = write_mammogram(tmp_path / "a.dcm", values=values, imager_spacing=(0.1, 0.1))
    assert predictor.predict(*opened(path), ON_BREAST).reason == region.BLANK


# --------------------------------------------------------------------------------- the command


@pytest.fixture
def predict_region(checkpoint, capsys):
    """Runs the command; gives exit code, the lines and standard error."""

    def run(file, *box):
        try:
            code = main(
                ["predict-region", str(file), "--checkpoint", str(checkpoint), "--box"]
                + [str(edge) for edge in box]
            )
        except SystemExit as stop:  # argparse's way out
            code = stop.code
        output, said = capsys.readouterr()
        return code, [json.loads(line) for line in output.splitlines()], said

    return run


def test_the_command_writes_the_answer_with_the_keys_that_others_read(predict_region, exam):
    code, (record,), _ = predict_region(exam, *ON_BREAST)
    assert code == 0
    assert list(record) == KEYS
    assert record["file"] == str(exam)
    assert record["box"] == list(ON_BREAST)
    assert record["model"] == "region"
    assert sum(record["probabilities"].values()) == pytest.approx(1)
    assert list(record["probabilities"]) == ["2", "3", "4", "5"]
    assert (record["spacing_mm"], record["spacing_source"]) == (0.1, "at detector")
    assert record["notice"] == NOTICE


def test_a_refusal_is_no_failure_of_the_command(predict_region, exam):
    code, (record,), _ = predict_region(exam, 0, 0, 60, 60)
    assert code == 0
    assert record["scope_reason"] == region.OUTSIDE_BREAST
    assert record["probabilities"] is record["p_malignant"] is record["category"] is None


def test_a_damaged_file_is_an_error_and_a_missing_edge_wrong_usage(predict_region, exam, tmp_path):
    damaged = tmp_path / "cut.dcm"
    damaged.write_bytes(exam.read_bytes()[:3000])
    code, (record,), _ = predict_region(damaged, *ON_BREAST)
    assert code == 1
    assert record["error"]["title"]
    assert predict_region(exam, 1, 2, 3)[0] == 2
    assert predict_region(exam, 5, 5, 5, 9)[0] == 2


# -------------------------------------------------------------------------------- its checkpoint


def test_calibration_and_resolution_come_back_from_the_file(checkpoint):
    loaded = load_region_checkpoint(checkpoint)
    assert loaded.calibration.grades.offsets == (0.1, 0.2, 0.3, 0.4)
    assert loaded.calibration.malignancy.slope == 2.0
    assert loaded.config == RegionConfig(side=64)
    assert loaded.identity.categories == (2, 3, 4, 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "light"},
        {"format": 99},
        {"config": {"side": 100}},
        {"config": {"side": 1 << 20}},
        {"config": {"spacing_mm": 0.0}},
        {"config": {"colour": "red"}},
        {"calibration": {}},
        {"calibration": {"grades": {"slope": 1, "offsets": [0]}, "malignancy": None}},
        {"provenance": None},
    ],
)
def test_a_header_that_does_not_fit_is_refused(checkpoint, tmp_path, changes):
    with safe_open(checkpoint, "pt") as stream:
        header = json.loads(stream.metadata()["birads-viewer"])
        weights = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    path = tmp_path / "changed.safetensors"
    path.write_bytes(save(weights, {"birads-viewer": json.dumps(header | changes)}))
    with pytest.raises(IncompatibleCheckpoint):
        load_region_checkpoint(path)


def test_a_whole_view_network_is_no_region_network(tmp_path):
    with pytest.raises(IncompatibleCheckpoint, match="holds no region network"):
        load_region_checkpoint(write_tiny_checkpoint(tmp_path / "light.safetensors"))


def test_a_shipped_region_network_that_was_changed_is_refused(checkpoint, tmp_path, monkeypatch):
    shipped = tmp_path / "region.safetensors"
    shipped.write_bytes(checkpoint.read_bytes())
    entry = {"file": "region.safetensors", "sha256": "0" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps({"region": entry}))
    monkeypatch.setattr(checkpoint_module, "SHIPPED_FOLDER", tmp_path)
    with pytest.raises(IncompatibleCheckpoint, match="sha-256"):
        RegionPredictor()
