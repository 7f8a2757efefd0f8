"""Conditions that bear on the liver, recognised by code or by what the record says of them."""

import pytest

from service.clinical.catalogues.conditions import concepts_of, known_conditions
from service.clinical.results import Coding

SNOMED = "http://snomed.info/sct"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
SYSTEMS = (SNOMED, ICD_10, ICD_10_CM)
BY_NAME = {concept.name: concept for concept in known_conditions()}

# Condition; a code of it under SNOMED CT, ICD-10 and ICD-10-CM, "" where it has none; what records call it.
CONDITIONS = [
    ("alcohol-use-disorder", "7200002", "F10.2", "F10.20", ["Alcohol use disorder, severe", "Alcoholism"]),
    ("alcoholic-liver-disease", "235875008", "K70.3", "K70.30", ["Alcohol-associated hepatitis", "MetALD"]),
    (
        "fatty-liver",
        "197321007",
        "K76.0",
        "K75.81",
        ["Hepatic steatosis", "Nonalcoholic steatohepatitis (NASH)"],
    ),
    ("diabetes", "73211009", "E14.9", "E13.9", ["DM", "Diabetic foot at low risk", "Diabetes"]),
    (
        "diabetes-type-1",
        "46635009",
        "E10.9",
        "E10.65",
        ["Type I diabetes mellitus", "Diabetes mellitus type 1"],
    ),
    ("diabetes-type-2", "44054006", "E11.9", "E11.9", ["T2DM", "Type II diabetes", "NIDDM"]),
    ("prediabetes", "714628002", "R73.0", "R73.03", ["Prediabetes", "Impaired fasting glucose"]),
    ("obesity", "162864005", "E66.9", "Z68.41", ["Morbid obesity", "Obese"]),
    ("hyperlipidaemia", "55822004", "E78.5", "E78.2", ["Mixed hyperlipidemia", "Dyslipidaemia"]),
    ("hypertriglyceridaemia", "302870006", "E78.1", "E78.1", ["Hypertriglyceridemia (disorder)"]),
    ("hypertension", "38341003", "I10", "I10", ["Essential (primary) hypertension", "HTN"]),
    ("metabolic-syndrome", "237602007", "", "E88.810", ["Metabolic syndrome X (disorder)"]),
    ("hepatitis-a", "25102003", "B15.9", "B15.9", ["Acute hepatitis A", "Viral hepatitis, type A"]),
    ("hepatitis-b", "66071002", "B18.1", "B19.10", ["HBV infection", "Type B viral hepatitis (disorder)"]),
    ("hepatitis-b-acute", "76795007", "B16.9", "B16.9", ["Acute viral hepatitis B"]),
    ("hepatitis-b-chronic", "61977001", "B18.1", "B18.0", ["Chronic hepatitis B", "Hepatitis B carrier"]),
    ("hepatitis-c", "128302006", "B18.2", "B19.20", ["Chronic HCV", "Hepatitis C antibody positive"]),
    ("hepatitis-e", "235867002", "B17.2", "B17.2", ["Acute hepatitis E"]),
    ("haemochromatosis", "399187006", "E83.1", "E83.110", ["Hereditary hemochromatosis", "Iron overload"]),
    ("wilson-disease", "88518009", "E83.0", "E83.01", ["Wilson's disease", "Wilson’s disease"]),
    ("alpha-1-antitrypsin-deficiency", "30188007", "", "E88.01", ["Alpha-1 antitrypsin deficiency"]),
    ("gilbert-syndrome", "", "E80.4", "E80.4", ["Gilbert's syndrome", "Gilbert syndrome"]),
    ("autoimmune-hepatitis", "408335007", "K75.4", "K75.4", ["Auto-immune hepatitis", "AIH"]),
    ("primary-biliary-cholangitis", "31712002", "K74.3", "K74.3", ["Primary biliary cirrhosis", "PBC"]),
    ("primary-sclerosing-cholangitis", "197441003", "", "K83.01", ["Primary sclerosing cholangitis"]),
    ("autoimmune-thyroiditis", "353295004", "E06.3", "E06.3", ["Hashimoto's thyroiditis", "Graves' disease"]),
    ("rheumatoid-arthritis", "69896004", "M06.9", "M05.79", ["Rheumatoid arthritis"]),
    ("inflammatory-bowel-disease", "34000006", "K51.9", "K50.90", ["Crohn disease", "Ulcerative colitis"]),
    ("autoimmune-disease", "55464009", "M32.9", "M34.9", ["Systemic lupus erythematosus"]),
    ("coeliac-disease", "396331005", "K90.0", "K90.0", ["Celiac disease", "Coeliac disease"]),
    ("hypothyroidism", "40930008", "E03.9", "E03.9", ["Hypothyroidism", "Myxoedema"]),
    ("hyperthyroidism", "34486009", "E05.9", "E05.90", ["Thyrotoxicosis", "Graves' disease"]),
    ("gallstones", "235919008", "K80.2", "K80.20", ["Cholelithiasis without cholecystitis", "Gallstones"]),
    ("bile-duct-stones", "30093007", "K80.5", "K80.70", ["Choledocholithiasis", "Common bile duct stone"]),
    ("cholecystitis", "65275009", "K81.0", "K80.00", ["Acute cholecystitis"]),
    ("cholangitis", "82403002", "K83.0", "K83.09", ["Ascending cholangitis"]),
    ("biliary-obstruction", "", "K83.1", "K83.1", ["Obstructive jaundice", "Bile duct stricture"]),
    ("heart-failure", "84114007", "I50.0", "I50.22", ["Congestive heart failure", "HFrEF", "Cor pulmonale"]),
    ("shock", "27942005", "R57.0", "R65.21", ["Cardiogenic shock", "Hypovolaemic shock"]),
    ("cardiac-arrest", "410429000", "I46.9", "I46.9", ["Cardiac Arrest"]),
    ("sepsis", "91302008", "A41.9", "R65.20", ["Sepsis due to Escherichia coli", "Septicaemia"]),
    ("hypoxia", "389087006", "R09.0", "J96.01", ["Hypoxemia", "Acute respiratory failure with hypoxia"]),
    ("ischaemic-hepatitis", "235877000", "K76.3", "K76.3", ["Ischemic hepatitis", "Shock liver"]),
    ("hepatic-congestion", "76281005", "K76.1", "K76.1", ["Congestive hepatopathy", "Budd-Chiari syndrome"]),
    ("haemolysis", "61261009", "D59.1", "D58.0", ["Haemolytic anaemia", "Hereditary spherocytosis"]),
    ("sickle-cell-disease", "127040003", "D57.1", "D57.40", ["Sickle cell anemia", "Sickle-cell disease"]),
    ("g6pd-deficiency", "", "D55.0", "D75.A", ["G6PD deficiency"]),
    ("muscle-disease", "", "G72.9", "G71.8", ["Statin-induced myopathy", "Compartment syndrome"]),
    ("rhabdomyolysis", "", "T79.6", "M62.82", ["Exertional rhabdomyolysis"]),
    ("myositis", "31384009", "M33.2", "G72.41", ["Dermatomyositis", "Inclusion body myositis"]),
    ("muscular-dystrophy", "73297009", "G71.0", "G71.01", ["Duchenne muscular dystrophy"]),
    ("trauma", "262574004", "T07", "T07.XXXA", ["Crush injury of leg", "Multiple trauma", "Bullet wound"]),
    ("burn", "403191005", "T31.3", "T31.30", ["Second degree burn", "Full thickness burn (disorder)"]),
    ("seizure", "91175000", "R56.8", "R56.9", ["Generalised seizure", "Status epilepticus"]),
    ("epilepsy", "84757009", "G40.9", "G40.909", ["Epilepsy", "Seizure disorder"]),
    ("paget-disease-of-bone", "", "M88.9", "M88.9", ["Paget's disease of bone", "Osteitis deformans"]),
    ("fracture", "125605004", "S72.0", "S52.501A", ["Closed fracture of hip", "Fracture of rib"]),
    ("bone-metastases", "", "C79.5", "C79.51", ["Metastatic malignant neoplasm to bone", "Bone metastases"]),
    ("osteomalacia", "", "M83.9", "M83.9", ["Osteomalacia"]),
    ("bone-disease", "", "N25.0", "N25.0", ["Renal osteodystrophy"]),
    ("cirrhosis", "19943007", "K74.6", "K70.31", ["Cirrhosis of liver", "Decompensated cirrhosis"]),
    ("liver-cancer", "", "C22.0", "C22.0", ["Hepatocellular carcinoma", "Malignant neoplasm of liver"]),
    (
        "liver-metastases",
        "",
        "C78.7",
        "C78.7",
        ["Liver metastases", "Metastatic adenocarcinoma to the liver"],
    ),
    ("liver-transplant", "", "Z94.4", "T86.41", ["Liver transplant recipient", "Transplanted liver present"]),
    ("sleep-disorder", "39898005", "G47.9", "G47.9", ["Sleep disorder", "Sleep deprivation"]),
    ("insomnia", "", "G47.0", "G47.00", ["Insomnia", "Trouble sleeping"]),
    ("sleep-apnoea", "78275009", "G47.3", "G47.33", ["Obstructive sleep apnea syndrome", "OSA"]),
    ("tobacco-use", "77176002", "F17.2", "F17.210", ["Smokes tobacco daily", "Tobacco use disorder"]),
    ("chemical-exposure", "", "T53.0", "Z57.5", ["Exposure to organic solvents", "Solvent exposure"]),
    ("parenteral-nutrition", "", "", "", ["On home parenteral nutrition", "Total parenteral nutrition"]),
    ("surgery", "", "T81.4", "Z48.815", ["Postoperative state", "Recent anaesthesia"]),
]
CODED = [
    pytest.param(name, Coding(system, code), id=f"{name} {code}")
    for name, *codes, _ in CONDITIONS
    for system, code in zip(SYSTEMS, codes, strict=True)
    if code
]
NAMED = [pytest.param(name, text, id=text) for name, *_, texts in CONDITIONS for text in texts]


