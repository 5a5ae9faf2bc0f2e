package output_test

import (
	"fmt"
	"log"

	"github.com/blitz-r1/blitz/chat/output"
)

// A parser tells what became certain with each chunk, however the text is cut.
func ExampleParser() {
	p, err := output.NewParser("qwen3", output.Options{})
	if err != nil {
		log.Fatal(err)
	}
	show := func(deltas []output.Delta) {
		for _, d := range deltas {
			switch d.Kind {
			case output.DeltaReasoning:
				fmt.Printf("reasoning %q\n", d.Text)
			case output.DeltaContent:
				fmt.Printf("content   %q\n", d.Text)
			case output.DeltaCall:
				fmt.Printf("call      %d: %s\n", d.Index, d.Name)
			case output.DeltaArguments:
				fmt.Printf("arguments %d: %s\n", d.Index, d.Text)
			}
		}
	}
	for _, chunk := range []string{"<think>\nAdd", " both.\n</th", "ink>\n\nOne moment.\n<tool", "_call>\n{\"name\": \"add\", \"argu", "ments\": {\"a\": 1, \"b\"", ": 2}}\n</tool_call>"} {
		show(p.Write(chunk))
	}
	show(p.Close())
	// Output:
	// reasoning "Add"
	// reasoning " both."
	// content   "One moment."
	// call      0: add
	// arguments 0: {"a": 1, "b"
	// arguments 0: : 2}
}

// A text that is there as a whole is read at once.
func ExampleParse() {
	out, err := output.Parse("deepseek-v3.1", "1 + 2 = 3, I think.</think>3", output.Options{Open: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*out.ReasoningContent)
	fmt.Println(*out.Content)
	// Output:
	// 1 + 2 = 3, I think.
	// 3
}
