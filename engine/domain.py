"""The words: what a mammography reader talks about, as frozen values.

No behaviour beyond what follows from the values themselves, and no import but numpy and messages,
so that every other module, widgets included, may use them. Arrays are (rows, columns); *left* is
the patient's left; a *view* is a projection.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum
from pathlib import Path

import numpy as np

from engine.messages import Message, mark, message

NOTICE = mark("Research use only. Not for diagnostic use.")

MODEL_NAMES = (
    "both",
    "hybrid",
    "light",
)  #: what may be asked; "both" is the ensemble of the others
DEFAULT_MODEL = "both"


class Laterality(Enum):
    """The patient's breast; values are DICOM Image Laterality (0020,0062)."""

    RIGHT = "R"
    LEFT = "L"


class ViewPosition(Enum):
    """The projection; values are DICOM View Position (0018,5101), PS3.3 C.8.11.7 and CID 4014."""

    CC = "CC"  #: cranio-caudal
    MLO = "MLO"  #: medio-lateral oblique
    ML = "ML"  #: medio-lateral
    LM = "LM"  #: latero-medial
    LMO = "LMO"  #: latero-medial oblique
    XCCL = "XCCL"  #: cranio-caudal exaggerated laterally
    XCCM = "XCCM"  #: cranio-caudal exaggerated medially
    FB = "FB"  #: caudo-cranial (from below)
    SIO = "SIO"  #: superolateral to inferomedial oblique
    ISO = "ISO"  #: inferomedial to superolateral oblique
    AT = "AT"  #: axillary tail
    CV = "CV"  #: cleavage


STANDARD_VIEWS = (ViewPosition.CC, ViewPosition.MLO)


class BiradsCategory(Enum):
    """A reader's assessment category, ACR BI-RADS 5th edition and 2025."""

    INCOMPLETE = "0"
    NEGATIVE = "1"
    BENIGN = "2"
    PROBABLY_BENIGN = "3"
    SUSPICIOUS = "4"
    LOW_SUSPICION = "4A"
    MODERATE_SUSPICION = "4B"
    HIGH_SUSPICION = "4C"
    HIGHLY_SUGGESTIVE = "5"
    KNOWN_MALIGNANCY = "6"

    @property
    def grade(self) -> int | None:
        """The model's counterpart, 1..5; None for 0 and 6, which no image shows by itself."""
        grade = int(self.value[0])
        return grade if 1 <= grade <= 5 else None


BIRADS_MEANING: Mapping[int, str] = {
    0: mark("incomplete"),
    1: mark("negative"),
    2: mark("benign"),
    3: mark("probably benign"),
    4: mark("suspicious"),
    5: mark("highly suggestive of malignancy"),
    6: mark("known malignancy"),
}
#: Of a model's category: no image shows the work-up and the judgement that an assessment rests on.
MODEL_MEANING: Mapping[int, Message] = {
    grade: message("pattern like training grade {grade}", grade=grade) for grade in range(1, 6)
}


# ---------------------------------------------------------------------------------------- images


class VoiFunction(Enum):
    """How a window maps values to grey: VOI LUT Function (0028,1056), PS3.3 C.11.2.1."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True)
class VoiWindow:
    """A window in modality units (after rescale), PS3.3 C.11.2.1.2; `width` > 0."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR
    name: str = ""  #: Window Center & Width Explanation, or where we took it from


@dataclass(frozen=True, eq=False)
class VoiLut:
    """One item of a VOI LUT Sequence, PS3.3 C.11.2.1.1."""

    table: np.ndarray = field(repr=False)  #: uint16 or uint8 (entries,)
    first_value: int  #: the modality value that the first entry stands for
    bits: int  #: bits of an entry: the output range is 0 .. 2**bits - 1
    name: str = ""


Voi = VoiWindow | VoiLut


