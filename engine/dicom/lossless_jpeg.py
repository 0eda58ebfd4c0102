"""How many bits an image takes in JPEG Lossless, ITU-T T.81 annex H, by a stream's own tables.

That tells whether the stream's data are exactly this image, without decoding them again.
"""

import cv2
import numpy as np

_ROWS = 128  # at a time, so that what is computed stays in the processor's cache
_FIRST_ORDER = 1  # the selection value that DICOM's own transfer syntax demands: the left neighbour
# The category of a difference modulo 2**16: the bits of its amount, H.1.2.2.
_differences = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
_CATEGORY = np.ceil(np.log2(np.abs(_differences) + 1)).astype(np.uint8)
_CATEGORY[32768] = 16
_EXTRA_BITS = np.array([*range(16), 0])  # behind the code; a difference of 32768 has none
_NO_CODE = 255  # bits, for a category that a stream's tables leave out: more than any code has


def lossless_bits(image: np.ndarray, bits: int, scan: bytes, code_tables: bytes) -> int | None:
    """Bits of entropy-coded data of an integer image (rows, columns), without stuffing and padding.

    `bits` is the precision, `scan` the body of the scan header, `code_tables` that of the Huffman
    tables. None where the scan is not of the common kind: one component, first-order prediction.
    """
    if len(scan) != 6 or scan[0] != 1 or scan[3] != _FIRST_ORDER or scan[5] & 0x0F:
        return None
    lengths = _code_lengths(code_tables, scan[2] >> 4)
    if lengths is None or not 2 <= bits <= 16:
        return None
    bits_of = np.where(lengths, lengths + _EXTRA_BITS, _NO_CODE).astype(np.uint8)[_CATEGORY]
    image = image.astype(np.uint16, copy=False)
    before = np.array([2 ** (bits - 1)], np.uint16)  # in place of the first pixel's neighbour
    total = 0
    for start in range(0, len(image), _ROWS):
        rows = image[start : start + _ROWS]
        difference = np.empty_like(rows)
        np.subtract(rows[:, 1:], rows[:, :-1], out=difference[:, 1:])
        difference[:, 0] = rows[:, 0] - np.concatenate([before, rows[:-1, 0]])
        total += int(cv2.sumElems(cv2.LUT(difference, bits_of))[0])
        before = rows[-1, :1]
    return total


def _code_lengths(code_tables: bytes, number: int) -> np.ndarray | None:
    """Bits of the code of each category, int (17,), 0 where it has none; B.2.4.2."""
    lengths = None
    position = 0
    while position + 17 <= len(code_tables):
        of_length = code_tables[position + 1 : position + 17]
        values = code_tables[position + 17 : position + 17 + sum(of_length)]
        if code_tables[position] == number:  # its class is 0; a later table takes the place
            lengths = np.zeros(17, np.int64)
            place = 0
            for length, count in enumerate(of_length, start=1):
                for value in values[place : place + count]:
                    if value > 16:
                        return None
                    lengths[value] = length
                place += count
        position += 17 + sum(of_length)
    return lengths


def first_symbols(code_tables: bytes) -> dict[int, int]:
    """What the code of zero bits alone stands for in each Huffman table, by class and number."""
    found = {}
    position = 0
    while position + 17 <= len(code_tables):
        count = sum(code_tables[position + 1 : position + 17])
        values = code_tables[position + 17 : position + 17 + count]
        if values:  # the first code of the canonical order is all zeros, B.2.4.2
            found[code_tables[position]] = values[0]
        position += 17 + count
    return found
