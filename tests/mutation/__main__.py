"""`make mutation`: change the medicine a little, many times over, and see whether the tests notice."""

import argparse
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.mutation.mutants import Mutant, sample
from tests.mutation.relevance import TestFile, measure, relevant
from tests.mutation.trying import survives

_PROGRAM = ("service/clinical/**/*.py", "service/alerts/**/*.py")
# The catalogues are read by what decodes as well.
_TESTS = ("tests/clinical/**/test_*.py", "tests/alerts/**/test_*.py", "tests/fhir/test_decode_*.py")


def main() -> None:
    """Choose mutants, try each, and print the score by module and those that survived."""
    arguments = _arguments()
    os.environ["CI"] = "true"  # the same examples each time
    program = _files(_PROGRAM)
    mutants = sample(arguments.files or program, arguments.size, arguments.seed)
    print(f"{len(mutants)} mutants, seed {arguments.seed}; measuring which tests run which lines", flush=True)
    tests = [measure(path, program) for path in _files(_TESTS)]
    tried, survivors = _try(mutants, tests)
    _report(tried, survivors)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "--size",
        type=lambda text: None if text == "all" else int(text),
        default=500,
        help="how many mutants, or `all`",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, another sample")
    parser.add_argument("files", nargs="*", type=Path, help="change these files only")
    return parser.parse_args()


def _files(patterns: Sequence[str]) -> list[Path]:
    return sorted(path for pattern in patterns for path in Path().glob(pattern))


def _try(mutants: Sequence[Mutant], tests: Sequence[TestFile]) -> tuple[list[Mutant], list[Mutant]]:
    """Those tried, and of them those that survived; Ctrl-C ends it early, with a smaller sample."""
    tried: list[Mutant] = []
    survivors: list[Mutant] = []
    begun = time.monotonic()
    with suppress(KeyboardInterrupt):
        for mutant in mutants:
            files = relevant(mutant, tests)
            patience = 10 + sum(file.seconds for file in files)  # under coverage they took longer than now
            if survives(mutant, [file.path for file in files], patience):
                noticed = f"{len(files)} test files did not notice" if files else "no test runs it"
                print(
                    f"\n{mutant.path}:{mutant.line} {mutant.operator}: {noticed}\n{mutant.change}", flush=True
                )
                survivors.append(mutant)
            tried.append(mutant)
            if len(tried) % 50 == 0:
                print(f"\n{len(tried)} of {len(mutants)} in {time.monotonic() - begun:.0f} s", flush=True)
    return tried, survivors


def _report(mutants: Sequence[Mutant], survivors: Sequence[Mutant]) -> None:
    total, alive = (Counter(mutant.path for mutant in those) for those in (mutants, survivors))
    print()
    for path in sorted(total):
        print(f"{total[path] - alive[path]:4} of {total[path]:4} killed  {path}")
    killed = len(mutants) - len(survivors)
    print(f"{killed:4} of {len(mutants):4} killed: {killed / max(len(mutants), 1):.1%}")


if __name__ == "__main__":
    main()
