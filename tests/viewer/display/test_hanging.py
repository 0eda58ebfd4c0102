"""Where each view of a study hangs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Study
from tests.viewer.studies import STANDARD, make_study, make_view
from viewer.display.hanging import Arrangement, hang, laterality_conflicts


def pages_of(*labels, **changes):
    """Each page as labels of its cells; a gap in brackets."""
    return labels_of(make_study(labels, **changes))


def labels_of(study):
    return [
        [cell.label if cell.view else f"({cell.label})" for cell in page.cells]
        for page in hang(study)
    ]


def test_the_standard_views_hang_right_beside_left_and_cc_over_mlo_whatever_their_order():
    assert pages_of("L MLO", "R MLO", "L CC", "R CC") == [["R CC", "L CC", "R MLO", "L MLO"]]


def test_a_missing_view_leaves_a_labelled_gap_and_moves_no_other():
    assert pages_of("R CC", "L MLO", "R MLO") == [["R CC", "(L CC)", "R MLO", "L MLO"]]
    assert pages_of("R CC", "L MLO") == [["R CC", "(L CC)", "(R MLO)", "L MLO"]]


def test_a_pair_one_breast_and_a_single_view_get_the_room():
    assert pages_of("L CC", "R CC") == [["R CC", "L CC"]]
    assert pages_of("L MLO", "R MLO") == [["R MLO", "L MLO"]]
    assert pages_of("L MLO", "L CC") == [["L CC", "L MLO"]]
    assert pages_of("? ?") == [["? ?"]]


def test_three_views_of_one_breast_share_a_page_with_an_empty_cell():
    assert pages_of("R ML", "R MLO", "R CC") == [["R CC", "R MLO", "R ML", "()"]]


def test_extra_views_follow_on_pages_of_their_own():
    assert pages_of(*STANDARD, "R XCCL", "L ML", "R ML") == [
        ["R CC", "L CC", "R MLO", "L MLO"],
        ["R ML", "L ML", "R XCCL", "()"],
    ]
    assert [len(page) for page in pages_of(*STANDARD, *["R ML"] * 6)] == [4, 4, 2]


def test_unknown_sides_and_views_come_after_the_known_ones():
    assert pages_of("? ?", "R ?", "? CC", "L ML", *STANDARD)[1] == ["L ML", "? CC", "R ?", "? ?"]


def test_chest_walls_are_put_together_among_extra_views_too():
    assert pages_of(*STANDARD, "L XCCL", "R XCCM")[1] == ["R XCCM", "L XCCL"]


def test_of_two_views_for_one_place_the_newest_hangs_there_and_the_other_follows():
    standard = [make_view(label) for label in STANDARD[1:]]
    old = make_view("R CC", uid="old", acquired="2024-01-01T09:00:00", instance_number=1)
    new = make_view("R CC", uid="new", acquired="2024-01-01T09:05:00", instance_number=2)
    pages = hang(Study("1.2.3", "A-17", (old, *standard, new)))
    assert pages[0].cells[0].view is new
    assert [view.image_uid for view in pages[1].views] == ["old"]


def test_without_times_the_first_instance_hangs_in_its_place():
    second = make_view("R CC", uid="a", instance_number=2)
    first = make_view("R CC", uid="b", instance_number=1)
    pages = hang(Study("1.2.3", "A-17", (second, first)))
    assert [view.image_uid for view in pages[0].views] == ["b", "a"]


def test_a_spot_view_does_not_take_the_place_of_the_whole_breast():
    spot = make_view(
        "R CC", uid="spot", acquired="2024-01-02", view_modifiers=("Spot Compression",)
    )
    whole = make_view("R CC", uid="whole", acquired="2024-01-01")
    rest = [make_view(label) for label in STANDARD[1:]]
    assert hang(Study("1.2.3", "A-17", (spot, whole, *rest)))[0].cells[0].view is whole


@given(
    st.lists(
        st.builds(
            "{} {}".format,
            st.sampled_from("RL?"),
            st.sampled_from(["CC", "MLO", "ML", "XCCL", "?"]),
        ),
        max_size=14,
    )
)
def test_every_view_of_a_study_hangs_exactly_once_under_its_own_label(labels):
    study = make_study(labels)
    pages = hang(study)
    shown = [view.image_uid for page in pages for view in page.views]
    assert sorted(shown) == sorted(view.image_uid for view in study.views)
    assert all(len(page.cells) in (1, 2, 4) and page.views for page in pages)
    for page in pages:
        assert all(cell.view is None or cell.label == cell.view.label for cell in page.cells)


def test_no_study_view_means_no_page():
    assert hang(make_study(())) == ()


def test_a_wide_pane_hangs_four_in_a_row_and_the_reader_may_choose():
    (page,) = hang(make_study())
    assert page.columns(Arrangement.AUTO, 1310, 930) == 4
    assert page.columns(Arrangement.AUTO, 760, 660) == 2
    assert page.columns(Arrangement.AUTO, 1000, 1600) == 2
    assert page.columns(Arrangement.AUTO, 800, 400) == 2  # wide, but no room for text
    assert page.columns(Arrangement.GRID, 3000, 500) == 2
    assert page.columns(Arrangement.ROW, 700, 900) == 4
    (pair,) = hang(make_study(("R CC", "L CC")))
    assert {pair.columns(arrangement, 1310, 930) for arrangement in Arrangement} == {2}


def test_pairs_stand_together_before_extra_views_of_one_side():
    assert pages_of(*STANDARD, "L ML", "L XCCL", "R XCCL")[1] == [
        "R XCCL",
        "L XCCL",
        "L ML",
        "()",
    ]


def test_extra_views_come_as_repeats_implant_displaced_other_projections_and_parts():
    kinds = {
        "spot": ("R CC", ("spot compression",)),
        "magnified": ("R MLO", ("magnification",)),
        "lateral": ("R ML", ()),
        "exaggerated": ("R XCCL", ()),
        "displaced": ("R MLO", ("implant displaced",)),
        "repeat": ("R MLO", ()),
    }
    extras = [
        make_view(label, uid, view_modifiers=modifiers) for uid, (label, modifiers) in kinds.items()
    ]
    whole = [make_view(label, label, acquired="2024-03-02") for label in STANDARD]
    pages = hang(Study("1.2.3", "A-17", (*extras, *whole)))
    assert [view.image_uid for view in pages[0].views] == list(STANDARD)
    assert [view.image_uid for page in pages[1:] for view in page.views] == [
        "repeat",
        "displaced",
        "lateral",
        "exaggerated",
        "spot",
        "magnified",
    ]


def test_implant_displaced_views_make_a_page_like_the_standard_ones():
    displaced = [
        make_view(label, f"{label} ID", view_modifiers=("implant displaced",))
        for label in reversed(STANDARD)
    ]
    whole = [make_view(label, label) for label in STANDARD]
    pages = hang(Study("1.2.3", "A-17", (*displaced, *whole)))
    assert [view.image_uid for view in pages[0].views] == list(STANDARD)
    assert [view.image_uid for view in pages[1].views] == [f"{label} ID" for label in STANDARD]


def test_two_views_that_claim_to_be_the_same_where_the_other_side_lacks_it_are_doubted():
    study = make_study(("L CC", "L CC", "R MLO", "L MLO"))
    assert labels_of(study) == [["(R CC)", "L CC", "R MLO", "L MLO"], ["L CC"]]
    doubts = ("2 images claim L CC", "none R CC")
    assert laterality_conflicts(study) == {"1.2.3.0": doubts, "1.2.3.1": doubts}


def test_repeats_spots_and_studies_of_one_breast_are_not_doubted():
    assert laterality_conflicts(make_study((*STANDARD, "R CC"))) == {}
    assert laterality_conflicts(make_study(("R CC", "R CC", "R MLO"))) == {}
    spot = make_view("L CC", "spot", view_modifiers=("spot compression",))
    views = (*make_study(("L CC", "R MLO", "L MLO")).views, spot)
    assert laterality_conflicts(Study("1.2.3", "A-17", views)) == {}


@given(st.permutations(range(7)))
def test_the_order_of_the_files_changes_no_place(order):
    study = make_study((*STANDARD, "R XCCL", "L XCCL", "L CC"))
    shuffled = replace(study, views=tuple(study.views[n] for n in order))
    assert hang(shuffled) == hang(study)
