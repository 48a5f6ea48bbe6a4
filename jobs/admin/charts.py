"""Charts as numbers: where the bars, lines and ticks of an SVG are. The template draws them; a table stands beside each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 32
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
TICKS = 4
SMALLEST = 1e-9
"""What is not above it counts as nothing: smaller numbers have no logarithm in the end."""
LABELS = 6
GAP = 0.2
"""The part of a bar's place that stays free."""


@dataclass(frozen=True)
class Tick:
    """A mark of an axis, with its words."""

    at: float
    words: str


@dataclass(frozen=True)
class Bar:
    """A part of a bar: `name` is its class."""

    name: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Line:
    """A line through the values that there are: the pieces of it that are unbroken, and its points."""

    name: str
    paths: list[str]
    points: list[Tick]
    xs: list[float]

    @property
    def dots(self) -> list[tuple[float, float, str]]:
        """The points with what they say."""
        return [(x, point.at, point.words) for x, point in zip(self.xs, self.points, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """All of it."""

    title: str
    description: str
    unit: str
    bars: list[Bar]
    lines: list[Line]
    across: list[Tick]
    up: list[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def stacked(
    title: str, description: str, *, unit: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], show: str = "{:g}"
) -> Chart:
    """Return a chart of bars that stand on each other, the first series at the bottom."""
    sums = [sum(values) for values in zip(*(values for _, values in series), strict=True)]
    top, up = _axis(max(sums, default=0), show)
    place = PLOT_WIDTH / max(1, len(labels))
    bars, stand = [], [0.0] * len(labels)
    for name, values in series:
        for index, value in enumerate(values):
            if value:
                height = PLOT_HEIGHT * value / top
                stand[index] += height
                x, y = LEFT + place * (index + GAP / 2), TOP + PLOT_HEIGHT - stand[index]
                words = f"{labels[index]}: {show.format(value)} {name}"
                bars.append(Bar(name, round(x, 1), round(y, 1), round(place * (1 - GAP), 1), round(height, 1), words))
    return Chart(title=title, description=description, unit=unit, bars=bars, lines=[], across=_across(labels), up=up)


def lines(
    title: str, description: str, *, unit: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], show: str
) -> Chart:
    """Return a chart of lines; where there is no value there is none."""
    top, up = _axis(max((value for _, values in series for value in values if value is not None), default=0), show)
    place = PLOT_WIDTH / max(1, len(labels))
    drawn = []
    for name, values in series:
        xs: list[float] = []
        points: list[Tick] = []
        paths: list[str] = []
        path = ""
        for index, value in enumerate(values):
            if value is None:
                paths, path = [*paths, path], ""
                continue
            x, y = round(LEFT + place * (index + 0.5), 1), round(TOP + PLOT_HEIGHT * (1 - value / top), 1)
            path += f"{'L' if path else 'M'}{x} {y}"
            xs.append(x)
            points.append(Tick(y, f"{labels[index]}: {name} {show.format(value)} {unit}"))
        drawn.append(Line(name, [piece for piece in [*paths, path] if "L" in piece], points, xs))
    return Chart(title=title, description=description, unit=unit, bars=[], lines=drawn, across=_across(labels), up=up)


def _axis(highest: float, show: str) -> tuple[float, list[Tick]]:
    """Return a round value at or above the highest, and the ticks up to it."""
    step = _round_up(highest / TICKS) if highest > SMALLEST else 1
    if show == "{:g}":
        step = max(1, step)
    count = max(1, math.ceil(highest / step - 1e-9))
    ticks = [Tick(round(TOP + PLOT_HEIGHT * (1 - index / count), 1), f"{index * step:,.6g}") for index in range(count + 1)]
    return step * count, ticks


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5 and 10 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= value * (1 - 1e-9))


def _across(labels: Sequence[str]) -> list[Tick]:
    place, every = PLOT_WIDTH / max(1, len(labels)), max(1, math.ceil(len(labels) / LABELS))
    return [Tick(round(LEFT + place * (index + 0.5), 1), words) for index, words in enumerate(labels) if index % every == 0]
