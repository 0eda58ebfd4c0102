"""An anonymised copy shows the same breasts and tells nothing of whose they are."""

import json
import re
import struct
import warnings
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import engine.anonymisation.anonymising
from engine.__main__ import main
from engine.anonymisation import confidentiality, pixel_streams, plain_copies
from engine.anonymisation.anonymising import Anonymiser
from engine.anonymisation.confidentiality import ReplacementIds, table
from engine.dicom.loading import load, load_pixels
from engine.domain import Laterality
from engine.errors import StorageFailed
from tests.phantom import (
    TRANSFER_SYNTAXES,
    breast,
    stored_values,
    write_mammogram,
    write_plain,
    write_study,
)

SECRETS = (
    *("Doe", "A-17", "Hospital", "Dr. Smith", "19610203", "20240302", "101530", "9.8.7", "SN-4711"),
    *("callback", "20240301"),
)


def tell_secrets(dataset):
    """What a machine and a clinic write of a patient, also where nobody looks."""
    dataset.InstitutionName = "Hospital of the Sea"
    dataset.ReferringPhysicianName = "Dr. Smith"
    dataset.PatientBirthDate = "19610203"
    dataset.DeviceSerialNumber = "SN-4711"
    dataset.SeriesDescription = dataset.ImageComments = "callback Doe"
    dataset.AcquisitionDateTime = "20240302101530"
    dataset.FrameOfReferenceUID = "9.8.7.6"
    dataset.BurnedInAnnotation = "YES"
    dataset.PatientBirthDateInAlternativeCalendar = "Doe 1340-11-14"
    dataset.PartialViewDescription = "seen by Dr. Smith"
    dataset.OperatorsName = ["Dr. Smith", "Doe"]
    dataset.Manufacturer = "Phantom Inc."
    block = dataset.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x01, "LO", "Doe")
    dataset.add_new(0x00091001, "UN", b"Doe")
    dataset.add_new(0x60003000, "OB", b"Doe!")
    dataset.add_new(0x50003000, "OB", b"Doe!")
    dataset.add_new(0x00187777, "LO", "Doe")  # in no dictionary
    request = Dataset()
    request.AccessionNumber, request.StudyInstanceUID = "A-17", dataset.StudyInstanceUID
    dataset.RequestAttributesSequence = [request]
    deep, deeper = Dataset(), Dataset()
    deeper.PatientID, deeper.SOPInstanceUID = "A-17", dataset.SOPInstanceUID
    deeper.private_block(0x0029, "MAKER", create=True).add_new(0x01, "LO", "Doe")
    deeper.ReferencedSOPInstanceUID = "9.8.7.1"
    deep.PurposeOfReferenceCodeSequence = [deeper]
    deep.ReferencedSOPInstanceUID = "9.8.7.2"
    dataset.ReferencedImageSequence = [deep]
    padding = dataset.DataSetTrailingPadding = b"Doe!"
    assert padding


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "Doe"
    settings = {"patient_id": "A-17", "patient_name": "Doe^Jane", "study_date": "20240302"}
    write_study(folder, **settings, study_uid="9.8.7", edit=tell_secrets)
    return folder


def copied(source, out, **options):
    """The copies of all studies under the source, and the new paths."""
    anonymiser = Anonymiser(out, [source if source.is_dir() else source.parent], **options)
    copies = [anonymiser.copy(study) for study in load([source]).studies]
    return copies, [image.copy for copy in copies for image in copy.images]


def words_in(path):
    data = path.read_bytes()
    return [word for word in SECRETS if word.encode() in data]


# ------------------------------------------------------------------------------------------ DICOM


def test_nothing_of_the_patient_is_left_in_any_byte_name_or_depth(study, tmp_path):
    assert len(words_in(study / "RCC.dcm")) >= 9
    (copy,), paths = copied(study, tmp_path / "out")
    assert copy.failures == ()
    assert [path.name for path in paths] == ["R_CC.dcm", "L_CC.dcm", "R_MLO.dcm", "L_MLO.dcm"]
    for path in paths:
        assert words_in(path) == []
        assert not any(word in str(path.relative_to(tmp_path)) for word in SECRETS)
        dataset = pydicom.dcmread(path)
        assert not any(element.tag.is_private for element in dataset.iterall())
        assert dataset.PatientID == dataset.PatientName == copy.folder.name
        assert dataset.StudyDate == dataset.PatientBirthDate == ""
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.LongitudinalTemporalInformationModified == "REMOVED"
        assert dataset.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert dataset.BurnedInAnnotation == "YES"  # nothing was done about it
        assert dataset.preamble == b"\0" * 128
        assert dataset.Manufacturer == "Phantom Inc."
        assert dataset.AcquisitionDateTime == ""
        assert "SeriesDescription" not in dataset


