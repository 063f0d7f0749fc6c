"""parse.json and parse.yaml: text inside attributes and ConfigMaps, as values.

An unknown text whose structure is known gives that structure, with the unknowns inside it.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from assay.engine.model import Unknown

MAX_NODES = 200_000  # aliases counted as often as they are used: a small text can name a huge value
MAX_DEPTH = 200
INT = range(-(2**63), 2**63)
_YAML = "tag:yaml.org,2002:"


def parse_json(text: Any) -> Any:
    """The value of a JSON text. Raises ValueError for anything else, TypeError for no text.

    Numbers are int when written as such and within 64 bits, else double; the last of two equal
    keys counts, as it does for Terraform, Go and IAM.
    """
    if isinstance(text, Unknown):
        return _known_part(text, "parse.json")
    if not isinstance(text, str):
        raise TypeError("parse.json takes a text")
    try:
        return json.loads(text, parse_int=_number, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error


def parse_yaml(text: Any) -> Any:
    """The value of a YAML text of one document; an empty one is null. Raises ValueError.

    Keys become texts. Dates stay the text they were written as.
    """
    if isinstance(text, Unknown):
        return _known_part(text, "parse.yaml")
    if not isinstance(text, str):
        raise TypeError("parse.yaml takes a text")
    import yaml

    try:
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _Builder().value(node, 0)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {str(error)[:200]}") from error
    except RecursionError as error:
        raise ValueError("YAML is nested too deeply") from error


def _known_part(text: Unknown, function: str) -> Any:
    if text.structure is not None:
        return text.structure[1]
    identity = f"{function}({text.identity})" if text.identity else None
    return Unknown(text.cause, text.origin, identity=identity, refs=text.refs)


def _number(text: str) -> int | float:
    number = int(text) if len(text) < 25 else None
    return number if number is not None and number in INT else float(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


class _Builder:
    """Composed YAML nodes → values, with a budget that aliases use up too."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def value(self, node: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise ValueError("YAML is too large or nested too deeply")
        if isinstance(node.value, str):
            return _scalar(node.tag, node.value)
        if node.id == "sequence":
            return [self.value(inner, depth + 1) for inner in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, inner in node.value:
            if not isinstance(key.value, str):
                raise ValueError("a YAML key must be a scalar")
            if key.tag == f"{_YAML}merge":
                sources = inner.value if inner.id == "sequence" else [inner]
                for source in reversed(sources):
                    part = self.value(source, depth + 1)
                    if not isinstance(part, dict):
                        raise ValueError("a YAML merge key must name mappings")
                    merged |= part
            else:
                own[key.value] = self.value(inner, depth + 1)
        return merged | own


def _scalar(tag: str, text: str) -> Any:
    if tag == f"{_YAML}null":
        return None
    if tag == f"{_YAML}bool":
        return text.lower() in ("true", "yes", "on")
    if tag == f"{_YAML}int":
        return _yaml_int(text)
    if tag == f"{_YAML}float":
        return _yaml_float(text)
    return text


def _yaml_int(text: str) -> Any:
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if ":" in digits or len(digits) > 70:
        return text  # base 60 is a clock or a port mapping in everything but old YAML
    if digits.startswith("0x"):
        number = int(digits, 16)
    elif digits.startswith("0b"):
        number = int(digits, 2)
    elif digits.startswith("0") and digits != "0":
        number = int(digits.removeprefix("0o"), 8)
    else:
        number = int(digits)
    number *= sign
    return number if number in INT else float(number)


def _yaml_float(text: str) -> Any:
    digits = text.replace("_", "").lower()
    if ":" in digits:
        return text
    if digits.endswith((".inf", ".nan")):
        return math.nan if digits.endswith("nan") else math.inf * (-1 if digits[0] == "-" else 1)
    return float(digits)
