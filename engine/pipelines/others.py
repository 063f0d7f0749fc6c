"""Files of other tools that stand beside the code: Atlantis, Keycloak's exports, Helm's values.

`atlantis.yaml` is what a repository asks of Atlantis, `repos.yaml` what the server allows; a realm
export is JSON as Keycloak writes it, one realm or a list of them. Source: the documentation of
Atlantis (repo level and server side configuration) and of Keycloak (exporting realms). The values
of a chart are read for what is written in them; what becomes of them is the chart's rendering.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay.engine.files import File, read
from assay.engine.model import Path, Place
from assay.engine.pipelines.document import Document, DocumentError, parse

MAX_FILE = 16 * 1024 * 1024  # bytes
HEAD = 64 * 1024
NAMES = {
    "atlantis.yaml": "atlantis",
    "atlantis.yml": "atlantis",
    "repos.yaml": "atlantis-server",
    "repos.yml": "atlantis-server",
}
# A realm is told by its name together with one of the settings that only realms have.
REALM = b'"realm"'
REALM_MARKS = (
    b'"sslRequired"',
    b'"bruteForceProtected"',
    b'"registrationAllowed"',
    b'"accessTokenLifespan"',
    b'"clientScopes"',
    b'"passwordPolicy"',
)

Found = tuple[str, str, dict[str, Any], dict[Path, Place]]


def may_be(name: str) -> bool:
    """Whether a file of that name can be one of these."""
    last = name.rpartition("/")[2]
    return (
        last in NAMES
        or is_values(last)
        or (last.endswith(".json") and not last.startswith("package"))
    )


def is_values(last: str) -> bool:
    """Whether a file is named as the values of a chart are: `values.yaml`, `values-prod.yaml`."""
    stem, _, ending = last.rpartition(".")
    named = stem == "values" or stem.startswith(("values-", "values.")) or stem.endswith("-values")
    return named and ending in ("yaml", "yml")


def load(file: File) -> list[Found]:
    """The kind, address, values and places of what the file holds; none if it is something else.

    Raises DocumentError for a file that is one of these and cannot be read.
    """
    last = file.name.rpartition("/")[2]
    kind = NAMES.get(last, "helm-values" if is_values(last) else "keycloak-realm")
    if kind == "keycloak-realm" and not _is_realm(file):
        return []
    if file.size > MAX_FILE:
        raise DocumentError("pipeline-unreadable", "the file is too large", 1, 1)
    try:
        text = read(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError("pipeline-unreadable", str(error), 1, 1) from None
    found: list[Found] = []
    # YAML may not be indented by tabs, JSON may.
    text = text.replace("\t", " ") if last.endswith(".json") else text
    try:
        documents = parse(file.name, text)
    except DocumentError:
        if kind == "helm-values":
            return []  # the chart that takes them says so
        raise
    for document in documents:
        if kind == "keycloak-realm":
            found += _realms(file.name, document)
        elif kind == "helm-values":
            if isinstance(document.value, dict) and "apiVersion" not in document.value:
                values = without_null(document.value)
                found.append((kind, f"{kind}/{file.name}", values, document.places))
        elif isinstance(document.value, dict) and _is_atlantis(kind, document.value):
            values = without_null(document.value)
            found.append((kind, f"{kind}/{file.name}", values, document.places))
    return found


def _is_realm(file: File) -> bool:
    try:
        with file.path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError:
        return False
    return REALM in head and any(mark in head for mark in REALM_MARKS)


def _is_atlantis(kind: str, value: dict[str, Any]) -> bool:
    """Whether a file with one of the names is what the name says: others use `repos.yaml` too."""
    if kind == "atlantis":
        return "version" in value or "projects" in value
    listed = value.get("repos")
    return isinstance(listed, list) and all(
        isinstance(entry, dict) and "id" in entry for entry in listed
    )


def _realms(name: str, document: Document) -> list[Found]:
    value = document.value
    listed = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
    found: list[Found] = []
    for number, realm in listed:
        if not isinstance(realm, dict) or not isinstance(realm.get("realm"), str):
            continue
        places = document.places
        if number is not None:
            places = {path[1:]: place for path, place in places.items() if path[:1] == (number,)}
        address = f"keycloak-realm/{name}/{realm['realm']}"
        found.append(("keycloak-realm", address, without_null(realm), places))
    return found


def without_null(value: Any) -> Any:
    """The value without entries that are null."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_null(inner) for inner in value]
    return value


def sensitive(kind: str, values: dict[str, Any]) -> frozenset[Path]:
    """The paths in a realm whose values are secrets: of clients, keys, people and mail servers."""
    if kind != "keycloak-realm":
        return frozenset()
    return frozenset(path for path, _ in _secrets(values, ()))


SECRETS = frozenset(
    {"secret", "clientSecret", "privateKey", "password", "bindCredential", "credentialData"}
    | {"secretData", "client.secret.rotated", "hashedSaltedValue", "salt", "registrationToken"}
)


def _secrets(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            found = inner if isinstance(inner, str) else _only(inner)
            if key in SECRETS and found:
                yield (*path, key), found
            else:
                yield from _secrets(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _secrets(inner, (*path, number))


def _only(value: Any) -> str:
    """The text in a list of one: settings of components are lists."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else ""
