package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/jinja"
)

const (
	savedVersion = 1
	maxSaved     = 256 << 20 // bytes of a saved conversation
)

// savedChat is a conversation as it is kept: NAME.json in the folder of chats.
type savedChat struct {
	Version  int            `json:"version"`
	Model    string         `json:"model"`
	SavedAt  time.Time      `json:"saved_at"`
	Messages []savedMessage `json:"messages"`
}

type savedMessage struct {
	Role      string          `json:"role"`
	Content   string          `json:"content"`
	Reasoning string          `json:"reasoning_content,omitempty"`
	Calls     []chat.ToolCall `json:"tool_calls,omitempty"`
	Name      string          `json:"name,omitempty"` // of the tool whose result it is
}

// path returns the file of a saved conversation.
func (c *conversation) path(name string) (string, error) {
	if c.folder == "" {
		return "", errors.New("there is no home folder to keep conversations in: set BLITZ_HOME")
	}
	if !hub.PlainName(name) {
		return "", fmt.Errorf("%q is no name for a conversation: want letters, digits, '-', '_' and spaces", name)
	}
	return filepath.Join(c.folder, name+".json"), nil
}

// saveForce is the word of /save that replaces another conversation.
const saveForce = "--force"

// save does /save. What is saved under the name already stays, unless the conversation
// goes on from it, or is forced to take its place.
func (c *conversation) save(rest string) error {
	first, name, _ := strings.Cut(rest, " ")
	force := first == saveForce
	if !force {
		name = rest
	}
	if name = strings.TrimSpace(name); name == "" {
		name = time.Now().Format("2006-01-02 15.04.05")
	}
	path, err := c.path(name)
	if err != nil {
		return err
	}
	c.session.Settle()
	if len(c.session.Messages) == len(c.kept(c.session.Messages)) {
		return errors.New("nothing was said yet: there is nothing to save")
	}
	if !force {
		if err := c.mayReplace(path, name); err != nil {
			return err
		}
	}
	s := savedChat{Version: savedVersion, Model: c.running.name, SavedAt: time.Now().UTC().Truncate(time.Second), Messages: []savedMessage{}}
	for _, m := range c.session.Messages {
		text, _ := m.Content.Text()
		s.Messages = append(s.Messages, savedMessage{m.Role, text, m.ReasoningContent, m.ToolCalls, m.Name})
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return err
	}
	if err := replaceFile(path, append(b, '\n')); err != nil {
		return err
	}
	c.note("Saved as %s: %s.", name, counted(len(s.Messages), "message"))
	return nil
}

// mayReplace returns an error where a file holds another conversation than the beginning
// of this one.
func (c *conversation) mayReplace(path, name string) error {
	b, err := readFile(path, maxSaved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var older []chat.Message
		if older, err = parseSaved(b); err == nil && c.goesOnFrom(older) {
			return nil
		}
	}
	return fault.WithHint(fmt.Errorf("%s is another conversation", name), "another name keeps both; /save "+saveForce+" "+name+" replaces it")
}

// goesOnFrom says whether the conversation begins with these messages.
func (c *conversation) goesOnFrom(older []chat.Message) bool {
	if len(older) > len(c.session.Messages) {
		return false
	}
	for i, m := range older {
		now := c.session.Messages[i]
		said, _ := m.Content.Text()
		says, _ := now.Content.Text()
		if m.Role != now.Role || said != says || m.ReasoningContent != now.ReasoningContent {
			return false
		}
	}
	return true
}

// replaceFile writes a file that only its owner may read, whole or not at all.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// load does /load.
func (c *conversation) load(name string) error {
	if name == "" {
		return c.listSaved()
	}
	path, err := c.path(name)
	if err != nil {
		return err
	}
	b, err := readFile(path, maxSaved)
	if errors.Is(err, fs.ErrNotExist) {
		names, _ := c.saved()
		return fmt.Errorf("no conversation %q is saved%s", name, spelling.Text(name, names))
	}
	if err != nil {
		return err
	}
	messages, err := parseSaved(b)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c.session.Settle()
	c.session.Messages, c.unsent = messages, ""
	c.flags.system = ""
	if len(c.kept(messages)) > 0 {
		c.flags.system, _ = messages[0].Content.Text()
	}
	c.note("Loaded %s: %s.", name, counted(len(messages), "message"))
	return nil
}

// parseSaved reads a saved conversation.
func parseSaved(b []byte) ([]chat.Message, error) {
	var s savedChat
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fault.Refusal(fmt.Errorf("no saved conversation: %w", err))
	}
	if s.Version != savedVersion {
		return nil, fault.Refusal(fmt.Errorf("version %d of a saved conversation, want %d", s.Version, savedVersion))
	}
	var messages []chat.Message
	for i, m := range s.Messages {
		switch m.Role {
		case "system", "user", "assistant", "tool":
		default:
			return nil, fault.Refusal(fmt.Errorf("message %d: role %q, want system, user, assistant or tool", i, m.Role))
		}
		messages = append(messages, chat.Message{Role: m.Role, Content: jinja.String(m.Content), ReasoningContent: m.Reasoning, ToolCalls: m.Calls, Name: m.Name})
	}
	return messages, nil
}

// saved returns the names of the saved conversations.
func (c *conversation) saved() ([]string, error) {
	entries, err := os.ReadDir(c.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && e.Type().IsRegular() && hub.PlainName(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (c *conversation) listSaved() error {
	names, err := c.saved()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		c.note("No conversation is saved. /save NAME keeps this one.")
		return nil
	}
	rows := [][]string{}
	for _, name := range names {
		age := ""
		if st, err := os.Stat(filepath.Join(c.folder, name+".json")); err == nil {
			age = formatAge(st.ModTime(), time.Now())
		}
		rows = append(rows, []string{name, age})
	}
	return writeTable(c.console, rows...)
}
