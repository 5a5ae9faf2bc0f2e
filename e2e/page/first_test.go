package page

import (
	"strings"
	"testing"
)

// stopped keeps the code of a page from beginning by itself: it begins when somebody does
// something, and until then the first frame is what there is.
const stopped = `(() => {
	const later = setTimeout
	window.setTimeout = (f, ...more) => f.name === 'begin' && document.getElementById('code') ? 0 : later.call(window, f, ...more)
	window.PerformanceObserver = class extends PerformanceObserver {
		constructor(f) { super(f.name === 'begin' ? () => undefined : f) }
	}
})()`

// early opens a tab that shows the first frame.
func early(t *testing.T, s *Server, path string, o Options) *Tab {
	t.Helper()
	o.Script = stopped
	tab := browse(t, s, path, o)
	tab.Until("the page is there", func() bool { return Eval[bool](tab, `document.readyState === 'complete'`) })
	if !Eval[bool](tab, `document.getElementById('code') !== null && 'early' in document.documentElement.dataset`) {
		t.Fatal("the code has begun without anybody doing something")
	}
	return tab
}

// begun waits until the code has.
func begun(tab *Tab) {
	tab.Helper()
	tab.Until("the code has begun", func() bool {
		return Eval[bool](tab, `document.getElementById('code') === null && !('early' in document.documentElement.dataset)`)
	})
}

// Whatever is done to the first frame is done to the page: nothing is lost, and the focus
// stays.
func TestFirstFrame(t *testing.T) {
	s := serve(t, nil)
	for name, act := range map[string]func(tab *Tab){
		"typing": func(tab *Tab) {
			tab.Keys("h", "i")
			begun(tab)
			tab.Until("what was typed is there", func() bool { return tab.Box().Value() == "hi" })
		},
		"a text and Enter": func(tab *Tab) {
			tab.Insert("play hello")
			tab.Keys("Enter")
			if text := tab.Answer().Text(); !strings.Contains(text, "Hello, world!") {
				tab.Errorf("the answer is %q", text)
			}
		},
		"Enter alone": func(tab *Tab) {
			Eval[any](tab, `document.querySelector('textarea').value = 'play hello'`)
			tab.Keys("Enter")
			if text := tab.Answer().Text(); !strings.Contains(text, "Hello, world!") {
				tab.Errorf("the answer is %q", text)
			}
		},
		"a key of the page": func(tab *Tab) {
			tab.Keys("Control+k")
			tab.Until("the search has the focus", func() bool { return tab.Find("searchbox", "Search chats").Focused() })
		},
		"a button": func(tab *Tab) {
			tab.Find("button", "Settings").Click()
			tab.Find("region", "Settings")
		},
		"a dropped file": func(tab *Tab) {
			Eval[any](tab, `(() => {
				const d = new DataTransfer()
				d.items.add(new File(['dropped'], 'dropped.txt', {type: 'text/plain'}))
				for (const n of ['dragenter', 'dragover', 'drop']) document.querySelector('main').dispatchEvent(new DragEvent(n, {bubbles: true, cancelable: true, dataTransfer: d}))
			})()`)
			attached(tab, "dropped.txt 7 tokens")
		},
		"a pasted file": func(tab *Tab) {
			must[any](tab.Box(), `function() {
				const d = new DataTransfer()
				d.items.add(new File(['pasted'], 'pasted.txt', {type: 'text/plain'}))
				this.dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true}))
			}`)
			attached(tab, "pasted.txt 6 tokens")
		},
		"a chosen file": func(tab *Tab) {
			attach(tab, filesOf(t, "chosen.txt", "chosen"))
			attached(tab, "chosen.txt 6 tokens")
		},
	} {
		t.Run(name, func(t *testing.T) {
			tab := early(t, s, "/", Options{})
			box := tab.Box()
			if !box.Focused() {
				t.Error("the message box of the first frame has not the focus")
			}
			act(tab)
			begun(tab)
			tab.Close()
		})
	}
}

// While the code is still on its way files and Enter wait for it, and what is typed stays.
func TestFirstFrameOfASlowLine(t *testing.T) {
	s := serve(t, nil)
	tab := browse(t, s, "/", Options{Script: stopped + `
		Object.defineProperty(document, 'readyState', {configurable: true, get: () => window.arrived ? 'complete' : 'loading'})`})
	Eval[any](tab, `(() => {
		const d = new DataTransfer()
		d.items.add(new File(['dropped'], 'dropped.txt', {type: 'text/plain'}))
		for (const n of ['dragenter', 'dragover', 'drop']) document.querySelector('main').dispatchEvent(new DragEvent(n, {bubbles: true, cancelable: true, dataTransfer: d}))
	})()`)
	tab.Insert("play hello")
	tab.Keys("Enter")
	if !Eval[bool](tab, `document.getElementById('code') !== null`) || tab.Box().Value() != "play hello" {
		t.Errorf("before the code is there it has begun, or the box has %q", tab.Box().Value())
	}
	Eval[any](tab, `window.arrived = true`)
	tab.Keys("Home") // the next thing that is done
	if text := tab.Answer().Text(); !strings.Contains(text, "Hello, world!") {
		t.Errorf("the answer is %q", text)
	}
	if !strings.Contains(tab.Last("article", "You…").Text(), "dropped.txt") {
		t.Errorf("the file was lost: %q", tab.Last("article", "You…").Text())
	}
}

// places is where the parts of the frame are, and the colour behind them. How wide a title may
// be depends on names of models, which come later.
const places = `JSON.stringify([...document.querySelectorAll('.side, .brand, .new-chat, .bar, h1, .composer textarea, .composer button, .welcome p')].filter(e => e.checkVisibility({visibilityProperty: true})).map(e => {
	const r = e.getBoundingClientRect()
	return [e.tagName + '.' + e.className, Math.round(r.x), Math.round(r.y), Math.round(e.tagName === 'H1' ? 0 : r.width), Math.round(r.height)].join(' ')
}).concat(getComputedStyle(document.body).backgroundColor))`

// The first frame has the places and colours of the page that comes, whatever the theme and
// the width, and shows nothing that does not belong to its address.
func TestFirstFrameStays(t *testing.T) {
	s := serve(t, nil)
	for name, o := range map[string]Options{"light": {}, "dark": {Dark: true}, "phone": {Width: 390, Height: 844, Mobile: true}} {
		t.Run(name, func(t *testing.T) {
			tab := early(t, s, "/", o)
			first := Eval[string](tab, places)
			if Eval[bool](tab, `document.querySelector('textarea').placeholder === ''`) || strings.Count(first, "BUTTON") < 4 {
				t.Errorf("the first frame lacks parts: %s", first)
			}
			Eval[any](tab, `window.box = document.querySelector('textarea')`)
			tab.Keys("Home")
			begun(tab)
			if then := Eval[string](tab, places); then != first {
				t.Errorf("the frame was\n%s\nand is\n%s", first, then)
			}
			if !Eval[bool](tab, `document.querySelector('textarea') === window.box`) {
				t.Error("the box is another element")
			}
		})
	}
	tab := early(t, s, "/view/models", Options{})
	if shown := Eval[string](tab, places); strings.Contains(shown, "TEXTAREA") || strings.Contains(shown, "H1") {
		t.Errorf("the first frame of another view shows a chat: %s", shown)
	}
	Eval[any](tab, `localStorage.setItem('theme', 'dark')`)
	tab.Go("/")
	if !Eval[bool](tab, `document.documentElement.dataset.theme === 'dark' && document.getElementById('code') !== null`) {
		t.Error("the first frame has not the theme that was chosen")
	}
}
