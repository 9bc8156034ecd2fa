"""Owns the board lane's training fields: one number of a scoreboard or a score bug, as a camera shows it. Trains nothing.

A field is drawn in seven segments, in dots or in a typeface, seen askew, through a lens and a codec, and cut out by a
technician who does not aim well. Fields are laid into [`ROWS`] × [`COLUMNS`] as the box does it (`models/src/lanes/board.rs`).
"""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROWS, COLUMNS = 32, 128
PAD = 114  # grey beside a field that is narrower than the input
SYMBOLS = "0123456789:."
TALL = 96  # height of a digit while it is drawn, pixels
FIELDS = 40  # fields of a seed
TYPEFACES = Path("/usr/share/fonts/truetype")
HELD_OUT = ("lato", "freefont")  # families that only judging draws
SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abfgcd")
VARIANTS = {6: "fgedc", 7: "fabc", 9: "abfgc"}  # how some boards show them
DOTS = (  # 5 × 7, rows from the top, the leftmost dot is 16
    (14, 17, 19, 21, 25, 17, 14), (4, 12, 4, 4, 4, 4, 14), (14, 17, 1, 2, 4, 8, 31), (31, 2, 4, 2, 1, 17, 14),
    (2, 6, 10, 18, 31, 2, 2), (31, 16, 30, 1, 1, 17, 14), (6, 8, 16, 30, 17, 17, 14), (31, 1, 2, 4, 8, 8, 8),
    (14, 17, 17, 14, 17, 17, 14), (14, 17, 17, 15, 1, 2, 12),
)  # fmt: skip
Rng = np.random.Generator


@dataclass
class Boards:
    """Fields.

    - frames: u8 `[n, 32, 128]`; texts: i8 `[n, 6]`, positions in [`SYMBOLS`], -1 behind the end; seeds: i64 `[n]`.
    """

    frames: np.ndarray
    texts: np.ndarray
    seeds: np.ndarray


def text_of(rng: Rng) -> str:
    """What a board may show; empty for a field that is dark."""
    kind = rng.random()
    if kind < 0.04:
        return ""
    if kind < 0.45:
        score = int(rng.choice([rng.integers(0, 10), rng.integers(0, 100), rng.integers(0, 200)]))
        return f"{score:0{rng.choice([1, 1, 2, 3])}d}"
    if kind < 0.75:
        minutes, rest = int(rng.choice([rng.integers(0, 10), rng.integers(10, 21)])), int(rng.integers(0, 60))
        if rng.random() < 0.2:
            return f"{rest}.{rng.integers(0, 10)}"
        return f"{minutes:0{rng.choice([1, 2])}d}:{rest:02d}"
    if kind < 0.85:
        return str(rng.integers(1, 6))
    left = int(rng.integers(0, 31))
    return f"{left}.{rng.integers(0, 10)}" if rng.random() < 0.15 else f"{left:0{rng.choice([1, 2])}d}"


@cache
def typefaces(held_out: bool) -> list[str]:
    """Files of the typefaces that are drawn with; those of the held-out families, or the others."""
    files = sorted(str(path) for path in TYPEFACES.glob("*/*.ttf"))
    plain = [file for file in files if "TeX" not in file and "Italic" not in file.replace("BoldItalic", "")]
    chosen = [file for file in plain if any(f"/{family}/" in file for family in HELD_OUT) == held_out]
    if not chosen:
        raise FileNotFoundError(f"no typefaces in {TYPEFACES}: run scripts/train, which installs them")
    return chosen


def in_typeface(text: str, rng: Rng, held_out: bool) -> Image.Image:
    """The lit parts, 255 on 0, of a printed number."""
    files = typefaces(held_out)
    font = ImageFont.truetype(files[rng.integers(len(files))], TALL)
    spacing = rng.uniform(-0.02, 0.14) * TALL
    lit = Image.new("L", (int(TALL * 0.95 * len(text) + TALL), int(TALL * 1.5)), 0)
    draw, x = ImageDraw.Draw(lit), TALL * 0.3
    bold = int(rng.choice([0, 0, 0, 2, 4]))
    for symbol in text:
        draw.text((x, TALL * 0.1), symbol, 255, font, stroke_width=bold)
        x += draw.textlength(symbol, font) + spacing
    box = lit.getbbox()
    return lit.crop(box) if box else lit.crop((0, 0, TALL, TALL))


@dataclass(frozen=True)
class Lamps:
    """How a board of lamps is built, in shares of a digit's height."""

    wide: float
    pitch: float
    thick: float
    flat: float  # thickness of level segments, as a share of that of upright ones
    gap: float
    slant: float
    round: bool

    @staticmethod
    def draw(rng: Rng) -> "Lamps":
        wide = rng.choice([rng.uniform(0.45, 0.68), rng.uniform(0.45, 0.68), rng.uniform(0.6, 1.0)])
        gap, slant = rng.uniform(0, 0.03), rng.choice([0, 0, rng.uniform(0, 0.2)])
        flat = rng.choice([1, 1, rng.uniform(0.45, 1.2)])
        return Lamps(wide, wide + rng.uniform(0.03, 0.42), rng.uniform(0.08, 0.24), flat, gap, slant, rng.random() < 0.4)


