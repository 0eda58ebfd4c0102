"""What a site sets for its readers, and what it allows this program on its network: nothing, until
there is this file.

TOML. One file counts, the first that is there: the machine's, the one that an environment variable
names, the user's own, which is kept readable by its owner alone. Whoever may write it decides
where images of patients go, so one that others may write is refused. A typo is refused, too, never
ignored: a `securty = "tls"` would send in the clear.
"""

import getpass
import json
import os
import stat
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from engine.domain import MODEL_NAMES, ReadingMode
from engine.errors import EngineError
from engine.messages import Message, message
from engine.private_files import FOLDER_NAME, keep_private, make_private_folder, write_whole
from resources import ROOT

VARIABLE = "BIRADS_VIEWER_SITE"  #: of the environment; names a file in the place of the user's
FILE_NAME = "site.toml"
DEFAULT_AE_TITLE = "BIRADSVIEWER"
_LARGEST_FILE = 2**20  #: bytes
_LONGEST_TEXT = 200  #: letters of what a site says to its readers
_WIDE_ADDRESSES = ("", "0.0.0.0", "::", "*")


class ConfigurationRefused(EngineError):
    """The file cannot be used as it is; nothing is opened then."""


class Retrieval(Enum):
    GET = "get"  #: C-GET: over our own association, no port of ours is needed
    MOVE = "move"  #: C-MOVE: the PACS opens an association to our receiver


@dataclass(frozen=True)
class Tls:
    """Files in PEM. Without `certificate` the peer cannot tell that it is us."""

    ca: Path  #: who may have signed the peer's certificate
    certificate: Path | None = None
    key: Path | None = None
    name: str = ""  #: what the peer's certificate must be for, where that is not its host


@dataclass(frozen=True)
class Web:
    """DICOMweb."""

    url: str  #: of the service, e.g. https://pacs/dicom-web; http only if `is_plain`
    tls: Tls | None = None


@dataclass(frozen=True)
class Node:
    """A PACS, or whatever else is spoken to."""

    name: str  #: what the site calls it
    ae_title: str = ""
    host: str = ""
    port: int = 0
    tls: Tls | None = None  #: None: in the clear, which the file must say in so many words
    retrieval: Retrieval = Retrieval.GET
    commits: bool = False  #: whether it is asked to confirm that it keeps what it was sent
    web: Web | None = None
    timeout_s: float = 30.0

    @property
    def is_plain(self) -> bool:
        """Whether anything goes to it unencrypted."""
        return (bool(self.host) and self.tls is None) or (
            self.web is not None and self.web.tls is None
        )


@dataclass(frozen=True)
class ReceiverConfiguration:
    """Where we listen; for C-MOVE, for pushes, for storage commitment."""

    address: str  #: of one interface, by name or number; never all of them
    port: int
    callers: frozenset[str]  #: AE titles that may store
    tls: Tls | None = None
    largest_mb: int = 1024  #: of one object
    folder: Path | None = None  #: None: the user's own


@dataclass(frozen=True)
class Syslog:
    """RFC 5425: over TLS alone."""

    host: str
    port: int
    tls: Tls


@dataclass(frozen=True)
class AuditSettings:
    folder: Path | None = None  #: None: the user's own
    syslog: Syslog | None = None


class Export(Enum):
    """A way out of the program, which a site may close."""

    PICTURES = "pictures"  #: views as images, to a file or the clipboard
    SUMMARIES = "summaries"  #: the page about a study, printed or as PDF
    COPIES = "copies"  #: anonymised studies
    READINGS = "readings"  #: tables of what was read
    TRAINING = "training"  #: images and categories to train a network
    OBJECTS = "objects"  #: results as DICOM objects


@dataclass(frozen=True)
class ReadingSettings:
    """What a site may set for its readers; None: nothing."""

    model: str | None = None  #: one of MODEL_NAMES
    mode: ReadingMode | None = None
    language: str | None = None  #: that is shipped, e.g. "es"
    open_folder: Path | None = None  #: where dialogs that open begin
    export_folder: Path | None = None  #: where those that save begin; locked: nothing leaves it


