"""Archives for tests, and what a run left of them, in the words of `birads-engine predict`."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from tests.phantom import write_mammogram, write_plain, write_study

SMALL = {"rows": 96, "columns": 72}


def write_archive(folder: Path, studies: int, views=(("R", "CC"),)) -> Path:
    """Sound studies of a patient each, of one view: two rows."""
    for number in range(studies):
        write_study(
            folder / f"study{number:03d}",
            views=views,
            patient_id=f"SECRET-{number}",
            patient_name="Secret^Name",
            study_uid=f"1.2.826.7.{number}",
            seed=number,
            **SMALL,
        )
    return folder


def write_messy_archive(folder: Path) -> Path:
    """Where who belongs to whom takes more than a folder to tell."""
    # a study in two folders, as series are exported
    write_study(folder / "a" / "1", views=[("R", "CC"), ("L", "CC")], study_uid="1.2.3.1", **SMALL)
    write_study(folder / "a" / "2", views=[("R", "MLO")], study_uid="1.2.3.1", **SMALL)
    # two patients who share a Study Instance UID, in one folder
    for who in ("P-1", "P-2"):
        path = folder / "b" / f"{who}.dcm"
        write_mammogram(path, patient_id=who, study_uid="1.2.3.2", seed=ord(who[-1]), **SMALL)
    # other images under one SOP Instance UID; a copy of an image in another folder
    for number in (3, 4):
        write_mammogram(
            folder / "c" / str(number) / "x.dcm",
            study_uid=f"1.2.3.{number}",
            sop_uid="1.2.3.99",
            seed=number,
            **SMALL,
        )
    copied = folder / "c" / "copy" / "x (1).dcm"
    copied.parent.mkdir()
    copied.write_bytes((folder / "c" / "3" / "x.dcm").read_bytes())
    # plain images: an exam; one of the same name elsewhere; beside DICOM; many in a folder
    for place in ("d", "e"):
        for side in "RL":
            write_plain(folder / place / "exam" / f"{side}_CC.png", laterality=side, **SMALL)
    write_mammogram(folder / "f" / "m.dcm", study_uid="1.2.3.5", patient_id="F", **SMALL)
    write_plain(folder / "f" / "R_CC.png", seed=3, **SMALL)
    for number in range(33):
        for side in "RL":
            name = f"p{number}_{side}_CC.png"
            write_plain(folder / "many" / name, laterality=side, seed=number, **SMALL)
    write_plain(folder / "many" / "alone_L_MLO.png", laterality="L", view="MLO", seed=50, **SMALL)
    write_plain(folder / "many" / "p0 again_R_CC.png", seed=0, **SMALL)  # the same picture
    # files that cannot be read, of either kind, and what is no image
    (folder / "many" / "empty.png").touch()
    (folder / "b" / "cut.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"x" * 200)
    cut = folder / "a" / "1" / "LCC.dcm"
    cut.write_bytes(cut.read_bytes()[:-4000])
    (folder / "b" / "README.txt").write_text("nothing to see")
    # a ZIP file with a study, an exam in a folder of it, and an entry packed in another way
    zipped = write_mammogram(folder / "zipped.dcm", study_uid="1.2.3.7", patient_id="Z", **SMALL)
    inside = {"IM1": zipped, "exam/L_CC.png": folder / "d" / "exam" / "L_CC.png"}
    with zipfile.ZipFile(folder / "g.zip", "w") as archive:
        for name, path in inside.items():
            archive.write(path, name)
        archive.write(folder / "b" / "P-1.dcm", "IM2", zipfile.ZIP_BZIP2)
    zipped.unlink()
    # out of scope
    blank = np.full((256, 192), 500, np.uint16)
    write_mammogram(folder / "g" / "blank.dcm", values=blank, study_uid="1.2.3.6")
    # one Patient ID for each view, as CBIS-DDSM has them, and a study of each
    for view in ("CC", "MLO"):
        who = f"Mass-Test_P_00001_RIGHT_{view}"
        path = folder / "cbis" / view / "1.dcm"
        write_mammogram(path, patient_id=who, study_uid=f"1.2.4.{len(view)}", view=view, **SMALL)
    return folder


def rows(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "parts")


def as_predicted(out: Path) -> list[str]:
    """The rows as the lines of `predict`, sorted; of a run with identifiers."""
    table = rows(out).astype(object)
    table = table.where(table.notna(), None)
    table = table[table["record"] != "none"]
    files = dict(zip(table["image"], table["file"], strict=True))
    return sorted(map(_line, table.to_dict("records"), [files] * len(table)))


def _line(row: dict, files: dict) -> str:
    error = {"title": row["error_title"], "advice": row["error_advice"]}
    if row["record"] == "error":
        return json.dumps({"file": row["file"], "error": error}, sort_keys=True)
    probabilities = {
        str(grade): row[f"p{grade}"] for grade in range(1, 6) if row[f"p{grade}"] is not None
    }
    record = {
        **{name: row[name] for name in ("study", "patient", "laterality", "model", "in_scope")},
        **{name: row[name] for name in ("model_sha256", "scope_reason", "confidence")},
        **{name: row[name] for name in ("p_malignant", "notice")},
        "category": None if row["category"] is None else int(row["category"]),
        "notes": list(row["notes"]),
        "probabilities": probabilities or None,
    }
    if row["record"] == "breast":
        record["views"] = [files[uid] for uid in row["views"]]
    else:
        record |= {name: row[name] for name in ("file", "view", "heatmap")}
    return json.dumps(record, sort_keys=True)


def predicted(output: str) -> list[str]:
    """The lines of `predict`, in the same form."""
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in output.splitlines())
