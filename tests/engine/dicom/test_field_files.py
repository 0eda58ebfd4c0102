"""Files as the field has them: good images whose writers erred, and damage that must not pass.

What can be shown beyond doubt is shown with a note, everything else refused with its true reason.
Every stream is a real encoder's.
"""

import os
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence

from engine.dicom.loading import load, load_pixels
from engine.dicom.streams import decode_stream, read_stream
from engine.errors import UnreadableFile
from tests.phantom import (
    LOSSY,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    breast,
    encode,
    stored_values,
    write_directory,
    write_mammogram,
)

STREAMS = [name for name in TRANSFER_SYNTAXES if name not in (*UNCOMPRESSED, "rle")]
JPEG_LIKE = [name for name in STREAMS if name.startswith("jpeg") and "2000" not in name]


def view_of(path):
    catalogue = load([path])
    assert catalogue.failures == ()
    return catalogue.studies[0].views[0]


def noted(view, words):
    return any(words in note for note in view.notes)


def values_of(syntax, seed=0, rows=256, columns=192):
    bits = 8 if syntax == "jpeg-baseline" else 12
    return stored_values(breast(rows=rows, columns=columns, seed=seed), bits).astype(
        np.uint8 if bits == 8 else np.uint16
    )


def stream_of(syntax, seed=0):
    values = values_of(syntax, seed)
    return bytes(encode(values, syntax, 8 if syntax == "jpeg-baseline" else 12, False, 1))


def written(path, syntax, fragments, **settings):
    """A mammogram whose Pixel Data are these fragments, whatever they are."""
    values = values_of(syntax)

    def edit(dataset):
        items = [b"", *fragments]
        dataset.PixelData = b"".join(
            b"\xfe\xff\x00\xe0" + struct.pack("<I", len(i) + len(i) % 2) + i + b"\0" * (len(i) % 2)
            for i in items
        )
        for keyword, value in settings.items():
            setattr(dataset, keyword, value)

    return write_mammogram(
        path,
        values=values,
        bits_stored=8 if syntax == "jpeg-baseline" else 12,
        transfer_syntax=syntax,
        edit=edit,
    )


# ----------------------------------------------------------------------------------- end of streams


@pytest.mark.parametrize("syntax", STREAMS)
@pytest.mark.parametrize(
    ("change", "is_noted"),
    [
        (lambda s: s[:-2], True),
        (lambda s: s[:-1], True),
        (lambda s: s[:-2] + b"\0" * 6 + s[-2:], False),
        (lambda s: s + b"\0" * 10, False),
        (lambda s: b"\0\0" + s, False),
    ],
    ids=["no end marker", "one byte short", "padded before the end", "padded behind", "in front"],
)
def test_an_image_without_its_end_marker_or_with_padding_is_shown(
    tmp_path, syntax, change, is_noted
):
    whole = load_pixels(view_of(written(tmp_path / "whole.dcm", syntax, [stream_of(syntax)])))
    view = view_of(written(tmp_path / "a.dcm", syntax, [change(stream_of(syntax))]))
    assert np.array_equal(load_pixels(view).stored, whole.stored)
    assert noted(view, "end marker") is is_noted
    assert view.out_of_scope is None


@pytest.mark.parametrize("syntax", STREAMS)
@pytest.mark.parametrize("lost", [16, 40, 400])
def test_a_stream_that_lacks_more_than_its_end_marker_is_refused(tmp_path, syntax, lost):
    for end in (b"", b"\xff\xd9"):
        view = view_of(written(tmp_path / "a.dcm", syntax, [stream_of(syntax)[:-lost] + end]))
        with pytest.raises(UnreadableFile):
            load_pixels(view)


# ------------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize("syntax", STREAMS)
@pytest.mark.parametrize("place", [0.3, 0.5, 0.8])
def test_a_sector_of_zeros_in_a_compressed_image_is_refused(tmp_path, syntax, place):
    stream = stream_of(syntax)
    start = int(len(stream) * place)
    length = min(512, len(stream) - start - 2)
    hole = stream[:start] + bytes(length) + stream[start + length :]
    view = view_of(written(tmp_path / "a.dcm", syntax, [hole]))
    with pytest.raises(UnreadableFile):
        load_pixels(view)


