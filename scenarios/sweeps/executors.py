"""Where runs are executed: this process, processes of this machine, a Dask cluster, MPI ranks.

Each is a `concurrent.futures.Executor` behind one small class that says how many runs it takes at
once and how it starts again once a worker died.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from scenarios.errors import UserError, nearest
from scenarios.sweeps.apart import execute_apart
from scenarios.sweeps.worker import Outcome, Task, end_with_parent, execute

NAMES: Final = ("processes", "serial", "dask", "dask:ADDRESS", "mpi")
ANSWER_TIME: Final = 8
"""Seconds within which a scheduler must answer, so that the command says so within 10."""


class Pool:
    """Workers, each of which calls `execute`.  `make(workers)` starts an executor of that many."""

    def __init__(
        self,
        make: Callable[[int], Executor],
        workers: int,
        execute: Callable[[Task], Outcome] = execute,
    ) -> None:
        self.execute = execute
        self._make = make
        self.workers = workers
        self.executor = make(workers)

    def restart(self, workers: int | None = None) -> None:
        """Replace the executor by a new one, of as many workers or of `workers`."""
        self.stop()
        self.executor = self._make(workers or self.workers)

    def stop(self) -> None:
        """Stop the executor at once: what it runs is lost."""
        processes = dict(getattr(self.executor, "_processes", None) or {})
        self.executor.shutdown(wait=False, cancel_futures=True)
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.join()


class Serial(Executor):
    """Executes in this process, when it is asked to."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` and return a future that is done."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def open_pool(name: str, workers: int | None = None) -> Iterator[Pool]:
    """Start the workers of an executor, and stop them afterwards.

    Raises UserError for an unknown name, a library that is not installed, or a scheduler that
    does not answer.
    """
    kind, _, address = name.partition(":")
    if kind == "dask" and name != "dask:":
        with _dask(address, workers) as pool:
            yield pool
        return
    if name == "mpi":
        with _mpi() as pool:
            yield pool
        return
    makers = {"processes": _processes, "serial": lambda _: Serial()}
    if name not in makers:
        raise UserError(f"--executor {name}: {nearest(name, NAMES)}")
    pool = Pool(makers[name], 1 if name == "serial" else workers or local_workers(name))
    try:
        yield pool
    finally:
        pool.stop()


def local_workers(name: str) -> int:
    """Return how many runs an executor of this machine takes at once unless told."""
    return 1 if name == "serial" else os.cpu_count() or 1


def _processes(workers: int) -> Executor:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["scenarios.runner", "pyarrow.parquet"])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent)


@contextmanager
def _dask(address: str, workers: int | None) -> Iterator[Pool]:
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise UserError("--executor dask: not installed: pip install 'connectsim[dask]'") from None
    if address:
        _check_scheduler(distributed, address)
        client = distributed.Client(address, timeout=ANSWER_TIME)
        cluster = None
    else:
        with _deaf():
            cluster = distributed.LocalCluster(
                n_workers=workers or local_workers("dask"),
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        client = distributed.Client(cluster)
    try:
        threads = sum(client.nthreads().values())
        yield Pool(
            lambda _: client.get_executor(pure=False), workers or threads or 1, execute_apart
        )
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _check_scheduler(distributed: Any, address: str) -> None:
    """Raise UserError unless a scheduler answers at an address, soon.

    What is there may be anything: a web server, or a port that takes connections and is silent.
    """

    async def ask() -> str:
        async with distributed.rpc(address, timeout=ANSWER_TIME) as peer:
            return str((await peer.identity())["type"])

    try:
        kind = asyncio.run(asyncio.wait_for(ask(), ANSWER_TIME))
    except Exception as error:
        what = str(error).partition("\n")[0] or f"nothing came within {ANSWER_TIME} s"
    else:
        what = "" if kind == "Scheduler" else f"a {kind} does"
    if what:
        raise UserError(f"--executor dask:{address}: no scheduler answers: {what}")


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that start in the block ignore Ctrl-C, which is for their parent to hear."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _mpi() -> Iterator[Pool]:
    try:
        ranks = import_module("mpi4py.MPI").COMM_WORLD.Get_size()
        executor = import_module("mpi4py.futures").MPIPoolExecutor
    except (ImportError, RuntimeError) as error:
        what = " ".join(str(error).split())
        raise UserError(
            f"--executor mpi: not usable ({what}): pip install 'connectsim[mpi]', and an MPI"
        ) from None
    if ranks < 2:
        raise UserError(
            "--executor mpi: start it as"
            " `mpiexec -n 3 python -m mpi4py.futures -m scenarios sweep ...`"
        )
    pool = Pool(lambda _: executor(), ranks - 1, execute_apart)
    try:
        yield pool
    finally:
        pool.executor.shutdown(wait=True, cancel_futures=True)
