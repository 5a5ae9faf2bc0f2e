import type { Token, Tokens } from 'marked'
import { drawCode } from './code'
import type { FormulaToken, NoteMarkToken, NoteToken, PlainTagToken } from './lexer'
import { LIMITS } from './limits'
import { address, decode, drawImage, drawLink } from './links'
import { drawFormula } from './math'

/** How a piece is drawn. */
export interface Manner {
  /** A formula that is not closed yet (repair), which is shown as it was written. */
  openFormula: string
  /** Whether nothing of it will change: code is coloured. */
  finished: boolean
}

interface Place extends Manner {
  /** Blocks in one another so far. */
  depth: number
  /** Whether a block above takes the direction of the text. */
  directed: boolean
  inLink: boolean
}

/** The nodes of block tokens. */
export function drawBlocks(tokens: readonly Token[], manner: Manner): Node[] {
  return blocks(tokens, { ...manner, depth: 0, directed: false, inLink: false }, true)
}

/** A piece that is not read as Markdown, as it was written. */
export function drawPlain(text: string): HTMLElement {
  const p = document.createElement('p')
  p.className = 'md-plain'
  p.dir = 'auto'
  p.textContent = text
  return p
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, at: Place | null, children: Node[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(name)
  e.append(...children)
  if (at && !at.directed) e.dir = 'auto' // at the end: the browser looks for the direction at every child that comes
  return e
}

function blocks(tokens: readonly Token[], at: Place, loose: boolean): Node[] {
  const out: Node[] = []
  for (const t of tokens) {
    const node = block(t, at, loose)
    if (Array.isArray(node)) out.push(...node)
    else if (node) out.push(node)
  }
  return out
}

function block(token: Token, at: Place, loose: boolean): Node | Node[] | null {
  if (at.depth > LIMITS.depth) return document.createTextNode(token.raw)
  const t = token as Tokens.Generic
  switch (token.type) {
    case 'space':
    case 'def':
      return null
    case 'paragraph':
      return element('p', at, inlines(t.tokens, at))
    case 'text':
      return loose && at.depth === 0 ? element('p', at, inlines(t.tokens ?? [token], at)) : t.tokens ? inlines(t.tokens, at) : [text(t['text'] as string)]
    case 'heading':
      return element(`h${Math.min(6, Math.max(1, t['depth'] as number))}` as 'h1', at, inlines(t.tokens, at))
    case 'hr':
      return document.createElement('hr')
    case 'code':
      return drawCode(t['text'] as string, t['lang'] as string | undefined, at.finished)
    case 'blockquote':
      return element('blockquote', at, blocks(t.tokens ?? [], inside(at), true))
    case 'list':
      return list(token as Tokens.List, at)
    case 'table':
      return table(token as Tokens.Table, at)
    case 'formula':
      return formula(token as unknown as FormulaToken, at)
    case 'note':
      return note(token as unknown as NoteToken, at)
    case 'checkbox':
      return checkbox((token as Tokens.Checkbox).checked)
    default:
      return element('p', at, [text(token.raw)])
  }
}

const inside = (at: Place): Place => ({ ...at, depth: at.depth + 1, directed: true })

function list(t: Tokens.List, at: Place): HTMLElement {
  const deeper = inside(at)
  const items = t.items.map((item) => {
    const li = element('li', null, blocks(item.tokens, deeper, t.loose))
    if (item.task) li.className = 'md-task'
    return li
  })
  const e = element(t.ordered ? 'ol' : 'ul', at, items)
  if (t.ordered && typeof t.start === 'number' && t.start !== 1) (e as HTMLOListElement).start = t.start
  return e
}

function checkbox(checked: boolean): HTMLElement {
  const box = document.createElement('span')
  box.className = 'md-check'
  box.setAttribute('role', 'img')
  box.setAttribute('aria-label', checked ? 'Done' : 'Not done')
  box.textContent = checked ? '☑' : '☐'
  return box
}

function table(t: Tokens.Table, at: Place): HTMLElement {
  const inner = { ...at, directed: true }
  const cell = (c: Tokens.TableCell, name: 'th' | 'td'): HTMLElement => {
    const e = element(c.tokens.length ? name : 'td', null, inlines(c.tokens, inner))
    if (c.align) e.className = `md-${c.align}`
    return e
  }
  const row = (cells: Tokens.TableCell[], name: 'th' | 'td'): HTMLElement => {
    const tr = document.createElement('tr')
    tr.append(...cells.map((c) => cell(c, name)))
    return tr
  }
  const head = document.createElement('thead')
  head.append(row(t.header, 'th'))
  const parts: Node[] = [head]
  if (t.rows.length) {
    const body = document.createElement('tbody')
    body.append(...t.rows.map((cells) => row(cells, 'td')))
    parts.push(body)
  }
  const tab = element('table', at, parts)
  const box = document.createElement('div')
  box.className = 'md-wide'
  box.tabIndex = 0
  box.setAttribute('role', 'group')
  box.setAttribute('aria-label', 'Table')
  box.append(tab)
  return box
}

function formula(t: FormulaToken, at: Place): Node {
  const open = at.openFormula !== '' && t.raw.trim() === at.openFormula.trim()
  const math = open ? null : drawFormula(t.tex.trim(), t.display)
  if (!math) {
    const code = document.createElement('code')
    code.className = 'md-tex'
    code.textContent = open ? t.tex : t.raw.trim()
    return code
  }
  if (!t.display) return math
  const box = document.createElement('span')
  box.className = 'md-formula'
  box.append(math)
  return box
}

function note(t: NoteToken, at: Place): HTMLElement {
  const mark = document.createElement('sup')
  mark.textContent = label(t.label)
  const e = element('div', at, [mark, ...blocks(t.tokens, inside(at), true)])
  e.className = 'md-note'
  return e
}

function noteMark(t: NoteMarkToken): HTMLElement {
  const sup = document.createElement('sup')
  const b = document.createElement('button')
  b.type = 'button'
  b.className = 'md-note-mark'
  b.textContent = label(t.label)
  b.setAttribute('aria-label', `Footnote ${label(t.label)}`)
  sup.append(b)
  return sup
}

/** A footnote's label as it is shown and found again. */
export function label(text: string): string {
  return text.length > 24 ? text.slice(0, 24) + '…' : text
}

function inlines(tokens: readonly Token[] | undefined, at: Place): Node[] {
  const out: Node[] = []
  let run = ''
  const flush = (): void => {
    if (run) out.push(document.createTextNode(run))
    run = ''
  }
  for (const token of tokens ?? []) {
    const t = token as Tokens.Generic
    if ((token.type === 'text' || token.type === 'escape') && !t.tokens) {
      run += token.type === 'text' ? decode(t['text'] as string) : (t['text'] as string)
      continue
    }
    flush()
    out.push(...inline(token, at))
  }
  flush()
  return out
}

function inline(token: Token, at: Place): Node[] {
  if (at.depth > 3 * LIMITS.depth) return [text(token.raw)]
  const deeper = { ...at, depth: at.depth + 1 }
  const t = token as Tokens.Generic
  const inner = (): Node[] => inlines(t.tokens, deeper)
  switch (token.type) {
    case 'text':
      return inner()
    case 'strong':
      return [element('strong', null, inner())]
    case 'em':
      return [element('em', null, inner())]
    case 'del':
      return [element('del', null, inner())]
    case 'codespan': {
      const code = document.createElement('code')
      code.textContent = t['text'] as string
      return [code]
    }
    case 'br':
      return [document.createElement('br')]
    case 'checkbox':
      return [checkbox((token as Tokens.Checkbox).checked), text(' ')]
    case 'link': {
      const url = at.inLink ? null : address((token as Tokens.Link).href)
      if (!url) return inner()
      const content = document.createDocumentFragment()
      content.append(...inlines(t.tokens, { ...deeper, inLink: true }))
      return [drawLink(url, content)]
    }
    case 'image':
      return [drawImage(decode((token as Tokens.Image).text), (token as Tokens.Image).href, !at.inLink)]
    case 'formula':
      return [formula(token as unknown as FormulaToken, at)]
    case 'noteMark':
      return [noteMark(token as unknown as NoteMarkToken)]
    case 'plainTag': {
      const tag = token as unknown as PlainTagToken
      return [element(tag.tag as 'sub', null, inlines(tag.tokens, deeper))]
    }
    default:
      return [text(token.raw)]
  }
}

const text = (s: string): Text => document.createTextNode(s)
