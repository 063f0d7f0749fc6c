"""Compiled expressions: what a check holds, and how one is made from text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.engine.cel.bounds import StepsError, begin
from assay.engine.cel.generated import Code, function, load
from assay.engine.cel.shortcuts import FAILURES
from assay.engine.cel.values import CelError
from assay.engine.errors import InputError, Problem, Text, problem

if TYPE_CHECKING:
    from assay.engine.cel.checker import Fault

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

    __slots__ = (
        "_code",
        "_kept",
        "_partial",
        "environment",
        "fast",
        "kube_version",
        "reads",
        "text",
    )

    def __init__(
        self,
        text: Text,
        environment: Environment,
        reads: tuple[tuple[str, ...], ...],
        kube_version: tuple[int, int],
        code: Code | None,
        partial: Callable[..., Any] | None = None,
        kept: Any = None,
    ) -> None:
        self.text = text
        self.environment = environment
        self.reads = reads
        self.kube_version = kube_version
        self._code = code
        self._kept = kept
        self._partial = partial

    def __getattr__(self, name: str) -> Any:
        # The slot is empty until the short way is asked for: most of a catalogue never is.
        if name != "fast":
            raise AttributeError(name)
        if self._kept is not None:
            self._code, self._kept = load(self._kept), None
        code = self._code
        self.fast: Callable[..., Any] = (
            self.partial if code is None else function(code, self.environment.extensions)
        )
        return self.fast

    @property
    def names(self) -> frozenset[str]:
        """The variables that it reads."""
        return frozenset(path[0] for path in self.reads)

    @property
    def tree(self) -> Any:
        """The tree of the text."""
        return _parse(self.text)

    @property
    def cost(self) -> int:
        """What it may cost an API server at most, over values of usual size (see cost.py)."""
        from assay.engine.cel.cost import estimate

        return estimate(self.tree)

    @property
    def partial(self) -> Callable[..., Any]:
        """The long way, made when it is first asked for."""
        if self._partial is None:
            from assay.engine.cel.precise import Compiler

            compiler = Compiler(self.environment.extensions, self.environment.variables)
            self._partial = _partial(compiler.compile(self.tree), self.environment.variables)
        return self._partial

    def __reduce__(self) -> tuple[Any, ...]:
        kept = self._kept
        if kept is None and self._code is not None:
            kept = self._code.dump()
        reads = (self.text, self.environment, self.reads, self.kube_version)
        return Program, (*reads, None, None, kept)


def _partial(run: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    def partial(*args: Any) -> Any:
        begin()
        return run(dict(zip(names, args, strict=True)))

    return partial


def compile_expression(text: Text, environment: Environment) -> Program:
    """The program of an expression. Raises InputError with every problem in it."""
    try:
        return _compiled(text, environment)
    except RecursionError:
        raise InputError(problem("cel-syntax", "nested too deeply", text, 0)) from None


def _compiled(text: Text, environment: Environment) -> Program:
    from assay.engine.cel.checker import check
    from assay.engine.cel.codegen import generate
    from assay.engine.cel.reads import reads

    tree = _parse(text)
    names = environment.variables
    checked = check(
        tree, environment.types, tuple(environment.extensions.values()), environment.kube_version
    )
    faults = _faults(text, tree, environment, checked.faults) if checked.faults else []
    version = checked.kube_version
    wanted = environment.kube_version
    if wanted is not None and version > wanted:
        needs = ".".join(map(str, version))
        faults.append(problem("cel-version", f"needs Kubernetes {needs}", text, 0, len(text.text)))
    if faults:
        raise InputError(faults)
    code = generate(tree, names, environment.extensions)
    return Program(text, environment, reads(tree, names), version, code)


def _faults(
    text: Text, tree: Any, environment: Environment, checked: Sequence[Fault]
) -> list[Problem]:
    """What the checker found; names that are not there in the words of the compiler."""
    from assay.engine.cel.precise import Compiler

    compiler = Compiler(environment.extensions, environment.variables)
    compiler.compile(tree)
    found = [
        problem(each.code, each.message, text, each.start, each.end, each.help)
        for each in dict.fromkeys(compiler.faults)
        if each.code in NAMES
    ]
    # A name that is not there is said once, by the compiler, which knows what it is like.
    return found + [
        problem(each.code, each.message, text, each.start, each.end)
        for each in checked
        if not found or each.code != "cel-undeclared"
    ]


def _parse(text: Text) -> Any:
    from assay.engine.cel.lexer import SyntaxFaultError

    if len(text.text) > MAX_TEXT:
        raise InputError(problem("cel-syntax", "the expression is too long", text, 0))
    try:
        return _tree(text.text)
    except SyntaxFaultError as fault:
        start, end = fault.start, fault.end
        found = problem("cel-syntax", fault.message, text, start, end, fault.help)
        raise InputError(found) from None


@lru_cache(maxsize=64)
def _tree(text: str) -> Any:
    """The tree of a text: who rewrites a program asks for the same few many times."""
    from assay.engine.cel.parser import parse

    return parse(text)


def conjuncts(text: Text) -> list[tuple[int, int]]:
    """The offsets of the operands of the outermost `&&`; of the whole where there is none."""
    from assay.engine.cel import nodes

    try:
        tree = _parse(text)
    except (InputError, RecursionError):
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
    "StepsError",
    "begin",
    "compile_expression",
    "conjuncts",
    "describe",
]
