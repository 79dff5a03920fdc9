"""Tests; they mirror the packages, one folder a package."""
