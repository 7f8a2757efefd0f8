"""A made-up population: people who do not exist, with liver tests over years, the same for the same seed.

It is for demonstrations and measurements. Read in this order: `generate` (the door), `courses` (what can
happen to somebody, one clinical concept a file), `story` (what a course writes), `telling` (the story as FHIR
resources, measured by `laboratories` with their `variation`), `files`. Pure but for `files`.
"""

from service.population.files import line, write
from service.population.generate import History, history, population

__all__ = ["History", "history", "line", "population", "write"]
