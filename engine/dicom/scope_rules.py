"""What no network may judge, as far as a header tells: one table of rules, the first that fits.

The networks learnt whole CC and MLO mammograms of one breast. What else a mammography machine makes
is told in many places: by SOP class, Image Type, codes of the view and its modifiers, distances,
and in free text, in several languages. Each rule names where the standard says so ("C.…" is DICOM
PS3.3, "CID …" PS3.16). A view that is told in words nobody here knows is not judged either.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from engine.dicom.naming import read_name
from engine.dicom.tags import Tags
from engine.domain import STANDARD_VIEWS, ViewPosition
from engine.messages import Message, as_message, listed, message

# View codes in SNOMED CT, SNOMED RT and the deprecated ones that CID 4014 warns of. Code values
# alone decide: their scheme is written SRT, SNM3 or 99SDM, and differently by every machine.
VIEW_CODES = {
    "R-10242": ViewPosition.CC,
    "399162004": ViewPosition.CC,
    "R-10226": ViewPosition.MLO,
    "399368009": ViewPosition.MLO,
    "R-10224": ViewPosition.ML,
    "399260004": ViewPosition.ML,
    "R-10228": ViewPosition.LM,
    "399352003": ViewPosition.LM,
    "R-10230": ViewPosition.LMO,
    "399099002": ViewPosition.LMO,
    "R-1024A": ViewPosition.XCCL,
    "399192008": ViewPosition.XCCL,
    "Y-X1770": ViewPosition.XCCL,
    "R-1024B": ViewPosition.XCCM,
    "399101009": ViewPosition.XCCM,
    "Y-X1771": ViewPosition.XCCM,
    "R-10244": ViewPosition.FB,
    "399196006": ViewPosition.FB,
    "R-102D0": ViewPosition.SIO,
    "399188001": ViewPosition.SIO,
    "R-40AAA": ViewPosition.ISO,
    "441555000": ViewPosition.ISO,
}
# The meanings of these codes, letters only: what a local code, or View Position in full, may say.
VIEWS_IN_FULL = {
    "CRANIOCAUDAL": ViewPosition.CC,
    "CRANEOCAUDAL": ViewPosition.CC,
    "KRANIOKAUDAL": ViewPosition.CC,
    "MEDIOLATERALOBLIQUE": ViewPosition.MLO,
    "MEDIOLATERALOBLICUA": ViewPosition.MLO,
    "OBLICUAMEDIOLATERAL": ViewPosition.MLO,
    "MEDIOLATERAL": ViewPosition.ML,
    "LATEROMEDIAL": ViewPosition.LM,
    "LATEROMEDIALOBLIQUE": ViewPosition.LMO,
    "CRANIOCAUDALEXAGGERATEDLATERALLY": ViewPosition.XCCL,
    "CRANIOCAUDALEXAGGERATEDMEDIALLY": ViewPosition.XCCM,
    "CAUDOCRANIAL": ViewPosition.FB,
    "CAUDOCRANIALFROMBELOW": ViewPosition.FB,
    "SUPEROLATERALTOINFEROMEDIALOBLIQUE": ViewPosition.SIO,
    "INFEROMEDIALTOSUPEROLATERALOBLIQUE": ViewPosition.ISO,
}
# View modifiers, CID 4015. Those of `UNUSUAL` make another view of it, the others do not.
MODIFIERS = {
    "399163009": message("magnification"),
    "R-102D6": message("magnification"),
    "399055006": message("spot compression"),
    "R-102D7": message("spot compression"),
    "399110001": message("tangential"),
    "R-102C2": message("tangential"),
    "399161006": message("cleavage"),
    "R-102D2": message("cleavage"),
    "399011000": message("axillary tail"),
    "R-102D1": message("axillary tail"),
    "399197002": message("rolled lateral"),
    "R-102D3": message("rolled lateral"),
    "399226006": message("rolled medial"),
    "R-102D4": message("rolled medial"),
    "414493004": message("rolled inferior"),
    "R-102CA": message("rolled inferior"),
    "415670009": message("rolled superior"),
    "R-102C9": message("rolled superior"),
    "441752004": message("anterior compression"),
    "P2-00161": message("anterior compression"),
    "399265009": message("exaggerated"),  # of a former CID 4014
    "R-102CF": message("exaggerated"),
    "442580003": message("axillary tissue"),
    "R-40AB2": message("axillary tissue"),
    "442593008": message("infra-mammary fold"),
    "R-40ABE": message("infra-mammary fold"),
    "442581004": message("nipple in profile"),
    "R-40AB3": message("nipple in profile"),
    "399209000": message("implant displaced"),
    "R-102D5": message("implant displaced"),
}
_USUAL = ("axillary tissue", "infra-mammary fold", "nipple in profile", "implant displaced")
UNUSUAL = frozenset(name for name in MODIFIERS.values() if name not in _USUAL)
SOP_CLASSES = {  # PS3.4 B.5
    "1.2.840.10008.5.1.4.1.1.13.1.3": message("breast tomosynthesis"),
    "1.2.840.10008.5.1.4.1.1.13.1.4": message("breast tomosynthesis projections"),
    "1.2.840.10008.5.1.4.1.1.13.1.5": message("breast tomosynthesis projections"),
    "1.2.840.10008.5.1.4.1.1.13.1.1": message("a three-dimensional X-ray image"),
    "1.2.840.10008.5.1.4.1.1.13.1.2": message("a three-dimensional X-ray image"),
    "1.2.840.10008.5.1.4.1.1.2": message("computed tomography or a tomosynthesis slice"),
    "1.2.840.10008.5.1.4.1.1.2.1": message("computed tomography or a tomosynthesis slice"),
    "1.2.840.10008.5.1.4.1.1.2.2": message("computed tomography or a tomosynthesis slice"),
    "1.2.840.10008.5.1.4.1.1.4": message("magnetic resonance"),
    "1.2.840.10008.5.1.4.1.1.4.1": message("magnetic resonance"),
    "1.2.840.10008.5.1.4.1.1.4.3": message("magnetic resonance"),
    "1.2.840.10008.5.1.4.1.1.4.4": message("magnetic resonance"),
    "1.2.840.10008.5.1.4.1.1.6.1": message("ultrasound"),
    "1.2.840.10008.5.1.4.1.1.6.2": message("ultrasound"),
    "1.2.840.10008.5.1.4.1.1.3.1": message("ultrasound"),
    "1.2.840.10008.5.1.4.1.1.20": message("nuclear medicine"),
    "1.2.840.10008.5.1.4.1.1.128": message("positron emission tomography"),
    "1.2.840.10008.5.1.4.1.1.130": message("positron emission tomography"),
}
MODALITIES = {  # C.7.3.1.1.1
    "US": message("ultrasound"),
    "MR": message("magnetic resonance"),
    "CT": message("computed tomography"),
    "NM": message("nuclear medicine"),
    "PT": message("positron emission tomography"),
    "XC": message("photograph"),
    "ES": message("endoscopy"),
    "SM": message("slide microscopy"),
}
_MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"
_MAMMOGRAPHY_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
_SPECIMEN_CODES = frozenset({"127457009", "G-8310"})  # CID 4014
_BOTH_BREASTS = frozenset({"63762007", "T-04080", "51440002", "G-A102"})  # CID 4013, CID 244
BOTH_BREASTS = message("Both breasts are in one image.")
BOTH_SIDES = ("B", "BOTH", "BILATERAL")

MAGNIFIED = 1.25  #: contact views have 1.0 to 1.1, magnification views 1.5 to 2
MAGNIFICATION_RANGE = (1.0, 4.0)  #: outside it a factor is none
_THICKEST_BREAST_MM = 150
_HIGHEST_VOLTAGE_KV = (42, 150)  # mammograms end at 40; high-energy exposures begin at 45
_TEXT_LIMIT = 1000  # characters of each text

# Words beside the view in View Position, and a modifier's whole meaning, that make no other view.
_USUAL_WORDS = frozenset(
    {
        *("VIEW", "PROJECTION", "PROYECCION", "STANDARD", "ROUTINE", "SCREENING", "NORMAL"),
        *("CONTACT", "MAMMO", "MAMMOGRAM", "MAMMOGRAPHY", "MG", "FFDM", "DIGITAL", "2D", "BREAST"),
        *("NONE", "NO", "DEFAULT", "FULL", "RT", "LT", "DX", "SX", "I", "D"),
    }
)


_WANTED = message("a two-dimensional mammogram")


def no_mammogram(kind: Message, wanted: Message = _WANTED) -> Message:
    """A reason to be out of scope, as a sentence."""
    return message("This is {kind}, not {wanted}.", kind=kind, wanted=wanted)


def no_standard_view(kind: str) -> Message:
    """A reason to be out of scope, as a sentence."""
    if kind[0] in "aeiouFLMX":
        return message("This is an {kind} view, not a standard CC or MLO view.", kind=kind)
    return message("This is a {kind} view, not a standard CC or MLO view.", kind=kind)


# ------------------------------------------------------------------------------------- evidence


@dataclass(frozen=True)
class Evidence:
    """What a header says of the kind of its image."""

    tags: Tags
    view: ViewPosition | None
    modifiers: tuple[str, ...]
    sides: tuple[str, ...]  #: R, L or B as stated
    frames: int
    is_palette: bool
    sop_class: str
    modality: str
    image_types: frozenset[str]  #: Image Type and Frame Type, upper case
    codes: frozenset[str]  #: of view, modifiers, anatomy
    text: str  #: free text, `plain`, its sources apart by |
    protocol: str  #: the same of the protocol's name, which may be the whole study's

    @property
    def all_text(self) -> str:
        return " | ".join((self.text, self.protocol))


_TEXTS = (
    *("ViewPosition", "SeriesDescription", "AcquisitionProtocolDescription", "ImageComments"),
    *("AcquisitionDeviceProcessingDescription", "PaddleDescription", "AcquisitionComments"),
    *("DerivationDescription", "PartialViewDescription"),
)


def gather(
    tags: Tags,
    view: ViewPosition | None,
    sides: tuple[str, ...],
    frames: int,
    is_palette: bool,
) -> Evidence:
    codes: set[str] = set()
    texts = [tags.text(keyword) for keyword in _TEXTS]
    items = [*tags.items("ViewCodeSequence"), *_modifier_items(tags)]
    for keyword in ("AnatomicRegionSequence", "PrimaryAnatomicStructureSequence"):
        for item in tags.items(keyword):
            items += [item, *item.items(keyword.replace("Sequence", "ModifierSequence"))]
    for item in items:
        codes.add(item.text("CodeValue"))
        texts.append(item.text("CodeMeaning"))
    return Evidence(
        tags=tags,
        view=view,
        modifiers=modifiers(tags),
        sides=sides,
        frames=frames,
        is_palette=is_palette,
        sop_class=tags.text("SOPClassUID") or tags.text("MediaStorageSOPClassUID"),
        modality=tags.text("Modality").upper(),
        image_types=frozenset(
            value.upper() for key in ("ImageType", "FrameType") for value in tags.texts(key)
        ),
        codes=frozenset(codes - {""}),
        text=" | ".join(plain(text) for text in texts if text),
        protocol=plain(tags.text("ProtocolName")),
    )


def plain(text: str) -> str:
    """In lower case, without accents, punctuation as blanks but for what stands in numbers."""
    letters = unicodedata.normalize("NFKD", text[:_TEXT_LIMIT].casefold())
    letters = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"[^\w.,×]+|_", " ", letters)


def modifiers(tags: Tags) -> tuple[str, ...]:
    """View modifiers as CID 4015 names them, what is not in it in its own words."""
    found = []
    for item in _modifier_items(tags):
        code = item.text("CodeValue")
        found.append(MODIFIERS.get(code) or item.text("CodeMeaning").lower() or code)
    # modifiers by another name
    found += (MODIFIERS.get(v.text("CodeValue"), "") for v in tags.items("ViewCodeSequence"))
    return tuple(dict.fromkeys(name for name in found if name))


def _modifier_items(tags: Tags) -> list[Tags]:
    """In the view's item, C.8.11.7, or beside it, where several machines write them."""
    items = [m for view in tags.items("ViewCodeSequence") for m in view.items(_MODIFIER_SEQUENCE)]
    return items + tags.items(_MODIFIER_SEQUENCE)


