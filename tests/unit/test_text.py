"""Text as it goes over the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.text import TEXT_EVENT_POINTS, TextLog, clean, cut, cut_bytes, pieces, split_trailing_half, utf16_length

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
"""Lone surrogates and NUL included."""
GOOD_TEXT = ANY_TEXT.map(clean)


@given(ANY_TEXT)
def test_clean_text_can_be_held_by_everybody(text: str) -> None:
    cleaned = clean(text)

    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud83d\udc4d", "👍"),
        ("\udc4d\ud83d", "\ufffd\ufffd"),
        ("\ud83dx", "\ufffdx"),
        ("👍", "👍"),
    ],
)
def test_clean(dirty: str, cleaned: str) -> None:
    assert clean(dirty) == cleaned


@given(GOOD_TEXT, st.integers(0, 60))
def test_cut_gives_the_first_units_or_refuses(text: str, length: int) -> None:
    units = text.encode("utf-16-le")
    try:
        kept = cut(text, length)
    except ValueError:
        halves = units[: length * 2]
        assert length * 2 > len(units) or 0xD800 <= int.from_bytes(halves[-2:], "little") <= 0xDBFF
    else:
        assert utf16_length(kept) == length
        assert text.startswith(kept)


@given(st.lists(ANY_TEXT, max_size=5))
def test_a_text_written_in_parts_is_the_text_written_at_once(parts: list[str]) -> None:
    """A surrogate pair may be torn between two writes, a low half may come alone."""
    written, half = [], ""
    for part in parts:
        whole, half = split_trailing_half(half + part)
        written.append(clean(whole))

    assert "".join(written) + clean(half) == clean("".join(parts))


@given(GOOD_TEXT, st.integers(0, 60))
def test_cut_bytes_never_halves_a_character(text: str, limit: int) -> None:
    kept = cut_bytes(text, limit)

    assert len(kept.encode()) <= limit
    assert text.startswith(kept)


def test_long_text_is_split_into_events() -> None:
    text = "👍" * (TEXT_EVENT_POINTS + 1)

    assert [len(piece) for piece in pieces(text)] == [TEXT_EVENT_POINTS, 1]
    assert pieces("") == []


@given(st.lists(GOOD_TEXT.filter(bool), min_size=1, max_size=8), st.data())
def test_a_text_log_gives_what_is_between_two_chunks(chunks: list[str], data: st.DataObject) -> None:
    log = TextLog()
    offsets = [0]
    for chunk in chunks:
        log.append(chunk)
        offsets.append(log.length)
    first = data.draw(st.integers(0, len(chunks)))
    last = data.draw(st.integers(first, len(chunks)))

    assert log.between(offsets[first], offsets[last]) == "".join(chunks[first:last])


def test_a_text_log_refuses_to_begin_inside_a_chunk() -> None:
    log = TextLog("four")

    with pytest.raises(ValueError, match="No chunk begins at 2"):
        log.between(2, 4)
