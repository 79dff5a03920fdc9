"""House-keeping that every command needs: errors, configuration, files, paths, checkpoints."""
