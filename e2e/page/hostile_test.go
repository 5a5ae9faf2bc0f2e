package page

import (
	"strings"
	"testing"
)

// harmless holds that nothing of hostile text was done.
func harmless(t *testing.T, tab *Tab) {
	t.Helper()
	if hit := Eval[string](tab, "String(window.__hit)"); hit != "undefined" {
		t.Errorf("hostile text ran: %s", hit)
	}
	found := Eval[[]string](tab, `[...document.querySelectorAll('article :is(script, iframe, form, style, object, embed, base, link, meta, input:not([type=checkbox]), [onerror], [onload])')].map(e => e.outerHTML.slice(0, 200))`)
	if len(found) > 0 {
		t.Errorf("hostile text became %q", found)
	}
	images := Eval[[]string](tab, `[...document.querySelectorAll('article :is(img, video, audio, source, image)')].map(e => e.src || e.href).filter(u => u && !/^(data|blob):/.test(u))`)
	if len(images) > 0 {
		t.Errorf("foreign images are fetched: %q", images)
	}
	links := Eval[[]string](tab, `[...document.querySelectorAll('article a')].filter(a => !/^(https?|mailto):/.test(a.protocol + '//') || (a.host !== location.host && (a.target !== '_blank' || !a.relList.contains('noopener') || !a.relList.contains('noreferrer')))).map(a => a.outerHTML)`)
	if len(links) > 0 {
		t.Errorf("links are %q", links)
	}
	over := Eval[bool](tab, `[...document.querySelectorAll('article *')].some(e => getComputedStyle(e).position === 'fixed')`)
	if over {
		t.Error("hostile text lies over the page")
	}
}

// Markdown of a model does nothing, while it streams and behind a reload.
func TestHostileMarkdown(t *testing.T) {
	_, tab := open(t, "/", Options{})
	answer := tab.Ask("play attack")
	harmless(t, tab)
	for _, want := range []string{"Before.", "remote", "plain link", "unclosed fence"} {
		if !strings.Contains(answer.Text(), want) {
			t.Errorf("%q is not shown", want)
		}
	}
	tab.Reload()
	tab.Answer()
	harmless(t, tab)
}

// What a person types and names is text as well.
func TestHostileWords(t *testing.T) {
	_, tab := open(t, "/", Options{})
	const words = "<img src=x onerror=window.__hit=1> <script>window.__hit=2</script> play hello"
	tab.Ask(words)
	harmless(t, tab)
	if titles := tab.Titles(); len(titles) != 1 || !strings.HasPrefix(titles[0], "<img src=x") {
		t.Errorf("the title is %q", titles)
	}
}

// Policy of the page: nothing from elsewhere, nothing inline but what the server knows.
func TestPolicy(t *testing.T) {
	_, tab := open(t, "/", Options{})
	policy := Eval[string](tab, "fetch('/', {headers: {Accept: 'text/html'}}).then(r => r.headers.get('Content-Security-Policy'))")
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s is not in %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
}
