"""Makes the small random encoders and rerankers of this folder, and what transformers computes with them in float64.

    pip install torch transformers sentence-transformers gguf
    python make.py LLAMA_CPP

LLAMA_CPP is a checkout of llama.cpp, whose converter writes the GGUF forms; without it they are left as they are.
"""

import copy
import json
import pathlib
import shutil
import sys

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig, BertForSequenceClassification, BertModel, Gemma3TextConfig, Gemma3TextModel, NomicBertConfig, NomicBertModel, PreTrainedTokenizerFast,
    Qwen3Config, Qwen3ForCausalLM, Qwen3Model, XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaModel,
)

HERE = pathlib.Path(__file__).parent
WORDS = """the quick brown fox jumps over a lazy dog and runs through forests of numbers while models read documents about search queries
café naïve Zürich straße 東京 mountains rivers water answers questions vectors distance nearest neighbour embedding embeddings unbelievable""".split()
TEXTS = [
    "the quick brown fox",
    "Unbelievable embeddings: 12,345 naïve cafés in Zürich!",
    "東京 mountains, rivers and (lazy) dogs... don't they?",
    "\tx\u0301 [UNK] [SEP] <s> qqqqqqqqqqqqqqqqqqqq \u200d zz ",
    " ".join((WORDS * 3)[:95]),
]
QUERY = "distance of mountains"
DOCUMENTS = TEXTS[:3] + ["x\u0301 qqqqqqqqqqqqqqqqqqqq \u200d zz ", TEXTS[4]]
GENERATOR = torch.Generator().manual_seed(20)


