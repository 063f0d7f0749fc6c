"""HCL files → syntax.Parsed. A syntax error loses its top-level block and nothing else."""

from __future__ import annotations

import re

from assay.engine.errors import Problem, Text, problem
from assay.engine.terraform import hcl_expressions, hcl_templates
from assay.engine.terraform.scanner import BREAKS, SPACES, HclError, Scanner
from assay.engine.terraform.syntax import Attribute, Block, Body, Node, Parsed

_MAX_PROBLEMS = 50
# Where reading goes on after an error: behind a brace, or at a block, in the first column.
_RESUME = re.compile(
    r'^(?:(?P<close>\}[^\n]*(?:\n|\Z))|(?=[a-z_]+(?:[ \t]+"[^"\n]*")*[ \t]*\{))', re.MULTILINE
)
_HEADER = re.compile(r'([A-Za-z_][\w-]*)((?:[ \t]+(?:"[^"\n]*"|[\w-]+))*)[ \t]*\{')


def parse(text: Text) -> Parsed:
    """The file as nodes. Never raises: what cannot be read is in `problems` and `broken`."""
    scan = Scanner(text)
    body = Body(text, 0, len(text.text))
    problems: list[Problem] = []
    broken: list[str] = []
    scan.match = SPACES
    _advance(scan)
    while scan.kind != "e":
        start = scan.start
        try:
            _statement(scan, body)
            scan.match = SPACES
            if scan.kind == "\n":
                _advance(scan)
        except HclError as caught:
            found = caught.found
        except RecursionError:
            found = problem("terraform-syntax", "nested too deep", text, start)
        else:
            continue
        problems.append(found)
        header = _HEADER.match(text.text, start)
        if header:
            broken.append(".".join([header[1], *header[2].replace('"', "").split()]))
        if len(problems) >= _MAX_PROBLEMS:
            break
        _resume(scan, start)
    return Parsed(text, body, problems, broken)


def parse_expression(text: Text) -> Node:
    """The whole text as one expression. Raises scanner.HclError."""
    scan = Scanner(text)
    scan.match = SPACES
    scan.advance()
    node = hcl_expressions.expression(scan)
    if scan.kind != "e":
        scan.expected("the end of the expression")
    return node


def parse_template(text: Text) -> Node:
    """The whole text as a template. Raises scanner.HclError."""
    scan = Scanner(text)
    scan.end = 0
    scan.match = SPACES
    return hcl_templates.whole(scan, hcl_expressions.expression)


def _advance(scan: Scanner) -> None:
    scan.advance()


def _resume(scan: Scanner, start: int) -> None:
    """Set the scanner to where a statement may begin again after the broken one."""
    source = scan.source
    line_end = source.find("\n", start)
    scan.depth = 0
    scan.match = SPACES
    at = len(source) if line_end < 0 else line_end + 1
    found = _RESUME.search(source, at)
    scan.jump(found.end() if found else len(source))


def _statement(scan: Scanner, body: Body) -> None:
    """One attribute or block of a body; afterwards the scanner stands at what ends it."""
    if scan.kind != "i":
        scan.expected("an argument or a block")
    start, name = scan.start, scan.value
    scan.match = BREAKS
    scan.advance()
    if scan.kind == "=":
        scan.advance()
        expression = hcl_expressions.expression(scan)
        if scan.kind not in ("\n", "e", "}"):
            scan.expected("the end of the line after the argument")
        before = body.attributes.get(name)
        if before:
            scan.fail(
                f"`{name}` is set a second time",
                start,
                start + len(name),
                f"it is set in line {scan.text.position(before.start)[0]} already",
            )
        body.attributes[name] = Attribute(scan.text, start, expression.end, name, expression)
        return
    labels: list[str] = []
    while scan.kind != "{":
        if scan.kind == "i" or scan.kind == "q":
            labels.append(scan.value)
        elif scan.kind == '"':
            scan.fail("the label of a block must be plain text")
        else:
            scan.expected("`=` of an argument, or a label or `{` of a block")
        scan.advance()
    inner = Body(scan.text, scan.start, scan.end)
    scan.deeper()
    scan.match = SPACES
    scan.advance()
    while scan.kind != "}":
        if scan.kind == "e":
            scan.fail(f"the `{{` of `{name}` is not closed", inner.start, inner.start + 1)
        _statement(scan, inner)
        scan.match = SPACES
        if scan.kind == "\n":
            scan.advance()
        elif scan.kind != "}":
            scan.expected("the end of the line")
    scan.depth -= 1
    inner.end = scan.end
    block = Block(scan.text, start, scan.end, name, tuple(labels), inner)
    scan.match = BREAKS
    scan.advance()
    if scan.kind not in ("\n", "e", "}"):
        scan.expected("the end of the line after the block")
    body.blocks.append(block)
