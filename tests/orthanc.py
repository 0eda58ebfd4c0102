"""Starts an installed Orthanc (Debian: orthanc, orthanc-dicomweb) on free local ports."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from tests.small_pacs import free_port

EXECUTABLE = os.environ.get("ORTHANC") or shutil.which("Orthanc") or "/usr/sbin/Orthanc"
IS_INSTALLED = Path(EXECUTABLE).is_file()
_BESIDE = Path(EXECUTABLE).parent.parent / "share/orthanc/plugins"
PLUGINS = Path(os.environ.get("ORTHANC_PLUGINS") or _BESIDE)
DICOMWEB = PLUGINS / "libOrthancDicomWeb.so"
WORKLISTS = PLUGINS / "libModalityWorklists.so"
AE_TITLE = "ORTHANC"


class Orthanc:
    """Runs inside a `with` block; `dicom` and `http` are its ports."""

    def __init__(self, folder: Path, viewer_port: int, tls=None) -> None:
        self.http, self.dicom = free_port(), free_port()
        self._log = folder / "orthanc.log"
        self._settings = folder / "orthanc.json"
        self.worklists = folder / "worklists"
        self.worklists.mkdir(parents=True, exist_ok=True)
        viewer = {"AET": "VIEWER", "Host": "127.0.0.1", "Port": viewer_port}
        viewer |= {f"Allow{what}": True for what in ("Echo", "Find", "Get", "Move", "Store")}
        settings = {
            "Name": "TEST",
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": self.http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": AE_TITLE,
            "DicomPort": self.dicom,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowFindWorklist": True,
            "DicomModalities": {"viewer": viewer | {"AllowStorageCommitment": True}},
            "OverwriteInstances": False,
            "Plugins": [str(path) for path in (DICOMWEB, WORKLISTS) if path.exists()],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "Worklists": {"Enable": True, "Database": str(self.worklists)},
        }
        if tls is not None:
            settings |= {
                "DicomTlsEnabled": True,
                "DicomTlsCertificate": str(tls.certificate),
                "DicomTlsPrivateKey": str(tls.key),
                "DicomTlsTrustedCertificates": str(tls.ca),
            }
        self._settings.write_text(json.dumps(settings), "utf-8")

    def __enter__(self) -> "Orthanc":
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [EXECUTABLE, str(self._settings)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                self.get("/system")
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(self._log.read_text(errors="replace")[-2000:]) from None
                time.sleep(0.05)

    def __exit__(self, *_exception: object) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self.kill()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def get(self, path: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=5) as answer:
            return json.loads(answer.read())

    def hold(self, path: Path) -> None:
        """One more object."""
        address = f"http://127.0.0.1:{self.http}/instances"
        request = urllib.request.Request(address, data=path.read_bytes(), method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()

    def clear(self) -> None:
        for patient in self.get("/patients"):
            address = f"http://127.0.0.1:{self.http}/patients/{patient}"
            with urllib.request.urlopen(
                urllib.request.Request(address, method="DELETE"), timeout=5
            ) as answer:
                answer.read()
