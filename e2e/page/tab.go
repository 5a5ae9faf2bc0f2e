package page

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Patience is how long a thing that has to come is waited for.
const Patience = time.Minute

// pause is how long is waited between two looks.
const pause = 30 * time.Millisecond

// Judge is who is told that something is wrong: a test, or a program.
type Judge interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Tab is a tab of a browser of its own: no cookies, no storage.
type Tab struct {
	Judge
	ctx    context.Context
	origin string
	cancel context.CancelFunc

	mu      sync.Mutex
	allowed []string // parts of complaints that are expected
	said    []string // complaints
	closed  bool
}

// Options say what a tab is like.
type Options struct {
	Width, Height int64 // 0: 1280 × 800
	Zoom          int64 // how much larger all is than usual; 0: it is not
	Dark, Reduced bool  // what the person likes
	Mobile        bool
	Script        string // runs before the page's own
}

// Open opens a path of a server in a new browser context.
func (c *Chromium) Open(j Judge, origin, path string, o Options) *Tab {
	j.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	t := &Tab{Judge: j, ctx: ctx, cancel: cancel, origin: origin}
	t.begin(path, o)
	return t
}

// Beside opens another tab of the same browser context.
func (t *Tab) Beside(path string) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(t.ctx) // of the same browser context
	other := &Tab{Judge: t.Judge, ctx: ctx, cancel: cancel, origin: t.origin}
	other.begin(path, Options{})
	return other
}

func (t *Tab) begin(path string, o Options) {
	t.Helper()
	if o.Width == 0 {
		o.Width, o.Height = 1280, 800
	}
	o.Zoom = max(o.Zoom, 1)
	scheme, motion := "light", "no-preference"
	if o.Dark {
		scheme = "dark"
	}
	if o.Reduced {
		motion = "reduce"
	}
	if err := chromedp.Listen(t.ctx, t.listen); err != nil { // which opens the tab
		t.Fatalf("the browser: %v", err)
	}
	call(t, network.Enable, network.EnableParams{})
	call(t, log.Enable, cdp.Empty{})
	call(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: o.Width / o.Zoom, Height: o.Height / o.Zoom, DeviceScaleFactor: float64(o.Zoom), Mobile: o.Mobile,
	})
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	call(t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	if o.Script != "" {
		call(t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: o.Script})
	}
	t.Go(path)
}

// listen hears what the page complains of, and whom it asks.
func (t *Tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range e.Args {
				words = append(words, strings.Trim(string(a.Value), `"`)+a.Description)
			}
			t.complain("the console says: " + strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		t.complain("a script failed: " + wordsOf(e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			t.complain("the log says: " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Scheme+"://"+u.Host != t.origin {
			t.complain("another host is asked: " + e.Request.URL)
		}
	case *page.EventJavascriptDialogOpening:
		t.complain("a dialog of the browser opened: " + e.Message)
	}
}

// wordsOf returns what an exception says.
func wordsOf(e *runtime.ExceptionDetails) string {
	if e == nil {
		return ""
	}
	text := e.Text
	if e.Exception != nil {
		text += " " + e.Exception.Description
	}
	return text
}

func (t *Tab) complain(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, part := range t.allowed {
		if strings.Contains(text, part) {
			return
		}
	}
	t.said = append(t.said, text)
}

// Expect says that a complaint with this part is none.
func (t *Tab) Expect(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.allowed = append(t.allowed, part)
}

// Close closes the tab, and tells of complaints.
func (t *Tab) Close() {
	t.Helper()
	t.mu.Lock()
	said, closed := t.said, t.closed
	t.closed = true
	t.mu.Unlock()
	if closed {
		return
	}
	t.cancel()
	for _, text := range said {
		t.Errorf("%s", text)
	}
}

// timed returns a context for one thing that the browser does.
func (t *Tab) timed() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, 2*Patience)
}

// call sends a command that has to succeed.
func call[P, R any](t *Tab, command cdp.Command[P, R], params P) R {
	t.Helper()
	r, err := try(t, command, params)
	if err != nil {
		t.Fatalf("the browser: %s: %v", command.Method, err)
	}
	return r
}

// lookPatience is how long a look at the page is waited for: while one page follows another
// the browser leaves some of them without an answer, and then it is time for another look.
const lookPatience = Patience / 3

// try sends a command that may fail.
func try[P, R any](t *Tab, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(t.ctx, lookPatience)
	defer cancel()
	return chromedp.Call(ctx, command, params)
}

// act does what has to succeed.
func act[T any](t *Tab, a chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := t.timed()
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	return v
}

// Go opens a path.
func (t *Tab) Go(path string) {
	t.Helper()
	act(t, chromedp.Navigate(t.origin+path))
}

// Reload loads the page again.
func (t *Tab) Reload() {
	t.Helper()
	act(t, chromedp.Reload())
}

// Path returns where the tab is.
func (t *Tab) Path() string {
	t.Helper()
	return Eval[string](t, "location.pathname")
}

// Eval evaluates an expression of JavaScript.
func Eval[T any](t *Tab, expression string) T {
	t.Helper()
	return act(t, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Until waits until something is so.
func (t *Tab) Until(what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(pause) {
		if is() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v; the page has\n%s", what, Patience, t.Outline())
		}
	}
}

// key is one of a keyboard.
type key struct {
	code, text string
	number     int64 // of Windows, which browsers tell keys by
}

// keys are those that are no letters.
var keys = map[string]key{
	"Enter": {"Enter", "\r", 13}, "Escape": {"Escape", "", 27}, "Tab": {"Tab", "", 9}, "Backspace": {"Backspace", "", 8}, "Home": {"Home", "", 36}, "End": {"End", "", 35},
	"ArrowUp": {"ArrowUp", "", 38}, "ArrowDown": {"ArrowDown", "", 40}, "ArrowLeft": {"ArrowLeft", "", 37}, "ArrowRight": {"ArrowRight", "", 39}, "/": {"Slash", "/", 191},
	".": {"Period", ".", 190}, ",": {"Comma", ",", 188},
}

// modifiers are the keys that are held, and their bits.
var modifiers = map[string]int64{"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

// Keys presses keys one after the other: "Enter", "Control+k", or a letter. Letters that
// are to be written are Insert's.
func (t *Tab) Keys(list ...string) {
	t.Helper()
	for _, name := range list {
		held := int64(0)
		for {
			first, rest, ok := strings.Cut(name, "+")
			if !ok || modifiers[first] == 0 {
				break
			}
			held, name = held|modifiers[first], rest
		}
		k, ok := keys[name]
		if !ok {
			upper := strings.ToUpper(name)
			k = key{"Key" + upper, name, int64(upper[0])}
		}
		down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: name, Code: k.code, WindowsVirtualKeyCode: k.number, Modifiers: held, Text: k.text}
		if held&^modifiers["Shift"] != 0 {
			down.Text = ""
		}
		call(t, input.DispatchKeyEvent, down)
		down.Type, down.Text = input.DispatchKeyEventTypeKeyUp, ""
		call(t, input.DispatchKeyEvent, down)
	}
}

// Insert puts text where the focus is, as pasting does.
func (t *Tab) Insert(text string) {
	t.Helper()
	call(t, input.InsertText, input.InsertTextParams{Text: text})
}

// Picture returns a PNG of what is seen.
func (t *Tab) Picture() []byte {
	t.Helper()
	return act(t, chromedp.CaptureScreenshot())
}

// Front brings the tab to the front, as a person does who looks at it.
func (t *Tab) Front() {
	t.Helper()
	call(t, page.BringToFront, cdp.Empty{})
}
