"""One way back: the last thing that was done to the open study, a drawing or a saved reading.

Each kind keeps its own record, and an undo is a new line of it. Here is only the order in which
things were done since the study came up and its reader sat down; what was saved before that is
taken back by its own command, never by a slip of the key.
"""

from enum import Enum

from PySide6.QtCore import QObject, Signal

from engine.domain import Laterality, ReaderAssessment
from engine.errors import EngineError, StorageFailed
from viewer.panes.assessment_pane import AssessmentPane
from viewer.session.session import Session
from viewer.shared.banner import BannerMessage
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import mark, tr
from viewer.viewports.tools import Tools


class _Action(Enum):
    DRAWING = "drawing"
    READING = "reading"
    ATTRIBUTION = "attribution"


class Undoing(QObject):
    """Undoes and redoes drawings, and takes readings back."""

    message = Signal(BannerMessage)  #: a reading does not stand any more
    failed = Signal(EngineError)
    hint_changed = Signal(str)  #: what was undone, in passing

    def __init__(
        self, session: Session, tools: Tools, assessment: AssessmentPane, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._tools, self._assessment = session, tools, assessment
        self._actions: list[_Action] = []  # the last one last
        session.study_selected.connect(self._actions.clear)
        session.attributing.attributed.connect(self._on_attributed)
        session.assessment_recorded.connect(self._on_recorded)
        assessment.reader_changed.connect(self._on_reader_changed)
        tools.annotated.connect(self._count_drawings)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec("undo", tr("&Undo"), ("Ctrl+Z",), self.undo),
            ActionSpec("redo", tr("Red&o drawing"), ("Ctrl+Shift+Z", "Ctrl+Y"), self.redo),
            ActionSpec(
                "undo_reading", tr("Undo saved rea&ding"), ("Ctrl+Shift+U",), self.undo_reading
            ),
        )

    def undo(self) -> None:
        self._count_drawings()
        if not self._actions:
            self.hint_changed.emit(tr("Nothing to undo since this study came up"))
        elif self._actions[-1] is _Action.DRAWING:
            self._report_drawing(self._tools.undo(), tr("Drawing on {view} undone"))
        elif self._actions[-1] is _Action.ATTRIBUTION:
            self._undo_attribution()
        elif self._may_undo_reading() and self._undo_reading():
            self._actions.pop()

    def _undo_attribution(self) -> None:
        if not self._may_undo_reading():
            return
        try:
            self._session.attributing.undo()
        except StorageFailed as error:
            self.failed.emit(error)
            return
        self.hint_changed.emit(tr("What was given by hand for the images is undone"))

    def redo(self) -> None:
        """Of drawings; a reading that was taken back is entered and saved anew."""
        if not self._report_drawing(self._tools.redo(), tr("Drawing on {view} drawn again")):
            self.hint_changed.emit(tr("No drawing to redo; a reading is entered and saved again"))

    def undo_reading(self) -> None:
        """The last saved reading of the study of this run, whatever was drawn since."""
        if self._may_undo_reading() and self._undo_reading() and _Action.READING in self._actions:
            last = max(n for n, action in enumerate(self._actions) if action is _Action.READING)
            del self._actions[last]

    def _may_undo_reading(self) -> bool:
        study = self._session.current_study
        if study is None or not self._assessment.has_draft(study):
            return True
        advice = mark("Save or discard them before a saved one is undone.")
        self.failed.emit(EngineError(mark("Unsaved entries"), advice))
        return False

    def _undo_reading(self) -> bool:
        """By a new record; the reader is message what stands now. False: it can be tried again."""
        try:
            recorded = self._session.undo_assessment()
        except EngineError as error:
            self.failed.emit(error)
            return not isinstance(error, StorageFailed)
        is_right = recorded.laterality is Laterality.RIGHT
        side = tr("Right breast") if is_right else tr("Left breast")
        stands = (
            tr("{breast}: no reading of it stands any more.")
            if recorded.is_withdrawn
            else tr("{breast}: BI-RADS {category} stands again.")
        )
        text = stands.format(breast=side, category=recorded.category.value)
        title = tr("Reading undone")
        self.message.emit(BannerMessage(title, " ".join([text, tr("Both are on record.")])))
        self.hint_changed.emit(f"{title}. {text}")
        return True

    def _report_drawing(self, label: str | None, text: str) -> bool:
        if label is not None:
            self.hint_changed.emit(text.format(view=label))
        return label is not None

    # ------------------------------------------------------------------------- what has been done

    def _on_reader_changed(self, _name: str) -> None:
        """What the one before saved is not this one's to undo; drawings the book knows itself."""
        self._actions[:] = [action for action in self._actions if action is not _Action.READING]

    def _on_recorded(self, assessment: ReaderAssessment) -> None:
        self._count_drawings()
        if not assessment.is_withdrawn and assessment.restores is None:
            self._actions.append(_Action.READING)

    def _on_attributed(self) -> None:
        """Everything came up anew: nothing else can be undone."""
        self._actions[:] = [_Action.ATTRIBUTION] * self._session.attributing.undoable

    def _count_drawings(self) -> None:
        """As many as the book can undo: it has its own way back and forth."""
        surplus = self._actions.count(_Action.DRAWING) - self._tools.annotations.undoable
        for _ in range(-surplus):
            self._actions.append(_Action.DRAWING)
        for _ in range(surplus):
            last = max(n for n, action in enumerate(self._actions) if action is _Action.DRAWING)
            del self._actions[last]
