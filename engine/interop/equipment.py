"""Who made an object: this program and its network, in the words of every kind of object.

A checkpoint is a device of its own: its Device UID is made from its hash, so that a retrained
network is told from the old one by the UID alone (IHE AI Results asks for that).
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypedDict

import highdicom as hd
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from engine import __version__
from engine.domain import NOTICE, ModelIdentity
from engine.interop import codes
from engine.interop.sources import SourceImage, person_name

MAKER = codes.MAKER
PROGRAM = "birads-viewer"

#: Of the series of one run; each kind of object and observer has its own.
SERIES_NUMBERS = {
    ("sr", "model"): 9001,
    ("sr", "reader"): 9002,
    ("sc", "model"): 9010,
    ("seg", "model"): 9030,
    ("gsps", "model"): 9040,
    ("gsps", "reader"): 9042,
    ("ko", "reader"): 9050,
    ("cad", "model"): 9060,
}


def stable_uid(*parts: str) -> str:
    """The same for the same parts, in every run and on every PC: a UUID-like "2.25" UID."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def new_uid() -> str:
    return str(generate_uid(prefix=None))


def device_uid(model: ModelIdentity | None) -> str:
    """Of the program itself where no network had a part in it."""
    return stable_uid(PROGRAM, model.sha256 if model is not None else __version__)


def serial_number(model: ModelIdentity | None) -> str:
    return model.sha256[:16] if model is not None else __version__


def device_observer(model: ModelIdentity) -> sr.ObserverContext:
    """TID 1004."""
    return sr.ObserverContext(
        observer_type=sr.CodedConcept.from_code(codes.DEVICE),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=device_uid(model),
            name=f"{PROGRAM} engine",
            manufacturer_name=MAKER,
            model_name=model.name,
            serial_number=serial_number(model),
        ),
    )


def person_observer(reader: str) -> sr.ObserverContext:
    """TID 1003."""
    return sr.ObserverContext(
        observer_type=sr.CodedConcept.from_code(codes.PERSON),
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
            name=person_name(reader) or "Unknown^"
        ),
    )


def algorithm(model: ModelIdentity) -> sr.AlgorithmIdentification:
    """TID 4019."""
    return sr.AlgorithmIdentification(
        name=f"{PROGRAM} {model.name}",
        version=__version__,
        parameters=[
            f"sha256={model.sha256}",
            "categories=" + ",".join(map(str, model.categories)),
        ],
        family=codes.ARTIFICIAL_INTELLIGENCE,
        manufacturer=MAKER,
    )


def contributing(model: ModelIdentity) -> list[hd.ContributingEquipment]:
    """The network as processing equipment, with its Device UID (0018,1002)."""
    item = hd.ContributingEquipment(
        MAKER,
        codes.PROCESSING_EQUIPMENT,
        manufacturer_model_name=f"{PROGRAM} {model.name}",
        software_versions=__version__,
        device_serial_number=serial_number(model),
        contribution_datetime=datetime.now(UTC).astimezone(),
        contribution_description=NOTICE,
    )
    item.DeviceUID = device_uid(model)
    return [item]


class Maker(TypedDict):
    manufacturer: str
    manufacturer_model_name: str
    software_versions: str
    device_serial_number: str


def made_by(model: ModelIdentity | None) -> Maker:
    """What highdicom asks of the maker of an object."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": PROGRAM,
        "software_versions": __version__,
        "device_serial_number": serial_number(model),
    }


def finish(dataset: Dataset, sources: Sequence[SourceImage], model: ModelIdentity | None) -> None:
    """What highdicom has no argument for."""
    header = sources[0].header
    dataset.ManufacturerModelName = PROGRAM
    dataset.SoftwareVersions = __version__
    dataset.DeviceSerialNumber = serial_number(model)
    for keyword in ("IssuerOfPatientID", "StudyDescription"):
        if header.get(keyword):
            setattr(dataset, keyword, header.get(keyword))
    offset = datetime.now().astimezone().strftime("%z")
    dataset.TimezoneOffsetFromUTC = offset
    schemes = used_schemes(dataset)
    items = [item for scheme, item in _schemes().items() if scheme in schemes]
    if items:
        dataset.CodingSchemeIdentificationSequence = items


def used_schemes(dataset: Dataset) -> set[str]:
    """The designators of all coding schemes in it, at any depth."""
    found: set[str] = set()
    queue = [dataset]
    while queue:
        item = queue.pop()
        designator = item.get("CodingSchemeDesignator")
        if designator and "CodeMeaning" in item:
            found.add(str(designator))
        for element in item:
            if element.VR == "SQ":
                queue.extend(element.value)
    return found


def _schemes() -> dict[str, Dataset]:
    """PS3.3 C.12.1.1.7: schemes that are not in PS3.16's table 8-1 without further words."""
    items = {}
    for designator, name, organisation in (
        (codes.OWN_SCHEME, codes.OWN_SCHEME_NAME, MAKER),
        (codes.ACR_SCHEME, codes.ACR_SCHEME_NAME, "American College of Radiology"),
    ):
        item = Dataset()
        item.CodingSchemeDesignator = designator
        item.CodingSchemeName = name
        item.CodingSchemeResponsibleOrganization = organisation
        items[designator] = item
    return items
