"""From what a user says to masks: checks, one frame's prompts, and searching the whole video."""
