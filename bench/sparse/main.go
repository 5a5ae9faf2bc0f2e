// Command sparse writes a model of the shapes of DeepSeek-V3.2 with random weights, small
// enough that sparse attention over a long context is what takes its time: 3 layers, hidden
// 2,048, 32 heads, 32 index heads that choose 2,048 positions, Q8_0.
//
//	go run ./bench/sparse sparse.gguf
//	go run ./bench/sparse -dense dense.gguf
//	go run ./bench/sparse -v4 v4.gguf
//	go run ./bench/sparse -measure 2048,4096,16384,65536 sparse.gguf dense.gguf
//
// With -v4 it is 4 layers of DeepSeek-V4-Flash with 32 experts. With -dense the indexer may choose more positions than the context has, so that every
// token sees all of them: what sparse attention is compared with. -measure tells how fast
// models read and decode at these depths, in turns; it does not compute the contexts, which
// would take longer than everything else.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/quant"
)

func main() {
	dense := flag.Bool("dense", false, "let the indexer choose all positions")
	v4 := flag.Bool("v4", false, "write 4 layers of the shapes of DeepSeek-V4-Flash")
	depths := flag.String("measure", "", "measure models at these `depths`")
	var t trial
	flag.IntVar(&t.prompt, "p", 32, "`tokens` that are read")
	flag.IntVar(&t.tokens, "n", 16, "`tokens` that are decoded")
	flag.IntVar(&t.repeat, "r", 3, "`times` each test is run")
	flag.IntVar(&t.threads, "t", runtime.NumCPU(), "`threads`")
	flag.StringVar(&t.cache, "cache", "", "`kind` of cache; empty: the model's")
	flag.BoolVar(&t.profile, "profile", false, "print what each kind of operation took")
	flag.Parse()
	var err error
	switch {
	case *depths != "" && flag.NArg() > 0:
		var at []int
		if at, err = numbers(*depths); err == nil {
			err = measure(flag.Args(), at, &t)
		}
	case *depths == "" && flag.NArg() == 1:
		err = write(flag.Arg(0), *dense, *v4)
	default:
		fmt.Fprintln(os.Stderr, "usage: sparse [-dense | -v4] FILE, or sparse -measure DEPTHS FILE ...")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sparse:", err)
		os.Exit(1)
	}
}

