"""python -m unittest gpu_check.test_gpu_check: what scripts/gpu-check understands, keeps and writes."""
import pathlib
import sys
import tempfile
import unittest

from gpu_check import commands, report, steps
from gpu_check.state import State

GTEST = "[==========] 3 tests from 2 test suites ran. (5 ms total)\n[  PASSED  ] 2 tests.\n[  FAILED  ] 1 test, listed below:\n"


class Parsing(unittest.TestCase):
    def test_gtest(self):
        self.assertEqual(commands.gtest_counts(GTEST), (2, 1))
        self.assertIsNone(commands.gtest_counts("[ RUN      ] A.B\nSegmentation fault"))

    def test_unittest(self):
        self.assertEqual(commands.unittest_counts("Ran 7 tests in 1s\n\nFAILED (failures=1, errors=2, skipped=1)"), (3, 3))
        self.assertIsNone(commands.unittest_counts("ImportError"))

    def test_sanitizer(self):
        self.assertEqual(commands.sanitizer_errors("========= ERROR SUMMARY: 0 errors"), 0)
        self.assertEqual(commands.sanitizer_errors("========= RACECHECK SUMMARY: 2 hazards displayed"), 2)
        self.assertIsNone(commands.sanitizer_errors("Device not supported"))


class Steps(unittest.TestCase):
    def test_operators_are_those_of_the_tests(self):
        found = [test.name for test in steps.operator_tests(steps.pathlib.Path(__file__).resolve().parents[2])]
        self.assertIn("device_test.py", found)
        self.assertIn("registration_test.py", found)

    def test_no_program_is_not_a_pass(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            check = steps.Check(folder, folder, State(folder / "results.json", "one", True, False), True, None, folder / "bin")
            for step in (steps.generators, steps.operators, steps.kernel_tests):
                self.assertEqual(step(check, 5)[0], "not possible")


class Commands(unittest.TestCase):
    def run_python(self, text, seconds):
        with tempfile.TemporaryDirectory() as folder:
            lines = []
            log = pathlib.Path(folder) / "a/log"
            ended = commands.run([sys.executable, "-c", text], seconds, log, on_line=lines.append)
            self.assertEqual(log.read_text(), ended.output)
            self.assertEqual("".join(lines), ended.output)
            return ended

    def test_ends(self):
        ended = self.run_python("print('a'); raise SystemExit(3)", 60)
        self.assertEqual((ended.status, ended.output, ended.timed_out), (3, "a\n", False))

    def test_is_stopped_and_keeps_what_it_said(self):
        ended = self.run_python("import time; print('a', flush=True); time.sleep(60)", 2)
        self.assertTrue(ended.timed_out)
        self.assertEqual(ended.output, "a\n")


class Resuming(unittest.TestCase):
    def test_only_the_same_sources_are_continued(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "results.json"
            first = State(file, "one", False, False)
            first.put_step("build", "passed")
            first.put_step("tests", "partial")
            again = State(file, "one", False, True)
            self.assertTrue(again.is_done("build"))
            self.assertFalse(again.is_done("tests"))
            for sources, rehearsal, resume in ("two", False, True), ("one", True, True), ("one", False, False):
                self.assertFalse(State(file, sources, rehearsal, resume).is_done("build"))


class Report(unittest.TestCase):
    DATA = {"rehearsal": False, "about": {"Device": "X"}, "steps": {"build": {"state": "failed", "detail": "a | b", "seconds": 3}},
            "measured": {"peak/copy": {"per_second": 4e12}, "peak/float32": {"per_second": 5e13},
                         "gated/A/float32": {"ms": 0.1, "needed": 1e9, "executed": 1.2e9, "bytes": 1e6},
                         "gated-eager/A/float32": {"ms": 0.3}, "gated-compiled/A/float32": {"failure": "out of memory"},
                         "gated/B/float32": {"failure": "no"}, "gated-cudnn/A/float32": {"ms": 0.15},
                         "gate/A/float32": {"ms": 0.02}, "gate_backward/A/float32": {"ms": 0.05},
                         "backward-cudnn/A/float32": {"ms": 0.4}, "backward/A/float32": {"ms": 0.3},
                         "backward/B/float32": {"failure": "no"},
                         "generator/512², whole/tf32": {"ms": 2.0}, "generator/512², compact/tf32": {"ms": 0.5},
                         "generator/512², moving/tf32": {"failure": "lost"}, "generator-eager/512²/tf32": {"ms": 9.0},
                         "generator-error/512²/tf32": {"largest": 0.002}}}

    def test_numbers_and_reasons(self):
        text = report.markdown(self.DATA)
        self.assertIn("| A | float32 | 0.1000 | 0.3000 | out of memory | 0.1500 | 3.00× |  | 2.00 | 1.0 | 1.20 | 40 % |", text)
        self.assertIn("| B | float32 | no | not measured | not measured | not measured |  |  |  |  |  |  |", text)
        self.assertIn("| A | float32 | 0.1000 | 0.1700 | 1.70× | 0.3000 | 0.6000 | 2.00× |", text)
        self.assertIn("| B | float32 | no | not measured |  | no | not measured |  |", text)
        self.assertIn("| 512² | tf32 | 2.0000 | 0.5000 | lost | 9.0000 | not measured | 4.50× |  | 2.0e-03 |", text)
        self.assertIn("| build | failed | 3 | a \\| b |", text)
        self.assertNotIn("rehearsal", text)
        self.assertIn("rehearsal", report.markdown({**self.DATA, "rehearsal": True}))

    def test_without_a_peak_there_is_no_share(self):
        entry = self.DATA["measured"]["gated/A/float32"]
        self.assertIsNone(report.roofline_share(entry, None, 4e12))
        self.assertIsNone(report.roofline_share({**entry, "ms": 0}, 5e13, 4e12))
        self.assertAlmostEqual(report.roofline_share(entry, 5e13, 4e12), 0.4)
        self.assertEqual(report.ratio({"ms": 1}, {"ms": 0}), "")


if __name__ == "__main__":
    unittest.main()
