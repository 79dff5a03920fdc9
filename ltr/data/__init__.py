"""Reading images and masks, and everything between a data set and a batch."""
