"""Where a reader is in a study: every way forward has its way back, and both have an end."""

from dataclasses import replace
from datetime import date

from tests.viewer.studies import STANDARD, make_study
from viewer.display.priors import Prior
from viewer.display.reading_steps import DEFAULT_PROTOCOL, StepKind
from viewer.display.step_navigator import StepNavigator


def prior_of(year, labels=STANDARD):
    study = replace(make_study(labels, uid=str(year)), study_date=date(year, 1, 2))
    return Prior(study, "earlier")


def opened(*priors, labels=STANDARD, protocol=DEFAULT_PROTOCOL):
    navigator = StepNavigator()
    navigator.set_protocol(protocol)
    navigator.open(make_study(labels), priors)
    return navigator


def labels_of(navigator):
    return [view.label for view in navigator.page.own_views]


def test_where_nothing_is_open_there_is_no_step_and_no_way():
    navigator = StepNavigator()
    assert navigator.step is None
    assert navigator.page.cells == ()
    assert not navigator.has_prior
    assert navigator.next_number(1) is None
    assert not navigator.turn_to_view("1.2.3.0")
    assert navigator.neighbour("1.2.3.0", 1) is None
    assert navigator.first_with_prior() is None
    assert navigator.text(0) == ""


def test_a_study_begins_with_its_first_step_and_its_newest_prior():
    newest, older = prior_of(2022), prior_of(2019)
    navigator = opened(newest, older)
    assert navigator.number == 0
    assert labels_of(navigator) == list(STANDARD)
    assert navigator.prior is newest
    navigator.turn_to(3)
    navigator.open(make_study(uid="next"))
    assert (navigator.number, navigator.prior) == (0, None)


def test_steps_end_at_both_ends():
    navigator = opened(protocol=[StepKind.CC, StepKind.MLO])
    assert navigator.next_number(-1) is None
    assert navigator.next_number(1) == 1
    navigator.turn_to(len(navigator.steps) - 1)
    assert navigator.next_number(1) is None
    assert (navigator.end_text(1), navigator.end_text(-1)) == ("last step", "first step")


def test_another_protocol_begins_anew():
    navigator = opened()
    navigator.turn_to(2)
    navigator.set_protocol([StepKind.MLO])
    assert (navigator.number, labels_of(navigator)) == (0, ["R MLO", "L MLO"])
    assert navigator.protocol == (StepKind.MLO,)


def test_tiles_are_gone_through_before_the_next_step_and_begin_with_the_first():
    navigator = opened(protocol=[StepKind.ACTUAL])
    assert navigator.view_at_actual_size.label == "R CC"
    assert [navigator.step_tile(1, 3) for _ in range(3)] == [True, True, False]
    assert navigator.tile(3) == 2
    assert navigator.text(3) == "Step 1 of 5: R CC at 1:1, part 3 of 3"
    assert navigator.tile(2) == 1  # on a larger screen there are fewer
    navigator.turn_to(1)
    assert navigator.tile(3) == 0
    assert not navigator.step_tile(-1, 3)
    navigator.to_last_tile(3)
    assert navigator.tile(3) == 2


def test_other_steps_have_no_tiles():
    navigator = opened()
    assert navigator.view_at_actual_size is None
    assert not navigator.step_tile(1, 0)


def test_a_view_is_found_on_the_step_that_is_nearest():
    navigator = opened(protocol=[StepKind.CC, StepKind.MLO, StepKind.OVERVIEW])
    assert not navigator.turn_to_view("1.2.3.0")  # it hangs already
    assert navigator.turn_to_view("1.2.3.2")
    assert navigator.step.kind is StepKind.MLO
    assert not navigator.turn_to_view("unknown")
    assert navigator.step.kind is StepKind.MLO


def test_views_follow_each_other_on_the_page_and_then_in_the_study():
    navigator = opened(protocol=[StepKind.CC, StepKind.MLO])
    assert navigator.neighbour("1.2.3.0", 1) == "1.2.3.1"
    assert navigator.neighbour("1.2.3.1", 1) == "1.2.3.2"  # on the other page
    assert navigator.neighbour("1.2.3.0", -1) is None
    navigator.turn_to(1)
    assert navigator.neighbour("1.2.3.3", 1) is None
    assert navigator.neighbour("1.2.3.2", -1) == "1.2.3.1"


def test_from_the_last_prior_the_next_is_the_newest_again():
    newest, older = prior_of(2022), prior_of(2019)
    navigator = opened(newest, older)
    navigator.turn_to(navigator.first_with_prior())
    assert navigator.has_prior
    assert navigator.next_prior() is older
    navigator.show_prior(older)
    assert navigator.next_prior() is newest
    assert navigator.text(0).endswith("over prior 2 of 2")


def test_another_prior_hangs_on_the_same_kind_of_step_or_on_one_that_compares():
    protocol = [StepKind.PRIOR_CC, StepKind.PRIOR_MLO]
    both, only_mlo = prior_of(2022), prior_of(2019, ("R MLO", "L MLO"))
    navigator = opened(both, only_mlo, protocol=protocol)
    navigator.turn_to(1)
    navigator.show_prior(only_mlo)
    assert (navigator.prior, navigator.step.kind) == (only_mlo, StepKind.PRIOR_MLO)
    navigator.show_prior(both)
    assert navigator.step.kind is StepKind.PRIOR_MLO
    navigator.turn_to(0)
    navigator.show_prior(only_mlo)
    assert navigator.step.kind is StepKind.PRIOR_MLO


def test_without_a_prior_it_says_whether_there_is_none_or_no_step_for_it():
    assert opened().first_with_prior() is None
    assert opened().next_prior() is None
    assert opened().no_prior_text() == "prior: none in what was opened"
    navigator = opened(prior_of(2022), protocol=[StepKind.CC])
    assert navigator.no_prior_text() == "prior: none among your steps"


def test_a_study_of_one_step_is_not_counted():
    assert opened(labels=("R CC", "L CC"), protocol=[StepKind.CC]).text(0) == "CC"
