"""Sites for tests of the window: a configuration on the disk, and documents beside images."""

from pathlib import Path

from engine import site_configuration
from engine.interop import results
from engine.interop.plans import ObjectKind, ReaderRecords, plan
from engine.site_configuration import Node, SiteConfiguration
from tests.interop_studies import said_of
from tests.small_pacs import AE_TITLE, SmallPacs


def node_of(pacs: SmallPacs, **changes) -> Node:
    settings = {"timeout_s": 10, **changes}
    return Node("archive", AE_TITLE, "127.0.0.1", pacs.port, **settings)


def configure(*nodes: Node, **changes) -> SiteConfiguration:
    """In the test's own user folders, where the window looks."""
    configuration = SiteConfiguration("VIEWER", {node.name: node for node in nodes}, **changes)
    site_configuration.write(configuration)
    return configuration


def write_documents(
    study, folder: Path, kinds=tuple(ObjectKind), words: ReaderRecords | None = None
) -> list[Path]:
    """What the model, and with `words` a reader, said of the study, as files in `folder`."""
    said = said_of(study)
    planned = plan(study, kinds, said, words)
    made = results.make(study, planned, said, words)
    return [results.write(one, folder) for one in made if one.dataset is not None]
