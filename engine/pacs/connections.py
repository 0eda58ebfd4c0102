"""Associations with a node, and in words why there is none.

Nothing here opens a socket without a node of the site's configuration. pynetdicom's own log, which
quotes identifiers, is silenced.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pynetdicom
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time
from pynetdicom.transport import AssociationSocket

from engine import __version__
from engine.errors import EngineError
from engine.messages import Message, as_message, message
from engine.site_configuration import Node, SiteConfiguration, Tls

for _name in ("pynetdicom", "dicomweb_client", "urllib3", "retrying"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)
# nor are its words put together
pynetdicom._config.LOG_HANDLER_LEVEL = "none"  # noqa: SLF001  its only door
pynetdicom._config.LOG_REQUEST_IDENTIFIERS = False  # noqa: SLF001  its only door
pynetdicom._config.LOG_RESPONSE_IDENTIFIERS = False  # noqa: SLF001  its only door


def _close(self: AssociationSocket) -> None:
    """Closes the socket also where the other side has gone, which pynetdicom 3.0.4 forgets."""
    open_one = self.socket  # which another thread may be taking away
    if open_one is not None:
        with suppress(OSError):
            open_one.shutdown(socket.SHUT_RDWR)
        open_one.close()


AssociationSocket._shutdown_socket = _close  # type: ignore[method-assign]  # noqa: SLF001  as above

#: Under pydicom's root, like its "2.25" UIDs made of a UUID once and for all.
IMPLEMENTATION_UID = "2.25.245712386498101634837905463197826115729"
IMPLEMENTATION_VERSION = f"BIRADSVIEWER{__version__.replace('.', '')}"[:16]
LARGEST_PDU = 256 * 1024
_PROBE_S = 5.0  # to find out why

Handlers = Sequence[tuple[Any, Callable[..., Any]]]


class NodeFailed(EngineError):
    """The node does not answer as it should; the advice says what to look at."""


def application_entity(configuration: SiteConfiguration, node: Node | None = None) -> AE:
    ae = AE(configuration.ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION
    ae.maximum_pdu_size = LARGEST_PDU
    seconds = node.timeout_s if node is not None else 30.0
    ae.connection_timeout = min(seconds, 15.0)
    ae.acse_timeout = ae.dimse_timeout = seconds
    ae.network_timeout = max(seconds, 60.0)  # a PACS may fetch from tape between two answers
    return ae


@contextmanager
def associated(
    configuration: SiteConfiguration,
    node: Node,
    contexts: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Handlers = (),
) -> Iterator[Association]:
    """An association, released at the end, aborted after an exception. Raises NodeFailed."""
    association = open_association(configuration, node, contexts, roles, handlers)
    try:
        yield association
    except BaseException:
        abort(association)
        raise
    if association.is_established:
        association.release()
    else:
        abort(association)


def open_association(
    configuration: SiteConfiguration,
    node: Node,
    contexts: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Handlers = (),
) -> Association:
    """Whoever opens it, ends it. Raises NodeFailed."""
    if not node.host:
        raise NodeFailed(
            message("Not a DICOM node"),
            message("{node} is configured for DICOMweb alone.", node=node.name),
        )
    ae = application_entity(configuration, node)
    try:
        tls = (client_context(node.tls), node.tls.name or node.host) if node.tls else None
        association = ae.associate(
            node.host,
            node.port,
            contexts=list(contexts),
            ae_title=node.ae_title,
            max_pdu=LARGEST_PDU,
            ext_neg=list(roles),
            evt_handlers=[(evt.EVT_CONN_OPEN, _hurry), (evt.EVT_DATA_SENT, _hurry), *handlers],
            tls_args=tls,
        )
    except OSError as error:
        raise _unreachable(node, error) from error
    if association.is_established:
        return association
    abort(association)
    raise _why_not(node, association)


def _hurry(event: evt.Event) -> None:
    """Nobody waits for acknowledgements: a request is two small packets and an answer three, and
    before the next one either side waits up to 40 ms for the other's.
    """
    transport = event.assoc.dul.socket
    if transport is None or transport.socket is None:
        return
    with suppress(OSError):
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_QUICKACK"):  # Linux, which forgets it again
            transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def abort(association: Association) -> None:
    """Ends it whatever state it is in; its thread has gone then."""
    with suppress(Exception):  # of a connection that is gone already
        if not (association.is_released or association.is_aborted or association.is_rejected):
            association.abort()
    if association.is_alive():
        association.join(5)
    transport = association.dul.socket
    if transport is not None:  # of who never spoke DICOM
        transport.close()


def client_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or newer; the peer must be who the site's authority says. Raises NodeFailed."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(tls.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise unusable_keys(error) from error
    return context


def server_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or newer, and only for who has a certificate of the authority. Raises NodeFailed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(str(tls.ca))
        if tls.certificate is None:
            raise ValueError("no certificate")
        context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ValueError) as error:
        raise unusable_keys(error) from error
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def unusable_keys(error: Exception) -> NodeFailed:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return NodeFailed(
        message("Keys cannot be used"),
        message("Certificate, key or authority of the configuration: {reason}.", reason=reason),
    )


def echo(configuration: SiteConfiguration, node: Node) -> None:
    """C-ECHO: the test behind the button. Raises NodeFailed, which says what is wrong."""
    with associated(configuration, node, [build_context(Verification)]) as association:
        status = association.send_c_echo()
        if not status:
            raise lost(node)
        if status.Status != 0x0000:
            raise NodeFailed(
                message("Node refuses the test"),
                message(
                    "{node} answers with status {status}.",
                    node=node.name,
                    status=f"{status.Status:#06x}",
                ),
            )


def lost(node: Node) -> NodeFailed:
    """An empty status is all that tells of it: pynetdicom's flags may still say "established"."""
    return NodeFailed(
        message("Connection lost"),
        message("{node} broke it off or does not answer: try again.", node=node.name),
    )


