"""Predictions leave the program: as lines for programs and people, heat-maps as files.

Everything that leaves says that it is for research only. The keys of a record and their order are a
contract that others call (`predict` and `predict-region` in docs/command_line.md).
"""

import csv
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

import cv2
import imagecodecs
import numpy as np

from engine import __version__
from engine.domain import (
    MODEL_MEANING,
    NOTICE,
    BreastPrediction,
    Explanation,
    FailedFile,
    Judgement,
    MammogramView,
    OutOfScope,
    Prediction,
    RegionJudgement,
    RegionOutOfScope,
    Study,
    StudyPrediction,
    ViewPrediction,
    not_judged,
)
from engine.errors import StorageFailed
from engine.plain_text import visible_text
from engine.private_files import write_private
from engine.records.csv_cells import inert

Record = dict[str, Any]

# ------------------------------------------------------------------------------------------ lines


def study_records(
    study: Study, prediction: StudyPrediction, heatmaps: Mapping[str, Path]
) -> Iterator[Record]:
    """The study's images in order, those that failed among them, then its breasts.

    `heatmaps` holds the overlay's path by image uid, where one was written.
    """
    predictions = {predicted.image_uid: predicted for predicted in prediction.views}
    failures = {failure.path: failure for failure in prediction.failures}
    for view in study.views:
        if view.image_uid in predictions:
            yield _image_record(view, predictions[view.image_uid], heatmaps.get(view.image_uid))
        elif view.path in failures:
            yield failure_record(failures[view.path])
    for breast in prediction.breasts:
        yield _breast_record(study, breast)


def failure_record(failure: FailedFile) -> Record:
    return {
        "file": str(failure.path),
        "error": {"title": failure.title, "advice": failure.advice},
    }


def _image_record(view: MammogramView, predicted: ViewPrediction, heatmap: Path | None) -> Record:
    return {
        "file": str(view.path),
        "study": view.study_uid,
        "patient": view.patient_id or None,
        "laterality": view.laterality and view.laterality.value,
        "view": view.view_position and view.view_position.value,
        **_prediction_record(predicted.prediction),
        "heatmap": heatmap and str(heatmap),
        "notes": list(view.notes),
        "notice": NOTICE,
    }


def _breast_record(study: Study, breast: BreastPrediction) -> Record:
    return {
        "study": study.uid,
        "patient": study.patient_id or None,
        "laterality": breast.laterality.value,
        **_prediction_record(breast.prediction),
        "views": [str(study.view(uid).path) for uid in breast.image_uids],
        "notes": [],
        "notice": NOTICE,
    }


def region_record(view: MammogramView, prediction: RegionJudgement) -> Record:
    return {
        "file": str(view.path),
        "box": list(prediction.box),
        **_prediction_record(prediction),
        "spacing_mm": prediction.spacing_mm,
        "spacing_source": prediction.spacing_source,
        "notes": list(prediction.notes),
        "notice": NOTICE,
    }


def _prediction_record(prediction: Judgement | RegionJudgement) -> Record:
    model = {"model": prediction.model.name, "model_sha256": prediction.model.sha256}
    if isinstance(prediction, OutOfScope | RegionOutOfScope):
        unknown = ("category", "confidence", "probabilities", "p_malignant")
        refusal = {"in_scope": False, "scope_reason": prediction.reason}
        return {**model, **refusal, **dict.fromkeys(unknown)}
    return {
        **model,
        "in_scope": True,
        "scope_reason": None,
        "category": prediction.category,
        "confidence": prediction.confidence,
        "probabilities": {str(grade): p for grade, p in prediction.probabilities.items()},
        "p_malignant": prediction.malignancy,
    }


class JsonLines:
    """One object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, record: Record) -> None:
        # UTF-8 as it is; a lone surrogate (a file name in no encoding) is escaped by the stream.
        self._stream.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


class CsvLines:
    """One row an image, breast or failed file, with the same columns for every network."""

    COLUMNS = (
        *("record", "file", "study", "patient", "laterality", "view", "model", "model_sha256"),
        *("in_scope", "scope_reason", "category", "confidence", "p1", "p2", "p3", "p4", "p5"),
        *("p_malignant", "heatmap", "views", "notes", "error_title", "error_advice", "notice"),
    )

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.DictWriter(stream, self.COLUMNS, restval="", lineterminator="\n")
        self._writer.writeheader()

    def write(self, record: Record) -> None:
        row = {key: value for key, value in record.items() if key in self.COLUMNS}
        row["record"] = "error" if "error" in record else "breast" if "views" in record else "image"
        row |= {f"p{grade}": p for grade, p in (record.get("probabilities") or {}).items()}
        row |= {f"error_{key}": text for key, text in record.get("error", {}).items()}
        row["views"] = "; ".join(record.get("views", ()))
        row["notes"] = " ".join(record.get("notes", ()))
        row["notice"] = NOTICE
        self._writer.writerow({key: guarded_cell(value) for key, value in row.items()})


def guarded_cell(value: Any) -> Any:
    """A spreadsheet must not run a file name: text that would be a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return inert(value) if isinstance(value, str) else value


