"""JOINT: a few-shot learner (induction) and a transformer (transduction) under one decoder."""