# -------------------------------------------------------------------------------------- in words


def _rejected(source: int, reason: int, own: str, theirs: str) -> Message:
    """PS3.8 section 9.3.4."""
    words = {
        (1, 3): message("it does not know our AE title “{own}”: enter it there", own=own),
        (1, 7): message("it is not called “{theirs}”: ask for its AE title", theirs=theirs),
        (1, 2): message("it does not speak this kind of DICOM"),
        (3, 1): message("it is busy: try again later"),
        (3, 2): message("it has no room for another association: try again later"),
    }
    return words.get((source, reason), message("it gives no reason that is known"))


def _why_not(node: Node, association: Association) -> NodeFailed:
    if association.is_rejected:
        answer = association.acceptor.primitive
        source = getattr(answer, "result_source", None) or 0
        reason = getattr(answer, "diagnostic", None) or 0
        words = _rejected(source, reason, association.requestor.ae_title, node.ae_title)
        return NodeFailed(
            message("Association rejected"),
            message("{node}: {words}.", node=node.name, words=words),
        )
    if association.acceptor.primitive is not None and not association.accepted_contexts:
        return NodeFailed(
            message("Service is not offered"),
            message("{node} accepts none of what was asked of it.", node=node.name),
        )
    found = _probed(node)
    return found or NodeFailed(
        message("Association failed"),
        message(
            "{node} takes the connection and says nothing a DICOM node would: check its port and "
            "whether it wants TLS.",
            node=node.name,
        )
        if node.tls is None
        else message(
            "{node} takes the connection and says nothing a DICOM node would: check its port.",
            node=node.name,
        ),
    )


def _probed(node: Node) -> NodeFailed | None:
    """Connects once more, only to see what happens; None: nothing is wrong so far."""
    try:
        with socket.create_connection((node.host, node.port), _PROBE_S) as plain:
            if node.tls is None:
                return None
            context = client_context(node.tls)
            name = node.tls.name or node.host
            with context.wrap_socket(plain, server_hostname=name) as connection:
                connection.settimeout(0.5)
                with suppress(TimeoutError):
                    connection.recv(1)  # TLS 1.3 tells of our certificate only now
        return None
    except OSError as error:
        return _unreachable(node, error)


def _unreachable(node: Node, error: OSError) -> NodeFailed:
    place = f"{node.host}:{node.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return NodeFailed(
            message("Node is not trusted"),
            message(
                "The certificate of {place} is not good: {reason}.",
                place=place,
                reason=error.verify_message,
            ),
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        if "certificate" in reason or "unknown ca" in reason:
            words = message("it wants a certificate of ours that its authority has signed")
        elif "wrong version" in reason or "record" in reason:
            words = message("it does not speak TLS on this port")
        else:
            words = as_message(reason) if reason else message("the handshake was broken off")
        return NodeFailed(
            message("TLS refused"), message("{place}: {words}.", place=place, words=words)
        )
    if isinstance(error, socket.gaierror):
        return NodeFailed(
            message("Unknown host"), message("No machine is called “{host}” here.", host=node.host)
        )
    if isinstance(error, TimeoutError):
        return NodeFailed(
            message("No answer"),
            message("{place} does not answer: check address and firewall.", place=place),
        )
    if isinstance(error, ConnectionRefusedError):
        return NodeFailed(
            message("Connection refused"),
            message("Nothing listens on {place}: check the port.", place=place),
        )
    return NodeFailed(
        message("Node cannot be reached"),
        message("{place}: {reason}.", place=place, reason=error.strerror or type(error).__name__),
    )
