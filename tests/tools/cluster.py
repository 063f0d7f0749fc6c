"""A real kube-apiserver with etcd: the session fixture `apiserver`, for tests that ask for it."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

SCRIPT = Path(__file__).with_name("k8s") / "apiserver"
PROGRAMS = ("etcd", "kube-apiserver")


class Cluster:
    """One running API server: `kubeconfig` and `url` for clients, `request` for the tests."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text("utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self.url: str = cluster["server"]
        self.token: str = config["users"][0]["user"]["token"]
        self._trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def request(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """Status and decoded answer. One connection a thread, kept open; safe to call from many."""
        status, found, _ = self.answered(method, path, body, content)
        return status, found

    def answered(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> tuple[int, dict[str, Any], str]:
        """The same with the id that the request has in the audit log."""
        answer = self._connection()
        try:
            return self._asked(answer, method, path, body, content)
        except (OSError, http.client.HTTPException):
            # The server closes what was idle for long: that is found out by asking.
            answer.close()
        try:
            return self._asked(answer, method, path, body, content)
        except (OSError, http.client.HTTPException):
            answer.close()
            raise

    def _asked(
        self, answer: http.client.HTTPSConnection, method: str, path: str, body: Any, content: str
    ) -> tuple[int, dict[str, Any], str]:
        answer.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {"Authorization": f"Bearer {self.token}", "Content-Type": content},
        )
        response = answer.getresponse()
        body = response.read() or b"{}"
        # A path that is not served at all is answered in prose.
        found = json.loads(body) if body[:1] == b"{" else {"message": body.decode("utf-8")}
        return response.status, found, response.headers.get("Audit-Id", "")

    def create(self, path: str, body: Any) -> dict[str, Any]:
        """Create an object, or fail the test with what the server says."""
        status, answer = self.request("POST", path, body)
        assert status in (200, 201), answer.get("message", answer)
        return answer

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._open:
            self._open.pop().close()

    def _connection(self) -> http.client.HTTPSConnection:
        found: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if found is None:
            place = urlsplit(self.url)
            found = http.client.HTTPSConnection(
                str(place.hostname), place.port, context=self._trust, timeout=60
            )
            self._local.connection = found
            self._open.append(found)
        return found


def tools() -> Path:
    """The folder of etcd, kube-apiserver and gator; skips the test where they are missing."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("ASSAY_TOOLS") or Path(cache) / "assay-tools")
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        pytest.skip(f"no {' and '.join(missing)} in the tools folder: run tests/tools/k8s/build")
    return folder


@contextmanager
def running(audit: bool = False) -> Iterator[Cluster]:
    """An API server without nodes or controllers, ended when the block is left.

    `audit`: it writes `audit.log` beside its kubeconfig, an event for each object created.
    """
    started = subprocess.run(
        [SCRIPT, "start", tools()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "APISERVER_AUDIT": "1" if audit else ""},
    )
    if started.returncode:
        pytest.fail(f"kube-apiserver did not start:\n{started.stderr}", pytrace=False)
    kubeconfig = Path(started.stdout.strip())
    cluster = Cluster(kubeconfig)
    try:
        yield cluster
    finally:
        cluster.close()
        subprocess.run([SCRIPT, "stop", kubeconfig], check=True)


@pytest.fixture(scope="session")
def apiserver() -> Iterator[Cluster]:
    """A running API server, shared by the whole test session."""
    with running() as cluster:
        yield cluster
