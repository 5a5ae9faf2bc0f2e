package page

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Held are requests of a tab that do not come to the server.
type Held struct {
	t *Tab

	mu      sync.Mutex
	broken  bool
	waiting []fetch.RequestID
}

// Hold holds what the tab asks from now on at addresses of a pattern, in which * is
// anything.
func (t *Tab) Hold(pattern string) *Held {
	t.Helper()
	h := &Held{t: t}
	err := chromedp.Listen(t.ctx, func(event any) {
		e, ok := event.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.broken {
			h.waiting = append(h.waiting, e.RequestID)
			return
		}
		go func() { // the page may be gone by then
			_, _ = try(t, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID, ErrorReason: network.ErrorReasonFailed})
		}()
	})
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	call(t, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}})
	return h
}

// take waits for requests that wait.
func (h *Held) take() []fetch.RequestID {
	h.t.Helper()
	var list []fetch.RequestID
	h.t.Until("a request is held", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		list, h.waiting = h.waiting, nil
		return len(list) > 0
	})
	return list
}

// Break has what the tab asks from now on at addresses of a pattern fail, as a broken line
// does, until the Held ends.
func (t *Tab) Break(pattern string) *Held {
	t.Helper()
	h := t.Hold(pattern)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken = true
	return h
}

// Let waits for a request that is held, and lets those and all others go.
func (h *Held) Let() {
	h.t.Helper()
	for _, id := range h.take() {
		call(h.t, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: id})
	}
	h.End()
}

// End holds nothing any more.
func (h *Held) End() {
	h.t.Helper()
	call(h.t, fetch.Disable, cdp.Empty{})
}

// Download returns the file that doing something downloads.
func (t *Tab) Download(do func()) (name string, data []byte) {
	t.Helper()
	dir, err := os.MkdirTemp("", "blitz-download-")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer os.RemoveAll(dir)
	context := chromedp.FromContext(t.ctx).BrowserContextID
	ctx, cancel := t.timed()
	defer cancel()
	_, err = chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: context, DownloadPath: dir,
	})
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	do()
	t.Until("a file is downloaded", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) != 1 || strings.HasSuffix(files[0], ".crdownload") {
			return false
		}
		name = filepath.Base(files[0])
		data, err = os.ReadFile(files[0])
		return err == nil && len(data) > 0
	})
	return name, data
}

// Permit lets the tab's pages read and write the clipboard.
func (t *Tab) Permit() {
	t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		ctx, cancel := t.timed()
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted, Origin: t.origin,
			BrowserContextID: chromedp.FromContext(t.ctx).BrowserContextID,
		})
		cancel()
		if err != nil {
			t.Fatalf("the browser: %v", err)
		}
	}
}