class TableLines:
    """For people: a line for each image, breast and failed file; below an image its notes."""

    _LAYOUT = "{:<6} {:<5} {:<34} {:>10} {:>12} {:>12}  {}"
    _NOTE = "             {}"  #: below the category

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._study: str | None = None
        stream.write(NOTICE + "\n\n")
        stream.write(
            self._LAYOUT.format(
                *("breast", "view", "BI-RADS", "confidence", "P(4 or 5)", "P(malignant)", "file")
            )
            + "\n"
        )

    def write(self, record: Record) -> None:
        if self._study is not None and record.get("study", self._study) != self._study:
            self._stream.write("\n")
        self._study = record.get("study", self._study)
        for line in self._lines(record):
            # A file name must neither steer the terminal nor begin a line of its own.
            self._stream.write(visible_text(line).rstrip() + "\n")

    def _lines(self, record: Record) -> Iterator[str]:
        if "error" in record:
            error = record["error"]
            yield f"{record['file']}: {error['title']}. {error['advice']}"
            return
        line = self._LAYOUT.format(
            record["laterality"] or "?",
            "all" if "views" in record else record["view"] or "?",
            *self._prediction_cells(record),
            record.get("file", ""),
        )
        reason = record["scope_reason"]
        yield line if record["in_scope"] else f"{line.rstrip()}  ({reason})"
        for note in record["notes"]:
            if record["in_scope"] or note != not_judged(reason):  # it is not said twice
                yield self._NOTE.format(note)

    @staticmethod
    def _prediction_cells(record: Record) -> tuple[str, str, str, str]:
        if not record["in_scope"]:
            return "not judged", "", "", ""
        suspicion = sum(p for grade, p in record["probabilities"].items() if int(grade) >= 4)
        grade, malignancy = record["category"], record["p_malignant"]
        return (
            f"{grade} {MODEL_MEANING[grade]}",
            f"{record['confidence']:.0%}",
            f"{suspicion:.0%}",
            "" if malignancy is None else f"{malignancy:.0%}",
        )


class RecordWriter(Protocol):
    def write(self, record: Record) -> None: ...


FORMATS: dict[str, Callable[[TextIO], RecordWriter]] = {
    "jsonl": JsonLines,
    "table": TableLines,
    "csv": CsvLines,
}

# -------------------------------------------------------------------------------------- heat-maps

# The look of the screen (viewer.display.rendering, which the engine cannot import).
_COLOURS = cv2.COLORMAP_PLASMA  #: no grey in it, so that it is told from tissue at every value
_FLOOR = 0.1  #: less heat than this is not painted, so that a quiet breast looks quiet
_LEVELS = np.linspace(0, 1, 256, dtype=np.float32)
_OPACITY = 0.85 * np.clip((_LEVELS - _FLOOR) / (1 - _FLOOR), 0, 1) ** 0.6  #: (256,) by heat
_LONGEST_STEM = 150  #: bytes; a file system takes 255, Windows 260 for the whole path
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class HeatmapFolder:
    """Writes ``<stem>_<model>.png`` and ``.npy``; equal stems of other images get a number.

    The overlay lies on the image pixel for pixel, a strip with the notice below it. The array is
    the map itself, float16 in [0, 1] on the source grid (rows, columns). A file of an earlier run
    is replaced if it shows the same image, and else left alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()  #: in lower case: many file systems do not tell them apart

    def write(self, view: MammogramView, predicted: ViewPrediction, grey: np.ndarray) -> Path:
        """`grey` is the image, uint8 (rows, columns). Returns the overlay's path.

        Raises `StorageFailed`, and ValueError where the network found nothing.
        """
        explanation, prediction = predicted.explanation, predicted.prediction
        if explanation is None or isinstance(prediction, OutOfScope):
            raise ValueError("there is no heat-map")
        token = hashlib.sha256(view.image_uid.encode()).hexdigest()
        heat = heat_on_source(explanation, grey.shape)
        picture = with_strip(overlay(grey, heat), caption(view, prediction, explanation))
        try:
            path = self._free_path(f"{_short(view.path.stem)}_{prediction.model.name}", token)
            write_private(path, _png(picture, token))
            array = io.BytesIO()
            np.save(array, heat.astype(np.float16))
            write_private(path.with_suffix(".npy"), array.getvalue())
        except OSError as error:
            raise StorageFailed(
                "Heat-map not written",
                f"{error.strerror or 'It could not be written'}: free some space in "
                f"{self.folder}, or choose another folder.",
            ) from error
        return path

    def _free_path(self, name: str, token: str) -> Path:
        number, candidate = 1, name
        while candidate.lower() in self._taken or not self._may_write(candidate, token):
            number += 1
            candidate = f"{name}_{number}"
        self._taken.add(candidate.lower())
        return self.folder / f"{candidate}.png"

    def _may_write(self, name: str, token: str) -> bool:
        picture = self.folder / f"{name}.png"
        if not picture.exists():
            return not (self.folder / f"{name}.npy").exists()
        with picture.open("rb") as stream:
            return token.encode() in stream.read(1024)


def _short(stem: str) -> str:
    """The stem, cut where its name would grow too long for a file system."""
    return stem.encode("utf-8", "ignore")[:_LONGEST_STEM].decode("utf-8", "ignore")


def heat_on_source(explanation: Explanation, shape: tuple[int, int]) -> np.ndarray:
    """The map on the source grid, float32 `shape` = (rows, columns) in [0, 1]; 0 off its region."""
    row_start, row_stop, column_start, column_stop = explanation.region
    size = (column_stop - column_start, row_stop - row_start)
    heat = np.zeros(shape, np.float32)
    part = cv2.resize(explanation.heat, size, interpolation=cv2.INTER_LINEAR)
    heat[row_start:row_stop, column_start:column_stop] = part
    return heat


def overlay(grey: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Grey uint8 and heat float32 (rows, columns) as BGR uint8 (rows, columns, 3).

    Opacity grows with the heat, on its absolute scale; cold places show the image untouched.
    """
    levels = np.round(heat * 255).astype(np.uint8)
    weight = cv2.LUT(levels, _OPACITY)
    colours = cv2.applyColorMap(levels, _COLOURS)
    return cv2.blendLinear(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), colours, 1 - weight, weight)


