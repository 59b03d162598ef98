"""What the instructions mean: functions that give the C++ of one instruction, by the first word of its opcode.

Each takes the FunctionEmitter and the Instruction and returns statements; it raises Unsupported for a form it does not
know, which then aborts when executed, not when translated.
"""

from ..errors import Unsupported

_OPERATIONS = {}


def operation(*names):
    def register(function):
        for name in names:
            assert name not in _OPERATIONS, name
            _OPERATIONS[name] = function
        return function
    return register


def translate(emitter, instruction):
    if instruction.opcode[0] not in _OPERATIONS:
        raise Unsupported(instruction.opcode[0])
    return _OPERATIONS[instruction.opcode[0]](emitter, instruction)


from . import arithmetic, comparison, control, conversion, logic, memory, tensor, warp  # noqa: E402,F401
