"""Measurements, as ratios and times of one run on one machine; nothing here is a test."""
