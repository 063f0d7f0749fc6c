"""Writes expressions: every function, operator and form of the language on values of every kind.

Seeded, so that the same number gives the same expressions everywhere. Most are well typed; some
are not, since an error must be an error on both sides.
"""

from __future__ import annotations

import random
from collections.abc import Callable

UNKNOWN = "terraform_data.u.id"
SECRET = "var.secret"
WORDS = ["a", "b", "", "abc", "x y", "10.0.0.0/16", "true", "7", "é", "2020-01-02T03:04:05Z", "a,b"]
NUMBERS = ["0", "1", "2", "7", "-3", "1.5", "0.1", "100", "1e3", "12345678901234567890"]
CIDRS = ["10.0.0.0/8", "10.1.2.0/24", "192.168.7.9/20", "fd00::/48", "0.0.0.0/0"]
TIMES = ["2020-01-02T03:04:05Z", "1999-12-31T23:59:59+02:00", "2024-02-29T12:00:00.25-07:00"]


class Writer:
    """Writes expressions of a wanted kind, to a depth."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self) -> str:
        """Any expression."""
        kinds = ("text", "number", "bool", "list", "map", "any")
        return self.of(self.random.choice(kinds), self.random.randint(1, 3))

    def of(self, kind: str, depth: int) -> str:
        if self.random.random() < 0.03:
            kind = self.random.choice(("text", "number", "bool", "list", "map"))
        if self.random.random() < 0.03:
            return "null"
        if kind == "any":
            kind = self.random.choice(("text", "number", "bool", "list", "map"))
        if depth <= 0:
            return self.leaf(kind)
        if self.random.random() < 0.25:
            return self.form(kind, depth - 1)
        rows = CALLS[kind]
        template = self.random.choice(rows)
        return self.fill(template, depth - 1)

    def fill(self, template: str, depth: int) -> str:
        """The template with a letter in angle brackets for each argument."""
        found = ""
        rest = template
        while "<" in rest:
            before, _, after = rest.partition("<")
            code, _, rest = after.partition(">")
            found += before + self.argument(code, depth)
        return found + rest

    def argument(self, code: str, depth: int) -> str:
        pick = self.random.choice
        plain: dict[str, Callable[[], str]] = {
            "cidr": lambda: f'"{pick(CIDRS)}"',
            "time": lambda: f'"{pick(TIMES)}"',
            "small": lambda: str(self.random.randint(-1, 9)),
            "pattern": lambda: pick(['"[a-z]+"', '"(a)(b)?"', '"(?P<n>[0-9]+)"', '"^x"', '"b*"']),
            "format": lambda: pick(['"%s-%v"', '"%v:%s"', '"%s %%"', '"%5s|%q"', '"%[2]v%[1]v"']),
            "numeric": lambda: pick(['"%d"', '"%05.1f"', '"%e"', '"%g"', '"%x"', '"%+d"', '"%v"']),
            "date": lambda: pick(['"YYYY-MM-DD"', '"EEE h:mm:ssAA ZZZZ"', "\"D MMM 'at' HH Z\""]),
            "duration": lambda: pick(['"1h"', '"-90m"', '"1.5s"', '"10ms"', '"36h5m"']),
            "charset": lambda: pick(['"UTF-8"', '"UTF-16LE"', '"ISO-8859-1"', '"windows-1252"']),
            "op": lambda: pick(["+", "-", "*", "/", "%"]),
            "cmp": lambda: pick(["<", "<=", ">", ">="]),
        }
        if code in plain:
            return plain[code]()
        return self.of(code, depth)

    def leaf(self, kind: str) -> str:
        pick = self.random.choice
        chance = self.random.random()
        if chance < 0.06:
            return UNKNOWN
        if chance < 0.1:
            return SECRET
        if kind == "text":
            return f'"{pick(WORDS)}"'
        if kind == "number":
            return pick(NUMBERS)
        if kind == "bool":
            return pick(["true", "false"])
        size = self.random.randint(0, 3)
        inner = [self.leaf(pick(("text", "text", "number", "bool"))) for _ in range(size)]
        if kind == "list":
            return f"[{', '.join(inner)}]"
        names = self.random.sample(["a", "b", '"c d"', "e"], size)
        return "{" + ", ".join(f"{n} = {v}" for n, v in zip(names, inner, strict=True)) + "}"

    def form(self, kind: str, depth: int) -> str:
        """A form of the language that can give any kind."""
        forms = [
            lambda: f"({self.of('bool', depth)} ? {self.of(kind, depth)} : {self.of(kind, depth)})",
            lambda: f"try({{a = {self.of('any', depth)}}}.b, {self.of(kind, depth)})",
            lambda: f"coalesce({self.of(kind, depth)}, {self.of(kind, depth)})",
            lambda: f"[{self.of(kind, depth)}, 1][0]",
            lambda: f"{{k = {self.of(kind, depth)}}}.k",
            lambda: f"element([{self.of(kind, depth)}], 3)",
            lambda: f"one([{self.of(kind, depth)}])",
            lambda: f'lookup({{k = {self.of(kind, depth)}}}, "k", 1)',
            lambda: f"[for v in [{self.of(kind, depth)}] : v][0]",
            lambda: f"tolist([{self.of(kind, depth)}, {self.of(kind, depth)}])[0]",
            lambda: f"nonsensitive({self.of(kind, depth)})",
        ]
        return self.random.choice(forms)()


CALLS: dict[str, list[str]] = {
    "text": [
        "upper(<text>)", "lower(<text>)", "title(<text>)", "strrev(<text>)", "chomp(<text>)",
        "trimspace(<text>)", "trim(<text>, <text>)", "trimprefix(<text>, <text>)",
        "trimsuffix(<text>, <text>)", "replace(<text>, <text>, <text>)",
        'replace(<text>, "/[ab]/", "<$0>")'.replace("<$0>", "[$0]"),
        "substr(<text>, <small>, <small>)", "indent(2, <text>)", "join(<text>, <list>)",
        "join(\",\", <list>, <list>)", "format(<format>, <any>, <any>)",
        "format(<numeric>, <number>)", "jsonencode(<any>)", "yamlencode(<any>)",
        "base64encode(<text>)", "base64decode(base64encode(<text>))", "urlencode(<text>)",
        "textencodebase64(<text>, <charset>)", "md5(<text>)", "sha1(<text>)", "sha256(<text>)",
        "sha512(<text>)", "base64sha256(<text>)", "base64sha512(<text>)",
        'uuidv5("url", <text>)', "tostring(<number>)", "tostring(<any>)",
        "cidrhost(<cidr>, <small>)", "cidrnetmask(<cidr>)", "cidrsubnet(<cidr>, 4, <small>)",
        "formatdate(<date>, <time>)", "timeadd(<time>, <duration>)", "basename(<text>)",
        "dirname(<text>)", "regex(<pattern>, <text>)", '"x-${<any>}"', '"${<text>}${<number>}"',
        '"%{ if <bool> }<yes>%{ else }no%{ endif }"'.replace("<yes>", "yes"),
        '"%{ for v in <list> ~} ${v} %{~ endfor }"', "provider::terraform::encode_expr(<any>)",
        "sensitive(<text>)", "bcrypt(<text>)", "uuid()", "timestamp()",
        "textdecodebase64(base64encode(<text>), <charset>)", "ephemeralasnull(<text>)",
        "pathexpand(\"a/b\")", "abspath(\"/a/../b\")",
    ],
    "number": [
        "<number> <op> <number>", "-<number>", "abs(<number>)", "ceil(<number>)",
        "floor(<number>)", "max(<number>, <number>)", "min(<number>, <number>)",
        "max(<list>...)", "log(<number>, 2)", "pow(<number>, 2)", "signum(<number>)",
        'parseint(<text>, 16)', "length(<any>)", "length(<list>)", "length(<map>)",
        "length(<text>)", "sum(<list>)", "index(<list>, <any>)", "tonumber(<text>)",
        "timecmp(<time>, <time>)", "length(setunion(<list>, <list>))", "length(toset(<list>))",
    ],
    "bool": [
        "<number> <cmp> <number>", "<any> == <any>", "<text> == <text>", "<any> != <any>",
        "!<bool>", "<bool> && <bool>", "<bool> || <bool>", "contains(<list>, <any>)",
        "startswith(<text>, <text>)", "endswith(<text>, <text>)", "strcontains(<text>, <text>)",
        "alltrue([<bool>, <bool>])", "anytrue([<bool>, <bool>])", "can({a = <any>}.b)",
        "can(<any>)",
        "tobool(<any>)", "issensitive(<any>)", "<list> == <list>", "<map> == <map>",
        "<any> == null", 'fileexists("none")',
    ],
    "list": [
        "[<any>, <any>]", "concat(<list>, <list>)", "flatten([<list>, <list>])",
        "distinct(<list>)", "compact(<list>)", "chunklist(<list>, 2)", "reverse(<list>)",
        "sort(<list>)", "slice(<list>, 0, 1)", "split(<text>, <text>)", "keys(<map>)",
        "values(<map>)", "range(<small>)", "range(<small>, <small>)", "tolist(<list>)",
        "toset(<list>)", "setunion(<list>, <list>)", "setintersection(<list>, <list>)",
        "setsubtract(<list>, <list>)", "setproduct(<list>, <list>)",
        "matchkeys(<list>, <list>, <list>)", "coalescelist(<list>, <list>)",
        "formatlist(\"%s-%v\", <list>, <any>)", "regexall(<pattern>, <text>)",
        "cidrsubnets(<cidr>, 4, 8)", "[for v in <list> : v]", "[for k, v in <map> : k]",
        "[for v in <list> : upper(v) if v != <any>]", "[for i, v in <list> : i]",
        "<list>[*]", "[<map>, <map>][*].a", "tolist(<any>)", "jsondecode(jsonencode(<list>))",
        "[for v in toset(<list>) : v]", 'csvdecode("a,b\\n1,2\\n")', 'fileset(".", "*.none")',
    ],
    "map": [
        "{a = <any>, b = <any>}", "merge(<map>, <map>)", "merge(<map>, null, {z = 1})",
        "tomap(<map>)", "zipmap(<list>, <list>)", "transpose({a = <list>, b = <list>})",
        "{for k, v in <map> : k => v}", "{for v in <list> : v => 1...}",
        "{for v in <list> : v => v}", "{for k, v in <map> : upper(k) => v if v != null}",
        "{(<text>) = <any>}", "yamldecode(yamlencode(<map>))", "jsondecode(jsonencode(<map>))",
        'provider::terraform::decode_tfvars("a = 1")', "tomap({a = <any>, b = <any>})",
    ],
}  # fmt: skip


def write(count: int, seed: int = 1) -> list[str]:
    """That many different expressions."""
    writer = Writer(seed)
    found: dict[str, None] = {}
    for rows in CALLS.values():
        for row in rows:
            found[writer.fill(row, 0)] = None
    while len(found) < count:
        found[writer.one()] = None
    return list(found)[:count]
