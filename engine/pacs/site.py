"""A node of the site's network as commands use it: asked, fetched from, and all of it audited.

`dicomweb` is imported where a node speaks it: urllib3 tries a socket when it is imported.
"""

from collections.abc import Callable

from engine.audit.log import AuditLog
from engine.audit.messages import (
    AuditEvent,
    EventIdentification,
    Participant,
    Role,
    Subject,
    this_program,
    this_user,
)
from engine.errors import EngineError
from engine.pacs import connections, finding
from engine.pacs.finding import FoundStudy, StudyQuery
from engine.pacs.inbox import Inbox
from engine.pacs.retrieving import RetrievalProgress, Retrieved, retrieve
from engine.site_configuration import Node, SiteConfiguration


class Site:
    """What is configured, and whom it is told to."""

    def __init__(self, configuration: SiteConfiguration, node: Node | None) -> None:
        self.configuration = configuration
        self._node = node
        self._audit = AuditLog(configuration.audit.folder)

    @property
    def node(self) -> Node:
        assert self._node is not None
        return self._node

    def echo(self) -> None:
        """Raises NodeFailed where the node does not answer."""
        node = self.node
        if node.host:
            connections.echo(self.configuration, node)
        if node.web is not None:
            from engine.pacs import dicomweb

            dicomweb.find_studies(node, StudyQuery(study_uid="1.2.3"))

    def find(self, query: StudyQuery) -> list[FoundStudy]:
        """The newest first; not audited. Raises NodeFailed."""
        if self.node.host:
            return finding.find_studies(self.configuration, self.node, query)
        from engine.pacs import dicomweb

        return dicomweb.find_studies(self.node, query)

    def retrieved(
        self,
        study_uid: str,
        inbox: Inbox,
        on_object: Callable[[RetrievalProgress], None] = lambda _progress: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Retrieved:
        """What is not there yet of the study, and audited. Raises StorageFailed."""
        if self.node.host:
            result = retrieve(
                self.configuration, self.node, study_uid, inbox, on_object, should_stop
            )
        else:
            from engine.pacs import dicomweb

            result = dicomweb.retrieve(self.node, study_uid, inbox, on_object, should_stop)
        source = (self.peer(Role.SOURCE),)
        subjects = (
            Subject(study_uid=study_uid, objects=result.sop_classes),
            *(Subject(patient_id=patient) for patient in sorted(result.patient_ids)),
        )
        if result.new or result.failure:
            self.audit(
                EventIdentification.TRANSFERRED,
                source,
                subjects,
                result.failure,
                role=Role.DESTINATION,
            )
        for refused in result.refused:
            self.audit(EventIdentification.OBJECT_REFUSED, source, subjects, refused)
        return result

    def audit(
        self,
        identification: EventIdentification,
        others: tuple[Participant, ...] = (),
        subjects: tuple[Subject, ...] = (),
        failure: EngineError | None = None,
        query: object = "",
        role: Role | None = None,
    ) -> None:
        """Raises StorageFailed: what cannot be audited is not done."""
        program = this_program(self.configuration.ae_title, role or Role.APPLICATION)
        self._audit.record(
            AuditEvent(
                identification,
                (this_user(), program, *others),
                subjects,
                failure=str(failure) if failure else "",
                query=str(query),
            )
        )

    def peer(self, role: Role) -> Participant:
        node = self.node
        host = node.host or (node.web.url.partition("://")[2].partition("/")[0] if node.web else "")
        return Participant(node.ae_title or node.name, role, host=host)
