"""No headline sounds safer than the numbers are, and a prior shifts only what it can."""

from dataclasses import replace

import pytest

from engine.domain import Laterality, ModelIdentity, OutOfScope, Population, Prediction, Shares
from tests.viewer.fake_engine import MODELS, prediction_of, study_prediction
from tests.viewer.studies import make_study
from viewer.display import opinion

MODEL = MODELS["both"]


def said(category, suspicion):
    """Of that category, with so much of P(4 or 5)."""
    probabilities = dict.fromkeys((1, 2, 3, 4, 5), 0.0)
    probabilities[category] += 1 - suspicion if category < 4 else suspicion
    probabilities[5 if category < 4 else 1] += suspicion if category < 4 else 1 - suspicion
    return Prediction(MODEL, probabilities)


@pytest.mark.parametrize("category", [1, 2, 3])
def test_a_low_category_with_much_of_a_4_or_5_says_so(category):
    limit = opinion.SUSPICION_LIMIT
    quiet, loud = (said(category, limit + step) for step in (-0.01, 0.01))
    assert opinion.warnings(quiet) == []
    assert opinion.warnings(loud) == ["P(4 or 5) above 10 %"]
    assert opinion.meaning(quiet) == f"pattern like training grade {category}"  # no assessment


def test_amber_is_what_is_much_beside_what_the_calibration_saw():
    population = Population(Shares(0.6, 0.4), Shares(0.4, 0.3))
    known = replace(MODEL, population=population)
    for suspicion, amber in ((0.05, (False, False)), (0.25, (False, True)), (0.35, (True, True))):
        prediction = replace(said(2, suspicion), model=known)
        assert (opinion.is_amber(prediction, False), opinion.is_amber(prediction, True)) == amber
    assert "> 10 %" in opinion.suspicion_text(replace(said(2, 0.25), model=known))  # still told
    untold = replace(said(2, 0.15), model=replace(MODEL, population=None))
    assert opinion.is_amber(untold, True)  # who does not tell its population
    assert not opinion.is_amber(replace(said(4, 0.9), model=known), True)


def test_a_4_needs_no_warning_but_views_that_are_two_apart_do():
    sure, silent = said(4, 0.9), OutOfScope(MODEL, "A spot view.")
    apart = [("CC", sure), ("MLO", said(2, 0.05))]
    assert opinion.warnings(sure, apart) == ["CC 4 but MLO 2"]
    assert opinion.warnings(sure, [*apart, ("ML", said(3, 0.0))]) == ["CC 4 but MLO 2"]
    assert opinion.warnings(sure, [("CC", sure), ("MLO", said(3, 0.0))]) == []
    assert opinion.warnings(sure, [("CC", said(1, 0.0)), ("MLO", silent)]) == []
    assert opinion.warnings(sure, [("MLO", silent)]) == []
    assert opinion.warnings(said(3, 0.3), [("CC", said(1, 0)), ("MLO", sure)]) == [
        *("P(4 or 5) above 10 %", "CC 1 but MLO 4")
    ]


def test_how_views_make_a_breast_is_told_with_the_views_that_it_rests_on():
    silent = OutOfScope(MODEL, "A spot view.")
    one, other = ("CC", said(2, 0)), ("MLO", said(3, 0))
    assert "mean of its 2 views (CC, MLO)" in opinion.pooling_text([one, ("ML", silent), other])
    assert "one view that can be judged: CC" in opinion.pooling_text([one, ("ML", silent)])
    assert opinion.pooling_text([("ML", silent)]) == ""


def test_networks_differ_where_their_categories_do():
    agree = replace(said(4, 0.9), others=(prediction_of("hybrid", 4), prediction_of("light", 4)))
    differ = replace(said(4, 0.9), others=(prediction_of("hybrid", 2), prediction_of("light", 4)))
    silent = replace(agree, others=(prediction_of("hybrid", 4), OutOfScope(MODEL, "why")))
    views = [("CC", agree), ("MLO", differ), ("ML", silent)]
    assert opinion.where_networks_differ(agree, views) == ["MLO"]
    assert opinion.where_networks_differ(differ, []) == ["breast"]
    many = [(name, differ) for name in ("CC", "MLO", "ML")]
    assert opinion.where_networks_differ(differ, many) == ["breast", "3 views"]
    study = make_study()
    assert len(opinion.views_of(study, study_prediction(study, "both"), Laterality.LEFT)) == 2


def test_the_prior_is_of_women_and_the_probability_of_a_breast():
    model = ModelIdentity(
        "both", "0", (1, 2, 3, 4, 5), Population(Shares(0.5, 0.5), Shares(0.8, 0.5))
    )
    word = replace(said(2, 0.5), model=model)
    # 6 of 1,000 women, 3 of 1,000 breasts; of views as many are 4 or 5 as are cancers
    assert opinion.shifted(word, False, 6) == pytest.approx(0.003)
    # of breasts 8 are 4 or 5 to 5 cancers: 4.8 of 1,000, and 0.5 was less than the average
    odds = 0.0048 / 0.9952 / (0.8 / 0.2)
    assert opinion.shifted(word, True, 6) == pytest.approx(odds / (1 + odds))


def test_nothing_is_shifted_without_a_prior_or_by_a_model_that_does_not_tell_its_own():
    assert opinion.shifted(said(2, 0.5), True, None) is None
    assert opinion.shifted(replace(said(2, 0.5), model=MODELS["hybrid"]), True, 6) is None
    assert opinion.shifted(OutOfScope(MODEL, "why"), True, 6) is None
    study = make_study()
    assert opinion.prior_text(study_prediction(study, "hybrid"), None) == ""
    assert "does not tell" in opinion.prior_text(study_prediction(study, "hybrid"), 6)
    assert "shifted to 6 per 1,000 women" in opinion.prior_text(study_prediction(study, "both"), 6)


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "0.0 per 1,000"),
        (0.00004, "below 0.1 per 1,000"),
        (0.0007, "0.7 per 1,000"),
        (0.0263, "26 per 1,000"),
        (0.9996, "above 999 per 1,000"),
    ],
)
def test_a_shifted_probability_is_told_per_thousand_without_certainty(probability, words):
    assert opinion.per_1000(probability) == words
