"""Side and view from free text: patient IDs, series descriptions and file names.

What is read here is a guess, and callers mark it so. Nothing is ever read out of the inside of a
word, and a lone L or R counts only directly beside a view ("1_R_MLO", "BC0023_CC_L").
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from engine.domain import Laterality, ViewPosition
from engine.messages import Message, message

T = TypeVar("T")

_SIDES = {
    "L": Laterality.LEFT,
    "LEFT": Laterality.LEFT,
    "R": Laterality.RIGHT,
    "RIGHT": Laterality.RIGHT,
}
# AT, CV, FB, ISO and SIO are left out: in free text they are ordinary words and initials.
_VIEWS = {name: ViewPosition[name] for name in ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM")}
_WORDS = re.compile(r"([^\W_]+)")  # with every script's letters: the L of "éL" is no lone letter
_VIEW_TOKEN = re.compile(
    r"(?P<before>LEFT|RIGHT|L|R)??(?P<view>XCCL|XCCM|MLO|LMO|CC|ML|LM)(?P<after>LEFT|RIGHT)?"
    r"(?P<number>[0-9]{0,3})",
    re.IGNORECASE,
)
_VIEW_THEN_LETTER = re.compile(
    r"(?P<view>CC|MLO)(?P<after>L|R)(?P<number>[0-9]{0,3})", re.IGNORECASE
)
_SIDE_TOKEN = re.compile(r"(?P<side>LEFT|RIGHT)(?P<number>[0-9]{0,3})", re.IGNORECASE)
_CBIS_DDSM = re.compile(r"[^_]+_(?P<patient>P_\d{5})_(?:LEFT|RIGHT)_(?:CC|MLO)")
# INbreast names its obliques "20586960_0123456789abcdef_MG_R_ML_ANON".
_INBREAST = re.compile(r"(\d{6,9}_[0-9a-f]{16}_MG_[LR]_)ML(_ANON)", re.IGNORECASE)
# What may stand before a number that only counts files, as in "IMG_0001" or "scan2".
_COUNTER_WORDS = {"", "IM", "IMG", "IMAGE", "SCAN", "VIEW", "FILE", "DSC", "PIC", "MG", "MAMMO"}


@dataclass(frozen=True)
class NamedView:
    """What a text says of side and view, and what is left of it once these are taken out."""

    laterality: Laterality | None
    view_position: ViewPosition | None
    rest: str


def guessed_words(guessed: Collection[str]) -> Message:
    """What of "laterality" and "view" was read from a name, as a sentence begins."""
    if len(guessed) > 1:
        return message("Laterality and view")
    return message("Laterality") if "laterality" in guessed else message("View")


def read_name(text: str) -> NamedView:
    """A side or view that the text names twice and differently counts as not named."""
    text = _INBREAST.sub(r"\1MLO\2", text)
    gaps_and_tokens = _WORDS.split(text)
    gaps, tokens = gaps_and_tokens[::2], gaps_and_tokens[1::2]
    sides: list[Laterality | None] = [None] * len(tokens)
    views: list[ViewPosition | None] = [None] * len(tokens)
    rests = list(tokens)
    for index, token in enumerate(tokens):
        if match := _VIEW_TOKEN.fullmatch(token) or _VIEW_THEN_LETTER.fullmatch(token):
            found = match.groupdict()
            side = {_SIDES[s.upper()] for s in (found.get("before"), found.get("after")) if s}
            if len(side) < 2:
                views[index] = _VIEWS[found["view"].upper()]
                sides[index] = next(iter(side), None)
                rests[index] = found["number"]
        elif match := _SIDE_TOKEN.fullmatch(token):
            sides[index] = _SIDES[match["side"].upper()]
            rests[index] = match["number"]
    letters = {token.upper() for token in tokens} & {"L", "R"}
    for index, token in enumerate(tokens):
        if {token.upper()} == letters:  # where both stand, one is an initial or a label
            before = views[index - 1] if index else None
            after = views[index + 1] if index + 1 < len(tokens) else None
            if before or after:
                sides[index] = _SIDES[token.upper()]
                rests[index] = ""
    rest = ""
    for gap, token in zip(gaps, rests, strict=False):
        rest += (gap if rest else "") + token if token else ""
    return NamedView(
        _only({side for side in sides if side}), _only({view for view in views if view}), rest
    )


def cbis_ddsm_patient(patient_id: str) -> str | None:
    """'P_00001' of 'Mass-Training_P_00001_LEFT_CC', where each view has a Patient ID of its own."""
    match = _CBIS_DDSM.fullmatch(patient_id)
    return match["patient"] if match else None


def differ_by_counter_only(rests: Sequence[str]) -> bool:
    """Whether names, side and view taken out, tell no more apart than files counted one by one.

    True for 1, 2, 3 and for IMG_0007, IMG_0008; False for P_00001, P_00002, which are patients.
    """
    if len(set(rests)) <= 1:
        return True
    tried = [re.fullmatch(r"(?P<word>[A-Za-z]*)[_]?(?P<number>\d{1,6})", rest) for rest in rests]
    matches = [match for match in tried if match]
    if len(matches) < len(rests):
        return False
    words = {match["word"] for match in matches}
    numbers = sorted(int(match["number"]) for match in matches)
    is_counted = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    word = words.pop().upper()
    if words or word not in _COUNTER_WORDS or not is_counted:
        return False
    return bool(word) or numbers[0] <= 1


def _only(values: set[T]) -> T | None:
    return values.pop() if len(values) == 1 else None