// numbers reads a list with commas.
func numbers(list string) (all []int, err error) {
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// The shape. Widths of heads and of the latent space are V3.2's.
const (
	layers, hidden, inner, vocab  = 3, 2048, 6144, 8192
	heads, nope, rope, value      = 32, 128, 64, 128
	qLora, kvLora                 = 1536, 512
	indexHeads, indexDim, indexed = 32, 128, 2048
	context                       = 131072
	architecture                  = "deepseek32"
)

// write writes the model.
func write(path string, dense, v4 bool) error {
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	var tensors []weights
	if v4 {
		putV4(w)
		tensors = listV4()
	} else {
		put(w, dense)
		tensors = list()
	}
	for _, t := range tensors {
		w.Declare(t.name, t.typ, t.shape...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, t := range tensors {
		w.WriteTensor(t.name, t.bytes(random))
	}
	return w.Close() // with the first error of all calls
}

func put(w *gguf.Writer, dense bool) {
	chosen := indexed
	if dense {
		chosen = context
	}
	w.Put("general.architecture", gguf.ValueOf(architecture))
	w.Put("general.name", gguf.ValueOf("random V3.2"))
	w.Put("tokenizer.ggml.model", gguf.ValueOf("no_vocab"))
	for key, n := range map[string]int{
		"block_count": layers, "context_length": context, "embedding_length": hidden, "feed_forward_length": inner,
		"vocab_size": vocab, "attention.head_count": heads, "attention.head_count_kv": 1,
		"attention.q_lora_rank": qLora, "attention.kv_lora_rank": kvLora,
		"attention.key_length": kvLora + rope, "attention.value_length": kvLora,
		"attention.key_length_mla": nope + rope, "attention.value_length_mla": value, "rope.dimension_count": rope,
		"attention.indexer.head_count": indexHeads, "attention.indexer.key_length": indexDim, "attention.indexer.top_k": chosen,
		"leading_dense_block_count": layers,
	} {
		w.Put(architecture+"."+key, gguf.ValueOf(uint32(n)))
	}
	w.Put(architecture+".attention.layer_norm_rms_epsilon", gguf.ValueOf(float32(1e-6)))
	w.Put(architecture+".rope.freq_base", gguf.ValueOf(float32(10000)))
}

// weights is a tensor to be written.
type weights struct {
	name  string
	typ   gguf.Type
	shape []int
}

// list returns the tensors.
func list() (all []weights) {
	matrix := func(name string, shape ...int) { all = append(all, weights{name + ".weight", gguf.Q8_0, shape}) }
	vector := func(name string, n int) { all = append(all, weights{name, gguf.F32, []int{n}}) }
	matrix("token_embd", vocab, hidden)
	for i := range layers {
		b := fmt.Sprintf("blk.%d.", i)
		vector(b+"attn_norm.weight", hidden)
		matrix(b+"attn_q_a", qLora, hidden)
		vector(b+"attn_q_a_norm.weight", qLora)
		matrix(b+"attn_q_b", heads*(nope+rope), qLora)
		matrix(b+"attn_kv_a_mqa", kvLora+rope, hidden)
		vector(b+"attn_kv_a_norm.weight", kvLora)
		matrix(b+"attn_k_b", heads, kvLora, nope)
		matrix(b+"attn_v_b", heads, value, kvLora)
		matrix(b+"attn_output", hidden, heads*value)
		matrix(b+"indexer.attn_q_b", indexHeads*indexDim, qLora)
		matrix(b+"indexer.attn_k", indexDim, hidden)
		vector(b+"indexer.k_norm.weight", indexDim)
		vector(b+"indexer.k_norm.bias", indexDim)
		matrix(b+"indexer.proj", indexHeads, hidden)
		vector(b+"ffn_norm.weight", hidden)
		matrix(b+"ffn_gate", inner, hidden)
		matrix(b+"ffn_up", inner, hidden)
		matrix(b+"ffn_down", hidden, inner)
	}
	vector("output_norm.weight", hidden)
	matrix("output", vocab, hidden)
	return all
}

// bytes makes the tensor's random weights: about 1 in vectors, and in matrices as large as
// keeps what they are multiplied with at its size.
func (t *weights) bytes(random *rand.Rand) []byte {
	n, cols := 1, t.shape[len(t.shape)-1]
	for _, d := range t.shape {
		n *= d
	}
	if t.typ == gguf.MXFP4 {
		return t.fourBits(random, n, cols)
	}
	if t.typ == gguf.F32 && len(t.shape) > 1 {
		b := make([]byte, 0, 4*n)
		for range n {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(random.NormFloat64()/math.Sqrt(float64(cols)))))
		}
		return b
	}
	if t.typ == gguf.F32 {
		b := make([]byte, 0, 4*n)
		for range n {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(1+0.01*float32(random.NormFloat64())))
		}
		return b
	}
	const block, deviation = 32, 74 // of an integer of -128 … 127
	scale := quant.F32ToF16(float32(1 / (deviation * math.Sqrt(float64(cols)))))
	b := make([]byte, 0, n/block*(block+2))
	for range n / block {
		b = binary.LittleEndian.AppendUint16(b, scale)
		for range block / 8 {
			b = binary.LittleEndian.AppendUint64(b, random.Uint64())
		}
	}
	return b
}

// fourBits makes blocks of MXFP4: a power of two and 32 codes.
func (t *weights) fourBits(random *rand.Rand, n, cols int) []byte {
	const block, deviation = 32, 2.6 // of a code's number
	power := byte(127 + math.Round(math.Log2(1/(deviation*math.Sqrt(float64(cols))))))
	b := make([]byte, 0, n/block*(block/2+1))
	for range n / block {
		b = append(b, power)
		b = binary.LittleEndian.AppendUint64(b, random.Uint64())
		b = binary.LittleEndian.AppendUint64(b, random.Uint64())
	}
	return b
}
