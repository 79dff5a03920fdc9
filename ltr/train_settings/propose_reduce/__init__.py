"""Training recipes of Propose-Reduce: ``coco_*`` is the main stage, the others fine-tune."""
