"""What the model's numbers are worth, in words: no headline may sound safer than they are.

Where the networks, or the views of a breast, do not agree is worked out here, and what the
probabilities become where cancers are rarer than in the data that they were calibrated on.
"""

from collections.abc import Iterable, Sequence

from engine.domain import (
    MODEL_MEANING,
    Judgement,
    Laterality,
    MammogramView,
    OutOfScope,
    Prediction,
    RegionPrediction,
    Study,
    StudyPrediction,
)
from engine.networks.calibration import with_prevalence
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised
from viewer.shared.plain_text import shortened
from viewer.shared.states import MODEL_TITLES, SHORT_TITLES

SUSPICION_LIMIT = 0.10  #: of P(4 or 5): above it the headline of a 1, 2 or 3 says so
_AMBER_SHARE = 0.5  #: of the 4 and 5 that the calibration saw: from there on in amber, too
SPREAD_LIMIT = 2  #: categories between the views of a breast: from there on the headline says so
LEAST_CANCERS, MOST_CANCERS = 0.1, 500.0  #: in 1,000 women screened
_BREASTS = 2  #: of a woman, one of which has the cancer
_SUSPICIOUS_GRADE = 4
_NAMED_VIEWS = 2  #: of more that differ, only the number is said

POOLING_RULE = mark("All views count alike, not the worst alone.")
Named = tuple[str, Judgement]  #: what it is of, as short as on the image, and what is said of it


def views_of(study: Study, prediction: StudyPrediction, side: Laterality) -> list[Named]:
    """What is said of the breast's views, in the study's order."""
    said = {view.image_uid: view.prediction for view in prediction.views}
    return [
        (view_name(view), said[view.image_uid])
        for view in study.views
        if view.laterality is side and view.image_uid in said
    ]


def view_name(view: MammogramView) -> str:
    return view.view_position.value if view.view_position else tr("View ?")


# ----------------------------------------------------------------------------------- the headline


def meaning(prediction: Prediction) -> str:
    """What a category in scope is: 'pattern like training grade 2', never an assessment."""
    return localised(MODEL_MEANING[prediction.category])


def needs_warning(prediction: Prediction | RegionPrediction) -> bool:
    """Whether a category in scope sounds safer than its P(4 or 5) is."""
    return prediction.category < _SUSPICIOUS_GRADE and prediction.suspicion > SUSPICION_LIMIT


def is_amber(prediction: Prediction, is_pooled: bool) -> bool:
    """Whether that is so much that it has to catch the eye: a network that was calibrated on many
    cancers gives nearly every breast more than the limit. `is_pooled` of a breast with several
    views.
    """
    population = prediction.model.population
    if population is None:
        return needs_warning(prediction)
    shares = population.breasts if is_pooled else population.views
    least = _AMBER_SHARE * shares.suspicious
    return needs_warning(prediction) and prediction.suspicion > least


def percent(probability: float) -> str:
    """Whole per cent; neither certainty nor impossibility is claimed by rounding."""
    if 0 < probability < 0.005:
        return "<1 %"
    if 0.995 <= probability < 1:
        return ">99 %"
    return f"{probability:.0%}".replace("%", " %")


def suspicion_text(prediction: Prediction | RegionPrediction) -> str:
    """'P(4 or 5) 83 %'; 'P(4 or 5) 15 % > 10 %' where the category sounds safer."""
    text = tr("P(4 or 5) {percent}").format(percent=percent(prediction.suspicion))
    return f"{text} > {percent(SUSPICION_LIMIT)}" if needs_warning(prediction) else text


def longest_suspicion_text() -> str:
    """No wider is ever needed: what is certain has a category of 4 or 5, and no limit beside it."""
    text = tr("P(4 or 5) {percent}").format(percent=percent(0.88))
    return f"{text} > {percent(SUSPICION_LIMIT)}"


def spread(views: Sequence[Named]) -> str:
    """'CC 1 but MLO 4' where views of a breast are `SPREAD_LIMIT` categories apart, else empty."""
    graded = [(said.category, name) for name, said in views if isinstance(said, Prediction)]
    lowest, highest = min(graded, default=(0, "")), max(graded, default=(0, ""))
    if highest[0] - lowest[0] < SPREAD_LIMIT:
        return ""
    one, other = sorted((lowest, highest), key=graded.index)  # as the views stand
    return tr("{view} {category} but {other_view} {other_category}").format(
        view=one[1], category=one[0], other_view=other[1], other_category=other[0]
    )


