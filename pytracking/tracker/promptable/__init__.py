"""What the promptable video models of transformers share: SAM 2, EdgeTAM, SAM 3."""
