"""The types that operators take and give; one row a form, in the order of cel-go."""

from __future__ import annotations

from assay.engine.cel.types import Type, parse

DURATION = "google.protobuf.Duration"
MOMENT = "google.protobuf.Timestamp"
_NUMBERS = ("double", "int", "uint")
_ORDERED = (
    ("bool", "bool"),
    ("int", "int"),
    ("int", "double"),
    ("int", "uint"),
    ("uint", "uint"),
    ("uint", "double"),
    ("uint", "int"),
    ("double", "double"),
    ("double", "int"),
    ("double", "uint"),
    ("string", "string"),
    ("bytes", "bytes"),
    (MOMENT, MOMENT),
    (DURATION, DURATION),
)
_ORDER = tuple((*pair, "bool") for pair in _ORDERED)
_SAME = (("A", "A", "bool"),)
_OPTIONAL_INDEX = (
    ("optional_type(list(A))", "int", "optional_type(A)"),
    ("optional_type(map(A, B))", "A", "optional_type(B)"),
)
_ROWS: dict[str, tuple[tuple[str, ...], ...]] = {
    "+": (
        *((of, of, of) for of in ("bytes", *_NUMBERS, "string", "list(A)", DURATION)),
        (DURATION, MOMENT, MOMENT),
        (MOMENT, DURATION, MOMENT),
    ),
    "-": (
        *((of, of, of) for of in (*_NUMBERS, DURATION)),
        (MOMENT, DURATION, MOMENT),
        (MOMENT, MOMENT, DURATION),
    ),
    "*": tuple((of, of, of) for of in _NUMBERS),
    "/": tuple((of, of, of) for of in _NUMBERS),
    "%": (("int", "int", "int"), ("uint", "uint", "uint")),
    "neg": (("double", "double"), ("int", "int")),
    "!": (("bool", "bool"),),
    "<": _ORDER,
    "<=": _ORDER,
    ">": _ORDER,
    ">=": _ORDER,
    "==": _SAME,
    "!=": _SAME,
    "in": (("A", "list(A)", "bool"), ("A", "map(A, B)", "bool")),
    "?:": (("bool", "A", "A", "A"),),
    "[]": (("list(A)", "int", "A"), ("map(A, B)", "A", "B"), *_OPTIONAL_INDEX),
    "[?]": (
        ("list(A)", "int", "optional_type(A)"),
        ("map(A, B)", "A", "optional_type(B)"),
        *_OPTIONAL_INDEX,
    ),
}
# The methods of optionals that are not plain calls: the default is evaluated when it is needed.
_METHODS: dict[str, tuple[tuple[str, ...], ...]] = {
    "value": (("optional_type(A)", "A"),),
    "hasValue": (("optional_type(A)", "bool"),),
    "or": (("optional_type(A)", "optional_type(A)", "optional_type(A)"),),
    "orValue": (("optional_type(A)", "A", "A"),),
}
_GLOBAL: dict[str, tuple[tuple[str, ...], ...]] = {
    "dyn": (("A", "dyn"),),
    "type": (("A", "type(A)"),),
}
Form = tuple[tuple[Type, ...], Type]


def _forms(rows: tuple[tuple[str, ...], ...]) -> tuple[Form, ...]:
    return tuple((tuple(map(parse, row[:-1])), parse(row[-1])) for row in rows)


OPERATORS = {name: _forms(rows) for name, rows in _ROWS.items()}
METHODS = {name: _forms(rows) for name, rows in _METHODS.items()}
GLOBALS = {name: _forms(rows) for name, rows in _GLOBAL.items()}
