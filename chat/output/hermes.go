package output

const (
	toolCallOpen  = "<tool_call>"
	toolCallClose = "</tool_call>"
)

// outputHermes is the format of Hermes, which Qwen took over: an object in tags.
// The tags are tokens of Qwen's vocabulary and plain text in Hermes'; either
// way models write about them in their reasoning and their answers, so they
// count only outside reasoning and before an object.
func outputHermes() *outputFormat {
	return &outputFormat{
		reasons: true,
		call:    []string{toolCallOpen},
		closers: []string{toolCallClose},
		start:   outputStart,
		begin:   outputTagged,
		next:    outputText,
		failed:  outputText,
	}
}

// outputTagged waits for the object of a call.
func outputTagged(p *Parser, c string) {
	switch {
	case outputSpace(c):
		p.held = append(p.held, c...)
	case c == "{":
		p.held = append(p.held, c...)
		p.beginObject()
	default:
		p.unread(c)
		p.failCall()
	}
}
