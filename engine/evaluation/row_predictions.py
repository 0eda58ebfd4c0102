"""What a network predicts of a manifest's rows, now or read back from a CSV.

`predict_rows` is the one place where images, preprocessing, network, calibration and heat-maps meet
outside the viewer: `evaluate` and the out-of-fold command both predict with it. The CSV is
`evaluate`'s predictions.csv; with `details` it also keeps what the network alone can give (the
breast's read-out, how the heat-map met the boxes), so that a report can be made without it.
"""

import csv
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from engine.arrays import FloatArray
from engine.domain import NOTICE, Explanation, Laterality
from engine.errors import EngineError, InvalidData, StorageFailed, UnsupportedImage
from engine.evaluation.metrics import GRADES
from engine.records.csv_cells import inert
from engine.training.dataset import ManifestRow, read_row

if TYPE_CHECKING:  # torch takes seconds to import, and a predictions file needs none
    from engine.networks.calibration import Calibration
    from engine.networks.checkpoint import Checkpoint
    from engine.networks.ensemble import Ensemble, Frame
    from engine.networks.models import NetworkOutput
    from engine.networks.preprocessing import Geometry

log = logging.getLogger(__name__)

_UNTRAINED_ROWS = 200  #: boxed rows, evenly spread, on which the untrained baseline is measured
_SUM_TOLERANCE = 0.01  #: of a row's probabilities in a file written with few digits


@dataclass(frozen=True)
class BoxScore:
    """How one heat-map met the boxes of its image; see `metrics.Localisation`."""

    hit: float
    energy: float
    area: float = float("nan")
    centre_hit: float = float("nan")
    centre_energy: float = float("nan")
    untrained_hit: float = float("nan")
    untrained_energy: float = float("nan")


@dataclass(frozen=True, eq=False)
class RowPrediction:
    """What the network predicts of one image, calibrated, and what that was worked out from.

    `probabilities` are keyed by grade over the network's own categories. `breast_probabilities`
    and `breast_malignancy` are the read-out of the breast this view belongs to, the same for all
    its views; None where nobody worked it out. Logits and embedding are there only when the
    network itself predicted.
    """

    row: ManifestRow
    probabilities: Mapping[int, float]
    category: int
    malignancy: float | None = None
    scope_reason: str | None = None  #: why out of scope; None: in scope
    laterality: Laterality | None = None  #: the manifest's, else the image's own
    breast_probabilities: Mapping[int, float] | None = None
    breast_malignancy: float | None = None
    boxes: BoxScore | None = None
    logits: np.ndarray | None = None  #: (categories,)
    malignancy_logit: float | None = None
    embedding: np.ndarray | None = None  #: (channels,): the feature layer's average

    @property
    def in_scope(self) -> bool:
        return self.scope_reason is None

    @property
    def confidence(self) -> float:
        return self.probabilities[self.category]


@dataclass(frozen=True)
class RowFailure:
    """A row that has no prediction, and why."""

    file: str
    reason: str


def arg_max(probabilities: Mapping[int, float]) -> int:
    """The most probable grade; a tie goes to the higher."""
    return max(probabilities, key=lambda grade: (probabilities[grade], grade))


# --------------------------------------------------------------------------------- prediction


def predict_rows(
    checkpoint: "Checkpoint | Ensemble",
    rows: Sequence[ManifestRow],
    *,
    heatmaps: bool = False,
    is_blurred: bool = False,
    batch_size: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[RowPrediction, ...], tuple[RowFailure, ...]]:
    """Every readable row's prediction, in the manifest's order, and the rows that failed.

    A row out of scope is predicted all the same, and says why it is; where no breast is found the
    network is shown an empty frame. With `heatmaps` every row with boxes is scored against the
    network's Grad-CAM, and up to `_UNTRAINED_ROWS` of them against that of an untrained one.
    `is_blurred` is a control: every breast is shown blurred to nothing (`preprocessing.blurred`).
    """
    scorer = BoxScorer(checkpoint, rows) if heatmaps else None
    predictions: list[RowPrediction] = []
    failures: list[RowFailure] = []
    batch: list[PreparedRow] = []
    for number, row in enumerate(rows, start=1):
        try:
            batch.append(prepared_row(row, checkpoint, is_blurred=is_blurred))
        except EngineError as error:
            failures.append(RowFailure(row.file, str(error)))
        except Exception as error:
            log.exception("Unexpected fault while preparing a row")
            failures.append(RowFailure(row.file, f"Unexpected fault: {type(error).__name__}"))
        if len(batch) == batch_size or (number == len(rows) and batch):
            predictions += _predict_batch(checkpoint, batch, scorer)
            batch.clear()
        if on_progress is not None:
            on_progress(number, len(rows))
    return recalibrated(predictions, checkpoint.calibration), tuple(failures)


