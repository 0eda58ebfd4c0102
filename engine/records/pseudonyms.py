"""Keyed hashes in the place of identifiers, so that exports can leave the clinic.

HMAC-SHA-256 (RFC 2104) with a secret of this installation: the same patient, study or image gets
the same name in every export of this installation, and nobody without the secret can tell which it
is, not even by trying all identifiers there are. The secret stays in the user's data folder.
"""

import hmac
import logging
import os
import secrets
from pathlib import Path

from engine.errors import StorageFailed
from engine.messages import message
from engine.private_files import make_folder

log = logging.getLogger(__name__)

SECRET_NAME = "pseudonyms.key"  #: beside the readings
SECRET_BYTES = 32
_LENGTH = 24  # hex digits, 96 bits: no two of a billion images collide


class Pseudonyms:
    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"the secret must have {SECRET_BYTES} bytes")
        self._secret = secret

    @classmethod
    def of_installation(cls, path: Path) -> "Pseudonyms":
        """With the secret in the file, which is made when there is none, for its owner's eyes only.

        Raises StorageFailed where it cannot be read or made; a damaged one is left as it is.
        """
        try:
            if not path.exists():
                _make(path)
            secret = path.read_bytes()
        except OSError as error:
            raise StorageFailed(
                message("No secret for pseudonyms"),
                message(
                    "Check that the data folder may be written to ({why}).", why=str(error.strerror)
                ),
            ) from error
        if len(secret) != SECRET_BYTES:
            raise StorageFailed(
                message("Secret for pseudonyms is damaged"),
                message(
                    "Move {name} out of the data folder: a new one is made, and patients get "
                    "other names in exports from then on.",
                    name=path.name,
                ),
            )
        return cls(secret)

    def name(self, kind: str, identifier: str) -> str:
        """Of an identifier of this kind (patient, study, image, reader); empty stays empty."""
        if not identifier:
            return ""
        message = f"{kind}\0{identifier}".encode()
        return hmac.new(self._secret, message, "sha256").hexdigest()[:_LENGTH]


def _make(path: Path) -> None:
    """Whole or not at all; the first of two processes that try wins."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            temporary.replace(path)
            log.info("Made the secret for pseudonyms")
    finally:
        temporary.unlink(missing_ok=True)
