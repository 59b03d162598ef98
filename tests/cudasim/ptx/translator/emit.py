"""One PTX function as a C++ function: registers, operands, addresses, blocks. What the instructions mean: operations/."""

import re
import struct
from dataclasses import dataclass, field

from . import flow, operations
from .errors import Unsupported
from .parser import Instruction, Label, Registers, Scope, Targets, Variable
from .types import register_type

SPECIAL_VECTORS = ('tid', 'ntid', 'ctaid', 'nctaid')
SPECIAL_SCALARS = ('laneid', 'warpid', 'lanemask_eq', 'lanemask_le', 'lanemask_lt', 'lanemask_ge', 'lanemask_gt',
                   'clock', 'clock64', 'globaltimer', 'smid', 'nsmid', 'nwarpid', 'gridid')
SHARED_GAP = 256  # between shared arrays: an access past the end of one does not land in the next


def identifier(name):
    """No PTX name becomes a word of C++ or of isa/."""
    return re.sub(r'\W', '_', name.lstrip('%')) + '_'


@dataclass
class Access:
    """An instruction that accesses memory, as the checker and the profile name it."""
    location: tuple
    space: str
    kind: str
    bytes: int


@dataclass
class KernelContext:
    """What the functions of one kernel share: offsets of static shared arrays, names of source files."""
    arrays: list = field(default_factory=list)  # (name, offset, bytes)
    bytes: int = 0
    files: dict = field(default_factory=dict)  # name -> C++ variable

    def place(self, variable):
        align = max(variable.align, 16)
        offset = (self.bytes + SHARED_GAP + align - 1) // align * align
        self.arrays.append((variable.name, offset, variable.bytes))
        self.bytes = offset + variable.bytes
        return offset

    def site(self, location):
        """C++ of a place in the source."""
        file, line = location
        return f'Site{{{self.files.setdefault(file, f"file{len(self.files)}")}, {line}}}'


