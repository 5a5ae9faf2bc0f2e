// Which rows of a long chat are drawn: a part of them that moves as one scrolls.

/** From start to before end. tail: it ends with the chat, and goes on with it. */
export interface Part { start: number; end: number; tail: boolean }

const FIRST = 40 // rows that are drawn when a chat opens
const MORE = 40 // rows that come with each nearing of an end
const MOST = 160 // rows that are drawn at once, but for those that come while one looks
const JUMP = 20 // more new rows than this are another branch, or much that came from elsewhere

/** The end of a chat. */
export function tailOf(total: number): Part {
  return { start: Math.max(0, total - FIRST), end: total, tail: true }
}

/** The part after the chat has another number of rows than it had. */
export function grown(p: Part, was: number, total: number): Part {
  if (was === 0 || p.start >= total) return tailOf(total)
  if (p.tail && (total - was <= JUMP || total - p.start <= MOST)) return p.end === total ? p : { ...p, end: total }
  const end = Math.min(total, p.tail ? p.start + MOST : p.end)
  return p.end === end && p.tail === (end === total) ? p : { start: p.start, end, tail: end === total }
}

/** Earlier rows; as many go at the other end. */
export function earlier(p: Part, total: number): Part {
  const start = Math.max(0, p.start - MORE)
  const end = Math.min(p.end, Math.max(start + MOST, p.start + MOST / 2))
  return { start, end, tail: end === total }
}

/** Later rows. */
export function later(p: Part, total: number): Part {
  const end = Math.min(total, p.end + MORE)
  return { start: Math.max(p.start, Math.min(end - MOST, p.end - MOST / 2)), end, tail: end === total }
}

/** The rows around one. */
export function around(row: number, total: number): Part {
  const end = Math.min(total, row + MORE)
  return { start: Math.max(0, row - MORE / 2), end, tail: end === total }
}
