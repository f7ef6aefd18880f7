"""Preflight: what hosts and cluster need before anything is changed."""
