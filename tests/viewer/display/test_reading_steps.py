"""The steps through a study: what comes when, and that nothing is ever left out."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.viewer.studies import STANDARD, make_study
from viewer.display.reading_steps import (
    DEFAULT_PROTOCOL,
    StepKind,
    step_with,
    steps_of,
    views_beside,
)

CURRENT = make_study(uid="now")
PRIOR = replace(make_study(uid="old"), study_date=date(2022, 1, 1))


def rows_of(step):
    """Labels per row of a page that compares; a gap in brackets, the prior's with a star."""
    words = [
        (f"{cell.label}*" if cell.prior else cell.label)
        if cell.view
        else (f"({cell.label}*)" if cell.prior else f"({cell.label})")
        for cell in step.page.cells
    ]
    columns = step.page.fixed_columns or len(words)
    return [words[start : start + columns] for start in range(0, len(words), columns)]


def titles(study, prior=None, protocol=DEFAULT_PROTOCOL):
    return [step.title for step in steps_of(study, prior, protocol)]


def test_the_default_goes_from_all_views_to_pairs_to_single_views_to_the_prior():
    assert titles(CURRENT, PRIOR) == [
        "CC and MLO",
        "CC",
        "MLO",
        *(f"{label} at 1:1" for label in STANDARD),
        "CC and MLO over prior",
    ]


def test_a_view_hangs_over_the_same_view_of_the_prior():
    prior = replace(make_study(("L MLO", "R MLO", "L CC", "R CC"), uid="old"))
    (step,) = steps_of(CURRENT, prior, [StepKind.PRIOR_ALL])
    assert rows_of(step) == [list(STANDARD), [f"{label}*" for label in STANDARD]]
    assert rows_of(steps_of(CURRENT, prior, [StepKind.PRIOR_CC])[0]) == [
        ["R CC", "L CC"],
        ["R CC*", "L CC*"],
    ]


def test_what_either_study_lacks_leaves_a_gap_under_or_over_it():
    prior = make_study(("R CC", "L MLO"), uid="old")
    current = make_study(("R CC", "L CC", "R MLO"), uid="now")
    step = steps_of(current, prior, [StepKind.PRIOR_ALL])[0]
    assert rows_of(step) == [
        ["R CC", "L CC", "R MLO", "(L MLO)"],
        ["R CC*", "(L CC*)", "(R MLO*)", "L MLO*"],
    ]


def test_a_study_of_one_breast_is_compared_with_that_breast_alone():
    step = steps_of(make_study(("L CC", "L MLO"), uid="now"), PRIOR, [StepKind.PRIOR_ALL])[0]
    assert rows_of(step) == [["L CC", "L MLO"], ["L CC*", "L MLO*"]]


def test_a_prior_without_any_of_the_views_makes_no_step():
    mlo = make_study(("R MLO", "L MLO"), uid="old")
    assert not any(step.has_prior for step in steps_of(CURRENT, mlo, [StepKind.PRIOR_CC]))
    unknown = make_study(("? ?",), uid="old")
    assert views_beside(CURRENT, unknown) == ()


def test_a_spot_view_of_the_prior_does_not_hang_under_the_whole_breast():
    spots = make_study(("R CC",), uid="old", view_modifiers=("spot compression",))
    assert views_beside(CURRENT, spots) == ()
    profile = make_study(("R CC",), uid="old", view_modifiers=("nipple in profile",))
    assert len(views_beside(CURRENT, profile)) == 1


def test_extra_views_hang_over_the_same_extra_view_of_the_prior():
    current = make_study((*STANDARD, "R XCCL", "L ML"), uid="now")
    prior = make_study((*STANDARD, "L XCCL", "R XCCL"), uid="old")
    (step,) = [
        s for s in steps_of(current, prior, DEFAULT_PROTOCOL) if s.kind is StepKind.PRIOR_EXTRAS
    ]
    assert rows_of(step) == [["R XCCL"], ["R XCCL*"]]


def test_only_the_priors_views_that_can_hang_are_named():
    prior = make_study((*STANDARD, "R ML", "R FB"), uid="old")
    assert [view.label for view in views_beside(CURRENT, prior)] == list(STANDARD)


def test_steps_that_would_show_the_same_again_are_left_out():
    assert titles(make_study(("R CC", "L CC"))) == ["CC", "R CC at 1:1", "L CC at 1:1"]
    assert titles(make_study(("R CC",))) == ["R CC", "R CC at 1:1"]
    assert titles(CURRENT, None, [StepKind.CC, StepKind.CC]).count("CC") == 1


def test_a_pair_keeps_its_gap():
    (step,) = steps_of(make_study(("R CC", "R MLO", "L MLO")), None, [StepKind.CC])[:1]
    assert rows_of(step) == [["R CC", "(L CC)"]]


@given(
    st.lists(
        st.builds(
            "{} {}".format, st.sampled_from("RL?"), st.sampled_from(["CC", "MLO", "ML", "?"])
        ),
        max_size=9,
    ),
    st.lists(st.sampled_from(StepKind)),
)
def test_every_view_hangs_on_some_step_whatever_the_protocol(labels, protocol):
    study = make_study(labels, uid="now")
    steps = steps_of(study, PRIOR, protocol)
    whole = [
        view for step in steps if step.kind is not StepKind.ACTUAL for view in step.page.own_views
    ]
    assert {view.image_uid for view in whole} == {view.image_uid for view in study.views}
    for step in steps:
        for cell in step.page.cells:
            assert cell.view is None or cell.view.study_uid == ("old" if cell.prior else "now")
            assert cell.view is None or cell.label == cell.view.label
        assert step.page.own_views  # nobody steps to a page of the prior alone


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_the_order_of_the_files_changes_no_step(order, prior_order):
    labels = (*STANDARD, "R XCCL", "L XCCL", "R ML", "R CC")

    def shuffled(uid, order):
        study = make_study(labels, uid=uid)
        return replace(study, views=tuple(study.views[n] for n in order))

    def uids(current, prior):
        return [
            [cell.view and cell.view.image_uid for cell in step.page.cells]
            for step in steps_of(current, prior, tuple(StepKind))
        ]

    plain = uids(make_study(labels, uid="now"), make_study(labels, uid="old"))
    assert uids(shuffled("now", order), shuffled("old", prior_order)) == plain


def test_a_view_is_looked_for_among_steps_of_the_same_family_first():
    steps = steps_of(make_study((*STANDARD, "R ML"), uid="now"), PRIOR, tuple(StepKind))
    where = {step.title: number for number, step in enumerate(steps)}

    def turned_to(here, label):
        uid = f"now.{(*STANDARD, 'R ML').index(label)}"
        return steps[step_with(steps, where[here], uid)].title

    assert turned_to("CC and MLO", "L MLO") == "CC and MLO"
    assert turned_to("CC", "R MLO") == "MLO"
    assert turned_to("R CC at 1:1", "L CC") == "L CC at 1:1"
    assert turned_to("CC over prior", "L MLO") == "CC and MLO over prior"
    assert turned_to("CC", "R ML") == "R ML"
