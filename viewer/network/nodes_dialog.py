"""Settings ▸ DICOM nodes: whom the program may speak with, and where it may be spoken to.

What a field may hold the configuration itself decides (`engine.site_configuration`): it is asked
when somebody tests or saves, and its reason is shown.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.errors import EngineError
from engine.site_configuration import (
    DEFAULT_AE_TITLE,
    Node,
    ReceiverConfiguration,
    Retrieval,
    SiteConfiguration,
    Tls,
    Web,
)
from viewer.network.lists import wrapped
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import localised, notice
from viewer.shared.plain_text import PlainLabel, shortened

_PORT, _LARGEST_PORT = 11112, 65535
_LONGEST_LINES = 3  # of what is said below


class TlsFields(QWidget):
    """How a connection is secured: by certificates; in the clear only after a warning."""

    changed = Signal()

    def __init__(self, form: QFormLayout, parent: QWidget) -> None:
        super().__init__(parent)
        self.security = QComboBox(parent)
        self.security.setAccessibleName(tr("Security"))
        self.security.addItem(tr("TLS, with certificates"), True)
        self.security.addItem(tr("Not encrypted"), False)
        self.ca = _PathField(tr("Who signs its certificates (PEM)"), parent)
        self.certificate = _PathField(tr("Our certificate (PEM)"), parent)
        self.key = _PathField(tr("Our key (PEM)"), parent)
        self.name = QLineEdit(parent)
        self.name.setPlaceholderText(tr("as its address"))
        self.warning = wrapped(
            tr(
                "Without encryption everybody on the way can read names and images, and nobody "
                "can tell who is at the other end. Ask the other side for TLS first."
            ),
            parent,
        )
        self.warning.setStyleSheet(f"color: {theme.WARNING.name()}")
        self.is_accepted = QCheckBox(tr("Unencrypted all the same"), parent)
        form.addRow(tr("Security"), self.security)
        form.addRow(tr("Authority"), self.ca.row)
        form.addRow(tr("Our certificate"), self.certificate.row)
        form.addRow(tr("Our key"), self.key.row)
        form.addRow(tr("Certificate is for"), self.name)
        form.addRow(self.warning)
        form.addRow(self.is_accepted)
        self._form = form
        self.security.currentIndexChanged.connect(self._show)
        self._show()

    @property
    def is_plain(self) -> bool:
        return not self.security.currentData()

    def show_tls(self, tls: Tls | None, was_plain: bool) -> None:
        """`was_plain`: it is in use so, by somebody's decision."""
        self.security.setCurrentIndex(1 if tls is None and was_plain else 0)
        self.is_accepted.setChecked(was_plain)
        values = tls or Tls(Path())
        self.ca.setText("" if values.ca == Path() else str(values.ca))
        self.certificate.setText(str(values.certificate or ""))
        self.key.setText(str(values.key or ""))
        self.name.setText(values.name)

    @property
    def tls(self) -> Tls | None:
        """None where it is not encrypted."""
        if self.is_plain:
            return None
        certificate, key = self.certificate.text().strip(), self.key.text().strip()
        return Tls(
            Path(self.ca.text().strip()),
            Path(certificate) if certificate else None,
            Path(key) if key else None,
            self.name.text().strip(),
        )

    def _show(self) -> None:
        for widget in (self.ca.row, self.certificate.row, self.key.row, self.name):
            self._form.setRowVisible(widget, not self.is_plain)
        for widget in (self.warning, self.is_accepted):
            self._form.setRowVisible(widget, self.is_plain)
        self.changed.emit()


