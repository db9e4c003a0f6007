"""Panels of a Grafana dashboard as SVG: lines over time, and single numbers."""

import math
from html import escape

UNIT_WIDTH, UNIT_HEIGHT = 50, 26  # pixels of Grafana's grid
ROW_HEIGHT_UNITS = 1
PADDING = 10
TITLE_HEIGHT = 22
LETTER_WIDTH = 6.8  # of a title, in bold
LEGEND_LINE = 14
LEGEND_MAX = 4  # lines; the highest series are named, the rest are counted
AXIS_WIDTH = 54
COLOURS = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#0e7490", "#bf3989", "#57606a"]
SI = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")]


def draw(dashboard, series):
    """The document. `series`: for each panel's title its lines, (name, [(time, value)])."""
    width = 24 * UNIT_WIDTH
    height = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in dashboard) * UNIT_HEIGHT
    parts = [part for each in dashboard for part in panel(each, series[each["title"]])]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def panel(each, lines):
    grid = each["gridPos"]
    left, top = grid["x"] * UNIT_WIDTH, grid["y"] * UNIT_HEIGHT
    width, height = grid["w"] * UNIT_WIDTH, grid["h"] * UNIT_HEIGHT
    if each["type"] == "row":
        return [text(left + PADDING, top + height - 8, each["title"], 'font-size="15" font-weight="bold"')]
    frame = [f'<rect x="{left + 3}" y="{top + 3}" width="{width - 6}" height="{height - 6}" fill="none" stroke="#d0d7de"/>',
             text(left + PADDING, top + 18, each["title"], f'font-weight="bold" font-size="{title_size(each["title"], width):.1f}"')]
    unit = each.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
    inner = (left + PADDING, top + TITLE_HEIGHT, width - 2 * PADDING, height - TITLE_HEIGHT - PADDING)
    return frame + (numbers if each["type"] == "stat" else graph)(inner, lines, unit)


def title_size(title, width):
    return min(11, 11 * (width - 2 * PADDING) / (len(title) * LETTER_WIDTH))


def numbers(inner, lines, unit):
    left, top, _, height = inner
    shown = [(name, points[-1][1]) for name, points in lines if points]
    step = height / (len(shown) + 1)
    return [text(left, top + step * (n + 1), f"{name}: {told(value, unit)}", 'font-size="16"') for n, (name, value) in enumerate(shown)]


def graph(inner, lines, unit):
    left, top, width, height = inner
    lines = sorted(((name, finite(points)) for name, points in lines), key=lambda line: -max((v for _, v in line[1]), default=-1))
    lines = [line for line in lines if line[1]]
    if not lines:
        return [text(left + width / 2, top + height / 2, "nothing in this time", 'text-anchor="middle" fill="#57606a"')]
    named = lines[:LEGEND_MAX] if len(lines) <= LEGEND_MAX else lines[: LEGEND_MAX - 1]
    depth = height - LEGEND_LINE * (len(named) + (len(lines) > len(named))) - 16
    begin = min(points[0][0] for _, points in lines)
    end = max(points[-1][0] for _, points in lines)
    most = max(max(value for _, value in points) for _, points in lines) or 1
    x = lambda at: left + AXIS_WIDTH + (width - AXIS_WIDTH) * ((at - begin) / ((end - begin) or 1))
    y = lambda value: top + 6 + depth * (1 - value / most)
    parts = [axis(left, y(value), width, told(value, unit)) for value in (0, most / 2, most)]
    for n, (_, points) in enumerate(lines):
        path = " ".join(f"{x(at):.0f},{y(value):.1f}" for at, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="1.3"/>')
    bottom = top + depth + 24
    for n, (name, _) in enumerate(named):
        parts.append(text(left, bottom + n * LEGEND_LINE, f"— {name}", f'fill="{COLOURS[n % len(COLOURS)]}"'))
    if len(lines) > len(named):
        parts.append(text(left, bottom + len(named) * LEGEND_LINE, f"and {len(lines) - len(named)} lower ones", 'fill="#57606a"'))
    return parts


def axis(left, y, width, label):
    line = f'<path d="M{left + AXIS_WIDTH} {y:.1f}H{left + width}" stroke="#eaeef2"/>'
    return line + text(left + AXIS_WIDTH - 4, y + 4, label, 'text-anchor="end" fill="#57606a"')


def finite(points):
    return [(at, value) for at, value in points if math.isfinite(value)]


def told(value, unit):
    """A number as people read it: 0.00021 s is 210 µs."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    size, prefix = next(((size, prefix) for size, prefix in SI if abs(value) >= size), (1, ""))
    if unit != "s" and size < 1:
        size, prefix = 1, ""
    suffix = {"s": "s", "bytes": "B", "reqps": "/s", "ops": "/s"}.get(unit, "")
    return f"{value / size:.3g} {prefix}{suffix}".strip()


def text(x, y, words, attributes):
    return f'<text x="{x:.0f}" y="{y:.0f}" {attributes}>{escape(words)}</text>'
