"""`manage.py runserver`: the development server, daphne's.

The app `daphne` would bring the same command, and its Twisted and Autobahn into every process of this project: that doubles
the time in which each command starts.
"""

from daphne.management.commands.runserver import Command

__all__ = ["Command"]