_MODIFIER_SEQUENCE = "ViewModifierCodeSequence"


def view_of_text(text: str) -> ViewPosition | None:
    """A view as written: "MLO", "R CC", "cranio-caudal"."""
    if text.upper() in ViewPosition.__members__:
        return ViewPosition[text.upper()]
    letters = "".join(c for c in plain(text).upper() if c.isalpha())
    return VIEWS_IN_FULL.get(letters) or read_name(text).view_position


def magnification(tags: Tags) -> float | None:
    """How much larger the breast is on the detector than it is; None where nothing tells.

    C.8.11.7: the estimate of the machine, else from the distances of source, breast and detector.
    The entrance surface, C.8.7.10, lies above the breast by its thickness.
    """
    stated = tags.number("EstimatedRadiographicMagnificationFactor")
    if stated is not None and 1 <= stated <= MAGNIFICATION_RANGE[1]:
        return stated
    detector, patient = (
        tags.number(f"DistanceSourceTo{end}") or 0 for end in ("Detector", "Patient")
    )
    if patient <= 0 and (entrance := tags.number("DistanceSourceToEntrance") or 0) > 0:
        thickness = tags.number("BodyPartThickness") or 0
        patient = entrance + (thickness if 0 < thickness < 300 else _THICKEST_BREAST_MM)
    factor = detector / patient if patient > 0 else 0
    low, high = MAGNIFICATION_RANGE
    return factor if low < factor <= high else None


