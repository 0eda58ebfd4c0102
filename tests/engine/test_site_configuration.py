"""The file that allows the program on a network: what it may say, and what is refused."""

import getpass
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from engine import site_configuration
from engine.__main__ import main
from engine.domain import ReadingMode
from engine.records.backups import default_store
from engine.site_configuration import (
    VARIABLE,
    AuditSettings,
    ConfigurationRefused,
    Export,
    Node,
    ReadingSettings,
    ReceiverConfiguration,
    Retrieval,
    SiteConfiguration,
    SitePolicy,
    Syslog,
    Tls,
    Web,
    found,
    parse,
    places,
    read,
    write,
)

TLS = Tls(Path("/etc/ca.pem"), Path("/etc/own.pem"), Path("/etc/own.key"), "pacs.clinic")
WHOLE = SiteConfiguration(
    "VIEWER",
    {
        "archive": Node("archive", "ORTHANC", "10.0.0.5", 4242, TLS, Retrieval.MOVE, True),
        "Röntgen 2": Node("Röntgen 2", "PACS", "pacs.clinic", 104, timeout_s=12.5),
        "web": Node("web", web=Web("https://pacs/dicom-web", replace(TLS, name=""))),
    },
    ReceiverConfiguration(
        "10.0.0.7", 11112, frozenset({"ORTHANC", "PACS"}), TLS, 512, Path("/data/in")
    ),
    AuditSettings(Path("/data/audit"), Syslog("log.clinic", 6514, TLS)),
)


def test_without_a_file_nothing_is_configured(tmp_path):
    assert read(tmp_path / "site.toml") is None
    assert read() is None


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "folder" / "site.toml"
    write(WHOLE, path)
    assert read(path) == WHOLE
    assert WHOLE.is_networked
    assert not SiteConfiguration().is_networked
    write(SiteConfiguration(), path)
    assert read(path) == SiteConfiguration()
    assert [entry.name for entry in path.parent.iterdir()] == ["site.toml"]


@pytest.mark.skipif(os.name != "posix", reason="modes mean nothing on Windows")
def test_the_file_is_its_owners_alone_and_refused_if_others_may_write_it(tmp_path):
    path = tmp_path / "site.toml"
    write(WHOLE, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert read(path) == WHOLE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o620)
    with pytest.raises(ConfigurationRefused, match="not safe"):
        read(path)


