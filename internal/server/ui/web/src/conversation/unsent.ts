import type { Turn } from '../api/types'

/** A turn that the server does not have yet. */
export interface Unsent { turn: Turn; state: 'waiting' | 'sending' | 'failed'; why: string }

const prefix = 'unsent:'
const largest = 1_000_000 // characters kept in the session's storage; more stay in memory alone

/** Keeps a chat's turns that are not sent over a reload. */
export function keepUnsent(chat: string, turns: readonly Turn[], storage: Storage | undefined = session()): void {
  try {
    const text = JSON.stringify(turns)
    if (turns.length && text.length <= largest) storage?.setItem(prefix + chat, text)
    else storage?.removeItem(prefix + chat)
  } catch {
    // Storage is forbidden or full: the memory has them.
  }
}

/** The turns of a chat that were not sent when the page was left. */
export function unsentOf(chat: string, storage: Storage | undefined = session()): Turn[] {
  try {
    const v: unknown = JSON.parse(storage?.getItem(prefix + chat) ?? '[]')
    return Array.isArray(v) ? v.filter(isTurn) : []
  } catch {
    return []
  }
}

/** A chat whose first turn was not sent when the page was left; '' if there is none. */
export function unsentChat(storage: Storage | undefined = session()): string {
  try {
    for (let i = 0; i < (storage?.length ?? 0); i++) {
      const key = storage?.key(i) ?? ''
      const id = key.slice(prefix.length)
      if (key.startsWith(prefix) && unsentOf(id, storage)[0]?.chat) return id
    }
  } catch {
    // Storage is forbidden: nothing was kept.
  }
  return ''
}

function session(): Storage | undefined {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}

function isTurn(v: unknown): v is Turn {
  const t = v as Partial<Turn> | null
  return typeof t === 'object' && t !== null && Array.isArray(t.messages) && Array.isArray(t.answers) && [...t.messages, ...t.answers].every(m => typeof (m as { id?: unknown } | null)?.id === 'string')
}
