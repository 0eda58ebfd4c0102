"""Bad files: each gets a title and advice, never an exception, and never stops the others."""

import builtins
import contextlib
import os
import random
import struct
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames

from engine.dicom.loading import FILE_SIZE_LIMIT, PIXEL_LIMIT, load, load_pixels
from engine.dicom.voi import display_table, presets
from engine.domain import Catalogue
from engine.errors import EngineError, UnreadableFile, UnsupportedImage
from tests.phantom import (
    TRANSFER_SYNTAXES,
    write_dataset,
    write_mammogram,
    write_plain,
    write_study,
)

WORDS_IN_TITLE = range(3, 8)


def failure_of(catalogue: Catalogue, path: Path):
    """The one failure, well formed, with the rest of the folder read."""
    (failure,) = catalogue.failures
    assert failure.path == path
    assert len(failure.title.split()) in WORDS_IN_TITLE
    assert failure.advice.endswith(".")
    return failure


def load_beside_good(folder: Path) -> Catalogue:
    """Everything in `folder` together with a sound study, which must come through whole."""
    write_study(folder / "good", patient_id="GOOD")
    catalogue = load([folder])
    (good,) = (study for study in catalogue.studies if study.patient_id == "GOOD")
    assert len(good.views) == 4
    return catalogue


class TestFiles:
    @pytest.mark.parametrize("name", ["R_CC.dcm", "R_CC.png", "a.jpg", "b.tif", "c.DICOM"])
    def test_an_empty_image_file_is_said_to_be_empty(self, tmp_path, name):
        (tmp_path / name).touch()
        assert failure_of(load_beside_good(tmp_path), tmp_path / name).title == "The file is empty"

    @pytest.mark.parametrize("text", ["hello", "hello\n" * 1000])
    def test_a_text_file_named_dcm_is_said_to_be_no_dicom(self, tmp_path, text):
        path = tmp_path / "report.dcm"
        path.write_text(text)
        assert failure_of(load_beside_good(tmp_path), path).title == "Not a DICOM file"

    def test_a_text_file_named_png_is_said_to_be_no_image(self, tmp_path):
        path = tmp_path / "R_CC.png"
        path.write_text("hello")
        assert failure_of(load_beside_good(tmp_path), path).title == "The content is no image"

    def test_an_image_format_we_do_not_read_is_named_as_such(self, tmp_path):
        path = tmp_path / "R_CC.bmp"
        path.write_bytes(b"BM" + bytes(100))
        assert "not supported" in failure_of(load_beside_good(tmp_path), path).title

    def test_files_that_are_no_image_by_name_and_content_are_skipped_and_counted(self, tmp_path):
        for name, content in {
            "README": b"hello",
            "autorun.inf": b"[autorun]",
            "index.html": b"<html>",
            "empty": b"",
            "random": random.Random(1).randbytes(5000),
            "zeros": bytes(5000),
            "._RCC.dcm": b"\0\5\x16\7" + bytes(100),  # what macOS leaves beside files
        }.items():
            (tmp_path / name).write_bytes(content)
        catalogue = load_beside_good(tmp_path)
        assert catalogue.failures == ()
        assert catalogue.skipped_count == 7

    def test_a_dicom_image_under_a_wrong_extension_is_still_an_image(self, tmp_path):
        write_mammogram(tmp_path / "photo.jpg")
        assert len(load([tmp_path]).studies) == 1

    def test_an_encrypted_dicom_file_is_said_to_be_encrypted(self, tmp_path):
        path = tmp_path / "a.dcm"
        path.write_bytes(b"\x30\x82\x10\x00" + bytes.fromhex("06092a864886f70d010703") + bytes(999))
        assert "encrypted" in failure_of(load_beside_good(tmp_path), path).title

    def test_a_document_is_listed_with_what_it_is(self, tmp_path):
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
        dataset.SOPInstanceUID, dataset.Modality = "1.2.3", "DOC"
        dataset.EncapsulatedDocument = b"%PDF" + bytes(3_000_000)
        path = write_dataset(tmp_path / "letter.dcm", dataset, TRANSFER_SYNTAXES["explicit"])
        failure = failure_of(load_beside_good(tmp_path), path)
        assert failure.title == "A document, not an image"
        assert "Encapsulated PDF" in failure.advice

    def test_a_path_that_is_not_there_is_said_to_be_missing(self, tmp_path):
        write_study(tmp_path / "good")
        catalogue = load([tmp_path / "gone", tmp_path / "good"])
        assert failure_of(catalogue, tmp_path / "gone").title == "The file was not found"
        assert len(catalogue.studies) == 1

    @pytest.mark.parametrize(
        "name",
        [
            "with spaces in it.dcm",
            "🩻 Müller.dcm",
            "x" * 246 + ".dcm",
            "tab\tand'quote.dcm",
            "Ελένη",
        ],
    )
    def test_odd_names_are_read(self, tmp_path, name):
        path = write_mammogram(tmp_path / name)
        (study,) = load([tmp_path]).studies
        assert study.views[0].path == path
        assert load_pixels(study.views[0]).shape == (256, 192)

    @pytest.mark.skipif(os.name == "nt", reason="names are text there")
    def test_a_name_that_is_no_text_is_read(self, tmp_path):
        plain = os.fsencode(write_plain(tmp_path / "R_CC.png"))
        odd = plain.replace(b"R_CC.png", b"\xff\xfe.png")
        os.rename(plain, odd)
        (study,) = load([tmp_path]).studies
        assert study.uid.isprintable()
        study.uid.encode()

    def test_a_name_of_250_characters_of_a_plain_image_is_read(self, tmp_path):
        write_plain(tmp_path / ("y" * 241 + "_R_CC.png"))
        (study,) = load([tmp_path]).studies
        assert study.views[0].label == "R CC"


