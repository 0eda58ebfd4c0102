"""The bits that an image takes are those that are in its file."""

import imagecodecs
import numpy as np
import pytest

from engine.dicom import streams
from engine.dicom.lossless_jpeg import lossless_bits
from engine.errors import UnreadableFile
from tests.phantom import breast

SEED = np.random.default_rng(3)


def encoded(image, bits, predictor=1):
    return imagecodecs.jpeg_encode(image, lossless=True, predictor=predictor, bitspersample=bits)


def noisy(bits, rows=300, columns=211):
    image = breast("R", "MLO", rows, columns) * 0.9 * (2**bits - 1)
    image = image + SEED.normal(scale=2 ** (bits - 8), size=image.shape)
    return np.clip(image, 0, 2**bits - 1).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_counted_bits_are_the_bytes_of_the_stream(bits):
    stream = encoded(noisy(bits), bits)
    header = streams.jpeg_header(stream)
    image = imagecodecs.jpeg_decode(stream)
    _, size = streams.scan_end(stream, header)
    counted = lossless_bits(image, header.bits, header.scan, header.code_tables)
    assert 8 * (size - 2) < counted <= 8 * size


def test_an_image_of_every_difference_is_counted_right():
    image = SEED.integers(0, 65536, (64, 512), dtype=np.uint16)  # 16 bits of noise
    stream = encoded(image, 16)
    header = streams.jpeg_header(stream)
    _, size = streams.scan_end(stream, header)
    counted = lossless_bits(image, header.bits, header.scan, header.code_tables)
    assert 8 * (size - 2) < counted <= 8 * size


def test_a_sound_stream_is_decoded_once(monkeypatch):
    image = noisy(14)
    stream = encoded(image, 14)
    calls = []

    def counted(data, **options):
        calls.append(len(data))
        return decode(data, **options)

    decode = imagecodecs.jpeg_decode
    monkeypatch.setattr("engine.dicom.streams.imagecodecs.jpeg_decode", counted)
    assert np.array_equal(streams.decode_stream(stream, (*image.shape, 1)), image)
    assert len(calls) == 1


@pytest.mark.parametrize("predictor", [1, 2, 4, 7])
def test_every_prediction_is_read(predictor):
    image = noisy(12)
    stream = encoded(image, 12, predictor)
    assert np.array_equal(streams.decode_stream(stream, (*image.shape, 1)), image)


@pytest.mark.parametrize("lost", [3, 40, 2000])
def test_a_stream_that_ends_early_is_refused(lost):
    image = noisy(14)
    stream = encoded(image, 14)
    end = stream.rfind(b"\xff\xd9")
    with pytest.raises(UnreadableFile):
        streams.decode_stream(stream[: end - lost] + stream[end:], (*image.shape, 1))


@pytest.mark.parametrize("more", [3, 40, 2000])
def test_a_stream_with_more_than_the_image_is_refused(more):
    image = noisy(14)
    stream = encoded(image, 14)
    end = stream.rfind(b"\xff\xd9")
    with pytest.raises(UnreadableFile):
        streams.decode_stream(stream[:end] + b"\x35" * more + stream[end:], (*image.shape, 1))


def test_a_stream_cut_within_any_of_its_headers_is_refused():
    image = noisy(12)
    stream = encoded(image, 12)
    for end in range(2, streams.jpeg_header(stream).scan_start + 1):
        with pytest.raises(UnreadableFile):
            streams.decode_stream(stream[:end], (*image.shape, 1))


def test_a_header_that_reaches_behind_its_stream_is_refused():
    image = noisy(12)
    stream = bytearray(encoded(image, 12))
    scan = stream.index(b"\xff\xda")
    stream[scan + 2] = 0xFF  # its length
    with pytest.raises(UnreadableFile):
        streams.decode_stream(bytes(stream), (*image.shape, 1))


def test_a_bit_lost_in_the_middle_is_not_counted_as_whole():
    image = noisy(14)
    stream = bytearray(encoded(image, 14))
    middle = (streams.jpeg_header(bytes(stream)).scan_start + len(stream)) // 2
    del stream[middle : middle + 64]
    with pytest.raises(UnreadableFile):
        streams.decode_stream(bytes(stream), (*image.shape, 1))
