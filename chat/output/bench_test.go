package output

import (
	"strings"
	"testing"
)

// BenchmarkParse reads a long answer with reasoning and a call, in chunks of
// about a token.
func BenchmarkParse(b *testing.B) {
	reasoning := "<think>\n" + strings.Repeat("First I add 17 and 25, that makes 42; but 2 < 3, so wait.\n", 2000) + "</think>\n\n"
	answer := strings.Repeat("The capital of France is **Paris** – 中文 too.\n", 2000)
	object := `{"path": "a.txt", "content": "` + strings.Repeat(`line \"2\"\n`, 2000) + `"}`
	for _, c := range []struct{ format, call string }{
		{"deepseek-r1-0528", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>write_file\n```json\n" + object + "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
		{"qwen3", "<tool_call>\n{\"name\": \"write_file\", \"arguments\": " + object + "}\n</tool_call>"},
		{"glm-4.5", "<tool_call>write_file\n<arg_key>content</arg_key>\n<arg_value>" + object + "</arg_value>\n</tool_call>"},
	} {
		b.Run(c.format, func(b *testing.B) {
			text := reasoning + answer + c.call
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := NewParser(c.format, Options{})
				if err != nil {
					b.Fatal(err)
				}
				for i := 0; i < len(text); i += 4 {
					p.Write(text[i:min(i+4, len(text))])
				}
				p.Close()
			}
		})
	}
}

// BenchmarkHeld reads text that looks like markers all the time.
func BenchmarkHeld(b *testing.B) {
	text := strings.Repeat("<｜tool▁calls▁begi <", 20000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("deepseek-v3.1", text, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
