"""Trackers as helpers of labelling tools: CVAT's agents and Label Studio."""
