"""What others say of a study's images, as values: for a layer of its own, never mixed with ours.

Nothing here has been checked by us, and nothing is trusted: words are cut and made visible, numbers
are finite, points lie within an image's bounds as far as its reader knows them.
"""

from dataclasses import dataclass, field
from enum import Enum

from engine.domain import BiradsCategory, Laterality, Voi

Point = tuple[float, float]  #: (row, column); pixel (r, c) covers r..r+1, c..c+1


class DocumentKind(Enum):
    CAD_REPORT = "CAD report"
    REPORT = "report"
    PRESENTATION = "presentation state"
    SEGMENTATION = "segmentation"
    KEY_OBJECTS = "marked images"
    PDF = "PDF document"


class Shape(Enum):
    POINT = "point"
    LINE = "line"  #: open, through all points
    OUTLINE = "outline"  #: closed; the last point is the first
    CIRCLE = "circle"  #: centre, a point on it
    ELLIPSE = "ellipse"  #: ends of the longer, then of the shorter axis
    TEXT = "text"  #: at its point


class Intent(Enum):
    """What a CAD report asks for, by its Rendering Intent (PS3.16 CID 6034)."""

    REQUIRED = "to be shown"
    OPTIONAL = "may be shown"
    NOT = "not to be shown"


@dataclass(frozen=True)
class ForeignMark:
    image_uid: str
    shape: Shape
    points: tuple[Point, ...]
    label: str = ""  #: what it is said to be, or the text itself
    certainty: float | None = None  #: as the maker gives it, 0 … 1
    intent: Intent = Intent.REQUIRED
    is_filled: bool = False
    frame: int | None = None  #: of several in the image, from 1; None: of the image


@dataclass(frozen=True)
class Statement:
    """What a report says of one breast, or of one finding."""

    laterality: Laterality | None
    category: BiradsCategory | None
    words: tuple[tuple[str, str], ...] = ()  #: name and value, with its unit, as they stand there


@dataclass(frozen=True)
class Shutter:
    """What of an image is to be seen; the rest is covered. PS3.3 C.7.6.11."""

    shape: str  #: RECTANGULAR, CIRCULAR or POLYGONAL
    points: tuple[Point, ...]  #: two corners; centre and a point on the circle; the polygon
    grey: float = 0.0  #: of the cover, 0 … 1


@dataclass(frozen=True)
class ShownSo:
    """How a presentation state shows images."""

    image_uids: tuple[str, ...]
    vois: tuple[Voi, ...] = ()  #: in modality units, like an image's own presets
    #: row_start, row_stop, column_start, column_stop in pixels; None: the whole image
    area: tuple[float, float, float, float] | None = None
    is_flipped: bool = False  #: left to right, after the rotation
    rotation: int = 0  #: clockwise: 0, 90, 180, 270
    is_inverse: bool = False  #: Presentation LUT Shape INVERSE
    shutters: tuple[Shutter, ...] = ()

    @property
    def is_turned(self) -> bool:
        return self.is_flipped or self.rotation != 0


@dataclass(frozen=True)
class DocumentOrigin:
    manufacturer: str
    model: str
    version: str
    written: str  #: "2026-11-28 12:30"; empty where it does not say


@dataclass(frozen=True)
class ForeignDocument:
    kind: DocumentKind
    title: str
    maker: DocumentOrigin
    study_uid: str
    patient_id: str
    sop_uid: str
    observers: tuple[str, ...] = ()
    is_verified: bool = False  #: by somebody, as it says
    is_ours: bool = False  #: it says that this program has written it
    marks: tuple[ForeignMark, ...] = ()
    statements: tuple[Statement, ...] = ()
    shown: tuple[ShownSo, ...] = ()
    key_images: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None  #: of a segmentation: rows, columns that its marks are of
    pdf: bytes | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()  #: what of it could not be read, in sentences
