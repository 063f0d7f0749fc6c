"""Reading and evaluating Terraform's language: `python tests/bench/terraform_expressions.py DIR`.

Prints lines a second of the parser, beside tree-sitter (which gives a tree and no values) and
python-hcl2 where they are installed, and the cost of some expressions.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.engine.errors import Text
from assay.engine.terraform import hcl
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.values import Value, string

COUNT = 5_000
EXPRESSIONS = [
    '"x"',
    "var.name",
    '"prefix-${var.name}-suffix"',
    'var.name == "a" ? "b" : "c"',
    "merge({ a = 1, b = var.name }, { c = true })",
    "[for k, v in { a = 1, b = 2, c = 3 } : upper(k) if v > 1]",
    'jsonencode({ Statement = [{ Effect = "Allow", Action = ["s3:*"], Resource = "*" }] })',
    'cidrsubnet("10.0.0.0/16", 8, 3)',
    'toset(["b", "a", var.name])',
]


class Scope:
    files = None

    def lookup(self, node: Any) -> tuple[Value, int]:
        return string("a"), len(node.steps)


def timed(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def parsers(texts: list[Text]) -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {
        "assay": lambda: [hcl.parse(text) for text in texts],
    }
    try:
        import tree_sitter
        import tree_sitter_hcl
    except ImportError:
        pass
    else:
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))

        def visit() -> None:
            for text in texts:
                cursor = parser.parse(text.text.encode()).walk()
                while True:
                    if cursor.goto_first_child() or cursor.goto_next_sibling():
                        continue
                    while cursor.goto_parent():
                        if cursor.goto_next_sibling():
                            break
                    else:
                        break

        found["tree-sitter, every node visited"] = visit
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", default="fixtures")
    options.add_argument("--hcl2", action="store_true", help="python-hcl2 too, which is slow")
    words = options.parse_args()
    texts = [Text(str(p), p.read_text(errors="replace")) for p in Path(words.folder).rglob("*.tf")]
    lines = sum(text.text.count("\n") for text in texts)
    runs = parsers(texts)
    if words.hcl2:
        import hcl2

        runs["python-hcl2"] = lambda: [hcl2.loads(text.text) for text in texts]
    print(f"{len(texts)} files, {lines} lines")
    for name, run in runs.items():
        seconds = timed(run)
        print(f"{name:34} {seconds:8.3f} s {lines / seconds:12.0f} lines/s")
    scope = Scope()
    for text in EXPRESSIONS:
        node = hcl.parse_expression(Text("bench", text))
        seconds = timed(lambda node=node: [evaluate(node, scope) for _ in range(COUNT)])
        print(f"{seconds / COUNT * 1e6:8.2f} µs  {text}")


if __name__ == "__main__":
    sys.exit(main())
