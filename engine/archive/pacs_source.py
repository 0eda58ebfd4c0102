"""Studies of a PACS as an archive: the driver asks which there are, the workers fetch them.

`pacs:NODE?since=YYYY-MM-DD`, and `until`, `modality`. NODE is of the site's configuration, which is
read where the work is done, so every worker's machine needs it. It is asked day by day, as a PACS
may answer with no more than some hundreds.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree
from urllib.parse import parse_qsl

from engine import site_configuration
from engine.archive.units import SourceGone
from engine.audit.messages import EventIdentification, Role
from engine.errors import EngineError, InvalidData
from engine.pacs.connections import NodeFailed
from engine.pacs.finding import MOST, StudyQuery
from engine.pacs.inbox import Inbox, InboxFailed, ObjectRefused
from engine.pacs.site import Site
from engine.site_configuration import ConfigurationRefused, Retrieval

_PREFIX = "birads-archive-"  #: of folders for what is fetched
_STALE_S = 3600  #: a folder that nobody has touched for so long is a dead worker's
_NOT_TAKEN = 0x0122  #: a status of `ObjectRefused`


@dataclass(frozen=True)
class PacsSource:
    node: str
    since: date
    until: date
    modality: str = "MG"

    @classmethod
    def of(cls, text: str) -> "PacsSource":
        """Raises InvalidData, and ConfigurationRefused where the node is none that can be asked."""
        node, _, query = text.partition("?")
        try:
            asked = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
            source = cls(
                node,
                date.fromisoformat(asked.pop("since")),
                date.fromisoformat(asked.pop("until", f"{date.today()}")),
                asked.pop("modality", "MG"),
            )
            if asked:
                raise ValueError
        except (ValueError, KeyError) as error:
            raise InvalidData(
                "Not a question to a PACS",
                "Say pacs:NODE?since=YYYY-MM-DD, and where wanted &until=YYYY-MM-DD&modality=MG.",
            ) from error
        _site(node)
        return source

    def keys(self) -> Iterator[str]:
        site = _site(self.node)
        error = None
        try:
            for query in self._queries():
                found = site.find(query)
                if len(found) >= MOST:  # over DICOMweb the rest is left out
                    raise NodeFailed(
                        "Too many studies a day", f"{self.node} has {MOST} or more of one day."
                    )
                yield from (study.study_uid for study in found)
        except EngineError as caught:
            error = caught
            raise
        finally:
            _audit_query(site, f"{self.since} to {self.until} {self.modality}", error)

    def _queries(self) -> Iterator[StudyQuery]:
        for days in range((self.until - self.since).days + 1):
            day = self.since + timedelta(days)
            yield StudyQuery(modality=self.modality, since=day, until=day)

    @contextmanager
    def fetched(self, key: str) -> Iterator[Sequence[Path]]:
        """Raises SourceGone where this machine can fetch nothing, or the PACS answers nobody."""
        _sweep()
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:  # its owner's alone
            try:
                site = _site(self.node)
                result = site.retrieved(key, Inbox(Path(folder)))
                if result.failure is not None:
                    site.echo()
            except EngineError as error:
                raise SourceGone(error.title, error.advice) from error
            if result.failure is not None:  # it answers, but for this study
                raise result.failure
            for refused in result.refused:
                if isinstance(refused, InboxFailed):
                    raise SourceGone(refused.title, refused.advice)
                if not _is_of_no_use(refused):
                    raise refused
            yield sorted(result.folder.glob("*.dcm"))


def _is_of_no_use(error: EngineError) -> bool:
    """Whether it was an object of a kind that nobody here reads."""
    return isinstance(error, ObjectRefused) and error.status == _NOT_TAKEN


def _site(node: str) -> Site:
    """Raises ConfigurationRefused."""
    configuration = site_configuration.read()
    if configuration is None:
        raise ConfigurationRefused(
            "No DICOM node is configured",
            f"{site_configuration.default_path()} is not there: nothing was opened.",
        )
    known = configuration.node(node)
    if known.host and known.retrieval is Retrieval.MOVE:
        if known.web is None:
            raise ConfigurationRefused(
                "C-MOVE is not for archives",
                f'Several workers cannot receive at one port: set retrieve = "get" for {node}, or '
                "its DICOMweb.",
            )
        known = replace(known, host="")
    return Site(configuration, known)


def _audit_query(site: Site, asked: str, error: EngineError | None) -> None:
    peers = (site.peer(Role.DESTINATION),)
    site.audit(EventIdentification.QUERY, peers, (), error, asked, Role.SOURCE)


def _sweep() -> None:
    """Takes away what workers left that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                rmtree(left)
