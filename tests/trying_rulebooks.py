"""A site's rulebook to try from a shell, and two people of whom one is told apart by it."""

from pathlib import Path

from tests.commands import Run
from tests.liver_files import persistent, person, write_lines

SITE = """
version = "2026.1-clinic"
parent = "2026.1"
limits.policy = { value = "guideline", citation = "site", tag = "V" }
[citations]
site = "Clinic of Example, liver test committee."
"""


def site_rulebook(folder: Path) -> Path:
    """A file of it: the shipped one, with the guideline's limits."""
    file = folder / "clinic.toml"
    file.write_text(SITE, encoding="utf-8")
    return file


def load_two_people(run: Run, folder: Path) -> None:
    """A man who is elevated by any limit, and a woman who is so by the guideline's alone."""
    people = [person("p1", gender="male"), *persistent("p1"), person("p2"), *persistent("p2", value=38)]
    assert run("load", write_lines(folder / "people.ndjson", people), "--source", "clinic").code == 0
