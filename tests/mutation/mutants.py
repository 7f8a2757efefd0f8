"""Where the code can be changed, and the code after one such change."""

import ast
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutation.operators import Node, Operator, operators

_ASSERTING = "strict=True"
"""Of `zip`: both are of one length."""


@dataclass(frozen=True)
class Place:
    """Where an operator applies: its how-manieth position in a file, and the statement's lines."""

    path: Path
    operator: Operator
    occurrence: int
    line: int
    statement: range


@dataclass(frozen=True)
class Mutant:
    """A file with one change, the line of it, and the lines of the statement around it."""

    path: Path
    line: int
    statement: range
    operator: str
    code: str

    @property
    def module(self) -> str:
        """The name under which the file is imported."""
        return ".".join(self.path.with_suffix("").parts)

    @property
    def change(self) -> str:
        """What was taken out and what was put in its place."""
        lines = unified_diff(
            self.path.read_text("utf-8").splitlines(), self.code.splitlines(), n=0, lineterm=""
        )
        return "\n".join(line for line in islice(lines, 3, None))


def sample(paths: Iterable[Path], size: int | None, seed: int) -> list[Mutant]:
    """Mutants chosen at random, from each file its share of the size; all of them where no size is given.

    The same seed and code give the same sample. Its size is about right: shares are rounded by chance. The
    order is random as well.
    """
    places = {path: list(_places(path)) for path in paths}
    total = sum(map(len, places.values()))
    share = 1.0 if size is None else min(1.0, size / total)
    chosen: list[Mutant] = []
    for path, those in places.items():
        chance = random.Random(f"{seed} {path}")
        chance.shuffle(those)
        chosen += islice(_mutants(those), int(len(those) * share + chance.random()))
    random.Random(seed).shuffle(chosen)
    return chosen


def _places(path: Path) -> Iterator[Place]:
    source = path.read_text("utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    statements = [_lines(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    for operator in operators():
        positions = (node for node in nodes for _ in operator.mutation_positions(node))
        for occurrence, node in enumerate(positions):
            if not _out_of_scope(node):
                line = node.start_pos[0]
                alone = range(line, line + 1)  # an `except`, which is no statement
                around = max((s for s in statements if line in s), key=lambda s: s.start, default=alone)
                yield Place(path, operator, occurrence, line, around)


def _lines(statement: ast.stmt) -> range:
    """The lines of a statement with its decorators, without those of the statements inside it."""
    start = min((statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))))
    body: list[ast.stmt] | None = getattr(statement, "body", None)
    end = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(start, max(end, statement.lineno) + 1)


def _out_of_scope(node: Node) -> bool:
    """Whether nothing a user could notice depends on the node: a type, the size of a cache, an assertion.

    An assertion tells reader and type checker what cannot be otherwise; so does `strict=True`.
    """
    if node.type == "decorator":
        return "cache" in node.get_code()
    if node.type == "if_stmt" and node.children[1].get_code().strip() == "TYPE_CHECKING":
        return True
    if node.type == "arglist" and node.children[-1].get_code().strip() == _ASSERTING:
        return True
    return any(_for_readers(child, parent) for child, parent in _ancestry(node)) or _alias(node)


def _ancestry(node: Node) -> Iterator[tuple[Node, Node]]:
    while node.parent is not None:
        yield node, node.parent
        node = node.parent


def _for_readers(child: Node, parent: Node) -> bool:
    return (
        parent.type in ("assert_stmt", "decorator", "tfpdef")
        or (parent.type == "parameters" and child.type == "operator")
        or (parent.type == "argument" and parent.get_code().strip() == _ASSERTING)
        or child.type == "assert_stmt"
        or (parent.type == "annassign" and child is parent.children[1])
        or (parent.type == "param" and child is parent.annotation)
        or (parent.type == "funcdef" and child is parent.annotation)
    )


def _alias(node: Node) -> bool:
    """Whether the node is the `|` of a type that is given a name."""
    return (
        node.type == "operator"
        and node.value == "|"
        and not any(p.type == "funcdef" for _, p in _ancestry(node))
    )


def _mutants(places: Sequence[Place]) -> Iterator[Mutant]:
    """The mutants that compile and differ from the file and from each other."""
    seen: set[str] = set()
    for place in places:
        source = place.path.read_text("utf-8")
        seen.add(ast.dump(ast.parse(source)))
        code = mutate_code(source, place.operator, place.occurrence)
        try:
            meaning = ast.dump(ast.parse(code))
            compile(code, str(place.path), "exec")
        except SyntaxError:
            continue
        if meaning not in seen:
            seen.add(meaning)
            yield Mutant(place.path, place.line, place.statement, type(place.operator).__name__, code)
