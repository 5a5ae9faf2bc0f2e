import { Lexer, Marked, Tokenizer, type Token, type TokenizerExtension, type Tokens } from 'marked'
import { findFormula, findDisplay } from './tex'

/** Reference definitions by label in lower case; a footnote's label begins with `^`. Without a prototype. */
export type Links = Record<string, { href: string | null; title: string | null | undefined }>

export interface FormulaToken {
  type: 'formula'
  raw: string
  tex: string
  display: boolean
}
export interface NoteToken {
  type: 'note'
  raw: string
  label: string
  tokens: Token[]
}
export interface NoteMarkToken {
  type: 'noteMark'
  raw: string
  label: string
}
/** One of the few HTML elements that text may hold. */
export interface PlainTagToken {
  type: 'plainTag'
  raw: string
  tag: string
  tokens: Token[]
}

const formula = (f: { raw: string; tex: string; display: boolean } | undefined): FormulaToken | undefined => f && { type: 'formula', ...f }

/** Where a line begins like that, in the paragraph at the beginning: what is behind a blank line is no part of it, and would be searched again for each paragraph. */
function within(src: string, line: RegExp): number | undefined {
  const end = src.search(/\n[ \t]*\n/)
  const at = (end < 0 ? src : src.slice(0, end)).search(line)
  return at < 0 ? undefined : at + 1
}

const displayFormula: TokenizerExtension = {
  name: 'formula',
  level: 'block',
  start: (src) => within(src, /\n {0,3}(?:\$\$|\\\[)/),
  tokenizer(src) {
    return formula(findDisplay(src)) as Tokens.Generic | undefined
  },
}

const inlineFormula: TokenizerExtension = {
  name: 'inlineFormula',
  level: 'inline',
  tokenizer(src, tokens) {
    if (src[0] !== '$' && src[0] !== '\\') return undefined
    return formula(findFormula(src, tokens.at(-1)?.raw.at(-1) ?? '')) as Tokens.Generic | undefined
  },
}

const note: TokenizerExtension = {
  name: 'note',
  level: 'block',
  start: (src) => within(src, /\n\[\^[^\s\]]{1,80}\]:/),
  tokenizer(src) {
    const m = /^\[\^([^\s\]]{1,80})\]:[ \t]*/.exec(src)
    if (!m) return undefined
    const end = noteEnd(src)
    const body = src.slice(m[0].length, end).replace(/\n(?: {1,4}|\t)/g, '\n')
    const label = m[1] ?? ''
    const links = this.lexer.tokens.links as Links
    links['^' + label.toLowerCase()] ??= { href: '', title: '' }
    return { type: 'note', raw: src.slice(0, end), label, tokens: this.lexer.blockTokens(body, []) }
  },
}

/** Where a footnote ends: before another one, or before a line that is not indented behind a blank one. */
function noteEnd(src: string): number {
  let end = src.indexOf('\n')
  if (end < 0) return src.length
  let blank = false
  for (let at = ++end; at < src.length; ) {
    let next = src.indexOf('\n', at)
    next = next < 0 ? src.length : next + 1
    const line = src.slice(at, next)
    if (!line.trim()) blank = true
    else if (!/^[ \t]/.test(line) && (blank || /^(?:\[\^[^\s\]]{1,80}\]:|#{1,6}[ \t]|`{3}|~{3}|[-*+>][ \t]|1[.)][ \t])/.test(line))) break
    else {
      blank = false
      end = next
    }
    at = next
  }
  return end
}

const noteMark: TokenizerExtension = {
  name: 'noteMark',
  level: 'inline',
  tokenizer(src) {
    const m = /^\[\^([^\s\]]{1,80})\]/.exec(src)
    const label = m?.[1]
    if (!m || label === undefined || !(('^' + label.toLowerCase()) in this.lexer.tokens.links)) return undefined
    return { type: 'noteMark', raw: m[0], label }
  },
}

const PLAIN = /^<(sub|sup|kbd|u|mark|ins|small|b|i|em|strong|s|del)>([^<>]{1,500})<\/\1>/i

/** Text up to the next character that may mean something; marked's rule, and the dollar. */
const TEXT =
  /^([`~]+|[^`~])(?:(?= {2,}\n)|(?=[a-zA-Z0-9.!#$%&'*+/=?_`{|}~-]+@)|[\s\S]*?(?:(?=[\\<![`*~_$]|\b_|https?:\/\/|ftp:\/\/|www\.|$)|[^ ](?= {2,}\n)|[^a-zA-Z0-9.!#$%&'*+/=?_`{|}~-](?=[a-zA-Z0-9.!#$%&'*+/=?_`{|}~-]+@)))/

/** Raw HTML is text. Only `<br>` and a few elements without attributes that hold nothing but text count. */
class PlainTokenizer extends Tokenizer {
  override html(): undefined {
    return undefined
  }

  override tag(src: string): Tokens.Tag | undefined {
    const line = /^<br ?\/?>/i.exec(src)
    if (line) return { type: 'br', raw: line[0] } as unknown as Tokens.Tag
    const m = PLAIN.exec(src)
    if (!m) return undefined
    const tag = (m[1] ?? '').toLowerCase()
    return { type: 'plainTag', raw: m[0], tag, tokens: this.lexer.inlineTokens(m[2] ?? '', []) } as unknown as Tokens.Tag
  }

  override inlineText(src: string): Tokens.Text | undefined {
    const m = TEXT.exec(src)
    return m ? { type: 'text', raw: m[0], text: m[0], escaped: false } : undefined
  }
}

const marked = new Marked({ gfm: true, extensions: [displayFormula, note, inlineFormula, noteMark] })
marked.setOptions({ tokenizer: new PlainTokenizer() })

/** The formulas of a line stand for letters where marked looks for the ends of emphasis. */
marked.use({
  hooks: {
    emStrongMask(src: string): string {
      if (!src.includes('$')) return src
      let out = ''
      for (let at = 0; at < src.length; ) {
        const next = src.indexOf('$', at)
        if (next < 0) return out + src.slice(at)
        out += src.slice(at, next)
        const f = findFormula(src.slice(next, next + 2000), src[next - 1] ?? '')
        out += f ? 'a'.repeat(f.raw.length) : '$'
        at = next + (f?.raw.length ?? 1)
      }
      return out
    },
  },
})

/** The tokens of a piece. Definitions in it are added to links. */
export function lex(text: string, links: Links): Token[] {
  const lexer = new Lexer(marked.defaults)
  lexer.tokens.links = links as typeof lexer.tokens.links
  return lexer.lex(text)
}
