"""Keyed hashes: the same patient is the same everywhere, and nobody without the secret can tell."""

import os
import stat

import pytest

from engine.errors import StorageFailed
from engine.records.pseudonyms import SECRET_BYTES, Pseudonyms


def test_a_patient_has_one_name_on_this_installation_and_another_on_the_next(tmp_path):
    here, there = tmp_path / "here" / "secret.key", tmp_path / "there" / "secret.key"
    name = Pseudonyms.of_installation(here).name("patient", "A-17")
    assert Pseudonyms.of_installation(here).name("patient", "A-17") == name
    assert Pseudonyms.of_installation(there).name("patient", "A-17") != name
    assert "17" not in name or len(name) == 24
    assert sorted(path.name for path in here.parent.iterdir()) == ["secret.key"]


def test_kinds_do_not_mix_and_nothing_stays_nothing(tmp_path):
    pseudonyms = Pseudonyms(b"x" * SECRET_BYTES)
    assert pseudonyms.name("patient", "1") != pseudonyms.name("study", "1")
    assert pseudonyms.name("patient", "1") != pseudonyms.name("patient", "2")
    assert pseudonyms.name("patient", "") == ""


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the user's folder by its own lists")
def test_nobody_but_its_owner_may_read_the_secret(tmp_path):
    os.umask(before := os.umask(0))
    try:
        Pseudonyms.of_installation(tmp_path / "secret.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_damaged_secret_is_told_and_left_as_it_is(tmp_path):
    path = tmp_path / "secret.key"
    path.write_bytes(b"short")
    with pytest.raises(StorageFailed, match="damaged"):
        Pseudonyms.of_installation(path)
    assert path.read_bytes() == b"short"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="data folder"):
        Pseudonyms.of_installation(tmp_path / "file" / "secret.key")
