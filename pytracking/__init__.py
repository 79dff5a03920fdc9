"""Evaluation library: run trackers on data sets and videos, and score them.

Uses ``ltr``; ``ltr`` never uses this package. Importing it loads no heavy package.
"""
