import { findFormula } from './tex'

/** What is shown of text that is still being written. */
export interface Repaired {
  text: string
  /** A formula that is not closed yet, with the closer that was put behind it. It is shown as it was written. */
  openFormula: string
}

/** A line that is no text yet: the beginning of a mark. */
const HALF = /(?:^|\n)[ \t]*(?:[-=+*_]+|\d{1,9}[.)]|#{1,6}|>[> ]*|`+|~+|\||\[\^?|!)$/

/**
 * Closes what is open at the end of a text that is still being written, so that marks do not stand there raw until their partner comes:
 * emphasis, code, links and formulas, and the head of a table.
 */
export function repair(source: string): Repaired {
  let text = source.replace(HALF, '')
  const t = openTable(text)
  if (t !== null) text = t
  else {
    const start = container(text)
    const inner = repairInline(text.slice(start))
    return { text: text.slice(0, start) + inner.text, openFormula: inner.openFormula }
  }
  return { text, openFormula: '' }
}

/** Where the text begins that marks at the end can pair in: behind the last blank line, mark of a block or bar of a table. */
function container(text: string): number {
  let from = Math.max(text.lastIndexOf('\n\n') + 2, 1) - 1
  if (from < 0) from = 0
  let at = text.lastIndexOf('\n') + 1
  for (let lines = 0; ; lines++) {
    const line = text.slice(at, at + 400)
    const m = /^[ \t]*(?:(?:[-*+]|\d{1,9}[.)]|>|#{1,6})[ \t]+)+/.exec(line)
    if (m) return at + m[0].length
    if (/^[ \t]*\|/.test(line)) return Math.max(text.lastIndexOf('|') + 1, at)
    if (at <= from || lines > 40) return at
    at = text.lastIndexOf('\n', at - 2) + 1
  }
}

/** The text with a table's head made whole, or null where no table begins at the end. */
function openTable(text: string): string | null {
  const lines: string[] = []
  let at = text.length
  while (lines.length < 3) {
    const start = text.lastIndexOf('\n', at - 1) + 1
    const line = text.slice(start, at)
    if (!/^ {0,3}\|/.test(line)) break
    lines.unshift(line)
    at = start - 1
    if (start === 0) break
  }
  const [head, second] = lines
  if (head === undefined || lines.length > 2) return null
  if (second !== undefined && !/^ {0,3}\|[|:\- ]*$/.test(second)) return null
  const cells = head.replace(/\\\|/g, '').trim().replace(/^\|/, '').replace(/\|$/, '').split('|').length
  const before = text.slice(0, Math.max(0, at) + (at > 0 ? 1 : 0))
  const fits = second !== undefined && second.trim().replace(/^\|/, '').replace(/\|$/, '').split('|').length === cells && /^[|:\- ]*-[|:\- ]*$/.test(second) && !/\|\s*(?:\||$)/.test(second.trim().slice(0, -1))
  return fits ? text : before + head + '\n|' + '---|'.repeat(cells)
}

interface Opener {
  mark: string
  at: number
}

/** Closes what is open in a run of text. */
function repairInline(text: string): Repaired {
  const openers: Opener[] = []
  const brackets: number[] = []
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '\\' && text[i + 1] !== '(' && text[i + 1] !== '[') i++
    else if (c === '`') {
      const n = run(text, i)
      const end = closingRun(text, i + n, n)
      if (end < 0) return { text: i + n < text.length ? close(text.replace(/`+$/, (m) => (m.length < n ? '' : m)), [...openers, { mark: '`'.repeat(n), at: i }]) : close(text.slice(0, i), openers), openFormula: '' }
      i = end - 1
    } else if (c === '$' || c === '\\') {
      const f = findFormula(text.slice(i, i + 6000), text[i - 1] ?? '')
      if (f) {
        i += f.raw.length - 1
        continue
      }
      const open = openFormula(text, i)
      if (open) return { text: close(text.slice(0, i) + open, openers), openFormula: open }
      if (c === '\\') i++
    } else if (c === '[') brackets.push(i)
    else if (c === ']') {
      const start = brackets.pop()
      if (start === undefined || text[i + 1] !== '(') continue
      const end = linkEnd(text, i + 1)
      if (end < 0) {
        // the address is not whole: only what the link says is shown
        const from = text[start - 1] === '!' ? start - 1 : start
        return { text: close(text.slice(0, from) + text.slice(start + 1, i), openers.filter((o) => o.at < from)), openFormula: '' }
      }
      i = end
    } else if (c === '*' || c === '_' || c === '~') {
      const n = run(text, i)
      const top = openers.at(-1)
      // `**bold*`: the second star is on its way
      if (i + n === text.length && top && top.mark[0] === c && top.mark.length > n && !/\s/.test(text[i - 1] ?? ' ')) return { text: close(text.slice(0, i), openers), openFormula: '' }
      mark(openers, text, i, n)
      if (openers.length > 8) return { text, openFormula: '' }
      i += n - 1
    }
  }
  return { text: close(text, openers), openFormula: '' }
}

/** Takes a run of marks as a closer or an opener. */
function mark(openers: Opener[], text: string, at: number, n: number): void {
  const c = text[at] ?? ''
  const before = text[at - 1] ?? ' '
  const after = text[at + n] ?? ' '
  let rest = n
  if (!/\s/.test(before)) {
    for (let top = openers.at(-1); rest > 0 && top && top.mark[0] === c && top.mark.length <= rest; top = openers.at(-1)) {
      rest -= top.mark.length
      openers.pop()
    }
  }
  const atEnd = at + n >= text.length
  if (rest === 0 || (/\s/.test(after) && !atEnd)) return
  if (c === '~' && rest !== 2) return
  if (rest > 3 || (/[\p{L}\p{N}]/u.test(before) && (c === '_' || rest === 1))) return
  if (rest === 3) openers.push({ mark: c.repeat(2), at }, { mark: c, at: at + 2 })
  else openers.push({ mark: c.repeat(rest), at: at + n - rest })
}

/** The text with the closers of all that is open. An opener with nothing behind it is left out. */
function close(text: string, openers: readonly Opener[]): string {
  let out = text
  const open = openers.filter((o) => o.at < out.length)
  for (let last = open.at(-1); last && !out.slice(last.at + last.mark.length).trim(); last = open.at(-1)) {
    out = out.slice(0, last.at).trimEnd()
    open.pop()
  }
  return out.trimEnd() + open.reverse().map((o) => o.mark).join('')
}

function run(text: string, at: number): number {
  let n = 1
  while (text[at + n] === text[at]) n++
  return n
}

/** The end of the run of n backticks that closes a code, or -1. */
function closingRun(text: string, from: number, n: number): number {
  for (let i = text.indexOf('`', from); i >= 0; ) {
    const m = run(text, i)
    if (m === n) return i + n
    i = text.indexOf('`', i + m)
  }
  return -1
}

/** Where the address in round brackets ends, or -1 where it does not yet. Something that cannot be an address ends at once. */
function linkEnd(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length && i < at + 3000; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')' && --depth === 0) return i
    else if (text[i] === '\n') return at
  }
  return text.length > at + 3000 ? at : -1
}

/** A formula that is open until the end of the text, closed; empty where it is more likely something else. */
function openFormula(text: string, at: number): string {
  const rest = text.slice(at)
  if (rest.length > 3000 || /\n[ \t]*\n/.test(rest)) return ''
  if (/^\\[([]./.test(rest)) return rest + (rest[1] === '(' ? '\\)' : '\\]')
  if (/^\$\$\s*\S/.test(rest)) return rest.replace(/\$$/, '') + '$$'
  if (/^\$[^\s\d$]/.test(rest) && /[\\^_{]/.test(rest) && !rest.includes('`') && !/[\p{L}\p{N}]/u.test(text[at - 1] ?? '')) return rest + '$'
  return ''
}
