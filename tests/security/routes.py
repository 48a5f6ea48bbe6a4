"""All routes of the site, from the URLconf."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def routes() -> list[str]:
    """Return the paths of all views, as `api/jobs/{}`; the admin's are left to the admin."""
    return sorted({path for path in _paths(get_resolver().url_patterns, "") if not path.startswith("admin/")})


def _paths(patterns: Any, prefix: str) -> Iterator[str]:
    for item in patterns:
        path = prefix + re.sub(r"<[^>]+>", "{}", re.sub(r"\(\?P<\w+>[^)]+\)", "{}", str(item.pattern)))
        if isinstance(item, URLResolver):
            yield from _paths(item.url_patterns, path)
        elif isinstance(item, URLPattern):
            yield path.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")
