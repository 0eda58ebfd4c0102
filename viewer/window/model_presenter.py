"""Which models are asked, and what stands beside what they say: chosen in the menus and the
toolbar, and kept for the next start.
"""

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QInputDialog, QWidget

from viewer.display.opinion import MOST_CANCERS
from viewer.panes.prediction_pane import PredictionPane
from viewer.session.session import Session
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.shared.states import MODEL_TITLES, OTHER_MODEL
from viewer.window.dialogs import show_alone
from viewer.window.settings import Settings


class ModelPresenter(QObject):
    """Leads the reader's choice to the session, the settings and the pane of predictions."""

    model_shown = Signal(str)  #: its name
    changed = Signal()  #: what ticks follow

    def __init__(
        self, session: Session, settings: Settings, prediction: PredictionPane, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session = session
        self._settings = settings
        self._prediction = prediction
        self._window = window
        session.model_changed.connect(self._on_model_changed)

    def commands(self) -> tuple[ActionSpec, ...]:
        inference = self._session.inference
        return (
            ActionSpec(
                "heat_map",
                tr("&Heat-map"),
                ("H",),
                self._prediction.toggle_overlay,
                lambda: self._prediction.overlay[0],
            ),
            ActionSpec("other_model", tr("&Other model"), ("M",), self.switch),
            ActionSpec(
                "both_models",
                tr("Ask &both networks"),
                ("Shift+M",),
                self.toggle_comparison,
                lambda: inference.compares_models,
            ),
            ActionSpec(
                "cancers_per_1000", tr("&Cancers per 1,000 women …"), (), self.ask_for_cancers
            ),
            ActionSpec("restart_engine", tr("&Restart the engine"), (), inference.restart_engine),
            *(self._choice(name, title) for name, title in MODEL_TITLES.items()),
        )

    def _choice(self, name: str, title: str) -> ActionSpec:
        return ActionSpec(
            f"model_{name}",
            tr(title),
            (),
            partial(self._session.set_model, name),
            lambda: self._session.inference.model_name == name,
            choice_of="model",
        )

    def restore(self) -> None:
        """As the settings have it."""
        inference = self._session.inference
        self._prediction.show_engine(inference.engine_status)
        self._show_model(inference.model_name)
        self.compare(self._settings.compares_models)
        self._show_cancers(self._settings.cancers_per_1000)

    # ---------------------------------------------------------------------------------- the model

    def switch(self) -> None:
        """The next one of the list, in a circle."""
        names = list(MODEL_TITLES)
        place = names.index(self._session.inference.model_name)
        self._session.set_model(names[(place + 1) % len(names)])

    def _on_model_changed(self, model_name: str) -> None:
        self._settings.model_name = model_name
        self._show_model(model_name)

    def _show_model(self, model_name: str) -> None:
        self._prediction.reserve_networks(model_name not in OTHER_MODEL)
        self.model_shown.emit(model_name)
        self.changed.emit()

    def toggle_comparison(self) -> None:
        """Also at the next start."""
        is_on = not self._session.inference.compares_models
        self._settings.compares_models = is_on
        self.compare(is_on)

    def compare(self, is_on: bool) -> None:
        """Whether the model that is not chosen is asked about the open study too; in this run."""
        self._prediction.reserve_other(is_on)
        self._session.inference.set_compares_models(is_on)
        self.changed.emit()

    # --------------------------------------------------------------------------- the site's prior

    def ask_for_cancers(self) -> None:
        """How many cancers the site sees; 0 shows what the network says and no more."""
        dialog = QInputDialog(self._window)
        dialog.setInputMode(QInputDialog.InputMode.DoubleInput)
        dialog.setWindowTitle(tr("Cancers per 1,000 women"))
        dialog.setLabelText(
            tr(
                "How many cancers do you see in 1,000 women screened? What the model says is then "
                "also shown shifted to that, by Bayes' rule. Readings and exports keep the "
                "unshifted numbers. 0: not stated."
            )
        )
        dialog.setDoubleDecimals(1)
        dialog.setDoubleRange(0, MOST_CANCERS)
        dialog.setDoubleValue(self._session.cancers_per_1000 or 0)
        dialog.doubleValueSelected.connect(self.set_cancers)
        show_alone(dialog)

    def set_cancers(self, cancers_per_1000: float) -> None:
        """From now on, and at the next start."""
        self._settings.cancers_per_1000 = cancers_per_1000
        self._show_cancers(self._settings.cancers_per_1000)

    def _show_cancers(self, cancers_per_1000: float | None) -> None:
        self._session.cancers_per_1000 = cancers_per_1000
        self._prediction.show_prior(cancers_per_1000)
        self.changed.emit()
