"""What a person meets: help, info, progress, Ctrl-C, and the same bytes whatever the number of threads."""
import signal
import time
import unittest

import support
from support import FAST, field


class Talk(support.Case):
    def test_help_and_version(self):
        done = self.run_infill("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("white is filled, black is kept", done.stdout)
        done = self.run_infill("fill", "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for text in ("--invert-mask", "compressed anew", "Exit codes", "--manifest"):
            self.assertIn(text, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 120)
        self.assertRegex(self.run_infill("--version").stdout, r"^infill \d+\.\d+\.\d+\n$")

    def test_info(self):
        done = self.run_infill("info")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for text in ("Devices", "Methods", "harmonic", "patchmatch.iterations = "):
            self.assertIn(text, done.stdout)
        photo = support.jpeg_with_metadata(self.path("photo.jpg"), self.photo(), 6)
        done = self.run_infill("info", photo)
        for text in ("30 x 40", "orientation: 6", "jpeg", "ICC profile", "XMP"):
            self.assertIn(text, done.stdout)
        self.refuse(3, "there is no such file", self.path("missing.png"), command="info")

    def test_preview(self):
        self.fill(self.photo(), "-m", self.mask(), "-o", self.path("out.png"), "--preview", self.path("p.png"), *FAST)
        self.assertEqual((field(self.path("p.png"), "width"), field(self.path("p.png"), "height")), (b"136\n", b"30\n"))

    def test_preview_of_linear_light(self):
        gray = support.png(self.path("gray.png"), 40, 30, 1, lambda x, y: (128,))
        support.vips("linear", gray, self.path("half.v"), "0.001953125", "0.25")
        support.vips("tiffsave", self.path("half.v"), self.path("half.tif"))
        self.fill(self.path("half.tif"), "-m", self.mask(), "-o", self.path("out.tif"), "--preview", self.path("p.png"), *FAST)
        self.assertEqual(list(support.pixels(self.path("p.png"))[0]), [188, 188, 188])

    def test_threads_and_seed(self):
        photo, mask = self.photo(width=90, height=70), self.mask(width=90, height=70, box=(30, 20, 60, 45))
        results = []
        for words in (["--threads", 1], ["--threads", 4], [], ["--seed", 7]):
            out = self.path(f"out{len(results)}.png")
            self.fill(photo, "-m", mask, "-o", out, "--method", "patchmatch", *words)
            results.append(out.read_bytes())
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], results[2])
        self.assertNotEqual(results[0], results[3])

    def test_silent_in_a_pipe(self):
        self.assertEqual(self.fill(self.photo(), "-m", self.mask(), "-o", self.path("out.png"), *FAST).stderr, "")


class Interruption(support.TerminalCase):
    def test_progress_on_a_terminal(self):
        process = self.start("fill", self.photo(), "-m", self.mask(), "-o", self.path("out.png"), *FAST)
        shown = self.read_until(b"pixels filled in")
        self.assertEqual(process.wait(60), 0)
        self.assertRegex(shown, rb"photo\.png \[[#.]+\] +\d+ %")

    def test_ctrl_c_and_sigterm_leave_nothing_behind(self):
        source, photo, mask = self.path("source.png"), self.path("photo.png"), self.path("mask.png")
        support.vips("gaussnoise", self.path("noise.v"), 2000, 1500)
        support.vips("cast", self.path("noise.v"), source, "uchar")
        support.vips("bandjoin", f"{source} {source} {source}", photo)
        support.vips("black", self.path("black.v"), 1400, 1000)
        support.vips("invert", self.path("black.v"), self.path("white.v"))
        support.vips("embed", self.path("white.v"), mask, 300, 250, 2000, 1500)
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                out = self.path("out.png")
                before = sorted(self.folder.iterdir())
                process = self.start("fill", photo, "-m", mask, "-o", out, "--method", "patchmatch", "--quality", "high")
                self.read_until(b"%")
                asked = time.monotonic()
                process.send_signal(number)
                self.assertEqual(process.wait(60), 130)
                self.assertLess(time.monotonic() - asked, 30)
                self.read_until(b"interrupted; this picture was not written")
                self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_ctrl_c_while_the_mask_is_shaped(self):
        support.vips("black", self.path("black.v"), 9000, 9000)
        support.vips("copy", self.path("black.v"), self.path("photo.png"))
        support.vips("invert", self.path("black.v"), self.path("white.v"))
        support.vips("extract_area", self.path("white.v"), self.path("spot.v"), 0, 0, 2000, 2000)
        support.vips("embed", self.path("spot.v"), self.path("mask.png"), 3000, 3000, 9000, 9000)
        before = sorted(self.folder.iterdir())
        process = self.start("fill", self.path("photo.png"), "-m", self.path("mask.png"), "-o", self.path("out.png"),
                             "--grow", "900")
        time.sleep(1.5)  # reading takes a second, shaping several
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130)
        self.read_until(b"interrupted; this picture was not written")
        self.assertEqual(sorted(self.folder.iterdir()), before)


if __name__ == "__main__":
    unittest.main()
