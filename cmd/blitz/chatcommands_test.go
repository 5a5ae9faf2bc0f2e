package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChatCommands(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  []string // on the screen, in order
	}{
		"help": {[]string{"/help"}, []string{"/set [KEY [VALUE]]", "max_tokens", "/bye", textQuotes, "Ctrl-C"}},
		"unknown": {[]string{"/hlep", "/sav x"}, []string{
			"error: unknown command /hlep; nearest: /help", "stands between " + textQuotes, "error: unknown command /sav; nearest: /save",
		}},
		"set": {[]string{"/set top_k 5", "/set top-p 0.5", "/set top_k", "/set temp hot", "/set temp", "/set temp default", "/set tmp 1", "/set max_tokens -1"}, []string{
			"top_k = 5", "top_p = 0.5", "top_k = 5", `error: temp is "hot": want a number from 0 to 100`, "temp = 0\n",
			"temp = 0.8 (the default)", `error: unknown setting "tmp"; nearest: temp`, `error: max_tokens is "-1": want a whole number`,
		}},
		"switches": {[]string{"/set verbose on", "/set verbose", "/set verbose off", "/set verbose maybe", "/set history off", "/set history maybe", "/set think 100", "/set think default"}, []string{
			"verbose = true", "verbose = true", "verbose = false", `error: verbose is "maybe"`, "history = off",
			`error: history is "maybe": want on or off`, "think = 100", "think = as the model does",
		}},
		"parameters": {[]string{"/set seed 7", "/set"}, []string{"seed = 7", "system", "(none)", "temp", "0\n", "seed", "7", "max_tokens", "8"}},
		"show": {[]string{"/show", "/show system", "/show template", "/show parameters", "/show weather"}, []string{
			"model", "tiny", "context", "0 of 512 positions used; the model was made for 512", "cache f32, 1 thread\n",
			"(none)", "bos_token", "repeat_penalty", `error: nothing called "weather" to show, want info, messages`,
		}},
		"messages": {[]string{"Hi", "/show messages", "/show info"}, []string{"user: Hi", "assistant: ", "of 512 positions used"}},
		"verbose":  {[]string{"/set verbose on", "/set seed 3", "Hi"}, []string{"prompt ", "answer    8 tokens", "seed 3"}},
		"escapes":  {[]string{"/set system \x1b[2Jred", "/show system"}, []string{"system = ␛[2Jred", "␛[2Jred"}},
	} {
		wantNoEscape(t, name, func() string {
			screen := talk(t, testChat(t, at(c.lines...)))
			wantOnScreen(t, screen, c.want...)
			// What was typed stands on the screen as the terminal's editor shows it.
			for _, l := range c.lines {
				screen = strings.ReplaceAll(screen, l, "")
			}
			return screen
		}())
	}
}

func wantNoEscape(t *testing.T, name, screen string) {
	t.Helper()
	if strings.Contains(screen, "\x1b") {
		t.Errorf("%s: an escape sequence reached the screen: %q", name, screen)
	}
}

func TestClearKeepsTheSystemMessage(t *testing.T) {
	c := testChat(t, at("Hi", "/clear", "Hello"), "--system=Be brief.")
	wantOnScreen(t, talk(t, c), "Cleared.")
	wantRoles(t, c, "system:Be brief.", "user:Hello", "assistant:")
}

func TestSetSystemKeepsTheTurns(t *testing.T) {
	c := testChat(t, at("Hi", "/set system Be long.", "More", "/set system default"))
	talk(t, c)
	wantRoles(t, c, "user:Hi", "assistant:", "user:More", "assistant:")
	c = testChat(t, at("Hi", "/set system Be long."))
	talk(t, c)
	wantRoles(t, c, "system:Be long.", "user:Hi", "assistant:")
}

// A line that begins with a path is a message.
func TestPathIsAMessage(t *testing.T) {
	c := testChat(t, at("/etc/passwd is a file"))
	talk(t, c)
	wantRoles(t, c, "user:/etc/passwd is a file", "assistant:")
}

