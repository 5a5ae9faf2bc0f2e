// Command figures measures the page in a real Chromium, against the real server with the
// puppet behind it: its size, the first paint, an answer as it streams, a long chat and a
// long list.
//
//	go run ./page/figures
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/e2e/page"
)

func main() {
	messages := flag.Int("messages", 5000, "of the long chat")
	chats := flag.Int("chats", 10000, "of the long list")
	paints := flag.Int("paints", 15, "how often the first paint is measured")
	only := flag.String("only", "", "what is measured: `size, paint, answer, chat or list`; all without it")
	flag.Parse()
	if err := run(*only, *paints, *messages, *chats); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// judge ends the program where something cannot be measured.
type judge struct{ wrong int }

func (*judge) Helper() {}

func (j *judge) Errorf(format string, args ...any) {
	j.wrong++
	fmt.Fprintf(os.Stderr, "figures: "+format+"\n", args...)
}

func (*judge) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// deaf hears no complaints: what is no page of ours has no icon, which a browser asks for.
type deaf struct{ *judge }

func (deaf) Errorf(string, ...any) {}

func run(only string, paints, messages, chats int) (err error) {
	path, err := page.FindChromium()
	if err != nil {
		return err
	}
	chromium, err := page.StartChromium(path)
	if err != nil {
		return err
	}
	defer chromium.Close()
	home, err := os.MkdirTemp("", "blitz-figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := page.NewHome(context.Background(), home); err != nil {
		return err
	}
	s, err := page.Open(home, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	j := &judge{}
	open := func(path string) *page.Tab { return chromium.Open(j, s.URL, path, page.Options{}) }
	measured := false
	for _, part := range []struct {
		name    string
		measure func()
	}{
		{"size", func() { size(j, s.URL) }},
		{"paint", func() {
			firstPaint(open, func(path string) *page.Tab { return chromium.Open(deaf{j}, s.URL, path, page.Options{}) }, paints)
		}},
		{"answer", func() { stream(open) }},
		{"chat", func() { longChat(open, messages) }},
		{"list", func() { longList(open, chats) }},
	} {
		if only == "" || only == part.name {
			part.measure()
			measured = true
		}
	}
	if !measured {
		return fmt.Errorf("-only %q: want size, paint, answer, chat or list", only)
	}
	if j.wrong > 0 {
		return fmt.Errorf("the page complained %d times", j.wrong)
	}
	return nil
}

// say prints a figure.
func say(what, format string, args ...any) {
	fmt.Printf("%-34s %s\n", what, fmt.Sprintf(format, args...))
}

// size measures the bytes of the page, packed.
func size(j *judge, url string) {
	r, err := http.NewRequest(http.MethodGet, url+"/", nil)
	if err != nil {
		j.Fatalf("%v", err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Encoding", "gzip") // so that the client leaves it packed
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		j.Fatalf("%v", err)
	}
	defer got.Body.Close()
	n, err := io.Copy(io.Discard, got.Body)
	if err != nil {
		j.Fatalf("%v", err)
	}
	say("the page as it is sent", "%.1f kB", float64(n)/1000)
}

// firstPaint measures it in browsers that have never seen the page, in turns with that of a
// line of text from the same server: what the browser takes by itself on this machine.
func firstPaint(open, openLine func(string) *page.Tab, times int) {
	var ours, line []float64
	for range times {
		ours = append(ours, painted(open("/")))
		line = append(line, painted(openLine("/health")))
	}
	say("first paint", "%s", spread(ours))
	say("  of a line of text", "%s", spread(line))
}

// painted returns when something was first painted in a tab, in milliseconds, and closes it.
func painted(t *page.Tab) (at float64) {
	defer t.Close()
	t.Until("something is painted", func() bool {
		at = page.Eval[float64](t, `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0`)
		return at > 0
	})
	return at
}

// spread says what some times are.
func spread(all []float64) string {
	slices.Sort(all)
	n := len(all)
	return fmt.Sprintf("median %.0f ms of %d, %.0f to %.0f", all[n/2], n, all[0], all[n-1])
}

// watchScript begins to note frames and long tasks.
const watchScript = `(() => {
	const w = { from: performance.now(), gaps: [], tasks: [], on: true }
	w.observer = new PerformanceObserver(l => w.note(l.getEntries()))
	w.note = all => { for (const e of all) w.tasks.push(e.duration) }
	w.observer.observe({ type: 'longtask', buffered: %t })
	window.__watch = w
	let last = performance.now()
	const frame = now => { w.gaps.push(now - last); last = now; if (w.on) requestAnimationFrame(frame) }
	requestAnimationFrame(frame)
	return 0
})()`

// watch begins to note frames and long tasks, or also those of the page's load.
func watch(t *page.Tab, load bool) { page.Eval[int](t, fmt.Sprintf(watchScript, load)) }

// seen is what watch noted, in milliseconds.
type seen struct {
	Took   float64 `json:"took"`
	Frames int     `json:"frames"`
	Slow   int     `json:"slow"` // of the frames, those that took over 50 ms
	Worst  float64 `json:"worst"`
	Task   float64 `json:"task"` // the longest
}

func watched(t *page.Tab) seen {
	return page.Eval[seen](t, `(() => {
		const w = window.__watch
		w.note(w.observer.takeRecords())
		w.observer.disconnect()
		w.on = false
		const g = w.gaps.slice(1)
		return { took: performance.now() - w.from, frames: g.length, slow: g.filter(x => x > 50).length, worst: Math.max(0, ...g), task: Math.max(0, ...w.tasks) }
	})()`)
}

func (s seen) String() string {
	return fmt.Sprintf("%d frames in %.1f s, %d of them over 50 ms, the worst %.0f, the longest task %.0f ms", s.Frames, s.Took/1000, s.Slow, s.Worst, s.Task)
}

// stream measures an answer while it comes.
func stream(open func(string) *page.Tab) {
	t := open("/")
	defer t.Close()
	t.Say("play flood")
	t.Until("it runs", func() bool { return t.Has("button", "Stop") })
	watch(t, false)
	time.Sleep(8 * time.Second)
	s := watched(t)
	t.Find("button", "Stop").Click()
	t.Answer()
	rate := page.Eval[float64](t, fmt.Sprintf(`fetch('/ui/api/chats/%s').then(r => r.json()).then(c => c.messages.find(m => m.role === 'assistant').figures.tokens_per_second)`, strings.TrimPrefix(t.Path(), "/chat/")))
	say(fmt.Sprintf("an answer at %.0f tokens/s", rate), "%v", s)
}

// take is a script that has the server take in an export of ChatGPT of some chats, each of
// some messages.
const take = `(async () => {
	const node = (id, parent, children, role, text) => ({ id, parent, children, message: role ? { id, author: { role }, content: { content_type: 'text', parts: [text] }, create_time: 1.7e9 } : null })
	const chat = (title, n, at) => {
		const mapping = { root: node('root', null, n ? ['m0'] : []) }
		for (let i = 0; i < n; i++)
			mapping['m' + i] = node('m' + i, i ? 'm' + (i - 1) : 'root', i + 1 < n ? ['m' + (i + 1)] : [], i %% 2 ? 'assistant' : 'user', i %% 2 ? 'answer ' + i + ' with **bold** and\n\n- a\n- b' : 'question ' + i + ' of ' + title)
		return { title, create_time: at, update_time: at, mapping, current_node: n ? 'm' + (n - 1) : 'root' }
	}
	const all = []
	for (let i = 0; i < %d; i++) all.push(chat('%s ' + i, %d, 1.7e9 - 60 * i))
	const me = await (await fetch('/ui/api/me')).json()
	const r = await fetch('/ui/api/import', { method: 'POST', body: JSON.stringify(all), headers: { 'X-Blitz-Csrf': me.csrf } })
	return r.ok ? '' : await r.text()
})()`

func takeIn(t *page.Tab, chats int, title string, messages int) {
	if said := page.Eval[string](t, fmt.Sprintf(take, chats, title, messages)); said != "" {
		t.Fatalf("the import: %s", said)
	}
}

// longChat measures how a chat of many messages opens, and how it scrolls.
func longChat(open func(string) *page.Tab, messages int) {
	t := open("/")
	defer t.Close()
	takeIn(t, 1, "long", messages)
	t.Until("it is in the list", func() bool { return t.Has("link", "long 0") })
	watch(t, false)
	t.Find("link", "long 0").Click()
	last := fmt.Sprintf("answer %d", messages-1)
	t.Until("its end is shown", func() bool {
		return page.Eval[bool](t, fmt.Sprintf(`[...document.querySelectorAll('article')].some(a => a.textContent.includes(%q))`, last))
	})
	say(fmt.Sprintf("a chat of %d messages opens", messages), "%v", watched(t))
	watch(t, false)
	page.Eval[int](t, `(async () => {
		let e = [...document.querySelectorAll('article')].at(-1)
		while (e && !(e.scrollHeight > e.clientHeight && /auto|scroll/.test(getComputedStyle(e).overflowY))) e = e.parentElement
		for (let i = 0; i < 60; i++) { e.scrollBy(0, -2000); await new Promise(requestAnimationFrame) }
		return 0
	})()`)
	say("  2000 pixels up, sixty times", "%v", watched(t))
}

// longList measures how a list of many chats is loaded and searched.
func longList(open func(string) *page.Tab, chats int) {
	t := open("/")
	takeIn(t, chats, "many", 2)
	t.Close()
	t = open("/")
	defer t.Close()
	watch(t, true)
	t.Until("the list is there", func() bool { return page.Eval[int](t, `document.querySelectorAll('nav a[data-chat]').length`) > 100 })
	shown := page.Eval[float64](t, "performance.now()")
	say(fmt.Sprintf("a list of %d chats", chats), "shown %.0f ms after the page was asked for; %v", shown, watched(t))
	t.Keys("Control+k")
	t.Find("searchbox", "Search chats").Fill(fmt.Sprintf("many %d", chats-7))
	from := time.Now()
	t.Until("it is found", func() bool {
		return page.Eval[bool](t, fmt.Sprintf(`[...document.querySelectorAll('a')].some(a => a.textContent.includes('many %d'))`, chats-7))
	})
	say("  a search of it", "%d ms", time.Since(from).Milliseconds())
}
