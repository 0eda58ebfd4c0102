"""Others' structured reports: Mammography CAD SR (TID 4000), TID 1500, key objects.

CAD reports rest on the DCM codes of PS3.16, whatever scheme their other codes are of (SNOMED RT,
99SDM); so do we. Items may be referred to by their place in the tree instead of standing there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from engine.domain import BiradsCategory, Laterality
from engine.interop import codes
from engine.interop.foreign_tags import (
    Code,
    code,
    items,
    meaning,
    number,
    numbers,
    referenced_images,
    text,
)
from engine.interop.marks import ForeignMark, Intent, Point, Shape, Statement
from engine.messages import Message, message

_MOST_MARKS = 2_000
_MOST_POINTS = 20_000  # of one mark
_MOST_WORDS = 64
_DEEPEST = 40
_MOST_VISITED = 20_000  # items; a reference may be followed again and again

_FINDING = ("DCM", "111059")  # Single Image Finding
_CERTAINTY = {("DCM", "111012"), ("DCM", "111047")}  # of finding; Probability of cancer
_INTENT = ("DCM", "111056")
_INTENTS = {
    ("DCM", "111150"): Intent.REQUIRED,
    ("DCM", "111151"): Intent.OPTIONAL,
    ("DCM", "111152"): Intent.NOT,
}
_GROUP = ("DCM", "125007")  # Measurement Group
_SITES = {("SCT", "363698007"), ("SRT", "G-C0E3"), ("SNM3", "G-C0E3")}
_LATERALITIES = {("SCT", "272741003"), ("SRT", "G-C171"), ("SNM3", "G-C171")}
_FINDING_NAME = {("DCM", "121071"), ("SCT", "121071")}
_SIDES: Mapping[str, Laterality] = {
    **{code.value: side for side, code in codes.SIDES.items()},
    **{code.value: side for side, code in codes.BREASTS.items()},
    "G-A100": Laterality.RIGHT,
    "G-A101": Laterality.LEFT,
    "T-04020": Laterality.RIGHT,
    "T-04030": Laterality.LEFT,
}
_ASSESSMENT = ("DCM", "111005")
_STATED = re.compile(r"(?:BI-?RADS\s*)?([0-6])([ABC])?(?=$|[\s:.–-])", re.IGNORECASE)


@dataclass
class Read:
    """What was found in a tree."""

    marks: list[ForeignMark] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    observers: list[str] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)


def read_cad(root: Dataset) -> Read:
    """Marks of the findings, with what the report asks for."""
    return _Tree(root).cad()


def read_measurements(root: Dataset) -> Read:
    """Statements by breast or finding, and marks of their regions."""
    return _Tree(root).measurements()


def read_observers(root: Dataset) -> list[str]:
    names = {("DCM", "121008"), ("DCM", "121013"), ("DCM", "121015")}
    found = [
        text(item, "PersonName", 64) or text(item, "TextValue", 64)
        for item in items(root, "ContentSequence")[:200]
        if code(item) in names
    ]
    return [name.replace("^", " ").strip() for name in found if name]


def read_key_images(root: Dataset) -> tuple[list[str], str]:
    """Images, and the words with them."""
    images, words = [], ""
    for item in items(root, "ContentSequence")[:10_000]:
        if text(item, "ValueType") == "IMAGE":
            images += referenced_images(item)
        elif text(item, "ValueType") == "TEXT":
            words = words or text(item, "TextValue")
    return images, words


class _Tree:
    def __init__(self, root: Dataset) -> None:
        self._root = root
        self._read = Read()
        self._visited = 0
        self._above: list[int] = []  # identities of the items that lead here

    def cad(self) -> Read:
        self._read.observers = read_observers(self._root)
        for item, _, intent in self._walk(self._root, 0, Intent.REQUIRED):
            if code(item) == _FINDING:
                self._finding(item, intent)
        return self._whole()

    def measurements(self) -> Read:
        self._read.observers = read_observers(self._root)
        for item, _, _ in self._walk(self._root, 0, Intent.REQUIRED):
            if code(item) == _GROUP:
                self._group(item)
        return self._whole()

    def _whole(self) -> Read:
        if len(self._read.marks) > _MOST_MARKS:
            self._read.marks = self._read.marks[:_MOST_MARKS]
            self._read.notes.append(
                message("Of its marks the first {most} are shown.", most=_MOST_MARKS)
            )
        return self._read

    def _walk(
        self, parent: Dataset, depth: int, intent: Intent
    ) -> Iterator[tuple[Dataset, int, Intent]]:
        """All items below, each with the rendering intent that holds for it."""
        for child in self._children(parent):
            self._visited += 1
            if self._visited > _MOST_VISITED or depth > _DEEPEST:
                if not self._read.notes:
                    self._read.notes.append(
                        message("The report is too deep or too long to be read whole.")
                    )
                return
            if id(child) in self._above:  # it refers to what it is part of
                continue
            own = self._intent(child, intent)
            yield child, depth, own
            self._above.append(id(child))
            yield from self._walk(child, depth + 1, own)
            self._above.pop()

    def _children(self, item: Dataset) -> list[Dataset]:
        """Those that stand there, and those that are referred to."""
        return [self._meant(child) for child in items(item, "ContentSequence")]

    def _meant(self, item: Dataset) -> Dataset:
        """Referenced Content Item Identifier (0040,DB73): places in the tree, from 1."""
        path = [int(place) for place in numbers(item, "ReferencedContentItemIdentifier", _DEEPEST)]
        if not path:
            return item
        meant = self._root
        for place in path[1:]:
            children = items(meant, "ContentSequence")
            if not 1 <= place <= len(children):
                return item
            meant = children[place - 1]
        return meant

    def _intent(self, item: Dataset, inherited: Intent) -> Intent:
        for child in items(item, "ContentSequence")[:50]:
            if code(child) == _INTENT:
                own = _INTENTS.get(code(child, "ConceptCodeSequence"), inherited)
                # what is above it is not to be shown, it is not, either
                return Intent.NOT if inherited is Intent.NOT else own
        return inherited

    def _finding(self, item: Dataset, intent: Intent) -> None:
        label, certainty = meaning(item), None
        children = self._children(item)
        for child in children:
            if code(child) in _CERTAINTY and certainty is None:
                certainty = _share(child)
        for child in children:
            if text(child, "ValueType") == "SCOORD":
                self._mark(child, label, certainty, intent)

    def _mark(self, item: Dataset, label: str, certainty: float | None, intent: Intent) -> None:
        image, frame = self._image_of(item)
        found = shape_of(text(item, "GraphicType"), numbers(item, "GraphicData", 2 * _MOST_POINTS))
        if not image or not found:
            if len(self._read.notes) < 5:
                self._read.notes.append(message("A mark could not be read."))
            return
        for shape, points in found:
            self._read.marks.append(
                ForeignMark(image, shape, points, label, certainty, intent, frame=frame)
            )

    def _image_of(self, item: Dataset) -> tuple[str, int | None]:
        for child in self._children(item):
            if text(child, "ValueType") == "IMAGE":
                for referenced in items(child, "ReferencedSOPSequence")[:1]:
                    frame = number(referenced, "ReferencedFrameNumber")
                    uid = text(referenced, "ReferencedSOPInstanceUID", 64)
                    return uid, int(frame) if frame else None
        return "", None

    def _group(self, group: Dataset) -> None:  # noqa: C901  a line for each kind of item
        side, category, label = None, None, ""
        words: list[tuple[str, str]] = []
        children = self._children(group)
        for child in children:
            name, kind = code(child), text(child, "ValueType")
            value = code(child, "ConceptCodeSequence")
            if name in _SITES:
                side = _SIDES.get(value[1])
                for inner in self._children(child):
                    if code(inner) in _LATERALITIES:
                        side = _SIDES.get(code(inner, "ConceptCodeSequence")[1], side)
            elif name == _ASSESSMENT:
                category = category_of(value, meaning(child))
                words.append((meaning(child, "ConceptNameCodeSequence"), meaning(child)))
            elif kind == "NUM":
                words.append((meaning(child, "ConceptNameCodeSequence"), _measured(child)))
            elif kind == "CODE":
                words.append((meaning(child, "ConceptNameCodeSequence"), meaning(child)))
                if name in _FINDING_NAME:
                    label = meaning(child)
            elif kind == "TEXT" and text(child, "RelationshipType") == "CONTAINS":
                words.append((meaning(child, "ConceptNameCodeSequence"), text(child, "TextValue")))
        said = tuple((name, value) for name, value in words if value)[:_MOST_WORDS]
        if said or category is not None:
            self._read.statements.append(Statement(side, category, said))
        for child in children:
            if text(child, "ValueType") == "SCOORD":
                self._mark(child, label, None, Intent.REQUIRED)
            elif text(child, "ValueType") == "NUM":
                for inner in self._children(child):
                    if text(inner, "ValueType") == "SCOORD":
                        self._mark(inner, _measured(child) or label, None, Intent.REQUIRED)


def shape_of(kind: str, values: list[float]) -> list[tuple[Shape, tuple[Point, ...]]]:
    """Of SCOORD and GSPS: columns and rows in turn. Empty: not one that can be drawn."""
    if not values or len(values) % 2:
        return []
    points = tuple((values[i + 1], values[i]) for i in range(0, len(values), 2))
    if kind == "POINT" and len(points) == 1:
        return [(Shape.POINT, points)]
    if kind in ("MULTIPOINT", "POINT"):
        return [(Shape.POINT, (point,)) for point in points[:_MOST_MARKS]]
    if kind in ("POLYLINE", "INTERPOLATED", "POLYGON") and len(points) > 1:
        is_closed = kind == "POLYGON" or (len(points) > 3 and points[0] == points[-1])
        closed = points if points[0] == points[-1] else (*points, points[0])
        return [(Shape.OUTLINE, closed)] if is_closed else [(Shape.LINE, points)]
    if kind == "CIRCLE" and len(points) == 2:
        return [(Shape.CIRCLE, points)]
    if kind == "ELLIPSE" and len(points) == 4:
        return [(Shape.ELLIPSE, points)]
    return []


def category_of(value: Code, words: str) -> BiradsCategory | None:
    """By code; else by what it is called, "4A - Low suspicion"."""
    if value in codes.CATEGORY_OF:
        return codes.CATEGORY_OF[value]
    stated = _STATED.match(words.strip())
    if stated is None:
        return None
    grade = stated[1] + (stated[2] or "").upper()
    try:
        return BiradsCategory(grade)
    except ValueError:  # "2B"
        return None


def _share(item: Dataset) -> float | None:
    for measured in items(item, "MeasuredValueSequence")[:1]:
        value = number(measured, "NumericValue")
        if value is None:
            return None
        unit = code(measured, "MeasurementUnitsCodeSequence")
        share = value / 100 if unit == ("UCUM", "%") else value
        return share if 0 <= share <= 1 else None
    return None


def _measured(item: Dataset) -> str:
    for measured in items(item, "MeasuredValueSequence")[:1]:
        value = number(measured, "NumericValue")
        if value is None:
            return ""
        unit = code(measured, "MeasurementUnitsCodeSequence")[1]
        return f"{value:.6g}" + ("" if unit == "1" else f" {unit}" if unit else "")
    return ""
