"""The predictor: the network's own numbers, calibrated, per view and breast, or a reason."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.dicom.loading import load, load_pixels
from engine.domain import Laterality, OutOfScope, Prediction
from engine.errors import IncompatibleCheckpoint
from engine.networks import predictor as predictor_module
from engine.networks import preprocessing
from engine.networks.checkpoint import load_checkpoint, save_checkpoint
from engine.networks.models import HYBRID
from engine.networks.predictor import UNEXPECTED_TITLE, Predictor
from tests.phantom import write_mammogram, write_study
from tests.tiny_networks import write_tiny_checkpoint


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("predictor") / "light.safetensors")


@pytest.fixture(scope="module")
def predictor(checkpoint_path):
    return Predictor(checkpoint_path)


def only_study(folder):
    (study,) = load([folder]).studies
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return only_study(write_study(folder, lesion=(120, 100, 12)))


def network_says(checkpoint, view):
    """Logits and malignancy logit, by the steps a reader of the papers would take."""
    image = preprocessing.grey(view, load_pixels(view))
    tensor, _ = preprocessing.prepare(image, view.pixel_aspect, checkpoint.preprocessing)
    with torch.no_grad():
        output = checkpoint.model(torch.from_numpy(tensor)[None])
    return output.logits[0].numpy(), float(output.malignancy[0])


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores) / np.exp(scores).sum()


def test_a_view_gets_the_calibrated_probabilities_of_its_network_read_with_its_breast(
    predictor, checkpoint_path, study
):
    checkpoint = load_checkpoint(checkpoint_path)
    prediction = predictor.predict_study(study)
    assert [answer.image_uid for answer in prediction.views] == [v.image_uid for v in study.views]
    breasts = {breast.laterality: breast.prediction for breast in prediction.breasts}
    for view, answer in zip(study.views, prediction.views, strict=True):
        logits, malignancy = network_says(checkpoint, view)
        own = softmax(logits.astype(float) * 3.0 + [0.0, 0.1, 0.2, 0.3])
        breast = breasts[view.laterality]
        together = np.sqrt(own * list(breast.probabilities.values()))
        said = answer.prediction
        assert tuple(said.probabilities) == (1, 3, 4, 5)
        np.testing.assert_allclose(
            list(said.probabilities.values()), together / together.sum(), rtol=1e-5
        )
        assert sum(said.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert said.malignancy == breast.malignancy
        assert said.model == checkpoint.identity
        # asked of one view, the network has nothing else to go by
        (single,) = predictor.predict_study(replace(study, views=(view,))).views
        np.testing.assert_allclose(list(single.prediction.probabilities.values()), own, rtol=1e-5)
        odds = (2 * malignancy - 0.5 + np.log(own[2:].sum() / own[:2].sum())) / 2
        assert single.prediction.malignancy == pytest.approx(
            1 / (1 + np.exp(0.1 - 2 * odds)), rel=1e-5
        )


def test_several_studies_at_once_get_the_answers_that_each_gets_alone(predictor, tmp_path, caplog):
    folders = [write_study(tmp_path / name, study_uid=f"1.2.{name}") for name in ("7", "8")]
    write_mammogram(tmp_path / "9" / "blank.dcm", values=np.full((256, 192), 500, np.uint16))
    studies = [only_study(folder) for folder in (*folders, tmp_path / "9")]
    cut = folders[1] / "LCC.dcm"
    cut.write_bytes(cut.read_bytes()[:-40_000])
    alone = [predictor.predict_study(study) for study in studies]
    for batch in (1, 3, 16):
        together = predictor.predict_studies(studies, batch)
        for one, other in zip(alone, together, strict=True):
            assert [v.image_uid for v in one.views] == [v.image_uid for v in other.views]
            assert one.failures == other.failures
            for mine, theirs in zip(one.breasts, other.breasts, strict=True):
                said, same = mine.prediction, theirs.prediction
                if isinstance(said, OutOfScope):
                    assert same == said
                else:
                    assert same.probabilities == pytest.approx(said.probabilities, abs=1e-6)
    assert len(alone[1].failures) == 1
    assert isinstance(alone[2].breasts[0].prediction, OutOfScope)


def test_an_image_that_breaks_the_network_leaves_the_others_of_its_pass_alone(
    checkpoint_path, tmp_path, caplog
):
    predictor = Predictor(checkpoint_path)
    studies = [
        only_study(write_study(tmp_path / str(number), views=[("R", "CC")], seed=number))
        for number in range(3)
    ]
    words = "of a kernel that failed"
    seen: list[tuple[int, float]] = []
    breaking: set[float] = set()

    def look(module, arguments):
        images = arguments[0]
        is_first = images.shape[1:] == (1, 224, 224) and not list(module.children())
        if is_first:  # of the network's convolutions
            seen.append((len(images), float(images[-1].sum())))
            if (len(images) > 1 and breaking) or seen[-1][1] in breaking:
                raise RuntimeError(words)

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    try:
        predictor.predict_study(studies[1])
        breaking |= {brightness for _, brightness in seen}
        seen.clear()
        predictions = predictor.predict_studies(studies, 16)
    finally:
        hook.remove()
    assert seen[0][0] == 3
    assert {size for size, _ in seen} == {3, 1}
    assert [len(prediction.failures) for prediction in predictions] == [0, 1, 0]
    assert predictions[1].failures[0].title == UNEXPECTED_TITLE
    assert words not in caplog.text


def test_a_breast_pools_its_own_views_and_right_comes_first(predictor, checkpoint_path, study):
    checkpoint = load_checkpoint(checkpoint_path)
    prediction = predictor.predict_study(study)
    assert [breast.laterality.value for breast in prediction.breasts] == ["R", "L"]
    for breast in prediction.breasts:
        views = [view for view in study.views if view.laterality is breast.laterality]
        assert len(views) == 2
        assert breast.image_uids == tuple(view.image_uid for view in views)
        logits = np.mean([network_says(checkpoint, view)[0] for view in views], axis=0)
        scores = logits.astype(float) * 4.0 + [0.0, 0.2, 0.4, 0.6]
        expected = np.exp(scores) / np.exp(scores).sum()
        said = list(breast.prediction.probabilities.values())
        np.testing.assert_allclose(said, expected, rtol=1e-5)
        assert 0 < breast.prediction.malignancy < 1


def test_the_answer_is_the_same_again_and_whatever_the_other_breast_is_like(predictor, study):
    first = predictor.predict_study(study)
    again = predictor.predict_study(study, heatmaps=True)
    side = study.views[2].laterality
    one_side = tuple(view for view in study.views if view.laterality is side)
    alone = predictor.predict_study(replace(study, views=one_side))
    assert [a.prediction for a in first.views] == [a.prediction for a in again.views]
    assert first.breasts == again.breasts
    of_side = [a.prediction for a in first.views if a.image_uid in alone.breasts[0].image_uids]
    assert [a.prediction for a in alone.views] == of_side
    assert alone.breasts[0] in first.breasts


def test_a_breast_is_told_when_its_last_view_is_done_and_stays_as_it_is(predictor, study):
    right, left = ([view for view in study.views if view.laterality is side] for side in Laterality)
    study = replace(study, views=(right[0], left[0], right[1], left[1]))
    told = []
    whole = predictor.predict_study(study, True, on_view=lambda *view: told.append(view))
    assert [view[:2] for view in told] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    before, after, (_, _, part), last = told
    assert [so_far for *_, so_far in (before, after, last)] == [None, None, None]
    assert part.breasts == whole.breasts[:1]
    final = [(view.image_uid, view.prediction) for view in whole.views[::2]]
    assert [(view.image_uid, view.prediction) for view in part.views] == final
    assert all(view.explanation for view in part.views)
    loose = replace(study, is_joined=False)
    told.clear()
    predictor.predict_study(loose, on_view=lambda *view: told.append(view))
    assert [so_far for *_, so_far in told] == [None] * 4


def test_a_heat_map_changes_no_answer_by_a_bit_nor_does_the_number_of_threads(
    checkpoint_path, tmp_path, study
):
    for path in (checkpoint_path, write_tiny_checkpoint(tmp_path / "hybrid", HYBRID)):
        predictor, before = Predictor(path), torch.get_num_threads()
        said = []
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                said += [predictor.predict_study(study, heatmaps) for heatmaps in (False, True)]
        finally:
            torch.set_num_threads(before)
        assert all(each.breasts == said[0].breasts for each in said)


def test_heat_maps_come_only_when_asked_for(predictor, study):
    assert all(a.explanation is None for a in predictor.predict_study(study).views)
    for view, answer in zip(
        study.views, predictor.predict_study(study, heatmaps=True).views, strict=True
    ):
        row_start, row_stop, column_start, column_stop = answer.explanation.region
        assert 0 <= row_start < row_stop <= view.rows
        assert 0 <= column_start < column_stop <= view.columns
        assert 0 < answer.explanation.heat.max() <= 1


def test_views_that_no_rule_joins_give_no_breast(predictor, study):
    assert predictor.predict_study(replace(study, is_joined=False)).breasts == ()


def test_a_view_of_unknown_side_belongs_to_no_breast(predictor, study):
    views = (replace(study.views[0], laterality=None), *study.views[1:])
    prediction = predictor.predict_study(replace(study, views=views))
    assert isinstance(prediction.views[0].prediction, Prediction)
    used = {uid for breast in prediction.breasts for uid in breast.image_uids}
    assert used == {view.image_uid for view in views[1:]}


def test_a_file_cut_in_its_pixels_fails_alone(predictor, tmp_path):
    folder = write_study(tmp_path / "cut")
    victim = folder / "RCC.dcm"
    data = victim.read_bytes()
    study = only_study(folder)
    victim.write_bytes(data[: len(data) - 40_000])
    prediction = predictor.predict_study(study)
    (failure,) = prediction.failures
    assert failure.path == victim
    assert failure.title
    assert failure.advice
    assert len(prediction.views) == 3
    right, left = prediction.breasts
    rmlo = next(view for view in study.views if view.path.name == "RMLO.dcm")
    assert right.image_uids == (rmlo.image_uid,)
    assert len(left.image_uids) == 2


def test_what_the_header_rules_out_is_not_even_decoded(predictor, study, tmp_path):
    gone = replace(study.views[0], out_of_scope="A spot view.", path=tmp_path / "gone.dcm")
    prediction = predictor.predict_study(replace(study, views=(gone, *study.views[1:])))
    said = prediction.views[0].prediction
    assert isinstance(said, OutOfScope)
    assert said.reason == "A spot view."
    assert not prediction.failures
    assert gone.image_uid not in {uid for b in prediction.breasts for uid in b.image_uids}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((256, 192), 700, np.uint16), "blank"),
        (np.kron(np.eye(4), np.full((64, 48), 4000)).astype(np.uint16), "grey levels"),
        (np.full((40, 30), 9, np.uint16), "small"),
        (
            np.random.default_rng(1).integers(0, 30, (256, 192)).astype(np.uint16),
            "No breast found",
        ),
    ],
    ids=["blank", "two levels", "tiny", "noise"],
)
def test_an_image_without_a_breast_is_out_of_scope_and_no_failure(
    predictor, tmp_path, values, words
):
    write_mammogram(tmp_path / "a.dcm", values=values)
    prediction = predictor.predict_study(only_study(tmp_path), heatmaps=True)
    (answer,) = prediction.views
    assert isinstance(answer.prediction, OutOfScope)
    assert words in answer.prediction.reason
    assert answer.explanation is None
    assert not prediction.failures
    (breast,) = prediction.breasts
    assert breast.laterality is Laterality.RIGHT
    assert isinstance(breast.prediction, OutOfScope)
    assert breast.prediction.reason
    assert breast.image_uids == ()


def test_a_bug_at_one_file_is_logged_and_does_not_stop_the_others(
    predictor, study, monkeypatch, caplog
):
    def stumble(view):
        if view is study.views[1]:
            raise ZeroDivisionError(f"a bug of ours with {view.path}")
        return load_pixels(view)

    monkeypatch.setattr(predictor_module, "load_pixels", stumble)
    prediction = predictor.predict_study(study)
    (failure,) = prediction.failures
    assert failure.title == UNEXPECTED_TITLE
    assert failure.path == study.views[1].path
    assert len(prediction.views) == 3
    assert "ZeroDivisionError" in caplog.text
    assert "in stumble" in caplog.text
    assert str(failure.path) not in caplog.text  # it may hold a patient's name


def test_a_prediction_that_is_no_number_is_never_shown(checkpoint_path, study, tmp_path, caplog):
    broken = load_checkpoint(checkpoint_path)
    norms = (m for m in broken.model.modules() if isinstance(m, torch.nn.BatchNorm2d))
    next(norms).running_var.fill_(-1)  # a number, whose root is none
    path = tmp_path / "broken.safetensors"
    parts = broken.preprocessing, broken.calibration, broken.heat_reference, broken.provenance
    save_checkpoint(path, broken.identity.name, broken.model, *parts)
    prediction = Predictor(path).predict_study(study)
    assert prediction.views == ()
    assert len(prediction.failures) == 4
    assert all(isinstance(breast.prediction, OutOfScope) for breast in prediction.breasts)
    assert "FloatingPointError" in caplog.text


def test_a_checkpoint_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"not weights")
    with pytest.raises(IncompatibleCheckpoint):
        Predictor(tmp_path / "x.safetensors")
