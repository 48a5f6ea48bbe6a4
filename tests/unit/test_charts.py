"""Charts stay inside their frame, and their axes have round numbers."""

from hypothesis import example, given
from hypothesis import strategies as st

from jobs.admin.charts import HEIGHT, LEFT, TOP, WIDTH, lines, stacked

counts = st.lists(st.integers(0, 10**7), min_size=1, max_size=40)


@given(counts)
def test_bars_stand_on_each_other_inside_the_frame(values: list[int]) -> None:
    labels = [str(index) for index in range(len(values))]
    chart = stacked("Jobs", "", unit="jobs", labels=labels, series=[("completed", values), ("failed", values)])
    for bar in chart.bars:
        assert LEFT <= bar.x <= bar.x + bar.width <= WIDTH
        assert TOP - 0.2 <= bar.y <= bar.y + bar.height <= chart.bottom + 0.2
    numbers = [float(tick.words.replace(",", "")) for tick in chart.up]
    assert numbers[-1] >= 2 * max(values)
    assert numbers == sorted(set(numbers))
    assert all(number == int(number) for number in numbers)


@given(st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=40))
@example([5e-324])
def test_a_line_is_drawn_where_there_are_values(values: list[float | None]) -> None:
    labels = [str(index) for index in range(len(values))]
    chart = lines("Waiting", "", unit="s", labels=labels, series=[("p50", values)], show="{:.2g}")
    (line,) = chart.lines
    assert len(line.dots) == sum(value is not None for value in values)
    assert all(TOP - 0.2 <= y <= chart.bottom + 0.2 <= HEIGHT for _, y, _ in line.dots)
    assert all(path.startswith("M") and path.count("M") == 1 for path in line.paths)


def test_nothing_is_a_chart_too() -> None:
    chart = stacked("Jobs", "", unit="jobs", labels=["a", "b"], series=[("completed", [0, 0])])
    assert chart.bars == []
    assert [tick.words for tick in chart.up] == ["0", "1"] or len(chart.up) >= 1
