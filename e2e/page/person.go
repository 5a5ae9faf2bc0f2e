package page

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// What a person does, in the words of the page's contract.

// Box returns the message box.
func (t *Tab) Box() *Element { t.Helper(); return t.Find("textbox", "Message") }

// Say types a message and sends it.
func (t *Tab) Say(text string) {
	t.Helper()
	t.Box().Fill(text)
	t.Keys("Enter")
}

// Ask says something, and waits for the end of the answer, which it returns.
func (t *Tab) Ask(text string) *Element {
	t.Helper()
	before := len(t.All("article", "Answer…"))
	t.Say(text)
	t.Until("an answer to "+text, func() bool { return len(t.All("article", "Answer…")) > before })
	return t.Answer()
}

// Answer waits until nothing runs, and returns the last answer.
func (t *Tab) Answer() *Element {
	t.Helper()
	t.Until("the answer ends", func() bool {
		all := t.All("article", "Answer…")
		return len(all) > 0 && !t.Has("button", "Stop") && all[len(all)-1].Attribute("aria-busy") != "true"
	})
	return t.Last("article", "Answer…")
}

// Act does an action of a message, behind its further actions where it is there.
func (e *Element) Act(name string) {
	e.t.Helper()
	e.Hover()
	if e.Has("button", name) {
		e.Find("button", name).Click()
		return
	}
	e.Find("button", "More actions").Click()
	e.t.Find("menuitem", name).Click()
}

// Options opens the menu of a chat and chooses.
func (t *Tab) Options(title string, choices ...string) {
	t.Helper()
	var item *Element
	t.Until("the chat "+title+" is in the list", func() bool {
		for _, i := range t.Find("navigation", "Chats").All("listitem", "") {
			if i.Has("link", title) && !i.Has("listitem", "") {
				item = i
			}
		}
		return item != nil
	})
	item.Hover()
	item.Find("button", "Options…").Click()
	for _, c := range choices {
		t.Find("menuitem", c).Click()
	}
}

// Titles returns the titles of the chats in the list.
func (t *Tab) Titles() []string {
	t.Helper()
	var all []string
	for _, nav := range t.All("navigation", "Chats") {
		for _, item := range nav.All("link", "") {
			all = append(all, strings.TrimSpace(item.Text()))
		}
	}
	return all
}

// Panel opens a panel by its button.
func (t *Tab) Panel(name string) {
	t.Helper()
	t.Find("button", name).Click()
}

// Says waits for a notice or an alert that begins so.
func (t *Tab) Says(role, begin string) {
	t.Helper()
	t.Until(fmt.Sprintf("a %s says %q", role, begin), func() bool {
		for _, e := range t.All(role, "") {
			if strings.Contains(e.Text(), begin) {
				return true
			}
		}
		return false
	})
}

// Upload gives files to the chooser that doing something opens.
func (t *Tab) Upload(files []string, open func()) {
	t.Helper()
	call(t, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true})
	chosen := make(chan cdp.BackendNodeID, 1)
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*page.EventFileChooserOpened); ok {
			select {
			case chosen <- e.BackendNodeID:
			default:
			}
		}
	})
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	open()
	var node cdp.BackendNodeID
	t.Until("a chooser of files opens", func() bool {
		select {
		case node = <-chosen:
			return true
		default:
			return false
		}
	})
	call(t, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: files, BackendNodeID: node})
}

// Set opens the parameters where they are not open, and fills fields of them: a name, a
// value, and so on.
func (t *Tab) Set(pairs ...string) {
	t.Helper()
	panel := t.Parameters()
	for i := 0; i < len(pairs); i += 2 {
		panel.Find("textbox", pairs[i]).Fill(pairs[i+1])
	}
}

// Parameters returns the panel of that name, which is opened where it is not.
func (t *Tab) Parameters() *Element {
	t.Helper()
	if !t.Has("region", "Parameters") {
		t.Panel("Parameters")
	}
	return t.Find("region", "Parameters")
}

// New begins a new chat.
func (t *Tab) New() {
	t.Helper()
	t.Find("button", "New chat").Click()
	t.Until("a new chat begins", func() bool { return t.Path() == "/" && !t.Has("article", "…") })
}
