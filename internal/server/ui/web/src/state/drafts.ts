// What was typed and not sent: kept for each chat while the tab lives. Private chats keep theirs in memory alone.

const held = new Map<string, string>()
const prefix = 'draft:'
const largest = 200_000 // characters kept in the session's storage; more stay in memory

/** The draft of a chat; '' for the new one. */
export function draftOf(chat: string): string {
  const kept = held.get(chat)
  if (kept !== undefined) return kept
  try {
    return sessionStorage.getItem(prefix + chat) ?? ''
  } catch {
    return '' // storage is forbidden
  }
}

/** Keeps a draft; with memoryOnly nothing of it is stored. */
export function keepDraft(chat: string, text: string, memoryOnly = false): void {
  if (text) held.set(chat, text)
  else held.delete(chat)
  try {
    if (text && !memoryOnly && text.length <= largest) sessionStorage.setItem(prefix + chat, text)
    else sessionStorage.removeItem(prefix + chat)
  } catch {
    // Storage is forbidden or full: the memory has it.
  }
}
