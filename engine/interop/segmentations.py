"""The region of high model attention as a binary segmentation.

Binary at half of the fixed scale says what it is; PROBABILITY and OCCUPANCY, the two kinds of
fractional ones, are both untrue of an attention map.
"""

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from engine import __version__
from engine.domain import NOTICE, ViewPrediction
from engine.interop import codes, equipment
from engine.interop.regions import WARM
from engine.interop.sources import UTF_8, SourceImage
from engine.records.exports import heat_on_source


def segmentation(
    source: SourceImage, of_view: ViewPrediction, series_uid: str, number: int
) -> Dataset | None:
    """None where no place of the image is that warm. Raises ValueError without a heat-map."""
    if of_view.explanation is None:
        raise ValueError("there is no heat-map to be outlined")
    model = of_view.prediction.model
    header = source.header
    mask = heat_on_source(of_view.explanation, (header.Rows, header.Columns)) >= WARM
    if not mask.any():
        return None
    description = hd.seg.SegmentDescription(
        1,
        "Model attention, research only",
        codes.SPATIAL_CONCEPT,
        codes.ATTENTION_REGION,
        "AUTOMATIC",
        hd.AlgorithmIdentificationSequence(
            name=f"{equipment.PROGRAM} {model.name}",
            family=codes.ARTIFICIAL_INTELLIGENCE,
            version=__version__,
            source=equipment.MAKER,
            parameters={"sha256": model.sha256, "threshold": f"{WARM}"},
        ),
        tracking_uid=equipment.stable_uid(of_view.image_uid, "attention", model.sha256),
        tracking_id="attention",
        anatomic_regions=[codes.BREAST],
    )
    dataset: Dataset = hd.seg.Segmentation(
        [header],
        mask.astype(np.uint8)[None],
        "BINARY",
        [description],
        series_instance_uid=series_uid,
        series_number=equipment.SERIES_NUMBERS["seg", "model"],
        sop_instance_uid=equipment.new_uid(),
        instance_number=number,
        content_label="ATTENTION",
        content_description="Model attention",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
        contributing_equipment=equipment.contributing(model),
        series_description="Model attention. Research use only.",
        specific_character_set=UTF_8,
        **equipment.made_by(model),
    )
    if "PatientOrientation" not in dataset:
        dataset.PatientOrientation = header.get("PatientOrientation")  # type 2C
    dataset.ImageComments = NOTICE
    equipment.finish(dataset, [source], model)
    return dataset
