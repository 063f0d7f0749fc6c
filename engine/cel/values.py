"""CEL's values that Python has no type for, their names, and what goes wrong with them."""

from __future__ import annotations

from typing import Any

from assay.engine.errors import EvaluationError, Problem


class CelError(EvaluationError):
    """An evaluation that failed; `at` are the offsets of the failing part, once they are known."""

    def __init__(self, message: str) -> None:
        super().__init__(Problem("cel-evaluation", message))
        self.message = message
        self.at: tuple[int, int] | None = None


class UInt(int):
    """An unsigned integer of 64 bits."""

    __slots__ = ()
    cel_type = "uint"

    def __add__(self, other: int) -> UInt:
        return UInt(int(self) + int(other))


class Optional:
    """A value that may be absent: `optional.of(x)`, `a.?b`."""

    __slots__ = ("present", "value")
    cel_type = "optional_type"

    def __init__(self, present: bool, value: Any = None) -> None:
        self.present = present
        self.value = value

    def __getitem__(self, field: Any) -> Optional:
        if self.present and isinstance(self.value, dict) and field in self.value:
            return Optional(True, self.value[field])
        return NONE


NONE = Optional(False)


class CelType:
    """A type as a value: `int`, `type(x)`."""

    __slots__ = ("name",)
    cel_type = "type"

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CelType) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name


DOTTED_TYPES = frozenset(
    {"google.protobuf.Duration", "google.protobuf.Timestamp", "net.IP", "net.CIDR"}
)
TYPE_NAMES = (
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "optional_type",
)