@pytest.mark.parametrize("syntax", STREAMS)
@pytest.mark.parametrize("kind", ["zeros", "noise", "repeated"])
def test_a_tail_of_something_else_is_refused(tmp_path, syntax, kind):
    if kind == "repeated" and "2000" in syntax:
        pytest.skip("data of JPEG 2000 in the place of others look like data of JPEG 2000")
    stream = stream_of(syntax)
    if syntax == "jpeg2000":  # what noise may not hold is rare in a few hundred bytes
        values = values_of(syntax, rows=1024, columns=768)
        stream = bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", level=95))
    kept = int(len(stream) * 0.6)
    length = len(stream) - kept - 2
    noise = np.random.default_rng(3).bytes(length)
    tail = {"zeros": bytes(length), "noise": noise, "repeated": stream[kept - length : kept]}[kind]
    rows, columns = read_stream(stream).shape[:2]
    view = view_of(
        written(
            tmp_path / "a.dcm",
            syntax,
            [stream[:kept] + tail + stream[-2:]],
            Rows=rows,
            Columns=columns,
        )
    )
    with pytest.raises(UnreadableFile):
        load_pixels(view)


@pytest.mark.parametrize("syntax", STREAMS)
def test_a_flat_image_is_no_damage(tmp_path, syntax):
    values = np.full((256, 192), 7, np.uint8 if syntax == "jpeg-baseline" else np.uint16)
    bits = 8 if syntax == "jpeg-baseline" else 12
    path = write_mammogram(
        tmp_path / "a.dcm", values=values, bits_stored=bits, transfer_syntax=syntax
    )
    stored = load_pixels(view_of(path)).stored
    assert np.ptp(stored) <= 2  # lossy coders may leave a ripple


@pytest.mark.parametrize(
    "options",
    [{"resolutions": 3}, {"codecformat": "jp2"}, {"level": 60}],
    ids=str,
)
def test_jpeg_2000_in_boxes_or_of_few_levels_or_with_much_air_is_no_damage(options):
    image = np.zeros((512, 384), np.uint16)
    image[100:400, :200] = values_of("jpeg2000", rows=300, columns=200)
    options = {"codecformat": "j2k", "level": 0, "reversible": "level" not in options, **options}
    stream = bytes(imagecodecs.jpeg2k_encode(image, **options))
    decoded = decode_stream(stream, (512, 384, 1))
    assert np.array_equal(decoded, imagecodecs.jpeg2k_decode(stream))


