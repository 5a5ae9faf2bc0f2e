import { Store } from './store'

export interface Notice {
  id: number
  kind: 'status' | 'alert'
  text: string
  /** Takes back what the notice tells of. */
  undo?: () => void | Promise<void>
  /** A button that does something else, by its name. */
  act?: { name: string; run: () => void }
}

export const notices = new Store<Notice[]>([])

let last = 0

function add(notice: Omit<Notice, 'id'>, seconds: number): number {
  const id = ++last
  notices.update(all => {
    // The same words again replace the ones that stand there; what can be taken back stays its time, of the rest the latest.
    const rest = all.filter(n => n.undo || n.text !== notice.text)
    const most = rest.filter(n => !n.undo).slice(-4)
    return [...rest.filter(n => n.undo || most.includes(n)), { ...notice, id }]
  })
  if (seconds) setTimeout(() => dismiss(id), seconds * 1000)
  return id
}

/** Says what happened. */
export const say = (text: string, seconds = 6) => add({ kind: 'status', text }, seconds)

/** Says what went wrong; it stays until it is dismissed, or for seconds. */
export const warn = (text: string, seconds = 0, act?: Notice['act']) => add({ kind: 'alert', text, ...(act && { act }) }, seconds)

/** Says what was done, with a button Undo for seconds. */
export const undo = (text: string, fn: () => void | Promise<void>, seconds = 12) => add({ kind: 'status', text, undo: fn }, seconds)

export const dismiss = (id: number) => notices.update(all => (all.some(n => n.id === id) ? all.filter(n => n.id !== id) : all))

/** What is said to screen readers alone (Answering…, Answer complete), not shown. */
export const spoken = new Store('')
export function whisper(text: string): void {
  spoken.set('')
  setTimeout(() => spoken.set(text), 30) // the same words twice are read twice
}

/** The words for a failure, for warn. */
export const wordsOf = (e: unknown): string => (e instanceof Error && e.message ? e.message : String(e))
