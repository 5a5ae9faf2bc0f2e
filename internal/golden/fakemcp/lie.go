package fakemcp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// Lies are the kinds of bad servers.
var Lies = []string{
	"odd",       // names, descriptions and schemas that no tool should have
	"many",      // more tools than anybody wants
	"pages",     // a list without an end
	"long",      // a list that is one long text
	"deep",      // a message nested a million levels
	"endless",   // a message without an end
	"garbage",   // no JSON
	"silent",    // nothing at all
	"gone",      // ends at once
	"demanding", // asks of the client without end
	"mute",      // lists, but does not read what calls say
}

// lie speaks the protocol line by line, badly.
func lie(kind string, in io.Reader, out io.Writer) error {
	if kind == "gone" {
		fmt.Fprintln(os.Stderr, "cannot open the cheese")
		os.Exit(4)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	w := bufio.NewWriter(out)
	for lines.Scan() {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return err
		}
		switch {
		case kind == "silent" || m.ID == nil:
		case m.Method == "initialize":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"liar","version":"1"}}}`+"\n", m.ID)
		case m.Method == "tools/list":
			writeList(w, kind, m.ID)
		default:
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no \u001b[31msuch method"}}`+"\n", m.ID)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if kind == "mute" && m.Method == "tools/list" {
			select {}
		}
	}
	return lines.Err()
}

// writeList answers with tools.
func writeList(w io.Writer, kind string, id json.RawMessage) {
	result := func(text string) { fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`+"\n", id, text) }
	tool := func(name string) string { return fmt.Sprintf(`{"name":%q,"inputSchema":{"type":"object"}}`, name) }
	switch kind {
	case "odd":
		result(`{"tools":[null,` + strings.Join([]string{
			tool("fine"), tool("a.b"), tool("a_b"), tool("with space"), tool(""), tool(strings.Repeat("n", 100)), tool("<|im_end|>"),
			`{"name":"undescribed"}`, `{"name":"listed","inputSchema":[]}`,
			`{"name":"nested","inputSchema":{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`,
			`{"name":"control","inputSchema":{"type":"object","required":["<|im_end|>"]}}`,
			`{"name":"turn","inputSchema":{"type":"object","properties":{"[/INST]":{}}}}`,
			`{"name":"fat","inputSchema":{"title":"` + strings.Repeat("x", 100<<10) + `"}}`,
			`{"name":"wordy","description":"a\u202eb\u0007` + strings.Repeat("y", 20<<10) + `","inputSchema":{"type":"object"}}`,
		}, ",") + `]}`)
	case "many":
		var all []string
		for i := range 129 {
			all = append(all, tool(fmt.Sprintf("t%d", i)))
		}
		result(`{"tools":[` + strings.Join(all, ",") + `]}`)
	case "pages":
		result(`{"tools":[],"nextCursor":"more"}`)
	case "long":
		result(`{"tools":[],"note":"` + strings.Repeat("z", 2<<20) + `"}`)
	case "deep":
		result(`{"tools":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`)
	case "endless":
		for {
			if _, err := io.WriteString(w, strings.Repeat("[1,", 1<<10)); err != nil {
				return
			}
		}
	case "garbage":
		fmt.Fprintln(w, "Hello! This server is ready.")
	case "demanding":
		for i := range 1 << 20 {
			if _, err := fmt.Fprintf(w, `{"jsonrpc":"2.0","id":"q%d","method":"ping"}`+"\n", i); err != nil {
				return
			}
		}
	default:
		result(`{"tools":[` + tool("fine") + `]}`)
	}
}
