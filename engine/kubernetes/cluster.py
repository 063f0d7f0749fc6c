"""A live cluster → Resources: read-only, paged, one kind at a time, permissions asked first.

Each kind, in each namespace where it must be asked so, ends as read, denied, absent, or failed with
its reason: a list that was cut short is never taken for a whole one.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlencode

from assay.engine.kubernetes import kinds as tables
from assay.engine.kubernetes import live, objects
from assay.engine.kubernetes.api import JSON, Api, ApiError
from assay.engine.kubernetes.packed import Packed
from assay.engine.model import Gap, Loaded, Place, SourceError

PAGE = 500  # objects a request
RESTARTS = 3  # times that a list may begin anew when its token has expired, or it has changed
_CHANGED = -2  # no status: a page of another version of the list than the page before
# Secrets are asked for without their contents, and nothing else is accepted in place of that.
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Options(NamedTuple):
    """What is read of a cluster.

    kinds        as controls name them: `apps/v1/Deployment`, `Pod`
    namespaces   where kinds are asked for one by one; empty for those that the cluster lists
    managers     whether managedFields are kept
    classify     tells which literals are secrets, beyond those whose names say so
    """

    kinds: frozenset[str]
    environment: str = "default"
    namespaces: tuple[str, ...] = ()
    managers: bool = False
    classify: live.Classify | None = None


class Served(NamedTuple):
    """A kind as the cluster serves it: the path of its lists, and whether it has namespaces."""

    kind: str
    api_version: str
    plural: str
    namespaced: bool

    @property
    def name(self) -> str:
        """As controls name it."""
        return tables.name(self.api_version, self.kind)

    def path(self, namespace: str = "") -> str:
        """The path of the list of all objects, or of those of one namespace."""
        base = "/api" if "/" not in self.api_version else "/apis"
        inner = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{base}/{self.api_version}{inner}/{self.plural}"


class Read(NamedTuple):
    """What was read: objects as the cluster gives them, trimmed; what failed; what was left."""

    items: Packed
    errors: list[SourceError]
    gaps: list[Gap]


def load(api: Api, options: Options) -> Loaded:
    """The objects of the asked kinds. A kind that cannot be read is an error or a Gap."""
    read = fetch(api, options)
    resources, owned = live.resources(read.items, "cluster", api.name, options.environment)
    return Loaded(resources, read.errors, read.gaps + owned)


def fetch(api: Api, options: Options) -> Read:
    """The objects of the asked kinds, sorted."""
    read = Read(Packed(), [], [])
    served = _discover(api, options, read)
    namespaces: list[str] | None = None
    for kind in served:
        try:
            if _may_list(api, kind, ""):
                _list(api, kind, "", options, read)
                continue
            if not kind.namespaced:
                read.gaps.append(_denied(kind.name))
                continue
            if namespaces is None:
                namespaces = _namespaces(api, options)
            _by_namespace(api, kind, namespaces, options, read)
        except ApiError as error:
            read.errors.append(_failed(api, options, kind.name, error))
    read.items.sort(key=live.order)
    return read


def identity(api: Api) -> tuple[str, str]:
    """What tells clusters apart, the uid of the namespace kube-system, and the version.

    The uid is empty where that namespace may not be read.
    """
    version = str(api.get("/version").get("gitVersion"))
    try:
        held = api.get("/api/v1/namespaces/kube-system")
    except ApiError:
        return "", version
    return str((held.get("metadata") or {}).get("uid") or ""), version


def _discover(api: Api, options: Options, read: Read) -> list[Served]:
    """The asked kinds that are served, sorted by name; the others become Gaps."""
    asked: dict[str, list[str]] = {}
    for name in sorted(options.kinds):
        version, _, kind = name.rpartition("/")
        asked.setdefault(version or "v1", []).append(kind)
    groups: dict[str, list[str]] | None = None
    found: list[Served] = []
    for version, names in asked.items():
        try:
            held = api.get(f"{'/apis' if '/' in version else '/api'}/{version}")
        except ApiError as error:
            if error.status != 404:
                read.errors.extend(
                    _failed(api, options, tables.name(version, kind), error) for kind in names
                )
                continue
            held = {}
        served = {
            each["kind"]: Served(each["kind"], version, each["name"], bool(each["namespaced"]))
            for each in held.get("resources") or ()
            if "/" not in each["name"] and "list" in (each.get("verbs") or ())
        }
        found += [served[kind] for kind in names if kind in served]
        missing = [tables.name(version, kind) for kind in names if kind not in served]
        if missing and groups is None:
            groups = _groups(api)
        read.gaps.extend(_absent(name, groups or {}) for name in missing)
    return sorted(found, key=lambda kind: kind.name)


def _groups(api: Api) -> dict[str, list[str]]:
    """The groups that are served, with their versions."""
    return {
        group["name"]: [version["version"] for version in group.get("versions") or ()]
        for group in api.get("/apis").get("groups") or ()
    }


def _absent(name: str, groups: dict[str, list[str]]) -> Gap:
    group, _, version = name.rpartition("/")[0].rpartition("/")
    others = [other for other in groups.get(group, []) if other != version]
    if others:
        reason = f"this version is not served, but {', '.join(others)} of the group"
        return Gap("version", name, "not_expected", reason, None, blocks=False)
    return Gap("version", name, "not_expected", "this cluster has no such kind", None, blocks=False)


def _may_list(api: Api, kind: Served, namespace: str) -> bool:
    attributes = {
        "verb": "list",
        "group": tables.group(kind.api_version),
        "version": kind.api_version.rpartition("/")[2],
        "resource": kind.plural,
        "namespace": namespace,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool((api.post(_REVIEWS, review).get("status") or {}).get("allowed"))


def permissions(api: Api, options: Options) -> dict[str, bool]:
    """The kinds that are served, by name, and whether they may be listed in all namespaces."""
    read = Read(Packed(), [], [])
    return {kind.name: _may_list(api, kind, "") for kind in _discover(api, options, read)}


def _namespaces(api: Api, options: Options) -> list[str]:
    """Where to ask, one by one, for what may not be listed as a whole."""
    if options.namespaces:
        return list(options.namespaces)
    kind = Served("Namespace", "v1", "namespaces", False)
    if not _may_list(api, kind, ""):
        return []
    items, _ = _pages(api, kind, "", options)
    return sorted(item["metadata"]["name"] for item in items)


def _by_namespace(
    api: Api, kind: Served, namespaces: list[str], options: Options, read: Read
) -> None:
    if not namespaces:
        read.gaps.append(_denied(kind.name))
        return
    for namespace in namespaces:
        if _may_list(api, kind, namespace):
            _list(api, kind, namespace, options, read)
        else:
            read.gaps.append(_denied(f"{kind.name} in {namespace}"))


def _list(api: Api, kind: Served, namespace: str, options: Options, read: Read) -> None:
    subject = f"{kind.name} in {namespace}" if namespace else kind.name
    try:
        items, restarts = _pages(api, kind, namespace, options)
    except ApiError as error:
        if error.status == 403:
            read.gaps.append(_denied(subject))
        else:
            read.errors.append(_failed(api, options, subject, error))
        return
    read.items.absorb(items)
    if restarts:
        reason = f"the list changed too much while it was read and was read anew, {restarts} times"
        read.gaps.append(Gap("list", subject, "evaluated", reason, None, blocks=False))


def _pages(api: Api, kind: Served, namespace: str, options: Options) -> tuple[Packed, int]:
    """All objects of one list, whole or not at all, and how often it began anew."""
    secret = kind.name == "Secret"
    accept = METADATA if secret else JSON
    items = Packed()
    token, restarts, version = "", 0, ""
    while True:
        query = {"limit": str(PAGE)} | ({"continue": token} if token else {})
        try:
            page = api.get(f"{kind.path(namespace)}?{urlencode(query)}", accept)
            held = page.get("metadata") or {}
            now = str(held.get("resourceVersion") or "")
            if token and version and now and now != version:
                raise ApiError(_CHANGED, "the list changed each time while it was read")
        except ApiError as error:
            if error.status not in (410, _CHANGED) or restarts >= RESTARTS:
                raise
            token, restarts, items = "", restarts + 1, Packed()
            continue
        version = now
        if secret and page.get("kind") != "PartialObjectMetadataList":
            raise ApiError(-1, "the cluster would not list Secrets without their contents")
        for item in page.get("items") or ():
            item["apiVersion"], item["kind"] = kind.api_version, kind.kind
            item = objects.dropped(item)
            items.append(live.trim(item, options.managers, options.classify))
        token = held.get("continue") or ""
        if not token:
            return items, restarts


def _denied(subject: str) -> Gap:
    reason = "the account may not list it"
    return Gap("permission", subject, "denied", reason, None, blocks=True)


def _failed(api: Api, options: Options, subject: str, error: ApiError) -> SourceError:
    return SourceError(
        "cluster",
        api.name,
        options.environment,
        subject,
        "cluster-list",
        f"{subject} could not be listed: {error.reason}",
        Place(api.name),
    )
