"""Studies that come as a ZIP file are read in it; nothing of them is written anywhere."""

import io
import struct
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.anonymisation.anonymising import Anonymiser
from engine.dicom.archives import Member, read_archive
from engine.dicom.files import real_file
from engine.dicom.header_listing import read_header
from engine.dicom.loading import load, load_pixels
from engine.errors import FileChanged, StorageFailed, UnreadableFile
from tests.phantom import write_mammogram, write_plain, write_study


def zipped(path: Path, files: dict[str, bytes], packing=zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def study(tmp_path) -> dict[str, bytes]:
    """A study's files, as they lie in a folder of their own."""
    return files_of(write_study(tmp_path / "unpacked" / "DICOM", rows=96, columns=72).parent)


def titles(catalogue) -> list[str]:
    return [failure.title for failure in catalogue.failures]


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zipped_study_is_opened_as_its_folder_would_be(tmp_path, study, packing):
    archive = zipped(tmp_path / "in" / "study.zip", study | {"readme.txt": b"words"}, packing)
    (unpacked,) = load([tmp_path / "unpacked"]).studies
    catalogue = load([archive])
    (opened,) = catalogue.studies
    assert (catalogue.failures, catalogue.skipped_count) == ((), 1)
    assert [view.label for view in opened.views] == [view.label for view in unpacked.views]
    for ours, plain in zip(opened.views, unpacked.views, strict=True):
        assert ours.path == archive / "DICOM" / f"{plain.path.name}"
        assert np.array_equal(load_pixels(ours).stored, load_pixels(plain).stored)
        assert read_header(ours.path, ours.file) == read_header(plain.path, plain.file)


def test_a_zip_file_among_the_files_of_a_folder_is_opened_too(tmp_path, study):
    zipped(tmp_path / "in" / "study.zip", study)
    write_mammogram(tmp_path / "in" / "RCC.dcm", study_uid="1.2.9", patient_id="B")
    assert len(load([tmp_path / "in"]).studies) == 2


def test_a_study_beside_its_zip_file_is_shown_once(tmp_path, study):
    zipped(tmp_path / "unpacked" / "study.zip", study)
    catalogue = load([tmp_path / "unpacked"])
    (opened,) = catalogue.studies
    assert len(opened.views) == 4
    assert any("already listed" in note for note in catalogue.notes)


def test_nothing_of_a_zip_file_is_written_to_the_disk(tmp_path, study, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    archive = zipped(tmp_path / "in" / "study.zip", study)
    (opened,) = load([archive]).studies
    for view in opened.views:
        load_pixels(view)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["study.zip"]
    assert not (tmp_path / "temporary").exists()


def test_pictures_in_a_zip_file_are_named_by_their_names(tmp_path):
    picture = write_plain(tmp_path / "a.png", rows=96, columns=72).read_bytes()
    archive = zipped(
        tmp_path / "p.zip", {"film\\p1_R_CC.png": picture, "film/p1_L_CC.png": picture}
    )
    (opened,) = load([archive]).studies
    assert sorted(view.label for view in opened.views) == ["L CC", "R CC"]


def test_the_place_of_a_zipped_image_is_found_again(tmp_path, study):
    archive = zipped(tmp_path / "study.zip", study)
    first = load([archive]).studies[0].views[0]
    (again,) = load([first.path]).studies
    assert [view.image_uid for view in again.views] == [first.image_uid]
    assert titles(load([archive / "DICOM" / "gone.dcm"])) == ["The file was not found"]
    assert titles(load([tmp_path / "unpacked" / "DICOM" / "RCC.dcm" / "x.dcm"])) == [
        "The ZIP file is damaged"
    ]
    assert real_file(first.path) == archive
    assert real_file(tmp_path / "nowhere" / "a.dcm") == tmp_path / "nowhere" / "a.dcm"


def test_a_zip_file_that_was_exchanged_is_not_shown_under_the_old_name(tmp_path, study):
    archive = zipped(tmp_path / "study.zip", study)
    view = load([archive]).studies[0].views[0]
    other = files_of(
        write_study(tmp_path / "other" / "DICOM", patient_id="B", rows=96, columns=72).parent
    )
    zipped(archive, other)
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_a_zipped_study_is_copied_without_names_and_not_beside_itself(tmp_path, study):
    archive = zipped(tmp_path / "in" / "study.zip", study)
    (opened,) = load([archive]).studies
    copy = Anonymiser(tmp_path / "out").copy(opened)
    assert len(copy.images) == 4
    assert not copy.failures
    assert pydicom.dcmread(copy.images[0].copy).PatientID != "PHANTOM-1"
    with pytest.raises(StorageFailed, match="would lie in the study"):
        Anonymiser(tmp_path / "in").copy(opened)


# -------------------------------------------------------------------------------- hostile archives


def test_names_that_lead_out_of_a_zip_file_open_nothing_outside(tmp_path, study):
    write_mammogram(tmp_path / "evil.dcm", patient_id="EVIL")
    data = study["DICOM/RCC.dcm"]
    names = ["../evil.dcm", "a/../../evil.dcm", "..\\evil.dcm", "."]
    catalogue = load([zipped(tmp_path / "in" / "x.zip", dict.fromkeys(names, data))])
    assert titles(catalogue) == ["The ZIP file points outside itself"]
    assert not catalogue.studies


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd.dcm",
        "C:\\evil.dcm",
        "a\nb.dcm",
        "‮mcd.dcm",
        "=1+1.dcm",
        "<img src=x>.dcm",
        "9" * 5000 + ".dcm",
        "n" * 60_000 + ".dcm",
        "./a//b.dcm",
    ],
)
def test_a_hostile_name_in_a_zip_file_is_a_name(tmp_path, study, name):
    archive = zipped(tmp_path / "x.zip", {name: study["DICOM/RCC.dcm"]})
    catalogue = load([archive])
    shown = [view.path for study in catalogue.studies for view in study.views]
    paths = shown + [failure.path for failure in catalogue.failures]
    assert len(paths) == 1
    assert archive in paths[0].parents
    assert not shown or load_pixels(catalogue.studies[0].views[0]).shape == (96, 72)


