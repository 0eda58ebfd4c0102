"""DICOM and plain images: what lies in a folder, whose it is, and its pixels."""

import sys


def _import_pydicom_alone() -> None:
    """Without what pydicom would fetch test files from the network by, and show their progress:
    `requests` takes a tenth of a second of each start, and binds a socket to see whether there is
    IPv6; `tqdm` a hundredth.
    """
    if "pydicom" in sys.modules:
        return
    hidden = {"requests", "tqdm"} - sys.modules.keys()
    sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]  # to Python: not to be imported
    try:
        import pydicom.data  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


_import_pydicom_alone()
