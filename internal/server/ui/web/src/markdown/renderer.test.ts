// @vitest-environment jsdom
import { describe, expect, test, vi } from 'vitest'
import { Cutter } from './cutter'
import { drawBlocks } from './draw'
import { lex } from './lexer'
import { LOT } from './purify'
import { Renderer } from './renderer'
import { TEXTS } from './texts.fixture'

// a DOM without a browser is slow, the more so on a busy machine
vi.setConfig({ testTimeout: 120_000 })

// jsdom gives MathML no style, which browsers do
const styles = new WeakMap<Element, CSSStyleDeclaration>()
Object.defineProperty(Element.prototype, 'style', {
  configurable: true,
  get(this: Element) {
    let style = styles.get(this)
    if (!style) styles.set(this, (style = document.createElement('span').style))
    return style
  },
})

/** How many iterators were made on each document; DOMPurify keeps what makes them from its beginning on. */
const iterators = vi.hoisted(() => {
  const of = new Map<Document, number>()
  const create = Document.prototype.createNodeIterator
  Document.prototype.createNodeIterator = function (this: Document, ...args: Parameters<typeof create>) {
    of.set(this, (of.get(this) ?? 0) + 1)
    return create.apply(this, args)
  }
  return of
})

const root = (): HTMLElement => document.createElement('div')

function scratch(text: string): string {
  const r = root()
  impatient(r).set(text, false)
  return html(r)
}

/** The page's HTML, with text nodes that were put behind one another as one. */
function html(r: HTMLElement): string {
  const copy = r.cloneNode(true) as HTMLElement
  copy.normalize()
  return copy.innerHTML
}

/** Numbers that look like chance and are the same every time. */
function dice(seed: number): (n: number) => number {
  let s = seed
  return (n) => {
    s = (s * 1103515245 + 12345) & 0x7fffffff
    return (s >> 8) % n
  }
}

/** A renderer whose clock stands still, so that it never waits. */
function impatient(r: HTMLElement): Renderer {
  return Object.assign(new Renderer(r), { now: () => 0 }) as Renderer
}

/** Feeds a text in steps; returns the nodes of blocks that were finished and then lost. */
function grow(r: HTMLElement, it: Renderer, text: string, step: () => number): string[] {
  const lost: string[] = []
  const kept = new Map<Node, string>()
  for (let at = 0; at < text.length; ) {
    at = Math.min(text.length, at + step())
    it.set(text.slice(0, at), true)
    const all = [...r.querySelectorAll('.md-group')].flatMap((g) => [...g.childNodes])
    for (const [node, what] of kept) {
      if (!all.includes(node as ChildNode)) lost.push(what)
      kept.delete(node)
    }
    const live = new Set((it as unknown as { live: { nodes: Node[] } | null }).live?.nodes)
    for (const node of all) if (!live.has(node)) kept.set(node, (node.textContent ?? '').slice(0, 40))
  }
  it.set(text, false)
  for (const [node, what] of kept) if (!r.contains(node)) lost.push(what)
  return lost
}

describe('a text that grows', () => {
  for (const [name, text] of Object.entries(TEXTS)) {
    const big = text.length > 4000
    for (const n of big ? [1900] : text.length < 300 ? [1, 2, 5, 40] : [7, 40]) {
      test(`${name} by ${n}: finished blocks stay, and the end is the same as at once`, () => {
        const r = root()
        const lost = grow(r, impatient(r), text, () => n)
        expect(lost).toEqual([])
        expect(html(r)).toBe(scratch(text))
      })
    }
  }
  test('cut anywhere, on many ways', () => {
    for (const [name, text] of Object.entries(TEXTS)) {
      if (text.length > 4000) continue
      for (let seed = 1; seed <= 2; seed++) {
        const roll = dice(seed * 7919)
        const r = root()
        const lost = grow(r, impatient(r), text, () => 1 + roll(25))
        expect(lost, `${name}, seed ${seed}`).toEqual([])
        expect(html(r), `${name}, seed ${seed}`).toBe(scratch(text))
      }
    }
  })
  test('pieces of all texts in one another', () => {
    const lines = Object.values(TEXTS).filter((t) => t.length < 4000).flatMap((t) => t.split('\n'))
    for (let seed = 1; seed <= 8; seed++) {
      const roll = dice(seed * 104729)
      const text = Array.from({ length: 12 }, () => lines[roll(lines.length)] ?? '').join('\n')
      const r = root()
      const lost = grow(r, impatient(r), text, () => 1 + roll(30))
      expect(lost, JSON.stringify(text)).toEqual([])
      expect(html(r), JSON.stringify(text)).toBe(scratch(text))
    }
  })
})

