"""What a header says of side, view, spacing, presets and scope, and what is guessed."""

import warnings
from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from engine.dicom.loading import load, load_pixels
from engine.dicom.voi import presets
from engine.domain import (
    Laterality,
    PatientIdentity,
    SpacingSource,
    ViewPosition,
    VoiFunction,
    VoiLut,
)
from tests.phantom import view_code, write_dataset, write_mammogram, write_study


def view_of(path):
    catalogue = load([path])
    assert catalogue.failures == ()
    ((view,),) = (study.views for study in catalogue.studies)
    return view


def edited(tmp_path, edit=None, name="image.dcm", **settings):
    return view_of(write_mammogram(tmp_path / name, edit=edit, **settings))


def setting(**values):
    """An edit that sets tags by keyword; None deletes one."""

    def edit(dataset):
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    return edit


class TestSideAndView:
    @pytest.mark.parametrize("side", ["L", "R"])
    @pytest.mark.parametrize("view", ["CC", "MLO"])
    def test_come_from_the_tags_without_being_guesses(self, tmp_path, side, view):
        found = edited(tmp_path, laterality=side, view=view)
        assert found.label == f"{side} {view}"
        assert found.guessed == frozenset()
        assert found.out_of_scope is None

    def test_laterality_stands_in_for_image_laterality(self, tmp_path):
        found = edited(tmp_path, setting(ImageLaterality=None, Laterality="L"))
        assert found.laterality is Laterality.LEFT
        assert "laterality" not in found.guessed

    def test_image_laterality_goes_before_laterality_and_the_conflict_is_said(self, tmp_path):
        found = edited(tmp_path, setting(ImageLaterality="R", Laterality="L"))
        assert found.laterality is Laterality.RIGHT
        assert any("contradict" in note for note in found.notes)

    def test_what_contradicts_the_side_belongs_on_the_image(self, tmp_path):
        found = edited(tmp_path, setting(ImageLaterality="R", Laterality="L"))
        assert found.laterality_warnings == ("tags say both R and L",)
        found = edited(tmp_path, setting(PatientOrientation=["A", "R"]), laterality="R")
        assert found.laterality_warnings == ("orientation tag says L",)
        assert found.orientation == ("A", "R")
        assert any("left breast" in note for note in found.notes)
        found = edited(tmp_path, name="L_CC.dcm", laterality="R")
        assert found.laterality_warnings == ("a name says L",)
        for orientation in (["P", "L"], ["A", "L"], ["P"], ["A", "R", "F"]):
            agreed = edited(tmp_path, setting(PatientOrientation=orientation), laterality="R")
            assert agreed.laterality_warnings == ()

    @pytest.mark.parametrize(
        ("code", "scheme", "view"),
        [
            ("R-10242", "SRT", "CC"),
            ("399162004", "SCT", "CC"),
            ("R-10226", "SRT", "MLO"),
            ("399368009", "SCT", "MLO"),
            ("R-10224", "SRT", "ML"),
            ("R-10228", "SRT", "LM"),
            ("399099002", "SCT", "LMO"),
            ("R-1024A", "SRT", "XCCL"),
            ("R-1024B", "SRT", "XCCM"),
            ("R-10244", "SRT", "FB"),
            ("R-102D0", "SRT", "SIO"),
            ("441555000", "SCT", "ISO"),
        ],
    )
    def test_the_view_comes_from_its_code(self, tmp_path, code, scheme, view):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, "x"
        found = edited(tmp_path, setting(ViewCodeSequence=[item]), view=None)
        assert found.view_position is ViewPosition[view]
        assert found.guessed == frozenset()

    @pytest.mark.parametrize(
        ("text", "view"),
        [("RMLO", "MLO"), ("L CC", "CC"), ("cc", "CC"), ("Cranio-Caudal", "CC"), ("AT", "AT")],
    )
    def test_view_position_is_read_in_the_ways_it_is_written(self, tmp_path, text, view):
        found = edited(tmp_path, setting(ViewPosition=text), view=None)
        assert found.view_position is ViewPosition[view]
        assert "view" not in found.guessed

    @pytest.mark.parametrize("view", ["CC", "MLO"])
    def test_cbis_ddsm_writes_the_view_into_patient_orientation(self, tmp_path, view):
        found = edited(
            tmp_path,
            setting(PatientOrientation=view, Laterality="R", PresentationIntentType=None),
            laterality=None,
            view=None,
            sop_class="1.2.840.10008.5.1.4.1.1.7",
        )
        assert found.label == f"R {view}"
        assert found.guessed == frozenset()
        assert found.out_of_scope is None

    @pytest.mark.parametrize(
        ("orientation", "label"),
        [
            (["A", "R"], "L CC"),
            (["P", "L"], "R CC"),
            (["A", "FR"], "L MLO"),
            (["P", "FL"], "R MLO"),
        ],
    )
    def test_the_directions_of_a_hung_image_tell_side_and_view(self, tmp_path, orientation, label):
        found = edited(
            tmp_path, setting(PatientOrientation=orientation), laterality=None, view=None
        )
        assert found.label == label
        assert any("patient orientation" in note for note in found.notes)

    @pytest.mark.parametrize("orientation", [["A", "F"], ["A", "L"], ["R", "A"], ["A"], "x"])
    def test_other_directions_tell_nothing(self, tmp_path, orientation):
        found = edited(
            tmp_path, setting(PatientOrientation=orientation), laterality=None, view=None
        )
        assert found.label == "? ?"

    @pytest.mark.parametrize(
        ("values", "name"),
        [
            ({"PatientID": "Mass-Training_P_00001_LEFT_CC"}, "a.dcm"),
            ({"SeriesDescription": "L CC"}, "a.dcm"),
            ({"SeriesDescription": "Mammo left CC 2D"}, "a.dcm"),
            ({}, "1_L_CC.dcm"),
            ({}, "LCC"),
            ({"SeriesDescription": "full mammogram images"}, "left-cc.dcm"),
        ],
    )
    def test_without_tags_they_are_guessed_from_names_and_marked(self, tmp_path, values, name):
        found = edited(tmp_path, setting(**values), name=name, laterality=None, view=None)
        assert found.label == "L CC"
        assert {"laterality", "view"} <= found.guessed
        assert any("guessed" in note for note in found.notes)
        assert found.out_of_scope is None

    def test_only_what_is_missing_is_guessed(self, tmp_path):
        found = edited(tmp_path, name="LCC.dcm", view=None, laterality="L")
        assert found.guessed == {"view"}

    def test_the_tag_wins_over_a_name_and_the_contradiction_is_said(self, tmp_path):
        found = edited(tmp_path, name="LMLO.dcm", laterality="R", view="CC")
        assert found.label == "R CC"
        assert found.guessed == frozenset()
        assert len([note for note in found.notes if "the header is followed" in note]) == 2

    def test_unknown_side_and_view_stay_unknown_and_in_scope(self, tmp_path):
        found = edited(tmp_path, laterality=None, view=None)
        assert found.label == "? ?"
        assert found.out_of_scope is None

    def test_a_code_and_a_text_that_contradict_give_the_special_view(self, tmp_path):
        found = edited(tmp_path, setting(ViewPosition="CC", ViewCodeSequence=[view_code("XCCL")]))
        assert found.view_position is ViewPosition.XCCL
        assert any("contradict" in note for note in found.notes)
        assert found.out_of_scope


