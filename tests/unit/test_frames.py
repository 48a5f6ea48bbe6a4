"""A frame's bytes are those that a WebSocket library would send."""

import pytest
from websockets.frames import Frame as LibraryFrame
from websockets.frames import Opcode

from realtime.protocol import Frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 300_000])
def test_sizes(size: int) -> None:
    text = "x" * size
    assert Frame(text).wire == LibraryFrame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_text_is_utf8_and_made_once() -> None:
    frame = Frame("über 👍")
    assert frame.wire == LibraryFrame(Opcode.TEXT, "über 👍".encode()).serialize(mask=False)
    assert frame.wire is frame.wire
