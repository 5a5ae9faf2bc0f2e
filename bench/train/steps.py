#!/usr/bin/env python3
"""Steps of training in PyTorch on the CPU, written to be fast: what bench/train compares with.

    steps.py FOLDER [--threads 2] [--how plain|compiled]

FOLDER holds config.json, model.safetensors, settings.json and batches.bin as bench/train writes them. A step is made for each
line read (the number of its batch), and a line written: {"seconds", "cpu", "loss"}, from the batch in memory to the weights
changed. float32, scaled_dot_product_attention, fused AdamW, one matrix product for all tokens of a layer.
"""
import argparse, json, struct, sys, time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def tensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    n = struct.unpack("<Q", raw[:8])[0]
    for name, v in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            a, b = v["data_offsets"]
            yield name, torch.from_numpy(np.frombuffer(raw[8 + n + a:8 + n + b], "<f4").reshape(v["shape"]).copy())


class Model:
    """Llama, or the DeepSeek family with experts and a module of multi-token prediction; the head is the embedding."""

    def __init__(self, folder, cols):
        self.cfg = cfg = json.load(open(f"{folder}/config.json"))
        self.settings = json.load(open(f"{folder}/settings.json"))
        self.layers, self.eps, self.sparse = cfg["num_hidden_layers"], cfg["rms_norm_eps"], "n_routed_experts" in cfg
        self.P, self.bias = nn.ParameterDict(), {}
        for name, w in tensors(f"{folder}/model.safetensors"):
            if name.endswith("correction_bias"):
                self.bias[name] = w
            elif not (name.startswith(f"model.layers.{self.layers}.") and name.endswith(("embed_tokens.weight", "shared_head.head.weight"))):
                self.P[name.replace(".", "/")] = nn.Parameter(w)
        d = self.head = cfg["qk_rope_head_dim"] if self.sparse else cfg["hidden_size"] // cfg["num_attention_heads"]
        angle = torch.arange(cols, dtype=torch.float64)[:, None] * cfg["rope_parameters"]["rope_theta"] ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        self.cos, self.sin = torch.cos(angle).float(), torch.sin(angle).float()

    def W(self, name):
        return self.P[name.replace(".", "/")]

    def linear(self, name, x):
        return F.linear(x, self.W(name + ".weight"))

    def rope(self, x, pairs):  # x [B, heads, T, d]
        c, s, h = self.cos[:x.shape[2]], self.sin[:x.shape[2]], x.shape[-1] // 2
        p, q = (x[..., 0::2], x[..., 1::2]) if pairs else (x[..., :h], x[..., h:])
        y, z = p * c - q * s, p * s + q * c
        return torch.stack([y, z], -1).flatten(-2) if pairs else torch.cat([y, z], -1)

    def norm(self, x, name):
        return F.rms_norm(x, (x.shape[-1],), self.W(name + ".weight"), self.eps)

    def mlp(self, p, x):
        return self.linear(p + "down_proj", F.silu(self.linear(p + "gate_proj", x)) * self.linear(p + "up_proj", x))

    def attend(self, p, x):
        b, t, _ = x.shape
        c, H = self.cfg, self.cfg["num_attention_heads"]
        if not self.sparse:
            q, k, v = (self.linear(p + n, x).view(b, t, -1, self.head).transpose(1, 2) for n in ("q_proj", "k_proj", "v_proj"))
            y = F.scaled_dot_product_attention(self.rope(q, False), self.rope(k, False), v, is_causal=True, enable_gqa=k.shape[1] != H)
            return self.linear(p + "o_proj", y.transpose(1, 2).reshape(b, t, -1))
        nope, r, vd, kv = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"], c["kv_lora_rank"]
        q = self.linear(p + "q_proj", x).view(b, t, H, nope + r).transpose(1, 2)
        a = self.linear(p + "kv_a_proj_with_mqa", x)
        u = self.linear(p + "kv_b_proj", self.norm(a[..., :kv].contiguous(), p + "kv_a_layernorm")).view(b, t, H, nope + vd).transpose(1, 2)
        kr = self.rope(a[..., kv:].view(b, t, 1, r).transpose(1, 2), True).expand(b, H, t, r)
        q = torch.cat([q[..., :nope], self.rope(q[..., nope:], True)], -1)
        k = torch.cat([u[..., :nope], kr], -1)
        v = F.pad(u[..., nope:], (0, nope + r - vd))  # equal widths have the fast kernel
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)[..., :vd]
        return self.linear(p + "o_proj", y.transpose(1, 2).reshape(b, t, -1))

    def experts(self, p, x, notes):
        E, K = self.cfg["n_routed_experts"], self.cfg["num_experts_per_tok"]
        b, t, D = x.shape
        x = x.reshape(-1, D)
        score = torch.sigmoid(self.linear(p + "gate", x))
        pick = (score.detach() + self.bias[p + "gate.e_score_correction_bias"]).topk(K, -1)[1]
        w = score.gather(1, pick)
        w = w / (w.sum(1, keepdim=True) + 1e-20) * self.cfg["routed_scaling_factor"]
        flat, order = torch.sort(pick.view(-1), stable=True)
        count = torch.bincount(flat, minlength=E)
        rows, parts, at = order // K, [], 0
        xs = x[rows]
        for e, n in enumerate(count.tolist()):
            if n:
                parts.append(self.mlp(f"{p}experts.{e}.", xs[at:at + n]))
            at += n
        y = torch.zeros_like(x).index_add(0, rows, torch.cat(parts) * w.view(-1)[order][:, None])
        f = torch.zeros_like(score).scatter(1, score.detach().topk(K, -1)[1], 1.0).view(b, t, E).sum(1) * (E / (K * t))
        notes.append((p, count, (f * (score / score.sum(-1, keepdim=True)).view(b, t, E).mean(1)).sum()))
        return (y + self.mlp(p + "shared_experts.", x)).view(b, t, D)

    def layer(self, i, x, notes):
        p = f"model.layers.{i}."
        x = x + self.attend(p + "self_attn.", self.norm(x, p + "input_layernorm"))
        y = self.norm(x, p + "post_attention_layernorm")
        return x + (self.experts(p + "mlp.", y, notes) if self.sparse and i >= self.cfg["first_k_dense_replace"] else self.mlp(p + "mlp.", y))

    def loss(self, ids):
        notes, emb = [], self.W("model.embed_tokens.weight")
        x = F.embedding(ids, emb)
        for i in range(self.layers):
            x = self.layer(i, x, notes)
        x = self.norm(x, "model.norm")
        total = ids[:, 1:].numel()
        ce = lambda h, y: F.cross_entropy(F.linear(h, emb).flatten(0, 1), y.flatten(), reduction="sum") / total
        out = ce(x[:, :-1], ids[:, 1:])
        if self.cfg.get("num_nextn_predict_layers"):
            p = f"model.layers.{self.layers}."
            y = torch.cat([self.norm(F.embedding(ids[:, 1:], emb), p + "enorm"), self.norm(x[:, :-1], p + "hnorm")], -1)
            y = self.norm(self.layer(self.layers, self.linear(p + "eh_proj", y), notes), p + "shared_head.norm")
            out = out + self.settings["mtp_weight"] * ce(y[:, :-1], ids[:, 2:])
        if self.sparse:
            out = out + self.settings["balance_alpha"] * sum(n[2] for n in notes) / ids.shape[0]
        return out, notes


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("folder")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--how", choices=["plain", "compiled"], default="plain")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    s = json.load(open(f"{o.folder}/settings.json"))
    batches = torch.from_numpy(np.fromfile(f"{o.folder}/batches.bin", "<i4").reshape(s["steps"], s["rows"], s["cols"]).astype(np.int64))
    model = Model(o.folder, s["cols"])
    run = torch.compile(model.loss) if o.how == "compiled" else model.loss
    adam, rate, params = s["optimizer"], s["schedule"], list(model.P.values())
    groups = [dict(params=[p for p in params if p.ndim > 1], weight_decay=adam["weight_decay"]), dict(params=[p for p in params if p.ndim == 1], weight_decay=0.0)]
    opt = torch.optim.AdamW(groups, betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"], fused=True)
    for i, line in enumerate(sys.stdin):
        wall, cpu = time.perf_counter(), time.process_time()
        value, notes = run(batches[int(line)])
        opt.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(params, adam["clip_norm"])
        for g in opt.param_groups:
            g["lr"] = rate["lr"] * min(1.0, (i + 1) / max(rate["warmup"], 1))
        opt.step()
        for p, count, _ in notes:
            c = count.float()
            model.bias[p + "gate.e_score_correction_bias"] += s["bias_gamma"] * torch.sign(c.mean() - c)
        print(json.dumps(dict(seconds=time.perf_counter() - wall, cpu=time.process_time() - cpu, loss=float(value.detach()))), flush=True)


main()
