#!/usr/bin/env python3
"""Makes the files beside it with the PyPI package safetensors, a writer that is not ours.

types.safetensors      one tensor of each type that numpy has, a scalar, an empty one, names with escapes, metadata
sharded/               two shards and their index
"""
import json, os
import numpy as np
from safetensors.numpy import save_file

here = os.path.dirname(os.path.abspath(__file__))
types = {t: np.arange(6).astype(t).reshape(2, 3) for t in
         ["bool", "int8", "uint8", "int16", "uint16", "float16", "int32", "uint32", "float32", "int64", "uint64", "float64"]}
save_file({**types, "scalar": np.array(7, dtype=np.float32), "empty": np.zeros((0, 4), dtype=np.float32), 'quo"te\\\u00e9\t\u6a21\U0001f600': np.ones(2, dtype=np.float32)},
          os.path.join(here, "types.safetensors"), metadata={"format": "np", "note": "a\n\u00e9"})

folder = os.path.join(here, "sharded")
os.makedirs(folder, exist_ok=True)
shards = {"model-00001-of-00002.safetensors": {"a": np.arange(4, dtype=np.float32), "b": np.arange(6, dtype=np.float16).reshape(3, 2)},
          "model-00002-of-00002.safetensors": {"c": np.arange(5, dtype=np.int64)}}
for name, tensors in shards.items():
    save_file(tensors, os.path.join(folder, name), metadata={"format": "pt"})
json.dump({"metadata": {"total_size": 68}, "weight_map": {t: s for s, ts in shards.items() for t in ts}},
          open(os.path.join(folder, "model.safetensors.index.json"), "w"), indent=2)
