"""What an expression may cost an API server, in the units of its budget.

Follows cel-go's cost tracker (interpreter/runtimecost.go) with Kubernetes' own costs of its library
functions (apiserver, pkg/cel/library/cost.go) and the optimisations that the API server turns on:
lists and maps of constants, and membership in them, cost nothing. The worst branch counts, and
sizes that the text does not tell are taken as `Sizes` says, for the real ones are the cluster's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, NamedTuple

from assay.engine.cel import nodes
from assay.engine.cel.functions import table
from assay.engine.cel.precise import qualified_name, static_kind
from assay.engine.cel.values import DOTTED_TYPES, TYPE_NAMES

PER_CALL = 1_000_000  # one expression, or one call of a Gatekeeper template
PER_BINDING = 10_000_000  # all expressions of a policy on one object
MATCH_CONDITIONS = 2_500_000
LIST, MAP = 10, 30  # making one
CEILING = 10**15  # beyond this there is nothing to compare

ITEMS = ("isSorted", "sum", "max", "min", "includes", "indexOf", "lastIndexOf")
TRAVERSED = {
    **dict.fromkeys(("url", "lowerAscii", "upperAscii", "substring", "trim"), 1),
    **dict.fromkeys(("quantity", "isQuantity", "semver", "isSemver"), 1),
    **dict.fromkeys(("ip", "cidr", "isIP", "isCIDR", "jsonpatch.escapeKey"), 1),
    **dict.fromkeys(("replace", "split", "ip.isCanonical"), 2),
}
FREE = frozenset({"orValue", "or"})
FOLDED = frozenset({"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp"})
FOLDED |= {
    "type",
    "uint",
}  # conversions, which the API server does once where they are of constants
SELF_COMPARED = frozenset({"sort", "distinct"})
# How long the pattern behind a named format counts; the rest are short names of hosts and labels.
FORMATS = {
    **dict.fromkeys(("dns1123Label", "dns1035Label"), 30),
    **dict.fromkeys(("dns1123LabelPrefix", "dns1035LabelPrefix"), 30),
    **dict.fromkeys(("dns1123Subdomain", "dns1123SubdomainPrefix", "qualifiedName"), 60),
    "labelValue": 40,
    "uri": 1103,
    "uuid": 72,
    "byte": 84,
    "date": 72,
    "datetime": 72,
}
ADDRESS = 16  # bytes of the longer sort


class Sizes(NamedTuple):
    """What is assumed of values that an expression reads: elements of lists and maps, characters.

    The defaults are generous for objects that people write; a cluster's largest may be larger.
    """

    items: int = 100
    characters: int = 256


def estimate(tree: Any, sizes: Sizes | None = None) -> int:
    """The highest cost of an expression over values of these sizes."""
    return min(Estimator(sizes or Sizes()).of(tree, {}), CEILING)


class Estimator:
    """Costs of nodes; a scope maps the variables of comprehensions to what is known of them."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes

    def of(self, node: Any, scope: dict[str, Any]) -> int:
        """The cost of a node with everything below it."""
        found: int = getattr(self, f"_{type(node).__name__.lower()}")(node, scope)
        return found

    # -- what the text does not tell -------------------------------------------------------------

    def characters(self, node: Any, scope: dict[str, Any]) -> int:
        """How long a text is, or what is traversed like one."""
        value = node.value if isinstance(node, nodes.Literal) else None
        if isinstance(value, (str, bytes)):
            return len(value)
        if isinstance(node, nodes.Literal) or _is_bool(node):
            return 1
        if isinstance(node, (nodes.ListNode, nodes.MapNode)):
            return len(node.items if isinstance(node, nodes.ListNode) else node.entries)
        return self.sizes.characters

    def items(self, node: Any, scope: dict[str, Any]) -> int:
        """How many elements a list or map has."""
        if isinstance(node, nodes.ListNode):
            return len(node.items)
        if isinstance(node, nodes.MapNode):
            return len(node.entries)
        if isinstance(node, nodes.Fold) and node.macro in ("map", "filter", "transformList"):
            return self.items(node.range, scope)
        return self.sizes.items

    def elements(self, node: nodes.Fold, scope: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
        """The scope of each round of a comprehension; None once for rounds that are alike."""
        yield {**scope, **dict.fromkeys(node.names)}

    def rounds(self, node: nodes.Fold, scope: dict[str, Any]) -> int:
        """How often a scope that `elements` gives is run through."""
        return self.items(node.range, scope)

    def branch(self, node: nodes.Call, scope: dict[str, Any]) -> int:
        """The cost of the branch of a condition that is taken."""
        return max(self.taken(part, scope) for part in node.args[1:])

    def taken(self, part: Any, scope: dict[str, Any]) -> int:
        """The cost of a branch: one that is a read becomes a part of the condition's own."""
        return self.of(part, scope) - _attribute(part)

    def result(self, node: nodes.Call, guess: int, scope: dict[str, Any]) -> int:
        """The size of what a call gives."""
        return guess

    def logic(self, node: nodes.Call, scope: dict[str, Any]) -> int:
        """The cost of the operands of && and || that are evaluated."""
        return sum(self.of(part, scope) for part in node.args)

    def holds(self, node: Any, scope: dict[str, Any]) -> bool | None:
        """Whether a condition is true; None where both must be reckoned with."""
        return None

    # -- nodes -----------------------------------------------------------------------------------

    def _literal(self, node: nodes.Literal, scope: dict[str, Any]) -> int:
        return 0

    def _ident(self, node: nodes.Ident, scope: dict[str, Any]) -> int:
        return int(node.name not in TYPE_NAMES)

    def _select(self, node: nodes.Select, scope: dict[str, Any]) -> int:
        if nodes.dotted(node) in DOTTED_TYPES:
            return 0
        if node.test:
            return self.of(node.operand, scope) + (not _attribute(node.operand))
        return self.of(node.operand, scope) + 1 + (not _attribute(node.operand))

    def _index(self, node: nodes.Index, scope: dict[str, Any]) -> int:
        inner = self.of(node.operand, scope) + self.of(node.key, scope)
        return inner + 1 + (not _attribute(node.operand))

    def _listnode(self, node: nodes.ListNode, scope: dict[str, Any]) -> int:
        if _constant(node):
            return 0
        return LIST + sum(self.of(item, scope) for item in node.items)

    def _mapnode(self, node: nodes.MapNode, scope: dict[str, Any]) -> int:
        if _constant(node):
            return 0
        parts = [part for key, value, _ in node.entries for part in (key, value)]
        return MAP + sum(self.of(part, scope) for part in parts)

    def _fold(self, node: nodes.Fold, scope: dict[str, Any]) -> int:
        spent = self.of(node.range, scope)
        if node.macro in ("optMap", "optFlatMap"):
            # Whether it is there, its value, and the optional of what comes out.
            asked = 3 if node.macro == "optMap" else 2
            return spent * 2 + asked + self.of(node.body[0], {**scope, node.names[0]: None})
        rounds = self.rounds(node, scope)
        for inner in self.elements(node, scope):
            spent += rounds * self._round(node, inner or scope)
        if node.macro == "sortBy":
            # The keys are compared with each other; three reads hold the loop together.
            return spent + 3 + LIST + 1 + int(2.1 * self.items(node.range, scope) ** 2)
        return spent + {"exists_one": 2}.get(node.macro, 1)

    def _round(self, node: nodes.Fold, scope: dict[str, Any]) -> int:
        """One step of the loop that a macro becomes: its condition, its body, its accumulator."""
        macro, body = node.macro, node.body
        if macro == "all":
            return 3 + self.of(body[0], scope)
        if macro == "exists":
            return 4 + self.of(body[0], scope)
        if macro == "exists_one":
            return self.of(body[0], scope) + (0 if self.holds(body[0], scope) is False else 2)
        added = 2 + LIST  # the accumulator, a list of one, and their sum
        if macro == "filter":
            taken = 0 if self.holds(body[0], scope) is False else added + 1
            return self.of(body[0], scope) + taken
        if macro == "transformMap":
            added = 3
        elif macro == "transformMapEntry":
            added = 2
        if len(body) < 2:
            return added + self.of(body[-1], scope)
        if self.holds(body[0], scope) is False:
            return self.of(body[0], scope)
        return self.of(body[0], scope) + added + self.of(body[-1], scope)

    # -- calls -----------------------------------------------------------------------------------

    def _call(self, node: nodes.Call, scope: dict[str, Any]) -> int:
        if node.receiver is None and node.name in ("&&", "||"):
            return self.logic(node, scope)
        if node.receiver is None and node.name == "?:":
            return self.of(node.args[0], scope) + self.branch(node, scope)
        if node.name in FOLDED and _constant(node):
            return 0
        full = qualified_name(node) or node.name
        method = node.receiver is not None and not ("." in full and (full, False) in table())
        parts = (node.receiver, *node.args) if method else node.args
        below = sum(self.of(part, scope) for part in parts)
        return below + self._own(node, full if not method else node.name, parts, scope)

    def _own(
        self, node: nodes.Call, name: str, parts: tuple[Any, ...], scope: dict[str, Any]
    ) -> int:
        """The cost of a call apart from that of its arguments."""
        known = _COSTS.get(name)
        if known is not None:
            return known(self, parts, scope)
        if name in FREE:
            return 0
        if name in TRAVERSED and parts:
            return _tenth(TRAVERSED[name] * self.characters(parts[0], scope))
        if name in SELF_COMPARED:
            return LIST + 1 + int(2.1 * self.items(parts[0], scope) ** 2)
        if name in ("slice", "reverse", "lists.range", "flatten"):
            return LIST + 1 + self._copied(node, parts, scope)
        if name == "join":
            guess = self.items(parts[0], scope) * 2 * self.sizes.characters
            return _tenth(2 * self.result(node, guess, scope))
        if name.startswith("sets."):
            twice = 2 if name == "sets.equivalent" else 1
            return 1 + twice * self.items(parts[0], scope) * self.items(parts[1], scope)
        if name in ITEMS and parts:
            if _is_text(parts[0]):
                return self.characters(parts[0], scope) // 10
            return max(self.items(parts[0], scope), self.characters(parts[0], scope) // 10)
        return 1

    def _texts(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        return _tenth(min(self.characters(part, scope) for part in parts))

    def _sum(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        if not any(_is_text(part) for part in parts):
            return 1
        return max(1, _tenth(sum(self.characters(part, scope) for part in parts)))

    def _member(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        whole = parts[1]
        if isinstance(whole, nodes.ListNode):
            return 0 if all(map(_plain, whole.items)) else self.items(whole, scope)
        if isinstance(whole, nodes.Fold) or (
            isinstance(whole, nodes.Call) and whole.name in ("split", "findAll")
        ):
            return self.items(whole, scope)
        return 1  # a map; or what only the run shows, for which nothing more is counted

    def _pattern(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        if len(parts) < 2:
            return 1
        text = _tenth(1 + self.characters(parts[0], scope))
        return text * ceil(self.characters(parts[1], scope) * 0.25)

    def _contains(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        return _tenth(self.characters(parts[0], scope)) * _tenth(self.characters(parts[1], scope))

    def _prefix(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        return _tenth(self.characters(parts[1], scope))

    def _copied(self, node: nodes.Call, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        """The elements that a function of lists writes anew."""
        if node.name == "flatten":
            depth = parts[1] if len(parts) > 1 else None
            times = depth.value if isinstance(depth, nodes.Literal) else 1
            return self.items(parts[0], scope) * int(times)
        guess = self.items(parts[0] if node.name != "range" else node, scope)
        return self.result(node, guess, scope)

    def _validate(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        text = _tenth(1 + self.characters(parts[-1], scope))
        receiver = parts[0]
        name = receiver.name if isinstance(receiver, nodes.Call) else ""
        return text * ceil(FORMATS.get(name, max(FORMATS.values())) * 0.25)

    def _within(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        return _tenth(2 * ADDRESS) + 3 + self._prefix(parts, scope)

    def _first(self, parts: tuple[Any, ...], scope: dict[str, Any]) -> int:
        return _tenth(self.characters(parts[0], scope))


_COSTS: dict[str, Callable[[Estimator, tuple[Any, ...], dict[str, Any]], int]] = {
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), Estimator._texts),
    "+": Estimator._sum,
    "in": Estimator._member,
    **dict.fromkeys(("matches", "find", "findAll"), Estimator._pattern),
    "contains": Estimator._contains,
    **dict.fromkeys(("startsWith", "endsWith"), Estimator._prefix),
    "validate": Estimator._validate,
    **dict.fromkeys(("containsIP", "containsCIDR"), Estimator._within),
    **dict.fromkeys(("format", "bytes"), Estimator._first),
}


def _tenth(size: int) -> int:
    """What traversing so many characters costs."""
    return ceil(size * 0.1)


def _attribute(node: Any) -> bool:
    """Whether it is a read that selections simply extend, in one step with it."""
    while isinstance(node, (nodes.Select, nodes.Index)):
        if isinstance(node, nodes.Select) and node.test:
            return False
        node = node.operand
    if isinstance(node, nodes.Call) and node.name == "?:" and node.receiver is None:
        return True
    return isinstance(node, nodes.Ident)


def _constant(node: Any) -> bool:
    if isinstance(node, nodes.ListNode):
        return not node.optional and all(map(_constant, node.items))
    if isinstance(node, nodes.MapNode):
        return all(
            _constant(key) and _constant(value) and not optional
            for key, value, optional in node.entries
        )
    if isinstance(node, nodes.Ident):
        return node.name in TYPE_NAMES
    if isinstance(node, nodes.Call):
        return node.name in FOLDED and node.receiver is None and all(map(_constant, node.args))
    return isinstance(node, nodes.Literal)


def _plain(node: Any) -> bool:
    """Whether it may stand in a list that becomes a set of constants."""
    if isinstance(node, nodes.Call):
        return node.name == "dyn" and _plain(node.args[0])
    return isinstance(node, nodes.Literal) and node.value is not None


def _is_text(node: Any) -> bool:
    return static_kind(node) in ("string", "bytes")


def _is_bool(node: Any) -> bool:
    return static_kind(node) in ("bool", "int", "uint", "double", "null_type")
