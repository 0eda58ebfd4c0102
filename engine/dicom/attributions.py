"""What readers say of images that their files do not say: side, view, and which are one study.

The files stay as they are, and so do the studies that they make by themselves
(`engine.dicom.studies`); here the reader's word is put upon them, and said on each image. Side and
view of a header are overridden only by a word that says so; it is told, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.dicom.naming import guessed_words
from engine.dicom.scope_rules import no_standard_view
from engine.dicom.studies import STUDY_GUESS, hanging_order
from engine.domain import (
    STANDARD_VIEWS,
    Attribution,
    Catalogue,
    MammogramView,
    Study,
    not_judged,
)
from engine.messages import Message, listed, message

UID_PREFIX = "by-hand/"  #: of a study that a reader made
Attributions = Mapping[tuple[str, str], Attribution]  #: by `attribution_key`
_ONE_STUDY = message(
    "That these images are one study of one patient was said by hand, by a reader."
)
_ALONE = message("That this image is a study of its own was said by hand, by a reader.")
_WORDS = {"laterality": message("side"), "view": message("view"), "study": message("study")}
_SEVERAL = message("Their files name different patients.")


def attribution_key(view: MammogramView) -> tuple[str, str]:
    """Image and content: what was said of one file is not said of another of its name."""
    return view.image_uid, "" if view.file is None else view.file.content.hex()


def attributed(catalogue: Catalogue, said: Attributions) -> Catalogue:
    """The catalogue as readers say it is; itself where nothing is said of its images."""
    if not said:
        return catalogue
    studies: list[Study] = []
    by_hand: dict[str, list[tuple[Study, MammogramView, Attribution]]] = defaultdict(list)
    for study in catalogue.studies:
        kept: list[MammogramView] = []
        for view in study.views:
            word = said.get(attribution_key(view))
            if word is not None and word.study:
                by_hand[word.study].append((study, with_attribution(view, word), word))
            else:
                kept.append(view if word is None else with_attribution(view, word))
        if kept == list(study.views):
            studies.append(study)
        elif kept:
            studies.append(replace(study, views=tuple(sorted(kept, key=hanging_order))))
    studies += [_study(name, members) for name, members in by_hand.items()]
    return (
        catalogue
        if studies == list(catalogue.studies)
        else replace(catalogue, studies=tuple(studies))
    )


def with_attribution(view: MammogramView, word: Attribution) -> MammogramView:
    """The view with the side and the view position that are said of it, if any."""
    by_hand = {"study"} if word.study else set()
    notes, doubts = list(view.notes), list(view.laterality_warnings)
    side, position = word.laterality or view.laterality, word.view_position or view.view_position
    out_of_scope = view.out_of_scope
    if word.laterality is not None:
        by_hand.add("laterality")
        stated = view.laterality
        if stated not in (None, word.laterality) and "laterality" not in view.guessed:
            doubts.append(message("header says {side}", side=stated.value))
    if word.view_position is not None:
        by_hand.add("view")
        if view.view_position not in (None, word.view_position) and "view" not in view.guessed:
            notes.append(
                message("Its header says that the view is {view}.", view=view.view_position.value)
            )
        out_of_scope = _scope(view, word)
    if by_hand:
        what = listed([_WORDS[each] for each in _WORDS if each in by_hand])
        notes.append(message("Given by hand, by a reader: {what}.", what=what))
    guessed = view.guessed - by_hand
    notes = _without_guess(notes, view.guessed, guessed)
    if view.out_of_scope not in (None, out_of_scope):
        notes = [note for note in notes if note != not_judged(view.out_of_scope)]
    if out_of_scope not in (None, view.out_of_scope):
        notes.append(not_judged(out_of_scope))
    return replace(
        view,
        laterality=side,
        view_position=position,
        guessed=guessed,
        by_hand=frozenset(by_hand),
        out_of_scope=out_of_scope,
        laterality_warnings=tuple(doubts),
        notes=tuple(notes),
    )


def _scope(view: MammogramView, word: Attribution) -> Message | None:
    """Only what was refused for its view alone may become judged by another view."""
    reason, before, now = view.out_of_scope, view.view_position, word.view_position
    was_for_view = before is not None and reason == no_standard_view(before.value)
    if reason is not None and not was_for_view:
        return reason
    return None if now is None or now in STANDARD_VIEWS else no_standard_view(now.value)


def _without_guess(
    notes: Iterable[Message], before: frozenset[str], now: frozenset[str]
) -> list[Message]:
    """What is said by hand is guessed no more."""
    result = []
    for note in notes:
        if (
            before != now
            and before - {"study"}
            and note.values.get("what") == guessed_words(before - {"study"})
        ):
            if not now - {"study"}:
                continue
            note = Message(note.template, {**note.values, "what": guessed_words(now - {"study"})})
        result.append(note)
    return result


def _study(name: str, members: list[tuple[Study, MammogramView, Attribution]]) -> Study:
    sources = list({study.uid: study for study, _, _ in members}.values())
    uid, patient_id = f"{UID_PREFIX}{name}", members[0][2].patient_id
    names = {study.patient_name for study in sources}
    identities = {study.identity for study in sources}
    identity = identities.pop() if len(identities) == 1 else None
    known = {study.identity.patient_id for study in sources if study.identity is not None}
    notes = [_ONE_STUDY if len(members) > 1 else _ALONE]
    if len(known) > 1 or (known and patient_id not in known):
        notes.append(_SEVERAL)
    for study in sources:
        notes += [n for n in study.notes if n.template != STUDY_GUESS.template and n not in notes]
    views = (
        replace(
            view,
            study_uid=uid,
            patient_id=patient_id,
            guessed=view.guessed - {"study"},
        )
        for _, view, _ in members
    )
    dates = {study.study_date for study in sources}
    return Study(
        uid,
        patient_id,
        tuple(sorted(views, key=hanging_order)),
        names.pop() if len(names) == 1 else "",
        dates.pop() if len(dates) == 1 else None,
        next((study.description for study in sources if study.description), ""),
        identity=identity if identity and identity.patient_id == patient_id else None,
        notes=tuple(notes),
    )
