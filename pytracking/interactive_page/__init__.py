"""The local web page of ``run_interactive``: a person scribbles, a host segments.

``workbench`` knows the work and nothing of HTTP, ``server`` speaks HTTP, ``static`` is the page.
"""
