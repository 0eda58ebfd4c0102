"""What no network may judge by its header, in all the places and words where machines say so."""

import pytest
from pydicom.dataset import Dataset

from engine.dicom.loading import load
from engine.dicom.scope_rules import RULES
from engine.domain import Laterality, SpacingSource, ViewPosition
from tests.phantom import view_code, write_mammogram


def code(value, meaning, scheme="SRT"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def view_of(tmp_path, values=None, **settings):
    """The view of a mammogram with tags set by keyword; what no CS may hold is written anyway."""

    def edit(dataset):
        for keyword, value in (values or {}).items():
            if keyword in ("ViewPosition", "ImageLaterality"):
                dataset.add_new(keyword, "CS", value)
            else:
                setattr(dataset, keyword, value)

    path = write_mammogram(tmp_path / "image.dcm", edit=edit, **settings)
    (study,) = load([path]).studies
    return study.views[0]


TOMOSYNTHESIS = [
    {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]},
    {"ImageType": ["DERIVED", "PRIMARY", "TOMO"]},
    {"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]},
    {"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_SCOUT"]},
    {"ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"]},
    {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
    {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"},
    {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "SeriesDescription": "L CC Tomosynthesis"},
    {"SeriesDescription": "R MLO DBT slice 12"},
    {"SeriesDescription": "Tomo Projections"},
    {"AcquisitionDeviceProcessingDescription": "Tomosynthesis reconstruction"},
    {"TomoClass": "TOMOSYNTHESIS"},
    {"SliceThickness": "1", "SliceLocation": "12"},
]


@pytest.mark.parametrize("values", TOMOSYNTHESIS, ids=str)
def test_a_single_image_of_a_tomosynthesis_is_not_judged_whatever_its_sop_class(tmp_path, values):
    assert "tomosynthesis" in view_of(tmp_path, values).out_of_scope


@pytest.mark.parametrize(
    "values",
    [
        {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]},
        {
            "ImageType": ["DERIVED", "PRIMARY", "TOMO", "GENERATED_2D"],
            "SeriesDescription": "L CC C-View",
        },
        {"SeriesDescription": "R CC Tomosynthesis synthetic 2D"},
        {"SeriesDescription": "R CC routine 2D"},
        {"ProtocolName": "Screening with tomo"},  # may be the whole study's
    ],
    ids=str,
)
def test_a_mammogram_computed_from_a_tomosynthesis_is_one(tmp_path, values):
    assert view_of(tmp_path, values).out_of_scope is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "POST_CONTRAST", "RECOMBINED"]}, "subtraction"),
        ({"ImageType": ["DERIVED", "PRIMARY", "POST_CONTRAST", "SUBTRACTION"]}, "subtraction"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "", "HIGH_ENERGY"]}, "high-energy"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POST_CONTRAST"]}, "contrast-enhanced"),
        ({"SeriesDescription": "CESM L CC recombined"}, "subtraction"),
        ({"SeriesDescription": "L CC High-Energy"}, "high-energy"),
        ({"SeriesDescription": "CEM L CC"}, "contrast-enhanced"),
        ({"ContrastBolusAgent": "Iohexol"}, "contrast-enhanced"),
        ({"KVP": "49"}, "an exposure at 49 kV"),
    ],
    ids=str,
)
def test_images_with_contrast_agent_are_not_judged(tmp_path, values, words):
    assert words in view_of(tmp_path, values).out_of_scope


