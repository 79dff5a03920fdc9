"""Measures on arrays: regions, boundaries, average precision. They know no files."""
