"""The one-page summary of a study: what is on it, and how it is laid on paper.

Everything on it comes from what the session lets out and from canvases, so what a reading mode
hides is not there; that the page says so itself must not depend on what the model said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
)

from engine import __version__
from engine.domain import (
    BIRADS_MEANING,
    NOTICE,
    Agreement,
    Judgement,
    Laterality,
    OutOfScope,
    Prediction,
    ReaderAssessment,
    Study,
    StudyPrediction,
)
from engine.plain_text import visible_text
from viewer.display import opinion
from viewer.display.opinion import percent
from viewer.display.page_scale import unit_of
from viewer.display.reading_modes import MODE_TITLES
from viewer.display.regions import headline, remarks
from viewer.display.shown_image import ImageState
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised, notice
from viewer.shared.plain_text import shortened
from viewer.shared.states import ReadingState, RegionRequest
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions
from viewer.viewports.picture import Paper, picture, scale_to_fit

PAGE = QPageLayout(
    QPageSize(QPageSize.PageSizeId.A4),
    QPageLayout.Orientation.Portrait,
    QMarginsF(14, 12, 14, 12),
    QPageLayout.Unit.Millimeter,
)
MOST_VIEWS = 8
_VIEW_PIXELS = {1: 1600, 2: 1080, 4: 640}  #: by cells in a row: a cell's width, at 300 dpi or more
_CELL_FORM = {1: 1.0, 2: 1.05, 4: 1.5}  #: by cells in a row: a cell's height over its width
_NOT_JUDGED = mark("not judged")
_FILL = 0.98  #: of a cell, that the largest breast takes
_SIDES = {Laterality.RIGHT: mark("Right breast"), Laterality.LEFT: mark("Left breast")}
# Not quite black: a preview does not record the pen that is the default, and takes the screen's.
_INK, _QUIET, _RED = QColor("#010101"), QColor("#444444"), QColor("#8a1c00")
_HEAD_MM, _TEXT_MM, _SMALL_MM = 5.4, 3.5, 2.9  #: heights of type
_LEADING = 1.32
_GAP_MM = 2.0
_ABOUT_MM = 30.0  #: of width, for what a line is about
_LINE_MM = 0.8  #: between views


@dataclass(frozen=True)
class ViewOnPaper:
    label: str
    warnings: tuple[str, ...]  #: mirrored, guessed, inverted …
    image: QImage | None  #: None: it could not be shown
    heat: QImage | None = None  #: the same with the heat-map over it


@dataclass(frozen=True)
class Line:
    """Of a section: what it is about, and the words."""

    about: str
    text: str


@dataclass(frozen=True)
class StudySummary:
    """What is printed, as values."""

    identity: str  #: the patient; or that it was left out
    views: tuple[ViewOnPaper, ...]
    scale: str  #: whether the sizes of the views compare
    model: tuple[Line, ...]
    reader: tuple[Line, ...]
    made_at: datetime
    regions: tuple[Line, ...] = ()  #: spots that were asked about; none: no such section

    @property
    def has_heat(self) -> bool:
        return any(view.heat is not None for view in self.views)

    @property
    def lines(self) -> tuple[Line, ...]:
        return *self.model, *self.regions, *self.reader

    def words(self) -> list[str]:
        """Every word of the page but the notice."""
        lines = [f"{line.about}: {line.text}" for line in self.lines]
        warnings = [warning for view in self.views for warning in view.warnings]
        return [self.identity, *(view.label for view in self.views), *warnings, self.scale, *lines]


# ---------------------------------------------------------------------------------------- content


def summarise(
    study: Study,
    canvases: Sequence[Canvas],
    prediction: StudyPrediction | None,
    history: Iterable[ReaderAssessment],
    reading: ReadingState,
    made_at: datetime,
    with_identity: bool,
    with_heat: bool,
    regions: Sequence[tuple[str, RegionRequest]] = (),
    cancers_per_1000: float | None = None,
) -> StudySummary:
    """`prediction` and `history` as the session tells them; `regions` are what is known of spots,
    by the names that they have on the page. `with_identity` names the patient as far as the
    screen does; without it no free words, dates and readers' names are there either.
    """
    shown = canvases[:MOST_VIEWS]
    with_heat = with_heat and any(canvas.shows_heat for canvas in shown)
    scale = tr("Views at one scale.") if len(shown) > 1 else ""
    if len(shown) > 1 and not all(canvas.view.pixel_spacing for canvas in shown):
        scale = tr("Each view fitted by itself; sizes do not compare.")
    if more := len(canvases) - len(shown):
        scale += " "
        scale += (
            tr("1 more view not shown.") if more == 1 else tr("%n more views not shown.", "", more)
        )
    named = canvases[0].text.identity if canvases and with_identity else ()
    return StudySummary(
        identity=" · ".join(named) or tr("Patient not named"),
        views=_views_on_paper(shown, with_heat),
        scale=scale.strip(),
        model=tuple(_model_lines(study, prediction, reading, cancers_per_1000)),
        reader=tuple(_reader_lines(history, reading, with_identity)),
        regions=tuple(_region_lines(regions, reading)),
        made_at=made_at,
    )


def _views_on_paper(canvases: Sequence[Canvas], with_heat: bool) -> tuple[ViewOnPaper, ...]:
    """Without any word, which the page writes; at one scale where all are in millimetres."""
    across = columns(len(canvases), with_heat)
    in_millimetres = all(canvas.view.pixel_spacing for canvas in canvases)
    usable = [canvas for canvas in canvases if canvas.state is ImageState.SHOWN]
    papers = {}
    for canvas in usable:
        pixels = QSize(_VIEW_PIXELS[across], round(_VIEW_PIXELS[across] * _CELL_FORM[across]))
        size, unit = pixels / canvas.devicePixelRatioF(), unit_of(canvas.view, in_millimetres)
        papers[canvas] = Paper(size, _FILL * scale_to_fit(canvas, size, unit), unit)
    if in_millimetres:
        common = min((paper.scale for paper in papers.values()), default=0.0)
        papers = {canvas: replace(paper, scale=common) for canvas, paper in papers.items()}

    def image(canvas: Canvas, heat: bool) -> QImage:
        painted = picture(canvas, OverlayOptions(label=False, heat=heat), papers[canvas])
        painted.setDevicePixelRatio(1)
        return painted

    return tuple(
        ViewOnPaper(
            canvas.view.label,
            tuple(canvas.text.warnings()),
            image(canvas, False) if canvas in papers else None,
            image(canvas, True) if with_heat and canvas in papers and canvas.shows_heat else None,
        )
        for canvas in canvases
    )


def columns(views: int, with_heat: bool) -> int:
    """Cells in a row of the page."""
    return 4 if with_heat or views > 4 else 2 if views > 1 else 1


def _model_lines(
    study: Study,
    prediction: StudyPrediction | None,
    reading: ReadingState,
    cancers_per_1000: float | None,
) -> Iterable[Line]:
    if reading.phase.is_hidden:
        words = tr("Not told in this reading mode ({mode}).")
        yield Line("", words.format(mode=tr(MODE_TITLES[reading.mode]).lower()))
        return
    if prediction is None:
        yield Line("", tr("No answer of the model when this page was made."))
        return
    by_view = {view.image_uid: view.prediction for view in prediction.views}
    for breast in prediction.breasts:
        views = opinion.views_of(study, prediction, breast.laterality)
        of_views = " · ".join(_of_view(name, said) for name, said in views)
        words = _said(breast.prediction, views, len(breast.image_uids) > 1, cancers_per_1000)
        yield Line(tr(_SIDES[breast.laterality]), f"{words}; {of_views}")
        if networks := _networks(breast.prediction, views):
            yield Line("", networks)
    if not prediction.breasts:
        for view in study.views:
            if view.image_uid in by_view:
                said = by_view[view.image_uid]
                yield Line(view.label, _said(said, (), False, cancers_per_1000))
                if networks := _networks(said, ()):
                    yield Line("", networks)
    else:
        yield Line("", tr(opinion.POOLING_RULE))
    if prior := opinion.prior_text(prediction, cancers_per_1000):
        yield Line("", prior)
    model = prediction.model
    told = tr(
        "{model}, {hash}. Its category is no assessment; its confidence was calibrated on enriched "
        "archive cases."
    )
    title = opinion.model_title(model.name)
    yield Line(tr("Model"), told.format(model=title, hash=visible_text(model.sha256[:8])))


def _said(
    prediction: Judgement,
    views: Sequence[opinion.Named],
    is_pooled: bool,
    cancers_per_1000: float | None,
) -> str:
    if isinstance(prediction, OutOfScope):
        return tr("not judged: {why}").format(why=localised(prediction.reason))
    words = tr("category {grade} ({meaning}), confidence {percent}; P(4 or 5) {suspicion}")
    words = words.format(
        grade=prediction.category,
        meaning=", ".join([opinion.meaning(prediction), *opinion.warnings(prediction, views)]),
        percent=percent(prediction.confidence),
        suspicion=percent(prediction.suspicion),
    )
    shifted = opinion.shifted(prediction, is_pooled, cancers_per_1000)
    return words if shifted is None else f"{words} → {opinion.per_1000(shifted)}"


def _of_view(name: str, said: Judgement) -> str:
    """'CC 4 (P(4 or 5) 83 %)'."""
    if isinstance(said, OutOfScope):
        return f"{name} {tr(_NOT_JUDGED)}"
    suspicion = tr("P(4 or 5) {percent}").format(percent=percent(said.suspicion))
    return f"{name} {said.category} ({suspicion})"


def _networks(said: Judgement, views: Sequence[opinion.Named]) -> str:
    """What the networks of an ensemble say alone; empty where it is none, or none may judge."""
    alone = [
        f"{opinion.short_title(other.model.name)} {other.category}"
        for other in said.others
        if isinstance(other, Prediction)
    ]
    if not alone:
        return ""
    words = " ".join([tr("Each network alone:"), ", ".join(alone)])
    if places := opinion.where_networks_differ(said, views):
        differ = tr("The networks differ: {places}").format(places=", ".join(places))
        return f"{words}. {differ}"
    return words


def _region_lines(
    regions: Iterable[tuple[str, RegionRequest]], reading: ReadingState
) -> Iterable[Line]:
    """One for each spot that was answered; none where the reading mode hides them."""
    models = {}
    for name, request in () if reading.phase.is_hidden else regions:
        if (said := request.prediction) is not None:
            models[said.model.sha256] = said.model
            parts = [*headline(said), *remarks(said)]
            yield Line(name, " · ".join(part.rstrip(".") for part in parts))
    for model in models.values():
        yield Line(tr("Model"), f"{shortened(model.name)}, {visible_text(model.sha256[:8])}")


def _reader_lines(
    history: Iterable[ReaderAssessment], reading: ReadingState, with_identity: bool
) -> Iterable[Line]:
    """The newest word of each reader on each breast."""
    newest = {(a.laterality.value, a.reader): a for a in history}
    if not newest:
        yield Line("", tr("No reading is on record."))
    ordered = sorted(newest.items(), key=lambda item: (item[0][0] != "R", item[1].recorded_at))
    for _, assessment in ordered:
        category = assessment.category
        meaning = tr(BIRADS_MEANING[int(category.value[0])])
        parts = [f"BI-RADS {category.value} {meaning}"]
        if not reading.phase.is_hidden:
            parts += _about_the_model(assessment)
        if with_identity:
            parts.append(shortened(assessment.reader))
            parts.append(assessment.recorded_at.astimezone().strftime("%Y-%m-%d %H:%M"))
            if assessment.comment:
                parts.append(f"“{' '.join(visible_text(assessment.comment).split())}”")
        yield Line(tr(_SIDES[assessment.laterality]), " · ".join(parts))


def _about_the_model(assessment: ReaderAssessment) -> list[str]:
    parts = []
    before = assessment.category_before
    if before is not None:
        kept = tr("the same") if before is assessment.category else before.value
        parts.append(tr("before the model's answer: {category}").format(category=kept))
    if assessment.is_revealed and assessment.agreement is not Agreement.NOT_COMPARABLE:
        agrees = assessment.agreement is Agreement.AGREE
        parts.append(tr("agrees with the model") if agrees else tr("disagrees with the model"))
    if assessment.reason:
        parts.append(tr(assessment.reason))
    return parts


# ----------------------------------------------------------------------------------------- layout


def pdf(summary: StudySummary) -> bytes:
    """One A4 page."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setPageLayout(PAGE)
    writer.setResolution(600)
    writer.setTitle(tr("Study summary"))  # no name: titles show in lists of files
    writer.setCreator(f"birads-viewer {__version__}. {NOTICE}")
    painter = QPainter(writer)
    paint_page(painter, QRectF(0, 0, writer.width(), writer.height()), summary)
    painter.end()
    return bytes(buffer.data().data())


