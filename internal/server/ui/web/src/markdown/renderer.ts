import { Cutter, type Piece } from './cutter'
import { drawBlocks, drawPlain } from './draw'
import { lex, type Links } from './lexer'
import { beyond } from './limits'
import { clean } from './purify'
import { repair } from './repair'
import { settle } from './settle'
import { tailFor } from './tail'

/** A piece of the source in the page. */
interface Block {
  start: number
  end: number
  nodes: Node[]
  /** Whether reference definitions stand in it. */
  defines: boolean
}

/** Finished blocks of one group; a group keeps the layout of a long text from looking at every block of it again. */
const GROUP = 64
/** Drawing the live block again takes at most about one part in this many of the time. */
const REST = 8
/** Characters of the live block for which one millisecond passes between two drawings, because the browser has to lay it out again. */
const PER_MS = 2000
/** Milliseconds after which the rest of the finished blocks waits until the browser has done something else. */
const SLICE = 80

/**
 * Draws Markdown into root while it is being written.
 *
 * The source is cut into pieces (Cutter). A finished piece is drawn once and keeps its nodes, whatever follows; only the last one is drawn
 * again, and of that only what differs. All text is hostile: it becomes text nodes and a few known elements, never HTML.
 */
export class Renderer {
  private source = ''
  private running = false
  private timer: ReturnType<typeof setTimeout> | undefined
  /** When the live block may be drawn again. */
  private nextAt = 0
  private cutter = new Cutter()
  /** Pieces that are finished; those from next on are not drawn yet. */
  private queue: Piece[] = []
  private next = 0
  /** The children of root. */
  private groups: HTMLElement[] = []
  private blocks: Block[] = []
  private live: Block | null = null
  private liveText = ''
  private links: Links = Object.create(null) as Links
  /** The finished blocks that use labels which are not defined (yet). */
  private missing = new Map<string, Set<Block>>()

  constructor(private readonly root: HTMLElement) {
    root.classList.add('md')
    root.addEventListener('click', (e) => clicked(root, e))
  }

  /** Shows the source. running: more will follow, so the end may be half a word, and may be drawn a little later. A very long text comes in parts. */
  set(source: string, running: boolean): void {
    if (source === this.source && running === this.running) return
    if (!source.startsWith(this.source)) this.rewind(shared(source, this.source))
    else if (!this.running && this.live?.defines) this.rewind(0)
    this.source = source
    this.running = running
    for (const piece of this.cutter.read(source)) this.queue.push(piece)
    if (this.timer !== undefined && running && !this.queue.length) return
    this.work()
  }

  private now(): number {
    return performance.now()
  }

  /** Draws what is finished, as much as one part of time holds, and then the end. */
  private work(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const until = this.now() + SLICE
    for (let piece = this.queue[this.next]; piece; piece = this.queue[this.next]) {
      this.next++
      this.finish(piece)
      if (this.next < this.queue.length && this.now() > until) return this.later(0)
    }
    this.queue = []
    this.next = 0
    this.drawEnd()
  }

  private later(ms: number): void {
    this.timer = setTimeout(() => this.work(), ms)
  }

  /** Draws what is behind the last cut. */
  private drawEnd(): void {
    const open = this.cutter.open
    const text = trimmed(this.source.slice(open))
    if (!text) return this.dropLive()
    if (!this.running) {
      const block = this.take({ start: open, end: this.source.length, code: this.cutter.inCode })
      this.live = block
      this.compose(block, this.blocks.length)
      return
    }
    const began = this.now()
    if (began < this.nextAt - 1) return this.later(this.nextAt - began)
    this.drawLive(text)
    const now = this.now()
    this.nextAt = now + REST * (now - began) + text.length / PER_MS
  }

  /** Forgets what was drawn from an offset on, where the source is another one. */
  private rewind(at: number): void {
    this.dropLive()
    this.queue = []
    this.next = 0
    let n = this.blocks.length
    let defines = false
    for (let b = this.blocks[n - 1]; b && b.end > at; b = this.blocks[--n - 1]) defines ||= b.defines
    // what used a definition that is gone is drawn again, with all the rest: it is rare
    if (defines || at === 0) n = 0
    for (const b of this.blocks.splice(n)) {
      for (const node of b.nodes) node.parentNode?.removeChild(node)
      for (const set of this.missing.values()) set.delete(b)
    }
    for (const group of this.groups.splice(Math.ceil(n / GROUP))) group.remove()
    if (n === 0) {
      this.links = Object.create(null) as Links
      this.missing.clear()
    }
    this.cutter.reset(this.blocks.at(-1)?.end ?? 0)
    this.source = this.source.slice(0, this.cutter.open)
  }

  private dropLive(): void {
    if (this.live) {
      for (const node of this.live.nodes) node.parentNode?.removeChild(node)
      for (const set of this.missing.values()) set.delete(this.live)
    }
    this.live = null
    this.liveText = ''
  }

  /** The block of a piece: the live one, if it was that. */
  private take(piece: Piece): Block {
    const live = this.live
    this.live = null
    this.liveText = ''
    const block = live && live.start === piece.start ? live : { start: piece.start, end: piece.end, nodes: [], defines: false }
    if (live && live !== block) for (const node of live.nodes) node.parentNode?.removeChild(node)
    block.end = piece.end
    return block
  }

  private finish(piece: Piece): void {
    const block = this.take(piece)
    this.compose(block, this.blocks.length)
    this.blocks.push(block)
  }

