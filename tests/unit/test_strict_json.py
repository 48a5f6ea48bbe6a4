"""JSON from outside: what is let through every database, log and browser can hold."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.strict_json import BadJSON, loads

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_what_json_can_say_is_let_through(value: object) -> None:
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_comes_it_is_a_value_or_bad_json(data: bytes | str) -> None:
    with suppress(BadJSON):
        loads(data)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\xff", "UTF-8"), (b'"\xed\xa0\x80"', "UTF-8"), ("", "Not JSON"),
        ("{", "line 1, column"), ("[1,]", "Not JSON"), ("'a'", "Not JSON"),
        ("NaN", "NaN"), ("-Infinity", "-Infinity"), ("1e400", "64 bit"), (str(2**63), "64 bit"), (str(-(2**63) - 1), "64 bit"),
        ("9" * 5000, "64 bit"), ('{"a":1,"a":2}', "twice"), ('{"a":{"b":1,"b":2}}', "twice"), ("[" * 33 + "]" * 33, "32 levels"),
        ("[" * 100_000 + "]" * 100_000, "32 levels"), ('"\\u0000"', "NUL"), ('{"\\u0000":1}', "NUL"), ('"\\ud83d"', "surrogate"),
        ('["\\ude00x"]', "surrogate"), ('{"a":{"\\udc00":1}}', "surrogate"),
    ],
)  # fmt: skip
def test_what_is_refused(text: bytes | str, why: str) -> None:
    with pytest.raises(BadJSON, match=why):
        loads(text)


def test_the_limits_themselves_are_allowed() -> None:
    assert loads("[" * 32 + "]" * 32)
    assert loads(str(2**63 - 1)) == 2**63 - 1
    assert loads('"\\ud83d\\ude00"') == "😀"
