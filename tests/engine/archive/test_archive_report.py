"""What a run over an archive comes to: figures, labels, drift, two runs compared."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from engine.__main__ import main
from engine.archive import card, comparison, labels, tally
from engine.archive.parts import Parts
from engine.archive.run import RunSettings
from engine.archive.units import UnitResult
from engine.domain import NOTICE
from engine.errors import InvalidData
from engine.networks.checkpoint import shipped_checkpoint

MAKERS = ("HOLOGIC, Inc.", "SIEMENS", "<b>GE</b>", None)
BREASTS = 2000


def breast(unit: int, side: str, probabilities, **facts) -> dict:
    """A row; `probabilities` of 1 to 5, or None out of scope."""
    row = {"record": "breast", "unit": unit, "study": f"S{unit}", "laterality": side}
    row |= {"model": "light", "model_sha256": "0" * 64, "program": "1.0", "notice": NOTICE}
    if probabilities is None:
        return row | {"in_scope": False, "scope_reason": "The image is blank."} | facts
    category = int(5 - np.argmax(probabilities[::-1]))
    row |= {f"p{grade}": p for grade, p in enumerate(probabilities, start=1)}
    row |= {"p_4_or_5": probabilities[3] + probabilities[4], "category": category}
    return row | {"in_scope": True, "confidence": probabilities[category - 1]} | facts


def write_run(folder: Path, rows: list[dict], model: str = "light", sha256: str = "0" * 64) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    RunSettings(model, sha256, 10_000, True, False).kept_in(folder)
    parts = Parts(folder / "parts", 10_000, None, 400)
    units: dict[int, list[dict]] = {}
    for row in rows:
        units.setdefault(row["unit"], []).append(row)
    for unit, of_unit in units.items():
        parts.add(UnitResult(unit, tuple(of_unit)))
    parts.flush()
    return folder


def drawn(seed: int = 1, shift: float = 0.0) -> list[dict]:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(BREASTS):
        logits = rng.normal([1.5, 0.5, 0.2, shift, shift - 0.5], 1)
        probabilities = np.exp(logits) / np.exp(logits).sum()
        facts = {"maker": MAKERS[number % 4], "year": 2015 + number % 5}
        facts |= {"age_band": f"{40 + 10 * (number % 3)}-{49 + 10 * (number % 3)}"}
        unit, side = number // 2 + 1, "RL"[number % 2]
        given = None if number % 50 == 0 else [float(p) for p in probabilities]
        rows.append(breast(unit, side, given, **facts))
        reason = None if given else "The image is blank."
        view = {"record": "view", "in_scope": given is not None, "scope_reason": reason}
        rows.append(rows[-1] | view)
    fault = {"error_title": "The image is cut off", "error_advice": "Copy it again."}
    rows.append({"record": "error", "unit": BREASTS, "program": "1.0", "notice": NOTICE} | fault)
    return rows


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("run") / "out", drawn())


@pytest.fixture(scope="module")
def judged() -> list[dict]:
    return [row for row in drawn() if row["record"] == "breast" and row["in_scope"]]


def test_figures_are_those_of_all_rows_at_once(run_folder, judged):
    figures = tally.count(run_folder / "parts")
    assert figures["studies"] == BREASTS // 2 + 1
    assert figures["views"] == BREASTS
    assert figures["scope_reasons"] == {"The image is blank.": BREASTS // 50}
    assert figures["failure_titles"] == {"The image is cut off": 1}
    whole = figures["breasts"]
    suspicion = np.array([row["p_4_or_5"] for row in judged])
    categories = np.array([row["category"] for row in judged])
    assert (whole["breasts"], whole["judged"]) == (BREASTS, len(judged))
    assert whole["categories"] == {str(g): int((categories == g).sum()) for g in range(1, 6)}
    assert whole["mean_p_4_or_5"] == pytest.approx(suspicion.mean())
    assert whole["median_p_4_or_5"] == pytest.approx(np.median(suspicion), abs=2 / tally.BINS)
    siemens = figures["groups"]["maker"]["SIEMENS"]
    of_siemens = [row for row in judged if row["maker"] == "SIEMENS"]
    assert siemens["judged"] == len(of_siemens)
    assert siemens["called_4_or_5"] == pytest.approx(
        np.mean([row["category"] >= 4 for row in of_siemens])
    )
    assert set(figures["groups"]["maker"]) == {name or tally.UNSTATED for name in MAKERS}
    assert set(figures["groups"]["year"]) == {"2015", "2016", "2017", "2018", "2019"}
    assert set(figures["groups"]["density"]) == {tally.UNSTATED}


def test_headers_that_say_ever_new_things_cost_no_memory(tmp_path):
    rows = [breast(n, "R", [0.6, 0.1, 0.1, 0.1, 0.1], maker=f"M{n}") for n in range(1, 1200)]
    groups = tally.count(write_run(tmp_path / "out", rows) / "parts")["groups"]["maker"]
    assert len(groups) == 501
    assert groups[tally.OTHERS]["breasts"] == 1199 - 500


def test_labels_are_met_and_the_worst_disagreements_are_listed(run_folder, judged, tmp_path):
    rng = np.random.default_rng(2)
    lines = ["study,laterality,birads,pathology,density"]
    truth = []
    for row in judged[:600]:
        is_cancer = bool(rng.random() < row["p_4_or_5"])
        reading = int(np.clip(row["category"] + rng.integers(-2, 3), 1, 5))
        truth.append((is_cancer, reading))
        word = "malignant" if is_cancer else "benign"
        lines.append(f"{row['study']},{row['laterality']},{reading},{word},b")
    lines.append("nobody,R,4A,,")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    known = labels.read(tmp_path / "labels.csv", lambda study: study)
    figures = tally.count(run_folder / "parts", known)
    met = figures["labels"]
    assert (met["given"], met["read"]) == (601, 600)
    cancers = np.array([each[0] for each in truth])
    readings = [each[1] for each in truth]
    suspicion = np.array([row["p_4_or_5"] for row in judged[:600]])
    said = [row["category"] for row in judged[:600]]
    assert met["auc"] == pytest.approx(roc_auc_score(cancers, suspicion), abs=0.002)
    assert met["qwk"] == pytest.approx(cohen_kappa_score(readings, said, weights="quadratic"))
    missed = [row["p_4_or_5"] for row in met["worst"]["missed"]]
    assert missed == sorted(missed)
    of_missed = [p for p, c, s in zip(suspicion, cancers, said, strict=True) if c and s < 4]
    assert missed == pytest.approx(sorted(of_missed)[:15])
    assert figures["groups"]["density"]["B"]["breasts"] == 600


@pytest.mark.parametrize(
    "text",
    [
        "study,laterality\n",
        "patient,birads\n1,4\n",
        "study,birads\nS1,9\n",
        "study,pathology\nS1,perhaps\n",
        "study,laterality,birads\nS1,X,4\n",
        "study,density\nS1,E\n",
    ],
)
def test_labels_that_are_not_understood_name_their_line(text, tmp_path):
    (tmp_path / "labels.csv").write_text(text)
    if text == "study,laterality\n":
        assert len(labels.read(tmp_path / "labels.csv", str)) == 0
        return
    with pytest.raises(InvalidData):
        labels.read(tmp_path / "labels.csv", str)


def test_a_label_without_a_side_is_of_both_breasts_and_the_last_one_counts(tmp_path):
    text = "study,laterality,birads\nS1,,4A\nS1,left,2\nS2,R,0\n"
    (tmp_path / "labels.csv").write_text(text)
    known = labels.read(tmp_path / "labels.csv", str)
    assert known.of("S1", "R").grade == 4
    assert known.of("S1", "L").grade == 2
    assert known.of("S2", "R").grade == 0
    assert known.of("S2", "L") is None


def test_alike_distributions_have_no_drift_and_others_have():
    rng = np.random.default_rng(3)
    one, same, other = (
        tally.histogram(np.clip(rng.beta(2, 5 - shift, 5000), 0, 1)) for shift in (0, 0, 2)
    )
    assert tally.stability_index(one, same) < 0.02
    assert tally.stability_index(one, other) > 0.25
    assert tally.greatest_distance(one, same) < 0.05 < tally.greatest_distance(one, other)
    assert tally.stability_index(one, np.zeros_like(one)) is None


def test_the_card_of_each_shipped_network_tells_what_it_said_of_its_breasts():
    for model in ("light", "hybrid", "both"):
        said = card.of(shipped_checkpoint(model))
        assert {card.ALL, "cbis-ddsm", "rsna"} <= set(said)
        parts = [each.suspicion.sum() for name, each in said.items() if name != card.ALL]
        assert sum(parts) == said[card.ALL].suspicion.sum() == said[card.ALL].categories.sum()
    assert card.of(Path("another.safetensors")) == {}


def test_the_report_says_it_all_and_runs_no_markup_of_a_header(run_folder, tmp_path, capsys):
    assert main(["archive", "report", str(run_folder)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["judged"] == BREASTS - BREASTS // 50
    page = (run_folder / "report.html").read_text("utf-8")
    assert page.count(NOTICE) >= 2
    assert "<b>GE</b>" not in page
    assert "&lt;b&gt;GE&lt;/b&gt;" in page
    for title in (
        "In short",
        "By maker",
        "By year of the study",
        "By age",
        "Out of scope",
        "Drift",
    ):
        assert f"<h2>{title}" in page
    assert "By density" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert json.loads((run_folder / "report.json").read_text())["studies"] == summary["studies"]


def test_an_archive_unlike_the_cards_data_is_warned_of(tmp_path, capsys):
    shipped = json.loads((shipped_checkpoint("light").parent / "manifest.json").read_text())
    rows = [breast(n, "R", [0.01, 0.0, 0.04, 0.05, 0.9], maker="X") for n in range(1, 400)]
    sha256 = shipped["light"]["sha256"]
    folder = write_run(tmp_path / "out", rows, sha256=sha256)
    assert main(["archive", "report", str(folder)]) == 0
    page = (folder / "report.html").read_text("utf-8")
    assert "distributed otherwise than on the model card" in page
    assert "cbis-ddsm" in page
    capsys.readouterr()


def test_two_runs_are_compared_breast_by_breast(run_folder, tmp_path, capsys):
    other = write_run(tmp_path / "b", drawn(seed=7, shift=1.0)[: BREASTS + 400])
    assert main(["archive", "compare", str(run_folder), str(other)]) == 0
    summary = json.loads(capsys.readouterr().out)
    a = {(r["study"], r["laterality"]): r for r in drawn() if r["record"] == "breast"}
    b = {
        (r["study"], r["laterality"]): r
        for r in drawn(seed=7, shift=1.0)[: BREASTS + 400]
        if r["record"] == "breast"
    }
    pairs = [(a[key], row) for key, row in b.items()]
    judged = [(x, y) for x, y in pairs if x["in_scope"] and y["in_scope"]]
    assert summary["breasts"] == {"a": BREASTS, "b": len(b), "both": len(pairs)}
    assert summary["changed"] == pytest.approx(
        np.mean([x["category"] != y["category"] for x, y in judged])
    )
    assert summary["raised_to_4_or_5"] == pytest.approx(
        np.mean([x["category"] < 4 <= y["category"] for x, y in judged])
    )
    figures = json.loads((other / "comparison.json").read_text())
    assert np.sum(figures["contingency"]) == len(pairs)
    shifts = sorted((y["p_4_or_5"] - x["p_4_or_5"] for x, y in judged), reverse=True)
    told = [row["p_4_or_5_b"] - row["p_4_or_5_a"] for row in figures["examples"]["raised"]]
    assert told == pytest.approx(shifts[:20], abs=1e-6)
    groups = figures["groups"]["maker"]
    assert sum(group["n"] for group in groups.values()) == len(judged)
    page = (other / "comparison.html").read_text("utf-8")
    assert "Who changed" in page
    assert "<b>GE</b>" not in page


def test_runs_with_hashes_and_with_identifiers_cannot_be_compared_and_it_is_said(
    run_folder, tmp_path
):
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    RunSettings("light", "0" * 64, 10_000, False, False).kept_in(hashed)
    figures = comparison.compare(run_folder / "parts", hashed / "parts")
    runs = RunSettings.read(run_folder), RunSettings.read(hashed)
    comparison.write(tmp_path / "page.html", runs, figures)
    assert "run both in the same way" in (tmp_path / "page.html").read_text()
