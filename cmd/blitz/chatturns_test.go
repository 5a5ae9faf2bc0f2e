package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
)

func TestUndoAndRetry(t *testing.T) {
	c := testChat(t, at("/undo", "/retry", "First", "Second", "/undo", "/undo", "Third", "/retry"), "--system=S")
	wantOnScreen(t, talk(t, c),
		"error: nothing was asked yet", "error: nothing was asked yet", "Took back: Second", "Took back: First",
		">>> /retry", "(the settings give the same answer again")
	wantRoles(t, c, "system:S", "user:Third", "assistant:")
}

func TestRetryDrawsAnew(t *testing.T) {
	c := testChat(t, at("Hi", "/show messages", "/retry", "/show messages"), "--temp=2", "--top-k=0", "--top-p=1", "--max-tokens=40")
	screen := talk(t, c)
	if strings.Contains(screen, "same answer again") {
		t.Errorf("a random seed is said to give the same answer:\n%s", screen)
	}
	wantRoles(t, c, "user:Hi", "assistant:")
	if shown := strings.Split(screen, "/show messages\n"); len(shown) != 3 || shown[1] == shown[2] {
		t.Errorf("the second answer is the first one:\n%s", screen)
	}
}

// An answer that is stopped before its first token leaves no turn.
func TestStopBeforeTheAnswer(t *testing.T) {
	ui := at("First", "Second", "/show messages", "/retry")
	c := testChat(t, ui, "--system=S")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.ask(ctx, "Stopped"); err != nil {
		t.Fatal(err)
	}
	wantOnScreen(t, ui.out.String(), "(stopped before the answer began: the message is taken back, /retry sends it again)")
	wantRoles(t, c, "system:S")
	ui.lines = ui.lines[3:]
	talk(t, c)
	wantRoles(t, c, "system:S", "user:Stopped", "assistant:")
}

func TestSetContext(t *testing.T) {
	c := testChat(t, at("Hi", "/set ctx", "/set ctx 100", "/set ctx 513", "/set ctx 0", "/set ctx many", "More", "/show info", "/set ctx default", "/show info"))
	wantOnScreen(t, talk(t, c),
		"ctx = 512 (the default)", "ctx = 100", `error: ctx is "513": want 512 positions at most, for which the model was made`,
		`error: ctx is "0": want a whole number`, `error: ctx is "many"`, "of 100 positions used", "ctx = 512 (the default)", "of 512 positions used")
	wantRoles(t, c, "user:Hi", "assistant:", "user:More", "assistant:")
}

// A conversation is not lost to another one, nor to none.
func TestSaveKeepsOlderChats(t *testing.T) {
	c := testChat(t, at(
		"/save empty", "Hi", "/save kept", "More", "/save kept", "/clear", "/save kept", "Other", "/save kept", "/save --force kept", "/load kept",
	))
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	wantOnScreen(t, talk(t, c),
		"error: nothing was said yet: there is nothing to save", "Saved as kept: 2 messages.", "Saved as kept: 4 messages.", "Cleared.",
		"error: nothing was said yet", "error: kept is another conversation", "hint: another name keeps both; /save --force kept replaces it",
		"Saved as kept: 2 messages.", "Loaded kept: 2 messages.")
	wantRoles(t, c, "user:Other", "assistant:")
	if err := os.WriteFile(filepath.Join(c.folder, "broken.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.save("broken"); err == nil {
		t.Error("a file that is no conversation was replaced")
	}
	if names, err := c.saved(); err != nil || !slices.Contains(names, "kept") || slices.Contains(names, "empty") {
		t.Errorf("saved are %q, %v", names, err)
	}
}

// What is dropped makes room for more than the one message that did not fit.
func TestDropFreesEnough(t *testing.T) {
	lines := []string{}
	for range 6 {
		lines = append(lines, strings.Repeat("word ", 4))
	}
	ui := at(append(append(lines[:len(lines):len(lines)], "d"), lines...)...)
	c := testChat(t, ui, "--ctx=300", "--system=S")
	screen := talk(t, c)
	if n := strings.Count(screen, "[d]rop"); n != 1 && !strings.Contains(screen, "turns)") {
		t.Errorf("asked %d times:\n%s", n, screen)
	}
	wantOnScreen(t, screen, "(dropped the oldest ", " turns)")
}

// An answer that goes on is the one that was not cut.
func TestContinue(t *testing.T) {
	whole := testChat(t, at("Hi"), "--max-tokens=16")
	talk(t, whole)
	c := testChat(t, at("/continue", "Hi", "/continue", "/show messages"))
	wantOnScreen(t, talk(t, c), "error: there is no answer that was cut", "(cut: --max-tokens allows 8 tokens; /continue goes on)", ">>> /continue")
	wantRoles(t, c, "user:Hi", "assistant:")
	whole.session.Settle()
	want, _ := whole.session.Messages[1].Content.Text()
	if got, _ := c.session.Messages[1].Content.Text(); got != want {
		t.Errorf("the answer is %q, want %q", got, want)
	}
}

// An answer that is stopped before its first token takes its message back, and no other.
func TestStopInThePrefill(t *testing.T) {
	ui := at("First", "Second")
	c := testChat(t, ui)
	talk(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.print("Third", func() (*blitz.Answer, error) {
		a, err := c.send(ctx, "Third")
		cancel() // before anything of it is read
		return a, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.unsent != "Third" {
		t.Errorf("/retry sends %q, want the message that was taken back", c.unsent)
	}
	wantOnScreen(t, ui.out.String(), notBegun)
	wantRoles(t, c, "user:First", "assistant:", "user:Second", "assistant:")
}
