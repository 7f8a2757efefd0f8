"""The table of drugs that may injure the liver: complete, sourced, and found in what records say of drugs."""

import gzip
import json
import re
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from service.clinical.catalogues import drugs
from service.clinical.catalogues.drugs import Drug
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.results import Coding

ATC = "http://www.whocc.no/atc"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ALL = drugs.assessed_drugs()
BY_INGREDIENT = {drug.ingredient: drug for drug in ALL}
ONE_WORD = re.compile(r"\w+").fullmatch
CATEGORIES = ("A", "B", "C", "D", "E")


def found(text: str = "", *codings: Coding) -> set[str]:
    return {drug.ingredient for drug in drugs._hepatotoxic().find(codings, text)}


def each(drug: Drug) -> str:
    return drug.ingredient


class TestTheTable:
    def test_it_holds_what_the_specification_names(self) -> None:
        assert len(drugs.hepatotoxic_drugs()) >= 120
        named = """
            paracetamol simvastatin atorvastatin rosuvastatin amoxicillin-clavulanate nitrofurantoin
            minocycline flucloxacillin erythromycin azithromycin ciprofloxacin levofloxacin
            sulfamethoxazole isoniazid rifampicin pyrazinamide diclofenac ibuprofen naproxen valproate
            phenytoin carbamazepine lamotrigine phenobarbital felbamate ipilimumab nivolumab pembrolizumab
            atezolizumab kava ashwagandha turmeric kratom chaparral germander methotrexate amiodarone
            ketoconazole terbinafine propylthiouracil disulfiram dantrolene flutamide leflunomide tamoxifen
            azathioprine allopurinol bosentan nevirapine labetalol methyldopa niacin duloxetine nefazodone
            infliximab tolvaptan lapatinib pazopanib sunitinib regorafenib"""
        of_several_words = {
            "anabolic steroids",
            "black cohosh",
            "garcinia cambogia",
            "green tea extract",
            "he shou wu",
            "interferon beta",
            "pyrrolizidine alkaloids",
        }
        assert {*named.split(), *of_several_words} <= {drug.ingredient for drug in drugs.hepatotoxic_drugs()}

    @pytest.mark.parametrize("drug", ALL, ids=each)
    def test_every_row_says_where_its_category_was_read_and_how_well(self, drug: Drug) -> None:
        assert drug.drug_class
        assert drug.tag in ("V", "V2", "K")
        assert drug.latency_tag in ("V", "V2", "K")
        assert len(drugs.sources()[drug.source]) > 60
        assert (drug.tag == "K") == (drug.likelihood is None) == (drug.source == "general")
        assert drug.likelihood is None or drug.likelihood in (*CATEGORIES, "A[HD]", "E*")
        assert drug.category in (None, *CATEGORIES)
        assert drug.latency is None or 0 < drug.latency[0] < drug.latency[1]
        assert drug.latency_tag == "K" or drug.latency is not None

    def test_every_source_is_used(self) -> None:
        assert {drug.source for drug in ALL} == set(drugs.sources())

    def test_no_name_and_no_code_is_listed_twice(self) -> None:
        listed = tomllib.loads((Path(drugs.__file__).parent / "hepatotoxic.toml").read_text(encoding="utf-8"))
        rows = [*listed["drug"], *listed["combination"]]
        names = [name.casefold() for row in rows for name in row.get("names", ())]
        names += [row["ingredient"] for row in listed["drug"]]
        for every in (
            names,
            *([code for row in rows for code in row.get(key, ())] for key in ("atc", "rxnorm")),
        ):
            assert [one for one, times in Counter(every).items() if times > 1] == []

    def test_no_atc_code_is_the_beginning_of_another(self) -> None:
        codes = sorted(drugs._hepatotoxic()._by_atc)
        assert [(one, longer) for one, longer in pairwise(codes) if longer.startswith(one)] == []
        assert all(len(code) == len("N02BE01") for code in codes)

    def test_those_whose_injury_is_typically_cholestatic_are_told(self) -> None:
        cholestatic = {drug.ingredient for drug in ALL if drug.pattern is InjuryPattern.CHOLESTATIC}
        expected = {
            "amoxicillin-clavulanate",
            "flucloxacillin",
            "erythromycin",
            "chlorpromazine",
            "anabolic steroids",
        }
        assert expected <= cholestatic
        assert not {"paracetamol", "isoniazid", "simvastatin", "methyldopa"} & cholestatic


