"""From a program or library that nvcc built to a library of translated kernels, each step kept by its content."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from . import module, parser

_TESTS = pathlib.Path(__file__).resolve().parents[3]  # the folder that holds cudasim/
# No strict aliasing: shared memory is read as other types than it was written.
_FLAGS = ['-std=c++20', '-O1', '-w', '-fPIC', '-fno-strict-aliasing', '-ffp-contract=off']


class BuildError(Exception):
    """Something that the caller has to know, as one line."""


def default_cache():
    return pathlib.Path(os.environ.get('CUDASIM_CACHE', '~/.cache/cudasim')).expanduser()


def warn(file, translation):
    """Says what was not translated, on the error stream."""
    for kernel, opcodes in translation.unsupported.items():
        print(f'{file.name}: {kernel}: not translated: {", ".join(opcodes)}', file=sys.stderr)


def translate(files, cache, cudart, architecture=None, only=''):
    """The library of the kernels in these programs and libraries, None if there are none, and their mangled names; of
    those kernels only whose names hold a match of the regular expression `only`."""
    cache.mkdir(parents=True, exist_ok=True)
    sources, kernels = {}, set()
    for file in files:
        if not file.is_file():
            raise BuildError(f'{file}: no such file')
        for ptx in _extract(file, cache, architecture):
            translated = module.translate(parser.parse(ptx), only)
            warn(file, translated)
            for kernel, name in translated.kernels.items():
                if kernel not in kernels:  # a template in two modules is the same kernel
                    sources[name] = translated.files[name]
            kernels |= set(translated.kernels)
            sources |= {name: text for name, text in translated.files.items() if name not in translated.kernels.values()}
    if not kernels:
        return None, []
    compiler = _Compiler(cache)
    with ThreadPoolExecutor(int(os.environ.get('CUDASIM_JOBS', os.cpu_count() or 1))) as pool:
        objects = list(pool.map(lambda item: _compile(*item, cache, compiler), sorted(sources.items())))
    key = _digest(*map(str, objects), str(cudart))
    library = _kept(cache / f'kernels-{key}.so', lambda out: _run(
        'g++', '-shared', *map(str, objects), '-o', out, f'-L{cudart}', '-l:libcudart.so.13'))
    return library, sorted(kernels)


def _digest(*texts):
    return hashlib.sha256('\0'.join(texts).encode()).hexdigest()[:16]


def _kept(path, make):
    """The file at `path`; made if it is not there. Two that make it at a time do no harm."""
    if not path.exists():
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        os.close(descriptor)
        try:
            make(name)
            os.replace(name, path)
        finally:
            pathlib.Path(name).unlink(missing_ok=True)
    return path


def _run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise BuildError(f'{command[0]} failed:\n{(result.stderr or result.stdout)[-4000:]}')
    return result.stdout


def _extract(file, cache, architecture):
    """Texts of the PTX of one architecture in the file."""
    cuobjdump = os.environ.get('CUOBJDUMP') or shutil.which('cuobjdump')
    if not cuobjdump:
        raise BuildError('no cuobjdump: CUOBJDUMP is not set, and there is none in PATH')
    key = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    folder = cache / f'ptx-{key}'
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            _run(cuobjdump, '-xptx', 'all', str(file.resolve()), cwd=temporary)
            shutil.copytree(temporary, folder, dirs_exist_ok=True)
    by_architecture = {}
    for path in sorted(folder.glob('*.ptx')):
        text = path.read_text()
        target = re.search(r'^\s*\.target\s+sm_(\d+)', text, re.M).group(1)
        by_architecture.setdefault(int(target), []).append(text)
    if not by_architecture:
        return []
    wanted = int(architecture) if architecture else min(by_architecture)
    if wanted not in by_architecture:
        raise BuildError(f'{file}: no PTX of sm_{wanted}, only of {sorted(by_architecture)}')
    return by_architecture[wanted]


class _Compiler:
    """g++ with the headers of the translation compiled once, and a digest of all that its output depends on."""

    def __init__(self, cache):
        self.flags = [*_FLAGS, *_instruction_set()]
        headers = sorted(p for p in (_TESTS / 'cudasim').rglob('*.h'))
        version = _run('g++', '-dumpfullversion')
        self.digest = _digest(version, *self.flags, *(p.read_text() for p in headers))
        folder = cache / f'headers-{self.digest}' / 'cudasim' / 'ptx'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'isa.h').write_text(f'#include "{_TESTS}/cudasim/ptx/isa.h"\n')
        _kept(folder / 'isa.h.gch', lambda out: _run('g++', *self.flags, f'-I{_TESTS}', '-x', 'c++-header',
                                                     str(folder / 'isa.h'), '-o', out))
        self.includes = [f'-I{folder.parents[1]}', f'-I{_TESTS}']


def _instruction_set():
    """With a fused multiply-add of the processor's own where it has one: fma is exact either way."""
    flags = pathlib.Path('/proc/cpuinfo').read_text() if pathlib.Path('/proc/cpuinfo').exists() else ''
    return ['-march=x86-64-v3'] if re.search(r'\bfma\b', flags) and re.search(r'\bavx2\b', flags) else []


def _compile(name, text, cache, compiler):
    source = _kept(cache / name, lambda out: pathlib.Path(out).write_text(text))
    return _kept(cache / f'{source.stem}-{compiler.digest}.o',
                 lambda out: _run('g++', *compiler.flags, *compiler.includes, '-c', str(source), '-o', out))