@dataclass(frozen=True)
class SitePolicy:
    """Until it is set, readers choose, and everything may be given out."""

    notice: str = ""  #: said in the window at all times
    data: Path | None = None  #: of readings, logs, backups; None: the user's own data folder
    exports: frozenset[Export] = frozenset(Export)
    defaults: ReadingSettings = ReadingSettings()  #: until a reader chooses
    locked: ReadingSettings = ReadingSettings()  #: whatever a reader chooses
    because: str = ""  #: why it is locked, to be shown

    def is_locked(self, name: str) -> bool:
        """Of a field of `ReadingSettings`."""
        return getattr(self.locked, name) is not None

    def check_allowed(self, way: Export) -> None:
        """Raises ConfigurationRefused where the site has closed this way out."""
        if way not in self.exports:
            raise ConfigurationRefused(message("Not allowed by this site"), self.reason)

    def check_place(self, path: Path) -> None:
        """Raises ConfigurationRefused where the site wants what is given out somewhere else."""
        folder = self.locked.export_folder
        if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
            advice = message(
                "What is given out goes to {folder}. {reason}",
                folder=str(folder),
                reason=self.reason,
            )
            raise ConfigurationRefused(message("Not allowed by this site"), advice)

    @property
    def reason(self) -> Message:
        """Why something is locked, in the site's words."""
        if self.because:
            return message("Set by this site: {why}", why=self.because)
        return message("Set by this site.")


@dataclass(frozen=True)
class SiteConfiguration:
    ae_title: str = DEFAULT_AE_TITLE  #: ours
    nodes: Mapping[str, Node] = field(default_factory=dict)  #: by their names
    receiver: ReceiverConfiguration | None = None
    audit: AuditSettings = AuditSettings()
    policy: SitePolicy = SitePolicy()

    @property
    def is_networked(self) -> bool:
        """Whether anything may be opened at all; told in the window's title."""
        return bool(self.nodes or self.receiver or self.audit.syslog)

    def node(self, name: str) -> Node:
        """Raises ConfigurationRefused where there is none of that name."""
        if name not in self.nodes:
            known = ", ".join(self.nodes) or "none"
            raise ConfigurationRefused(
                "Unknown node", f"{name!r} is not configured; known: {known}."
            )
        return self.nodes[name]


def default_path() -> Path:
    """The user's own file."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Preferences"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / FOLDER_NAME / FILE_NAME


def system_path() -> Path:
    """The machine's file, which its administrator writes."""
    if os.name == "nt":
        base = Path(os.environ.get("PROGRAMDATA") or r"C:\ProgramData")
    elif sys.platform == "darwin":
        base = Path("/Library/Preferences")
    else:
        base = Path("/etc")
    return base / FOLDER_NAME / FILE_NAME


def places() -> tuple[Path, ...]:
    """Where the file may be; the first that is there counts, alone.

    The variable comes second: else whoever starts the program could lay the machine's file aside.
    """
    named = os.environ.get(VARIABLE)
    return (system_path(), *([Path(named)] if named else []), default_path())


def found(among: Sequence[Path] | None = None) -> Path | None:
    """The file that counts; None where there is none.

    Raises ConfigurationRefused where the variable names a file that is not there.
    """
    named = os.environ.get(VARIABLE)
    for path in places() if among is None else among:
        if _is_there(path):
            return path
        if named and path == Path(named):
            raise _refusal(_UNREADABLE, path, f"{VARIABLE} names it, and it is not there")
    return None


