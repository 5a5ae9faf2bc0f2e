package page

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// take has a tab take in a file.
func take(tab *Tab, file string) {
	tab.Helper()
	if !tab.Has("region", "Settings") {
		tab.Panel("Settings")
	}
	tab.Upload([]string{file}, func() { tab.Find("button", "Import").Click() })
}

// Exports of ChatGPT, Open WebUI and llama.cpp are taken in with their versions; their
// titles and texts do nothing, and the chats go on.
func TestForeignExports(t *testing.T) {
	_, tab := open(t, "/", Options{})
	files := filesOf(t, "conversations.json", `[{"title": "From <b>GPT</b>", "create_time": 1700000000, "mapping": {
		"root": {"id": "root", "parent": null, "children": ["a"], "message": null},
		"a": {"id": "a", "parent": "root", "children": ["b1", "b2"], "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["question"]}}},
		"b1": {"id": "b1", "parent": "a", "children": [], "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["old"]}}},
		"b2": {"id": "b2", "parent": "a", "children": [], "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["the **answer** <img src=x onerror=window.__hit=1> [run](javascript:window.__hit=2)"]}}}},
		"current_node": "b2"}]`,
		"owui.json", `[{"id": "ow", "title": "From OWUI", "created_at": 1700000100, "chat": {"history": {"currentId": "w1", "messages": {
		"w0": {"id": "w0", "parentId": null, "childrenIds": ["w1"], "role": "user", "content": "question"},
		"w1": {"id": "w1", "parentId": "w0", "childrenIds": [], "role": "assistant", "content": "the answer <script>window.__hit=3</script>", "model": "m"}}}}}]`,
		"llama.json", `{"conv": {"id": "lc1", "name": "From llama.cpp", "lastModified": 1700000200000, "currNode": "r2"}, "messages": [
		{"id": "r0", "type": "root", "role": "system", "content": "", "parent": "-1", "children": ["r1"]},
		{"id": "r1", "type": "text", "role": "user", "content": "question", "parent": "r0"},
		{"id": "r2", "type": "text", "role": "assistant", "content": "the answer", "parent": "r1"}]}`)
	for i, title := range []string{"From <b>GPT</b>", "From OWUI", "From llama.cpp"} {
		take(tab, files[i])
		tab.Until(title+" is in the list", func() bool { return slices.Contains(tab.Titles(), title) })
		tab.Says("status", "Imported 1 chat with ")
		tab.Find("link", title).Click()
		tab.Until("it is shown", func() bool {
			return strings.Contains(tab.Last("article", "You…").Text(), "question") && strings.Contains(tab.Answer().Text(), "the answer")
		})
		if i == 0 && !strings.Contains(tab.Answer().Text(), "2 / 2") {
			t.Errorf("the versions are gone: %q", tab.Answer().Text())
		}
		harmless(t, tab)
		if answer := tab.Ask("play count"); !strings.Contains(answer.Text(), "eight") {
			t.Errorf("%s does not go on: %q", title, answer.Text())
		}
	}
}

// A file that is cut off, of another version, of a stranger, or too large is refused in
// words that name it, and changes nothing.
func TestBadExports(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play hello")
	one := `{"title": "half", "mapping": {"a": {"id": "a", "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["question"]}}}}}`
	files := filesOf(t, "cut.json", "["+strings.Repeat(one+", ", 50)+one[:40], "later.json", `{"format": "blitz-chats", "version": 99, "chats": []}`,
		"stranger.json", `{"a": 1}`, "binary.json", "\xff\xfe\x00", "loop.json", `[{"title": "loop", "mapping": {"a": {"id": "a", "parent": "a", "children": ["a"], "message": null}}, "current_node": "a"}]`)
	tab.Expect("status of 400")
	for _, file := range files {
		take(tab, file)
		tab.Says("alert", "\u2068"+filepath.Base(file)+"\u2069 was not imported; nothing was changed.")
	}
	huge := filepath.Join(t.TempDir(), "huge.json")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(1<<30 + 1); err != nil { // of which the disk has nothing
		t.Fatal(err)
	}
	f.Close()
	take(tab, huge)
	tab.Says("alert", "is larger than 1 GiB")
	tab.Reload()
	tab.Until("the list is as it was", func() bool { return slices.Equal(tab.Titles(), []string{"play hello"}) })
}

// A chat, or all, is downloaded as JSON and as Markdown.
func TestDownloads(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play hello")
	tab.New()
	tab.Ask("play count")
	name, data := tab.Download(func() { tab.Options("play hello", "Export", "Export as JSON") })
	if name != "play hello.json" || !bytes.Contains(data, []byte(`"blitz-chats"`)) || !bytes.Contains(data, []byte("Hello, world!")) || bytes.Contains(data, []byte("eight")) {
		t.Errorf("%s is %.200s", name, data)
	}
	name, data = tab.Download(func() { tab.Options("play count", "Export", "Export as Markdown") })
	if name != "play count.md" || !bytes.Contains(data, []byte("seven eight")) {
		t.Errorf("%s is %.200s", name, data)
	}
	tab.Panel("Settings")
	if name, data = tab.Download(func() { tab.Find("button", "Export as JSON").Click() }); !strings.HasSuffix(name, ".json") || !bytes.Contains(data, []byte("Hello, world!")) || !bytes.Contains(data, []byte("eight")) {
		t.Errorf("%s is %.200s", name, data)
	}
	name, data = tab.Download(func() { tab.Find("button", "Export as Markdown").Click() })
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text := ""
	for _, f := range files.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text += string(part)
	}
	if len(files.File) != 2 || !strings.Contains(text, "Hello, world!") || !strings.Contains(text, "seven eight") {
		t.Errorf("%d files: %s", len(files.File), text)
	}
}
