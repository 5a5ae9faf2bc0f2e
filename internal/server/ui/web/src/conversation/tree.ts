import type { Message } from '../api/types'

/** One place on the shown path: a person's message, or an answer with what was made of its calls. */
export interface Row {
  /** The same for all versions that may stand here, so switching keeps the elements. */
  key: string
  role: 'user' | 'assistant'
  /** One message, or the two of a comparison. */
  ids: string[]
  /** The one of ids that the path goes through. */
  on: string
  /** The tool message that answers the calls of `on`. */
  results?: string
  /** Which version this is, from 0, and how many there are. */
  at: number
  of: number
  /** Which of the messages of its role it is on the path, from 1. */
  nth: number
}

/**
 * The messages of a chat. Each points to the one before it; those with the same parent are versions of each other.
 * What is shown is the path from a root to the leaf. Which child was shown last is remembered for every message, so
 * switching to a version comes back to the leaf that was open below it.
 */
export class Tree {
  private readonly messages = new Map<string, Message>()
  private readonly children = new Map<string, string[]>()
  private readonly chosen = new Map<string, string>()
  private end = ''

  /** The id of the last shown message; '' while there is none. */
  get leaf(): string { return this.end }
  get size(): number { return this.messages.size }

  get(id: string): Message | undefined { return this.messages.get(id) }
  all(): Iterable<Message> { return this.messages.values() }

  /** Takes a message in or puts a newer state in its place. True if the message was not there. */
  put(m: Message): boolean {
    const old = this.messages.get(m.id)
    this.messages.set(m.id, m)
    if (old) return false
    const kids = this.children.get(m.parent ?? '')
    if (kids) kids.push(m.id); else this.children.set(m.parent ?? '', [m.id])
    return true
  }

  /** Takes messages out. Where the leaf goes, the branch that was open beside it is shown, or its parent. */
  remove(ids: Iterable<string>): void {
    const gone = new Set(ids)
    let stay = this.end
    const seen = new Set<string>()
    while (stay !== '' && (gone.has(stay) || !this.messages.has(stay)) && !seen.has(stay)) {
      seen.add(stay)
      stay = this.messages.get(stay)?.parent ?? ''
    }
    for (const id of gone) {
      const m = this.messages.get(id)
      if (!m) continue
      this.messages.delete(id)
      const parent = m.parent ?? ''
      const kids = (this.children.get(parent) ?? []).filter(k => k !== id)
      if (kids.length) this.children.set(parent, kids); else this.children.delete(parent)
      if (this.chosen.get(parent) === id) this.chosen.delete(parent)
    }
    if (stay !== this.end) this.choose(this.below(stay))
  }

  /** The ids of the path from its root to id. */
  path(id = this.end): string[] {
    const out: string[] = []
    const seen = new Set<string>()
    for (let m = this.messages.get(id); m && !seen.has(m.id); m = m.parent === undefined ? undefined : this.messages.get(m.parent)) {
      seen.add(m.id)
      out.push(m.id)
    }
    return out.reverse()
  }

  /** Shows the path to a message. An unknown one shows the newest branch. */
  choose(leaf: string): void {
    this.end = this.messages.has(leaf) ? leaf : this.below('')
    let parent = ''
    for (const id of this.path()) {
      this.chosen.set(parent, id)
      parent = id
    }
  }

  /** Shows the branch of a message as it was shown last; returns the leaf. */
  select(id: string): string {
    this.choose(this.below(id))
    return this.end
  }

  /** Where a new message stands behind the shown leaf, it is shown: the path grows at its end and switches nowhere. */
  follow(id: string): boolean {
    const m = this.messages.get(id)
    if (!m || (m.parent ?? '') !== this.end) return false
    this.choose(id)
    return true
  }

  /** The leaf under a message ('' for the whole tree): where the person was last, else along the newest children. */
  below(id: string): string {
    const seen = new Set<string>()
    for (let at = id; !seen.has(at);) {
      seen.add(at)
      const kids = this.children.get(at)
      const last = kids?.[kids.length - 1]
      if (!kids || last === undefined) return at
      const was = this.chosen.get(at)
      at = was !== undefined && this.messages.has(was) ? was : this.group(last)[0] ?? last
    }
    return id
  }

  /** The versions of a message, oldest first: each one id, or the two of a comparison. */
  versions(id: string): string[][] {
    const m = this.messages.get(id)
    if (!m) return []
    const out: string[][] = []
    const seen = new Set<string>()
    for (const k of this.children.get(m.parent ?? '') ?? []) {
      if (seen.has(k) || this.messages.get(k)?.role !== m.role) continue
      const g = this.group(k)
      g.forEach(x => seen.add(x))
      out.push(g)
    }
    return out
  }

  /** The versions, and which of them (from 0) holds the message. */
  version(id: string): { at: number; of: string[][] } {
    const of = this.versions(id)
    return { at: of.findIndex(g => g.includes(id)), of }
  }

  /** The answers that stand beside each other: the message alone, or it and the one it is compared with, in the order they came. */
  group(id: string): string[] {
    const m = this.messages.get(id)
    const other = m?.beside === undefined ? undefined : this.messages.get(m.beside)
    if (!m || !other || other.id === id || other.beside !== id || other.parent !== m.parent || other.role !== m.role) return [id]
    const kids = this.children.get(m.parent ?? '') ?? []
    return kids.indexOf(id) < kids.indexOf(other.id) ? [id, other.id] : [other.id, id]
  }

  /** A message and all behind it. */
  under(id: string): string[] {
    const out: string[] = []
    const seen = new Set<string>()
    for (const todo = [id]; todo.length;) {
      const at = todo.pop() ?? ''
      if (seen.has(at) || !this.messages.has(at)) continue
      seen.add(at)
      out.push(at)
      todo.push(...this.children.get(at) ?? [])
    }
    return out
  }

  /** What stands on the page for the path, in order. Rows of before that are the same stay the same objects. */
  rows(before: readonly Row[] = []): Row[] {
    const out: Row[] = []
    const count = { user: 0, assistant: 0 }
    for (const id of this.path()) {
      const m = this.messages.get(id)
      if (!m) continue
      if (m.role === 'tool') {
        const before = out[out.length - 1]
        if (before) before.results = id
        continue
      }
      const { at, of } = this.version(id)
      out.push({ key: `${m.role} ${m.parent ?? ''}`, role: m.role, ids: m.role === 'assistant' ? this.group(id) : [id], on: id, at, of: of.length, nth: ++count[m.role] })
    }
    return out.map((row, i) => (before[i] && sameRow(row, before[i]) ? before[i] : row))
  }

  /** The running answers on the shown path, with those beside them. */
  running(): string[] {
    return this.path().flatMap(id => this.group(id)).filter(id => this.messages.get(id)?.status === 'running')
  }
}

function sameRow(a: Row, b: Row): boolean {
  return a.key === b.key && a.on === b.on && a.results === b.results && a.at === b.at && a.of === b.of && a.nth === b.nth && a.ids.join() === b.ids.join()
}
