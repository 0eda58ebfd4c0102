"""TIFF: a strip or tile that does not hold its rows is told, and nothing takes long."""

import struct
import time
import zlib

import imagecodecs
import numpy as np
import pytest

from engine.dicom.loading import load, load_pixels
from engine.errors import EngineError
from tests.phantom import breast, stored_values

COMPRESSIONS = ("lzw", "deflate", "packbits", "jpeg")


def picture() -> np.ndarray:
    return stored_values(breast(rows=200, columns=120), 8).astype(np.uint8)


def shown(path) -> np.ndarray | None:
    """The grey values; None where they are refused."""
    catalogue = load([path])
    try:
        return load_pixels(catalogue.studies[0].views[0]).stored if catalogue.studies else None
    except EngineError:
        return None


def entries(data: bytes) -> dict[int, int]:
    """Where the value of each tag stands, as an offset into the file."""
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    places = range(directory + 2, directory + 2 + 12 * count, 12)
    return {struct.unpack_from("<H", data, place)[0]: place + 8 for place in places}


def strips_of(pieces: list[bytes], rows: int, columns: int, tags: dict[int, int]) -> bytes:
    """A grey TIFF of 8 bits; `tags` may say otherwise. Equal pieces lie in the file once."""
    unique = list(dict.fromkeys(pieces))
    starts, end = {}, 8
    for piece in unique:
        starts[piece], end = end, end + len(piece)
    body = b"II*\0" + struct.pack("<I", end + 8 * len(pieces)) + b"".join(unique)
    tables = [starts[piece] for piece in pieces], [len(piece) for piece in pieces]
    body += b"".join(struct.pack(f"<{len(pieces)}I", *table) for table in tables)
    values = {256: columns, 257: rows, 258: 8, 259: 1, 262: 1, 277: 1, 278: rows, **tags}
    values |= {273: end, 279: end + 4 * len(pieces)}
    if len(pieces) == 1:
        values |= {273: tables[0][0], 279: tables[1][0]}
    body += struct.pack("<H", len(values))
    for tag in sorted(values):
        count = len(pieces) if tag in (273, 279) else 1
        body += struct.pack("<HHII", tag, 4, count, values[tag])
    return body + bytes(4)


@pytest.mark.parametrize("options", [{}, {"tile": (48, 32)}])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_picture_that_is_compressed_is_shown(tmp_path, compression, options):
    path = tmp_path / "R_CC.tif"
    path.write_bytes(imagecodecs.tiff_encode(picture(), compression=compression, **options))
    most = 8 if compression == "jpeg" else 0
    assert np.abs(shown(path).astype(int) - picture()).max() <= most


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_strip_that_ends_early_is_told(tmp_path, compression):
    data = bytearray(imagecodecs.tiff_encode(picture(), compression=compression))
    place = entries(data)[279]
    struct.pack_into("<I", data, place, struct.unpack_from("<I", data, place)[0] * 9 // 10)
    path = tmp_path / "R_CC.tif"
    path.write_bytes(data)
    assert shown(path) is None


def test_no_flipped_bit_of_a_deflated_strip_is_shown(tmp_path):
    whole = imagecodecs.tiff_encode(picture(), compression="deflate")
    start, size = (struct.unpack_from("<I", whole, entries(whole)[tag])[0] for tag in (273, 279))
    path = tmp_path / "R_CC.tif"
    for place in range(start, start + size, size // 60):
        data = bytearray(whole)
        data[place] ^= 16
        path.write_bytes(data)
        assert shown(path) is None


@pytest.mark.parametrize("ink", [1, 5])
def test_more_rows_than_strips_hold_are_told_and_not_made_up(tmp_path, ink):
    """Also where libtiff makes colours, of printing inks."""
    channels = 4 if ink == 5 else 1
    tags = {262: ink, 277: channels, 278: 100}
    path = tmp_path / "R_CC.tif"
    whole = strips_of([bytes([9]) * 12_000 * channels] * 2, 200, 120, tags)
    path.write_bytes(whole)
    assert shown(path).shape == (200, 120)
    path.write_bytes(strips_of([bytes([9]) * 12_000 * channels], 200, 120, tags))
    assert shown(path) is None


def test_an_image_whose_strips_lie_behind_the_end_of_the_file_is_told(tmp_path):
    data = bytearray(imagecodecs.tiff_encode(picture()))
    struct.pack_into("<I", data, entries(data)[273], len(data) - 100)
    path = tmp_path / "R_CC.tif"
    path.write_bytes(data)
    assert shown(path) is None


def test_strips_that_share_their_bytes_do_not_take_long(tmp_path):
    """Ten thousand strips, each of the same 20 MB of which all has to be read for one row."""
    empty = b"\0\0\0\xff\xff" * 4_000_000  # stored blocks of nothing
    row = zlib.compress(bytes(100))
    path = tmp_path / "R_CC.tif"
    piece = row[:2] + empty + row[2:]
    path.write_bytes(strips_of([piece] * 10_000, 10_000, 100, {259: 8, 278: 1}))
    start = time.process_time()
    assert shown(path) is None
    assert time.process_time() - start < 2
