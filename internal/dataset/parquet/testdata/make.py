# Writes the files of this folder with pyarrow; what they hold stands in want.json.
import json, random, pyarrow as pa, pyarrow.parquet as pq
random.seed(1)
word = lambda: random.choice(["zwei", "one", "水", "", "a longer string of some words", "x" * 40])
rows = []
for i in range(150):
    m = None if i % 11 == 0 else [
        {"role": random.choice(["user", "assistant"]), "content": None if random.random() < .1 else word() + str(i),
         "tool_calls": random.choice([None, [], [{"function": {"name": "f", "arguments": word()}}, {"function": None}]])}
        for _ in range(i % 4)]
    rows.append({"text": None if i % 7 == 0 else word(), "other": i, "messages": m, "prompt": "p%d" % (i // 3),
                 "n": i * i * (-1) ** i, "b": i % 3 == 0, "d": i / 8, "f": i / 4, "i": i - 75})
call = pa.struct([("function", pa.struct([("name", pa.string()), ("arguments", pa.string())]))])
schema = pa.schema([("text", pa.string()), ("other", pa.int64()),
    ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string()), ("tool_calls", pa.list_(call))]))),
    ("prompt", pa.string()), ("n", pa.int64()), ("b", pa.bool_()), ("d", pa.float64()), ("f", pa.float32()), ("i", pa.int32())])
t = pa.Table.from_pylist(rows, schema)
json.dump([{k: v for k, v in r.items() if k != "other"} for r in rows], open("want.json", "w"), ensure_ascii=False, separators=(",", ":"))
strings = ["text", "messages.list.element.role", "messages.list.element.content", "prompt"]
delta = lambda e: {**{c: e for c in strings}, "n": "DELTA_BINARY_PACKED", "i": "DELTA_BINARY_PACKED"}
for name, o in {
    "snappy": dict(compression="snappy", row_group_size=40),
    "zstd": dict(compression="zstd", use_dictionary=False, data_page_size=256, write_batch_size=16),
    "gzip": dict(compression="gzip", data_page_version="2.0", row_group_size=70, use_dictionary=["prompt"]),
    "lengths": dict(compression="none", use_dictionary=False, column_encoding=delta("DELTA_LENGTH_BYTE_ARRAY")),
    "prefixes": dict(compression="snappy", use_dictionary=False, column_encoding=delta("DELTA_BYTE_ARRAY"), data_page_version="2.0", data_page_size=256, write_batch_size=16),
    "bools": dict(compression="none", use_dictionary=False, column_encoding={"b": "RLE"}, use_compliant_nested_type=False),
}.items():
    pq.write_table(t, name + ".parquet", **o)
pq.write_table(t.slice(0, 3), "brotli.parquet", compression="brotli")
