"""What a conclusion says of liver and bile ducts: found, not found, or unclear, and never more."""

import pytest

from service.clinical.catalogues.findings import answered, concluded, finding_named
from service.clinical.results import Answer, Coding

FOUND, NOT_FOUND, UNCLEAR = Answer.POSITIVE, Answer.NEGATIVE, Answer.UNCLEAR
STEATOSIS = Coding("http://snomed.info/sct", "197321007")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hepatic steatosis", {"steatosis": FOUND}),
        ("Fatty infiltration of the liver", {"steatosis": FOUND}),
        ("Increased hepatic echogenicity", {"steatosis": FOUND}),
        ("Dilated common bile duct (11 mm)", {"bile-duct-dilatation": FOUND}),
        ("Intrahepatic bile ducts are mildly dilated", {"bile-duct-dilatation": FOUND}),
        ("Cholelithiasis", {"gallstones": FOUND}),
        ("Common bile duct stone", {"bile-duct-stones": FOUND}),
        ("Liver cirrhosis with ascites", {"cirrhosis": FOUND}),
        ("No steatosis", {"steatosis": NOT_FOUND}),
        ("Steatosis not seen", {"steatosis": NOT_FOUND}),
        ("Bile ducts not dilated", {"bile-duct-dilatation": NOT_FOUND}),
        ("CBD of normal calibre. Gallstones.", {"bile-duct-dilatation": NOT_FOUND, "gallstones": FOUND}),
        ("Gallstones without biliary dilatation", {"gallstones": FOUND, "bile-duct-dilatation": NOT_FOUND}),
        ("No cirrhosis or steatosis", {"cirrhosis": NOT_FOUND, "steatosis": NOT_FOUND}),
        ("Possible cirrhosis", {"cirrhosis": UNCLEAR}),
        ("Cirrhosis cannot be excluded", {"cirrhosis": UNCLEAR}),
        ("Cirrhosis is unlikely", {"cirrhosis": UNCLEAR}),
        ("Gallstones?", {"gallstones": UNCLEAR}),
        ("No gallstones, mild steatosis of the liver", {"gallstones": NOT_FOUND, "steatosis": UNCLEAR}),
        ("History of cholelithiasis", {}),
        ("Status post cholecystectomy for gallstones", {}),
        ("Pancreatic duct dilatation", {}),
        ("Fatty pancreas", {}),
        ("Alcoholic fatty liver", {}),
        ("Non-cirrhotic liver", {}),
        ("Normal liver", {}),
    ],
)
def test_a_conclusion_says_what_was_found_what_was_not_and_what_is_unclear(
    text: str, said: dict[str, Answer]
) -> None:
    assert concluded((), text, "") == said


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", FOUND),
        ("Fat in the liver", FOUND),
        ("No fat in the liver", UNCLEAR),
        ("Possibly", UNCLEAR),
        ("No steatosis", NOT_FOUND),
    ],
)
def test_a_code_finds_what_it_names_unless_the_text_beside_it_denies_or_doubts(
    text: str, answer: Answer
) -> None:
    assert concluded((STEATOSIS,), text, "Steatosis of liver") == {"steatosis": answer}
    assert concluded((), text, "Steatosis of liver") == {"steatosis": answer}


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("Mild", FOUND),
        ("S2", FOUND),
        ("None", NOT_FOUND),
        ("S0", NOT_FOUND),
        ("Suspected", UNCLEAR),
        ("Steatosis is absent", NOT_FOUND),
        ("see report", None),
    ],
)
def test_an_observation_named_after_a_finding_is_answered_by_its_value(
    value: str, answer: Answer | None
) -> None:
    assert answered("steatosis", value) is answer


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("Dilatation of the common bile duct", "bile-duct-dilatation"),
        ("Hepatic steatosis", "steatosis"),
        ("Hepatic steatosis index", None),
        ("Risk of cirrhosis", None),
        ("Pancreatic steatosis", None),
    ],
)
def test_an_observation_is_about_a_finding_by_its_name(code: str, name: str | None) -> None:
    assert finding_named((), code) == name
    assert finding_named((STEATOSIS,), "") == "steatosis"
