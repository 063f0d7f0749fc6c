"""Queries on a real OpenSearch: events go into a scratch index, which is removed again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from assay.engine.errors import InputError, Problem
from assay.engine.siem.sources import Source, template

BATCH = 5_000  # events in one scratch index: below the 10,000 hits that a search returns
SEARCHES = 50  # in one request
PREFIX = "assay-scratch-"


def shown(url: str) -> str:
    """The URL without credentials, as it may be printed."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Login(NamedTuple):
    """How to sign in: a file's words, else those of the environment. Never printed."""

    user: str = ""
    password: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""


def login_file(name: str) -> Login:
    """A Login from YAML with user, password, ca, certificate, key. Raises InputError."""
    import yaml

    try:
        data = yaml.safe_load(Path(name).read_bytes())
    except OSError as error:
        problem = Problem("path-not-found", f"cannot read {name}: {error.strerror}")
        raise InputError(problem) from error
    except (yaml.YAMLError, ValueError):  # its text would be shown with the error
        problem = Problem("siem-credentials", "not YAML", file=name)
        raise InputError(problem) from None
    if not isinstance(data, dict) or set(data) - set(Login._fields):
        words = ", ".join(Login._fields)
        raise InputError(Problem("siem-credentials", f"not a map of {words}", file=name))
    return Login(**{key: str(value) for key, value in data.items() if value is not None})


def options(url: str, login: Login | None = None) -> dict[str, Any]:
    """What a client needs to sign in and to trust. Raises InputError.

    Credentials come from the file, from the URL, or from ASSAY_OPENSEARCH_USER and _PASSWORD.
    ASSAY_OPENSEARCH_CA names the file of the certificate authority.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is none
    except ValueError:
        raise InputError(Problem("siem-server", "not the URL of a server")) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            Problem("siem-server", "not the URL of a server", help="https://HOST:PORT")
        )
    given = login or Login()
    env = os.environ.get
    user = given.user or unquote(parts.username or "") or env("ASSAY_OPENSEARCH_USER", "")
    password = (
        given.password or unquote(parts.password or "") or env("ASSAY_OPENSEARCH_PASSWORD", "")
    )
    made: dict[str, Any] = {}
    if user:
        made["http_auth"] = (user, password)
    files = {
        "ca_certs": given.ca or env("ASSAY_OPENSEARCH_CA", ""),
        "client_cert": given.certificate or env("ASSAY_OPENSEARCH_CERTIFICATE", ""),
        "client_key": given.key or env("ASSAY_OPENSEARCH_KEY", ""),
    }
    for name, file in files.items():
        if file and not Path(file).is_file():
            raise InputError(Problem("path-not-found", f"cannot read {file}: no such file"))
        if file:
            made[name] = file
    return made


def connect(url: str, login: Login | None = None) -> Any:
    """A client. Raises InputError."""
    from opensearchpy import OpenSearch

    given = options(url, login)
    given |= {"timeout": 60, "max_retries": 2, "retry_on_timeout": False}
    return OpenSearch(shown(url), **given)


def match(
    url: str,
    source: Source,
    queries: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    refused: list[str],
) -> Iterator[tuple[int, str]]:
    """(number of the event, rule) for every hit, in the order of events and rules.

    An event that the index cannot take, such as one with a map where a text belongs, is listed in
    `refused`. Raises InputError where the server refuses the index or a query.
    """
    from opensearchpy.exceptions import OpenSearchException

    client = connect(url)
    name = f"{PREFIX}{source.name}-{secrets.token_hex(4)}"
    try:
        for first in range(0, len(events), BATCH):
            found: list[tuple[int, str]] = []
            try:
                batch = events[first : first + BATCH]
                refused += _fill(client, name, source, first, batch)
                found = list(_search(client, name, queries))
            finally:
                client.indices.delete(index=name, ignore_unavailable=True)
            order = {rule: at for at, rule in enumerate(queries)}
            yield from sorted(found, key=lambda hit: (hit[0], order[hit[1]]))
    except OpenSearchException as error:
        raise _refused(url, _short(error)) from error
    finally:
        client.close()


def _fill(
    client: Any, name: str, source: Source, first: int, events: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Indexes the events; what was not taken, each with the reason."""
    body = template(source)["template"]
    settings = {**body["settings"], "index.number_of_shards": 1, "index.number_of_replicas": 0}
    client.indices.create(index=name, body={"settings": settings, "mappings": body["mappings"]})
    lines: list[Any] = []
    for at, event in enumerate(events, first):
        lines += [{"index": {"_id": str(at)}}, event]
    answer = client.bulk(body=lines, index=name, refresh=True)
    return [
        f"event {item['index']['_id']} is not taken by {source.name}: {error.get('reason', error)}"
        for item in answer["items"]
        if (error := item["index"].get("error"))
    ]


def _search(client: Any, name: str, queries: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    rules = list(queries)
    for at in range(0, len(rules), SEARCHES):
        batch = rules[at : at + SEARCHES]
        lines: list[Any] = []
        for rule in batch:
            lines += [{"index": name}, {**queries[rule], "size": BATCH, "_source": False}]
        answer = client.msearch(body=lines)
        for rule, result in zip(batch, answer["responses"], strict=True):
            if error := result.get("error"):
                raise _refused("", f"the query of {rule} is refused: {_cause(error)}")
            for hit in result["hits"]["hits"]:
                yield int(hit["_id"]), rule


def _cause(error: Any) -> str:
    while isinstance(error, dict) and error.get("root_cause"):
        error = error["root_cause"][0]
    return str(error.get("reason", error)) if isinstance(error, dict) else str(error)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _refused(url: str, reason: str) -> InputError:
    where = f"{shown(url)}: " if url else ""
    return InputError(Problem("siem-server", f"{where}{reason}"))
