"""The commands of the work."""
