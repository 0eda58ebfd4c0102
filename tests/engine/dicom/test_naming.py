"""Side and view from names: never out of the inside of a word."""

import pytest

from engine.dicom.naming import cbis_ddsm_patient, differ_by_counter_only, read_name


def said(text: str) -> tuple[str | None, str | None, str]:
    named = read_name(text)
    return (
        named.laterality.value if named.laterality else None,
        named.view_position.value if named.view_position else None,
        named.rest,
    )


@pytest.mark.parametrize(
    ("text", "side", "view", "rest"),
    [
        ("Mass-Training_P_00001_LEFT_CC", "L", "CC", "Mass-Training_P_00001"),
        ("1_R_MLO", "R", "MLO", "1"),
        ("xxx_L_CC", "L", "CC", "xxx"),
        ("RCC", "R", "CC", ""),
        ("lmlo", "L", "MLO", ""),
        ("left-mlo", "L", "MLO", ""),
        ("cbis-ddsm_P_00001_L_CC", "L", "CC", "cbis-ddsm_P_00001"),
        ("2012_BC0023_CC_L", "L", "CC", "2012_BC0023"),
        ("20586908_6c613a14b80a8591_MG_R_CC_ANON", "R", "CC", "20586908_6c613a14b80a8591_MG_ANON"),
        ("Right CC", "R", "CC", ""),
        ("LeftMLO", "L", "MLO", ""),
        ("MLOL", "L", "MLO", ""),
        ("anna R-MLO (2)", "R", "MLO", "anna (2"),
        ("LCC2", "L", "CC", "2"),
        ("LML", "L", "ML", ""),
        ("LMO", None, "LMO", ""),
        ("R XCCL", "R", "XCCL", ""),
        ("RXCCL", "R", "XCCL", ""),
        ("P1_MLO", None, "MLO", "P1"),
        ("right", "R", None, ""),
    ],
)
def test_side_and_view_are_read_and_taken_out(text, side, view, rest):
    assert said(text) == (side, view, rest)


@pytest.mark.parametrize(
    "text",
    [
        "full mammogram images",
        "Smith_L",
        "L",
        "R_12",
        "Carl",
        "plcc",
        "LCCD",
        "accMLOs",
        "R2D2",
        "éL",
        "L_2019_study_12",
        "cleft",
        "bright",
        "rightmost",
        "",
        "___",
    ],
)
def test_a_letter_alone_or_inside_a_word_says_nothing(text):
    assert said(text)[:2] == (None, None)


@pytest.mark.parametrize(
    "text", ["R_L_CC", "LEFT_RIGHT_CC", "L_CC_right", "RCC_LCC", "lccr_cc_R_L"]
)
def test_a_text_that_names_both_sides_names_none(text):
    assert said(text)[0] is None


def test_a_text_that_names_two_views_names_none():
    assert said("L_CC_MLO")[:2] == ("L", None)


def test_an_accent_does_not_free_a_letter_from_its_word():
    assert said("éL_CC")[:2] == (None, "CC")


@pytest.mark.parametrize(
    ("patient_id", "patient"),
    [
        ("Mass-Training_P_00001_LEFT_CC", "P_00001"),
        ("Calc-Test_P_01234_RIGHT_MLO", "P_01234"),
        ("Mass-Training_P_00001_LEFT_CC_1", None),  # a lesion's crop or mask
        ("P_00001", None),
        ("Mass-Training_P_1_LEFT_CC", None),
        ("Mass-Training_P_00001_left_CC", None),
        ("Mass-Training_P_00001_LEFT_ML", None),
        ("a_b_P_00001_LEFT_CC", None),
    ],
)
def test_only_the_exact_cbis_ddsm_pattern_names_a_patient(patient_id, patient):
    assert cbis_ddsm_patient(patient_id) == patient


@pytest.mark.parametrize(
    ("rests", "only_counted"),
    [
        (["", "", ""], True),
        (["a", "a"], True),
        (["1", "2", "3", "4"], True),
        (["0", "1"], True),
        (["02", "01"], True),
        (["IMG_0007", "IMG_0008"], True),
        (["scan1", "scan2"], True),
        (["P_00001", "P_00002"], False),
        (["patient1", "patient2"], False),
        (["101", "102"], False),
        (["1", "3"], False),
        (["1", "1", "2", "2"], False),
        (["anna", "berta"], False),
        (["IMG_1", "DSC_2"], False),
        (["", "1"], False),
    ],
)
def test_a_file_counter_is_told_from_a_patient_number(rests, only_counted):
    assert differ_by_counter_only(rests) is only_counted
