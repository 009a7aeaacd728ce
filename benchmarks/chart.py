"""Bars as SVG, readable on light and on dark ground, without a library."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

# All in pixels.
MARGIN, GAP = 16, 24
NAMES = 148  # the names of the bars, once in each row of panels
PANEL = 252
FIGURE = 78  # beside the longest bar
BAR, STEP = 12, 19
TITLE, HEAD, NOTE = 34, 26, 17

_STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.head { font-weight: 600 }
.note, .figure { fill: #59636e }
.lost { fill: #b3261e; font-weight: 600 }
.bar { fill: #8c959f }
.first { fill: #0b6bcb }
.range { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.note, .figure { fill: #9da7b1 }
.lost { fill: #ff8a80 }
.bar { fill: #6e7781 }
.first { fill: #4ea1f7 }
.range { stroke: #e6edf3 }
}
"""


@dataclass(frozen=True)
class Bar:
    """The figures of all rounds, of which the median is drawn, and the number of errors."""

    name: str
    figures: Sequence[float]
    lost: int

    @property
    def middle(self) -> float:
        """Return what the bar is as long as."""
        return statistics.median(self.figures)


@dataclass(frozen=True)
class Panel:
    """Bars of one scale, which begins at 0."""

    title: str
    bars: Sequence[Bar]


def svg(title: str, panels: Sequence[Panel], *, columns: int, notes: Sequence[str]) -> str:
    """Return a picture of panels in rows of `columns`; all panels have the same names."""
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    height_of_row = HEAD + STEP * max(len(panel.bars) for panel in panels) + GAP
    width = 2 * MARGIN + NAMES + columns * (PANEL + GAP)
    parts = [_text(MARGIN, MARGIN + 16, title, "title")]
    top = MARGIN + TITLE
    for row in rows:
        parts += _row(row, top)
        top += height_of_row
    lines = ["median of the rounds; the line is their range", *_wrap(notes, width // 7)]
    for line in lines:
        parts.append(_text(MARGIN, top, line, "note"))
        top += NOTE
    return _document(title, panels, parts, width, top + MARGIN - NOTE // 2)


def _document(
    title: str, panels: Sequence[Panel], parts: Sequence[str], width: int, height: int
) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="title desc">'
    )
    described = "; ".join(f"{panel.title}: {_in_words(panel)}" for panel in panels)
    texts = [
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(described)}</desc>',
    ]
    return "\n".join([head, *texts, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _in_words(panel: Panel) -> str:
    return ", ".join(f"{bar.name} {bar.middle:,.0f}" for bar in panel.bars)


def _row(panels: Sequence[Panel], top: int) -> list[str]:
    parts = [
        _text(MARGIN, top + HEAD + STEP * number + BAR - 2, bar.name, "name")
        for number, bar in enumerate(panels[0].bars)
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, MARGIN + NAMES + number * (PANEL + GAP), top)
    return parts


def _panel(panel: Panel, left: int, top: int) -> list[str]:
    longest = max((max(bar.figures) for bar in panel.bars), default=0) or 1
    scale = (PANEL - FIGURE) / longest
    parts = [_text(left, top + HEAD - 12, panel.title, "head")]
    for number, bar in enumerate(panel.bars):
        kind = "bar" if number else "bar first"
        parts += _bar(bar, kind, left, top + HEAD + STEP * number, scale)
    return parts


def _bar(bar: Bar, kind: str, left: int, top: int, scale: float) -> list[str]:
    least, most = (left + scale * figure for figure in (min(bar.figures), max(bar.figures)))
    middle = top + BAR / 2
    parts = [
        f'<rect class="{kind}" x="{left}" y="{top}" rx="2" '
        f'width="{max(scale * bar.middle, 1):.1f}" height="{BAR}"/>',
        f'<line class="range" x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}"/>',
        _text(most + 6, top + BAR - 2, f"{bar.middle:,.0f}", "figure"),
    ]
    if bar.lost:
        beside = most + 6 + 7.8 * len(f"{bar.middle:,.0f}") + 4
        parts.append(_text(beside, top + BAR - 2, f"{bar.lost:,} lost", "lost"))
    return parts


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.4g}" y="{y:.4g}">{escape(text)}</text>'


def _wrap(texts: Sequence[str], width: int) -> list[str]:
    """Return lines of at most `width` characters, broken at commas."""
    lines: list[str] = []
    for text in texts:
        lines.append("")
        for part in text.split(", "):
            if lines[-1] and len(lines[-1]) + len(part) + 2 > width:
                lines[-1] += ","
                lines.append("")
            lines[-1] += f", {part}" if lines[-1] else part
    return lines
