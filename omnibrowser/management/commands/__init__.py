"""The commands that start it all."""
