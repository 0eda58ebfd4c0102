"""What a reader says of images is put upon the studies that the files make, is told on each image,
and can be taken back to the letter; it is never said of another file.
"""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from engine.dicom.attributions import attributed, attribution_key, with_attribution
from engine.dicom.loading import load
from engine.domain import Attribution, Laterality, ViewPosition
from engine.records.store import ReadingStore
from tests.engine.readings import assessment
from tests.phantom import STANDARD_FOUR, write_mammogram, write_plain, write_study

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CC, MLO, ML = ViewPosition.CC, ViewPosition.MLO, ViewPosition.ML


@pytest.fixture
def pictures(tmp_path) -> Path:
    """As a photographed folder is: nothing in the names."""
    folder = tmp_path / "scans"
    for number, (side, view) in enumerate(STANDARD_FOUR, start=1):
        write_plain(folder / f"IMG_{number}.png", laterality=side, view=view, seed=number)
    return folder


def views_of(catalogue):
    return sorted((v for s in catalogue.studies for v in s.views), key=lambda v: v.path.name)


def word(view, **what):
    return Attribution(*attribution_key(view), "Dr. X", **what)


def said(*words):
    return {(each.image_uid, each.content): each for each in words}


def joined(catalogue):
    sides = product((CC, MLO), (RIGHT, LEFT))
    return [
        word(view, laterality=side, view_position=position, study="a1", patient_id="A-7")
        for view, (position, side) in zip(views_of(catalogue), sides, strict=True)
    ]


def test_pictures_without_a_side_become_one_study_that_hangs(pictures):
    found = load([pictures])
    assert len(found.studies) == 4
    (study,) = attributed(found, said(*joined(found))).studies
    assert [view.label for view in study.views] == ["R CC", "L CC", "R MLO", "L MLO"]
    assert (study.uid, study.patient_id, study.is_joined) == ("by-hand/a1", "A-7", True)
    assert {(v.study_uid, v.patient_id) for v in study.views} == {("by-hand/a1", "A-7")}
    assert all(view.by_hand == {"laterality", "view", "study"} for view in study.views)


def test_it_is_told_on_each_image(pictures):
    found = load([pictures])
    (study,) = attributed(found, said(*joined(found))).studies
    for view in study.views:
        assert "Given by hand, by a reader: side and view and study." in view.notes
    assert any("one study of one patient was said by hand" in note for note in study.notes)


def test_what_is_taken_back_leaves_everything_as_the_files_say(pictures):
    found = load([pictures])
    nothing = [
        replace(each, laterality=None, view_position=None, study="") for each in joined(found)
    ]
    assert attributed(found, {}) is found
    assert [s.uid for s in attributed(found, said(*nothing)).studies] == [
        s.uid for s in found.studies
    ]


def test_it_is_said_of_that_very_file_alone(pictures):
    found = load([pictures])
    words = joined(found)
    write_plain(pictures / "IMG_1.png", laterality="L", view="CC", seed=77)
    again = attributed(load([pictures]), said(*words))
    other = next(v for v in views_of(again) if v.path.name == "IMG_1.png")
    assert (other.laterality, other.by_hand) == (None, frozenset())


def test_a_headers_side_stays_in_doubt_where_it_is_overridden(tmp_path):
    (view,) = views_of(load([write_mammogram(tmp_path / "a.dcm", laterality="L", view="CC")]))
    assert view.laterality is LEFT
    changed = with_attribution(view, word(view, laterality=RIGHT))
    assert changed.laterality is RIGHT
    assert "header says L" in changed.laterality_warnings
    same = with_attribution(view, word(view, laterality=LEFT))
    assert same.laterality_warnings == view.laterality_warnings


def test_a_guess_is_no_longer_told_where_the_reader_has_said_it(tmp_path):
    (view,) = views_of(load([write_plain(tmp_path / "R_CC.png")]))
    assert "Laterality and view guessed from the file name." in view.notes
    half = with_attribution(view, word(view, laterality=LEFT))
    assert (half.guessed, half.by_hand) == ({"view"}, {"laterality"})
    assert "View guessed from the file name." in half.notes
    assert half.laterality_warnings == ()  # a name is no header
    whole = with_attribution(view, word(view, laterality=LEFT, view_position=MLO))
    assert not any("guessed" in note for note in whole.notes)


def test_a_view_by_hand_decides_whether_networks_may_judge_it_but_lifts_no_other_refusal(tmp_path):
    (plain,) = views_of(load([write_plain(tmp_path / "R_ML.png", view="MLO")]))
    assert "ML view" in plain.out_of_scope
    judged = with_attribution(plain, word(plain, view_position=MLO))
    assert judged.out_of_scope is None
    assert not any("do not judge" in note for note in judged.notes)
    refused = with_attribution(judged, word(plain, view_position=ML))
    assert "ML view" in refused.out_of_scope
    path = write_mammogram(tmp_path / "spot.dcm", modifiers=[("R-102D7", "Spot Compression")])
    (spot,) = views_of(load([path]))
    assert spot.out_of_scope is not None
    still = with_attribution(spot, word(spot, view_position=MLO))
    assert still.out_of_scope == spot.out_of_scope


def test_images_of_two_patients_in_one_study_say_so(tmp_path):
    write_study(tmp_path / "one", patient_id="A-1")
    write_study(tmp_path / "two", patient_id="B-2")
    found = load([tmp_path])
    words = [word(v, study="x", patient_id="A-1") for s in found.studies for v in s.views[:1]]
    *rest, together = attributed(found, said(*words)).studies
    assert [len(study.views) for study in rest] == [3, 3]
    assert "Their files name different patients." in together.notes
    assert together.identity is None  # no prior, no result in its name


def test_a_study_taken_apart_is_two(tmp_path):
    (study,) = load([write_study(tmp_path / "one", patient_id="A-1")]).studies
    found = load([tmp_path])
    words = [word(study.views[0], study="x", patient_id="A-1")]
    rest, alone = attributed(found, said(*words)).studies
    assert (len(rest.views), len(alone.views)) == (3, 1)
    assert rest.uid == study.uid


def test_the_store_keeps_every_word_in_its_chain_and_gives_the_newest(tmp_path):
    path = tmp_path / "readings.sqlite"
    first = Attribution("1.2.3", "ab" * 8, "Dr. Ñ", RIGHT, CC, "x", "A-1")
    with ReadingStore(path) as store:
        store.attribute([first])
        store.attribute([replace(first, laterality=LEFT)])
        assert store.attributions() == {("1.2.3", "ab" * 8): replace(first, laterality=LEFT)}
        store.attribute([Attribution("1.2.3", "ab" * 8, "Dr. Ñ")])
        assert store.attributions() == {}
        (count,) = store.connection.execute("SELECT count(*) FROM attributions").fetchone()
        assert count == 3
        links = store.connection.execute(
            "SELECT count(*) FROM chain WHERE table_name = 'attributions'"
        )
        assert links.fetchone() == (3,)


def test_a_reading_says_in_the_store_and_in_the_export_what_was_said_by_hand(tmp_path):
    with ReadingStore(tmp_path / "readings.sqlite") as store:
        recorded = store.record(assessment(by_hand=("laterality", "study")))
        assert recorded.by_hand == ("laterality", "study")
        store.record(assessment())
        store.export_csv(tmp_path / "out.csv")
    header, first, second = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert header.endswith(",regions,by_hand,notice")
    assert ",laterality study," in first
    assert ",laterality study," not in second
