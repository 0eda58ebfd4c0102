"""PNG, JPEG and TIFF: their grey values, and their headers checked before anything is decoded."""

import struct
import tracemalloc
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest

from engine.dicom.loading import load, load_pixels
from engine.errors import UnreadableFile
from tests.phantom import breast, stored_values, write_plain


def view_of(path):
    catalogue = load([path])
    assert catalogue.failures == ()
    ((view,),) = (study.views for study in catalogue.studies)
    return view


def ramp(bits: int) -> np.ndarray:
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.linspace(0, 2**bits - 1, 90 * 70).reshape(90, 70).astype(dtype)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("A.PNG", {}),
        ("a.tif", {}),
        ("a.tiff", {"byteorder": ">"}),
        ("a.tiff", {"bigtiff": True}),
        ("a.tiff", {"tile": (32, 32)}),
        ("a.tiff", {"compression": "lzw"}),
        ("a.tiff", {"compression": "deflate", "predictor": 2}),
        ("a.tiff", {"compression": "packbits"}),
    ],
)
def test_grey_values_come_out_as_they_were_stored(tmp_path, name, options, bits):
    view = view_of(write_plain(tmp_path / name, values=ramp(bits), **options))
    pixels = load_pixels(view)
    assert pixels.stored.dtype == np.uint16
    assert not pixels.stored.flags.writeable
    np.testing.assert_array_equal(pixels.stored, ramp(bits))
    assert (pixels.value_scale, pixels.value_offset) == (1, 0)
    assert view.out_of_scope is None


def test_a_jpeg_comes_close_to_what_was_stored(tmp_path):
    values = stored_values(breast(), 8).astype(np.uint8)
    pixels = load_pixels(view_of(write_plain(tmp_path / "a.jpg", values=values, level=95)))
    assert np.abs(pixels.stored.astype(int) - values).max() <= 4


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_stored_as_three_equal_channels_is_grey(tmp_path, name):
    colour = np.repeat(ramp(8)[..., None], 3, axis=2)
    view = view_of(write_plain(tmp_path / name, values=colour))
    assert view.out_of_scope is None
    np.testing.assert_array_equal(load_pixels(view).stored, ramp(8))


def test_a_grey_jpeg_of_three_channels_is_grey(tmp_path):
    colour = np.repeat(stored_values(breast(), 8)[..., None], 3, axis=2).astype(np.uint8)
    view = view_of(write_plain(tmp_path / "a.jpg", values=colour, level=80))
    assert view.out_of_scope is None
    assert np.abs(load_pixels(view).stored.astype(int) - colour[..., 0]).max() <= 12


def test_the_alpha_of_a_grey_picture_is_dropped(tmp_path):
    with_alpha = np.dstack([ramp(8), ramp(8), ramp(8), np.full((90, 70), 9, np.uint8)])
    view = view_of(write_plain(tmp_path / "a.png", values=with_alpha))
    np.testing.assert_array_equal(load_pixels(view).stored, ramp(8))
    two = np.dstack([ramp(8), np.full((90, 70), 9, np.uint8)])
    view = view_of(write_plain(tmp_path / "b.png", values=two))
    np.testing.assert_array_equal(load_pixels(view).stored, ramp(8))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_a_colour_photograph_is_shown_in_grey_and_not_judged(tmp_path, name):
    colour = np.zeros((80, 60, 3), np.uint8)
    colour[..., 0], colour[20:40, :, 1] = 200, 150
    view = view_of(write_plain(tmp_path / name, values=colour))
    assert "colour photograph" in view.out_of_scope
    expected = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY).astype(int)
    off = np.abs(load_pixels(view).stored.astype(int) - expected)
    assert np.median(off) <= (3 if name == "a.jpg" else 1)


