"""Writes the logits of a model as transformers computes them, float32 [ids, vocabulary].

    logits.py FOLDER IDS OUT [ADAPTER]

IDS is JSON, ADAPTER a folder that PEFT reads.
"""
import json, sys

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
folder, ids, out = sys.argv[1:4]
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
if len(sys.argv) > 4:
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, sys.argv[4])
with torch.no_grad():
    logits = model.eval()(input_ids=torch.tensor([json.loads(ids)])).logits[0]
with open(out, "wb") as f:
    f.write(logits.float().contiguous().numpy().astype("<f4").tobytes())
