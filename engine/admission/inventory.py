"""How relations between objects read Gatekeeper's inventory, as rules of Rego v1.

Source: what `data.inventory` looks like in Gatekeeper's documentation, section Replicating Data.
"""

from __future__ import annotations

import json

from assay.engine.admission.convert import RefusedError
from assay.engine.admission.targets import Target, target
from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import Check, Relation
from assay.engine.judge.workloads import TEMPLATES

HAS = "has_field"
HELPERS = {
    HAS: """has_field(value, path) if {
	absent := {"absent": path}
	object.get(value, path, absent) != absent
}
""",
    "selects": """selects(selector, labels) if {
	plain(selector)
	every key, value in selector { labels[key] == value }
}

selects(selector, labels) if {
	not plain(selector)
	every key, value in object.get(selector, "matchLabels", {}) { labels[key] == value }
	every term in object.get(selector, "matchExpressions", []) { fits(term, labels) }
}

plain(selector) if {
	count(selector) > 0
	not "matchLabels" in object.keys(selector)
	not "matchExpressions" in object.keys(selector)
}

fits(term, labels) if {
	term.operator == "In"
	labels[term.key] in term.values
}

fits(term, labels) if {
	term.operator == "NotIn"
	not listed(term, labels)
}

fits(term, labels) if {
	term.operator == "Exists"
	has_label(term, labels)
}

fits(term, labels) if {
	term.operator == "DoesNotExist"
	not has_label(term, labels)
}

listed(term, labels) if labels[term.key] in term.values

has_label(term, labels) if labels[term.key] == labels[term.key]
""",
    "called": """called(reference, mine) if {
	reference.name == mine.metadata.name
	object.get(reference, "kind", mine.kind) == mine.kind
	group := split(mine.apiVersion, "/")[0]
	split(object.get(reference, "apiVersion", mine.apiVersion), "/")[0] == group
}
""",
}
MINE = "input.review.object"
ADDRESS = """address := sprintf("%v%v/%v/%v", [group, mine.kind, where, name]) if {
	mine := input.review.object
	version := split(mine.apiVersion, "/")
	group := {1: "", 2: sprintf("%v/", [version[0]])}[count(version)]
	where := object.get(mine, ["metadata", "namespace"], "-")
	name := object.get(mine, ["metadata", "name"], "?")
}
"""


def judged(check: Check) -> tuple[str, ...]:
    """The kinds that a check with relations judges."""
    return tuple(TEMPLATES) if check.view == "workload" else check.kinds


def related(
    relation: Relation, mine: tuple[Target, ...], check: Check
) -> tuple[str, list[tuple[str, str, str]]]:
    """The rule `related_<name>`, the set of the related objects, and the kinds that it reads."""
    if relation.of or relation.default or relation.on:
        raise RefusedError("joins other objects over more than one step")
    condition = _condition(relation, mine)
    rules: list[str] = []
    read: list[tuple[str, str, str]] = []
    for kind in relation.kinds:
        found = target(kind)
        if found is None or kind == "workload":
            raise RefusedError(f"joins objects of the kind {kind}, which cannot be named")
        read.append((found.group, found.version, found.name))
        version = f"{found.group}/{found.version}" if found.group else found.version
        where = f"data.inventory.cluster[{json.dumps(version)}][{json.dumps(found.name)}]"
        if found.namespaced:
            inner = f"[{json.dumps(version)}][{json.dumps(found.name)}]"
            where = f"data.inventory.namespace[{_namespace(mine, check)}]{inner}"
        head = f"related_{relation.name} contains other if"
        rules.append(f"{head} {{\n\tsome other in {where}\n{condition}}}\n")
    return "\n".join(rules), read


def _namespace(mine: tuple[Target, ...], check: Check) -> str:
    if check.view == "namespace" or all(each.kind == "Namespace" for each in mine):
        return f"{MINE}.metadata.name"
    if not all(each.namespaced for each in mine):
        raise RefusedError("joins objects of namespaces to objects without one")
    return f"{MINE}.metadata.namespace"


def _condition(relation: Relation, mine: tuple[Target, ...]) -> str:
    if relation.join == "within" and relation.scope == "namespace":
        return ""
    if relation.join == "selects" and len(relation.paths) == 1:
        steps = _plain(relation.paths[0])
        templates = {each.template for each in mine}
        if len(templates) != 1:
            raise RefusedError("joins other objects to pods that lie in different places")
        where = [str(step) for step in templates.pop() or ()]
        labels = f"object.get({MINE}, {json.dumps([*where, 'metadata', 'labels'])}, {{}})"
        return f"\tselects(other{steps}, {labels})\n"
    if relation.join == "names" and len(relation.paths) == 1:
        return f"\tcalled(other{_plain(relation.paths[0])}, {MINE})\n"
    said = f"{relation.join}: {relation.scope}" if relation.scope else relation.join
    raise RefusedError(f"joins other objects by `{said}`, which the inventory does not answer")


def _plain(steps: paths.Steps) -> str:
    if paths.EACH in steps:
        raise RefusedError("joins other objects by the elements of a list")
    return "".join(f"[{json.dumps(step)}]" for step in steps)