def test_links_and_folders_in_a_zip_file_are_not_followed(tmp_path):
    outside = write_mammogram(tmp_path / "evil.dcm")
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, str(outside))
        archive.writestr("folder.dcm/", b"")
    catalogue = load([tmp_path / "x.zip"])
    assert (catalogue.studies, catalogue.failures, catalogue.skipped_count) == ((), (), 0)


def test_an_entry_without_a_name_is_left_out_and_said(tmp_path):
    (tmp_path / "x.zip").write_bytes(bomb(0, b"\x03\x00", is_named=False))
    assert titles(load([tmp_path / "x.zip"])) == ["The ZIP file points outside itself"]


def test_an_encrypted_zip_file_is_said_to_be_encrypted(tmp_path, study):
    data = bytearray(zipped(tmp_path / "x.zip", study).read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + place] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    catalogue = load([tmp_path / "x.zip"])
    assert titles(catalogue) == ["The ZIP file is encrypted"]


def test_another_compression_in_a_zip_file_is_named(tmp_path, study):
    catalogue = load([zipped(tmp_path / "x.zip", study, zipfile.ZIP_LZMA)])
    assert titles(catalogue) == ["Compression of the ZIP file is not supported"]


def test_an_archive_in_an_archive_is_said_to_want_unpacking(tmp_path, study):
    inner = zipped(tmp_path / "inner.zip", study).read_bytes()
    catalogue = load([zipped(tmp_path / "outer.zip", {"inner.zip": inner})])
    assert titles(catalogue) == ["An archive is not opened"]


def bomb(
    claimed: int, packed: bytes, count: int = 1, is_shared: bool = False, is_named: bool = True
) -> bytes:
    """A ZIP file of `count` deflated entries that claim a size, all in one place if `is_shared`."""
    body, table, place, length = [], [], 0, 0
    for number in range(count):
        name = b"%080d.png" % number if is_named else b""
        fields = struct.pack("<HHHIIIHH", 8, 0, 0, 0, len(packed), claimed, len(name), 0)
        if not body or not is_shared:
            place = length
            body += [b"PK\x03\x04\x14\0\0\0", fields, name, packed]
            length += 8 + len(fields) + len(name) + len(packed)
        table += [b"PK\x01\x02\x14\0\x14\0\0\0", fields]
        table += [struct.pack("<HHHII", 0, 0, 0, 0, place), name]
    size = sum(map(len, table))
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, size, length, 0)
    return b"".join([*body, *table, end])


