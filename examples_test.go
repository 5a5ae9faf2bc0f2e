package blitz_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
)

// choice is a Guide that has a model answer with one of some texts, given as their
// tokens with the end token behind.
type choice struct{ left [][]int32 }

func (c *choice) Begin([]int32) error { return nil }
func (c *choice) Forced() []int32     { return nil }

func (c *choice) Mask(mask []uint64) bool {
	clear(mask)
	for _, ids := range c.left {
		mask[ids[0]/64] |= 1 << (ids[0] % 64)
	}
	return true
}

func (c *choice) Accept(id int32) error {
	var left [][]int32
	for _, ids := range c.left {
		if ids[0] == id && len(ids) > 1 {
			left = append(left, ids[1:])
		}
	}
	c.left = left
	return nil
}

func ExampleGuide() {
	m, err := blitz.Open("smollm2.gguf", &blitz.Options{Text: true})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	e, err := blitz.NewEngine(m, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	words := &choice{}
	for _, text := range []string{"yes", "no"} {
		ids, err := m.Tokenizer().Encode(text, 0)
		if err != nil {
			log.Fatal(err)
		}
		words.left = append(words.left, append(ids, m.StopTokens()[0]))
	}
	a, err := e.NewSession(&blitz.Request{Guides: []blitz.Guide{words}}).Ask(context.Background(), "Is Paris in France?")
	if err != nil {
		log.Fatal(err)
	}
	text, err := a.Text()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
}

func ExampleAnswer_Record() {
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
	a, err := e.Generate(context.Background(), blitz.Request{Prompt: "Once upon a time", MaxTokens: 20})
	if err != nil {
		log.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		log.Fatal(err)
	}
	text, err := json.Marshal(a.Record())
	if err != nil {
		log.Fatal(err)
	}
	var record blitz.Record
	if err := json.Unmarshal(text, &record); err != nil {
		log.Fatal(err)
	}
	again, err := e.Generate(context.Background(), record.Request())
	if err != nil {
		log.Fatal(err)
	}
	for t, err := range again.Tokens() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(t.Text)
	}
}

// A model that calls tools is answered by their results, until it calls none.
func ExampleSession() {
	m, err := blitz.Open("qwen3.gguf", &blitz.Options{Text: true})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	e, err := blitz.NewEngine(m, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	ctx := context.Background()
	s := e.NewSession(&blitz.Request{
		Messages: []chat.Message{chat.System("Answer in one sentence.")},
		Tools:    chat.Tools(chat.Tool{Name: "now", Description: "the time of day"}),
	})
	a, err := s.Ask(ctx, "What time is it?")
	for err == nil {
		if err = a.Wait(); err != nil || a.Finish().Reason != blitz.FinishToolCalls {
			break
		}
		var results []chat.Message
		for _, call := range a.Output().ToolCalls {
			results = append(results, chat.Result(call, "12:30"))
		}
		a, err = s.Send(ctx, results...)
	}
	if err != nil {
		log.Fatal(err)
	}
	text, err := a.Text()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
}
