package chat_test

import (
	"context"
	"fmt"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
)

func Example() {
	template, err := chat.Builtin("DeepSeek-R1-0528")
	if err != nil {
		panic(err)
	}
	prompt, err := template.RenderChat(context.Background(), &chat.Chat{
		Messages: []chat.Message{
			chat.System("Answer briefly."),
			chat.User("What is 6 x 7?"),
			chat.Assistant("42"),
			chat.User("And 6 x 8?"),
		},
		AddGenerationPrompt: true,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(prompt)

	// What a model answers to it is read by package output.
	answer, err := output.Parse(output.FormatOf(template), "<think>6 x 8 is 42 + 6.</think>48", output.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q because %q\n", *answer.Content, *answer.ReasoningContent)
	// Output:
	// Answer briefly.<｜User｜>What is 6 x 7?<｜Assistant｜>42<｜end▁of▁sentence｜><｜User｜>And 6 x 8?<｜Assistant｜>
	// "48" because "6 x 8 is 42 + 6."
}

func ExampleTool() {
	weather := chat.Tool{
		Name: "get_weather", Description: "The weather in a city",
		Parameters: []chat.Parameter{
			{Name: "city", Type: "string", Description: "such as Paris"},
			{Name: "unit", Type: "string", Enum: []string{"C", "F"}, Optional: true},
		},
	}
	text, err := weather.Value().MarshalJSON()
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))

	template, err := chat.Builtin("Qwen3")
	if err != nil {
		panic(err)
	}
	call := chat.ToolCall{Name: "get_weather", Arguments: `{"city": "Paris"}`}
	prompt, err := template.RenderChat(context.Background(), &chat.Chat{
		Messages: []chat.Message{chat.User("Is it sunny in Paris?"), chat.Called(call), chat.Result(call, "sunny")},
		Tools:    chat.Tools(weather),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(prompt[len(prompt)-len("<|im_start|>user\n<tool_response>\nsunny\n</tool_response><|im_end|>\n"):])
	// Output:
	// {"type": "function", "function": {"name": "get_weather", "description": "The weather in a city", "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "such as Paris"}, "unit": {"type": "string", "enum": ["C", "F"]}}, "required": ["city"]}}}
	// <|im_start|>user
	// <tool_response>
	// sunny
	// </tool_response><|im_end|>
}
