"""What readers said becomes training data: whole, without names, and never of another image."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from tqdm import tqdm

from engine.__main__ import main
from engine.dicom.attributions import attributed, attribution_key
from engine.dicom.loading import load, load_pixels
from engine.domain import (
    NOTICE,
    Attribution,
    Laterality,
    ViewPosition,
)
from engine.errors import StorageFailed
from engine.networks.checkpoint import load_checkpoint
from engine.networks.preprocessing import grey
from engine.records.pseudonyms import SECRET_BYTES, Pseudonyms
from engine.records.store import ReadingStore
from engine.records.training_manifest import (
    NO_BREAST,
    NO_PLACE,
    NOT_FOUND,
    OLDER,
    OUT_OF_SCOPE,
    REPLACED,
    Cancelled,
    ReadStudy,
    write,
)
from engine.training import dataset
from tests.engine.readings import places_of, readings_of
from tests.phantom import write_mammogram, write_plain, write_study

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = Pseudonyms(b"s" * SECRET_BYTES)
NAMES = ("Doe", "Jane", "A-17", "Dr. X", "archive")


@pytest.fixture
def study(tmp_path):
    folder = write_study(
        tmp_path / "archive" / "Doe_Jane", patient_id="A-17", patient_name="Doe^Jane"
    )
    (study,) = load([folder]).studies
    return study


@pytest.fixture
def read_study(study):
    return ReadStudy(tuple(readings_of(study, R="4A", L="2")), places_of(study))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_without_names_holds_every_image_under_its_breasts_category(
    read_study, study, tmp_path
):
    target = tmp_path / "training"
    written = write([read_study], target, SECRET)
    assert (written.image_count, written.path) == (4, target / "images.csv")
    assert written.summary == "4 images written for training."
    rows = rows_of(written.path)
    assert {(r["laterality"], r["view"], r["birads"], r["birads_raw"]) for r in rows} == {
        ("R", "CC", "4", "4A"),
        ("R", "MLO", "4", "4A"),
        ("L", "CC", "2", "2"),
        ("L", "MLO", "2", "2"),
    }
    assert {r["notice"] for r in rows} == {NOTICE}
    assert len({r["patient_id"] for r in rows}) == len({r["study_uid"] for r in rows}) == 1
    every = b"".join(path.read_bytes() for path in target.rglob("*") if path.is_file())
    every += " ".join(str(path.relative_to(target)) for path in target.rglob("*")).encode()
    assert not any(name.encode() in every for name in (*NAMES, study.uid))
    assert not any(view.image_uid.encode() in every for view in study.views)
    taught = dataset.read(target).rows
    assert all(row.is_reader_graded and row.path.is_file() for row in taught)


def test_a_copy_is_as_grey_as_the_network_sees_the_film_and_black_outside_the_breast(
    tmp_path, read_study, study
):
    written = write([read_study], tmp_path / "training", SECRET)
    row = next(r for r in rows_of(written.path) if (r["laterality"], r["view"]) == ("R", "CC"))
    copy = cv2.imread(str(written.path.parent / row["file"]), cv2.IMREAD_UNCHANGED)
    view = next(v for v in study.views if v.label == "R CC")
    whole = grey(view, load_pixels(view))
    assert copy.dtype == np.uint8
    inside = copy > 0
    assert np.array_equal(copy[inside], whole[inside])
    assert whole[~inside].mean() < whole[inside].mean() / 4
    assert inside.mean() > 0.2


def test_burned_in_text_does_not_leave_the_clinic(tmp_path):
    path = write_plain(tmp_path / "study" / "scan_R_CC.png", laterality="R")
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    white = int(image.max())
    image[6:30, 6:70] = white  # beside the breast, as a label lies
    cv2.imwrite(str(path), image)
    (study,) = load([path]).studies
    written = write(
        [ReadStudy(tuple(readings_of(study, R="2")), places_of(study))], tmp_path / "t", SECRET
    )
    (row,) = rows_of(written.path)
    copy = cv2.imread(str(written.path.parent / row["file"]), cv2.IMREAD_UNCHANGED)
    assert image[6:30, 6:70].min() == white
    assert copy[6:30, 6:70].max() == 0


def test_with_identifiers_the_clinics_own_files_are_named(read_study, study, tmp_path):
    manifest = tmp_path / "archive" / "images.csv"
    write([read_study], manifest, None)
    rows = rows_of(manifest)
    assert {row["patient_id"] for row in rows} == {"A-17"}
    assert {row["image_uid"] for row in rows} == {view.image_uid for view in study.views}
    assert {row["file"] for row in rows} == {
        view.path.relative_to(manifest.parent).as_posix() for view in study.views
    }
    assert all(row.path.is_file() for row in dataset.read(manifest).rows)
    elsewhere = tmp_path / "desk" / "images.csv"
    elsewhere.parent.mkdir()
    write([read_study], elsewhere, None)
    assert all(row.path.is_file() for row in dataset.read(elsewhere).rows)


def test_a_file_named_like_a_formula_is_found_by_a_path_that_is_none(tmp_path):
    (tmp_path / "=cmd()").mkdir()
    write_mammogram(tmp_path / "=cmd()" / "a.dcm", laterality="R", view="CC", patient_id="=1+1")
    (study,) = load([tmp_path]).studies
    manifest = tmp_path / "images.csv"
    write([ReadStudy(tuple(readings_of(study, R="4")), places_of(study))], manifest, None)
    (row,) = dataset.read_manifest(manifest)
    assert (row.file, row.patient_id) == ("./=cmd()/a.dcm", "'=1+1")
    assert row.path.is_file()


def test_of_several_readings_of_a_breast_the_newest_counts(study, tmp_path):
    first = readings_of(study, number=1, R="2")
    corrected = readings_of(study, number=5, supersedes=1, R="3")
    colleague = readings_of(study, number=7, reader="Dr. Y", R="5")
    written = write(
        [ReadStudy((*first, *corrected, *colleague), places_of(study))], tmp_path / "t", SECRET
    )
    assert {row["birads"] for row in rows_of(written.path)} == {"5"}
    assert written.left_out[OLDER] == 2  # the two views, under Dr. X


def test_a_withdrawn_reading_teaches_nothing(study, tmp_path):
    (first,) = readings_of(study, R="2")
    (undone,) = readings_of(study, number=2, supersedes=1, R="2")
    withdrawn = replace(undone, is_withdrawn=True)
    written = write([ReadStudy((first, withdrawn), places_of(study))], tmp_path / "t", SECRET)
    assert written.image_count == 0


@pytest.mark.parametrize(
    ("category", "birads", "kind"), [("0", None, "incomplete"), ("6", 6, "reader")]
)
def test_an_incomplete_assessment_is_no_grade_and_a_known_malignancy_stays_one(
    study, tmp_path, category, birads, kind
):
    write(
        [ReadStudy(tuple(readings_of(study, R=category)), places_of(study))], tmp_path / "t", SECRET
    )
    assert {(r.birads, r.birads_kind) for r in dataset.read(tmp_path / "t").rows} == {
        (birads, kind)
    }


def test_what_is_moved_replaced_blank_or_no_standard_view_is_left_out_and_said(tmp_path):
    folder = tmp_path / "archive"
    uids = [f"1.2.3.{n}" for n in range(5)]
    for n, uid in enumerate(uids):
        settings = {"patient_id": "A-17", "study_uid": "1.2.3", "sop_uid": uid}
        write_mammogram(folder / f"{n}.dcm", laterality="R", view="CC", **settings)
    (study,) = load([folder]).studies
    reading = ReadStudy(tuple(readings_of(study, R="2")), places_of(study))
    paths = {uid: reading.places[uid] for uid in uids}
    paths[uids[0]].unlink()
    write_mammogram(paths[uids[1]], laterality="R", view="CC", patient_id="B-1", sop_uid="9.9")
    write_mammogram(
        paths[uids[2]],
        laterality="R",
        view="CC",
        patient_id="A-17",
        study_uid="1.2.3",
        sop_uid=uids[2],
        values=np.zeros((256, 192), np.uint16),
    )
    write_mammogram(
        paths[uids[3]],
        laterality="R",
        view="XCCL",
        patient_id="A-17",
        study_uid="1.2.3",
        sop_uid=uids[3],
    )
    written = write([reading], tmp_path / "t", SECRET)
    assert written.image_count == 1
    reasons = {name: count for name, count in written.left_out.items() if count}
    assert reasons == {NOT_FOUND: 1, REPLACED: 1, NO_BREAST: 1, OUT_OF_SCOPE: 1}
    assert "Left out: 1 not where it was read" in written.summary
    assert [p.name for p in (tmp_path / "t" / "images").iterdir()] == [
        rows_of(written.path)[0]["file"].split("/")[1]
    ]


def test_a_study_of_a_version_that_kept_no_places_is_left_out(study, tmp_path):
    written = write([ReadStudy(tuple(readings_of(study, R="2")), {})], tmp_path / "t", SECRET)
    assert written.left_out[NO_PLACE] == 2
    assert "Left out: 2 of a place that was not kept" in written.summary


def test_two_patients_images_that_claim_one_uid_each_have_their_file(tmp_path):
    studies = []
    for number, patient in enumerate(("A-1", "B-2")):
        path = write_mammogram(
            tmp_path / patient / "x.dcm",
            laterality="R",
            view="CC",
            patient_id=patient,
            study_uid=f"1.{number}",
            sop_uid="5.5",
            seed=number,
        )
        (study,) = load([path]).studies
        readings = readings_of(study, number=number + 1, R=str(2 + number))
        studies.append(ReadStudy(tuple(readings), places_of(study)))
    rows = rows_of(write(studies, tmp_path / "t", SECRET).path)
    assert len({row["file"] for row in rows}) == len({row["patient_id"] for row in rows}) == 2


def test_a_folder_with_other_files_is_not_written_into(read_study, tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "thesis.txt").write_text("mine")
    with pytest.raises(StorageFailed, match="not empty"):
        write([read_study], tmp_path / "t", SECRET)
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("pseudonyms", [SECRET, None], ids=["without names", "with names"])
def test_nothing_is_written_among_the_images_of_a_study(read_study, study, tmp_path, pseudonyms):
    folder = study.views[0].path.parent
    before = sorted(folder.rglob("*"))
    for target in (folder / "training", folder / "deep" / "images.csv"):
        with pytest.raises(StorageFailed, match="belongs to a study"):
            write([read_study], target, pseudonyms)
    assert sorted(folder.rglob("*")) == before


def test_a_full_disk_or_missing_folder_is_told_and_a_cancelled_export_leaves_nothing(
    read_study, tmp_path, caplog
):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be written"):
        write([read_study], tmp_path / "file" / "t", SECRET)
    seen = []
    with pytest.raises(Cancelled):
        write(
            [read_study],
            tmp_path / "t",
            SECRET,
            lambda done, total: seen.append((done, total)),
            lambda: len(seen) == 2,
        )
    assert seen == [(0, 4), (1, 4)]
    assert list((tmp_path / "t").iterdir()) == []


def test_readings_from_the_store_train_the_lightweight_network_for_an_epoch(tmp_path, monkeypatch):
    """From the files of a clinic to a checkpoint, with nothing in between but what readers said."""
    monkeypatch.setattr(tqdm, "monitor_interval", 0)  # no thread that outlives the test
    studies = []
    with ReadingStore(tmp_path / "readings.sqlite") as store:
        for number, category in enumerate(["1", "3", "4A", "5"]):
            grade = int(category[0])
            folder = write_study(
                tmp_path / "archive" / f"{number}",
                patient_id=f"A-{number}",
                rows=200,
                columns=140,
                lesion=(90, 60, 4.0 * grade) if grade > 2 else None,
                seed=number,
            )
            (study,) = load([folder]).studies
            for reading in readings_of(study, R=category, L="1"):
                store.record(replace(reading, record_id=None), places_of(study))
            found = store.places(study.uid, study.patient_id)
            studies.append(ReadStudy(store.history(study.uid), found))
    written = write(studies, tmp_path / "training", SECRET)
    assert written.image_count == 16
    config = tmp_path / "config.json"
    architecture = {"filters": [4, 8, 8], "pools_globally": True, "has_malignancy": True}
    changes = {"architecture": architecture, "batch": 8, "head_epochs": 0, "whole_epochs": 1}
    config.write_text(json.dumps(changes | {"augmentation": {"variants": 1}}))
    out = tmp_path / "out"
    data = str(tmp_path / "training")
    assert main(["train", "light", "--data", data, "--out", str(out), "--config", str(config)]) == 0
    (file,) = out.glob("*.safetensors")
    checkpoint = load_checkpoint(file)
    assert checkpoint.provenance["skipped"] == 0
    assert len(checkpoint.provenance["training_patients"]) == 4
    assert checkpoint.identity.categories == (1, 3, 4, 5)


def test_what_a_reader_said_by_hand_of_pictures_is_taught_and_marked(tmp_path):
    for number, side in enumerate("RL", start=1):
        write_plain(tmp_path / "scans" / f"IMG_{number}.png", laterality=side, seed=number)
    found = load([tmp_path / "scans"])
    views = [view for study in found.studies for view in study.views]
    said = {
        attribution_key(view): Attribution(
            *attribution_key(view), "Dr. X", side, ViewPosition.CC, "x", "A-17"
        )
        for view, side in zip(views, Laterality, strict=True)
    }
    (study,) = attributed(found, said).studies
    readings = tuple(readings_of(study, R="4A", L="2"))
    read = ReadStudy(readings, places_of(study), said)
    written = write([read], tmp_path / "training", SECRET)
    rows = rows_of(written.path)
    assert {(r["laterality"], r["view"], r["birads"]) for r in rows} == {
        ("R", "CC", "4"),
        ("L", "CC", "2"),
    }
    assert {r["by_hand"] for r in rows} == {"laterality study view"}
