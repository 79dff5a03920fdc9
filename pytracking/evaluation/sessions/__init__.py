"""What a session keeps: results of every frame on disk, and files to resume from."""
