#!/usr/bin/env python3
"""The profile's counts of kernels whose counts are known.

usage: profile_test.py PROGRAM    (coverage/profile_known.cu; with the environment of a :ptx test)
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import profile_report  # noqa: E402

PROGRAM = sys.argv.pop() if len(sys.argv) > 1 else ''


class Counts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, 'profile.json')
            subprocess.run([PROGRAM], check=True, env=dict(os.environ, CUDASIM_PROFILE=str(file)))
            cls.profile = {kernel.name: kernel for kernel in profile_report.read(file)}

    def access(self, kernel, space, kind='read'):
        """Sums over the accesses of one kind."""
        return self.profile[kernel].total(space, kind)

    def test_every_kernel_ran_once(self):
        self.assertEqual({kernel.launches for kernel in self.profile.values()}, {1})
        self.assertEqual(len(self.profile), 16)

    def test_shared_strides(self):
        for stride, wavefronts in ((1, 1), (2, 2), (32, 32), (33, 1)):
            for kind in ('read', 'write'):
                count = self.access(f'shared_stride_{stride}', 'shared', kind)
                self.assertEqual((count.requests, count.wavefronts, count.ideal_wavefronts), (1, wavefronts, 1))

    def test_wide_and_equal_shared_addresses(self):
        count = self.access('shared_float4', 'shared')
        self.assertEqual((count.wavefronts, count.ideal_wavefronts), (4, 4))
        count = self.access('shared_broadcast', 'shared')
        self.assertEqual((count.wavefronts, count.ideal_wavefronts), (1, 1))

    def test_matrix_rows(self):
        for pitch, wavefronts in ((128, 32), (144, 4)):
            count = self.access(f'matrix_rows_{pitch}', 'shared')
            self.assertEqual((count.requests, count.wavefronts, count.ideal_wavefronts), (1, wavefronts, 4))

    def test_global_sectors(self):
        for name, sectors, needed in (('stride_1', 4, 4), ('stride_2', 8, 4), ('stride_8', 32, 4), ('offset', 5, 4),
                                      ('broadcast', 1, 1)):
            count = self.access(f'global_{name}', 'global')
            self.assertEqual((count.requests, count.sectors, count.needed_sectors), (1, sectors, needed), name)

    def test_requests_of_lanes_that_take_turns(self):
        lines = [a for a in self.profile['lanes_in_turns'].accesses if a.space == 'global' and a.access == 'read']
        turns = max(lines, key=lambda a: a.sectors)
        self.assertEqual((turns.requests, turns.sectors, turns.needed_sectors), (8, 16, 16))

    def test_operations(self):
        self.assertEqual(self.profile['multiply_adds'].operations('multiply_adds'), 7 * 64)
        self.assertEqual(self.profile['matrix_product'].operations('tensor_multiply_adds'), 2 * 16 * 8 * 16)
        self.assertEqual(self.profile['global_stride_1'].operations('multiply_adds'), 0)


if __name__ == '__main__':
    unittest.main()