def _is_there(path: Path) -> bool:
    """Also a file that may not be looked at."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def read(path: Path | None = None) -> SiteConfiguration | None:
    """The file at `path`, or else the one that counts.

    None where there is no such file: nothing is configured, and nothing is opened.
    Raises ConfigurationRefused.
    """
    path = path or found()
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            _check_rights(path, os.fstat(file.fileno()))
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refusal(_UNREADABLE, path, str(error.strerror)) from error
    if path not in places()[:-1]:  # other users of the machine read those
        keep_private(path)
    try:
        if len(data) > _LARGEST_FILE:
            raise ValueError("the file is too long")
        return parse(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # tomllib's and ours
        raise _refusal(_INVALID, path, str(error)) from error


def policy() -> SitePolicy:
    """What the site has set for its readers. Raises ConfigurationRefused."""
    configuration = read()
    return SitePolicy() if configuration is None else configuration.policy


_UNREADABLE = message("Site configuration cannot be read")
_INVALID = message("Site configuration is not valid")


def _refusal(title: Message, path: Path, why: str) -> ConfigurationRefused:
    advice = message("{path}: {why}. Nothing was opened.", path=str(path), why=why)
    return ConfigurationRefused(title, advice)


def _check_rights(path: Path, status: os.stat_result) -> None:
    if os.name != "posix":  # there the user's profile keeps others out
        return
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise ConfigurationRefused(
            "Site configuration is not safe",
            f"{path} belongs to or may be written by others: take that from them (chmod 600).",
        )


def write(configuration: SiteConfiguration, path: Path | None = None) -> None:
    """Replaces the file, or makes it. Raises ConfigurationRefused, also of values `read` would not
    take.
    """
    path = path or default_path()
    text = as_toml(configuration)
    try:
        if parse(text) != configuration:
            raise ValueError("a value would not read back")
        make_private_folder(path.parent)
        write_whole(path, text.encode())
    except ValueError as error:
        raise ConfigurationRefused("Site configuration is not valid", f"{error}.") from error
    except OSError as error:
        raise ConfigurationRefused(
            "Site configuration cannot be written", f"{path}: {error.strerror}."
        ) from error


# ---------------------------------------------------------------------------------------- reading


def parse(text: str) -> SiteConfiguration:
    """Raises ValueError with the place in words."""
    table = _Table("the file", tomllib.loads(text))
    nodes = {
        name: _node(name, _Table(f"[nodes.{name}]", values))
        for name, values in table.tables("nodes").items()
    }
    receiver, audit, site = (table.table(name) for name in ("receive", "audit", "site"))
    configuration = SiteConfiguration(
        ae_title=_ae_title(table, "ae_title", DEFAULT_AE_TITLE),
        nodes=nodes,
        receiver=_receiver(receiver) if receiver else None,
        audit=_audit(audit) if audit else AuditSettings(),
        policy=_policy(site) if site else SitePolicy(),
    )
    table.check_all_known()
    return configuration


class _Table:
    """One table of the file; what nobody asked for is a mistake."""

    def __init__(self, where: str, values: object) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{where} is no table")
        self.where = where
        self._values: dict[str, Any] = values
        self._asked: set[str] = set()
        self._inner: list[_Table] = []

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """Without a default the value must be there."""
        self._asked.add(key)
        value = self._values.get(key, default)
        if value is None:
            raise ValueError(f"{self.where} lacks {key}")
        # True is an int to Python, and 30 a float to people
        fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{self.where}: {key} is no {kind.__name__}")
        return value

    def path(self, key: str) -> Path | None:
        self._asked.add(key)
        if key not in self._values:
            return None
        path = Path(self.get(key, str)).expanduser()
        if not path.is_absolute():
            raise ValueError(f"{self.where}: {key} must be a whole path, from the root on")
        return path

    def table(self, key: str) -> "_Table | None":
        self._asked.add(key)
        if key not in self._values:
            return None
        inner = _Table(
            f"[{key}]" if self.where == "the file" else f"{self.where} {key}", self._values[key]
        )
        self._inner.append(inner)
        return inner

    def tables(self, key: str) -> dict[str, Any]:
        self._asked.add(key)
        found = self._values.get(key, {})
        if not isinstance(found, dict):
            raise ValueError(f"{key} holds no tables")
        return found

    def check_all_known(self) -> None:
        unknown = sorted(set(self._values) - self._asked)
        if unknown:
            raise ValueError(f"{self.where}: unknown {', '.join(unknown)}")
        for inner in self._inner:
            inner.check_all_known()


def _node(name: str, table: _Table) -> Node:
    if not name.isprintable() or not name.strip() or len(name) > 64:
        raise ValueError(f"{table.where}: its name is empty, too long or cannot be shown")
    has_host, web = bool(table.get("host", str, "")), table.table("web")
    if not has_host and web is None:
        raise ValueError(f"{table.where} has neither host nor web")
    timeout = float(table.get("timeout_s", float, 30.0))
    if not 1 <= timeout <= 3600:
        raise ValueError(f"{table.where}: timeout_s must lie in 1 … 3600")
    node = Node(
        name,
        ae_title=_ae_title(table, "ae_title") if has_host else "",
        host=_host(table) if has_host else "",
        port=_port(table) if has_host else 0,
        tls=_tls(table) if has_host else None,
        retrieval=_retrieval(table),
        commits=table.get("commitment", bool, False),
        web=_web(web) if web else None,
        timeout_s=timeout,
    )
    table.check_all_known()
    return node


def _retrieval(table: _Table) -> Retrieval:
    word = table.get("retrieve", str, Retrieval.GET.value)
    try:
        return Retrieval(word)
    except ValueError:
        raise ValueError(f'{table.where}: retrieve must be "get" or "move"') from None


def _web(table: _Table) -> Web:
    url = table.get("url", str).rstrip("/")
    scheme = url.partition("://")[0]
    if scheme not in ("https", "http") or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(f"{table.where}: url must begin with https://")
    tls = _tls(table)
    if (scheme == "https") != (tls is not None):
        raise ValueError(f'{table.where}: https goes with security = "tls", http with "plain"')
    return Web(url, tls)


def _receiver(table: _Table) -> ReceiverConfiguration:
    address = table.get("address", str).strip()
    if address in _WIDE_ADDRESSES:
        raise ValueError(
            f"{table.where}: address must be that of one interface, e.g. 127.0.0.1: not all of them"
        )
    callers = table.get("callers", list)
    titles = [_checked_title(table.where, title) for title in callers]
    if not titles:
        raise ValueError(f"{table.where}: callers names nobody who may store")
    largest = table.get("largest_mb", int, 1024)
    if not 1 <= largest <= 4096:
        raise ValueError(f"{table.where}: largest_mb must lie in 1 … 4096")
    tls = _tls(table)
    if tls is not None and (tls.certificate is None or tls.key is None):
        raise ValueError(f"{table.where}: a receiver with TLS needs certificate and key")
    return ReceiverConfiguration(
        address, _port(table), frozenset(titles), tls, largest, table.path("folder")
    )


def _audit(table: _Table) -> AuditSettings:
    syslog, found = table.table("syslog"), None
    if syslog is not None:
        tls = _tls(syslog)
        if tls is None:
            raise ValueError(f'{syslog.where}: audit messages go over security = "tls" alone')
        found = Syslog(_host(syslog), _port(syslog, 6514), tls)
    return AuditSettings(table.path("folder"), found)


def _policy(table: _Table) -> SitePolicy:
    defaults, locked = table.table("defaults"), table.table("locked")
    ways = table.get("exports", list, [way.value for way in Export])
    return SitePolicy(
        notice=_said(table, "notice"),
        data=_own_path(table, "data"),
        exports=frozenset(_member(table, "exports", Export, way) for way in ways),
        defaults=_settings(defaults) if defaults else ReadingSettings(),
        locked=_settings(locked) if locked else ReadingSettings(),
        because=_said(locked, "because") if locked else "",
    )


def _settings(table: _Table) -> ReadingSettings:
    model = table.get("model", str, "")
    if model and model not in MODEL_NAMES:
        raise ValueError(f"{table.where}: model must be one of {', '.join(MODEL_NAMES)}")
    mode, language = table.get("mode", str, ""), table.get("language", str, "")
    if language and language not in _languages():
        raise ValueError(f"{table.where}: language must be one of {', '.join(_languages())}")
    return ReadingSettings(
        model=model or None,
        mode=_member(table, "mode", ReadingMode, mode) if mode else None,
        language=language or None,
        open_folder=_own_path(table, "open_folder"),
        export_folder=_own_path(table, "export_folder"),
    )


def _languages() -> list[str]:
    files = (ROOT / "translations").glob("birads_*.qm")
    return ["en", *sorted(path.stem.removeprefix("birads_") for path in files)]


M = TypeVar("M", bound=Enum)


def _member(table: _Table, key: str, kind: type[M], word: object) -> M:
    try:
        return kind(word)
    except ValueError:
        known = ", ".join(f'"{each.value}"' for each in kind)
        raise ValueError(f"{table.where}: {key}: {word!r} is none of {known}") from None


def _said(table: _Table, key: str) -> str:
    text: str = table.get(key, str, "").strip()
    if len(text) > _LONGEST_TEXT or not text.isprintable():
        raise ValueError(f"{table.where}: {key} is too long or cannot be shown")
    return text


def _own_path(table: _Table, key: str) -> Path | None:
    """One place for all of a machine's users, or by "{user}" one for each."""
    path = table.path(key)
    return None if path is None else Path(str(path).replace("{user}", getpass.getuser()))


