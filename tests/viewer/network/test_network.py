"""The hospital's network from the window: off until a site configures it, and then in words."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit

from engine import site_configuration
from engine.audit.log import AuditLog
from engine.domain import ReadingMode
from engine.interop.plans import ObjectKind, Observer
from engine.pacs.outbox import Outbox, SendState
from engine.site_configuration import (
    AuditSettings,
    Export,
    Node,
    ReceiverConfiguration,
    Retrieval,
    SiteConfiguration,
    SitePolicy,
    Tls,
    Web,
)
from tests import orthanc
from tests.interop_studies import study_in
from tests.small_pacs import AE_TITLE, SmallPacs, free_port
from tests.viewer.driver import (
    are_images_shown,
    enter,
    find,
    open_and_wait,
    phase,
    press,
    sign,
    use,
)
from tests.viewer.sites import configure, node_of
from viewer.network.nodes_dialog import NodesDialog
from viewer.network.pacs_dialog import PacsDialog
from viewer.network.sending_dialog import SendingDialog
from viewer.session.retrieving import TransferState
from viewer.shared.states import Phase

# pynetdicom leaves a socket that was refused to the collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PATIENCE_MS = 120_000
_SEEN: list[tuple[str, object]] = []
_WATCHED = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen")


def _watch(event, arguments):
    if event in _WATCHED:
        _SEEN.append((event, arguments))


sys.addaudithook(_watch)  # for the rest of the process: a hook cannot be taken away


@pytest.fixture
def pacs():
    with SmallPacs() as running:
        yield running


def shown(window, kind):
    (dialog,) = (one for one in window.findChildren(kind) if one.isVisible())
    return dialog


def own_sockets():
    """Of this process, whoever opened them."""
    inodes = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            if (inode := line.split()[9]) in inodes:
                found.add((table, inode))
    return found


# ---------------------------------------------------------------------------------- the promise


def test_a_window_opens_nothing_on_the_network_until_a_site_configures_it(
    make_window, write_studies, qtbot
):
    before = own_sockets() if sys.platform == "linux" else set()
    _SEEN.clear()
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    for command in ("open_pacs", "send_results", "dicom_nodes", "others_documents"):
        use(window, command)
    sign(qtbot, window)
    enter(qtbot, window, R="2", L="2")
    assert window.windowTitle() == "birads-viewer"
    assert not find(window, QAbstractButton, "Find").isEnabled()
    assert not _SEEN
    if sys.platform == "linux":
        assert own_sockets() == before


def test_a_configured_network_is_told_in_the_title_and_still_opens_nothing_unasked(
    make_window, pacs, write_studies, qtbot
):
    configure(node_of(pacs))
    _SEEN.clear()
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    assert window.windowTitle() == "birads-viewer – network: on"
    use(window, "images_apart")
    assert window.screens.images_window.windowTitle().endswith("network: on")
    use(window, "images_apart")
    assert not [event for event, _ in _SEEN if event != "subprocess.Popen"]


def test_a_configuration_that_others_may_write_is_refused_and_nothing_is_on(make_window, pacs):
    configure(node_of(pacs))
    site_configuration.default_path().chmod(0o666)
    window = make_window()
    assert window.windowTitle() == "birads-viewer"
    assert window.banner.message.title == "Site configuration is not safe"


# --------------------------------------------------------------------------------------- nodes


def new_node(qtbot, window, pacs, **fields):
    use(window, "dicom_nodes")
    dialog = shown(window, NodesDialog)
    press(qtbot, dialog, fields.get("add", "Add"))
    dialog.ae_title.setText(fields.get("ae_title", "SMALLPACS"))
    dialog.host.setText("127.0.0.1")
    dialog.port.setValue(fields.get("port", pacs.port))
    return dialog


def test_a_node_is_entered_tested_and_saved_and_from_then_on_the_network_is_on(
    make_window, pacs, qtbot
):
    window = make_window()
    dialog = new_node(qtbot, window, pacs)
    dialog.name.setText("archive")
    dialog.own_title.setText("VIEWER")
    dialog.tls.security.setCurrentIndex(1)
    press(qtbot, dialog, "Test this node")
    qtbot.waitUntil(lambda: "answers" in dialog.message.text(), timeout=PATIENCE_MS)
    press(qtbot, dialog, "Save")
    assert "not encrypted" in dialog.message.text()  # only after the warning
    assert site_configuration.read() is None
    dialog.tls.is_accepted.setChecked(True)
    press(qtbot, dialog, "Save")
    saved = site_configuration.read()
    assert saved.ae_title == "VIEWER"
    assert saved.nodes["archive"].is_plain
    assert window.windowTitle().endswith("network: on")
    press(qtbot, dialog, "Remove")
    press(qtbot, dialog, "Save")
    assert window.windowTitle() == "birads-viewer"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"port": 1}, "Nothing listens on 127.0.0.1:1: check the port."),
        ({"ae_title": "OTHER"}, "it is not called “OTHER”"),
    ],
)
def test_the_test_button_says_what_is_wrong(make_window, pacs, qtbot, fields, words):
    window = make_window()
    dialog = new_node(qtbot, window, pacs, **fields)
    dialog.tls.security.setCurrentIndex(1)
    button = press(qtbot, dialog, "Test this node")
    assert not button.isEnabled()
    qtbot.waitUntil(lambda: words in dialog.message.text(), timeout=PATIENCE_MS)
    assert button.isEnabled()


def test_what_is_wrong_is_said_in_spanish_too(spanish, make_window, pacs, qtbot):
    window = make_window()
    dialog = new_node(qtbot, window, pacs, port=1, add="Añadir")
    dialog.tls.security.setCurrentIndex(1)
    press(qtbot, dialog, "Probar este nodo")
    qtbot.waitUntil(
        lambda: "Nadie escucha en 127.0.0.1:1" in dialog.message.text(), timeout=PATIENCE_MS
    )


def test_tls_is_offered_first_and_lacking_certificates_are_said(make_window, pacs, qtbot):
    window = make_window()
    dialog = new_node(qtbot, window, pacs)
    assert not dialog.tls.is_plain
    press(qtbot, dialog, "Save")
    assert "ca must be a whole path" in dialog.message.text()
    assert site_configuration.read() is None


def test_a_saved_site_comes_back_as_it_was(make_window, pacs, qtbot, tmp_path):
    keys = Tls(tmp_path / "ca.pem", tmp_path / "pc.pem", tmp_path / "pc.key", "pacs.clinic")
    receiver = ReceiverConfiguration("127.0.0.1", 11112, frozenset({"PACS"}), keys, 64)
    before = configure(
        node_of(pacs, tls=keys, retrieval=Retrieval.MOVE, commits=True),
        node_of(pacs),
        receiver=receiver,
        audit=AuditSettings(tmp_path / "audit"),
    )
    window = make_window()
    use(window, "dicom_nodes")
    dialog = shown(window, NodesDialog)
    assert dialog.configuration == before
    press(qtbot, dialog, "Save")
    assert site_configuration.read() == before


# ---------------------------------------------------------------------------- find and fetch


def from_pacs(qtbot, window, patient="P-17"):
    use(window, "open_pacs")
    dialog = shown(window, PacsDialog)
    field = find(dialog, QLineEdit, "Patient ID")
    field.setText(patient)
    press(qtbot, dialog, "Find")
    qtbot.waitUntil(lambda: dialog.found.topLevelItemCount() > 0, timeout=PATIENCE_MS)
    return dialog


def state_of(window):
    return window.session.retrieving.transfers[-1].state


def patient_with_a_prior(folder):
    new = study_in(folder / "new", study_uid="1.2.826.0.1.24", study_date="20240302", rows=96)
    old = study_in(folder / "old", study_uid="1.2.826.0.1.22", study_date="20220302", rows=96)
    return new, old


def test_a_study_is_found_fetched_with_its_prior_and_hangs(make_window, pacs, qtbot, tmp_path):
    new, old = patient_with_a_prior(tmp_path)
    pacs.holds(*(view.path for study in (new, old) for view in study.views))
    configure(node_of(pacs))
    window = make_window()
    dialog = from_pacs(qtbot, window)
    assert dialog.found.topLevelItem(0).text(0) == "2024-03-02"
    press(qtbot, dialog, "Open")
    qtbot.waitUntil(lambda: are_images_shown(window, 8), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: state_of(window) is TransferState.DONE, timeout=PATIENCE_MS)
    assert window.session.current_study.uid == new.uid
    assert set(window.session.studies) == {new.uid, old.uid}
    assert window.session.is_complete


def receiver_of(port):
    return ReceiverConfiguration("127.0.0.1", port, frozenset({AE_TITLE, orthanc.AE_TITLE}))


def test_by_c_move_a_study_comes_to_this_pcs_receiver_and_hangs(make_window, pacs, qtbot, tmp_path):
    new, old = patient_with_a_prior(tmp_path)
    pacs.holds(*(view.path for study in (new, old) for view in study.views))
    pacs.move_port = free_port()
    moving = node_of(pacs, retrieval=Retrieval.MOVE)
    configure(moving, receiver=receiver_of(pacs.move_port))
    window = make_window()
    press(qtbot, from_pacs(qtbot, window), "Open")
    qtbot.waitUntil(lambda: state_of(window) is TransferState.DONE, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: are_images_shown(window, 8), timeout=PATIENCE_MS)
    assert set(window.session.studies) == {new.uid, old.uid}


def test_by_c_move_without_a_receiver_the_reader_is_told_what_to_set(
    make_window, pacs, qtbot, tmp_path
):
    new, _ = patient_with_a_prior(tmp_path)
    pacs.holds(*(view.path for view in new.views))
    configure(node_of(pacs, retrieval=Retrieval.MOVE))
    window = make_window()
    press(qtbot, from_pacs(qtbot, window), "Open")
    qtbot.waitUntil(lambda: state_of(window) is TransferState.FAILED, timeout=PATIENCE_MS)
    assert "set one up under DICOM nodes" in str(window.session.retrieving.transfers[-1].failure)


@pytest.mark.skipif(not orthanc.IS_INSTALLED, reason="Orthanc is not installed (orthanc)")
@pytest.mark.parametrize("way", ["C-MOVE", "DICOMweb"])
def test_from_orthanc_by_c_move_and_over_dicomweb_a_study_hangs_with_its_prior(
    make_window, qtbot, tmp_path, way
):
    if way == "DICOMweb" and not orthanc.DICOMWEB.exists():
        pytest.skip("Orthanc's DICOMweb is not installed (orthanc-dicomweb)")
    new, old = patient_with_a_prior(tmp_path)
    port = free_port()
    with orthanc.Orthanc(tmp_path / "orthanc", port) as running:
        for view in (*new.views, *old.views):
            running.hold(view.path)
        node = (
            Node("archive", web=Web(running.web), timeout_s=20)
            if way == "DICOMweb"
            else Node(
                *("archive", orthanc.AE_TITLE, "127.0.0.1", running.dicom),
                timeout_s=20,
                retrieval=Retrieval.MOVE,
            )
        )
        configure(node, receiver=receiver_of(port))
        window = make_window()
        dialog = from_pacs(qtbot, window)
        assert dialog.found.topLevelItem(0).text(0) == "2024-03-02"
        press(qtbot, dialog, "Open")
        qtbot.waitUntil(lambda: state_of(window) is TransferState.DONE, timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: are_images_shown(window, 8), timeout=PATIENCE_MS)
    assert window.session.current_study.uid == new.uid
    assert set(window.session.studies) == {new.uid, old.uid}


def test_the_first_image_shows_while_the_others_come_and_a_pause_keeps_it(
    make_window, pacs, qtbot, tmp_path
):
    new, _ = patient_with_a_prior(tmp_path)
    pacs.holds(*(view.path for view in new.views))
    go_on, sent = threading.Event(), []

    def hold(number, _association):
        sent.append(number)
        if number == 2:
            go_on.wait(30)
        elif number == 3:
            time.sleep(0.5)  # for the cancellation to arrive

    pacs.on_sending = hold
    configure(node_of(pacs))
    window = make_window()
    dialog = from_pacs(qtbot, window)
    press(qtbot, dialog, "Open")
    qtbot.waitUntil(lambda: are_images_shown(window, 2), timeout=PATIENCE_MS)
    assert not window.session.is_complete
    assert state_of(window) is TransferState.RUNNING
    press(qtbot, dialog, "Pause")
    go_on.set()
    retrieving = window.session.retrieving
    qtbot.waitUntil(lambda: not retrieving.is_busy, timeout=PATIENCE_MS)
    assert state_of(window) is TransferState.PAUSED
    here = retrieving.transfers[-1].here
    assert here < 4
    sent.clear()
    pacs.on_sending = lambda number, _association: sent.append(number)
    press(qtbot, dialog, "Go on")
    qtbot.waitUntil(lambda: state_of(window) is TransferState.DONE, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: are_images_shown(window, 4), timeout=PATIENCE_MS)
    assert len(sent) == 4 - here  # what was here was not sent again


def test_a_cancelled_transfer_leaves_whole_files_and_may_be_gone_away_from(
    make_window, pacs, qtbot, tmp_path, write_studies
):
    new, _ = patient_with_a_prior(tmp_path)
    pacs.holds(*(view.path for view in new.views))
    go_on = threading.Event()
    pacs.on_sending = lambda number, _association: number and go_on.wait(30)
    configure(node_of(pacs))
    window = make_window()
    dialog = from_pacs(qtbot, window)
    press(qtbot, dialog, "Open")
    qtbot.waitUntil(lambda: are_images_shown(window, 1), timeout=PATIENCE_MS)
    open_and_wait(qtbot, window, write_studies(1))  # the reader goes elsewhere
    press(qtbot, dialog, "Cancel")
    go_on.set()
    retrieving = window.session.retrieving
    qtbot.waitUntil(lambda: not retrieving.is_busy, timeout=PATIENCE_MS)
    assert state_of(window) is TransferState.CANCELLED
    assert new.uid not in window.session.studies
    folder = retrieving.transfers[-1].folders[new.uid]
    assert {path.suffix for path in folder.parent.rglob("*") if path.is_file()} == {".dcm"}
    press(qtbot, dialog, "Show")
    qtbot.waitUntil(lambda: new.uid in window.session.studies, timeout=PATIENCE_MS)


def test_a_node_that_is_gone_is_told_in_the_window_that_asked(make_window, pacs, qtbot):
    configure(node_of(pacs))
    pacs.server.shutdown()
    window = make_window()
    use(window, "open_pacs")
    dialog = shown(window, PacsDialog)
    find(dialog, QLineEdit, "Patient ID").setText("P-17")
    press(qtbot, dialog, "Find")
    qtbot.waitUntil(lambda: "Connection refused" in dialog.message.text(), timeout=PATIENCE_MS)
    assert find(dialog, QAbstractButton, "Find").isEnabled()


# ------------------------------------------------------------------------------------ sending


def sending_of(window):
    use(window, "send_results")
    return shown(window, SendingDialog)


def send(qtbot, dialog):
    """Once the model has answered, or there may be nothing to send yet."""
    button = find(dialog, QAbstractButton, "Send")
    qtbot.waitUntil(button.isEnabled, timeout=PATIENCE_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def observers(dialog):
    return {planned.observer for planned in dialog.parcel.plan.objects}


@pytest.fixture
def reading_room(make_window, pacs, qtbot, tmp_path):
    """A window with a study of certain identity, and a PACS to send to."""
    study_in(tmp_path / "study")
    configure(node_of(pacs))

    def opened(mode=ReadingMode.CONCURRENT):
        window = make_window(mode=mode)
        open_and_wait(qtbot, window, tmp_path / "study")
        sign(qtbot, window)
        return window

    return opened


def test_results_are_previewed_sent_and_leave_the_queue(reading_room, pacs, qtbot):
    window = reading_room()
    enter(qtbot, window, R="2", L="1")
    dialog = sending_of(window)
    both = {Observer.MODEL, Observer.READER}
    qtbot.waitUntil(lambda: observers(dialog) == both, timeout=PATIENCE_MS)
    assert "Muster" in dialog.patient.text()
    assert "P-17" in dialog.patient.text()
    assert "Dr. X" in dialog.reader.text()
    assert f"127.0.0.1:{pacs.port}" in dialog.node_box.currentText()
    planned = len(dialog.parcel.plan.objects)
    send(qtbot, dialog)
    qtbot.waitUntil(lambda: len(pacs.stored) >= planned - 4, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not Outbox().entries(), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not window.session.sending.entries, timeout=PATIENCE_MS)
    assert {dataset.PatientID for dataset in pacs.stored} == {"P-17"}
    classes = {str(dataset.SOPClassUID) for dataset in pacs.stored}
    assert "1.2.840.10008.5.1.4.1.1.88.34" in classes


@pytest.mark.parametrize("mode", [ReadingMode.SECOND_READ, ReadingMode.BLIND_AUDIT])
def test_a_blind_reader_sends_nothing_of_the_hidden_answer(reading_room, pacs, qtbot, mode):
    window = reading_room(mode)
    dialog = sending_of(window)
    assert not dialog.parcel.plan.objects
    assert not find(dialog, QAbstractButton, "Send").isEnabled()
    if mode is ReadingMode.BLIND_AUDIT:
        enter(qtbot, window, R="2", L="1")
        qtbot.waitUntil(lambda: observers(dialog) == {Observer.READER}, timeout=PATIENCE_MS)
        assert "hidden from you" in dialog.hint.text()
        send(qtbot, dialog)
        qtbot.waitUntil(lambda: len(pacs.stored) == 1, timeout=PATIENCE_MS)
        words = str(pacs.stored[0])
        assert "Probability" not in words
        assert "Artificial" not in words
        return
    enter(qtbot, window, R="2", L="1")
    qtbot.waitUntil(lambda: phase(window) is Phase.AFTER, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: Observer.MODEL in observers(dialog), timeout=PATIENCE_MS)


def test_nothing_is_sent_under_a_guessed_identity(make_window, pacs, qtbot, tmp_path):
    study_in(tmp_path / "study", patient_id="")
    configure(node_of(pacs))
    window = make_window()
    open_and_wait(qtbot, window, tmp_path / "study")
    dialog = sending_of(window)
    assert "Patient is not certain" in dialog.hint.text()
    assert not find(dialog, QAbstractButton, "Send").isEnabled()


def test_what_a_node_refuses_waits_in_the_queue_with_its_words(reading_room, pacs, qtbot):
    pacs.store_status = lambda _uid: 0x0124
    window = reading_room()
    dialog = sending_of(window)
    for kind, box in dialog.kinds.items():
        box.setChecked(kind is ObjectKind.REPORT)
    send(qtbot, dialog)
    entries = window.session.sending
    qtbot.waitUntil(
        lambda: [e.state for e in entries.entries] == [SendState.REFUSED], timeout=PATIENCE_MS
    )
    row = dialog.queue.topLevelItem(0)
    assert "it does not allow us to store" in row.text(4)
    assert find(window, QLabel, "1 object to be sent").isVisible()
    dialog.tabs.setCurrentIndex(1)
    pacs.store_status = lambda _uid: 0x0000
    press(qtbot, dialog, "Send again now")
    qtbot.waitUntil(lambda: not entries.entries, timeout=PATIENCE_MS)
    assert len(pacs.stored) == 1


def test_a_reader_may_decide_that_it_is_not_sent(reading_room, pacs, qtbot):
    pacs.store_status = lambda _uid: 0x0124
    window = reading_room()
    dialog = sending_of(window)
    for kind, box in dialog.kinds.items():
        box.setChecked(kind is ObjectKind.REPORT)
    send(qtbot, dialog)
    sending = window.session.sending
    qtbot.waitUntil(
        lambda: [e.state for e in sending.entries] == [SendState.REFUSED], timeout=PATIENCE_MS
    )
    dialog.tabs.setCurrentIndex(1)
    dialog.queue.setCurrentItem(dialog.queue.topLevelItem(0))
    press(qtbot, dialog, "Do not send it")
    qtbot.waitUntil(lambda: not sending.entries, timeout=PATIENCE_MS)
    assert not pacs.stored


# -------------------------------------------------------------------------------------- audit


def test_the_audit_log_tells_what_a_reader_did(reading_room, pacs, qtbot, tmp_path):
    window = reading_room(ReadingMode.SECOND_READ)
    enter(qtbot, window, R="2", L="1")
    qtbot.waitUntil(lambda: phase(window) is Phase.AFTER, timeout=PATIENCE_MS)
    window.output.save_summary(tmp_path / "summary.pdf", True, True)
    window.close()
    told = " ".join(AuditLog().messages())
    for words in (
        *("Application Start", "Login", "DICOM Instances Accessed", "Reading saved"),
        *("Model's answer revealed", "Export", "Application Stop"),
    ):
        assert words in told, words
    assert "P-17" in told
    assert AuditLog().verify().problem == ""


def test_without_a_site_no_list_is_kept_of_whom_a_reader_looked_at(
    make_window, write_studies, qtbot
):
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    window.close()
    assert not AuditLog().path.exists()


def test_an_audit_log_that_cannot_be_written_is_told_once(
    make_window, pacs, qtbot, tmp_path, caplog
):
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    configure(node_of(pacs), audit=AuditSettings(blocked / "audit"))
    window = make_window()
    qtbot.waitUntil(lambda: window.banner.message is not None, timeout=PATIENCE_MS)
    assert window.banner.message.title == "Audit log cannot be written"
    assert window.session.auditing.is_on


# ------------------------------------------------------------------------- what the site has set


def test_a_machines_configuration_is_not_written_by_its_readers(
    make_window, pacs, qtbot, tmp_path, monkeypatch
):
    theirs = tmp_path / "clinic.toml"
    site_configuration.write(SiteConfiguration("VIEWER", {"archive": node_of(pacs)}), theirs)
    monkeypatch.setenv(site_configuration.VARIABLE, str(theirs))
    before = theirs.read_bytes()
    window = make_window()
    assert window.windowTitle().endswith("network: on")
    use(window, "dicom_nodes")
    dialog = shown(window, NodesDialog)
    press(qtbot, dialog, "Remove")
    press(qtbot, dialog, "Save")
    assert "configured for the whole machine" in dialog.message.text()
    assert theirs.read_bytes() == before
    assert not site_configuration.default_path().exists()
    assert window.windowTitle().endswith("network: on")


def test_a_site_that_lets_no_objects_out_sends_none(reading_room, pacs, qtbot):
    window = reading_room()
    window.session.exporting.policy = SitePolicy(exports=frozenset(Export) - {Export.OBJECTS})
    dialog = sending_of(window)
    qtbot.waitUntil(lambda: bool(observers(dialog)), timeout=PATIENCE_MS)
    send(qtbot, dialog)
    assert "Not allowed by this site" in dialog.message.text()
    assert not Outbox().entries()
