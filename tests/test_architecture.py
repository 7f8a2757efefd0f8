"""What the layers' contracts in .importlinter cannot say."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import service

PACKAGE = Path(service.__file__).parent
PURE = ("clinical", "alerts")
MAY_KNOW = ("service.clinical", "service.alerts", "service.errors")


def imported_by(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "relative imports are banned"
            if node.module == "service":
                yield from (f"service.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("package", PURE)
def test_the_medicine_imports_only_the_standard_library(package: str) -> None:
    modules = sorted((PACKAGE / package).rglob("*.py"))
    assert modules
    foreign = {
        f"{module.relative_to(PACKAGE)}: {name}"
        for module in modules
        for name in imported_by(module)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(MAY_KNOW)
    }
    assert foreign == set()


def test_only_the_fhir_package_knows_the_fhir_models() -> None:
    importers = {
        str(module.relative_to(PACKAGE))
        for module in sorted(PACKAGE.rglob("*.py"))
        if PACKAGE / "fhir" not in module.parents
        and any(name.split(".")[0] in ("fhir", "fhir_core") for name in imported_by(module))
    }
    assert importers == set()
