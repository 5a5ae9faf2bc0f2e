#!/usr/bin/env python3
"""Steps of GRPO by TRL on the CPU: what bench/train compares with.

    trl_grpo.py FOLDER [--threads 2] [--problems 32] [--answers 16] [--length 80] [--ends] [--how generate|paged] [--steps 7]

FOLDER holds a model with its tokenizer, as blitz train demo writes it. A step (answers drawn, rewarded, learned of once) is made
for each line read, and a line written: {"seconds", "cpu", "loss"}. float32, no reference, no clipping below 1, fused AdamW; all
answers have as many tokens, as Blitz's have. `generate` is transformers' own, with a cache; `paged` its continuous batching.
"""
import argparse, json, os, sys, time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch, transformers
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer


class Turns(TrainerCallback):
    """Waits for a line before each step, and says behind it what the step took."""

    def __init__(self, out):
        self.out = out

    def on_step_begin(self, *_, **__):
        if not sys.stdin.readline():
            self.out.close()
            os._exit(0)  # nobody asks any more
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def on_step_end(self, *_, **__):
        self.took = dict(seconds=time.perf_counter() - self.wall, cpu=time.process_time() - self.cpu)

    def on_log(self, args, state, control, logs=None, **_):
        if logs and "loss" in logs:
            print(json.dumps(dict(self.took, loss=logs["loss"])), file=self.out, flush=True)
            self.logs = logs


def prompt(i):
    return f"{1 + i % 9} {1 + i // 9 % 9} {1 + i * 7 % 9} = {10 + i % 80}\n"


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("folder")
    for name, v in (("threads", 2), ("problems", 32), ("answers", 16), ("length", 80), ("steps", 7)):
        a.add_argument(f"--{name}", type=int, default=v)
    a.add_argument("--ends", action="store_true", help="answers end by themselves")
    a.add_argument("--how", choices=["generate", "paged"], default="generate")
    o = a.parse_args()
    out, sys.stdout = sys.stdout, sys.stderr  # what others print is no answer
    torch.set_num_threads(o.threads)
    transformers.logging.set_verbosity_error()
    tokens = AutoTokenizer.from_pretrained(o.folder, padding_side="left")
    tokens.pad_token = tokens.eos_token
    model = AutoModelForCausalLM.from_pretrained(o.folder, dtype=torch.float32, attn_implementation="sdpa")
    more = dict(use_transformers_paged=True) if o.how == "paged" else {}
    config = GRPOConfig(
        output_dir=os.path.join(os.environ.get("TMPDIR", "/tmp"), "blitz-trl"), use_cpu=True, bf16=False, fp16=False, gradient_checkpointing=False,
        per_device_train_batch_size=o.problems * o.answers, num_generations=o.answers, gradient_accumulation_steps=1, max_completion_length=o.length,
        generation_kwargs={} if o.ends else dict(min_new_tokens=o.length), temperature=1.0, beta=0.0, num_iterations=1, learning_rate=1e-5, lr_scheduler_type="constant",
        adam_beta1=0.9, adam_beta2=0.95, weight_decay=0.1, max_grad_norm=1.0, optim="adamw_torch_fused", max_steps=o.steps, save_strategy="no", report_to="none",
        logging_steps=1, disable_tqdm=True, shuffle_dataset=False, **more,
    )
    data = Dataset.from_list([dict(prompt=prompt(i)) for i in range(o.problems)] * o.steps)
    turns = Turns(out)
    trainer = GRPOTrainer(model=model, reward_funcs=lambda completions, **_: [float(c.count("3")) for c in completions], args=config, train_dataset=data, processing_class=tokens, callbacks=[turns])
    trainer.train()
    length = turns.logs.get("completions/mean_length")
    assert o.ends or length is None or length == o.length, f"answers have {length} tokens, want {o.length}"


main()
