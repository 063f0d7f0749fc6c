"""The public conformance suite of CEL (npm `@bufbuild/cel-spec`), case by case.

The suite is looked for in `cel-spec` of the tools folder; `npm install --prefix DIRECTORY
@bufbuild/cel-spec@0.6.1` puts it there. Left out, by suite and counted below: what needs protobuf
messages or enums, functions made up for the suite, and extensions that Kubernetes does not have.
Where Kubernetes' dialect says something else than the suite, a real API server was asked
(DIALECT); its refusal of literals of several types is CEL's own option and no difference.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.engine.cel import FAILURES, Environment, compile_expression
from assay.engine.cel.lexer import SyntaxFaultError
from assay.engine.cel.library.time import parse_duration, parse_timestamp
from assay.engine.cel.library.values import kind
from assay.engine.cel.parser import parse
from assay.engine.cel.precise import Compiler
from assay.engine.cel.values import CelError, CelType, UInt
from assay.engine.errors import InputError, Text

DUMP = """
import fs from "node:fs";
const base = "@bufbuild/cel-spec/testdata/";
const suites = {};
for (const name of ["conformance", "parsing", "comprehension", "checking"])
  suites[name] = (await import(base + name + ".js")).tests;
const text = (_, value) => typeof value === "bigint" ? value.toString()
  : typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
process.stdout.write(JSON.stringify(suites, text));
"""
# Suites of what the dialect does not have, or of messages alone.
FOREIGN = frozenset(
    {"math_ext", "block_ext", "bindings_ext", "encoders_ext", "proto2_ext"}
    | {"proto2", "proto3", "enums", "wrappers"}
)
MESSAGES = re.compile(
    r"TestAllTypes|GlobalEnum|google\.protobuf\.\w+\s*\{|\b\w*(?:Value|Struct|Any|Empty)\s*\{"
)
MADE_UP = re.compile(r"\b(?:fn|tuple|sort|set|vector)\(")
REFUSALS = frozenset({"cel-literal", "cel-constant", "cel-overload", "cel-type"})
# What Kubernetes' API server v1.37.2 says otherwise; it was asked about each.
DIALECT = frozenset(
    (
        # the last of two equal keys counts, and a key may be of any type
        r"""{null:false}[null]""",
        r"""{true:1,false:2,true:3}[true]""",
        # a scalar has no fields, which is no error where they are optional
        r"""{'null_key': dyn(null)}.?null_key.invalid.hasValue()""",
        r"""{true: dyn(0)}[?true].absent.hasValue()""",
        # a position beyond the end finds nothing
        r"""'tacocat'.indexOf('a', 30) == -1""",
        r"""'tacocat'.lastIndexOf('a', 30) == -1""",
        # format() is that of the second version of the library, for an English reader
        r""""%.6e".format([1052.032911275])""",
        r""""%e".format([2.71828])""",
        r""""%e".format([double("NaN")])""",
        r""""%e".format([double("Infinity")])""",
        r""""%e".format([double("-Infinity")])""",
        r""""%d".format([double("NaN")])""",
        r""""%d".format([double("Infinity")])""",
        r""""%d".format([double("-Infinity")])""",
        r""""%f".format([double("Infinity")])""",
        r""""%f".format([double("-Infinity")])""",
        '"%s".format([["abc", 3.14, null, [9, 8, 7, 6], timestamp("2023-02-03T23:31:20Z")]])',
        '"%s".format([{"key1": b"xyz", "key5": null, "key2": duration("2h"), "key4": true, '
        '"key3": 2.71828}])',
        r""""%s".format([{1: "value1", uint(2): "value2", true: double("NaN")}])""",
        r""""%e".format([dyn(2.71828)])""",
        r""""%s".format([[double("NaN"), double("Infinity"), double("-Infinity")]])""",
        r""""%s".format([dyn([6, 4.2, "a string"])])""",
        r""""%s".format([{"strKey":"x", 6:duration("422s"), true:42}])""",
        r"""str_var.format([1052.032911275])""",
    )
)
# How many cases of each suite agree: all that are not left out.
WANTED = {
    "basic": 43,
    "comparisons": 334,
    "conversions": 109,
    "fields": 53,
    "fp_math": 30,
    "integer_math": 64,
    "lists": 39,
    "logic": 30,
    "macros": 44,
    "macros2": 46,
    "optionals": 57,
    "parse": 193,
    "plumbing": 5,
    "string": 51,
    "string_ext": 186,
    "timestamps": 75,
    "type_deductions": 12,
}


class LeftOutError(Exception):
    """The case needs what Assay's language does not have."""


@pytest.fixture(scope="module")
def suites() -> dict[str, Any]:
    """The suites as JSON; skips where the package is missing."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("ASSAY_TOOLS") or Path(cache) / "assay-tools") / "cel-spec"
    if not (folder / "node_modules" / "@bufbuild" / "cel-spec").is_dir():
        pytest.skip("no @bufbuild/cel-spec in the tools folder: see the head of this file")
    command = ["node", "--input-type=module", "-e", DUMP]
    dumped = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(dumped.stdout)
    return found


def cases(suite: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(top suite, case) of a suite and all inside it."""
    for case in suite.get("tests", []):
        yield name, case
    for inner in suite.get("suites", []):
        yield from cases(inner, name or inner["name"])


