"""Faults on purpose, on the deployment itself: do its jobs and those who watch them come through? Run by `manage.py drill`."""
