"""Candidate causes of an elevation: what in the record speaks for each, what against it, what is unknown."""