class TestFolders:
    def test_one_without_permission_is_listed_and_the_rest_goes_on(self, tmp_path, monkeypatch):
        locked = tmp_path / "locked"
        write_study(locked)
        scandir = os.scandir

        def refuse(path):
            if Path(path) == locked:
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
        failure = failure_of(load_beside_good(tmp_path), locked)
        assert failure.title == "The folder cannot be opened"

    def test_a_file_without_permission_is_listed_and_the_rest_goes_on(self, tmp_path, monkeypatch):
        path = write_mammogram(tmp_path / "a.dcm")
        real_open = builtins.open

        def refuse(file, *args, **kwargs):
            if file == path:
                raise PermissionError(13, "Permission denied", str(file))
            return real_open(file, *args, **kwargs)

        monkeypatch.setattr(builtins, "open", refuse)
        assert failure_of(load_beside_good(tmp_path), path).title == "The file cannot be opened"

    @pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
    def test_a_loop_of_links_ends_and_is_said(self, tmp_path):
        write_study(tmp_path / "good")
        (tmp_path / "good" / "again").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "self").symlink_to(tmp_path / "self")
        (tmp_path / "self.dcm").symlink_to(tmp_path / "self.dcm")
        catalogue = load([tmp_path])
        assert len(catalogue.studies[0].views) == 4
        assert any("symbolic links" in note for note in catalogue.notes)

    @pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
    def test_a_link_that_leads_nowhere_is_listed(self, tmp_path):
        (tmp_path / "R_CC.dcm").symlink_to(tmp_path / "gone.dcm")
        failure = failure_of(load_beside_good(tmp_path), tmp_path / "R_CC.dcm")
        assert failure.title == "The file was not found"

    @pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
    def test_a_link_to_a_folder_elsewhere_is_not_followed_unless_opened_itself(self, tmp_path):
        write_study(tmp_path / "elsewhere")
        (tmp_path / "opened").mkdir()
        link = tmp_path / "opened" / "link"
        link.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        assert load([tmp_path / "opened"]).studies == ()
        assert len(load([link]).studies) == 1

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "R_CC.dcm")
        assert load_beside_good(tmp_path).failures == ()

    def test_three_hundred_folders_in_each_other_are_searched_to_the_last(self, tmp_path):
        deepest = tmp_path
        for _ in range(300):
            deepest = deepest / "d"
        write_mammogram(deepest / "a.dcm")
        assert len(load([tmp_path]).studies) == 1