def zeros(count: int, head: bytes = b"") -> bytes:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    parts = [packer.compress(head)]
    parts += [packer.compress(bytes(2**20)) for _ in range(count >> 20)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (lambda: bomb(2**28, zeros(2**28)), "The ZIP file is too large to open"),
        (lambda: bomb(2**31, b"x"), "The image file is too large"),
        (lambda: bomb(2**31, b"x", count=17), "The ZIP file is too large to open"),
        (lambda: bomb(2**20, zeros(2**20), 3000, is_shared=True), "The ZIP file is damaged"),
        (lambda: bomb(0, b"\x03\x00", count=60_000), "The ZIP file is too large to open"),
    ],
    ids=["ratio", "one too large", "all too large", "one place for all", "endless table"],
)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, make, title):
    (tmp_path / "x.zip").write_bytes(make())
    start = time.perf_counter()
    catalogue = load([tmp_path / "x.zip"])
    assert set(titles(catalogue)) == {title}
    assert time.perf_counter() - start < 2


def test_an_entry_that_holds_more_than_it_claims_is_damage(tmp_path):
    picture = write_plain(tmp_path / "a.png", rows=96, columns=72).read_bytes()
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(picture + bytes(10_000_000)) + packer.flush()
    (tmp_path / "x.zip").write_bytes(bomb(len(picture), packed))
    catalogue = load([tmp_path / "x.zip"])
    assert titles(catalogue) == ["The ZIP file is damaged"]


def test_every_byte_of_a_zipped_image_is_held_against_its_checksum(tmp_path):
    """A flipped bit in uncompressed pixels is told, which it cannot be in a file of its own."""
    image = write_mammogram(tmp_path / "RCC.dcm", rows=96, columns=72).read_bytes()
    archive = zipped(tmp_path / "x.zip", {"RCC.dcm": image}, zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    data[data.index(image) + len(image) - 300] ^= 1
    archive.write_bytes(data)
    (opened,) = load([archive]).studies
    with pytest.raises(UnreadableFile, match="The ZIP file is damaged"):
        load_pixels(opened.views[0])


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_damaged_zip_file_is_told_or_whole(tmp_path, packing):
    """Cut, flipped and overwritten anywhere: the right pixels, or words, and nothing between."""
    image = write_mammogram(tmp_path / "RCC.dcm", rows=32, columns=24).read_bytes()
    archive = zipped(tmp_path / "x.zip", {"a/RCC.dcm": image}, packing)
    whole = archive.read_bytes()
    expected = load_pixels(load([archive]).studies[0].views[0]).stored
    random = np.random.default_rng(1)
    outcomes = set()
    for number in range(300):
        data = bytearray(whole)
        place = int(random.integers(len(data)))
        if number % 3 == 0:
            del data[place:]
        elif number % 3 == 1:
            data[place] ^= 1 << int(random.integers(8))
        else:
            data[place : place + 8] = random.bytes(8)
        archive.write_bytes(data)
        catalogue = load([archive])
        for view in (view for study in catalogue.studies for view in study.views):
            try:
                shown = load_pixels(view).stored
            except UnreadableFile as error:
                outcomes.add(error.title)
            else:
                outcomes.add("shown")
                assert np.array_equal(shown, expected)
        outcomes.update(titles(catalogue))
    assert {"shown", "The ZIP file is damaged"} <= outcomes


def test_an_entry_reads_like_a_file(tmp_path):
    data = np.random.default_rng(2).bytes(300_000)
    archive = zipped(tmp_path / "x.zip", {"a": data})
    with archive.open("rb", buffering=0) as file:
        (entry,) = read_archive(file).entries.values()
        member = Member(file, entry)
        reader = io.BufferedReader(member)
        assert reader.read(10) == data[:10]
        reader.seek(200_000)
        assert reader.read(7) == data[200_000:200_007]
        reader.seek(-5, io.SEEK_END)
        assert (reader.read(), reader.tell()) == (data[-5:], len(data))
        reader.seek(3)
        assert reader.read() == data[3:]
        assert reader.read(1) == b""
        with pytest.raises(OSError, match="Invalid argument"):
            member.seek(-1)
        member.check()
