"""The file that allows the program on a network: what it may say, and what is refused."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from engine import site_configuration
from engine.site_configuration import (
    AuditSettings,
    ConfigurationRefused,
    Node,
    ReceiverConfiguration,
    Retrieval,
    SiteConfiguration,
    Syslog,
    Tls,
    Web,
    parse,
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