class SpacingSource(Enum):
    """Where a pixel spacing comes from; shown beside every measurement."""

    CALIBRATED = mark("calibrated")  #: Pixel Spacing (0028,0030) with a calibration stated
    DETECTOR = mark("at detector")  #: Imager Pixel Spacing (0018,1164): lengths come out too large
    MAGNIFICATION = mark(
        "estimated with magnification"
    )  #: Imager Pixel Spacing / magnification factor
    FILE = mark("from the file")  #: Pixel Spacing, its calibration not stated


@dataclass(frozen=True)
class PixelSpacing:
    """Distance between pixel centres, in mm; both > 0."""

    row_mm: float  #: between rows (down the image)
    column_mm: float  #: between columns (across the image)
    source: SpacingSource
    magnification: float | None = None  #: the factor, with source MAGNIFICATION


@dataclass(frozen=True, eq=False)
class Pixels:
    """The grey values of one image, decoded and rescaled but not windowed.

    `stored` is uint16 (rows, columns), read-only, larger is brighter whatever the photometric
    interpretation of the file. Its modality value (after Rescale Slope and Intercept, the unit of
    every `Voi`) is ``value_offset + value_scale * stored``; the scale is negative for MONOCHROME1.
    """

    stored: np.ndarray = field(repr=False)
    value_scale: float = 1.0
    value_offset: float = 0.0
    is_inverted: bool = False  #: MONOCHROME1 or INVERSE: the VOI output is turned round
    has_padding: bool = False  #: then stored 0 means Pixel Padding and is black in every polarity

    @property
    def shape(self) -> tuple[int, int]:
        return self.stored.shape


@dataclass(frozen=True)
class FileIdentity:
    """What a file was when it was listed; `engine.dicom.files` tells whether it still is."""

    device: int
    inode: int
    size: int  #: bytes
    modified_ns: int  #: since the epoch
    changed_ns: int  #: of its inode; on Windows its creation
    content: bytes  #: a digest of a DICOM header, or of samples of a picture
    header_bytes: int | None  #: how many bytes of the header that is of; None for a picture


@dataclass(frozen=True, eq=False)
class MammogramView:
    """One image of a study as its header tells it; `dicom.loading.load_pixels` decodes it."""

    path: Path
    image_uid: str  #: SOP Instance UID; for plain images a digest of path and content
    study_uid: str  #: the uid of the Study it is listed in
    patient_id: str
    rows: int
    columns: int
    laterality: Laterality | None
    view_position: ViewPosition | None
    guessed: frozenset[str] = frozenset()  #: of "laterality", "view", "study": not from a tag
    by_hand: frozenset[str] = frozenset()  #: likewise: not from the file at all, a reader says so
    pixel_spacing: PixelSpacing | None = None
    pixel_aspect: float = 1.0  #: height of a pixel / its width; 1 is square
    vois: tuple[Voi, ...] = ()  #: the file's own presets, in the order to be offered
    #: where its greys are not as it states, in few words: they stand on the image itself
    display_warnings: tuple[Message, ...] = ()
    #: where its tags contradict each other on the side
    laterality_warnings: tuple[Message, ...] = ()
    orientation: tuple[str, ...] = ()  #: Patient Orientation (0020,0020): of a row, of a column
    out_of_scope: Message | None = None  #: why no network may judge it; None if one may
    notes: tuple[Message, ...] = ()  #: what the reader should know (guesses, missing spacing …)
    notes_on_image: frozenset[Message] = frozenset()  #: of `notes`: the image says it otherwise
    #: View Modifier Code Sequence: messages where the code is known, else its own meaning
    view_modifiers: tuple[str, ...] = ()
    instance_number: int = 0
    acquired: str = ""  #: acquisition or content date and time as shown, ISO form
    file: FileIdentity | None = None  #: what is read again must be this; None: it was not listed

    @property
    def label(self) -> str:
        """'R CC'; a question mark stands for what is not known."""
        side = self.laterality.value if self.laterality else "?"
        return f"{side} {self.view_position.value if self.view_position else '?'}"


def not_judged(reason: Message) -> Message:
    """The note on a view that is out of scope for that reason."""
    return message("{reason} The networks do not judge it.", reason=reason)


