"""The text of a PTX module as objects. Knows the grammar that nvcc writes, no instruction's meaning."""

import math
import re
from dataclasses import dataclass, field

from .locations import Locations
from .types import BYTES, TYPES


@dataclass
class Variable:
    """A declaration in the state space shared, global, const, local or param."""
    space: str
    type: str
    name: str
    count: int  # of elements; 0: an array whose size the launch gives
    align: int
    initial: list = field(default_factory=list)

    @property
    def bytes(self):
        return BYTES[self.type] * self.count


@dataclass
class Registers:
    type: str
    names: list


@dataclass
class Label:
    name: str


@dataclass
class Targets:
    """.branchtargets: what the label before it names, the table of a brx.idx."""
    labels: list


@dataclass
class Scope:
    opens: bool


@dataclass
class Instruction:
    opcode: tuple  # ('ld', 'global', 'nc', 'f32')
    operands: list
    guard: str  # '' or the predicate register, '!%p1' when negated
    location: tuple  # (file, line) of the kernel's source; ('', 0) when not known
    text: str

    @property
    def type(self):
        return self.opcode[-1]

    def has(self, *modifiers):
        return any(modifier in self.opcode for modifier in modifiers)

    def one_of(self, *modifiers):
        """The modifier that stands in the opcode, or None."""
        return next((modifier for modifier in self.opcode if modifier in modifiers), None)


@dataclass
class Function:
    name: str
    is_entry: bool
    parameters: list
    results: list
    body: list
    max_threads: int = 0  # of a block, by __launch_bounds__; 0: not said


@dataclass
class Module:
    target: str
    variables: list
    functions: list


class PtxError(Exception):
    """The text is not PTX as this parser knows it."""


def split(text, separator=','):
    """At separators that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in '[{(':
            depth += 1
        elif character in ']})':
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    rest = text[start:].strip()
    return parts + [rest] if rest else parts


def parse(source):
    locations = Locations(source)
    text = re.sub(r'/\*.*?\*/|//[^\n]*', ' ', source, flags=re.S)
    # The debug sections stand behind all code.
    text = re.split(r'^\s*\.section\b', text, maxsplit=1, flags=re.M)[0]
    target = re.search(r'^\s*\.target\s+(\w+)', text, flags=re.M)
    if not target:
        raise PtxError('no .target')
    text = re.sub(r'^\s*\.(version|target|address_size|file)\b[^\n]*', '', text, flags=re.M)
    module = Module(target.group(1), [], [])
    for head, body in _items(text):
        if re.search(r'\.(entry|func)\b', head):
            if body is not None:  # not the mere declaration of a function
                module.functions.append(_function(head, body, locations))
        elif head:
            module.variables.append(_variable(head))
    return module


def _items(text):
    """Pairs (head, body) of functions and (declaration, None) of everything else at the module's level."""
    start = position = 0
    while position < len(text):
        if text[position] == ';':
            yield text[start:position].strip(), None
            start = position + 1
        elif text[position] == '{' and '=' not in text[start:position]:
            end = _closing(text, position)
            yield text[start:position].strip(), text[position + 1:end]
            position, start = end, end + 1
        elif text[position] == '{':
            position = _closing(text, position)
        position += 1


def _closing(text, position):
    depth = 0
    for brace in re.compile(r'[{}]').finditer(text, position):
        depth += 1 if brace.group() == '{' else -1
        if depth == 0:
            return brace.start()
    raise PtxError('a brace is not closed')


def _variable(text):
    match = re.match(r'((?:\.\w+\s+)*?)\.(shared|global|const|local|param)\s+(.*)$', text, re.S)
    if not match:
        raise PtxError(f'not a declaration: {text[:80]}')
    space, rest = match.group(2), match.group(3)
    rest = re.sub(r'\.(attribute\([^)]*\)|ptr\b|global\b|shared\b|const\b|local\b)', ' ', rest)
    align = re.search(r'\.align\s+(\d+)', rest)
    rest = re.sub(r'\.align\s+\d+', ' ', rest)
    match = re.match(r'\s*\.(\w+)\s+([\w$%]+)\s*((?:\[\s*\d*\s*\])*)\s*(?:=\s*(.*))?$', rest, re.S)
    if not match or match.group(1) not in TYPES:
        raise PtxError(f'not a declaration: {text[:80]}')
    count = 1
    for dimension in re.findall(r'\[\s*(\d*)\s*\]', match.group(3)):
        count *= int(dimension or 0)
    initial = (match.group(4) or '').strip()
    values = split(initial[1:-1]) if initial.startswith('{') else [initial] if initial else []
    return Variable(space, match.group(1), match.group(2), count,
                    int(align.group(1)) if align else BYTES[match.group(1)], values)


def _function(head, body, locations):
    match = re.search(r'\.(entry|func)\s*(?:\(([^)]*)\))?\s*([\w$]+)\s*(?:\(([^)]*)\))?', head, re.S)
    if not match:
        raise PtxError(f'not a function: {head[:80]}')
    kind, results, name, parameters = match.groups()
    max_threads = 0
    if limit := re.search(r'\.(?:maxntid|reqntid)\s+([\d,\s]+)', head):
        max_threads = math.prod(int(x) for x in limit.group(1).split(','))
    return Function(name, kind == 'entry', [_variable(x) for x in split(parameters or '')],
                    [_variable(x) for x in split(results or '')], list(_statements(body, locations)), max_threads)


_DIRECTIVE_LINE = re.compile(r'\.(loc|file)\b[^\n]*')
_LABEL = re.compile(r'([\w$]+)\s*:(?!:)')
_SPACE = re.compile(r'\s+')


def _statements(body, locations):
    position, location = 0, ('', 0)
    while position < len(body):
        if space := _SPACE.match(body, position):
            position = space.end()
        elif body[position] in '{}':
            yield Scope(body[position] == '{')
            position += 1
        elif line := _DIRECTIVE_LINE.match(body, position):
            location = locations.resolve(line.group()) or location
            position = line.end()
        elif label := _LABEL.match(body, position):
            yield Label(label.group(1))
            position = label.end()
        else:
            end = body.find(';', position)
            if end < 0:
                raise PtxError(f'not a statement: {body[position:position + 80]}')
            statement = _statement(body[position:end].strip(), location)
            if statement:
                yield statement
            position = end + 1


def _statement(text, location):
    if text.startswith('.reg'):
        return _registers(text)
    if text.startswith('.branchtargets'):
        return Targets(split(text.removeprefix('.branchtargets')))
    if text.startswith('.pragma'):
        return None
    if text.startswith('.'):
        return _variable(text)
    match = re.match(r'(?:@(!?%?[\w$]+)\s+)?([a-z][\w.:]*)\s*(.*)$', text, re.S)
    if not match:
        raise PtxError(f'not an instruction: {text[:80]}')
    guard, opcode, operands = match.groups()
    # Cache hints such as L1::no_allocate and L2::128B mean nothing here.
    parts = tuple(part for part in opcode.split('.') if part and not re.match(r'L[12]::', part))
    return Instruction(parts, split(operands), guard or '', location, ' '.join(text.split()))


def _registers(text):
    match = re.match(r'\.reg\s*\.(\w+)\s+(.*)$', text, re.S)
    names = []
    for name in split(match.group(2)):
        counted = re.match(r'(%?[\w$]+)<(\d+)>$', name)
        names += [f'{counted.group(1)}{i}' for i in range(int(counted.group(2)))] if counted else [name]
    return Registers(match.group(1), names)
