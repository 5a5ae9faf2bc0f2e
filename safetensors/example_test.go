package safetensors_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/blitz-r1/blitz/safetensors"
)

func Example() {
	f, err := safetensors.Open("testdata/sharded")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for _, t := range f.Tensors() {
		b, err := f.Bytes(t)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(t.Name, t.DType, t.Shape, len(b), "bytes in", f.Parts()[t.Shard])
	}
	// Output:
	// a F32 [4] 16 bytes in model-00001-of-00002.safetensors
	// b F16 [3 2] 12 bytes in model-00001-of-00002.safetensors
	// c I64 [5] 40 bytes in model-00002-of-00002.safetensors
}

func ExampleWriter() {
	var file bytes.Buffer
	w := safetensors.NewWriter(&file)
	defer w.Abort()
	// The first error stays, and Close returns it.
	_ = w.Declare("logits.0", safetensors.F32, 1, 2)
	_ = w.WriteTensor("logits.0", []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40})
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	f, err := safetensors.Parse("example.safetensors", file.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Tensors()[0].Name, f.Tensors()[0].Shape)
	// Output:
	// logits.0 [1 2]
}
