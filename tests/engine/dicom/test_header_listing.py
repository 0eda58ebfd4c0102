"""Whatever a header holds, it can be looked at: cut, counted, cleaned, and never in a log."""

import logging
from contextlib import suppress

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from engine.dicom.header_listing import LINE_LIMIT, read_header
from engine.errors import EngineError, UnreadableFile, UnsupportedImage
from tests.phantom import write_mammogram, write_plain


def lines(path):
    return {(element.tag, element.depth): element for element in read_header(path)}


def listed(tmp_path, edit):
    return lines(write_mammogram(tmp_path / "a.dcm", edit=edit))


def test_a_header_is_listed_in_order_with_names_kinds_and_values(tmp_path):
    elements = read_header(write_mammogram(tmp_path / "a.dcm", patient_name="Doe^Jane"))
    assert [e.tag for e in elements if e.depth == 0] == sorted(
        e.tag for e in elements if e.depth == 0
    )
    by_tag = {e.tag: e for e in elements}
    name = by_tag["(0010,0010)"]
    assert (name.name, name.vr, name.value) == ("Patient's Name", "PN", "Doe^Jane")
    assert by_tag["(0018,1164)"].value == "0.1 \\ 0.1"
    assert by_tag["(0002,0010)"].name == "Transfer Syntax UID"
    assert not [e for e in elements if e.tag.startswith("(7FE0")]  # pixels are no header


def test_sequences_are_followed_and_indented(tmp_path):
    elements = read_header(write_mammogram(tmp_path / "a.dcm"))
    place = next(n for n, e in enumerate(elements) if e.tag == "(0054,0220)")
    assert elements[place].value == "1 item"
    item, code = elements[place + 1 : place + 3]
    assert (item.depth, item.name) == (1, "Item 1")
    assert (code.depth, code.tag, code.value) == (2, "(0008,0100)", "R-10242")


def test_binary_values_are_only_counted(tmp_path):
    def edit(dataset):
        dataset.add_new(0x00091001, "OB", b"\x00\x01" * 512)
        dataset.add_new(0x00091002, "UN", b"SECRET")

    found = listed(tmp_path, edit)
    assert found["(0009,1001)", 0].value == "1,024 bytes"
    assert found["(0009,1002)", 0].value == "6 bytes"


def test_huge_values_are_cut_and_say_how_long_they_are(tmp_path):
    def edit(dataset):
        dataset.add_new(0x00204000, "LT", "long " * 2000)
        dataset.add_new(0x0040A160, "UT", "x" * 3_000_000)  # beyond what is read at all
        dataset.add_new(0x00181802, "DS", [str(n) for n in range(1000)])

    found = listed(tmp_path, edit)
    comment = found["(0020,4000)", 0].value
    assert len(comment) < 260
    assert "characters" in comment
    assert found["(0040,A160)", 0].value == "3,000,000 bytes"
    assert "(1,000 values)" in found["(0018,1802)", 0].value
    assert all(len(element.value) < 300 for element in found.values())


def test_values_that_cannot_be_read_are_said_so_and_hide_nothing_else(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", imager_spacing=(0.1, 0.1))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"DS\x08\x000.1\\0.1 ", b"DS\x08\x00thi\\\xff\xfe\x00 "))
    found = lines(path)
    assert "0.1" not in found["(0018,1164)", 0].value
    assert found["(0010,0010)", 0].value == "Phantom^One"


def test_control_characters_and_turned_writing_do_not_reach_the_screen(tmp_path):
    def edit(dataset):
        dataset.PatientComments = "first\x1b[2J\r\nsecond\u202egnp.exe\x00"

    value = listed(tmp_path, edit)["(0010,4000)", 0].value
    assert value.isprintable()
    assert value.startswith("first")


def test_private_elements_are_listed(tmp_path):
    def edit(dataset):
        block = dataset.private_block(0x0099, "ACME 1.0", create=True)
        block.add_new(1, "LO", "gain 7")

    found = listed(tmp_path, edit)
    assert found["(0099,1001)", 0].value == "gain 7"
    assert "rivate" in found["(0099,0010)", 0].name


def nested(depth):
    dataset = Dataset()
    dataset.PatientComments = "deepest"
    for _ in range(depth):
        outer = Dataset()
        outer.add_new(0x0040A730, "SQ", Sequence([dataset]))
        dataset = outer
    return dataset


def test_a_sequence_nested_without_end_is_followed_to_a_depth(tmp_path):
    def edit(dataset):
        dataset.add_new(0x0040A730, "SQ", Sequence([nested(40)]))

    elements = read_header(write_mammogram(tmp_path / "a.dcm", edit=edit))
    assert "left out" in [e.value for e in elements]
    assert max(e.depth for e in elements) < 20


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_a_header_of_endless_lines_is_listed_to_a_limit(tmp_path, syntax):
    def edit(dataset):
        items = []
        for number in range(LINE_LIMIT):
            item = Dataset()
            item.InstanceNumber = number
            items.append(item)
        dataset.add_new(0x0040A730, "SQ", Sequence(items))

    path = write_mammogram(tmp_path / "a.dcm", edit=edit, transfer_syntax=syntax)
    elements = read_header(path)
    assert len(elements) == LINE_LIMIT + 1
    assert elements[-1].value == "the rest is left out"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_an_image_that_is_no_dicom_file_says_so(tmp_path, suffix):
    with pytest.raises(UnsupportedImage, match="No DICOM header"):
        read_header(write_plain(tmp_path / f"a{suffix}"))


def test_a_file_that_is_gone_or_garbage_is_told(tmp_path):
    with pytest.raises(UnreadableFile):
        read_header(tmp_path / "gone.dcm")
    garbage = tmp_path / "garbage.dcm"
    garbage.write_bytes(bytes(range(256)) * 40)
    with suppress(EngineError):  # that is an answer too; a crash is none
        assert all(len(element.value) < 300 for element in read_header(garbage))


@pytest.mark.parametrize("cut", range(140, 900, 53))
def test_a_header_that_is_cut_anywhere_never_crashes(tmp_path, cut):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:cut])
    with suppress(EngineError):
        read_header(path)


def test_nothing_of_a_header_is_logged(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    path = write_mammogram(tmp_path / "a.dcm", patient_name="Doe^Jane", patient_id="A-17")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"DS\x08\x000.1\\0.1 ", b"DS\x08\x00Doe^Jane"))
    read_header(path)
    assert "Doe" not in caplog.text
    assert "A-17" not in caplog.text
