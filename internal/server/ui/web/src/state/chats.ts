import { Failure, early } from '../api/client'
import { events } from '../api/events'
import { chats as routes } from '../api/routes'
import type { Chat, ChatChange } from '../api/types'
import { en } from '../text/en'
import { nextFrame } from './frame'
import { undo, warn, wordsOf } from './notices'
import { newChat, openChat, route } from './router'
import { Store } from './store'

export interface Chats {
  /** Those that are known: a part of them where more is true. */
  all: ReadonlyMap<string, Chat>
  /** Whether the server has older ones. */
  more: boolean
  state: 'loading' | 'ready' | 'failed'
}

export const chats = new Store<Chats>({ all: new Map(), more: false, state: 'loading' })

const part = 400 // chats that are fetched at once
const removed = new Set<string>() // deleted here; what is still said of them is not shown
let waiting: Map<string, Chat | null> | undefined // changes that the next frame shows

/** Takes in a chat that is new or changed; null: it is gone. Many changes are shown at once. */
export function take(id: string, chat: Chat | null): void {
  if (chat && removed.has(id)) return
  if (!waiting) {
    waiting = new Map()
    nextFrame(settle)
  }
  waiting.set(id, chat)
}

function settle(): void {
  const changes = waiting
  waiting = undefined
  if (!changes) return
  chats.update(s => {
    const all = new Map(s.all)
    for (const [id, chat] of changes) {
      if (chat) all.set(id, chat)
      else all.delete(id)
    }
    return { ...s, all }
  })
}

/** What is known of a chat, with what the next frame will show. */
function chatOf(id: string): Chat | undefined {
  const w = waiting?.get(id)
  return w === null ? undefined : (w ?? chats.get().all.get(id))
}

/** The time of the oldest chat that is neither pinned nor in a folder: what is asked for next is before it. */
export function oldest(all: Iterable<Chat>): string | undefined {
  let t: string | undefined
  for (const c of all) if (!c.pinned && !c.folder && (t === undefined || c.updated < t)) t = c.updated
  return t
}

let generation = 0 // counts who was signed in: what was fetched for the one before is not shown
let fetching: Promise<void> | undefined
let reached: string | undefined // how far back the list is known

/** Shows the list that the page's HTML asked for, until what is fetched behind the beginning of the events is there: nothing is missed between them. */
export async function showEarly(): Promise<void> {
  const mine = generation
  const got = await early(`/ui/api/chats?limit=${part}`).then(r => r?.json() as Promise<{ chats: Chat[] }> | undefined).catch(() => undefined)
  if (!got || mine !== generation || chats.get().state !== 'loading' || chats.get().all.size > 0) return
  chats.update(s => ({ ...s, all: new Map(got.chats.filter(c => !removed.has(c.id)).map(c => [c.id, c])) }))
}

/** Fetches the newest part anew; what was known of older ones stays. */
export function fetchChats(): Promise<void> {
  const mine = generation
  return (fetching ??= (async () => {
    try {
      const got = await routes.list({ limit: part }, { again: 4 })
      if (mine !== generation) return
      settle()
      chats.update(s => {
        const first = oldest(got.chats)
        const all = new Map<string, Chat>()
        // Older ones that were fetched before stay; among the newest only those that the server still has.
        if (got.more && first !== undefined && reached !== undefined && reached < first) for (const c of s.all.values()) if (!c.pinned && !c.folder && c.updated < first) all.set(c.id, c)
        for (const c of got.chats) if (!removed.has(c.id)) all.set(c.id, c)
        const kept = got.more && reached !== undefined && first !== undefined && reached < first
        if (!kept) reached = first
        return { all, more: kept ? s.more : got.more, state: 'ready' }
      })
    } catch (e) {
      if (!(e instanceof Failure)) throw e
      if (mine === generation) chats.update(s => ({ ...s, state: s.state === 'ready' ? 'ready' : 'failed' }))
    } finally {
      if (mine === generation) fetching = undefined
    }
  })())
}

