"""Scribbles as lines, pixels and files, and the robot that draws them."""
