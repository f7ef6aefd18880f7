"""Benchmarks of moor beside other tools, from one run on one machine; these are not tests."""
