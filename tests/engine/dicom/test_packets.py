"""What a JPEG 2000 stream says of its size has to be what its packets are of."""

import io
import struct
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image
from pydicom.encaps import generate_frames

from engine.dicom.codestreams import ended_codestream
from engine.dicom.loading import load, load_pixels
from engine.dicom.packets import is_filled, read_grid, read_style
from engine.dicom.streams import decode_stream
from engine.errors import UnreadableFile
from tests.phantom import breast, stored_values, write_mammogram

GREY = stored_values(breast("R", "CC", 300, 220), 12).astype(np.uint16)
GREY += np.random.default_rng(1).integers(0, 40, GREY.shape).astype(np.uint16)


def reversible(image: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(image, codecformat="j2k", reversible=True, level=0))


def irreversible(image: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(image, codecformat="j2k", reversible=False, level=60))


def high_throughput(image: np.ndarray) -> bytes:
    return bytes(imagecodecs.htj2k_encode(image, reversible=True))


def by_pillow(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG2000", no_jp2=True, **options)
    return buffer.getvalue()


def taken_apart(stream: bytes):
    """(grid, style, data of each tile)."""
    position, grid, style, tiles = 2, None, None, {}
    while (marker := struct.unpack_from(">H", stream, position)[0]) != 0xFFD9:
        (length,) = struct.unpack_from(">H", stream, position + 2)
        body = stream[position + 4 : position + 2 + length]
        if marker == 0xFF90:
            tile, length = struct.unpack_from(">HI", body)
            start = stream.index(b"\xff\x93", position) + 2
            tiles[tile] = tiles.get(tile, b"") + stream[start : position + length]
            position += length
            continue
        grid = read_grid(body) if marker == 0xFF51 else grid
        style = read_style(body) if marker == 0xFF52 else style
        position += 2 + length
    return grid, style, tiles


def filled(stream: bytes) -> set[bool | None]:
    grid, style, tiles = taken_apart(stream)
    return {is_filled(data, grid, style, tile) for tile, data in tiles.items()}


@pytest.mark.parametrize("shape", [(300, 220), (257, 129), (5, 3), (1, 1), (1, 200)])
@pytest.mark.parametrize("encode", [reversible, irreversible, high_throughput])
def test_the_packets_of_every_coder_take_all_bytes(encode, shape):
    image = np.ascontiguousarray(GREY[: shape[0], : shape[1]])
    assert filled(encode(image)) == {True}


@pytest.mark.parametrize("order", ["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"])
@pytest.mark.parametrize("is_colour", [False, True])
def test_packets_are_found_in_every_order_of_tiles_layers_and_precincts(order, is_colour):
    grey = Image.fromarray((GREY[:201, :157] >> 4).astype(np.uint8))
    image = Image.merge("RGB", [grey, grey.transpose(Image.Transpose.ROTATE_180), grey])
    layers = {"irreversible": True, "quality_mode": "rates", "quality_layers": [40, 20, 10]}
    for tile_size in (None, (128, 100)):
        for more in ({}, {"precinct_size": (64, 32), "codeblock_size": (16, 16)}, layers):
            options = {"progression": order, "num_resolutions": 4, **more}
            options |= {"tile_size": tile_size} if tile_size else {}
            assert filled(by_pillow(image if is_colour else grey, **options)) == {True}


@pytest.mark.parametrize(
    "name",  # by GDCM and OpenJPEG, JasPer, Kakadu
    ["693_J2KI", "J2K_pixelrep_mismatch", "examples_jpeg2k", "JPEG2000", "MR_small_jp2klossless"],
)
def test_streams_of_other_programs_are_whole(name):
    path = Path(pydicom.data.__file__).parent / "test_files" / f"{name}.dcm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    assert filled(stream) == {True}
    _, check = ended_codestream(stream)
    check()


def resized(stream: bytes, rows: int, columns: int) -> bytes:
    """The same with another size in its header, of image and tile."""
    changed = bytearray(stream)
    for place in (8, 24):
        struct.pack_into(">II", changed, place, columns, rows)
    return bytes(changed)


@pytest.mark.parametrize("encode", [reversible, high_throughput])
@pytest.mark.parametrize(
    "shape", [(400, 220), (300, 300), (600, 440), (4000, 4000), (3000, 220), (150, 220), (200, 100)]
)
def test_a_stream_whose_size_is_not_its_coders_is_refused(encode, shape):
    with pytest.raises(UnreadableFile, match="corrupt"):
        decode_stream(resized(encode(GREY), *shape), (*shape, 1))


@pytest.mark.parametrize("tile", [(150, 220), (300, 100), (64, 64)])
def test_a_stream_whose_tiles_are_not_its_coders_is_refused(tile):
    changed = bytearray(reversible(GREY))
    struct.pack_into(">II", changed, 24, tile[1], tile[0])
    with pytest.raises(UnreadableFile, match="corrupt"):
        decode_stream(bytes(changed), (300, 220, 1))


def test_a_few_bytes_of_jpeg_2000_do_not_fill_a_mammogram(tmp_path):
    """Both headers claim 3,800 x 4,000 pixels; the stream is of 64 x 48."""
    small = np.ascontiguousarray(GREY[100:164, 100:148])
    path = write_mammogram(tmp_path / "RCC.dcm", values=small, transfer_syntax="jpeg2000-lossless")
    dataset = pydicom.dcmread(path)
    stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = pydicom.encaps.encapsulate([resized(stream, 3800, 4000)])
    dataset["PixelData"].is_undefined_length = True
    dataset.Rows, dataset.Columns = 3800, 4000
    dataset.save_as(path)
    (study,) = load([path]).studies
    with pytest.raises(UnreadableFile, match="corrupt"):
        load_pixels(study.views[0])


def test_damage_to_the_lengths_of_packets_is_found():
    """Bits flipped in the first packet's header, which tells of the coarsest code blocks."""
    stream = reversible(GREY)
    start = stream.index(b"\xff\x93") + 2
    found = 0
    for bit in range(8, 32):
        changed = bytearray(stream)
        changed[start + bit // 8] ^= 128 >> bit % 8
        found += filled(bytes(changed)) == {False}
    assert found >= 12  # of 24: the others change how many bits are said to be zero


def test_what_is_too_much_to_look_at_is_left_to_the_decoder():
    grey = Image.fromarray(np.zeros((1200, 1200), np.uint8))
    assert filled(by_pillow(grey, codeblock_size=(4, 4))) == {None}
