package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/jinja"
)

// encoder4 returns the built-in encoder of a release of DeepSeek-V4.
func encoder4(t testing.TB, release string) *Template {
	t.Helper()
	e, err := Builtin(release)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestDeepSeek4Golden renders conversations as DeepSeek's own encoder wrote them.
func TestDeepSeek4Golden(t *testing.T) {
	raw, err := os.ReadFile("testdata/deepseek4/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Efforts map[string]string `json:"efforts_0731"`
		Cases   []struct {
			Name  string          `json:"name"`
			Input json.RawMessage `json:"input"`
			Want  string          `json:"want"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(raw, &golden); err != nil || len(golden.Cases) < 20 {
		t.Fatal(len(golden.Cases), err)
	}
	for _, c := range golden.Cases {
		got, err := encoder4(t, "DeepSeek-V4").Render(t.Context(), variablesOf(t, string(c.Input)))
		if err != nil || got != c.Want {
			i := 0
			for i < min(len(got), len(c.Want)) && got[i] == c.Want[i] {
				i++
			}
			t.Errorf("%s: byte %d: got %.80q, want %.80q, error %v", c.Name, i, got[i:], c.Want[i:], err)
		}
	}
	for effort, want := range golden.Efforts {
		for thinking, begin := range map[string]string{"true": want, "false": ""} {
			got, err := encoder4(t, "DeepSeek-V4-0731").Render(t.Context(), variablesOf(t,
				`{"messages": [`+user32+`], "thinking": `+thinking+`, "reasoning_effort": "`+effort+`"}`))
			if err != nil || !strings.HasPrefix(got, deepseekBOS+begin+"<｜User｜>") {
				t.Errorf("0731, effort %s, thinking %s: %.80q, error %v", effort, thinking, got, err)
			}
		}
	}
}

// TestDeepSeek4ManyResults has a client send as many calls as fit into a request, and their
// results: what sorts them again for each, or looks for each among all, takes minutes.
func TestDeepSeek4ManyResults(t *testing.T) {
	const n, limit = 8000, 20 * time.Second
	call := func(i int) string { return fmt.Sprintf(`{"id": "c%d", "function": {"name": "f", "arguments": {}}}`, i) }
	calls, results := make([]string, n), make([]string, n)
	for i := range n {
		calls[i] = call(i)
		results[i] = fmt.Sprintf(`{"role": "tool", "tool_call_id": "c%d", "content": "%d"}`, n-1-i, n-1-i)
	}
	input := variablesOf(t, `{"messages": [`+user32+`, {"role": "assistant", "content": "", "tool_calls": [`+strings.Join(calls, ",")+`]}, `+strings.Join(results, ",")+`]}`)
	begin := golden.CPUTime()
	got, err := encoder4(t, "DeepSeek-V4").Render(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	if took := golden.CPUTime() - begin; took > limit {
		t.Errorf("%v of processor time, want under %v", took, limit)
	}
	at := 0
	for i := range n {
		result := fmt.Sprintf("<tool_result>%d</tool_result>", i)
		next := strings.Index(got[at:], result)
		if next < 0 {
			t.Fatalf("result %d does not follow those of the calls before", i)
		}
		at += next + len(result)
	}
}

// TestDeepSeek4 is what the golden conversations lack.
func TestDeepSeek4(t *testing.T) {
	const bos, eos = deepseekBOS, deepseekEOS
	const twoCalls = `{"role": "assistant", "content": "", "tool_calls": [
		{"id": "a", "function": {"name": "f", "arguments": {}}}, {"id": "b", "function": {"name": "g", "arguments": {}}}]}`
	const calls = "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n\n</｜DSML｜invoke>\n<｜DSML｜invoke name=\"g\">\n\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>"
	for _, c := range []struct{ name, input, want string }{
		{"nothing", `{"messages": []}`, bos},
		{"no BOS", `{"messages": [` + user32 + `], "add_default_bos_token": false}`, "<｜User｜>q<｜Assistant｜></think>"},
		{"no turn of the model", `{"messages": [` + user32 + `], "add_generation_prompt": false}`, bos + "<｜User｜>q"},
		{"a reminder", `{"messages": [` + user32 + `, {"role": "latest_reminder", "content": "r"}]}`, bos + "<｜User｜>q<｜Assistant｜></think><｜latest_reminder｜>r"},
		{"a developer", `{"messages": [{"role": "developer", "content": "d"}], "thinking": true}`, bos + "<｜User｜>d<｜Assistant｜><think>"},
		{
			"an earlier developer is dropped", `{"messages": [{"role": "developer", "content": "d"}, {"role": "assistant", "content": "a", "reasoning_content": "r"}, ` + user32 + `], "thinking": true}`,
			bos + "a" + eos + "<｜User｜>q<｜Assistant｜><think>",
		},
		{
			"results in the order of calls, and text between", `{"messages": [` + user32 + `, ` + twoCalls + `, {"role": "tool", "tool_call_id": "b", "content": "2"}, ` + user32 + `, {"role": "tool", "tool_call_id": "a", "content": "1"}]}`,
			bos + "<｜User｜>q<｜Assistant｜></think>" + calls + eos + "<｜User｜><tool_result>1</tool_result>\n\nq\n\n<tool_result>2</tool_result><｜Assistant｜></think>",
		},
		{"a task", `{"messages": [{"role": "user", "content": "q", "task": "title"}, {"role": "assistant", "content": "t", "reasoning_content": "r"}], "thinking": true}`, bos + "<｜User｜>q<｜title｜>t" + eos},
		{"an action", `{"messages": [{"role": "user", "content": "q", "task": "action"}]}`, bos + "<｜User｜>q<｜Assistant｜></think><｜action｜>"},
		{"parts", `{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, "b"]}]}`, bos + "<｜User｜>ab<｜Assistant｜></think>"},
	} {
		got, err := encoder4(t, "DeepSeek-V4").Render(t.Context(), variablesOf(t, c.input))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, error %v, want %q", c.name, got, err, c.want)
		}
	}
	for name, input := range map[string]string{
		"a role":        `{"messages": [{"role": "robot", "content": "x"}]}`,
		"no role":       `{"messages": [{"content": "x"}]}`,
		"a task":        `{"messages": [{"role": "user", "content": "x", "task": "cook"}]}`,
		"a mode":        `{"messages": [], "thinking_mode": "deep"}`,
		"an image":      `{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}`,
		"arguments":     `{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}]}`,
		"no developer":  `{"messages": [{"role": "developer"}]}`,
		"calls":         `{"messages": [{"role": "assistant", "tool_calls": 5}]}`,
		"tools":         `{"messages": [` + user32 + `], "tools": [{"type": "function"}]}`,
		"an odd result": `{"messages": [{"role": "tool", "content": [5]}]}`,
	} {
		var raised *jinja.RaisedError
		if got, err := encoder4(t, "DeepSeek-V4").Render(t.Context(), variablesOf(t, input)); !errors.As(err, &raised) {
			t.Errorf("%s: got %q, error %v, want it refused", name, got, err)
		}
	}
}
