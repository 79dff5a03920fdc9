"""Video, overlays and other helpers of the commands."""
