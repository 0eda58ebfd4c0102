"""All frames of a manifest in one small file, to be trained on where the images are not.

Images are read, breasts cut out and stretched here (`preprocessing.fill_frame`); what is left for
`live_frames` to do are alterations and CLAHE. A frame is a grey JPEG, or WebP or AVIF, which keep
more in as many bytes where OpenCV can read them at the other end. All ring past the breast's edge,
so its outline goes along as a bilevel PNG and the frame is blank outside it, as at the clinic. The
file is a zip of two streams and a table; it holds the manifest's rows, patient identifiers as they
stand there, and no path but the manifest's own.
"""

import json
import logging
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from engine.domain import Laterality, ViewPosition
from engine.errors import EngineError, InvalidData
from engine.networks import preprocessing, scope
from engine.networks.preprocessing import PreprocessingConfig
from engine.training import dataset
from engine.training.augmentation import Box, boxes_on_frame
from engine.training.dataset import DataSource, ManifestRow, read_row
from engine.training.live_frames import LiveFrames

log = logging.getLogger(__name__)

FORMAT = 1
_TABLE, _FRAMES, _MASKS = "table.json", "frames.bin", "masks.bin"
CODECS: dict[
    str, Callable[[int], Sequence[int]]
] = {  #: how a frame is written at a quality, by the ending that OpenCV knows it by
    "jpg": lambda quality: (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    "webp": lambda quality: (cv2.IMWRITE_WEBP_QUALITY, quality),
    "avif": lambda quality: (cv2.IMWRITE_AVIF_QUALITY, quality, cv2.IMWRITE_AVIF_SPEED, 9),
}
_MASK = (
    *(cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT),  # a fifth of the default's size
)
_SAMPLE = 240  #: frames, evenly spread, whose size tells which quality will fit
_QUALITIES = (15, 95)  #: of the frames; below, films look like tiles
_OVERHEAD = 1 << 12  #: bytes of the zip itself
_PIXEL_LIMIT = 1 << 34  #: of all frames together: hostile tables must not ask for more


@dataclass(frozen=True, eq=False)
class FramePack:
    """What a file holds, decoded."""

    source: DataSource
    preprocessing: PreprocessingConfig
    quality: int  #: of the frames, by their codec's measure
    frames: np.ndarray  #: uint8 (rows, height, width), before CLAHE; 0 outside the breast
    masks: np.ndarray  #: uint8 (rows, height, width): 1 inside the breast
    boxes: tuple[tuple[Box, ...], ...]  #: lesions on each frame
    skipped: dict[int, str]  #: "file: why" of each row without a frame (all 0), by its place
    scope_reasons: tuple[str | None, ...]  #: why not to judge a row; "": may be; None: unreadable
    sides: tuple[Laterality | None, ...]  #: the manifest's, else the image's own

    def on(self, device: torch.device) -> LiveFrames:
        readable = np.ones(len(self.frames), bool)
        readable[list(self.skipped)] = False
        return LiveFrames(
            torch.from_numpy(self.frames).to(device),
            torch.from_numpy(self.masks).to(device),
            self.boxes,
            readable,
            np.arange(len(self.frames)),
            tuple(self.skipped.values()),
        )


def write_pack(
    source: DataSource,
    config: PreprocessingConfig,
    path: Path,
    limit: int,
    on_progress: Callable[[str, int, int], None] | None = None,
    codec: str = "jpg",
) -> int:
    """Packs every row into at most `limit` bytes; returns the highest quality that fits.

    Raises `InvalidData` where images are missing or even the lowest quality is too large.
    """
    rows = source.rows
    dataset.check_files(rows)
    shape = (len(rows), config.height, config.width)
    entries: list[dict[str, Any]] = [{} for _ in rows]
    with tempfile.TemporaryFile(dir=path.parent) as scratch:
        scratch.truncate(int(np.prod(shape)))
        frames = np.memmap(scratch, np.uint8, "r+", shape=shape)
        masks: list[bytes] = [b""] * len(rows)

        def fill(index: int) -> None:
            frame, mask, entries[index] = _framed(rows[index], config)
            frames[index] = frame
            masks[index] = cv2.imencode(".png", mask * 255, _MASK)[1].tobytes()

        with ThreadPoolExecutor(2) as pool:
            for done, _ in enumerate(pool.map(fill, range(len(rows))), start=1):
                if on_progress:
                    on_progress("frames", done, len(rows))
        table = {
            "format": FORMAT,
            "codec": codec,
            "preprocessing": asdict(config),
            "notes": source.notes,
            "may_leak": source.may_leak,
            "rows": [{**_row_to_json(row), **entries[i]} for i, row in enumerate(rows)],
            "mask_bytes": [len(mask) for mask in masks],
        }
        # The frames' lengths come in once they are known: at most five digits, a comma and a blank.
        packed = len(zlib.compress(json.dumps(table).encode()))
        fixed = packed + 7 * len(rows) + sum(map(len, masks)) + _OVERHEAD
        quality, images = _fitting(frames, limit - fixed, codec)
        for entry in entries:
            if "fault" in entry:
                log.warning("packed as an empty frame: %s", entry["fault"])
        table |= {"quality": quality, "frame_bytes": [len(image) for image in images]}
        partial = path.with_name(path.name + ".partial")
        with zipfile.ZipFile(partial, "w") as archive:
            archive.writestr(_TABLE, json.dumps(table), zipfile.ZIP_DEFLATED)
            archive.writestr(_FRAMES, b"".join(images))
            archive.writestr(_MASKS, b"".join(masks))
        partial.replace(path)
    return quality


def _framed(
    row: ManifestRow, config: PreprocessingConfig
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Frame and mask, uint8 (height, width), and what the table says of them beside the row."""
    blank = np.zeros((config.height, config.width), np.uint8)
    try:
        view, pixels = read_row(row)
    except EngineError as error:
        return blank, blank, {"fault": f"{row.file}: {error}"}
    image = preprocessing.grey(view, pixels)
    reason = view.out_of_scope or scope.reason_not_to_judge(view, pixels, image)
    entry: dict[str, Any] = {"side": view.laterality.value if view.laterality else None}
    try:
        crop, mask, geometry = preprocessing.crop_breast(image, view.pixel_aspect, config)
    except EngineError as error:
        entry |= {"fault": f"{row.file}: {error}", "scope_reason": reason or str(error)}
        return blank, blank, entry
    frame, mask = preprocessing.fill_frame(crop, mask, geometry)
    entry |= {"scope_reason": reason or "", "frame_boxes": boxes_on_frame(row, geometry)}
    return frame, mask | (frame > 0), entry  # resampling leaves grey just outside the mask


def _fitting(frames: np.ndarray, limit: int, codec: str) -> tuple[int, list[bytes]]:
    """The highest quality at which frames come to no more than `limit` bytes, and their codes."""
    places = np.linspace(0, len(frames) - 1, min(_SAMPLE, len(frames)))
    chosen = np.unique(places.astype(int)).tolist()
    low, high = _QUALITIES
    while low < high:
        middle = (low + high + 1) // 2
        sample = sum(len(data) for data in _encoded(frames, chosen, middle, codec))
        size = sample * len(frames) / len(chosen)
        low, high = (middle, high) if size <= limit else (low, middle - 1)
    for quality in range(low, _QUALITIES[0] - 1, -1):
        images = _encoded(frames, range(len(frames)), quality, codec)
        if sum(map(len, images)) <= limit:
            return quality, images
    raise InvalidData(
        "Frames do not fit", f"{len(frames)} are too many: allow more bytes or a smaller frame."
    )


def _encoded(frames: np.ndarray, indices: Iterable[int], quality: int, codec: str) -> list[bytes]:
    options = CODECS[codec](quality)

    def encode(index: int) -> bytes:
        return cv2.imencode(f".{codec}", frames[index], options)[1].tobytes()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(encode, indices))


def read_pack(path: Path, threads: int = 4) -> FramePack:
    """Raises `InvalidData` for a file that is missing, damaged or not one of ours."""
    try:
        with zipfile.ZipFile(path) as archive:
            table = json.loads(archive.read(_TABLE))
            images, masks = archive.read(_FRAMES), archive.read(_MASKS)
        if table["format"] != FORMAT:
            raise ValueError(f"its format is {table['format']}, this program reads {FORMAT}")
        config = PreprocessingConfig(**table["preprocessing"])
        rows = tuple(_row_from_json(record) for record in table["rows"])
        shape = (len(rows), config.height, config.width)
        if min(shape) <= 0 or np.prod(shape, dtype=float) > _PIXEL_LIMIT:
            raise ValueError("its frames have no possible size")
        pack = FramePack(
            source=DataSource(
                rows,
                (
                    *table["notes"],
                    f"frames packed as {table['codec']} of quality {table['quality']}",
                ),
                bool(table["may_leak"]),
            ),
            preprocessing=config,
            quality=int(table["quality"]),
            frames=np.zeros(shape, np.uint8),
            masks=np.zeros(shape, np.uint8),
            boxes=tuple(_boxes(record.get("frame_boxes", ())) for record in table["rows"]),
            skipped={i: r["fault"] for i, r in enumerate(table["rows"]) if "fault" in r},
            scope_reasons=tuple(r.get("scope_reason") for r in table["rows"]),
            sides=tuple(Laterality(r["side"]) if r.get("side") else None for r in table["rows"]),
        )
        streams = zip(
            _cut(images, table["frame_bytes"]), _cut(masks, table["mask_bytes"]), strict=True
        )
        _decode(pack, list(streams), threads)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, cv2.error) as error:
        raise InvalidData("Frames cannot be read", f"{path.name}: {error}.") from error
    return pack


def _decode(pack: FramePack, streams: list[tuple[bytes, bytes]], threads: int) -> None:
    if len(streams) != len(pack.frames):
        raise ValueError("it holds another number of frames than of rows")

    def decode(index: int) -> None:
        frame, mask = (
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
            for data in streams[index]
        )
        if frame is None or mask is None or not frame.shape == mask.shape == pack.frames.shape[1:]:
            raise ValueError(f"frame {index} is damaged, or OpenCV here lacks its codec")
        pack.masks[index] = mask > 0
        pack.frames[index] = frame * pack.masks[index]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(decode, range(len(streams))))


def _cut(stream: bytes, lengths: Sequence[int]) -> list[bytes]:
    ends = np.cumsum(lengths)
    if min(lengths, default=0) < 0 or (len(ends) and ends[-1] != len(stream)):
        raise ValueError("it is cut off")
    return [stream[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _boxes(listed: Iterable[Sequence[float]]) -> tuple[Box, ...]:
    boxes = []
    for box in listed:
        if len(box) != 4 or int(min(box)) < 0:
            raise ValueError("a box has no four edges")
        boxes.append((int(box[0]), int(box[1]), int(box[2]), int(box[3])))
    return tuple(boxes)


_ROW_FIELDS = [f.name for f in fields(ManifestRow) if f.name != "path"]


def _row_to_json(row: ManifestRow) -> dict[str, Any]:
    entry = {name: getattr(row, name) for name in _ROW_FIELDS}
    for name in ("laterality", "view"):
        entry[name] = entry[name].value if entry[name] else None
    return entry


def _row_from_json(record: dict[str, Any]) -> ManifestRow:
    entry = {name: record[name] for name in _ROW_FIELDS if name in record}
    return ManifestRow(
        **entry
        | {
            "path": Path(record["file"]),
            "boxes": tuple(tuple(box) for box in record["boxes"]),
            "laterality": Laterality(entry["laterality"]) if entry["laterality"] else None,
            "view": ViewPosition(entry["view"]) if entry["view"] else None,
        }
    )
