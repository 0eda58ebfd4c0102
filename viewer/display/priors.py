"""Which studies of the catalogue are earlier ones of the same patient: pure logic over tags.

A comparison with another woman's breast is worse than none, so it is the tags that identify a
patient, Patient ID with its issuer and the birth date, and never the name:

- The Patient IDs are equal, and neither issuers nor birth dates contradict each other. An ID that
  anonymised studies share ("ANON", "0000") identifies nobody.
- Issuers or birth dates that agree confirm it; another name is then a remark (women marry).
- Where neither is stated twice, the ID stands alone: another name then refuses the study, and the
  same or none is offered with a warning that stands on the images.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from engine.domain import PatientIdentity, Study
from engine.messages import Message, message
from viewer.shared.languages import tr

BY_ID_ALONE = message("matched by ID alone")
OTHER_NAME = message("name differs from current")
_MOST = 16  #: studies under one Patient ID that a study is held against, to be known as a prior


@dataclass(frozen=True, eq=False)
class Prior:
    """An earlier study to hang under the open one."""

    study: Study
    interval: str  #: how much earlier, as text
    #: about its being the same patient's; they stand on the images
    warnings: tuple[Message, ...] = ()

    @property
    def study_date(self) -> date:
        """Without one nothing is an earlier study."""
        assert self.study.study_date is not None
        return self.study.study_date


def priors_of(study: Study, studies: Iterable[Study]) -> tuple[Prior, ...]:
    """The same patient's studies of earlier dates, the newest first."""
    found = []
    for other in studies:
        if other is study or study.study_date is None or other.study_date is None:
            continue
        if other.study_date < study.study_date and other.views:
            warnings = _identity_warnings(study, other)
            if warnings is not None:
                found.append(Prior(other, _interval(other.study_date, study.study_date), warnings))
    found.sort(key=lambda prior: (prior.study_date, prior.study.uid), reverse=True)
    return tuple(found)


def earlier_ones(studies: Iterable[Study]) -> frozenset[str]:
    """Uids of the studies that are a prior of another one: there to be compared with."""
    of_patients: dict[str, list[Study]] = {}
    for study in studies:
        if study.identity is not None and study.study_date is not None and study.views:
            of_patients.setdefault(study.identity.patient_id, []).append(study)
    earlier: set[str] = set()
    for one_id in of_patients.values():
        if len(one_id) > 1 and one_id[0].identity and not _is_placeholder(one_id[0].identity):
            newest = sorted(one_id, key=lambda study: str(study.study_date), reverse=True)[:_MOST]
            earlier |= {s.uid for s in one_id if any(_is_prior(s, other) for other in newest)}
    return frozenset(earlier)


def _is_prior(study: Study, of: Study) -> bool:
    if study.study_date is None or of.study_date is None or study.study_date >= of.study_date:
        return False
    return _identity_warnings(of, study) is not None


def _identity_warnings(study: Study, other: Study) -> tuple[Message, ...] | None:
    """None: not known to be the same patient."""
    one, two = study.identity, other.identity
    if one is None or two is None or one.patient_id != two.patient_id or _is_placeholder(one):
        return None
    confirmations = 0
    for ours, theirs in ((one.issuer, two.issuer), (one.birth_date, two.birth_date)):
        if ours and theirs:
            if ours != theirs:
                return None
            confirmations += 1
    names = {_plain_name(s.patient_name) for s in (study, other)} - {""}
    if len(names) < 2:
        return () if confirmations else (BY_ID_ALONE,)
    return (OTHER_NAME,) if confirmations else None


def _is_placeholder(identity: PatientIdentity) -> bool:
    """What stands where an ID was taken away: no digit in it, or all of one digit."""
    digits = set(re.findall(r"\d", identity.patient_id))
    letters = re.sub(r"[\W\d_]", "", identity.patient_id)
    return not digits or (not letters and len(digits) == 1)


def _plain_name(name: str) -> str:
    return " ".join(re.findall(r"\w+", name)).casefold()


def _interval(earlier: date, later: date) -> str:
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    months -= later.day < earlier.day
    if months < 1:
        days = (later - earlier).days
        return tr("1 day earlier") if days == 1 else tr("%n days earlier", "", days)
    if months < 24:
        return tr("1 month earlier") if months == 1 else tr("%n months earlier", "", months)
    return tr("%n years earlier", "", months // 12)