def recalibrated(
    predictions: Iterable[RowPrediction], calibration: "Calibration"
) -> tuple[RowPrediction, ...]:
    """The same logits under a calibration, per view and pooled per breast.

    A breast is `patient_id` and side; it rests on its in-scope views. One out of scope, of which
    the program says nothing, is read alone.
    """
    views = list(predictions)
    groups: dict[tuple[str, Laterality], list[int]] = {}
    for index, view in enumerate(views):
        if view.laterality is not None and view.in_scope:
            groups.setdefault((view.row.patient_id, view.laterality), []).append(index)
    together = list(groups.values())
    judged = {index for group in together for index in group}
    # whom no breast can be told of, or who is out of scope, is read alone
    for group in [*together, *([index] for index in range(len(views)) if index not in judged)]:
        for index, read in zip(group, _read([views[i] for i in group], calibration), strict=True):
            views[index] = read
    return tuple(views)


def _read(group: Sequence[RowPrediction], calibration: "Calibration") -> list[RowPrediction]:
    malignancy = None
    if group[0].malignancy_logit is not None:
        malignancy = np.array([view.malignancy_logit for view in group])
    grades = tuple(group[0].probabilities)
    read = calibration.read_breast(
        np.stack([logits_of(view) for view in group]), malignancy, grades
    )
    has_breast = group[0].laterality is not None
    return [
        replace(
            view,
            probabilities=_keyed(grades, probabilities),
            category=arg_max(_keyed(grades, probabilities)),
            malignancy=read.cancer,
            breast_probabilities=_keyed(grades, read.breast) if has_breast else None,
            breast_malignancy=read.cancer if has_breast else None,
        )
        for view, probabilities in zip(group, read.views, strict=True)
    ]


def logits_of(prediction: RowPrediction) -> np.ndarray:
    """(categories,); raises ValueError for a prediction that was read back from a CSV."""
    if prediction.logits is None:
        raise ValueError("a prediction without logits")
    return prediction.logits


def _keyed(grades: Iterable[int], values: np.ndarray) -> dict[int, float]:
    return {grade: float(value) for grade, value in zip(grades, values, strict=True)}


@dataclass(frozen=True, eq=False)
class PreparedRow:
    row: ManifestRow
    frames: "tuple[Frame, ...]"  #: as each member takes it; () where no breast was found
    laterality: Laterality | None
    scope_reason: str | None


def prepared_row(
    row: ManifestRow, checkpoint: "Checkpoint | Ensemble", *, is_blurred: bool = False
) -> PreparedRow:
    from engine.networks import ensemble, preprocessing, scope

    view, pixels = read_row(row)
    image = preprocessing.grey(view, pixels)
    reason = view.out_of_scope or scope.reason_not_to_judge(view, pixels, image)
    try:
        frames = ensemble.frames_of(checkpoint, image, view.pixel_aspect, is_blurred=is_blurred)
    except UnsupportedImage as error:
        frames, reason = (), reason or error.message
    return PreparedRow(row, frames, view.laterality, reason)


def _predict_batch(
    checkpoint: "Checkpoint | Ensemble",
    batch: Sequence[PreparedRow],
    scorer: "BoxScorer | None",
) -> list[RowPrediction]:
    tensors = [
        np.stack([item.frames[place][0] if item.frames else _empty_frame(member) for item in batch])
        for place, member in enumerate(checkpoint.members)
    ]
    output, embeddings = _forward(checkpoint, tensors)
    return [
        replace(
            raw_prediction(item.row, checkpoint, output, index),
            scope_reason=item.scope_reason,
            laterality=item.laterality,
            boxes=None if scorer is None else scorer.score(item),
            embedding=embeddings[index],
        )
        for index, item in enumerate(batch)
    ]


def _empty_frame(member: "Checkpoint") -> np.ndarray:
    return np.zeros((1, member.preprocessing.height, member.preprocessing.width), np.float32)


