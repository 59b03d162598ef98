"""infill model run: parity with the published networks' numbers, batches, odd sizes, every mistake."""
import array
import hashlib
import json
import os
import pathlib
import resource
import signal
import struct
import unittest

import support
from tensors import Tensor, floats, holes, picture, read, write

GOLDEN = pathlib.Path(__file__).parents[1] / "data/golden"
MODEL = GOLDEN / "deepfill_c8.weights.safetensors"


def mirrored(tensor, height, width):
    """The last two sides continued by reflection, as numpy.pad(..., mode="reflect") does."""
    def source(i, n):
        return 0 if n == 1 else min(i % (2 * n - 2), 2 * n - 2 - i % (2 * n - 2))

    count, channels, old_height, old_width = tensor.shape
    values = tensor.values()
    return floats([count, channels, height, width],
                  [values[(plane * old_height + source(y, old_height)) * old_width + source(x, old_width)]
                   for plane in range(count * channels) for y in range(height) for x in range(width)])


def cropped(tensor, height, width):
    count, channels, old_height, old_width = tensor.shape
    values = tensor.values()
    return [values[(plane * old_height + y) * old_width + x]
            for plane in range(count * channels) for y in range(height) for x in range(width)]


class RunCase(support.Case):
    """Puts small pictures through a network of width 8."""

    def words(self, inputs, *more, model=MODEL, out="out.safetensors"):
        return ["run", model, "--inputs", inputs, "--outputs", self.path(out), *more]

    def run_model(self, inputs, *more, model=MODEL, out="out.safetensors"):
        done = self.run_infill("model", *self.words(inputs, *more, model=model, out=out))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(struct.unpack("<Q", self.path(out).read_bytes()[:8])[0] % 8, 0, "the data is not aligned")
        return read(self.path(out))[0]

    def batch(self, name="in.safetensors", **tensors):
        return write(self.path(name), **{"image": picture(16, 24), "mask": holes(16, 24, (5, 4, 12, 11)), **tensors})


