"""The next disc bears the same names: no file is decoded, judged or copied for what it was."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from engine.anonymisation import anonymising, dicom_copies
from engine.anonymisation.anonymising import Anonymiser
from engine.dicom import files, headers, loading
from engine.dicom.header_listing import read_header
from engine.dicom.loading import load, load_pixels
from engine.errors import FILE_CHANGED, FileChanged
from engine.networks.predictor import Predictor
from engine.records import training_manifest
from engine.training.dataset import ManifestRow, read_row
from tests.engine.readings import readings_of
from tests.phantom import write_mammogram, write_plain, write_study
from tests.tiny_networks import write_tiny_checkpoint

SIZE = {"rows": 96, "columns": 72}
BOB = {"patient_id": "BOB", "patient_name": "Bob", "study_uid": "1.2.9", "laterality": "L", **SIZE}
SYNTAXES = ("explicit", "implicit", "big-endian", "deflated", "jpeg2000-lossless", "rle")


def only_view(path):
    (study,) = load([path]).studies
    (view,) = study.views
    return view


def zoe(path, **options):
    return write_mammogram(path, patient_id="ZOE", patient_name="Zoe", **(SIZE | options))


def other_values(value=777):
    return np.full((96, 72), value, np.uint16)


def grey_capture():
    """Of equal channels, as screens are stored."""
    grey = np.arange(96 * 72).reshape(96, 72) % 251
    return np.repeat(grey.astype(np.uint8)[..., None], 3, 2)


def with_times_of(path, replace_file):
    """As a restored backup or `cp -p` may leave it: the old time of modification."""
    before = path.stat()
    replace_file(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def same_header_other_pixels(path):
    """In place, of the same size: the pixels are the end of an uncompressed file."""
    data = bytearray(path.read_bytes())
    data[-5000:-4000] = bytes(1000)
    path.write_bytes(data)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_another_patients_image_of_the_same_size_is_not_decoded_for_the_one_listed(
    tmp_path, syntax
):
    view = only_view(zoe(tmp_path / "0001.dcm", transfer_syntax=syntax))
    load_pixels(view)
    write_mammogram(view.path, values=other_values(), transfer_syntax=syntax, **BOB)
    with pytest.raises(FileChanged, match="Open the folder again"):
        load_pixels(view)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_another_patients_image_is_known_by_its_header_whatever_its_size_and_times(
    tmp_path, syntax
):
    options = {"rows": 96, "columns": 72, "sop_uid": "1.2.3", "transfer_syntax": syntax}
    view = only_view(write_mammogram(tmp_path / "a.dcm", patient_id="ZOE", **options))
    size = view.path.stat().st_size
    with_times_of(view.path, lambda path: write_mammogram(path, patient_id="BOB", **options))
    if syntax != "deflated":
        assert view.path.stat().st_size == size
    with pytest.raises(FileChanged):
        load_pixels(view)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("keeps_time", [False, True])
def test_another_picture_of_the_same_size_is_not_decoded_for_the_one_listed(
    tmp_path, suffix, keeps_time
):
    path = write_plain(tmp_path / f"MUELLER_R_CC{suffix}", seed=1, **SIZE)
    view = only_view(path)

    def overwrite(path):
        write_plain(path, seed=9, values=np.full((96, 72), 77, np.uint8), **SIZE)

    with_times_of(path, overwrite) if keeps_time else overwrite(path)
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_a_picture_whose_time_and_length_are_the_old_ones_is_known_by_its_content(tmp_path):
    path = write_plain(tmp_path / "R_CC.tif", values=np.full((96, 72), 70, np.uint8))
    view = only_view(path)
    size = path.stat().st_size
    with_times_of(path, lambda p: write_plain(p, values=np.full((96, 72), 71, np.uint8)))
    assert path.stat().st_size == size
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_pixels_stored_anew_under_the_same_header_are_not_what_was_listed(tmp_path):
    view = only_view(zoe(tmp_path / "a.dcm"))
    same_header_other_pixels(view.path)
    assert only_view(view.path).image_uid == view.image_uid
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_a_file_put_in_the_place_of_another_with_its_time_is_not_what_was_listed(tmp_path):
    view = only_view(zoe(tmp_path / "a.dcm"))
    fresh = tmp_path / "fresh"
    shutil.copy(view.path, fresh)
    same_header_other_pixels(fresh)
    with_times_of(view.path, fresh.replace)
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_a_file_that_was_only_touched_is_decoded_once_it_is_listed_anew(tmp_path):
    view = only_view(zoe(tmp_path / "a.dcm"))
    pixels = load_pixels(view).stored
    os.utime(view.path)
    with pytest.raises(FileChanged):
        load_pixels(view)
    again = only_view(view.path)
    assert again.image_uid == view.image_uid
    np.testing.assert_array_equal(load_pixels(again).stored, pixels)


def test_what_permissions_and_backups_do_to_a_file_does_not_count(tmp_path):
    view = only_view(zoe(tmp_path / "a.dcm"))
    view.path.chmod(0o400)
    os.link(view.path, tmp_path / "b.dcm")
    assert view.path.stat().st_ctime_ns != view.file.changed_ns
    load_pixels(view)


def test_a_share_that_numbers_its_files_anew_does_not_count(tmp_path, monkeypatch):
    view = only_view(zoe(tmp_path / "a.dcm"))
    fstat = os.fstat

    def renumbered(descriptor):
        status = fstat(descriptor)
        times = {"st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": status.st_ctime_ns}
        return os.stat_result((status[0], status[1] + 7, *status[2:10]), times)

    monkeypatch.setattr(files.os, "fstat", renumbered)
    load_pixels(view)


def test_a_file_overwritten_while_it_is_decoded_is_refused(tmp_path, monkeypatch):
    view = only_view(zoe(tmp_path / "a.dcm"))
    decode = loading.decode

    def slow(file, *arguments):
        write_mammogram(view.path, values=other_values(), **BOB)
        return decode(file, *arguments)

    monkeypatch.setattr(loading, "decode", slow)
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_a_stream_that_looks_damaged_since_it_is_being_overwritten_is_told_as_changed(
    tmp_path, monkeypatch
):
    view = only_view(zoe(tmp_path / "a.dcm", transfer_syntax="jpeg2000-lossless"))
    decode = loading.decode

    def slow(file, *arguments):
        view.path.write_bytes(view.path.read_bytes()[:-3000])
        return decode(file, *arguments)

    monkeypatch.setattr(loading, "decode", slow)
    with pytest.raises(FileChanged):
        load_pixels(view)


def test_a_capture_overwritten_while_its_colours_are_looked_at_is_not_decoded_as_listed(
    tmp_path, monkeypatch
):
    path = zoe(tmp_path / "a.dcm", photometric="RGB", bits_stored=8, values=grey_capture())
    shows_colour = headers.shows_colour

    def slow(file, *arguments):
        write_mammogram(path, values=other_values(), **BOB)
        return shows_colour(file, *arguments)

    monkeypatch.setattr(headers, "shows_colour", slow)
    view = only_view(path)
    with pytest.raises(FileChanged):
        load_pixels(view)


@pytest.mark.parametrize("kind", ["native", "capture", "jpeg2000-lossless", "colour-png"])
def test_listing_and_decoding_open_a_file_once_each(tmp_path, monkeypatch, kind):
    opened = []
    open_regular = files.open_regular

    def counted(path, flags):
        opened.append(path)
        return open_regular(path, flags)

    path = {
        "native": lambda: zoe(tmp_path / "a.dcm"),
        "capture": lambda: zoe(
            tmp_path / "a.dcm", photometric="RGB", bits_stored=8, values=grey_capture()
        ),
        "jpeg2000-lossless": lambda: zoe(tmp_path / "a.dcm", transfer_syntax=kind),
        "colour-png": lambda: write_plain(tmp_path / "a.png", values=grey_capture()),
    }[kind]()
    monkeypatch.setattr(files, "open_regular", counted)
    monkeypatch.setattr(Path, "open", None)
    monkeypatch.setattr(Path, "read_bytes", None)
    view = only_view(path)
    assert len(opened) == 1
    load_pixels(view)
    assert len(opened) == 2


def raised_within(seconds, call, *arguments):
    raised = []

    def work():
        try:
            call(*arguments)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive()
    return raised[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("make", ["mkfifo", "mkdir"])
@pytest.mark.parametrize("name", ["a.dcm", "R_CC.png"])
def test_a_file_that_became_a_named_pipe_or_a_folder_does_not_hang_its_reader(tmp_path, name, make):
    path = tmp_path / name
    view = only_view(zoe(path) if path.suffix == ".dcm" else write_plain(path))
    path.unlink()
    getattr(os, make)(path)
    assert not load([tmp_path]).studies
    for error in (
        raised_within(10, load_pixels, view),
        raised_within(10, read_header, path, view.file),
    ):
        assert isinstance(error, FileChanged)


def test_the_header_of_another_patient_is_not_listed_under_the_old_name(tmp_path):
    view = only_view(zoe(tmp_path / "a.dcm"))
    assert read_header(view.path, view.file)
    write_mammogram(view.path, **BOB)
    with pytest.raises(FileChanged):
        read_header(view.path, view.file)


# ------------------------------------------------------------------------------------- the engine


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("replaced") / "light.safetensors")


def test_the_network_does_not_answer_for_a_patient_whose_file_holds_another(tmp_path, checkpoint):
    (study,) = load([write_study(tmp_path, patient_id="ZOE", study_uid="1.2.2", **SIZE)]).studies
    target = next(view for view in study.views if view.label == "R CC")
    load_pixels(target)  # the picture that hangs
    write_mammogram(target.path, **BOB)
    prediction = Predictor(checkpoint).predict_study(study, heatmaps=True)
    (failure,) = prediction.failures
    assert (failure.path, failure.title) == (target.path, FILE_CHANGED)
    assert target.image_uid not in {answer.image_uid for answer in prediction.views}
    assert all(target.image_uid not in breast.image_uids for breast in prediction.breasts)


def test_no_heatmap_is_written_over_the_image_of_another(tmp_path, checkpoint, monkeypatch, capsys):
    path = zoe(tmp_path / "in" / "a.dcm", lesion=(50, 40, 8))
    predict = Predictor.predict_study

    def then_swap(self, study, heatmaps=False, on_view=None):
        prediction = predict(self, study, heatmaps)
        assert prediction.views[0].explanation is not None
        write_mammogram(path, **BOB)
        return prediction

    monkeypatch.setattr(Predictor, "predict_study", then_swap)
    maps = tmp_path / "maps"
    options = ["--model", "light", "--checkpoint", str(checkpoint), "--heatmaps", str(maps)]
    assert main(["predict", str(path.parent), *options]) == 1
    assert FILE_CHANGED in capsys.readouterr().err
    assert not list(maps.iterdir())


def test_no_row_of_an_evaluation_is_another_image_than_the_one_listed_for_it(tmp_path, monkeypatch):
    path = zoe(tmp_path / "a.dcm")
    row = ManifestRow("a.dcm", path, "ZOE", 2)
    assert read_row(row)[0].patient_id == "ZOE"
    listed = loading.load

    def then_swapped(paths):
        catalogue = listed(paths)
        write_mammogram(path, **BOB)
        return catalogue

    monkeypatch.setattr(loading, "load", then_swapped)
    with pytest.raises(FileChanged):
        read_row(row)


# ----------------------------------------------------------------------- copies and training data


def test_another_patients_image_does_not_get_into_the_anonymised_copy(tmp_path):
    (study,) = load([write_study(tmp_path / "in", patient_id="ZOE", **SIZE)]).studies
    target = next(view for view in study.views if view.label == "R CC")
    write_mammogram(target.path, values=other_values(), **BOB)
    copy = Anonymiser(tmp_path / "out").copy(study)
    assert [(f.path, f.title) for f in copy.failures] == [(target.path, FILE_CHANGED)]
    assert sorted(image.source.name for image in copy.images) == sorted(
        view.path.name for view in study.views if view is not target
    )
    assert len(list(copy.folder.iterdir())) == 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_another_picture_does_not_get_into_the_anonymised_copy(tmp_path, suffix):
    path = write_plain(tmp_path / "in" / f"R_CC{suffix}", **SIZE)
    (study,) = load([path]).studies
    write_plain(path, seed=9, laterality="L", **SIZE)
    copy = Anonymiser(tmp_path / "out").copy(study)
    assert [failure.title for failure in copy.failures] == [FILE_CHANGED]
    assert not list(copy.folder.iterdir())


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (anonymising, "find_marks"),
        (dicom_copies, "native_pixels"),
        (dicom_copies, "file_meta"),
    ],
    ids=["find_marks", "native_pixels", "file_meta"],
)
def test_a_file_overwritten_while_it_is_copied_leaves_no_copy(tmp_path, monkeypatch, module, step):
    path = zoe(tmp_path / "in" / "a.dcm")
    (study,) = load([path]).studies
    as_it_was = getattr(module, step)

    def then_swapped(*arguments):
        write_mammogram(path, values=other_values(), **BOB)
        return as_it_was(*arguments)

    monkeypatch.setattr(module, step, then_swapped)
    copy = Anonymiser(tmp_path / "out").copy(study)
    assert [failure.title for failure in copy.failures] == [FILE_CHANGED]
    assert not list(copy.folder.iterdir())


def written_for_training(tmp_path, study):
    readings = readings_of(study, R="4A")
    places = {view.image_uid: view.path for view in study.views}
    studies = [training_manifest.ReadStudy(readings, places)]
    return training_manifest.write(studies, tmp_path / "training.csv", None)


def test_training_data_hold_no_image_of_another_patient_with_the_same_uid(tmp_path):
    path = zoe(tmp_path / "in" / "a.dcm", sop_uid="1.2.3")
    (study,) = load([path]).studies
    assert written_for_training(tmp_path, study).image_count == 1
    write_mammogram(path, sop_uid="1.2.3", patient_id="BOB", **SIZE)
    written = written_for_training(tmp_path, study)
    assert written.image_count == 0
    assert written.left_out[training_manifest.REPLACED] == 1


def test_a_file_replaced_while_training_data_are_written_is_left_out(tmp_path, monkeypatch):
    view = only_view(zoe(tmp_path / "a.dcm"))
    write_mammogram(view.path, **BOB)
    target = tmp_path / "copy.png"
    assert training_manifest.copy_breast(view, target) == training_manifest.REPLACED
    assert not target.exists()
