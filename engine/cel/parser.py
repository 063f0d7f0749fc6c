"""Tokens → tree. Macros are expanded here, since they bind names."""

from __future__ import annotations

from typing import Any

from assay.engine.cel import nodes
from assay.engine.cel.lexer import RESERVED, SyntaxFaultError, Token, tokens

MAX_DEPTH = 60
# Macro → how many arguments it may have, variables included. cel-go knows existsOne only with two
# variables; exists_one with one or two.
MACROS = {
    "all": (2, 3),
    "exists": (2, 3),
    "exists_one": (2, 3),
    "existsOne": (3,),
    "map": (2, 3),
    "filter": (2,),
    "transformList": (3, 4),
    "transformMap": (3, 4),
    "transformMapEntry": (3, 4),
    "sortBy": (2,),
    "optMap": (2,),
    "optFlatMap": (2,),
}
SORTED = (nodes.ListNode, nodes.Select, nodes.Ident, nodes.Fold, nodes.Call)
NO_FIELDS = ("in", "true", "false", "null")
# How tightly an operator of two binds; && and || stand above all of them.
LEVELS = {
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 1),
    **dict.fromkeys(("+", "-"), 2),
    **dict.fromkeys(("*", "/", "%"), 3),
}


def parse(text: str) -> Any:
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        # What each token is as an operator, "" for none: asked far more often than the token.
        self.ops = [
            token.value
            if token.kind == "op" or (token.kind == "name" and token.value == "in")
            else ""
            for token in self.tokens
        ]
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def is_op(self, word: str) -> bool:
        return bool(self.ops[self.at] == word)

    def take(self, word: str) -> Token:
        token = self.token
        if not self.is_op(word):
            raise self.unexpected(f"`{word}`")
        self.at += 1
        return token

    def accept(self, word: str) -> bool:
        if self.ops[self.at] == word:
            self.at += 1
            return True
        return False

    def unexpected(self, wanted: str) -> SyntaxFaultError:
        token = self.token
        found = "the end" if token.kind == "end" else f"`{token.value}`"
        return SyntaxFaultError(
            f"expected {wanted}, not {found}", token.start, max(token.end, token.start + 1)
        )

    def whole(self) -> Any:
        node = self.expression()
        if self.token.kind != "end":
            raise self.unexpected("the end of the expression")
        return node

    def expression(self) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SyntaxFaultError("nested too deeply", self.token.start, self.token.end)
        node = self.either()
        if self.ops[self.at] == "?":
            self.at += 1
            yes = self.either()
            self.take(":")
            no = self.expression()
            node = nodes.Call(node.start, no.end, "?:", None, (node, yes, no), node.start)
        self.depth -= 1
        return node

    def either(self) -> Any:
        """Operands of ||, all in one node."""
        first = self.both()
        if self.ops[self.at] != "||":
            return first
        parts = [first]
        while self.accept("||"):
            parts.append(self.both())
        return nodes.Call(first.start, parts[-1].end, "||", None, tuple(parts), first.start)

    def both(self) -> Any:
        """Operands of &&, all in one node."""
        first = self.binary(1)
        if self.ops[self.at] != "&&":
            return first
        parts = [first]
        while self.accept("&&"):
            parts.append(self.binary(1))
        return nodes.Call(first.start, parts[-1].end, "&&", None, tuple(parts), first.start)

    def binary(self, level: int) -> Any:
        """Operators of two that bind at least as tightly as `level`, from the left."""
        node = self.unary()
        while True:
            word = self.ops[self.at]
            found = LEVELS.get(word, 0)
            if not found or found < level:
                return node
            at = self.tokens[self.at].start
            self.at += 1
            right = self.binary(found + 1)
            node = nodes.Call(node.start, right.end, word, None, (node, right), at)

    def unary(self) -> Any:
        if self.ops[self.at] in ("!", "-"):
            token = self.token
            count = 0
            while self.is_op(token.value):
                self.at += 1
                count += 1
            inner = self.token
            if token.value == "-" and inner.kind in ("int", "float") and count % 2:
                self.at += 1
                value = -inner.value
                if inner.kind == "int" and value < -(2**63):
                    raise SyntaxFaultError(
                        "the number does not fit 64 bits", token.start, inner.end
                    )
                literal = nodes.Literal(token.start, inner.end, value)
                return self.members(literal)
            operand = self.members(self.primary())
            if count % 2 == 0:
                return operand
            name = "!" if token.value == "!" else "neg"
            return nodes.Call(token.start, operand.end, name, None, (operand,), token.start)
        return self.members(self.primary())

    def members(self, node: Any) -> Any:
        while True:
            op = self.ops[self.at]
            if op != "." and op != "[":
                return node
            self.at += 1
            if op == ".":
                optional = self.accept("?")
                name = self.token
                plain = name.kind == "name" and name.value not in NO_FIELDS
                if not plain and name.kind != "quoted":
                    raise self.unexpected("a field name")
                self.at += 1
                if self.is_op("(") and not optional and name.kind == "name":
                    node = self.call(node, name)
                else:
                    node = nodes.Select(node.start, name.end, node, name.value, False, optional)
            else:
                optional = self.accept("?")
                key = self.expression()
                end = self.take("]").end
                node = nodes.Index(node.start, end, node, key, optional)

    def arguments(self) -> tuple[tuple[Any, ...], int]:
        self.take("(")
        args: list[Any] = []
        while not self.is_op(")"):
            args.append(self.expression())
            if not self.accept(","):
                break
        return tuple(args), self.take(")").end

    def call(self, receiver: Any, name: Token) -> Any:
        args, end = self.arguments()
        if receiver is not None and name.value in MACROS:
            fold = self.fold(receiver, name, args, end)
            if fold is not None:
                return fold
        start = name.start if receiver is None else receiver.start
        return nodes.Call(start, end, name.value, receiver, args, name.start)

    def fold(self, range: Any, name: Token, args: tuple[Any, ...], end: int) -> Any:
        macro = "exists_one" if name.value == "existsOne" else name.value
        if len(args) not in MACROS[name.value]:
            raise SyntaxFaultError(
                f"`{name.value}` does not take {len(args)} arguments", name.start, end
            )
        two = macro.startswith("transform") or (len(args) == 3 and macro != "map")
        names = args[: 2 if two else 1]
        for each in names:
            if not isinstance(each, nodes.Ident):
                raise SyntaxFaultError("a variable must be a simple name", each.start, each.end)
        bound = tuple(each.name for each in names)
        if len(set(bound)) != len(bound):
            raise SyntaxFaultError("both variables have one name", names[1].start, names[1].end)
        if macro == "sortBy" and not isinstance(range, SORTED):
            raise SyntaxFaultError("`sortBy` is for lists", range.start, end)
        return nodes.Fold(range.start, end, macro, range, bound, args[len(names) :])

    def primary(self) -> Any:
        token = self.token
        if token.kind in ("int", "uint", "float", "string", "bytes"):
            self.at += 1
            value = token.value
            if token.kind == "int" and value > 2**63 - 1:
                raise SyntaxFaultError("the number does not fit 64 bits", token.start, token.end)
            if token.kind == "uint":
                if value > 2**64 - 1:
                    raise SyntaxFaultError(
                        "the number does not fit 64 bits", token.start, token.end
                    )
                from assay.engine.cel.values import UInt

                value = UInt(value)
            return nodes.Literal(token.start, token.end, value)
        if token.kind == "name":
            return self.name(token)
        if self.accept("("):
            node = self.expression()
            # The span takes the parentheses in, so that an operand can be cut out of the text.
            return node._replace(start=token.start, end=self.take(")").end)
        if self.is_op("["):
            return self.list(token)
        if self.is_op("{"):
            return self.map(token)
        if self.is_op("."):
            self.at += 1
            if self.token.kind != "name":
                raise self.unexpected("a name")
            return self.name(self.token)
        raise self.unexpected("an expression")

    def name(self, token: Token) -> Any:
        word = token.value
        self.at += 1
        if word in ("true", "false", "null"):
            value = {"true": True, "false": False, "null": None}[word]
            return nodes.Literal(token.start, token.end, value)
        if word in RESERVED or word == "in":
            raise SyntaxFaultError(f"`{word}` is reserved", token.start, token.end)
        if not self.is_op("("):
            return nodes.Ident(token.start, token.end, word)
        if word == "has":
            args, end = self.arguments()
            if len(args) != 1 or not isinstance(args[0], nodes.Select):
                raise SyntaxFaultError("has() takes one field selection", token.start, end)
            return args[0]._replace(start=token.start, end=end, test=True)
        return self.call(None, token)

    def list(self, token: Token) -> Any:
        self.take("[")
        items: list[Any] = []
        optional: set[int] = set()
        while not self.is_op("]"):
            if self.accept("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self.accept(","):
                break
        end = self.take("]").end
        return nodes.ListNode(token.start, end, tuple(items), frozenset(optional))

    def map(self, token: Token) -> Any:
        self.take("{")
        entries: list[tuple[Any, Any, bool]] = []
        while not self.is_op("}"):
            optional = self.accept("?")
            key = self.expression()
            self.take(":")
            entries.append((key, self.expression(), optional))
            if not self.accept(","):
                break
        end = self.take("}").end
        return nodes.MapNode(token.start, end, tuple(entries))
