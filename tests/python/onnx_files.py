"""Reads ONNX's node tests: as much of the protobuf messages as one node with its attributes and tensors needs.

Field numbers are those of onnx.proto (ONNX 1.12).
"""
from __future__ import annotations

import pathlib
import struct
from collections import defaultdict

import numpy as np

_KINDS = {1: "<f4", 6: "<i4", 7: "<i8", 11: "<f8"}


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value - (1 << 64 if value >> 63 else 0), at


def fields(data):
    """Field number -> list of values (ints and byte strings) of one message."""
    found, at = defaultdict(list), 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[kind]
            value, at = data[at:at + size], at + size
        found[key >> 3].append(value)
    return found


def _ints(values):
    """A repeated integer field, packed or not."""
    result = []
    for value in values:
        if isinstance(value, int):
            result.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            result.append(number)
    return result


def _tensor(data) -> np.ndarray:
    message = fields(data)
    values = message[9][0] if message[9] else b"".join(message[4])
    return np.frombuffer(values, _KINDS[message[2][0]]).reshape(_ints(message[1])).copy()


def _value(attribute):
    if attribute[2]:
        return struct.unpack("<f", attribute[2][0])[0]
    if attribute[4]:
        return attribute[4][0].decode()
    return attribute[3][0] if attribute[3] else _ints(attribute[8])


def node(folder: pathlib.Path):
    """(operator, attributes, inputs, outputs) of one test folder, whose model is one node."""
    graph = fields(fields((folder / "model.onnx").read_bytes())[7][0])
    (message,) = (fields(m) for m in graph[1])
    attributes = {a[1][0].decode(): _value(a) for a in map(fields, message[5])}
    values = {fields(initial)[8][0]: _tensor(initial) for initial in graph[5]}
    given = [name for name in (fields(info)[1][0] for info in graph[11]) if name not in values]
    data = folder / "test_data_set_0"
    values |= {name: _tensor((data / f"input_{i}.pb").read_bytes()) for i, name in enumerate(given)}
    outputs = [_tensor((data / f"output_{i}.pb").read_bytes()) for i in range(len(message[2]))]
    return message[4][0].decode(), attributes, [values[name] for name in message[1]], outputs
