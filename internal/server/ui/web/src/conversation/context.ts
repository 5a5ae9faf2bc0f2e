import type { Cut, FileText, Message } from '../api/types'

/** The part of the context from which on the page warns. */
const NEARLY = 0.8

/**
 * How many positions of the context the conversation takes up that is sent next, by the figures of the last answer on
 * the path; 0 while no answer has any. Figures of an answer made before the oldest messages were dropped count those
 * too: they grow along the path up to that answer, and are less what stood before the cut.
 */
export function contextUsed(path: readonly Message[], cuts: readonly Cut[]): number {
  const cutAt = path.findLastIndex(m => cuts.some(c => c.at === m.id))
  let dropped = 0
  for (let i = 0; i < cutAt; i++) dropped = path[i]?.figures?.context ?? dropped
  let last = 0
  let shrank = false
  let before = dropped
  for (const m of path.slice(Math.max(cutAt, 0))) {
    const c = m.figures?.context
    if (!c) continue
    if (c < before) shrank = true
    before = last = c
  }
  return cutAt > 0 && !shrank ? Math.max(0, last - dropped) : last
}

/** Tokens that a text may have, for a warning in time: four letters each. */
function roughTokens(letters: number): number {
  return Math.ceil(letters / 4)
}

/** What the context is filled with. full: no answer fits any more. */
export interface Room { used: number; limit: number; nearly: boolean; full: boolean }

/** letters: how long the text is that is being written. */
export function room(path: readonly Message[], cuts: readonly Cut[], limit: number, letters: number, files: readonly FileText[]): Room {
  const held = contextUsed(path, cuts)
  const used = held + roughTokens(letters) + files.reduce((n, f) => n + f.tokens, 0)
  return { used, limit, nearly: limit > 0 && used >= NEARLY * limit, full: limit > 0 && used >= limit }
}

/** Where a private chat is cut so that half of the context is free: the first message that stays, or undefined if none can go. */
export function cutAt(path: readonly Message[], cuts: readonly Cut[], limit: number): string | undefined {
  const held = contextUsed(path, cuts)
  const from = Math.max(path.findLastIndex(m => cuts.some(c => c.at === m.id)), 0)
  let start = 0
  for (let i = 0; i < from; i++) start = path[i]?.figures?.context ?? start
  let at: string | undefined
  let gone = 0
  for (const [i, m] of path.entries()) {
    if (i <= from) continue
    gone = Math.max(gone, (path[i - 1]?.figures?.context ?? 0) - start)
    if (m.role !== 'user') continue
    at = m.id
    if (held - gone <= limit / 2) break
  }
  return at
}