def test_uids_are_new_and_keep_referring_to_each_other(study, tmp_path):
    _, paths = copied(study, tmp_path / "out")
    before = [pydicom.dcmread(study / f"{v}.dcm") for v in ("RCC", "LCC", "RMLO", "LMLO")]
    after = [pydicom.dcmread(path) for path in paths]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({dataset.get(keyword) for dataset in after}) == 1
    for old, new in zip(before, after, strict=True):
        assert new.SOPClassUID == old.SOPClassUID
        assert new.SOPInstanceUID != old.SOPInstanceUID
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert new.SOPInstanceUID.is_valid
        assert new.SOPInstanceUID.startswith("2.25.")
        (reference,) = new.ReferencedImageSequence
        (inner,) = reference.PurposeOfReferenceCodeSequence
        assert inner.SOPInstanceUID == new.SOPInstanceUID
    assert len({dataset.SOPInstanceUID for dataset in after}) == 4
    again, _ = copied(study, tmp_path / "again")
    assert again[0].folder.name != paths[0].parent.name  # another run, another key


def test_studies_of_one_patient_stay_together_and_those_of_two_apart(tmp_path):
    for number, patient in ((1, "A-17"), (2, "A-17"), (3, "B-2")):
        folder = tmp_path / "in" / str(number)
        write_study(folder, patient_id=patient, study_uid=f"9.8.{number}", rows=64, columns=48)
    copies, paths = copied(tmp_path / "in", tmp_path / "out")
    first, second, third = (copy.folder.name for copy in copies)
    assert second == f"{first}_2"
    assert third != first
    studies = load([tmp_path / "out"]).studies
    assert sorted(len(study.views) for study in studies) == [4, 4, 4]
    assert len({study.patient_id for study in studies}) == 2
    assert len(paths) == 12


@pytest.mark.parametrize(
    ("tag", "values"),
    [
        ("IssuerOfPatientID", ("North", "South", "North")),
        ("PatientBirthDate", ("19600101", "19710203", "19600101")),
    ],
)
def test_two_patients_to_whom_two_hospitals_gave_one_id_stay_apart(tmp_path, tag, values):
    for number, value in enumerate(values):
        write_study(
            tmp_path / "in" / str(number),
            patient_id="17",
            study_uid=f"9.8.{number}",
            rows=64,
            columns=48,
            edit=lambda dataset, value=value: setattr(dataset, tag, value),
        )
    copies, _ = copied(tmp_path / "in", tmp_path / "out")
    first, other, again = (copy.folder.name for copy in copies)
    assert again == f"{first}_2"
    assert not other.startswith(first)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_pixel_data_are_the_same_to_the_bit_in_their_transfer_syntax(tmp_path, syntax):
    bits = {"jpeg-baseline": 8}.get(syntax, 12)
    source = write_mammogram(
        tmp_path / "in" / "x.dcm", transfer_syntax=syntax, bits_stored=bits, edit=tell_secrets
    )
    _, (path,) = copied(source, tmp_path / "out")
    old, new = pydicom.dcmread(source), pydicom.dcmread(path)
    assert new.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[syntax]
    assert new.PixelData == old.PixelData
    assert words_in(path) == []
    (view,), (was,) = load([path]).studies[0].views, load([source]).studies[0].views
    np.testing.assert_array_equal(load_pixels(view).stored, load_pixels(was).stored)
    assert (view.label, view.pixel_spacing) == (was.label, was.pixel_spacing)
    assert [(v.center, v.width) for v in view.vois] == [(v.center, v.width) for v in was.vois]


def test_a_file_without_preamble_and_one_without_uids_get_both(tmp_path):
    def forget(dataset):
        tell_secrets(dataset)
        del dataset.SOPInstanceUID
        del dataset.StudyInstanceUID

    source = tmp_path / "in" / "x.dcm"
    write_mammogram(source, edit=forget, preamble=False)
    _, (path,) = copied(source, tmp_path / "out")
    dataset = pydicom.dcmread(path)
    assert dataset.SOPInstanceUID.startswith("2.25.")
    assert dataset.StudyInstanceUID.startswith("2.25.")
    assert words_in(path) == []


def test_attributes_that_must_have_a_value_in_tomosynthesis_get_a_dummy(tmp_path):
    def as_tomosynthesis(dataset):
        tell_secrets(dataset)
        dataset.ContentDate = "20240302"
        content = Dataset()
        content.FrameReferenceDateTime = "20240302101530"
        item = Dataset()
        item.FrameContentSequence = [content]
        dataset.PerFrameFunctionalGroupsSequence = Sequence([item])

    source = write_mammogram(tmp_path / "in" / "x.dcm", edit=as_tomosynthesis)
    _, (path,) = copied(source, tmp_path / "out")
    dataset = pydicom.dcmread(path)
    assert dataset.DeviceSerialNumber == "ANONYMISED"
    assert dataset.ContentDate == "19000101"
    frame = dataset.PerFrameFunctionalGroupsSequence[0].FrameContentSequence[0]
    assert frame.FrameReferenceDateTime == "19000101000000"
    assert words_in(path) == []


