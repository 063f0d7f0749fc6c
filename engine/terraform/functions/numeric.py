"""Functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from assay.engine.terraform import numbers
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    Parameter,
    number_parameter,
    whole,
)
from assay.engine.terraform.operations import exact
from assay.engine.terraform.sets import quoted
from assay.engine.terraform.types import DYNAMIC, NUMBER, Type, friendly
from assay.engine.terraform.values import Value, unknown_like

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def absolute(values: list[Value]) -> Value:
    v: Any = values[0].v
    if isinstance(v, numbers.Real):
        return Value(NUMBER, numbers.Real(abs(v.value), v.bits))
    return Value(NUMBER, abs(v))


def _rounding(run: Callable[[Any], int]) -> Function:
    def rounded(values: list[Value]) -> Value:
        v: Any = values[0].v
        return Value(NUMBER, v if numbers.is_infinite(v) else run(exact(v)))

    return Function(rounded, [number_parameter("num")], NUMBER)


def _extreme(choose: Callable[..., Value]) -> Function:
    def run(values: list[Value]) -> Value:
        if not values:
            raise FunctionError("must pass at least one number")
        return choose(values, key=lambda value: exact(value.v))

    return Function(run, [], NUMBER, number_parameter("numbers", "d"))


def _float(run: Callable[[float, float], float]) -> Callable[[list[Value]], Value]:
    def call(values: list[Value]) -> Value:
        try:
            result = run(numbers.to_float(values[0].v), numbers.to_float(values[1].v))
        except OverflowError:
            result = math.inf
        except (ValueError, ZeroDivisionError):
            result = math.nan
        if math.isnan(result):
            raise FunctionError("the result is not a number")
        return Value(NUMBER, numbers.from_float(result))

    return call


def _log(number: float, base: float) -> float:
    def natural(value: float) -> float:
        return -math.inf if value == 0 else math.log(value)

    above, below = natural(number), natural(base)
    if below == 0:
        return math.nan if above == 0 else math.copysign(math.inf, above)
    return above / below


def _pow(number: float, power: float) -> float:
    if number == 0 and power < 0:
        odd = power.is_integer() and int(power) % 2 == 1
        return math.copysign(math.inf, number) if odd else math.inf
    return math.pow(number, power)


def signum(values: list[Value]) -> Value:
    number = whole(values[0])
    return Value(NUMBER, (number > 0) - (number < 0))


def _parseint_type(values: list[Value]) -> Type:
    if values[0].kind != "string":
        raise FunctionError(f"first argument must be a string, not {friendly(values[0].type)}")
    return NUMBER


def parseint(values: list[Value]) -> Value:
    text, base = values
    _parseint_type(values)
    marks = text.marks | base.marks
    if not (text.known and base.known):
        return unknown_like(NUMBER, values, marks, not_null=True)
    radix = whole(base, "base")
    if not 2 <= radix <= 62:
        raise FunctionError("base must be a whole number between 2 and 62 inclusive")
    number = _parse_digits(text.v, radix)
    if number is None:
        shown = "the sensitive text" if text.sensitive else quoted(text.v)
        raise FunctionError(f"cannot parse {shown} as a base {radix} integer")
    return Value(NUMBER, number, marks)


def _parse_digits(text: str, base: int) -> int | None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if base <= 36:
        digits = digits.lower()
    if not digits or len(digits) > 10_000:
        return None
    number = 0
    for digit in digits:
        value = _DIGITS.find(digit)
        if not 0 <= value < base:
            return None
        number = number * base + value
    return -number if text[0] == "-" else number


_TWO = [number_parameter("num"), number_parameter("base")]

FUNCTIONS: dict[str, Function] = {
    "abs": Function(absolute, [number_parameter("num", "d")], NUMBER),
    "ceil": _rounding(math.ceil),
    "floor": _rounding(math.floor),
    "max": _extreme(max),
    "min": _extreme(min),
    "log": Function(_float(_log), _TWO, NUMBER),
    "pow": Function(_float(_pow), [number_parameter("num"), number_parameter("power")], NUMBER),
    "signum": Function(signum, [number_parameter("num")], NUMBER),
    "parseint": Function(
        parseint,
        [Parameter("number", DYNAMIC, "um"), number_parameter("base", "um")],
        _parseint_type,
    ),
}