@pytest.mark.parametrize(
    "values",
    [
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "POST_CONTRAST", "", "LOW_ENERGY"],
            "ContrastBolusAgent": "Iohexol",
        },
        {"SeriesDescription": "CESM L CC low energy"},
        {"KVP": "32"},
        {"ContrastBolusAgent": "NONE"},
    ],
    ids=str,
)
def test_the_low_energy_image_of_a_contrast_mammogram_is_judged(tmp_path, values):
    assert view_of(tmp_path, values).out_of_scope is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "STEREO_SCOUT"]}, "biopsy"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "PREFIRE_MINUS"]}, "biopsy"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POSTMARKER"]}, "biopsy"),
        ({"BiopsyTargetSequence": [Dataset()]}, "biopsy"),
        ({"SeriesDescription": "Stereo +15"}, "biopsy"),
        ({"SeriesDescription": "L CC needle localization"}, "biopsy"),
        ({"PaddleDescription": "BIOPSY 5x5"}, "biopsy"),
        ({"SeriesDescription": "Biopsia estereotáxica"}, "biopsy"),
        ({"SeriesDescription": "Specimen radiograph"}, "specimen"),
        ({"SeriesDescription": "Präparat"}, "specimen"),
        ({"ViewCodeSequence": [code("G-8310", "tissue specimen from breast")]}, "specimen"),
        ({"PrimaryAnatomicStructureSequence": [code("127457009", "x", "SCT")]}, "specimen"),
        ({"SpecimenDescriptionSequence": [Dataset()]}, "specimen"),
        ({"SeriesDescription": "Galactography R CC"}, "ductogram"),
    ],
    ids=str,
)
def test_images_of_biopsies_and_specimens_are_not_judged(tmp_path, values, words):
    assert words in view_of(tmp_path, values).out_of_scope


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ViewPosition": "SPOT CC"}, "spot compression"),
        ({"ViewPosition": "LCC-SPOT"}, "spot compression"),
        ({"ViewPosition": "SPOTMLO"}, "spot compression"),
        ({"ViewPosition": "CC MAG"}, "magnification"),
        ({"ViewPosition": "CCM"}, "magnification"),
        ({"ViewPosition": "LMCC"}, "magnification"),
        ({"ViewPosition": "CCRL"}, "rolled"),
        ({"ViewPosition": "CC TAN"}, "tangential"),
        ({"ViewPosition": "XCC"}, "exaggerated"),
        ({"ViewPosition": "CC SOMEHOW"}, "unknown (CC SOMEHOW)"),
        ({"SeriesDescription": "L CC MAG"}, "magnification"),
        ({"SeriesDescription": "R MLO magnified view"}, "magnification"),
        ({"SeriesDescription": "Mamografía CC I magnificada"}, "magnification"),
        ({"SeriesDescription": "Vergrößerung R CC"}, "magnification"),
        ({"SeriesDescription": "Agrandissement CC droit"}, "magnification"),
        ({"SeriesDescription": "R CC 1.8x"}, "magnification"),
        ({"ProtocolName": "Spot compression"}, "spot compression"),
        ({"AcquisitionProtocolDescription": "Spot Mag"}, "magnification and spot compression"),
        ({"SeriesDescription": "Compresión focalizada L CC"}, "spot compression"),
        ({"PaddleDescription": "10CM MAG"}, "magnification"),
        ({"SeriesDescription": "L CC rolled"}, "rolled"),
        ({"ViewModifierCodeSequence": [code("R-102D6", "Magnification")]}, "magnification"),
        ({"ViewModifierCodeSequence": [code("399055006", "x", "SCT")]}, "spot compression"),
        ({"ViewModifierCodeSequence": [code("L17", "Spot view", "99LOCAL")]}, "spot"),
        ({"ViewModifierCodeSequence": [code("L18", "Paddle Tilted", "99X")]}, "paddle tilted"),
        ({"ViewCodeSequence": [view_code("CC", [("R-102D4", "Rolled Medial")])]}, "rolled medial"),
        ({"DistanceSourceToDetector": "660", "DistanceSourceToPatient": "360"}, "magnification"),
        (
            {
                "DistanceSourceToDetector": "650",
                "DistanceSourceToEntrance": 320,
                "BodyPartThickness": "45",
            },
            "magnification",
        ),
        ({"EstimatedRadiographicMagnificationFactor": "1.5"}, "magnification"),
    ],
    ids=str,
)
def test_magnified_and_spot_views_are_not_judged_however_they_are_told(tmp_path, values, words):
    assert words in view_of(tmp_path, values).out_of_scope


@pytest.mark.parametrize(
    "values",
    [
        {"ViewPosition": "R CC", "ImageLaterality": "R"},
        {"ViewPosition": "CC VIEW"},
        {"ViewPosition": "MLO 2", "ViewCodeSequence": [view_code("MLO")]},
        {"SeriesDescription": "Image of the breast, small focal spot"},
        {"SeriesDescription": "MagView import, MLOs and CCs"},
        {"SeriesDescription": "R CC without implants"},
        {"ViewModifierCodeSequence": [code("R-40AB3", "Nipple in profile")]},
        {"ViewModifierCodeSequence": [code("L1", "Standard", "99LOCAL")]},
        {"DistanceSourceToDetector": "660", "DistanceSourceToPatient": "630"},
        {"DistanceSourceToDetector": "650", "DistanceSourceToEntrance": 590},
        {"DistanceSourceToDetector": "660", "DistanceSourceToPatient": "0"},
        {"BreastImplantPresent": "NO"},
    ],
    ids=str,
)
def test_words_and_distances_of_ordinary_views_refuse_nothing(tmp_path, values):
    assert view_of(tmp_path, values).out_of_scope is None


