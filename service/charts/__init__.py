"""A patient's course as a chart: gathered (`course`), then told for screen and paper (`spec`)."""