def test_tls_is_the_default_and_plain_must_be_said():
    with pytest.raises(ValueError, match="TLS needs ca"):
        parse('[nodes.a]\nae_title = "A"\nhost = "h"\nport = 104')
    found = parse('[nodes.a]\nae_title = "A"\nhost = "h"\nport = 104\nsecurity = "plain"')
    assert found.nodes["a"].is_plain
    assert not WHOLE.nodes["archive"].is_plain
    assert not WHOLE.nodes["web"].is_plain


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('securty = "tls"', "unknown securty"),
        ('ae_title = "SEVENTEEN LETTERS"', "no AE title"),
        ('ae_title = "A\\\\B"', "no AE title"),
        ("port = 0", "port must lie"),
        ("port = true", "port is no int"),
        ('host = "a b"', "host is no name"),
        ('retrieve = "push"', 'must be "get" or "move"'),
        ('security = "none"', 'must be "tls" or "plain"'),
        ('security = "tls"\nca = "ca.pem"', "must be a whole path"),
        ('security = "tls"\nca = "/ca.pem"\nkey = "/k"', "belong together"),
        ("timeout_s = 0", "timeout_s must lie"),
        ('commitment = "yes"', "commitment is no bool"),
        ('web = "http://x"', "is no table"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_configured(tmp_path, line, words):
    keys = {"ae_title": '"A"', "host": '"h"', "port": "104", "security": '"plain"'}
    own = {part.partition(" =")[0] for part in line.split("\n")}
    rest = [f"{key} = {value}" for key, value in keys.items() if key not in own]
    path = tmp_path / "site.toml"
    path.write_text("\n".join(["[nodes.a]", *rest, line]), "utf-8")
    with pytest.raises(ConfigurationRefused, match=words):
        read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nodes = 1", "holds no tables"),
        ("x = ", "Invalid value"),
        ("[receive]\naddress = '0.0.0.0'\nport = 1\ncallers = ['A']", "not all of them"),
        ("[receive]\naddress = '::'\nport = 1\ncallers = ['A']", "not all of them"),
        ("[receive]\naddress = '127.0.0.1'\nport = 1\ncallers = []", "names nobody"),
        ("[receive]\naddress = '127.0.0.1'\nport = 1\ncallers = [3]", "no AE title"),
        ("[receive]\naddress = '127.0.0.1'\nport = 1\ncallers = ['A']\nca='/c'", "certificate"),
        ("[audit.syslog]\nhost = 'h'\nsecurity = 'plain'", "over security"),
        ("[nodes.a.web]\nurl = 'http://x'\nca = '/c'", "https goes with"),
        ("[nodes.a.web]\nurl = 'ftp://x'\nca = '/c'", "must begin with"),
        ("[nodes.a]", "neither host nor web"),
        ("a = " + "[" * 5000, "not valid"),
        ("é".encode("latin-1"), "utf-8"),
        ("#" * 2**21, "too long"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path, text, words):
    path = tmp_path / "site.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationRefused, match=words):
        read(path)


def test_values_that_would_not_read_back_are_not_written(tmp_path):
    bad = SiteConfiguration(nodes={"a": Node("a", "TOO LONG FOR AN AE TITLE", "h", 1)})
    with pytest.raises(ConfigurationRefused):
        write(bad, tmp_path / "site.toml")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_node_is_told_with_the_known_ones():
    with pytest.raises(ConfigurationRefused, match="archive, Röntgen 2, web"):
        WHOLE.node("achive")
    assert site_configuration.default_path().name == "site.toml"


# ------------------------------------------------------------------ what a site sets for readers

POLICY = SitePolicy(
    notice="Study M-12: “read” by the protocol.",
    data=Path("/srv/birads"),
    exports=frozenset({Export.PICTURES, Export.OBJECTS}),
    defaults=ReadingSettings(language="es", open_folder=Path("/mnt/in")),
    locked=ReadingSettings("light", ReadingMode.BLIND_AUDIT, export_folder=Path("/mnt/out")),
    because="Protocol 12/2026",
)


def test_what_a_site_sets_for_its_readers_is_read_as_it_was_written(tmp_path):
    whole = replace(WHOLE, policy=POLICY)
    write(whole, tmp_path / "site.toml")
    assert read(tmp_path / "site.toml") == whole
    assert POLICY.is_locked("mode")
    assert not POLICY.is_locked("language")
    assert not SiteConfiguration(policy=POLICY).is_networked


def test_one_file_counts_and_the_machines_before_all(tmp_path, monkeypatch):
    machine, named, own = (tmp_path / name for name in ("machine", "named", "own"))
    assert found((machine, own)) is None
    own.touch()
    assert found((machine, own)) == own
    monkeypatch.setenv(VARIABLE, str(named))
    with pytest.raises(ConfigurationRefused, match="it is not there"):
        found((machine, named, own))  # never the reader's in its place
    named.touch()
    assert found((machine, named, own)) == named
    machine.touch()
    assert found((machine, named, own)) == machine
    assert places()[1:] == (named, site_configuration.default_path())


def test_the_file_that_the_environment_names_is_the_one_that_is_read(tmp_path, monkeypatch):
    path = tmp_path / "ours.toml"
    path.write_text('[site]\nnotice = "Ward 3"\ndata = "/srv/{user}/b"\n')
    path.chmod(0o644)
    monkeypatch.setenv(VARIABLE, str(path))
    policy = site_configuration.policy()
    assert policy.notice == "Ward 3"
    assert policy.data == Path("/srv", getpass.getuser(), "b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # whoever else reads it still may
    assert default_store() == policy.data / "readings.sqlite"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path):
    (tmp_path / "site.toml").touch(0)
    with pytest.raises(ConfigurationRefused, match="Permission denied"):
        read(tmp_path / "site.toml")


def test_what_lies_at_the_files_place_and_is_none_is_told(tmp_path):
    with pytest.raises(ConfigurationRefused, match="Nothing was opened"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[site]\nnotise = ''", "unknown notise"),
        ('[site]\nnotice = "a\\nb"', "cannot be shown"),
        (f"[site]\nnotice = '{'a' * 201}'", "too long"),
        ("[site]\ndata = 'srv'", "whole path"),
        ("[site]\nexports = ['everything']", 'none of "pictures"'),
        ("[site.locked]\nmodel = 'huge'", "one of"),
        ("[site.locked]\nmode = 'SECOND_READ'", '"second read"'),
        ("[site.defaults]\nlanguage = 'fr'", "en, es"),
        ("[site.defaults]\nbecause = 'x'", "unknown because"),
    ],
)
def test_what_a_site_cannot_mean_is_refused(tmp_path, text, words):
    (tmp_path / "site.toml").write_text(text)
    with pytest.raises(ConfigurationRefused, match=words):
        read(tmp_path / "site.toml")


def test_a_closed_way_out_and_another_place_are_refused_with_the_sites_reason(tmp_path):
    policy = SitePolicy(
        exports=frozenset({Export.PICTURES}),
        locked=ReadingSettings(export_folder=tmp_path / "out"),
        because="Protocol 12/2026",
    )
    policy.check_allowed(Export.PICTURES)
    with pytest.raises(ConfigurationRefused, match="Protocol 12/2026"):
        policy.check_allowed(Export.COPIES)
    policy.check_place(tmp_path / "out" / "a.png")
    for place in (tmp_path / "a.png", tmp_path / "out" / ".." / "a.png"):
        with pytest.raises(ConfigurationRefused, match="out"):
            policy.check_place(place)
    SitePolicy().check_place(tmp_path / "anywhere.png")


def test_the_command_line_gives_nothing_out_that_the_site_has_closed(tmp_path, monkeypatch, capsys):
    (tmp_path / "site.toml").write_text("[site]\nexports = []\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "site.toml"))
    assert main(["anonymise", str(tmp_path), "--out", str(tmp_path / "copies")]) == 2
    assert "Not allowed by this site" in capsys.readouterr().err
    assert not (tmp_path / "copies").exists()
    (tmp_path / "site.toml").write_text("[site\n")
    assert main(["readings", "verify"]) == 2  # where the readings lie is not known then
    assert "Site configuration is not valid" in capsys.readouterr().err
