"""DICOM headers: what a file says of its image: side, view, spacing, presets, and its scope.

Faults of a header never hide an image; those that matter become notes for the reader.
References "C.…" and "CID …" are to DICOM PS3.3 and PS3.16.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np

from engine.dicom import scope_rules, voi
from engine.dicom.decoding import (
    PixelLayout,
    is_monochrome1,
    modality_lut,
    presentation_shape,
    read_layout,
    rescale,
    shows_colour,
    stream_notes,
)
from engine.dicom.directory import DicomDirectory, is_directory, read_directory
from engine.dicom.files import SourceFile
from engine.dicom.naming import NamedView, guessed_words, read_name
from engine.dicom.tags import ABSURD, Tags, lut, read_tags
from engine.domain import (
    STANDARD_VIEWS,
    Laterality,
    MammogramView,
    PatientIdentity,
    PixelSpacing,
    SpacingSource,
    ViewPosition,
    Voi,
    VoiFunction,
    VoiLut,
    VoiWindow,
    not_judged,
)
from engine.errors import EngineError
from engine.messages import Message, message

_Preset = TypeVar("_Preset", VoiWindow, VoiLut)
_SPACING_RANGE_MM = (0.005, 2.0)
_ASPECT_RANGE = (0.2, 5.0)  # a pixel's height in widths
_LARGEST_IMAGE_MM = 1000  # detectors and films end at 430

#: Notes on what is not as the file states it, each with the few words that stand on the image.
_Warnings = dict[Message, Message]


@dataclass(frozen=True, eq=False)
class DicomImage:
    """One file's view, before its study is known, with what decides on the study."""

    view: MammogramView
    layout: PixelLayout
    patient_name: str
    study_date: date | None
    study_description: str
    identity: PatientIdentity | None


def read_dicom(file: SourceFile, path: Path) -> DicomImage | DicomDirectory:
    """Reads a header and checks that its image can be decoded, as far as a header can tell.

    `path` is the file's, for what names say. Raises UnreadableFile and UnsupportedImage.
    """
    if is_directory(file, path.name):
        return read_directory(file)
    with read_tags(file) as read:
        if "DirectoryRecordSequence" in read.tags.dataset:
            return read_directory(file)
        image = _image(path, read.tags, read_layout(read))
    return _looked_into(file, image)


def _looked_into(file: SourceFile, image: DicomImage) -> DicomImage:
    """With what only the pixels or the compressed stream tell; outside of the header's lock."""
    view = image.view
    notes = [*view.notes, *stream_notes(file, image.layout)]
    reason = view.out_of_scope
    if image.layout.is_colour and reason is None:
        with suppress(EngineError):  # told when it is decoded
            if shows_colour(file, image.layout):
                reason = scope_rules.no_mammogram(message("a colour photograph"))
                notes.append(not_judged(reason))
    return replace(image, view=replace(view, notes=tuple(notes), out_of_scope=reason))


# ------------------------------------------------------------------------------------------- view


