package page

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// axeFile is the checker, which the page's development packages bring.
const axeFile = "../../internal/server/ui/web/node_modules/axe-core/axe.min.js"

// views are what there is to see, from a chat with an answer on.
var views = []struct {
	name string
	on   bool // from the view before
	show func(tab *Tab)
}{
	{"chat", false, func(tab *Tab) { tab.Answer().Act("Figures") }},
	{"parameters", false, func(tab *Tab) { tab.Parameters() }},
	{"edit", false, func(tab *Tab) { tab.Answer(); tab.Last("article", "You…").Act("Edit") }},
	{"settings", false, func(tab *Tab) { tab.Panel("Settings"); tab.Find("region", "Settings") }},
	{"search", false, func(tab *Tab) {
		tab.Answer()
		tab.Keys("Control+k")
		tab.Until("the search has the focus", func() bool { return tab.Find("searchbox", "Search chats").Focused() })
		tab.Insert("rich")
		tab.Find("list", "Search results")
	}},
	{"keyboard", false, func(tab *Tab) { tab.Answer(); tab.Keys("Control+/"); tab.Find("dialog", "Keyboard…") }},
	{"running", false, func(tab *Tab) {
		tab.Answer()
		tab.Say("play flood")
		tab.Until("it runs", func() bool { return strings.Contains(tab.Last("article", "Answer…").Text(), "rises over") })
	}},
	{"menu", true, func(tab *Tab) {
		tab.Find("button", "Stop").Click()
		tab.Answer()
		if !tab.Has("navigation", "Chats") {
			tab.Find("button", "Show chats").Click()
		}
		tab.Options("play rich")
		tab.Find("menuitem", "Rename")
	}},
	{"new chat", true, func(tab *Tab) { tab.Go("/"); tab.Box() }},
	{"models", true, func(tab *Tab) { tab.Go("/view/models"); tab.Find("button", "Load…") }},
	{"details", true, func(tab *Tab) {
		tab.Find("button", "Details of "+Models[0]).Click()
		tab.Until("they are there", func() bool { return strings.Contains(tab.Find("dialog", "Details…").Text(), "im_start") })
	}},
	{"admin", true, func(tab *Tab) { tab.Go("/view/admin"); tab.Find("table", "Usage"); tab.Find("image", "…") }},
	{"create key", true, func(tab *Tab) { tab.Find("button", "Create key").Click(); tab.Find("dialog", "Create key") }},
}

// tour shows each view to look.
func tour(t *testing.T, o Options, look func(tab *Tab, view string)) {
	t.Helper()
	_, tab := open(t, "/", o)
	tab.Ask("play rich")
	chat := tab.Path()
	for _, v := range views {
		if !v.on {
			tab.Go(chat)
		}
		v.show(tab)
		look(tab, v.name)
	}
}

// Axe finds nothing on any view, in light and in dark.
func TestAxe(t *testing.T) {
	axe, err := os.ReadFile(axeFile)
	if err != nil {
		t.Skip("npm ci in internal/server/ui/web brings axe-core: ", err)
	}
	for _, dark := range []bool{false, true} {
		tour(t, Options{Dark: dark, Reduced: true}, func(tab *Tab, view string) {
			if !Eval[bool](tab, "!!window.axe") {
				Eval[int](tab, string(axe)+"\n;0")
			}
			found := Eval[[]string](tab, `axe.run(document, {resultTypes: ['violations'], rules: {'heading-order': {enabled: false}}}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')))`)
			for _, f := range found {
				t.Errorf("%s, dark %v: %s", view, dark, f)
			}
		})
	}
}

// At 200 % nothing scrolls sideways and nothing is cut off.
func TestZoom(t *testing.T) {
	tour(t, Options{Zoom: 2, Reduced: true}, func(tab *Tab, view string) {
		if wide := Eval[int](tab, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s is %d pixels too wide", view, wide)
		}
		out := Eval[[]string](tab, `[...document.querySelectorAll('button, a[href], input, select, textarea')].filter(e => {
			const r = e.getBoundingClientRect()
			if (!r.width || getComputedStyle(e).visibility !== 'visible') return false
			for (let p = e.parentElement; p; p = p.parentElement) if (/auto|scroll/.test(getComputedStyle(p).overflowX)) return false
			return r.right > innerWidth + 1 && r.left < innerWidth
		}).map(e => (e.ariaLabel || e.textContent || e.tagName).slice(0, 40))`)
		if len(out) > 0 {
			t.Errorf("%s: %q are cut off", view, out)
		}
	})
}