def origin(views: Sequence[Named]) -> str:
    """How the breast's category came from its views: 'from CC 3 and MLO 1'; 'from CC 1 but MLO 4'
    where they contradict each other. Empty where none is in scope.
    """
    names = [f"{name} {said.category}" for name, said in views if isinstance(said, Prediction)]
    if not names:
        return ""
    if len(names) == 1:
        return tr("from {view} alone").format(view=names[0])
    if spread(views):
        return tr("from {views}").format(views=spread(views))
    if len(names) == _NAMED_VIEWS:
        return tr("from {view} and {other_view}").format(view=names[0], other_view=names[1])
    return tr("from its {count} views together").format(count=len(names))


def warnings(prediction: Prediction, views: Sequence[Named] = ()) -> list[str]:
    """What contradicts a category in scope, in words: 'P(4 or 5) above 10 %', 'CC 1 but MLO 4'.

    `views` are all of the breast's.
    """
    found = [spread(views)] if spread(views) else []
    if needs_warning(prediction):
        above = tr("P(4 or 5) above {limit} %")
        found.insert(0, above.format(limit=round(100 * SUSPICION_LIMIT)))
    return found


def pooling_text(views: Sequence[Named]) -> str:
    """How the views made the breast, for who asks; empty where none is in scope."""
    names = [name for name, said in views if isinstance(said, Prediction)]
    if not names:
        return ""
    if len(names) == 1:
        return tr("The breast rests on its one view that can be judged: {view}.").format(
            view=names[0]
        )
    return tr(
        "The breast rests on the mean of its {count} views ({views}): what each gives for and "
        "against every category is averaged, and the average is calibrated on breasts. One "
        "alarming view is toned down by the other."
    ).format(count=len(names), views=", ".join(names))


# ----------------------------------------------------------------------------------- the networks


def short_title(model_name: str) -> str:
    return tr(SHORT_TITLES[model_name]) if model_name in SHORT_TITLES else shortened(model_name)


def model_title(model_name: str) -> str:
    return tr(MODEL_TITLES[model_name]) if model_name in MODEL_TITLES else shortened(model_name)


def do_differ(said: Iterable[Judgement]) -> bool:
    """Whether not all that is in scope has the same category."""
    return len({each.category for each in said if isinstance(each, Prediction)}) > 1


def where_networks_differ(breast: Judgement | None, views: Sequence[Named]) -> list[str]:
    """Of what is said by several networks: 'breast', and the views, on which categories differ;
    of many views their number."""
    names = [name for name, said in views if do_differ(said.others)]
    if len(names) > _NAMED_VIEWS:
        names = [tr("{count} views").format(count=len(names))]
    is_breast = breast is not None and do_differ(breast.others)
    return [tr("breast"), *names] if is_breast else names


# -------------------------------------------------------------------------------------- the prior


def shifted(prediction: Judgement, is_pooled: bool, cancers_per_1000: float | None) -> float | None:
    """P(4 or 5) where so many cancers are seen in 1,000 women screened, by Bayes' rule.

    It is taken that a woman with a cancer has it in one breast, and that there are as many 4 and 5
    to a cancer as where the model was calibrated. `is_pooled` of a breast with several views. None
    where no prior is stated, or the checkpoint does not tell what it was calibrated on.
    """
    population = prediction.model.population
    if cancers_per_1000 is None or population is None or isinstance(prediction, OutOfScope):
        return None
    shares = population.breasts if is_pooled else population.views
    if not shares.malignant or not 0 < shares.suspicious < 1:
        return None
    cancers = cancers_per_1000 / 1000 / _BREASTS
    wanted = min(cancers * shares.suspicious / shares.malignant, 0.99)
    return float(with_prevalence(prediction.suspicion, shares.suspicious, wanted))


def per_1000(probability: float) -> str:
    """'3.4 per 1,000'; neither certainty nor impossibility is claimed by rounding."""
    if 0 < probability < 0.0001:
        return tr("below 0.1 per 1,000")
    if probability > 0.999:
        return tr("above 999 per 1,000")
    number = 1000 * probability
    return tr("{number} per 1,000").format(
        number=f"{number:.1f}" if number < 10 else f"{number:.0f}"
    )


def prior_text(prediction: StudyPrediction, cancers_per_1000: float | None) -> str:
    """What was shifted, or why it was not; empty where no prior is stated."""
    if cancers_per_1000 is None:
        return ""
    if prediction.model.population is None:
        return tr("Not shifted to your cancers per 1,000: the model does not tell its own.")
    return shift_rule(cancers_per_1000)


def shift_rule(cancers_per_1000: float) -> str:
    words = tr("→ shifted to {cancers} per 1,000 women; % is unshifted.")
    return words.format(cancers=f"{cancers_per_1000:g}")
