"""Losses for an ordered scale with gaps: errors cost by the true distance between grades.

All take `allowed` (batch, categories) bool, the categories that a label admits: one for a reader's
grade, several for an interval label (mini-MIAS "benign" is 2..3), whose likelihood is the sum.
"""

import torch
from torch import Tensor
from torch.nn import functional


def likelihood_loss(
    logits: Tensor, allowed: Tensor, gamma: float = 0.0, alpha: float = 1.0
) -> Tensor:
    """Cross-entropy, or focal loss (Lin et al. 2017) with `gamma` > 0; (batch,)."""
    log_probability = logits.log_softmax(dim=1)
    log_likelihood = log_probability.masked_fill(~allowed, -torch.inf).logsumexp(dim=1)
    return -alpha * (1 - log_likelihood.exp()).clamp(min=0) ** gamma * log_likelihood


def squared_emd(logits: Tensor, allowed: Tensor, categories: tuple[int, ...]) -> Tensor:
    """Squared earth mover's distance on the grades' own scale (Hou et al. 2016); (batch,).

    The squared difference of the cumulative distributions between neighbours, weighted by the
    distance of their grades (1 -> 3 counts 2), over the scale's length. An interval label costs
    nothing between its ends.
    """
    grades = torch.tensor(categories, dtype=logits.dtype, device=logits.device)
    step = grades.diff()  # (categories - 1,)
    cumulative = logits.softmax(dim=1).cumsum(dim=1)[:, :-1]
    first = allowed.float().cumsum(dim=1).clamp(max=1)[:, :-1]  # 1 from the lowest allowed grade
    last = 1 - allowed.float().flip(1).cumsum(dim=1).flip(1).clamp(max=1)[:, 1:]  # 1 after the top
    excess = (cumulative - first).clamp(min=0) + (last - cumulative).clamp(min=0)
    return (excess**2 * step).sum(dim=1) / step.sum()


def expected_distance(
    logits: Tensor, allowed: Tensor, categories: tuple[int, ...], power: float = 1.0
) -> Tensor:
    """The expected distance to the label, sum of p_k |k - y|^power, in [0, 1] (Galdran 2020)."""
    return (logits.softmax(dim=1) * _distances(allowed, categories, power).to(logits)).sum(dim=1)


def class_distance_weighted(
    logits: Tensor, allowed: Tensor, categories: tuple[int, ...], power: float = 2.0
) -> Tensor:
    """CDW-CE (Polat et al. 2022): -sum |k - y|^power log(1 - p_k); (batch,)."""
    rest = (1 - logits.softmax(dim=1)).clamp(min=1e-6)
    return -(_distances(allowed, categories, power).to(logits) * rest.log()).sum(dim=1)


def _distances(allowed: Tensor, categories: tuple[int, ...], power: float) -> Tensor:
    """(batch, categories): distance of each grade to the nearest allowed one, scaled to [0, 1]."""
    grades = torch.tensor(categories, dtype=torch.float32, device=allowed.device)
    gap = (grades[:, None] - grades[None, :]).abs()  # (categories, categories)
    far = gap[None].expand(len(allowed), -1, -1).masked_fill(~allowed[:, None, :], torch.inf)
    return (far.amin(dim=2) / (grades[-1] - grades[0])) ** power


def attention_in_boxes(log_attention: Tensor, boxes: Tensor) -> Tensor:
    """-log of the attention inside the lesion boxes; (batch,), 0 where a row has no box.

    Both are (batch, rows, columns); `boxes` holds the covered share of each cell in [0, 1].
    """
    flat, cover = log_attention.flatten(1), boxes.flatten(1)
    has_box = cover.amax(dim=1) > 0
    inside = (flat + cover.clamp(min=1e-4).log()).logsumexp(dim=1)
    return torch.where(has_box, -inside, torch.zeros_like(inside))


def malignancy_loss(logit: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy, (batch,); `truth` is 0, 1 or nan where pathology is unknown."""
    known = ~truth.isnan()
    loss = functional.binary_cross_entropy_with_logits(
        logit, truth.nan_to_num(0.0), reduction="none"
    )
    return loss * known
