package mcp

import (
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

// parsed reads the servers of a settings file.
func parsed(t *testing.T, text string) ([]Server, error) {
	t.Helper()
	var file struct{ MCP map[string]any }
	if err := toml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	return Parse("config.toml", file.MCP)
}

func TestParse(t *testing.T) {
	list, err := parsed(t, `
[mcp.web]
url = "https://example.org/mcp"
headers = {Authorization = "Bearer x"}
timeout = "5s"
[mcp.files]
command = ["prog", "--root", "/tmp"]
env = {KEY = "v"}
tools = ["read"]
`)
	if err != nil || len(list) != 2 {
		t.Fatalf("got %v, %v", list, err)
	}
	files, web := list[0], list[1]
	if files.Name != "files" || files.Command[2] != "/tmp" || files.Env["KEY"] != "v" || files.Tools[0] != "read" || files.Timeout != defaultTimeout {
		t.Errorf("files: %+v", files)
	}
	if web.Name != "web" || web.Headers["Authorization"] != "Bearer x" || web.Timeout != 5*time.Second || web.Tools != nil {
		t.Errorf("web: %+v", web)
	}
}

func TestParseRefuses(t *testing.T) {
	many := ""
	for i := range MaxServers + 1 {
		many += "[mcp.s" + strings.Repeat("x", i%30) + string(rune('a'+i/30)) + "]\ncommand = [\"a\"]\n"
	}
	for text, want := range map[string]string{
		"[mcp]\nx = 1": "config.toml:mcp.x: want a table: [mcp.x]",
		"[mcp.x]":      "config.toml:mcp.x: want command or url",
		"[mcp.x]\ncommand = [\"a\"]\nurl = \"https://a\"":                       "has both command and url",
		"[mcp.x]\ncomand = [\"a\"]":                                             "mcp.x: unknown key comand; nearest: command",
		"[mcp.x]\ncommand = \"a\"":                                              "mcp.x.command: want a list of texts",
		"[mcp.x]\ncommand = [1]":                                                "mcp.x.command: want a list of texts",
		"[mcp.x]\ncommand = []":                                                 "mcp.x.command: names no program",
		"[mcp.x]\ncommand = [\"a\\u0000\"]":                                     "mcp.x.command: want a list of texts",
		"[mcp.x]\ncommand = [\"a\"]\nenv = [\"A=1\"]":                           "mcp.x.env: want a table of texts",
		"[mcp.x]\ncommand = [\"a\"]\nenv = {\"A=\" = \"1\"}":                    `"A=": is no variable`,
		"[mcp.x]\ncommand = [\"a\"]\nheaders = {A = \"1\"}":                     "mcp.x.headers: are for a url",
		"[mcp.x]\nurl = \"https://a\"\nenv = {A = \"1\"}":                       "mcp.x.env: is for a command",
		"[mcp.x]\nurl = \"file:///etc/passwd\"":                                 "mcp.x.url: want an address",
		"[mcp.x]\nurl = \"https://a\"\nheaders = {\"A b\" = \"1\"}":             `"A b": is no header`,
		"[mcp.x]\nurl = \"https://a\"\nheaders = {A = \"1\\r\\nB: 2\"}":         `"A": is no header`,
		"[mcp.x]\nurl = \"https://a\"\nheaders = {host = \"b\"}":                "host: is set by the protocol itself",
		"[mcp.x]\nurl = \"https://a\"\nheaders = {mcp-session-id = \"b\"}":      "mcp-session-id: is set by the protocol",
		"[mcp.x]\ncommand = [\"a\"]\ntimeout = \"2h\"":                          "mcp.x.timeout: want a time of one second to an hour",
		"[mcp.x]\ncommand = [\"a\"]\ntimeout = 60":                              "mcp.x.timeout: want a time",
		"[mcp.\"a b\"]\ncommand = [\"a\"]":                                      "mcp.a b: the name of a server has 1 to 32 of the characters",
		"[mcp.a__b]\ncommand = [\"a\"]":                                         "has no __",
		"[mcp.a_]\ncommand = [\"a\"]":                                           "does not end in _",
		"[mcp." + strings.Repeat("a", maxServerName+1) + "]\ncommand = [\"a\"]": "has 1 to 32",
		many: "33 MCP servers, want at most 32",
	} {
		if _, err := parsed(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: got %v, want %q", text, err, want)
		}
	}
}

func TestToolName(t *testing.T) {
	for _, c := range []struct{ server, own, want string }{
		{"s", "read", "read"},
		{"s", "files/read.all", "files_read_all"},
		{"s", "_x", "_x"},
		{"s", "", ""},
		{"s", "a b", ""},
		{"s", "é", ""},
		{"s", strings.Repeat("a", 61), strings.Repeat("a", 61)},
		{"s", strings.Repeat("a", 62), ""},
		{"s", strings.Repeat("a", 129), ""},
	} {
		got, err := toolName(c.server, c.own)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v; want %q", c.own, got, err, c.want)
		}
		if err == nil {
			if s, tool, ok := Split(CallName(c.server, got)); s != c.server || tool != got || !ok {
				t.Errorf("%q: taken apart as %q and %q, %v", c.own, s, tool, ok)
			}
		}
	}
	for _, call := range []string{"", "__", "a__", "__b", "a_b"} {
		if s, tool, ok := Split(call); ok {
			t.Errorf("%q is %q of %q", call, tool, s)
		}
	}
}
