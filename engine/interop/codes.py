"""The codes that results are written with, and are told by when others' are read.

BI-RADS in DICOM is CID 6027 of PS3.16 (three of its codes are the ACR's own, scheme "BI"). What no
standard has a code for is in a scheme of our own. A test looks up every DCM, SCT and UCUM code in
pydicom's copy of the standard, as no validator compares a code with its meaning.
"""

from collections.abc import Mapping

from pydicom.sr.coding import Code

from engine.dicom.documents import OUR_MAKER
from engine.domain import Agreement, BiradsCategory, Laterality, ReadingMode, ViewPosition

MAKER = OUR_MAKER  #: Manufacturer (0008,0070) of what we write
OWN_SCHEME = "99BIRADSV"
OWN_SCHEME_NAME = "birads-viewer's own codes"
ACR_SCHEME = "BI"
ACR_SCHEME_NAME = "ACR BI-RADS"
#: CID 6027 gives none; dciodvfy wants one, and the codes are those of the fifth edition
_ACR_VERSION = "5.0"


def own(value: str, meaning: str) -> Code:
    """A code of our own scheme: at most 16 and 64 characters (VR SH and LO)."""
    return Code(value, OWN_SCHEME, meaning)


def _acr(value: str, meaning: str) -> Code:
    return Code(value, ACR_SCHEME, meaning, _ACR_VERSION)


ASSESSMENT = Code("111005", "DCM", "Assessment Category")
CATEGORIES: Mapping[BiradsCategory, Code] = {
    BiradsCategory.INCOMPLETE: Code(
        "397138000", "SCT", "0 - Incomplete - Need additional imaging evaluation +/- priors"
    ),
    BiradsCategory.NEGATIVE: Code("397140005", "SCT", "1 - Negative"),
    BiradsCategory.BENIGN: Code("397141009", "SCT", "2 - Benign"),
    BiradsCategory.PROBABLY_BENIGN: Code("397143007", "SCT", "3 - Probably Benign"),
    BiradsCategory.SUSPICIOUS: Code("397144001", "SCT", "4 - Suspicious"),
    BiradsCategory.LOW_SUSPICION: _acr("MA.II.A.5.4A", "4A - Low suspicion"),
    BiradsCategory.MODERATE_SUSPICION: _acr("MA.II.A.5.4B", "4B - Intermediate suspicion"),
    BiradsCategory.HIGH_SUSPICION: _acr("MA.II.A.5.4C", "4C - Moderate suspicion"),
    BiradsCategory.HIGHLY_SUGGESTIVE: Code(
        "397145000", "SCT", "5 - Highly suggestive of malignancy"
    ),
    BiradsCategory.KNOWN_MALIGNANCY: _acr("MA.II.A.5.6", "6 - Known biopsy proven malignancy"),
}

REPORT = Code("126000", "DCM", "Imaging Measurement Report")
MAMMOGRAPHY = Code("71651007", "SCT", "Mammography")
BREAST = Code("76752008", "SCT", "Breast")
SIDES: Mapping[Laterality, Code] = {
    Laterality.LEFT: Code("7771000", "SCT", "Left"),
    Laterality.RIGHT: Code("24028007", "SCT", "Right"),
}
BREASTS: Mapping[Laterality, Code] = {  #: with the side in one code, as CAD SR has them
    Laterality.LEFT: Code("80248007", "SCT", "Left breast"),
    Laterality.RIGHT: Code("73056007", "SCT", "Right breast"),
}
VIEWS: Mapping[ViewPosition, Code] = {
    ViewPosition.CC: Code("399162004", "SCT", "cranio-caudal"),
    ViewPosition.MLO: Code("399368009", "SCT", "medio-lateral oblique"),
}
DEVICE = Code("121007", "DCM", "Device")
PERSON = Code("121006", "DCM", "Person")
PROBABILITY_OF_CANCER = Code("111047", "DCM", "Probability of cancer")
COMMENT = Code("121106", "DCM", "Comment")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
OF_INTEREST = Code("113000", "DCM", "Of Interest")
LENGTH = Code("410668003", "SCT", "Length")
AREA = Code("42798000", "SCT", "Area")
ANGLE = Code("1483009", "SCT", "Angle")
SPATIAL_CONCEPT = Code("309825002", "SCT", "Spatial and Relational Concept")

PERCENT = Code("%", "UCUM", "Percent")
NO_UNITS = Code("1", "UCUM", "no units")
MILLIMETRE = Code("mm", "UCUM", "mm")
SQUARE_MILLIMETRE = Code("mm2", "UCUM", "square millimeter")
DEGREE = Code("deg", "UCUM", "Degree")
PIXELS = Code("{pixels}", "UCUM", "pixels")

PROBABILITIES: Mapping[int, Code] = {
    grade: own(f"P{grade}", f"Calibrated probability of BI-RADS {grade}") for grade in range(1, 6)
}
CONFIDENCE = own("CONFIDENCE", "Calibrated probability of the category")
SCOPE = own("SCOPE", "Whether the model judges")
IN_SCOPE = own("INSCOPE", "The model judges this breast")
OUT_OF_SCOPE = own("OUTOFSCOPE", "The model does not judge this breast")
SCOPE_REASON = own("SCOPEREASON", "Why the model does not judge")
NOTICE_NAME = own("NOTICE", "Notice")
RESEARCH_ONLY = own("RESEARCHONLY", "Research use only. Not for diagnostic use.")
ATTENTION_REGION = own("ATTREGION", "Region of high model attention")
PEAK_ATTENTION = own("PEAKATT", "Peak model attention, fixed scale 0 to 1")
AGREEMENT = own("AGREEMENT", "Reader's agreement with the model")
AGREEMENTS: Mapping[Agreement, Code] = {
    Agreement.AGREE: own("AGREE", "agrees"),
    Agreement.DISAGREE: own("DISAGREE", "disagrees"),
    Agreement.NOT_COMPARABLE: own("NOTCOMPARABLE", "not comparable"),
}
REASON = own("REASON", "Reason that the reader gave")
READING_MODE = own("READINGMODE", "Reading mode")
READING_MODES: Mapping[ReadingMode, Code] = {
    ReadingMode.CONCURRENT: own("CONCURRENT", "Model shown at once"),
    ReadingMode.SECOND_READ: own("SECONDREAD", "Model shown after the reader's own category"),
    ReadingMode.BLIND_AUDIT: own("BLINDAUDIT", "Model not shown"),
}
CATEGORY_BEFORE = own("CATEGORYBEFORE", "Reader's category before the model was seen")
STANDING = own("STANDING", "Whether the reading stands")
WITHDRAWN = own("WITHDRAWN", "Withdrawn by its reader")
DRAWING = own("DRAWING", "Reader's drawing")

#: What the categories are called by their codes, in others' documents too.
CATEGORY_OF: Mapping[tuple[str, str], BiradsCategory] = {
    (code.scheme_designator, code.value): category for category, code in CATEGORIES.items()
}
