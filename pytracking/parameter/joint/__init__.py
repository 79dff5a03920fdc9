"""Configurations of the JOINT tracker."""
