"""What a run leaves on disk: result formats, submission archives, drawings."""
