"""Plain text and reStructuredText to blocks: sentences stay, grammar, tables, code and markup go."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jobs.handlers.search.passages import Block

_UNDERLINE = re.compile(r"^([=\-~^*#+\"'`.:_])\1{2,}\s*$")
_BULLET = re.compile(r"^(?:[*•-]|(\d{1,2})[.)])\s+(?=\S)")
_NAME = re.compile(r"^(?:(?:class|exception|async|await|with|coroutine)\s+)?[A-Za-z_][\w.]*\s?(?:\(.*\)|\[.*\])?(?:\s*->\s*\S+)?$")
_TABLE = re.compile(r"^\s*(?:[+|][-=+|]{2,}|\|.*\||={3,}\s+={3,})", re.MULTILINE)
_COLUMNS = re.compile(r"\S {3,}\S")
_CODE = re.compile(
    r"^(?:>>>|\.\.\. |\$ |#|@\w|(?:async )?def \w|class \w+[(:]|import \w+$|from [\w.]+ import |try:$|print\(|return\b(?!s )"
    r"|(?:if|for|while|with|elif|except|async \w+) .*:$|[\w.\[\]]+ = |%\w|<\w|[-\w]+: ?$)"
)
_DROPPED = re.compile(
    r"^(?:\[\d+\] |:\w+[^:]*:|(?:Changed|New|Added|Deprecated|Removed) (?:in|since) version |Availability: |-\[ Footnotes \]-"
    r"|\**PEP \d+\** [-–] |\$(?:Id|Revision)|Copyright|\(c\) |-\*-|[Ss]ee also:?$)"
)
_FIELD = re.compile(r"^[\w*]+\s?(?:\([^)]*\))?(?::| :| --?) |^[\w*]+ is (?:a|an|the|whether) ")
"""One line of a list of arguments; two in a row are no sentence."""
_INTRODUCED = re.compile(r"(?<![\w*])\*([a-z][a-z -]{3,40})\*(?![\w*])")
"""What a text emphasises are its terms."""
_SENTENCE_END = re.compile(r"[.:!?。][\"”’')]*$")
_SENTENCE_BREAK = re.compile(r"\. (?=[A-Z])")
_ANNOUNCES = re.compile(
    r"\b(?:following|follows?|examples?|this|these|thus|like|equivalent|code|as|is|are|to|with|by|e\.g\.)\b[^.]{0,40}:$"
)
_ASIDE = re.compile(r"^(?:\*\*)?(?:Note|Warning|Tip|Important|Caution|See also|CPython implementation detail)(?:\*\*)?:(?:\*\*)?\s*")
_DIRECTIVE = re.compile(r"^\.\. ?(?:([\w-]+)::)?")
_KEPT_DIRECTIVES = frozenset({"note", "warning", "tip", "important", "caution", "hint"})
_WORDY = re.compile(r"^[(\"'“‘\[]*[^\W\d_]+(?:[-’'/][^\W\d_]+)*[)\"'”’\],.;:!?…]*$")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")

_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r":[a-z]+(?::[a-z]+)?:`~?!?([^`<]+?)\s*(?:<[^`>]*>)?`"), r'"\1"'),
    (re.compile(r"``([^`]+)``"), r'"\1"'),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?"), r"\1"),
    (re.compile(r"`([^`']+)['`]_?_?(?!\w)"), r'"\1"'),
    (re.compile(r"(?<![\w*])\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w*(,])\*(?=[^\s*,)])([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"\s*<(?:https?|ftp)://[^>\s]*>"), ""),
    (re.compile(r"\s*\((?:(?:as )?(?:see|described|discussed|explained)(?: also)?(?: in)?(?: the)?) section [^()]*\)", re.IGNORECASE), ""),
    (re.compile(r" ?\[(?:\d+|#\w*)\]_?(?=[\s.,;:)]|$)"), ""),
    (re.compile(r"\|(\w+)\|"), r"\1"),
    (re.compile(r"::$"), ":"),
    (re.compile(r"\\([*`_|])"), r"\1"),
    (re.compile(r" -- "), " — "),
)


@dataclass(frozen=True)
class _Chunk:
    """Lines without a blank one between them."""

    lines: tuple[str, ...]
    indent: int

    @property
    def text(self) -> str:
        """The lines as one; a word that was divided at a hyphen is whole again."""
        return re.sub(r"(?<=[a-z])-\n(?=[a-z])", "-", "\n".join(line.strip() for line in self.lines)).replace("\n", " ")


def blocks(text: str) -> Iterator[Block]:
    """Return the headings, names, paragraphs and items of `text`."""
    underlines: list[str] = []
    skipped_below: int | None = None
    told_at = 0
    interrupted = False
    chunks = list(_chunks(text))
    for index, chunk in enumerate(chunks):
        if skipped_below is not None:
            if chunk.indent > skipped_below:
                continue
            skipped_below = None
        first = chunk.lines[0].strip()
        if "[ Footnotes ]" in first:
            return
        if len(chunk.lines) == 2 and _UNDERLINE.match(chunk.lines[1]):
            mark = chunk.lines[1].strip()[0]
            if mark not in underlines:
                underlines.append(mark)
            yield Block("heading", clean(first), underlines.index(mark) + 1)
            continue
        directive = _DIRECTIVE.match(first) if first.startswith("..") and not first.startswith("...") else None
        if directive and directive[1] not in _KEPT_DIRECTIVES:
            skipped_below = chunk.indent
            continue
        if _DROPPED.match(first):
            continue
        following = chunks[index + 1] if index + 1 < len(chunks) else None
        if following and following.indent > chunk.indent and all(_NAME.match(line.strip()) for line in chunk.lines):
            yield Block("name", clean(first.removeprefix("class ").removeprefix("exception ")))
            continue
        if chunk.text.endswith("::"):
            skipped_below = chunk.indent
        block = _told(chunk, directive)
        if block and following and following.indent > chunk.indent:
            block = _without_announcement(block, following)
        if block is None or not _stands_alone(block, chunk, following, told_at=told_at, interrupted=interrupted):
            interrupted = True
            continue
        yield block
        told_at, interrupted = chunk.indent, False


def _without_announcement(block: Block, following: _Chunk) -> Block | None:
    """Return the block without a last sentence that goes on in the example after it; one that is whole without it stays."""
    text = block.text
    begin = max((match.end() for match in _SENTENCE_BREAK.finditer(text)), default=0)
    if _BULLET.match(following.lines[0].strip()) or (_SENTENCE_END.search(text) and not text.endswith(":")):
        return block
    if text.endswith(":") and text.count(" ", begin) > 8 and not _ANNOUNCES.search(text[begin:]):
        return replace(block, text=f"{text[:-1]}.")
    return replace(block, text=text[: begin - 1]) if begin else None


def _stands_alone(block: Block, chunk: _Chunk, following: _Chunk | None, *, told_at: int, interrupted: bool) -> bool:
    """Return whether the block is a whole: not an example, not one half of a sentence that goes on around an example."""
    ends = block.kind == "item" or bool(_SENTENCE_END.search(block.text))
    if not ends and (chunk.indent > told_at or (following is not None and following.indent > chunk.indent)):
        return False
    return not (interrupted and block.kind == "prose" and block.text[0].islower() and " " in block.text)


def _told(chunk: _Chunk, directive: re.Match[str] | None) -> Block | None:
    """Return the chunk as a paragraph or an item, when it is one that can be read."""
    text = chunk.text[directive.end() :].strip() if directive else chunk.text
    bullet = _BULLET.match(text)
    if bullet:
        text = text[bullet.end() :]
    text = _ASIDE.sub("", text)
    lines = [line.strip() for line in chunk.lines]
    if _CODE.match(lines[0]) or " # " in text or sum(bool(_FIELD.match(line)) for line in lines) > 1 or (bullet and _FIELD.match(text)):
        return None
    if _TABLE.search("\n".join(chunk.lines)) or sum(bool(_COLUMNS.search(line)) for line in lines) > 1:
        return None
    if not is_prose(text) or not (text := clean(text)):
        return None
    defines = " ".join(_INTRODUCED.findall(chunk.text))
    if bullet:
        return Block("item", f"{bullet[1]}. {text}" if bullet[1] else f"- {text}", defines=defines)
    return Block("prose", text, defines=defines)


def is_prose(text: str) -> bool:
    """Return whether `text` is made of words rather than code, grammar or a listing."""
    if "::=" in text or " -> " in text or _CODE.match(text):
        return False
    if _UNSPACED.search(text):
        return True
    words = text.split()
    wordy = sum(bool(_WORDY.match(word)) for word in words)
    return len(words) >= 3 and wordy >= 0.55 * len(words) and text[0] not in "=+|{}<>%&/"


def clean(text: str) -> str:
    """Return `text` on one line and without markup; code stands in double quotes, as in the language reference."""
    text = " ".join(text.split())  # first: the patterns are quadratic in the length of a gap
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return text.strip()


def _chunks(text: str) -> Iterator[_Chunk]:
    lines: list[str] = []
    rows = [*text.expandtabs().splitlines(), ""]
    for index, line in enumerate(rows):
        ends = not line.strip()
        if lines and (ends or _BULLET.match(line.strip()) or _begins_heading(rows, index)):
            yield _chunk(lines)
            lines = []
        if ends:
            continue
        if _UNDERLINE.match(line) and not lines:
            continue  # the line above a title
        lines.append(line)
        if len(lines) == 2 and _is_heading(lines):
            yield _chunk(lines)
            lines = []


def _begins_heading(rows: list[str], index: int) -> bool:
    return index + 1 < len(rows) and _is_heading(rows[index : index + 2])


def _is_heading(lines: list[str]) -> bool:
    title, underline = lines[0].strip(), lines[1]
    return bool(title) and bool(_UNDERLINE.match(underline)) and 0.6 * len(title) <= len(underline.strip()) and len(title) < 120


def _chunk(lines: list[str]) -> _Chunk:
    return _Chunk(tuple(lines), len(lines[0]) - len(lines[0].lstrip()))
