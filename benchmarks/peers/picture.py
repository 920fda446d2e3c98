"""The comparison as a picture: a bar a contender, a group a case, on a logarithmic scale. SVG, by hand: it needs no library."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from benchmarks.peers.table import digits

_WIDTH, _LEFT, _RIGHT = 820, 220, 90
_BAR, _GAP, _GROUP, _TOP, _MARGIN = 16, 5, 34, 50, 10
_OURS, _OTHERS, _TEXT, _LINE = "#1f6feb", "#a8b3c2", "#24292f", "#d8dee4"


def picture(
    costs: Mapping[str, Mapping[str, Sequence[float]]], *, ours: str, heads: Mapping[str, str]
) -> str:
    """An SVG of the median processor time of each contender in each of these cases; `ours` stands out."""
    medians = {
        case: {name: statistics.median(samples) for name, samples in costs[case].items()} for case in heads
    }
    values = [value for of_case in medians.values() for value in of_case.values()]
    scale = _Scale(least=min(values), most=max(values))
    body, y = [], float(_TOP)
    for case, head in heads.items():
        body.append(_text(_MARGIN, y + 12, head, weight="bold"))
        y += 22
        for name, value in sorted(medians[case].items(), key=lambda one: one[1]):
            body += _bar(name, value, y, scale, _OURS if name == ours else _OTHERS)
            y += _BAR + _GAP
        y += _GROUP - 22
    grid = list(_grid(scale, y - _GROUP + 26))
    title = _text(
        _MARGIN, 18, "Milliseconds of CPU time a request, median, on a logarithmic scale: shorter is better"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y:.0f}" viewBox="0 0 {_WIDTH} {y:.0f}" '
        'font-family="system-ui, sans-serif" font-size="12">'
    )
    lines = [head, f'<rect width="{_WIDTH}" height="{y:.0f}" fill="#ffffff"/>', *grid, title, *body, "</svg>"]
    return "\n".join(lines) + "\n"


class _Scale:
    """Places on a logarithmic axis, from the power of ten below the least value on."""

    def __init__(self, *, least: float, most: float) -> None:
        self.first = math.floor(math.log10(least))
        self._last = max(math.log10(most), self.first + 1)

    def at(self, value: float) -> float:
        """The distance from the axis' beginning."""
        room = _WIDTH - _LEFT - _RIGHT
        return room * (math.log10(value) - self.first) / (self._last - self.first)

    def powers(self) -> Iterator[float]:
        """The powers of ten on it."""
        for exponent in range(self.first, math.floor(self._last) + 1):
            yield 10.0**exponent


def _bar(name: str, value: float, y: float, scale: _Scale, colour: str) -> list[str]:
    length = max(scale.at(value), 1)
    return [
        _text(_LEFT - 8, y + 12, name, anchor="end"),
        f'<rect x="{_LEFT}" y="{y:.0f}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>',
        _text(_LEFT + length + 6, y + 12, digits(value)),
    ]


def _grid(scale: _Scale, bottom: float) -> Iterator[str]:
    for power in scale.powers():
        x = _LEFT + scale.at(power)
        yield _text(x, _TOP - 8, f"{power:g}", anchor="middle")
        yield f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom:.0f}" stroke="{_LINE}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="{_TEXT}">{escape(text)}</text>'
