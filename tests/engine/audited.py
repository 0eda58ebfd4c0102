"""What stands in the audit log of a test."""

from pathlib import Path
from xml.etree import ElementTree

from engine.audit.log import AuditLog


def events(folder: Path) -> list[str]:
    """What was done, in the standard's words, the first first."""
    return [
        ElementTree.fromstring(xml)[0][0].attrib["originalText"]
        for xml in AuditLog(folder).messages()
    ]
