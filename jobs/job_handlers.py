"""The handlers that come with the project; every installed app may have such a module."""

from jobs.drill import handler as drill  # noqa: F401  importing registers them
from jobs.handlers import example, search  # noqa: F401
