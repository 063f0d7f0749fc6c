"""Which single type a number of types can be brought to, as Terraform's conditionals, collections
and `list(any)` decide it; and whether one type converts to another at all.

Unsafe conversions may fail on some values (text to number); those of Terraform are all unsafe but
the ones that its collection functions ask for.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.engine.terraform.types import (
    DYNAMIC,
    STRING,
    Type,
    collection_of,
    list_of,
    map_of,
    object_of,
    tuple_of,
)

_PRIMITIVE = frozenset({"string", "number", "bool"})


def unify(types: Sequence[Type], unsafe: bool = True) -> Type | None:
    """The type that all of these convert to, or None where there is none."""
    if not types:
        return None
    first = types[0]
    if all(type == first for type in types):
        return first
    kinds = {type.kind for type in types}
    dynamic = "dynamic" in kinds
    kinds.discard("dynamic")
    if kinds == {"map"} or kinds == {"list"} or kinds == {"set"}:
        if dynamic:
            return DYNAMIC
        element = unify([type.element for type in types], unsafe)
        return element and collection_of(first.kind, element)
    if kinds == {"map", "object"}:
        merged = _merged(types, "object", unsafe)
        if merged:
            return merged
    elif kinds == {"list", "tuple"}:
        merged = _merged(types, "tuple", unsafe)
        if merged:
            return merged
    elif kinds == {"object"}:
        return DYNAMIC if dynamic else _objects(types, unsafe)
    elif kinds == {"tuple"}:
        return DYNAMIC if dynamic else _tuples(types, unsafe)
    elif "object" in kinds and "tuple" in kinds:
        return None
    for index in _preference(types):
        wanted = types[index]
        if all(type == wanted or convertible(type, wanted, unsafe) for type in types):
            return wanted
    return None


def _merged(types: Sequence[Type], structural: str, unsafe: bool) -> Type | None:
    """Objects beside maps are maps, tuples beside lists are lists."""
    shapes = [type for type in types if type.kind == structural]
    collection = (_as_map if structural == "object" else _as_list)(shapes, unsafe)
    if collection is None:
        return None
    found = unify([collection if t.kind == structural else t for t in types], unsafe)
    return found if found and found.kind == collection.kind else None


def _objects(types: Sequence[Type], unsafe: bool) -> Type | None:
    names = types[0].attributes.keys()
    if any(type.attributes.keys() != names for type in types):
        return _as_map(types, unsafe)
    attributes: dict[str, Type] = {}
    for name in names:
        found = unify([type.attributes[name] for type in types], unsafe)
        if found is None:
            return None
        attributes[name] = found
    result = object_of(attributes)
    if all(type == result or convertible(type, result, unsafe) for type in types):
        return result
    return _as_map(types, unsafe)


def _tuples(types: Sequence[Type], unsafe: bool) -> Type | None:
    size = len(types[0].elements)
    if any(len(type.elements) != size for type in types):
        return _as_list(types, unsafe)
    elements: list[Type] = []
    for at in range(size):
        found = unify([type.elements[at] for type in types], unsafe)
        if found is None:
            return None
        elements.append(found)
    result = tuple_of(elements)
    if all(type == result or convertible(type, result, unsafe) for type in types):
        return result
    return _as_list(types, unsafe)


def _as_map(types: Sequence[Type], unsafe: bool) -> Type | None:
    element = unify([t for type in types for t in type.attributes.values()], unsafe)
    if element is None:
        return None
    result = map_of(element)
    return result if all(t == result or convertible(t, result, unsafe) for t in types) else None


def _as_list(types: Sequence[Type], unsafe: bool) -> Type | None:
    element = unify([t for type in types for t in type.elements], unsafe)
    if element is None:
        return None
    result = list_of(element)
    return result if all(t == result or convertible(t, result, unsafe) for t in types) else None


def convertible(given: Type, wanted: Type, unsafe: bool = True) -> bool:
    """Whether values of the given type can be converted; unsafe: whether some can."""
    if wanted is DYNAMIC or given == wanted:
        return True
    if given is DYNAMIC:
        return unsafe
    pair = given.kind, wanted.kind
    if pair[0] in _PRIMITIVE and pair[1] in _PRIMITIVE:
        return wanted is STRING or (unsafe and given is STRING)
    match pair:
        case ("object", "object"):
            return all(
                convertible(given.attributes[name], type, unsafe)
                if name in given.attributes
                else name in wanted.optional
                for name, type in wanted.attributes.items()
            )
        case ("tuple", "tuple"):
            return len(given.elements) == len(wanted.elements) and all(
                convertible(a, b, unsafe)
                for a, b in zip(given.elements, wanted.elements, strict=True)
            )
        case ("list" | "set", "list") | ("set", "set") | ("map", "map"):
            return convertible(given.element, wanted.element, unsafe)
        case ("list", "set"):
            return unsafe and convertible(given.element, wanted.element, unsafe)
        case ("tuple", "list" | "set"):
            return _all_to(given.elements, wanted.element, unsafe, dynamic_alone=True)
        case ("object", "map"):
            return _all_to(tuple(given.attributes.values()), wanted.element, unsafe)
        case ("map", "object"):
            return unsafe and all(
                name in wanted.optional or convertible(given.element, type, unsafe)
                for name, type in wanted.attributes.items()
            )
    return False


def _all_to(types: Sequence[Type], wanted: Type, unsafe: bool, dynamic_alone: bool = False) -> bool:
    if not types:
        return True
    if wanted is DYNAMIC:
        found = unify(types, unsafe)
        if found is None:
            return False
        if found is DYNAMIC and dynamic_alone:
            return all(type is DYNAMIC for type in types)
        wanted = found
    return all(convertible(type, wanted, unsafe) for type in types)


def _preference(types: Sequence[Type]) -> list[int]:
    """Indexes of the types, the most general first, else in the order given."""
    size = len(types)
    below: list[list[int]] = [[] for _ in types]
    above = [0] * size
    for i in range(size):
        for j in range(i + 1, size):
            order = _compare(types[i], types[j])
            if order < 0:
                below[i].append(j)
                above[j] += 1
            elif order > 0:
                below[j].append(i)
                above[i] += 1
    queue = [i for i in range(size) if not above[i]]
    for i in queue:
        for j in below[i]:
            above[j] -= 1
            if not above[j]:
                queue.append(j)
    return queue


def _compare(a: Type, b: Type) -> int:
    """Below 0 where a is the more general type, above 0 where b is, else 0."""
    if a is DYNAMIC or b is DYNAMIC:
        return (a is DYNAMIC) - (b is DYNAMIC)
    if a.kind in _PRIMITIVE and b.kind in _PRIMITIVE:
        return (b is STRING) - (a is STRING)
    if a.kind == b.kind and a.kind in ("list", "set", "map"):
        return _compare(a.element, b.element)
    pair = a.kind, b.kind
    if pair in (("list", "tuple"), ("map", "object"), ("tuple", "set"), ("list", "set")):
        return -1
    if pair in (("tuple", "list"), ("object", "map"), ("set", "tuple"), ("set", "list")):
        return 1
    orders: set[int] = set()
    if pair == ("object", "object") and a.attributes.keys() == b.attributes.keys():
        orders = {_compare(a.attributes[name], b.attributes[name]) for name in a.attributes}
    elif pair == ("tuple", "tuple") and len(a.elements) == len(b.elements):
        orders = {_compare(x, y) for x, y in zip(a.elements, b.elements, strict=True)}
    orders.discard(0)
    return orders.pop() if len(orders) == 1 else 0
