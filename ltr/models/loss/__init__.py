"""Losses shared by the systems."""
