"""What can be seen on any workstation: the image with its heat-map as a secondary capture.

The notice is in the pixels, below the image, so that no display can leave it out. Modality OT keeps
it out of the hanging protocols for mammograms.
"""

import struct

import cv2
import highdicom as hd
import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from engine.arrays import Array
from engine.domain import Prediction, ViewPrediction
from engine.interop import equipment
from engine.interop.sources import UTF_8, SourceImage
from engine.records.exports import caption, heat_on_source, overlay, with_strip

LONGEST_SIDE = 2048  #: pixels; enough to see where, and 7 MB uncompressed


def secondary_capture(
    source: SourceImage, of_view: ViewPrediction, grey: Array, series_uid: str, number: int
) -> Dataset:
    """`grey` is the image, uint8 (rows, columns). Raises ValueError without a heat-map."""
    explanation, said = of_view.explanation, of_view.prediction
    if explanation is None or not isinstance(said, Prediction):
        raise ValueError("there is no heat-map to be shown")
    view, model = source.view, said.model
    heat = heat_on_source(explanation, grey.shape)
    scale = min(1.0, LONGEST_SIDE / max(grey.shape))
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    small = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (grey, heat)]
    picture = with_strip(overlay(*small), caption(view, said, explanation))
    colours = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    capture: Dataset = hd.sc.SCImage.from_ref_dataset(
        source.header,
        colours,
        "RGB",
        8,
        "PATIENT",
        series_instance_uid=series_uid,
        series_number=equipment.SERIES_NUMBERS["sc", "model"],
        sop_instance_uid=equipment.new_uid(),
        instance_number=number,
        manufacturer=equipment.MAKER,
        laterality=view.laterality.value if view.laterality is not None else None,
        patient_orientation=("P", "F"),  # it wants one of the body's axes: the true one is below
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=equipment.contributing(model),
        series_description="Model heat-map. Research use only.",
        specific_character_set=UTF_8,
    )
    capture.PatientOrientation = source.header.get("PatientOrientation")  # empty where not known
    capture.BurnedInAnnotation = "YES"
    capture.BodyPartExamined = "BREAST"
    capture.DerivationDescription = "Reduced, and fused with the model's heat-map"
    _compress(capture, colours)
    equipment.finish(capture, [source], model)
    return capture


def _compress(capture: Dataset, colours: Array) -> None:
    """RLE lossless, PS3.5 annex G, thirty times as fast as pydicom's own encoder."""
    segments = [
        # rows apart, as the standard asks; even lengths
        data + b"\0" * (len(data) % 2)
        for data in (
            imagecodecs.packbits_encode(np.ascontiguousarray(colours[..., plane]))
            for plane in range(3)
        )
    ]
    offsets, place = [], 64
    for segment in segments:
        offsets.append(place)
        place += len(segment)
    head = struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(offsets)))
    capture.PixelData = encapsulate([head + b"".join(segments)])
    capture["PixelData"].VR = "OB"
    capture["PixelData"].is_undefined_length = True
    capture.PlanarConfiguration = 1  # of RLE
    capture.file_meta.TransferSyntaxUID = RLELossless
