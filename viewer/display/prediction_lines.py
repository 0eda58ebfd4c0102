"""What a model predicts of a study's views and breasts, in lines; and why it predicts nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.domain import (
    Judgement,
    Laterality,
    MammogramView,
    OutOfScope,
    Prediction,
    Study,
    StudyPrediction,
)
from viewer.display import opinion
from viewer.display.assessment_form import SIDES
from viewer.display.opinion import Named, percent
from viewer.shared.languages import tr
from viewer.shared.messages import form_notes, localised, side_title


def category_text(prediction: Prediction) -> str:
    """'4 · P(4–5) 78 %'."""
    suspicion = tr("P(4–5) {percent}").format(percent=percent(prediction.suspicion))
    return f"{prediction.category} · {suspicion}"


@dataclass(frozen=True)
class ViewLines:
    """A line for each view that is judged; of the others, and of what is to be known of an image,
    one for all views that it is true of.
    """

    by_side: dict[Laterality, tuple[str, ...]]
    remarks: tuple[str, ...]
    loose: tuple[str, ...]  #: of the views whose side is not known


def view_lines(study: Study, prediction: StudyPrediction) -> ViewLines:
    def judged(views: Iterable[MammogramView]) -> tuple[str, ...]:
        named = ((opinion.view_name(view), _judgement_of(view, prediction)) for view in views)
        return tuple(
            f"{name}: {category_text(judgement)}"
            for name, judgement in named
            if isinstance(judgement, Prediction)
        )

    sided = [view for view in study.views if view.laterality is not None]
    loose = [view for view in study.views if view.laterality is None]
    return ViewLines(
        {side: judged(v for v in sided if v.laterality is side) for side in SIDES},
        _remarks([(view.label, view) for view in sided], prediction),
        (*judged(loose), *_remarks([(opinion.view_name(v), v) for v in loose], prediction)),
    )


def _judgement_of(view: MammogramView, prediction: StudyPrediction) -> Judgement | None:
    found = (each for each in prediction.views if each.image_uid == view.image_uid)
    return next((each.prediction for each in found), None)


def _remarks(
    named: Sequence[tuple[str, MammogramView]], prediction: StudyPrediction
) -> tuple[str, ...]:
    """Why views are not judged, then what is to be known of images, each text once."""
    failed = {failure.path: failure for failure in prediction.failures}
    out_of_scope = tr("{view}: out of scope. {why}")
    refused: dict[tuple[str, str], list[str]] = {}  # names of views by template and reason
    noted: dict[tuple[str, str], list[str]] = {}
    for name, view in named:
        judgement = _judgement_of(view, prediction)
        if isinstance(judgement, OutOfScope):
            refused.setdefault((out_of_scope, localised(judgement.reason)), []).append(name)
        elif judgement is None and view.path in failed:
            title = localised(failed[view.path].title)
            refused.setdefault(("{view}: {why}", title), []).append(name)
        elif judgement is None:
            refused.setdefault((tr("{view}: no answer"), ""), []).append(name)
        for note in form_notes(view):
            noted.setdefault(("{view}: {why}", note), []).append(name)
    return tuple(
        template.format(view=_listed(names), why=text)
        for (template, text), names in [*refused.items(), *noted.items()]
    )


def _listed(names: Sequence[str]) -> str:
    counted = Counter(names)
    return ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in counted.items())


def refusal(judgement: OutOfScope, views: Sequence[Named]) -> str:
    """Why a breast has no category: its views' own reason, where they all have the same."""
    reasons = {each.reason for _, each in views if isinstance(each, OutOfScope)}
    reason = reasons.pop() if len(reasons) == 1 else judgement.reason
    return " ".join([tr("Out of scope."), localised(reason)])


def absence(study: Study, side: Laterality) -> str:
    """Why nothing was predicted of a breast."""
    if not any(view.laterality is side for view in study.views):
        is_side_known = all(view.laterality for view in study.views)
        return (
            tr("No image of this breast.")
            if is_side_known
            else tr("No image is known to be of it.")
        )
    if not study.is_joined:
        return tr("Views only: they are not known to belong to one patient.")
    return tr("No answer for this breast.")


def no_category_lines(study: Study, prediction: StudyPrediction) -> tuple[str, ...]:
    """Why there is no category, each reason with the breasts that it is true of; () where there is
    one. Of a study that may not be judged at all, its views give the reasons.
    """
    judgements = {breast.laterality: breast.prediction for breast in prediction.breasts}
    if any(isinstance(judgement, Prediction) for judgement in judgements.values()):
        return ()
    if prediction.views and all(isinstance(v.prediction, OutOfScope) for v in prediction.views):
        return (tr("Out of scope."),)
    by_reason: dict[str, list[str]] = {}
    for side in SIDES:
        judgement = judgements.get(side)
        text = absence(study, side)
        if isinstance(judgement, OutOfScope):
            text = refusal(judgement, opinion.views_of(study, prediction, side))
        by_reason.setdefault(text, []).append(side_title(side))
    return tuple(f"{', '.join(sides)}: {text}" for text, sides in by_reason.items())


def beside_lines(
    prediction: StudyPrediction, chosen: StudyPrediction | None
) -> dict[Laterality, str]:
    """'R 3 · 45 %' of a second model, and whether the chosen one differs; {} where it is per view
    only.
    """
    lines = {}
    beside = {b.laterality: b.prediction for b in chosen.breasts} if chosen is not None else {}
    for breast in prediction.breasts:
        judgement, side = breast.prediction, breast.laterality
        text = tr("out of scope")
        if isinstance(judgement, Prediction):
            text = f"{judgement.category} · {percent(judgement.confidence)}"
        if side in beside and opinion.do_differ([judgement, beside[side]]):
            text = " · ".join([text, tr("differs")])
        lines[side] = f"{side.value} {text}"
    return lines


def network_lines(breast: Judgement, views: Sequence[Named]) -> str:
    """A line for each network of an ensemble, and one on what they differ."""
    lines = []
    for alone in breast.others:
        text = category_text(alone) if isinstance(alone, Prediction) else tr("out of scope")
        lines.append(f"{opinion.short_title(alone.model.name)} {text}")
    if any(isinstance(alone, Prediction) for alone in breast.others):
        places = opinion.where_networks_differ(breast, views)
        differ = tr("differ: {places}").format(places=", ".join(places))
        lines.append(differ if places else tr("the same categories"))
    return "\n".join(lines)


def networks_by_view(study: Study, prediction: StudyPrediction) -> str:
    """Where there is no breast; empty where no view is judged."""
    judged = {view.image_uid: view.prediction for view in prediction.views}
    views = [(v.label, judged[v.image_uid]) for v in study.views if v.image_uid in judged]
    if not any(isinstance(judgement, Prediction) for _, judgement in views):
        return ""
    places = opinion.where_networks_differ(None, views)
    if not places:
        return tr("Both networks say the same categories.")
    return tr("The networks differ: {places}").format(places=", ".join(places))