def caption(view: MammogramView, prediction: Prediction, explanation: Explanation) -> str:
    grade = prediction.category
    return (
        f"{view.label}. {prediction.model.name} {prediction.model.sha256[:8]}: model category "
        f"{grade} ({MODEL_MEANING[grade]}), confidence {prediction.confidence:.0%}. Colour: "
        f"attention for the {explanation.target} ({explanation.method}, the same for every image), "
        "no lesion outline."
    )


def with_strip(picture: np.ndarray, caption: str) -> np.ndarray:
    """The picture with the notice, a caption and the colours' legend below it, on white."""
    columns = picture.shape[1]
    scale = max(0.4, columns / 1800)
    thickness = max(1, round(scale))
    line_height = round(36 * scale)
    lines = [
        *_wrap(NOTICE, columns, scale, thickness),
        *_wrap(caption, columns, scale, thickness),
    ]
    strip = np.full((line_height * (len(lines) + 2), columns, 3), 255, np.uint8)

    def put(text: str, column: int, line: int) -> None:
        start = (column, (line + 1) * line_height - line_height // 6)
        cv2.putText(strip, text, start, _FONT, scale, (0, 0, 0), thickness, cv2.LINE_AA)

    for number, line in enumerate(lines):
        put(line, line_height // 3, number)
    legend = cv2.applyColorMap(np.round(_LEVELS[None] * 255).astype(np.uint8), _COLOURS)
    top, left, right = round(line_height * (len(lines) + 0.3)), line_height, columns // 3
    size = (right - left, line_height)
    strip[top : top + line_height, left:right] = cv2.resize(legend, size)
    put("0", line_height // 3, len(lines))
    put("1", right + line_height // 3, len(lines))
    return np.vstack([picture, strip])


def _wrap(text: str, columns: int, scale: float, thickness: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        width = cv2.getTextSize(longer, _FONT, scale, thickness)[0][0]
        if lines[-1] and width > columns - round(24 * scale):
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _png(picture: np.ndarray, token: str) -> bytes:
    """Encoded, with the notice in its metadata too (keywords: PNG 3rd edition, 11.3.3.1)."""
    # Of all settings the fastest but one, and small: half a second for 13 million pixels.
    colours = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    strategy = imagecodecs.PNG.STRATEGY.RLE
    data = bytes(imagecodecs.png_encode(colours, level=1, strategy=strategy))
    texts = {
        "Disclaimer": NOTICE,
        "Software": f"birads-viewer {__version__}",
        "Source": token,  # tells which image, but only to those who have it
    }
    chunks = b"".join(_text_chunk(keyword, text) for keyword, text in texts.items())
    header = 8 + 25  # the signature and IHDR, which must come first
    return data[:header] + chunks + data[header:]


def _text_chunk(keyword: str, text: str) -> bytes:
    body = b"tEXt" + keyword.encode("latin-1") + b"\0" + text.encode("latin-1")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
