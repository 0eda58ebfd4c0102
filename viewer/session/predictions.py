"""What the networks have said of the studies of the catalogue, shown or not.

The session alone holds it, and hands on what the reading mode lets through; `inference` fills it.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import replace

from engine.domain import StudyPrediction

HEAT_CACHE_BYTES = 256 << 20  # some hundred four-view studies of 512 x 320 float32

PredictionKey = tuple[str, str]  #: study uid, model name


class Predictions:
    """All predictions; of heat-maps as many bytes as there is room for, the latest made."""

    def __init__(self, heat_cache_bytes: int = HEAT_CACHE_BYTES) -> None:
        self._predictions: dict[PredictionKey, StudyPrediction] = {}
        self._heat_bytes: OrderedDict[PredictionKey, int] = OrderedDict()
        self._without_heat: set[PredictionKey] = set()  # their maps made room for others
        self._heat_cache_bytes = heat_cache_bytes
        self._part: tuple[PredictionKey, StudyPrediction] | None = None  # of the study at work

    def __contains__(self, key: PredictionKey) -> bool:
        return key in self._predictions

    def __len__(self) -> int:
        return len(self._predictions)

    def get(self, study_uid: str, model_name: str) -> StudyPrediction | None:
        return self._predictions.get((study_uid, model_name))

    def part(self, study_uid: str, model_name: str) -> StudyPrediction | None:
        """Of a study that is being judged, the breasts whose views all are: final, not yet all."""
        is_of = self._part is not None and self._part[0] == (study_uid, model_name)
        return self._part[1] if self._part is not None and is_of else None

    def put_part(self, key: PredictionKey, part: StudyPrediction) -> None:
        if key not in self:
            self._part = key, part

    def drop_part(self) -> None:
        """The engine is done with the study, or gave it up."""
        self._part = None

    def lacks_heat(self, key: PredictionKey) -> bool:
        """Whether its heat-maps had to make room, and may be made once more."""
        return key in self._without_heat

    def clear(self, kept: Collection[str] = ()) -> None:
        """All but those of the studies in `kept`."""
        self.drop_part()
        for of in (self._predictions, self._heat_bytes):
            for key in [key for key in of if key[0] not in kept]:
                del of[key]
        self._without_heat = {key for key in self._without_heat if key[0] in kept}

    def put(self, key: PredictionKey, prediction: StudyPrediction, open_uid: str | None) -> None:
        """The open study's heat-maps stay, whatever their size."""
        self._predictions[key] = prediction
        self._without_heat.discard(key)
        self._heat_bytes[key] = sum(
            view.explanation.heat.nbytes for view in prediction.views if view.explanation
        )
        for old in list(self._heat_bytes):
            if sum(self._heat_bytes.values()) <= self._heat_cache_bytes:
                return
            if old != key and old[0] != open_uid:
                self._drop_heat(old)

    def _drop_heat(self, key: PredictionKey) -> None:
        del self._heat_bytes[key]
        self._without_heat.add(key)
        prediction = self._predictions[key]
        views = tuple(replace(view, explanation=None) for view in prediction.views)
        self._predictions[key] = replace(prediction, views=views)

    def give_heat_up(self, key: PredictionKey) -> None:
        """They could not be made a second time."""
        self._without_heat.discard(key)
