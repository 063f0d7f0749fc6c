"""What a function takes, and how a call treats marks, nulls and unknowns before it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.types import BOOL, DYNAMIC, NUMBER, STRING, Type
from assay.engine.terraform.values import (
    EPHEMERAL,
    NO_MARKS,
    SENSITIVE,
    Unknown,
    Value,
    boolean,
    deep_marks,
    string,
    strip,
    unknown_like,
)

HOISTED = frozenset({SENSITIVE, EPHEMERAL})


class FunctionError(ValueError):
    """What a function refuses; the evaluator adds the name and the place."""


class LimitError(FunctionError):
    """What Terraform would compute and we do not: no `try` may take it for an error of its own."""


class Parameter:
    """One parameter. `allows` holds of what a call hands on to the function itself:
    n null, u unknown values, d values of unknown type, m marked values.
    """

    __slots__ = ("allows", "dynamic", "marked", "name", "null", "type", "unknown")

    def __init__(self, name: str, type: Type = DYNAMIC, allows: str = "") -> None:
        self.name = name
        self.type = type
        self.null = "n" in allows
        self.unknown = "u" in allows
        self.dynamic = "d" in allows
        self.marked = "m" in allows
        self.allows = allows


Run = Callable[[list[Value]], Value]
Result = Type | Callable[[list[Value]], Type]


class Function:
    """A function: `run` gets converted arguments and gives a value.

    result     its type, or what works it out from arguments some of which may be unknown
    moves      elements of the arguments become elements of the result: their references stay
               on them, where otherwise the whole result refers to all that the arguments refer to
    not_null   an unknown result is certainly not null
    """

    __slots__ = ("moves", "not_null", "parameters", "rest", "result", "run")

    def __init__(
        self,
        run: Run,
        parameters: Sequence[Parameter],
        result: Result,
        rest: Parameter | None = None,
        moves: bool = False,
        not_null: bool = True,
    ) -> None:
        self.run = run
        self.parameters = tuple(parameters)
        self.result = result
        self.rest = rest
        self.moves = moves
        self.not_null = not_null

    def call(self, given: list[Value]) -> Value:
        """The result for these arguments. Raises FunctionError."""
        values = self._arguments(given)
        marks = NO_MARKS
        doubt = False
        dynamic = False
        fixed = len(self.parameters)
        for at, value in enumerate(values):
            parameter = self.parameters[at] if at < fixed else self.rest
            assert parameter is not None
            if value.v is None and not parameter.null:
                raise FunctionError(f'argument "{parameter.name}" must not be null')
            if not parameter.marked:
                value, found = self._unmark(value)
                if found:
                    marks = marks | found
                    values[at] = value
            if value._type is DYNAMIC and not parameter.dynamic:
                dynamic = True  # a null of no type too: Terraform does not look at it further
            elif value.v.__class__ is Unknown and not parameter.unknown:
                doubt = True
        if dynamic:
            return unknown_like(DYNAMIC, values, marks | _marks(values))
        if doubt:
            result = self.result
            type = result if isinstance(result, Type) else result(values)
            return unknown_like(type, values, marks | _marks(values), not_null=self.not_null)
        made = self.run(values)
        return made.marked(marks) if marks else made

    def _arguments(self, given: list[Value]) -> list[Value]:
        fixed = self.parameters
        if len(given) < len(fixed):
            missing = fixed[len(given)].name
            least = "at least " if self.rest else ""
            raise FunctionError(f'expects {least}{len(fixed)} arguments: "{missing}" is missing')
        if len(given) > len(fixed) and self.rest is None:
            raise FunctionError(f"expects only {len(fixed)} arguments")
        values: list[Value] = []
        for at, value in enumerate(given):
            parameter = fixed[at] if at < len(fixed) else self.rest
            assert parameter is not None
            if parameter.type is not DYNAMIC and value._type is not parameter.type:
                try:
                    value = convert(value, parameter.type)
                except ConversionError as error:
                    raise FunctionError(f'invalid value for "{parameter.name}": {error}') from None
            values.append(value)
        return values

    def _unmark(self, value: Value) -> tuple[Value, frozenset[str]]:
        v = value.v
        if v.__class__ is not list and v.__class__ is not dict:
            return (value.unmarked(), value.marks) if value.marks else (value, NO_MARKS)
        found = deep_marks(value)
        if not found:
            return value, NO_MARKS
        if self.moves:
            hoisted = (found & HOISTED) | value.marks
            return strip(value.unmarked(), HOISTED), hoisted
        return strip(value, found), found


def _marks(values: Sequence[Value]) -> frozenset[str]:
    """The marks that are still on the arguments when an unknown result is all there is."""
    marks = NO_MARKS
    for value in values:
        marks = marks | value.marks
    return marks


def of_strings(run: Callable[..., str], *names: str) -> Function:
    """A function of strings that gives a string."""
    return Function(
        lambda values: string(run(*[value.v for value in values])),
        [Parameter(name, STRING) for name in names],
        STRING,
    )


def test_of_strings(run: Callable[[str, str], bool], *names: str) -> Function:
    """A function of two strings that gives a bool."""
    return Function(
        lambda values: boolean(run(values[0].v, values[1].v)),
        [Parameter(name, STRING) for name in names],
        BOOL,
    )


def whole(value: Value, name: str = "number") -> int:
    """The int of a number value. Raises FunctionError where it has a fraction."""
    v: Any = value.v
    if not isinstance(v, int):
        raise FunctionError(f"invalid {name}: a whole number is required")
    if not -(1 << 63) <= v < 1 << 63:
        raise FunctionError(f"invalid {name}: the number is too large")
    return int(v)


def text_parameter(name: str, allows: str = "") -> Parameter:
    """A string parameter."""
    return Parameter(name, STRING, allows)


def number_parameter(name: str, allows: str = "") -> Parameter:
    """A number parameter."""
    return Parameter(name, NUMBER, allows)