def _image(path: Path, tags: Tags, layout: PixelLayout) -> DicomImage:
    notes: list[Message] = []
    guessed: set[str] = set()
    patient_id = "\\".join(tags.texts("PatientID"))  # whole: a part could be another patient's
    modifiers = scope_rules.modifiers(tags)
    named = _named(path, tags, patient_id)
    laterality_warnings: _Warnings = {}
    laterality = _laterality(tags, named, guessed, notes, laterality_warnings)
    misnamed: set[Message] = set()
    view_position = _view_position(tags, named, guessed, notes, misnamed)
    if guessed:
        notes.append(_guess_note(guessed))
    spacing = _spacing(tags, layout, notes)
    display_warnings: _Warnings = {}
    if layout.is_colour:  # C.11.1 and C.11.2 are for grey
        vois: tuple[Voi, ...] = _colour_vois(layout)
    else:
        _check_grey_values(tags, layout, notes, display_warnings)
        vois = _vois(tags, layout, notes, display_warnings)
    notes.extend(layout.notes)
    notes.extend(_not_shown(tags))
    is_palette = layout.photometric.startswith("PALETTE")
    evidence = scope_rules.gather(
        tags, view_position, tuple(_stated_sides(tags)), layout.frames, is_palette
    )
    reason = scope_rules.reason_not_to_judge(evidence)
    if "implant displaced" in modifiers:
        notes.append(message("Implant displaced view."))
    elif tags.text("BreastImplantPresent").upper() == "YES":
        notes.append(message("A breast implant is present."))
    if tags.text("PartialView").upper() == "YES" or tags.items("PartialViewCodeSequence"):
        notes.append(message("Partial view: the breast goes on in another image."))
    if "GENERATED_2D" in (value.upper() for value in tags.texts("ImageType")):
        notes.append(message("Synthesised from tomosynthesis."))
    if layout.frames > 1:
        notes.append(message("One of {count} frames is shown.", count=layout.frames))
    if reason:
        notes.append(not_judged(reason))
    view = MammogramView(
        path=path,
        image_uid=tags.text("SOPInstanceUID") or tags.text("MediaStorageSOPInstanceUID"),
        study_uid=tags.text("StudyInstanceUID"),
        patient_id=patient_id,
        rows=layout.rows,
        columns=layout.columns,
        laterality=laterality,
        view_position=view_position,
        guessed=frozenset(guessed),
        pixel_spacing=spacing,
        pixel_aspect=_aspect(tags, spacing, notes),
        vois=vois,
        display_warnings=tuple(dict.fromkeys(display_warnings.values())),
        laterality_warnings=tuple(laterality_warnings.values()),
        orientation=_orientation(tags),
        out_of_scope=reason,
        notes=tuple(notes),
        notes_on_image=frozenset((*laterality_warnings, *display_warnings, *misnamed)),
        view_modifiers=modifiers,
        instance_number=tags.integer("InstanceNumber"),
        acquired=_moment(tags),
    )
    return DicomImage(
        view=view,
        layout=layout,
        patient_name=tags.text("PatientName").replace("^", " ").strip(),
        study_date=_date(tags.text("StudyDate")),
        study_description=tags.text("StudyDescription"),
        identity=_identity(tags, patient_id),
    )


def _identity(tags: Tags, patient_id: str) -> PatientIdentity | None:
    if not patient_id.strip():
        return None
    qualifiers = tags.items("IssuerOfPatientIDQualifiersSequence")
    issuers = [
        tags.text("IssuerOfPatientID"),
        *(item.text("UniversalEntityID") for item in qualifiers),
    ]
    issuer = next((issuer for issuer in issuers if issuer), "")
    return PatientIdentity(patient_id.strip(), issuer, _date(tags.text("PatientBirthDate")))


def _named(path: Path, tags: Tags, patient_id: str) -> NamedView:
    """Side and view from names, the first that tells each; see `engine.dicom.naming`."""
    side = view = None
    for text in (
        patient_id,
        tags.text("SeriesDescription"),
        tags.text("ProtocolName"),
        path.stem if path.suffix.lower() in (".dcm", ".dicom", ".dic", ".ima") else path.name,
    ):
        found = read_name(text)
        side = side or found.laterality
        view = view or found.view_position
    return NamedView(side, view, "")


def _guess_note(guessed: set[str]) -> Message:
    return message("{what} guessed from a name, not from a tag.", what=guessed_words(guessed))


def _warn(notes: list[Message], warnings: _Warnings, note: Message, shorter: Message) -> None:
    notes.append(note)
    warnings[note] = shorter


