#!/usr/bin/env python3
"""Draws the label of a box: whose it is, where it hangs, and a QR code that leads to its page.

    label.py VENUE.TOML FILE.png

62 x 29 mm at 300 dpi, which common label printers take. The QR code holds the address of the box at
the operator's console (`label.console` of the venue.toml), or, without one, TENANT/DEVICE.

Owns how a label looks. Knows nothing of disks; venue.py judges the venue.toml.
"""

import pathlib
import sys

import qrcode
import venue
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 732, 342
MARGIN = 24
# No letters are smaller; what is longer still is cut off.
SIZE_MIN = 18
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"


def code(text):
    """The QR code, as large as the label is high; readable with 15 % of it scratched off."""
    made = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    made.add_data(text)
    made.make(fit=True)
    return made.make_image().get_image().resize((HEIGHT, HEIGHT), Image.Resampling.NEAREST)


def write_line(draw, text, size, top):
    """Writes the text in this size, or as large as it fits; returns where the next line begins."""
    width = WIDTH - HEIGHT - MARGIN
    font = ImageFont.truetype(FONT, size)
    while font.getlength(text) > width and font.size > SIZE_MIN:
        font = ImageFont.truetype(FONT, font.size - 2)
    while font.getlength(text) > width:
        text = text[:-2] + "…"
    draw.text((HEIGHT, top), text, font=font, fill=0)
    return top + int(font.size * 1.35)


def draw_label(box):
    label = Image.new("L", (WIDTH, HEIGHT), 255)
    label.paste(code(box.address()), (0, 0))
    draw = ImageDraw.Draw(label)
    top = MARGIN
    lines = [(box.device, 64), (box.tenant, 40), (box.hostname, 40), ("courtside", 28)]
    for text, size in lines:
        if text:
            top = write_line(draw, text, size, top)
    return label


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    box = venue.label_of(venue.read(source))
    if box is None:
        sys.exit("the configuration names no `box.tenant` and `box.device`; without them there is no label")
    draw_label(box).save(target, dpi=(300, 300))


if __name__ == "__main__":
    main()
