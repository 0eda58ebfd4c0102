"""What others' documents say of one image, as it is shown: whose marks, in what words, by which
windows. No widgets.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.domain import MammogramView, Voi
from engine.interop.marks import (
    DocumentKind,
    DocumentOrigin,
    ForeignDocument,
    ForeignMark,
    Intent,
    Shutter,
)
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import shortened

MOST = 2_000  #: marks on one image that are painted
_LONGEST = 60  # characters of a maker or a name
_NEARLY_WHOLE = 0.8  # of an image

KIND_TITLES = {
    DocumentKind.CAD_REPORT: mark("CAD report"),
    DocumentKind.REPORT: mark("report"),
    DocumentKind.PRESENTATION: mark("presentation state"),
    DocumentKind.SEGMENTATION: mark("segmentation"),
    DocumentKind.KEY_OBJECTS: mark("marked images"),
    DocumentKind.PDF: mark("PDF document"),
}


@dataclass(frozen=True)
class ImageMarks:
    """Of one image, by one document."""

    marks: tuple[ForeignMark, ...]
    shutters: tuple[Shutter, ...]
    area: tuple[float, float, float, float] | None  #: that the document wants shown
    kind: DocumentKind
    maker: DocumentOrigin  #: who says it, by which version, when


def maker_text(maker: DocumentOrigin) -> str:
    """DocumentOrigin, model, version and date in a line."""
    name = " ".join(part for part in (maker.manufacturer, maker.model, maker.version) if part)
    parts = [shortened(name, 2 * _LONGEST) or tr("maker not named"), shortened(maker.written)]
    return ", ".join(part for part in parts if part)


def marks_on(view: MammogramView, documents: Iterable[ForeignDocument]) -> tuple[ImageMarks, ...]:
    """One for each document that marks the image; what a CAD report wants not shown is left out."""
    return tuple(_marks_on(view, documents))


def captions(marks: Iterable[ImageMarks]) -> tuple[str, ...]:
    """Whose they are: each maker once a day, with its kinds of documents and the newest time."""
    kinds: dict[tuple[DocumentOrigin, str], dict[str, None]] = {}
    newest: dict[tuple[DocumentOrigin, str], DocumentOrigin] = {}
    for each in marks:
        maker = each.maker
        key = replace(maker, written=""), maker.written[:10]
        kinds.setdefault(key, {})[tr(KIND_TITLES[each.kind])] = None
        newest[key] = max(maker, newest.get(key, maker), key=lambda one: one.written)
    return tuple(f"{maker_text(newest[key])}: {', '.join(names)}" for key, names in kinds.items())


def _marks_on(view: MammogramView, documents: Iterable[ForeignDocument]) -> Iterator[ImageMarks]:
    image_uid, left = view.image_uid, MOST
    for document in documents:
        own = [
            each
            for each in document.marks
            if each.image_uid == image_uid and each.intent is not Intent.NOT
        ][:left]
        shown = [shown for shown in document.shown if image_uid in shown.image_uids]
        shutters = tuple(shutter for each in shown for shutter in each.shutters)
        area = next((each.area for each in shown if not _is_whole(each.area, view)), None)
        is_key = image_uid in document.key_images
        if not (own or shutters or area or is_key):
            continue
        left -= len(own)
        yield ImageMarks(tuple(own), shutters, area, document.kind, document.maker)


def _is_whole(area: tuple[float, float, float, float] | None, view: MammogramView) -> bool:
    """Or nearly; also where nothing is said."""
    if area is None:
        return True
    top, bottom, left, right = area
    height = min(bottom, view.rows) - max(top, 0.0)
    width = min(right, view.columns) - max(left, 0.0)
    return height * width > _NEARLY_WHOLE * view.rows * view.columns


def presets_of(image_uid: str, documents: Sequence[ForeignDocument]) -> tuple[Voi, ...]:
    """The windows of presentation states, each named with who wrote it."""
    return tuple(
        replace(voi, name=" · ".join(part for part in (_name(voi), _author(document)) if part))
        for document in documents
        for shown in document.shown
        if image_uid in shown.image_uids
        for voi in shown.vois
    )


def _name(voi: Voi) -> str:
    return shortened(voi.name, _LONGEST)


def _author(document: ForeignDocument) -> str:
    observers = ", ".join(document.observers)
    return shortened(observers or document.maker.manufacturer or document.title, _LONGEST)