def in_segments(text: str, rng: Rng) -> tuple[Image.Image, Image.Image]:
    """The lit segments, 255 on 0, and all that there are."""
    lamps, odd = Lamps.draw(rng), {digit: rng.random() < 0.3 for digit in VARIANTS}
    text = " " * int(rng.choice([0, 0, 0, 1, 2])) + text if ":" not in text else text  # places that are dark
    widths = [0.28 if symbol in ":." else lamps.pitch for symbol in text]
    across = int(TALL * (sum(widths) + lamps.slant + 0.2))
    lit, every = (Image.new("L", (max(across, 8), int(TALL * 1.1)), 0) for _ in range(2))
    x = 0.1
    for symbol, width in zip(text, widths):
        if symbol in ":.":
            for y in (0.3, 0.72) if symbol == ":" else (0.96,):
                for picture in (lit, every):
                    _disc(picture, (x + 0.08 + lamps.slant * (1 - y), y), lamps.thick * 0.6)
        else:
            names = "" if symbol == " " else SEGMENTS[int(symbol)]
            if symbol != " " and odd.get(int(symbol)):
                names = VARIANTS[int(symbol)]
            for name in "abcdefg":
                for picture in (lit, every) if name in names else (every,):
                    _segment(picture, name, x, lamps)
        x += width
    return lit, every


def _disc(picture: Image.Image, at: tuple[float, float], radius: float) -> None:
    x, y, r = at[0] * TALL, (at[1] + 0.04) * TALL, radius * TALL
    ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), 255)


def _segment(picture: Image.Image, name: str, left: float, lamps: Lamps) -> None:
    half, g = lamps.thick / 2, lamps.gap
    x0, x1, top, mid, low = half, lamps.wide - half, half, 0.5, 1 - half
    ends = {
        "a": (x0 + g, top, x1 - g, top), "g": (x0 + g, mid, x1 - g, mid), "d": (x0 + g, low, x1 - g, low),
        "f": (x0, top + g, x0, mid - g), "b": (x1, top + g, x1, mid - g),
        "e": (x0, mid + g, x0, low - g), "c": (x1, mid + g, x1, low - g),
    }[name]  # fmt: skip
    place = lambda x, y: ((left + x + lamps.slant * (1 - y)) * TALL, (y + 0.04) * TALL)
    a, b = place(*ends[:2]), place(*ends[2:])
    share = lamps.thick * (lamps.flat if name in "agd" else 1)
    draw, thick = ImageDraw.Draw(picture), max(1, int(share * TALL))
    draw.line((*a, *b), 255, thick)
    if lamps.round:
        for x, y in (a, b):
            draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), 255)


