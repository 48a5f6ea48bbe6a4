"""Markdown to blocks."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from jobs.handlers.search.passages import Block

_parser = MarkdownIt("commonmark").enable("table")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def markdown_blocks(text: str) -> Iterator[Block]:
    """Return headings, paragraphs and items; code and tables are left out."""
    tokens = _parser.parse(_FRONT_MATTER.sub("", text.replace("\r\n", "\n")))
    lists: list[int | None] = []
    begins_item = in_table = False
    for index, token in enumerate(tokens):
        match token.type:
            case "ordered_list_open":
                lists.append(int(token.attrGet("start") or 1) - 1)
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_close" | "bullet_list_close":
                lists.pop()
            case "list_item_open":
                begins_item = True
                number = lists[-1]
                lists[-1] = None if number is None else number + 1
            case "table_open" | "table_close":
                in_table = token.type == "table_open"
            case "inline" if not in_table and (said := _plain(token)):
                if tokens[index - 1].type == "heading_open":
                    yield Block("heading", said, int(tokens[index - 1].tag[1]))
                elif begins_item and lists:
                    yield Block("item", f"- {said}" if lists[-1] is None else f"{lists[-1]}. {said}")
                    begins_item = False
                else:
                    yield Block("prose", said)


def _plain(token: Token) -> str:
    parts = []
    for child in token.children or ():
        match child.type:
            case "text":
                parts.append(child.content)
            case "code_inline":
                parts.append(f'"{child.content}"')
            case "softbreak" | "hardbreak":
                parts.append(" ")
    return " ".join("".join(parts).split())
