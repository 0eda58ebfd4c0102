"""What the scope gate is fitted to and measured on, described by `engine.networks.appearance`.

Mammograms stand against other pictures (a folder with a sub-folder per kind, see
`non_mammograms.py`) and against what can be made of both: negatives, breasts laid on their side,
pieces of tissue, two breasts back to back, tissue and pictures cut out and put on black. So that no
machine's habits are taken for the breast's, every mammogram also counts as an imitation of other
machines: another tone curve, skin line and local contrast, blanked air, sides cut off or padded.
"""

import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

from engine.domain import ViewPosition
from engine.errors import UnsupportedImage
from engine.networks import appearance, preprocessing
from engine.networks.appearance import Appearance
from engine.training.dataset import ManifestRow, read_row

MAMMOGRAM, IMITATION, INVERTED, UPSIDE_DOWN = "mammogram", "imitation", "negative", "upside down"
MADE = ("on its side", "piece of tissue", "two breasts", "island of tissue")
PICTURE, CUT_OUT = "picture", "cut-out picture"

_ROWS = 512  #: at which imitations are made
_BATCH = 32
_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


@dataclass(frozen=True, eq=False)
class Sample:
    role: str
    group: str  #: the mammogram's data set, or the picture's kind
    source: str  #: the patient, or the picture it was cut from
    view: str
    frame: np.ndarray | None = None  #: None where no breast can be outlined
    features: np.ndarray | None = None  #: (appearance.FEATURES,), of the frame


def of_mammograms(rows: Sequence[ManifestRow], known: Appearance, workers: int) -> list[Sample]:
    """Every row as it is and imitated; every other one negative and upside down, or made over."""
    numbered = list(enumerate(rows, start=1))
    return list(_described(known, _in_parallel(_of_row, numbered, workers)))


def of_pictures(
    folder: Path, known: Appearance, workers: int, *, cut_out: bool = True
) -> list[Sample]:
    """The images of the sub-folders; up to two hyphens a file's name tells its source."""
    paths = [path for path in sorted(folder.glob("*/*")) if path.suffix.lower() in _SUFFIXES]
    return list(
        _described(known, _in_parallel(partial(_of_picture, cut_out=cut_out), paths, workers))
    )


def _in_parallel(work, items: Sequence, workers: int) -> Iterator[Sample]:
    with Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for done, samples in enumerate(pool.imap(work, items, chunksize=8), start=1):
            yield from samples
            if done % 100 == 0 or done == len(items):
                sys.stderr.write(f"{done} of {len(items)} images described\n")


def _described(known: Appearance, samples: Iterable[Sample]) -> Iterator[Sample]:
    waiting: list[Sample] = []

    def described() -> Iterator[Sample]:
        seen = [sample for sample in waiting if sample.frame is not None]
        features = known.describe(np.stack([sample.frame for sample in seen])) if seen else []
        found = dict(zip(map(id, seen), features, strict=True))
        for sample in waiting:
            yield replace(sample, frame=None, features=found.get(id(sample)))
        waiting.clear()

    for sample in samples:
        waiting.append(sample)
        if len(waiting) == _BATCH:
            yield from described()
    yield from described()


def _frame(image: np.ndarray) -> np.ndarray | None:
    try:
        return appearance.framed(np.ascontiguousarray(image))
    except UnsupportedImage:
        return None


def _of_row(numbered: tuple[int, ManifestRow]) -> list[Sample]:
    number, row = numbered
    view, pixels = read_row(row)
    image = _square(preprocessing.grey(view, pixels), view.pixel_aspect)
    chance = np.random.default_rng(zlib.crc32(row.file.encode()))
    shown = {MAMMOGRAM: image}
    try:
        shown[IMITATION] = imitation(image, chance)
        if number % 2:
            shown[INVERTED] = 255 - image
            if view.view_position is ViewPosition.MLO:
                shown[UPSIDE_DOWN] = image[::-1]
        else:
            role = MADE[number // 2 % len(MADE)]
            shown[role] = _made(role, image, chance)
    except UnsupportedImage:  # no breast in it: nothing to make anything of
        pass
    position = view.view_position.value if view.view_position else ""
    return [
        Sample(role, row.dataset, row.patient_id, position, _frame(shown[role])) for role in shown
    ]


def _of_picture(path: Path, cut_out: bool) -> list[Sample]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FileNotFoundError(path)
    image = _square(image, 1.0)
    shown = {PICTURE: image}
    if cut_out:
        shown[CUT_OUT] = _cut_out(image, np.random.default_rng(zlib.crc32(path.name.encode())))
    source = path.stem.partition("--")[0]
    return [Sample(role, path.parent.name, source, "", _frame(shown[role])) for role in shown]


def _square(image: np.ndarray, pixel_aspect: float) -> np.ndarray:
    rows = min(image.shape[0], _ROWS)
    columns = max(8, round(image.shape[1] * rows / (image.shape[0] * pixel_aspect)))
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)