def randomize(model):
    """Weights of a size that makes attention choose, exactly representable in float16."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            w = torch.randn(p.shape, generator=GENERATOR)
            if "norm" in name.lower() and name.endswith("weight"):
                w = (w * 102).round() / 1024 + (0 if isinstance(model, Gemma3TextModel) else 1)  # of which 1 + w is exact, too
            elif p.dim() == 1:
                w = w * 0.1
            else:
                w = w * (0.5 if "embed" in name else 1.5 / p.shape[1] ** 0.5)
            p.copy_(w.half().float())
    return model.eval()


def save(model, name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    copy.deepcopy(model).half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model.double()
    return folder


def corpus():
    return [" ".join(WORDS)] * 4 + TEXTS


def bert_tokenizer(folder):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=160, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    cls, sep = t.token_to_id("[CLS]"), t.token_to_id("[SEP]")
    t.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    fast = PreTrainedTokenizerFast(tokenizer_object=t, unk_token="[UNK]", sep_token="[SEP]", cls_token="[CLS]", pad_token="[PAD]", mask_token="[MASK]",
                                   model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    fast.save_pretrained(folder)
    return fast


def xlmr_tokenizer(folder):
    t = Tokenizer(models.Unigram())
    charsmap = sentencepiece_charsmap()
    t.normalizer = normalizers.Precompiled(charsmap)
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    t.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    t.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=160, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>"))
    bos, eos = t.token_to_id("<s>"), t.token_to_id("</s>")
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", bos), ("</s>", eos)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=t, bos_token="<s>", eos_token="</s>", unk_token="<unk>", sep_token="</s>", cls_token="<s>", pad_token="<pad>", add_prefix_space=True)
    fast.save_pretrained(folder)
    return fast


def sentencepiece_charsmap():
    """A few characters that NFKC maps, as SentencePiece keeps them: all of them take 300 KB."""
    import io
    import tempfile
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb
    out = io.BytesIO()
    rules = tempfile.NamedTemporaryFile("w", suffix=".tsv")
    for x, y in {"\uff11": "1", "\uff21": "A", "\u2026": "...", "x\u0301": "x", "\u200d": " ", "\t": " "}.items():
        rules.write(" ".join(f"{ord(c):X}" for c in x) + "\t" + " ".join(f"{ord(c):X}" for c in y) + "\n")
    rules.flush()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus() * 3), model_writer=out, vocab_size=120, model_type="unigram", hard_vocab_limit=False,
                                             normalization_rule_tsv=rules.name, minloglevel=2)
    m = pb.ModelProto()
    m.ParseFromString(out.getvalue())
    return m.normalizer_spec.precompiled_charsmap


def gpt_tokenizer(folder):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    t = Tokenizer(models.BPE())
    split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus() + ["yes", "no"] * 200, trainers.BpeTrainer(vocab_size=330, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special))
    end = t.token_to_id(special[0])
    t.post_processor = processors.TemplateProcessing(single="$A " + special[0], pair="$A $B " + special[0], special_tokens=[(special[0], end)])
    fast = PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|im_end|>", pad_token=special[0])
    fast.save_pretrained(folder)
    return fast


def modules(folder, pooling, normalize, heads=()):
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling")] + [(f"{i + 2}_Dense", "Dense") for i in range(len(heads))]
    if normalize:
        kinds.append((f"{len(kinds)}_Normalize", "Normalize"))
    text = [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind} for i, (path, kind) in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(text, indent=1))
    (folder / "1_Pooling").mkdir()
    modes = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max", "pooling_mode_lasttoken": "lasttoken"}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(
        {"word_embedding_dimension": 32} | {key: mode == pooling for key, mode in modes.items()}, indent=1))
    from safetensors.torch import save_file
    for i, w in enumerate(heads):
        at = folder / f"{i + 2}_Dense"
        at.mkdir()
        (at / "config.json").write_text(json.dumps(
            {"in_features": w.shape[1], "out_features": w.shape[0], "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}))
        save_file({"linear.weight": w}, at / "model.safetensors")


def pooled(hidden, pooling):
    return {"mean": hidden.mean(0), "cls": hidden[0], "lasttoken": hidden[-1]}[pooling]


def vectors(model, tokenizer, pooling, normalize, heads=()):
    rows, ids = [], []
    for text in TEXTS:
        enc = tokenizer(text, return_tensors="pt")
        ids.append(enc["input_ids"][0].tolist())
        with torch.no_grad():
            v = pooled(model(input_ids=enc["input_ids"], attention_mask=enc["attention_mask"]).last_hidden_state[0], pooling)
            for w in heads:
                v = w.double() @ v
            rows.append((v / v.norm() if normalize else v).tolist())
    return {"texts": TEXTS, "ids": ids, "vectors": rows}


def check(folder, expect):
    """What sentence-transformers makes of the folder."""
    from sentence_transformers import SentenceTransformer
    got = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float64}).double().encode(TEXTS)
    off = np.abs(got - np.array(expect["vectors"])).max()
    print(folder.name, "off from sentence-transformers by", off)
    assert off < 1e-6 * max(1, np.abs(expect["vectors"]).max())


def write(folder, expect):
    (folder / "expect.json").write_text(json.dumps(expect))
    for path in ["special_tokens_map.json", "README.md", "config_sentence_transformers.json", "sentence_bert_config.json"]:
        (folder / path).unlink(missing_ok=True)


def embedder(name, model, make, pooling, normalize, heads=()):
    randomize(model)
    folder = save(model, name)
    tokenizer = make(folder)
    modules(folder, pooling, normalize, heads)
    expect = vectors(model, tokenizer, pooling, normalize, heads)
    check(folder, expect)
    if name == "nomic":  # as its publisher writes it
        (folder / "config.json").write_text(json.dumps(NOMIC, indent=1))
    write(folder, expect)


NOMIC = {
    "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "vocab_size": 160, "type_vocab_size": 2, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 96,
    "activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "n_positions": 8192, "max_trained_positions": 2048, "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "rotary_scaling_factor": None, "causal": False, "prenorm": False,
    "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "use_rms_norm": False, "parallel_block": False,
}


def cross_encoder(name, model, make):
    randomize(model)
    folder = save(model, name)
    tokenizer = make(folder)
    scores, ids = [], []
    for text in DOCUMENTS:
        enc = tokenizer(QUERY, text, return_tensors="pt")
        ids.append(enc["input_ids"][0].tolist())
        with torch.no_grad():
            scores.append(torch.sigmoid(model(**enc).logits[0, 0]).item())
    write(folder, {"query": QUERY, "texts": DOCUMENTS, "ids": ids, "scores": scores})


PREFIX = ('<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. '
          'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n')
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
TASK = "Given a web search query, retrieve relevant passages that answer the query"


def asked(name, model):
    """As the page of Qwen3-Reranker has it."""
    randomize(model)
    folder = save(model, name)
    tokenizer = gpt_tokenizer(folder)
    yes, no = tokenizer.convert_tokens_to_ids("yes"), tokenizer.convert_tokens_to_ids("no")
    assert yes is not None and no is not None
    plain = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    scores, ids = [], []
    for text in DOCUMENTS:
        x = plain(PREFIX) + plain(f"<Instruct>: {TASK}\n<Query>: {QUERY}\n<Document>: {text}") + plain(SUFFIX)
        ids.append(x)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([x])).logits[0, -1]
        scores.append(torch.log_softmax(logits[[no, yes]], 0)[1].exp().item())
    write(folder, {"query": QUERY, "texts": DOCUMENTS, "ids": ids, "scores": scores})


BERT = dict(vocab_size=160, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=400)
QWEN = dict(vocab_size=330, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=64, max_position_embeddings=1024)


def make():
    embedder("minilm", BertModel(BertConfig(**BERT)), bert_tokenizer, "mean", True)
    embedder("bge", BertModel(BertConfig(**BERT), add_pooling_layer=False), bert_tokenizer, "cls", False)
    embedder("nomic", NomicBertModel(NomicBertConfig(**(BERT | {"intermediate_size": 96}))), bert_tokenizer, "mean", False)
    xlmr = dict(BERT, max_position_embeddings=402, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
    embedder("xlm-r", XLMRobertaModel(XLMRobertaConfig(**xlmr)), xlmr_tokenizer, "cls", True)
    gemma = Gemma3TextConfig(
        vocab_size=160, hidden_size=32, num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=64, query_pre_attn_scalar=16,
        max_position_embeddings=1024, sliding_window=12, use_bidirectional_attention=True, rms_norm_eps=1e-6)
    heads = [torch.randn(64, 32, generator=GENERATOR).half().float() / 4, torch.randn(32, 64, generator=GENERATOR).half().float() / 4]
    embedder("embeddinggemma", Gemma3TextModel(gemma), xlmr_tokenizer, "mean", True, heads)
    embedder("qwen3-embedding", Qwen3Model(Qwen3Config(**QWEN, tie_word_embeddings=True)), gpt_tokenizer, "lasttoken", True)
    cross_encoder("cross-encoder", BertForSequenceClassification(BertConfig(**BERT, num_labels=1, hidden_act="gelu_new")), bert_tokenizer)
    cross_encoder("bge-reranker", XLMRobertaForSequenceClassification(XLMRobertaConfig(**xlmr, num_labels=1)), xlmr_tokenizer)
    asked("qwen3-reranker", Qwen3ForCausalLM(Qwen3Config(**QWEN, tie_word_embeddings=True)))


def convert(llama):
    """Writes the GGUF forms. The tokenizers have no name that the converter knows: all split as BERT's or Qwen's do."""
    sys.path[:0] = [str(llama), str(llama / "gguf-py")]
    from conversion import base
    import convert_hf_to_gguf
    for folder in sorted(HERE.iterdir()):
        if not (folder / "config.json").exists() or folder.name == "cross-encoder":  # whose pooler and activation such a file has no place for
            continue
        base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2" if "qwen" in str(self.dir_model) else "jina-v2-en"
        sys.argv = ["convert", str(folder), "--outtype", "f16", "--outfile", str(folder / "model.gguf")]
        if "gemma" in folder.name:
            sys.argv.append("--sentence-transformers-dense-modules")
        config = (folder / "config.json").read_text()
        if folder.name == "nomic":  # transformers reads its own names alone
            same = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "intermediate_size": "n_inner", "max_position_embeddings": "n_positions"}
            (folder / "config.json").write_text(json.dumps(NOMIC | {key: NOMIC[name] for key, name in same.items()}))
        convert_hf_to_gguf.main()
        (folder / "config.json").write_text(config)


if __name__ == "__main__":
    make()
    if len(sys.argv) > 1:
        convert(pathlib.Path(sys.argv[1]))