@dataclass(frozen=True)
class PatientIdentity:
    """Whose images they are, as far as tags tell. No name: names identify nobody, and change."""

    patient_id: str  #: never empty
    issuer: str = ""  #: Issuer of Patient ID (0010,0021), or its Universal Entity ID
    birth_date: date | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """Views of one patient on one occasion; never two patients' (see `engine.dicom.loading`)."""

    uid: str  #: Study Instance UID; for plain images folder/stem
    patient_id: str
    views: tuple[MammogramView, ...]
    patient_name: str = ""
    study_date: date | None = None
    description: str = ""
    is_joined: bool = True  #: the views belong to one patient by rule, so breasts may be judged
    identity: PatientIdentity | None = None  #: None: no tag says it, or tags contradict each other
    notes: tuple[Message, ...] = ()

    def view(self, image_uid: str) -> MammogramView:
        """Raises KeyError where the study has no such image."""
        for view in self.views:
            if view.image_uid == image_uid:
                return view
        raise KeyError(image_uid)


@dataclass(frozen=True)
class FailedFile:
    """A file that looked like an image and could not be read; listed, never silently dropped."""

    path: Path
    title: Message
    advice: Message


@dataclass(frozen=True)
class FoundDocument:
    """A DICOM object about images of a study."""

    path: Path
    study_uid: str


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All that was found under the paths a reader opened."""

    studies: tuple[Study, ...]
    failures: tuple[FailedFile, ...] = ()
    skipped_count: int = 0  #: files that are no image by name and content
    notes: tuple[Message, ...] = ()  #: e.g. "Images of 2 patients lie in one folder; kept apart."
    documents: tuple[FoundDocument, ...] = ()  #: about images of the studies


@dataclass(frozen=True)
class CopiedImage:
    """An image in an anonymised copy of a study."""

    source: Path
    copy: Path
    marks: int | None  #: beside the breast, that may be text; None: no breast was found
    is_blanked: bool = False


@dataclass(frozen=True)
class AnonymousCopy:
    """What became of a study; files in `failures` were not copied."""

    folder: Path
    images: tuple[CopiedImage, ...]
    failures: tuple[FailedFile, ...]


# ------------------------------------------------------------------------------------- AI's word


@dataclass(frozen=True)
class Shares:
    """Of the views, or of the breasts, that a calibration was fitted on; each in 0 .. 1."""

    suspicious: float  #: graded 4 or 5
    malignant: float | None = None  #: None: not known


@dataclass(frozen=True)
class Population:
    """Whom a network's probabilities were calibrated on: what Bayes' rule needs to leave them."""

    views: Shares
    breasts: Shares


@dataclass(frozen=True)
class ModelIdentity:
    """Which network predicted, to the byte."""

    name: str  #: one of `MODEL_NAMES`
    sha256: str  #: of the checkpoint file; an ensemble's names those of its members
    categories: tuple[int, ...]  #: the grades it offers, ascending
    #: what its probabilities were calibrated on; None where the checkpoint does not tell
    population: Population | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Prediction:
    """What a network predicts of a view or a breast.

    `probabilities` are calibrated, keyed by grade over the model's own categories, and sum to 1.
    """

    model: ModelIdentity
    probabilities: Mapping[int, float]
    malignancy: float | None = None  #: calibrated probability, where the network has such a head
    #: what other networks predict of the same, each by itself: the members of an ensemble, or the
    #: one that was asked for a second opinion
    others: tuple["Judgement", ...] = ()
    #: with a stored reading: the prior that the reader was shown it with, cancers per 1,000 women
    shown_per_1000: float | None = None

    @property
    def category(self) -> int:
        """Calibrated arg-max; a tie goes to the higher grade."""
        return max(self.probabilities, key=lambda grade: (self.probabilities[grade], grade))

    @property
    def confidence(self) -> float:
        """The probability of `category`."""
        return self.probabilities[self.category]

    @property
    def suspicion(self) -> float:
        """P(BI-RADS >= 4), for sorting a worklist."""
        return sum(p for grade, p in self.probabilities.items() if grade >= 4)


@dataclass(frozen=True)
class OutOfScope:
    """That a network does not judge a view or a breast, and why."""

    model: ModelIdentity
    reason: Message
    others: tuple["Judgement", ...] = ()  #: as in `Prediction`
    shown_per_1000: float | None = None  #: as in `Prediction`


#: what comes of asking a network about a view or a breast
Judgement = Prediction | OutOfScope


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where the network looked: a heat-map on an absolute scale, not stretched per image.

    `heat` is float32 (any rows, any columns) in [0, 1] and covers the source pixels
    ``region = (row_start, row_stop, column_start, column_stop)``; outside it the map is 0. 1 is a
    fixed activation stored with the checkpoint, so maps of different images compare.
    """

    heat: np.ndarray = field(repr=False)
    region: tuple[int, int, int, int]
    target: str  #: what is explained, e.g. "BI-RADS 4 or 5"
    method: str  #: e.g. "Grad-CAM (HiResCAM), fixed scale"