def _tls(table: _Table) -> Tls | None:
    """TLS unless the table says "plain": nothing goes in the clear because a line is missing."""
    security = table.get("security", str, "tls")
    if security == "plain":
        return None
    if security != "tls":
        raise ValueError(f'{table.where}: security must be "tls" or "plain"')
    ca, certificate, key = (table.path(name) for name in ("ca", "certificate", "key"))
    if ca is None:
        raise ValueError(
            f"{table.where}: TLS needs ca, the file of who signs its certificates; or "
            'security = "plain", in the clear'
        )
    if (certificate is None) != (key is None):
        raise ValueError(f"{table.where}: certificate and key belong together")
    return Tls(ca, certificate, key, table.get("certificate_name", str, ""))


def _host(table: _Table) -> str:
    host: str = table.get("host", str).strip()
    if not host or len(host) > 253 or any(c.isspace() or not c.isprintable() for c in host):
        raise ValueError(f"{table.where}: host is no name or address")
    return host


def _port(table: _Table, default: int | None = None) -> int:
    port: int = table.get("port", int, default)
    if not 1 <= port <= 65535:
        raise ValueError(f"{table.where}: port must lie in 1 … 65535")
    return port


def _ae_title(table: _Table, key: str, default: str | None = None) -> str:
    return _checked_title(table.where, table.get(key, str, default))


