package gguf_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/blitz-r1/blitz/gguf"
)

func Example() {
	f, err := gguf.Open("testdata/part-00001-of-00003.gguf")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	arch, ok := f.String("general.architecture")
	if !ok {
		log.Fatal(f.KeyError("general.architecture", "a string"))
	}
	fmt.Println(arch, "in", len(f.Parts()), "files")
	for _, t := range f.Tensors()[:2] {
		fmt.Println(t.Name, t.Type, t.Shape, len(f.Bytes(t)), "bytes")
	}
	// Output:
	// llama in 3 files
	// t.0 F32 [3] 12 bytes
	// t.1 F32 [4] 16 bytes
}

func ExampleWriter() {
	var file bytes.Buffer
	w := gguf.NewWriter(&file)
	defer w.Abort()
	// The first error stays, and Close returns it.
	_ = w.Put("general.architecture", gguf.ValueOf("llama"))
	_ = w.Put("tokenizer.ggml.tokens", gguf.ArrayOf([]string{"a", "b"}))
	_ = w.Declare("output_norm.weight", gguf.F32, 2)
	_ = w.WriteTensor("output_norm.weight", []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40})
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	f, err := gguf.Parse("example.gguf", file.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.KeyValues())
	// Output:
	// [{general.architecture llama} {tokenizer.ggml.tokens ["a", "b"]}]
}
