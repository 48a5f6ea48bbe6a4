"""What Django is to find out before anything starts: times that do not fit each other, and a project that keeps local times."""

from typing import Any

from django.conf import settings as django_settings
from django.core import checks

from jobs.conf import settings
from realtime.conf import settings as realtime_settings

FLUSHES_OF_A_LEASE = 3


def check_time_zones(**options: Any) -> list[checks.CheckMessage]:
    """Tell whether the rows can have times in UTC."""
    if django_settings.USE_TZ:
        return []
    return [checks.Error("USE_TZ is off, and the times of jobs are in UTC.", hint="Set USE_TZ = True.", id="jobs.E001")]


def check_relations(**options: Any) -> list[checks.CheckMessage]:
    """Tell whether the settings fit each other."""
    found: list[checks.CheckMessage] = []
    if settings.lease_seconds < FLUSHES_OF_A_LEASE * settings.flush_seconds:
        what = f"A lease of {settings.lease_seconds:g} s is renewed every {settings.flush_seconds:g} s: one late renewal loses it."
        hint = f"lease_seconds (LEASE_SECONDS) is at least {FLUSHES_OF_A_LEASE} times flush_seconds (FLUSH_SECONDS)."
        found.append(checks.Warning(what, hint=hint, id="jobs.W001"))
    if settings.unflushed_limit >= realtime_settings.event_log_length:
        what = f"{settings.unflushed_limit} events may be missing in a row, and the log has {realtime_settings.event_log_length}."
        hint = "unflushed_limit is below event_log_length (EVENT_LOG_LENGTH): the log has what the row lacks."
        found.append(checks.Warning(what, hint=hint, id="jobs.W002"))
    return found
