"""birads-engine predict, as a script calls it: lines, exit codes, heat-map files."""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.__main__ import main
from engine.dicom.loading import load, load_pixels
from engine.domain import NOTICE
from tests.phantom import write_mammogram, write_plain, write_study
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[3]
SAID_KEYS = [
    *("model", "model_sha256", "in_scope", "scope_reason"),
    *("category", "confidence", "probabilities", "p_malignant"),
]
IMAGE_KEYS = [
    *("file", "study", "patient", "laterality", "view"),
    *SAID_KEYS,
    *("heatmap", "notes", "notice"),
]
BREAST_KEYS = ["study", "patient", "laterality", *SAID_KEYS, "views", "notes", "notice"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("command") / "light.safetensors")


@pytest.fixture
def predict(checkpoint, capsys):
    """Runs the command; gives exit code, standard output and standard error."""

    def run(*arguments, model="light"):
        command = ["predict", "--model", model, "--checkpoint", str(checkpoint)]
        try:
            code = main([*command, *map(str, arguments)])
        except SystemExit as stop:  # argparse's way out
            code = stop.code
        return code, *capsys.readouterr()

    return run


def records(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_study_gives_a_line_per_image_and_then_per_breast(predict, tmp_path):
    folder = write_study(tmp_path / "exam", patient_id="P-7", study_uid="1.2.3")
    code, output, _ = predict(folder)
    assert code == 0
    lines = records(output)
    images, breasts = lines[:4], lines[4:]
    assert [list(line) for line in images] == [IMAGE_KEYS] * 4
    assert [list(line) for line in breasts] == [BREAST_KEYS] * 2
    for line in images:
        assert line["file"] == str(folder / f"{line['laterality']}{line['view']}.dcm")
        assert line["heatmap"] is None
    assert {(line["laterality"], line["view"]) for line in images} == {
        ("R", "CC"),
        ("L", "CC"),
        ("R", "MLO"),
        ("L", "MLO"),
    }
    assert [line["laterality"] for line in breasts] == ["R", "L"]
    for line in lines:
        assert (line["study"], line["patient"]) == ("1.2.3", "P-7")
        assert line["model"] == "light"
        assert len(line["model_sha256"]) == 64
        assert line["notice"] == NOTICE
        assert line["in_scope"] is True
        assert line["scope_reason"] is None
        assert set(line["probabilities"]) == {"1", "3", "4", "5"}
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-9)
        assert isinstance(line["category"], int)
        assert line["confidence"] == max(line["probabilities"].values())
        assert line["confidence"] == line["probabilities"][str(line["category"])]
        assert 0 < line["p_malignant"] < 1
    for breast in breasts:
        side = [line["file"] for line in images if line["laterality"] == breast["laterality"]]
        assert breast["views"] == side


def test_the_same_command_gives_the_same_bytes(predict, tmp_path):
    folder = write_study(tmp_path / "exam")
    assert predict(folder)[1] == predict(folder)[1]


def test_each_study_is_followed_by_its_own_breasts(predict, tmp_path):
    write_study(tmp_path / "a", patient_id="A", study_uid="1.2.1")
    write_study(tmp_path / "b", patient_id="B", study_uid="1.2.2", views=[("L", "CC")])
    lines = records(predict(tmp_path)[1])
    assert [(line["patient"], "file" in line) for line in lines] == [
        *[("A", True)] * 4,
        *[("A", False)] * 2,
        ("B", True),
        ("B", False),
    ]


def test_out_of_scope_is_no_failure_and_its_figures_are_null(predict, tmp_path):
    write_mammogram(tmp_path / "blank.dcm", values=np.full((256, 192), 500, np.uint16))
    code, output, _ = predict(tmp_path)
    assert code == 0
    image, breast = records(output)
    for line in (image, breast):
        assert line["in_scope"] is False
        assert line["scope_reason"]
        assert line["category"] is line["confidence"] is line["probabilities"] is None
        assert line["p_malignant"] is None
    assert breast["views"] == []


