"""Pixels come out as they were stored, in every transfer syntax and representation we claim."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import cv2
import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_rescale

from engine.dicom.loading import load, load_pixels
from engine.dicom.voi import display_table
from engine.domain import MammogramView, Pixels, VoiWindow
from tests.phantom import (
    LOSSY,
    TRANSFER_SYNTAXES,
    breast,
    stored_values,
    write_mammogram,
)

LOSSLESS = [name for name in TRANSFER_SYNTAXES if name not in LOSSY]


def view_of(path) -> MammogramView:
    catalogue = load([path])
    assert catalogue.failures == ()
    (study,) = catalogue.studies
    (view,) = study.views
    return view


def pixels_of(path) -> Pixels:
    return load_pixels(view_of(path))


def modality_values(pixels: Pixels) -> np.ndarray:
    return pixels.value_offset + pixels.value_scale * pixels.stored


def ramp(bits: int, signed: bool = False) -> np.ndarray:
    """Every value of that many bits in turn, the extremes among them; int32 (97, 83)."""
    values = np.linspace(0, 2**bits - 1, 97 * 83).astype(np.int64).reshape(97, 83)
    values[::2] = values[::2, ::-1]
    return values - 2 ** (bits - 1) if signed else values


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_every_lossless_syntax_gives_back_the_stored_values(tmp_path, syntax, bits, signed):
    values = ramp(bits, signed)
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        transfer_syntax=syntax,
        bits_stored=bits,
        signed=signed,
    )
    written = pydicom.dcmread(path).file_meta.TransferSyntaxUID
    assert written == TRANSFER_SYNTAXES[syntax]

    pixels = pixels_of(path)

    assert pixels.stored.dtype == np.uint16
    np.testing.assert_array_equal(modality_values(pixels), values)


@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_predictor_of_jpeg_lossless_process_14_is_read(tmp_path, predictor):
    values = ramp(14)
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        transfer_syntax="jpeg-lossless",
        predictor=predictor,
        bits_stored=14,
    )
    scan = path.read_bytes().index(b"\xff\xda")
    assert path.read_bytes()[scan + 7] == predictor, "the phantom wrote another predictor"

    np.testing.assert_array_equal(modality_values(pixels_of(path)), values)


@pytest.mark.parametrize(
    ("syntax", "bits", "tolerance"),
    [
        ("jpeg-baseline", 8, 4),
        ("jpeg-extended", 12, 8),
        ("jpeg-ls-near", 12, 2),
        ("jpeg-ls-near", 8, 2),
        ("jpeg2000", 12, 90),
        ("jpeg2000", 8, 10),
        ("htj2k", 12, 60),
    ],
)
def test_lossy_syntaxes_come_close_to_the_stored_values(tmp_path, syntax, bits, tolerance):
    values = stored_values(breast(lesion=(128, 90, 12)), bits)
    path = write_mammogram(
        tmp_path / "a.dcm", values=values, transfer_syntax=syntax, bits_stored=bits
    )
    difference = np.abs(modality_values(pixels_of(path)) - values)
    assert difference.max() <= tolerance
    assert difference.mean() < tolerance / 2


def test_one_frame_may_be_cut_into_several_fragments(tmp_path):
    values = ramp(12)
    stream = imagecodecs.jpegls_encode(values.astype(np.uint16))

    def split(dataset):
        dataset.PixelData = encapsulate([stream], fragments_per_frame=5)
        dataset["PixelData"].is_undefined_length = True

    path = write_mammogram(tmp_path / "a.dcm", values=values, transfer_syntax="jpeg-ls", edit=split)
    np.testing.assert_array_equal(modality_values(pixels_of(path)), values)


@pytest.mark.parametrize("has_table", [True, False])
@pytest.mark.parametrize("syntax", ["explicit", "jpeg-ls", "rle", "deflated"])
def test_of_several_frames_the_middle_one_is_shown(tmp_path, syntax, has_table):
    frames = np.stack([ramp(12) // (n + 1) for n in range(5)])

    def without_table(dataset):
        if not has_table and syntax in ("jpeg-ls", "rle"):
            parts = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=5))
            dataset.PixelData = encapsulate(parts, has_bot=False)
            dataset["PixelData"].is_undefined_length = True

    path = write_mammogram(
        tmp_path / "a.dcm", values=frames, transfer_syntax=syntax, edit=without_table
    )
    np.testing.assert_array_equal(modality_values(pixels_of(path)), frames[2])
    assert any("5 frames" in note for note in view_of(path).notes)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("slope", "intercept"), [(2, -100), (0.5, 0), (1e-4, 0.25), (-1, 4095), (-0.25, -7), (0, 5)]
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_values_are_rescaled_as_pydicom_rescales_them(
    tmp_path, photometric, slope, intercept, signed
):
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=ramp(12, signed),
        photometric=photometric,
        signed=signed,
        slope=slope,
        intercept=intercept,
    )
    dataset = pydicom.dcmread(path)
    if slope == 0:  # absurd: every pixel would be equal; ignored, and said so
        expected = dataset.pixel_array.astype(float)
        assert "An unusable Rescale Slope is ignored." in view_of(path).notes
    else:
        expected = apply_rescale(dataset.pixel_array, dataset)

    pixels = pixels_of(path)

    np.testing.assert_allclose(modality_values(pixels), expected, rtol=0, atol=1e-9)
    assert (pixels.value_scale < 0) == (photometric == "MONOCHROME1")
    assert pixels.is_inverted == (photometric == "MONOCHROME1")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", ["explicit", "jpeg-lossless-sv1", "rle"])
@pytest.mark.parametrize("padding", [None, 0])
def test_a_monochrome1_file_looks_like_its_monochrome2_twin(tmp_path, syntax, signed, padding):
    drawn = breast(lesion=(128, 90, 12))
    rising = stored_values(drawn, 12, signed)
    falling = (-1 if signed else 4095) - rising
    centre = 0 if signed else 2048
    black = {"MONOCHROME2": rising.min(), "MONOCHROME1": falling.max()}
    shown = {}
    for photometric, values in (("MONOCHROME2", rising), ("MONOCHROME1", falling)):
        path = write_mammogram(
            tmp_path / f"{photometric}.dcm",
            values=values,
            photometric=photometric,
            signed=signed,
            transfer_syntax=syntax,
            padding=None if padding is None else int(black[photometric]),
        )
        pixels = pixels_of(path)
        table = display_table(pixels, VoiWindow(centre, 4096))
        shown[photometric] = cv2.LUT(pixels.stored, table)
        lesion, air = pixels.stored[128, 90], pixels.stored[0, 0]
        assert lesion > air, "larger is not brighter"
    difference = cv2.absdiff(shown["MONOCHROME1"], shown["MONOCHROME2"])
    assert difference.max() <= 1
    assert shown["MONOCHROME2"][128, 90] > 250


@pytest.mark.parametrize(("bits", "high_bit"), [(10, 9), (12, 11), (10, 15), (12, 13), (8, 11)])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big-endian", "rle"])
def test_bits_beside_the_stored_ones_are_masked_away(tmp_path, syntax, bits, high_bit, signed):
    values = ramp(bits, signed)
    above = 2 ** (15 - high_bit) - 1
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        bits_stored=bits,
        bits_allocated=16,
        high_bit=high_bit,
        unused_bits=above,
        signed=signed,
        transfer_syntax=syntax,
    )
    np.testing.assert_array_equal(modality_values(pixels_of(path)), values)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize(
    ("padding", "limit", "signed"),
    [
        (0, None, False),
        (10, 20, False),
        (20, 10, False),
        (0, None, True),
        (10, 20, True),
        (-90, -100, True),
    ],
)
def test_padding_becomes_stored_0_and_leaves_the_other_values_alone(
    tmp_path, padding, limit, signed, bits, photometric
):
    values = ramp(bits, signed)
    low, high = sorted((padding, padding if limit is None else limit))
    is_padding = (values >= low) & (values <= high)
    values[0, :9], is_padding[0, :9] = padding, True
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        photometric=photometric,
        bits_stored=bits,
        signed=signed,
        padding=padding,
        padding_limit=limit,
    )

    pixels = pixels_of(path)

    assert pixels.has_padding
    np.testing.assert_array_equal(pixels.stored == 0, is_padding)
    off = np.abs(modality_values(pixels) - values)[~is_padding]
    # With 16 bits in use and padding besides, the one darkest level has no place of its own.
    assert off.max() <= (1 if bits == 16 else 0)
    assert np.count_nonzero(off) <= np.count_nonzero(
        values == (values.max() if photometric == "MONOCHROME1" else values.min())
    )


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big-endian"])
def test_a_negative_padding_value_is_read_in_every_syntax(tmp_path, syntax):
    values = ramp(12, signed=True)
    values[:, :5] = -2000
    path = write_mammogram(
        tmp_path / "a.dcm", values=values, signed=True, padding=-2000, transfer_syntax=syntax
    )
    assert (pixels_of(path).stored[:, :5] == 0).all()
    assert (pixels_of(path).stored[:, 5:][values[:, 5:] != -2000] > 0).all()


def test_a_negative_padding_value_written_as_unsigned_is_understood(tmp_path):
    values = ramp(12, signed=True)
    values[:, :5] = -2000

    def edit(dataset):
        dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)

    path = write_mammogram(tmp_path / "a.dcm", values=values, signed=True, edit=edit)
    assert (pixels_of(path).stored[:, :5] == 0).all()


def test_without_a_padding_value_black_pixels_are_no_padding(tmp_path):
    assert not pixels_of(write_mammogram(tmp_path / "a.dcm")).has_padding


def test_a_modality_lut_gives_the_values(tmp_path):
    table = (np.arange(4096) ** 2 // 4096).astype(int)

    def add(dataset):
        item = pydicom.Dataset()
        item.add_new("LUTDescriptor", "US", [4096, 0, 12])
        item.add_new("LUTData", "OW", table.astype("<u2").tobytes())
        item.ModalityLUTType = "US"
        dataset.ModalityLUTSequence = [item]

    values = ramp(12)
    pixels = pixels_of(write_mammogram(tmp_path / "a.dcm", values=values, edit=add))
    np.testing.assert_array_equal(modality_values(pixels), table[values])


@pytest.mark.parametrize("syntax", ["explicit", "rle", "jpeg-ls", "jpeg2000-lossless"])
def test_a_colour_image_is_shown_by_its_luma(tmp_path, syntax):
    colour = np.zeros((40, 30, 3), np.uint8)
    colour[..., 0], colour[10:20, :, 1], colour[..., 2] = 200, 100, 7
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=colour,
        photometric="RGB",
        bits_stored=8,
        transfer_syntax=syntax,
    )
    expected = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    np.testing.assert_allclose(pixels_of(path).stored, expected, atol=1)
    assert "colour photograph" in view_of(path).out_of_scope


def test_planes_of_colour_one_after_the_other_are_read_too(tmp_path):
    colour = np.zeros((40, 30, 3), np.uint8)
    colour[:20, :, 1], colour[..., 2] = 180, 40

    def planar(dataset):
        dataset.PlanarConfiguration = 1
        dataset.PixelData = np.moveaxis(colour, -1, 0).tobytes()

    path = write_mammogram(
        tmp_path / "a.dcm", values=colour, photometric="RGB", bits_stored=8, edit=planar
    )
    expected = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    np.testing.assert_allclose(pixels_of(path).stored, expected, atol=1)


def test_pixels_are_read_only(tmp_path):
    for syntax in ("explicit", "rle", "jpeg-ls"):
        pixels = pixels_of(write_mammogram(tmp_path / "a.dcm", transfer_syntax=syntax))
        with pytest.raises(ValueError, match="read-only"):
            pixels.stored[0, 0] = 1


def test_views_are_decoded_in_several_threads_at_once(tmp_path):
    jobs = []
    for seed, syntax in enumerate(TRANSFER_SYNTAXES):
        bits = 8 if syntax == "jpeg-baseline" else 12
        path = tmp_path / syntax / "a.dcm"
        write_mammogram(path, transfer_syntax=syntax, seed=seed, bits_stored=bits)
        jobs.append(view_of(path))
    alone = [load_pixels(view).stored for view in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(load_pixels, jobs * 4))
    for index, pixels in enumerate(together):
        np.testing.assert_array_equal(pixels.stored, alone[index % len(jobs)])


@pytest.mark.parametrize(
    "name",
    [
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ],
)
def test_files_of_other_writers_hold_one_image_in_every_syntax(name):
    reference = pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False)).pixel_array
    path = get_testdata_file(name, download=False)
    np.testing.assert_array_equal(modality_values(pixels_of(path)), reference)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("JPGExtended.dcm", 1),  # 12-bit extended; two decoders may round differently
        ("JPEGLSNearLossless_08.dcm", 0),
        ("JPEGLSNearLossless_16.dcm", 0),
        ("JPEG2000.dcm", 0),
        ("J2K_pixelrep_mismatch.dcm", 0),  # the stream is signed, the header says unsigned
        ("image_dfl.dcm", 0),
    ],
)
def test_files_of_other_writers_are_read_as_pydicom_reads_them(name, tolerance):
    path = get_testdata_file(name, download=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these files have faults that pydicom remarks on
        dataset = pydicom.dcmread(path)
        expected = apply_rescale(dataset.pixel_array, dataset)
    assert np.abs(modality_values(pixels_of(path)) - expected).max() <= tolerance
