"""Many pictures: folders, manifests, shards, and going on after an interruption."""
import json
import os
import shutil
import unittest

import support
from support import FAST, changed, rectangle

HOLE = (10, 8, 18, 15)


class Folders(support.Case):
    def setUp(self):
        super().setUp()
        for folder in ("photos", "masks"):
            self.path(folder).mkdir()
        for name in ("a", "b", "c", "d"):
            self.photo(f"photos/{name}.png")
            self.mask(f"masks/{name}.png")
        self.words = [self.path("photos"), "-m", self.path("masks"), "-o", self.path("out"), *FAST]

    def outputs(self):
        return sorted(file.name for file in self.path("out").iterdir())

    def times(self):
        return {file.name: file.stat().st_mtime_ns for file in self.path("out").iterdir()}

    def test_all_then_none_then_what_changed(self):
        self.fill(*self.words)
        self.assertEqual(self.outputs(), ["a.png", "b.png", "c.png", "d.png"])
        self.assertEqual(changed(self.path("photos/a.png"), self.path("out/a.png")), rectangle(*HOLE))
        first = self.times()
        self.fill(*self.words)
        self.assertEqual(self.times(), first)
        later = first["b.png"] + 10**9
        os.utime(self.path("masks/b.png"), ns=(later, later))
        self.path("out/c.png").unlink()
        self.fill(*self.words)
        second = self.times()
        self.assertEqual({name for name in second if second[name] != first[name]}, {"b.png", "c.png"})
        self.fill(*self.words, "--force")
        self.assertNotEqual(self.times()["a.png"], first["a.png"])

    def test_previews_of_pictures_with_one_stem(self):
        self.photo("photos/a.tif")
        self.fill(self.path("photos"), "-m", self.path("masks/a.png"), "-o", self.path("out"), "--preview", self.path("look"), *FAST)
        names = sorted(file.name for file in self.path("look").iterdir())
        self.assertEqual(names, ["a.png.png", "a.tif.png", "b.png.png", "c.png.png", "d.png.png"])

    def test_shards_share_the_work(self):
        seen = []
        for shard in ("1/3", "2/3", "3/3"):
            self.fill(*self.words, "--shard", shard)
            seen += self.outputs()
            shutil.rmtree(self.path("out"))
        self.assertEqual(sorted(seen), ["a.png", "b.png", "c.png", "d.png"])

    def test_a_bad_one_does_not_stop_the_others(self):
        self.path("masks/a.png").unlink()
        self.path("photos/b.png").write_bytes(b"not a picture")
        self.mask("masks/c.tif")
        done = self.run_infill("fill", *self.words)
        self.assertEqual(done.returncode, 6)
        self.assertIn("a.png: no mask a.*", done.stderr)
        self.assertIn("b.png: is not a PNG", done.stderr)
        self.assertIn("c.png: two masks", done.stderr)
        self.assertIn("1 filled, 0 up to date, 3 failed", done.stderr)
        self.assertEqual(self.outputs(), ["d.png"])

    def test_one_mask_for_all(self):
        self.fill(self.path("photos"), "-m", self.path("masks/a.png"), "-o", self.path("out"), *FAST)
        self.assertEqual(len(self.outputs()), 4)

    def test_wrong_folders(self):
        empty = self.path("empty")
        empty.mkdir()
        self.refuse(3, "holds no", empty, "-m", self.path("masks"), "-o", self.path("out"))
        self.refuse(4, "cannot be made", self.path("photos"), "-m", self.path("masks"), "-o", self.path("no/out"))
        self.refuse(2, "folder of the pictures", self.path("photos"), "-m", self.path("masks"), "-o", self.path("photos"))


class Manifests(support.Case):
    def write(self, *lines):
        self.path("lists").mkdir(exist_ok=True)
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        self.path("lists/jobs.jsonl").write_text(text + "\n", encoding="utf-8")
        return self.path("lists/jobs.jsonl")

    def test_lines_with_options(self):
        self.photo()
        self.mask()
        manifest = self.write(
            {"image": "../photo.png", "mask": "../mask.png", "output": "../plain.png"},
            "",
            {"image": "../photo.png", "output": "../box.png", "box": [3, 4, 5, 6]},
            {"image": "../photo.png", "output": "../boxes.png", "box": ["3,4,5,6", "20,4,5,6"], "seed": 3},
            {"image": "../photo.png", "mask": "../mask.png", "output": "../grown.png", "grow": 2, "invert-mask": False,
             "method": "push-pull", "set": ["blend.grain=0"]})
        self.fill("--manifest", manifest, *FAST)
        photo = self.path("photo.png")
        self.assertEqual(changed(photo, self.path("plain.png")), rectangle(*HOLE))
        self.assertEqual(changed(photo, self.path("box.png")), rectangle(3, 4, 8, 10))
        self.assertEqual(changed(photo, self.path("boxes.png")), rectangle(3, 4, 8, 10) | rectangle(20, 4, 25, 10))
        self.assertGreater(changed(photo, self.path("grown.png")), rectangle(*HOLE))

    def test_a_line_overrides_the_command_line(self):
        self.photo()
        self.mask()
        photo = self.path("photo.png")
        manifest = self.write(
            {"image": "../photo.png", "mask": "../mask.png", "output": "../plain.png", "invert-mask": False},
            {"image": "../photo.png", "output": "../box.png", "box": [3, 4, 5, 6], "invert-mask": False})
        self.fill("--manifest", manifest, "--invert-mask", "--box", "10,8,8,7", *FAST)
        self.assertEqual(changed(photo, self.path("plain.png")), rectangle(*HOLE))
        self.assertEqual(changed(photo, self.path("box.png")), rectangle(3, 4, 8, 10))

    def test_in_place_is_never_up_to_date(self):
        photo = self.photo()
        before = self.photo("before.png")
        self.fill("--manifest", self.write({"image": "../photo.png", "output": "../photo.png", "box": [3, 4, 5, 6]}), *FAST)
        self.assertEqual(changed(before, photo), rectangle(3, 4, 8, 10))

    def test_mistakes_name_the_line(self):
        self.photo()
        good = {"image": "../photo.png", "output": "../out.png", "box": "1,1,5,5"}
        for message, line in {
                'jobs.jsonl:2: "iamge" is no key': {"iamge": "x"},
                'jobs.jsonl:2: "manifest" is no key': {**good, "manifest": "x"},
                "jobs.jsonl:2: --output is missing": {"image": "../photo.png", "box": "1,1,5,5"},
                "jobs.jsonl:2: --mask is missing": {"image": "../photo.png", "output": "x.png"},
                'jobs.jsonl:2: --grow: "-1"': {**good, "grow": -1},
                "jobs.jsonl:2: [json.exception": '{"image": ',
                "two lines write": {**good, "output": "../lists/../out.png"},
                'jobs.jsonl:2: "mask" is null': {**good, "output": "../b.png", "mask": None},
        }.items():
            with self.subTest(message):
                self.refuse(3, message, "--manifest", self.write(good, line))
        looking = [{**good, "output": name, "preview": "p.png"} for name in ("a.png", "b.png")]
        self.refuse(3, "two lines write", "--manifest", self.write(*looking))
        self.refuse(3, "cannot be read", "--manifest", self.path("missing.jsonl"))
        self.refuse(2, "--preview: give one to each line", "--manifest", self.write(good), "--preview", self.path("p.png"))
        self.refuse(2, "--shard: there is only one picture", self.path("photo.png"), "--box", "1,1,5,5",
                    "-o", self.path("out.png"), "--shard", "1/2")


if __name__ == "__main__":
    unittest.main()
