"""A regular expression that Lucene would refuse as too large, as a machine that a script runs.

Lucene makes an expression deterministic before it looks at any value, and `ping.{6,64}echo` has
tens of thousands of states then. The machine here keeps to the expression's own states, a few
hundred, and follows all that are possible at once: linear in the value for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.engine.siem.automaton import Graph
from assay.engine.siem.regex import Chars, Node, Repeat, Seq, UnsupportedError
from assay.engine.siem.text import fold
from assay.engine.siem.tree import ANY, Parts

MAX_NUMBERS = 12_000  # in the parameters: some 60 kB
SHORT = 2  # characters; a shorter run tells little
TELLING = 3  # characters that one of them must have, or the script would run on too many values

Machine = dict[str, Any]


def machine(tree: Node) -> Machine:
    """The parameters of scripts.REGEXP for a resolved tree. Raises UnsupportedError.

    edges  by state: low, high, target, and so on for each range of code points
    also   by state: what it reaches without reading
    first  the states at the beginning; last: those of which one must be held at the end
    """
    graph = Graph()
    start = graph.state()
    end = graph.add(tree, start)
    also = [_reached(graph, state) for state in range(len(graph.edges))]
    edges = [[number for edge in sorted(one) for number in edge] for one in graph.edges]
    if sum(map(len, edges)) + sum(map(len, also)) > MAX_NUMBERS:
        raise UnsupportedError("it is too large for Lucene, and for a script too")
    last = [state for state, more in enumerate(also) if state == end or end in more]
    return {"edges": edges, "also": also, "first": [start, *also[start]], "last": last}


def _reached(graph: Graph, state: int) -> list[int]:
    seen: set[int] = set()
    pending = [state]
    while pending:
        for to in graph.jumps[pending.pop()]:
            if to not in seen:
                seen.add(to)
                pending.append(to)
    return sorted(seen - {state})


def runs(made: Mapping[str, Any], value: str) -> bool:
    """Whether the machine takes the whole value: what scripts.REGEXP says."""
    edges, also = made["edges"], made["also"]
    now = set(made["first"])
    for char in value:
        code = ord(char)
        reached: set[int] = set()
        for state in now:
            own = edges[state]
            for at in range(0, len(own), 3):
                if own[at] <= code <= own[at + 1]:
                    reached.add(own[at + 2])
        now = reached.union(*(also[state] for state in reached))
        if not now:
            return False
    return not now.isdisjoint(made["last"])


def needles(tree: Node) -> Parts:
    """Texts in lower case that every match holds in this order; empty where none tells enough.

    A search for them spares the script nearly all values.
    """
    runs_: list[str] = [""]
    for part in _flat(tree):
        char = _one(part)
        if char:
            runs_[-1] += char
        elif runs_[-1]:
            runs_.append("")
    kept = [run for run in runs_ if len(run) >= SHORT]
    if max(map(len, runs_)) < TELLING:
        return ()
    parts: list[str | None] = [ANY]
    for run in kept:
        parts += [run, ANY]
    return tuple(parts) if kept else ()


def _flat(node: Node) -> list[Node]:
    if isinstance(node, Seq):
        return [inner for part in node.parts for inner in _flat(part)]
    if isinstance(node, Repeat) and node.least == node.most == 1:
        return _flat(node.part)
    return [node]


def _one(node: Node) -> str:
    """The lower-case character that the node always is; else nothing."""
    if not isinstance(node, Chars) or sum(high - low for low, high in node.ranges) > SHORT:
        return ""
    folded = {fold(chr(code)) for low, high in node.ranges for code in range(low, high + 1)}
    return folded.pop() if len(folded) == 1 else ""