def test_values_beyond_the_precision_that_a_stream_states_are_refused():
    stream = stream_of("jpeg-lossless-sv1")
    beyond = 0
    for place in range(len(stream) // 2, len(stream) // 2 + 400):
        flipped = bytearray(stream)
        flipped[place] ^= 4
        try:
            damaged = imagecodecs.jpeg_decode(bytes(flipped))
        except RuntimeError:
            continue
        if damaged.max() > 4095:
            beyond += 1
            with pytest.raises(UnreadableFile):
                decode_stream(bytes(flipped), (256, 192, 1))
    assert beyond


@pytest.mark.parametrize("syntax", ["jpeg2000-lossless", "htj2k-lossless", "jpeg-ls"])
def test_a_stream_of_a_few_kilobytes_that_claims_a_huge_image_is_refused_at_once(syntax):
    stream = bytearray(stream_of(syntax))
    if syntax == "jpeg-ls":
        struct.pack_into(">HH", stream, stream.index(b"\xff\xf7") + 5, 12000, 9999)
    else:
        siz = stream.index(b"\xff\x51")
        for place in (6, 22):
            struct.pack_into(">II", stream, siz + place, 9999, 12000)
    with pytest.raises(UnreadableFile):
        decode_stream(bytes(stream), (12000, 9999, 1))


def test_a_deflated_file_must_end_where_its_elements_do(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", transfer_syntax="deflated")
    whole = load_pixels(view_of(path)).stored
    start, data = meta_and_data(path)
    plain = zlib.decompress(data, -15)

    def shown(body, end=b""):
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        path.write_bytes(start + deflater.compress(body) + deflater.flush() + end)
        return load_pixels(view_of(path)).stored

    assert np.array_equal(shown(plain, b"\0"), whole)
    assert np.array_equal(shown(plain + b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0\1\2\3\4"), whole)
    gzip_trailer = struct.pack("<II", zlib.crc32(plain), len(plain))
    assert np.array_equal(shown(plain, gzip_trailer), whole)
    for body, end in (
        (plain + b"12345", b""),
        (plain[:-1000] + plain[:1300], b""),
        (plain, b"more"),
        (plain, struct.pack("<II", zlib.crc32(plain) ^ 1, len(plain))),
    ):
        with pytest.raises(UnreadableFile):
            shown(body, end)


def meta_and_data(path):
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 140)[0]
    return data[: 144 + length], data[144 + length :]


# ------------------------------------------------------------------------------- where pixels lie


@pytest.mark.parametrize("wbits", [15, 31])
def test_a_data_set_deflated_with_a_header_is_shown_with_a_note(tmp_path, wbits):
    path = write_mammogram(tmp_path / "a.dcm", transfer_syntax="deflated")
    whole = load_pixels(view_of(path)).stored
    start, data = meta_and_data(path)
    deflater = zlib.compressobj(9, zlib.DEFLATED, wbits)
    plain = zlib.decompress(data, -15)
    path.write_bytes(start + deflater.compress(plain) + deflater.flush())
    view = view_of(path)
    assert noted(view, "zlib" if wbits == 15 else "gzip")
    assert np.array_equal(load_pixels(view).stored, whole)


def test_a_data_set_that_is_not_deflated_at_all_is_shown_with_a_note(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", transfer_syntax="deflated")
    whole = load_pixels(view_of(path)).stored
    start, data = meta_and_data(path)
    path.write_bytes(start + zlib.decompress(data, -15))
    view = view_of(path)
    assert noted(view, "not deflated")
    assert np.array_equal(load_pixels(view).stored, whole)


def in_defined_length(path, value, syntax):
    """The mammogram with these bytes as Pixel Data of defined length."""
    write_mammogram(path)
    data = path.read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00")
    known = b"1.2.840.10008.1.2.1\0"
    new = TRANSFER_SYNTAXES[syntax].encode()
    new += b"\0" * (len(new) % 2)
    head = data[:at].replace(
        b"UI" + struct.pack("<H", 20) + known, b"UI" + struct.pack("<H", len(new)) + new
    )
    grown = len(new) - len(known)
    (length,) = struct.unpack_from("<I", head, 140)
    head = head[:140] + struct.pack("<I", length + grown) + head[144:]
    path.write_bytes(head + b"\xe0\x7f\x10\x00OB\0\0" + struct.pack("<I", len(value)) + value)
    return path


@pytest.mark.parametrize("syntax", ["jpeg-lossless-sv1", "jpeg2000-lossless", "rle", "jpeg-ls"])
def test_uncompressed_pixels_under_a_compressed_syntax_are_shown_with_a_note(tmp_path, syntax):
    values = values_of("explicit")
    view = view_of(in_defined_length(tmp_path / "a.dcm", values.tobytes(), syntax))
    assert noted(view, "but the pixels are not")
    assert np.array_equal(load_pixels(view).stored, values)


@pytest.mark.parametrize(
    "syntax", [name for name in STREAMS if name not in (*LOSSY, "htj2k-lossless-rpcl")]
)
def test_a_bare_stream_is_shown_with_a_note(tmp_path, syntax):
    stream = stream_of(syntax)
    stream += b"\0" * (len(stream) % 2)
    view = view_of(in_defined_length(tmp_path / "a.dcm", stream, syntax))
    assert noted(view, "do not lie in items")
    assert np.array_equal(load_pixels(view).stored, values_of(syntax))


def test_neither_pixels_nor_a_stream_of_the_wrong_length_are_refused(tmp_path):
    values = values_of("explicit").tobytes()[:-500]
    view = view_of(in_defined_length(tmp_path / "a.dcm", values, "jpeg-lossless-sv1"))
    with pytest.raises(UnreadableFile, match="corrupt"):
        load_pixels(view)


@pytest.mark.parametrize("bits", [8, 12])
def test_a_last_pixel_that_is_missing_is_said_and_the_image_shown(tmp_path, bits):
    values = stored_values(breast(rows=255, columns=193), bits)
    path = write_mammogram(tmp_path / "a.dcm", values=values, bits_stored=bits)
    data = path.read_bytes()
    lost = 2 if bits == 8 else 1  # of 8-bit pixels one is padding
    path.write_bytes(data[:-lost])
    view = view_of(path)
    assert noted(view, "last pixel is missing")
    stored = load_pixels(view).stored
    assert np.array_equal(stored.ravel()[:-1], values.ravel()[:-1])
    assert stored[-1, -1] == stored[-1, -2]


def test_more_than_a_pixel_missing_is_refused(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-3])
    (failure,) = load([path]).failures
    assert failure.title == "The image data are cut off"


def test_jp2_boxes_of_any_length_may_stand_before_the_image(tmp_path):
    values = values_of("jpeg2000-lossless")
    jp2 = bytes(imagecodecs.jpeg2k_encode(values, level=0, reversible=True, codecformat="jp2"))
    at = jp2.index(b"jp2c") - 4
    jp2 = jp2[:at] + struct.pack(">I4s", 9008, b"uuid") + bytes(9000) + jp2[at:]
    view = view_of(written(tmp_path / "a.dcm", "jpeg2000-lossless", [jp2]))
    assert np.array_equal(load_pixels(view).stored, values)


@pytest.mark.parametrize("syntax", ["jpeg-lossless-sv1", "jpeg2000-lossless", "jpeg-ls"])
def test_without_an_offset_table_frames_begin_where_streams_do(tmp_path, syntax):
    fragments = []
    for seed in range(3):
        stream = stream_of(syntax, seed)
        third = len(stream) // 6 * 2
        fragments += [stream[:third], stream[third : 2 * third], stream[2 * third :]]
    view = view_of(written(tmp_path / "a.dcm", syntax, fragments, NumberOfFrames=3))
    assert np.array_equal(load_pixels(view).stored, values_of(syntax, 1))
    assert "series of 3 frames" in view.out_of_scope


def test_an_extended_offset_table_tells_where_frames_begin(tmp_path):
    streams = [stream_of("jpeg-ls", seed) for seed in range(3)]
    data, offsets, lengths = encapsulate_extended(streams)

    def edit(dataset):
        dataset.NumberOfFrames = 3
        dataset.PixelData = data
        dataset.ExtendedOffsetTable = offsets
        dataset.ExtendedOffsetTableLengths = lengths

    path = write_mammogram(
        tmp_path / "a.dcm", values=values_of("jpeg-ls"), transfer_syntax="jpeg-ls", edit=edit
    )
    assert np.array_equal(load_pixels(view_of(path)).stored, values_of("jpeg-ls", 1))


def test_an_offset_table_that_leads_nowhere_is_not_followed(tmp_path):
    streams = [stream_of("jpeg-ls", seed) for seed in range(3)]

    def edit(dataset):
        dataset.NumberOfFrames = 3
        data = bytearray(encapsulate(streams, has_bot=True))
        struct.pack_into("<III", data, 8, 0, 12, 77)
        dataset.PixelData = bytes(data)

    path = write_mammogram(
        tmp_path / "a.dcm", values=values_of("jpeg-ls"), transfer_syntax="jpeg-ls", edit=edit
    )
    assert np.array_equal(load_pixels(view_of(path)).stored, values_of("jpeg-ls", 1))


def test_the_private_syntax_of_ge_is_read_as_what_it_is(tmp_path):
    values = values_of("explicit")
    path = write_mammogram(tmp_path / "a.dcm", values=values, transfer_syntax="implicit")
    data = path.read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00") + 8
    head = data[:at].replace(b"1.2.840.10008.1.2\0", b"1.2.840.113619.5.2")
    assert len(head) == at
    path.write_bytes(head + values.astype(">u2").tobytes())
    view = view_of(path)
    assert noted(view, "GE's own")
    assert np.array_equal(load_pixels(view).stored, values)


# ------------------------------------------------------------------------------------- grey values


def test_eight_bit_pixels_in_words_of_a_big_endian_file_are_swapped_back(tmp_path):
    values = stored_values(breast(), 8).astype(np.uint8)

    def edit(dataset):
        dataset.PixelData = values.reshape(-1, 2)[:, ::-1].tobytes()
        dataset["PixelData"].VR = "OW"

    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        bits_stored=8,
        transfer_syntax="big-endian",
        edit=edit,
    )
    assert np.array_equal(load_pixels(view_of(path)).stored, values)


def test_of_odd_frames_in_words_of_a_big_endian_file_each_pair_is_swapped(tmp_path):
    frames = np.stack([stored_values(breast(rows=65, columns=65, seed=s), 8) for s in range(4)])
    flat = frames.astype(np.uint8).ravel()

    def edit(dataset):
        dataset.PixelData = flat.reshape(-1, 2)[:, ::-1].tobytes()
        dataset["PixelData"].VR = "OW"

    path = write_mammogram(
        tmp_path / "a.dcm", values=frames, bits_stored=8, transfer_syntax="big-endian", edit=edit
    )
    assert np.array_equal(load_pixels(view_of(path)).stored, frames[2])


@pytest.mark.parametrize("syntax", ["jpeg2000-lossless", "jpeg-lossless-sv1"])
def test_a_stream_of_fewer_bits_without_sign_is_read_as_twos_complement(tmp_path, syntax):
    signed = stored_values(breast(), 12) - 2048
    coded = (signed & 0xFFF).astype(np.uint16)
    if syntax == "jpeg2000-lossless":
        stream = imagecodecs.jpeg2k_encode(
            coded, level=0, reversible=True, codecformat="j2k", bitspersample=12
        )
    else:
        stream = imagecodecs.jpeg_encode(coded, lossless=True, predictor=1, bitspersample=12)

    def edit(dataset):
        dataset.PixelData = encapsulate([bytes(stream)])
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 1

    path = write_mammogram(tmp_path / "a.dcm", transfer_syntax=syntax, edit=edit)
    view = view_of(path)
    pixels = load_pixels(view)
    values = pixels.value_offset + pixels.value_scale * pixels.stored.astype(float)
    assert np.array_equal(values, signed)
    assert noted(view, "two's complement")


def capture(path, values, **settings):
    def edit(dataset):
        dataset.WindowCenter, dataset.WindowWidth = 40, 10
        dataset.RescaleSlope, dataset.RescaleIntercept = -3, 7
        dataset.PresentationLUTShape = "INVERSE"

    return write_mammogram(
        path, values=values, photometric="RGB", bits_stored=8, edit=edit, **settings
    )


@pytest.mark.parametrize("syntax", ["explicit", "rle", "jpeg2000-lossless", "jpeg-ls"])
def test_a_capture_of_equal_channels_is_grey_and_shown_as_it_was_saved(tmp_path, syntax):
    grey = stored_values(breast(), 8).astype(np.uint8)
    path = capture(tmp_path / "a.dcm", np.repeat(grey[..., None], 3, 2), transfer_syntax=syntax)
    view = view_of(path)
    assert view.out_of_scope is None
    pixels = load_pixels(view)
    assert np.array_equal(pixels.stored, grey)
    assert (pixels.value_scale, pixels.value_offset, pixels.is_inverted) == (1, 0, False)
    assert [(voi.center, voi.width, voi.name) for voi in view.vois] == [(127.5, 255, "as saved")]


def test_a_capture_with_a_coloured_mark_is_a_photograph(tmp_path):
    values = np.repeat(stored_values(breast(), 8).astype(np.uint8)[..., None], 3, 2)
    values[10:20, 10:40] = 250, 30, 30
    assert "colour photograph" in view_of(capture(tmp_path / "a.dcm", values)).out_of_scope


@pytest.mark.parametrize("is_grey", [True, False])
def test_the_colours_of_a_luma_image_decide_too(tmp_path, is_grey):
    values = np.full((256, 192, 3), 128, np.uint8)
    values[..., 0] = stored_values(breast(), 8)
    if not is_grey:
        values[:50, :50, 1] = 180
    path = write_mammogram(tmp_path / "a.dcm", values=values, photometric="YBR_FULL", bits_stored=8)
    view = view_of(path)
    assert (view.out_of_scope is None) is is_grey
    assert np.array_equal(load_pixels(view).stored, values[..., 0])


def group(**macros):
    item = Dataset()
    for name, values in macros.items():
        macro = Dataset()
        for keyword, value in values.items():
            setattr(macro, keyword, value)
        setattr(item, name, Sequence([macro]))
    return item


def test_window_spacing_and_rescale_are_read_from_functional_groups(tmp_path):
    shared = group(
        PixelMeasuresSequence={"PixelSpacing": [0.07, 0.07]},
        PixelValueTransformationSequence={"RescaleSlope": 2, "RescaleIntercept": 5},
    )
    frames = [group(FrameVOILUTSequence={"WindowCenter": n, "WindowWidth": 9}) for n in (1, 2, 3)]

    def edit(dataset):
        dataset.SharedFunctionalGroupsSequence = Sequence([shared])
        dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)

    path = write_mammogram(
        tmp_path / "a.dcm",
        values=np.stack([values_of("explicit", seed) for seed in range(3)]),
        window=None,
        imager_spacing=None,
        edit=edit,
    )
    view = view_of(path)
    assert (view.pixel_spacing.row_mm, view.pixel_spacing.column_mm) == (0.07, 0.07)
    assert [voi.center for voi in view.vois] == [2]  # of the middle frame, which is shown
    pixels = load_pixels(view)
    assert (pixels.value_scale, pixels.value_offset) == (2, 5)


def test_overlays_and_graphics_that_are_not_shown_are_said(tmp_path):
    def overlay(dataset):
        dataset.add_new(0x60000010, "US", 256)
        dataset.add_new(0x60003000, "OW", bytes(6144))

    def embedded(dataset):
        dataset.add_new(0x60020102, "US", 14)

    def graphics(dataset):
        dataset.GraphicAnnotationSequence = Sequence([Dataset()])

    def shutter(dataset):
        dataset.ShutterShape = "RECTANGULAR"

    for edit, words in (
        (overlay, "overlay"),
        (embedded, "overlay"),
        (graphics, "Graphics"),
        (shutter, "shutter"),
    ):
        view = view_of(write_mammogram(tmp_path / "a.dcm", edit=edit))
        assert noted(view, words), words
        assert view.out_of_scope is None
    assert not noted(view_of(write_mammogram(tmp_path / "a.dcm")), "not shown")


def test_a_table_that_reaches_half_of_white_is_said(tmp_path):
    entries = np.linspace(0, 32767, 4096).astype(int)
    path = write_mammogram(
        tmp_path / "a.dcm", window=None, luts=[((4096, 0, 16), list(entries), "")]
    )
    view = view_of(path)
    assert noted(view, "less than half of its range")
    assert view.display_warnings == ("VOI LUT fills half of its range",)


# ---------------------------------------------------------------------------------- discs, folders


def named(catalogue):
    return sorted(view.path.name for study in catalogue.studies for view in study.views)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("IM000001", "IM000001.dcm"),
        ("IM000001", "im000001.DCM"),
        ("IM000001", "IM000001;1"),
        ("IM000001", "IM000001.;1"),
        ("IM000001;1", "IM000001"),
        ("IM000001", "im000001"),
        ("IM000001.DCM", "IM000001"),
        ("IM000001", "IM000001"),
    ],
)
def test_files_of_a_disc_are_found_under_the_names_that_copying_gave_them(
    tmp_path, reference, name
):
    write_mammogram(tmp_path / "DICOM" / name)
    write_mammogram(tmp_path / "DICOM" / "IM000002.dcm", sop_uid="1.2.9")
    path, _ = write_directory(tmp_path / "DICOMDIR", [["DICOM", reference]])
    catalogue = load([path])
    assert catalogue.failures == ()
    assert named(catalogue) == [name]


