#!/usr/bin/env python3
"""Django's command line for this project. `manage.py up` runs everything on one machine."""

import os
import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: run `make run`, or use python3.11 or newer.")


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omnibrowser.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python: run `make install`, then use .venv/bin/python manage.py …")
    if sys.argv[1:2] == ["up"] and not {"-h", "--help"} & set(sys.argv):
        from omnibrowser.embedded import prepare_environment

        prepare_environment(Path(__file__).resolve().parent)
    try:
        settings.DEBUG  # noqa: B018  reads the environment: what is wrong with it is said in one line
    except (ImproperlyConfigured, ValueError) as error:
        sys.exit(f"error: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