class Results(RunCase):
    def test_parity_with_the_published_networks(self):
        for name in ("deepfill_c8", "deepfill_tf_c8"):
            golden, _ = read(GOLDEN / f"{name}.64x64.safetensors")
            image, mask = golden["image01"], golden["mask"]
            inputs = self.batch(image=image, mask=mask)
            for weights in (GOLDEN / f"{name}.weights.safetensors", GOLDEN / f"{name}.weights.pth"):
                with self.subTest(weights.name):
                    out = self.run_model(inputs, model=weights)
                    self.assertEqual(sorted(out), ["coarse", "composite", "refined"])
                    for ours, theirs in (("coarse", "stage1"), ("refined", "stage2")):
                        reference = [value / 2 + 0.5 for value in golden[theirs + "_f64ref"].values()]
                        worst = max(abs(a - b) for a, b in zip(out[ours].values(), reference))
                        self.assertLessEqual(worst / max(map(abs, reference)), 1e-4)
                        self.assertEqual((out[ours].shape, out[ours].dtype), ([1, 3, 64, 64], "F32"))
                    hole = mask.values()
                    for i, value in enumerate(out["composite"].values()):
                        kind = out["refined"] if hole[i % 4096] else image
                        if value != kind.values()[i]:
                            self.fail(f"composite[{i}]")

    def test_provenance(self):
        self.run_model(self.batch())
        version = self.run_infill("--version").stdout.split()[1]
        metadata = read(self.path("out.safetensors"))[1]
        self.assertEqual(metadata["infill.model"], "deepfill_c8.weights")
        self.assertEqual(metadata["infill.model.architecture"], "deepfill-v2")
        self.assertEqual(metadata["infill.model.sha256"], hashlib.sha256(MODEL.read_bytes()).hexdigest())
        self.assertEqual(metadata["infill.version"], version)

    def test_the_same_bytes_for_any_number_of_threads_and_any_type(self):
        expected = self.run_model(self.batch())
        image, mask = picture(16, 24), holes(16, 24, (5, 4, 12, 11))
        values = image.values()
        cases = {
            "threads": ({}, ["--threads", 1]),
            "F16": ({"image": Tensor(image.shape, struct.pack(f"<{len(values)}e", *values), "F16")}, []),
            "BF16": ({"image": Tensor(image.shape, b"".join(struct.pack("<f", v)[2:] for v in values), "BF16")}, []),
            "F64": ({"image": Tensor(image.shape, array.array("d", values).tobytes(), "F64")}, ["--precision", "f32"]),
            "BOOL": ({"mask": Tensor(mask.shape, bytes(map(int, mask.values())), "BOOL")}, []),
            "I64": ({"mask": Tensor(mask.shape, array.array("q", map(int, mask.values())).tobytes(), "I64")}, []),
        }
        for name, (tensors, words) in cases.items():
            with self.subTest(name):
                self.assertEqual(self.run_model(self.batch(**tensors), *words), expected)

    def test_odd_sizes_are_mirrored_and_cropped(self):
        for height, width, box in ((13, 21, (4, 3, 13, 9)), (1, 1, (0, 0, 1, 1)), (1, 1, (0, 0, 0, 0)), (1, 30, (8, 0, 12, 1)),
                                   (9, 2, (0, 0, 1, 9))):
            with self.subTest(size=(height, width)):
                image, mask = picture(height, width), holes(height, width, box)
                tall, wide = -(-height // 8) * 8, -(-width // 8) * 8
                out = self.run_model(self.batch(image=image, mask=mask))
                padded = self.run_model(self.batch(image=mirrored(image, tall, wide), mask=mirrored(mask, tall, wide)))
                for name in ("coarse", "refined", "composite"):
                    self.assertEqual(out[name].shape, [1, 3, height, width])
                    worst = max(abs(a - b) for a, b in zip(out[name].values(), cropped(padded[name], height, width), strict=True))
                    self.assertLessEqual(worst, 1e-5)

    def test_every_picture_of_a_batch_has_its_own_mask(self):
        images = [picture(13, 21, seed) for seed in (1, 2)]
        masks = [holes(13, 21, (2, 2, 9, 8)), holes(13, 21, (0, 0, 21, 13))]
        single = [self.run_model(self.batch(image=i, mask=m)) for i, m in zip(images, masks)]
        both = self.run_model(self.batch(image=Tensor([2, 3, 13, 21], images[0].data + images[1].data),
                                         mask=Tensor([2, 1, 13, 21], masks[0].data + masks[1].data)))
        for name, tensor in both.items():
            self.assertEqual(tensor.data, single[0][name].data + single[1][name].data)
        self.assertNotEqual(single[0]["refined"].data, single[1]["refined"].data)

    def test_what_is_in_the_hole_is_not_read(self):
        expected = self.run_model(self.batch())
        values, hole = picture(16, 24).values(), holes(16, 24, (5, 4, 12, 11)).values()
        for i in range(len(values)):
            if hole[i % 384]:
                values[i] = (float("nan"), 300.0, float("-inf"))[i % 3]
        self.assertEqual(self.run_model(self.batch(image=floats([1, 3, 16, 24], values))), expected)

    def test_no_hole(self):
        out = self.run_model(self.batch(mask=holes(16, 24, (0, 0, 0, 0))))
        self.assertEqual(out["composite"].data, picture(16, 24).data)
        self.assertNotEqual(out["refined"].data, picture(16, 24).data)

    def test_an_older_result_is_replaced_through_a_link(self):
        old = self.path("old.safetensors")
        old.write_bytes(b"old")
        self.path("out.safetensors").symlink_to(old)
        expected = self.run_model(self.batch())
        self.assertTrue(self.path("out.safetensors").is_symlink())
        self.assertEqual(read(old)[0], expected)


class Mistakes(RunCase):
    def refuse_run(self, code, message, inputs, *more, model=MODEL, out="out.safetensors", **options):
        self.refuse(code, message, *self.words(inputs, *more, model=model, out=out), command="model", **options)

    def test_values(self):
        def changed(tensor, index, value):
            values = tensor.values()
            values[index] = value
            return floats(tensor.shape, values)

        mask, image = holes(16, 24, (5, 4, 12, 11)), picture(16, 24)
        self.refuse_run(3, "mask: element [0, 0, 2, 3] is 0.5", self.batch(mask=changed(mask, 51, 0.5)))
        self.refuse_run(3, "mask: element [0, 0, 0, 0] is 255", self.batch(mask=changed(mask, 0, 255)))
        self.refuse_run(3, "mask: element [0, 0, 15, 23] is nan", self.batch(mask=changed(mask, 383, float("nan"))))
        self.refuse_run(3, "image: element [0, 2, 15, 23] is nan", self.batch(image=changed(image, 1151, float("nan"))))
        self.refuse_run(3, "image: element [0, 1, 0, 1] is 1.5", self.batch(image=changed(image, 385, 1.5)))
        self.refuse_run(3, "image: element [0, 0, 0, 0] is -0.25", self.batch(image=changed(image, 0, -0.25)))
        second = Tensor([2, 3, 16, 24], image.data + changed(image, 0, 2).data)
        self.refuse_run(3, "image: element [1, 0, 0, 0] is 2", self.batch(image=second, mask=Tensor([2, 1, 16, 24], 2 * mask.data)))

    def test_tensors(self):
        image, mask = picture(16, 24), holes(16, 24, (5, 4, 12, 11))
        path = self.path("in.safetensors")
        self.refuse_run(3, "in.safetensors: image: there is no such tensor", write(path, mask=mask))
        self.refuse_run(3, "mask: there is no such tensor", write(path, image=image))
        self.refuse_run(3, '"masks": only image and mask are expected', write(path, image=image, mask=mask, masks=mask))
        self.refuse_run(3, "image: is U8", self.batch(image=Tensor(image.shape, bytes(1152), "U8")))
        for shape in ([3, 16, 24], [1, 4, 16, 18], [0, 3, 16, 24], [1, 3, 0, 24], [1, 3, 16, 0]):
            count = 1
            for side in shape:
                count *= side
            self.refuse_run(3, f"image: shape {shape} instead of [N, 3, H, W]", self.batch(image=floats(shape, [0.5] * count)))
        for shape in ([1, 1, 24, 16], [16, 24], [1, 2, 16, 12]):
            self.refuse_run(3, f"mask: shape {shape} instead of [1, 1, 16, 24]", self.batch(mask=Tensor(shape, mask.data)))
        self.refuse_run(3, "mask: shape [1, 1, 16, 24] instead of [2, 1, 16, 24]",
                        self.batch(image=Tensor([2, 3, 16, 24], 2 * image.data)))

    def test_files(self):
        good = self.batch()
        self.refuse_run(3, "no such file", self.path("missing.safetensors"))
        self.refuse_run(3, "not an ordinary file", self.folder)
        self.refuse_run(3, "no-such.pth", good, model=self.path("no-such.pth"))
        self.refuse_run(3, "in.safetensors", good, model=good)  # no network
        cut = self.path("cut.safetensors")
        cut.write_bytes(good.read_bytes()[:300])
        self.refuse_run(3, "cut.safetensors", cut)
        huge = self.path("huge.safetensors")
        text = b'{"image":{"dtype":"F32","shape":[1,3,4294967296,4294967296],"data_offsets":[0,0]}}'
        huge.write_bytes(struct.pack("<Q", len(text)) + text)
        self.refuse_run(3, "overflows", huge)
        self.refuse_run(4, "there is no folder", good, out="no/folder/out.safetensors")
        self.path("folder").mkdir()
        self.refuse_run(4, "not an ordinary file", good, out="folder")
        before = good.read_bytes()
        self.refuse_run(2, "is the inputs", good, out="in.safetensors")
        self.path("link").symlink_to(good)
        self.refuse_run(2, "is the inputs", good, out="link")
        self.assertEqual(good.read_bytes(), before)
        copy = self.path("model.safetensors")
        copy.write_bytes(MODEL.read_bytes())
        self.refuse_run(2, "is the model", good, model=copy, out="model.safetensors")

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_a_folder_that_cannot_be_written(self):
        self.path("folder").mkdir(mode=0o555)
        self.refuse_run(4, "Permission denied", self.batch(), out="folder/out.safetensors")

    def test_a_full_disk(self):
        good = self.batch()
        self.path("out.safetensors").write_bytes(b"old")
        self.refuse_run(4, "out.safetensors: ", good,
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        self.assertEqual(self.path("out.safetensors").read_bytes(), b"old")

    def test_memory(self):
        good = self.batch()
        self.refuse_run(5, "memory_limit", good, "--memory-limit", "100K")
        # A file with holes: 40,000 x 40,000 pixels that take no room on the disk.
        big = self.path("big.safetensors")
        area = 40000 * 40000
        text = json.dumps({"image": {"dtype": "F16", "shape": [1, 3, 40000, 40000], "data_offsets": [0, 6 * area]},
                           "mask": {"dtype": "U8", "shape": [1, 1, 40000, 40000], "data_offsets": [6 * area, 7 * area]}}).encode()
        with open(big, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + 7 * area)
        self.refuse_run(5, "memory_limit", big, "--memory-limit", "2G")
        if not os.environ.get("INFILL_SANITIZED"):  # whose shadow memory needs more
            self.refuse_run(5, "out of memory", big,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (24 << 30, 24 << 30)))

    def test_words(self):
        good = self.batch()
        self.refuse(2, "FILE is missing", "run", command="model")
        self.refuse(2, "--inputs is missing", "run", MODEL, command="model")
        self.refuse(2, "--outputs is missing", "run", MODEL, "--inputs", good, command="model")
        self.refuse(2, "--outputs: OUT is missing", "run", MODEL, "--inputs", good, "--outputs", command="model")
        self.refuse(2, "one model at a time", *self.words(good), MODEL, command="model")
        self.refuse(2, "unknown option --mask; see infill model run --help", *self.words(good, "--mask", "m"), command="model")
        self.refuse(2, "--threads", *self.words(good, "--threads", "0"), command="model")
        self.refuse(2, "--precision: \"f64\" is none of f32, tf32, bf16, f16", *self.words(good, "--precision", "f64"), command="model")
        done = self.run_infill("model", "run", "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in ("--inputs", "--memory-limit", "cut off again", "Exit codes"):
            self.assertIn(word, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 120)


class Terminal(RunCase, support.TerminalCase):
    def test_progress(self):
        process = self.start("model", *self.words(self.batch()))
        shown = self.read_until(b"were written")
        self.assertEqual(process.wait(60), 0)
        self.assertRegex(shown, rb"in\.safetensors \[[#.]+\] +\d+ %")

    def test_ctrl_c_and_sigterm_leave_nothing_behind(self):
        side = 640
        image = Tensor([1, 3, side, side], array.array("f", [0.5]).tobytes() * (3 * side * side))
        mask = Tensor([1, 1, side, side], array.array("f", [1.0, 0.0] * (side * side // 2)).tobytes())
        inputs = self.batch(image=Tensor([8, 3, side, side], 8 * image.data), mask=Tensor([8, 1, side, side], 8 * mask.data))
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                before = sorted(self.folder.iterdir())
                process = self.start("model", *self.words(inputs, "--threads", 1))
                self.read_until(b"%")
                process.send_signal(number)
                self.assertEqual(process.wait(60), 130)
                self.read_until(b"interrupted; nothing was written")
                self.assertEqual(sorted(self.folder.iterdir()), before)


if __name__ == "__main__":
    unittest.main()
