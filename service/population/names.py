"""Names of people who do not exist (`names.toml`)."""

import tomllib
from functools import cache
from importlib.resources import files
from random import Random

from service.clinical.results import Sex


@cache
def _parts() -> dict[str, list[str]]:
    return tomllib.loads(files("service.population").joinpath("names.toml").read_text(encoding="utf-8"))


def name_of(sex: Sex, chance: Random) -> tuple[str, str]:
    """A given name and a family name."""
    parts = _parts()
    family = chance.choice(parts["beginnings"]) + chance.choice(parts["endings"])
    return chance.choice(parts[sex.value]), family