@dataclass(frozen=True, eq=False)
class ViewPrediction:
    image_uid: str
    prediction: Judgement
    explanation: Explanation | None = None


@dataclass(frozen=True)
class BreastPrediction:
    laterality: Laterality
    prediction: Judgement
    image_uids: tuple[str, ...]  #: the in-scope views it rests on


@dataclass(frozen=True, eq=False)
class StudyPrediction:
    """A whole study's prediction by one model; `failures` lists views that could not be decoded."""

    study_uid: str
    model: ModelIdentity
    views: tuple[ViewPrediction, ...]
    breasts: tuple[BreastPrediction, ...]
    failures: tuple[FailedFile, ...] = ()

    @property
    def members(self) -> tuple["StudyPrediction", ...]:
        """What each network of an ensemble predicts by itself, calibrated by itself and without
        heat-maps; () for a single network, or where no view could be decoded."""
        alone = [view.prediction.others for view in self.views]
        if not alone or not alone[0]:
            return ()
        return tuple(
            StudyPrediction(
                self.study_uid,
                alone[0][place].model,
                tuple(ViewPrediction(v.image_uid, v.prediction.others[place]) for v in self.views),
                tuple(replace(b, prediction=b.prediction.others[place]) for b in self.breasts),
                self.failures,
            )
            for place in range(len(alone[0]))
        )

    @property
    def suspicion(self) -> float:
        """The most suspicious breast's (else view's) P(BI-RADS >= 4); 0: all out of scope."""
        judged = [each.prediction for each in self.breasts or self.views]
        return max((p.suspicion for p in judged if isinstance(p, Prediction)), default=0.0)


@dataclass(frozen=True)
class RegionPrediction:
    """What the region network predicts of one rectangle of a view."""

    image_uid: str
    box: tuple[int, int, int, int]  #: x_min, y_min, x_max, y_max in source pixels, x right, y down
    model: ModelIdentity
    probabilities: Mapping[int, float]  #: over BI-RADS 2, 3, 4, 5
    malignancy: float | None = None  #: calibrated probability
    spacing_mm: float | None = None  #: None: unknown, the image's own pixels were taken as they are
    spacing_source: str | None = None
    notes: tuple[Message, ...] = ()

    @property
    def category(self) -> int:
        """Calibrated arg-max; a tie goes to the higher grade."""
        return max(self.probabilities, key=lambda grade: (self.probabilities[grade], grade))

    @property
    def confidence(self) -> float:
        """The probability of `category`."""
        return self.probabilities[self.category]

    @property
    def suspicion(self) -> float:
        """P(BI-RADS >= 4)."""
        return sum(p for grade, p in self.probabilities.items() if grade >= 4)


@dataclass(frozen=True)
class RegionOutOfScope:
    """That the region network does not judge a rectangle, and why."""

    image_uid: str
    box: tuple[int, int, int, int]  #: as in `RegionPrediction`
    model: ModelIdentity
    reason: Message
    spacing_mm: float | None = None
    spacing_source: str | None = None
    notes: tuple[Message, ...] = ()


