#!/usr/bin/env python3
"""Writes ../spm_folders.json.gz: folders of a tokenizer.model without a tokenizer.json, and what transformers 5.24.0 makes of them.

    pip install transformers==5.24.0 sentencepiece==0.2.2 protobuf
    python3 spm_folders.py

models   {name: a SentencePiece model in base64}, of some words of English
cases    [{name, model, files: {name: value}, roles: [bos, eos, unk, pad], bos_eos: ids of "hi" with what is added, texts: [[text, ids, decoded]]}]
"""
import base64, gzip, json, os, shutil, tempfile, warnings

warnings.filterwarnings("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from sentencepiece import sentencepiece_model_pb2 as pb
import sentencepiece as spm
from transformers import AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ("he at ▁t ▁the er es on ▁m ▁s IN ST an em go hi in ll od ok or qu re st sw ti us ▁c ▁y ing llo orn yst ▁IN ▁an ▁go ▁he ▁hi ▁ok ▁on ▁qu "
         "▁us esti swer ▁cat ▁mat ▁▁ ▁▁▁▁ ▁hello ▁there").split()
CHARS = "▁ e t o s h n a r i m g l u y I N S T c d k q w".split()
UNK, CONTROL, USER, BYTE = 2, 3, 4, 6


def model(bpe=True, control=("[INST]", "[/INST]"), user=(), fallback=True, shuffle=False, **normalizer):
    m = pb.ModelProto()
    def piece(text, kind=1, score=0.0):
        m.pieces.add(piece=text, score=score, type=kind)
    piece("<unk>", UNK)
    for t in ("<s>", "</s>", *control):
        piece(t, CONTROL)
    for t in user:
        piece(t, USER)
    if fallback:
        for b in range(256):
            piece("<0x%02X>" % b, BYTE)
    pieces = WORDS + CHARS
    for i, t in enumerate(pieces):
        rank = (i * 37) % len(pieces) if shuffle else i  # ids out of the order of scores
        piece(t, 1, -float(rank) if bpe else -2.0 - rank / 8)
    m.trainer_spec.model_type = 2 if bpe else 1
    m.trainer_spec.byte_fallback = fallback
    m.trainer_spec.vocab_size = len(m.pieces)
    m.normalizer_spec.name = "identity"
    m.normalizer_spec.remove_extra_whitespaces = False
    for k, v in normalizer.items():
        setattr(m.normalizer_spec, k, v)
    return m


def charsmap():
    """A table of three rules; that of nmt_nfkc has 240 KB."""
    with tempfile.TemporaryDirectory() as d:
        open(d + "/rules.tsv", "w").write("FF41\t61\nFF42\t62\nA0\t20\n")
        open(d + "/text", "w").write("\n".join("the cat on the mat and a hello there ab" for _ in range(50)))
        spm.SentencePieceTrainer.train(input=d + "/text", model_prefix=d + "/m", vocab_size=40, model_type="bpe",
                                       normalization_rule_tsv=d + "/rules.tsv", hard_vocab_limit=False, minloglevel=9)
        m = pb.ModelProto()
        m.ParseFromString(open(d + "/m.model", "rb").read())
        return m.normalizer_spec.precompiled_charsmap


TABLE = charsmap()
MODELS = {
    "bpe": model(),
    "shuffled": model(shuffle=True),
    "no bytes": model(fallback=False),
    "no prefix": model(add_dummy_prefix=False),
    "trimmed": model(remove_extra_whitespaces=True),
    "table": model(precompiled_charsmap=TABLE, remove_extra_whitespaces=True),
    "user": model(user=("<think>", "▁▁▁", "the")),
    "user trimmed": model(user=("<think>", "the"), remove_extra_whitespaces=True, add_dummy_prefix=False),
    "no escape": model(escape_whitespaces=False),
    "unigram": model(bpe=False),
    "unigram no bytes": model(bpe=False, fallback=False, remove_extra_whitespaces=True, precompiled_charsmap=TABLE),
}
LLAMA = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False}
TEXTS = ["", "hi there", "  hi  there ", "<s>[INST] hi [/INST] yes</s>[INST]ok", "<|im_start|>user\nhi<|im_end|>\n<|im_start|> system", "▁hi ▁▁", "a <unk> b", "\nhi\n\n",
         "<s> hi", "[INST][INST] hi", "中 hi é\U0001F600", "<think>the</think> the then<think>", "[INST]    the", " ", "the", "ａｂ\u00a0ａ  he ", "<pad>x <mask>"]


def changed(**k):
    c = dict(LLAMA)
    for name, v in k.items():
        if v == "-":
            c.pop(name, None)
        else:
            c[name] = v
    return c