def test_an_overlay_in_unused_bits_is_taken_out(tmp_path):
    def declare(dataset):
        dataset.add_new(0x60000102, "US", 15)

    image = stored_values(breast(rows=96, columns=72), 12)
    source = write_mammogram(
        tmp_path / "in" / "x.dcm", values=image, unused_bits=0b1000, edit=declare
    )
    _, (path,) = copied(source, tmp_path / "out")
    before, after = (
        np.frombuffer(pydicom.dcmread(file).PixelData, "<u2") for file in (source, path)
    )
    assert before.min() == 0x8000
    np.testing.assert_array_equal(after, image.ravel())


# ----------------------------------------------------------------------- words beside the pixels

WORDS = b"Doe born 19610203"


def jpeg_with_words(stream):
    """A comment and an Exif segment."""
    size = struct.pack(">H", len(WORDS) + 2)
    exif = b"\xff\xe1" + struct.pack(">H", len(WORDS) + 8) + b"Exif\0\0" + WORDS
    return stream[:2] + b"\xff\xfe" + size + WORDS + exif + stream[2:]


def jpeg2000_with_words(stream):
    """A comment in the main header and one in that of the first tile-part, whose length grows."""
    comment = b"\xff\x64" + struct.pack(">HH", len(WORDS) + 4, 1) + WORDS
    tile = stream.index(b"\xff\x90\0\x0a")
    (length,) = struct.unpack_from(">I", stream, tile + 6)
    head = stream[tile : tile + 6] + struct.pack(">I", length and length + len(comment))
    return (
        b"".join((stream[:tile], comment, head, stream[tile + 10 : tile + 12], comment))
        + stream[tile + 12 :]
    )


