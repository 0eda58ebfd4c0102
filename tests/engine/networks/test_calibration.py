"""Probabilities that mean what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.domain import Population, Shares
from engine.networks.calibration import (
    Calibration,
    CancerScaling,
    LogisticScaling,
    Scaling,
    fit_logistic,
    fit_scaling,
    with_prevalence,
)


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


def test_a_breast_in_one_view_is_what_that_view_is():
    logits, allowed = _small()
    view, breast = fit_scaling(logits, allowed), fit_scaling(logits * 2, allowed)
    read = Calibration(view, breast).read_breast(logits[:1], None, (3, 4, 5))
    assert read.views == pytest.approx(view.probabilities(logits[:1]))
    assert read.breast == pytest.approx(read.views[0])
    assert read.cancer is None


def test_a_view_is_half_what_is_seen_in_it_and_half_what_is_seen_in_the_breast():
    logits, allowed = _small()
    view, breast = fit_scaling(logits, allowed), fit_scaling(logits * 2, allowed)
    read = Calibration(view, breast).read_breast(logits[:2], None, (3, 4, 5))
    pooled = breast.probabilities(logits[:2].mean(axis=0, keepdims=True))[0]
    assert read.breast == pytest.approx(pooled)
    between = (np.log(view.probabilities(logits[:2])) + np.log(pooled)) / 2
    assert np.ptp(np.log(read.views) - between, axis=1) == pytest.approx(0)
    assert read.views.sum(axis=1) == pytest.approx(1)


def test_cancer_is_told_of_the_breast_from_both_heads_of_all_its_views():
    plain = Scaling(1.0, (0.0, 0.0, 0.0))
    heads, alone, joint = (LogisticScaling(s, 0.0) for s in (1.0, 2.0, 3.0))
    calibration = Calibration(plain, plain, CancerScaling(heads, alone, joint))
    # by the grades 3 : 4 and 5 is 1 : 3 in the first view, 1 : 1 in the second
    logits = np.log([[1.0, 2.0, 1.0], [2.0, 1.0, 1.0]])
    malignancy = np.array([1.0, -2.0])
    evidence = [(1.0 + np.log(3)) / 2, -2.0 / 2]
    read = calibration.read_breast(logits, malignancy, (3, 4, 5))
    assert read.cancer == pytest.approx(1 / (1 + np.exp(-3 * np.mean(evidence))))
    one = calibration.read_breast(logits[:1], malignancy[:1], (3, 4, 5))
    assert one.cancer == pytest.approx(1 / (1 + np.exp(-2 * evidence[0])))


def test_a_calibration_survives_json():
    logits, allowed = _small()
    scaling = fit_scaling(logits, allowed)
    platt = fit_logistic(logits[:, 0], allowed[:, 0])
    calibration = Calibration(scaling, scaling, CancerScaling(platt, platt, platt))
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