def token(content, **k):
    return dict({"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}, **k)


def cases():
    cfg = lambda **k: {"tokenizer_config.json": changed(**k)}
    added = {"<|im_start|>": "N", "<|im_end|>": "N+1"}  # the next ids
    yield "llama", "bpe", cfg()
    yield "legacy", "bpe", cfg(legacy=True)
    yield "legacy is missing", "bpe", cfg(legacy="-")
    yield "legacy is null", "bpe", cfg(legacy=None)
    yield "fast class", "shuffled", cfg(tokenizer_class="LlamaTokenizerFast")
    yield "no settings but config.json", "bpe", {"config.json": {"model_type": "llama"}}
    yield "no class", "shuffled", cfg(tokenizer_class="-", legacy="-")
    yield "no class, gemma3", "bpe", dict(cfg(tokenizer_class="-", pad_token="<s>", mask_token="<s>"), **{"config.json": {"model_type": "gemma3_text"}})
    yield "class is null", "bpe", cfg(tokenizer_class=None)
    yield "class in config.json", "bpe", dict(cfg(tokenizer_class="-"), **{"config.json": {"model_type": "llama", "tokenizer_class": "LlamaTokenizer"}})
    yield "unknown class", "shuffled", cfg(tokenizer_class="InternLM2Tokenizer", legacy="-")
    yield "mistral", "shuffled", dict(cfg(), **{"config.json": {"model_type": "mistral"}})
    yield "mixtral, legacy", "bpe", dict(cfg(legacy=True), **{"config.json": {"model_type": "mixtral"}})
    yield "gemma", "bpe", cfg(tokenizer_class="GemmaTokenizer", pad_token="<s>", mask_token="<s>")
    yield "no prefix space", "bpe", cfg(add_prefix_space=False)
    yield "no prefix space, legacy", "bpe", cfg(add_prefix_space=False, legacy=True)
    yield "prefix space is null", "bpe", cfg(add_prefix_space=None)
    yield "nothing added", "bpe", cfg(add_bos_token="-", add_eos_token="-")
    yield "null added", "bpe", cfg(add_bos_token=None, add_eos_token=None)
    yield "both added", "bpe", cfg(add_eos_token=True)
    yield "added_tokens.json", "bpe", dict(cfg(), **{"added_tokens.json": added})
    yield "added_tokens.json, generic", "bpe", dict(cfg(tokenizer_class="-", legacy=True), **{"added_tokens.json": added})
    yield "added_tokens.json, special", "bpe", dict(cfg(eos_token="<|im_end|>"), **{"added_tokens.json": added})
    yield "special_tokens_map.json", "bpe", dict(cfg(), **{"added_tokens.json": added, "special_tokens_map.json": {
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "eos_token": token("[INST]"), "pad_token": "<pad>"}})
    yield "added_tokens_decoder", "bpe", cfg(added_tokens_decoder={"0": token("<unk>"), "N": token("<|im_start|>"), "N+1": token("<|im_end|>", special=False, normalized=True, rstrip=True)})
    yield "added_tokens_decoder comes first", "bpe", dict(cfg(added_tokens_decoder={"N": token("<|im_start|>")}), **{
        "added_tokens.json": {"<|im_end|>": "N+1"}, "special_tokens_map.json": {"eos_token": "<|im_start|>", "pad_token": "<|im_start|>"}})
    yield "names of tokens", "bpe", cfg(pad_token="<pad>", image_token="he", mask_token=None)
    yield "a dict of names", "bpe", cfg(extra_special_tokens={"image_token": "he"})
    yield "typed names", "bpe", cfg(bos_token=dict(token("<s>"), __type="AddedToken"), eos_token=None)
    yield "another unknown", "bpe", cfg(unk_token="he")
    yield "no such bos", "bpe", cfg(bos_token="<nope>")
    for name in MODELS:
        if name != "bpe":
            yield name + ", llama", name, cfg()
        yield name + ", generic", name, cfg(tokenizer_class="-")
        yield name + ", generic, legacy", name, cfg(tokenizer_class="-", legacy=True)
    yield "renamed", "bpe", cfg(tokenizer_class="-", added_tokens_decoder={"3": token("<|a|>"), "4": token("<|b|>", special=False)})


def main():
    out = []
    for name, m, files in cases():
        size = len(MODELS[m].pieces)
        ids = {"N": size, "N+1": size + 1}  # keys are text, values are numbers
        fill = lambda v: {str(ids.get(k, k)): fill(x) for k, x in v.items()} if isinstance(v, dict) else ids.get(v, v) if isinstance(v, str) else v
        files = fill(files)
        with tempfile.TemporaryDirectory() as d:
            open(d + "/tokenizer.model", "wb").write(MODELS[m].SerializeToString())
            for f, v in files.items():
                json.dump(v, open(d + "/" + f, "w"))
            t = AutoTokenizer.from_pretrained(d)
        texts = []
        # transformers gives a renamed control piece a second id under its old name; that is not followed.
        for x in TEXTS if name != "renamed" else ["<|a|> hi <|b|>ok", "x<|b|>"]:
            ids = t.encode(x, add_special_tokens=False)
            texts.append([x, ids, t._tokenizer.decode(ids, skip_special_tokens=False)])
        control = sorted(i for i, a in t.added_tokens_decoder.items() if a.special and (name != "renamed" or i < size))
        out.append({"name": name, "model": m, "files": files, "class": type(t).__name__, "control": control,
                    "roles": [-1 if i is None else i for i in (t.bos_token_id, t.eos_token_id, t.unk_token_id, t.pad_token_id)],
                    "bos_eos": t.encode("hi"), "texts": texts})
    models = {n: base64.b64encode(m.SerializeToString()).decode() for n, m in MODELS.items()}
    with gzip.GzipFile(os.path.join(HERE, "..", "spm_folders.json.gz"), "wb", mtime=0) as f:
        f.write(json.dumps({"models": models, "cases": out}, ensure_ascii=False, separators=(",", ":")).encode())
    print(len(out), "cases")


if __name__ == "__main__":
    main()
