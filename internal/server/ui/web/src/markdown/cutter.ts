/** One piece of a source, cut where nothing that follows can change what stands before. Offsets of UTF-16 units, end exclusive. */
export interface Piece {
  start: number
  end: number
  /** A fenced block, whose inside is no Markdown. */
  code: boolean
}

/**
 * What the lines so far belong to. `list` and `note` go on over blank lines while what follows is indented;
 * all others end at the first blank line, or by themselves.
 */
type Kind = 'none' | 'text' | 'list' | 'note' | 'code' | 'indented' | 'math'

const BLANK = /^[ \t]*$/
const HEADING = /^ {0,3}#{1,6}(?:[ \t]|$)/
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$/
const MARKER = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/
/** A marker and the blanks behind it, where those are spaces. */
const WIDTH = /^( {0,3}(?:[-*+]|\d{1,9}[.)]))( *)(\S?)/
/** The markers that may end a paragraph: a bullet or a one, with text behind it. */
const INTERRUPTS = /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/
const INDENTED = /^(?: {4}| {0,3}\t)/
const NOTE = /^\[\^[^\s\]]{1,80}\]:/
const FENCE = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/
const INNER_FENCE = /^([ \t]*)(?:(?:[-*+]|\d{1,9}[.)])[ \t]+){0,8}(?:(`{3,})[^`]*|(~{3,}).*)$/
const MATH = /^ {0,3}(\$\$|\\\[)/

/**
 * Cuts a growing source into pieces, line by line. Every decision rests on complete lines that were read already,
 * so the cuts are the same however the source arrived, and the work is that of the new lines alone.
 *
 * Where it is in doubt it does not cut: two blocks in one piece are only more to draw again, one block in two pieces would be wrong.
 */
export class Cutter {
  /** Where the piece that is not finished begins. */
  open = 0
  private next = 0
  private kind: Kind = 'none'
  private fence = ''
  private inner = ''
  private innerIndent = 0
  private blank = false
  private closer = ''
  /** Spaces that what belongs to an item of the open list begins with, at least. */
  private indent = 0

  /** Goes back to a cut, from where the source is another one. */
  reset(at: number): void {
    this.open = this.next = at
    this.become('none')
  }

  /** Whether the open piece is a fenced block so far. */
  get inCode(): boolean {
    return this.kind === 'code'
  }

  /** Reads the complete lines that came since the last call and returns the pieces that they finished. */
  read(source: string): Piece[] {
    const out: Piece[] = []
    for (;;) {
      const end = source.indexOf('\n', this.next)
      if (end < 0) return out
      const start = this.next
      this.next = end + 1
      this.line(out, source.slice(start, end).replace(/\r$/, ''), start, end + 1)
    }
  }

  private become(kind: Kind): void {
    this.kind = kind
    this.fence = this.inner = this.closer = ''
    this.blank = false
    this.indent = Infinity
  }

  private cut(out: Piece[], at: number): void {
    if (at > this.open) out.push({ start: this.open, end: at, code: this.kind === 'code' })
    this.open = at
    this.become('none')
  }

  private line(out: Piece[], line: string, start: number, end: number): void {
    const blank = BLANK.test(line)
    switch (this.kind) {
      case 'none':
        if (blank) this.open = end
        else this.begin(out, line, start, end)
        return
      case 'code':
        if (closes(line, this.fence)) this.cut(out, end)
        return
      case 'math':
        if (blank) this.cut(out, end)
        else if (FENCE.test(line)) this.restart(out, line, start, end)
        else if (line.trimEnd().endsWith(this.closer)) this.cut(out, end)
        else if (line.includes(this.closer)) this.become('text')
        return
      case 'text':
        if (blank) this.cut(out, end)
        else if (FENCE.test(line) || HEADING.test(line) || (INTERRUPTS.test(line) && !RULE.test(line)) || NOTE.test(line) || this.opensMath(line)) this.restart(out, line, start, end)
        return
      case 'indented':
        if (blank) this.blank = true
        else if (!INDENTED.test(line)) this.restart(out, line, start, end)
        return
      case 'note':
      case 'list':
        this.inContainer(out, line, start, end, blank)
    }
  }

  /** A line of a list or a footnote. */
  private inContainer(out: Piece[], line: string, start: number, end: number, blank: boolean): void {
    const indented = /^[ \t]/.test(line)
    if (this.inner) {
      if (closes(line, this.inner, true)) this.inner = ''
      else if (!blank && !indented && this.blank && this.innerIndent > 0) this.restart(out, line, start, end)
      this.blank = blank
      return
    }
    if (blank) {
      this.blank = true
      return
    }
    const ends = !indented && (FENCE.test(line) || HEADING.test(line) || MATH.test(line) || NOTE.test(line) || RULE.test(line))
    const goesOn = !this.blank || (this.kind === 'list' ? MARKER.test(line) || this.belongs(line) : indented)
    if (ends || !goesOn) {
      this.restart(out, line, start, end)
      return
    }
    this.blank = false
    this.look(line)
  }

  /** Whether a line behind a blank one may belong to an item of the list: where tabs indent it, it does. */
  private belongs(line: string): boolean {
    const spaces = line.search(/[^ ]/)
    return line[spaces] === '\t' || spaces >= this.indent
  }

  private restart(out: Piece[], line: string, start: number, end: number): void {
    this.cut(out, start)
    this.begin(out, line, start, end)
  }

  private begin(out: Piece[], line: string, start: number, end: number): void {
    this.open = start
    const fence = FENCE.exec(line)
    if (fence) {
      this.become('code')
      this.fence = fence[1] ?? fence[2] ?? ''
    } else if (HEADING.test(line) || RULE.test(line)) {
      this.become('text')
      this.cut(out, end)
    } else if (this.opensMath(line)) {
      this.become('math')
      this.closer = MATH.exec(line)?.[1] === '$$' ? '$$' : '\\]'
    } else if (MARKER.test(line)) {
      this.become('list')
      this.look(line)
    } else if (NOTE.test(line)) {
      this.become('note')
    } else {
      this.become(INDENTED.test(line) ? 'indented' : 'text')
    }
  }

  /** Whether a line opens a formula that goes on in the next lines. */
  private opensMath(line: string): boolean {
    const m = MATH.exec(line)
    return !!m && !line.includes(m[1] === '$$' ? '$$' : '\\]', m[0].length)
  }

  /** Looks for a marker, and for a fence inside a list. */
  private look(line: string): void {
    const marker = this.kind === 'list' && WIDTH.exec(line)
    if (marker) {
      const spaces = marker[2]?.length ?? 0
      this.indent = Math.min(this.indent, (marker[1]?.length ?? 0) + (marker[3] && spaces > 0 && spaces <= 4 ? spaces : 1))
    }
    const m = INNER_FENCE.exec(line)
    if (!m) return
    this.inner = m[2] ?? m[3] ?? ''
    this.innerIndent = m[1]?.length ?? 0
    if (MARKER.test(line)) this.innerIndent += 2
  }
}

/** Whether the line closes a fence. */
function closes(line: string, fence: string, indented = false): boolean {
  const text = indented ? line.trimStart() : line.replace(/^ {0,3}/, '')
  let n = 0
  while (text[n] === fence[0]) n++
  return n >= fence.length && BLANK.test(text.slice(n))
}
