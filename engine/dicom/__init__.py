"""DICOM and plain images: what lies in a folder, whose it is, and its pixels."""

import sys


def _import_pydicom_alone() -> None:
    """Without `requests`, by which pydicom would fetch test files from the network: it takes a
    tenth of a second of each start, and binds a socket to see whether there is IPv6.
    """
    if "pydicom" in sys.modules or "requests" in sys.modules:
        return
    sys.modules["requests"] = None  # type: ignore[assignment]  # to Python: not to be imported
    try:
        import pydicom.data  # noqa: F401
    finally:
        del sys.modules["requests"]


_import_pydicom_alone()
