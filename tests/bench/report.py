# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench shows: a table and the checks as text, and one SVG chart a server."""

import math
from xml.sax.saxutils import escape

import rows

# Distinguishable with colour-blind eyes, too (after Okabe and Ito).
COLOURS = {
    "ftpsfs": "#0072b2",
    "ftpsfs-serial": "#56b4e9",
    "ftpsfs-writeback": "#56b4e9",
    "rclone": "#d55e00",
    "rclone-writes": "#e69f00",
    "lftp": "#009e73",
    "lftp-pget": "#7fcdb5",
    "lftp-cls": "#7fcdb5",
    "curl": "#808080",
}
REFERENCE = "ftpsfs"


# Figures


def figure(result, name="cold"):
    """A result's figure with its unit, as text."""
    seconds = rows.median(result, name)
    if seconds is None:
        return ""
    if result["unit"] == "bytes":
        return f"{result['bytes'] / max(seconds, 1e-6) / 1e6:,.1f} MB/s"
    if result["unit"] == "whole":
        return f"{seconds:,.2f} s"
    each = seconds / max(result["units"], 1) * 1e3
    text = f"{each:,.1f} ms" if each >= 10 else f"{each:.2f} ms"
    return text + f"/{result['unit']}"


def done_figure(result):
    """The figure that ratios are made of."""
    return figure(result, "settled" if result.get("settled") else "cold")


def round_trips(result, name="cold"):
    """The same in round-trip times of the line, where that is what counts."""
    if not result["rtt_ms"] or result["unit"] in ("bytes", "whole"):
        return ""
    seconds = rows.per_unit(result, name)
    return f"{seconds * 1e3 / result['rtt_ms']:.2f}" if seconds is not None else ""


def grouped(results):
    """The results by row and then server, in the order in which the rows are defined."""
    order = {row.name: number for number, row in enumerate(rows.ROWS)}
    groups = {}
    for result in sorted(results, key=lambda r: order.get(r["row"], len(order))):
        groups.setdefault((result["row"], result["title"]), {}).setdefault(
            result["server"], []
        ).append(result)
    return groups


def until_done(result):
    """Seconds a unit until the work was really done: what counts for a ratio. For writes that is
    when the server had everything, not when the program was told so."""
    return rows.per_unit(result, "settled" if result.get("settled") else "cold")


def reference_of(group):
    """The result that ratios in a group are told against: ftpsfs's, or the fastest."""
    measured = [result for result in group if result.get("cold")]
    for result in measured:
        if result["peer"] == REFERENCE:
            return result
    return min(measured, key=until_done, default=None)


def ratio(result, reference):
    """How many times as long as the reference, or None."""
    if reference is None or not result.get("cold"):
        return None
    return until_done(result) / max(until_done(reference), 1e-9)


# Text

HEADINGS = (
    "server",
    "peer",
    "first pass",
    "in RTT",
    "second pass",
    "on server",
    "ratio",
    "commands",
    "waits",
    "memory",
)


def _cells(result, reference):
    def each(name):
        value = rows.counter(result, name)
        return f"{value / max(result['units'], 1):.2f}" if value is not None else ""

    compared = ratio(result, reference)
    memory = max(result["memory"]) if result.get("memory") else None
    return [
        result["peer"],
        figure(result),
        round_trips(result),
        figure(result, "second"),
        figure(result, "settled"),
        f"{compared:.2f}" if compared is not None else "",
        each("commands"),
        each("round_trips"),
        f"{memory / rows.MIB:.0f} MiB" if memory else "",
    ]


def table(results):
    """All results. commands and waits are ftpsfs's counters of the first pass, for each unit."""
    lines = []
    for (name, title), servers in grouped(results).items():
        body = [list(HEADINGS)]
        notes = {}
        for server, group in servers.items():
            reference = reference_of(group)
            for result in group:
                body.append([server, *_cells(result, reference)])
                if not result.get("cold"):
                    notes[len(body) - 1] = result.get("error") or result.get("unsupported") or ""
        widths = [max(len(line[column]) for line in body) for column in range(len(HEADINGS))]
        lines.append(f"{name}: {title}")
        for number, cells in enumerate(body):
            if number in notes:
                text = f"{cells[0]:<{widths[0]}}  {cells[1]:<{widths[1]}}  -- {notes[number]}"
            else:
                left = [f"{cell:<{width}}" for cell, width in zip(cells[:2], widths[:2])]
                right = [f"{cell:>{width}}" for cell, width in zip(cells[2:], widths[2:])]
                text = "  ".join(left + right)
            lines.append("  " + text.rstrip())
        lines.append("")
    return "\n".join(lines)


