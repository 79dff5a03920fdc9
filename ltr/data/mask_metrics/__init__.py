"""Region similarity and boundary measure of masks, used in training and in scoring."""
