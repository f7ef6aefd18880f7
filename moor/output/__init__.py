"""Outputs of a run: text, JSON, JUnit, metrics, notices and the HTML page."""