def paint_page(painter: QPainter, area: QRectF, summary: StudySummary) -> None:
    """On white, black ink; `area` is the page within its margins."""
    _Page(painter, area, summary).paint()


class _Page:
    def __init__(self, painter: QPainter, area: QRectF, summary: StudySummary) -> None:
        self._painter, self._area, self._summary = painter, area, summary
        self._mm = area.width() / PAGE.paintRect(QPageLayout.Unit.Millimeter).width()
        self._y = area.top()

    def paint(self) -> None:
        summary, mm = self._summary, self._mm
        self._head()
        footer = 6 * mm
        text = self._sections_height()
        floor = self._area.bottom() - footer
        below = min(text, 0.5 * (floor - self._y))
        self._views(floor - below - self._y)
        self._section(tr("Model's answer"), summary.model, floor)
        if summary.regions:
            self._section(tr("Spots asked about"), summary.regions, floor)
        self._section(tr("Reader"), summary.reader, floor)
        self._footer(footer)

    def _head(self) -> None:
        mm = self._mm
        self._write(tr("Mammography study summary"), _HEAD_MM, bold=True)
        self._write(notice(), _TEXT_MM, bold=True, colour=_RED)
        self._write(self._summary.identity, _TEXT_MM, bold=True)
        self._y += _GAP_MM * mm

    def _footer(self, height: float) -> None:
        made = self._summary.made_at.strftime("%Y-%m-%d %H:%M")
        self._y = self._area.bottom() - height + 1.5 * self._mm
        page = tr("birads-viewer {version}, page made {time}.").format(
            version=__version__, time=made
        )
        text = f"{NOTICE}  {page}"  # the notice verbatim, in whatever language the page is
        self._write(text, _SMALL_MM, colour=_RED)

    def _views(self, height: float) -> None:
        """Captions below each view; with heat-maps a second row has them."""
        mm, views, has_heat = self._mm, self._summary.views, self._summary.has_heat
        across = columns(len(views), has_heat)
        rows = [views[n : n + across] for n in range(0, len(views), across)]
        notes = [self._summary.scale] if self._summary.scale else []
        if has_heat:
            notes.append(tr("Coloured: model attention, not a lesion outline."))
        metrics = QFontMetricsF(self._font(_SMALL_MM))
        below = _wrapped("  ".join(notes), metrics, self._area.width()) if notes else []
        width = (self._area.width() - (across - 1) * _LINE_MM * mm) / across
        step = width + _LINE_MM * mm
        captions = sum(self._caption_height(row, width) for row in rows)
        pictures = len(rows) * (2 if has_heat else 1)
        room = height - captions - len(below) * _SMALL_MM * _LEADING * mm - 2 * _GAP_MM * mm
        room -= pictures * _LINE_MM * mm
        tall = max(8 * mm, min(room / max(1, pictures), width * _CELL_FORM[across]))
        for row in rows:
            for is_heat in (False, True) if has_heat else (False,):
                for place, view in enumerate(row):
                    cell = QRectF(self._area.left() + place * step, self._y, width, tall)
                    self._image(cell, view, view.heat if is_heat else view.image, is_heat)
                self._y += tall + _LINE_MM * mm
            self._captions(row, width, step)
        for line in below:  # whole: what the colours are not must not be cut off
            self._write(line, _SMALL_MM, colour=_QUIET)
        self._y += 2 * _GAP_MM * mm

    def _image(self, cell: QRectF, view: ViewOnPaper, image: QImage | None, is_heat: bool) -> None:
        painter = self._painter
        painter.fillRect(cell, theme.IMAGE_BACKGROUND)
        if image is None:
            painter.setPen(QColor("#dddddd"))
            painter.setFont(self._font(_SMALL_MM))
            words = tr("{view} without heat-map") if is_heat else tr("{view} cannot be shown")
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words.format(view=view.label))
            return
        factor = min(cell.width() / image.width(), cell.height() / image.height())
        width, height = image.width() * factor, image.height() * factor
        left = cell.left() + (cell.width() - width) / 2
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(left, cell.top(), width, height), image)

    def _caption_height(self, row: Sequence[ViewOnPaper], width: float) -> float:
        lines = [1 + len(self._caption_lines(view, width)) for view in row]
        return max(lines, default=0) * _SMALL_MM * _LEADING * self._mm

    def _caption_lines(self, view: ViewOnPaper, width: float) -> list[str]:
        metrics = QFontMetricsF(self._font(_SMALL_MM))
        return [line for text in view.warnings for line in _wrapped(text, metrics, width)]

    def _captions(self, row: Sequence[ViewOnPaper], width: float, step: float) -> None:
        height = _SMALL_MM * _LEADING * self._mm
        for place, view in enumerate(row):
            x = self._area.left() + place * step
            lines = [(view.label, True), *((t, False) for t in self._caption_lines(view, width))]
            for number, (text, is_label) in enumerate(lines):
                area = QRectF(x, self._y + number * height, width, height)
                self._text(area, text, _SMALL_MM, is_label, _INK if is_label else _RED)
        self._y += self._caption_height(row, width)

    # sections of text

    def _section(self, title: str, lines: Sequence[Line], floor: float) -> None:
        mm = self._mm
        self._write(title, _TEXT_MM, bold=True)
        about_width = _ABOUT_MM * mm
        for line in lines:
            indent = about_width if line.about else 0.0
            wrapped = self._wrapped_line(line)
            height = _TEXT_MM * _LEADING * mm
            fitting = int((floor - self._y) / height)
            if fitting < 1:
                return
            if fitting < len(wrapped):
                cut = tr("{text} … (cut)").format(text=wrapped[fitting - 1])
                wrapped = [*wrapped[: fitting - 1], cut]
            if line.about:
                area = QRectF(self._area.left(), self._y, about_width, height)
                self._text(area, line.about, _TEXT_MM, False, _QUIET)
            for text in wrapped:
                area = QRectF(
                    self._area.left() + indent, self._y, self._area.width() - indent, height
                )
                self._text(area, text, _TEXT_MM, False, _INK)
                self._y += height
        self._y += 0.8 * mm

    def _wrapped_line(self, line: Line) -> list[str]:
        room = self._area.width() - (_ABOUT_MM * self._mm if line.about else 0)
        return _wrapped(line.text, QFontMetricsF(self._font(_TEXT_MM)), room)

    def _sections_height(self) -> float:
        lines = self._summary.lines
        titles = 3 if self._summary.regions else 2
        count = titles + sum(len(self._wrapped_line(line)) for line in lines)
        return count * _TEXT_MM * _LEADING * self._mm + 2 * self._mm

    # words

    def _font(self, height_mm: float, bold: bool = False) -> QFont:
        return theme.font(max(1, round(height_mm * self._mm)), bold)

    def _text(self, area: QRectF, text: str, size: float, bold: bool, colour: QColor) -> None:
        font = self._font(size, bold)
        elided = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        self._painter.setFont(font)
        self._painter.setPen(colour)
        self._painter.drawText(area, Qt.AlignmentFlag.AlignLeft, elided)

    def _write(self, text: str, size: float, bold: bool = False, colour: QColor = _INK) -> None:
        """One line across the page."""
        height = size * _LEADING * self._mm
        area = QRectF(self._area.left(), self._y, self._area.width(), height)
        self._text(area, text, size, bold, colour)
        self._y += height


def _wrapped(text: str, metrics: QFontMetricsF, room: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and metrics.horizontalAdvance(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines or [""]
