package page

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Element is something of a page that a screen reader knows. What a tab finds stays the
// same node until the page throws it away.
type Element struct {
	t    *Tab
	node cdp.BackendNodeID
	what string // for complaints
}

// All returns what has a role and a name now. A name that ends in … is how the name
// begins; "" is any.
func (t *Tab) All(role, name string) []*Element {
	t.Helper()
	root, err := try(t, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil // it is loading
	}
	return t.query(root.Root.BackendNodeID, role, name)
}

// query returns what is below a node.
func (t *Tab) query(root cdp.BackendNodeID, role, name string) []*Element {
	t.Helper()
	q := accessibility.QueryAXTreeParams{BackendNodeID: root, Role: role}
	begin, prefix := strings.CutSuffix(name, "…")
	if !prefix {
		q.AccessibleName = name
	}
	r, err := try(t, accessibility.QueryAXTree, q)
	if err != nil {
		return nil // the node went away
	}
	var list []*Element
	for _, n := range r.Nodes {
		if n.Ignored || n.BackendDOMNodeID == root || prefix && !strings.HasPrefix(textOf(n.Name), begin) {
			continue
		}
		list = append(list, &Element{t: t, node: n.BackendDOMNodeID, what: fmt.Sprintf("%s %q", role, textOf(n.Name))})
	}
	return list
}

// textOf returns a value of the accessibility tree as text.
func textOf(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal([]byte(v.Value), &s) != nil {
		return string(v.Value)
	}
	return s
}

// Find waits for what has a role and a name, and returns the first.
func (t *Tab) Find(role, name string) *Element {
	t.Helper()
	var found *Element
	t.Until(fmt.Sprintf("%s %q comes", role, name), func() bool {
		if all := t.All(role, name); len(all) > 0 {
			found = all[0]
		}
		return found != nil
	})
	return found
}

// Last waits for what has a role and a name, and returns the last.
func (t *Tab) Last(role, name string) *Element {
	t.Helper()
	t.Find(role, name)
	all := t.All(role, name)
	if len(all) == 0 {
		t.Fatalf("%s %q went away", role, name)
	}
	return all[len(all)-1]
}

// Has says whether something of a role and a name is there now.
func (t *Tab) Has(role, name string) bool { t.Helper(); return len(t.All(role, name)) > 0 }

// Gone waits until nothing of a role and a name is there.
func (t *Tab) Gone(role, name string) {
	t.Helper()
	t.Until(fmt.Sprintf("%s %q goes", role, name), func() bool { return !t.Has(role, name) })
}

// All returns what is within an element.
func (e *Element) All(role, name string) []*Element {
	e.t.Helper()
	return e.t.query(e.node, role, name)
}

// Has says whether something is within an element now.
func (e *Element) Has(role, name string) bool { e.t.Helper(); return len(e.All(role, name)) > 0 }

// Find waits for what is within an element.
func (e *Element) Find(role, name string) *Element {
	e.t.Helper()
	var found *Element
	e.t.Until(fmt.Sprintf("%s %q comes within %s", role, name, e.what), func() bool {
		if all := e.All(role, name); len(all) > 0 {
			found = all[0]
		}
		return found != nil
	})
	return found
}

// ask calls a function of JavaScript whose this is the element.
func ask[T any](e *Element, function string) (v T, err error) {
	o, err := try(e.t, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: e.node})
	if err != nil {
		return v, err
	}
	defer func() {
		_, _ = try(e.t, runtime.ReleaseObject, runtime.ReleaseObjectParams{ObjectID: o.Object.ObjectID})
	}()
	r, err := try(e.t, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: function, ObjectID: o.Object.ObjectID, ReturnByValue: new(true), AwaitPromise: new(true),
	})
	if err != nil {
		return v, err
	}
	if r.ExceptionDetails != nil {
		return v, fmt.Errorf("%s", wordsOf(r.ExceptionDetails))
	}
	if len(r.Result.Value) == 0 {
		return v, nil
	}
	return v, json.Unmarshal([]byte(r.Result.Value), &v)
}

// must is ask of what has to be there.
func must[T any](e *Element, function string) T {
	e.t.Helper()
	v, err := ask[T](e, function)
	if err != nil {
		e.t.Fatalf("%s: %v", e.what, err)
	}
	return v
}

