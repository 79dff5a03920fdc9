"""Parameter files of Segment Anything 3, prompted by text."""
