"""What a DICOM unique identifier may be, PS3.5 section 9.1."""

import re

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")


def is_uid(text: str) -> bool:
    """Also what may stand in a path: nothing but digits and single dots."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None
