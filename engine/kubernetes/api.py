"""GET requests to a cluster's API within a deadline: the one way in which a live cluster is read.

The `kubernetes` client gives configuration and authentication (kubeconfig, the user's own exec
plugins, the account of the Pod); the data come as raw JSON, for its models cost ten times as much.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from assay.engine.errors import InputError, Problem

TIMEOUT = 120.0  # seconds for everything that is asked of one cluster
FIRST = 15.0  # seconds for the first answer
REQUEST = 30.0  # seconds for one answer
JSON = "application/json"
IN_CLUSTER = "in-cluster"  # the name by which a Pod's own cluster is asked for


class ApiError(Exception):
    """An answer that is none: the HTTP status (0 for no answer) and the server's reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Answer(NamedTuple):
    """One answer of the transport: the status, the body, and what Retry-After said, in seconds."""

    status: int
    body: bytes
    retry_after: float


Transport = Callable[[str, str, str, bytes | None, float], Answer]


class Api:
    """The API of one cluster. `transport` sends one request and raises ApiError for no answer.

    Requests that may succeed later (429, 5xx, a cut connection) are sent again, each time after a
    longer pause, until the deadline.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.timeout = timeout
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + timeout

    def get(self, path: str, accept: str = JSON) -> Any:
        """The decoded answer to a GET. Raises ApiError."""
        return self._ask("GET", path, accept, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The decoded answer to a POST: used for questions about permissions only."""
        return self._ask("POST", path, JSON, json.dumps(body).encode())

    def _ask(self, method: str, path: str, accept: str, body: bytes | None) -> Any:
        attempt = 0
        while True:
            remaining = self._end - self._clock()
            if remaining <= 0:
                raise ApiError(0, f"no answer within {self.timeout:g} seconds")
            try:
                answer = self._transport(method, path, accept, body, min(REQUEST, remaining))
                status, reason, pause = answer.status, _reason(answer), answer.retry_after
                if 200 <= status < 300:
                    return _decoded(answer.body)
            except ApiError as error:
                status, reason, pause = error.status, error.reason, 0.0
            if not (status in (0, 429) or status >= 500) or status == _FATAL:
                raise ApiError(status, reason)
            # Jitter keeps a fleet of audits apart; it reaches no output.
            pause = max(pause, min(8.0, 0.1 * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311
            if self._clock() + pause >= self._end:
                raise ApiError(status, f"{reason}, until {self.timeout:g} seconds had passed")
            self._sleep(pause)
            attempt += 1


_FATAL = -1  # no answer, and none to be had: a certificate or a name that is wrong


def connect(context: str, timeout: float = TIMEOUT) -> Api:
    """The API of a kubeconfig context, or of the Pod's own cluster. Raises InputError."""
    try:
        import kubernetes.client
        from kubernetes import config
    except ImportError:
        raise _unusable(
            "cluster-client",
            "the Kubernetes client is not installed",
            "install assay-policy[live]",
        ) from None
    from kubernetes.config.config_exception import ConfigException

    try:
        if context == IN_CLUSTER:
            configuration = kubernetes.client.Configuration()
            load: Any = config.load_incluster_config
            load(client_configuration=configuration)
            client = kubernetes.client.ApiClient(configuration)
        else:
            new: Any = config.new_client_from_config
            named = os.environ.get("KUBECONFIG") or None
            client = new(config_file=named, context=context, persist_config=False)
    except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        words = " ".join(str(error).split())
        raise _unusable(
            "cluster-context",
            f"the context `{context}` cannot be used: {words}",
            "`kubectl config get-contexts` prints those there are",
        ) from error
    transport = _over(client)
    try:
        # What does not answer at first is not there: it gets less time than a list may take.
        Api(context, transport, min(timeout, FIRST)).get("/version")
    except ApiError as error:
        raise _unusable(
            "cluster-unreachable", f"the cluster `{context}` does not answer: {error.reason}"
        ) from error
    return Api(context, transport, timeout)


def _over(client: Any) -> Transport:
    """A transport over the client's own connection pool, with its credentials."""
    import urllib3

    pool = client.rest_client.pool_manager
    host = client.configuration.host.rstrip("/")

    def send(method: str, path: str, accept: str, body: bytes | None, seconds: float) -> Answer:
        headers = {"Accept": accept, "User-Agent": "assay", "Accept-Encoding": "gzip"}
        if body is not None:
            headers["Content-Type"] = JSON
        for auth in client.configuration.auth_settings().values():  # renews what has expired
            if auth["in"] == "header" and auth["value"]:
                headers[auth["key"]] = auth["value"]
        try:
            answer = pool.request(
                method,
                host + path,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=seconds),
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.SSLError as error:
            raise ApiError(_FATAL, f"its certificate is not trusted{_why(error)}") from error
        except urllib3.exceptions.NameResolutionError as error:
            raise ApiError(_FATAL, "its name cannot be resolved") from error
        except urllib3.exceptions.TimeoutError as error:
            raise ApiError(0, "it took too long to answer") from error
        except urllib3.exceptions.ProtocolError as error:
            raise ApiError(0, "the connection was cut") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(0, "no connection") from error
        after = answer.headers.get("Retry-After", "")
        return Answer(answer.status, answer.data, min(60.0, float(after)) if after.isdigit() else 0)

    return send


def _why(error: BaseException) -> str:
    """What the check of a certificate found, where it says so: `: certificate has expired`."""
    for cause in error.args:
        found = getattr(cause, "verify_message", "")
        if found:
            return f": {found}"
    return ""


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise ApiError(_FATAL, "the answer is no JSON") from error


def _reason(answer: Answer) -> str:
    if answer.status < 300:
        return ""
    try:
        message = json.loads(answer.body).get("message")
    except (ValueError, AttributeError):
        message = None
    return str(message)[:500] if message else f"HTTP {answer.status}"


def _unusable(code: str, message: str, help: str = "") -> InputError:
    return InputError(Problem(code, message, help=help))
