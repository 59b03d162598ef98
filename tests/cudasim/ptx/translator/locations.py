"""Which line of the kernel's source an instruction belongs to (.file and .loc, written with nvcc -lineinfo)."""

import re

# What stands in these is a wrapper round one instruction: its caller is of interest.
_WRAPPERS = re.compile(r'(\.hpp|/include/(crt/|cuda_|sm_|cooperative_groups|cccl/|cub/).*|/cuda/language\.h)$')
_LOC = re.compile(r'\.loc\s+(\d+)\s+(\d+)\s+(\d+)(?:.*\binlined_at\s+(\d+)\s+(\d+)\s+(\d+))?')


class Locations:
    def __init__(self, source):
        self._files = dict(re.findall(r'^\s*\.file\s+(\d+)\s+"([^"]*)"', source, re.M))
        self._callers = {}

    def resolve(self, directive):
        """(file, line) of a .loc: the innermost that is no wrapper. None for a directive that says nothing new."""
        match = _LOC.match(directive)
        if not match:
            return None
        file, line, column, *caller = match.groups()
        here = (file, line, column)
        if caller[0]:
            self._callers[here] = tuple(caller)
        else:
            self._callers.pop(here, None)
        seen = set()
        while _WRAPPERS.search(self._files.get(here[0], '')) and here in self._callers and here not in seen:
            seen.add(here)
            here = self._callers[here]
        return self._files.get(here[0], ''), int(here[1])
