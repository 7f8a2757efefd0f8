"""Which test files run which line: each is run once under coverage, in a process of its own.

Whole files rather than single tests, because what is read once and kept (rulebook, catalogues) would count
for the first test alone.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage, CoverageData

from tests.mutation.mutants import Mutant
from tests.mutation.trying import in_child, passes

_PATIENCE = 600.0


class TestsFail(Exception):
    """The tests do not pass on the code as it is, so that nothing can be learned from mutants."""


@dataclass(frozen=True)
class TestFile:
    """A test file, how many seconds it takes, and the lines it runs of each file of the program."""

    __test__ = False
    path: Path
    seconds: float
    lines: dict[Path, frozenset[int]]

    def runs(self, mutant: Mutant) -> bool:
        """Whether the changed statement is among those it runs."""
        return not self.lines.get(mutant.path, frozenset()).isdisjoint(mutant.statement)


def relevant(mutant: Mutant, files: Iterable[TestFile]) -> list[TestFile]:
    """The test files that run the changed statement: first the one named after it, then the quickest."""
    mirror = f"test_{mutant.path.stem}"
    return sorted(
        (file for file in files if file.runs(mutant)),
        key=lambda file: (not file.path.stem.startswith(mirror), file.seconds),
    )


def measure(test_file: Path, program: Sequence[Path]) -> TestFile:
    """Run a test file under coverage of these files of the program.

    Raises:
        TestsFail: it does not pass.
    """
    with TemporaryDirectory() as room:
        data_file = str(Path(room) / "coverage")

        def measured() -> bool:
            coverage = Coverage(data_file=data_file, include=[str(path.resolve()) for path in program])
            with coverage.collect():
                passed = passes(test_file)
            coverage.save()
            return passed

        begun = time.monotonic()
        if not in_child(measured, _PATIENCE):
            raise TestsFail(f"{test_file} does not pass on the code as it is")
        seconds = time.monotonic() - begun
        data = CoverageData(data_file)
        data.read()
        lines = {path: frozenset(data.lines(str(path.resolve())) or ()) for path in program}
        return TestFile(test_file, seconds, lines)
