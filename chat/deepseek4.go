package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/jinja"
)

// The words of DeepSeek-V4's prompts, as its published encoder writes them.
const (
	deepseekReminder = "<｜latest_reminder｜>"

	dsml4CallsBegin = "<｜DSML｜tool_calls>"
	dsml4CallsEnd   = "</｜DSML｜tool_calls>"

	// deepseek4ToolsHead and deepseek4ToolsTail stand around the schemas of the tools.
	deepseek4ToolsHead = "## Tools\n" +
		"\n" +
		"You have access to a set of tools to help answer the user's question. You can invoke tools by writing a \"<｜DSML｜tool_calls>\" block like the following:\n" +
		"\n" +
		"<｜DSML｜tool_calls>\n" +
		"<｜DSML｜invoke name=\"$TOOL_NAME\">\n" +
		"<｜DSML｜parameter name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE</｜DSML｜parameter>\n" +
		"...\n" +
		"</｜DSML｜invoke>\n" +
		"<｜DSML｜invoke name=\"$TOOL_NAME2\">\n" +
		"...\n" +
		"</｜DSML｜invoke>\n" +
		"</｜DSML｜tool_calls>\n" +
		"\n" +
		"String parameters should be specified as is and set `string=\"true\"`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format and set `string=\"false\"`.\n" +
		"\n" +
		"If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside <think>...</think> BEFORE any tool calls or final response.\n" +
		"\n" +
		"Otherwise, output directly after </think> with tool calls or final response.\n" +
		"\n" +
		"### Available Tool Schemas\n" +
		"\n"
	deepseek4ToolsTail = "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.\n"

	// What stands before everything where much reasoning is asked for.
	deepseek4Absolute = "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n" +
		"You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root cause, rigorously stress-testing your logic against all potential paths, edge cases, and adversarial scenarios.\n" +
		"Explicitly write out your entire deliberation process, documenting every intermediate step, considered alternative, and rejected hypothesis to ensure absolutely no assumption is left unchecked.\n" +
		"\n"
	deepseek4Beyond = "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n" +
		"You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: exhaustively decompose the problem into its most fundamental components, trace every causal chain to its root, and resolve the underlying cause rather than any surface symptom.\n" +
		"Do not stop reasoning until you have independently verified the solution from multiple angles and are certain that no assumption remains unchecked and no error remains undiscovered.\n" +
		"\n"
)

// deepseek4Efforts are the texts of reasoning efforts, by release.
var deepseek4Efforts = map[string]map[string]string{
	"DeepSeek-V4":      {"max": deepseek4Absolute},
	"DeepSeek-V4-0731": {"high": deepseek4Absolute, "max": deepseek4Beyond},
}

// deepseek4Tasks are the tokens of tasks that are no conversation.
var deepseek4Tasks = map[string]string{
	"action": "<｜action｜>", "query": "<｜query｜>", "authority": "<｜authority｜>", "domain": "<｜domain｜>", "title": "<｜title｜>", "read_url": "<｜read_url｜>",
}

// encodeDeepSeek4 returns what writes prompts as a release of DeepSeek-V4 was trained on
// them. Variables are those of encodeDeepSeek32, with these differences:
//
//   - Without thinking_mode, thinking and enable_thinking the model does not think.
//   - reasoning_effort counts where it thinks.
//   - drop_thinking false keeps the reasoning of earlier turns, and so do tools.
//   - The results of calls are part of the user's turn, in the order of the calls, and
//     messages of the user that follow each other are one.
//   - A message of the user may have a task.
func encodeDeepSeek4(release string) func(context.Context, *jinja.Dict) (string, error) {
	return func(ctx context.Context, variables *jinja.Dict) (string, error) {
		e := deepseek4Encoder{deepseekEncoder: deepseekEncoder{variables: variables, lastUser: -1}, release: release}
		if err := e.read(); err != nil {
			return "", fmt.Errorf("chat: %s: %w", release, err)
		}
		if err := e.begin(); err != nil {
			return "", err
		}
		for i := range e.turns {
			err := context.Cause(ctx)
			if err == nil {
				err = e.turn(i)
			}
			if err != nil {
				return "", fmt.Errorf("chat: %s: message %d: %w", release, e.turns[i].number, err)
			}
		}
		return string(e.out), nil
	}
}

