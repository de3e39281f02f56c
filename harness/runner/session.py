"""A session: all lanes of a plan side by side, their events in one stream.

Lanes are threads, one per bench; this thread only waits for their events, so that Ctrl-C
reaches it at once and ends the runs that are under way.
"""

from __future__ import annotations

import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from harness.looks import Looking
from harness.model import Facts, RunResult
from harness.plan import Plan, estimated_seconds
from harness.plugins import Driver, ModelFile, ModelFormat, Probe, ToolFile, registry
from harness.retries import POLICY, RetryPolicy
from harness.runner.events import Event, LaneAhead, SessionFinished, SessionStarted
from harness.runner.journal import Journal
from harness.runner.lane import LaneContext, LaneWorker
from harness.store import Writer
from harness.store.durable import refused

_LANE_ENDS_WITHIN_S = 30
_SCRATCH = "edgebench-"


def run_plan(
    plan: Plan,
    *,
    drivers: Mapping[str, Driver],
    models: Mapping[tuple[str, str], Mapping[ModelFormat, ModelFile]],
    tools: Mapping[str, Mapping[str, ToolFile]],
    writer: Writer,
    host_place: Facts,
    emit: Callable[[Event], None],
    stored: Sequence[RunResult] = (),
    policy: RetryPolicy = POLICY,
    until: datetime | None = None,
    looking: Looking | None = None,
) -> bool:
    """Make all runs of a plan; return False if it was interrupted.

    `emit` is called in this thread only. `stored` are the runs of a session that is resumed; its
    plan has the added blocks, or with `looking` all that it may make. None begins after `until`.

    Raises:
        StoreError: what was measured cannot be kept; all lanes have ended.
    """
    events: queue.SimpleQueue[Event | _LaneEnded] = queue.SimpleQueue()
    with _scratch_folder() as scratch:
        context = LaneContext(
            drivers=drivers,
            models=models,
            tools=tools,
            journal=Journal(writer),
            emit=events.put,
            stop=threading.Event(),
            scratch=Path(scratch),
            host_probes=_probes(),
            host_place=host_place,
            seed=plan.seed,
            stored=tuple(stored),
            policy=policy,
            until=until,
            looking=looking,
        )
        workers = [LaneWorker(lane, context) for lane in plan.lanes]
        emit(_started(plan, workers, writer, until))
        interrupted = _supervise(workers, events, context.stop, emit)
    emit(SessionFinished(interrupted))
    return not interrupted


def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    _sweep_scratch()
    prefix = f"{_SCRATCH}{os.getpid()}-"
    try:
        return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    except OSError as error:
        raise refused(Path(tempfile.gettempdir()), error) from error


def _started(
    plan: Plan, workers: Sequence[LaneWorker], writer: Writer, until: datetime | None
) -> SessionStarted:
    ahead = [worker.left for worker in workers]
    looking = workers[0].context.looking if workers else None
    return SessionStarted(
        folder=str(writer.path),
        runs=sum(map(len, ahead)),
        blocks=plan.blocks,
        estimated_s=max((sum(map(estimated_seconds, runs)) for runs in ahead), default=0),
        lanes=tuple(_ahead(worker) for worker in workers),
        until=until,
        looks=looking.looks if looking else (),
    )


def _ahead(worker: LaneWorker) -> LaneAhead:
    lane = worker.lane
    phones = {run.target.phone.label for run in lane.runs if run.target.phone}
    name = phones.pop() if len(phones) == 1 else lane.bench
    return LaneAhead(lane.bench, name, len(worker.left))


class _LaneEnded:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _supervise(
    workers: list[LaneWorker],
    events: queue.SimpleQueue[Event | _LaneEnded],
    stop: threading.Event,
    emit: Callable[[Event], None],
) -> bool:
    threads = [
        threading.Thread(target=_work, args=(worker, events), name=worker.lane.bench, daemon=True)
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    errors: list[BaseException] = []
    interrupted = False
    running = len(threads)
    while running:
        try:
            event = events.get(timeout=_LANE_ENDS_WITHIN_S if stop.is_set() else None)
            if not isinstance(event, _LaneEnded):
                emit(event)
                continue
            running -= 1
            if event.error is None:
                continue
            errors.append(event.error)
        except KeyboardInterrupt:
            if interrupted:
                # Asked twice: the children end by themselves when their pipes close.
                break
            interrupted = True
        except queue.Empty:
            break
        stop.set()
        for worker in workers:
            worker.interrupt()
    if errors:
        raise errors[0]
    return interrupted


def _work(worker: LaneWorker, events: queue.SimpleQueue[Event | _LaneEnded]) -> None:
    error: BaseException | None = None
    try:
        worker.work()
    # Whatever ends a lane is raised again in the main thread, which stops the others first.
    except BaseException as caught:  # noqa: BLE001
        error = caught
    with suppress(RuntimeError):
        events.put(_LaneEnded(error))


def _sweep_scratch() -> None:
    """Remove the scratch folders of sessions that were killed and could not do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        owner = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _probes() -> tuple[Probe, ...]:
    known = registry("probes")
    return tuple(known.get(name) for name in known.names)
