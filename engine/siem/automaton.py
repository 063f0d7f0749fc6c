"""How much work a regular expression makes for Lucene, which turns it into an automaton.

Lucene refuses an expression at every search, once its work is above a limit: such a rule would
never fire and nobody would know. So the same construction is tried here, on sets of states as bits.
"""

from __future__ import annotations

from bisect import bisect_left

from assay.engine.siem.regex import Alt, Chars, Node, Repeat, Seq, UnsupportedError

# Lucene's default limit (10,000) stands for ten times as many steps; our count of them is near
# Lucene's, not equal, so both bounds keep a distance.
DEFAULT_EFFORT = 5_000
MAX_DETERMINIZED = 1_000_000
MAX_EFFORT = 2_500_000
MAX_SETS = 12_000  # of many more a node with 512 MB died
MAX_STATES = 20_000
FREE_OPEN = 4  # one at either end, and two
FREE_COUNTS = 12  # two to the power of this many sets are no burden


class TooLargeError(UnsupportedError):
    """Lucene would refuse it, though it has nothing that Lucene does not know."""


Step = tuple[int, list[tuple[int, int]]]


class Graph:
    """A nondeterministic automaton: edges by state, and jumps that read nothing."""

    def __init__(self) -> None:
        self.edges: list[list[tuple[int, int, int]]] = []
        self.jumps: list[list[int]] = []

    def state(self) -> int:
        if len(self.edges) >= MAX_STATES:
            raise UnsupportedError(f"it is larger than {MAX_STATES} states")
        self.edges.append([])
        self.jumps.append([])
        return len(self.edges) - 1

    def add(self, node: Node, start: int) -> int:
        """The node from a state on; gives the state in which it ends."""
        if isinstance(node, Chars):
            end = self.state()
            self.edges[start] += [(low, high, end) for low, high in node.ranges]
            return end
        if isinstance(node, Seq):
            for part in node.parts:
                start = self.add(part, start)
            return start
        if isinstance(node, Alt):
            ends = [self.add(branch, start) for branch in node.branches]
            end = self.state()
            for branch_end in ends:
                self.jumps[branch_end].append(end)
            return end
        if isinstance(node, Repeat):
            return self._repeat(node, start)
        raise UnsupportedError("an anchor stands inside the expression")

    def _repeat(self, node: Repeat, start: int) -> int:
        for _ in range(node.least):
            start = self.add(node.part, start)
        if node.most is None:
            loop = self.state()
            self.jumps[start].append(loop)
            self.jumps[self.add(node.part, loop)].append(loop)
            return loop
        exits = [start]
        for _ in range(node.most - node.least):
            start = self.add(node.part, start)
            exits.append(start)
        end = self.state()
        for state in exits:
            self.jumps[state].append(end)
        return end


def risky(tree: Node) -> bool:
    """Whether repetitions of whole classes are enough to make an automaton large."""
    return _counted(tree) > FREE_COUNTS or _open(tree) > FREE_OPEN


def _open(node: Node) -> int:
    """How many repetitions without an upper bound there are."""
    if isinstance(node, Seq):
        return sum(map(_open, node.parts))
    if isinstance(node, Alt):
        return sum(map(_open, node.branches))
    if isinstance(node, Repeat):
        return (node.most is None) + _open(node.part)
    return 0


def _counted(node: Node) -> int:
    """How many places stand in counted repetitions of anything but single characters."""
    if isinstance(node, Seq):
        return sum(map(_counted, node.parts))
    if isinstance(node, Alt):
        return sum(map(_counted, node.branches))
    if isinstance(node, Repeat):
        times = node.least if node.most is None else node.most
        if isinstance(node.part, Chars):
            single = node.part.ranges[0][0] == node.part.ranges[-1][1]
            return 0 if single or times < 2 else times
        return max(1, times) * _counted(node.part) + times
    return 0


def effort(tree: Node, sets: int = MAX_SETS) -> int:
    """The work of making a resolved tree deterministic, which has so many sets of states at most.

    Raises TooLargeError above a limit.
    """
    graph = Graph()
    start = graph.state()
    graph.add(tree, start)
    extras, first = _closures(graph, start)
    always, steps = _apart(_steps(graph))
    seen = {first}
    pending = [first]
    work = 0
    while pending:
        states = pending.pop()
        work += states.bit_count()
        if work > MAX_EFFORT or len(seen) > sets:
            raise TooLargeError(
                "Lucene would have to build too large an automaton: "
                "bound or remove a repetition of `.` or of a class"
            )
        common = _reached(states, always, extras)
        found = set()
        for touched, step, known in steps:
            own = states & touched
            reached = known.get(own)
            if reached is None:
                reached = known[own] = _reached(own, step, extras)
            found.add(reached | common)
        found.discard(0)
        found -= seen
        seen |= found
        pending.extend(found)
    return work


def _reached(states: int, step: Step, extras: list[tuple[int, int]]) -> int:
    """The states that a step leads to, with those that they reach without reading."""
    onward, others = step
    reached = (states & onward) << 1
    for sources, target in others:
        if states & sources:
            reached |= target
    if reached:
        for having, more in extras:
            if reached & having:
                reached |= more
    return reached


def _apart(steps: list[Step]) -> tuple[Step, list[tuple[int, Step, dict[int, int]]]]:
    """What all steps have in common, done once for a set of states; and what each has besides,
    with the states that it is for and a memory of what these reach.
    """
    common = steps[0][0] if steps else 0
    edges = {target: sources for sources, target in steps[0][1]} if steps else {}
    for onward, others in steps[1:]:
        common &= onward
        found = {target: sources for sources, target in others}
        edges = {to: both for to, held in edges.items() if (both := held & found.get(to, 0))}
    rest: list[tuple[int, Step, dict[int, int]]] = []
    for onward, others in steps:
        apart = [(kept, to) for sources, to in others if (kept := sources & ~edges.get(to, 0))]
        touched = onward & ~common
        for sources, _ in apart:
            touched |= sources
        rest.append((touched, (onward & ~common, apart), {0: 0}))
    return (common, [(sources, to) for to, sources in edges.items()]), rest


def _closures(graph: Graph, start: int) -> tuple[list[tuple[int, int]], int]:
    """What states reach without reading, as (these states, those reached); and the first set."""
    groups: dict[int, int] = {}
    first = 1 << start
    for state, jumps in enumerate(graph.jumps):
        if not jumps:
            continue
        reached: set[int] = set()
        pending = [state]
        while pending:
            for to in graph.jumps[pending.pop()]:
                if to not in reached:
                    reached.add(to)
                    pending.append(to)
        more = sum(1 << to for to in reached)
        groups[more] = groups.get(more, 0) | 1 << state
        if state == start:
            first |= more
    return [(having, more) for more, having in groups.items()], first


def _steps(graph: Graph) -> list[Step]:
    """For each sort of character: the states that go on to the next, and all other edges."""
    points = sorted(
        {point for edges in graph.edges for low, high, _ in edges for point in (low, high + 1)}
    )
    onward = [0] * len(points)
    others: list[dict[int, int]] = [{} for _ in points]
    for state, edges in enumerate(graph.edges):
        for low, high, to in edges:
            for slot in range(bisect_left(points, low), bisect_left(points, high + 1)):
                if to == state + 1:
                    onward[slot] |= 1 << state
                else:
                    others[slot][to] = others[slot].get(to, 0) | 1 << state
    unique = {
        (mask, tuple((sources, 1 << to) for to, sources in sorted(rest.items())))
        for mask, rest in zip(onward, others, strict=True)
        if mask or rest
    }
    return [(mask, list(rest)) for mask, rest in sorted(unique)]
