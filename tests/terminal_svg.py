#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws what a terminal shows as an SVG picture.

    tmux capture-pane -e -p | tests/terminal_svg.py [--replace OLD=NEW]... >picture.svg

Reads lines with the colours and attributes of `tmux capture-pane -e`. The bars' block characters
are drawn as rectangles, so that they join whatever font the reader has. --replace puts a name that
readers understand in the place of one of a test's."""

import argparse
import re
import sys
from collections import namedtuple
from html import escape

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN = 8.4, 18, 14, 14
BACKGROUND, FOREGROUND, SHADE = "#1e1e2e", "#d4d4e0", "#45475a"
COLOURS = ("#45475a", "#f38ba8", "#a6e3a1", "#f9e2af", "#89b4fa", "#f5c2e7", "#94e2d5", "#bac2de")

SEQUENCE = re.compile(r"\033\[([\d;]*)m")
OTHER_SEQUENCES = re.compile(r"\033(\[[\d;?]*[A-Za-ln-z]|\([A-Z0-9]|[=>]|\][^\a]*\a)|[\x0e\x0f]")
BLOCKS = re.compile("[\u2588-\u258f\u2591]+")

Style = namedtuple("Style", "colour bold dim", defaults=(None, False, False))
Run = namedtuple("Run", "column text style")


def restyled(style, codes):
    """The style after an SGR sequence; what a picture of text does not need is passed over."""
    for code in (int(word or 0) for word in codes.split(";")):
        if code == 0:
            style = Style()
        elif code in (1, 2):
            style = style._replace(**{"bold" if code == 1 else "dim": True})
        elif code == 22:
            style = style._replace(bold=False, dim=False)
        elif 30 <= code <= 37:
            style = style._replace(colour=COLOURS[code - 30])
        elif code == 39:
            style = style._replace(colour=None)
    return style


def runs_of(line, style):
    """The line's pieces of one style each, and the style that the next line begins with."""
    runs, column = [], 0
    for place, piece in enumerate(SEQUENCE.split(line)):
        if place % 2 == 1:
            style = restyled(style, piece)
        elif piece:
            runs.append(Run(column, piece, style))
            column += len(piece)
    return runs, style


def draw_text(column, text, style, top):
    if not text.strip():
        return ""
    left = MARGIN + (column + len(text) - len(text.lstrip())) * CELL_WIDTH
    text = text.strip()
    look = f' fill="{style.colour}"' if style.colour else ""
    look += ' font-weight="bold"' if style.bold else ""
    look += ' opacity="0.6"' if style.dim else ""
    return (
        f'<text x="{left:.1f}" y="{top + FONT_SIZE}" textLength="{len(text) * CELL_WIDTH:.1f}"'
        f"{look}>{escape(text)}</text>\n"
    )


def draw_blocks(column, text, style, top):
    """A bar: its blocks, the last of which may be part of one, on the shade that is its empty part."""
    filled = sum((0x2590 - ord(letter)) / 8 for letter in text if letter != "\u2591")
    out = ""
    for width, colour in ((len(text), SHADE), (filled, style.colour or FOREGROUND)):
        out += (
            f'<rect x="{MARGIN + column * CELL_WIDTH:.1f}" y="{top + 3}"'
            f' width="{width * CELL_WIDTH:.1f}" height="{LINE_HEIGHT - 5}" fill="{colour}"/>\n'
        )
    return out


def draw_run(run, top):
    out, done = "", 0
    for found in BLOCKS.finditer(run.text):
        out += draw_text(run.column + done, run.text[done : found.start()], run.style, top)
        out += draw_blocks(run.column + found.start(), found[0], run.style, top)
        done = found.end()
    return out + draw_text(run.column + done, run.text[done:], run.style, top)


def picture(text):
    """The SVG of a screen."""
    lines = OTHER_SEQUENCES.sub("", text).rstrip().split("\n")
    body, style, columns = "", Style(), 40
    for number, line in enumerate(lines):
        runs, style = runs_of(line.rstrip(), style)
        body += "".join(draw_run(run, MARGIN + number * LINE_HEIGHT) for run in runs)
        columns = max([columns, *(run.column + len(run.text) for run in runs)])
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}"'
        f' viewBox="0 0 {width:.0f} {height}" xml:space="preserve" font-family="ui-monospace, DejaVu Sans Mono,'
        f' Menlo, Consolas, monospace" font-size="{FONT_SIZE}" fill="{FOREGROUND}">\n'
        f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>\n{body}</svg>\n'
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replace", action="append", default=[], metavar="OLD=NEW")
    text = sys.stdin.read()
    for words in parser.parse_args().replace:
        old, _, new = words.partition("=")
        text = text.replace(old, new)
    sys.stdout.write(picture(text))


if __name__ == "__main__":
    main()
