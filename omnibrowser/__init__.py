"""The wiring: settings, urls, health, and the commands that start it all."""

__version__ = "0.1.0"
