"""How long the worklist takes for one event of the hand, with 1,000 studies.

An event is carried out and painted before the clock stops, which is the processor time of the
window's thread: what other programs do does not count. The reference is what Qt has without
any code of ours: its list view with its own delegate, on a plain QSortFilterProxyModel over a
QStandardItemModel, which holds the same words and no picture, badge or state.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median, quantiles

from PySide6.QtCore import QSize, QSortFilterProxyModel, Qt
from PySide6.QtGui import QImage, QStandardItemModel
from PySide6.QtWidgets import QApplication, QListView

from engine.domain import (
    BreastPrediction,
    Catalogue,
    Laterality,
    MammogramView,
    ModelIdentity,
    Prediction,
    Study,
    StudyPrediction,
    ViewPosition,
)
from viewer.display.worklist_row import WorklistFilter, WorklistOrder
from viewer.panes.worklist import WorklistPane
from viewer.shared.states import StudyState, StudyStatus

FRAME_MS = 1000 / 60
SIZE = QSize(264, 1000)
SEARCHES = ("doe", "2024-0", "A-1", "jane 2023", "nobody")
MODEL = ModelIdentity("hybrid", "0" * 64, (1, 2, 3, 4, 5))
Times = dict[tuple[str, str], list[float]]  #: ms by event and program


def measure(count: int, say: Callable[[str], None]) -> Times:
    """`count` studies; each event a few times, the two programs in turn."""
    rng = random.Random(7)
    studies = [_study(number, rng) for number in range(count)]
    programs = {"birads-viewer": _Ours(studies, rng), "Qt alone": _Reference(studies)}
    times: Times = {}
    for turn in range(9):
        say(f"worklist: turn {turn + 1} of 9")
        for name, program in programs.items():
            for event, carry_out in program.events():
                started = time.thread_time()
                carry_out()
                program.view.viewport().repaint()
                times.setdefault((event, name), []).append((time.thread_time() - started) * 1e3)
                QApplication.processEvents()
    return times


def table(times: Times) -> list[str]:
    lines = [
        "| event, 1,000 studies | program | median, ms | 95th percentile, ms | longest, ms |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (event, name), measured in sorted(times.items()):
        middle, late = median(measured), quantiles(measured, n=20)[-1]
        lines.append(f"| {event} | {name} | {middle:.1f} | {late:.1f} | {max(measured):.1f} |")
    ours = [ms for (_, name), measured in times.items() if name != "Qt alone" for ms in measured]
    share = sum(ms <= FRAME_MS for ms in ours) / len(ours)
    return [*lines, "", f"{share:.1%} of {len(ours)} events of ours within {FRAME_MS:.1f} ms."]


def _study(number: int, rng: random.Random) -> Study:
    uid, patient = f"1.2.{number}", f"A-{number:04}"
    views = tuple(
        MammogramView(Path(f"{uid}.dcm"), f"{uid}.{n}", uid, patient, 4096, 3328, side, position)
        for n, (side, position) in enumerate(
            (side, position)
            for position in (ViewPosition.CC, ViewPosition.MLO)
            for side in Laterality
        )
    )
    name = f"{rng.choice(('Doe', 'Muster', 'Example'))}^{rng.choice(('Jane', 'Ana', 'Mary'))}"
    day = date(2022, 1, 1) + timedelta(days=rng.randrange(1000))
    return Study(uid, patient, views, name, day)


class _Ours:
    def __init__(self, studies: list[Study], rng: random.Random) -> None:
        self._studies = studies
        self._pane = WorklistPane()
        self._pane.resize(SIZE)
        self._pane.show_catalogue(Catalogue(tuple(studies)))
        picture = QImage(46, 56, QImage.Format.Format_RGB888)
        picture.fill(Qt.GlobalColor.gray)
        for study in studies:
            self._pane.show_status(study.uid, StudyStatus(StudyState.DONE))
            self._pane.show_prediction(_prediction(study, rng))
            self._pane.show_thumbnail(study.uid, picture)
            if rng.random() < 0.5:
                self._pane.mark_read(study.uid, has_disagreed=rng.random() < 0.2)
        self._pane.show()
        QApplication.processEvents()
        self._rng = rng
        self.view = self._pane.list_view

    def events(self) -> Iterator[tuple[str, Callable[[], object]]]:
        bar, pane = self._pane.bar, self._pane
        pane.select(self._studies[self._rng.randrange(len(self._studies))].uid)
        for text in SEARCHES:
            yield "a letter of a search", lambda text=text: bar.search.setText(text)
        yield "a search emptied", bar.search.clear
        for order in (WorklistOrder.DATE, WorklistOrder.PATIENT, WorklistOrder.SUSPICION):
            yield "sorted by a column", lambda order=order: pane.set_order(order)
        for wanted in WorklistFilter:
            place = bar.filter_box.findData(wanted)
            yield "a filter chosen", lambda place=place: bar.filter_box.setCurrentIndex(place)
        bar.list_all()
        for study in self._rng.sample(self._studies, 5):
            answer = _prediction(study, self._rng)
            yield "a study's answer comes in", lambda answer=answer: pane.show_prediction(answer)
        yield "next study", lambda: pane.step(1)
        scroll = self.view.verticalScrollBar()
        for _ in range(5):
            place = self._rng.randrange(scroll.maximum())
            yield "scrolled", lambda place=place: scroll.setValue(place)


class _Reference:
    _DATE, _SUSPICION = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1

    def __init__(self, studies: list[Study]) -> None:
        self._rng = random.Random(8)
        self._items = QStandardItemModel(len(studies), 1)
        for number, study in enumerate(studies):
            index = self._items.index(number, 0)
            text = f"{study.patient_id} {study.patient_name} {study.study_date} 4 images"
            self._items.setData(index, text, Qt.ItemDataRole.DisplayRole)
            self._items.setData(index, QSize(0, 68), Qt.ItemDataRole.SizeHintRole)
            self._items.setData(index, str(study.study_date), self._DATE)
            self._items.setData(index, self._rng.random(), self._SUSPICION)
        self._listed = QSortFilterProxyModel()
        self._listed.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._listed.setSourceModel(self._items)
        self.view = QListView()
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setModel(self._listed)
        self.view.resize(SIZE)
        self.view.show()
        QApplication.processEvents()

    def events(self) -> Iterator[tuple[str, Callable[[], object]]]:
        listed = self._listed
        self._select(self._rng.randrange(self._items.rowCount()))
        for text in SEARCHES:
            yield "a letter of a search", lambda text=text: listed.setFilterFixedString(text)
        yield "a search emptied", lambda: listed.setFilterFixedString("")
        for role in (self._DATE, Qt.ItemDataRole.DisplayRole, self._SUSPICION):
            yield "sorted by a column", lambda role=role: self._sort(role)
        for text in ("jane", "ana", "doe", "2023", "2024", ""):
            yield "a filter chosen", lambda text=text: listed.setFilterFixedString(text)
        for _ in range(5):
            index = self._items.index(self._rng.randrange(self._items.rowCount()), 0)
            yield (
                "a study's answer comes in",
                lambda index=index: self._items.setData(index, self._rng.random(), self._SUSPICION),
            )
        yield "next study", lambda: self._select(self.view.currentIndex().row() + 1)
        scroll = self.view.verticalScrollBar()
        for _ in range(5):
            place = self._rng.randrange(scroll.maximum())
            yield "scrolled", lambda place=place: scroll.setValue(place)

    def _select(self, number: int) -> None:
        index = self._listed.index(number, 0)
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index)

    def _sort(self, role: int) -> None:
        self._listed.setSortRole(role)
        self._listed.sort(0)


def _prediction(study: Study, rng: random.Random) -> StudyPrediction:
    breasts = []
    for side in Laterality:
        weights = [rng.random() ** 3 for _ in MODEL.categories]
        shares = {g: w / sum(weights) for g, w in zip(MODEL.categories, weights, strict=True)}
        uids = tuple(view.image_uid for view in study.views if view.laterality is side)
        breasts.append(BreastPrediction(side, Prediction(MODEL, shares), uids))
    return StudyPrediction(study.uid, MODEL, (), tuple(breasts))