/** Whether a chat lies farther back than the list is known. */
const beyond = (c: Chat) => chats.get().more && !c.pinned && !c.folder && reached !== undefined && c.updated < reached

/** Forgets all: somebody else is signed in. */
export function forgetChats(): void {
  generation++
  fetching = older = undefined
  waiting = undefined
  reached = undefined
  removed.clear()
  chats.set({ all: new Map(), more: false, state: 'loading' })
}

let older: Promise<void> | undefined

/** Fetches the next older part. */
export function fetchOlder(): Promise<void> {
  const before = reached
  const mine = generation
  if (!chats.get().more || before === undefined) return Promise.resolve()
  return (older ??= (async () => {
    try {
      const got = await routes.list({ limit: part, before })
      if (mine !== generation) return
      chats.update(s => {
        const all = new Map(s.all)
        for (const c of got.chats) if (!removed.has(c.id) && !all.has(c.id)) all.set(c.id, c)
        return { ...s, all, more: got.more && got.chats.length > 0 }
      })
      reached = oldest(got.chats) ?? reached
    } catch (e) {
      warn(en.chats.notFetched(wordsOf(e)), 8)
    } finally {
      if (mine === generation) older = undefined
    }
  })())
}

/** Changes a chat: shown at once, taken back with words where the server does not take it. */
export async function changeChat(id: string, change: ChatChange): Promise<boolean> {
  const before = chatOf(id)
  if (before) take(id, { ...before, ...change })
  try {
    const after = await routes.change(id, change)
    take(id, after)
    return true
  } catch (e) {
    if (before) take(id, before)
    warn(en.chats.notChanged(wordsOf(e)))
    return false
  }
}

/** Deletes a chat, with Undo; the page leaves it. */
export async function deleteChat(id: string): Promise<void> {
  const before = chatOf(id)
  const r = route.get()
  const open = r.view === 'chat' && r.chat === id
  removed.add(id)
  take(id, null)
  if (open) newChat()
  try {
    await routes.remove(id)
  } catch (e) {
    if (!(e instanceof Failure && e.status === 404)) {
      removed.delete(id)
      if (before) take(id, before)
      warn(en.chats.notDeleted(wordsOf(e)))
      return
    }
  }
  undo(en.chats.deleted(before?.title ?? ''), async () => {
    try {
      const chat = await routes.restore(id)
      removed.delete(id)
      take(id, chat)
      const now = route.get()
      if (open && now.view === 'chat' && now.chat === '') openChat(id, true)
    } catch (e) {
      warn(en.chats.notRestored(wordsOf(e)))
    }
  })
}

/** Follows what the server tells of the list. */
export function followChats(): void {
  events.on('chat', chat => (chats.get().all.has(chat.id) || !beyond(chat)) && take(chat.id, chat))
  events.on('gone', ({ id }) => take(id, null))
  events.on('hello', (_, again) => void (again && fetchChats()))
}

export interface Listed {
  pinned: Chat[]
  folders: { name: string; chats: Chat[] }[]
  rest: Chat[]
}

const newest = (a: Chat, b: Chat) => (a.updated < b.updated ? 1 : a.updated > b.updated ? -1 : a.id < b.id ? 1 : -1)

/** The list as it is shown: pinned ones, folders by name with their pinned ones first, the rest; each newest first. */
export function listed(all: Iterable<Chat>): Listed {
  const pinned: Chat[] = []
  const rest: Chat[] = []
  const folders = new Map<string, Chat[]>()
  for (const c of all) {
    if (c.folder) {
      const f = folders.get(c.folder)
      if (f) f.push(c)
      else folders.set(c.folder, [c])
    } else (c.pinned ? pinned : rest).push(c)
  }
  const names = [...folders.keys()].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
  return { pinned: pinned.sort(newest), folders: names.map(name => ({ name, chats: (folders.get(name) ?? []).sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || newest(a, b)) })), rest: rest.sort(newest) }
}