def raw_prediction(
    row: ManifestRow, checkpoint: "Checkpoint | Ensemble", output: "NetworkOutput", index: int = 0
) -> RowPrediction:
    """The logits of a batch's image, in scope as far as is known here.

    Its probabilities hold the categories only, until they are calibrated (`recalibrated`).
    """
    malignancy = output.malignancy
    return RowPrediction(
        row=row,
        probabilities=dict.fromkeys(checkpoint.identity.categories, float("nan")),
        category=0,
        laterality=row.laterality,
        logits=output.logits[index].double().numpy(),
        malignancy_logit=None if malignancy is None else float(malignancy[index].double()),
    )


def _forward(
    checkpoint: "Checkpoint | Ensemble", tensors: Sequence[np.ndarray]
) -> tuple["NetworkOutput", np.ndarray]:
    """The output for each member's (batch, 1, height, width), and what the first member's feature
    layer averages to: float32 (batch, channels), the mean over test-time augmentation."""
    import torch

    averages: list[torch.Tensor] = []
    hook = checkpoint.members[0].model.feature_layer.register_forward_hook(
        lambda _layer, _inputs, out: averages.append(out.mean(dim=(2, 3)).float())
    )
    try:
        with torch.inference_mode():
            outputs = [
                member.model.predict(torch.from_numpy(own))
                for member, own in zip(checkpoint.members, tensors, strict=True)
            ]
            output = checkpoint.combined(outputs)
    finally:
        hook.remove()
    stacked = torch.cat(averages)
    augmented = stacked.view(-1, len(tensors[0]), stacked.shape[1])
    embeddings: np.ndarray = augmented.mean(dim=0).numpy()
    return output, embeddings


def explain_row(checkpoint: "Checkpoint | Ensemble", row: ManifestRow) -> Explanation | None:
    """The heat-map as the viewer shows it, for a picture; None where no breast is found."""
    from engine.networks import gradcam

    item = prepared_row(row, checkpoint)
    return gradcam.explain(checkpoint, item.frames) if item.frames else None


# ---------------------------------------------------------------------------- heat against boxes