def _facing_right(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image with its chest wall on the left, and the breast's mask (uint8, 0 or 1)."""
    small = preprocessing.outline_breast(image)
    mask = cv2.resize(small.astype(np.uint8), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
    if preprocessing.chest_wall_is_right(small):
        image, mask = image[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def imitation(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The mammogram (uint8) as another machine might have shown it, chest wall on the left."""
    image, mask = _facing_right(image)
    breast = mask > 0
    depth = cv2.distanceTransform(
        cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3
    )[1:-1, 1:-1]
    depth /= max(np.percentile(depth[breast], 98), 1.0)
    values = (image / 255.0) ** chance.uniform(0.7, 1.8)
    skin = np.exp(-depth / chance.uniform(0.03, 0.15))
    values *= 1 + chance.uniform(0, 1.5) * skin * breast
    top = max(np.percentile(values[breast], 99.8), 1e-3)
    image = np.round(np.clip(values / top, 0, 1) * 255).astype(np.uint8)
    clip = chance.uniform(0, 5)
    if clip > 0.5:
        image = np.where(breast, cv2.createCLAHE(clip, (8, 8)).apply(image), image)
    rows, columns = image.shape
    if chance.random() < 0.4:
        image = np.where(breast, image, 0)
    elif chance.random() < 0.6:  # film is never quite black
        fog = chance.uniform(0, 0.2, 2) * np.median(image[breast])
        fogged = image + np.linspace(*fog, columns)[None] * (1 - image / 255)
        image = np.clip(fogged + chance.normal(0, 1, image.shape), 0, 255).astype(np.uint8)
    if chance.random() < 0.3:
        stop = np.flatnonzero(mask.any(axis=0))[-1] + chance.uniform(-0.02, 0.1) * columns
        image = image[:, : max(columns // 4, int(stop))]
    if chance.random() < 0.15:  # bare film
        strip = int(chance.uniform(0.02, 0.1) * columns)
        image = np.pad(image, ((0, 0), (0, strip)), constant_values=245)
    image = cv2.resize(image, None, fx=chance.uniform(0.8, 1.25), fy=1)
    rows, columns = image.shape

    def pad(size: int, chances: float, share: float) -> int:
        return int(chance.uniform(0, share) * size) if chance.random() < chances else 0

    down = (pad(rows, 0.3, 0.08), pad(rows, 0.3, 0.08))
    return np.pad(image, (down, (pad(columns, 0.5, 0.12), pad(columns, 0.4, 0.6))))


def _made(role: str, image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    side, piece, pair, _ = MADE
    if role == side:
        return np.rot90(image, chance.choice((1, 3)))
    facing, mask = _facing_right(image)
    column, row, width, height = cv2.boundingRect(mask)
    box = facing[row : row + height, column : column + width]
    if role == piece:
        return box[height // 4 : -height // 4, : max(40, width // 2)]
    if role == pair:
        return np.pad(np.hstack([box[:, ::-1], box]), 10)
    tissue = np.ascontiguousarray(box[:, : max(16, int(0.8 * width))])
    size = (int(1.4 * width), int(1.1 * height))
    return _ellipse(cv2.resize(tissue, size), chance, 0.25, 0.48)


def _cut_out(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The picture in an ellipse or, as an ultrasound probe sees, in a sector, on black."""
    if chance.random() < 0.5:
        return _ellipse(image, chance, 0.25, 0.5)
    rows, columns = image.shape
    mask = np.zeros_like(image)
    size = (int(0.9 * rows), int(0.95 * rows))
    cv2.ellipse(mask, (columns // 2, 0), size, 0, 50, 130, 1, cv2.FILLED)
    return image * mask


def _ellipse(
    image: np.ndarray, chance: np.random.Generator, smallest: float, largest: float
) -> np.ndarray:
    rows, columns = image.shape
    mask = np.zeros_like(image)
    size = tuple(max(8, int(n * chance.uniform(smallest, largest))) for n in (columns, rows))
    cv2.ellipse(mask, (columns // 2, rows // 2), size, 0, 0, 360, 1, cv2.FILLED)
    return image * mask