describe('nodes', () => {
  test('the same text again leaves everything as it is', () => {
    const r = root()
    const it = impatient(r)
    it.set(TEXTS['doc']!, false)
    const nodes = [...r.querySelectorAll('*')]
    it.set(TEXTS['doc']!, false)
    it.set(TEXTS['doc']!, true)
    it.set(TEXTS['doc']!, false)
    expect([...r.querySelectorAll('*')].every((e, i) => e === nodes[i])).toBe(true)
  })
  test('another text keeps the blocks before the difference', () => {
    const r = root()
    const it = impatient(r)
    it.set('one\n\ntwo\n\nthree\n\nfour', false)
    const [one, two] = r.querySelectorAll('p')
    it.set('one\n\ntwo\n\nother\n\nfour\n\nfive', false)
    const now = r.querySelectorAll('p')
    expect(now[0]).toBe(one)
    expect(now[1]).toBe(two)
    expect(html(r)).toBe(scratch('one\n\ntwo\n\nother\n\nfour\n\nfive'))
    it.set('', false)
    expect(r.textContent).toBe('')
    it.set('back', true)
    expect(r.textContent).toBe('back')
  })
  test('an answer that goes on', () => {
    const r = root()
    const it = impatient(r)
    it.set('See [a].\n\n[a]: https://x', false)
    it.set('See [a].\n\n[a]: https://x.example/y', true)
    it.set('See [a].\n\n[a]: https://x.example/y\n\nend', false)
    expect(html(r)).toBe(scratch('See [a].\n\n[a]: https://x.example/y\n\nend'))
    expect(r.querySelector('a')?.href).toBe('https://x.example/y')
  })
  test('many blocks stand in groups', () => {
    const r = root()
    impatient(r).set('p\n\n'.repeat(1000), false)
    expect(r.querySelectorAll('p').length).toBe(1000)
    expect(r.childElementCount).toBe(16)
  })
  test('a growing paragraph of plain text is not drawn again', () => {
    const r = root()
    let clock = 0 // a second passes between two pieces, so that each is drawn when it comes
    const it = Object.assign(new Renderer(r), { now: () => clock }) as Renderer
    let text = 'Words'
    it.set(text, true)
    const p = r.querySelector('p')
    const first = p?.firstChild
    for (let i = 0; i < 3000; i++) {
      clock += 1000
      it.set((text += ' and more'), true)
    }
    expect(r.querySelector('p')).toBe(p)
    expect(p?.firstChild).toBe(first)
    expect(p?.childNodes.length).toBeGreaterThan(3)
    expect(p?.textContent).toBe(text)
  })
})

describe('what a long text costs', () => {
  test('a piece touches the same nodes behind hundreds of blocks as at the beginning', () => {
    const r = root()
    const it = impatient(r)
    const seen = new MutationObserver(() => undefined)
    seen.observe(r, { childList: true, characterData: true, attributes: true, subtree: true })
    let text = ''
    const costs: number[] = []
    for (let i = 0; i < 600; i++) {
      it.set((text += 'a paragraph\n\n'), true)
      it.set(text + 'and half', true)
      costs.push(seen.takeRecords().length)
    }
    expect(Math.max(...costs.slice(300))).toBeLessThanOrEqual(Math.max(...costs.slice(0, 100)))
    expect(Math.max(...costs)).toBeLessThanOrEqual(5)
  })
  test('few iterators hang on one document, and none on the page', () => {
    iterators.clear()
    impatient(root()).set('p\n\n'.repeat(10 * LOT), false)
    expect(iterators.has(document)).toBe(false)
    expect(iterators.size).toBeGreaterThan(8)
    expect(Math.max(...iterators.values())).toBeLessThanOrEqual(LOT)
  })
  test('more pieces at once than a call has room for arguments', () => {
    let clock = 0 // each look at the clock is later than a slice of time
    const it = Object.assign(new Renderer(root()), { now: () => (clock += 1000) }) as Renderer
    it.set('p\n\n'.repeat(300_000), false)
    it.set('', false)
  })
})