def _laterality(
    tags: Tags, named: NamedView, guessed: set[str], notes: list[Message], warnings: _Warnings
) -> Laterality | None:
    """`warnings` are the contradictions: they belong on the image."""
    values = _stated_sides(tags)
    if any(value in scope_rules.BOTH_SIDES for value in values):
        return None
    stated = [Laterality(value) for value in values if value in ("L", "R")]
    in_view = read_name(tags.text("ViewPosition")).laterality  # as in "RCC"
    if in_view and stated and in_view is not stated[0]:
        note = message(
            "View Position says {named}, the laterality {stated}; the latter is followed.",
            named=in_view.value,
            stated=stated[0].value,
        )
        _warn(notes, warnings, note, message("view position says {side}", side=in_view.value))
    if in_view and not stated:
        stated = [in_view]
    if len(set(stated)) > 1:
        note = message("Image Laterality and Laterality contradict each other.")
        _warn(notes, warnings, note, message("tags say both R and L"))
    oriented = _from_orientation(tags)[0]
    from_tag = stated[0] if stated else oriented
    if from_tag is None:
        if named.laterality:
            guessed.add("laterality")
        return named.laterality
    if not stated:
        notes.append(message("Laterality is read from the patient orientation."))
    if oriented not in (None, from_tag):
        note = message(
            "Patient Orientation is that of the {side} breast, the header says {stated}; the "
            "latter is followed.",
            side=message("right") if oriented is Laterality.RIGHT else message("left"),
            stated=from_tag.value,
        )
        _warn(notes, warnings, note, message("orientation tag says {side}", side=oriented.value))
    if named.laterality not in (None, from_tag):
        note = message(
            "A name says {named}, the header says {stated}; the header is followed.",
            named=named.laterality.value,
            stated=from_tag.value,
        )
        _warn(notes, warnings, note, message("a name says {side}", side=named.laterality.value))
    return from_tag


def _stated_sides(tags: Tags) -> list[str]:
    """R, L or B, the most specific statement first."""
    values = [tags.text("ImageLaterality")]
    for group in tags.items("SharedFunctionalGroupsSequence"):  # of multi-frame images
        values += [item.text("FrameLaterality") for item in group.items("FrameAnatomySequence")]
    return [value.upper() for value in (*values, tags.text("Laterality")) if value]


def _view_position(
    tags: Tags,
    named: NamedView,
    guessed: set[str],
    notes: list[Message],
    misnamed: set[Message],
) -> ViewPosition | None:
    """`misnamed` gets the note on a name that says otherwise: the image bears the view itself."""
    stated = _views_by_code(tags)
    if from_text := scope_rules.view_of_text(tags.text("ViewPosition")):
        stated.append(from_text)
    if len(set(stated)) > 1:
        notes.append(message("View Position and View Code contradict each other."))
        stated.sort(key=lambda view: view in STANDARD_VIEWS)  # the special view is meant
    from_tag = stated[0] if stated else _from_orientation(tags)[1]
    if from_tag is None:
        if named.view_position:
            guessed.add("view")
        return named.view_position
    if named.view_position not in (None, from_tag):
        note = message(
            "A name says {named}, the header says {stated}; the header is followed.",
            named=named.view_position.value,
            stated=from_tag.value,
        )
        notes.append(note)
        misnamed.add(note)
    return from_tag


def _views_by_code(tags: Tags) -> list[ViewPosition]:
    """By the codes of CID 4014, old ones among them; a local code is read by its meaning."""
    found = []
    for item in tags.items("ViewCodeSequence"):
        code, meaning = item.text("CodeValue"), item.text("CodeMeaning")
        known = scope_rules.VIEW_CODES.get(code)
        found.append(known or scope_rules.view_of_text(meaning) or scope_rules.view_of_text(code))
    return [view for view in found if view]


def _from_orientation(tags: Tags) -> tuple[Laterality | None, ViewPosition | None]:
    """Side and view from Patient Orientation, C.7.6.1.1.1.

    CBIS-DDSM writes the view itself there. Otherwise the first value is the direction of a row
    and the second that of a column, and of all mammograms only a left CC hung the usual way reads
    A\\R, a right CC P\\L, a left MLO A\\FR and a right MLO P\\FL.
    """
    return _ORIENTATIONS.get(_orientation(tags), (None, None))


