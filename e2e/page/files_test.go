package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/server"
)

// pdf is a page with the words "of a page".
const pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Kids[3 0 R]/Count 1>>endobj\n" +
	"3 0 obj<</Contents 4 0 R/Resources<</Font<</F<</Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n" +
	"4 0 obj<</Length 5>>stream\nBT /F 12 Tf (of a page) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>"

// withDocuments has a server read PDFs, in a child that is this program.
func withDocuments(o *server.SiteOptions) { o.Documents = []string{os.Args[0], "read-document"} }

// filesOf writes files, a name and a text each, and returns their paths.
func filesOf(t *testing.T, pairs ...string) (list []string) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, pairs[i])
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, path)
	}
	return list
}

// attach gives files to the button.
func attach(tab *Tab, files []string) {
	tab.Helper()
	tab.Upload(files, func() { tab.Find("button", "Attach files").Click() })
}

// attached waits until the attachments are read and are these, a name and so many tokens
// each.
func attached(tab *Tab, want ...string) {
	tab.Helper()
	tab.Until(fmt.Sprintf("%q are attached", want), func() bool {
		var got []string
		for _, list := range tab.All("list", "Attachments") {
			for _, item := range list.All("listitem", "") {
				got = append(got, strings.Join(strings.Fields(item.Text()), " "))
			}
		}
		return strings.Join(got, "|") == strings.Join(want, "|")
	})
}

// Text, Markdown, code, tables and PDFs are attached with their tokens; what cannot be read
// is refused by its name.
func TestFiles(t *testing.T) {
	s := serve(t, withDocuments)
	tab := browse(t, s, "/", Options{})
	attach(tab, filesOf(t, "notes.md", "# Notes", "table.csv", "a,b\n1,2\n", "main.go", "package main\n", "plain.txt", "plain", "paper.pdf", pdf))
	attached(tab, "notes.md 7 tokens", "table.csv 8 tokens", "main.go 13 tokens", "plain.txt 5 tokens", "paper.pdf 9 tokens")
	tab.Find("button", "Remove main.go").Click()
	attached(tab, "notes.md 7 tokens", "table.csv 8 tokens", "plain.txt 5 tokens", "paper.pdf 9 tokens")
	if !tab.Box().Focused() {
		t.Error("behind Remove the focus is lost")
	}
	attach(tab, filesOf(t, "picture.png", "\x89PNG\r\n\x1a\n\x00\x00", "broken.pdf", "%PDF-1.4\n", "empty.txt", ""))
	for _, name := range []string{"picture.png was not attached.", "broken.pdf was not attached.", "empty.txt was not attached."} {
		tab.Says("alert", name)
	}
	attached(tab, "notes.md 7 tokens", "table.csv 8 tokens", "plain.txt 5 tokens", "paper.pdf 9 tokens")
	tab.Ask("play hello about these")
	files := tab.Last("article", "You…").Find("list", "Files").Text()
	for _, name := range []string{"notes.md", "table.csv", "plain.txt", "paper.pdf"} {
		if !strings.Contains(files, name) {
			t.Errorf("%s is not among the files of the message: %q", name, files)
		}
	}
	if got := have(t, tab); len(got.last("user").Files) != 4 || got.last("assistant").Figures.PromptTokens < 29 {
		t.Errorf("the server has %+v", got)
	}
}

// A message that is edited keeps its files, and the model reads them again.
func TestEditedFiles(t *testing.T) {
	_, tab := open(t, "/", Options{})
	attach(tab, filesOf(t, "long.txt", strings.Repeat("word ", 100)))
	attached(tab, "long.txt 500 tokens")
	tab.Ask("play hello about it")
	tab.Last("article", "You…").Act("Edit")
	tab.Find("textbox", "Edit message").Fill("play count about it")
	tab.Last("article", "You…").Find("button", "Send").Click()
	tab.Until("it is answered", func() bool { return strings.Contains(tab.Answer().Text(), "eight") })
	question := tab.Last("article", "You…")
	if text := question.Find("list", "Files").Text(); !strings.Contains(text, "long.txt") || !strings.Contains(question.Text(), "2 / 2") {
		t.Errorf("the edited message is %q", question.Text())
	}
	got := have(t, tab)
	if m := got.last("user"); m.Content != "play count about it" || len(m.Files) != 1 || m.Files[0].Tokens != 500 {
		t.Errorf("the server has %+v", m)
	}
	if n := got.last("assistant").Figures.PromptTokens; n < 500 {
		t.Errorf("%d tokens were read", n)
	}
}

// Files are dropped onto the page and pasted; text that is pasted stays text. Their names
// do nothing.
func TestDropAndPaste(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Box()
	Eval[any](tab, `(() => {
		const d = new DataTransfer()
		d.items.add(new File(['dropped'], '<img src=x onerror=window.__hit=9>.txt', {type: 'text/plain'}))
		for (const n of ['dragenter', 'dragover', 'drop']) document.querySelector('main').dispatchEvent(new DragEvent(n, {bubbles: true, cancelable: true, dataTransfer: d}))
	})()`)
	attached(tab, "<img src=x onerror=window.__hit=9>.txt 7 tokens")
	must[any](tab.Box(), `function() {
		const d = new DataTransfer()
		d.items.add(new File(['pasted'], 'pasted.txt', {type: 'text/plain'}))
		this.dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true}))
	}`)
	attached(tab, "<img src=x onerror=window.__hit=9>.txt 7 tokens", "pasted.txt 6 tokens")
	tab.Box().Fill("play hello")
	if !Eval[bool](tab, `(() => { const d = new DataTransfer(); d.setData('text/plain', 'words'); return document.querySelector('textarea').dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true})) })()`) {
		t.Error("text is not left to the browser")
	}
	tab.Ask("play hello")
	harmless(t, tab)
}
