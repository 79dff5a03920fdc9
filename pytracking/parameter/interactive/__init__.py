"""Configurations of the interactive hosts."""
