/**
 * Makes the nodes of a block what they should be, and leaves alone what is so already: equal nodes stay, texts grow in place.
 *
 * old stand one behind another in parent, before `before`; the result does, too.
 */
export function settle(parent: Node, old: readonly Node[], fresh: readonly Node[], before: Node | null): Node[] {
  const both = Math.min(old.length, fresh.length)
  const out = old.slice(0, both).map((o, i) => become(o, fresh[i] as Node))
  for (const o of old.slice(both)) parent.removeChild(o)
  const more = fresh.slice(both)
  if (more.length) {
    // at once: the browser looks at a parent's direction with every child that comes
    const all = document.createDocumentFragment()
    all.append(...more)
    parent.insertBefore(all, before)
  }
  return [...out, ...more]
}

/** The node that stands in the place of o afterwards: o itself, or f. */
function become(o: Node, f: Node): Node {
  if (o.isEqualNode(f)) return o
  if (o instanceof Text && f instanceof Text) {
    if (f.data.startsWith(o.data)) o.appendData(f.data.slice(o.data.length))
    else o.data = f.data
    return o
  }
  if (o instanceof Element && f instanceof Element && o.localName === f.localName && o.localName !== 'math' && sameAttributes(o, f)) {
    settle(o, [...o.childNodes], [...f.childNodes], null)
    return o
  }
  o.parentNode?.replaceChild(f, o)
  return f
}

function sameAttributes(a: Element, b: Element): boolean {
  if (a.attributes.length !== b.attributes.length) return false
  for (const { name, value } of a.attributes) if (b.getAttribute(name) !== value) return false
  return true
}
