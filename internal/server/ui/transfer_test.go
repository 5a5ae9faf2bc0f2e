package ui_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/account"
)

// TestTransfer: what one key exports, another takes in as it was, once.
func TestTransfer(t *testing.T) {
	s := newSite(t)
	ann, bob := s.signedIn(account.NewKey{Name: "ann"}), s.signedIn(account.NewKey{Name: "bob"})
	ann.say("chat-one", question("first", "play hello: a/b", nil))
	ann.say("chat-one", question("edit", "play count", nil))
	ann.say("chat-two", question("first", "日本語 play think", nil))
	get := func(b *browser, path, kind, name string) []byte {
		t.Helper()
		r := b.send("GET", path, nil)
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 || r.Header.Get("Content-Type") != kind || !strings.Contains(r.Header.Get("Content-Disposition"), name) {
			t.Fatalf("%s: %s %v, %v", path, r.Status, r.Header, err)
		}
		return text
	}
	file := get(ann, "/ui/api/export?format=json", "application/json", "attachment; filename=blitz-chats-2")
	one := get(ann, "/ui/api/export?format=markdown&chat=chat-one", "text/markdown; charset=utf-8", `filename="play hello- a-b.md"`)
	if !strings.Contains(string(one), "Hello, world!") || !strings.Contains(string(one), "one two three") {
		t.Errorf("%s", one)
	}
	get(ann, "/ui/api/export?format=json&chat=chat-two", "application/json", "filename*=utf-8''%E6%97%A5")
	all := get(ann, "/ui/api/export?format=markdown", "application/zip", ".zip")
	if z, err := zip.NewReader(bytes.NewReader(all), int64(len(all))); err != nil || len(z.File) != 2 {
		t.Errorf("%v", err)
	}

	tab := bob.open("")
	tab.until("hello", nil)
	var done struct{ Chats, Messages, Known int }
	bob.want(200, "POST", "/ui/api/import", string(file), &done)
	if done.Chats != 2 || done.Messages != 6 || done.Known != 0 {
		t.Errorf("%+v", done)
	}
	tab.until("hello", nil) // all is to be read anew
	bob.want(200, "POST", "/ui/api/import", string(file), &done)
	if done.Chats != 0 || done.Messages != 0 || done.Known != 2 {
		t.Errorf("%+v", done)
	}
	for _, chat := range []string{"chat-one", "chat-two"} {
		a, b := ann.want(200, "GET", "/ui/api/chats/"+chat, nil, nil), bob.want(200, "GET", "/ui/api/chats/"+chat, nil, nil)
		if a != b {
			t.Errorf("%s was\n%s\nand is\n%s", chat, a, b)
		}
	}
	before := bob.want(200, "GET", "/ui/api/chats", nil, nil)
	early := `{"format":"blitz-chats","version":99,"chats":[` + strings.Repeat(" ", 32<<20) + `]}` // the fault is told behind the rest
	for _, bad := range []string{"", "{", "[]", "null", string(file[:len(file)-9]), early, `{"format":"blitz-chats","version":99,"chats":[]}`, "PK\x03\x04"} {
		if text := bob.want(400, "POST", "/ui/api/import", bad, nil); !strings.Contains(text, `"code":"file"`) {
			t.Errorf("%.20q: %s", bad, text)
		}
	}
	if after := bob.want(200, "GET", "/ui/api/chats", nil, nil); after != before {
		t.Errorf("a bad file changed the chats: %s", after)
	}
	ann.want(400, "GET", "/ui/api/export?format=odd", nil, nil)
	ann.want(404, "GET", "/ui/api/export?format=json&chat=chat-none", nil, nil)
}
