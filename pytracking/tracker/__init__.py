"""One folder per system: the algorithm that turns frames and prompts into masks.

A folder offers ``get_tracker_class()``; nothing here reads or writes files.
"""
