"""Many files on many machines, with Ray: one row a file, whatever becomes of it.

    import proofmark.ray as pmr

    report = pmr.verify(["a.mp4", "s3://uploads/b.mp4"], keys=["/run/keys/mark.key"], workers=16)
    report.write_parquet("s3://reports/today")

Each function takes paths, a folder, or a dataset with a column ``path``, and returns a dataset, whose rows are
made as they are asked for. Each worker is an actor with a process beside it that does the decoding:
a file that breaks a decoder, or takes too long, costs its own row. What cannot be done with a file
stands in the columns ``error`` and ``code``; everything else is Ray's: tries again after a machine
died, memory, progress.

Keys are named by the files that hold them, and loaded on each worker: none goes through Ray. What is
not named is taken from the environment of the workers: ``PROOFMARK_KEY_FILE``,
``PROOFMARK_REGISTRY``.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as Late
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

try:
    import ray.data
except ImportError as e:
    raise ImportError("work on many machines takes Ray: pip install 'proofmark[ray]'") from e

from . import Identity, Key, KeyRing, ProofmarkError, Registry
from . import detect as _detect_file
from . import fingerprint as _fingerprint_file
from . import verify as _verify_file
from ._stores import fetch, is_remote, listed, local, room, send

Row = dict[str, Any]

#: Seconds that a file may take.
TIME_LIMIT = 1800.0


@dataclass(frozen=True)
class _Means:
    """What work is done with, by name: a worker loads it for itself."""

    keys: tuple[str, ...] = ()
    registry: str | None = None
    identity: tuple[str, str] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def ring(self) -> KeyRing | None:
        if self.keys:
            return KeyRing([Key.load(path) for path in self.keys])
        if {"PROOFMARK_KEY", "PROOFMARK_KEY_FILE"} & os.environ.keys():
            return KeyRing([Key.from_env()])
        return None

    def opened(self) -> Registry | None:
        place = self.registry or os.environ.get("PROOFMARK_REGISTRY")
        return Registry(place) if place else None

    def signer(self) -> Identity | None:
        return None if self.identity is None else Identity.load(*self.identity)


# What is done with one row, in the process beside an actor.


def _verify_row(row: Row, means: _Means) -> Row:
    identity = means.signer()
    with local(row["path"]) as path:
        report = _verify_file(
            path,
            means.ring(),
            registry=means.opened(),
            own=[identity] if identity else [],
            **means.options,
        )
    return {
        "verdict": report.verdict,
        "trust": report.trust,
        "severity": report.severity,
        "summary": report.summary,
        "reasons": [reason.code for reason in report.reasons],
        "report": json.dumps(report.data),
    }


def _detect_row(row: Row, means: _Means) -> Row:
    with local(row["path"]) as path:
        found = _detect_file(path, _needed(means), **means.options)
    return {
        "detected": found.detected,
        "payload": found.payload,
        "report": json.dumps(found.data),
    }


def _fingerprint_row(row: Row, means: _Means) -> Row:
    with local(row["path"]) as path:
        return {"fingerprint": json.dumps(_fingerprint_file(path))}


def _stamp_row(row: Row, means: _Means) -> Row:
    from .files import stamp as stamp_file

    identity, registry = means.signer(), means.opened()
    if identity is None:
        raise ValueError("a stamped clip is signed: name identity=(certificate, key)")
    target, job = row["target"], row.get("job") or row["target"]
    with local(row["path"]) as path, room(target) as made:
        if is_remote(target):
            fetch(target, made)
        signed = stamp_file(
            path,
            made,
            _needed(means),
            identity=identity,
            registry=registry,
            job=job,
            **means.options,
        )
        if is_remote(target) and not signed.earlier:
            _hand_over(made, target, signed.payload, registry)
    return {"payload": signed.payload, "earlier": signed.earlier}


def _needed(means: _Means) -> KeyRing:
    ring = means.ring()
    if ring is None:
        raise ValueError(
            "no key: name keys=[...] by files that each worker has, or set PROOFMARK_KEY_FILE there"
        )
    return ring


def _hand_over(made: str, target: str, payload: str, registry: Registry | None) -> None:
    """Puts a finished file into its store. Of two attempts at once the last one there counts, and
    the registry is to know that one."""
    entry = registry.entry(payload) if registry else None
    own = _digest(made)
    if entry is not None and entry["content"] != own:
        raise RuntimeError(f"{target}: another attempt is at it; run the job again")
    send(made, target)
    if registry is None or entry is None:
        return
    now = registry.entry(payload)
    if now is not None and now["content"] == own:
        return
    with local(target) as there:
        if _digest(there) == own:
            registry.add(entry, replace=True)


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(
            hashlib, "file_digest"
        ) else hashlib.sha256(file.read()).hexdigest()


# Around it.


def _done(work: Callable[[Row, _Means], Row], row: Row, means: _Means) -> Row:
    """What became of a row, errors included."""
    try:
        return work(row, means)
    except ProofmarkError as e:
        return {"error": str(e), "code": e.code}
    except FileNotFoundError as e:
        return {"error": str(e), "code": "media.unreadable"}
    except (ValueError, ImportError, OSError, RuntimeError) as e:
        return {"error": str(e), "code": "file.unusable"}


class _Worker:
    """An actor: it hands rows to a process of its own, which may die of one."""

    def __init__(
        self,
        work: Callable[[Row, _Means], Row],
        columns: Mapping[str, Any],
        means: _Means,
        time_limit: float,
    ) -> None:
        self._work, self._columns = work, columns
        self._means, self._time_limit = means, time_limit
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, row: Row) -> Row:
        began = time.monotonic()
        done = {**self._columns, **self._beside(row)}
        return {**row, **done, "seconds": time.monotonic() - began}

    def _beside(self, row: Row) -> Row:
        if self._pool is None:
            # A copy of this process would have Ray's threads in it, halfway through whatever they do.
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        future: Future[Row] = self._pool.submit(_done, self._work, row, self._means)
        try:
            return future.result(self._time_limit)
        except BrokenProcessPool:
            self._end()
            return {
                "error": f"{row['path']}: the process that looked at it died",
                "code": "worker.died",
            }
        except Late:
            self._end()
            return {
                "error": f"{row['path']}: took longer than {self._time_limit:.0f} s",
                "code": "worker.late",
            }

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list(pool._processes.values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)


def _run(
    rows: ray.data.Dataset,
    work: Callable[[Row, _Means], Row],
    columns: Mapping[str, Any],
    means: _Means,
    workers: int | tuple[int, int],
    time_limit: float,
) -> ray.data.Dataset:
    columns = dict(columns) | {"error": "", "code": ""}
    made: ray.data.Dataset = rows.map(
        _Worker,  # type: ignore[arg-type]  # a class is made into actors
        fn_constructor_args=(work, columns, means, time_limit),
        compute=_pool(workers),
        num_cpus=1,
    )
    return made


def _pool(workers: int | tuple[int, int]) -> ray.data.ActorPoolStrategy:
    if isinstance(workers, int):
        return ray.data.ActorPoolStrategy(size=workers)
    least, most = workers
    return ray.data.ActorPoolStrategy(min_size=least, max_size=most)


def _rows(files: Any) -> ray.data.Dataset:
    if isinstance(files, ray.data.Dataset):
        return files
    if isinstance(files, (str, os.PathLike)):
        files = listed(os.fspath(files))
    rows = [f if isinstance(f, dict) else {"path": os.fspath(f)} for f in files]
    # One block a file would cost more than it is worth, and one for all could not be shared out.
    return ray.data.from_items(rows, override_num_blocks=max(1, min(len(rows), 512)))


def verify(
    files: Any,
    *,
    keys: Iterable[str] = (),
    registry: str | None = None,
    identity: tuple[str, str] | None = None,
    trust: Iterable[str] = (),
    workers: int | tuple[int, int] = 1,
    time_limit: float = TIME_LIMIT,
) -> ray.data.Dataset:
    """Where files come from: columns ``verdict``, ``trust``, ``severity``, ``summary``, ``reasons``
    (codes), ``report`` (JSON), ``error``, ``code`` and ``seconds``.

    ``keys`` and ``trust`` name files that each worker has, ``registry`` a place that each reaches,
    ``identity`` certificate and key of who signs for you. ``workers`` is a number of actors, or the
    least and the most of them.
    """
    columns = {"verdict": "", "trust": "", "severity": "", "summary": "", "reasons": [], "report": ""}
    means = _Means(tuple(keys), registry, identity, {"trust": list(trust)})
    return _run(_rows(files), _verify_row, columns, means, workers, time_limit)


def detect(
    files: Any,
    *,
    keys: Iterable[str] = (),
    workers: int | tuple[int, int] = 1,
    time_limit: float = TIME_LIMIT,
) -> ray.data.Dataset:
    """What marks files carry: columns ``detected``, ``payload``, ``report`` (JSON), ``error``,
    ``code`` and ``seconds``."""
    columns = {"detected": False, "payload": None, "report": ""}
    means = _Means(tuple(keys))
    return _run(_rows(files), _detect_row, columns, means, workers, time_limit)


def fingerprint(
    files: Any,
    *,
    workers: int | tuple[int, int] = 1,
    time_limit: float = TIME_LIMIT,
) -> ray.data.Dataset:
    """What files look and sound like: columns ``fingerprint`` (JSON), ``error``, ``code`` and
    ``seconds``."""
    return _run(_rows(files), _fingerprint_row, {"fingerprint": ""}, _Means(), workers, time_limit)


def stamp(
    files: Any,
    *,
    identity: tuple[str, str],
    keys: Iterable[str] = (),
    registry: str | None = None,
    workers: int | tuple[int, int] = 1,
    time_limit: float = TIME_LIMIT,
    **options: Any,
) -> ray.data.Dataset:
    """Marks and signs files, each once, however often a worker is killed over it: columns
    ``payload``, ``earlier`` (an earlier attempt had finished it), ``error``, ``code`` and
    ``seconds``.

    Rows are dictionaries of ``path``, ``target`` and, if it is not to be the target, ``job``: what
    the number follows from. ``options`` are those of :func:`proofmark.files.stamp`.
    """
    means = _Means(tuple(keys), registry, identity, options)
    columns = {"payload": "", "earlier": False}
    return _run(_rows(files), _stamp_row, columns, means, workers, time_limit)
