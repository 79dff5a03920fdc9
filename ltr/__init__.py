"""Training library: networks, data, losses and the training loop.

Knows nothing of ``pytracking``; importing it loads no heavy package.
"""
