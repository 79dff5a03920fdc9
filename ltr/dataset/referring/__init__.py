"""Data sets whose objects are named by sentences."""
