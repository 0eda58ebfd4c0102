"""Our own port: what the PACS sends by C-MOVE, what is pushed, reports on storage commitment.

Off unless the site configures it: one named address, callers by name, TLS with certificates, limits
on kinds, sizes and numbers. Everything before and beyond DICOM is bounded, too: a stranger who
connects and says nothing, or announces a PDU of gigabytes, holds nobody up.
"""

import logging
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StorageCommitmentPushModel,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer

from engine.errors import EngineError
from engine.messages import Message, message
from engine.pacs.connections import LARGEST_PDU, NodeFailed, application_entity, server_context
from engine.pacs.inbox import Inbox, ObjectRefused, Received
from engine.pacs.storage_classes import accepted_contexts
from engine.site_configuration import SiteConfiguration

log = logging.getLogger(__name__)

MOST_ASSOCIATIONS = 10
_HANDSHAKE_S = 10.0
_HELLO_S = 10.0  # from the connection to the association; a stranger is one of MOST so long
_PDU_MARGIN = 64 * 1024  # presentation contexts and headers beside the data


@dataclass(frozen=True)
class Caller:
    """Who is at the other end, as far as it says."""

    ae_title: str
    host: str


@dataclass(frozen=True, eq=False)
class Listeners:
    """Called from the receiver's threads."""

    on_object: Callable[[Received, Caller], None] = lambda _received, _caller: None
    on_refused: Callable[[EngineError, Caller], None] = lambda _error, _caller: None
    on_stranger: Callable[[EngineError, Caller], None] = lambda _error, _caller: None
    on_commitment: Callable[[str, frozenset[str], frozenset[str]], object] = (
        lambda _transaction, _kept, _failed: None
    )


