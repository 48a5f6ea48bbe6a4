"""How this project logs: one event a line, JSON for machines, readable at a terminal; with ids, and without what jobs are about.

Everything goes through the standard library's loggers, those of other people's code included. What is bound by
`structlog.contextvars` (request, user, socket, job, attempt) is in every line that is written meanwhile.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

FORMATS = ("json", "console")
EXTRA = ("job_id", "attempt", "reason", "method", "path", "status", "milliseconds", "client", "device_id", "code", "exception")
"""What of a line's `extra` is shown: libraries put whole requests there, with all that was asked."""
ACCESS_LOGGERS = ("uvicorn", "daphne", "django.channels", "django.server")
"""These tell what was asked for, query string and all."""

TALKATIVE = ("django.db.backends", "websockets", "daphne", "httpcore")
"""At DEBUG these tell every statement with its values, and every frame and header."""

_TOKEN = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?:share~|service_|worker_)[\w-]{32,}|(?i:(?<=bearer )|(?<=token=)|(?<=ticket=))[\w.~+/-]{16,}=*"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def logging_config(format: str, *, level: str, colours: bool = False) -> dict[str, Any]:
    """Return Django's LOGGING, and set up structlog for those who log through it. Raises ValueError for an unknown format."""
    if format not in FORMATS:
        raise ValueError(f"LOG_FORMAT is one of {', '.join(FORMATS)}, not {format!r}.")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_format_exception),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": Formatter,
        "foreign_pre_chain": [*shared, ExtraAdder(allow=EXTRA)],
        "processors": [ProcessorFormatter.remove_processors_meta, *(_json() if format == "json" else _console(colours))],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "filters": {"broken": {"()": "django.utils.log.CallbackFilter", "callback": lambda record: bool(record.exc_info)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level, "propagate": True, "handlers": []},
            "django.request": {"level": "ERROR", "filters": ["broken"]},  # what became of the others, their own lines say
            **{name: {"level": "INFO" if level == "DEBUG" else level} for name in TALKATIVE},
            "httpx": {"level": "WARNING"},  # below it, a line for each request that a command makes
            "django.server": {"propagate": True, "handlers": []},
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},  # below it, two lines for each socket
        },
    }


class Formatter(ProcessorFormatter):
    """Writes a record as one line, from which is cut what may hold secrets or texts: query strings, tokens, an error's further lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record = logging.makeLogRecord(record.__dict__)
        is_access = record.name.startswith(ACCESS_LOGGERS)
        if isinstance(record.args, Mapping):
            record.args = {name: _shown(value, is_access) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_shown(value, is_access) for value in record.args)
        return _TOKEN.sub("[token]", super().format(record))


class FirstLine:
    """An error without its further lines, in which databases tell the values of the row."""

    def __init__(self, error: BaseException) -> None:
        self._kind = type(error).__name__
        self._text = next(iter(str(error).splitlines()), "")

    def __str__(self) -> str:
        return self._text or self._kind

    def __repr__(self) -> str:
        return f"{self._kind}({self._text!r})"


def _shown(value: object, is_access: bool) -> object:
    if isinstance(value, BaseException):
        return FirstLine(value)
    return value.partition("?")[0] if is_access and isinstance(value, str) else value


def _format_exception(exc_info: ExcInfo) -> str:
    """Return the traceback, of each message the first line."""
    parts = traceback.format_exception(exc_info[1])
    return "".join(part if part.startswith((" ", "\n", "Traceback")) else f"{part.splitlines()[0]}\n" for part in parts)


def _json() -> list[Processor]:
    return [structlog.processors.JSONRenderer()]


def _console(colours: bool) -> list[Processor]:
    return [_make_visible, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]


def _make_visible(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Escape what would move a terminal's cursor or look like a line of its own."""
    for key, value in event.items():
        if isinstance(value, str):
            visible = _COLOUR.sub("", value).translate(_CONTROLS)
            event[key] = visible if key == "exception" else visible.replace("\n", "\\n")
    return event
