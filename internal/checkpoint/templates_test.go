package checkpoint

import (
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

// TestToolUseTemplate: in every form in which files name several templates, the one
// named tool_use is used where there are tools.
func TestToolUseTemplate(t *testing.T) {
	plain, tools := "plain {{ messages[0].content }}", "{{ tools|length }} tools {{ messages[0].content }}"
	for form, value := range map[string]any{
		"a list": []any{map[string]any{"name": "default", "template": plain}, map[string]any{"name": "tool_use", "template": tools}},
		"a dict": map[string]any{"default": plain, "tool_use": tools},
		"files":  nil,
	} {
		folder := filepath.Join(t.TempDir(), "model")
		writeTokenizer(t, folder, "", "<s>", "</s>")
		if value != nil {
			write(t, folder, "tokenizer_config.json", map[string]any{"chat_template": value})
		} else {
			write(t, folder, "chat_template.jinja", plain)
			write(t, folder, "additional_chat_templates/tool_use.jinja", tools)
		}
		template, err := mustOpen(t, folder).Template()
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		c := &chat.Chat{Messages: []chat.Message{chat.User("x")}}
		if got, err := template.RenderChat(t.Context(), c); err != nil || got != "plain x" {
			t.Errorf("%s, no tools: got %q, %v", form, got, err)
		}
		c.Tools = chat.Tools(chat.Tool{Name: "f"}, chat.Tool{Name: "g"})
		if got, err := template.RenderChat(t.Context(), c); err != nil || got != "2 tools x" {
			t.Errorf("%s, tools: got %q, %v", form, got, err)
		}
	}
}