class Receiver:
    """Listens from `start` to `stop`. Raises NodeFailed where it cannot."""

    def __init__(
        self, configuration: SiteConfiguration, inbox: Inbox, listeners: Listeners | None = None
    ) -> None:
        if configuration.receiver is None:
            raise NodeFailed(
                message("Receiving is off"), message("The site configuration has no [receive].")
            )
        self._settings = configuration.receiver
        self._inbox = inbox
        self._listeners = listeners or Listeners()
        self._server: _Server | None = None
        self._ae = application_entity(configuration)
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = sorted(self._settings.callers)
        self._ae.maximum_associations = MOST_ASSOCIATIONS
        self._ae.acse_timeout = _HELLO_S
        for sop_class, syntaxes in accepted_contexts():
            self._ae.add_supported_context(sop_class, syntaxes)
        self._ae.add_supported_context(Verification)
        self._ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)

    def __enter__(self) -> "Receiver":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return self._settings.address

    @property
    def port(self) -> int:
        return self._server.server_address[1] if self._server else self._settings.port

    def start(self) -> None:
        settings = self._settings
        context = server_context(settings.tls) if settings.tls else None
        try:
            family = socket.getaddrinfo(settings.address, settings.port)[0]
            address = family[4][0]
            server = self._ae.make_server(
                (str(address), settings.port),
                ssl_context=context,
                evt_handlers=[
                    (evt.EVT_C_STORE, self._store),
                    (evt.EVT_N_EVENT_REPORT, self._report),
                    (evt.EVT_CONN_OPEN, self._bound),
                    (evt.EVT_DIMSE_RECV, _message_is_whole),
                    (evt.EVT_REJECTED, self._rejected),
                ],
                server_class=_Server,
                on_refused=self._stranger,
            )
        except OSError as error:
            raise NodeFailed(
                message("Cannot listen"),
                message(
                    "{address}:{port}: {reason}.",
                    address=settings.address,
                    port=settings.port,
                    reason=error.strerror or message("no such address"),
                ),
            ) from error
        assert isinstance(server, _Server)
        self._server = server
        server.start()

    def stop(self) -> None:
        """Associations that are open are aborted; what they had not finished is not kept."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _bound(self, event: evt.Event) -> None:
        _bound_messages(event.assoc, self._settings.largest_mb * 2**20)

    def _store(self, event: evt.Event) -> int:
        request: Any = event.request  # a C-STORE
        sop_class, sop_uid = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        caller = _caller(event)
        try:
            self._inbox.check_wanted(sop_class, sop_uid)
            received = self._inbox.store(event.encoded_dataset(), sop_class, sop_uid)
        except ObjectRefused as error:
            self._listeners.on_refused(error, caller)
            return error.status
        self._listeners.on_object(received, caller)
        return 0x0000

    def _report(self, event: evt.Event) -> tuple[int, Dataset | None]:
        read_commitment(event, self._listeners.on_commitment)
        return 0x0000, None

    def _rejected(self, event: evt.Event) -> None:
        self._stranger(
            message("Association rejected"), message("AE titles do not match."), _caller(event)
        )

    def _stranger(self, title: Message, advice: Message, caller: Caller) -> None:
        self._listeners.on_stranger(NodeFailed(title, advice), caller)


def read_commitment(
    event: evt.Event, on_commitment: Callable[[str, frozenset[str], frozenset[str]], object]
) -> None:
    """Of an N-EVENT-REPORT: transaction, what is kept, what is not."""
    try:
        said = event.event_information
        transaction = str(said.get("TransactionUID") or "")
        kept, failed = (
            frozenset(str(item.ReferencedSOPInstanceUID) for item in said.get(keyword) or ())
            for keyword in ("ReferencedSOPSequence", "FailedSOPSequence")
        )
    except Exception as error:  # noqa: BLE001  whatever came as a data set
        log.warning("A report on storage commitment cannot be read: %s", type(error).__name__)
        return
    on_commitment(transaction, kept, failed)


def _caller(event: evt.Event) -> Caller:
    requestor = event.assoc.requestor
    return Caller(str(requestor.ae_title or "").strip(), str(requestor.address or ""))


# ------------------------------------------------------------------------------------- the server


class _Server(ThreadedAssociationServer):
    """pynetdicom's, with handshakes in the connection's own thread and words instead of traces."""

    daemon_threads = True

    def __init__(
        self, *arguments: Any, on_refused: Callable[[Message, Message, Caller], None], **rest: Any
    ) -> None:
        self._on_refused = on_refused
        super().__init__(*arguments, **rest)
        self._loop: Any = None

    def start(self) -> None:
        self._loop = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self._loop.start()

    def stop(self) -> None:
        socketserver.BaseServer.shutdown(self)
        self.server_close()
        if self._loop is not None:
            self._loop.join()
        open_ones = self.active_associations
        for association in open_ones:
            with suppress(Exception):  # of a connection that is gone already
                association.abort(block=False)
        for association in open_ones:
            association.join(1)
            if association.is_alive():  # e.g. a stranger's, who has never said who he is
                association.dul.to_user_queue.put(None)
                association.join(5)

    def get_request(self) -> tuple[socket.socket, Any]:
        assert self.socket is not None
        connection, address = self.socket.accept()
        connection.settimeout(_HANDSHAKE_S)
        if self.ssl_context:
            # not here, where one who says nothing would keep all others waiting
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        error = sys.exc_info()[1]
        host = str(client_address[0]) if isinstance(client_address, tuple) else ""
        if isinstance(error, ssl.SSLError | OSError):
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            self._on_refused(
                message("TLS refused"),
                message("The handshake failed: {reason}.", reason=reason),
                Caller("", host),
            )
        else:
            log.error("Unexpected fault of a connection: %s", type(error).__name__)


def _bound_messages(association: Any, largest: int) -> None:
    """No PDU longer than was agreed on, no message longer than an object may be."""
    transport = association.dul.socket
    receive = transport.recv
    transport.message_bytes = 0
    transport.socket.settimeout(association.network_timeout)  # the handshake is over

    def bounded(count: int) -> bytearray:
        transport.message_bytes += count
        if count > LARGEST_PDU + _PDU_MARGIN or transport.message_bytes > largest + _PDU_MARGIN:
            raise ConnectionAbortedError("more than may be sent")
        received: bytearray = receive(count)
        return received

    transport.recv = bounded


def _message_is_whole(event: evt.Event) -> None:
    transport: Any = event.assoc.dul.socket
    if transport is not None:
        transport.message_bytes = 0