class FunctionEmitter:
    """`symbols` are C++ expressions (addresses, b64) of the names of the module."""

    def __init__(self, function, symbols, context, number):
        self.function = function
        self.number = number  # in the kernel's file
        self.context = context
        self.sites = []
        self.work = {}  # (block, location) -> {class of operation: how many}
        self.calls = set()
        self.unsupported = set()
        self.location = ('', 0)
        self._symbols = dict(symbols)
        self._scopes = [{}]
        self._lines = []
        self._flow = flow.analyse(function.body)
        self._block = 0

    # ---- the function

    def parameters(self):
        """Names, offsets and sizes of an entry's parameters, and the bytes of them all."""
        offset, result = 0, []
        for parameter in self.function.parameters:
            offset = (offset + parameter.align - 1) // parameter.align * parameter.align
            result.append((parameter.name, offset, parameter.bytes))
            offset += parameter.bytes
        return result, offset

    def signature(self):
        if self.function.is_entry:
            return f'void {identifier(self.function.name)}(const void* arguments)'
        names = self.function.results + self.function.parameters
        return f'void {identifier(self.function.name)}({", ".join("b64 " + identifier(v.name) for v in names)})'

    def emit(self):
        """The definition, as lines."""
        if self.function.is_entry:
            for name, offset, _ in self.parameters()[0]:
                self._symbols[name] = f'(parameters + {offset})'
        else:
            for variable in self.function.results + self.function.parameters:
                self._symbols[variable.name] = identifier(variable.name)
        started = None
        for statement, block in zip(self.function.body, self._flow.block_of):
            if isinstance(statement, Label):
                self._fall_into(self._flow.labels[statement.name])
                self._lines.append(f'{identifier(statement.name)}label:')
            self._block = block
            if block != started and not isinstance(statement, (Registers, Scope, Targets, Variable)):
                self._lines.append(f'  ++blocks{self.number}[{block}];')
                started = block
            self._statement(statement)
        head = [f'{self.signature()} {{']
        if self.function.is_entry:
            head.append('  [[maybe_unused]] const b64 parameters = address_of(arguments);')
        head += ['  [[maybe_unused]] const b64 shared = shared_window();',
                '  [[maybe_unused]] bool carry = false;']
        head += [f'  u32 loop{head} = 0;' for head in self._flow.loops]
        return head + self._lines + ['  return;', '}']

    def blocks(self):
        return self._flow.blocks

    def _fall_into(self, target):
        """Text before a label: the edge from the block that ends there, if any."""
        if self._block != target and target in self._flow.successors[self._block]:
            self._lines.append('  ' + self._edge(target))

    def _edge(self, target):
        return {'': '', 'enter': f'loop{target} = 0;', 'again': f'++loop{target};'}[self._flow.edge(self._block, target)]

    def jump(self, label):
        if label not in self._flow.labels:
            raise Unsupported(f'label {label}')
        return f'{self._edge(self._flow.labels[label])} goto {identifier(label)}label;'

    def table(self, label):
        return self._flow.tables[label]

    def _statement(self, statement):
        if isinstance(statement, Instruction):
            self.location = statement.location
            self._lines.append(f'  {self._instruction(statement)}')
        elif isinstance(statement, Registers):
            kind = register_type(statement.type)
            for name in statement.names:
                self._scopes[-1][name] = kind
            if statement.names:
                names = ', '.join(f'{identifier(name)}{{}}' if len(self._scopes) == 1 else identifier(name)
                                  for name in statement.names)
                self._lines.append(f'  [[maybe_unused]] {kind} {names};')
        elif isinstance(statement, Variable):
            self._variable(statement)
        elif isinstance(statement, Scope):
            self._lines.append('{' if statement.opens else '}')
            if statement.opens:
                self._scopes.append({})
            else:
                self._scopes.pop()

    def _variable(self, variable):
        if variable.space == 'shared':
            self._symbols[variable.name] = (f'(shared + {self.context.place(variable)})' if variable.count
                                            else 'dynamic_shared()')
        else:  # local, and the param of a call
            size = max(variable.bytes, 1)
            self._lines.append(f'  alignas(16) unsigned char {identifier(variable.name)}[{size}];')
            self._symbols[variable.name] = f'address_of({identifier(variable.name)})'

    def _instruction(self, instruction):
        try:
            code = operations.translate(self, instruction)
        except (Unsupported, KeyError, IndexError, TypeError) as error:
            self.unsupported.add('.'.join(instruction.opcode))
            quoted = instruction.text.replace('\\', '').replace('"', "'")
            code = f'unsupported("{quoted}");  // {type(error).__name__} {str(error)[:60]}\n  '
        if instruction.guard:
            inverted = instruction.guard.startswith('!')
            code = f'if ({"!" if inverted else ""}{identifier(instruction.guard.lstrip("!"))}) {{ {code} }}'
        return code

    # ---- operands

    def is_register(self, operand):
        return any(operand in scope for scope in self._scopes)

    def is_predicate(self, operand):
        return any(scope.get(operand) == 'pred' for scope in self._scopes)

    def read(self, operand, ptx_type):
        """The operand as a value of this type."""
        if operand.startswith('!'):
            return f'!{self.read(operand[1:], ptx_type)}'
        if operand.startswith('-') and self.is_register(operand[1:]):
            return f'neg({self.read(operand[1:], ptx_type)})'
        if self.is_register(operand):
            return f'as<{ptx_type}>({identifier(operand)})'
        return f'as<{ptx_type}>(b64({self._constant(operand, ptx_type)}))'

    def _constant(self, operand, ptx_type):
        if operand.startswith('%'):
            return self._special(operand[1:])
        if match := re.fullmatch(r'0[fF]([0-9A-Fa-f]{8})|0[dD]([0-9A-Fa-f]{16})', operand):
            return f'0x{match.group(1) or match.group(2)}u'
        if re.fullmatch(r'-?\d+\.\d+', operand):
            wide = ptx_type == 'f64'
            return f'0x{struct.pack(">d" if wide else ">f", float(operand)).hex()}u'
        if re.fullmatch(r'-?(0[xX][0-9A-Fa-f]+|\d+)U?', operand):
            value = int(operand.rstrip('U'), 8 if re.fullmatch(r'-?0\d+U?', operand) else 0)
            return f'0x{value % 2**64:X}u'
        return self.symbol(operand)

    def _special(self, name):
        name, _, part = name.partition('.')
        if name in SPECIAL_VECTORS and part in ('x', 'y', 'z'):
            return f'{name}().{part}'
        if name in SPECIAL_SCALARS and not part:
            return f'{name}()'
        raise Unsupported(f'register %{name}')

    def symbol(self, text):
        match = re.fullmatch(r'([\w$]+)\s*(?:\+\s*(-?\w+))?', text)
        if not match or match.group(1) not in self._symbols:
            raise Unsupported(f'name {text}')
        return f'({self._symbols[match.group(1)]} + b64({int(match.group(2) or "0", 0)}))'

    def address(self, operand):
        """[register+offset], [name+offset]: as b64."""
        inner = operand.strip().removeprefix('[').removesuffix(']').strip()
        match = re.fullmatch(r'(%?[\w$]+)\s*(?:([+-])\s*(-?\w+))?', inner)
        if match and self.is_register(match.group(1)):
            offset = int(match.group(3) or '0', 0) * (-1 if match.group(2) == '-' else 1)
            # Shared addresses may be held in 32 bits: they are added in 32 bits.
            suffix = '' if offset == 0 else f' + {offset}' if offset > 0 else f' - {-offset}'
            return f'b64{{{identifier(match.group(1))}{suffix}}}'
        return self.symbol(inner)

    def write(self, operand, expression):
        if operand == '_':
            return f'static_cast<void>({expression});'
        if not self.is_register(operand):
            raise Unsupported(f'destination {operand}')
        return f'set({identifier(operand)}, {expression});'

    def name(self, operand):
        return identifier(operand)

    # ---- accesses and counts

    def place(self, instruction):
        return self.context.site(instruction.location)

    def touch(self, instruction, space, kind, size, address='a'):
        """A statement that tells checker and profile of an access."""
        return self._tell('touch', instruction, space, kind, size, address)

    def observe(self, instruction, space, kind, size, address):
        """Tells the profile only: the instruction's own function in warp.h does the checks."""
        return self._tell('observe', instruction, space, kind, size, address)

    def _tell(self, function, instruction, space, kind, size, address):
        if space not in ('generic', 'global', 'shared'):
            return ''
        self.sites.append(Access(instruction.location, space, kind, size))
        site = f'sites{self.number}[{len(self.sites) - 1}]'
        return f'{function}({site}, {address}, {self.iteration()});'

    def iteration(self):
        """One number of the iterations of the loops round the current block: the last 16 bits of each."""
        expression = '0'
        for head in self._flow.nest(self._block):
            expression = f'loop{head}' if expression == '0' else f'(b64{{{expression}}} << 16 ^ loop{head})'
        return expression

    def count(self, kind, number):
        """`number` operations of a kind in the current instruction, by one lane."""
        line = self.work.setdefault((self._block, self.location), {})
        line[kind] = line.get(kind, 0) + number
