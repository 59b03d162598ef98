"""Files of tensors (safetensors) for the tests of infill model run."""
import array
import dataclasses
import json
import struct


@dataclasses.dataclass
class Tensor:
    shape: list
    data: bytes
    dtype: str = "F32"

    def values(self):
        return array.array("f", self.data)


def floats(shape, values):
    return Tensor(list(shape), array.array("f", values).tobytes())


def write(path, metadata=None, **tensors):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, tensor in tensors.items():
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [len(data), len(data) + len(tensor.data)]}
        data += tensor.data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def read(path):
    """The tensors of a safetensors file, and its metadata."""
    file = path.read_bytes()
    length = struct.unpack("<Q", file[:8])[0]
    header, data = json.loads(file[8:8 + length]), file[8 + length:]
    metadata = header.pop("__metadata__", {})
    return {name: Tensor(entry["shape"], data[slice(*entry["data_offsets"])], entry["dtype"])
            for name, entry in header.items()}, metadata


def picture(height, width, seed=1):
    """[1, 3, H, W]; multiples of 1/256, which 16 bits hold exactly."""
    return floats([1, 3, height, width],
                  [((i * 37 + i // 11 * 5 + seed * 91) % 255) / 256 for i in range(3 * height * width)])


def holes(height, width, box):
    x0, y0, x1, y1 = box
    return floats([1, 1, height, width],
                  [float(x0 <= x < x1 and y0 <= y < y1) for y in range(height) for x in range(width)])
