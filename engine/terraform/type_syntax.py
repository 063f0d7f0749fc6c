"""Type constraints of variables: `object({ name = string, port = optional(number, 443) })`.

A constraint is an expression of its own language: names are types, calls are collections. The
defaults of `optional` are no part of the type, so they are kept beside it in the same shape.
"""

from __future__ import annotations

from typing import NamedTuple

from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.scopes import ExpressionError, fail
from assay.engine.terraform.syntax import Call, Literal, Node, Object, Traversal, Tuple
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Type,
    collection_of,
    friendly,
    list_of,
    map_of,
    object_of,
    tuple_of,
)
from assay.engine.terraform.values import Value

_NAMES = {"string": STRING, "number": NUMBER, "bool": BOOL, "any": DYNAMIC}
# What Terraform 0.11 called the types of lists and maps, which is still read.
_OLD = {"list": list_of(DYNAMIC), "map": map_of(DYNAMIC)}


class Defaults(NamedTuple):
    """Default values inside a type: `values` of an object's attributes, `children` below.

    The key of a child is an attribute's name, the position in a tuple, or "" for any element.
    """

    values: dict[str, Value]
    children: dict[str | int, Defaults]


class _NoNames:
    """The scope of a default: it may refer to nothing."""

    files = None

    def lookup(self, node: Traversal) -> tuple[Value, int]:
        fail(node, "terraform-reference", "a default of `optional` can refer to nothing")


def type_constraint(node: Node) -> tuple[Type, Defaults | None]:  # noqa: RET503
    """The type that a `type` argument names, with the defaults in it. Raises ExpressionError."""
    if isinstance(node, Traversal) and not node.steps:
        found = _NAMES.get(node.root) or _OLD.get(node.root)
        if found is None:
            fail(node, "terraform-type", f"`{node.root}` is no type")
        return found, None
    if isinstance(node, Literal) and node.value.kind == "string":
        # "string", "list" and "map" in quotes are the old way to write a type.
        found = {"string": STRING, **_OLD}.get(str(node.value.v))
        if found is not None:
            return found, None
    if isinstance(node, Call):
        return _called(node)
    fail(node, "terraform-type", "this is no type")


def _called(node: Call) -> tuple[Type, Defaults | None]:  # noqa: RET503
    name = node.name
    if len(node.arguments) != 1:
        if name == "optional":
            fail(node, "terraform-type", "`optional` stands only on the attributes of an object")
        fail(node, "terraform-type", f"`{name}` takes one argument")
    (argument,) = node.arguments
    if name in ("list", "set", "map"):
        element, inner = type_constraint(argument)
        return collection_of(name, element), Defaults({}, {"": inner}) if inner else None
    if name == "tuple":
        if not isinstance(argument, Tuple):
            fail(argument, "terraform-type", "`tuple` takes a list of types in brackets")
        parts = [type_constraint(part) for part in argument.elements]
        children: dict[str | int, Defaults] = {
            at: inner for at, (_, inner) in enumerate(parts) if inner
        }
        return (
            tuple_of([type for type, _ in parts]),
            Defaults({}, children) if children else None,
        )
    if name == "object":
        if not isinstance(argument, Object):
            fail(argument, "terraform-type", "`object` takes attributes in braces")
        return _object(argument)
    fail(node, "terraform-type", f"`{name}` is no type")


def _object(node: Object) -> tuple[Type, Defaults | None]:
    attributes: dict[str, Type] = {}
    optional: list[str] = []
    values: dict[str, Value] = {}
    children: dict[str | int, Defaults] = {}
    for key, part in node.items:
        if not isinstance(key, Literal) or not isinstance(key.value.v, str):
            fail(key, "terraform-type", "the name of an attribute must be a plain name")
        name: str = key.value.v
        default: Node | None = None
        if isinstance(part, Call) and part.name == "optional":
            if not 1 <= len(part.arguments) <= 2:
                fail(part, "terraform-type", "`optional` takes a type and perhaps a default")
            optional.append(name)
            default = part.arguments[1] if len(part.arguments) == 2 else None
            part = part.arguments[0]
        type, inner = type_constraint(part)
        attributes[name] = type
        if inner:
            children[name] = inner
        if default is not None:
            values[name] = _default(default, type, inner)
    made = object_of(attributes, optional)
    return made, Defaults(values, children) if values or children else None


def _default(node: Node, type: Type, inner: Defaults | None) -> Value:
    value = evaluate(node, _NoNames())
    try:
        return convert(apply_defaults(inner, value), type)
    except ConversionError as error:
        fail(node, "terraform-type", f"the default does not fit {friendly(type)}: {error}")


def apply_defaults(defaults: Defaults | None, value: Value) -> Value:
    """The value with the defaults in place of what is left out or null; convert it afterwards."""
    if defaults is None or value.v is None or not value.known:
        return value
    v = value.v
    kind = value.kind
    if isinstance(v, dict):
        made: dict[str, Value] = {}
        if "" in defaults.children and not defaults.values:
            made = {
                name: apply_defaults(defaults.children[""], element) for name, element in v.items()
            }
        else:
            made = dict(v)
            for name, default in defaults.values.items():
                given = made.get(name)
                if given is None or given.v is None:
                    made[name] = default
            for key, child in defaults.children.items():
                if isinstance(key, str) and key in made:
                    made[key] = apply_defaults(child, made[key])
        return Value(None, made, value.marks)
    if isinstance(v, list):
        changed = [
            apply_defaults(defaults.children.get("") or defaults.children.get(at), element)
            for at, element in enumerate(v)
        ]
        if kind == "set":
            # Elements may differ in type now; the conversion that follows makes a set of them.
            return Value(None, changed, value.marks)
        return Value(None, changed, value.marks)
    return value


__all__ = ["Defaults", "ExpressionError", "apply_defaults", "type_constraint"]
