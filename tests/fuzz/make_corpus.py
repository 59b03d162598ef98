#!/usr/bin/env python3
"""Writes tests/fuzz/corpus: small files of every kind that the readers know, and where the fuzzer starts from.

The pickles are written by Python's own pickler, with stand-ins for torch and numpy, as torch.save would have it write them.
The files are in the tree: run this only to change them. The names with "good" are read by tests/zoo/python_files_test.cpp, which
expects {'conv.weight': [[1, 2], [3, 4]], 'conv.bias': [3]} in them, below whatever prefix.
"""
import collections
import io
import json
import pathlib
import pickle
import struct
import sys
import types
import zipfile

HERE = pathlib.Path(__file__).parent / "corpus"
MAGIC = 0x1950A86A20F9469CFC6C


def module(name, **members):
    made = types.ModuleType(name)
    for key, value in members.items():
        value.__module__ = name
        value.__qualname__ = value.__name__ = key
        setattr(made, key, value)
    sys.modules[name] = made
    if "." in name:
        setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], made)
    return made


torch = module("torch", FloatStorage=type("FloatStorage", (), {}), Size=type("Size", (tuple,), {}))
utils = module("torch._utils", _rebuild_tensor_v2=lambda *_: None, _rebuild_parameter=lambda *_: None)
nn = module("torch.nn", Linear=type("Linear", (), {}))
numpy = module("numpy", dtype=type("dtype", (), {}))
module("numpy.core")
multiarray = module("numpy.core.multiarray", scalar=lambda *_: None)
evil = module("evil", System=type("System", (), {}), run=lambda *_: None)


