from dataclasses import replace
from docs import tour
from tests.phantom import write_study
from tests.viewer.fake_engine import answer_of, prediction_of
from tests.viewer.test_reading_modes import Oracle
from engine.domain import Laterality

import pytest
@pytest.fixture
def studies(tmp_path):
    def edit(dataset):
        dataset.PatientBirthDate = "19610412"
    folder = tmp_path / "studies"
    for name, patient, date in (("1", "A-1", "20240312"), ("2", "B-2", "20240313"), ("3", "A-1", "20220308")):
        write_study(folder / name, patient_id=patient, patient_name="Example^" + patient, study_date=date, rows=480, columns=360,
            window=[(2048,4096,"NORMAL"),(2300,3000,"HARDER")], edit=edit, imager_spacing=(0.4,0.4))
    return folder

def suspicious_on_the_right(study, model_name):
    answer = answer_of(study, model_name)
    def said(side):
        return prediction_of(model_name, *((4, 0.71) if side is Laterality.RIGHT else (2, 0.64)))
    sides = {view.image_uid: view.laterality for view in study.views}
    views = tuple(replace(v, prediction=said(sides[v.image_uid])) for v in answer.views)
    breasts = tuple(replace(b, prediction=said(b.laterality)) for b in answer.breasts)
    return replace(answer, views=views, breasts=breasts)

def test_tour(make_window, studies, tmp_path, qtbot):
    (tmp_path / "out").mkdir()
    window = make_window(engine=Oracle(suspicious_on_the_right))
    window.ask_for_mode()
    reader = tour.Reader(window, studies, tmp_path / "out")
    import time
    try:
      for name, scene in tour.SCENES.items():
        t = time.time()
        with scene(reader):
            reader.picture().save(f"/tmp/tourwork/{name}.png")
        print(name, round(time.time()-t,2), flush=True)
    except BaseException:
        reader.picture().save("/tmp/tourwork/fail.png")
        raise