def test_a_name_that_is_too_long_for_the_system_is_one_that_is_missing(tmp_path):
    write_mammogram(tmp_path / "IM1")
    path, _ = write_directory(tmp_path / "DICOMDIR", [["IM1"], ["X" * 400, "IM2"]])
    catalogue = load([path])
    assert [failure.title for failure in catalogue.failures] == ["Listed in DICOMDIR but missing"]
    assert len(catalogue.studies) == 1


def test_two_files_of_one_stem_are_not_guessed_between(tmp_path):
    write_mammogram(tmp_path / "IM1.dcm")
    write_mammogram(tmp_path / "IM1.old", sop_uid="1.2.9")
    path, _ = write_directory(tmp_path / "DICOMDIR", [["IM1"]])
    catalogue = load([path])
    assert [failure.title for failure in catalogue.failures] == ["Listed in DICOMDIR but missing"]


def test_a_disc_of_6000_records_opens_what_is_there_and_tells_the_rest(tmp_path):
    write_mammogram(tmp_path / "IM1")
    path, _ = write_directory(tmp_path / "DICOMDIR", [["IM1"], *([f"X{n}"] for n in range(5999))])
    catalogue = load([path])
    assert named(catalogue) == ["IM1"]
    assert len(catalogue.failures) == 20
    assert any("5999 are missing" in note for note in catalogue.notes)


