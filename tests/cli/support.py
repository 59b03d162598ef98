"""What the tests of the command line share: running it, making picture files, reading them with libvips' own tools."""
import dataclasses
import os
import pathlib
import pty
import random
import select
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

INFILL = os.environ["INFILL"]
FAST = ["--method", "harmonic"]


def png(path, width, height, channels, pixel, bits=8):
    """A PNG of 1 (grey), 2 (grey, alpha), 3 or 4 channels; pixel(x, y) is a tuple of values."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            for value in pixel(x, y):
                rows += struct.pack(">B" if bits == 8 else ">H", value)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    path.write_bytes(png_header(width, height, bits, colour) + chunk(b"IDAT", zlib.compress(bytes(rows), 1))
                     + chunk(b"IEND", b""))
    return path


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height, bits, colour):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def noise(channels, maximum=255, seed=1):
    """pixel() for png(): noise, so that a filled pixel is practically never what it was."""
    generator = random.Random(seed)
    return lambda x, y: tuple(generator.randrange(maximum // 4, maximum // 2) for _ in range(channels))


def spot(x0, y0, x1, y1, inside=255, outside=0):
    """pixel() of a mask: a rectangle."""
    return lambda x, y: ((inside if x0 <= x < x1 and y0 <= y < y1 else outside),)


def vips(*words):
    subprocess.run(["vips", *map(str, words)], check=True, capture_output=True)


def field(path, name):
    """A header field of a picture; None when it has none."""
    done = subprocess.run(["vipsheader", "-f", name, str(path)], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


@dataclasses.dataclass
class Decoded:
    width: int
    height: int
    kind: tuple  # channels, libvips' numbers for the type of a channel and for the colour space
    pixels: list  # the bytes of each pixel


def decoded(path, turned=False):
    """A picture file, read by libvips into its own format and from there. turned: as displayed."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "decoded.v"
        vips("autorot" if turned else "copy", path, file)
        data = file.read_bytes()
    _, width, height, channels, _, number, _, colours = struct.unpack("<8i", data[:32])
    size = channels * {0: 1, 2: 2, 4: 4, 6: 4}[number]
    body = data[64:64 + width * height * size]
    return Decoded(width, height, (channels, number, colours), [body[i:i + size] for i in range(0, len(body), size)])


def pixels(path):
    return decoded(path).pixels


def changed(before, after, turned=False):
    """The set of (x, y) whose pixels differ between two files of one size and kind."""
    old, new = decoded(before, turned), decoded(after, turned)
    assert (old.width, old.height, old.kind) == (new.width, new.height, new.kind), (old.kind, new.kind)
    return {(i % old.width, i // old.width) for i, (a, b) in enumerate(zip(old.pixels, new.pixels)) if a != b}


def rectangle(x0, y0, x1, y1):
    return {(x, y) for x in range(x0, x1) for y in range(y0, y1)}


def jpeg_with_metadata(path, source, orientation):
    """A JPEG of `source` with an ICC profile, XMP, and EXIF that has an orientation and a thumbnail."""
    vips("jpegsave", source, path, "--Q", 100, "--subsample-mode", "off", "--strip")
    thumbnail = path.with_suffix(".thumbnail.jpg")
    vips("jpegsave", source, thumbnail, "--strip")
    small = thumbnail.read_bytes()
    thumbnail.unlink()
    first = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 26)
    second_entries = struct.pack(">HHIHHHHIIHHII", 0x0103, 3, 1, 6, 0, 0x0201, 4, 1, 26 + 42, 0x0202, 4, 1, len(small))
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + first + struct.pack(">H", 3) + second_entries + struct.pack(">I", 0) + small
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>kept</a></x:xmpmeta>'
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in (exif, xmp))
    rocket = (pathlib.Path(__file__).parents[2] / "examples/photos/rocket.jpg").read_bytes()
    icc = rocket.index(b"ICC_PROFILE") - 4
    segments += rocket[icc:icc + 2 + struct.unpack(">H", rocket[icc + 2:icc + 4])[0]]
    data = path.read_bytes()
    path.write_bytes(data[:2] + segments + data[2:])
    return path


class Case(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)

    def path(self, name):
        return self.folder / name

    def run_infill(self, *words, **options):
        return subprocess.run([INFILL, *map(str, words)], capture_output=True, text=True, timeout=300, check=False,
                              **options)

    def fill(self, *words, **options):
        """infill fill that has to succeed, silently."""
        done = self.run_infill("fill", *words, **options)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        return done

    def refuse(self, code, message, *words, command="fill", **options):
        """infill fill that has to end with `code` and say `message`, writing no file."""
        files = sorted(self.folder.rglob("*"))
        done = self.run_infill(command, *words, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertTrue(done.stderr.startswith("infill: "), done.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), files)

    def photo(self, name="photo.png", channels=3, width=40, height=30):
        return png(self.path(name), width, height, channels, noise(channels))

    def mask(self, name="mask.png", width=40, height=30, box=(10, 8, 18, 15), **values):
        return png(self.path(name), width, height, 1, spot(*box, **values))


class TerminalCase(Case):
    """Runs infill where a person would see it."""

    def start(self, *words):
        """infill on a terminal that only shows stderr."""
        self.terminal, theirs = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        process = subprocess.Popen([INFILL, *map(str, words)], stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        self.addCleanup(process.kill)
        return process

    def read_until(self, text, seconds=60):
        shown = b""
        end = time.monotonic() + seconds
        while text not in shown and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(self.terminal, 4096)
                except OSError:  # the other side has closed it
                    break
        self.assertIn(text, shown)
        return shown