class Call:
    """Pickles as function(*arguments), with a state."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments, state) if state is not None else (function, arguments)

    def __reduce__(self):
        return self.reduced


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


def tensor(storage, offset, shape, stride):
    return Call(utils._rebuild_tensor_v2, storage, offset, shape, stride, False, collections.OrderedDict())


def state_dict():
    storage = Storage("0", [1, 2, 3, 4])
    weight = tensor(storage, 0, (2, 2), (2, 1))
    bias = tensor(storage, 2, (1,), (1,))
    state = collections.OrderedDict([("conv.weight", Call(utils._rebuild_parameter, weight, True, collections.OrderedDict())),
                                     ("conv.bias", bias)])
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return state


class Pickler(pickle.Pickler):
    def __init__(self, file, protocol, legacy):
        super().__init__(file, protocol)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        self.storages[thing.key] = thing.values
        return ("storage", torch.FloatStorage, thing.key, "cpu", len(thing.values)) + ((None,) if self.legacy else ())


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def torch_zip(thing, protocol=2):
    data = io.BytesIO()
    pickler = Pickler(data, protocol, False)
    pickler.dump(thing)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        def write(name, content):
            archive.writestr(zipfile.ZipInfo("m/" + name), content)
        write("data.pkl", data.getvalue())
        write("byteorder", "little")
        for key, values in pickler.storages.items():
            write(f"data/{key}", floats(values))
        write("version", "3\n")
    return out.getvalue()


def torch_legacy(thing, protocol=2):
    out = io.BytesIO()
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for start in (MAGIC, 1001, machine):
        pickle.dump(start, out, protocol)
    pickler = Pickler(out, protocol, True)
    pickler.dump(thing)
    pickle.dump(sorted(pickler.storages), out, protocol)
    for key in sorted(pickler.storages):
        values = pickler.storages[key]
        out.write(struct.pack("<q", len(values)) + floats(values))
    return out.getvalue()


def safetensors(header, data):
    text = (header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))).encode()
    return struct.pack("<Q", len(text)) + text + data


def training_checkpoint():
    """What training programs put around the weights."""
    half = Call(numpy.dtype, "f8", False, True, state=(3, "<", None, None, None, -1, -1, 0))
    optimizer = {"state": {0: {"step": 7, "exp_avg": None}}, "param_groups": [{"lr": 1e-4, "betas": (0.5, 0.999)}]}
    return {"epoch": 3, "best": Call(multiarray.scalar, half, struct.pack("<d", 0.1)), "loss": [1.5, 2.5, float("inf")],
            "state_dict": state_dict(), "optimizer": optimizer, "name": "caf\u00e9", "big": 1 << 70, "negative": -(1 << 40),
            "set": {1}, "frozen": frozenset({2}), "none": None, "flag": True, "bytes": b"raw", "size": Call(torch.Size, (1, 2))}


def whole_module():
    layer = nn.Linear()
    weights = state_dict()
    layer.__dict__ = {"training": True, "_parameters": {"weight": weights["conv.weight"], "bias": weights["conv.bias"]},
                      "_buffers": {}, "_modules": {}}
    model = evil.System()
    model.__dict__ = {"_modules": {"conv": layer}, "hook": Call(evil.run, "rm -rf /")}
    return model


def main():
    kinds = {"safetensors": {}, "torch": {}}
    entry = {"conv.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
             "conv.bias": {"dtype": "F32", "shape": [1], "data_offsets": [16, 20]}}
    data = floats([1, 2, 3, 4, 3])
    card = {"name": "n", "kind": "fill", "architecture": "deepfill-v2", "parameters": {"width": 8, "fuse": True}, "licence": "CC0-1.0"}
    files = kinds["safetensors"]
    files["good"] = safetensors(entry, data)
    files["good-metadata"] = safetensors({"__metadata__": {"format": "pt", "infill.card": json.dumps(card)}, **entry}, data)
    files["good-spaces"] = safetensors(json.dumps(entry, indent=2) + "   ", data)
    files["empty"] = safetensors({}, b"")
    files["types"] = safetensors({name: {"dtype": name, "shape": [1, 1], "data_offsets": [8 * i, 8 * i + size]}
                                  for i, (name, size) in enumerate([("F64", 8), ("I64", 8), ("U64", 8)])}, bytes(24))
    files["zero"] = safetensors({"a": {"dtype": "BOOL", "shape": [0, 3], "data_offsets": [0, 0]},
                                 "b": {"dtype": "F16", "shape": [], "data_offsets": [0, 2]}}, bytes(2))
    files["escapes"] = safetensors('{"\\u0041\\ud83d\\ude00\\n":{"shape":[1],"data_offsets":[0,1],"dtype":"F8_E4M3"}}', b"x")
    files["overlap"] = safetensors({"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
                                    "b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]}}, bytes(3))
    files["duplicate"] = safetensors('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{}}', b"x")
    files["deep"] = safetensors("[" * 100, b"")
    for name in ("good", "good-metadata"):  # without a length, for the second half of the target
        files[name + "-header"] = bytes([20]) + files[name][8:-20]

    files = kinds["torch"]
    for protocol in (2, 3, 4, 5):
        files[f"good-zip-{protocol}"] = torch_zip(state_dict(), protocol)
        files[f"good-zip-checkpoint-{protocol}"] = torch_zip(training_checkpoint(), protocol)
        files[f"good-zip-module-{protocol}"] = torch_zip(whole_module(), protocol)
        files[f"good-legacy-{protocol}"] = torch_legacy(state_dict(), protocol)
        files[f"good-legacy-nested-{protocol}"] = torch_legacy({"G": state_dict()}, protocol)
    attack = io.BytesIO()
    Pickler(attack, 2, True).dump({"a": Call(evil.run, "id"), "b": [Call(evil.run, "id"), {"c": (1, 2, 3)}]})
    files["attack-pickle"] = attack.getvalue()[2:]  # the target puts the start of a legacy file in front
    plain = io.BytesIO()
    Pickler(plain, 4, True).dump(training_checkpoint())
    files["checkpoint-pickle"] = plain.getvalue()[2:]
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("m/data.pkl"), b"\x80\x02N." + bytes(1000), zipfile.ZIP_DEFLATED)
    files["deflated"] = deflated.getvalue()

    for kind, members in kinds.items():
        folder = HERE / kind
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in members.items():
            (folder / name).write_bytes(content)


main()
