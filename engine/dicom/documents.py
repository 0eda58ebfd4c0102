"""Objects that say something of a study's images and are none themselves: reports, presentation
states, segmentations, key objects, PDF; and the pictures that this program has made of its results.

They are kept apart from images, so that none hangs among them: a segmentation has pixels, and a
picture of ours shows what the model said, which a reading mode may hide.
"""

from pydicom.uid import UID

from engine.dicom.tags import Tags
from engine.errors import UnsupportedImage
from engine.messages import Message, message

OUR_MAKER = "birads-viewer project"  #: Manufacturer of what we write
_ROOT = "1.2.840.10008.5.1.4.1.1."
_CAPTURES = frozenset(_ROOT + part for part in ("7", "7.1", "7.2", "7.3", "7.4"))
#: SOP classes that are read as documents.
DOCUMENTS = frozenset(
    _ROOT + part
    for part in (
        *("88.11", "88.22", "88.33", "88.34", "88.50", "88.59"),
        *("11.1", "66.4", "66.7", "104.1"),
    )
)


class DocumentFile(UnsupportedImage):
    """The file is a document about images of that study."""

    def __init__(self, title: str, advice: str, study_uid: str) -> None:
        super().__init__(title, advice)
        self.args = (title, advice, study_uid)
        self.study_uid = study_uid


def check(tags: Tags) -> None:
    """Raises DocumentFile where the file is one."""
    sop_class, study_uid = tags.text("SOPClassUID"), tags.text("StudyInstanceUID")
    if sop_class in DOCUMENTS:
        raise DocumentFile(*document_words(sop_class), study_uid)
    if sop_class in _CAPTURES and tags.text("Manufacturer") == OUR_MAKER:
        raise DocumentFile(
            message("A picture of a result, not an image"),
            message("This program made it of an image and its heat-map."),
            study_uid,
        )


def document_words(sop_class: str) -> tuple[Message, Message]:
    """Title and advice, where it is opened as an image."""
    kind = UID(sop_class).name.removesuffix(" Storage")
    is_known = bool(kind) and not kind[0].isdigit()
    return (
        message("A document, not an image"),
        message(
            "Open it in another program; it is: {kind}.",
            kind=kind[:60] if is_known else message("a file without pixels"),
        ),
    )