def checks_text(checks):
    lines = []
    for check in checks:
        verdict = "pass" if check["passed"] else "FAIL"
        value = "not measured" if check["value"] is None else f"{check['value']:.2f}"
        lines.append(
            f"  {verdict}  {check['server']:<10} {check['name']:<55} {value:>12}"
            f"  bar {check['bar']}"
        )
    passed = sum(check["passed"] for check in checks)
    if checks:
        lines.append(f"  {passed} of {len(checks)} bars passed")
    return "\n".join(lines)


# The chart

WIDTH = 960
LEFT, RIGHT = 330, 150
BAR, GAP, GROUP_GAP = 15, 4, 18
TOP, BOTTOM = 96, 44
INK, SOFT, LINE = "#1f2328", "#59636e", "#d1d9e0"


class Scale:
    """A logarithmic axis of ratios from low to high."""

    def __init__(self, low, high):
        self.low, self.high = math.log10(low), math.log10(high)

    def x(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        first, last = math.floor(self.low), math.ceil(self.high)
        marks = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
        wide = self.high - self.low > 1.6
        return [
            mark
            for mark in marks
            if self.low - 1e-9 <= math.log10(mark) <= self.high + 1e-9
            and (not wide or str(f"{mark:e}")[0] == "1")
        ]


def _text(x, y, words, size=12, colour=INK, anchor="start", weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'
    )


def _chart_groups(results, server):
    """(title, reference, the others) for each row that a ratio can be shown of."""
    for (_, title), servers in grouped(results).items():
        group = servers.get(server, [])
        reference = reference_of(group)
        if reference is None:
            continue
        others = [
            result for result in group if result is not reference and "unsupported" not in result
        ]
        if others:
            yield title, reference, others


def _bounds(groups):
    ratios = [
        ratio(result, reference)
        for _, reference, others in groups
        for result in others
        if result.get("cold")
    ]
    low, high = min([*ratios, 1]), max([*ratios, 1])
    # To the next tick of 1, 2, 5, with 1 inside and some room beside it.
    return min(low * 0.95, 0.5), max(high * 1.1, 2)


def _bar(result, reference, scale, y):
    middle = y + BAR / 2 + 4
    shapes = [_text(LEFT - 10, middle, result["peer"], 11, SOFT, "end")]
    value = ratio(result, reference)
    if value is None:
        return shapes + [_text(scale.x(1) + 6, middle, "fails", 11, SOFT)]
    start, end = sorted((scale.x(1), scale.x(value)))
    colour = COLOURS.get(result["peer"], "#666666")
    shapes.append(
        f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 1.5):.1f}" height="{BAR}" '
        f'rx="2" fill="{colour}"/>'
    )
    number = f"{value:.0f}×" if value >= 9.95 else f"{value:.2g}×"
    label = f"{number} · {done_figure(result)}"
    shapes.append(_text(max(end, scale.x(1)) + 6, middle, label, 11))
    return shapes


def _axis(scale, bottom, name):
    shapes = []
    for mark in scale.ticks():
        x = scale.x(mark)
        colour = SOFT if mark == 1 else LINE
        shapes.append(
            f'<line x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{bottom}" stroke="{colour}"/>'
        )
        shapes.append(_text(x, bottom + 16, f"{mark:g}×", 11, SOFT, "middle"))
    note = f"time it takes, as a multiple of {name}; logarithmic, to the right is slower"
    shapes.append(_text(scale.x(1), bottom + 34, note, 11, SOFT, "middle"))
    return shapes


def chart(results, server, about):
    """The SVG of one server, or None when there is nothing to compare. about: a line of text on the
    conditions."""
    groups = list(_chart_groups(results, server))
    if not groups:
        return None
    names = {reference["peer"] for _, reference, _ in groups}
    name = names.pop() if len(names) == 1 else "the fastest"
    scale = Scale(*_bounds(groups))
    body, y = [], TOP
    for title, reference, others in groups:
        value = f"{reference['peer']}: {done_figure(reference)}"
        body.append(_text(16, y + 12, title, 12, weight="600"))
        body.append(_text(WIDTH - 16, y + 12, value, 12, COLOURS[reference["peer"]], "end", "600"))
        y += BAR + GAP + 3
        for result in others:
            body += _bar(result, reference, scale, y)
            y += BAR + GAP
        y += GROUP_GAP
    bottom = y - GROUP_GAP + 4
    height = bottom + BOTTOM
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{escape(f'Times on {server} as multiples of {name}')}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        _text(16, 32, f"Implicit FTPS on {server}: times as multiples of {name}", 18, weight="600"),
        _text(16, 54, about, 12, SOFT),
    ]
    return "\n".join([*head, *_axis(scale, bottom, name), *body, "</svg>", ""])