describe('what is not whole yet', () => {
  const live = (text: string): HTMLElement => {
    const r = root()
    impatient(r).set(text, true)
    return r
  }
  const cases: [string, string][] = [
    ['some **bold wor', 'some bold wor'],
    ['some **', 'some'],
    ['some **bold*', 'some bold'],
    ['*a **b', 'a b'],
    ['a `code par', 'a code par'],
    ['a [the manual](https://man', 'a the manual'],
    ['a ![pic](https://man', 'a pic'],
    ['~~gone', 'gone'],
    ['text\n-', 'text'],
    ['text\n\n##', 'text'],
    ['- a **b', 'a b'],
    ['> q **b', 'q b'],
    ['```js\nx = 1\n``', 'jsCopy codex = 1'],
    ['$x^2 + 1', 'x^2 + 1'],
    ['2 * 3', '2 * 3'],
    ['snake_case', 'snake_case'],
    ['it costs $5', 'it costs $5'],
    ['| a | b |', 'ab'],
    ['| a | b |\n|--', 'ab'],
    ['| a | b |\n|---|---|\n| **x', 'abx'],
  ]
  for (const [text, want] of cases) test(JSON.stringify(text), () => expect(live(text).textContent).toBe(want))
  test('the head of a table is a table at once', () => expect(live('| a | b').querySelectorAll('th').length).toBe(2))
  test('an unclosed fence is code', () => expect(live('```\na\n\nb').querySelector('pre')?.textContent).toBe('a\n\nb'))
})