// Who wants less motion has none.
func TestReducedMotion(t *testing.T) {
	for _, reduced := range []bool{true, false} {
		_, tab := open(t, "/", Options{Reduced: reduced})
		tab.Say("play loop")
		tab.Until("it runs", func() bool {
			return strings.Contains(tab.Last("article", "Answer…").Text(), "la li") && tab.Has("image", "An answer runs")
		})
		moving := Eval[[]string](tab, `document.getAnimations().filter(a => { const t = a.effect?.getComputedTiming(); return a.playState === 'running' && t && (t.duration > 100 || t.iterations === Infinity) }).map(a => a.animationName || a.transitionProperty || 'an animation')`)
		smooth := Eval[int](tab, "[document.documentElement, ...document.querySelectorAll('main, main *')].filter(e => getComputedStyle(e).scrollBehavior === 'smooth').length")
		if reduced && len(moving)+smooth > 0 {
			t.Errorf("%q move, %d scroll smoothly", moving, smooth)
		}
		tab.Find("button", "Stop").Click()
		tab.Answer()
	}
}

// Text has the direction that its letters have: while it is typed, in messages, in titles;
// code has its own.
func TestRightToLeft(t *testing.T) {
	_, tab := open(t, "/", Options{})
	const words = "\u05e9\u05dc\u05d5\u05dd play arabic"
	tab.Box().Fill(words)
	if !must[bool](tab.Box(), "function() { return this.matches(':dir(rtl)') }") {
		t.Error("the box stays left to right")
	}
	tab.Keys("Enter")
	tab.Until("an answer comes", func() bool { return tab.Has("article", "Answer…") })
	direction := func(e *Element, part, selector string) string {
		t.Helper()
		return must[string](e, fmt.Sprintf(`function() {
			const e = [...this.querySelectorAll(%q)].find(e => e.textContent.includes(%q))
			return e ? getComputedStyle(e).direction : 'none'
		}`, selector, part))
	}
	answer := tab.Answer()
	for _, x := range []struct {
		e                    *Element
		part, selector, want string
	}{
		{answer, "\u0645\u0631\u062d\u0628\u0627", "p", "rtl"},
		{answer, "x = 1", "pre code", "ltr"},
		{tab.Last("article", "You…"), "\u05e9\u05dc\u05d5\u05dd", "[dir]", "rtl"},
		{tab.Find("navigation", "Chats"), "\u05e9\u05dc\u05d5\u05dd", "a span", "rtl"},
	} {
		if got := direction(x.e, x.part, x.selector); got != x.want {
			t.Errorf("%q in %s has the direction %s, want %s", x.part, x.selector, got, x.want)
		}
	}
}

// All is done by keys, and the focus is never lost.
func TestKeyboard(t *testing.T) {
	_, tab := open(t, "/", Options{})
	focused := func(after string) {
		t.Helper()
		tab.Until("behind "+after+" something has the focus", func() bool {
			return Eval[bool](tab, "document.activeElement && document.activeElement !== document.body && document.activeElement.checkVisibility()")
		})
	}
	box := func(after string) {
		t.Helper()
		tab.Until("behind "+after+" the box has the focus", func() bool { return tab.Box().Focused() })
	}
	tab.Box()
	tab.Insert("play hello")
	tab.Keys("Shift+Enter")
	tab.Insert("second line")
	must[any](tab.Box(), `function() { this.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true})) }`)
	if got := tab.Box().Value(); got != "play hello\nsecond line" || tab.Has("article", "…") {
		t.Errorf("the box has %q", got)
	}
	tab.Keys("Enter")
	tab.Until("it is sent", func() bool { return tab.Has("article", "Answer…") })
	tab.Answer()
	box("an answer")

	tab.Keys("Control+/")
	overlay := tab.Find("dialog", "Keyboard…")
	text := strings.ReplaceAll(strings.Join(strings.Fields(overlay.Text()), " "), " + ", "+")
	for _, want := range []string{"Search chats Ctrl+K", "New chat Ctrl+Shift+O", "To the message box Ctrl+I", "Show or hide the chats Ctrl+B", "Parameters Ctrl+.", "Settings Ctrl+,", "This overview Ctrl+/", "Esc", "Send Enter", "New line Shift+Enter", "↑"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the overview: %s", want, text)
		}
	}
	for range 6 {
		tab.Keys("Tab")
		if !must[bool](overlay, "function() { return this.contains(document.activeElement) }") {
			t.Error("Tab leaves the dialog")
		}
	}
	tab.Keys("Escape")
	tab.Gone("dialog", "Keyboard…")
	box("the overview")

	tab.Keys("ArrowUp")
	tab.Until("the last message is edited", func() bool { return tab.Find("textbox", "Edit message").Focused() })
	tab.Keys("Escape")
	tab.Gone("textbox", "Edit message")
	focused("an edit")
	tab.Keys("Control+i")
	box("Ctrl+I")
	for _, x := range [][2]string{{"Control+.", "Parameters"}, {"Control+,", "Settings"}} {
		tab.Keys(x[0])
		tab.Find("region", x[1])
		focused(x[0])
		tab.Keys(x[0])
		tab.Gone("region", x[1])
		box(x[0])
	}
	tab.Keys("Control+b")
	tab.Gone("navigation", "Chats")
	tab.Keys("Control+b")
	tab.Find("navigation", "Chats")
	tab.Keys("Control+k")
	tab.Until("the search has the focus", func() bool { return tab.Find("searchbox", "Search chats").Focused() })
	tab.Keys("Escape")
	box("the search")
	tab.Keys("Control+Shift+O")
	tab.Until("a new chat begins", func() bool { return tab.Path() == "/" && !tab.Has("article", "…") })
	box("Ctrl+Shift+O")

	options := tab.Find("button", "Options…")
	options.Focus()
	tab.Keys("Enter")
	tab.Until("the menu has the focus", func() bool { return tab.Find("menuitem", "Rename").Focused() })
	tab.Keys("ArrowDown")
	tab.Until("arrows move in it", func() bool { return tab.Find("menuitem", "Pin").Focused() })
	tab.Keys("Escape")
	tab.Until("its button has the focus again", func() bool { return options.Focused() })
}

