"""What a PACS says of a study, as the reader is shown it."""

from datetime import date

import pytest

from viewer.display.listed_study import Days, ListedStudy


def test_a_study_of_a_pacs_is_told_by_name_and_day():
    row = {
        "node": "archive",
        "study": "1.2.3",
        "patient": "P-1",
        "name": "Muster^Anna",
        "birth_date": "19600412",
        "study_date": "20240302",
        "study_time": "101530.5",
        "description": "Screening",
        "accession": "A-7",
        "modalities": ["MG", "SR"],
        "images": 4,
    }
    study = ListedStudy.of(row)
    assert study.label == "Muster Anna · 2024-03-02"
    assert (study.born, study.time, study.images) == ("1960-04-12", "10:15", 4)
    assert study.modalities == "MG, SR"


def test_a_step_of_the_worklist_whose_study_is_not_there_yet_has_no_identifier():
    row = {"patient": "P-1", "scheduled_date": "20240302", "procedure": "MG both", "modality": "MG"}
    study = ListedStudy.of(row)
    assert (study.study_uid, study.day, study.description) == ("", "2024-03-02", "MG both")
    assert study.label == "P-1 · 2024-03-02"


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"study_date": "2024", "study_time": "x", "images": "4", "modalities": None},
        {"name": 7, "study": None, "birth_date": ["19600412"], "modalities": 3},
    ],
)
def test_whatever_a_pacs_answers_can_be_listed(row):
    study = ListedStudy.of(row)
    assert study.images is None
    assert isinstance(study.label, str)


def test_days_are_counted_from_today_on():
    today = date(2024, 3, 2)
    assert Days.ANY.since(today) is None
    assert Days.TODAY.since(today) == today
    assert Days.WEEK.since(today) == date(2024, 2, 25)