@pytest.mark.parametrize(("name", "coding"), CODED)
def test_a_condition_is_found_by_code_and_by_none_of_the_same_letters_elsewhere(
    name: str, coding: Coding
) -> None:
    assert name in concepts_of((Coding("http://example.org", "x"), coding), "")
    assert concepts_of((Coding("http://example.org", coding.code),), "") == set()


@pytest.mark.parametrize(("name", "text"), NAMED)
def test_a_condition_is_found_by_its_name(name: str, text: str) -> None:
    for spelt in (text, text.upper(), f"Chart note; {text}"):
        assert name in concepts_of((Coding("http://example.org", "x"),), spelt)


def test_each_condition_and_each_code_system_it_has_is_tried_above() -> None:
    assert [name for name, *_ in CONDITIONS] == list(BY_NAME)
    for name, *codes, _ in CONDITIONS:
        tried = {system for system, code in zip(SYSTEMS, codes, strict=True) if code}
        assert {coding.system for coding in (*BY_NAME[name].codes, *BY_NAME[name].prefixes)} <= tried


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Diabetic retinopathy associated with type II diabetes mellitus", {"diabetes", "diabetes-type-2"}),
        ("Insulin-dependent diabetes", {"diabetes", "diabetes-type-1", "autoimmune-disease"}),
        ("Pre-existing type 2 diabetes mellitus in pregnancy", {"diabetes", "diabetes-type-2"}),
        ("Acute on chronic hepatitis B", {"hepatitis-b", "hepatitis-b-acute", "hepatitis-b-chronic"}),
        ("Hepatitis B and hepatitis C", {"hepatitis-b", "hepatitis-c"}),
        ("Alcoholic cirrhosis", {"alcohol-use-disorder", "alcoholic-liver-disease", "cirrhosis"}),
        ("Alcoholic fatty liver", {"alcohol-use-disorder", "alcoholic-liver-disease"}),
        ("Primary biliary cirrhosis", {"primary-biliary-cholangitis", "autoimmune-disease"}),
        ("Septic shock", {"sepsis", "shock"}),
        ("Auto-immune hypothyroidism", {"autoimmune-thyroiditis", "autoimmune-disease", "hypothyroidism"}),
        ("Calculus of bile duct with cholangitis", {"bile-duct-stones", "gallstones", "cholangitis"}),
        ("Sickle cell anemia", {"sickle-cell-disease", "haemolysis"}),
    ],
)
def test_what_a_text_says_is_all_found_with_what_it_implies_and_nothing_else(
    text: str, names: set[str]
) -> None:
    assert concepts_of((), text) == names


def test_wider_conditions_are_implied_by_codes_too() -> None:
    assert concepts_of((Coding(SNOMED, "302870006"),), "") == {"hypertriglyceridaemia", "hyperlipidaemia"}
    assert concepts_of((Coding(ICD_10, "M83.9"),), "") == {"osteomalacia", "bone-disease"}


def test_a_text_is_read_up_to_two_thousand_characters_and_no_sentence_that_is_cut() -> None:
    assert concepts_of((), "x" * 1991 + " diabetes") == {"diabetes"}
    assert concepts_of((), "x" * 1992 + " diabetes") == set()
