#!/usr/bin/env python3
"""The translator on snippets of PTX: grammar, source lines, loops, what is not known. What instructions compute:
coverage/."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from translator import flow, module, parser  # noqa: E402
from translator.parser import Instruction, Label, Scope, Variable  # noqa: E402

HEAD = '.version 9.0\n.target sm_80\n.address_size 64\n'


def kernel(body, head='', name='k', parameters='.param .u64 k_param_0'):
    return f'{HEAD}{head}\n.visible .entry {name}({parameters})\n{{\n{body}\nret;\n}}\n'


def translated(text):
    return module.translate(parser.parse(text))


def code(text):
    return '\n'.join(translated(text).files.values())


class Grammar(unittest.TestCase):
    def statements(self, body):
        return parser.parse(kernel(body)).functions[0].body

    def test_instruction(self):
        instruction = self.statements('.reg .pred %p<2>; @!%p1 ld.global.nc.L1::no_allocate.v2.f32 {%f1, %f2}, [%rd1+8];')[1]
        self.assertEqual(instruction.opcode, ('ld', 'global', 'nc', 'v2', 'f32'))
        self.assertEqual(instruction.operands, ['{%f1, %f2}', '[%rd1+8]'])
        self.assertEqual(instruction.guard, '!%p1')

    def test_scopes_labels_and_comments(self):
        body = self.statements('{ // a { comment\n/* and ; another */ $L__BB0_1: add.s32 %r1, %r2, 3; }')
        self.assertEqual([type(s) for s in body], [Scope, Label, Instruction, Scope, Instruction])

    def test_declarations(self):
        table = parser.parse(HEAD + '.global .align 4 .b8 t[6] = {1, 2, 0xFF, 0, 0, 7};\n.extern .shared .align 16 .b8 d[];')
        self.assertEqual([(v.name, v.count, v.bytes) for v in table.variables], [('t', 6, 6), ('d', 0, 0)])
        self.assertEqual(table.variables[0].initial[2], '0xFF')
        local = self.statements('.local .align 8 .b8 __local_depot0[40];')[0]
        self.assertEqual((local.space, local.bytes, local.align), ('local', 40, 8))
        self.assertIsInstance(local, Variable)

    def test_launch_bounds(self):
        text = kernel('').replace('param_0)', 'param_0)\n.maxntid 16, 8, 1\n.minnctapersm 2')
        self.assertEqual(parser.parse(text).functions[0].max_threads, 128)

    def test_functions(self):
        text = HEAD + '.func (.param .b32 r) f(.param .b32 a, .param .align 8 .b8 b[16]);\n' \
            '.func (.param .b32 r) f(.param .b32 a, .param .align 8 .b8 b[16]) { ret; }'
        functions = parser.parse(text).functions
        self.assertEqual(len(functions), 1)
        self.assertEqual([p.bytes for p in functions[0].parameters], [4, 16])

    def test_what_is_no_ptx(self):
        for text in ('.global', HEAD + '.visible .entry k() { add.s32 %r1, %r2', HEAD + '.global .v9 x;'):
            with self.assertRaises(parser.PtxError):
                parser.parse(text)


class Lines(unittest.TestCase):
    FILES = '.file 1 "/a/kernel.cu"\n.file 2 "/toolkit/include/cuda_fp16.hpp"\n.file 3 "/a/tile.cuh"\n'

    def locations(self, body):
        functions = parser.parse(kernel(body) + self.FILES).functions
        return [s.location for s in functions[0].body if isinstance(s, Instruction)]

    def test_plain(self):
        self.assertEqual(self.locations('.loc 1 12 5\nadd.s32 %r1, %r1, 1;')[0], ('/a/kernel.cu', 12))

    def test_wrappers_of_the_toolkit_count_for_their_caller(self):
        body = '.loc 2 700 5, function_name $L__info_string0, inlined_at 1 30 9\nadd.s32 %r1, %r1, 1;'
        self.assertEqual(self.locations(body)[0], ('/a/kernel.cu', 30))

    def test_own_functions_count_themselves(self):
        body = '.loc 3 44 5, function_name $L__info_string0, inlined_at 1 30 9\nadd.s32 %r1, %r1, 1;\n' \
            '.loc 2 700 1, function_name $L__info_string1, inlined_at 3 44 5\nadd.s32 %r1, %r1, 1;'
        self.assertEqual(self.locations(body)[:2], [('/a/tile.cuh', 44)] * 2)


class Loops(unittest.TestCase):
    def analyse(self, body):
        return flow.analyse(parser.parse(kernel(body)).functions[0].body)

    def test_straight_code_has_none(self):
        self.assertEqual(self.analyse('@%p1 bra E; add.s32 %r1, %r1, 1; E:').loops, {})

    def test_nested(self):
        body = 'mov.u32 %r1, 0; OUTER: mov.u32 %r2, 0; INNER: add.s32 %r2, %r2, 1; @%p1 bra INNER; ' \
            'add.s32 %r1, %r1, 1; @%p2 bra OUTER;'
        result = self.analyse(body)
        outer, inner = result.labels['OUTER'], result.labels['INNER']
        self.assertEqual(sorted(result.loops), sorted([outer, inner]))
        self.assertEqual(result.nest(inner), [outer, inner])
        self.assertEqual(result.edge(inner, inner), 'again')
        self.assertEqual(result.edge(outer, inner), 'enter')

    def test_a_branch_inside_does_not_change_the_iteration(self):
        body = 'TOP: @%p1 bra SKIP; add.s32 %r1, %r1, 1; SKIP: @%p2 bra TOP;'
        result = self.analyse(body)
        self.assertEqual(len(result.loops), 1)
        self.assertEqual(result.edge(result.labels['TOP'], result.labels['SKIP']), '')


class Code(unittest.TestCase):
    REGISTERS = '.reg .pred %p<3>; .reg .b32 %r<9>; .reg .b64 %rd<9>; .reg .b16 %rs<9>;\n'

    def test_arithmetic(self):
        text = code(kernel(self.REGISTERS + 'fma.rn.ftz.f32 %r1, %r2, 0f3F800000, %r3;'))
        self.assertIn('set(r1_, ftz(fma(ftz(as<f32>(r2_)), ftz(as<f32>(b64(0x3F800000u))), ftz(as<f32>(r3_)))));', text)

    def test_guarded_access_is_watched_inside_its_guard(self):
        text = code(kernel(self.REGISTERS + '@%p1 st.shared.v2.b32 [%r1+8], {%r2, %r3};'))
        self.assertRegex(text, r'if \(p1_\) \{ \{ const b64 a = b64\{r1_ \+ 8\}; touch\(sites0\[0\], a, 0\); store')

    def test_shared_arrays_lie_apart(self):
        text = code(kernel('.shared .align 4 .b8 s[100];\n.shared .align 16 .b8 t[32];'))
        self.assertIn('{{"s", 256, 100}, {"t", 624, 32},}', text)

    def test_unknown_instructions_abort_when_executed(self):
        result = translated(kernel(self.REGISTERS + 'wgmma.fence.sync.aligned; add.f32 %r1, %r2, %r3;'))
        self.assertEqual(result.unsupported, {'k': ['wgmma.fence.sync.aligned']})
        text = '\n'.join(result.files.values())
        self.assertIn('unsupported("wgmma.fence.sync.aligned")', text)
        self.assertIn('set(r1_, add(', text)

    def test_unknown_forms_of_known_instructions(self):
        for line in ('cvt.rn.satfinite.e4m3x2.f32 %rs1, %r1, %r2;', 'ld.shared::cluster.b32 %r1, [%r2];', 'mov.u32 %r1, %nosuch;',
                     'cp.async.bulk.commit_group;', 'mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r1}, {%r2}, {%r3}, {%r4};'):
            self.assertEqual(list(translated(kernel(self.REGISTERS + line)).unsupported), ['k'], line)

    def test_a_file_per_kernel_named_by_its_content(self):
        two = kernel('', name='a') + kernel('', name='b').removeprefix(HEAD)
        changed = kernel('', name='a') + kernel(self.REGISTERS + 'mov.u32 %r1, 1;', name='b').removeprefix(HEAD)
        first, second = translated(two), translated(changed)
        self.assertEqual(first.kernels['a'], second.kernels['a'])
        self.assertNotEqual(first.kernels['b'], second.kernels['b'])

    def test_initial_values(self):
        text = code(HEAD + '.global .align 4 .u16 t[3] = {1, 513, -1};\n.global .f32 f = 0f40490FDB;')
        self.assertIn('{1, 0, 1, 2, 255, 255}', text)
        self.assertIn('{219, 15, 73, 64}', text)

    def test_carry_chains(self):
        text = code(kernel(self.REGISTERS + 'add.cc.u32 %r1, %r2, %r3; addc.u32 %r4, %r5, 0;'))
        self.assertIn('add_carry(as<u32>(r2_), as<u32>(r3_), false, carry)', text)
        self.assertIn('add_carry(as<u32>(r5_), as<u32>(b64(0x0u)), carry, ignored)', text)


if __name__ == '__main__':
    unittest.main()
