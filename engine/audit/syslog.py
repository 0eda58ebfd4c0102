"""Audit messages on their way to a syslog server: RFC 5424 messages over TLS, RFC 5425.

TCP tells nobody what has arrived. So a batch counts as delivered only after the server has closed
the connection in good order behind it; else all of it is sent again. A server may get a message
twice, and never misses one.
"""

import os
import socket
import ssl

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
    name = server.tls.name or server.host
    with (
        socket.create_connection((server.host, server.port), timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        for part in frames:
            connection.sendall(part)
        _say_good_bye(connection)


def _say_good_bye(connection: ssl.SSLSocket) -> None:
    """Returns once the server has read all and gone, with a good-bye of its own or without."""
    try:
        connection.unwrap()
    except ssl.SSLEOFError:
        return
    except OSError as error:
        if error.errno:  # 0 is what OpenSSL makes of an end without good-bye; others are breaks
            raise
