"""An object as a cluster gives it → a Resource; which of them stand for others. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from assay.engine.kubernetes import kinds, objects, packed, redaction
from assay.engine.kubernetes.objects import Origin
from assay.engine.kubernetes.packed import Packed
from assay.engine.model import Gap, Place, Resource, Unknown

# Controllers of Kubernetes itself: what they make is judged in the template it is made from.
_MAKERS = frozenset(
    {
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
    }
)
_MADE = frozenset({"Job", "Pod", "ReplicaSet"})
_NOISE = ("managedFields", "resourceVersion", "selfLink")
# In place of a secret, before its class; `secrets.kind` reads it as what it stands for.
MARKER = "(secret: "
HIDDEN = "a secret, withheld"
WITHHELD = "the contents of Secrets are never read from a cluster"


class Maker(NamedTuple):
    """The controller that made an object."""

    group: str
    kind: str
    name: str
    uid: str


# The name and the text of a literal → the class of the secret that it is; "" for none.
Classify = Callable[[str, str], str]


def trim(
    item: dict[str, Any], managers: bool = False, classify: Classify | None = None
) -> dict[str, Any]:
    """The object without what no control reads and without secrets, changed in place.

    `managers` keeps managedFields, which say who set a field. Literals are replaced by a marker
    where their name, or `classify`, says that they are secrets.
    """
    metadata = item.get("metadata")
    if isinstance(metadata, dict):
        for field in _NOISE:
            if field != "managedFields" or not managers:
                metadata.pop(field, None)
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(redaction.LAST_APPLIED, None)
            if not annotations:
                del metadata["annotations"]
    kind = str(item.get("kind"))
    if kind == "Secret":
        for field in ("data", "stringData"):
            item.pop(field, None)
    if kind == "ConfigMap" and isinstance(item.get("data"), dict):
        held = item["data"]
        for name, text in held.items():
            held[name] = _marked(name, text, redaction.is_secret(name), classify)
    for variable in redaction.variables(kind, item):
        name = str(variable.get("name", ""))
        secret = redaction.is_secret(name)
        variable["value"] = _marked(name, variable.get("value"), secret, classify)
    if classify is not None:
        for words in redaction.commands(kind, item):
            words[:] = _command(words, classify)
    if classify is not None and kinds.is_custom(str(item.get("apiVersion"))):
        _conceal(item.get("spec"), classify)
    return item


def _marked(name: str, text: Any, secret: bool, classify: Classify | None) -> Any:
    """The text, or the marker of the secret that it is, or the text with markers in its lines."""
    if not isinstance(text, str) or not text or text.startswith(MARKER):
        return text
    if classify is None:
        return f"{MARKER}named)" if secret else text
    if "\n" in text or text[0] in "{[":
        text = _LINE.sub(lambda found: _line(found, classify), text)
        text = _PAIR.sub(lambda found: _line(found, classify), text)
        if MARKER in text and not secret:
            return text  # what was secret in it is gone, and it can still be read
    found = classify(name, text)
    return f"{MARKER}{found})" if found or secret else text


# `name: text`, `name = "text"`, `name text`: a line of the settings of most programs; and a pair
# of JSON.
_LINE = re.compile(
    r"""(?m)^(?P<head>[ \t]*(?:-[ \t]+)?["']?(?P<name>[A-Za-z_][\w.\-]*)["']?[ \t]*"""
    r"""(?P<mark>[:=]|[ \t])[ \t]*)(?P<quote>["']?)(?P<text>[^\n"']+)"""
    r"""(?P=quote)(?P<tail>[ \t,;]*)$"""
)
_PAIR = re.compile(
    r"""(?P<head>"(?P<name>[A-Za-z_][\w.\-]*)"\s*(?P<mark>:)\s*)(?P<quote>")(?P<text>[^"\\\n]+)"""
    r"""(?P=quote)(?P<tail>)"""
)


def _line(found: re.Match[str], classify: Classify) -> str:
    text = found["text"].rstrip(" \t,;")
    kind = "" if text.startswith(MARKER) else classify(found["name"], text)
    if not kind:
        return found[0]
    # In YAML a marker must be quoted: it has a colon.
    quote = found["quote"] or ('"' if found["mark"] == ":" else "")
    rest = found["text"][len(text) :]
    return f"{found['head']}{quote}{MARKER}{kind}){quote}{rest}{found['tail']}"


# `--name=text` and `NAME=text`, `--name text`: what a command line says to a program.
_SAID = re.compile(
    r"""(?<![^\s"';&|(])(?:(?P<head>-{0,2}(?P<name>[A-Za-z_][\w.\-]*)=["']?)(?P<text>[^\s"']+)"""
    r"""|(?P<flag>--?(?P<named>[A-Za-z_][\w.\-]*)[ \t]+["']?)(?P<next>[^\s"'\-][^\s"']*))"""
)


def _command(words: list[Any], classify: Classify) -> list[Any]:
    """The words of a command without secrets; one that is a secret by its form is a marker."""
    found: list[Any] = []
    before = ""
    for word in words:
        if not isinstance(word, str) or word.startswith(MARKER):
            found.append(word)
            before = ""
            continue
        form = classify("", word)
        if form:
            found.append(f"{MARKER}{form})")
        elif before and not word.startswith("-") and classify(before, word):
            found.append(HIDDEN)  # no marker: a manifest that says the same is not failed for it
        else:
            found.append(_SAID.sub(lambda said: _said(said, classify), word))
        before = word.lstrip("-") if word.startswith("-") and "=" not in word else ""
    return found


def _said(found: re.Match[str], classify: Classify) -> str:
    head, name = found["head"] or found["flag"], found["name"] or found["named"]
    kind = classify(name, found["text"] or found["next"])
    return f"{head}{MARKER}{kind})" if kind else found[0]


def _conceal(value: Any, classify: Classify) -> None:
    """Mark the secrets among the texts of a custom object, in place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                value[name] = _marked(name, inner, False, classify)
            else:
                _conceal(inner, classify)
    elif isinstance(value, list):
        for inner in value:
            _conceal(inner, classify)


def stands_for(text: str, declared: Any) -> bool:
    """Whether a text that holds markers may be the declared one without its secrets."""
    if text == HIDDEN or text.startswith(MARKER):
        return True
    if MARKER not in text or not isinstance(declared, str):
        return False
    import re2

    # A marker in YAML is quoted where the secret was not.
    parts = [re2.escape(part.strip('"')) for part in re.split(r"\(secret: [^)\n]*\)", text)]
    return re2.fullmatch('"?[^\\n]+"?'.join(parts), declared) is not None


def order(item: dict[str, Any]) -> tuple[str, str, str, str]:
    """The key by which the objects of a cluster and of its snapshot stand in one order."""
    metadata = item.get("metadata") or {}
    return (
        item["apiVersion"],
        item["kind"],
        str(metadata.get("namespace") or ""),
        str(metadata.get("name")),
    )


def maker(item: dict[str, Any]) -> Maker | None:
    """The controller among the owners of an object, if it has one."""
    metadata = item.get("metadata") or {}
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            group = kinds.group(str(owner.get("apiVersion")))
            return Maker(group, str(owner.get("kind")), str(owner.get("name")), str(owner["uid"]))
    return None


def resources(
    items: Packed, source: str, cluster: str, environment: str
) -> tuple[list[Resource], list[Gap]]:
    """The Resources of trimmed objects, without those that a judged controller made."""
    learnt: dict[tuple[str, str], bool] = {}
    known: set[Any] = set()
    for item in items:
        objects.learn(learnt, item)
        if item["kind"] in _MAKERS:
            known.add((item.get("metadata") or {}).get("uid"))
    origin = Origin(source, cluster, environment)
    made: Counter[str] = Counter()
    found: list[Resource] = []
    for at, item in enumerate(items):
        by = maker(item)
        if by is not None and item["kind"] in _MADE and by.uid in known:
            made[kinds.name(item["apiVersion"], item["kind"])] += 1
            continue
        built = _resource(item, by, origin, learnt)
        if built.values is item and built.complete:
            packed.store(built, items, at)
        found.append(built)
    gaps = [
        Gap(
            "owned",
            kind,
            "evaluated",
            f"{number} made by controllers judged themselves",
            None,
            False,
        )
        for kind, number in sorted(made.items())
    ]
    return found, gaps


def _resource(
    item: dict[str, Any], by: Maker | None, origin: Origin, learnt: dict[tuple[str, str], bool]
) -> Resource:
    complete = item["kind"] != "Secret" or item["apiVersion"] != "v1"
    if not complete:
        withheld = {
            "type": Unknown("data", WITHHELD, not_null=True, type="string"),
            "data": Unknown("data", WITHHELD, type="map"),
        }
        item = {**item, **withheld}
    else:
        # A list names the kind once: what it holds has it like any other object.
        if item.get("metadata") is None:
            item = {**item, "metadata": {}}
    built = objects.resource(item, origin, learnt, Place(origin.root), complete=complete)
    place = Place(f"{origin.root}/{built.address}")
    built.place = place
    built.locate = lambda _: place
    if by is not None:
        built.calls = (kinds.address(by.group, by.kind, built.namespace, by.name),)
    return built