def test_an_image_of_unknown_side_and_view_says_null(predict, tmp_path):
    path = write_plain(tmp_path / "plain" / "scan.png")
    code, output, _ = predict(tmp_path / "plain")
    assert code == 0
    (image,) = records(output)
    assert image["notes"] == list(load([path]).studies[0].views[0].notes) != []
    assert image["laterality"] is None
    assert image["view"] is None
    assert image["study"] == "plain/scan"


def test_a_bad_file_gives_an_error_line_and_exit_code_1_and_the_others_are_predicted(
    predict, tmp_path
):
    folder = write_study(tmp_path / "exam")
    (folder / "empty.dcm").touch()
    cut = folder / "LCC.dcm"
    cut.write_bytes(cut.read_bytes()[:-40_000])
    code, output, _ = predict(folder)
    assert code == 1
    lines = records(output)
    errors = {line["file"]: line["error"] for line in lines if "error" in line}
    assert set(errors) == {str(folder / "empty.dcm"), str(cut)}
    for line in lines:
        if "error" in line:
            assert list(line) == ["file", "error"]
            assert set(line["error"]) == {"title", "advice"}
            assert all(line["error"].values())
    assert sum("heatmap" in line for line in lines) == 3
    left = next(line for line in lines if "views" in line and line["laterality"] == "L")
    assert left["views"] == [str(folder / "LMLO.dcm")]


def test_what_is_no_image_is_counted_on_standard_error_with_the_progress(predict, tmp_path):
    folder = write_study(tmp_path / "exam")
    (folder / "README.txt").write_text("nothing to see")
    (folder / "autorun.inf").write_text("[autorun]")
    code, output, talk = predict(folder)
    assert code == 0
    assert len(output.splitlines()) == 6
    assert "2 files are no images" in talk
    assert "1 of 1" in talk


