"""Values × modifiers × events: meaning, emitted query and a real server give one answer."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from sigma.exceptions import SigmaError

from assay.engine.siem import match
from assay.engine.siem.convert import Conversion, convert_rules
from assay.engine.siem.load import Document, Rules, rule
from assay.engine.siem.tree import RefusedError

TEXTS = [
    "", " ", "a", "A", "ab", "aB", "a b", "*", "?", "\\", "a\\*b", "C:\\Windows\\cmd.exe",
    "c:\\windows\\CMD.EXE", "\\\\server\\share\\", "/c whoami", "-EncodedCommand ABC", "a\nb",
    "tab\there", "é", "É", "Straße", "İstanbul", "ΑΣ", "ας", "\U0001f600x", "K", "k", "ſ",
    "~a&b", 'a"b', "a@b.c", "<1-5>", "#x", "(a|b)", "[ab]{2}", "a.b", "5", "05", "5.0", "-3",
    "1e3", "0x1f", "NaN", "5d", "true", "TRUE", "null", "10.0.0.1", "10.255.1.2", "11.0.0.1",
    "::ffff:10.1.2.3", "::FFFF:a01:203", "0:0:0:0:0:ffff:0a00:1", "0:0:0::0:ffff:10.0.0.1",
    "0:0:0:0:0:ffff::", "0:0:0:0:0:ffff::5", "0:0:0:0:0:ffff:a00::", "::fffe:10.0.0.1",
    "2001:db8::1", "fe80::1", "2001:DB8:0::1", "010.0.0.1", "10.0.0.1.5",
    "2026-01-02T03:04:05Z", "2026-12-31T23:59:59.123+02:00", "2026-01-02", "1767323045000",
    "x" * 300, "a" * 10_922, "b" * 10_923,
]  # fmt: skip
SCALARS: list[Any] = [*TEXTS, 5, 0, -3, 5.5, 1000.0, True, False, None, 2**40, 4688]
PIECES = [
    "a", "A", "b", "cmd", "\\", "\\Windows", "WINDOWS", ".exe", " ", "*", "?", "\\*", "\\?",
    "whoami", "é", "É", "İ", "Σ", "\n", '"', "(", "5", "-", "x", "true", "\U0001f600", "/", "K",
]  # fmt: skip
REGEXES = [
    "a", "^a", "b$", "^a b$", "[A-Z]", r"\d+", r"\D", r"\S\s\S", r"\\", "a.b", "(?i)windows",
    r"^C:\\Windows\\[^\\]+\.exe$", "(a|b){2}", r"\.", "~", "&", "<", "@", "#", '"', "[^a]",
    "x{300}", r"\bcmd\b", "é", "(?i)É", "(?i)k", "^$", "$", "^.$", "a*", ".{5,}", r"\w+@\w",
    "^[ -~]+$", "^[+-^]+$", r"^[\x00-\x1f]", "(?s)a.b",
]  # fmt: skip
NUMBERS = [5, 0, -3, 5.5, 1000, 4688, 2**40]
CIDRS = [
    "10.0.0.0/8",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "10.0.0.0/15",
    "2001:db8::/32",
    "::/0",
    "fe80::/10",
]
FIELDS = {
    "windows": ["CommandLine", "Image", "EventID", "IpAddress", "TimeCreated_SystemTime"],
    "other": ["f", "g.h", "list", "n"],
}
TIMES = ["minute", "hour", "day", "week", "month", "year"]


def text(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(TEXTS[:-2])
    return "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 3)))


def selection(chance: random.Random, fields: list[str]) -> Any:
    field = chance.choice(fields)
    kind = chance.randrange(12)
    many = [text(chance) for _ in range(chance.choice([1, 1, 2, 3]))]
    if kind < 3:
        how = chance.choice(["", "|contains", "|startswith", "|endswith", "|contains|all"])
        return {f"{field}{how}{chance.choice(['', '', '|cased'])}": many}
    if kind == 3:
        flags = chance.choice(["", "", "|i", "|s", "|m"])
        return {f"{field}|re{flags}": chance.choice(REGEXES)}
    if kind == 4:
        return {
            f"{field}|{chance.choice(['lt', 'lte', 'gt', 'gte', 'neq'])}": chance.choice(NUMBERS)
        }
    if kind == 5:
        return {f"{field}|cidr": chance.choice(CIDRS)}
    if kind == 6:
        return {field: chance.choice([None, "*", "", 5, 5.5, True, [1, "a", None]])}
    if kind == 7:
        return {f"{field}|exists": chance.random() < 0.5}
    if kind == 8:
        how = chance.choice(["", "|startswith", "|endswith", "|contains"])
        return {f"{field}|fieldref{how}": chance.choice(fields)}
    if kind == 9:
        how = chance.choice(
            ["base64offset|contains", "windash|contains", "wide|base64offset|contains"]
        )
        return {f"{field}|{how}": "a -b"}
    if kind == 10:
        return [text(chance) or "a" for _ in range(chance.randint(1, 2))]
    return {
        f"TimeCreated_SystemTime|{chance.choice(TIMES)}": chance.choice([0, 1, 2, 3, 4, 12, 2026])
    }


def document(chance: random.Random, product: str) -> Document:
    names = ["one", "two", "three"][: chance.randint(1, 3)]
    condition = chance.choice(
        ["1 of them", "all of them", "one", "not one", "one and not 1 of them"]
    )
    detection = {name: selection(chance, FIELDS[product]) for name in names}
    data = {
        "title": "Fuzz",
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "logsource": {"product": product},
        "detection": {**detection, "condition": condition},
    }
    return Document(str(data["detection"]), 1, data)


def event(chance: random.Random, product: str) -> dict[str, Any]:
    def value() -> Any:
        if chance.random() < 0.2:
            return [chance.choice(SCALARS) for _ in range(chance.randint(0, 3))]
        return chance.choice(SCALARS)

    made: dict[str, Any] = {}
    for field in FIELDS[product]:
        if chance.random() < 0.8:
            first, _, rest = field.partition(".")
            made[first] = {rest: value()} if rest else value()
    return made


def fuzzed(
    seed: int, product: str, rules: int, events: int
) -> tuple[Conversion, list[dict[str, Any]]]:
    chance = random.Random(seed)
    loaded = Rules([], [], [])
    while len(loaded.rules) < rules:
        made = document(chance, product)
        try:
            loaded.rules.append(rule(made))
        except (SigmaError, RefusedError):
            continue
    return convert_rules(loaded), [event(chance, product) for _ in range(events)]


def differences(
    done: Conversion, one: list[match.Hit], two: list[match.Hit], events: list[dict[str, Any]]
) -> list[Any]:
    rules = {item.rule.id: item for item in done.converted}
    return [
        (rules[hit.rule].rule.file, rules[hit.rule].body, hit in one, events[hit.event])
        for hit in sorted(set(one) ^ set(two))
    ][:3]


def short(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without the values that no index holds: there meaning and query do part."""
    return [item for item in events if "b" * 10_923 not in str(item)]


@pytest.mark.parametrize("seed", [1, 1000, 1003])
@pytest.mark.parametrize("product", list(FIELDS))
def test_the_query_finds_what_the_rule_means(product: str, seed: int) -> None:
    done, events = fuzzed(seed, product, 200, 40)
    events = short(events)
    assert len(done.converted) > 160
    one = list(match.by_meaning(done.converted, events))
    two = list(match.by_query(done.converted, events))
    assert differences(done, one, two, events) == []
    assert len({hit.rule for hit in one}) > 70, "most rules should find something"


@pytest.mark.opensearch
@pytest.mark.parametrize(("seed", "product"), [(2, "windows"), (3, "other")])
def test_a_server_finds_what_the_query_says(opensearch: str, seed: int, product: str) -> None:
    done, events = fuzzed(seed, product, 300, 60)
    two = list(match.by_query(done.converted, events))
    three = list(match.by_server(opensearch, done.converted, events, []))
    assert differences(done, three, two, events) == []
