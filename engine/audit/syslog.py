"""Audit messages on their way to a syslog server: RFC 5424 messages over TLS, RFC 5425.

TCP tells nobody what has arrived. So a batch counts as delivered only after the server has closed
the connection in good order behind it; else all of it is sent again. A server may get a message
twice, and never misses one.
"""

import contextlib
import os
import socket
import ssl
from collections.abc import Callable

from engine.audit.log import AuditLog
from engine.audit.messages import this_host
from engine.errors import EngineError
from engine.site_configuration import Syslog

_PRIORITY = 10 * 8 + 5  # authpriv.notice, as IHE ATNA sends them
_TIMEOUT_S = 15.0


class SyslogFailed(EngineError):
    """The messages stay in the log and are sent the next time."""


def frame(xml: str, at: str) -> bytes:
    """One message with its length in front; `at` is an ISO time with a zone."""
    head = f"<{_PRIORITY}>1 {at} {_word(this_host())} birads-viewer {os.getpid()} DICOM+RFC3881 - "
    message = head.encode("ascii", "replace") + b"\xef\xbb\xbf" + xml.encode()
    return f"{len(message)} ".encode() + message


def _word(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isprintable() and c != " ")[:255] or "-"


def deliver(log: AuditLog, server: Syslog, timeout_s: float = _TIMEOUT_S) -> int:
    """Sends what waits, and returns how many messages that were. Raises SyslogFailed."""
    count = 0
    while batch := log.waiting():
        try:
            _send([frame(xml, at) for _, at, xml in batch], server, timeout_s)
        except (OSError, ValueError) as error:
            raise SyslogFailed(
                "Audit messages not delivered",
                f"{server.host}: {getattr(error, 'strerror', None) or type(error).__name__}. They "
                "are kept and sent later.",
            ) from error
        log.delivered(batch[-1][0])
        count += len(batch)
    return count


def _send(frames: list[bytes], server: Syslog, timeout_s: float) -> None:
    context = ssl.create_default_context(cafile=str(server.tls.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if server.tls.certificate is not None:
        context.load_cert_chain(server.tls.certificate, server.tls.key)
    with socket.create_connection((server.host, server.port), timeout_s) as plain:
        connection = _Connection(plain, context, server.tls.name or server.host)
        for part in frames:
            connection.send(part)
        connection.close()


class _Connection:
    """TLS over a socket, told apart from its end.

    A server of TLS 1.3 refuses our certificate only after we think that we are connected, by an
    alert that SSLSocket.unwrap() takes for a good-bye. Reading raises it; so our good-bye is sent
    first and the server's is read.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, name: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while not self._is_done(self._tls.do_handshake):
            self._receive()

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def close(self) -> None:
        """Returns once the server has read all and gone, with a good-bye of its own or without."""
        self._is_done(self._tls.unwrap)
        with contextlib.suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while not self._is_done(lambda: self._tls.read(1)):
                self._receive()

    def _is_done(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._plain.sendall(data)

    def _receive(self) -> None:
        if data := self._plain.recv(65_536):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