# ---------------------------------------------------------------------------------------- words

_V = r"(?:cc|mlo|ml|lm)"
_S = r"(?:r|l|rt|lt|right|left)?"
_SYNTHETIC = re.compile(
    r"\bsynth|\bc ?view|\bv ?preview|\b2 ?d\b|\bs2d|routine2d|generated 2d|intelligent"
)
_TOMOSYNTHESIS = re.compile(r"\btomo|tomosynth|\bdbt\b|\b3 ?d\b|routine3d|\bbto\b")
_BIOPSY = re.compile(
    r"biops|\bstereo|stereota|needle|\bwire\b|\bhook ?wire|locali[sz]ation|\b(pre|post) ?fire"
    r"|post ?marker|vacuum|\bvab\b|drahtmark|markierung|harpon|arpon|\baguja|reperage|\bagulha"
)
_SPECIMEN = re.compile(r"specimen|praparat|\bpieza|piece operatoire|especime|pezzo operatorio")
_DUCTOGRAM = re.compile(r"gala[ck]togra|ductogra|pneumocyst")
_RECOMBINED = re.compile(r"subtract|substra[ck]|rekombin|recombin")
_HIGH_ENERGY = re.compile(r"\bhigh ?energ|alta energia|haute energie|hochenerg")
_CONTRAST = re.compile(
    r"\bcesm\b|\bcem\b|\bcedm\b|contrast ?(enhanced|agent|medi|mammo)|post ?contrast"
    r"|kontrastmittel|con contraste|spectral mammo"
)
_LOW_ENERGY = re.compile(r"\blow ?energ|\ble\b|\blow\b|baja energia|niedrigenerg")
_IMPLANT = re.compile(
    rf"implant|eklund|prosthe|prothes|protesis|protese|expander|\b{_S}(?:cc|mlo|ml) ?id\b"
)
_NO_IMPLANT = re.compile(
    r"\b(no|without|sin|ohne|sans|sem|keine?) (breast )?(implant|prot|prosth)\w*"
    r"|implant\w* (none|no|absent)\b"
)
_BOTH = re.compile(
    r"both breasts|bilateral ?(cc|mlo|view)|\b(cc|mlo) bilateral|\bb(cc|mlo)\b|beide bruste"
    r"|ambas mamas|deux seins"
)
# Free text for views other than the standard ones: the modifier of CID 4015 that it stands for.
_VIEW_WORDS = {
    message("magnification"): re.compile(
        rf"magnif|\bmagn?\b|\bmag\d|\b{_S}{_V}m(?:ag\w*)?\b|\b(?:r|l)?m(?:cc|mlo|ml)\b|\bmag{_V}\b"
        r"|vergrosser|\bampli(?:ac|ad|fic)|agrandi|ingrandi|\bloupe|\blupe\w*"
        r"|(?:\bx|×) ?1[.,][3-9]|\b1[.,][3-9]\d* ?[x×]"
    ),
    message("spot compression"): re.compile(
        r"(?<!focal )spot(?:s?\b|ted|cc|mlo|ml|lm|compr|mag)|\bconed?\b"
        r"|focal compr|compresion focal|focali[sz]ad|locali[sz]ad|localise|centree|selectiva"
        r"|seletiva|mirata|ziel(?:aufnahme|kompr)|tubus|pontual"
    ),
    message("rolled"): re.compile(rf"\broll(?:ed)?\b|\b{_S}(?:cc|mlo)r[lmis]\b|gerollt|\brotad"),
    message("tangential"): re.compile(rf"tangen|\btan\b|\b{_S}{_V}tan\b"),
    message("cleavage"): re.compile(r"cleavage|valley view"),
    message("axillary tail"): re.compile(r"axill?ar\w* tail|cola axilar|prolongement axillaire"),
    message("anterior compression"): re.compile(r"anterior compress|compresion anterior"),
    message("exaggerated"): re.compile(r"exag+er|\b[rl]?xcc[lm]?\b"),
}


