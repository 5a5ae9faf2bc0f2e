package mcp

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// Bounds of what the settings may say of servers.
const (
	MaxServers     = 32
	maxServerName  = 32 // bytes
	maxWords       = 256
	maxWord        = 32 << 10 // bytes
	defaultTimeout = 60 * time.Second
	maxTimeout     = time.Hour
)

// Server is an MCP server as the settings name it.
type Server struct {
	Name    string
	Command []string          // of a child that speaks on its standard input and output; nil: there is a URL
	Env     map[string]string // of the child, beside what all children have
	URL     string            // where streamable HTTP is spoken
	Headers map[string]string // of each request there
	Tools   []string          // the tools that may be used, by the server's own names; nil: all
	Timeout time.Duration     // of a call
}

// Parse reads the servers of a settings file: a table by name of tables
//
//	command = ["prog", "arg"]   env = {NAME = "value"}     or
//	url = "https://…"           headers = {NAME = "value"}
//	tools = ["name"]            timeout = "60s"            both may be left out
//
// path, the file, is for errors. They come back in the order of their names.
func Parse(path string, table map[string]any) ([]Server, error) {
	if len(table) > MaxServers {
		return nil, fmt.Errorf("%s: %d MCP servers, want at most %d", path, len(table), MaxServers)
	}
	var list []Server
	for _, name := range slices.Sorted(maps.Keys(table)) {
		where := path + ":mcp." + message.Clean(name)
		if err := checkServerName(name); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		fields, ok := table[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: want a table: [mcp.%s]", where, name)
		}
		s, err := parseServer(fields)
		if err != nil {
			return nil, fmt.Errorf("%s%w", where, err)
		}
		s.Name = name
		list = append(list, s)
	}
	return list, nil
}

// fields of a server's table.
var fields = []string{"command", "env", "headers", "timeout", "tools", "url"}

// parseServer reads one table. Its error begins with what stands behind the table's name.
func parseServer(table map[string]any) (s Server, err error) {
	s.Timeout = defaultTimeout
	for _, key := range slices.Sorted(maps.Keys(table)) {
		v := table[key]
		switch key {
		case "command":
			if s.Command, err = words(v); err == nil && (len(s.Command) == 0 || s.Command[0] == "") {
				err = fmt.Errorf("names no program")
			}
		case "env":
			s.Env, err = pairs(v, checkVariable)
		case "headers":
			s.Headers, err = pairs(v, checkHeader)
		case "tools":
			s.Tools, err = words(v)
		case "url":
			s.URL, err = address(v)
		case "timeout":
			s.Timeout, err = period(v)
		default:
			return s, fmt.Errorf(": unknown key %s%s", message.Clean(key), spelling.Text(key, fields))
		}
		if err != nil {
			return s, fmt.Errorf(".%s: %w", key, err)
		}
	}
	switch {
	case s.Command == nil && s.URL == "":
		return s, fmt.Errorf(": want command or url")
	case s.Command != nil && s.URL != "":
		return s, fmt.Errorf(": has both command and url, want one")
	case s.Command == nil && s.Env != nil:
		return s, fmt.Errorf(".env: is for a command, not for a url")
	case s.URL == "" && s.Headers != nil:
		return s, fmt.Errorf(".headers: are for a url, not for a command")
	}
	return s, nil
}

// words reads a list of texts.
func words(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list of texts")
	}
	if len(list) > maxWords {
		return nil, fmt.Errorf("has %d texts, want at most %d", len(list), maxWords)
	}
	all := make([]string, 0, len(list))
	for _, x := range list {
		s, ok := x.(string)
		if !ok || len(s) > maxWord || strings.ContainsRune(s, 0) {
			return nil, fmt.Errorf("want a list of texts")
		}
		all = append(all, s)
	}
	return all, nil
}

// pairs reads a table of texts.
func pairs(v any, check func(name, value string) error) (map[string]string, error) {
	table, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf(`want a table of texts, such as {NAME = "value"}`)
	}
	if len(table) > maxWords {
		return nil, fmt.Errorf("has %d texts, want at most %d", len(table), maxWords)
	}
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		s, ok := table[name].(string)
		if !ok || len(s) > maxWord {
			return nil, fmt.Errorf("%s: want a text", message.Clean(name))
		}
		if err := check(name, s); err != nil {
			return nil, err
		}
		all[name] = s
	}
	return all, nil
}

func checkVariable(name, value string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
		return fmt.Errorf("%s: is no variable of an environment", message.Quote(name))
	}
	return nil
}

// ownHeaders are those that the protocol sets itself.
var ownHeaders = []string{"Accept", "Connection", "Content-Length", "Content-Type", "Host", "Last-Event-Id", "Transfer-Encoding"}

func checkHeader(name, value string) error {
	token := func(r rune) bool {
		return r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	}
	odd := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	is := http.CanonicalHeaderKey(name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !token(r) }) || strings.ContainsFunc(value, odd):
		return fmt.Errorf("%s: is no header", message.Quote(name))
	case slices.Contains(ownHeaders, is) || strings.HasPrefix(is, "Mcp-"):
		return fmt.Errorf("%s: is set by the protocol itself", name)
	}
	return nil
}

// address reads a URL.
func address(v any) (string, error) {
	s, _ := v.(string)
	u, err := url.Parse(s)
	if err != nil || len(s) > maxWord || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("want an address such as https://example.org/mcp")
	}
	return s, nil
}

// period reads a time.
func period(v any) (time.Duration, error) {
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > maxTimeout {
		return 0, fmt.Errorf(`want a time of one second to an hour, such as "60s"`)
	}
	return d, nil
}
