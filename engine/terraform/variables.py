"""Input variables: their declared types, defaults and the values that files and options give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.errors import Text, printable, usage
from assay.engine.files import File, read
from assay.engine.terraform import hcl, json_syntax
from assay.engine.terraform.context import Context
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.module import Module
from assay.engine.terraform.scanner import HclError
from assay.engine.terraform.scopes import ExpressionError, fail
from assay.engine.terraform.syntax import Block, Literal, Node
from assay.engine.terraform.type_syntax import Defaults, apply_defaults, type_constraint
from assay.engine.terraform.types import BOOL, DYNAMIC, NUMBER, STRING, Type
from assay.engine.terraform.values import (
    EPHEMERAL,
    SENSITIVE,
    Value,
    null,
    string,
    unknown,
)


class NoNames:
    """A scope in which nothing is declared: defaults and tfvars are constants."""

    files = None

    def lookup(self, node: Any) -> Any:
        """Always an error."""
        fail(node, "terraform-reference", "variables may not be used here")


CONSTANT = NoNames()


class Declaration(NamedTuple):
    """A `variable` block, read."""

    type: Type
    defaults: Defaults | None
    default: Node | None
    nullable: bool
    marks: frozenset[str]
    block: Block


def declaration(block: Block, json_file: bool) -> Declaration:
    """What a `variable` block says. Raises ExpressionError."""
    attributes = block.body.attributes
    type, defaults = DYNAMIC, None
    written = attributes.get("type")
    if written is not None:
        expression = written.expression
        if json_file or isinstance(expression, Literal):
            try:
                expression = json_syntax.as_expression(expression)
            except HclError as error:
                raise ExpressionError(error.found) from None
        type, defaults = type_constraint(expression)
    marks = set()
    if _flag(block, "sensitive"):
        marks.add(SENSITIVE)
    if _flag(block, "ephemeral"):
        marks.add(EPHEMERAL)
    default = attributes.get("default")
    return Declaration(
        type,
        defaults,
        default.expression if default is not None else None,
        _flag(block, "nullable", True),
        frozenset(marks),
        block,
    )


def _flag(block: Block, name: str, default: bool = False) -> bool:
    attribute = block.body.attributes.get(name)
    if attribute is None:
        return default
    value = evaluate(attribute.expression, CONSTANT)
    return value.v if isinstance(value.v, bool) else default


def value_of(declared: Declaration, given: Value | None, origin: str) -> Value:
    """The value a variable has. Raises ExpressionError; unknown where it has none at all."""
    node = declared.default
    if given is not None and given.v is None and not declared.nullable:
        given = None
    if given is None:
        if node is None:
            return unknown(declared.type, "variable", origin, identity=origin, marks=declared.marks)
        given = evaluate(node, CONSTANT)
    if given.v is None:
        return null(declared.type).marked(given.marks | declared.marks)
    try:
        converted = convert(apply_defaults(declared.defaults, given), declared.type)
    except ConversionError as error:
        where = node if node is not None else declared.block
        fail(where, "terraform-variable-type", f"the value of {origin} does not fit: {error}")
    return converted.marked(declared.marks)


def root_values(context: Context, module: Module) -> dict[str, Value]:
    """Variable values of a root, by Terraform's order of precedence.

    Environment, then terraform.tfvars, then *.auto.tfvars by name, then options in order.
    """
    values: dict[str, Value] = {}
    options = context.options
    for name in module.variables:
        text = options.process_environment.get(f"TF_VAR_{name}")
        if text is not None:
            values[name] = _from_text(text, module.variables[name], f"TF_VAR_{name}")
    for file in _tfvars(context):
        values.update(_file(context, file))
    for path in options.variable_files:
        named = Path(path)
        try:
            file = File(path, named, named.stat().st_size)
        except OSError as error:
            message = f"the file of variables cannot be read: {printable(str(error))}"
            raise usage(message, code="path-not-found") from None
        values.update(_file(context, file))
    for name, text in options.variables:
        if name not in module.variables:
            raise usage(f"no variable `{name}` in {context.folder}", code="terraform-no-variable")
        values[name] = _from_text(text, module.variables[name], f"--var {name}")
    return values


def _tfvars(context: Context) -> list[File]:
    files = {
        file.name.rpartition("/")[2]: file
        for file in context.library.tree.folders.get(context.folder, [])
    }
    auto = (".auto.tfvars", ".auto.tfvars.json")
    first = [name for name in ("terraform.tfvars", "terraform.tfvars.json") if name in files]
    return [files[name] for name in first + sorted(name for name in files if name.endswith(auto))]


def _file(context: Context, file: File) -> Mapping[str, Value]:
    values: dict[str, Value] = {}
    try:
        text = Text(file.name, read(file).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        from assay.engine.errors import Problem

        message = f"cannot be read: {error}"
        context.error(file.name, Problem("terraform-unreadable", message, file.name))
        return values
    json_file = file.name.endswith(".json")
    parsed = json_syntax.parse(text, tfvars=True) if json_file else hcl.parse(text)
    for problem in parsed.problems:
        context.error(file.name, problem)
    for name, attribute in parsed.body.attributes.items():
        try:
            values[name] = evaluate(attribute.expression, CONSTANT)
        except ExpressionError as error:
            context.error(file.name, error.problems[0])
    return values


def _from_text(text: str, block: Block, name: str) -> Value:
    """A value given as text: itself for text, numbers and bools, HCL for everything else."""
    declared = declaration(block, block.text.file.endswith(".json"))
    untyped = declared.type is DYNAMIC and "type" not in block.body.attributes
    if untyped or declared.type in (STRING, NUMBER, BOOL):
        return string(text)
    try:
        return evaluate(hcl.parse_expression(Text(name, text)), CONSTANT)
    except (HclError, ExpressionError) as error:
        found = error.found if isinstance(error, HclError) else error.problems[0]
        raise usage(f"{name}: {found.message}", code="terraform-variable") from None
