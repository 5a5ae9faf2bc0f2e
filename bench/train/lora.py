#!/usr/bin/env python3
"""Steps of an adapter of all linear layers by PEFT on the CPU: what bench/train compares with.

    lora.py MODEL BATCHES [--threads 2] [--cols 512] [--rank 16] [--type bfloat16|float32]

MODEL is a folder that transformers opens, or a GGUF file, which it dequantises (that wants the package gguf); BATCHES token ids, [steps, cols] int32. A step is made for each line read (the number
of its batch), and a line written: {"seconds", "cpu", "loss"}. The base has the type, the adapter is float32 as PEFT has it;
scaled_dot_product_attention, fused AdamW.
"""
import argparse, json, os, sys, time

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, GgufConfig


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model")
    a.add_argument("batches")
    for name, v in (("threads", 2), ("cols", 512), ("rank", 16)):
        a.add_argument(f"--{name}", type=int, default=v)
    a.add_argument("--type", choices=["bfloat16", "float32"], default="bfloat16")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    where = dict(pretrained_model_name_or_path=o.model)
    if o.model.endswith(".gguf"):
        folder, name = os.path.split(o.model)
        where = dict(pretrained_model_name_or_path=folder or ".", gguf_file=name, quantization_config=GgufConfig(dequantize=True))
    base = AutoModelForCausalLM.from_pretrained(**where, dtype=getattr(torch, o.type), attn_implementation="sdpa")
    model = get_peft_model(base, LoraConfig(r=o.rank, lora_alpha=2 * o.rank, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"))
    model.config.use_cache = False
    assert all(p.dtype in (torch.float32, getattr(torch, o.type)) for p in model.parameters()), "the weights are packed"
    model.train()
    params = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True)
    batches = torch.from_numpy(np.fromfile(o.batches, "<i4").reshape(-1, 1, o.cols).astype(np.int64))
    for i, line in enumerate(sys.stdin):
        wall, cpu = time.perf_counter(), time.process_time()
        ids = batches[int(line)]
        value = model(input_ids=ids, labels=ids).loss
        opt.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        for g in opt.param_groups:
            g["lr"] = 1e-3 * min(1.0, (i + 1) / 4)
        opt.step()
        print(json.dumps(dict(seconds=time.perf_counter() - wall, cpu=time.process_time() - cpu, loss=float(value.detach()))), flush=True)


main()
