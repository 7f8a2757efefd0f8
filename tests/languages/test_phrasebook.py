"""The phrasebook says what it knows, part by part, and leaves what it does not know as it is."""

import re
import tomllib
from importlib.resources import files
from string import Formatter

import pytest

from service.languages.phrasebook import phrasebook


def test_english_is_said_as_it_is() -> None:
    text = "ALT 2 × ULN on 2025-01-02; AST 3 × ULN on 2025-01-02. Next."
    assert phrasebook("en").say(text) == text


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Total bilirubin", "总胆红素"),
        ("No ALP within 90 days.", "90 天内无 ALP。"),
        ("HBsAg: not in the record.", "HBsAg：病历中无记录。"),
        ("No GGT within 7 days. No HCV RNA in the record.", "7 天内无 GGT。病历中无 HCV RNA。"),
        ("missing: age, BMI", "缺少：年龄、BMI"),
        (
            "ALT 2.5 × ULN on 2025-01-02; total bilirubin 1 × ULN on 2025-01-03: raised.",
            "ALT 2.5 × ULN（2025-01-02）；总胆红素 1 × ULN（2025-01-03）：升高。",
        ),
        ("Recorded: Fatty liver, since 2020-01-01.", "病历记录：Fatty liver，自 2020-01-01 起。"),
    ],
)
def test_a_sentence_is_recognised_and_what_stands_in_it_is_said_too(english: str, chinese: str) -> None:
    assert phrasebook("zh-CN").say(english) == chinese


def test_what_is_not_known_stays_as_it_is() -> None:
    assert phrasebook("zh-CN").say("Nobody has said this before") == "Nobody has said this before"


def test_every_phrase_keeps_its_placeholders_and_is_in_chinese() -> None:
    file = files("service.languages").joinpath("zh_CN", "phrases.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    seen: set[str] = set()
    for phrases in tables.values():
        for english, said in phrases.items():
            assert english not in seen
            seen.add(english)
            assert names(english) == names(said), english
            words = re.findall(r"(?<![A-Za-zµ])[a-z]{3,}", re.sub(r"\{\w+\}", "", said))
            assert words == [], english
    assert len(seen) > 300


def names(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)
