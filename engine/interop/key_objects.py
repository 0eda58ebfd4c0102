"""Key object selection: the images that a reader marked."""

from collections.abc import Collection, Sequence

import highdicom as hd
from pydicom.dataset import Dataset

from engine.domain import NOTICE
from engine.interop import codes, equipment
from engine.interop.sources import UTF_8, SourceImage


def key_objects(sources: Sequence[SourceImage], marked: Collection[str], reader: str) -> Dataset:
    """`marked` are image uids of the sources. Raises ValueError where none of them is marked."""
    chosen = [source.header for source in sources if source.view.image_uid in marked]
    if not chosen:
        raise ValueError("no image is marked")
    dataset: Dataset = hd.ko.KeyObjectSelectionDocument(
        evidence=chosen,
        content=hd.ko.KeyObjectSelection(
            codes.OF_INTEREST,
            referenced_objects=chosen,
            observer_person_context=equipment.person_observer(reader),
            description=f"Images that the reader marked. {NOTICE}",
        ),
        series_instance_uid=equipment.new_uid(),
        series_number=equipment.SERIES_NUMBERS["ko", "reader"],
        sop_instance_uid=equipment.new_uid(),
        instance_number=1,
        manufacturer=equipment.MAKER,
        series_description="Marked images. Research use only.",
        specific_character_set=UTF_8,
    )
    equipment.finish(dataset, sources, None)
    return dataset