#: what comes of asking about a rectangle
RegionJudgement = RegionPrediction | RegionOutOfScope


# --------------------------------------------------------------------------------- reader's word


class Agreement(Enum):
    AGREE = mark("agree")
    DISAGREE = mark("disagree")
    NOT_COMPARABLE = mark("not comparable")  #: reader 0 or 6, or no prediction: out of the figures


class ReadingMode(Enum):
    CONCURRENT = mark("concurrent")  #: AI shown at once
    SECOND_READ = mark("second read")  #: AI shown after the reader's own category
    BLIND_AUDIT = mark("blind audit")  #: AI computed, never shown


def propose_agreement(category: BiradsCategory, prediction: Judgement | None) -> Agreement:
    """4A, 4B and 4C agree with the model's 4; a category that the model lacks cannot agree."""
    if category.grade is None or not isinstance(prediction, Prediction):
        return Agreement.NOT_COMPARABLE
    return Agreement.AGREE if category.grade == prediction.category else Agreement.DISAGREE


# From the least suspicious on. 0 asks for more images, so it stands between what is let go and
# what is biopsied; an undivided 4 stands with 4A, so that to subdivide it lowers nothing.
_SUSPICION = {"1": 0, "2": 1, "3": 2, "0": 3, "4": 4, "4A": 4, "4B": 5, "4C": 6, "5": 7, "6": 8}


def is_downgrade(before: BiradsCategory, after: BiradsCategory) -> bool:
    """Whether the reader has become less suspicious: where harm was found in readings with AI."""
    return _SUSPICION[after.value] < _SUSPICION[before.value]


@dataclass(frozen=True)
class ReaderAssessment:
    """One reader's word on one breast; never edited, only superseded by a later one.

    Of a reading made while the model's answer was hidden, `prediction`, the agreements and
    `revealed_at` are what has become known of it since; when it was recorded they were empty.
    """

    study_uid: str
    image_uids: tuple[str, ...]  #: all views of the breast that were shown
    patient_id: str
    laterality: Laterality
    reader: str
    category: BiradsCategory
    proposed_agreement: Agreement  #: from the categories
    agreement: Agreement  #: as the reader left or set it
    reason: str  #: from a list: for disagreeing, or in a second read for changing; else empty
    comment: str
    prediction: Judgement | None  #: what the model said
    reading_mode: ReadingMode
    opened_at: datetime  #: when the study came up, with time zone
    recorded_at: datetime  #: when it was saved, with time zone
    supersedes: int | None = None  #: the record id of the assessment it corrects
    record_id: int | None = None  #: given by the store
    #: of a second read, once the model's answer was seen: the reader's category without it
    category_before: BiradsCategory | None = None
    #: when this reader was first shown the answer, with time zone; None: not that anyone knows
    revealed_at: datetime | None = None
    time_spent_s: float | None = None  #: the study was on the screen so long, until recorded
    restores: int | None = None  #: by an undo: the record whose words these are
    #: of "laterality", "view", "study": what a reader had said by hand of any of the images
    by_hand: tuple[str, ...] = ()
    is_withdrawn: bool = False  #: by an undo: its reader says nothing of the breast any more

    @property
    def is_unfinished(self) -> bool:
        """A second read that was left before the reader had kept or changed the category."""
        is_second_read = self.reading_mode is ReadingMode.SECOND_READ
        return is_second_read and self.category_before is None and not self.is_withdrawn

    @property
    def is_revealed(self) -> bool:
        """Whether its reader has been shown what the model says: in concurrent reading at once."""
        return self.reading_mode is ReadingMode.CONCURRENT or self.revealed_at is not None

    def without_model(self) -> "ReaderAssessment":
        """The same without what the model predicted, and without what the reader made of that."""
        is_informed = (
            self.reading_mode is ReadingMode.CONCURRENT or self.category_before is not None
        )
        return replace(
            self,
            prediction=None,
            proposed_agreement=Agreement.NOT_COMPARABLE,
            agreement=Agreement.NOT_COMPARABLE,
            reason="",
            comment="" if is_informed else self.comment,
        )


