"""One file: the image that it holds, by name and content, or why it holds none that can show."""

from dataclasses import replace
from pathlib import Path

from engine.dicom.archives import SIGNATURES as ZIP_SIGNATURES
from engine.dicom.archives import Archive
from engine.dicom.directory import DicomDirectory
from engine.dicom.files import NotRegularError, SourceFile, list_archive, real_file
from engine.dicom.headers import read_dicom
from engine.dicom.naming import guessed_words, read_name
from engine.dicom.plain_images import PlainHeader, is_grey, plain_format, read_plain_header
from engine.dicom.scope_rules import no_mammogram, no_standard_view
from engine.dicom.studies import FoundImage, place_digest
from engine.dicom.tags import DEFLATED
from engine.domain import (
    STANDARD_VIEWS,
    MammogramView,
    Voi,
    VoiFunction,
    VoiWindow,
    not_judged,
)
from engine.errors import UnreadableFile
from engine.messages import Message, message

DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".ima"})
PLAIN_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
_OTHER_IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jp2", ".j2k", ".webp", ".pgm"})
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")  # PKCS #7, PS3.10 section 7.4
_EXPLICIT_VRS = frozenset(b"UL UI OB SH CS LO DA TM".split())
_ARCHIVES = (*ZIP_SIGNATURES, b"Rar!\x1a\x07", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh")
_ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2"})


def is_named_like_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in DICOM_SUFFIXES | PLAIN_SUFFIXES | _OTHER_IMAGE_SUFFIXES


def read_image_file(path: Path) -> FoundImage | DicomDirectory | Archive | None:
    """None: no image by name and content. Raises EngineError and OSError."""
    if path.name.startswith("._"):  # what macOS leaves beside every file on foreign discs
        return None
    suffix = path.suffix.lower()
    try:
        with SourceFile(path) as file:
            if file.size == 0 and is_named_like_image(path):
                raise UnreadableFile(
                    message("The file is empty"), message("Copy it again from its source.")
                )
            head = file.read(512)
            if head[128:132] == b"DICM" or _looks_like_dicom(head):
                return _dicom_image(path, file)
            if plain_format(head):
                return _plain_image(path, file)
    except NotRegularError:
        return None
    if suffix == ".zip" and head.startswith(ZIP_SIGNATURES) and real_file(path) == path:
        return list_archive(path)
    _refuse_by_name(suffix, head)
    return None


def _refuse_by_name(suffix: str, head: bytes) -> None:
    """Raises UnreadableFile for an archive, and for what is only named like an image."""
    if suffix in _ARCHIVE_SUFFIXES and (head.startswith(_ARCHIVES) or head[257:262] == b"ustar"):
        raise UnreadableFile(
            message("An archive is not opened"),
            message("Unpack it, then open the folder that comes of it."),
        )
    if suffix in DICOM_SUFFIXES:
        if head[:1] == b"\x30" and _ENVELOPED_DATA in head:
            raise UnreadableFile(
                message("The DICOM file is encrypted"),
                message("Decrypt it first, or export it unencrypted."),
            )
        raise UnreadableFile(
            message("Not a DICOM file"),
            message("It is only named like one; check how it was exported."),
        )
    if suffix in PLAIN_SUFFIXES:
        raise UnreadableFile(
            message("The content is no image"),
            message("It is only named like one; check how it was saved."),
        )
    if suffix in _OTHER_IMAGE_SUFFIXES:
        raise UnreadableFile(
            message("Image format is not supported"), message("Save it as PNG, TIFF or DICOM.")
        )


def _looks_like_dicom(head: bytes) -> bool:
    """A data set without preamble: it begins with a plausible element of group 0002 or 0008."""
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[:2], order)
        element = int.from_bytes(head[2:4], order)
        if group not in (0x0002, 0x0008) or element > 0x0070:
            continue
        if head[4:6] in _EXPLICIT_VRS:
            return True
        if order == "little" and 0 < int.from_bytes(head[4:8], order) <= 256:
            return True
    return False


def _dicom_image(path: Path, file: SourceFile) -> FoundImage | DicomDirectory:
    found = read_dicom(file, path)
    if isinstance(found, DicomDirectory):
        return found
    image_uid = found.view.image_uid or place_digest(path, file.sampled())
    is_deflated = found.layout.transfer_syntax == DEFLATED  # then the offset counts other bytes
    header_bytes = max(found.layout.offset, 2**16 if is_deflated else 0)
    view = replace(found.view, image_uid=image_uid, file=file.identity(header_bytes))
    return FoundImage(
        view,
        file.size,
        found.patient_name,
        found.study_date,
        found.study_description,
        found.layout,
        identity=found.identity,
    )


def _plain_image(path: Path, file: SourceFile) -> FoundImage:
    header = read_plain_header(file)
    identity = file.identity()
    named = read_name(path.stem)
    known = (("laterality", named.laterality), ("view", named.view_position))
    guessed = frozenset(word for word, value in known if value)
    notes: list[Message] = []
    if guessed:
        what = guessed_words(guessed)
        notes.append(message("{what} guessed from the file name.", what=what))
    if header.pages > 1:
        which = message("largest") if header.page else message("first")
        notes.append(message("The {which} of several pages is shown.", which=which))
    if header.orientation != 1:
        notes.append(message("Turned as the file's Orientation says."))
    notes.append(message("No pixel spacing: lengths cannot be measured."))
    reason = None
    if not is_grey(file, header):
        reason = no_mammogram(message("a colour photograph"))
    elif named.view_position and named.view_position not in STANDARD_VIEWS:
        reason = no_standard_view(named.view_position.value)
    if reason:
        notes.append(not_judged(reason))
    view = MammogramView(
        path=path,
        image_uid=place_digest(path, identity.content),
        study_uid="",
        patient_id="",
        rows=header.shape[0],
        columns=header.shape[1],
        laterality=named.laterality,
        view_position=named.view_position,
        guessed=guessed,
        vois=_plain_vois(header),
        out_of_scope=reason,
        notes=tuple(notes),
        file=identity,
    )
    return FoundImage(view, file.size, rest=named.rest, fingerprint=identity.content)


def _plain_vois(header: PlainHeader) -> tuple[Voi, ...]:
    """Eight bits are what somebody chose to show; sixteen seldom fill their range."""
    if header.bits > 8:
        return ()
    return (VoiWindow(127.5, 255, VoiFunction.LINEAR_EXACT, message("as saved")),)