// Text returns what is seen of an element; "" where it went away.
func (e *Element) Text() string {
	v, err := ask[string](e, "function() { return this.innerText ?? this.textContent }")
	if err != nil {
		return ""
	}
	return v
}

// Value returns what stands in a field.
func (e *Element) Value() string {
	e.t.Helper()
	return must[string](e, "function() { return this.value }")
}

// Attribute returns an attribute, "" where it is not there.
func (e *Element) Attribute(name string) string {
	v, err := ask[string](e, fmt.Sprintf("function() { return this.getAttribute(%q) ?? '' }", name))
	if err != nil {
		return ""
	}
	return v
}

// Focused says whether an element has the focus.
func (e *Element) Focused() bool {
	v, err := ask[bool](e, "function() { return document.activeElement === this }")
	return err == nil && v
}

// Focus gives an element the focus.
func (e *Element) Focus() { e.t.Helper(); must[any](e, "function() { this.focus() }") }

// Click clicks on the middle of an element, where nothing else may lie.
func (e *Element) Click() {
	e.t.Helper()
	why := ""
	for end := time.Now().Add(Patience); ; time.Sleep(pause) {
		x, y, err := e.middle()
		if err == nil {
			act(e.t, chromedp.MouseClickXY(x, y))
			return
		}
		if why = err.Error(); time.Now().After(end) {
			e.t.Fatalf("%s cannot be clicked: %s", e.what, why)
		}
	}
}

// middle scrolls to an element that stands still, and returns where its middle is.
func (e *Element) middle() (x, y float64, err error) {
	_, err = ask[any](e, `async function() {
		this.scrollIntoView({block: 'nearest', behavior: 'instant'})
		const at = () => JSON.stringify(this.getBoundingClientRect())
		let before
		do { before = at(); await new Promise(f => setTimeout(f, 30)) } while (before !== at())
	}`)
	if err != nil {
		return 0, 0, err
	}
	at, err := ask[[]float64](e, `function() {
		const b = this.getClientRects()[0]
		if (!b || !b.width || !b.height) throw new Error('it has no place')
		const x = b.left + b.width / 2, y = b.top + b.height / 2, is = document.elementFromPoint(x, y)
		if (is && !this.contains(is) && !is.contains(this) && is.closest('label')?.control !== this) throw new Error('another lies over it: ' + is.outerHTML.slice(0, 200))
		return [x, y]
	}`)
	if err != nil || len(at) != 2 {
		return 0, 0, err
	}
	return at[0], at[1], nil
}

// Hover puts the pointer over an element.
func (e *Element) Hover() {
	e.t.Helper()
	x, y, err := e.middle()
	if err != nil {
		e.t.Fatalf("%s: %v", e.what, err)
	}
	call(e.t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x, Y: y})
}

// Fill puts text into a field in place of what is there, as typing does.
func (e *Element) Fill(text string) {
	e.t.Helper()
	e.Focus()
	must[any](e, "function() { this.select() }")
	if text == "" {
		e.t.Keys("Backspace")
		return
	}
	e.t.Insert(text)
}

// Choose waits for an option of a combobox that has a text or begins with it, and chooses
// it.
func (e *Element) Choose(option string) {
	e.t.Helper()
	e.t.Until(fmt.Sprintf("%s has the option %q", e.what, option), func() bool {
		chosen, err := ask[bool](e, fmt.Sprintf(`function() {
			const all = [...this.options], o = all.find(o => o.text === %[1]q) ?? all.find(o => o.text.startsWith(%[1]q))
			if (!o) return false
			this.value = o.value
			this.dispatchEvent(new Event('input', {bubbles: true}))
			this.dispatchEvent(new Event('change', {bubbles: true}))
			return true
		}`, option))
		return err == nil && chosen
	})
}

// Outline returns the page as a screen reader has it: a line for each role and name.
func (t *Tab) Outline() string {
	r, err := try(t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, n := range r.Nodes {
		role := textOf(n.Role)
		if n.Ignored || role == "none" || role == "generic" || role == "InlineTextBox" {
			continue
		}
		fmt.Fprintf(&b, "%s %q", role, textOf(n.Name))
		if v := textOf(n.Value); v != "" {
			fmt.Fprintf(&b, " = %q", v)
		}
		b.WriteByte('\n')
		if b.Len() > 12<<10 {
			b.WriteString("…\n")
			break
		}
	}
	return b.String()
}