def test_of_a_damaged_directory_the_rest_is_opened_and_the_damage_said(tmp_path):
    write_mammogram(tmp_path / "IM1")
    path, data = write_directory(tmp_path / "DICOMDIR", [["IM1"], *([f"X{n}"] for n in range(9))])
    path.write_bytes(data[: data.index(b"X4")])
    catalogue = load([path])
    assert named(catalogue) == ["IM1"]
    assert "The DICOMDIR is damaged" in [failure.title for failure in catalogue.failures]


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big-endian"])
@pytest.mark.parametrize("kind", ["inserted", "behind", "padding", "trailing element", "newline"])
def test_bytes_that_came_between_uncompressed_pixels_are_noticed_by_what_they_push_out(
    tmp_path, syntax, kind
):
    path = write_mammogram(
        tmp_path / "a.dcm", values=np.full((64, 48), 700, np.uint16), transfer_syntax=syntax
    )
    data = path.read_bytes()
    middle = len(data) - 64 * 48
    if kind == "inserted":
        path.write_bytes(data[:middle] + b"\x33\x44" * 100 + data[middle:])
    elif kind == "behind":
        path.write_bytes(data + b"rubbish of a copy")
    elif kind == "padding":
        path.write_bytes(data + bytes(300))
    elif kind == "newline":
        path.write_bytes(data + b"\r\n")
    else:
        order = ">" if syntax == "big-endian" else "<"
        vr = (b"OB\0\0" if syntax != "implicit" else b"") + struct.pack(order + "I", 4)
        path.write_bytes(data + struct.pack(order + "HH", 0xFFFC, 0xFFFC) + vr + b"abcd")
    assert bool(noted(view_of(path), "belong to nothing")) == (kind in ("inserted", "behind"))


