"""Documents among the images: they never hang as views, and are known by the study they are of."""

import pydicom
import pytest

from engine.dicom.loading import load
from engine.interop import results
from engine.interop.plans import ObjectKind, plan
from tests.interop_studies import said_of, study_in


@pytest.fixture
def folder(tmp_path):
    """A study with every kind of result beside its images."""
    study = study_in(tmp_path / "study")
    said = said_of(study)
    for made in results.make(study, plan(study, tuple(ObjectKind), said), said):
        if made.dataset is not None:
            results.write(made, tmp_path / "study")
    return tmp_path / "study"


def test_a_studys_documents_are_listed_with_it_and_are_neither_views_nor_failures(folder):
    catalogue = load([folder])
    (study,) = catalogue.studies
    assert len(study.views) == 4
    assert catalogue.failures == ()
    assert {found.study_uid for found in catalogue.documents} == {study.uid}
    kinds = {found.path.name.partition("-")[0] for found in catalogue.documents}
    assert kinds == {kind.value for kind in ObjectKind} - {"ko"}  # no reader has marked anything


def test_a_document_of_another_study_is_listed_as_no_image(folder):
    path = next(folder.glob("sr-*.dcm"))
    dataset = pydicom.dcmread(path)
    dataset.StudyInstanceUID = "1.2.3.4"
    dataset.save_as(path)
    (failure,) = load([folder]).failures
    assert (failure.path, failure.title) == (path, "A document, not an image")


def test_a_film_scanners_capture_is_an_image_and_a_capture_of_ours_is_not(tmp_path):
    study = study_in(tmp_path / "film", form="film")
    assert len(study.views) == 4
    path = study.views[0].path
    dataset = pydicom.dcmread(path)
    dataset.Manufacturer = "birads-viewer project"
    dataset.save_as(path)
    (again,) = load([tmp_path / "film"]).studies
    assert len(again.views) == 3
