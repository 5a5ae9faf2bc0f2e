package output

import "strings"

// Tokens of Kimi's vocabulary.
const (
	kimiCallsBegin    = "<|tool_calls_section_begin|>"
	kimiCallBegin     = "<|tool_call_begin|>"
	kimiArgumentBegin = "<|tool_call_argument_begin|>"
	kimiCallEnd       = "<|tool_call_end|>"
	kimiCallsEnd      = "<|tool_calls_section_end|>"
)

// outputKimi is the format of Kimi-K2. Instead of a name it writes the id of
// the call, functions.NAME:INDEX; the index goes on through a conversation, and
// the template puts the id of an earlier call back as it was.
func outputKimi() *outputFormat {
	return &outputFormat{
		reasons: true,
		section: []string{kimiCallsBegin},
		call:    []string{kimiCallBegin},
		closers: []string{kimiCallEnd, kimiCallsEnd},
		ends:    []string{kimiCallsEnd},
		ending:  []string{kimiArgumentBegin, kimiCallEnd},
		kimi:    true,
		start:   outputStart,
		begin:   outputName,
		next:    outputText,
		failed:  outputText,
	}
}

// kimiName is the name in an id. Names may have dots and colons themselves.
func kimiName(id string) string {
	name := strings.TrimPrefix(id, "functions.")
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	return strings.TrimFunc(name, outputSpaceRune)
}