describe('what is drawn', () => {
  const draw = (text: string): HTMLElement => {
    const r = root()
    impatient(r).set(text, false)
    return r
  }
  test('a link opens elsewhere and says where', () => {
    const a = draw('[x](https://manual.example/page?x=1)').querySelector('a')!
    expect([a.getAttribute('href'), a.target, a.rel]).toEqual(['https://manual.example/page?x=1', '_blank', 'noopener noreferrer'])
    expect(a.title).toContain('manual.example')
  })
  test('a link that names another place shows its own', () => expect(draw('[https://bank.example](https://evil.example/x)').textContent).toContain('(evil.example)'))
  test('addresses that lead nowhere else are text', () => {
    for (const href of ['javascript:x', 'data:text/html,x', 'file:///etc/passwd', '/chat/1', '#x', 'vbscript:x', 'javascript&colon;x', 'JaVaScRiPt:x', 'blob:x', '//evil.example']) expect(draw(`[t](${href})`).querySelector('a'), href).toBeNull()
  })
  test('a picture is a link with its text and address', () => {
    const r = draw('![pic](https://evil.example/p.png)')
    expect(r.querySelector('img')).toBeNull()
    expect(r.textContent).toContain('pic')
    expect(r.textContent).toContain('evil.example/p.png')
  })
  test('columns are aligned by classes', () => expect(draw('|a|b|c|\n|:--|:-:|--:|\n|1|2|3|').querySelector('tbody tr')?.innerHTML).toBe('<td class="md-left">1</td><td class="md-center">2</td><td class="md-right">3</td>'))
  test('mathematics is MathML', () => {
    const r = draw(TEXTS['doc']!)
    expect(r.querySelectorAll('math').length).toBe(2)
    expect(r.querySelector('math msqrt')).not.toBeNull()
    expect(r.querySelector('math mfrac')).not.toBeNull()
  })
  test('money is no mathematics', () => {
    for (const t of ['$5 or $6', 'from $5 to $10.', 'US$5 and A$6', '$5 is what we paid for it$ more', '$HOME/$USER', 'a $ b $ c', '$20,000 and $30,000', '$1$2']) expect(draw(t).querySelector('math'), t).toBeNull()
    for (const t of ['$5x + 3$', '$2$', '$x$', '($n$)', '$a_1, b_1$.', '$10^{-3}\\text{ meters}$', '\\(5\\)', '$$5$$']) expect(draw(t).querySelector('math'), t).not.toBeNull()
  })
  test('code has a language and its text', () => {
    const r = draw('```python\nx = 1 # <b>\n```')
    expect(r.querySelector('.md-language')?.textContent).toBe('python')
    expect(r.querySelector('code')?.textContent).toBe('x = 1 # <b>')
    expect(r.querySelectorAll('code span').length).toBeGreaterThan(0)
  })
  test('definitions hold for what stands before them', () => {
    const r = draw(TEXTS['references']!)
    expect([...r.querySelectorAll('a')].map((a) => a.textContent?.trim().slice(0, 10))).toContain('the manual')
    expect(r.querySelectorAll('.md-note-mark').length).toBe(2)
    expect(r.querySelectorAll('.md-note').length).toBe(2)
    expect(r.textContent).toContain('[nothing]')
  })
  test('a list goes on over blank lines', () => expect([...draw(TEXTS['lists']!).querySelectorAll('ol')].map((o) => [o.start, o.children.length])).toEqual([[1, 3], [10, 2]]))
  test('a list ends where it ends for who reads all at once', () => {
    const all = root()
    all.append(...drawBlocks(lex(TEXTS['ends']!, {}), { finished: true, openFormula: '' }))
    const r = draw(TEXTS['ends']!)
    expect([...r.querySelectorAll('.md-group')].map((g) => g.innerHTML).join('')).toBe(all.innerHTML)
  })
  test('paragraphs behind a list are pieces of their own', () => {
    const cutter = new Cutter()
    expect(cutter.read('- point\n\n' + ' ra ri ro\n\n'.repeat(100))).toHaveLength(101)
  })
  test('the paragraphs of an item are searched once', () => {
    const searched = vi.spyOn(String.prototype, 'search')
    let characters = 0
    searched.mockImplementation(function (this: string, pattern) {
      const at = (pattern as RegExp)[Symbol.search](String(this))
      characters += at < 0 ? this.length : at
      return at
    })
    const text = '- a\n\n' + '  word word\n\n'.repeat(500)
    lex(text, {})
    searched.mockRestore()
    expect(characters).toBeLessThan(10 * text.length)
  })
  test('raw HTML is text', () => {
    const r = draw('<div style="x">a</div> <img src=x onerror=y> x<sup>2</sup><br>z <!-- c -->')
    expect(r.textContent).toContain('<div style="x">a</div> <img src=x onerror=y> x2')
    expect(r.querySelectorAll('sup').length).toBe(1)
    expect(r.querySelectorAll('br').length).toBe(1)
  })
})

describe('hostile text', () => {
  for (const [name, text] of Object.entries(TEXTS)) {
    test(`${name} does nothing`, () => {
      const r = root()
      impatient(r).set(text, false)
      const bad: string[] = []
      let depth = 0
      for (const e of r.querySelectorAll('*')) {
        if (/^(script|iframe|object|embed|frame|form|style|link|meta|base|template|noscript|foreignobject|video|audio|img|svg|input|dialog)$/i.test(e.localName)) bad.push(e.localName)
        for (const a of e.attributes) {
          if (a.name.startsWith('on') || a.name === 'id' || a.name === 'name' || a.name === 'src') bad.push(`${e.localName} ${a.name}`)
          if (a.name === 'style' && e.namespaceURI !== 'http://www.w3.org/1998/Math/MathML') bad.push(`${e.localName} style`)
          if (a.name === 'href' && !/^(https?|mailto):/.test(a.value)) bad.push(a.value)
        }
        let n = 0
        for (let p: Element | null = e; p; p = p.parentElement) n++
        depth = Math.max(depth, n)
      }
      expect(bad).toEqual([])
      expect(depth).toBeLessThan(250)
      if (text.includes('end of part')) expect(r.textContent).toContain('end of part')
    })
  }
  test('no definition reaches an object of the page', () => {
    const r = root()
    impatient(r).set('[constructor] [__proto__] [toString][]\n\n[__proto__]: https://x.example\n\n[hasOwnProperty]', false)
    expect([...r.querySelectorAll('a')].map((a) => a.textContent)).toEqual(['proto'])
    expect(({} as Record<string, unknown>)['href']).toBeUndefined()
  })
})
