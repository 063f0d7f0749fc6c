"""Compiled expressions: what a check holds, and how one is made from text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.cel import nodes
from assay.engine.cel.checker import check
from assay.engine.cel.codegen import function
from assay.engine.cel.lexer import SyntaxFault
from assay.engine.cel.parser import parse
from assay.engine.cel.precise import Compiler
from assay.engine.cel.reads import reads
from assay.engine.cel.shortcuts import FAILURES
from assay.engine.cel.values import CelError
from assay.engine.errors import InputError, Problem, Text, problem

MAX_TEXT = 64 * 1024  # characters
# Faults about names are the compiler's, which knows what they are like; types are the checker's.
NAMES = frozenset({"cel-undeclared", "cel-function", "cel-refused", "cel-arity"})


class Extension(NamedTuple):
    """A function beyond the dialect, such as `parse.json`.

    A lazy one is given unknowns and judges them itself; any other gives its first unknown back.
    """

    name: str
    parameters: tuple[str, ...]
    result: str
    function: Callable[..., Any]
    lazy: bool = False


class Environment:
    """The variables an expression may read, in the order in which programs take them."""

    def __init__(
        self,
        variables: Mapping[str, str | None],
        extensions: Sequence[Extension] = (),
        kube_version: tuple[int, int] | None = None,
    ) -> None:
        self.variables = tuple(variables)
        self.types = dict(variables)
        self.extensions = {extension.name: extension for extension in extensions}
        self.kube_version = kube_version


class Program:
    """A compiled expression.

    fast      the short way: right for complete data unless it raises one of FAILURES
    partial   the long way: CEL's answer to the letter, an Unknown, or a CelError
    reads     the paths it reads, variable first, `[]` for elements, in order of the text
    """

    __slots__ = ("fast", "kube_version", "names", "partial", "reads", "text", "tree")

    def __init__(self, text: Text, tree: Any, environment: Environment, compiler: Compiler) -> None:
        names = environment.variables
        run = compiler.compile(tree)

        def partial(*args: Any) -> Any:
            return run(dict(zip(names, args, strict=True)))

        self.text = text
        self.tree = tree
        self.partial: Callable[..., Any] = partial
        self.fast: Callable[..., Any] = function(tree, names, environment.extensions) or partial
        self.reads = reads(tree, names)
        self.names = frozenset(path[0] for path in self.reads)
        self.kube_version = compiler.since


def compile_expression(text: Text, environment: Environment) -> Program:
    """The program of an expression. Raises InputError with every problem in it."""
    tree = _parse(text)
    compiler = Compiler(environment.extensions, environment.variables)
    program = Program(text, tree, environment, compiler)
    faults = [
        problem(each.code, each.message, text, each.start, each.end, each.help)
        for each in dict.fromkeys(compiler.faults)
        if each.code in NAMES
    ]
    checked = check(
        tree, environment.types, tuple(environment.extensions.values()), environment.kube_version
    )
    # A name that is not there is said once, by the compiler, which knows what it is like.
    faults += [
        problem(each.code, each.message, text, each.start, each.end)
        for each in checked.faults
        if not faults or each.code != "cel-undeclared"
    ]
    program.kube_version = max(program.kube_version, checked.kube_version)
    wanted = environment.kube_version
    if wanted is not None and program.kube_version > wanted:
        needs = ".".join(map(str, program.kube_version))
        faults.append(problem("cel-version", f"needs Kubernetes {needs}", text, 0, len(text.text)))
    if faults:
        raise InputError(faults)
    return program


def _parse(text: Text) -> Any:
    if len(text.text) > MAX_TEXT:
        raise InputError(problem("cel-syntax", "the expression is too long", text, 0))
    try:
        return parse(text.text)
    except SyntaxFault as fault:
        start, end = fault.start, fault.end
        found = problem("cel-syntax", fault.message, text, start, end, fault.help)
        raise InputError(found) from None
    except RecursionError:
        raise InputError(problem("cel-syntax", "nested too deeply", text, 0)) from None


def conjuncts(text: Text) -> list[tuple[int, int]]:
    """The offsets of the operands of the outermost `&&`; of the whole where there is none."""
    try:
        tree = _parse(text)
    except InputError:
        return []
    if isinstance(tree, nodes.Call) and tree.name == "&&" and tree.receiver is None:
        return [(part.start, part.end) for part in tree.args]
    return [(tree.start, tree.end)]


def describe(program: Program, error: BaseException) -> Problem:
    """What went wrong in a program, at the part of its text that failed."""
    text = program.text
    if isinstance(error, CelError):
        start, end = error.at or (0, len(text.text))
        return problem("cel-evaluation", error.message, text, start, end)
    return problem("cel-evaluation", str(error), text, 0, len(text.text))


__all__ = [
    "FAILURES",
    "Environment",
    "Extension",
    "Program",
    "compile_expression",
    "conjuncts",
    "describe",
]
