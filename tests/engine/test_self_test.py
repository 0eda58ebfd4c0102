import shutil

import pydicom
import pytest

from engine import self_test
from engine.anonymisation import confidentiality
from engine.networks.process import EngineSettings
from engine.self_test import DECODED, MODELS, OUTPUT_NAME, REGION_MODELS, SAMPLES, run
from tests.phantom import TRANSFER_SYNTAXES
from tests.tiny_networks import write_tiny_checkpoint, write_tiny_region_checkpoint


@pytest.fixture
def tiny(tmp_path):
    """Settings with networks that answer at once."""
    checkpoints = {
        name: write_tiny_checkpoint(tmp_path / f"{name}.safetensors", name) for name in MODELS
    }
    checkpoints["region"] = write_tiny_region_checkpoint(tmp_path / "region.safetensors")
    return EngineSettings(checkpoints=checkpoints, threads=1)


def test_there_is_a_sample_of_every_transfer_syntax_we_claim():
    listed = {file.removesuffix(".dcm") for file, *_ in DECODED if file.endswith(".dcm")}
    assert listed == set(TRANSFER_SYNTAXES)
    for name, uid in TRANSFER_SYNTAXES.items():
        header = pydicom.dcmread(SAMPLES / f"{name}.dcm", stop_before_pixels=True)
        assert header.file_meta.TransferSyntaxUID == uid


def test_a_broken_codec_and_a_missing_network_are_named_and_the_rest_goes_on(tiny, tmp_path):
    samples = shutil.copytree(SAMPLES, tmp_path / "samples")
    # a decoder that forgets the byte order: the wrong file under the right name
    shutil.copy(samples / "phantom.dcm", samples / "jpeg-ls.dcm")
    shutil.copy(samples / "jpeg2000.dcm", samples / "rle.dcm")  # decodes, but not to the pixel
    tiny.checkpoints["hybrid"].unlink()

    lines = []
    assert not run(lines.append, samples, tiny)

    failed = [line.split(":")[0] for line in lines if line.startswith("FAIL")]
    assert failed == [
        "FAIL RLE lossless decodes",
        "FAIL JPEG-LS lossless decodes",
        "FAIL The engine process loads the hybrid network",
        "FAIL The hybrid network judges a phantom and explains itself",
    ]
    assert "ok   The light network judges a phantom and explains itself" in lines
    assert "ok   The region network judges a rectangle of a phantom" in lines


def test_a_missing_region_network_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(self_test, "MODELS", ())
    settings = EngineSettings(checkpoints={"region": tmp_path / "none.safetensors"})
    lines = []
    assert not run(lines.append, settings=settings)
    (failed,) = [line for line in lines if line.startswith("FAIL")]
    assert failed.startswith("FAIL The region network judges a rectangle of a phantom")
    assert "cannot be read" in failed


def test_a_missing_licence_text_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(self_test, "MODELS", ())
    monkeypatch.setattr(self_test, "REGION_MODELS", ())
    licences = shutil.copytree(self_test.LICENCES, tmp_path / "licences")
    (licences / "lgpl-3.0.txt").unlink()
    monkeypatch.setattr(self_test, "LICENCES", licences)
    lines = []
    assert not run(lines.append)
    assert "FAIL The licences are there: missing: lgpl-3.0.txt" in lines


def test_a_program_without_standard_output_writes_the_lines_to_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(self_test, "MODELS", ())
    monkeypatch.setattr(self_test, "REGION_MODELS", ())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.stdout", None)
    assert run()
    assert (tmp_path / OUTPUT_NAME).read_text("utf-8").endswith("All is well.\n")


@pytest.mark.slow
def test_this_installation_passes_with_one_line_a_check():
    lines = []
    assert run(lines.append), lines
    assert lines.pop() == "All is well."
    assert all(line.startswith("ok   ") for line in lines)
    checks = len(DECODED) + 2 * len(MODELS) + len(REGION_MODELS) + 3
    assert len(lines) == len(set(lines)) == checks


def test_an_empty_table_of_the_confidentiality_profile_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(self_test, "MODELS", ())
    monkeypatch.setattr(self_test, "REGION_MODELS", ())
    monkeypatch.setattr(confidentiality, "TABLE_FILE", tmp_path / "table.csv")
    (tmp_path / "table.csv").write_text("tag,action,keyword\n")
    confidentiality.table.cache_clear()
    lines = []
    assert not run(lines.append)
    (failed,) = [line for line in lines if line.startswith("FAIL")]
    assert failed.startswith("FAIL The table of the confidentiality profile is whole: Nothing can")
