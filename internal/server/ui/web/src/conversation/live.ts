import type { Delta, Message } from '../api/types'
import type { Tree } from './tree'

/** Deltas that may wait for one message until the chat is fetched anew; with more the fetch brings all the same. */
const WAITING = 4096

/**
 * What the server tells of running answers, put together without a gap. Events and answers to requests come over
 * different connections, so either may be late: a request notes the moment when it began, and what an event said of a
 * message after that moment is not overwritten by the request's answer.
 */
export class Live {
  private readonly waiting = new Map<string, Delta[]>()
  private readonly told = new Map<string, number>()
  private moment = 0

  constructor(private readonly tree: Tree) {}

  /** Adds a text. 'gap': something is missing before it, and the chat has to be fetched; 'known': there is nothing to add. */
  delta(d: Delta): 'added' | 'known' | 'gap' {
    const m = this.tree.get(d.message)
    if (m?.status === 'running') {
      const seq = m.seq ?? 0
      if (d.seq <= seq) return 'known'
      if (d.seq === seq + 1) {
        this.tree.put(add(m, d))
        return 'added'
      }
    }
    // the event that tells of a message comes before its deltas, so one that is not known is of another chat
    if (!m) return 'known'
    const w = this.waiting.get(d.message) ?? []
    if (w.length < WAITING) w.push(d)
    this.waiting.set(d.message, w)
    return 'gap'
  }

  /** A message as an event has it. True if it was not there before. */
  event(m: Message): boolean {
    this.told.set(m.id, ++this.moment)
    return this.take(m)
  }

  /** The moment when a request begins. */
  now(): number { return this.moment }

  /** Whether an event told of a message since a moment. */
  since(id: string, moment: number): boolean { return (this.told.get(id) ?? 0) > moment }

  /** Messages in the answer to a request that began at a moment. Returns the ids of those that were not there before. */
  answer(messages: readonly Message[], began: number): string[] {
    const fresh: string[] = []
    for (const m of messages) {
      if ((this.told.get(m.id) ?? 0) > began && this.tree.get(m.id)) continue
      if (this.take(m)) fresh.push(m.id)
    }
    return fresh
  }

  /** The whole chat in the answer to a request: what is not in it is gone, but for what events told since and what keep wants. */
  whole(messages: readonly Message[], began: number, keep: (id: string) => boolean): string[] {
    const fresh = this.answer(messages, began)
    const here = new Set(messages.map(m => m.id))
    const gone: string[] = []
    for (const m of this.tree.all()) if (!here.has(m.id) && (this.told.get(m.id) ?? 0) <= began && !keep(m.id)) gone.push(m.id)
    if (gone.length) this.tree.remove(gone)
    return fresh
  }

  private take(m: Message): boolean {
    const old = this.tree.get(m.id)
    // an older state of a running answer than what was put together here
    if (old?.status === 'running' && m.status === 'running' && (m.seq ?? 0) < (old.seq ?? 0)) return false
    const fresh = this.tree.put(m)
    const waiting = this.waiting.get(m.id)
    this.waiting.delete(m.id)
    if (waiting && m.status === 'running') for (const d of waiting) this.delta(d)
    return fresh
  }
}

function add(m: Message, d: Delta): Message {
  return {
    ...m, seq: d.seq, tokens: d.tokens, reasoning_tokens: d.reasoning_tokens, thinking: d.thinking,
    content: d.content ? m.content + d.content : m.content,
    ...(d.reasoning ? { reasoning: (m.reasoning ?? '') + d.reasoning } : {}),
  }
}
