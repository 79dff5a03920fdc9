"""The JOINT tracker."""