def test_paths_are_given_back_as_they_were_given(predict, tmp_path, monkeypatch):
    write_study(tmp_path / "exam", views=[("R", "CC")])
    monkeypatch.chdir(tmp_path)
    image, breast = records(predict("exam")[1])
    assert image["file"] == str(Path("exam") / "RCC.dcm")
    assert breast["views"] == [image["file"]]
    (single, _) = records(predict(Path("exam") / "RCC.dcm")[1])
    assert single["file"] == image["file"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict"],
        ["predict", "x", "--model", "heavy"],
        ["predict", "x", "--format", "xml"],
        ["predict", "x", "--threads", "0"],
        ["guess"],
        [],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    output, talk = capsys.readouterr()
    assert output == ""
    assert "usage" in talk


@pytest.mark.parametrize(("command", "option"), [("evaluate", "--manifest"), ("train", "--data")])
def test_the_other_commands_are_wired(command, option, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    output = capsys.readouterr().out
    assert option in output
    assert NOTICE in " ".join(output.split())


def test_a_checkpoint_that_cannot_be_used_is_exit_code_2_with_a_message(predict, tmp_path, capsys):
    folder = write_study(tmp_path / "exam")
    code, output, talk = predict(folder, model="hybrid")  # but the file holds a light network
    assert (code, output) == (2, "")
    assert "--model light" in talk
    (tmp_path / "bad").write_bytes(b"\0" * 100)
    code = main(["predict", str(folder), "--checkpoint", str(tmp_path / "bad")])
    assert code == 2
    assert "Checkpoint refused" in capsys.readouterr().err


def test_both_networks_are_asked_by_the_file_that_names_them(tmp_path, capsys):
    folder = write_study(tmp_path / "exam", views=[("R", "CC"), ("R", "MLO")])
    both = write_tiny_checkpoint(tmp_path / "both.json", "both")
    assert main(["predict", str(folder), "--checkpoint", str(both)]) == 0  # it says what it is
    lines = records(capsys.readouterr().out)
    digest = hashlib.sha256(both.read_bytes()).hexdigest()
    assert [(line["model"], line["model_sha256"]) for line in lines] == [("both", digest)] * 3
    assert set(lines[0]["probabilities"]) == {"1", "2", "3", "4", "5"}


# ---------------------------------------------------------------------------------- table and csv


def test_no_file_name_steers_a_terminal_or_passes_as_a_formula_by_a_wide_sign(predict, tmp_path):
    folder = tmp_path / "exam"
    folder.mkdir()
    write_mammogram(folder / "\x1b[31mred_\u202egnp.dcm", patient_id="\uff1d1+1")
    _, output, _ = predict(folder, "--format", "csv")
    assert not set(output) & {"\x1b", "\u202e"}
    rows = list(csv.DictReader(io.StringIO(output)))
    assert {row["patient"] for row in rows} == {"'\uff1d1+1"}
    assert rows[0]["file"].endswith("\ufffd[31mred_\ufffdgnp.dcm")


def test_csv_has_the_same_facts_in_cells_that_no_spreadsheet_runs(predict, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mammogram(Path("=cmd().dcm"), patient_id="@SUM(A1)")
    (tmp_path / "bad.dcm").touch()
    code, output, _ = predict("=cmd().dcm", "bad.dcm", "--format", "csv")
    assert code == 1
    rows = list(csv.DictReader(io.StringIO(output)))
    by_kind = {row["record"]: row for row in rows}
    assert set(by_kind) == {"error", "image", "breast"}
    image, breast = by_kind["image"], by_kind["breast"]
    (line, pooled) = records(predict("=cmd().dcm")[1])
    assert image["file"] == breast["views"] == "'=cmd().dcm"
    assert image["patient"] == breast["patient"] == "'@SUM(A1)"
    for row, said in ((image, line), (breast, pooled)):
        assert row["p2"] == ""  # not offered, never 0
        assert float(row["p4"]) == said["probabilities"]["4"]
        assert float(row["p_malignant"]) == said["p_malignant"]
        assert row["notes"] == " ".join(said["notes"])
        assert int(row["category"]) == said["category"]
        assert row["in_scope"] == "true"
        assert row["notice"] == NOTICE
    assert by_kind["error"]["file"] == "bad.dcm"
    assert by_kind["error"]["error_title"]
    assert by_kind["error"]["notice"] == NOTICE
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row.values() if cell)


def test_the_table_is_for_people_and_no_file_name_steers_the_terminal(predict, tmp_path):
    write_study(tmp_path / "exam", views=[("R", "CC")])
    blank = np.full((256, 192), 500, np.uint16)
    write_mammogram(tmp_path / "exam" / "\x1b[2Jevil.dcm", values=blank, view="MLO", study_uid="9")
    code, output, _ = predict(tmp_path, "--format", "table")
    assert code == 0
    assert output.startswith(NOTICE)
    assert "\x1b" not in output
    assert "not judged" in output
    assert "blank" in output
    (row,) = [line for line in output.splitlines() if line.endswith("RCC.dcm")]
    assert row.split()[:2] == ["R", "CC"]
    assert "%" in row


def test_the_table_tells_what_is_noted_of_an_image_below_it(predict, tmp_path):
    def edit(dataset):
        dataset.BreastImplantPresent = "YES"

    write_mammogram(tmp_path / "implant.dcm", edit=edit)
    write_plain(tmp_path / "picture" / "L_MLO.png", laterality="L", view="MLO")
    _, output, _ = predict(tmp_path, "--format", "table")
    lines = output.splitlines()
    by_file = {Path(line.split()[-1]).name: number for number, line in enumerate(lines) if line}
    picture = by_file["L_MLO.png"]
    guessed, no_spacing = lines[picture + 1 : picture + 3]
    assert guessed.strip() == "Laterality and view guessed from the file name."
    assert no_spacing.strip() == "No pixel spacing: lengths cannot be measured."
    (refused,) = [n for n, line in enumerate(lines) if "implant.dcm" in line]
    assert "not judged" in lines[refused]
    assert lines[refused + 1].strip() == "A breast implant is present."
    assert output.count("The networks do not judge it.") == 0  # the line above says why


def test_a_file_name_of_several_lines_forges_no_row_of_the_table(predict, tmp_path):
    forged = "R      all   1 pattern like training grade 1"
    write_mammogram(tmp_path / f"x\n{forged}")
    (tmp_path / f"y\n{forged}.dcm").write_bytes(b"none")
    _, output, _ = predict(tmp_path, "--format", "table")
    assert forged in output
    assert not any(line.startswith(forged) for line in output.splitlines())


# -------------------------------------------------------------------------------------- heat-maps


def test_a_heat_map_is_written_as_overlay_and_as_array_on_the_source_grid(predict, tmp_path):
    folder = write_study(tmp_path / "exam", views=[("R", "CC")], lesion=(120, 100, 14))
    code, output, _ = predict(folder, "--heatmaps", tmp_path / "maps" / "new")
    assert code == 0
    overlay = tmp_path / "maps" / "new" / "RCC_light.png"
    assert records(output)[0]["heatmap"] == str(overlay)
    assert "heatmap" not in records(output)[1]
    heat = np.load(overlay.with_suffix(".npy"))
    picture = cv2.imread(str(overlay), cv2.IMREAD_UNCHANGED)
    (study,) = load([folder]).studies
    stored = load_pixels(study.views[0]).stored
    assert heat.shape == stored.shape
    assert heat.dtype == np.float16
    assert heat.min() == 0
    assert 0 < heat.max() <= 1
    assert picture.shape[1] == heat.shape[1]
    image, strip = picture[: len(heat)], picture[len(heat) :]
    is_grey = (image == image[..., :1]).all(axis=2)
    assert is_grey[heat < 0.09].all()  # a quiet place is left as it is
    assert (heat > 0.3).any()
    assert not is_grey[heat > 0.3].any()
    assert (strip == 255).mean() > 0.5  # black on white
    assert (strip < 60).any()
    assert f"tEXtDisclaimer\0{NOTICE}".encode() in overlay.read_bytes()


def test_the_strip_below_the_overlay_reads_as_the_notice(predict, tmp_path):
    folder = write_study(tmp_path / "exam", views=[("R", "CC")], rows=800, columns=700)
    predict(folder, "--heatmaps", tmp_path / "maps")
    strip = cv2.imread(str(tmp_path / "maps" / "RCC_light.png"))[800:]
    scale = max(0.4, 700 / 1800)
    (width, height), _ = cv2.getTextSize(NOTICE, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    notice = np.full((height + 12, width + 12, 3), 255, np.uint8)
    start = (6, height + 4)
    cv2.putText(notice, NOTICE, start, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 1, cv2.LINE_AA)
    found = cv2.matchTemplate(strip, notice[4:-8, 6:-6], cv2.TM_CCOEFF_NORMED).max()
    assert found > 0.95


def test_equal_names_of_different_studies_keep_their_own_heat_maps(predict, tmp_path):
    for name, lesion in (("a", (90, 110, 20)), ("b", (170, 120, 20))):
        views = [("R", "CC")]
        write_study(tmp_path / "in" / name, patient_id=name, views=views, lesion=lesion)
    maps = tmp_path / "maps"
    lines = records(predict(tmp_path / "in", "--heatmaps", maps)[1])
    paths = [line["heatmap"] for line in lines if "file" in line]
    assert paths == [str(maps / "RCC_light.png"), str(maps / "RCC_light_2.png")]
    first, second = (np.load(Path(path).with_suffix(".npy")) for path in paths)
    assert not np.array_equal(first, second)

    # another run replaces its own images' maps and nobody else's
    again = records(predict(tmp_path / "in", "--heatmaps", maps)[1])
    assert [line["heatmap"] for line in again if "file" in line] == paths
    before = Path(paths[0]).read_bytes()
    other = records(predict(tmp_path / "in" / "b", "--heatmaps", maps)[1])
    assert other[0]["heatmap"] == paths[1]
    assert Path(paths[0]).read_bytes() == before
    assert len(list(maps.iterdir())) == 4


def test_out_of_scope_and_failed_images_have_no_heat_map(predict, tmp_path):
    write_mammogram(tmp_path / "in" / "blank.dcm", values=np.full((256, 192), 5, np.uint16))
    code, output, _ = predict(tmp_path / "in", "--heatmaps", tmp_path / "maps")
    assert code == 0
    assert records(output)[0]["heatmap"] is None
    assert list((tmp_path / "maps").iterdir()) == []


@pytest.mark.parametrize("place", ["exam", "exam/maps", "exam/../exam/maps", "link/maps"])
def test_heat_maps_are_never_written_into_a_folder_that_is_read(predict, tmp_path, place):
    folder = write_study(tmp_path / "exam")
    (tmp_path / "link").symlink_to(folder)
    before = sorted(folder.rglob("*"))
    code, output, talk = predict(folder, "--heatmaps", tmp_path / place)
    assert (code, output) == (2, "")
    assert "--heatmaps" in talk
    assert sorted(folder.rglob("*")) == before


def test_heat_maps_of_a_single_file_are_not_written_beside_it(predict, tmp_path):
    folder = write_study(tmp_path / "exam")
    assert predict(folder / "RCC.dcm", "--heatmaps", folder)[0] == 2
    assert predict(folder / "RCC.dcm", "--heatmaps", tmp_path / "maps")[0] == 0


def test_a_heat_map_folder_that_cannot_be_is_exit_code_2(predict, tmp_path):
    folder = write_study(tmp_path / "exam", views=[("R", "CC")])
    (tmp_path / "file").touch()
    code, output, talk = predict(folder, "--heatmaps", tmp_path / "file" / "maps")
    assert (code, output) == (2, "")
    assert "No folder for heat-maps" in talk


def test_a_heat_map_that_cannot_be_written_is_said_and_the_prediction_still_given(
    predict, tmp_path
):
    folder = write_study(tmp_path / "exam", views=[("R", "CC")])
    maps = tmp_path / "maps"
    (maps / "RCC_light.npy").mkdir(parents=True)
    (maps / "RCC_light.png").mkdir()
    code, output, talk = predict(folder, "--heatmaps", maps)
    assert code == 1
    assert records(output)[0]["category"] is not None
    assert records(output)[0]["heatmap"] is None
    assert "Heat-map not written" in talk


def test_a_very_long_name_still_gets_its_heat_map(predict, tmp_path):
    name = "ü" * 120 + ".dcm"  # 244 bytes: a file system takes 255
    write_mammogram(tmp_path / "in" / name)
    code, output, _ = predict(tmp_path / "in", "--heatmaps", tmp_path / "maps")
    assert code == 0
    assert Path(records(output)[0]["heatmap"]).exists()


def test_a_reader_that_hangs_up_is_no_crash(predict, tmp_path, monkeypatch):
    folder = write_study(tmp_path / "exam")
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    with open(writing_end, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        code, _, talk = predict(folder)
        monkeypatch.undo()
    assert code == 1
    assert "Traceback" not in talk


# ----------------------------------------------------------------------------- as its own process


def start(*arguments, **options):
    command = [sys.executable, "-m", "engine", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, **options)


def test_help_answers_at_once_and_says_what_it_is_not_for():
    begin = time.monotonic()
    process = start("--help", stdout=subprocess.PIPE)
    output = process.communicate()[0].decode()
    assert time.monotonic() - begin < 2
    assert process.returncode == 0
    assert NOTICE in output
    for command in ("predict", "evaluate", "train"):
        assert command in output


def test_names_in_any_script_come_out_as_utf_8_and_in_no_encoding_as_escapes(checkpoint, tmp_path):
    write_mammogram(tmp_path / "Brüste 🩻.dcm", study_uid="1.2.1", patient_id="日本")
    raw = os.fsencode(tmp_path) + b"/caf\xe9.dcm"
    Path(os.fsdecode(raw)).write_bytes((tmp_path / "Brüste 🩻.dcm").read_bytes()[:-40_000])
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    process = start(
        *("predict", tmp_path, "--model", "light", "--checkpoint", checkpoint, "--threads", 1),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    output, talk = process.communicate()
    files = [line["file"] for line in records(output.decode("utf-8")) if "file" in line]
    assert str(tmp_path / "Brüste 🩻.dcm") in files, talk
    assert raw in [os.fsencode(file) for file in files]
    assert "日本".encode() in output
