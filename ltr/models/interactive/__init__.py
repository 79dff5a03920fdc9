"""Networks of interactive segmentation: three hosts, and IVOS-W's agent and quality network."""