def words_for_views(text: str) -> list[Message]:
    """The kinds of unusual views that a text, made `plain`, tells of."""
    return [kind for kind, words in _VIEW_WORDS.items() if words.search(text)]


# ---------------------------------------------------------------------------------------- rules


@dataclass(frozen=True)
class Rule:
    """`reason` answers with the sentence, or None where the rule does not fit."""

    source: str
    reason: Callable[[Evidence], Message | None]


def _any(
    kind: Message,
    fits: Callable[[Evidence], bool],
    wanted: Message = _WANTED,
) -> Callable[[Evidence], Message | None]:
    sentence = no_mammogram(kind, wanted)
    return lambda evidence: sentence if fits(evidence) else None


def _is_synthetic(e: Evidence) -> bool:
    """A mammogram computed from tomosynthesis: of a tomosynthesis, and two-dimensional."""
    return bool({"GENERATED_2D", "TOMO_2D"} & e.image_types or _SYNTHETIC.search(e.text))


def _is_slice(e: Evidence) -> bool:
    if _is_synthetic(e):
        return False
    tags = e.tags
    places = ("SliceLocation", "ImagePositionPatient", "SpacingBetweenSlices", "TomoLayerHeight")
    is_placed = any(tags.texts(keyword) for keyword in places)
    return (
        any(value.startswith("TOMO") and value != "TOMO_PROJ" for value in e.image_types)
        or "VOLUME" in e.image_types
        or bool(_TOMOSYNTHESIS.search(e.text))
        or tags.text("TomoClass").upper() == "TOMOSYNTHESIS"
        or (is_placed and bool(tags.texts("SliceThickness")))
    )


