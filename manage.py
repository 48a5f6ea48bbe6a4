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
    from django.db import OperationalError, ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, ProgrammingError) as error:
        # A column or table that is not there is what one sees who has new code and the old database.
        missing = missing_migrations() if "no such" in str(error) or "does not exist" in str(error) else 0
        if not missing:
            raise
        sys.exit(f"error: {missing} migrations are missing in the database: run `manage.py migrate`.")


def missing_migrations() -> int:
    """Return how many migrations of this code the database does not have."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


if __name__ == "__main__":
    main()
