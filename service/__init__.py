"""Liverwatch: finds liver-enzyme elevations that persist or worsen, from FHIR Observations."""