def _is_projection(e: Evidence) -> bool:
    text = "projection" in e.text and _TOMOSYNTHESIS.search(e.text)
    return "TOMO_PROJ" in e.image_types or bool(text and not _is_synthetic(e))


def _has_contrast(e: Evidence) -> bool:
    """Contrast agent, and nothing says that it is the low-energy image, which is a mammogram."""
    if "LOW_ENERGY" in e.image_types or _LOW_ENERGY.search(e.text):
        return False
    agent = e.tags.text("ContrastBolusAgent").upper() not in ("", "NONE", "NO")
    return agent or "POST_CONTRAST" in e.image_types or bool(_CONTRAST.search(e.text))


_BIOPSY_TYPES = ("STEREO", "PREFIRE", "POSTFIRE", "POSTBIOPSY", "POSTMARKER")


def _is_biopsy(e: Evidence) -> bool:
    return (
        any(value.startswith(_BIOPSY_TYPES) for value in e.image_types)
        or bool(e.tags.items("BiopsyTargetSequence"))
        or bool(_BIOPSY.search(e.all_text))
    )


def _is_specimen(e: Evidence) -> bool:
    return (
        bool(_SPECIMEN_CODES & e.codes)
        or bool(e.tags.items("SpecimenDescriptionSequence"))
        or bool(_SPECIMEN.search(e.all_text))
    )


