"""Diagnosis of pulls: examine each layer from a node to its pods, and name the cause of a fault."""
