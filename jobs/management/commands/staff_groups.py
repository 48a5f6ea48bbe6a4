"""`manage.py staff_groups`: groups for staff who watch, and for staff who operate."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.db import transaction

VIEWERS = ("jobs.view_job", "jobs.view_worker", "realtime.view_share")
OPERATORS = (*VIEWERS, "jobs.change_job", "jobs.change_worker", "realtime.add_share", "realtime.delete_share")
GROUPS = {"Job viewers": VIEWERS, "Job operators": OPERATORS}


class Command(BaseCommand):
    """Make the groups."""

    help = (
        "Make the groups 'Job viewers' (see everything, change nothing) and 'Job operators' (also cancel, pause, resume, try again, set "
        "priorities, stop and release workers, share). Put staff into one in the admin. Again adds what is missing, and takes nothing away."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Make them, or add what they lack."""
        for name, labels in GROUPS.items():
            group, is_new = Group.objects.get_or_create(name=name)
            for app_label, _, codename in (label.partition(".") for label in labels):
                group.permissions.add(Permission.objects.get(content_type__app_label=app_label, codename=codename))
            if options["verbosity"]:
                self.stdout.write(f"{name}: {'made' if is_new else 'complete'}")