def test_a_coloured_mark_on_a_grey_picture_makes_it_a_colour_photograph(tmp_path):
    colour = np.repeat(ramp(8)[..., None], 3, axis=2)
    colour[5:10, 5:10, 0] = 255
    view = view_of(write_plain(tmp_path / "a.png", values=colour))
    assert "colour photograph" in view.out_of_scope


def test_a_png_of_a_grey_palette_is_grey(tmp_path):
    values = ramp(8)
    header = struct.pack(">IIBBBBB", 70, 90, 8, 3, 0, 0, 0)
    palette = b"".join(bytes([n, n, n]) for n in range(256))
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    (tmp_path / "a.png").write_bytes(
        png(("IHDR", header), ("PLTE", palette), ("IDAT", zlib.compress(rows)))
    )
    view = view_of(tmp_path / "a.png")
    assert view.out_of_scope is None
    np.testing.assert_array_equal(load_pixels(view).stored, values)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_png_of_few_bits_fills_the_range_from_black_to_white(tmp_path, bits):
    levels = 2**bits
    values = (np.arange(64) % levels).reshape(8, 8).astype(np.uint8)
    unpacked = np.unpackbits(values[..., None], axis=-1)[..., 8 - bits :].reshape(8, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in unpacked)
    header = struct.pack(">IIBBBBB", 8, 8, bits, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(png(("IHDR", header), ("IDAT", zlib.compress(rows))))
    stored = load_pixels(view_of(tmp_path / "a.png")).stored
    np.testing.assert_array_equal(stored, values * (255 // (levels - 1)))


def test_a_tiff_with_a_plane_for_each_colour_is_read(tmp_path):
    planes = np.stack([ramp(8)] * 3)
    (tmp_path / "a.tif").write_bytes(
        imagecodecs.tiff_encode(planes, photometric="rgb", planarconfig="separate")
    )
    view = view_of(tmp_path / "a.tif")
    assert view.out_of_scope is None
    np.testing.assert_array_equal(load_pixels(view).stored, ramp(8))


def test_a_tiff_of_fractions_is_named_as_such(tmp_path):
    fractions = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    (tmp_path / "a.tif").write_bytes(imagecodecs.tiff_encode(fractions))
    (failure,) = load([tmp_path]).failures
    assert failure.title == "Pixel format is not supported"


def test_a_tiff_whose_white_is_zero_is_turned_round(tmp_path):
    for bits in (8, 16):
        path = write_plain(tmp_path / f"{bits}.tif", values=ramp(bits), photometric="miniswhite")
        stored = load_pixels(view_of(path)).stored
        np.testing.assert_array_equal(stored, 2**bits - 1 - ramp(bits))


def test_of_several_pages_the_first_is_shown_and_it_is_said(tmp_path):
    pages = np.stack([ramp(8), 255 - ramp(8)])
    (tmp_path / "a.tif").write_bytes(imagecodecs.tiff_encode(pages, photometric="minisblack"))
    view = view_of(tmp_path / "a.tif")
    np.testing.assert_array_equal(load_pixels(view).stored, ramp(8))
    assert any("first of several pages" in note for note in view.notes)


def test_lengths_cannot_be_measured_and_it_is_said(tmp_path):
    view = view_of(write_plain(tmp_path / "a.png"))
    assert view.pixel_spacing is None
    assert any("No pixel spacing" in note for note in view.notes)


def png(*chunks: tuple[str, bytes]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in (*chunks, ("IEND", b"")):
        body = kind.encode() + data
        parts.append(struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body)))
    return b"".join(parts)


def png_bomb(path, rows=60000, columns=60000):
    packed = zlib.compress(bytes(2**22), 9)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    path.write_bytes(png(("IHDR", header), ("IDAT", packed)))
    return path


def jpeg_bomb(path):
    data = bytearray(imagecodecs.jpeg_encode(ramp(8)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60000, 60000)
    path.write_bytes(data)
    return path


def tiff_bomb(path):
    data = bytearray(imagecodecs.tiff_encode(ramp(8), compression="deflate"))
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] in (256, 257, 278):
            struct.pack_into(
                "<HHII", data, entry, *struct.unpack_from("<H", data, entry), 4, 1, 60000
            )
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("bomb", "name"), [(png_bomb, "R_CC.png"), (jpeg_bomb, "R_CC.jpg"), (tiff_bomb, "R_CC.tif")]
)
def test_a_bomb_is_refused_by_its_header(tmp_path, bomb, name):
    path = bomb(tmp_path / name)
    assert path.stat().st_size < 20_000
    tracemalloc.start()
    catalogue = load([path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert catalogue.studies == ()
    (failure,) = catalogue.failures
    assert failure.title == "The image is too large"
    assert "60000" in failure.advice
    assert peak < 5_000_000


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["R_CC.png", "R_CC.jpg", "R_CC.tif"])
def test_a_cut_picture_says_so_and_nothing_else_happens(tmp_path, name, keep):
    path = write_plain(tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    catalogue = load([path])
    if catalogue.failures:
        (failure,) = catalogue.failures
        assert failure.title
        assert failure.advice
    else:
        with pytest.raises(UnreadableFile):
            load_pixels(catalogue.studies[0].views[0])


def test_a_png_whose_checksum_is_wrong_says_so(tmp_path):
    rows = b"".join(b"\0" + row.tobytes() for row in ramp(8))
    packed = bytearray(zlib.compress(rows))
    packed[-1] ^= 1
    header = struct.pack(">IIBBBBB", 70, 90, 8, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(png(("IHDR", header), ("IDAT", bytes(packed))))
    with pytest.raises(UnreadableFile):
        load_pixels(view_of(tmp_path / "a.png"))


def test_a_png_with_a_fault_beside_its_pixels_is_shown(tmp_path):
    rows = b"".join(b"\0" + row.tobytes() for row in ramp(8))
    header = struct.pack(">IIBBBBB", 70, 90, 8, 0, 0, 0, 0)
    chunks = (("IHDR", header), ("gAMA", b"\0"), ("IDAT", zlib.compress(rows)))
    (tmp_path / "a.png").write_bytes(png(*chunks))
    np.testing.assert_array_equal(load_pixels(view_of(tmp_path / "a.png")).stored, ramp(8))


# ------------------------------------------------------------------------------ turned, printed

TURNS = {  # the stored picture that Orientation n turns upright
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: np.rot90(upright, 2),
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright.T, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def exif(orientation, order="<"):
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HI", 42, 8)
    return head + struct.pack(order + "HHHIHHI", 1, 274, 3, 1, orientation, 0, 0)


def tiff_pages(pages):
    """Uncompressed grey pages of 8 bits: (picture, {tag: short value})."""
    body = b"II*\0" + struct.pack("<I", 8)
    for number, (picture, more) in enumerate(pages):
        rows, columns = picture.shape
        tags = {256: columns, 257: rows, 258: 8, 259: 1, 262: 1, 277: 1, 278: rows, **more}
        size = 2 + 12 * (len(tags) + 2) + 4
        data = len(body) + size
        tags |= {273: data, 279: rows * columns}
        body += struct.pack("<H", len(tags))
        for tag in sorted(tags):
            body += struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, tags[tag])
        following = data + rows * columns if number < len(pages) - 1 else 0
        body += struct.pack("<I", following) + picture.tobytes()
    return body


def with_exif(path, picture, orientation, order):
    if path.suffix == ".tif":
        path.write_bytes(tiff_pages([(picture, {274: orientation})]))
        return path
    write_plain(path, values=picture)
    data, tags = path.read_bytes(), exif(orientation, order)
    if path.suffix == ".png":
        chunk = b"eXIf" + tags
        chunk = struct.pack(">I", len(tags)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        at = data.index(b"IDAT") - 4
        path.write_bytes(data[:at] + chunk + data[at:])
    else:
        segment = b"Exif\0\0" + tags
        segment = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
        path.write_bytes(data[:2] + segment + data[2:])
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_picture_is_turned_as_its_orientation_says(tmp_path, suffix, orientation, order):
    upright = stored_values(breast(rows=200, columns=120), 8).astype(np.uint8)
    stored = np.ascontiguousarray(TURNS[orientation](upright))
    view = view_of(with_exif(tmp_path / f"R_CC{suffix}", stored, orientation, order))
    assert (view.rows, view.columns) == upright.shape
    shown = load_pixels(view).stored.astype(int)
    assert np.abs(shown - upright).max() <= (8 if suffix == ".jpg" else 0)
    is_said = any("Orientation" in note for note in view.notes)
    assert is_said is (orientation != 1)
    assert view.out_of_scope is None


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_there_is_none_of_is_ignored(tmp_path, orientation):
    picture = stored_values(breast(rows=200, columns=120), 8).astype(np.uint8)
    view = view_of(with_exif(tmp_path / "R_CC.png", picture, orientation, "<"))
    assert np.array_equal(load_pixels(view).stored, picture)


@pytest.mark.parametrize("flag", [{254: 1}, {}])
def test_of_a_tiff_with_a_thumbnail_first_the_image_is_shown(tmp_path, flag):
    picture = stored_values(breast(rows=200, columns=120), 8).astype(np.uint8)
    path = tmp_path / "R_CC.tif"
    path.write_bytes(tiff_pages([(np.ascontiguousarray(picture[::4, ::4]), flag), (picture, {})]))
    view = view_of(path)
    assert np.array_equal(load_pixels(view).stored, picture)
    assert any("largest of several pages" in note for note in view.notes)


def test_a_larger_page_that_is_marked_as_a_reduced_copy_is_not_shown(tmp_path):
    picture = stored_values(breast(rows=200, columns=120), 8).astype(np.uint8)
    larger = np.zeros((300, 300), np.uint8)
    path = tmp_path / "R_CC.tif"
    path.write_bytes(tiff_pages([(picture, {}), (larger, {254: 1})]))
    assert np.array_equal(load_pixels(view_of(path)).stored, picture)


def cmyk_jpeg(picture):
    """As Photoshop and Pillow save grey: black ink alone, all four inverted."""
    inks = np.full((*picture.shape, 4), 255, np.uint8)
    inks[..., 3] = picture
    return bytes(imagecodecs.jpeg8_encode(inks, level=95, colorspace="CMYK", outcolorspace="CMYK"))


def test_a_mammogram_saved_in_printing_inks_is_grey(tmp_path):
    picture = stored_values(breast(rows=200, columns=120), 8).astype(np.uint8)
    path = tmp_path / "R_CC.jpg"
    data = cmyk_jpeg(picture)
    assert b"Adobe" in data
    path.write_bytes(data)
    view = view_of(path)
    assert view.out_of_scope is None
    assert np.abs(load_pixels(view).stored.astype(int) - picture).max() <= 8


def test_printing_inks_of_which_nothing_tells_whether_zero_is_ink_are_refused(tmp_path):
    data = cmyk_jpeg(stored_values(breast(rows=200, columns=120), 8).astype(np.uint8))
    at = data.index(b"\xff\xee")
    (length,) = struct.unpack_from(">H", data, at + 2)
    path = tmp_path / "R_CC.jpg"
    path.write_bytes(data[:at] + data[at + 2 + length :])
    catalogue = load([path])
    titles = [failure.title for failure in catalogue.failures]
    assert titles == ["Colour format is not supported"]


def test_a_coloured_picture_that_would_take_seconds_is_refused_by_its_header(tmp_path):
    head = struct.pack(">IIBBBBB", 9999, 12000, 16, 6, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    (tmp_path / "R_CC.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    (failure,) = load([tmp_path]).failures
    assert failure.title == "The image is too large"