_ORIENTATIONS: dict[tuple[str, ...], tuple[Laterality | None, ViewPosition]] = {
    ("CC",): (None, ViewPosition.CC),
    ("MLO",): (None, ViewPosition.MLO),
    ("A", "R"): (Laterality.LEFT, ViewPosition.CC),
    ("P", "L"): (Laterality.RIGHT, ViewPosition.CC),
    ("A", "FR"): (Laterality.LEFT, ViewPosition.MLO),
    ("P", "FL"): (Laterality.RIGHT, ViewPosition.MLO),
}


def _orientation(tags: Tags) -> tuple[str, ...]:
    return tuple(value.strip().upper() for value in tags.texts("PatientOrientation"))


# ------------------------------------------------------------------------------------- geometry


def _spacing(tags: Tags, layout: PixelLayout, notes: list[Message]) -> PixelSpacing | None:
    """C.8.11.7 and 10.7.1: what is calibrated goes before what is measured at the detector."""
    plane = _pair(tags, "PixelSpacing", layout, notes)
    detector = _pair(tags, "ImagerPixelSpacing", layout, notes)
    if plane and (
        tags.text("PixelSpacingCalibrationType") or tags.text("PixelSpacingCalibrationDescription")
    ):
        return PixelSpacing(*plane, SpacingSource.CALIBRATED)
    if plane and plane != detector:
        return PixelSpacing(*plane, SpacingSource.FILE)
    if detector:
        factor = tags.number("EstimatedRadiographicMagnificationFactor")
        if factor is None:  # a contact view's distances say no more than that it is one
            factor = scope_rules.magnification(tags)
            if factor is None or factor < scope_rules.MAGNIFIED:
                return PixelSpacing(*detector, SpacingSource.DETECTOR)
        if 1 <= factor <= 4:
            row_mm, column_mm = (value / factor for value in detector)
            return PixelSpacing(row_mm, column_mm, SpacingSource.MAGNIFICATION, factor)
        notes.append(message("An absurd magnification factor is ignored."))
        return PixelSpacing(*detector, SpacingSource.DETECTOR)
    if scanned := _pair(tags, "NominalScannedPixelSpacing", layout, notes):
        return PixelSpacing(*scanned, SpacingSource.FILE)
    notes.append(message("No pixel spacing: lengths cannot be measured."))
    return None


def _pair(
    tags: Tags, keyword: str, layout: PixelLayout, notes: list[Message]
) -> tuple[float, float] | None:
    if not tags.texts(keyword):
        return None
    numbers = tags.numbers(keyword)
    low, high = _SPACING_RANGE_MM
    if len(numbers) == 2 and all(low <= number <= high for number in numbers):
        row_mm, column_mm = numbers
        flattest, tallest = _ASPECT_RANGE  # both in range, and yet no pixel is shaped like that
        is_pixel = flattest <= row_mm / column_mm <= tallest
        largest = max(row_mm * layout.rows, column_mm * layout.columns)
        if is_pixel and largest <= _LARGEST_IMAGE_MM:
            return row_mm, column_mm
    notes.append(message("An absurd pixel spacing is ignored."))
    return None


def _aspect(tags: Tags, spacing: PixelSpacing | None, notes: list[Message]) -> float:
    if spacing:
        aspect = spacing.row_mm / spacing.column_mm
    else:
        ratio = tags.numbers("PixelAspectRatio")  # vertical \ horizontal, C.7.6.3.1.7
        aspect = ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0
    if not _ASPECT_RANGE[0] <= aspect <= _ASPECT_RANGE[1]:
        notes.append(message("An absurd pixel aspect ratio is ignored."))
        return 1.0
    return aspect


