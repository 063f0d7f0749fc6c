"""Terraform's types: primitives, collections, structures, and `dynamic` for what is not known yet.

Types are immutable and equal by structure. The three primitives and DYNAMIC are single objects, so
`is` tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Type:
    """A type. `kind` is string, number, bool, dynamic, list, set, map, tuple or object.

    element    the element type of a list, set or map
    elements   the element types of a tuple
    attributes the attribute types of an object, sorted by name
    optional   names of an object's attributes that a conversion may leave out
    """

    __slots__ = ("_hash", "attributes", "element", "elements", "kind", "optional")

    kind: str
    element: Type
    elements: tuple[Type, ...]
    attributes: Mapping[str, Type]
    optional: frozenset[str]

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Type) or self.kind != other.kind:
            return False
        kind = self.kind
        if kind in COLLECTIONS:
            return self.element == other.element
        if kind == "tuple":
            return self.elements == other.elements
        if kind == "object":
            return self.attributes == other.attributes and self.optional == other.optional
        return False

    def __hash__(self) -> int:
        if self._hash is None:
            kind = self.kind
            if kind in COLLECTIONS:
                self._hash = hash((kind, self.element))
            elif kind == "tuple":
                self._hash = hash(self.elements)
            elif kind == "object":
                self._hash = hash(tuple(self.attributes.items()))
            else:
                self._hash = hash(kind)
        return self._hash

    def __repr__(self) -> str:
        return type_text(self)


COLLECTIONS = frozenset({"list", "set", "map"})
SEQUENCES = frozenset({"list", "set", "tuple"})

STRING = Type("string")
NUMBER = Type("number")
BOOL = Type("bool")
DYNAMIC = Type("dynamic")
PRIMITIVES = (STRING, NUMBER, BOOL)


def _collection(kind: str, element: Type) -> Type:
    made = Type(kind)
    made.element = element
    return made


# Most collections in real configurations hold primitives; one object each spares most comparisons.
_COMMON = {
    (kind, element.kind): _collection(kind, element)
    for kind in ("list", "set", "map")
    for element in (STRING, NUMBER, BOOL, DYNAMIC)
}


def list_of(element: Type) -> Type:
    """The type of lists with the given element type."""
    return _COMMON.get(("list", element.kind)) or _collection("list", element)


def set_of(element: Type) -> Type:
    """The type of sets with the given element type."""
    return _COMMON.get(("set", element.kind)) or _collection("set", element)


def map_of(element: Type) -> Type:
    """The type of maps with the given element type."""
    return _COMMON.get(("map", element.kind)) or _collection("map", element)


def tuple_of(elements: Iterable[Type]) -> Type:
    """The type of tuples with exactly these element types."""
    made = Type("tuple")
    made.elements = tuple(elements)
    return made


def object_of(attributes: Mapping[str, Type], optional: Iterable[str] = ()) -> Type:
    """The type of objects with exactly these attributes."""
    made = Type("object")
    made.attributes = dict(sorted(attributes.items()))
    made.optional = frozenset(optional)
    return made


EMPTY_TUPLE = tuple_of(())
EMPTY_OBJECT = object_of({})


def collection_of(kind: str, element: Type) -> Type:
    """The list, set or map type with the given element type."""
    return _COMMON.get((kind, element.kind)) or _collection(kind, element)


def has_dynamic(type: Type) -> bool:
    """Whether the type, or a part of it, is not known."""
    kind = type.kind
    if kind in COLLECTIONS:
        return has_dynamic(type.element)
    if kind == "tuple":
        return any(map(has_dynamic, type.elements))
    if kind == "object":
        return any(map(has_dynamic, type.attributes.values()))
    return kind == "dynamic"


def without_optional(type: Type) -> Type:
    """The type that values have after conversion: no attribute is optional any more."""
    kind = type.kind
    if kind in COLLECTIONS:
        element = without_optional(type.element)
        return type if element is type.element else collection_of(kind, element)
    if kind == "tuple":
        return tuple_of(map(without_optional, type.elements))
    if kind == "object":
        return object_of({name: without_optional(t) for name, t in type.attributes.items()})
    return type


def conforms(given: Type, wanted: Type) -> bool:
    """Whether a value of the given type fits the wanted one, where dynamic parts take anything."""
    if wanted.kind == "dynamic" or given is wanted:
        return True
    if given.kind != wanted.kind:
        return False
    if given.kind in COLLECTIONS:
        return conforms(given.element, wanted.element)
    if given.kind == "tuple":
        return len(given.elements) == len(wanted.elements) and all(
            map(conforms, given.elements, wanted.elements)
        )
    if given.kind == "object":
        return given.attributes.keys() == wanted.attributes.keys() and all(
            conforms(given.attributes[name], wanted.attributes[name]) for name in given.attributes
        )
    return True


def type_text(type: Type) -> str:
    """The type as Terraform writes it in configuration: `list(string)`, `object({a=number})`."""
    kind = type.kind
    if kind in COLLECTIONS:
        return f"{kind}({type_text(type.element)})"
    if kind == "tuple":
        return f"tuple([{','.join(map(type_text, type.elements))}])"
    if kind == "object":
        parts = (
            f"{name}=optional({type_text(t)})"
            if name in type.optional
            else f"{name}={type_text(t)}"
            for name, t in type.attributes.items()
        )
        return f"object({{{','.join(parts)}}})"
    return kind


def friendly(type: Type) -> str:
    """The type as Terraform's messages name it: `list of string`, `object`."""
    kind = type.kind
    if kind in COLLECTIONS:
        return f"{kind} of {friendly(type.element)}"
    return kind
