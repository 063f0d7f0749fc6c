"""The list functions of the dialect: those of Kubernetes and of cel-go's lists extension (v3).

Where a list mixes kinds, its first element decides what is meant, as in cel-go.
"""

from __future__ import annotations

from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from assay.engine.cel.bounds import builds
from assay.engine.cel.functions import Overload
from assay.engine.cel.library.values import compare, equal, kind

MAX_RANGE = 1_000_000  # elements of lists.range: the API server's budget ends before
MIN_INT = -(2**63)
MAX_INT = 2**63 - 1
MAX_UINT = 2**64 - 1
SUMMABLE = frozenset({"int", "uint", "double", "google.protobuf.Duration"})
COMPARABLE = SUMMABLE | {"bool", "google.protobuf.Timestamp", "string", "bytes"}


def is_sorted(values: list[Any]) -> bool:
    _first_of(values, COMPARABLE, "isSorted")
    # Elements without an order among them do not disturb it, as on the API server.
    return all(compare(one, two) != 1 for one, two in pairwise(values))


def total(values: list[Any]) -> Any:
    """The sum; of an empty list the int 0. Raises ValueError on overflow."""
    if not values:
        return 0
    found = _first_of(values, SUMMABLE, "sum")
    result = values[0]
    for value in values[1:]:
        if kind(value) != found:
            raise TypeError("no such overload: sum of mixed types")
        result = result + value
        low, high = (MIN_INT, MAX_INT) if found == "int" else (0, MAX_UINT)
        if found in ("int", "uint") and not low <= result <= high:
            raise ValueError("integer overflow")
    return type(values[0])(result) if found == "uint" else result


def smallest(values: list[Any]) -> Any:
    return _chosen(values, 1, "min")


def largest(values: list[Any]) -> Any:
    return _chosen(values, -1, "max")


def index_of(values: list[Any], wanted: Any) -> int:
    for index, value in enumerate(values):
        if equal(value, wanted):
            return index
    return -1


def last_index_of(values: list[Any], wanted: Any) -> int:
    for index in range(len(values) - 1, -1, -1):
        if equal(values[index], wanted):
            return index
    return -1


def includes(target: Any, wanted: Any) -> bool:
    if isinstance(target, list):
        return index_of(target, wanted) >= 0
    return equal(target, wanted)


def part(values: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise ValueError(f"cannot slice({start}, {end}): negative indexes are not supported")
    if start > end:
        raise ValueError(f"cannot slice({start}, {end}): the start is after the end")
    if end > len(values):
        raise ValueError(f"cannot slice({start}, {end}): the list has {len(values)} elements")
    return values[start:end]


def flatten(values: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise ValueError("the depth of flatten must not be negative")
    flat: list[Any] = []
    builds(sum(len(value) for value in values if isinstance(value, list)))
    for value in values:
        if depth and isinstance(value, list):
            flat += flatten(value, depth - 1)
        else:
            flat.append(value)
    return flat


def sort(values: list[Any]) -> list[Any]:
    return sort_by(values, values)


def sort_by(values: list[Any], keys: list[Any]) -> list[Any]:
    """The values in the order of their keys: what the macro sortBy comes down to."""
    if not values:
        return values
    found = _first_of(keys, COMPARABLE, "sort")
    if any(kind(key) != found for key in keys) and len(keys) > 1:
        raise ValueError("list elements must have the same type")

    def order(one: int, two: int) -> int:
        return compare(keys[one], keys[two]) or 0

    return [values[index] for index in sorted(range(len(values)), key=cmp_to_key(order))]


def reverse(values: list[Any]) -> list[Any]:
    return values[::-1]


def distinct(values: list[Any]) -> list[Any]:
    unique: list[Any] = []
    seen: set[tuple[str, Any]] = set()
    for value in values:
        if isinstance(value, str):
            # Texts are only equal to texts: no need to look at all the others.
            if ("string", value) in seen:
                continue
            seen.add(("string", value))
        elif any(equal(value, other) for other in unique):
            continue
        unique.append(value)
    return unique


def numbers(count: int) -> list[int]:
    if count < 0:
        raise ValueError(f"lists.range: the size must not be negative, got {count}")
    if count > MAX_RANGE:
        raise ValueError(f"lists.range: more than {MAX_RANGE} elements")
    return list(range(count))


def contains_all(values: list[Any], wanted: list[Any]) -> bool:
    """sets.contains: every wanted value is in the list."""
    return all(index_of(values, value) >= 0 for value in wanted)


def equivalent(values: list[Any], others: list[Any]) -> bool:
    """sets.equivalent: each list holds all of the other."""
    return contains_all(values, others) and contains_all(others, values)


def intersects(values: list[Any], others: list[Any]) -> bool:
    """sets.intersects: some value is in both lists."""
    return any(index_of(others, value) >= 0 for value in values)


def _first_of(values: list[Any], kinds: frozenset[str], function: str) -> str:
    """The kind of the first element, which must be one of `kinds`; "" for an empty list."""
    if not values:
        return ""
    found = kind(values[0])
    if found not in kinds:
        raise TypeError(f"no such overload: {function} of {found}")
    return found


def _chosen(values: list[Any], replaced_when: int, function: str) -> Any:
    if not values:
        raise ValueError(f"{function} called on empty list")
    _first_of(values, COMPARABLE, function)
    result = values[0]
    for value in values[1:]:
        if compare(result, value) == replaced_when:
            result = value
    return result


EPOCH = (1, 23)
ORDERED = (
    "int",
    "uint",
    "double",
    "bool",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
    "string",
    "bytes",
)
ADDED = ("int", "uint", "double", "google.protobuf.Duration")
OVERLOADS: tuple[Overload, ...] = (
    *(Overload("isSorted", f"list({of})", (), "bool", is_sorted, EPOCH) for of in ORDERED),
    *(Overload("sum", f"list({of})", (), of, total, EPOCH) for of in ADDED),
    *(Overload("min", f"list({of})", (), of, smallest, EPOCH) for of in ORDERED),
    *(Overload("max", f"list({of})", (), of, largest, EPOCH) for of in ORDERED),
    Overload("indexOf", "list(A)", ("A",), "int", index_of, EPOCH),
    Overload("lastIndexOf", "list(A)", ("A",), "int", last_index_of, EPOCH),
    Overload("includes", "dyn", ("dyn",), "bool", includes, (1, 38)),
    Overload("slice", "list(A)", ("int", "int"), "list(A)", part, (1, 35)),
    Overload("flatten", "list(list(A))", (), "list(A)", flatten, (1, 35)),
    Overload("flatten", "list(dyn)", ("int",), "list(dyn)", flatten, (1, 35)),
    *(Overload("sort", f"list({of})", (), f"list({of})", sort, (1, 35)) for of in ORDERED),
    *(
        Overload("@sortByAssociatedKeys", "list(A)", (f"list({of})",), "list(A)", sort_by, (1, 35))
        for of in ORDERED
    ),
    Overload("reverse", "list(A)", (), "list(A)", reverse, (1, 35)),
    Overload("distinct", "list(A)", (), "list(A)", distinct, (1, 35)),
    Overload("lists.range", None, ("int",), "list(int)", numbers, (1, 35)),
    Overload("sets.contains", None, ("list(A)", "list(A)"), "bool", contains_all, (1, 30)),
    Overload("sets.equivalent", None, ("list(A)", "list(A)"), "bool", equivalent, (1, 30)),
    Overload("sets.intersects", None, ("list(A)", "list(A)"), "bool", intersects, (1, 30)),
)