def _is_energetic(e: Evidence) -> Message | None:
    voltage = e.tags.number("KVP") or 0
    low, high = _HIGHEST_VOLTAGE_KV
    if low < voltage <= high:
        return no_mammogram(
            message("an exposure at {voltage} kV", voltage=f"{voltage:.0f}"),
            message("a plain mammogram"),
        )
    return None


def _has_implant(e: Evidence) -> bool:
    stated = e.tags.text("BreastImplantPresent").upper()
    if stated == "YES" or "implant displaced" in e.modifiers:
        return True
    return stated != "NO" and bool(_IMPLANT.search(_NO_IMPLANT.sub("", e.text)))


def _is_no_mammogram(e: Evidence) -> Message | None:
    is_breast = "BREAST" in e.tags.text("BodyPartExamined").upper()
    if e.modality == "MG" or e.sop_class == _MAMMOGRAPHY or is_breast:
        return None
    return message(
        "The header does not call this a mammogram (modality {modality}).",
        modality=e.modality[:8] or message("missing"),
    )


def _is_raw(e: Evidence) -> bool:
    intent = e.tags.text("PresentationIntentType").upper()
    return e.sop_class == _MAMMOGRAPHY_FOR_PROCESSING or intent == "FOR PROCESSING"


def _is_crop(e: Evidence) -> bool:
    return "roi mask" in e.text or "cropped images" in e.text


def _modified(e: Evidence) -> Message | None:
    """By code, by words, or by a code and words that nobody here knows."""
    found = [as_message(name) for name in e.modifiers if name in UNUSUAL]
    for kind in words_for_views(e.all_text):
        if not any(name.startswith(kind) for name in found):
            found.append(kind)
    return no_standard_view(listed(found)) if found else None


def _modified_in_words_unknown(e: Evidence) -> Message | None:
    for name in e.modifiers:
        words = set(re.findall(r"\w+", plain(name).upper()))
        if name not in MODIFIERS.values() and not words <= _USUAL_WORDS:
            return no_standard_view(message("unknown ({view})", view=name[:24]))
    return None


def _unknown_view(e: Evidence) -> Message | None:
    """View Position, or the code where that is all, must be a view and nothing besides."""
    stated = e.tags.text("ViewPosition")
    if stated:
        name = read_name(stated)
        words = set(re.findall(r"[^\W\d_]+|2d", plain(name.rest)))
        is_known = view_of_text(stated) and (
            stated.upper() in ViewPosition.__members__
            or {word.upper() for word in words} <= _USUAL_WORDS
            or "".join(c for c in plain(stated).upper() if c.isalpha()) in VIEWS_IN_FULL
        )
        return None if is_known else no_standard_view(message("unknown ({view})", view=stated[:16]))
    for item in e.tags.items("ViewCodeSequence"):
        code, meaning = item.text("CodeValue"), item.text("CodeMeaning")
        if e.view is None and code not in MODIFIERS and (code or meaning):
            return no_standard_view(message("unknown ({view})", view=(meaning or code)[:24]))
    return None


def _in_both(e: Evidence) -> bool:
    is_stated = any(side in BOTH_SIDES for side in e.sides)
    return is_stated or bool(_BOTH_BREASTS & e.codes or _BOTH.search(e.text))


