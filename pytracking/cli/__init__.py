"""What the commands share: arguments and console output."""
