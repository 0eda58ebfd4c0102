"""From files to places: however a clinic's files tell side and view, and where they do not or lie,
no breast hangs under another's label without a word.
"""

import itertools

import numpy as np
import pytest

from engine.dicom.loading import load, load_pixels
from tests.phantom import STANDARD_FOUR, breast, stored_values, view_code, write_mammogram
from viewer.display import rendering
from viewer.display.hanging import hang, laterality_conflicts
from viewer.viewports.canvas import Canvas

FOUR = ["R CC", "L CC", "R MLO", "L MLO"]
HUNG_TOWARDS = {"R": "P", "L": "A"}  #: what the first row of a hung image runs to
DOWNWARDS = {("R", "CC"): "L", ("L", "CC"): "R", ("R", "MLO"): "FL", ("L", "MLO"): "FR"}
ANOTHER = {"R": "L", "L": "R"}


def orientation(side, view):
    return [HUNG_TOWARDS[side], DOWNWARDS[side, view]]


# Each leaves one true word on side and view in the file, and no other.
WAYS = {
    "image laterality and view position": lambda side, view: {
        "ImageLaterality": side,
        "ViewPosition": view,
    },
    "laterality and view code": lambda side, view: {
        "Laterality": side,
        "ViewCodeSequence": [view_code(view)],
    },
    "image laterality and view code": lambda side, view: {
        "ImageLaterality": side,
        "ViewCodeSequence": [view_code(view)],
    },
    "view position with its side": lambda side, view: {
        "ImageLaterality": side,
        "ViewPosition": f"{side} {view}",
    },
    "patient orientation alone": lambda side, view: {"PatientOrientation": orientation(side, view)},
    "all of them": lambda side, view: {
        "ImageLaterality": side,
        "Laterality": side,
        "ViewPosition": view,
        "ViewCodeSequence": [view_code(view)],
        "PatientOrientation": orientation(side, view),
    },
}


def write(path, side, view, tags, pixels_of=None, **settings):
    """A breast as its side hangs, or as `pixels_of` does, with these tags and none besides."""

    def edit(dataset):
        for keyword in ("ImageLaterality", "ViewPosition", "ViewCodeSequence"):
            if keyword in dataset:
                delattr(dataset, keyword)
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)

    values = stored_values(breast(pixels_of or side, view, 96, 72))
    return write_mammogram(path, values=values, edit=edit, **settings)


def hung(folder):
    """Labels of the first page, gaps in brackets, then those of the other pages; the study."""
    (study,) = load([folder]).studies
    pages = [
        [cell.label if cell.view else f"({cell.label})" for cell in page.cells]
        for page in hang(study)
    ]
    return pages, study


def shown(qtbot, study, number=0):
    """A view as it is on the screen."""
    view = study.views[number]
    canvas = Canvas(
        study, view, laterality_conflicts=laterality_conflicts(study).get(view.image_uid, ())
    )
    qtbot.addWidget(canvas)
    canvas.resize(200, 240)
    canvas.show_pixels(rendering.prepare(view, load_pixels(view)))
    canvas.set_fit(1.0, (1.0, 1.0))
    return canvas


def chest_wall(canvas):
    """The edge of the screen that the breast grows out of."""
    grey, x, _ = canvas.image.grey()
    columns = np.flatnonzero((grey > 60).any(axis=0)) + x
    to_left, to_right = columns[0], canvas.width() - 1 - columns[-1]
    return "left" if to_left < to_right else "right"


@pytest.mark.parametrize("way", WAYS)
def test_a_study_hangs_the_same_whichever_tags_tell_side_and_view(tmp_path, qtbot, way):
    for number, (side, view) in enumerate(STANDARD_FOUR):
        tags = WAYS[way](side, view)
        write(tmp_path / f"{number}.dcm", side, view, tags, instance_number=number)
    pages, study = hung(tmp_path)
    assert pages == [FOUR]
    for number, view in enumerate(study.views):
        canvas = shown(qtbot, study, number)
        assert canvas.image.side_warnings == ()
        wall = "right" if view.laterality.value == "R" else "left"
        assert chest_wall(canvas) == wall  # chest walls together


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_study_hangs_the_same_whatever_its_files_are_called_and_numbered(tmp_path, order):
    for number, place in enumerate(order):
        side, view = STANDARD_FOUR[place]
        tags = WAYS["all of them"](side, view)
        write(tmp_path / f"{number}.dcm", side, view, tags, instance_number=number)
    pages, _ = hung(tmp_path)
    assert pages == [FOUR]


