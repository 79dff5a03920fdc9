"""Brings published data sets into the layouts that the readers expect."""
