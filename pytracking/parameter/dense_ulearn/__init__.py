"""Configurations of label propagation, one for each released network."""