// deepseek4Encoder writes one conversation.
type deepseek4Encoder struct {
	deepseekEncoder
	release string
	turns   []deepseek4Turn
	drop    bool // reasoning from before the last turn of the user is left out
}

// deepseek4Turn is a message, or several of the user and of tools.
type deepseek4Turn struct {
	number  int // of its first message
	role    string
	message *jinja.Dict
	blocks  []deepseek4Block // of the user's
	task    string
	calls   map[string]int // places of the calls before it, by their ids
}

// deepseek4Block is a part of the user's turn: text, or the result of a call.
type deepseek4Block struct {
	text, call string
	result     bool
}

// read reads the variables.
func (e *deepseek4Encoder) read() error {
	list, err := dicts(e.variables, "messages")
	if err != nil {
		return err
	}
	if e.thinking, err = deepseekThinking(e.variables, false); err != nil {
		return err
	}
	if v, _ := e.variables.Get("add_generation_prompt"); !v.IsNone() {
		e.closed = !v.Truth()
	}
	e.drop = true
	if v, _ := e.variables.Get("drop_thinking"); !v.IsNone() {
		e.drop = v.Truth()
	}
	e.messages = deepseekSystem(e.variables, list)
	for _, m := range e.messages {
		if tools, _ := m.Get("tools"); tools.Truth() {
			e.drop = false
		}
	}
	if err := e.merge(); err != nil {
		return err
	}
	e.forget()
	for i, t := range e.turns {
		if t.role == "user" || t.role == "developer" {
			e.lastUser = i
		}
	}
	return nil
}

// merge makes turns of the messages.
func (e *deepseek4Encoder) merge() error {
	var calls map[string]int // places of the last ones, by their ids
	for i, m := range e.messages {
		role := roleOf(m)
		switch role {
		case "assistant":
			list, err := dicts(m, "tool_calls")
			if err != nil {
				return err
			}
			calls = make(map[string]int, len(list))
			for place, call := range list {
				id := textOf(call, "id")
				if _, twice := calls[id]; !twice {
					calls[id] = place
				}
			}
		case "user", "tool":
			block := deepseek4Block{result: role == "tool", call: textOf(m, "tool_call_id")}
			var err error
			if block.text, err = e.content(m); err != nil {
				return fmt.Errorf("message %d: %w", i, err)
			}
			task := textOf(m, "task")
			if n := len(e.turns) - 1; n >= 0 && e.turns[n].role == "user" && e.turns[n].task == "" {
				last := &e.turns[n]
				last.blocks, last.task = append(last.blocks, block), task
				continue
			}
			e.turns = append(e.turns, deepseek4Turn{number: i, role: "user", message: m, blocks: []deepseek4Block{block}, task: task, calls: calls})
			continue
		}
		e.turns = append(e.turns, deepseek4Turn{number: i, role: role, message: m, task: textOf(m, "task")})
	}
	for i := range e.turns {
		e.turns[i].sortResults()
	}
	return nil
}

// sortResults puts the results of calls in the order of the calls, in the places that they
// have. Of a call that is not known they count for the first one's.
func (t *deepseek4Turn) sortResults() {
	var results []deepseek4Block
	for _, b := range t.blocks {
		if b.result {
			results = append(results, b)
		}
	}
	if len(results) < 2 || len(t.calls) == 0 {
		return
	}
	slices.SortStableFunc(results, func(a, b deepseek4Block) int { return t.calls[a.call] - t.calls[b.call] })
	for i := range t.blocks {
		if t.blocks[i].result {
			t.blocks[i], results = results[0], results[1:]
		}
	}
}

// forget leaves out what the encoder does of earlier turns where reasoning is dropped.
func (e *deepseek4Encoder) forget() {
	if !e.thinking || !e.drop {
		return
	}
	last := len(e.turns) - 1
	for ; last >= 0; last-- {
		if role := e.turns[last].role; role == "user" || role == "developer" {
			break
		}
	}
	kept := e.turns[:0]
	for i, t := range e.turns {
		if i >= last || t.role != "developer" {
			kept = append(kept, t)
		}
	}
	e.turns = kept
}

