"""Running test files against a mutant, in a process of its own that has the libraries loaded already."""

import importlib.util
import os
import resource
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest
import sqlalchemy  # noqa: F401  the fixtures of the suite import it, and to load it takes a third of a second

from tests.mutation.mutants import Mutant

_MEMORY = 4 * 2**30
_EXAMPLES = 25
_ARGUMENTS = (
    *("-q", "-x", "--tb=no", "--timeout=0", "-p", "no:cacheprovider", "-m", "not slow and not bench"),
    # Hypothesis is loaded already, and pytest comes into the same process again for each file.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


def survives(mutant: Mutant, files: Sequence[Path], seconds: float) -> bool:
    """Whether every test of these files passes on the mutant, within so many seconds of processor time.

    The mutant is only ever in memory: the working tree stays as it is.
    """

    def tried() -> bool:
        sys.meta_path.insert(0, _FromMemory(mutant))
        return all(map(passes, files))

    return in_child(tried, seconds)


def in_child(work: Callable[[], bool], seconds: float) -> bool:
    """Whether this work comes out true, in a silent child process with so many seconds of processor time."""
    child = os.fork()
    if child == 0:
        failed = True
        try:
            _limit(seconds)
            failed = not work()
        finally:
            os._exit(failed)
    return os.waitpid(child, 0)[1] == 0


def passes(file: Path) -> bool:
    """Whether every test of the file passes; stops at the first failure."""
    return pytest.main([*_ARGUMENTS, str(file)], plugins=[_FewExamples()]) in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    )


def _limit(seconds: float) -> None:
    """Let endless loops end, endless lists too, and nothing be printed."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())


class _FewExamples:
    """Property tests try few examples, always the same, and look for no smaller one that fails too."""

    def pytest_configure(self) -> None:
        hypothesis.settings.register_profile(
            "mutation",
            derandomize=True,
            deadline=None,
            max_examples=_EXAMPLES,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        )
        hypothesis.settings.load_profile("mutation")


class _FromMemory(MetaPathFinder):
    """Lets the module of a mutant be imported from its code instead of from the file."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        file = str(self._mutant.path.resolve())
        return importlib.util.spec_from_file_location(
            fullname, file, loader=_Loader(fullname, file, self._mutant.code)
        )


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, code: str) -> None:
        super().__init__(fullname, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._code, self.path, "exec", dont_inherit=True)
