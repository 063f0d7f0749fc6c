"""CEL in the Kubernetes dialect: text → checked programs over complete or partly unknown data."""

from assay.engine.cel.program import (
    FAILURES,
    Environment,
    Extension,
    Program,
    StepsError,
    begin,
    compile_expression,
    conjuncts,
    describe,
)

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