class NodesDialog(QDialog):
    """Shows a configuration and gives a changed one; whoever owns it tests and saves."""

    save_requested = Signal(SiteConfiguration)
    test_requested = Signal(Node, SiteConfiguration)

    def __init__(
        self, configuration: SiteConfiguration | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("DICOM nodes"))
        self._before = configuration or SiteConfiguration()
        self._nodes: list[Node] = list(self._before.nodes.values())
        self._accepted = [node.is_plain for node in self._nodes]  # unencrypted, by a decision
        self._shown: int | None = None
        explanation = wrapped(
            tr(
                "The program opens a network connection only to what stands here, and only when "
                "you ask for it. Without an entry it opens none."
            ),
            self,
        )
        tabs = QTabWidget(self)
        tabs.addTab(self._make_nodes_page(), tr("Nodes"))
        tabs.addTab(self._make_own_page(), tr("This computer"))
        self.message = wrapped("", self)
        self.message.setAccessibleName(tr("Message"))
        self.message.setMinimumHeight(self.message.fontMetrics().height() * _LONGEST_LINES)
        save = self._button(tr("&Save"), self._save)
        close = self._button(tr("&Close"), self.close)
        buttons = QHBoxLayout()
        research_only = PlainLabel(notice(), self)
        research_only.setStyleSheet(f"color: {theme.WARNING.name()}")
        buttons.addWidget(research_only, 1)
        buttons.addWidget(save)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(explanation)
        column.addWidget(tabs, 1)
        column.addWidget(self.message)
        column.addLayout(buttons)
        self.resize(760, 620)
        self._fill()
        self.list.setCurrentRow(0 if self._nodes else -1)
        self._show_node(self.list.currentRow())

    # -------------------------------------------------------------------------------- its pages

    def _make_nodes_page(self) -> QWidget:
        page = QWidget(self)
        self.list = QListWidget(page)
        self.list.setAccessibleName(tr("Nodes"))
        self.list.setFixedWidth(190)
        self.list.currentRowChanged.connect(self._on_row_changed)
        add = self._button(tr("&Add"), self._add)
        self.remove_button = self._button(tr("&Remove"), self._remove)
        left = QVBoxLayout()
        left.addWidget(self.list, 1)
        row = QHBoxLayout()
        row.addWidget(add)
        row.addWidget(self.remove_button)
        left.addLayout(row)

        self.form = QWidget(page)
        form = QFormLayout(self.form)
        self.name = QLineEdit(self.form)
        self.ae_title = QLineEdit(self.form)
        self.host = QLineEdit(self.form)
        self.port = _port_box(self.form)
        self.retrieval = QComboBox(self.form)
        self.retrieval.addItem(tr("C-GET: over our own connection"), Retrieval.GET)
        self.retrieval.addItem(tr("C-MOVE: it calls this computer"), Retrieval.MOVE)
        self.commits = QCheckBox(tr("confirms that it keeps what it was sent"), self.form)
        self.web = QLineEdit(self.form)
        self.web.setPlaceholderText(tr("address, beginning with https://"))
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Its AE title"), self.ae_title)
        form.addRow(tr("Address"), self.host)
        form.addRow(tr("Port"), self.port)
        self.tls = TlsFields(form, self.form)
        form.addRow(tr("Fetch by"), self.retrieval)
        form.addRow(tr("Storage commitment"), self.commits)
        form.addRow(tr("DICOMweb"), self.web)
        self.test_button = self._button(tr("&Test this node"), self._test)
        form.addRow(self.test_button)
        layout = QHBoxLayout(page)
        layout.addLayout(left)
        layout.addWidget(self.form, 1)
        return page

    def _make_own_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        receiver = self._before.receiver
        self.own_title = QLineEdit(self._before.ae_title, page)
        form.addRow(tr("Our AE title"), self.own_title)
        form.addRow(
            wrapped(tr("Enter it, this computer's address and the port at the PACS, too."), page)
        )
        self.receives = QCheckBox(tr("Listen for what a PACS sends (C-MOVE)"), page)
        self.receives.setChecked(receiver is not None)
        form.addRow(self.receives)
        self.address = QLineEdit(receiver.address if receiver else "", page)
        self.address.setPlaceholderText(tr("of one network interface, never all"))
        form.addRow(tr("Our address"), self.address)
        self.own_port = _port_box(page)
        self.own_port.setValue(receiver.port if receiver else _PORT)
        form.addRow(tr("Our port"), self.own_port)
        self.callers = QLineEdit(", ".join(sorted(receiver.callers)) if receiver else "", page)
        self.callers.setPlaceholderText(tr("AE titles, with commas"))
        form.addRow(tr("Who may send"), self.callers)
        self.own_tls = TlsFields(form, page)
        self.own_tls.show_tls(
            receiver.tls if receiver else None, receiver is not None and receiver.tls is None
        )
        self.receives.toggled.connect(self._allow_receiving)
        self._allow_receiving(self.receives.isChecked())
        return page

    def _allow_receiving(self, is_on: bool) -> None:
        own = self.own_tls
        for widget in (self.address, self.own_port, self.callers, own.security, own.is_accepted):
            widget.setEnabled(is_on)
        for field in (own.ca, own.certificate, own.key, own.name):
            field.setEnabled(is_on)

    def _button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    # -------------------------------------------------------------------------------- the nodes

    def _fill(self) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for node in self._nodes:
            QListWidgetItem(shortened(node.name), self.list)
        self.list.blockSignals(False)

    def _on_row_changed(self, row: int) -> None:
        self._keep()
        self._show_node(row)

    def _show_node(self, row: int) -> None:
        has_node = 0 <= row < len(self._nodes)
        self._shown = row if has_node else None
        self.form.setVisible(has_node)
        self.remove_button.setEnabled(has_node)
        if not has_node:
            return
        node = self._nodes[row]
        self.name.setText(node.name)
        self.ae_title.setText(node.ae_title)
        self.host.setText(node.host)
        self.port.setValue(node.port or _PORT)
        tls = node.tls if node.host else (node.web.tls if node.web else None)
        self.tls.show_tls(tls, self._accepted[row])
        self.retrieval.setCurrentIndex(self.retrieval.findData(node.retrieval))
        self.commits.setChecked(node.commits)
        self.web.setText(node.web.url if node.web else "")

    def _keep(self) -> None:
        """What the form says of the node that it shows."""
        if self._shown is None:
            return
        before = self._nodes[self._shown]
        host, url, tls = self.host.text().strip(), self.web.text().strip(), self.tls.tls
        web = None
        if url:
            # one that was given certificates of its own in the file keeps them
            is_as_before = before.web is not None and before.web.url == url and bool(host)
            web = before.web if is_as_before else Web(url, tls)
        self._nodes[self._shown] = replace(
            before,
            name=self.name.text().strip(),
            ae_title=self.ae_title.text().strip() if host else "",
            host=host,
            port=self.port.value() if host else 0,
            tls=tls if host else None,
            retrieval=self.retrieval.currentData(),
            commits=self.commits.isChecked(),
            web=web,
        )
        self._accepted[self._shown] = self.tls.is_accepted.isChecked()
        self.list.item(self._shown).setText(shortened(self._nodes[self._shown].name))

    def _add(self) -> None:
        self._keep()
        names = {node.name for node in self._nodes}
        number = 1
        while (name := tr("node {number}").format(number=number)) in names:
            number += 1
        self._nodes.append(Node(name, port=_PORT, tls=Tls(Path())))
        self._accepted.append(False)
        self._shown = None
        self._fill()
        self.list.setCurrentRow(len(self._nodes) - 1)
        self._show_node(len(self._nodes) - 1)
        self.name.setFocus()
        self.name.selectAll()

    def _remove(self) -> None:
        if self._shown is not None:
            row, self._shown = self._shown, None
            del self._nodes[row], self._accepted[row]
            self._fill()
            row = min(row, len(self._nodes) - 1)
            self.list.setCurrentRow(row)
            self._show_node(row)

    # -------------------------------------------------------------------------- what comes of it

    @property
    def configuration(self) -> SiteConfiguration:
        """As it is entered, right or wrong."""
        self._keep()
        receiver = None
        if self.receives.isChecked():
            before = self._before.receiver
            titles = (title.strip() for title in self.callers.text().split(","))
            receiver = ReceiverConfiguration(
                self.address.text().strip(),
                self.own_port.value(),
                frozenset(title for title in titles if title),
                self.own_tls.tls,
                before.largest_mb if before else ReceiverConfiguration.largest_mb,
                before.folder if before else None,
            )
        return replace(
            self._before,
            ae_title=self.own_title.text().strip() or DEFAULT_AE_TITLE,
            nodes={node.name: node for node in self._nodes},
            receiver=receiver,
        )

    def _refusal(self) -> str:
        """Why this is not saved, beyond what the configuration itself says."""
        names = [node.name for node in self._nodes]
        if len(set(names)) != len(names):
            return tr("Two nodes have the same name: give each its own.")
        is_warned = self.own_tls.is_accepted.isChecked() or not self.own_tls.is_plain
        if self.receives.isChecked() and not is_warned:
            return tr("This computer would listen unencrypted: read the warning and tick the box.")
        for node, is_accepted in zip(self._nodes, self._accepted, strict=True):
            if node.is_plain and not is_accepted:
                text = tr("“{node}” is not encrypted: read the warning and tick the box below it.")
                return text.format(node=shortened(node.name))
        return ""

    def _save(self) -> None:
        configuration = self.configuration
        refusal = self._refusal()
        if refusal:
            self.show_message(refusal, theme.WARNING.name())
            return
        self.show_message("")
        self.save_requested.emit(configuration)

    def _test(self) -> None:
        configuration = self.configuration
        if self._shown is None:
            return
        self.test_button.setEnabled(False)
        node = self._nodes[self._shown]
        self.show_message(tr("Asking “{node}” …").format(node=shortened(node.name)))
        self.test_requested.emit(node, configuration)

    def show_saved(self) -> None:
        self._before = self.configuration
        self.show_message(tr("Saved; it holds from now on."))

    def show_test(self, node: str, seconds: float) -> None:
        self.test_button.setEnabled(True)
        text = tr("“{node}” answers, after {seconds} s.")
        self.show_message(text.format(node=shortened(node), seconds=f"{seconds:.2f}"))

    def show_failure(self, error: EngineError) -> None:
        """Of a test, or as it could not be saved."""
        self.test_button.setEnabled(True)
        self.show_message(
            f"{localised(error.title)}. {localised(error.advice)}", theme.ERROR.name()
        )

    def show_message(self, text: str, colour: str = "") -> None:
        self.message.setStyleSheet(f"color: {colour}" if colour else "")
        self.message.setText(text)


class _PathField(QLineEdit):
    """A path, with a button that looks for the file; `row` holds both."""

    def __init__(self, title: str, parent: QWidget) -> None:
        self.row = QWidget(parent)
        super().__init__(self.row)
        self._title = title
        self.setAccessibleName(title)
        browse = QPushButton("…", self.row)
        browse.setAutoDefault(False)
        browse.setFixedWidth(36)
        browse.setAccessibleName(tr("Choose a file: {what}").format(what=title))
        browse.clicked.connect(self._browse)
        layout = QHBoxLayout(self.row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self, 1)
        layout.addWidget(browse)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.window(), self._title, self.text())
        if path:
            self.setText(path)


def _port_box(parent: QWidget) -> QSpinBox:
    box = QSpinBox(parent)
    box.setRange(1, _LARGEST_PORT)
    box.setValue(_PORT)
    box.setGroupSeparatorShown(False)
    return box