@pytest.mark.parametrize("damage", [(b"IMAGE ", b"IMAGF "), (b"DICOM\\IM2", b"\0" * 9)])
def test_a_record_of_a_disc_that_is_none_is_said(tmp_path, damage):
    names = [["DICOM", f"IM{number}"] for number in range(3)]
    for _, name in names:
        write_mammogram(tmp_path / "DICOM" / name, sop_uid=f"1.2.{name[2:]}")
    path, data = write_directory(tmp_path / "DICOMDIR", names)
    at = data.rindex(damage[0])
    path.write_bytes(data[:at] + data[at:].replace(*damage))
    catalogue = load([path])
    assert [failure.title for failure in catalogue.failures] == ["The DICOMDIR is damaged"]
    assert len(named(catalogue)) in (2, 3)


def test_images_beside_those_that_a_disc_lists_are_said(tmp_path):
    for number in range(4):
        write_mammogram(tmp_path / "DICOM" / f"IM{number}", sop_uid=f"1.2.{number}")
    (tmp_path / "DICOM" / "readme.txt").write_text("words")
    path, data = write_directory(tmp_path / "DICOMDIR", [["DICOM", "IM0"], ["DICOM", "IM1"]])
    (note,) = load([path]).notes
    assert note == (
        "DICOM files beside those that the DICOMDIR lists were not opened: 2. "
        "Open the folder itself."
    )
    at = data.rindex(b"IMAGE ")  # a report, as it happens
    path.write_bytes(data[:at] + data[at:].replace(b"IMAGE ", b"PLAN  "))
    catalogue = load([path])
    assert (named(catalogue), catalogue.failures) == (["IM0"], ())
    assert "were not opened: 2." in catalogue.notes[0]


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.7z", b"7z\xbc\xaf\x27\x1c"), ("a.rar", b"Rar!\x1a\x07"), ("a.dcm.gz", b"\x1f\x8b\x08")],
)
def test_an_archive_is_said_to_want_unpacking(tmp_path, name, start):
    (tmp_path / name).write_bytes(start + bytes(600))
    (failure,) = load([tmp_path]).failures
    assert failure.title == "An archive is not opened"
    assert "Unpack" in failure.advice


