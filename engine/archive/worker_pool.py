"""Who does the work: this process alone, workers on this machine, or a cluster that is there.

All of them take tasks only as fast as they finish them, so that neither tasks nor results pile up.
"""

import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

from engine.errors import EngineError

T = TypeVar("T")
R = TypeVar("R")

TRIES = 3  #: a task that killed so many workers is not tried again
_AHEAD = 2  #: tasks for each worker that wait at the scheduler, so that none of them idles
_COUNTED_EVERY_S = 2.0
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LOGGERS = ("distributed", "distributed.client", "bokeh", "tornado", "tornado.application")
_WORKER_BYTES = 2 * 10**9  #: what a worker with both networks needs at its peak, and room


class Lost:
    """In the place of a result: the task has killed every worker that tried it."""


class WorkersFailed(EngineError):
    """The workers, or the scheduler, cannot go on."""


class WorkerPool(Protocol):
    @property
    def size(self) -> int:
        """How many tasks are worked on at once."""
        ...

    def map(
        self, function: Callable[[T], R], take: Callable[[], T | None], name: str
    ) -> Iterator[tuple[T, R | Lost]]:
        """Each task with its result, in the order in which they come.

        `take` is called when there is somebody for another task, and answers None while it has
        none; that and nothing under way is the end. Raises WorkersFailed.
        """
        ...


class Alone:
    """This process, one task at a time; its death is its user's to notice."""

    size = 1

    def map(
        self,
        function: Callable[[T], R],
        take: Callable[[], T | None],
        name: str,  # noqa: ARG002  of `WorkerPool`
    ) -> Iterator[tuple[T, R | Lost]]:
        while (task := take()) is not None:
            yield task, function(task)


class Cluster:
    """The workers of a Dask scheduler."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._size = 0
        self._counted = -_COUNTED_EVERY_S

    @property
    def size(self) -> int:
        now = time.monotonic()
        if now - self._counted > _COUNTED_EVERY_S:
            with suppress(OSError, TimeoutError):  # told by the tasks themselves
                self._size = len(self._client.nthreads())
                self._counted = now
        return self._size

    def map(
        self, function: Callable[[T], R], take: Callable[[], T | None], name: str
    ) -> Iterator[tuple[T, R | Lost]]:
        import distributed

        prefix = f"{name}-{uuid.uuid4().hex[:8]}"
        under_way: dict[str, T] = {}
        as_completed: Any = distributed.as_completed
        finished = as_completed(loop=self._client.loop)
        number = 0
        while True:
            while len(under_way) < _AHEAD + _AHEAD * self.size:
                task = take()
                if task is None:
                    break
                number += 1
                future = self._client.submit(function, task, key=f"{prefix}-{number}", pure=False)
                under_way[future.key] = task
                finished.add(future)
                del future  # what nobody holds is forgotten by the scheduler
            if not under_way:
                return
            came = [next(finished)]
            came += finished.next_batch(block=False)
            for future, result in zip(came, self._results(came), strict=True):
                yield under_way.pop(future.key), result
            del came, future

    def _results(self, futures: list[Any]) -> list[Any]:
        """In one go, unless one of them failed."""
        if all(future.status == "finished" for future in futures):
            with suppress(Exception):  # its reason is found below
                return list(self._client.gather(futures))
        return [_result(future) for future in futures]


def _result(future: Any) -> Any:
    from distributed.scheduler import KilledWorker

    gone = WorkersFailed(
        "The scheduler is gone", "Start it and its workers; then the same command goes on."
    )
    if future.status not in ("finished", "error"):
        raise gone
    try:
        return future.result()
    except KilledWorker:
        return Lost()
    except (OSError, TimeoutError, CancelledError) as error:
        raise gone from error
    except Exception as error:
        raise WorkersFailed(
            "A worker cannot work",
            f"It says {type(error).__name__}: install the same version of this program there, "
            "then give the same command again.",
        ) from error


def dask_setup(worker: object) -> None:  # noqa: ARG001  by this name Dask calls it
    """A worker of ours, as it starts: Ctrl+C in its terminal is the driver's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# -------------------------------------------------------------------------------------- opening


@contextmanager
def local(workers: int, dashboard: int | None = None) -> Iterator[WorkerPool]:
    """Workers on this machine, a process each, that nobody else can speak to.

    `dashboard` is the port of Dask's own pages, on this machine alone. Raises WorkersFailed.
    """
    if workers == 0:
        yield Alone()
        return
    if dashboard is not None and find_spec("bokeh") is None:
        raise WorkersFailed("No pages without bokeh", "pip install bokeh")
    dask, distributed = _quiet_dask()
    pages = {
        "dashboard_address": f"127.0.0.1:{dashboard or 0}",
        "dashboard": dashboard is not None,
    }
    settings = _settings()
    if dashboard is None:  # Dask has a server of pages all the same; it serves none
        settings |= {f"distributed.{role}.http.routes": [] for role in ("scheduler", "worker")}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs=pages,
            security=distributed.Security.temporary(),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield Cluster(client)


@contextmanager
def at(scheduler: str) -> Iterator[WorkerPool]:
    """The workers of a scheduler that is there. Raises WorkersFailed."""
    dask, distributed = _quiet_dask()
    with dask.config.set({"distributed.client.scheduler-info-interval": "10s"}):
        try:
            client = distributed.Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise WorkersFailed(
                "No scheduler there", f"Nobody answers at {scheduler}: start it first."
            ) from error
        with client:
            yield Cluster(client)


def default_workers() -> int:
    """One for each core that this process may use, as far as there is memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    import psutil

    fitting = int(psutil.virtual_memory().available // _WORKER_BYTES)
    return max(1, min(cores or 1, fitting))


def require_extra() -> None:
    """Raises WorkersFailed where the extra for archives is not installed."""
    try:
        import cryptography  # noqa: F401  what Security.temporary needs
        import distributed  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise WorkersFailed(
            "The extra for archives is missing", 'pip install "birads-viewer[archive]"'
        ) from error


def _quiet_dask() -> tuple[Any, Any]:
    """dask and distributed; what happens to workers is told by its outcome, in words of ours."""
    import dask
    import distributed

    talkative = ("distributed", "tornado", "asyncio")
    for name in [name for name in logging.root.manager.loggerDict if name.startswith(talkative)]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return dask, distributed


def _settings() -> dict[str, object]:
    return {
        # Without MALLOC_TRIM_THRESHOLD_, which Dask would set: see `judging.undo_allocator_trap`.
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(_THREADS, 1),
        "distributed.scheduler.allowed-failures": TRIES - 1,
        # One task at a worker: none is blamed for the death of a worker that had not begun it.
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.worker.daemon": False,
        "distributed.worker.preload": [__name__],
        "distributed.worker.memory.target": False,  # nothing of a patient's is spilled to a disk
        "distributed.worker.memory.spill": False,
        "distributed.comm.timeouts.connect": "30s",
        "distributed.admin.system-monitor.gil.enabled": False,
        "distributed.worker.profile.enabled": False,
        "logging": dict.fromkeys(_LOGGERS, "critical"),
    }