class TestScope:
    @pytest.mark.parametrize(
        ("settings", "values", "words"),
        [
            ({"sop_class": "1.2.840.10008.5.1.4.1.1.13.1.3"}, {}, "tomosynthesis"),
            ({"modality": "US"}, {}, "ultrasound"),
            ({"modality": "MR"}, {}, "magnetic resonance"),
            ({}, {"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
            ({"sop_class": "1.2.840.10008.5.1.4.1.1.1.2.1"}, {}, "FOR PROCESSING"),
            ({"modifiers": [("R-102D6", "Magnification")]}, {}, "magnification"),
            ({"modifiers": [("399055006", "Spot Compression")]}, {}, "spot compression"),
            ({"modifiers": [("R-102D3", "Rolled Lateral")]}, {}, "rolled lateral"),
            ({}, {"EstimatedRadiographicMagnificationFactor": "1.8"}, "magnification"),
            ({"view": "ML"}, {}, "ML view"),
            ({"view": "XCCL"}, {}, "XCCL view"),
            ({"view": None}, {"ViewPosition": "SPOTX"}, "unknown"),
            ({"laterality": "B"}, {}, "Both breasts"),
            (
                {"modality": "CR", "sop_class": "1.2.840.10008.5.1.4.1.1.1"},
                {"BodyPartExamined": "CHEST"},
                "modality CR",
            ),
            ({}, {"SeriesDescription": "ROI mask images"}, "mask"),
            ({}, {"SeriesDescription": "cropped images"}, "crop"),
            ({}, {"ImageType": ["DERIVED", "PRIMARY", "SUBTRACTION"]}, "contrast"),
        ],
    )
    def test_what_is_no_standard_mammogram_is_shown_but_not_judged(
        self, tmp_path, settings, values, words
    ):
        found = edited(tmp_path, setting(**values), **settings)
        assert words in found.out_of_scope
        assert any(found.out_of_scope in note for note in found.notes)
        assert load_pixels(found).shape == (found.rows, found.columns)

    def test_the_sop_class_alone_does_not_decide(self, tmp_path):
        secondary_capture = "1.2.840.10008.5.1.4.1.1.7"
        assert edited(tmp_path, sop_class=secondary_capture).out_of_scope is None

    @pytest.mark.parametrize("modality", ["CR", "DX", "OT", ""])
    def test_another_modality_with_the_breast_as_body_part_is_a_mammogram(self, tmp_path, modality):
        found = edited(
            tmp_path,
            setting(BodyPartExamined="BREAST"),
            modality=modality,
            sop_class="1.2.840.10008.5.1.4.1.1.1",
        )
        assert found.out_of_scope is None

    def test_an_implant_displaced_view_is_noted_and_not_judged(self, tmp_path):
        found = edited(tmp_path, modifiers=[("R-102D5", "Implant Displaced")])
        assert found.view_modifiers == ("implant displaced",)
        assert "Implant displaced view." in found.notes
        assert "implant" in found.out_of_scope

    def test_a_modifier_we_do_not_know_is_kept_in_its_own_words(self, tmp_path):
        found = edited(tmp_path, modifiers=[("X-1", "Paddle Tilted")])
        assert found.view_modifiers == ("paddle tilted",)

    def test_a_view_by_name_that_is_no_standard_one_is_not_judged(self, tmp_path):
        found = edited(tmp_path, name="L_ML.dcm", laterality=None, view=None)
        assert "ML view" in found.out_of_scope


class TestSpacing:
    @pytest.mark.parametrize(
        ("values", "expected", "source"),
        [
            ({}, (0.1, 0.1), SpacingSource.DETECTOR),
            ({"ImagerPixelSpacing": [0.07, 0.05]}, (0.07, 0.05), SpacingSource.DETECTOR),
            (
                {"EstimatedRadiographicMagnificationFactor": "1.25"},
                (0.08, 0.08),
                SpacingSource.MAGNIFICATION,
            ),
            (
                {"PixelSpacing": [0.09, 0.09], "PixelSpacingCalibrationType": "FIDUCIAL"},
                (0.09, 0.09),
                SpacingSource.CALIBRATED,
            ),
            ({"PixelSpacing": [0.09, 0.08]}, (0.09, 0.08), SpacingSource.FILE),
            ({"PixelSpacing": [0.1, 0.1]}, (0.1, 0.1), SpacingSource.DETECTOR),
            (
                {"ImagerPixelSpacing": None, "NominalScannedPixelSpacing": [0.05, 0.05]},
                (0.05, 0.05),
                SpacingSource.FILE,
            ),
        ],
    )
    def test_comes_with_its_source(self, tmp_path, values, expected, source):
        spacing = edited(tmp_path, setting(**values)).pixel_spacing
        assert (spacing.row_mm, spacing.column_mm) == pytest.approx(expected)
        assert spacing.source is source
        assert spacing.magnification == (1.25 if source is SpacingSource.MAGNIFICATION else None)

    def test_one_that_makes_an_image_larger_than_a_metre_is_ignored(self, tmp_path):
        values = np.zeros((2000, 60), np.uint16)
        found = edited(tmp_path, imager_spacing=(0.6, 0.6), values=values)
        assert found.pixel_spacing is None
        assert any("absurd pixel spacing" in note for note in found.notes)
        assert edited(tmp_path, imager_spacing=(0.4, 0.4), values=values).pixel_spacing

    @pytest.mark.parametrize(
        "spacing", [[0, 0], [-0.1, 0.1], [70, 70], [1000, 1000], [0.0001, 0.1], [0.1]]
    )
    def test_an_absurd_one_is_ignored_and_said_so(self, tmp_path, spacing):
        def edit(dataset):
            dataset.add_new("ImagerPixelSpacing", "DS", spacing)

        found = edited(tmp_path, edit)
        assert found.pixel_spacing is None
        assert found.pixel_aspect == 1
        assert any("absurd pixel spacing" in note for note in found.notes)

    @pytest.mark.parametrize("factor", ["0", "-1", "0.5", "50"])
    def test_an_absurd_magnification_is_ignored_and_said_so(self, tmp_path, factor):
        found = edited(tmp_path, setting(EstimatedRadiographicMagnificationFactor=factor))
        assert found.pixel_spacing.source is SpacingSource.DETECTOR
        assert any("absurd magnification" in note for note in found.notes)

    def test_its_absence_is_said(self, tmp_path):
        found = edited(tmp_path, imager_spacing=None)
        assert found.pixel_spacing is None
        assert any("No pixel spacing" in note for note in found.notes)

    def test_the_aspect_of_a_pixel_follows_from_it(self, tmp_path):
        assert edited(tmp_path, imager_spacing=(0.2, 0.1)).pixel_aspect == pytest.approx(2)

    def test_without_spacing_the_aspect_comes_from_the_aspect_ratio(self, tmp_path):
        found = edited(tmp_path, setting(PixelAspectRatio=[1, 2]), imager_spacing=None)
        assert found.pixel_aspect == pytest.approx(0.5)

    @pytest.mark.parametrize("ratio", [[1, 0], [0, 0], [1, 100], [-1, 1]])
    def test_an_absurd_aspect_ratio_counts_as_square(self, tmp_path, ratio):
        found = edited(tmp_path, setting(PixelAspectRatio=ratio), imager_spacing=None)
        assert found.pixel_aspect == 1


class TestWindows:
    def test_several_named_ones_are_offered_in_their_order(self, tmp_path):
        found = edited(
            tmp_path, window=[(2000, 800, "SOFT"), (1000.5, 300.25, "HARD")], voi_function="SIGMOID"
        )
        assert [(w.center, w.width, w.name) for w in found.vois] == [
            (2000, 800, "SOFT"),
            (1000.5, 300.25, "HARD"),
        ]
        assert {w.function for w in found.vois} == {VoiFunction.SIGMOID}

    @pytest.mark.parametrize("width", ["0", "-5", "1e40"])
    def test_a_width_of_nothing_is_ignored_said_and_replaced(self, tmp_path, width):
        found = edited(tmp_path, setting(WindowWidth=width))
        assert found.vois == ()
        assert found.display_warnings == ("window ignored: unusable width",)
        assert any("without a usable width" in note for note in found.notes)
        assert presets(found, load_pixels(found))[0].name == "automatic"

    def test_a_missing_width_is_said_and_replaced(self, tmp_path):
        found = edited(tmp_path, setting(WindowWidth=None))
        assert found.vois == ()
        assert any("Window Width is missing" in note for note in found.notes)
        assert found.display_warnings == ("window ignored: it has no width",)
        assert presets(found, load_pixels(found))[0].name == "automatic"

    def test_a_width_that_is_no_number_is_said_and_replaced(self, tmp_path):
        path = write_mammogram(tmp_path / "a.dcm", window=(2048, 4096))
        data = path.read_bytes()
        assert data.count(b"4096") == 1
        path.write_bytes(data.replace(b"4096", b"wide"))
        found = view_of(path)
        assert found.vois == ()
        assert any("automatic window" in note for note in found.notes)

    def test_of_several_the_good_ones_are_kept(self, tmp_path):
        found = edited(tmp_path, window=[(2000, 0, "BAD"), (1000, 300, "GOOD")])
        assert [w.name for w in found.vois] == ["GOOD"]
        assert any("the others are kept" in note for note in found.notes)

    def test_a_linear_window_narrower_than_one_is_meant_exactly(self, tmp_path):
        (window,) = edited(tmp_path, window=(0.5, 0.25), slope=1e-4).vois
        assert window.function is VoiFunction.LINEAR_EXACT

    @pytest.mark.parametrize(
        ("window", "function"),
        [((2048, 1), "LINEAR"), ((2048, 2), "LINEAR"), ((2048, 0.5), "SIGMOID")],
    )
    def test_one_that_shows_black_and_white_only_is_offered_last_and_said_so(
        self, tmp_path, window, function
    ):
        found = edited(tmp_path, window=window, voi_function=function)
        offered = presets(found, load_pixels(found))
        assert [(w.name, w.width) for w in offered[1:]] == [("", window[1])]
        assert offered[0].name == "automatic"
        assert found.display_warnings == (f"window of width {window[1]} set aside",)

    def test_one_of_width_one_is_no_step_where_values_are_fractions(self, tmp_path):
        found = edited(tmp_path, window=(0.2, 1), voi_function="LINEAR_EXACT", slope=1e-4)
        assert presets(found, load_pixels(found))[0].width == 1
        assert found.display_warnings == ()

    def test_of_several_without_a_name_each_has_its_number(self, tmp_path):
        found = edited(tmp_path, window=[(2000, 800, ""), (1000, 300, "HARD"), (900, 200, "")])
        assert [w.name for w in found.vois] == ["no. 1", "HARD", "no. 3"]

    def test_an_unknown_function_is_shown_as_linear_and_said_so(self, tmp_path):
        found = edited(tmp_path, voi_function="GAMMA")
        assert found.vois[0].function is VoiFunction.LINEAR
        assert any("unknown VOI LUT Function" in note for note in found.notes)
        assert found.display_warnings == ("unknown curve shown as linear",)


class TestVoiLuts:
    @pytest.mark.parametrize(
        ("descriptor", "data", "fault"),
        [
            ([4096, 0, 12], b"", "empty"),
            ([4096, 0, 12], range(100), "too short"),
            ([0, 0, 12], range(4096), "too short"),  # 0 means 65,536 entries
            ([16, 0, 32], range(16), "32 bits"),
            ([16, 0, 0], range(16), "0 bits"),
            ([16, 0, 8], [4095, *range(15)], "exceed"),
            ([16, 0, 12], [7] * 16, "equal"),
            ([16, 0, 16], range(16), "quarter"),
            ([16, 0], range(16), "descriptor"),
            ([4096, 0, 12], range(4095, -1, -1), "descends"),
            ([4096, 0, 12], [*range(0, 4096, 4), *[0] * 3072], "descends"),
        ],
    )
    def test_a_bad_one_is_ignored_with_its_fault(self, tmp_path, descriptor, data, fault):
        data = data if isinstance(data, bytes) else list(data)
        found = edited(tmp_path, luts=[(descriptor, data, "BAD")])
        assert not any(isinstance(voi, VoiLut) for voi in found.vois)
        assert any("VOI LUT" in note and fault in note for note in found.notes)
        assert any(text.startswith("VOI LUT ignored") for text in found.display_warnings)
        assert found.vois, "its windows went with it"

    def test_without_a_window_a_bad_one_gives_way_to_the_automatic_window(self, tmp_path):
        found = edited(tmp_path, window=None, luts=[([16, 0, 8], range(255, 239, -1), "BAD")])
        assert found.display_warnings == ("VOI LUT ignored: it descends",)
        assert [voi.name for voi in presets(found, load_pixels(found))] == ["automatic"]

    @pytest.mark.parametrize("tail", [0, 1, 10])
    def test_a_few_last_entries_may_fall_to_black(self, tmp_path, tail):
        table = [*range(4096 - tail), *[0] * tail]
        found = edited(tmp_path, luts=[([4096, 0, 12], table, "CURVE")])
        assert found.vois[0].name == "CURVE"
        assert found.display_warnings == ()

    def test_one_that_wraps_round_is_shown_and_said_so(self, tmp_path):
        table = [*range(0, 4096, 2), *range(0, 4096, 2)]
        table[3000:] = [4095] * 1096
        found = edited(tmp_path, luts=[([4096, 0, 12], table, "CURVE")])
        assert found.vois[0].name == "CURVE"
        assert found.display_warnings == ("VOI LUT descends in part",)

    def test_behind_a_modality_lut_it_begins_at_an_unsigned_value(self, tmp_path):
        found = edited(
            tmp_path,
            signed=True,
            modality_lut=([4096, -2048, 16], range(0, 65536, 16)),
            luts=[([2000, 40000, 12], [2 * n for n in range(2000)], "CURVE")],
            edit=lambda dataset: setattr(dataset.VOILUTSequence[0]["LUTDescriptor"], "VR", "US"),
        )
        assert found.vois[0].first_value == 40000

    @pytest.mark.parametrize("syntax", ["explicit", "implicit", "big-endian", "deflated"])
    def test_its_entries_are_read_in_every_byte_order(self, tmp_path, syntax):
        table = [5 * n for n in range(800)]

        def big(dataset):
            if syntax == "big-endian":
                data = b"".join(entry.to_bytes(2, "big") for entry in table)
                dataset.VOILUTSequence[0].LUTData = data

        found = edited(tmp_path, big, luts=[([800, 7, 12], table, "")], transfer_syntax=syntax)
        assert found.vois[0].table.tolist() == table
        assert found.vois[0].first_value == 7


class TestPolarity:
    @pytest.mark.parametrize(
        ("photometric", "shape", "is_inverted", "is_doubtful"),
        [
            ("MONOCHROME1", None, True, False),
            ("MONOCHROME2", None, False, False),
            ("MONOCHROME1", "INVERSE", True, False),
            ("MONOCHROME2", "IDENTITY", False, False),
            ("MONOCHROME1", "IDENTITY", False, True),
            ("MONOCHROME2", "INVERSE", True, True),
            ("MONOCHROME1", "LIN OD", True, False),
        ],
    )
    def test_the_presentation_shape_goes_first_and_a_contradiction_is_said(
        self, tmp_path, photometric, shape, is_inverted, is_doubtful
    ):
        found = edited(tmp_path, photometric=photometric, presentation_shape=shape)
        assert load_pixels(found).is_inverted is is_inverted
        assert any("polarity" in fault for fault in found.display_warnings) is is_doubtful
        assert any("contradicts" in note for note in found.notes) is is_doubtful


@pytest.mark.parametrize(
    ("descriptor", "data", "fault"),
    [([4096, 0, 16], b"", "empty"), ([4096, 0, 16], range(100), "too short")],
)
def test_a_bad_modality_lut_is_ignored_with_its_fault(tmp_path, descriptor, data, fault):
    data = data if isinstance(data, bytes) else list(data)
    found = edited(tmp_path, modality_lut=(descriptor, data))
    shown = load_pixels(found).stored  # before the same file is written anew
    assert any("Modality LUT is ignored" in note and fault in note for note in found.notes)
    assert any("Modality LUT ignored" in text and fault in text for text in found.display_warnings)
    reference = load_pixels(edited(tmp_path)).stored
    assert (shown == reference).all()


def test_a_header_gives_the_study_its_names_and_times(tmp_path):
    write_study(tmp_path, patient_id="A-17", patient_name="Mustermann^Anna", study_date="20240229")
    (study,) = load([tmp_path]).studies
    assert (study.patient_id, study.patient_name) == ("A-17", "Mustermann Anna")
    assert study.study_date.isoformat() == "2024-02-29"
    assert study.description == "Screening"
    assert study.views[0].acquired == "2024-02-29 10:15:30"


@pytest.mark.parametrize(
    ("charset", "name", "shown"),
    [
        ("ISO_IR 100", "Müller^Ünal", "Müller Ünal"),
        ("ISO_IR 192", "Đặng^Thị", "Đặng Thị"),
        ("ISO_IR 144", "Люкceмбypг", "Люкceмбypг"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "Yamada Tarou=山田 太郎"),
    ],
)
def test_names_are_read_in_their_character_set(tmp_path, charset, name, shown):
    def edit(dataset):
        dataset.SpecificCharacterSet = charset

    path = write_mammogram(tmp_path / "a.dcm", patient_name=name, edit=edit)
    assert load([path]).studies[0].patient_name == shown


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big-endian"])
def test_a_file_without_preamble_and_extension_is_read(tmp_path, syntax):
    path = write_mammogram(tmp_path / "IM0001", transfer_syntax=syntax, preamble=False)
    assert path.read_bytes()[128:132] != b"DICM"
    found = view_of(path)
    assert found.label == "R CC"
    reference = load_pixels(edited(tmp_path)).stored
    assert (load_pixels(found).stored == reference).all()


def test_values_that_cannot_be_read_hide_no_image(tmp_path):
    def spoil(dataset):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for keyword, vr, value in [
                ("InstanceNumber", "IS", b"one "),
                ("StudyDate", "DA", b"yesterday "),
                ("AcquisitionTime", "TM", b"noon"),
                ("ImagerPixelSpacing", "DS", b"thin\\thick"),
                ("SpecificCharacterSet", "CS", b"KLINGON"),
                ("PatientName", "PN", b"\xff\xfe\xfd "),
                ("RescaleSlope", "DS", b"steep "),
            ]:
                tag = pydicom.tag.Tag(keyword)
                dataset[tag] = pydicom.dataelem.RawDataElement(
                    tag, vr, len(value), value, 0, False, True
                )

    path = tmp_path / "a.dcm"
    dataset = pydicom.dcmread(write_mammogram(path))
    spoil(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_dataset(path, dataset, "1.2.840.10008.1.2.1")
    found = view_of(path)
    assert found.label == "R CC"
    assert found.pixel_spacing is None
    assert load_pixels(found).value_scale == 1


def test_who_the_patient_is_comes_from_the_tags(tmp_path):
    def identity(**values):
        path = write_mammogram(tmp_path / "a.dcm", patient_id="A-17 ", edit=setting(**values))
        return load([path]).studies[0].identity

    assert identity() == PatientIdentity("A-17")
    found = identity(PatientBirthDate="19610412", IssuerOfPatientID="CLINIC")
    assert found == PatientIdentity("A-17", "CLINIC", date(1961, 4, 12))
    qualifier = Dataset()
    qualifier.UniversalEntityID = "1.2.3"
    assert identity(IssuerOfPatientIDQualifiersSequence=[qualifier]).issuer == "1.2.3"
    assert identity(PatientBirthDate="").birth_date is None
    assert identity(PatientID="") is None
