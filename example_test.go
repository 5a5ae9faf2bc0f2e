package blitz_test

import (
	"context"
	"fmt"
	"log"

	"github.com/blitz-r1/blitz"
)

func Example() {
	m, err := blitz.Open("smollm2.gguf", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	e, err := blitz.NewEngine(m, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	greedy := &blitz.Request{Sampling: &blitz.Sampling{}} // the zero value is greedy: the same answer each time
	answer, err := e.NewSession(greedy).Ask(context.Background(), "Name the capital of France.")
	if err != nil {
		log.Fatal(err)
	}
	for t, err := range answer.Tokens() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(t.Content())
	}
}

func ExampleOpenFiles() {
	files, err := blitz.OpenFiles("smollm2.gguf")
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	info, err := files.Info()
	if err != nil {
		log.Fatal(err)
	}
	needs, err := files.Needs(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d parameters in %s: %d bytes of memory\n", info.Architecture, info.Parameters, info.Quantization, needs.WeightBytes())
	m, err := files.Open(nil) // the files are not opened again
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
}
