package page

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play count of zebras")
	tab.Keys("Control+Shift+O")
	tab.Until("a new chat begins", func() bool { return tab.Path() == "/" && tab.Box().Focused() })
	tab.Ask("play hello to llamas")
	tab.Keys("Control+k")
	tab.Until("the search has the focus", func() bool { return tab.Find("searchbox", "Search chats").Focused() })
	tab.Insert("zebras")
	tab.Until("it is found", func() bool {
		for _, list := range slices.Concat(tab.All("list", "Search results"), tab.All("listbox", "Search results")) {
			if strings.Contains(list.Text(), "zebras") && !strings.Contains(list.Text(), "llamas") {
				return true
			}
		}
		return false
	})
	tab.Keys("ArrowDown", "Enter")
	tab.Until("the chat is shown", func() bool { return strings.Contains(tab.Last("article", "You…").Text(), "zebras") })
}

// Chats are named anew, pinned, put into folders, and deleted with a way back.
func TestManyChats(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play hello one")
	first := tab.Path()
	tab.Find("button", "New chat").Click()
	tab.Until("a new chat begins", func() bool { return tab.Path() == "/" })
	tab.Ask("play hello two")
	tab.Options("play hello one", "Rename")
	tab.Find("textbox", "Chat title").Fill("<b>First</b>")
	tab.Keys("Enter")
	tab.Until("it has its name", func() bool { return slices.Contains(tab.Titles(), "<b>First</b>") })
	tab.Options("<b>First</b>", "Pin")
	tab.Until("it stands first", func() bool { titles := tab.Titles(); return len(titles) > 0 && titles[0] == "<b>First</b>" })
	tab.Options("play hello two", "Folder")
	folder := tab.All("combobox", "Folder")
	if len(folder) == 0 {
		folder = tab.All("textbox", "Folder")
	}
	if len(folder) == 0 {
		t.Fatalf("there is no field for the folder:\n%s", tab.Outline())
	}
	folder[0].Fill("Greetings")
	tab.Keys("Enter")
	tab.Until("the folder has it", func() bool {
		groups := tab.All("group", "Greetings")
		return len(groups) > 0 && groups[0].Has("link", "play hello two")
	})
	tab.Options("<b>First</b>", "Delete")
	tab.Until("it is gone", func() bool { return !slices.Contains(tab.Titles(), "<b>First</b>") })
	tab.Find("button", "Undo").Click()
	tab.Until("it is back", func() bool { return slices.Contains(tab.Titles(), "<b>First</b>") })
	tab.Go(first)
	tab.Until("it is whole", func() bool { return strings.Contains(tab.Answer().Text(), "Hello, world!") })
}

// What is exported is taken in elsewhere as it was, and the same file twice adds nothing.
func TestExport(t *testing.T) {
	_, tab := open(t, "/", Options{})
	tab.Ask("play count").Act("Regenerate")
	tab.Until("there are two answers", func() bool { return strings.Contains(tab.Answer().Text(), "2 / 2") })
	export := Eval[string](tab, "fetch('/ui/api/export?format=json').then(r => r.text())")
	if !strings.Contains(export, `"blitz-chats"`) {
		t.Fatalf("the export is %.200s", export)
	}
	file := filepath.Join(t.TempDir(), "chats.json")
	if err := os.WriteFile(file, []byte(export), 0o600); err != nil {
		t.Fatal(err)
	}
	_, other := open(t, "/", Options{})
	for range 2 {
		other.Panel("Settings")
		other.Upload([]string{file}, func() { other.Find("button", "Import").Click() })
		other.Says("status", "Imported")
		other.Keys("Escape")
	}
	other.Until("the chat is there, once", func() bool { return slices.Equal(other.Titles(), []string{"play count"}) })
	other.Find("link", "play count").Click()
	other.Until("both answers are", func() bool { return strings.Contains(other.Answer().Text(), "2 / 2") })

	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(export[:len(export)/2]), 0o600); err != nil {
		t.Fatal(err)
	}
	other.Expect("400")
	other.Panel("Settings")
	other.Upload([]string{bad}, func() { other.Find("button", "Import").Click() })
	other.Says("alert", "bad.json")
}

// A private chat is in no list, and gone with the page.
func TestPrivate(t *testing.T) {
	_, tab := open(t, "/", Options{})
	for _, role := range []string{"button", "switch", "checkbox"} {
		if tab.Has(role, "Private chat") {
			tab.Find(role, "Private chat").Click()
			break
		}
	}
	if answer := tab.Ask("play hello in secret"); !strings.Contains(answer.Text(), "Hello, world!") {
		t.Errorf("the answer is %q", answer.Text())
	}
	if titles := tab.Titles(); len(titles) > 0 {
		t.Errorf("the list has %q", titles)
	}
	if export := Eval[string](tab, "fetch('/ui/api/export?format=json').then(r => r.text())"); strings.Contains(export, "secret") {
		t.Errorf("the server has %s", export)
	}
	if stored := Eval[string](tab, "JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"); strings.Contains(stored, "secret") {
		t.Errorf("the browser has %s", stored)
	}
}