def value_of(written: dict[str, Any]) -> Any:
    """A value of the suite as a value of CEL."""
    ((field, value),) = [pair for pair in written.items() if not pair[0].startswith("$")]
    if field in ("stringValue", "boolValue"):
        return value
    if field == "nullValue":
        return None
    if field == "listValue":
        return [value_of(inner) for inner in value.get("values", [])]
    if field == "mapValue":
        entries = value.get("entries", [])
        return {value_of(entry["key"]): value_of(entry["value"]) for entry in entries}
    if field == "objectValue":
        name = value.get("@type", "").rpartition("/")[2]
        if name == "google.protobuf.Duration":
            return parse_duration(value["value"])
        if name == "google.protobuf.Timestamp":
            return parse_timestamp(value["value"])
        raise LeftOutError(name)
    simple = {
        "int64Value": int,
        "uint64Value": lambda text: UInt(int(text)),
        "doubleValue": float,
        "bytesValue": base64.b64decode,
        "typeValue": CelType,
    }
    if field not in simple:
        raise LeftOutError(field)
    return simple[field](value)


def prepared(case: dict[str, Any]) -> tuple[dict[str, Any], list[str], Any]:
    """Bound values, all names, and the wanted value (FAILURES where an error is wanted)."""
    expression = case["expr"]
    described = json.dumps([case.get("bindings"), case.get("typeEnv"), case.get("container")])
    if MESSAGES.search(expression) or MADE_UP.search(expression) or "google" in described:
        raise LeftOutError("messages")
    values: dict[str, Any] = {}
    for name, bound in (case.get("bindings") or {}).items():
        if "value" not in bound or "." in name:
            raise LeftOutError("bindings")
        values[name] = value_of(bound["value"])
    names = [*values]
    for declared in case.get("typeEnv", []):
        if "ident" not in declared or "." in declared["name"]:
            raise LeftOutError("functions")
        names.append(declared["name"])
    if "evalError" in case:
        return values, names, FAILURES
    if "value" in case:
        return values, names, value_of(case["value"])
    typed = case.get("typedResult")
    if typed is not None and "result" not in typed:
        raise LeftOutError("types alone")
    return values, names, True if typed is None else value_of(typed["result"])


def outcome(case: dict[str, Any], values: dict[str, Any], names: list[str], wanted: Any) -> Any:
    """The value, or FAILURES. A literal of several types is evaluated although it is refused."""
    expression, names = case["expr"], list(dict.fromkeys(names))
    unchecked = bool(case.get("disableCheck"))
    try:
        program = compile_expression(Text("", expression), Environment(dict.fromkeys(names)))
        return program.partial(*[values.get(name) for name in names])
    except InputError as error:
        refusal = {each.code for each in error.problems} <= REFUSALS and wanted is not FAILURES
        if not (refusal or unchecked):
            return FAILURES
    except FAILURES:
        return FAILURES
    compiler = Compiler({}, tuple(names))
    try:
        found = compiler.compile(parse(expression))(dict(values))
    except (CelError, SyntaxFaultError):
        return FAILURES
    refused = bool(compiler.faults) and (found is None or wanted is FAILURES)
    return FAILURES if refused else found


def alike(one: Any, two: Any) -> bool:
    """Whether two results are the same, types included; NaN is itself here."""
    if one is FAILURES or two is FAILURES:
        return one is two
    if kind(one) != kind(two):
        return False
    if isinstance(one, float):
        return bool(one == two) or (math.isnan(one) and math.isnan(two))
    if isinstance(one, list):
        return len(one) == len(two) and all(map(alike, one, two))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(alike(one[key], two[key]) for key in one)
    return bool(one == two)


def test_every_case_of_the_dialect_agrees(suites: dict[str, Any]) -> None:
    passed: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    failed: list[str] = []
    for suite, entry in cases(suites["conformance"]):
        case = entry["original"]
        try:
            if suite in FOREIGN or case["expr"] in DIALECT:
                raise LeftOutError(suite)
            values, names, wanted = prepared(case)
        except LeftOutError:
            left_out[suite] += 1
            continue
        found = outcome(case, values, names, wanted)
        if alike(found, wanted):
            passed[suite] += 1
        else:
            failed.append(f"{suite}: {case['expr']} gives {found!r}, not {wanted!r}")
    print(f"passed {sum(passed.values())}, left out {dict(left_out)}")
    assert failed == []
    assert dict(passed) == WANTED


def test_what_parses_there_parses_here(suites: dict[str, Any]) -> None:
    wrong: dict[str, bool] = {}
    tried = 0
    for _, entry in cases(suites["parsing"]):
        expression = entry["original"]["expr"]
        # That suite is parsed without optionals and quoted names, and with a lower limit of depth;
        # existsOne with one variable is not in Kubernetes.
        if re.search(r"\.\?|\[\?|\{\?|`|\w\s*\{|__result__|existsOne", expression):
            continue
        if "recursion" in entry.get("error", ""):
            continue
        tried += 1
        try:
            parse(expression)
            parses = True
        except SyntaxFaultError:
            parses = False
        if parses != ("ast" in entry):
            wrong[expression] = parses
    assert wrong == {}
    assert tried == 146