// textOf returns a field that is a str, "" else.
func textOf(m *jinja.Dict, name string) string {
	v, _ := m.Get(name)
	s, _ := v.Text()
	return s
}

// begin writes what stands before the messages.
func (e *deepseek4Encoder) begin() error {
	if v, ok := e.variables.Get("add_default_bos_token"); !ok || v.IsNone() || v.Truth() {
		if err := e.write(deepseekBOS); err != nil {
			return err
		}
	}
	if !e.thinking || len(e.turns) == 0 {
		return nil
	}
	return e.write(deepseek4Efforts[e.release][textOf(e.variables, "reasoning_effort")])
}

// turn writes turn i.
func (e *deepseek4Encoder) turn(i int) error {
	t := &e.turns[i]
	var err error
	switch t.role {
	case "system":
		err = e.said("", t.message)
	case "developer":
		if s, _ := e.content(t.message); s == "" {
			return raise("a developer's message without content")
		}
		err = e.said(deepseekUser, t.message)
	case "user":
		texts := make([]string, len(t.blocks))
		for k, b := range t.blocks {
			if texts[k] = b.text; b.result {
				texts[k] = "<tool_result>" + b.text + "</tool_result>"
			}
		}
		err = e.write(deepseekUser, strings.Join(texts, "\n\n"))
	case "latest_reminder":
		var content string
		if content, err = e.content(t.message); err == nil {
			err = e.write(deepseekReminder, content)
		}
	case "assistant":
		err = e.answer(i, t.message)
	default:
		return raise("role %s, want system, developer, user, assistant, tool or latest_reminder", fmt.Sprintf("%.40q", t.role))
	}
	if err != nil {
		return err
	}
	return e.goOn(i)
}

// said writes a message with its tools and its schema.
func (e *deepseek4Encoder) said(before string, m *jinja.Dict) error {
	content, err := e.content(m)
	if err != nil {
		return err
	}
	if err := e.write(before, content); err != nil {
		return err
	}
	return e.provide(m, deepseek4ToolsHead, deepseek4ToolsTail)
}

// goOn opens the model's turn behind turn i, where it comes next.
func (e *deepseek4Encoder) goOn(i int) error {
	if i+1 < len(e.turns) {
		if role := e.turns[i+1].role; role != "assistant" && role != "latest_reminder" {
			return nil
		}
	} else if e.closed {
		return nil
	}
	t := &e.turns[i]
	think := thinkClose
	if e.thinking && (!e.drop || i >= e.lastUser) {
		think = thinkOpen
	}
	switch token, known := deepseek4Tasks[t.task]; {
	case t.task != "" && !known:
		return raise("task %.40q is none", t.task)
	case t.task == "action":
		if think = thinkClose; e.thinking {
			think = thinkOpen
		}
		return e.write(deepseekAssistant, think, token)
	case known:
		return e.write(token)
	case t.role == "user" || t.role == "developer":
		return e.write(deepseekAssistant, think)
	}
	return nil
}

// answer writes what the model said.
func (e *deepseek4Encoder) answer(i int, m *jinja.Dict) error {
	asked := i > 0 && e.turns[i-1].task != ""
	if e.thinking && !asked && (!e.drop || i > e.lastUser) {
		reasoning := textOf(m, "reasoning_content")
		if reasoning == "" {
			reasoning = textOf(m, "reasoning")
		}
		if err := e.write(reasoning, thinkClose); err != nil {
			return err
		}
	}
	content, err := e.content(m)
	if err != nil {
		return err
	}
	if err := e.write(content); err != nil {
		return err
	}
	calls, err := dicts(m, "tool_calls")
	if err != nil {
		return err
	}
	if err := e.section(calls, dsml4CallsBegin, dsml4CallsEnd); err != nil {
		return err
	}
	return e.write(deepseekEOS)
}
