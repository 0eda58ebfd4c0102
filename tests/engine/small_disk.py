"""A disk that a test fills: a file system in memory, seen by the child alone."""

import shutil
import subprocess
from pathlib import Path

import pytest

#: No rights are needed where the system lets users have name spaces of their own.
MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def skip_without(place: Path) -> None:
    """Where this system lets nobody have one; `place` is a folder that it would be mounted on."""
    if shutil.which("unshare") is None:
        pytest.skip("no name spaces on this system")
    test = subprocess.run([*MOUNT, 'mount -t tmpfs tmpfs "$1"', "sh", str(place)], check=False)
    if test.returncode:
        pytest.skip("this system does not let users mount anything")