class TestFinding:
    @pytest.mark.parametrize("drug", ALL, ids=each)
    def test_every_agent_is_found_by_each_of_its_names_and_no_other_agent_is(self, drug: Drug) -> None:
        for name in (drug.ingredient, *drug.names):
            for text in (name, name.upper(), f"{name.capitalize()} 20 MG Oral Tablet", f"({name})"):
                assert found(text) == {drug.ingredient}, text

    @pytest.mark.parametrize("drug", ALL, ids=each)
    def test_no_name_is_found_inside_another_word(self, drug: Drug) -> None:
        for name in filter(ONE_WORD, (drug.ingredient, *drug.names)):
            assert found(f"x{name}") == found(f"{name}x") == found(f"x{name}x") == set(), name

    @pytest.mark.parametrize("drug", [one for one in ALL if one.atc], ids=each)
    def test_every_agent_is_found_by_its_atc_codes(self, drug: Drug) -> None:
        for code in drug.atc:
            assert found("", Coding(ATC, code)) == {drug.ingredient}
            assert found("", Coding("http://example.org", code)) == set()

    @pytest.mark.parametrize("drug", [one for one in ALL if one.rxnorm], ids=each)
    def test_every_agent_is_found_by_the_rxnorm_codes_of_the_ingredient(self, drug: Drug) -> None:
        for code in drug.rxnorm:
            assert found("", Coding(RXNORM, code)) == {drug.ingredient}
            assert found("", Coding(RXNORM, f"{code}0000")) == found("", Coding(ATC, code)) == set()

    @pytest.mark.parametrize(
        ("code", "ingredients"),
        [
            ("J04AM06", {"ethambutol", "isoniazid", "pyrazinamide", "rifampicin"}),
            ("C10BA04", {"fenofibrate", "simvastatin"}),
            ("J05AR06", {"efavirenz", "tenofovir"}),
        ],
    )
    def test_a_product_of_several_agents_is_found_as_all_of_them(
        self, code: str, ingredients: set[str]
    ) -> None:
        assert found("", Coding(ATC, code)) == ingredients

    def test_so_is_a_brand_that_stands_for_several(self) -> None:
        assert found("RIFATER 120/50/300") == {"isoniazid", "pyrazinamide", "rifampicin"}

    @pytest.mark.parametrize(
        ("text", "ingredients"),
        [
            ("Augmentin 875 mg-125 mg oral tablet", {"amoxicillin-clavulanate"}),
            ("amoxicillin 875 MG / clavulanate potassium 125 MG Oral Tablet", {"amoxicillin-clavulanate"}),
            ("AMOXICILLINE/ACIDE CLAVULANIQUE 1 g", {"amoxicillin-clavulanate"}),
            ("24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet", set()),
            ("24 HR nicotinic acid 500 MG Extended Release Oral Tablet [Niaspan]", {"niacin"}),
            ("Sulfamethoxazole 800 MG / Trimethoprim 160 MG Oral Tablet [Bactrim]", {"sulfamethoxazole"}),
            ("Divalproex Sodium 500 MG Delayed Release Oral Tablet", {"valproate"}),
            ("Valproinsäure 300 mg Filmtabletten", {"valproate"}),
            ("Méthotrexate 2,5 mg comprimé", {"methotrexate"}),
            ("ezetimibe 10 MG / simvastatin 20 MG Oral Tablet [Vytorin]", {"simvastatin"}),
            ("0.4 ML Adalimumab 100 MG/ML Prefilled Syringe [Humira]", {"adalimumab"}),
            ("ado-trastuzumab emtansine 100 MG Injection", {"trastuzumab emtansine"}),
            ("peginterferon alfa-2a 0.18 MG/ML", {"interferon alfa"}),
            ("tramadol hydrochloride 37.5 MG / acetaminophen 325 MG", {"paracetamol"}),
            ("Sodium Valproate; Depakine Chrono 500", {"valproate"}),
            ("Polygonum multiflorum (He Shou Wu) root 500 mg", {"he shou wu"}),
            ("Curcumin C3 Complex with BioPerine", {"turmeric"}),
            ("Efavirenz 600 MG / emtricitabine 200 MG / tenofovir disoproxil", {"efavirenz", "tenofovir"}),
        ],
    )
    def test_it_is_found_in_the_name_of_a_product(self, text: str, ingredients: set[str]) -> None:
        assert drugs.hepatotoxic((), text) == ingredients

    @pytest.mark.parametrize(
        "text",
        [
            "Amoxicillin 250 MG",
            "Penicillin V Potassium 250 MG",
            "Cefaclor 500 MG",
            "Ferrous sulfate 325 MG",
            "Iron 65 MG",
            "Niacinamide 500 MG",
            "Metformin",
            "Esomeprazole 40 MG",
            "Hydroxychloroquine 200 MG",
            "Levothyroxine",
            "Prednisolone 5 MG",
            "Dexamethasone",
            "Albuterol 0.09 MG INH",
            "Ephedrine 30 MG",
            "Hydroxyzine",
            "Ketotifen",
            "Chlortalidone",
            "Chloroquine",
            "Azelastine",
            "Interferon gamma-1b",
            "Trastuzumab 420 MG",
            "Levodopa 100 MG / Carbidopa 25 MG",
            "Methylprednisolone",
            "Valsartan",
            "Green tea",
            "Sulfacetamide",
            "Amlodipine 5 MG",
            "Desvenlafaxine",
            "Erythropoietin",
            "Testosterone gel",
            "Nicotine transdermal patch",
            "Acetylsalicylic acid 81 MG",
            "Rifamycin",
        ],
    )
    def test_a_drug_of_a_like_name_is_not(self, text: str) -> None:
        assert found(text) == set()

    def test_what_is_unlikely_is_known_and_does_not_count(self) -> None:
        unlikely = [drug for drug in ALL if drug.category == "E"]
        assert {"rifaximin", "milk thistle", "macitentan"} <= {drug.ingredient for drug in unlikely}
        assert {drug.likelihood for drug in unlikely} == {"E", "E*"}
        for drug in unlikely:
            assert found(drug.ingredient) == {drug.ingredient}
            assert drugs.hepatotoxic((), drug.ingredient) == set()
            assert drugs.possibly_hepatotoxic(tuple(Coding(ATC, code) for code in drug.atc), "") == ()
        assert not set(unlikely) & set(drugs.hepatotoxic_drugs())

    def test_what_is_listed_without_a_category_counts(self) -> None:
        assert BY_INGREDIENT["leflunomide"].category is None
        assert drugs.hepatotoxic((), "Leflunomide 20 MG") == {"leflunomide"}


SYNTHEA = {
    "paracetamol": 59,
    "simvastatin": 684,
    "naproxen": 16,
    "amoxicillin-clavulanate": 13,
    "clopidogrel": 12,
    "ibuprofen": 11,
    "verapamil": 6,
    "ethinylestradiol": 7,
    "oxaliplatin": 7,
    "atorvastatin": 2,
    "nitrofurantoin": 2,
    "sertraline": 2,
    "amiodarone": 1,
    "fluoxetine": 1,
    "tacrine": 1,
}


def test_the_orders_of_synthea_that_name_a_listed_drug_are_found_and_no_others(shared_data: Path) -> None:
    orders: Counter[str] = Counter()
    with gzip.open(shared_data / "synthea.MedicationRequest.ndjson.gz") as lines:
        for line in lines:
            concept = json.loads(line)["medicationCodeableConcept"]
            codings = tuple(Coding(one["system"], one["code"]) for one in concept["coding"])
            orders.update(drugs.hepatotoxic(codings, concept["text"]))
    assert orders == SYNTHEA