class BoxScorer:
    """Scores the raw map's arg-max and heat by the boxes of an image.

    Over the (first) network's whole frame; no tolerance (Zhang et al., IJCV 2018, had 15 pixels).
    """

    def __init__(self, checkpoint: "Checkpoint | Ensemble", rows: Sequence[ManifestRow]) -> None:
        import torch

        self._checkpoint = checkpoint
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            untrained = [_untrained(member) for member in checkpoint.members]
        self._untrained: Checkpoint | Ensemble = untrained[0]
        if len(untrained) > 1:
            self._untrained = replace(cast("Ensemble", checkpoint), members=tuple(untrained))
        boxed = [row.file for row in rows if row.boxes]
        self._for_untrained = set(boxed[:: max(1, -(-len(boxed) // _UNTRAINED_ROWS))])

    def score(self, item: PreparedRow) -> BoxScore | None:
        """None where the row has no box; a miss where no breast was found."""
        if not item.frames or not item.row.boxes:
            return BoxScore(hit=0.0, energy=0.0) if item.row.boxes else None
        from engine.networks import gradcam

        tensor, geometry = item.frames[0]
        inside = box_mask(item.row.boxes, geometry)
        breast = tensor[0] > 0
        hit, energy = _meet(gradcam.joint_map(self._checkpoint, item.frames), inside)
        centre_hit, centre_energy = _meet(_centre_prior(breast), inside)
        score = BoxScore(
            hit=hit,
            energy=energy,
            area=float((inside & breast).sum() / max(1, breast.sum())),
            centre_hit=centre_hit,
            centre_energy=centre_energy,
        )
        if item.row.file not in self._for_untrained:
            return score
        blind = _meet(gradcam.joint_map(self._untrained, item.frames), inside)
        return replace(score, untrained_hit=blind[0], untrained_energy=blind[1])


def _untrained(member: "Checkpoint") -> "Checkpoint":
    from engine.networks.models import build_model

    model = build_model(member.identity.name, **member.model.architecture).eval()
    return replace(member, model=model)


def box_mask(
    boxes: Iterable[tuple[float, float, float, float]], geometry: "Geometry"
) -> np.ndarray:
    """Bool (height, width) of the network's frame: the pixels whose centre lies in any box."""
    height, width = geometry.network_shape
    rows, columns = geometry.to_source(np.arange(height) + 0.5, np.arange(width) + 0.5)
    inside = np.zeros((height, width), bool)
    for x_min, y_min, x_max, y_max in boxes:
        tall = (rows >= y_min) & (rows <= y_max)
        wide = (columns >= x_min) & (columns <= x_max)
        inside |= tall[:, None] & wide[None, :]
    return inside


def _meet(heat: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Whether the hottest point lies inside, and the share of the heat that does.

    A map without any heat points nowhere: a miss.
    """
    import cv2

    height, width = inside.shape
    heat = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    total = float(heat.sum(dtype=np.float64))
    if total <= 0:
        return 0.0, 0.0
    return float(inside.flat[int(heat.argmax())]), float(heat[inside].sum(dtype=np.float64) / total)


def _centre_prior(breast: np.ndarray) -> np.ndarray:
    """A Gaussian about the breast's centre of area, as wide as the breast is, cut to it."""
    rows, columns = np.nonzero(breast)
    if not len(rows):
        return np.zeros(breast.shape)
    across = [
        ((np.arange(size) - place.mean()) / max(1.0, place.std())) ** 2
        for size, place in zip(breast.shape, (rows, columns), strict=True)
    ]
    prior: FloatArray = np.exp(-(across[0][:, None] + across[1][None, :]) / 2) * breast
    return prior


# ------------------------------------------------------------------------------------------ CSV

_BOX_COLUMNS = {
    "box_hit": "hit",
    "box_energy": "energy",
    "box_area": "area",
    "centre_hit": "centre_hit",
    "centre_energy": "centre_energy",
    "untrained_hit": "untrained_hit",
    "untrained_energy": "untrained_energy",
}


def write_predictions(
    path: Path, predictions: Sequence[RowPrediction], *, details: bool = False
) -> None:
    """predictions.csv, one image a line, in the columns that `evaluate` reads back.

    `details` adds the others behind.

    Raises StorageFailed.
    """
    grades = _grades(predictions)
    has_malignancy = any(prediction.malignancy is not None for prediction in predictions)
    columns = ["file", "patient_id", "birads", "category", "confidence"]
    columns += [f"p{grade}" for grade in grades]
    columns += ["p_malignant"] if has_malignancy else []
    columns += ["in_scope", "notice"]
    if details:
        columns += ["fold", "scope_reason", "laterality"]
        columns += [f"breast_p{grade}" for grade in grades]
        columns += ["breast_malignant"] if has_malignancy else []
        columns += list(_BOX_COLUMNS)
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(_record(prediction) for prediction in predictions)
    except OSError as error:
        raise StorageFailed("Predictions not written", f"{path.name}: {error.strerror}.") from error


def _grades(predictions: Iterable[RowPrediction]) -> list[int]:
    return sorted({grade for prediction in predictions for grade in prediction.probabilities})


def _record(prediction: RowPrediction) -> dict[str, object]:
    row, side = prediction.row, prediction.laterality
    record: dict[str, object] = {
        "file": inert(row.file),
        "patient_id": inert(row.patient_id),
        "birads": "" if row.birads is None else row.birads,
        "category": prediction.category,
        "confidence": _digits(prediction.confidence),
        "p_malignant": _digits(prediction.malignancy),
        "in_scope": "true" if prediction.in_scope else "false",
        "notice": NOTICE,
        "fold": "" if row.fold is None else row.fold,
        "scope_reason": inert(prediction.scope_reason or ""),
        "laterality": side.value if side else "",
        "breast_malignant": _digits(prediction.breast_malignancy),
    }
    for grade, probability in prediction.probabilities.items():
        record[f"p{grade}"] = _digits(probability)
    for grade, probability in (prediction.breast_probabilities or {}).items():
        record[f"breast_p{grade}"] = _digits(probability)
    if prediction.boxes is not None:
        record |= {
            column: _digits(getattr(prediction.boxes, name))
            for column, name in _BOX_COLUMNS.items()
        }
    return record


def _digits(value: float | None) -> str:
    """Nine digits: enough that figures worked out from the file are those of the network."""
    return "" if value is None or np.isnan(value) else f"{value:.9g}"


def read_predictions(
    path: Path, rows: Sequence[ManifestRow]
) -> tuple[tuple[RowPrediction, ...], tuple[RowFailure, ...]]:
    """The file's predictions for the manifest's rows, in its order; rows it lacks are failures.

    `category` may be absent (the most probable one then). Lines about other images are ignored.
    Raises InvalidData naming the line at fault.
    """
    records = _read_records(path)
    predictions, failures = [], []
    for row in rows:
        found = records.get(row.file) or records.get(inert(row.file))
        if found is None:
            failures.append(RowFailure(row.file, f"There is no prediction in {path.name}."))
            continue
        predictions.append(_parse(path, row, *found))
    return tuple(predictions), tuple(failures)


def _read_records(path: Path) -> dict[str, tuple[int, dict[str, str]]]:
    """Line number and cells by file."""
    records: dict[str, tuple[int, dict[str, str]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = set(reader.fieldnames or ())
            if "file" not in columns or not columns & {f"p{grade}" for grade in GRADES}:
                raise InvalidData(
                    "Predictions lack columns", f"{path.name} needs file and p1 … p5."
                )
            for number, record in enumerate(reader, start=2):
                cells = {key: (value or "").strip() for key, value in record.items() if key}
                if cells["file"] in records:
                    raise _wrong(path, number, f"{cells['file']} stands there twice")
                records[cells["file"]] = (number, cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidData("Predictions cannot be read", f"{path.name}: {error}.") from error
    return records


def _wrong(path: Path, number: int, what: str) -> InvalidData:
    return InvalidData("Prediction is wrong", f"{path.name}, row {number}: {what}.")


class _Cells:
    """The cells of one line of a predictions file; each raises `InvalidData` for what is wrong."""

    def __init__(self, path: Path, number: int, cells: Mapping[str, str]) -> None:
        self._path, self._number, self._cells = path, number, cells

    def error(self, what: str) -> InvalidData:
        return _wrong(self._path, self._number, what)

    def text(self, column: str) -> str:
        return self._cells.get(column, "")

    def value(self, column: str) -> float | None:
        text = self.text(column)
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            raise self.error(f"{column} is {text!r}, not a number") from None

    def probability(self, column: str) -> float | None:
        found = self.value(column)
        if found is not None and not 0 <= found <= 1:  # NaN fails this too
            raise self.error(f"{column} is {found}, no probability")
        return found

    def distribution(self, prefix: str) -> dict[int, float] | None:
        each = {grade: self.probability(f"{prefix}{grade}") for grade in GRADES}
        found = {grade: p for grade, p in each.items() if p is not None}
        total = sum(found.values())
        if found and abs(total - 1) > _SUM_TOLERANCE:
            raise self.error(f"{prefix}1 … {prefix}5 sum to {total:.3f}, not 1")
        return {grade: p / total for grade, p in found.items()} or None

    def boxes(self) -> BoxScore | None:
        if self.value("box_hit") is None:
            return None
        scores = {name: self.value(column) for column, name in _BOX_COLUMNS.items()}
        return BoxScore(**{n: float("nan") if v is None else v for n, v in scores.items()})


def _parse(path: Path, row: ManifestRow, number: int, record: Mapping[str, str]) -> RowPrediction:
    cells = _Cells(path, number, record)
    if record.get("patient_id") not in {None, "", row.patient_id, inert(row.patient_id)}:
        raise cells.error("the manifest gives this image to another patient")
    probabilities = cells.distribution("p")
    if probabilities is None:
        raise cells.error("it has no probabilities")
    category = cells.value("category")
    if category is not None and category not in probabilities:
        raise cells.error(f"category {category:g} is none of the model's")
    is_inside = cells.text("in_scope").lower() not in {"false", "0", "no"}
    side = cells.text("laterality").upper()
    boxes = cells.boxes()
    return RowPrediction(
        row=row,
        probabilities=probabilities,
        category=arg_max(probabilities) if category is None else int(category),
        malignancy=cells.probability("p_malignant"),
        scope_reason=None if is_inside else cells.text("scope_reason") or "Out of scope.",
        laterality=row.laterality or (Laterality(side) if side in {"R", "L"} else None),
        breast_probabilities=cells.distribution("breast_p"),
        breast_malignancy=cells.probability("breast_malignant"),
        boxes=boxes,
    )
