"""Which objects are exchanged, and in which transfer syntaxes.

Received are images of the breast, and what is said of them; a radiotherapy plan is not. Every
syntax is a presentation context of its own, so that an object is sent and received as it is stored:
with several in one, the acceptor chooses, and a PACS decompresses.
"""

from collections.abc import Sequence

from pynetdicom import build_context, build_role
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
#: Lossless first, and what everybody can before what few can.
COMPRESSED = (
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first order
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
)
DEFLATED = "1.2.840.10008.1.2.1.99"

_ROOT = "1.2.840.10008.5.1.4.1.1."
MAMMOGRAPHY_FOR_PRESENTATION = _ROOT + "1.2"
IMAGES = (
    MAMMOGRAPHY_FOR_PRESENTATION,
    _ROOT + "1.2.1",  # mammography for processing
    _ROOT + "7",  # secondary capture
    _ROOT + "1",  # computed radiography
    _ROOT + "1.1",  # digital X-ray for presentation
    _ROOT + "13.1.3",  # breast tomosynthesis
    _ROOT + "7.3",  # multi-frame grayscale word secondary capture
)
_REST = {
    "basic text SR": _ROOT + "88.11",
    "enhanced SR": _ROOT + "88.22",
    "comprehensive SR": _ROOT + "88.33",
    "comprehensive 3D SR": _ROOT + "88.34",
    "mammography CAD SR": _ROOT + "88.50",
    "key objects": _ROOT + "88.59",
    "grayscale presentation state": _ROOT + "11.1",
    "segmentation": _ROOT + "66.4",
    "label map": _ROOT + "66.7",
    "encapsulated PDF": _ROOT + "104.1",
}
OTHERS = tuple(_REST.values())
RECEIVED = frozenset(IMAGES + OTHERS)
_FEW_FORMS = 4  # of images that hardly anybody compresses otherwise: 128 contexts is the limit


def retrieval_contexts(model: str) -> list[PresentationContext]:
    """For C-GET: the query, and everything that may come back."""
    contexts = [build_context(model)]
    for place, sop_class in enumerate(IMAGES):
        compressed = COMPRESSED if place < 3 else COMPRESSED[:_FEW_FORMS]
        contexts.append(build_context(sop_class, [EXPLICIT, IMPLICIT]))
        contexts += [build_context(sop_class, [syntax]) for syntax in compressed]
    contexts += [build_context(sop_class, [EXPLICIT, IMPLICIT]) for sop_class in OTHERS]
    contexts.append(build_context(_REST["segmentation"], ["1.2.840.10008.1.2.5"]))
    return contexts


def storage_roles() -> list[SCP_SCU_RoleSelectionNegotiation]:
    """That we are who stores, on an association that we have opened."""
    return [build_role(sop_class, scp_role=True) for sop_class in IMAGES + OTHERS]


def accepted_contexts() -> list[tuple[str, list[str]]]:
    """What our receiver takes: SOP class, syntaxes."""
    syntaxes = [*COMPRESSED, EXPLICIT, IMPLICIT, DEFLATED]  # the first that is offered is taken
    return [(sop_class, syntaxes) for sop_class in IMAGES + OTHERS]


def sending_contexts(wanted: Sequence[tuple[str, str]]) -> list[PresentationContext]:
    """One for each pair of SOP class and syntax, in order, each once; at most 127."""
    return [build_context(*pair) for pair in list(dict.fromkeys(wanted))[:127]]