def in_dots(text: str, rng: Rng) -> tuple[Image.Image, Image.Image]:
    """The lit dots of a matrix, 255 on 0, and all that there are."""
    step = TALL / 7
    radius, columns = step * rng.uniform(0.3, 0.52), sum(3 if symbol in ":." else 6 for symbol in text)
    lit, every = (Image.new("L", (max(8, int(columns * step)), TALL), 0) for _ in range(2))
    column = 0
    for symbol in text:
        wide = 2 if symbol in ":." else 5
        if symbol in ":.":
            rows = [3 if (y in (2, 4) if symbol == ":" else y == 6) else 0 for y in range(7)]
        else:
            rows = DOTS[int(symbol)]
        for y in range(7):
            for x in range(wide):
                at = ((column + x + 0.5) * step, (y + 0.5) * step)
                box = (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
                ImageDraw.Draw(every).ellipse(box, 255)
                if rows[y] >> (wide - 1 - x) & 1:
                    ImageDraw.Draw(lit).ellipse(box, 255)
        column += wide + 1
    return lit, every


def drawn(text: str, rng: Rng, held_out: bool) -> Image.Image:
    """The field on its board, straight ahead, without its surroundings."""
    kind = rng.random() if text else 1.0
    if kind < 0.45 or not text:
        shown = text or "8" * int(rng.integers(1, 4))
        lit, every = in_segments(shown, rng)
        lit = lit if text else Image.new("L", lit.size, 0)
    elif kind < 0.6:
        lit, every = in_dots(text, rng)
    else:
        lit = in_typeface(text, rng, held_out)
        every = lit
    lamp, board = rng.uniform(0.45, 1), rng.uniform(0, 0.3)
    if text and rng.random() < (0.4 if kind >= 0.6 else 0.15):  # print, and liquid crystals, may be dark on light
        lamp, board = board, lamp
    ghost = rng.choice([0, 0, rng.uniform(0, 0.16)]) * (lamp - board)
    lit, every = (np.asarray(picture, np.float32) / 255 for picture in (lit, every))
    if rng.random() < 0.15:  # a camera's shutter meets lamps that flicker
        lit = lit * (1 - rng.uniform(0.2, 0.7) * (np.sin(np.linspace(0, rng.uniform(2, 7), len(lit)) + rng.uniform(0, 6)) > 0)[:, None])
    return Image.fromarray((255 * (board + ghost * every + (lamp - board - ghost) * lit)).clip(0, 255).astype(np.uint8))


def surrounded(field: Image.Image, rng: Rng) -> Image.Image:
    """The field with the board around it, cut as a technician would: mostly a little wide."""
    grey = int(np.median(np.asarray(field)[:3]))
    margin = [int(TALL * rng.uniform(-0.04, 0.35)) for _ in range(4)]
    left, top, right, bottom = margin
    size = (max(8, field.width + left + right), max(8, field.height + top + bottom))
    board = Image.new("L", size, grey)
    board.paste(field, (left, top))
    draw = ImageDraw.Draw(board)
    for _ in range(rng.choice([0, 0, 1, 2])):  # a frame, a line, the edge of the board
        tone, thick = int(rng.integers(0, 256)), int(rng.integers(1, 10))
        y, x = (0, size[0]) if rng.random() < 0.5 else (size[1] - 1, size[0])
        draw.line((0, y, x, y), tone, thick)
    return board


def seen(board: Image.Image, rng: Rng) -> np.ndarray:
    """The field as the camera shows it, u8: askew, blurred, small, noisy, compressed."""
    w, h = board.size
    jitter = lambda: rng.uniform(-0.06, 0.06) * h
    corners = (jitter(), jitter(), jitter(), h + jitter(), w + jitter(), h + jitter(), w + jitter(), jitter())
    grey = int(np.median(np.asarray(board)))
    board = board.transform(board.size, Image.Transform.QUAD, corners, Image.Resampling.BILINEAR, fillcolor=grey)
    if rng.random() < 0.3:  # lamps bloom
        halo = board.filter(ImageFilter.GaussianBlur(TALL * rng.uniform(0.02, 0.12)))
        light = np.maximum(np.asarray(board), np.asarray(halo) * rng.uniform(0.5, 1.1)).clip(0, 255)
        board = Image.fromarray(light.astype(np.uint8))
    tall = float(np.exp(rng.uniform(np.log(9), np.log(70))))  # pixels of a digit in the source
    scale = tall / TALL
    size = (max(4, int(w * scale * rng.uniform(0.85, 1.2))), max(4, int(h * scale)))
    blurred = board.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.5) / scale * min(1, tall / 14)))
    small = np.asarray(blurred.resize(size, Image.Resampling.BOX), np.float32)
    dark, light = rng.uniform(0, 70), rng.uniform(100, 255)
    across, down = rng.uniform(-0.3, 0.3, 2) * (rng.random() < 0.3)  # light falls on it from one side
    shade = 1 + across * np.linspace(-1, 1, size[0])[None] + down * np.linspace(-1, 1, size[1])[:, None]
    small = (dark + (light - dark) * small / 255) * shade
    small = (small + rng.normal(0, rng.choice([0, 2, 6, 10]), small.shape)).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.8:
        file = io.BytesIO()
        Image.fromarray(small).save(file, "JPEG", quality=int(rng.integers(25, 92)))
        small = np.asarray(Image.open(file))
    return small


def laid(field: np.ndarray) -> np.ndarray:
    """A field u8 `[h, w]` in the input of the network, u8 `[32, 128]`."""
    h, w = field.shape
    wide = int(np.clip(round(ROWS * w / h), 8, COLUMNS))
    picture = np.full((ROWS, COLUMNS), PAD, np.uint8)
    left = (COLUMNS - wide) // 2
    how = Image.Resampling.BOX if h > ROWS else Image.Resampling.BILINEAR
    picture[:, left : left + wide] = np.asarray(Image.fromarray(field).resize((wide, ROWS), how))
    return picture


def field_of(rng: Rng, held_out: bool) -> tuple[np.ndarray, str]:
    """One field u8 `[32, 128]` and its text."""
    text = text_of(rng)
    return laid(seen(surrounded(drawn(text, rng, held_out), rng), rng)), text


def render(seeds: range, held_out: bool) -> Boards:
    """[`FIELDS`] fields of each seed."""
    frames, texts = [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, 9])
        for _ in range(FIELDS):
            frame, text = field_of(rng, held_out)
            frames.append(frame)
            texts.append([SYMBOLS.index(symbol) for symbol in text] + [-1] * (6 - len(text)))
    return Boards(np.stack(frames), np.asarray(texts, np.int8), np.repeat(np.asarray(seeds), FIELDS))