def with_words(path, syntax):
    """The file's pixel data with words wherever its format has room for them."""
    dataset = pydicom.dcmread(path)
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.PixelData += WORDS.ljust(64)
    else:
        (stream,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
        if syntax.startswith(("jpeg2000", "htj2k")):
            stream = jpeg2000_with_words(stream)
        elif syntax.startswith("jpeg"):
            stream = jpeg_with_words(stream)
        else:  # among the offsets of segments that are not there
            stream = stream[:20] + WORDS + stream[20 + len(WORDS) :]
        if syntax.startswith(("jpeg2000", "htj2k")):  # elsewhere an image with more is refused
            stream += WORDS.ljust(64)
        dataset.PixelData = pydicom.encaps.encapsulate([stream])
    dataset.save_as(path)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_no_word_around_the_pixels_is_copied_and_no_value_changes(tmp_path, syntax):
    source = write_mammogram(tmp_path / "in" / "x.dcm", transfer_syntax=syntax)
    clean = load_pixels(load([source]).studies[0].views[0]).stored
    with_words(source, syntax)
    assert syntax == "deflated" or b"born" in source.read_bytes()
    (copy,), paths = copied(source, tmp_path / "out")
    assert copy.failures == ()
    (path,) = paths
    dataset = pydicom.dcmread(path)
    assert b"born" not in path.read_bytes() + dataset.PixelData
    np.testing.assert_array_equal(load_pixels(load([path]).studies[0].views[0]).stored, clean)
    assert dataset.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[syntax]


def test_the_last_of_an_odd_number_of_swapped_pixels_is_copied_too(tmp_path):
    image = stored_values(breast("R", "CC", 301, 201), 8).astype(np.uint8)

    def swap(dataset):
        pairs = np.append(image.ravel(), np.uint8(0)).reshape(-1, 2)
        dataset.PixelData = pairs[:, ::-1].tobytes() + WORDS.ljust(64)
        dataset["PixelData"].VR = "OW"

    source = write_mammogram(
        tmp_path / "in" / "x.dcm",
        values=image,
        bits_stored=8,
        transfer_syntax="big-endian",
        edit=swap,
    )
    before = load_pixels(load([source]).studies[0].views[0]).stored
    _, (path,) = copied(source, tmp_path / "out")
    assert b"born" not in path.read_bytes()
    np.testing.assert_array_equal(load_pixels(load([path]).studies[0].views[0]).stored, before)
    np.testing.assert_array_equal(before, image)


def test_uncompressed_pixels_in_items_stay_so_without_what_stands_behind_them(tmp_path):
    source = write_mammogram(tmp_path / "in" / "x.dcm")
    before = load_pixels(load([source]).studies[0].views[0]).stored
    dataset = pydicom.dcmread(source)
    dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData + WORDS.ljust(64)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.98"
    dataset.save_as(source)
    _, (path,) = copied(source, tmp_path / "out")
    assert b"born" not in path.read_bytes()
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1.98"
    np.testing.assert_array_equal(load_pixels(load([path]).studies[0].views[0]).stored, before)


def test_frames_of_a_file_are_copied_each_without_its_words(tmp_path):
    source = write_mammogram(tmp_path / "in" / "x.dcm", transfer_syntax="jpeg2000-lossless")
    dataset = pydicom.dcmread(source)
    (stream,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
    dataset.NumberOfFrames = 3
    frames = [jpeg2000_with_words(stream) + b"\0\0" + WORDS + b"\0"] * 3
    dataset.PixelData = pydicom.encaps.encapsulate(frames, fragments_per_frame=2)
    dataset.save_as(source)
    (copy,), paths = copied(source, tmp_path / "out")
    assert copy.failures == ()
    after = pydicom.dcmread(paths[0])
    assert b"born" not in paths[0].read_bytes()
    frames = list(pydicom.encaps.generate_frames(after.PixelData, number_of_frames=3))
    bare, _ = pixel_streams.bare_jpeg2000(stream)
    assert [frame.rstrip(b"\0") for frame in frames] == [bare] * 3


def test_a_stream_without_its_end_is_stored_anew_with_the_same_values(tmp_path):
    source = write_mammogram(tmp_path / "in" / "x.dcm", transfer_syntax="jpeg2000-lossless")
    view = load([source]).studies[0].views[0]
    dataset = pydicom.dcmread(source)
    (stream,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
    with pytest.raises(ValueError, match="cut off"):
        pixel_streams.bare_streams(stream[: stream.rindex(b"\xff\xd9")], 1)
    before = load_pixels(view).stored
    dataset.PixelData = pydicom.encaps.encapsulate(
        [b"\xff\x4f" + stream[2:].replace(b"\xff\x52", b"\xff\x30\xff\x52", 1)]
    )
    dataset.save_as(source)
    _, (path,) = copied(source, tmp_path / "out")
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    np.testing.assert_array_equal(load_pixels(load([path]).studies[0].views[0]).stored, before)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turned_photograph_stays_turned_and_says_nothing_else(tmp_path, orientation):
    image = imagecodecs.jpeg8_encode(stored_values(breast("R", "CC", 300, 200), 8).astype(np.uint8))
    words = pixel_streams.orientation_alone(orientation) + WORDS
    body = b"Exif\0\0" + words
    picture = image[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + image[2:]
    source = tmp_path / "in" / "R_CC.jpg"
    source.parent.mkdir()
    source.write_bytes(picture + WORDS)
    _, (path,) = copied(source, tmp_path / "out")
    data = path.read_bytes()
    assert b"born" not in data
    assert pixel_streams.jpeg_orientation(data) == orientation
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(data), imagecodecs.jpeg8_decode(image))


def test_words_packed_behind_a_png_image_are_left_behind(tmp_path):
    image = stored_values(breast("R", "CC", 300, 200), 8).astype(np.uint8)
    picture = imagecodecs.png_encode(image)
    at = picture.rindex(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", picture, at)
    body = b"IDAT" + picture[at + 8 : at + 8 + length] + WORDS
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    bare = plain_copies.bare_png(picture[:at] + chunk + picture[at + 12 + length :])
    assert b"born" not in bare
    np.testing.assert_array_equal(imagecodecs.png_decode(bare), image)


# --------------------------------------------------------------------------------- words in tags


def test_whatever_text_attribute_holds_a_name_it_does_not_stay(tmp_path):
    kinds = {"LO", "SH", "ST", "LT", "UT", "UC", "PN", "CS", "AE"}

    def fill(dataset):
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
            if vr in kinds and keyword and tag >> 16 > 4 and keyword not in dataset:
                dataset.add_new(tag, vr, "DOE^JANE" if vr == "PN" else "seen by Jane Doe")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = write_mammogram(
            tmp_path / "in" / "x.dcm", patient_name="Doe^Jane", patient_id="MRN-4711", edit=fill
        )
        _, (path,) = copied(source, tmp_path / "out")
    data = path.read_bytes().lower()
    assert b"jane" not in data
    assert b"doe" not in data


def test_free_words_of_nobody_in_particular_stay_in_technical_attributes_only(tmp_path):
    def tell(dataset):
        dataset.Manufacturer, dataset.ManufacturerModelName = "Machines Inc.", "Selenia"
        dataset.WindowCenterWidthExplanation = "as she liked it"
        dataset.ViewName = dataset.AcquisitionDeviceProcessingDescription = "as she liked it"
        dataset.BodyPartExamined = "as she liked it"
        dataset.KVP = "28.1234567890123"
        dataset.PixelSpacingCalibrationDescription = "as she liked it"
        dataset.FilterMaterial = "RHODIUM"
        view = Dataset()
        view.CodeValue, view.CodingSchemeDesignator = "399162004", "SCT"
        view.CodeMeaning = "as she liked it"
        dataset.ViewCodeSequence = [view]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = write_mammogram(tmp_path / "in" / "x.dcm", edit=tell)
        data = source.read_bytes().replace(b"28.1234567890123", b"28 as she liked ")
        source.write_bytes(data)
        _, (path,) = copied(source, tmp_path / "out")
    assert b"she" not in path.read_bytes()
    dataset = pydicom.dcmread(path)
    assert "KVP" not in dataset
    assert (dataset.Manufacturer, dataset.FilterMaterial) == ("Machines Inc.", "RHODIUM")
    assert dataset.ViewCodeSequence[0].CodeValue == "399162004"
    assert dataset.ViewCodeSequence[0].CodeMeaning.lower().startswith("cranio-caudal")
    assert dataset.PixelSpacingCalibrationDescription == "ANONYMISED"


@pytest.mark.parametrize("share", [None, 0, 0.1, 0.5, 0.99])
def test_with_a_damaged_table_nothing_is_anonymised(tmp_path, study, monkeypatch, capsys, share):
    whole = confidentiality.TABLE_FILE.read_bytes()
    damaged = tmp_path / "table.csv"
    if share is not None:
        damaged.write_bytes(whole[: int(share * len(whole))])
    monkeypatch.setattr(confidentiality, "TABLE_FILE", damaged)
    table.cache_clear()
    assert main(["anonymise", str(study), "--out", str(tmp_path / "out")]) == 2
    assert "Nothing can be anonymised" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_profiles_table_is_whole():
    actions = table()
    assert len(actions) == 652
    assert set("".join(actions.values())) == set("DUXZ/*")
    known = {0x00100010: "Z", 0x00100020: "Z/D", 0x0020000D: "U", 0x00080080: "X/Z/D"}
    assert {tag: actions[tag] for tag in known} == known


def test_a_pseudonym_cannot_be_computed_without_the_key():
    one, other = ReplacementIds(), ReplacementIds()
    assert one.uid("1.2.3") == one.uid("1.2.3") != one.uid("1.2.4")
    assert one.uid("1.2.3") != other.uid("1.2.3")
    assert one.patient("A-17") != other.patient("A-17")


# --------------------------------------------------------------------------------- burned-in marks


def marked(rows=400, columns=300, bits=12):
    """A right breast with a text in the upper left corner."""
    image = stored_values(breast("R", "CC", rows, columns), bits)
    letters = np.kron(np.random.default_rng(7).integers(0, 2, (5, 20)), np.ones((4, 2), int))
    image[12:32, 10:50] = letters * (2**bits - 1)
    return image


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize("syntax", ["implicit", "big-endian", "jpeg2000-lossless", "jpeg-ls"])
def test_corner_texts_are_blanked_on_request_and_no_value_of_the_breast_is_changed(
    tmp_path, syntax, photometric
):
    image = marked()
    image = 4095 - image if photometric == "MONOCHROME1" else image
    source = write_mammogram(
        tmp_path / "in" / "x.dcm",
        values=image,
        transfer_syntax=syntax,
        photometric=photometric,
        edit=tell_secrets,
    )
    (copy,), (path,) = copied(source, tmp_path / "out", blanks_marks=True)
    assert (copy.images[0].is_blanked, copy.images[0].marks) == (True, 1)
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array
    assert np.ptp(stored[8:36, 6:54]) == 0
    changed = np.argwhere(stored != image)
    assert np.all(changed.min(axis=0) >= (9, 7))
    assert np.all(changed.max(axis=0) <= (35, 53))
    assert dataset.BurnedInAnnotation == "NO"
    codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113101"]
    assert words_in(path) == []
    unblanked, (path,) = copied(source, tmp_path / "as it is")
    assert unblanked[0].images[0].marks == 1
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, image)


def test_signed_pixels_stay_as_they_are_beside_what_is_blanked(tmp_path):
    image = marked() - 2048
    source = write_mammogram(
        tmp_path / "in" / "x.dcm", values=image, signed=True, high_bit=13, bits_stored=12
    )
    _, (path,) = copied(source, tmp_path / "out", blanks_marks=True)
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array
    assert dataset.HighBit == 11
    np.testing.assert_array_equal(stored[40:], image[40:])
    assert np.ptp(stored[8:36, 6:54]) == 0


def test_an_image_without_marks_is_left_as_it_is(tmp_path):
    source = write_mammogram(tmp_path / "in" / "x.dcm", transfer_syntax="jpeg-ls")
    (copy,), (path,) = copied(source, tmp_path / "out", blanks_marks=True)
    assert (copy.images[0].marks, copy.images[0].is_blanked) == (0, False)
    assert pydicom.dcmread(path).PixelData == pydicom.dcmread(source).PixelData


@pytest.mark.parametrize("syntax", ["jpeg-lossless-sv1", "jpeg2000-lossless", "rle"])
def test_frames_whose_streams_cannot_be_taken_apart_are_stored_anew(tmp_path, syntax):
    frames = stored_values(np.stack([breast(seed=seed) for seed in range(3)])).astype(np.uint16)
    source = write_mammogram(tmp_path / "in" / "x.dcm", values=frames, transfer_syntax=syntax)
    dataset = pydicom.dcmread(source)
    streams = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=3))
    cut = [re.sub(rb"\xff\xd9\0?$", b"", stream) for stream in streams]
    dataset.PixelData = pydicom.encaps.encapsulate(cut)
    dataset.add_new(0x60000102, "US", 12)  # an overlay in the unused bits, once allowed
    dataset.save_as(source)
    (copy,), (path,) = copied(source, tmp_path / "out")
    assert not copy.failures
    new = pydicom.dcmread(path)
    assert new.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES["explicit"]
    np.testing.assert_array_equal(new.pixel_array, frames)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("is_planar", [False, True])
def test_colours_that_lie_where_they_should_not_are_stored_anew(tmp_path, photometric, is_planar):
    """Uncompressed under a compressed transfer syntax."""
    image = np.random.default_rng(3).integers(0, 255, (64, 48, 3)).astype(np.uint8)

    def planar(dataset):
        dataset.PlanarConfiguration = int(is_planar)
        dataset.PixelData = (np.moveaxis(image, -1, 0) if is_planar else image).tobytes()

    source = write_mammogram(
        tmp_path / "in" / "x.dcm",
        values=image,
        photometric=photometric,
        bits_stored=8,
        edit=planar,
    )
    explicit, lossless = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.70"
    data = source.read_bytes()
    place = data.index(explicit)
    longer = (int.from_bytes(data[place - 2 : place], "little") + 2).to_bytes(2, "little")
    group = int.from_bytes(data[140:144], "little") + 2
    source.write_bytes(
        b"".join([data[:140], group.to_bytes(4, "little"), data[144 : place - 2], longer, lossless])
        + data[place + len(explicit) :]
    )
    (copy,), (path,) = copied(source, tmp_path / "out")
    assert not copy.failures
    new = pydicom.dcmread(path)
    assert (new.PhotometricInterpretation, new.PlanarConfiguration) == (photometric, 0)
    assert new.PixelData == image.tobytes()


def test_colours_of_a_stream_are_stored_anew_as_it_decodes(tmp_path):
    image = np.random.default_rng(3).integers(0, 255, (64, 48, 3)).astype(np.uint8)
    stream = imagecodecs.jpeg_encode(image, level=90)

    def encapsulated(dataset):
        dataset.PixelData = pydicom.encaps.encapsulate([stream])
        dataset["PixelData"].is_undefined_length = True
        dataset.add_new(0x60000102, "US", 8)

    source = write_mammogram(
        tmp_path / "in" / "x.dcm",
        values=image,
        photometric="YBR_FULL",
        bits_stored=8,
        transfer_syntax=TRANSFER_SYNTAXES["jpeg-baseline"],
        edit=encapsulated,
    )
    _, (path,) = copied(source, tmp_path / "out")
    new = pydicom.dcmread(path)
    assert new.PhotometricInterpretation == "RGB"
    np.testing.assert_array_equal(new.pixel_array, imagecodecs.jpeg_decode(stream))


def test_what_cannot_be_blanked_is_not_copied(tmp_path):
    frames = np.stack([marked(), marked()])
    write_mammogram(tmp_path / "in" / "frames.dcm", values=frames)
    blank = np.full((256, 192), 500, np.uint16)
    write_mammogram(tmp_path / "in" / "empty.dcm", values=blank, view="MLO")
    (copy,), paths = copied(tmp_path / "in", tmp_path / "out", blanks_marks=True)
    assert paths == []
    assert {failure.title for failure in copy.failures} == {
        "Text cannot be blanked here",
        "No breast found",
    }
    (copy,), paths = copied(tmp_path / "in", tmp_path / "out")
    assert len(paths) == 2
    assert [image.marks for image in copy.images] == [1, None]


# ----------------------------------------------------------------------------------- plain images


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_keeps_its_pixels_and_loses_its_words_and_its_name(tmp_path, bits):
    source = write_plain(tmp_path / "in" / "Doe_R_CC.png", bits=bits)
    data = source.read_bytes()
    words = chunk(b"tEXt", b"Comment\0Doe") + chunk(b"eXIf", b"Hospital") + chunk(b"tIME", b"A-17")
    source.write_bytes(data[:33] + words + data[33:] + b"Doe")
    _, (path,) = copied(source, tmp_path / "out")
    assert path.name == "R_CC.png"
    assert words_in(path) == []
    (old,), (new,) = load([source]).studies[0].views, load([path]).studies[0].views
    np.testing.assert_array_equal(load_pixels(new).stored, load_pixels(old).stored)
    assert new.laterality is Laterality.RIGHT


@pytest.mark.parametrize(("name", "body"), [(b"gAMA", b"\0\0\xb1\x8f"), (b"sRGB", b"\0")])
def test_words_behind_a_pngs_few_numbers_are_lost_too(tmp_path, name, body):
    source = write_plain(tmp_path / "in" / "R_CC.png")
    data = source.read_bytes()
    source.write_bytes(data[:33] + chunk(name, body + b"Doe") + data[33:])
    _, (path,) = copied(source, tmp_path / "out")
    assert path.read_bytes() == data


@pytest.mark.timeout(30)
@pytest.mark.parametrize("keyword", ["ReferencedImageSequence", "GraphicAnnotationSequence"])
def test_sequences_in_hundreds_of_sequences_are_cut_off(tmp_path, keyword):
    """pydicom's writer would not come to an end with them in a lifetime."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    head = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    nested = b""
    for _ in range(120):
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + nested + b"\xfe\xff\x0d\xe0\0\0\0\0"
        nested = head + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    original = write_mammogram(tmp_path / "plain.dcm").read_bytes()
    place = original.index(b"\xe0\x7f\x10\0")
    source = tmp_path / "in" / "x.dcm"
    source.parent.mkdir()
    source.write_bytes(original[:place] + nested + original[place:])
    (copy,), (path,) = copied(source, tmp_path / "out")
    assert not copy.failures
    new, depth = pydicom.dcmread(path), 0
    while keyword in new and new[keyword].value:
        new, depth = new[keyword].value[0], depth + 1
    assert depth <= 17


def test_chunks_of_a_png_that_stand_where_they_may_not_are_left_out(tmp_path):
    """Decoders pass over a second header behind the pixels, and refuse one before them."""
    source = write_plain(tmp_path / "in" / "R_CC.png")
    data = source.read_bytes()
    source.write_bytes(data[:-12] + data[8:33] + chunk(b"PLTE", b"Doe") + data[-12:])
    _, (path,) = copied(source, tmp_path / "out")
    assert path.read_bytes() == data


def test_words_in_the_last_chunk_of_a_png_are_lost_and_the_chunk_is_not(tmp_path):
    source = write_plain(tmp_path / "in" / "R_CC.png")
    data = source.read_bytes()
    source.write_bytes(data[:-12] + chunk(b"IEND", b"Doe"))
    _, (path,) = copied(source, tmp_path / "out")
    assert path.read_bytes() == data


@pytest.mark.parametrize("options", [{}, {"level": 60, "optimize": True}, {"lossless": True}])
def test_a_jpeg_keeps_its_stream_and_loses_its_words(tmp_path, options):
    source = tmp_path / "in" / "Doe_L_MLO.jpg"
    write_plain(source, laterality="L", view="MLO", **options)
    data = source.read_bytes()
    exif = b"\xff\xe1" + struct.pack(">H", 12) + b"Exif\0\0Doe!"
    comment = b"\xff\xfe" + struct.pack(">H", 10) + b"Hospital"
    source.write_bytes(data[:2] + exif + data[2:20] + comment + data[20:] + b"Doe")
    _, (path,) = copied(source, tmp_path / "out")
    assert path.name == "L_MLO.jpg"
    assert path.read_bytes() == data  # as it was before the words came in
    np.testing.assert_array_equal(
        imagecodecs.jpeg_decode(path.read_bytes()), imagecodecs.jpeg_decode(source.read_bytes())
    )


def test_a_tiff_becomes_a_png_of_the_same_depth_and_values(tmp_path):
    source = write_plain(
        tmp_path / "in" / "Doe_R_CC.tif", bits=16, description="Doe", datetime="2024:03:02"
    )
    _, (path,) = copied(source, tmp_path / "out")
    (old,), (new,) = load([source]).studies[0].views, load([path]).studies[0].views
    assert path.suffix == ".png"
    np.testing.assert_array_equal(load_pixels(new).stored, load_pixels(old).stored)


def test_pictures_of_one_exam_are_one_exam_again(tmp_path):
    for label in ("R_CC", "L_CC", "R_MLO", "L_MLO"):
        side, view = label.split("_")
        write_plain(tmp_path / "in" / f"Doe_{label}.png", laterality=side, view=view)
    copied(tmp_path / "in", tmp_path / "out", blanks_marks=True)
    (study,) = load([tmp_path / "out"]).studies
    assert [view.label for view in study.views] == ["R CC", "L CC", "R MLO", "L MLO"]
    assert study.is_joined


def test_text_in_a_jpeg_is_blanked_into_a_png(tmp_path):
    image = marked(bits=8).astype(np.uint8)
    source = write_plain(tmp_path / "in" / "R_CC.jpg", values=image, level=100)
    _, (path,) = copied(source, tmp_path / "out", blanks_marks=True)
    assert path.name == "R_CC.png"
    stored = imagecodecs.png_decode(path.read_bytes())
    assert np.ptp(stored[12:32, 10:50]) == 0
    was = imagecodecs.jpeg_decode(source.read_bytes())
    np.testing.assert_array_equal(stored[60:], was[60:])


# ----------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("place", [".", "sub", "sub/../sub/deeper"])
def test_nothing_is_ever_written_into_the_study(study, place):
    before = sorted(study.rglob("*"))
    (found,) = load([study]).studies
    with pytest.raises(StorageFailed, match="would lie in the study"):
        Anonymiser(study / place).copy(found)
    assert sorted(study.rglob("*")) == before


def test_a_link_into_the_study_does_not_help(study, tmp_path):
    link = tmp_path / "elsewhere"
    link.symlink_to(study)
    (found,) = load([study]).studies
    with pytest.raises(StorageFailed, match="would lie in the study"):
        Anonymiser(link / "out").copy(found)


def test_nothing_is_written_where_a_studys_links_lead(study, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for image in study.glob("*.dcm"):
        (linked / image.name).symlink_to(image)
    before = sorted(study.rglob("*"))
    (found,) = load([linked]).studies
    with pytest.raises(StorageFailed, match="would lie in the study"):
        Anonymiser(study).copy(found)
    assert sorted(study.rglob("*")) == before


def test_a_damaged_file_is_told_and_the_rest_is_copied(study, tmp_path):
    broken = study / "LCC.dcm"
    write_mammogram(broken, transfer_syntax="jpeg2000-lossless", patient_id="A-17",
                    study_uid="9.8.7", laterality="L", sop_uid="9.8.7.6.5")  # fmt: skip
    broken.write_bytes(broken.read_bytes().replace(b"\xff\x4f\xff\x51", bytes(4)))
    (copy,), paths = copied(study, tmp_path / "out")
    assert len(paths) == 3
    (failure,) = copy.failures
    assert failure.path == broken
    assert "corrupt" in failure.title
    assert sorted(copy.folder.iterdir()) == sorted(paths)


def test_a_header_that_names_a_sequence_what_is_none_does_not_get_through(tmp_path):
    def lie(dataset):
        dataset.add_new("ViewCodeSequence", "LO", "Doe")

    source = write_mammogram(tmp_path / "in" / "x.dcm", edit=lie)
    _, (path,) = copied(source, tmp_path / "out")
    assert words_in(path) == []


def test_a_full_disk_is_told_and_leaves_no_half_of_a_file(study, tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    anonymiser = Anonymiser(tmp_path / "out")
    (found,) = load([study]).studies
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(StorageFailed, match="not written") as told:
            anonymiser.copy(found)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert "Doe" not in str(told.value)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
    assert len(anonymiser.copy(found).images) == 4


def test_it_stops_between_two_images(study, tmp_path):
    (found,) = load([study]).studies
    answers = iter([False, True])
    copy = Anonymiser(tmp_path / "out").copy(found, lambda: next(answers))
    assert len(copy.images) == 1


# ----------------------------------------------------------------------------------- command line


def test_the_command_tells_what_became_of_each_file(study, tmp_path, capsys):
    (study / "broken.dcm").write_bytes((study / "RCC.dcm").read_bytes()[:900])
    (study / "readme.txt").write_text("no image")
    code = main(["anonymise", str(study), "--out", str(tmp_path / "out"), "--blank-marks"])
    output = capsys.readouterr()
    lines = [json.loads(line) for line in output.out.splitlines()]
    assert code == 1
    assert len([line for line in lines if "copy" in line]) == 4
    (failed,) = [line for line in lines if "error" in line]
    assert failed["file"] == str(study / "broken.dcm")
    assert all(Path(line["copy"]).is_file() for line in lines if "copy" in line)
    notices = {line["notice"] for line in lines if "copy" in line}
    assert notices == {engine.anonymisation.anonymising.NOTICE}
    assert "1 file" in output.err
    (study / "broken.dcm").unlink()
    assert main(["anonymise", str(study), "--out", str(tmp_path / "out")]) == 0


def test_the_command_refuses_a_target_among_the_images(study, capsys):
    assert main(["anonymise", str(study), "--out", str(study / "copy")]) == 2
    assert "choose a folder outside" in capsys.readouterr().err
    assert not (study / "copy").exists()
