"""Work on several processor cores: children forked from this process, which hold what it holds.

A child's answer is pickled by this program for this program and comes through a pipe that nobody
else has. Where there is no fork that is safe to use, or a child fails, this process does the work.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

Part = TypeVar("Part")
MOST = 8  # children cost memory; what joins their answers is one process


def available() -> int:
    """The number of cores that this process may use, at most MOST."""
    if sys.platform != "linux":  # elsewhere libraries of the system do not outlive a fork
        return 1
    return min(len(os.sched_getaffinity(0)), MOST)


class _Child(NamedTuple):
    """A forked process, the end of the pipe that it writes to, and what it works on."""

    process: int
    pipe: int
    parts: Sequence[Any]


def spread(
    parts: Sequence[Part],
    jobs: int,
    work: Callable[[Sequence[Part]], None],
    answer: Callable[[], object],
    take: Callable[[Any], None],
) -> None:
    """Do `work` on all parts, in as many processes as `jobs`, each on parts that stand together.

    This process works on the first and then `take`s each child's `answer`, in the order of parts.
    """
    if threading.active_count() > 1:
        jobs = 1  # a lock that another thread holds at the fork would stay shut in the child
    each = max(1, -(-len(parts) // max(1, jobs)))
    blocks = [parts[first : first + each] for first in range(0, len(parts), each)]
    children: list[_Child] = []
    try:
        if len(blocks) > 1:
            gc.freeze()  # a collection in a child would copy the pages that it shares
            children = [_fork(block, work, answer) for block in blocks[1:]]
        if blocks:
            work(blocks[0])
        while children:
            child = children.pop(0)
            found = _finish(child)
            if found is None:
                work(child.parts)
            else:
                take(found[0])
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.process, signal.SIGKILL)
            _finish(child)
        if len(blocks) > 1:
            gc.unfreeze()


def _fork(
    parts: Sequence[Any], work: Callable[[Sequence[Any]], None], answer: Callable[[], object]
) -> _Child:
    read, write = os.pipe()
    process = os.fork()
    if process:
        os.close(write)
        return _Child(process, read, parts)
    code = 1
    try:  # what is open here is the parent's: nothing is flushed or closed but the pipe
        os.close(read)
        gc.disable()
        work(parts)
        with os.fdopen(write, "wb") as stream:
            pickle.dump(answer(), stream, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)


def _finish(child: _Child) -> tuple[Any] | None:
    """What the child answers; None where it came to no good end."""
    with os.fdopen(child.pipe, "rb") as stream:
        held = stream.read()
    _, status = os.waitpid(child.process, 0)
    if status:
        return None
    return (pickle.loads(held),)  # noqa: S301 - written by `_fork`, through a pipe of its own
