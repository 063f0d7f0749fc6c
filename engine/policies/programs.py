"""The expressions of a policy → programs, refused where an API server would refuse them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from assay.engine.cel import Environment, Program, compile_expression, cost
from assay.engine.cel.checker import check
from assay.engine.errors import AssayError, Problem, Text
from assay.engine.model import Path, Resource, path_text

NAMES = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
# Source: the AdmissionRequest that the API server gives to expressions.
REQUEST = frozenset(
    {
        *("kind", "resource", "subResource", "requestKind", "requestResource"),
        *("requestSubResource", "name", "namespace", "operation", "userInfo", "dryRun", "options"),
    }
)
# What nobody knows before the request is made.
UNKNOWN = frozenset({("request", "userInfo"), ("request", "options")})
MAX_MESSAGE = 5 * 1024


class BrokenError(Exception):
    """A policy that cannot be evaluated: `code` and what is wrong, at a path of its object."""

    def __init__(self, code: str, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.path = code, message, path


class Rule(NamedTuple):
    """One validation: what must hold, and what is said where it does not.

    `path` is the first field of the object that it reads, up to its first list.
    """

    program: Program
    message: str
    said: Program | None
    path: Path
    where: str  # the path as text


class Rules(NamedTuple):
    """The compiled expressions of a policy, in order.

    `open`: they read what nobody knows before the request is made. `heavy`: over values of usual
    size they might cost more than the API server's budget, so every object's own sizes count.
    `placed`: they read the Namespace.
    """

    conditions: tuple[Program, ...]
    variables: Mapping[str, Program]
    validations: tuple[Rule, ...]
    annotations: tuple[Program, ...]
    open: bool
    heavy: bool
    placed: bool


def compiled(owner: Resource, spec: Mapping[str, Any], where: Path, params: bool) -> Rules:
    """The rules in `spec`, which lies at `where` in its object. Raises BrokenError."""
    return _Compiler(owner, where, params).rules(spec)


class _Compiler:
    def __init__(self, owner: Resource, where: Path, params: bool) -> None:
        self.owner = owner
        self.where = where
        names = [name for name in NAMES if params or name != "params"]
        self.outside = Environment({name: None for name in names if name != "variables"})
        self.inside = Environment(dict.fromkeys(names))
        self.variables: dict[str, Program] = {}

    def rules(self, spec: Mapping[str, Any]) -> Rules:
        conditions = tuple(
            self.program(each.get("expression"), path, self.outside, "bool")
            for path, each in self.entries(spec, "matchConditions")
        )
        for path, each in self.entries(spec, "variables"):
            name = each.get("name")
            if not isinstance(name, str):
                raise BrokenError("policy-shape", "a variable has no name", path)
            self.variables[name] = self.program(each.get("expression"), path, self.inside, "")
        validations = tuple(
            self.rule(path, each) for path, each in self.entries(spec, "validations")
        )
        annotations = tuple(
            self.program(each.get("valueExpression"), path, self.inside, "", "valueExpression")
            for path, each in self.entries(spec, "auditAnnotations")
        )
        if not validations and not annotations:
            raise BrokenError("policy-shape", "it has neither validations nor auditAnnotations")
        every = [*conditions, *self.variables.values(), *annotations]
        for rule in validations:
            every += [rule.program, *([rule.said] if rule.said else [])]
        reads = {path[:2] for program in every for path in program.reads}
        costs = [program.cost for program in every]
        heavy = max(costs) > cost.PER_CALL or sum(costs) > cost.PER_BINDING
        opened = bool(reads & UNKNOWN)
        placed = any(path[0] == "namespaceObject" for path in reads)
        return Rules(conditions, self.variables, validations, annotations, opened, heavy, placed)

    def entries(self, spec: Mapping[str, Any], key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        listed = spec.get(key) or []
        for number, each in enumerate(listed if isinstance(listed, list) else [listed]):
            path = (*self.where, key, number)
            if not isinstance(each, dict):
                raise BrokenError("policy-shape", f"`{key}` must hold mappings", path)
            yield path, each

    def rule(self, path: Path, entry: dict[str, Any]) -> Rule:
        program = self.program(entry.get("expression"), path, self.inside, "bool")
        said = None
        if entry.get("messageExpression"):
            text = entry["messageExpression"]
            said = self.program(text, path, self.inside, "string", "messageExpression")
        message = str(entry.get("message") or "").strip()
        fallback = f"failed expression: {program.text.text.strip()}"
        read = next((each for each in self.reads(program) if each), ())
        path = read[: read.index("[]")] if "[]" in read else read
        return Rule(program, message or fallback, said, path, path_text(path))

    def reads(self, program: Program) -> Iterator[Path]:
        """The paths of the object that a program reads, through its variables."""
        for read in program.reads:
            if read[:2] == ("variables", "anyObject"):
                yield read[2:]
            elif read[0] == "object":
                yield read[1:]
            elif read[0] == "variables" and len(read) > 1 and read[1] in self.variables:
                yield from self.reads(self.variables[read[1]])

    def program(
        self, text: Any, path: Path, environment: Environment, type: str, key: str = "expression"
    ) -> Program:
        """The program of an expression that gives a type ("" for any)."""
        path = (*path, key)
        if not isinstance(text, str) or not text.strip():
            raise BrokenError("policy-shape", f"`{key}` is missing", path)
        source = Text(self.owner.place.file, text)
        try:
            program = compile_expression(source, environment)
        except AssayError as error:
            raise _refused(error.problems[0], text, path) from None
        self.known(program, path)
        self.typed(program, path, type)
        return program

    def known(self, program: Program, path: Path) -> None:
        """Names below `variables` and `request` that an API server would know."""
        for read in program.reads:
            if read[0] == "variables" and len(read) > 1 and read[1] not in self.variables:
                message = f"there is no variable `variables.{read[1]}`"
                raise BrokenError("cel-undeclared", message, path)
            if read[0] == "request" and len(read) > 1 and read[1] not in REQUEST:
                raise BrokenError("cel-undeclared", f"`request` has no field `{read[1]}`", path)

    def typed(self, program: Program, path: Path, wanted: str) -> None:
        """Refuse a result that is certainly of another type, as the API server does."""
        if not wanted:
            return
        found = check(program.tree, program.environment.types).type
        through = any(read[0] in ("variables", "request") for read in program.reads)
        if found == wanted or (found == "dyn" and through):
            return
        message = f"`{_short(program.text.text)}` must give a {wanted}, not a {found}"
        raise BrokenError("cel-type", message, path)


def _refused(problem: Problem, text: str, path: Path) -> BrokenError:
    if "authorizer" in text and problem.code in ("cel-undeclared", "cel-function", "cel-refused"):
        message = "it asks `authorizer`, and a scan has nobody to ask for rights"
        return BrokenError("policy-authorizer", message, path)
    return BrokenError(problem.code, f"`{_short(text)}` does not compile: {problem.message}", path)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
