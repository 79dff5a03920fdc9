"""Frame recommendation (IVOS-W): its evaluation, and the training of agent and quality network.

Both learn from rounds that a host and the robot play, so they are here and not in ``ltr``.
"""