@pytest.mark.parametrize("missing", ["side", "view", "both"])
@pytest.mark.parametrize("place", range(4))
def test_an_image_without_its_tags_leaves_a_gap_and_stands_behind_the_others(
    tmp_path, qtbot, missing, place
):
    for number, (side, view) in enumerate(STANDARD_FOUR):
        tags = WAYS["image laterality and view position"](side, view)
        if number == place and missing in ("side", "both"):
            del tags["ImageLaterality"]
        if number == place and missing in ("view", "both"):
            del tags["ViewPosition"]
        write(tmp_path / f"{number}.dcm", side, view, tags, instance_number=number)
    side, view = STANDARD_FOUR[place]
    label = {"side": f"? {view}", "view": f"{side} ?", "both": "? ?"}[missing]
    pages, study = hung(tmp_path)
    assert pages[0] == [f"({one})" if one == f"{side} {view}" else one for one in FOUR]
    assert [one for page in pages[1:] for one in page if not one.startswith("(")] == [label]
    (nameless,) = (n for n, one in enumerate(study.views) if one.label == label)
    canvas = shown(qtbot, study, nameless)
    assert canvas.text.lines_above(canvas.rect())[0][0] == label
    if missing != "view":  # nothing is turned by a guess
        assert not canvas.image.is_mirrored


@pytest.mark.parametrize("side", ["R", "L"])
@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ({"Laterality": "the other"}, "tags say both R and L"),
        ({"PatientOrientation": "the other"}, "orientation tag says"),
        ({"pixels": "the other"}, "chest wall on other side"),
    ],
    ids=["two tags", "a tag and its orientation", "tags and pixels"],
)
def test_what_contradicts_the_side_keeps_the_tags_label_and_asks_to_check_it(
    tmp_path, qtbot, side, lie, words
):
    tags = {"ImageLaterality": side, "ViewPosition": "CC"}
    if "Laterality" in lie:
        tags["Laterality"] = ANOTHER[side]
    if "PatientOrientation" in lie:
        tags["PatientOrientation"] = orientation(ANOTHER[side], "CC")
    pixels_of = ANOTHER[side] if "pixels" in lie else side
    write(tmp_path / "image.dcm", side, "CC", tags, pixels_of=pixels_of)
    _, study = hung(tmp_path)
    canvas = shown(qtbot, study)
    painted = [text for text, _, _ in canvas.text.lines_above(canvas.rect())]
    assert painted[0] == f"{side} CC"
    assert "check side" in painted
    assert any(text.startswith(words) for text in painted)
    assert "check side" in canvas.accessibleDescription()
    assert chest_wall(canvas) == ("right" if side == "R" else "left")


@pytest.mark.parametrize("wrong", range(4))
def test_of_four_views_two_claim_to_be_the_same_and_both_ask_to_be_checked(tmp_path, qtbot, wrong):
    """One has its side wrong in every tag; its pixels lie as those of the side that it is of."""
    for number, (side, view) in enumerate(STANDARD_FOUR):
        told = ANOTHER[side] if number == wrong else side
        tags = {"ImageLaterality": told, "ViewPosition": view}
        write(tmp_path / f"{number}.dcm", side, view, tags, instance_number=number)
    side, view = STANDARD_FOUR[wrong]
    pages, study = hung(tmp_path)
    assert pages[0] == [f"({one})" if one == f"{side} {view}" else one for one in FOUR]
    doubted = []
    for number, one in enumerate(study.views):
        canvas = shown(qtbot, study, number)
        if "check side" in canvas.image.side_warnings:
            doubted.append(one.label)
            assert f"2 images claim {ANOTHER[side]} {view}" in canvas.image.side_warnings
            assert f"none {side} {view}" in canvas.image.side_warnings
    assert doubted == [f"{ANOTHER[side]} {view}"] * 2


def test_views_of_two_patients_in_one_study_folder_never_hang_on_one_page(tmp_path):
    """Though they share the study's UID and make the four views together."""
    for number, (side, view) in enumerate(STANDARD_FOUR):
        tags = WAYS["all of them"](side, view)
        who = {"patient_id": "A-1", "patient_name": "Doe^Jane"}
        if side == "L":
            who = {"patient_id": "B-2", "patient_name": "Doe^Jane"}
        write(tmp_path / f"{number}.dcm", side, view, tags, **who)
    catalogue = load([tmp_path])
    assert len(catalogue.studies) == 2
    for study in catalogue.studies:
        assert len({one.patient_id for one in study.views}) == 1
        assert len({one.laterality for one in study.views}) == 1
    assert any("share one Study Instance UID" in note for note in catalogue.notes)
