"""The losses against values that can be checked on paper."""

import math

import pytest
import torch

from engine.training import losses

CATEGORIES = (1, 3, 4, 5)


def sure_of(index: int) -> torch.Tensor:
    logits = torch.zeros(1, len(CATEGORIES))
    logits[0, index] = 40.0
    return logits


def label(*indices: int) -> torch.Tensor:
    allowed = torch.zeros(1, len(CATEGORIES), dtype=torch.bool)
    allowed[0, list(indices)] = True
    return allowed


def test_cross_entropy_of_even_odds_is_log_four():
    assert losses.likelihood_loss(torch.zeros(1, 4), label(2)).item() == pytest.approx(math.log(4))


def test_an_interval_label_counts_the_sum_of_its_categories():
    assert losses.likelihood_loss(torch.zeros(1, 4), label(2, 3)).item() == pytest.approx(
        math.log(2)
    )


def test_a_label_that_admits_everything_teaches_nothing():
    logits = torch.randn(1, 4, requires_grad=True)
    everything = label(0, 1, 2, 3)
    loss = losses.likelihood_loss(logits, everything) + losses.squared_emd(
        logits, everything, CATEGORIES
    )
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_focal_loss_is_the_papers_formula():
    expected = 0.25 * 0.75**2 * math.log(4)  # alpha (1 - p)^gamma -log p with p = 1/4
    loss = losses.likelihood_loss(torch.zeros(1, 4), label(1), gamma=2.0, alpha=0.25)
    assert loss.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("said", "true", "distance"), [(0, 0, 0), (0, 1, 2), (1, 0, 2), (0, 3, 4), (2, 3, 1)]
)
def test_errors_cost_the_true_distance_between_grades(said, true, distance):
    """1 taken for 3 is two grades off, though they are neighbours among the categories."""
    scale = 4  # from 1 to 5
    for loss in (losses.squared_emd, losses.expected_distance):
        assert loss(sure_of(said), label(true), CATEGORIES).item() == pytest.approx(
            distance / scale, abs=1e-5
        )


def test_class_distance_weighting_punishes_a_sure_far_error_more_than_a_near_one():
    near = losses.class_distance_weighted(sure_of(2), label(3), CATEGORIES)
    far = losses.class_distance_weighted(sure_of(0), label(3), CATEGORIES)
    assert far > 10 * near > 0


def test_nothing_is_paid_inside_an_interval():
    inside = losses.squared_emd(sure_of(2), label(2, 3), CATEGORIES)
    outside = losses.squared_emd(sure_of(1), label(2, 3), CATEGORIES)
    assert inside.item() == pytest.approx(0, abs=1e-6)
    assert outside.item() == pytest.approx(1 / 4, abs=1e-5)


def test_attention_on_the_lesion_costs_nothing_and_elsewhere_much():
    boxes = torch.zeros(2, 3, 3)
    boxes[:, 1, 1] = 1
    logits = torch.zeros(2, 9)
    logits[0, 4] = logits[1, 0] = 30.0
    loss = losses.attention_in_boxes(logits.log_softmax(1).view(2, 3, 3), boxes)
    assert loss[0].item() == pytest.approx(0, abs=1e-3)
    assert loss[1] > 5


def test_an_image_without_a_box_says_nothing_of_attention():
    attention = torch.randn(1, 9).log_softmax(1).view(1, 3, 3)
    assert losses.attention_in_boxes(attention, torch.zeros(1, 3, 3)).item() == 0


def test_unknown_pathology_costs_nothing():
    loss = losses.malignancy_loss(torch.tensor([3.0, 0.0]), torch.tensor([float("nan"), 1.0]))
    assert loss[0].item() == 0
    assert loss[1].item() == pytest.approx(math.log(2))