@pytest.mark.parametrize(
    ("value", "meaning", "scheme", "view"),
    [
        ("Y-X1770", "cranio-caudal exaggerated laterally", "SNM3", ViewPosition.XCCL),
        ("Y-X1771", "cranio-caudal exaggerated medially", "SNM3", ViewPosition.XCCM),
        ("R-10224", "medio-lateral", "SNM3", ViewPosition.ML),
        ("R-10244", "caudo-cranial (from below)", "99SDM", ViewPosition.FB),
        ("V7", "medio-lateral", "99LOCAL", ViewPosition.ML),
        ("XCCL", "", "99LOCAL", ViewPosition.XCCL),
        ("R-102CF", "cranio-caudal exaggerated", "SRT", None),
        ("V9", "something else", "99LOCAL", None),
    ],
)
def test_old_and_local_view_codes_are_read_and_not_judged(tmp_path, value, meaning, scheme, view):
    sequence = {"ViewCodeSequence": [code(value, meaning, scheme)]}
    found = view_of(tmp_path, sequence, view=None)
    assert found.view_position is view
    assert found.out_of_scope


@pytest.mark.parametrize(
    ("value", "meaning"), [("R-10242", "x"), ("V1", "cranio-caudal"), ("RCC", "")]
)
def test_a_standard_view_by_an_old_or_local_code_is_judged(tmp_path, value, meaning):
    sequence = {"ViewCodeSequence": [code(value, meaning, "99LOCAL")]}
    found = view_of(tmp_path, sequence, view=None)
    assert found.view_position is ViewPosition.CC
    assert found.out_of_scope is None


@pytest.mark.parametrize(
    "values",
    [
        {"ImageLaterality": "B"},
        {"ImageLaterality": "BILATERAL"},
        {"SeriesDescription": "Both breasts CC"},
        {"ViewPosition": "BCC"},
        {"AnatomicRegionSequence": [code("T-04080", "Both breasts")]},
    ],
    ids=str,
)
def test_both_breasts_in_one_image_are_not_judged(tmp_path, values):
    found = view_of(tmp_path, values, laterality=None)
    assert found.out_of_scope == "Both breasts are in one image."
    assert found.laterality is None


@pytest.mark.parametrize(
    "values",
    [
        {"BreastImplantPresent": "YES"},
        {"ViewModifierCodeSequence": [code("399209000", "Implant Displaced", "SCT")]},
        {"SeriesDescription": "L CC implant displaced"},
        {"SeriesDescription": "L MLO ID"},
        {"SeriesDescription": "Prótesis mamaria, CC"},
    ],
    ids=str,
)
def test_a_breast_with_an_implant_is_not_judged_as_the_model_card_promises(tmp_path, values):
    assert "a breast with an implant" in view_of(tmp_path, values).out_of_scope


@pytest.mark.parametrize("text", ["RCC", "R CC"])
def test_the_side_in_view_position_is_read(tmp_path, text):
    found = view_of(tmp_path, {"ViewPosition": text}, laterality=None, view=None)
    assert (found.laterality, found.view_position) == (Laterality.RIGHT, ViewPosition.CC)
    assert found.guessed == frozenset()


def test_a_side_in_view_position_that_contradicts_the_laterality_is_said(tmp_path):
    found = view_of(tmp_path, {"ViewPosition": "LCC"}, laterality="R")
    assert found.laterality is Laterality.RIGHT
    assert found.laterality_warnings == ("view position says L",)


def test_lengths_of_a_magnified_view_are_divided_by_what_its_distances_say(tmp_path):
    distances = {"DistanceSourceToDetector": "660", "DistanceSourceToPatient": "360"}
    spacing = view_of(tmp_path, distances).pixel_spacing
    assert spacing.source is SpacingSource.MAGNIFICATION
    assert spacing.row_mm == pytest.approx(0.1 * 360 / 660)


def test_every_rule_names_its_source():
    assert all(rule.source for rule in RULES)
