package mcp

import (
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/blitz-r1/blitz/internal/message"
)

// MaxResult is the most text of a result, in bytes; what is behind it is cut, and a note
// says so.
const MaxResult = 256 << 10

// Result is what a call gave: the tool's text, or why there is none.
type Result struct {
	Content string
	Failed  bool
}

// failure is a result that says what went wrong.
func failure(format string, args ...any) Result {
	return Result{Content: fmt.Sprintf(format, args...), Failed: true}
}

// readResult returns a result as text. What is no text is named.
func readResult(r *sdk.CallToolResult) Result {
	if r.InputRequests != nil {
		return failure("The tool asks for further input, which is not given here.")
	}
	var parts []string
	for _, c := range r.Content {
		parts = append(parts, contentText(c))
	}
	if len(parts) == 0 && r.StructuredContent != nil {
		text, err := json.Marshal(r.StructuredContent)
		if err != nil {
			return failure("The result cannot be read: %v", err)
		}
		parts = append(parts, string(text))
	}
	return Result{Content: bounded(strings.Join(parts, "\n\n")), Failed: r.IsError}
}

// bounded cuts what is too long.
func bounded(text string) string {
	whole := plain(text)
	if len(whole) <= MaxResult {
		return whole
	}
	part := cut(whole, MaxResult)
	return fmt.Sprintf("%s\n[cut: these are the first %d of %d bytes]", part, len(part), len(whole))
}

// contentText returns one piece of a result.
func contentText(c sdk.Content) string {
	switch c := c.(type) {
	case *sdk.TextContent:
		return c.Text
	case *sdk.ImageContent:
		return fmt.Sprintf("[an image, %s, %d bytes, is left out]", kind(c.MIMEType), len(c.Data))
	case *sdk.AudioContent:
		return fmt.Sprintf("[a sound, %s, %d bytes, is left out]", kind(c.MIMEType), len(c.Data))
	case *sdk.ResourceLink:
		return fmt.Sprintf("[a link to a resource, %s: %s]", kind(c.MIMEType), message.Line(c.Name+" "+c.URI, 500))
	case *sdk.EmbeddedResource:
		if c.Resource == nil {
			return "[a resource without content]"
		}
		if c.Resource.Text != "" {
			return fmt.Sprintf("[a resource, %s: %s]\n%s", kind(c.Resource.MIMEType), message.Line(c.Resource.URI, 500), c.Resource.Text)
		}
		return fmt.Sprintf("[a resource, %s, %d bytes, is left out: %s]", kind(c.Resource.MIMEType), len(c.Resource.Blob), message.Line(c.Resource.URI, 500))
	}
	return "[a piece of a kind that is not known is left out]"
}

// kind returns a MIME type, or that there is none.
func kind(s string) string {
	if s = message.Line(s, 80); s == "" {
		return "of no type"
	}
	return s
}