// A theme is chosen, and stays.
func TestTheme(t *testing.T) {
	_, tab := open(t, "/", Options{Dark: true})
	tab.Box()
	light := func() bool {
		return Eval[bool](tab, "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every(c => c > 200)")
	}
	if light() {
		t.Error("it is light where the system is dark")
	}
	tab.Panel("Settings")
	tab.Find("combobox", "Theme").Choose("Light")
	tab.Until("it is light", light)
	tab.Reload()
	tab.Box()
	tab.Until("it stays light", light)
}

// clock holds timers of five seconds and more until __pass lets time pass.
const clock = `(() => {
	const set = window.setTimeout, clear = window.clearTimeout, late = new Map()
	let now = 0, last = 1e9
	window.setTimeout = (f, ms, ...a) => {
		if (!(ms >= 5000)) return set(f, ms, ...a)
		late.set(++last, {at: now + ms, f: () => f(...a)})
		return last
	}
	window.clearTimeout = id => { if (!late.delete(id)) clear(id) }
	window.__pass = ms => {
		now += ms
		for (const [id, t] of late) if (t.at <= now && late.delete(id)) t.f()
		return 0
	}
})()`

// A delete is taken back for ten seconds at least, and some time it is for good.
func TestUndoLasts(t *testing.T) {
	_, tab := open(t, "/", Options{Script: clock})
	tab.Ask("play hello")
	tab.Options("play hello", "Delete")
	tab.Until("it is gone", func() bool { return len(tab.Titles()) == 0 })
	Eval[int](tab, "__pass(10_000)")
	tab.Find("button", "Undo").Click()
	tab.Until("it is back", func() bool { return slices.Equal(tab.Titles(), []string{"play hello"}) })
	tab.Options("play hello", "Delete")
	tab.Find("button", "Undo")
	Eval[int](tab, "__pass(60_000)")
	tab.Gone("button", "Undo")
	tab.Reload()
	tab.Find("navigation", "Chats")
	tab.Until("it is gone for good", func() bool { return strings.Contains(tab.Find("navigation", "Chats").Text(), "No chats yet") })
}

// Many chats are a list and are searched, and a long chat is drawn in parts.
func TestLong(t *testing.T) {
	_, tab := open(t, "/", Options{})
	var b strings.Builder
	b.WriteString(`[{"title": "the long one", "messages": [`)
	for i := range 1500 {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"role": %q, "content": "message %d"}`, []string{"user", "assistant"}[i%2], i+1)
	}
	b.WriteString("]}")
	for i := range 1999 {
		fmt.Fprintf(&b, `, {"id": "chat-%d", "title": "chat %d", "messages": [{"role": "user", "content": "a"}]}`, i, i+1)
	}
	b.WriteString("]")
	take(tab, filesOf(t, "many.json", b.String())[0])
	tab.Says("status", "Imported 2,000 chats with 3,499 messages")
	tab.Keys("Escape")
	tab.Reload()
	tab.Find("navigation", "Chats")
	tab.Keys("Control+k")
	tab.Until("the search has the focus", func() bool { return tab.Find("searchbox", "Search chats").Focused() })
	tab.Insert("the long one")
	tab.Until("it is found", func() bool { return strings.Contains(tab.Find("list", "Search results").Text(), "the long one") })
	tab.Keys("Enter")
	tab.Until("its end is shown", func() bool { return strings.Contains(tab.Last("article", "Answer…").Text(), "message 1500") })
	if n := Eval[int](tab, "document.querySelectorAll('article').length"); n > 600 {
		t.Errorf("%d messages are drawn at once", n)
	}
}
