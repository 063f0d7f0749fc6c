"""What a configuration demands of itself: validations, preconditions, arguments of modules.

Source: the Terraform language, "Custom Conditions" and "Module Blocks". A condition that is not
known yet is no fault; Terraform asks it again when it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from assay.engine.errors import problem
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.scopes import ExpressionError, Scope
from assay.engine.terraform.syntax import Attribute, Block, Literal
from assay.engine.terraform.types import BOOL

if TYPE_CHECKING:
    from assay.engine.terraform.instance import Instance
    from assay.engine.terraform.module import Module

META = frozenset({"source", "version", "count", "for_each", "providers", "depends_on"})


def validate(instance: Instance) -> None:
    """Report the variables and outputs of a module whose conditions are false."""
    for name, variable in instance.module.variables.items():
        wanted = [each for each in variable.body.blocks if each.type == "validation"]
        what = f"the value of `var.{name}` does not meet its validation"
        demand(instance, wanted, instance.scope, what, _inside(instance, f"var.{name}"))
    for name, output in instance.module.outputs.items():
        wanted = [each for each in output.body.blocks if each.type == "precondition"]
        what = f"a precondition of `output.{name}` is false"
        demand(instance, wanted, instance.scope, what, _inside(instance, f"output.{name}"))


def preconditions(instance: Instance, block: Block, scope: Scope, address: str) -> None:
    """Report the preconditions of one instance of a resource that are false."""
    for lifecycle in block.body.blocks:
        if lifecycle.type == "lifecycle":
            wanted = [each for each in lifecycle.body.blocks if each.type == "precondition"]
            demand(
                instance, wanted, scope, f"a precondition of `{block.labels[1]}` is false", address
            )


def demand(
    instance: Instance, blocks: Iterable[Block], scope: Scope, what: str, subject: str
) -> None:
    """Report each of the blocks whose `condition` is known to be false, or cannot be asked."""
    for block in blocks:
        condition = block.body.attributes.get("condition")
        if condition is None:
            continue
        try:
            value = evaluate(condition.expression, scope)
            held = convert(value, BOOL) if value.known else value
        except ExpressionError as error:
            instance.context.error(subject, error.problems[0])
            continue
        except ConversionError as error:
            message = f"a condition must be true or false: {error}"
            _report(instance, condition, subject, message, "")
            continue
        if held.v is False:
            _report(instance, condition, subject, what, _text(block))


def arguments(instance: Instance, call: Block, called: Module, address: str) -> None:
    """Report what a call gives that the module does not take, and what it leaves out."""
    if called.broken:
        return  # a variable may be in what was lost
    for name, argument in call.body.attributes.items():
        if name not in META and name not in called.variables:
            message = f"the module takes no argument `{name}`"
            _report(instance, argument, address, message, "declare a variable, or drop it")
    for name, variable in called.variables.items():
        if "default" not in variable.body.attributes and name not in call.body.attributes:
            message = f"the module needs the argument `{name}`"
            _report(instance, call, address, message, "")


def _report(
    instance: Instance, node: Block | Attribute, subject: str, message: str, help: str
) -> None:
    start = node.start
    end = start + len(node.type) if isinstance(node, Block) else node.end
    code = "terraform-argument" if "argument" in message else "terraform-condition"
    instance.context.error(subject, problem(code, message, node.text, start, end, help))


def _text(block: Block) -> str:
    """The block's own words, where they are constant: others may hold values."""
    written = block.body.attributes.get("error_message")
    expression = written.expression if written is not None else None
    value = expression.value.v if isinstance(expression, Literal) else None
    return value if isinstance(value, str) else ""


def _inside(instance: Instance, name: str) -> str:
    return f"{instance.address}.{name}" if instance.address else name
