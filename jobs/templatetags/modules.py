"""The modules behind a page's script, told to the browser at once: it need not find them one level of imports after another."""

import posixpath
import re
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"(\.{1,2}/[^"]+)";$', re.MULTILINE)

register = template.Library()


@register.simple_tag
def module(name: str) -> SafeString:
    """Return the script of a page, after links that have all loaded which it imports."""
    links = format_html_join("\n  ", '<link rel="modulepreload" href="{}">', ((static(found),) for found in _imports(name)))
    return links + format_html_join("", '\n  <script type="module" src="{}"></script>', [(static(name),)])


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Return all that a module imports and they import, nearest first."""
    found: dict[str, None] = {}
    todo = [name]
    for current in todo:  # which grows meanwhile
        path = finders.find(current)
        text = Path(path).read_text() if path else ""
        for relative in IMPORT.findall(text):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(current), relative))
            if imported not in found:
                found[imported] = None
                todo.append(imported)
    return tuple(found)
