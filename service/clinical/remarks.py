"""What is said beside findings and episodes on the patient: what was not known, or lies outside the rules."""

UNDER_18 = "under 18: outside the validated population"
BIRTH_DATE_UNKNOWN = "birth date unknown: read as an adult"
SEX_UNKNOWN = "sex unknown: the lower of the two limits was used"
LIMIT_IMPLAUSIBLE = "the laboratory's upper limit is implausible: the rulebook's was used"
