"""The basic blocks of a function and its loops.

Lanes of one warp that execute the same access in the same iterations of all loops round it do so together. The profile
needs this to know which addresses are one request, so every loop gets a counter of its iterations: reset on the edges
that enter its head from outside, raised on those that come back to it.
"""

from dataclasses import dataclass, field

from .parser import Instruction, Label, Targets

_JUMPS = ('bra', 'brx', 'ret', 'exit')


@dataclass
class Flow:
    block_of: list                                # of each statement
    blocks: int
    labels: dict                                  # label -> block
    tables: dict                                  # label before a .branchtargets -> labels
    loops: dict = field(default_factory=dict)     # head -> the loop's blocks
    successors: list = field(default_factory=list)

    def nest(self, block):
        """The heads of the loops round a block, outermost first."""
        return sorted((head for head, body in self.loops.items() if block in body),
                      key=lambda head: -len(self.loops[head]))

    def edge(self, source, target):
        """'' when the edge changes no iteration, 'enter' or 'again' at the head of a loop."""
        if target not in self.loops:
            return ''
        return 'again' if source in self.loops[target] else 'enter'


def analyse(body):
    flow = _blocks(body)
    flow.successors = _successors(body, flow)
    dominators = _dominators(flow.successors)
    for source, targets in enumerate(flow.successors):
        for head in targets:
            if dominators[source] is not None and head in dominators[source]:
                flow.loops.setdefault(head, {head}).update(_loop_body(flow.successors, head, source))
    return flow


def _blocks(body):
    flow = Flow([], 1, {}, {})
    last_label, empty = '', True
    for statement in body:
        if isinstance(statement, Label):
            if not empty:
                flow.blocks += 1
                empty = True
            flow.labels[statement.name] = flow.blocks - 1
            last_label = statement.name
        elif isinstance(statement, Targets):
            flow.tables[last_label] = statement.labels
        flow.block_of.append(flow.blocks - 1)
        if isinstance(statement, Instruction):
            empty = False
            if statement.opcode[0] in _JUMPS:
                flow.blocks += 1
                empty = True
    return flow


def _successors(body, flow):
    successors = [[block + 1] if block + 1 < flow.blocks else [] for block in range(flow.blocks)]
    for statement, block in zip(body, flow.block_of):
        if not isinstance(statement, Instruction) or statement.opcode[0] not in _JUMPS:
            continue
        targets = successors[block] if statement.guard else []
        if statement.opcode[0] == 'bra':
            targets = targets + [flow.labels[statement.operands[0]]]
        elif statement.opcode[0] == 'brx':
            targets = targets + [flow.labels[label] for label in flow.tables[statement.operands[1]]]
        successors[block] = list(dict.fromkeys(targets))
    return successors


def _order(successors):
    """Blocks that can be reached, in reverse postorder."""
    order, state, stack = [], {0}, [(0, iter(successors[0]))]
    while stack:
        block, rest = stack[-1]
        following = next((b for b in rest if b not in state), None)
        if following is None:
            order.append(block)
            stack.pop()
        else:
            state.add(following)
            stack.append((following, iter(successors[following])))
    return order[::-1]


def _dominators(successors):
    order = _order(successors)
    predecessors = {block: [] for block in order}
    for block in order:
        for target in successors[block]:
            predecessors[target].append(block)
    dominators = [None] * len(successors)
    dominators[0] = {0}
    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            known = [dominators[p] for p in predecessors[block] if dominators[p] is not None]
            new = set.intersection(*known) | {block}
            if new != dominators[block]:
                dominators[block], changed = new, True
    return dominators


def _loop_body(successors, head, source):
    predecessors = [[] for _ in successors]
    for block, targets in enumerate(successors):
        for target in targets:
            predecessors[target].append(block)
    body, pending = {head, source}, [source] if source != head else []
    while pending:
        for block in predecessors[pending.pop()]:
            if block not in body:
                body.add(block)
                pending.append(block)
    return body
