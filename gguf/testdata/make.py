#!/usr/bin/env python3
"""Makes the files beside it with the PyPI package gguf, a writer that is not ours.

kinds.gguf      every kind of value alone and in an array, an array of arrays, alignment 64, tensors of many types
part-*.gguf     three files of a split
"""
import glob, os
import numpy as np
from gguf import GGMLQuantizationType as T, GGUFValueType as V, GGUFWriter, GGML_QUANT_SIZES

here = os.path.dirname(os.path.abspath(__file__))


def kinds():
    w = GGUFWriter(os.path.join(here, "kinds.gguf"), "llama")
    w.add_custom_alignment(64)
    w.add_uint8("u8", 255); w.add_int8("i8", -128); w.add_uint16("u16", 65535); w.add_int16("i16", -32768)
    w.add_uint32("u32", 2**32 - 1); w.add_int32("i32", -2**31); w.add_uint64("u64", 2**64 - 1); w.add_int64("i64", -2**63)
    w.add_float32("f32", 0.1); w.add_float64("f64", 0.1); w.add_bool("yes", True); w.add_bool("no", False)
    w.add_string("text", "naïve 模型\n"); w.add_string("empty", "x")
    w.add_array("a.i32", [1, -2, 3]); w.add_array("a.f32", [0.5, -1.25]); w.add_array("a.bool", [True, False, True])
    w.add_array("a.text", ["", "a", "ключ", "\u0120the"]); w.add_array("a.bytes", bytes([0, 127, 128, 255]))
    for name, t, v in [("u8", V.UINT8, [1, 255]), ("i8", V.INT8, [-1, 1]), ("u16", V.UINT16, [65535]), ("i16", V.INT16, [-2]),
                       ("u32", V.UINT32, [2**32 - 1]), ("u64", V.UINT64, [2**63 - 1]), ("i64", V.INT64, [-2**63]), ("f64", V.FLOAT64, [0.1])]:
        w.add_key_value("b." + name, v, V.ARRAY, t)
    w.add_array("nested", [[1, 2], [3]])
    w.add_array("nested.text", [["a"], ["b", "c"]])
    rng = np.random.default_rng(1)
    w.add_tensor("f32", np.arange(6, dtype=np.float32).reshape(2, 3))
    w.add_tensor("f16", np.arange(5, dtype=np.float16))
    for name, dt in [("i8", np.int8), ("i16", np.int16), ("i32", np.int32), ("i64", np.int64), ("f64", np.float64)]:
        w.add_tensor(name, np.arange(3, dtype=dt))
    for t in T:
        block, size = GGML_QUANT_SIZES[t]
        if block > 1 and t != T.Q8_1:  # that package gives it 40 bytes, ggml-common.h 36
            w.add_tensor(t.name.lower(), rng.integers(0, 256, (3, 2 * size), dtype=np.uint8), raw_dtype=t)
    w.add_tensor("four", np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5))
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def split():
    for f in glob.glob(os.path.join(here, "part-*.gguf")):
        os.remove(f)
    w = GGUFWriter(os.path.join(here, "part.gguf"), "llama", split_max_tensors=2)
    w.add_string("general.name", "split")
    for i in range(5):
        w.add_tensor(f"t.{i}", np.full(3 + i, i, dtype=np.float32))
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


kinds()
split()
