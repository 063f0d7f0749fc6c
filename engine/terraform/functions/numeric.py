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


# The polynomial of Go's math.Log (that of FreeBSD's e_log.c), whose last bit differs from Python's.
_LOG = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def _natural(value: float) -> float:
    if value <= 0 or math.isinf(value):
        return -math.inf if value == 0 else math.log(value)
    part, exponent = math.frexp(value)
    if part < math.sqrt(2) / 2:
        part, exponent = part * 2, exponent - 1
    f = part - 1
    s = f / (2 + f)
    s2 = s * s
    s4 = s2 * s2
    odd = s2 * (_LOG[0] + s4 * (_LOG[2] + s4 * (_LOG[4] + s4 * _LOG[6])))
    even = s4 * (_LOG[1] + s4 * (_LOG[3] + s4 * _LOG[5]))
    half = 0.5 * f * f
    inner = s * (half + odd + even) + exponent * _LN2_LOW
    return exponent * _LN2_HIGH - ((half - inner) - f)


def _log(number: float, base: float) -> float:
    above, below = _natural(number), _natural(base)
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