def cut(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


class TestPixels:
    @pytest.mark.parametrize("syntax", ["explicit", "implicit", "big-endian"])
    def test_a_file_cut_in_its_pixels_is_told_while_searching(self, tmp_path, syntax):
        path = cut(write_mammogram(tmp_path / "a.dcm", transfer_syntax=syntax), 0.5)
        assert failure_of(load_beside_good(tmp_path), path).title == "The image data are cut off"

    @pytest.mark.parametrize("keep", [0.4, 0.7, 0.95])
    @pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
    def test_a_file_cut_anywhere_is_told_at_the_latest_when_decoded(self, tmp_path, syntax, keep):
        bits = 8 if syntax == "jpeg-baseline" else 12
        path = write_mammogram(tmp_path / "a.dcm", transfer_syntax=syntax, bits_stored=bits)
        catalogue = load([cut(path, keep)])
        if catalogue.failures:
            failure_of(catalogue, path)
        else:
            with pytest.raises(UnreadableFile):
                load_pixels(catalogue.studies[0].views[0])

    @pytest.mark.parametrize("damage", ["zeros", "ones", "noise", "a piece missing", "end missing"])
    @pytest.mark.parametrize(
        "syntax",
        [
            "rle",
            "jpeg-baseline",
            "jpeg-lossless",
            "jpeg-lossless-sv1",
            "jpeg-ls",
            "htj2k-lossless",
        ],
    )
    def test_a_corrupt_frame_is_told_instead_of_shown(self, tmp_path, syntax, damage):
        def spoil(dataset):
            (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
            middle = len(frame) // 2
            noise = random.Random(3).randbytes(64)
            spoilt = {
                "zeros": frame[:middle] + bytes(64) + frame[middle + 64 :],
                "ones": frame[:middle] + b"\xff" * 64 + frame[middle + 64 :],
                "noise": frame[:middle] + noise + frame[middle + 64 :],
                "a piece missing": frame[:middle] + frame[middle + 200 :],
                "end missing": frame[:middle] + frame[-2:],
            }[damage]
            dataset.PixelData = encapsulate([spoilt])
            dataset["PixelData"].is_undefined_length = True

        path = write_mammogram(
            tmp_path / "a.dcm",
            transfer_syntax=syntax,
            bits_stored=8 if syntax == "jpeg-baseline" else 12,
            rows=512,
            columns=400,
            edit=spoil,
        )
        (study,) = load([path]).studies
        with pytest.raises(UnreadableFile) as caught:
            load_pixels(study.views[0])
        assert caught.value.title in ("The image data are corrupt", "The image data are cut off")

    @pytest.mark.parametrize("syntax", ["jpeg2000", "jpeg2000-lossless", "jpeg-extended"])
    def test_a_frame_of_nothing_but_noise_is_told_instead_of_shown(self, tmp_path, syntax):
        def spoil(dataset):
            (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
            noise = random.Random(4).randbytes(len(frame) - 40)
            dataset.PixelData = encapsulate([frame[:40] + noise])
            dataset["PixelData"].is_undefined_length = True

        path = write_mammogram(tmp_path / "a.dcm", transfer_syntax=syntax, edit=spoil)
        (study,) = load([path]).studies
        with pytest.raises(UnreadableFile):
            load_pixels(study.views[0])

    @pytest.mark.parametrize("syntax", ["explicit", "jpeg-ls", "deflated"])
    def test_a_header_that_claims_60000_by_60000_pixels_is_refused(self, tmp_path, syntax):
        def claim(dataset):
            dataset.Rows = dataset.Columns = 60000

        path = write_mammogram(tmp_path / "a.dcm", transfer_syntax=syntax, edit=claim)
        tracemalloc.start()
        catalogue = load([path])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert failure_of(catalogue, path).title == "The image is too large"
        assert peak < 20_000_000

    @pytest.mark.parametrize(
        "syntax",
        ["jpeg-baseline", "jpeg-lossless-sv1", "jpeg-ls", "jpeg2000-lossless", "htj2k-lossless"],
    )
    def test_a_stream_that_claims_another_size_than_its_header_is_not_decoded(
        self, tmp_path, syntax
    ):
        def claim(dataset):
            dataset.Rows, dataset.Columns = dataset.Rows - 1, dataset.Columns + 1

        bits = 8 if syntax == "jpeg-baseline" else 12
        path = write_mammogram(
            tmp_path / "a.dcm", transfer_syntax=syntax, bits_stored=bits, edit=claim
        )
        (study,) = load([path]).studies
        with pytest.raises(UnreadableFile):
            load_pixels(study.views[0])

    def test_the_pixel_limit_lets_every_real_detector_pass(self):
        assert 5_000 * 7_200 < PIXEL_LIMIT < 60_000 * 60_000
        assert 2 * PIXEL_LIMIT < FILE_SIZE_LIMIT

    def test_a_deflated_bomb_stays_small(self, tmp_path):
        path = write_mammogram(tmp_path / "a.dcm", transfer_syntax="deflated")
        data = path.read_bytes()
        start = 144 + struct.unpack_from("<I", data, 140)[0]
        header = zlib.decompress(data[start:], -zlib.MAX_WBITS)
        bomb = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        packed = bomb.compress(header) + bomb.compress(bytes(100_000_000)) + bomb.flush()
        path.write_bytes(data[:start] + packed)
        assert path.stat().st_size < 1_000_000
        tracemalloc.start()
        (study,) = load([path]).studies
        load_pixels(study.views[0])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 60_000_000

    @pytest.mark.parametrize(
        ("values", "title"),
        [
            ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "Pixel depth"),
            ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "Pixel depth"),
            ({"BitsStored": 17}, "Pixel depth"),
            ({"SamplesPerPixel": 4}, "Colour format"),
            ({"Rows": 0}, "has no size"),
            ({"NumberOfFrames": "1000000000"}, "cut off"),
        ],
    )
    def test_pixels_in_a_form_we_do_not_read_are_named_as_such(self, tmp_path, values, title):
        def edit(dataset):
            for keyword, value in values.items():
                setattr(dataset, keyword, value)

        path = write_mammogram(tmp_path / "a.dcm", edit=edit)
        assert title in failure_of(load_beside_good(tmp_path), path).title

    @pytest.mark.parametrize(
        ("syntax", "words"),
        [("1.2.840.10008.1.2.4.102", "MPEG-4"), ("1.2.840.10008.1.2.4.94", "JPIP")],
    )
    def test_a_compression_we_do_not_read_is_named_as_such(self, tmp_path, syntax, words):
        path = write_mammogram(tmp_path / "a.dcm")
        dataset = pydicom.dcmread(path)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate([bytes(100)])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(path, enforce_file_format=True)
        failure = failure_of(load_beside_good(tmp_path), path)
        assert failure.title == "Compression is not supported"
        assert words in failure.advice

    def test_a_header_without_pixels_is_said_to_have_none(self, tmp_path):
        def strip(dataset):
            del dataset.PixelData

        path = write_mammogram(tmp_path / "a.dcm", edit=strip)
        assert "cut off" in failure_of(load_beside_good(tmp_path), path).title

    def test_a_file_that_changed_since_it_was_listed_is_not_shown_for_another(self, tmp_path):
        path = write_mammogram(tmp_path / "a.dcm")
        (study,) = load([path]).studies
        write_mammogram(path, rows=100, columns=90)
        with pytest.raises(UnreadableFile, match="changed"):
            load_pixels(study.views[0])

    def test_a_file_that_is_gone_since_it_was_listed_is_said_to_be(self, tmp_path):
        path = write_mammogram(tmp_path / "a.dcm")
        (study,) = load([path]).studies
        path.unlink()
        with pytest.raises(UnreadableFile, match="cannot be opened"):
            load_pixels(study.views[0])

    def test_a_palette_is_said_not_to_be_read(self, tmp_path):
        def edit(dataset):
            dataset.PhotometricInterpretation = "PALETTE COLOR"

        path = write_mammogram(tmp_path / "a.dcm", edit=edit)
        with pytest.raises(UnsupportedImage):
            load_pixels(load([path]).studies[0].views[0])


class TestHostileFiles:
    """Damage at random places: an EngineError or an image, nothing else, and soon."""

    def spoil(self, data: bytes, chance: random.Random) -> bytes:
        spoilt = bytearray(data)
        kind = chance.randrange(4)
        if kind == 0:
            return bytes(spoilt[: chance.randrange(len(spoilt))])
        for _ in range(chance.choice((1, 3, 20))):
            # Half of the blows go to the header, where they do most.
            stop = len(spoilt) if kind == 1 else min(len(spoilt), 2000)
            place = chance.randrange(stop)
            if kind == 3:
                spoilt[place : place + 4] = chance.choice(
                    (b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f")
                )
            else:
                spoilt[place] = chance.randrange(256)
        return bytes(spoilt)

    def check(self, path: Path) -> None:
        catalogue = load([path])
        assert len(catalogue.failures) + len(catalogue.studies) + catalogue.skipped_count == 1
        for study in catalogue.studies:
            for view in study.views:
                with contextlib.suppress(EngineError):
                    pixels = load_pixels(view)
                    assert pixels.shape == (view.rows, view.columns)
                    display_table(pixels, presets(view, pixels)[0])

    @pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
    def test_damaged_dicom_files_raise_nothing_but_engine_errors(self, tmp_path, syntax):
        chance = random.Random(syntax)
        bits = 8 if syntax == "jpeg-baseline" else 12
        good = write_mammogram(
            tmp_path / "good.dcm",
            transfer_syntax=syntax,
            bits_stored=bits,
            rows=64,
            columns=48,
            padding=0,
            luts=[([256, 0, 12], list(range(0, 4096, 16)), "CURVE")],
        ).read_bytes()
        for number in range(40):
            path = tmp_path / f"{number}.dcm"
            path.write_bytes(self.spoil(good, chance))
            self.check(path)

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
    def test_damaged_pictures_raise_nothing_but_engine_errors(self, tmp_path, suffix):
        chance = random.Random(suffix)
        good = write_plain(tmp_path / f"R_CC{suffix}", rows=64, columns=48).read_bytes()
        for number in range(60):
            path = tmp_path / f"{number}{suffix}"
            path.write_bytes(self.spoil(good, chance))
            self.check(path)

    def test_sequences_nested_without_end_are_a_damaged_header(self, tmp_path):
        item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        item += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        path = write_mammogram(tmp_path / "a.dcm")
        data = path.read_bytes()
        start = 144 + struct.unpack_from("<I", data, 140)[0]
        path.write_bytes(data[:start] + item * 5000 + data[start:])
        assert failure_of(load([path]), path).title == "The DICOM header is damaged"

    def test_endless_tiny_elements_do_not_detain_us(self, tmp_path):
        path = tmp_path / "a.dcm"
        path.write_bytes(bytes(128) + b"DICM" + bytes(40_000_000))
        assert failure_of(load([path]), path).title == "The DICOM header is damaged"

    def test_a_length_of_gigabytes_allocates_nothing(self, tmp_path):
        path = write_mammogram(tmp_path / "a.dcm")
        data = path.read_bytes()
        place = data.index(b"Screening") - 8
        element = data[place : place + 4] + b"UT\0\0" + struct.pack("<I", 0xFFFFFF00)
        path.write_bytes(data[:place] + element + data[place + 8 :])
        tracemalloc.start()
        load([path])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000_000


def test_warnings_of_the_dicom_library_stay_inside_even_in_threads(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    explicit, implicit = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"
    path.write_bytes(path.read_bytes().replace(explicit, implicit, 1))
    with pytest.warns(UserWarning, match="Expected implicit VR"):
        pydicom.dcmread(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(4) as pool:
            catalogues = list(pool.map(load, [[path]] * 16))
    assert not caught
    assert {catalogue.studies[0].views[0].label for catalogue in catalogues} == {"R CC"}