def _moment(tags: Tags) -> str:
    for kind in ("Acquisition", "Content", "Series", "Study"):
        stamp = tags.text(f"{kind}DateTime") if kind == "Acquisition" else ""
        day, time = stamp[:8], stamp[8:14]
        if not _date(day):
            day, time = tags.text(f"{kind}Date"), tags.text(f"{kind}Time")[:6]
        if shown := _date(day):
            if len(time) >= 4 and time.isdigit():
                clock = ":".join(time[i : i + 2] for i in range(0, len(time) // 2 * 2, 2))
                return f"{shown.isoformat()} {clock}"
            return shown.isoformat()
    return ""


def _date(text: str) -> date | None:
    digits = text.replace(".", "").replace("-", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


# ----------------------------------------------------------------------------------- grey values

_FALLEN = 0.25  #: of its range, that a table's entry may lie below an earlier one
_FALLEN_SHARE = 0.05  #: of its entries that may lie deeper: writers fill unused ends with zeros


def _check_grey_values(
    tags: Tags, layout: PixelLayout, notes: list[Message], warnings: _Warnings
) -> None:
    """What goes wrong before the presets."""
    table = modality_lut(tags, layout.is_big_endian)
    if isinstance(table, Message):
        note = message("A Modality LUT is ignored: {fault}.", fault=table)
        _warn(notes, warnings, note, message("Modality LUT ignored: {fault}", fault=table))
    if tags.texts("RescaleSlope") and rescale(tags)[0] != tags.number("RescaleSlope"):
        note = message("An unusable Rescale Slope is ignored.")
        _warn(notes, warnings, note, message("rescale slope ignored"))
    shape = presentation_shape(tags)
    if shape and (shape == "INVERSE") != is_monochrome1(tags):
        note = message(
            "Presentation LUT Shape {shape} contradicts {photometric}; the shape is followed.",
            shape=shape,
            photometric=layout.photometric[:16],
        )
        _warn(notes, warnings, note, message("polarity in doubt: I inverts"))
    elif not shape and tags.text("PresentationLUTShape"):
        notes.append(message("An unknown Presentation LUT Shape is ignored."))


def _colour_vois(layout: PixelLayout) -> tuple[Voi, ...]:
    """As it was saved, like a picture of eight bits; deeper ones seldom fill their range."""
    if layout.bits_stored > 8:
        return ()
    top = 2**layout.bits_stored - 1
    return (VoiWindow(top / 2, top, VoiFunction.LINEAR_EXACT, message("as saved")),)


_GRAPHICS = ("GraphicAnnotationSequence", "GraphicLayerSequence")


def _not_shown(tags: Tags) -> list[Message]:
    """Overlays, C.9.2 and PS3.5 8.1.2, curves and graphics: they may point at something."""
    notes: list[Message] = []
    groups = {tag >> 16 for tag in tags.dataset.keys()}  # noqa: SIM118  no mapping
    overlays = [group for group in groups if 0x6000 <= group <= 0x601E and group % 2 == 0]
    if any((group << 16 | 0x3000) in tags.dataset for group in overlays) or any(
        (group << 16 | 0x0102) in tags.dataset for group in overlays
    ):
        notes.append(
            message("An overlay of marks or words belongs to this image and is not shown.")
        )
    is_curve = any(0x5000 <= group <= 0x501E and group % 2 == 0 for group in groups)
    if is_curve or any(tags.items(keyword) for keyword in _GRAPHICS):
        notes.append(message("Graphics belong to this image and are not shown."))
    if tags.texts("ShutterShape"):
        notes.append(message("A shutter belongs to this image and is not applied."))
    return notes


def _vois(
    tags: Tags, layout: PixelLayout, notes: list[Message], warnings: _Warnings
) -> tuple[Voi, ...]:
    """The file's presets: its tables first, as its windows only approximate them."""
    found: list[Voi] = []
    # A Modality LUT's output is unsigned, C.11.1.1.1, else the sign is that of the values.
    is_signed = layout.modality_lut is None and (
        tags.integer("PixelRepresentation") == 1 or (tags.number("RescaleIntercept") or 0) < 0
    )
    items = tags.items("VOILUTSequence")
    for number, item in enumerate(items, start=1):
        table = lut(item, layout.is_big_endian, is_signed)
        if not isinstance(table, Message):
            table = _curve_problem(table) or table
        if isinstance(table, Message):
            note = message("A grey-value table (VOI LUT) is ignored: {fault}.", fault=table)
            _warn(notes, warnings, note, message("VOI LUT ignored: {fault}", fault=table))
            continue
        if int(table.table.max()) < 2 ** (table.bits - 1):
            note = message("A grey-value table (VOI LUT) fills less than half of its range: dark.")
            _warn(notes, warnings, note, message("VOI LUT fills half of its range"))
        if _descends_in_part(table.table):
            note = message("A grey-value table (VOI LUT) descends in part.")
            _warn(notes, warnings, note, message("VOI LUT descends in part"))
        found.append(_named_preset(table, number, len(items)))
    found.extend(_windows(tags, layout, notes, warnings))
    return tuple(found)


def _named_preset(preset: _Preset, number: int, of: int) -> _Preset:
    """With a number for a name where there are several and this one has none."""
    if preset.name or of < 2:
        return preset
    return replace(preset, name=message("no. {number}", number=number))


def _curve_problem(table: VoiLut) -> Message | None:
    """Why a sound table is not one to read a mammogram by; None if it is."""
    entries = table.table
    if int(entries.max()) < 2 ** (table.bits - 2):
        return message(
            "its entries use less than a quarter of the {count} bits it states", count=table.bits
        )
    half = len(entries) // 2
    if entries[:half].mean() > entries[-half:].mean():
        return message("it descends")
    return None


def _descends_in_part(entries: np.ndarray) -> bool:
    fallen = np.maximum.accumulate(entries.astype(np.int32)) - entries
    return bool(np.mean(fallen > _FALLEN * np.ptp(entries.astype(np.int32))) > _FALLEN_SHARE)


def _windows(
    tags: Tags, layout: PixelLayout, notes: list[Message], warnings: _Warnings
) -> list[VoiWindow]:
    """C.11.2.1.2: centers, widths and explanations are parallel lists."""
    centers, widths = tags.numbers("WindowCenter"), tags.numbers("WindowWidth")
    names = tags.texts("WindowCenterWidthExplanation")
    if tags.texts("WindowCenter") and not tags.texts("WindowWidth"):
        note = message("Window Width is missing: an automatic window is used.")
        _warn(notes, warnings, note, message("window ignored: it has no width"))
        return []
    stated = tags.text("VOILUTFunction").upper()
    function = VoiFunction.LINEAR
    if stated in VoiFunction.__members__:
        function = VoiFunction[stated]
    elif stated:
        note = message("An unknown VOI LUT Function is shown as LINEAR.")
        _warn(notes, warnings, note, message("unknown curve shown as linear"))
    given = max(len(tags.texts("WindowCenter")), len(tags.texts("WindowWidth")))
    windows = []
    for index, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if not 0 < width <= ABSURD or abs(center) > ABSURD:
            continue
        # LINEAR is defined from a width of 1 on; a narrower one is meant exactly.
        exact = function is VoiFunction.LINEAR and width < 1
        window = VoiWindow(
            center,
            width,
            VoiFunction.LINEAR_EXACT if exact else function,
            names[index] if index < len(names) else "",
        )
        if voi.is_step(window, 1.0 if layout.modality_lut else layout.slope):
            shown = f"{width:g}"
            note = message(
                "A window of width {width} shows black and white only: offered last.", width=shown
            )
            _warn(notes, warnings, note, message("window of width {width} set aside", width=shown))
        windows.append(_named_preset(window, index + 1, given))
    if len(windows) < given:
        kept = message("the others are kept") if windows else message("an automatic window is used")
        note = message("A window without a usable width is ignored: {kept}.", kept=kept)
        _warn(notes, warnings, note, message("window ignored: unusable width"))
    return windows