def test_a_link_out_of_the_folder_is_followed_and_said(tmp_path):
    outside = write_mammogram(tmp_path / "elsewhere" / "a.dcm")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.dcm").symlink_to(outside)
    inside = write_mammogram(folder / "b.dcm", sop_uid="1.2.9")
    (folder / "inner.dcm").symlink_to(inside)
    catalogue = load([folder])
    assert catalogue.notes == ("A file is a link out of the folder; what it leads to is shown.",)
    assert len(named(catalogue)) == 2


@pytest.fixture
def thousand_folders_deep(tmp_path, monkeypatch):
    """A chain that is taken down here: rmtree, by which pytest clears old runs, recurses."""
    monkeypatch.chdir(tmp_path)
    for _ in range(1000):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(tmp_path)
    for _ in range(1000):
        os.chdir("d")
    for _ in range(1000):
        os.chdir("..")
        os.rmdir("d")


def test_a_chain_of_a_thousand_folders_is_walked_and_can_be_stopped(thousand_folders_deep):
    tmp_path = thousand_folders_deep
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > 10

    assert load([tmp_path]).failures == ()
    catalogue = load([tmp_path], should_stop=should_stop)
    assert len(asked) <= 12
    assert "Stopped: not all folders were searched." in catalogue.notes


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (PermissionError(13, "x"), "The file cannot be opened"),
        (FileNotFoundError(2, "x"), "The file was not found"),
        (OSError(5, "x"), "The drive reports an error"),
        (OSError(24, "x"), "Too many files are open"),
        (OSError(36, "x"), "The path is too long"),
        (OSError(116, "x"), "The file cannot be read"),
    ],
)
def test_what_the_system_does_not_let_us_read_is_told_by_its_cause(
    tmp_path, monkeypatch, error, title
):
    path = write_mammogram(tmp_path / "a.dcm")

    def fail(*_):
        raise error

    monkeypatch.setattr("engine.dicom.image_file.read_dicom", fail)
    (failure,) = load([path]).failures
    assert failure.title == title


def test_a_damaged_length_is_no_question_of_permission(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", transfer_syntax="implicit")
    data = path.read_bytes()
    at = data.index(b"\x08\x00\x60\x00")  # Modality
    for length in (0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF):
        path.write_bytes(data[: at + 4] + struct.pack("<I", length) + data[at + 8 :])
        for failure in load([path]).failures:
            assert "permission" not in failure.advice


def test_a_header_of_endless_elements_is_refused_at_once(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    data = path.read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00")
    many = b"".join(
        struct.pack("<HH2sH", 0x2001 + 2 * (n >> 15), 0x1000 + (n & 0x7FFF), b"LO", 0)
        for n in range(100_000)
    )
    path.write_bytes(data[:at] + many + data[at:])
    (failure,) = load([path]).failures
    assert failure.title == "The DICOM header is damaged"