func TestSaveAndLoad(t *testing.T) {
	ui := at(
		"/load", "/load nothing", "/save ../outside", "Hi", "/save first talk", "/clear", "/load first talc", "/load first talk",
		"More", "/load", "/save", "/load broken",
	)
	c := testChat(t, ui, "--system=Be brief.")
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.folder, "broken.json"), []byte(`{"version": 1, "messages": [{"role": "king"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOnScreen(t, talk(t, c),
		"broken", // the list
		`error: no conversation "nothing" is saved`, `error: "../outside" is no name for a conversation`,
		"Saved as first talk: 3 messages.", "Cleared.", `error: no conversation "first talc" is saved; nearest: first talk`,
		"Loaded first talk: 3 messages.", "first talk", "just now", "Saved as 2", "broken.json: message 0: role \"king\"")
	wantRoles(t, c, "system:Be brief.", "user:Hi", "assistant:", "user:More", "assistant:")
	checkPrivate(t, filepath.Join(c.folder, "first talk.json"))
	if _, err := os.Stat(filepath.Join(filepath.Dir(c.folder), "outside.json")); err == nil {
		t.Error("a conversation was saved outside its folder")
	}
	// The same answer follows as in the conversation that was saved.
	other := testChat(t, at("/load first talk", "More"))
	other.folder = c.folder
	talk(t, other)
	other.session.Settle()
	a, b := c.session.Messages, other.session.Messages
	x, _ := a[len(a)-1].Content.Text()
	y, _ := b[len(b)-1].Content.Text()
	if x != y || x == "" {
		t.Errorf("the answer behind a loaded conversation is %q, want %q", y, x)
	}
}

func TestSavedChatRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{":                             "no saved conversation",
		`{"version": 9}`:                "version 9",
		`{"version": 1, "messages": 3}`: "no saved conversation",
		`{"version": 1, "messages": [{"role": "user"}, {"role": ""}]}`: "message 1: role \"\"",
	} {
		_, err := parseSaved([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitRefused {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}

func TestNoFolderForChats(t *testing.T) {
	c := testChat(t, at("/save x", "/load x"))
	c.folder = ""
	wantOnScreen(t, talk(t, c), "error: there is no home folder", "error: there is no home folder")
}

// A conversation that outgrows the context: the user says what is forgotten.
func TestChatOutgrowsTheContext(t *testing.T) {
	first, second, third := strings.Repeat("first ", 6), strings.Repeat("second ", 6), strings.Repeat("third ", 6)
	fill := []string{first, second, third}
	const asks = "[d]rop the oldest turns, [c]lear all, or keep it and send nothing? "
	for choice, want := range map[string]struct {
		screen string
		roles  []string
	}{
		"d":    {"(dropped the oldest turn)", []string{"system:S", "user:" + trim(second), "assistant:", "user:" + trim(third), "assistant:"}},
		"Drop": {"(dropped the oldest turn)", []string{"system:S", "user:" + trim(second), "assistant:", "user:" + trim(third), "assistant:"}},
		// What is none of the answers is the next line: here a command.
		"/undo": {"Took back: second", []string{"system:S", "user:" + trim(first), "assistant:"}},
		"c":     {"", []string{"system:S", "user:" + trim(third), "assistant:"}},
		"":      {"Not sent. /clear begins anew, /retry sends it again.", []string{"system:S", "user:" + trim(first), "assistant:", "user:" + trim(second), "assistant:"}},
	} {
		ui := at(append(slices.Clone(fill), choice)...)
		c := testChat(t, ui, "--ctx=200", "--system=S")
		wantOnScreen(t, talk(t, c), "With this message the conversation takes ", "tokens; the context has 200 positions.", asks, want.screen)
		wantRoles(t, c, want.roles...)
		if !slices.Contains(ui.prompts, asks) {
			t.Errorf("choice %q: the user was not asked", choice)
		}
	}
	c := testChat(t, at(strings.Repeat("long ", 60)), "--ctx=128")
	wantOnScreen(t, talk(t, c), "error: the message takes ", " of 128 positions and leaves no room for an answer", "hint: --ctx N")
	wantRoles(t, c)
	c = testChat(t, at("Hi"), "--ctx=48", "--max-tokens=0")
	wantOnScreen(t, talk(t, c), "(cut: the context of 48 positions is full)")
}

func trim(s string) string { return strings.TrimSpace(s) }

func TestCompleteCommands(t *testing.T) {
	c := testChat(t, at("Hi", "/save first"))
	talk(t, c)
	for text, want := range map[string][]string{
		"/s":         {"/save", "/set", "/show"},
		"/set t":     {"/set temp", "/set top_k", "/set top_p", "/set think"},
		"/show te":   {"/show template"},
		"/load f":    {"/load first"},
		"/load x":    nil,
		"/set temp ": nil,
		"hello":      nil,
		"":           nil,
	} {
		if got := c.complete(text); !slices.Equal(got, want) {
			t.Errorf("%q is completed to %q, want %q", text, got, want)
		}
	}
}
