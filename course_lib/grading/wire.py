"""Frames between the judge and a sandbox: two lengths, a JSON header, the arrays as safetensors. Nothing in a frame names code.

This file runs on both sides, and inside a sandbox without the package around it.
"""

import json
import os
import select
import struct
import time

import numpy as np
from safetensors.numpy import load, save

HEADER_MAX, BODY_MAX = 1 << 20, 64 << 20  # bytes
DEPTH_MAX, ITEMS_MAX, ARRAYS_MAX = 8, 20_000, 1_000
LENGTHS = struct.Struct("<IQ")


class WireError(Exception):
    """What came, or what should be sent, is not a frame."""


def encode(message: object) -> bytes:
    """A frame of None, bools, numbers, strings, NumPy arrays, tensors, and lists, tuples and dicts of them.

    Raises WireError for anything else, and for what is larger than a frame may be.
    """
    arrays = {}
    header = json.dumps(_pack(message, arrays)).encode()
    body = save(arrays) if arrays else b""
    if len(header) > HEADER_MAX or len(body) > BODY_MAX:
        raise WireError(f"a value of {(len(header) + len(body)) >> 20} MB is too large to send")
    return LENGTHS.pack(len(header), len(body)) + header + body


def decode(header: bytes, body: bytes) -> object:
    """The message of a frame; raises WireError for bytes that are none."""
    try:
        return _unpack(json.loads(header), load(body) if body else {})
    except WireError:
        raise
    except Exception as error:  # a parser may raise anything at bytes made to harm it
        raise WireError(f"not a frame ({type(error).__name__})") from None


def _pack(value, arrays, depth=0):
    if depth > DEPTH_MAX or len(arrays) > ARRAYS_MAX:
        raise WireError("a value that is nested too deeply, or has too many arrays")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [_pack(item, arrays, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[str(key), _pack(item, arrays, depth + 1)] for key, item in value.items()]}
    is_tensor = type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach")
    array = np.asarray(value.detach().cpu().numpy() if is_tensor else value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise WireError(f"cannot send a {type(value).__name__}: return numbers, text, arrays or tensors")
    name = str(len(arrays))
    arrays[name] = np.ascontiguousarray(array).reshape(-1)
    return {"tensor" if is_tensor else "array": name, "shape": list(array.shape)}


def _unpack(value, arrays, depth=0):
    if depth > DEPTH_MAX:
        raise WireError("nested too deeply")
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is not dict or not value:
        raise WireError("not a value")
    kind, inner = next(iter(value.items()))
    if kind in ("list", "tuple", "dict") and len(inner) > ITEMS_MAX:
        raise WireError("too many items")
    if kind == "list":
        return [_unpack(item, arrays, depth + 1) for item in inner]
    if kind == "tuple":
        return tuple(_unpack(item, arrays, depth + 1) for item in inner)
    if kind == "dict":
        return {str(key): _unpack(item, arrays, depth + 1) for key, item in inner}
    array = arrays[inner].reshape(value["shape"]).copy()
    if kind == "array":
        return array
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    raise WireError("not a value")


def send(descriptor: int, message: object, deadline: float) -> None:
    """Write a frame to a pipe that does not block; raises TimeoutError at the deadline of `time.monotonic()`."""
    data = memoryview(encode(message))
    while data:
        _wait(descriptor, select.POLLOUT, deadline)
        data = data[os.write(descriptor, data[:65536]) :]


def receive(descriptor: int, deadline: float = float("inf")) -> object:
    """Read a frame; raises TimeoutError at the deadline, EOFError at the end of the pipe, WireError for what is no frame."""
    header, body = LENGTHS.unpack(_read(descriptor, LENGTHS.size, deadline))
    if header > HEADER_MAX or body > BODY_MAX:
        raise WireError("a frame that is too large")
    return decode(_read(descriptor, header, deadline), _read(descriptor, body, deadline))


def _read(descriptor, count, deadline):
    data = bytearray()
    while len(data) < count:
        _wait(descriptor, select.POLLIN, deadline)
        chunk = os.read(descriptor, min(count - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def _wait(descriptor, event, deadline):
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(descriptor, event)
    if left <= 0 or not poll.poll(None if left == float("inf") else left * 1000):
        raise TimeoutError
