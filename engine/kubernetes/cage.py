"""Run a renderer on untrusted input: limits on time, memory and output, and no network.

The child sees a temporary folder as its home, none of the user's configuration, and a network
namespace of its own where the system gives one to everybody (Linux with user namespaces).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from assay.engine import kept

SECONDS = 30  # charts of hundreds of templates take one
MEMORY = 6 * 1024**3  # bytes of address space; Go reserves far more than it uses
OUTPUT = 64 * 1024**2  # bytes, of each stream and of each file written
_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000  # CLONE_NEWUSER | CLONE_NEWNET
_NOWHERE = "http://127.0.0.1:9"  # the discard port: a proxy that answers nobody


class Result(NamedTuple):
    """What a child left: `fault` says which limit ended it, else it is empty."""

    code: int
    out: bytes
    err: str
    fault: str


def run(command: Sequence[str], home: Path, seconds: int = SECONDS) -> Result:
    """Run a command, whose first word is an absolute path, inside the folder `home`."""
    return start(command, home, seconds).finish()


def asked(
    command: Sequence[str], home: Path, results: kept.Results, others: Sequence[Path] = ()
) -> Child | Known:
    """As `start`, or what an earlier run of the same program on the same files has written.

    The command reads nothing but the files in `home`, and the `others`.
    """
    if results.folder is None:
        return start(command, home)
    key = _key(command, home, others)
    found = results.get(key)
    if found is not None:
        return Known(found)
    return start(command, home)._replace(keep=(results, key, str(home).encode()))


def remember(child: Child | Known, result: Result, values: Iterable[Any]) -> None:
    """Keep what a command has written, these values, for the next time that it is asked for.

    It must have ended well, and its words must not depend on where its folder is.
    """
    if isinstance(child, Child) and child.keep is not None and not result.code:
        results, key, home = child.keep
        if not result.fault and home not in result.out:
            results.put(key, result.out, values)


class Known(NamedTuple):
    """The output of a command that need not run."""

    out: bytes

    def finish(self) -> Result:
        """The result, at once."""
        return Result(0, self.out, "", "")


def _key(command: Sequence[str], home: Path, others: Sequence[Path]) -> str:
    """A digest of all that the output depends on: program, words, and files by name and content."""
    program = Path(command[0]).stat()
    parts = [os.path.realpath(command[0]), f"{program.st_size} {program.st_mtime_ns}"]
    parts += [word.replace(str(home), "~") for word in command[1:]]
    hashed = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape"))
    for path in (*sorted(path for path in home.rglob("*") if path.is_file()), *others):
        name = str(path.relative_to(home)) if home in path.parents else "values"
        hashed.update(repr((name, hashlib.sha256(path.read_bytes()).digest())).encode())
    return hashed.hexdigest()


def start(command: Sequence[str], home: Path, seconds: int = SECONDS) -> Child:
    """Begin to run a command; whoever starts a child finishes it."""
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - finish closes
    child = subprocess.Popen(  # noqa: S603 - the command is ours, its input is what is caged
        command,
        cwd=home,
        env=_surroundings(home),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
        preexec_fn=_limits(seconds),
    )
    return Child(child, out, err, seconds, time.monotonic() + seconds)


class Child(NamedTuple):
    """A command that runs: until when, by the monotonic clock, and where its output goes."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]
    seconds: int
    end: float
    keep: tuple[kept.Results, str, bytes] | None = None  # where to, its key, and the folder's path

    def finish(self) -> Result:
        """Wait for the end, or bring it about when the time is over."""
        fault = ""
        try:
            code = _wait(self.process, max(0.0, self.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            fault = f"it took more than {self.seconds} seconds"
            code = _end(self.process)
        except BaseException:
            _end(self.process)
            raise
        texts = []
        for stream in (self.out, self.err):
            with stream:
                if stream.seek(0, os.SEEK_END) >= OUTPUT:
                    fault = fault or f"it wrote more than {OUTPUT // 1024**2} MiB"
                stream.seek(0)
                texts.append(stream.read(OUTPUT))
        if code == -signal.SIGXCPU:
            fault = f"it took more than {self.seconds} seconds"
        return Result(code, texts[0], texts[1].decode("utf-8", "replace").strip(), fault)


def _wait(child: subprocess.Popen[bytes], seconds: float) -> int:
    """The child's exit code. Raises TimeoutExpired.

    Python polls for a child that may not take for ever, up to 50 ms too late each time; Linux can
    say when it ends.
    """
    try:
        descriptor = os.pidfd_open(child.pid)
    except (AttributeError, OSError):
        return child.wait(timeout=seconds)
    try:
        if child.poll() is None and not select.select([descriptor], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired(child.args, seconds)
    finally:
        os.close(descriptor)
    return child.wait()


def _end(child: subprocess.Popen[bytes]) -> int:
    """End the child with all that it started: it leads a session of its own."""
    os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


def _surroundings(home: Path) -> dict[str, str]:
    path = str(home)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    return proxies | {
        "HOME": path,
        "TMPDIR": path,
        "XDG_CACHE_HOME": f"{path}/.cache",
        "XDG_CONFIG_HOME": f"{path}/.config",
        "XDG_DATA_HOME": f"{path}/.data",
        "KUBECONFIG": os.devnull,
        "GOMEMLIMIT": "1GiB",
        "GOMAXPROCS": "2",
        "GOGC": "400",  # short-lived: a quarter less processor time
        "TZ": "UTC",
    }


def _limits(seconds: int) -> Any:
    """What the child does to itself before it becomes the command."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    limits = [
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ]

    def confine() -> None:
        for limit, value in limits:
            _, hard = resource.getrlimit(limit)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # One second more than the soft limit, so that a signal of its own tells of time.
            last = value + 1 if limit == resource.RLIMIT_CPU else value
            resource.setrlimit(limit, (value, last if hard < 0 else min(last, hard)))
        if libc is not None:
            libc.unshare(
                _NEW_USER_AND_NETWORK
            )  # where it is refused, the proxies still lead nowhere

    return confine