  /** Draws a block for good, and those before it again that a definition in it was missing in. index: its number. */
  private compose(block: Block, index: number): void {
    const text = trimmed(this.source.slice(block.start, block.end))
    if (beyond(text)) {
      this.place(block, index, [drawPlain(text)])
      return
    }
    let links = this.links
    if (text.includes(']:')) links = Object.assign(Object.create(null) as Links, links)
    const tokens = lex(text, links)
    this.place(block, index, drawBlocks(tokens, { finished: true, openFormula: '' }))
    this.watch(block, text)
    if (links !== this.links) this.define(block, links)
  }

  /** Notes which labels of a block are not defined. */
  private watch(block: Block, text: string): void {
    if (!text.includes('[')) return
    let n = 0
    for (const m of text.matchAll(/\[([^[\]]{1,300})\]/g)) {
      const label = (m[1] ?? '').replace(/\s+/g, ' ').toLowerCase()
      if (label in this.links) continue
      let set = this.missing.get(label)
      if (!set) this.missing.set(label, (set = new Set()))
      set.add(block)
      if (++n >= 200) return
    }
  }

  /** Takes the definitions of a block into account. */
  private define(block: Block, links: Links): void {
    const again = new Set<Block>()
    for (const label of Object.keys(links)) {
      if (label in this.links) continue
      block.defines = true
      for (const b of this.missing.get(label) ?? []) again.add(b)
      this.missing.delete(label)
    }
    this.links = links
    for (const b of again) {
      const index = b === block ? this.blocks.length : this.blocks.indexOf(b)
      if (b === block || index < 0) continue
      const text = trimmed(this.source.slice(b.start, b.end))
      this.place(b, index, drawBlocks(lex(text, links), { finished: true, openFormula: '' }))
    }
  }

  /** Draws the block that is still being written. */
  private drawLive(text: string): void {
    const start = this.cutter.open
    if (this.live && this.live.start === start) {
      if (text === this.liveText) return
      if (text.startsWith(this.liveText)) {
        const tail = tailFor(this.live.nodes, this.liveText, text)
        if (tail) {
          tail(text.slice(this.liveText.length))
          this.liveText = text
          return
        }
      }
    } else this.dropLive()
    const block = (this.live ??= { start, end: start, nodes: [], defines: false })
    this.liveText = text
    const index = this.blocks.length
    if (beyond(text)) {
      this.place(block, index, [drawPlain(text)])
      return
    }
    const links = Object.assign(Object.create(null) as Links, this.links)
    const shown = this.cutter.inCode ? { text: text.replace(/\n {0,3}(?:`+|~+)$/, ''), openFormula: '' } : repair(text)
    this.place(block, index, drawBlocks(lex(shown.text, links), { finished: false, openFormula: shown.openFormula }))
  }

  /** Puts the nodes of a block where they belong. */
  private place(block: Block, index: number, nodes: Node[]): void {
    const fresh = clean(nodes)
    const group = this.group(Math.floor(index / GROUP))
    const last = block.nodes.at(-1)
    const before = last ? last.nextSibling : this.following(group, index)
    block.nodes = settle(group, block.nodes, fresh, before)
  }

  /** The group of a number; it and those before it are made where they are not there. */
  private group(n: number): HTMLElement {
    let group = this.groups[n]
    while (!group) {
      const made = document.createElement('div')
      made.className = 'md-group'
      this.root.append(made)
      this.groups.push(made)
      group = this.groups[n]
    }
    return group
  }

  /** The first node behind a block that has none, in its group. */
  private following(group: HTMLElement, index: number): Node | null {
    for (let i = index + 1; i < this.blocks.length; i++) {
      const first = this.blocks[i]?.nodes[0]
      if (first) return first.parentNode === group ? first : null
    }
    return null
  }
}

/** Without blank space at the end, which Markdown does not count. */
function trimmed(text: string): string {
  let end = text.length
  while (end > 0 && ' \t\r\n'.includes(text[end - 1] ?? 'x')) end--
  return text.slice(0, end)
}

/** How many characters two texts have in common at the beginning. */
function shared(a: string, b: string): number {
  let low = 0
  let high = Math.min(a.length, b.length)
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (a.startsWith(b.slice(low, middle), low)) low = middle
    else high = middle - 1
  }
  return low
}

/** `Copy code`, and the mark of a footnote. */
function clicked(root: HTMLElement, event: Event): void {
  const button = event.target instanceof Element ? event.target.closest('button') : null
  if (!button || !root.contains(button)) return
  if (button.classList.contains('md-copy')) {
    const code = button.closest('.md-code')?.querySelector('code')
    if (code) void copy(button, code.textContent ?? '')
  } else if (button.classList.contains('md-note-mark')) {
    const name = button.textContent
    for (const mark of root.querySelectorAll<HTMLElement>('.md-note > sup:first-child')) {
      if (mark.textContent !== name) continue
      const note = mark.parentElement as HTMLElement
      note.tabIndex = -1
      note.scrollIntoView({ block: 'nearest' })
      note.focus()
      return
    }
  }
}

async function copy(button: HTMLButtonElement, text: string): Promise<void> {
  const said = await navigator.clipboard.writeText(text).then(
    () => 'Copied',
    () => 'Not copied',
  )
  button.textContent = said
  setTimeout(() => (button.textContent = 'Copy code'), 1500)
}
