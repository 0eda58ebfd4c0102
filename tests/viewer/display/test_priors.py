"""Which earlier studies hang beside the open one: never another patient's."""

from datetime import date

import pytest

from engine.dicom.loading import load
from engine.domain import PatientIdentity, Study
from tests.phantom import write_study
from tests.viewer.studies import make_view
from viewer.display.priors import BY_ID_ALONE, OTHER_NAME, earlier_ones, priors_of

BORN = date(1961, 4, 12)


def study(
    uid, on=(2024, 3, 2), patient_id="A-17", issuer="CLINIC", born=BORN, name="Doe Jane", known=True
):
    identity = PatientIdentity(patient_id, issuer, born) if known else None
    when = date(*on) if on else None
    return Study(uid, patient_id, (make_view(uid=uid),), name, when, identity=identity)


def found(current, *others):
    return [prior.study.uid for prior in priors_of(current, (current, *others))]


def test_earlier_studies_of_the_same_patient_are_priors_the_newest_first():
    current = study("now")
    others = [
        study("2019", (2019, 1, 1)),
        study("2022", (2022, 1, 1)),
        study("later", (2025, 1, 1)),
    ]
    assert found(current, *others) == ["2022", "2019"]
    assert [prior.warnings for prior in priors_of(current, others)] == [(), ()]


def test_another_patient_of_the_same_name_is_never_a_prior():
    current = study("now")
    namesake = study("namesake", (2022, 1, 1), patient_id="B-99")
    nameless_id = study("no id", (2022, 1, 1), known=False)
    same_birthday = study("twin", (2022, 1, 1), patient_id="A-18")
    assert found(current, namesake, nameless_id, same_birthday) == []


def test_the_same_id_with_another_birth_date_or_issuer_is_another_patient():
    current = study("now")
    assert found(current, study("a", (2022, 1, 1), born=date(1975, 1, 1))) == []
    assert found(current, study("b", (2022, 1, 1), issuer="OTHER HOSPITAL")) == []
    assert found(current, study("c", (2022, 1, 1), issuer="OTHER HOSPITAL", born=None)) == []


def test_a_name_that_changed_does_not_hide_a_prior_that_the_birth_date_confirms():
    married = study("married", (2022, 1, 1), name="Smith Jane", issuer="")
    (prior,) = priors_of(study("now"), [married])
    assert prior.warnings == (OTHER_NAME,)


def test_an_id_alone_is_doubted_and_with_another_name_refused():
    def bare(uid, on, **changes):
        return study(uid, on, issuer="", born=None, **changes)

    current = bare("now", (2024, 3, 2))
    (prior,) = priors_of(current, [bare("old", (2022, 1, 1))])
    assert prior.warnings == (BY_ID_ALONE,)
    assert found(current, bare("unnamed", (2022, 1, 1), name="")) == ["unnamed"]
    assert found(current, bare("stranger", (2022, 1, 1), name="Roe Mary")) == []
    # one side alone states a birth date: nothing is confirmed
    assert found(current, study("x", (2022, 1, 1), issuer="", name="Roe Mary")) == []


@pytest.mark.parametrize("placeholder", ["ANONYMOUS", "0000", "UNKNOWN", "-", "1"])
def test_an_id_that_anonymised_studies_share_identifies_nobody(placeholder):
    old = study("old", (2022, 1, 1), patient_id=placeholder)
    assert found(study("now", patient_id=placeholder), old) == []


def test_studies_without_a_date_or_of_the_same_day_are_no_priors():
    assert found(study("now"), study("dateless", None), study("same day")) == []
    assert found(study("now", None), study("old", (2022, 1, 1))) == []


@pytest.mark.parametrize(
    ("on", "interval"),
    [
        ((2024, 3, 1), "1 day earlier"),
        ((2024, 2, 2), "1 month earlier"),
        ((2022, 3, 3), "23 months earlier"),
        ((2022, 3, 2), "2 years earlier"),
        ((2014, 12, 31), "9 years earlier"),
    ],
)
def test_the_interval_is_told_in_words(on, interval):
    (prior,) = priors_of(study("now"), [study("old", on)])
    assert prior.interval == interval


# --------------------------------------------------------------------------------- from real files


def write(folder, year, **changes):
    options = {
        "patient_id": "A-17",
        "patient_name": "Doe^Jane",
        "rows": 64,
        "columns": 48,
        **changes,
    }
    birth, issuer = options.pop("birth", "19610412"), options.pop("issuer", "")

    def edit(dataset):
        dataset.PatientBirthDate, dataset.IssuerOfPatientID = birth, issuer

    write_study(
        folder / f"{year}-{len(list(folder.glob('*')))}",
        study_date=f"{year}0302",
        edit=edit,
        **options,
    )


def test_of_a_folder_tree_only_the_same_patients_earlier_studies_are_priors(tmp_path):
    write(tmp_path, 2024)
    write(tmp_path, 2022)
    write(tmp_path, 2021, patient_id="B-99")  # the same name and birthday
    write(tmp_path, 2020, birth="19750101")  # the same ID and name
    write(tmp_path, 2019, patient_name="Smith^Jane")
    studies = load([tmp_path]).studies
    current = next(s for s in studies if s.study_date.year == 2024)
    assert [p.study.study_date.year for p in priors_of(current, studies)] == [2022, 2019]


def test_a_study_whose_views_contradict_each_other_on_the_birth_date_has_no_priors(tmp_path):
    write(tmp_path, 2022)
    births = iter(["19610412", "19750101"] * 2)

    def edit(dataset):
        dataset.PatientBirthDate = next(births)

    options = {"patient_id": "A-17", "study_date": "20240302", "rows": 64, "columns": 48}
    write_study(tmp_path / "mixed", edit=edit, **options)
    studies = load([tmp_path]).studies
    current = next(s for s in studies if s.study_date.year == 2024)
    assert current.identity is None
    assert any("Birth Date differs" in note for note in current.notes)
    assert priors_of(current, studies) == ()


def test_plain_images_and_guessed_patients_are_never_compared_with_others(tmp_path):
    from tests.phantom import write_plain

    for year in (2022, 2024):
        for name in ("R_CC", "L_CC"):
            write_plain(tmp_path / f"Doe_{year}" / f"{name}.png")
    studies = load([tmp_path]).studies
    assert len(studies) == 2
    assert all(s.identity is None and priors_of(s, studies) == () for s in studies)


def test_earlier_ones_are_what_is_a_prior_of_any_other_study():
    studies = [
        study("now"),
        study("2022", (2022, 1, 1)),
        study("2019", (2019, 1, 1), issuer=""),
        study("other's", (2019, 1, 1), issuer="OTHER HOSPITAL"),
        study("undated", None),
        study("B", (2018, 1, 1), patient_id="B-99"),
        study("anonymous", (2018, 1, 1), patient_id="ANON"),
        study("anonymous too", (2019, 1, 1), patient_id="ANON"),
    ]
    of_any = {uid for each in studies for uid in found(each, *studies)}
    assert earlier_ones(studies) == of_any == {"2022", "2019"}
