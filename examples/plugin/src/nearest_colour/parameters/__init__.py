"""The parameter files of nearest_colour."""
