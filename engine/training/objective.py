"""What training minimises: the configured losses against the labels of all rows."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.networks.models import NetworkOutput
from engine.training import dataset, losses
from engine.training.config import TrainingConfig
from engine.training.dataset import ManifestRow

_Terms = tuple[Tensor, Tensor, Tensor]  #: grade, distance and malignancy losses


class Objective:
    """What training minimises: the configured losses against the labels of all rows."""

    def __init__(
        self,
        config: TrainingConfig,
        rows: Sequence[ManifestRow],
        categories: tuple[int, ...],
        device: torch.device,
    ) -> None:
        self.config, self.categories = config, categories
        single = dataset.single_outcome_datasets(rows)
        #: bool (rows, categories): what each label admits
        self.allowed = torch.tensor(np.array([row.allowed(categories) for row in rows])).to(device)
        outcome = [
            float("nan")
            if row.is_malignant is None or row.dataset in single
            else float(row.is_malignant)
            for row in rows
        ]
        self.malignant = torch.tensor(outcome, device=device)  #: (rows,) 1, 0 or nan

    def loss(
        self, output: NetworkOutput, boxes: Tensor | None, indices: np.ndarray
    ) -> tuple[Tensor, _Terms]:
        """Of a batch of the rows at `indices`, and its terms unweighted; each a scalar."""
        config = self.config
        terms = self._terms(output, indices)
        loss = self._weigh(terms).mean()
        if output.attention_supervised is not None and boxes is not None:
            has_box = (boxes.amax(dim=(1, 2)) > 0).float()
            guided = self._weigh(self._terms(output.attention_supervised, indices)) * has_box
            loss = loss + config.guided_weight * guided.mean()
        if output.attention is not None and boxes is not None and config.attention_weight:
            inside = losses.attention_in_boxes(output.attention, boxes)
            loss = loss + config.attention_weight * inside.mean()
        grade, distance, malignant = terms
        return loss, (grade.mean(), distance.mean(), malignant.mean())

    def _terms(self, output: NetworkOutput, indices: np.ndarray) -> _Terms:
        """Of each row, (batch,)."""
        config, categories = self.config, self.categories
        allowed = self.allowed[indices]
        grade = losses.likelihood_loss(output.logits, allowed, config.gamma, config.alpha)
        distance = malignant = torch.zeros_like(grade)
        if config.distance_loss == "emd":
            distance = losses.squared_emd(output.logits, allowed, categories)
        elif config.distance_loss == "expected":
            distance = losses.expected_distance(output.logits, allowed, categories)
        elif config.distance_loss == "cdw":
            distance = losses.class_distance_weighted(output.logits, allowed, categories)
        if output.malignancy is not None:
            malignant = losses.malignancy_loss(output.malignancy, self.malignant[indices])
        return grade, distance, malignant

    def _weigh(self, terms: _Terms) -> Tensor:
        grade, distance, malignant = terms
        config = self.config
        return grade + config.distance_weight * distance + config.malignancy_weight * malignant
