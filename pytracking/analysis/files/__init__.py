"""Reading masks, ground truth and submissions for scoring."""
