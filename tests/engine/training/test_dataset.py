"""What networks are trained on, checked before a minute is spent."""

import csv

import numpy as np
import pytest

from engine.errors import InvalidData
from engine.training import dataset

COLUMNS = ["file", "birads", "patient_id", "dataset", "birads_kind", "birads_low", "birads_high"]
COLUMNS += ["pathology", "boxes", "aspect_ratio", "fold", "laterality", "view"]


def write_manifest(folder, *records):
    path = folder / "images.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, "tissue", "site", "machine"])
        writer.writeheader()
        for number, record in enumerate(records):
            writer.writerow({"file": f"{number}.png", "birads": 4, "patient_id": number, **record})
    return path


def test_a_row_tells_all_that_the_manifest_knows(tmp_path):
    path = write_manifest(
        tmp_path,
        {
            "birads": "5",
            "pathology": "MALIGNANT",
            "boxes": "[[1, 2, 3, 4]]",
            "aspect_ratio": "0.5",
            "laterality": "L",
            "view": "MLO",
            "fold": 3,
        },
    )
    (row,) = dataset.read_manifest(path)
    assert row.birads == 5
    assert row.is_malignant
    assert row.boxes == ((1, 2, 3, 4),)
    assert row.pixel_aspect(800, 800) == 2.0  # stored square, in truth twice as tall as wide
    assert row.path == tmp_path / "0.png"
    assert row.is_reader_graded


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"birads": "nine"}, "row 3: birads"),
        ({"birads": "7"}, "row 3: birads"),
        ({"birads": "4.5"}, "row 3: birads"),
        ({"birads": "inf"}, "row 3: birads"),
        ({"patient_id": ""}, "row 3: patient_id"),
        ({"file": ""}, "row 3: file"),
        ({"boxes": "[[5, 5, 1, 1]]"}, "row 3: boxes"),
        ({"boxes": "everywhere"}, "row 3: boxes"),
        ({"aspect_ratio": "0"}, "row 3: aspect_ratio"),
        ({"birads_kind": "guess"}, "row 3: birads_kind"),
        ({"birads_low": "4", "birads_high": "2"}, "row 3: birads_low"),
        ({"laterality": "X"}, "row 3: laterality"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(tmp_path, fault, named):
    path = write_manifest(tmp_path, {}, fault)
    with pytest.raises(InvalidData, match=named):
        dataset.read_manifest(path)


def test_a_patient_in_two_folds_is_refused(tmp_path):
    path = write_manifest(tmp_path, {"patient_id": "A", "fold": 0}, {"patient_id": "A", "fold": 1})
    with pytest.raises(InvalidData, match="row 3"):
        dataset.read_manifest(path)


def test_an_empty_manifest_and_one_without_its_columns_are_refused(tmp_path):
    with pytest.raises(InvalidData, match="names no image"):
        dataset.read_manifest(write_manifest(tmp_path))
    (tmp_path / "bare.csv").write_text("picture,grade\n")
    with pytest.raises(InvalidData, match="birads, file, patient_id"):
        dataset.read_manifest(tmp_path / "bare.csv")


def test_missing_images_are_counted_and_the_first_is_named(tmp_path):
    rows = dataset.read_manifest(write_manifest(tmp_path, {}, {}))
    (tmp_path / "0.png").touch()
    with pytest.raises(InvalidData, match=r"1 are not there, the first is 1\.png"):
        dataset.check_files(rows)


def test_labels_admit_what_they_say(tmp_path):
    rows = dataset.read_manifest(
        write_manifest(
            tmp_path,
            {"birads": 3},
            {"birads": "", "birads_kind": "interval-benign", "birads_low": 2, "birads_high": 3},
            {"birads": 0},
            {"birads": 6},
            {"birads": 2},
            {"birads": "", "birads_kind": "interval-benign", "birads_low": 1, "birads_high": 2},
        )
    )
    grades = (1, 2, 3, 4, 5)
    assert rows[0].allowed(grades).tolist() == [False, False, True, False, False]
    assert rows[1].allowed(grades).tolist() == [False, True, True, False, False]
    assert rows[2].allowed(grades).all()  # incomplete: an assessment, but no grade
    assert rows[3].allowed(grades).all()  # known malignancy is not read off the image
    light = (1, 3, 4, 5)
    assert rows[1].allowed(light).tolist() == [False, True, False, False]
    assert rows[4].allowed(light).tolist() == [True, True, False, False]  # a 2 is no 4 or 5
    assert rows[5].allowed(light).tolist() == [True, False, False, False]


def test_a_row_without_a_grade_still_teaches_its_pathology(tmp_path):
    rows = dataset.read_manifest(
        write_manifest(tmp_path, {"birads": 0, "pathology": "MALIGNANT"}, {"birads": 0})
    )
    light = (1, 3, 4, 5)
    assert [row.teaches(light, has_malignancy=True) for row in rows] == [True, False]
    assert [row.teaches(light, has_malignancy=False) for row in rows] == [False, False]


def category_folders(tmp_path, names):
    for folder, files in names.items():
        (tmp_path / folder).mkdir()
        for file in files:
            (tmp_path / folder / file).write_bytes(b"")
    return tmp_path


def test_a_folder_per_category_is_read_and_others_are_noted(tmp_path):
    source = dataset.read(
        category_folders(
            tmp_path,
            {
                "1": ["2017_BC0001_CC_L.jpg", "2017_BC0001_MLO_L.jpg"],
                "BIRADS 4": ["2017_BC0002_CC_R.png"],
                "birad3": ["2018_BC0003_CC_R.png"],
                "Bi-Rads_5": ["2018_BC0004_CC_R.png"],
                "unsorted": ["x.png"],
            },
        )
    )
    assert sorted(row.birads for row in source.rows) == [1, 1, 3, 4, 5]
    assert len({row.patient_id for row in source.rows}) == 4
    assert not source.may_leak
    assert "unsorted" in source.notes[0]


def test_views_of_one_name_are_one_patient(tmp_path):
    source = dataset.read(
        category_folders(
            tmp_path, {"1": ["smith_L_CC.png", "smith_R_MLO.png"], "4": ["jones_L_CC.png"]}
        )
    )
    assert sorted(row.patient_id for row in source.rows) == ["jones", "smith", "smith"]


def test_where_no_patient_can_be_told_the_report_warns_of_leaks(tmp_path):
    source = dataset.read(category_folders(tmp_path, {"1": ["a.png"], "4": ["b.png"]}))
    assert source.may_leak
    assert any("may leak" in note for note in source.notes)


def test_a_given_rule_finds_the_patient_or_is_refused(tmp_path):
    folder = category_folders(tmp_path, {"1": ["p7-a.png", "p7-b.png"], "4": ["p8-a.png"]})
    source = dataset.read(folder, r"^(p\d+)")
    assert sorted({row.patient_id for row in source.rows}) == ["p7", "p8"]
    with pytest.raises(InvalidData, match="rule"):
        dataset.read(folder, r"^(q\d+)")


def test_an_empty_category_folder_is_refused(tmp_path):
    with pytest.raises(InvalidData, match="holds no image"):
        dataset.read(category_folders(tmp_path, {"1": ["a.png"], "4": []}))


def rows_of(count, views=4):
    return [
        dataset.ManifestRow(f"{i}", None, f"P{i // views}", 1 + (i // views) % 5)
        for i in range(count)
    ]


def test_a_split_keeps_patients_whole_and_the_grades_in_proportion():
    rows = rows_of(400)
    rest, held = dataset.split_by_patient(rows, 0.2, seed=3)
    assert not {rows[i].patient_id for i in rest} & {rows[i].patient_id for i in held}
    assert sorted([*rest, *held]) == list(range(400))
    assert np.bincount([rows[i].birads for i in held])[1:].tolist() == [16] * 5


def test_a_split_by_image_leaks_patients_as_papers_do():
    rows = rows_of(400)
    rest, held = dataset.split_by_patient(rows, 0.2, seed=3, by_image=True)
    assert {rows[i].patient_id for i in rest} & {rows[i].patient_id for i in held}


def test_full_balancing_draws_every_grade_equally_often():
    rows = rows_of(400)[:330]
    weights = dataset.balanced_weights(rows, 1.0)
    grades = np.array([row.birads for row in rows])
    shares = [weights[grades == grade].sum() for grade in range(1, 6)]
    assert shares == pytest.approx([shares[0]] * 5)


def test_drawing_does_not_teach_which_machine_sees_the_cancers():
    counts = {("1", True): 40, ("1", False): 60, ("2", True): 5, ("2", False): 95}
    rows = [
        dataset.ManifestRow(
            f"{machine}-{malignant}-{number}",
            None,
            f"{machine}-{malignant}-{number}",
            None,
            dataset="screening",
            site="1",
            machine=machine,
            is_malignant=malignant,
            birads_low=4 if malignant else 1,
            birads_high=5 if malignant else 2,
        )
        for (machine, malignant), count in counts.items()
        for number in range(count)
    ]
    rows += rows_of(50)
    weights = dataset.balanced_weights(rows, 0.5)

    def share_of_cancers(machine):
        here = [i for i, row in enumerate(rows) if row.machine == machine]
        return sum(weights[i] for i in here if rows[i].is_malignant) / sum(weights[here])

    assert share_of_cancers("1") == pytest.approx(share_of_cancers("2"))
    assert 0.2 < share_of_cancers("1") < 0.4


def test_a_machine_that_saw_no_cancer_keeps_its_place():
    row = dataset.ManifestRow("a", None, "a", 1, dataset="x", machine="7", is_malignant=False)
    assert dataset.balanced_weights([row, row], 0.5).tolist() == [1.0, 1.0]


def test_site_and_machine_are_read_where_the_manifest_names_them(tmp_path):
    rows = dataset.read_manifest(
        write_manifest(
            tmp_path,
            {"tissue": "site 2 machine 48"},
            {"tissue": "G"},
            {"site": "North", "machine": "A"},
        )
    )
    assert [(row.site, row.machine) for row in rows] == [("2", "48"), ("", ""), ("North", "A")]


def test_a_data_set_with_one_outcome_is_found_out():
    rows = [
        dataset.ManifestRow("a", None, "a", 4, dataset="x", is_malignant=True),
        dataset.ManifestRow("b", None, "b", 4, dataset="y", is_malignant=True),
        dataset.ManifestRow("c", None, "c", 4, dataset="y", is_malignant=False),
    ]
    assert dataset.single_outcome_datasets(rows) == {"x"}


def test_one_data_set_or_fold_is_picked_and_an_unknown_one_refused(tmp_path):
    records = [{"dataset": name, "fold": fold} for name in "ab" for fold in (0, 1)]
    rows = dataset.read_manifest(write_manifest(tmp_path, *records))
    assert [row.file for row in dataset.of_dataset(rows, "b")] == ["2.png", "3.png"]
    assert [row.file for row in dataset.of_fold(rows, 1)] == ["1.png", "3.png"]
    with pytest.raises(InvalidData, match="No row is of 'c'; the manifest has a, b"):
        dataset.of_dataset(rows, "c")
    with pytest.raises(InvalidData, match="fold 2"):
        dataset.of_fold(rows, 2)
