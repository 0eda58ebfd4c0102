"""Probabilities that mean what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.domain import Population, Shares
from engine.networks.calibration import Calibration, fit_logistic, fit_scaling, with_prevalence


def overconfident(count=4000, seed=0):
    """Logits three times too large and shifted, of labels drawn from the true probabilities."""
    random = np.random.default_rng(seed)
    true_logits = random.normal(0, 1.2, (count, 3))
    probability = np.exp(true_logits) / np.exp(true_logits).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(3, p=p) for p in probability])
    return true_logits * 3 + np.array([1.0, 0.0, -1.0]), labels, probability


def test_scaling_undoes_overconfidence_and_shifted_class_frequencies():
    logits, labels, truth = overconfident()
    scaling = fit_scaling(logits, np.eye(3, dtype=bool)[labels])
    assert np.abs(scaling.probabilities(logits) - truth).max() < 0.08
    assert scaling.slope == pytest.approx(1 / 3, rel=0.1)


def test_probabilities_sum_to_one_even_for_extreme_logits():
    scaling = fit_scaling(*_small())
    said = scaling.probabilities(np.array([[1e4, -1e4, 0.0]]))
    assert said.sum() == pytest.approx(1)
    assert np.isfinite(said).all()


def _small():
    logits, labels, _ = overconfident(60)
    return logits, np.eye(3, dtype=bool)[labels]


def test_platt_scaling_finds_slope_and_offset():
    random = np.random.default_rng(1)
    score = random.normal(0, 1, 5000)
    truth = random.random(5000) < 1 / (1 + np.exp(-(score - 0.5)))
    scaling = fit_logistic(score * 4, truth)
    assert scaling.slope == pytest.approx(0.25, rel=0.15)
    assert scaling.offset == pytest.approx(-0.5, abs=0.12)


def test_one_view_keeps_its_own_scaling_and_two_are_pooled_by_the_breasts():
    logits, allowed = _small()
    view, breast = fit_scaling(logits, allowed), fit_scaling(logits * 2, allowed)
    calibration = Calibration(view, breast)
    single = calibration.breast_probabilities(logits[:1])
    assert single == pytest.approx(calibration.view_probabilities(logits[:1])[0])
    pair = calibration.breast_probabilities(logits[:2])
    assert pair == pytest.approx(breast.probabilities(logits[:2].mean(axis=0, keepdims=True))[0])


def test_a_calibration_survives_json():
    logits, allowed = _small()
    scaling = fit_scaling(logits, allowed)
    platt = fit_logistic(logits[:, 0], allowed[:, 0])
    calibration = Calibration(scaling, scaling, platt, None)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_a_prior_shifts_a_probability_as_counting_women_does():
    # 1,000 archive cases, 400 cancers: the mark is on 240 of them and on 60 of the 600 others
    archive = 240 / (240 + 60)
    # 100,000 women screened, 600 cancers: the mark is on as large a share of either
    screening = 360 / (360 + 99_400 * 0.1)
    assert with_prevalence(archive, 0.4, 0.006) == pytest.approx(screening)
    assert with_prevalence(screening, 0.006, 0.4) == pytest.approx(archive)  # and back


def test_a_prior_keeps_certainties_and_order_and_changes_nothing_where_it_is_the_same():
    given = np.array([0.0, 0.2, 0.34, 0.9, 1.0])
    assert with_prevalence(given, 0.3, 0.3) == pytest.approx(given)
    moved = with_prevalence(given, 0.3, 0.006)
    assert (moved[0], moved[-1]) == (0.0, 1.0)
    assert (np.diff(moved) > 0).all()
    assert (moved[1:-1] < given[1:-1]).all()


@pytest.mark.parametrize(("share", "wanted"), [(0, 0.1), (1, 0.1), (0.3, 0), (0.3, 1)])
def test_a_prior_that_is_a_certainty_has_no_odds(share, wanted):
    with pytest.raises(ValueError, match="odds"):
        with_prevalence(0.5, share, wanted)


def test_a_calibration_tells_on_whom_it_was_fitted():
    population = Population(Shares(0.6, 0.4), Shares(0.7, None))
    told = replace(Calibration.identity(4, True), population=population)
    assert Calibration.from_json(json.loads(json.dumps(told.to_json()))) == told
    older = told.to_json()
    del older["population"]
    assert Calibration.from_json(older).population is None
    with pytest.raises(ValueError, match="share"):
        Calibration.from_json({**older, "population": {"views": {"suspicious": 1.4}}})
