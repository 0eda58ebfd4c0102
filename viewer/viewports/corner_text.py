"""What stands in the corners of a view: whose it is, how it is shown, and every warning.

Its label and its warnings are always told; the rest gives way to the reader's text level and to
what a picture is to leave out. The label shows the tag, whatever the pixels say.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from engine.domain import Voi, VoiFunction, VoiWindow
from viewer.display.breast_box import ImageSide, hung_wall
from viewer.display.measuring import format_for_screen, spacing_text
from viewer.display.shown_image import ImageState, ShownImage
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import image_notes, localised, localised_unless_foreign
from viewer.shared.plain_text import shortened
from viewer.viewports.text_painting import (
    PAD,
    TextLine,
    corner_width,
    height_of,
    in_lines,
    paint_lines,
    paint_placeholder,
)

_LARGEST = 65535  #: of 16 bits; a window over all of them says nothing by its numbers
_PRIOR_PX = theme.TITLE_PX, theme.SMALL_TEXT_PX, 11  #: of PRIOR, its date, and CURRENT
_MIRRORED = mark("⇄ mirrored for display")


class TextLevel(Enum):
    """How much is written over the image; the label and every warning always are."""

    ALL = mark("image and study")
    IMAGE = mark("image only, no patient")
    LABEL = mark("side and view only")


@dataclass(frozen=True)
class OverlayOptions:
    """What is painted of a view besides its pixels."""

    label: bool = True  #: side, view and every warning; never left out but where a page says them
    heat: bool = True
    drawings: bool = True
    text: bool = True  #: window, spacing, zoom, modifiers
    identity: bool = True  #: the patient's name, ID and date
    foreign: bool = False  #: others' marks, and who made them; on the screen alone


EVERYTHING = OverlayOptions(foreign=True)


class CornerLine(NamedTuple):
    text: str
    colour: QColor

    @property
    def is_warning(self) -> bool:
        """Or what else must be told with the view: not what is merely useful."""
        return self.text == tr(_MIRRORED) or self.colour not in (theme.TEXT, theme.MUTED)


def window_text(window: Voi) -> str:
    """'W 900 L 2065 normal', 'LUT normal', 'full range'."""
    if not isinstance(window, VoiWindow):
        return f"LUT {localised_unless_foreign(window.name)}".strip()
    digits = 0 if window.width >= 20 else 2
    curve = "" if window.function is not VoiFunction.SIGMOID else tr("sigmoid") + " "
    name = localised_unless_foreign(window.name)
    low, high = (window.center + half * window.width for half in (-0.5, 0.5))
    if low <= 0 and high >= _LARGEST:
        full = tr("full range")
        return f"{full} {curve}{name}".strip()
    text = f"W {window.width:.{digits}f} L {window.center:.{digits}f} {curve}{name}"
    return text.strip()


class CornerText:
    """Of one view; it is asked anew for each painting."""

    def __init__(self, image: ShownImage) -> None:
        self._image = image
        self.level = TextLevel.ALL
        self.is_beside_prior = False  #: and says that it is the current one
        self.is_comparable = True  #: its size, with the others of the page; if not it says so
        self.tells_waiting = True  #: while it has no pixels
        self.refusal = ""  #: why no network judges the view, in the reader's language; or nothing
        self.foreign: tuple[str, ...] = ()  #: whose marks show, while they do

    @property
    def name(self) -> str:
        """'R CC', 'PRIOR 2022-03-02 R CC'."""
        label = self._image.view.label
        return f"{self._prior_text} {label}" if self._image.prior else label

    @property
    def _prior_text(self) -> str:
        """'PRIOR 2022-03-02'; empty of a view of the open study."""
        prior = self._image.prior
        return tr("PRIOR {date}").format(date=prior.study_date.isoformat()) if prior else ""

    @property
    def _origin(self) -> str:
        """Of side and view, where no tag says them."""
        if {"laterality", "view"} & self._image.view.by_hand:
            return tr("by hand")
        return tr("guessed") if {"laterality", "view"} & self._image.view.guessed else ""

    def _patient_lines(self) -> list[str]:
        """Name and ID on lines of their own: neither is elided for the other's sake."""
        study, view = self._image.study, self._image.view
        acquired = view.acquired.replace("T", " ")[:16]
        when = study.study_date.isoformat() if study.study_date else acquired
        if acquired.startswith(when):
            when = acquired
        patient_id = study.patient_id or view.patient_id
        return [shortened(line) for line in (study.patient_name, patient_id, when) if line]

    @property
    def identity(self) -> tuple[str, ...]:
        """The patient's name, ID and the date, as far as they are on the screen."""
        return tuple(self._patient_lines()) if self.level is TextLevel.ALL else ()

    # ------------------------------------------------------------------------------------- lines

    def top_lines(self, with_identity: bool = True) -> list[CornerLine]:
        """Below the view's label."""
        return list(self._top_lines(with_identity))

    def _top_lines(self, with_identity: bool) -> Iterator[CornerLine]:
        image = self._image
        if image.prior:
            yield CornerLine(image.prior.interval, theme.PRIOR)
        if with_identity:
            yield from (CornerLine(text, theme.TEXT) for text in self.identity)
        if image.prior:
            yield from _warnings(map(localised, image.prior.warnings))
        for modifier in image.view.view_modifiers:
            yield CornerLine(localised_unless_foreign(modifier), theme.TEXT)
        if turned := image.camera.orientation.text:
            yield from _warnings(f"⟲ {part}" for part in tr(turned).split(", "))
        if image.is_mirrored:
            yield CornerLine(tr(_MIRRORED), theme.WARNING if image.side_warnings else theme.MUTED)
        yield from _warnings(map(localised_unless_foreign, image.side_warnings))

    def bottom_lines(self) -> list[CornerLine]:
        image = self._image
        if not image.has_pixels:
            return []
        lines = list(_warnings(self._bottom_warnings()))
        if self.level is TextLevel.LABEL:
            return lines
        spacing = format_for_screen(spacing_text(image.view.pixel_spacing))
        return [
            *lines,
            CornerLine(window_text(image.greys.voi), theme.TEXT),
            *([CornerLine(tr("shutter"), theme.MUTED)] if image.is_shuttered else []),
            CornerLine(spacing, theme.MUTED),
            CornerLine(self._zoom_text(), theme.MUTED),
        ]

    def _bottom_warnings(self) -> Iterator[str]:
        view, greys = self._image.view, self._image.greys
        if not self.is_comparable:
            yield tr("size does not compare")
        if self.refusal:
            yield tr("Not judged. {why}").format(why=self.refusal)
        yield from image_notes(view, bool(self.refusal))
        yield from map(localised, view.display_warnings)
        if greys.is_inverted:
            yield tr("inverted")
        if greys.is_linear:
            yield tr("linear fallback")
        if greys.has_local_contrast:
            yield tr("CLAHE: display aid")

    def _zoom_text(self) -> str:
        image = self._image
        magnification = image.camera.magnification if image.is_placed else 0
        text = "1:1"
        if abs(magnification - 1) >= 1e-9:
            text = tr("{percent} % of 1:1").format(percent=f"{100 * magnification:.0f}")
        return text + tr(", true size") if image.is_true_size else text

    def warnings(self) -> list[str]:
        """What must be told wherever the view is shown."""
        origin = [self._origin] if self._origin else []
        lines = *self.top_lines(with_identity=False), *self.bottom_lines()
        return origin + [line.text for line in lines if line.is_warning]

    def summary(self) -> str:
        """One line for a status bar."""
        image = self._image
        if image.state is ImageState.LOADING:
            return tr("{view}: loading").format(view=self.name)
        if image.state is ImageState.FAILED:
            return f"{self.name}: {image.failure[0]}"
        return "   ".join([self.name, *(line.text for line in self.bottom_lines())])

    # ----------------------------------------------------------------------------- screen readers

    def accessible_name(self) -> str:
        image = self._image
        origin = f" ({self._origin})" if self._origin else ""
        state = {
            ImageState.LOADING: tr("loading"),
            ImageState.SHOWN: tr("shown", "a view"),
            ImageState.FAILED: tr("cannot be shown: {why}").format(why=image.failure[0]),
        }[image.state]
        prior = f"{self._prior_text}, " if image.prior else ""
        orientation = image.camera.orientation.text
        turned = f", {tr(orientation)}" if orientation else ""
        return f"{prior}{image.view.label}{origin}, {state}{turned}"

    def accessible_description(self, drawings: Sequence[str]) -> str:
        """`drawings`: what is to be told of them."""
        image = self._image
        warnings = map(
            localised_unless_foreign, (*image.side_warnings, *image.view.display_warnings)
        )
        return ", ".join([*self._patient_lines(), *warnings, *drawings])

    # ----------------------------------------------------------------------------------- painting

    def lines_above(self, area: QRect, options: OverlayOptions = EVERYTHING) -> list[TextLine]:
        """As they are painted in a cell of that size; so `lines_below`."""
        small = theme.font(theme.SMALL_TEXT_PX)
        large = theme.font(theme.VIEW_LABEL_PX, bold=True)
        label = [TextLine(self._image.view.label, theme.TEXT, large)]
        if self._image.prior:  # on two lines: no part of it is ever elided
            words = self._prior_text.split()
            words = words if options.identity else words[:1]  # its date tells of the patient too
            label += [TextLine(word, theme.PRIOR, _whole(word, area)) for word in words]
        elif self.is_beside_prior:
            current = tr("CURRENT")
            label.append(TextLine(current, theme.TEXT, _whole(current, area)))
        if self._origin:
            label.append(TextLine(self._origin, theme.WARNING, small))
        lines = self.top_lines(options.identity)
        if not options.text:
            identity = self.identity if options.identity else ()
            lines = [line for line in lines if line.is_warning or line.text in identity]
        room = corner_width(area)
        return label + [
            TextLine(part, line.colour, small)
            for line in lines
            for part in in_lines(line.text, small, room, area.width() - 2 * PAD)
        ]

    def lines_below(self, area: QRect, options: OverlayOptions = EVERYTHING) -> list[TextLine]:
        small = theme.font(theme.SMALL_TEXT_PX)
        room = corner_width(area)
        return [
            TextLine(part, line.colour, small)
            for line in self.bottom_lines()
            if options.text or line.is_warning
            for part in in_lines(line.text, small, room)  # an origin that is elided is none
        ] + [
            TextLine(part, theme.FOREIGN, small)
            for text in (self.foreign if options.foreign else ())
            for part in in_lines(text, small, room)
        ]

    def free_area(self, area: QRect) -> QRectF:
        """Where none of it stands, across the whole width; all of it if that is little."""
        everything = QRectF(area)
        above, below = height_of(self.lines_above(area)), height_of(self.lines_below(area))
        between = everything.adjusted(0, above, 0, -below)
        return between if between.height() > everything.height() / 3 else everything

    def paint(self, painter: QPainter, area: QRect, options: OverlayOptions) -> None:
        """On the side of the air."""
        align_right = hung_wall(self._image.view.laterality) is ImageSide.LEFT
        lines = self.lines_above(area, options)
        top = paint_lines(painter, area, lines, align_right, at_bottom=False)
        if self._image.state is ImageState.SHOWN:
            below = QRect(area)
            below.setTop(int(top))
            lines = self.lines_below(area, options)
            paint_lines(painter, below, lines, align_right, at_bottom=True)
        elif self._image.state is ImageState.FAILED:
            paint_placeholder(painter, area, *self._image.failure, theme.ERROR)
        elif self.tells_waiting:
            paint_placeholder(painter, area, tr("loading…"), "", theme.MUTED)


def _whole(word: str, area: QRect) -> QFont:
    """The largest font in which the word is not cut in the cell."""
    fonts = [theme.font(size, bold=True) for size in _PRIOR_PX]
    room = area.width() - 2 * PAD
    fitting = (one for one in fonts if QFontMetricsF(one).horizontalAdvance(word) <= room)
    return next(fitting, fonts[-1])


def _warnings(texts: Iterable[str]) -> Iterator[CornerLine]:
    return (CornerLine(text, theme.WARNING) for text in texts)