def _checked_title(where: str, title: object) -> str:
    """VR AE, PS3.5 section 6.2."""
    if (
        not isinstance(title, str)
        or not 1 <= len(title.strip()) <= 16
        or not title.isascii()
        or not title.isprintable()
        or "\\" in title
    ):
        raise ValueError(f"{where}: {title!r} is no AE title (1 to 16 letters)")
    return title.strip()


# ---------------------------------------------------------------------------------------- writing


def as_toml(configuration: SiteConfiguration) -> str:
    """As people would write it; what is the default is left out."""
    lines = [
        "# What a site sets for birads-viewer, and what that may do on the network.",
        f"ae_title = {_quoted(configuration.ae_title)}",
    ]
    for name, node in configuration.nodes.items():
        lines += ["", f"[nodes.{_quoted(name)}]"]
        if node.host:
            lines += [
                f"ae_title = {_quoted(node.ae_title)}",
                *(f"host = {_quoted(node.host)}", f"port = {node.port}"),
                *_tls_lines(node.tls),
            ]
        lines += [
            f"retrieve = {_quoted(node.retrieval.value)}",
            f"commitment = {json.dumps(node.commits)}",
            f"timeout_s = {node.timeout_s}",
        ]
        if node.web is not None:
            lines += ["", f"[nodes.{_quoted(name)}.web]", f"url = {_quoted(node.web.url)}"]
            lines += _tls_lines(node.web.tls)
    receiver = configuration.receiver
    if receiver is not None:
        lines += [
            *("", "[receive]", f"address = {_quoted(receiver.address)}"),
            f"port = {receiver.port}",
            f"callers = [{', '.join(map(_quoted, sorted(receiver.callers)))}]",
            *_tls_lines(receiver.tls),
            f"largest_mb = {receiver.largest_mb}",
        ]
        if receiver.folder is not None:
            lines.append(f"folder = {_quoted(str(receiver.folder))}")
    audit = configuration.audit
    if audit != AuditSettings():
        lines += ["", "[audit]"]
        if audit.folder is not None:
            lines.append(f"folder = {_quoted(str(audit.folder))}")
        if audit.syslog is not None:
            lines += ["", "[audit.syslog]", f"host = {_quoted(audit.syslog.host)}"]
            lines += [f"port = {audit.syslog.port}", *_tls_lines(audit.syslog.tls)]
    lines += _policy_lines(configuration.policy)
    return "\n".join(lines) + "\n"


def _policy_lines(policy: SitePolicy) -> Iterator[str]:
    if policy == SitePolicy():
        return
    yield from ("", "[site]", f"notice = {_quoted(policy.notice)}")
    if policy.data is not None:
        yield f"data = {_quoted(str(policy.data))}"
    ways = [_quoted(way.value) for way in Export if way in policy.exports]
    yield f"exports = [{', '.join(ways)}]"
    for name, settings in (("defaults", policy.defaults), ("locked", policy.locked)):
        yield from ("", f"[site.{name}]")
        for entry in fields(settings):
            value = getattr(settings, entry.name)
            if value is not None:
                text = value.value if isinstance(value, ReadingMode) else str(value)
                yield f"{entry.name} = {_quoted(text)}"
    yield f"because = {_quoted(policy.because)}"


def _tls_lines(tls: Tls | None) -> list[str]:
    if tls is None:
        return ['security = "plain"']
    lines = ['security = "tls"']
    for entry in fields(tls):
        value = getattr(tls, entry.name)
        if value:
            key = "certificate_name" if entry.name == "name" else entry.name
            lines.append(f"{key} = {_quoted(str(value))}")
    return lines


def _quoted(text: str) -> str:
    """JSON's strings are TOML's but for a lone surrogate, which no valid value holds."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
