"""The same over DICOMweb: QIDO-RS to find, WADO-RS to fetch, STOW-RS to store.

Answers are bounded: in size as they come, in time, and they never lead elsewhere (no redirects, no
proxies and no passwords of the environment).
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from requests.adapters import HTTPAdapter

from engine.dicom.uids import is_uid
from engine.pacs.connections import NodeFailed
from engine.pacs.finding import MOST, FoundStudy, StudyQuery, study_of
from engine.pacs.inbox import Inbox, ObjectRefused
from engine.pacs.retrieving import RetrievalProgress, Retrieved
from engine.site_configuration import Node, Web

_LARGEST_ANSWER = 2**30  #: bytes
_PIECE = 2**20
_ANY_SYNTAX = (("application/dicom", "*"),)


def find_studies(node: Node, query: StudyQuery) -> list[FoundStudy]:
    """The newest first. Raises NodeFailed."""
    filters = {
        "PatientID": query.patient_id,
        "PatientName": query.patient_name,
        "AccessionNumber": query.accession,
        "StudyInstanceUID": query.study_uid,
        "ModalitiesInStudy": query.modality,
        "StudyDate": query.dates,
    }
    with _client(node) as client:
        answers = client.search_for_studies(
            search_filters={key: value for key, value in filters.items() if value},
            limit=MOST,
            fields=["StudyDescription", "IssuerOfPatientID"],
        )
        found = [study_of(_dataset(answer)) for answer in answers[:MOST]]
    return sorted(
        (study for study in found if is_uid(study.study_uid)),
        key=lambda study: (study.study_date, study.study_time),
        reverse=True,
    )


def retrieve(
    node: Node,
    study_uid: str,
    inbox: Inbox,
    on_object: Callable[[RetrievalProgress], None] = lambda _progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Retrieved:
    """What is not here of the study, one object after the other. `failure` says what was wrong."""
    result = Retrieved(study_uid, inbox.study_folder(study_uid))
    try:
        with _client(node) as client:
            answers = client.search_for_instances(study_uid, get_remaining=True)
            images = [_dataset(answer) for answer in answers]
            wanted = {
                uid: (str(image.get("SeriesInstanceUID")), str(image.get("SOPClassUID")))
                for image in images
                if is_uid(uid := str(image.get("SOPInstanceUID")))
            }
            if not wanted:
                raise NodeFailed("Study not found", f"{node.name} has no objects of this study.")
            missing = [uid for uid in wanted if not inbox.has(study_uid, uid)]
            result.expected, result.here = len(wanted), len(wanted) - len(missing)
            for uid in missing:
                if should_stop():
                    result.is_stopped = True
                    break
                _fetch(client, result, inbox, uid, *wanted[uid], on_object)
    except NodeFailed as error:
        result.failure = error
    return result


def _fetch(
    client: DICOMwebClient,
    result: Retrieved,
    inbox: Inbox,
    uid: str,
    series_uid: str,
    sop_class: str,
    on_object: Callable[[RetrievalProgress], None],
) -> None:
    try:
        inbox.check_wanted(sop_class, uid)
        dataset = client.retrieve_instance(
            result.study_uid, series_uid, uid, media_types=_ANY_SYNTAX
        )
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        received = inbox.store(buffer.getvalue(), sop_class, uid)
        if received.study_uid != result.study_uid:
            received.path.unlink()
            raise ObjectRefused("Another study was sent", "It was not asked for, and not kept.")
    except ObjectRefused as error:
        result.refused.append(error)
        return
    result.here += 1
    result.new += 1
    result.sop_classes[sop_class] = result.sop_classes.get(sop_class, 0) + 1
    result.patient_ids.add(received.patient_id)
    on_object(RetrievalProgress(received.path, result.here, result.expected))


def store(node: Node, path: Path) -> str:
    """STOW-RS of one object; returns why it was not stored, or nothing. Raises NodeFailed."""
    with _client(node) as client:
        answer = client.store_instances([pydicom.dcmread(path)])
        failed = answer.get("FailedSOPSequence")
        if failed:
            reason = int(failed[0].get("FailureReason") or 0)
            return f"it could not store it (reason {reason:#06x})"
        return "" if answer.get("ReferencedSOPSequence") else "it does not say that it stored it"


def _dataset(answer: Any) -> Dataset:
    """Of DICOM JSON; nothing where it is none."""
    try:
        return Dataset.from_json(answer)
    except Exception:  # noqa: BLE001  whatever came as JSON
        return Dataset()


@contextmanager
def _client(node: Node) -> Iterator[DICOMwebClient]:
    web = node.web
    if web is None:
        raise NodeFailed("Not a DICOMweb node", f"{node.name} is configured for DICOM alone.")
    with requests.Session() as session:
        _bound(session, web)
        client = DICOMwebClient(web.url, session=session, timeout=node.timeout_s)
        client.set_http_retry_params(retry=False)
        try:
            yield client
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else 0
            raise NodeFailed("Node refuses", f"{node.name}: {_http_text(code)}.") from error
        except requests.exceptions.SSLError as error:
            raise NodeFailed(
                "TLS refused",
                f"{node.name}: its certificate is not trusted, or it wants another of ours.",
            ) from error
        except requests.exceptions.Timeout as error:
            raise NodeFailed("No answer", f"{node.name} does not answer in time.") from error
        except requests.exceptions.ConnectionError as error:
            raise NodeFailed("Connection lost", f"{node.name} cannot be reached.") from error
        except (requests.RequestException, ValueError, KeyError, TypeError, OSError) as error:
            raise NodeFailed(
                "Answer is not DICOMweb", f"{node.name} answers as no DICOMweb service does."
            ) from error


def _bound(session: requests.Session, web: Web) -> None:
    session.trust_env = False
    session.max_redirects = 0
    session.mount("https://", HTTPAdapter())
    session.mount("http://", HTTPAdapter())
    if web.tls is not None:  # TLS 1.2 is the least that urllib3 speaks
        session.verify = str(web.tls.ca)
        if web.tls.certificate is not None:
            session.cert = (str(web.tls.certificate), str(web.tls.key))
    session.hooks["response"].append(_read_bounded)


def _read_bounded(response: requests.Response, *_args: object, **_rest: object) -> None:
    """Reads the body here, where it can be counted, before requests would."""
    parts, length = [], 0
    for part in response.iter_content(_PIECE):
        length += len(part)
        if length > _LARGEST_ANSWER:
            response.close()
            raise requests.exceptions.ContentDecodingError("the answer is too long")
        parts.append(part)
    response._content = b"".join(parts)  # noqa: SLF001  as requests itself leaves it


def _http_text(code: int) -> str:
    if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"it does not allow us to ({code})"
    if code == HTTPStatus.NOT_FOUND:
        return f"nothing is there ({code}): check the url"
    return f"it answers with status {code}" if code else "it gives no status"
