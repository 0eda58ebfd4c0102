"""The figures against tables that can be worked by hand, scikit-learn, and properties."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from engine.evaluation import metrics
from engine.evaluation.metrics import Cases, Localisation


def cases(truth, category=None, probabilities=None, **given_fields) -> Cases:
    """Cases whose probabilities, unless given, put 0.6 on the category and 0.1 on the others."""
    truth = np.asarray(truth)
    if probabilities is None:
        probabilities = np.full((len(truth), 5), 0.1)
        probabilities[np.arange(len(truth)), np.asarray(category) - 1] = 0.6
    probabilities = np.asarray(probabilities, float)
    category = probabilities.argmax(axis=1) + 1 if category is None else np.asarray(category)
    size = len(truth)
    values = {
        "malignant": np.full(size, np.nan),
        "malignancy": probabilities[:, 3:].sum(axis=1),
        "in_scope": np.ones(size, bool),
        "patients": np.array([f"patient {i}" for i in range(size)]),
        "low": np.zeros(size, int),
        "high": np.zeros(size, int),
    }
    values |= {name: np.asarray(value) for name, value in given_fields.items()}
    return Cases(truth=truth, category=category, probabilities=probabilities, **values)


def random_cases(size=400, patients=150, seed=0) -> Cases:
    generator = np.random.default_rng(seed)
    truth = generator.choice([1, 2, 3, 4, 5], size, p=[0.1, 0.1, 0.2, 0.4, 0.2])
    logits = generator.normal(size=(size, 5)) + 1.5 * np.eye(5)[truth - 1]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    malignant = (generator.random(size) < truth / 6).astype(float)
    malignant[::17] = np.nan
    return cases(
        truth,
        probabilities=probabilities,
        malignant=malignant,
        patients=generator.integers(0, patients, size).astype(str),
        in_scope=generator.random(size) < 0.9,
    )


# ------------------------------------------------------------------------- worked on paper


def test_a_table_of_eight_images_gives_the_figures_worked_on_paper():
    #       said:   3  4  5
    # truth 3:      1  1  0
    # truth 4:      1  2  0
    # truth 5:      1  1  1
    got = metrics.figures(cases([3, 3, 4, 4, 4, 5, 5, 5], [3, 4, 3, 4, 4, 3, 4, 5]))

    assert got["n"] == 8
    assert got["confusion_matrix"] == [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 2, 0],
        [0, 0, 1, 1, 1],
    ]
    assert got["categories"] == [1, 2, 3, 4, 5]
    assert got["accuracy"] == pytest.approx(4 / 8)
    assert got["within_one_accuracy"] == pytest.approx(7 / 8)
    assert got["mae"] == pytest.approx((1 + 1 + 2 + 1) / 8)
    # F1: 3 -> 2·1/(2+3), 4 -> 2·2/(3+4), 5 -> 2·1/(3+1)
    assert got["macro_f1"] == pytest.approx((2 / 5 + 4 / 7 + 2 / 4) / 3)
    # Squared cost: 1 + 1 + 4 + 1 = 7. By chance (rows 2 3 3, columns 3 4 1, over 8):
    # (2·(4·1 + 1·4) + 3·(3·1 + 1·1) + 3·(3·4 + 4·1)) / 8 = (16 + 12 + 48) / 8 = 9.5
    assert got["qwk"] == pytest.approx(1 - 7 / 9.5)
    assert got["per_class"]["4"] == pytest.approx(
        {
            "precision": 2 / 4,
            "recall": 2 / 3,
            "sensitivity": 2 / 3,
            "specificity": 3 / 5,
            "f1": 4 / 7,
            "support": 3,
            # P(4) is 0.6 in four cases of which two are 4s, 0.1 in four of which one is
            "ece": (4 * abs(0.6 - 2 / 4) + 4 * abs(0.1 - 1 / 4)) / 8,
        }
    )
    assert got["sensitivity_4_and_5"] == pytest.approx((2 / 3 + 1 / 3) / 2)


def test_auc_counts_a_tie_as_half_a_win():
    # positives score 0.9, 0.4; negatives 0.4, 0.1: wins 1, 1, half, 1 of 4 pairs
    area = metrics.auc(
        np.array([True, True, False, False]), np.array([0.9, 0.4, 0.4, 0.1]), np.ones((1, 4))
    )
    assert area == pytest.approx([3.5 / 4])


def test_auc_of_a_weighted_case_is_that_of_the_case_repeated():
    positive = np.array([True, False, True, False, False])
    score = np.array([0.3, 0.3, 0.8, 0.5, 0.1])
    times = np.array([2, 3, 1, 2, 1])
    weighted = metrics.auc(positive, score, times[None].astype(float))[0]
    repeated = roc_auc_score(np.repeat(positive, times), np.repeat(score, times))
    assert weighted == pytest.approx(repeated)


def test_brier_score_log_loss_and_calibration_error_are_those_worked_on_paper():
    probabilities = [[0, 0, 0.25, 0.75, 0], [0, 0, 0.65, 0.35, 0]]
    got = metrics.figures(cases([4, 4], probabilities=probabilities))
    assert got["brier"] == pytest.approx((2 * 0.25**2 + 2 * 0.65**2) / 2)
    assert got["nll"] == pytest.approx(-(np.log(0.75) + np.log(0.35)) / 2)
    # one right at 0.75, one wrong at 0.65, each alone in its bin
    assert got["ece"] == pytest.approx((0.25 + 0.65) / 2)


def test_a_confidence_on_a_bin_edge_belongs_to_the_bin_below():
    bins = metrics.reliability(np.array([0.3, 0.30001, 0.7, 1.0]), np.array([1, 0, 1, 1]))
    assert [bar.count for bar in bins] == [0, 0, 1, 1, 0, 0, 1, 0, 0, 1]
    assert bins[2].accuracy == 1
    assert bins[3].accuracy == 0
    assert bins[0].confidence is None


def test_the_confidence_in_a_bin_may_be_right_on_average_and_then_costs_nothing():
    probabilities = np.tile([0, 0, 0.25, 0.75, 0], (4, 1))
    got = metrics.figures(cases([4, 4, 4, 3], probabilities=probabilities))
    assert got["ece"] == pytest.approx(0)


def test_pointing_game_counts_only_boxed_images_and_sets_its_baselines_beside_it():
    nan = np.nan
    where = Localisation(
        hit=np.array([1, 0, 1, nan]),
        energy=np.array([0.5, 0.1, 0.3, nan]),
        area=np.array([0.02, 0.04, 0.06, nan]),
        centre_hit=np.array([0, 0, 1, nan]),
        centre_energy=np.array([0.1, 0.1, 0.4, nan]),
        untrained_hit=np.array([nan] * 4),
        untrained_energy=np.array([nan] * 4),
    )
    got = metrics.figures(
        Cases(**(vars(cases([0, 3, 4, 5], [4, 4, 4, 4])) | {"localisation": where}))
    )
    assert got["n_boxes"] == 3  # the first has a box and no category: it counts here
    assert got["pointing_game"] == pytest.approx(2 / 3)
    assert got["energy_in_box"] == pytest.approx(0.3)
    assert got["baselines"] == {
        "pointing_game": {
            "box_area": pytest.approx(0.04),
            "breast_centre": pytest.approx(1 / 3),
            "untrained_network": None,
        },
        "energy_in_box": {
            "box_area": pytest.approx(0.04),
            "breast_centre": pytest.approx(0.2),
            "untrained_network": None,
        },
    }


def test_a_category_that_the_network_lacks_is_always_wrong_and_still_counts():
    got = metrics.figures(cases([2, 4], probabilities=[[0.9, 0, 0.1, 0, 0], [0, 0, 0, 1.0, 0]]))
    assert got["accuracy"] == 0.5
    assert got["per_class"]["2"]["sensitivity"] == 0
    assert got["per_class"]["2"]["precision"] is None
    assert got["nll"] == pytest.approx(-np.log(np.finfo(float).eps) / 2)


def test_an_interval_label_is_met_by_any_category_within_it():
    got = metrics.figures(
        cases([0, 0, 0, 4], [2, 4, 5, 4], low=np.array([2, 2, 4, 0]), high=np.array([3, 3, 5, 0]))
    )
    assert got["interval_accuracy"] == pytest.approx(2 / 3)
    assert got["n_interval"] == 3
    assert got["n"] == 1


def test_pathology_is_judged_on_every_row_that_has_it():
    some = cases(
        [0, 0, 4], [4, 3, 4], malignant=[1.0, 0.0, np.nan], malignancy=np.array([0.8, 0.3, 0.9])
    )
    got = metrics.figures(some)
    assert got["auc_malignant"] == 1
    assert got["n_pathology"] == 2
    assert got["n"] == 1


# ------------------------------------------------------------------------------ scikit-learn


def test_the_figures_agree_with_scikit_learn():
    some = random_cases()
    got = metrics.figures(some)
    truth, said = some.truth, some.category
    assert got["qwk"] == pytest.approx(
        cohen_kappa_score(truth, said, weights="quadratic", labels=[1, 2, 3, 4, 5])
    )
    assert got["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert got["confusion_matrix"] == confusion_matrix(truth, said).tolist()
    assert got["auc_birads4plus"] == pytest.approx(roc_auc_score(truth >= 4, some.suspicion))
    assert got["macro_auc"] == pytest.approx(
        roc_auc_score(truth, some.probabilities, multi_class="ovr", average="macro")
    )
    assert got["nll"] == pytest.approx(log_loss(truth, some.probabilities))
    known = np.isfinite(some.malignant)
    assert got["auc_malignant"] == pytest.approx(
        roc_auc_score(some.malignant[known], some.malignancy[known])
    )
    precision, recall, f1, support = precision_recall_fscore_support(truth, said)
    for index, grade in enumerate("12345"):
        row = got["per_class"][grade]
        assert row["precision"] == pytest.approx(precision[index])
        assert row["recall"] == row["sensitivity"] == pytest.approx(recall[index])
        assert row["f1"] == pytest.approx(f1[index])
        assert row["support"] == support[index]


@pytest.mark.parametrize(("power", "weights"), [(0, None), (1, "linear"), (2, "quadratic")])
def test_kappa_agrees_with_scikit_learn_for_every_weighting(power, weights):
    some = random_cases(seed=3)
    table = confusion_matrix(some.truth, some.category)
    expected = cohen_kappa_score(some.truth, some.category, weights=weights)
    assert metrics.kappa(table, power) == pytest.approx(expected)


# -------------------------------------------------------------------- what cannot be measured


def _no_nan(value):
    raise AssertionError(f"{value} is not JSON")


@pytest.mark.parametrize(
    "some",
    [
        cases(np.zeros(0, int), np.zeros(0, int)),
        cases([4], [4]),
        cases([4, 4, 4], [4, 4, 4], malignant=[1.0, 1.0, 1.0]),
        cases([0, 0], [4, 3]),
    ],
    ids=["no rows", "one row", "one class", "no category known"],
)
def test_what_cannot_be_measured_is_null_and_never_nan(some):
    got = metrics.figures(some) | {"intervals": metrics.intervals(some, resamples=50)}
    json.loads(json.dumps(got, allow_nan=False), parse_constant=_no_nan)
    assert got["auc_birads4plus"] is None
    assert got["auc_malignant"] is None
    assert got["qwk"] is None
    assert got["pointing_game"] is None
    assert metrics.decision_curve(some.truth >= 4, some.suspicion, [0.1]) == ()


# ------------------------------------------------------------------------------- properties


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(-20, 20)), min_size=2, max_size=40),
    st.floats(0.1, 5),
    st.floats(-3, 3),
)
def test_auc_is_unchanged_by_a_monotone_rescaling(rows, slope, offset):
    positive = np.array([row[0] for row in rows])
    score = np.array([row[1] for row in rows], float)
    ones = np.ones((1, len(rows)))
    plain = metrics.auc(positive, score, ones)
    rescaled = metrics.auc(positive, np.exp(slope * score / 10) + offset, ones)
    turned = metrics.auc(positive, -score, ones)
    np.testing.assert_allclose(plain, rescaled)
    np.testing.assert_allclose(plain + turned, np.where(np.isfinite(plain), 1, np.nan))


def _rounded(got: dict) -> dict:
    return json.loads(json.dumps(got), parse_float=lambda text: round(float(text), 9))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=30))
def test_the_order_of_the_rows_changes_nothing_and_figures_keep_their_ranges(rows):
    truth, said = (np.array(column) for column in zip(*rows, strict=True))
    plain = metrics.figures(cases(truth, said))
    turned = metrics.figures(cases(truth[::-1], said[::-1]))
    assert _rounded(plain) == _rounded(turned)
    assert plain["accuracy"] <= plain["within_one_accuracy"] <= 1
    assert plain["qwk"] is None or -1 <= plain["qwk"] <= 1
    assert 0 <= plain["ece"] <= 1
    assert 0 <= plain["brier"] <= 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20), st.floats(0.001, 0.9))
def test_moving_a_probability_to_another_prevalence_and_back_restores_it(values, prevalence):
    there = metrics.at_prevalence(np.array(values), 0.4, prevalence)
    back = metrics.at_prevalence(there, prevalence, 0.4)
    np.testing.assert_allclose(back, values, atol=1e-9)
    assert (np.argsort(there, kind="stable") == np.argsort(values, kind="stable")).all()


def test_an_uninformative_probability_becomes_the_new_prevalence():
    # odds 0.4/0.6 of a case as likely as the average, at a prevalence of 1 %
    assert metrics.at_prevalence(np.array([0.4]), 0.4, 0.01) == pytest.approx([0.01])
    moved = metrics.reweight(np.array([[0.2, 0.3, 0.5]]), [0.2, 0.3, 0.5], [0.9, 0.08, 0.02])
    assert moved[0] == pytest.approx([0.9, 0.08, 0.02])


# -------------------------------------------------------------------------------- bootstrap


def test_the_bootstrap_draws_whole_patients_and_gives_what_a_plain_loop_gives():
    some = random_cases(size=120, patients=40)
    fast = metrics.intervals(some, resamples=400, seed=1)

    unique = np.unique(some.patients)
    generator = np.random.default_rng(7)
    slow = {"qwk": [], "auc_birads4plus": [], "ece": [], "macro_f1": []}
    for _ in range(400):
        drawn = generator.choice(unique, len(unique))
        index = np.concatenate([np.flatnonzero(some.patients == patient) for patient in drawn])
        got = metrics.figures(some.take(index))
        for name, values in slow.items():
            values.append(got[name])
    for name, values in slow.items():
        low, high = np.percentile(values, (2.5, 97.5))
        spread = high - low
        assert fast[name][0] == pytest.approx(low, abs=0.15 * spread)
        assert fast[name][1] == pytest.approx(high, abs=0.15 * spread)


def test_two_views_of_each_breast_do_not_narrow_the_interval():
    one = random_cases(size=150, patients=150)
    twice = one.take(np.repeat(np.arange(150), 2))
    narrow, wide = (metrics.intervals(some, seed=2)["accuracy"] for some in (twice, one))
    assert narrow == pytest.approx(wide)
    alone = Cases(**(vars(twice) | {"patients": np.arange(300).astype(str)}))
    low, high = metrics.intervals(alone, seed=2)["accuracy"]
    assert high - low < 0.8 * (wide[1] - wide[0])


def test_intervals_are_repeatable_by_seed_and_hold_the_figure():
    some = random_cases()
    first, second = metrics.intervals(some, 200, seed=5), metrics.intervals(some, 200, seed=5)
    assert first == second
    got = metrics.figures(some)
    for name in ("accuracy", "qwk", "auc_birads4plus", "auc_malignant", "macro_auc", "nll"):
        low, high = first[name]
        assert low < got[name] < high


def test_a_thousand_resamples_of_a_large_test_set_take_seconds():
    some = random_cases(size=3000, patients=1500)
    start = time.process_time()  # not the wall: other work may share the machine
    metrics.intervals(some, resamples=1000)
    assert time.process_time() - start < 10


def test_a_better_model_beats_a_worse_one_on_the_same_patients():
    truth = random_cases(seed=1)
    generator = np.random.default_rng(2)
    logits = np.log(truth.probabilities) + generator.normal(size=(len(truth), 5)) * 1.5
    blurred = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    worse = cases(truth.truth, probabilities=blurred, patients=truth.patients)

    better = metrics.paired_bootstrap("auc_birads4plus", truth, worse)
    assert better.value == pytest.approx(better.first - better.second)
    assert 0 < better.low < better.value < better.high
    assert better.is_clear
    same = metrics.paired_bootstrap("auc_birads4plus", truth, truth)
    assert (same.value, same.low, same.high, same.is_clear) == (0, 0, 0, False)


def test_a_paired_comparison_of_other_patients_is_refused():
    with pytest.raises(ValueError, match="same cases"):
        metrics.paired_bootstrap("qwk", random_cases(seed=1), random_cases(seed=2))


# ---------------------------------------------------------------------------- decision curve


def test_the_decision_curve_is_the_net_benefit_formula():
    event = np.array([1, 1, 0, 0, 0, 0, 1, 0], bool)
    probability = np.array([0.9, 0.3, 0.6, 0.2, 0.1, 0.05, 0.7, 0.4])
    points = metrics.decision_curve(event, probability, [0.25, 0.5])
    # At 0.5: 2 true and 1 false positive of 8, odds 1. At 0.25: 3 and 2, odds 1/3.
    assert [point.net_benefit for point in points] == pytest.approx(
        [3 / 8 - 2 / 8 / 3, 2 / 8 - 1 / 8]
    )
    assert [point.net_benefit_all for point in points] == pytest.approx(
        [3 / 8 - 5 / 8 / 3, 3 / 8 - 5 / 8]
    )
    # At 0.25 three benign cases are spared and no cancer is missed: 3 of 8.
    assert points[0].avoided_per_100 == pytest.approx(100 * 3 / 8)


def test_the_decision_curve_at_a_screening_prevalence_weighs_cases_by_it():
    generator = np.random.default_rng(0)
    event = generator.random(4000) < 0.4
    logit = generator.normal(size=4000) + 2 * event - 1.2
    probability = 1 / (1 + np.exp(-logit))
    (point,) = metrics.decision_curve(event, probability, [0.02], prevalence=0.01)

    acted = metrics.at_prevalence(probability, float(event.mean()), 0.01) >= 0.02
    sensitivity, false_rate = acted[event].mean(), acted[~event].mean()
    odds = 0.02 / 0.98
    assert point.net_benefit == pytest.approx(0.01 * sensitivity - 0.99 * false_rate * odds)
    assert point.net_benefit_all == pytest.approx(0.01 - 0.99 * odds)
