"""What can be told of a module before anything is evaluated: names nobody declares, and cycles.

Evaluation is lazy, so a mistake in what nothing needs would never be met; and resources that need
each other have unknown values, which need nothing. Terraform refuses both. Each module is looked
at once, however often it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from assay.engine.errors import problem
from assay.engine.terraform.functions import registry
from assay.engine.terraform.references import children
from assay.engine.terraform.scopes import ExpressionError
from assay.engine.terraform.syntax import Block, Body, Call, For, Node, Traversal

if TYPE_CHECKING:
    from assay.engine.terraform.instance import Instance
    from assay.engine.terraform.module import Module

# Arguments of the language that hold names and no expressions.
_NAMES = {
    "resource": {"provider"},
    "data": {"provider"},
    "module": {"providers", "source", "version"},
    "variable": {"type", "default"},
    "dynamic": {"iterator"},
    "lifecycle": {"ignore_changes"},
    "provisioner": {"when", "on_failure"},
}
_NO_NAMES: frozenset[str] = frozenset()
Key = tuple[str, ...]


def check(instance: Instance) -> None:
    """Report what a module refers to and nobody declares, and what needs itself."""
    module, context = instance.module, instance.context
    if module.folder in context.checked:
        return
    context.checked.add(module.folder)
    edges: dict[Key, dict[Key, Traversal]] = {}
    for key, subject, node in _parts(module):
        found = edges.setdefault(key, {})
        for name in node:
            if isinstance(name, Call):
                _function(instance, subject, name)
                continue
            target = _target(name) if isinstance(name, Traversal) else None
            if target is None or not isinstance(name, Traversal):
                continue
            if not module.broken:
                _declared(instance, subject, name, target)
            found.setdefault(target, name)
    if not any(error.code == "terraform-cycle" for error in context.errors.values()):
        _cycles(instance, edges)


def _parts(module: Module) -> Iterator[tuple[Key, str, Iterator[Node]]]:
    """(name, address, references and calls) of everything that is declared."""
    for name, attribute in module.locals.items():
        yield ("local", name), f"local.{name}", _used(attribute.expression, _NO_NAMES)
    for (kind, name), block in module.resources.items():
        yield (kind, name), f"{kind}.{name}", _in_body(block.body, "resource", _NO_NAMES)
    for (kind, name), block in module.data.items():
        address = f"data.{kind}.{name}"
        yield ("data", kind, name), address, _in_body(block.body, "data", _NO_NAMES)
    tables: tuple[tuple[str, dict[str, Block]], ...] = (
        ("module", module.calls),
        ("output", module.outputs),
        ("variable", module.variables),
    )
    for kind, table in tables:
        shown = "var" if kind == "variable" else kind
        for name, block in table.items():
            # Calls, outputs and variables are no knots of a cycle as a whole.
            yield ("", kind, name), f"{shown}.{name}", _in_body(block.body, kind, _NO_NAMES)
    for block in module.providers:
        name = ".".join(("provider", *block.labels))
        yield ("", "provider", name), name, _in_body(block.body, "provider", _NO_NAMES)


def _in_body(body: Body, kind: str, bound: frozenset[str]) -> Iterator[Node]:
    """The references and calls in a body; names of dynamic blocks are bound in their contents."""
    skipped = _NAMES.get(kind, ())
    for name, attribute in body.attributes.items():
        if name not in skipped:
            yield from _used(attribute.expression, bound)
    for block in body.blocks:
        if block.type == "dynamic" and block.labels:
            iterator = block.body.attributes.get("iterator")
            name = getattr(iterator.expression, "root", "") if iterator is not None else ""
            inner = bound | {name or block.labels[0]}
            for key, attribute in block.body.attributes.items():
                if key != "iterator":
                    yield from _used(attribute.expression, inner if key == "labels" else bound)
            for content in block.body.blocks:
                yield from _in_body(content.body, "", inner)
        elif block.type != "data":
            known = block.type if kind in ("resource", "data") else ""
            yield from _in_body(block.body, known, bound)


def _used(node: Node, bound: frozenset[str]) -> Iterator[Node]:
    if isinstance(node, Traversal):
        if node.root not in bound:
            yield node
        return
    if isinstance(node, For):
        yield from _used(node.source, bound)
        bound = bound | {node.value_name, node.key_name or node.value_name}
        for part in (node.key, node.value, node.condition):
            if part is not None:
                yield from _used(part, bound)
        return
    if isinstance(node, Call):
        yield node
    for part in children(node):
        yield from _used(part, bound)


def _target(node: Traversal) -> Key | None:
    """What a reference leads to, as a key of `_parts`; ("", …) for what is no knot."""
    root, steps = node.root, node.steps
    if root in ("each", "count", "self", "path", "terraform", "ephemeral") or not steps:
        return None
    if root == "local":
        return ("local", str(steps[0]))
    if root == "var":
        return ("", "variable", str(steps[0]))
    if root == "module":
        return ("", "module", str(steps[0]))
    if root == "data":
        return ("data", str(steps[0]), str(steps[1])) if len(steps) > 1 else None
    return (root, str(steps[0]))


def _declared(instance: Instance, subject: str, node: Traversal, target: Key) -> None:
    module = instance.module
    if target[0] == "local":
        known = target[1] in module.locals
    elif target[0] == "data":
        known = target[1:] in module.data
    elif target[0]:
        known = target in module.resources
    else:
        table = module.variables if target[1] == "variable" else module.calls
        known = target[2] in table
    if not known:
        _report(instance, subject, lambda: instance.scope.lookup(node))


def _function(instance: Instance, subject: str, node: Call) -> None:
    name = node.name.removeprefix("core::")
    if name not in registry.NAMES and "::" not in name and ".tofu" not in node.text.file:
        _report(instance, subject, lambda: registry.unknown_name(node))


def _report(instance: Instance, subject: str, ask: Callable[[], object]) -> None:
    """The error that evaluating it would have given."""
    try:
        ask()
    except ExpressionError as error:
        address = f"{instance.address}.{subject}" if instance.address else subject
        instance.context.error(address, error.problems[0])


def _cycles(instance: Instance, edges: dict[Key, dict[Key, Traversal]]) -> None:
    """Report one cycle of the module, if there is any."""
    done: set[Key] = set()
    for start in edges:
        if start in done or not start[0]:
            continue
        path: list[Key] = [start]
        waiting = [iter(edges[start])]
        while path:
            following = next(waiting[-1], None)
            if following is None:
                done.add(path.pop())
                waiting.pop()
            elif following in path:
                ring = path[path.index(following) :]
                _report_cycle(instance, ring, edges[path[-1]][following])
                return
            elif following[0] and following in edges and following not in done:
                path.append(following)
                waiting.append(iter(edges[following]))


def _report_cycle(instance: Instance, ring: list[Key], node: Traversal) -> None:
    names = ", ".join(f"`{'.'.join(key)}`" for key in ring[:6])
    message = f"{names} need each other" if len(ring) > 1 else f"{names} needs itself"
    found = problem("terraform-cycle", message, node.text, node.start, node.end)
    subject = ".".join(ring[-1])
    instance.context.error(f"{instance.address}.{subject}" if instance.address else subject, found)
