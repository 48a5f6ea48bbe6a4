"""What runs in the process of the engine: it finds the function by its name, and tells how it ended in what can be pickled."""

import importlib
import os
from dataclasses import dataclass
from typing import Any

from jobs.engines.remote_run import RemoteRun
from jobs.errors import JobFailed, JobStopped


@dataclass(frozen=True)
class Ended:
    """How the function ended: with its result, or with the code and the message of a JobFailed, or stopped."""

    result: Any = None
    failed: tuple[str, str] | None = None
    stopped: str | None = None


def call(settings_module: str, function: str, run: RemoteRun) -> Ended:
    """Call the function that `module:name` names, and report what it does. Raises what it raises, and EngineLost."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()  # the module of the function may import models
    module, _, name = function.partition(":")
    handler = getattr(importlib.import_module(module), name)
    try:
        run.begin()
        result = handler(run)
        run.finish()
    except JobFailed as error:
        return Ended(failed=(error.code, error.message))
    except JobStopped as error:
        return Ended(stopped=error.reason)
    finally:
        run.close()
    return Ended(result=result)