def _is_subtraction(e: Evidence) -> bool:
    stated = {"SUBTRACTION", "RECOMBINED"} & e.image_types
    return bool(stated or _RECOMBINED.search(e.text))


def _is_high_energy(e: Evidence) -> bool:
    return "HIGH_ENERGY" in e.image_types or bool(_HIGH_ENERGY.search(e.text))


def _is_ductogram(e: Evidence) -> bool:
    return bool(_DUCTOGRAM.search(e.all_text))


def _of_sop_class(e: Evidence) -> Message | None:
    kind = SOP_CLASSES.get(e.sop_class)
    return no_mammogram(kind) if kind else None


def _of_modality(e: Evidence) -> Message | None:
    kind = MODALITIES.get(e.modality)
    return no_mammogram(kind) if kind else None


def _of_frames(e: Evidence) -> Message | None:
    if e.frames > 1:
        return no_mammogram(message("a series of {count} frames", count=e.frames))
    return None


def _magnified(e: Evidence) -> Message | None:
    is_magnified = (magnification(e.tags) or 1) >= MAGNIFIED
    return no_standard_view(message("magnification")) if is_magnified else None


def _other_view(e: Evidence) -> Message | None:
    if e.view is None or e.view in STANDARD_VIEWS:
        return None
    return no_standard_view(e.view.value)


_PLAIN = message("a plain mammogram")
RULES = (
    Rule("C.7.3.1.1.1", _of_modality),
    Rule("PS3.4 B.5", _of_sop_class),
    Rule("C.7.6.3.1.2", _any(message("a colour photograph"), lambda e: e.is_palette)),
    Rule("C.7.6.6", _of_frames),
    Rule("C.8.11.7.1.4 value 3", _any(message("a tomosynthesis projection"), _is_projection)),
    Rule(
        "C.8.11.7.1.4 and C.8.21.6.1.1 value 3", _any(message("a tomosynthesis slice"), _is_slice)
    ),
    Rule(
        "C.8.11.1",
        _any(
            message("raw detector data (FOR PROCESSING)"), _is_raw, message("a processed mammogram")
        ),
    ),
    Rule("C.7.3.1", _is_no_mammogram),
    Rule(
        "CBIS-DDSM", _any(message("a lesion crop or mask"), _is_crop, message("a whole mammogram"))
    ),
    Rule("CID 4014, C.7.6.22", _any(message("a specimen image"), _is_specimen)),
    Rule("C.8.11.7 and C.8.11.7.1.4 value 3", _any(message("a biopsy image"), _is_biopsy, _PLAIN)),
    Rule("CID 6061", _any(message("a ductogram"), _is_ductogram, _PLAIN)),
    Rule(
        "C.8.11.7.1.4 value 4",
        _any(message("a contrast-enhanced subtraction"), _is_subtraction, _PLAIN),
    ),
    Rule(
        "C.8.11.7.1.4 value 5",
        _any(message("a high-energy contrast image"), _is_high_energy, _PLAIN),
    ),
    Rule(
        "C.8.11.7.1.4 value 3, C.7.6.4",
        _any(message("a contrast-enhanced image"), _has_contrast, _PLAIN),
    ),
    Rule("C.8.7.2", _is_energetic),
    Rule("C.8.11.7, CID 4013, CID 244", lambda e: BOTH_BREASTS if _in_both(e) else None),
    Rule("C.8.11.7.1.3, CID 4014", _other_view),
    Rule("CID 4015", _modified),
    Rule("C.8.7.2, C.8.11.7", _magnified),
    Rule("C.8.11.7, CID 4014", _unknown_view),
    Rule("CID 4015", _modified_in_words_unknown),
    Rule(
        "C.8.11.7, CID 4015, the networks' model cards",
        _any(message("a breast with an implant"), _has_implant, message("a breast without one")),
    ),
)


def reason_not_to_judge(evidence: Evidence) -> Message | None:
    """Why no network may judge the image, as a sentence; None if one may."""
    return next((reason for rule in RULES if (reason := rule.reason(evidence))), None)
