"""Letters about an alert, to a specialist and to the patient: gathered (`case`), written, set as PDF."""
