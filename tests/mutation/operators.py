"""What is changed in the code: a choice of Cosmic Ray's operators, and five of our own in the same form.

Cosmic Ray swaps every operator for every other. Most of those mutants die of a TypeError and say nothing
about the tests; chosen are those that a slip of the pen could make.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import parso
from cosmic_ray.plugins import get_operator

Node = Any
"""A node of parso's tree, which has no types."""

_COMPARISONS = (
    *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt"),  # the boundary
    *("Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),  # the opposite
)
_BINARY = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Div",
    "Div_Mul",
    "FloorDiv_Mul",
    "Mod_FloorDiv",
    "Pow_Mul",
    "BitOr_BitAnd",
    "BitAnd_BitOr",
)
_UNARY = ("USub_UAdd", "Delete_Not")
_OTHERS = (
    *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    *("NumberReplacer", "ExceptionReplacer", "RemoveDecorator"),
)


_OPPOSITE = {"in": " not in", "not in": " in"}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Operator(Protocol):
    """What Cosmic Ray asks of an operator."""

    def mutation_positions(self, node: Node) -> Iterator[object]:
        """One for each change that can be made to this node."""
        ...

    def mutate(self, node: Node, index: int) -> Node:
        """The node after the change of that index."""
        ...


class NegateFilter:
    """`for x in xs if good(x)` takes those that are not."""

    def mutation_positions(self, node: Node) -> Iterator[object]:
        """The condition of a comprehension."""
        if node.type == "comp_if":
            yield node.start_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The same with its condition negated."""
        node.children[1] = parso.parse(f" not ({node.children[1].get_code().strip()})")
        return node


class NegateMembership:
    """`in` becomes `not in`, and the other way round."""

    def mutation_positions(self, node: Node) -> Iterator[object]:
        """Each `in` of a comparison."""
        if node.type == "comparison":
            yield from (sign.start_pos for sign in self._signs(node))

    def mutate(self, node: Node, index: int) -> Node:
        """The comparison with one of them turned round."""
        sign = self._signs(node)[index]
        node.children[node.children.index(sign)] = parso.parse(_OPPOSITE[sign.get_code().strip()])
        return node

    def _signs(self, node: Node) -> Sequence[Node]:
        return [sign for sign in node.children[1::2] if sign.get_code().strip() in _OPPOSITE]


class ReturnNothing:
    """`return value` becomes `return None`; not where the value was nothing already."""

    def mutation_positions(self, node: Node) -> Iterator[object]:
        """A return statement that gives something."""
        if node.type == "return_stmt" and node.children[1].get_code().strip() not in ("None", "False", "()"):
            yield node.start_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The same, giving nothing."""
        node.children[1] = parso.parse(" None")
        return node


class SwapFunction:
    """`min` becomes `max`, `any` becomes `all`, and the other way round."""

    def mutation_positions(self, node: Node) -> Iterator[object]:
        """A name that is called."""
        called = node.type == "name" and (node.get_next_leaf() or node).value == "("
        if called and node.value in _SWAPPED and node.parent.type != "trailer":
            yield node.start_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The other function."""
        node.value = _SWAPPED[node.value]
        return node


class DropKeyword:
    """`sorted(xs, reverse=True)` loses its last argument, so that the default of the callee shows."""

    def mutation_positions(self, node: Node) -> Iterator[object]:
        """A call whose last argument is given by name."""
        if (
            node.type == "arglist"
            and node.children[-1].type == "argument"
            and node.children[-1].children[1] == "="
        ):
            yield node.children[-1].start_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The call without that argument."""
        del node.children[-2:]
        return node


def operators() -> tuple[Operator, ...]:
    """Every operator that is applied, in a fixed order."""
    names = (
        *(f"ReplaceComparisonOperator_{change}" for change in _COMPARISONS),
        *(f"ReplaceBinaryOperator_{change}" for change in _BINARY),
        *(f"ReplaceUnaryOperator_{change}" for change in _UNARY),
        *_OTHERS,
    )
    theirs = (get_operator(f"core/{name}")() for name in names)
    return (*theirs, NegateFilter(), NegateMembership(), ReturnNothing(), SwapFunction(), DropKeyword())
