"""The object that a sentence names: a first look at the whole clip, then tracking outward."""