def current_readings(assessments: Iterable[ReaderAssessment]) -> tuple[ReaderAssessment, ...]:
    """Those that count: no later one of these supersedes them, and no undo withdrew them."""
    every = tuple(assessments)
    superseded = {a.supersedes for a in every if a.supersedes is not None}
    return tuple(a for a in every if a.record_id not in superseded and not a.is_withdrawn)


@dataclass(frozen=True)
class Draft:
    """What stands in one breast's form, saved or not."""

    category: BiradsCategory | None = None
    override: Agreement | None = None  #: set by the reader against what the program proposes
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True)
class UnsavedEntries:
    """What a reader has entered for a study and not saved. It never counts as a reading."""

    study_uid: str
    patient_id: str
    image_uids: frozenset[str]  #: of plain images the uid alone may be another patient's
    reader: str
    drafts: Mapping[Laterality, Draft] = field(default_factory=dict)  #: of the breasts edited
    has_seen_model: bool = False  #: whether the model's answer could be seen at any of the entries
    entered_at: datetime | None = None  #: the last of them, with time zone

    @property
    def key(self) -> tuple[str, str, frozenset[str], str]:
        """Whose entries for what."""
        return self.study_uid, self.patient_id, self.image_uids, self.reader


class AnnotationKind(Enum):
    RULER = "ruler"  #: from end to end
    ANGLE = "angle"  #: end of one arm, vertex, end of the other
    ELLIPSE = "ellipse"  #: two opposite corners of its box, along rows and columns
    ARROW = "arrow"  #: tail, tip
    TEXT = "text"  #: the upper left corner of the words, as displayed
    REGION = "region"  #: two opposite corners of the box that the region network was asked about


@dataclass(frozen=True)
class Annotation:
    """What a reader drew on one image; kept with the readings, never written into the study.

    Never edited in the store either: a change is a further record of the same `annotation_id`, the
    newest counts, and one that is taken away is recorded so.
    """

    annotation_id: str  #: what all records of one drawing share, a random hexadecimal number
    study_uid: str
    image_uid: str
    patient_id: str
    reader: str
    kind: AnnotationKind
    points: tuple[tuple[float, float], ...]  #: (row, column), pixel (r, c) covering r..r+1, c..c+1
    text: str = ""  #: the reader's own words
    measured: str = ""  #: as it stood on the screen, with unit and origin of the spacing
    is_removed: bool = False


@dataclass(frozen=True)
class Attribution:
    """What a reader says an image is, where its file does not say it, or says it wrongly.

    Kept with the readings, never written into the file. Never edited in the store either: the
    newest of an image counts, and one that says nothing takes back what was said.
    """

    image_uid: str
    content: str  #: digest of the file that it is said of, hexadecimal; empty: it was not listed
    reader: str
    laterality: Laterality | None = None  #: None: as the file says
    view_position: ViewPosition | None = None  #: likewise
    study: str = ""  #: images of one such name are one study; empty: as the files say
    patient_id: str = ""  #: of that study

    @property
    def says_anything(self) -> bool:
        return bool(self.laterality or self.view_position or self.study)


@dataclass(frozen=True)
class RegionRecord:
    """What a reader was told of a rectangle that he asked about; on record, whatever becomes of
    the rectangle (an `Annotation` of kind REGION, which itself never holds what a model said).
    """

    study_uid: str
    patient_id: str
    reader: str
    prediction: RegionJudgement
    asked_at: datetime  #: when the answer came, with time zone


@dataclass(frozen=True)
class HeaderElement:
    """A line of a file's header, made fit to be shown."""

    depth: int  #: 0 in the data set itself, one more in each sequence
    tag: str  #: '(0010,0010)'
    name: str
    vr: str
    value: str  #: cut to a length that can be read; of binary data only the number of bytes
