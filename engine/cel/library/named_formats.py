"""Named formats: `format.dns1123Label().validate(text)` gives the faults as an optional list."""

from __future__ import annotations

import re
from collections.abc import Callable

from assay.engine.cel.functions import Overload
from assay.engine.cel.library import time, url
from assay.engine.cel.values import NONE, Optional

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_RULE = re.compile(rf"{_LABEL}\Z")
_SUBDOMAIN_RULE = re.compile(rf"{_SUBDOMAIN}\Z")
_LABEL_1035_RULE = re.compile(rf"{_LABEL_1035}\Z")
_KEY_RULE = re.compile(rf"{_KEY}\Z")
_VALUE_RULE = re.compile(rf"({_KEY})?\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\Z")
_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})\Z"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})\Z")
# The reasons are part of the dialect: an expression may show them or compare with them.
_ENDS = "and must start and end with an alphanumeric character"
_LABEL_REASON = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}"
)
_SUBDOMAIN_REASON = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters,"
    f" '-' or '.', {_ENDS}"
)
_LABEL_1035_REASON = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-',"
    " start with an alphabetic character, and end with an alphanumeric character"
)
_KEY_REASON = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
_KEY_EXAMPLES = ("MyName", "my.name", "123-abc")


class Format:
    """A named format; two of one name are equal."""

    __slots__ = ("faults", "name")
    cel_type = "kubernetes.NamedFormat"

    def __init__(self, name: str, faults: Callable[[str], list[str]]) -> None:
        self.name = name
        self.faults = faults

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Format) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Format({self.name!r})"


def label(text: str) -> list[str]:
    faults = _too_long(text, 63)
    if not _LABEL_RULE.match(text):
        dotted = _SUBDOMAIN_RULE.match(text)
        reason = _reason(_LABEL_REASON, _LABEL, "my-name", "123-abc")
        faults.append("must not contain dots" if dotted else reason)
    return faults


def subdomain(text: str) -> list[str]:
    faults = _too_long(text, 253)
    if not _SUBDOMAIN_RULE.match(text):
        faults.append(_reason(_SUBDOMAIN_REASON, _SUBDOMAIN, "example.com"))
    return faults


def label_1035(text: str) -> list[str]:
    faults = _too_long(text, 63)
    if not _LABEL_1035_RULE.match(text):
        faults.append(_reason(_LABEL_1035_REASON, _LABEL_1035, "my-name", "abc-123"))
    return faults


def qualified_name(text: str) -> list[str]:
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        reason = _reason(_KEY_REASON, _KEY, *_KEY_EXAMPLES)
        return [
            f"a valid label key {reason} with an optional DNS subdomain prefix and '/'"
            " (e.g. 'example.com/MyName')"
        ]
    faults: list[str] = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash:
        faults += [f"prefix part {fault}" for fault in subdomain(prefix)]
    if not name:
        faults.append("name part must be non-empty")
    else:
        faults += [f"name part {fault}" for fault in _too_long(name, 63)]
    if not _KEY_RULE.match(name):
        faults.append(f"name part {_reason(_KEY_REASON, _KEY, *_KEY_EXAMPLES)}")
    return faults


def label_value(text: str) -> list[str]:
    faults = _too_long(text, 63)
    if not _VALUE_RULE.match(text):
        reason = f"a valid label must be an empty string or {_KEY_REASON.removeprefix('must ')}"
        faults.append(_reason(reason, f"({_KEY})?", "MyValue", "my_value", "12345"))
    return faults


def uri(text: str) -> list[str]:
    try:
        url.check(text)
    except ValueError as error:
        return [str(error)]
    return []


def uuid(text: str) -> list[str]:
    return [] if _UUID.match(text) else ["does not match the UUID format"]


def byte(text: str) -> list[str]:
    return [] if _BASE64.match(text) else ["invalid base64"]


def date(text: str) -> list[str]:
    return [] if _is_date(text) else ["invalid date"]


def datetime(text: str) -> list[str]:
    day, _, clock = text.lower().partition("t")
    found = _CLOCK.match(clock.split("t")[0])
    known = found and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"
    return [] if known and _is_date(day) else ["invalid datetime"]


def _is_date(text: str) -> bool:
    # The year 0 is a date though no timestamp; it is leap, as 2000 is.
    if not _DATE.match(text):
        return False
    try:
        time.parse_timestamp(f"{'2000' if text[:4] == '0000' else text[:4]}{text[4:]}T00:00:00Z")
    except ValueError:
        return False
    return True


def _too_long(text: str, most: int) -> list[str]:
    over = len(text.encode("utf-8", "surrogatepass")) > most
    return [f"must be no more than {most} characters"] if over else []


def _reason(reason: str, rule: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{reason} (e.g. {shown}regex used for validation is '{rule}')"


def _prefix(faults: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The check of a prefix for generated names: a trailing dash is no fault."""

    def check(text: str) -> list[str]:
        return faults(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)

    return check


FORMATS = {
    "dns1123Label": Format("DNS1123Label", label),
    "dns1123Subdomain": Format("DNS1123Subdomain", subdomain),
    "dns1035Label": Format("DNS1035Label", label_1035),
    "qualifiedName": Format("QualifiedName", qualified_name),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(label)),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(subdomain)),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(label_1035)),
    "labelValue": Format("LabelValue", label_value),
    "uri": Format("URI", uri),
    "uuid": Format("uuid", uuid),
    "byte": Format("byte", byte),
    "date": Format("date", date),
    "datetime": Format("datetime", datetime),
}


def named(name: str) -> Optional:
    """`format.named(...)`: the format of that name, if there is one."""
    return Optional(True, FORMATS[name]) if name in FORMATS else NONE


def validate(checked: Format, text: str) -> Optional:
    """The faults of a text, if it has any."""
    faults = checked.faults(text)
    return Optional(True, faults) if faults else NONE


def _constant(name: str) -> Callable[[], Format]:
    """The function `format.NAME()`."""
    return lambda: FORMATS[name]


SINCE = (1, 32)
TYPE = Format.cel_type
OVERLOADS: tuple[Overload, ...] = (
    *(Overload(f"format.{name}", None, (), TYPE, _constant(name), SINCE) for name in FORMATS),
    Overload("format.named", None, ("string",), f"optional_type({TYPE})", named, SINCE),
    Overload("validate", TYPE, ("string",), "optional_type(list(string))", validate, SINCE),
)
