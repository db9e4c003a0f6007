"""Bars with the range of the rounds, as SVG."""

import re
from html import escape

from loads import COLUMNS

WIDTH, LEFT, BAR, GAP, RIGHT = 640, 110, 18, 8, 90  # pixels
COLOURS = {"portcullis": "#1f6feb"}
OTHERS = "#8b949e"


def panel(title, key, measured, top):
    """The bars of one column, from `top` down; (elements, height)."""
    shown = [(name, one) for name, one in measured.items() if one.column(key)]
    most = max(max(one.column(key)) for _, one in shown)
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = [f'<text x="{LEFT}" y="{top + 14}" font-weight="bold">{escape(title)}</text>']
    for place, (name, one) in enumerate(shown):
        y = top + 24 + place * (BAR + GAP)
        low, middle, high = min(one.column(key)), one.median(key), max(one.column(key))
        centre = y + BAR / 2
        parts += [
            f'<text x="{LEFT - 8}" y="{centre + 4}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{middle * scale:.1f}" height="{BAR}" fill="{COLOURS.get(name, OTHERS)}"/>',
            f'<path d="M{LEFT + low * scale:.1f} {centre}H{LEFT + high * scale:.1f}" stroke="#000" stroke-width="1.5"/>',
            f'<text x="{LEFT + high * scale + 6:.1f}" y="{centre + 4}">{middle:,.{1 if middle < 100 else 0}f}</text>',
        ]
    return parts, 24 + len(shown) * (BAR + GAP) + 12


def write(directory, title, measured):
    """One file for a contest: {name: Measurement}."""
    parts, top = [f'<text x="8" y="20" font-size="15">{escape(title)}</text>'], 30
    for column, key, _ in COLUMNS:
        if any(one.column(key) for one in measured.values()):
            more, height = panel(column, key, measured, top)
            parts, top = parts + more, top + height
    name = re.sub(r"\W+", "-", title)
    (directory / f"{name}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")
