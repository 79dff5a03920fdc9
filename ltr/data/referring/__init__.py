"""Clips with a sentence: which frames, how they are augmented, what the network sees."""
