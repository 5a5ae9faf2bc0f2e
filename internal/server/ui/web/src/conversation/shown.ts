// Which chats are open in this page, and what the server tells of them.
import { Failure } from '../api/client'
import { events } from '../api/events'
import { chats } from '../api/routes'
import { keepDraft } from '../state/drafts'
import { mendFocus } from '../state/focus'
import { say, undo, wordsOf } from '../state/notices'
import { fresh, openChat, route } from '../state/router'
import { me } from '../state/session'
import { Store } from '../state/store'
import { text } from '../text/conversation'
import { en } from '../text/en'
import { stopPrivately } from './private'
import { newThread, Thread } from './thread'
import { unsentChat } from './unsent'

const KEPT = 8 // chats that stay in memory beside the one that is shown

const open = new Map<string, Thread>()
const fetches = new Map<string, { again: boolean }>()

/** The chat that is shown at the address of the new chat. */
export const blank = new Store<Thread>(firstBlank())

function firstBlank(): Thread {
  const left = unsentChat()
  return left ? new Thread(left, false, 'new') : newThread()
}

/** The chat of an id; '' is the new one. One that was not open is fetched. */
export function threadOf(id: string): Thread {
  if (id === '') return blank.get()
  let t = open.get(id)
  if (t) open.delete(id)
  else t = blank.get().id === id && blank.get().phase.get() !== 'new' ? blank.get() : new Thread(id, false, 'loading')
  open.set(id, t)
  for (const [key, old] of open) {
    if (open.size <= KEPT) break
    if (old !== t && !old.unsent.size && !old.changed && !old.attachments.get().length && !old.edits.size) open.delete(key)
  }
  return t
}

/** Has a message brought into sight when its chat is shown. */
export function seek(chat: string, message: string): void {
  threadOf(chat).sought.set(message)
}

/** The chat on the page, where it shows one. */
export function shown(): Thread | undefined {
  const at = route.get()
  return at.view === 'chat' ? threadOf(at.chat) : undefined
}

/** Gives a chat that the server has now its address. */
export function settled(t: Thread): void {
  const at = route.get()
  const was = blank.get() === t
  open.set(t.id, t)
  if (was) {
    // what is being written goes with the chat that it is written in
    keepDraft(t.id, t.words.get())
    keepDraft('', '')
    if (at.view === 'chat' && at.chat === '') openChat(t.id)
    blank.set(newThread())
  }
}

/** Fetches a chat anew. What asks while one is under way has another one come after it. */
export async function fetchChat(t: Thread): Promise<void> {
  if (t.secret || t.phase.get() === 'new') return
  const busy = fetches.get(t.id)
  if (busy) {
    busy.again = true
    return
  }
  const state = { again: true }
  fetches.set(t.id, state)
  try {
    while (state.again) {
      state.again = false
      const began = t.live.now()
      const got = await chats.open(t.id)
      if (!got) return lost(t)
      t.whole(got.chat, got.messages, began)
    }
  } catch (e) {
    if (!(e instanceof Failure)) throw e
    if (t.phase.get() !== 'ready') {
      t.failure.set(wordsOf(e))
      t.phase.set('failed')
    }
  } finally {
    fetches.delete(t.id)
  }
}

/** A chat that is there no more: what was being written goes on in a new one. words: what is said of it. */
function lost(t: Thread, words: string = text.gone): void {
  if (t.phase.get() === 'gone') return
  t.phase.set('gone')
  open.delete(t.id)
  const at = route.get()
  if (at.view !== 'chat' || at.chat !== t.id) return
  const draft = t.words.get()
  const files = t.attachments.get().filter(a => a.file)
  keepDraft(t.id, '')
  say(words, 12)
  openChat('', true)
  if (draft) blank.get().words.update(now => (now ? `${now}\n${draft}` : draft))
  if (files.length) blank.get().attachments.update(now => [...now, ...files])
  mendFocus()
}

/** A new chat in the place of the one at the new chat's address. What is being written stays, and so does what is not sent. */
function renew(secret: boolean): void {
  const old = blank.get()
  const moves = secret !== old.secret || old.secret || old.tree.size > 0 || Object.keys(old.parameters.get()).length > 0 || old.second.get() !== null
  if (!moves || old.unsent.size) return
  const next = newThread(secret)
  next.words.set(old.words.get())
  next.attachments.set(old.attachments.get())
  keepDraft(old.draft, '')
  keepDraft(next.draft, next.words.get(), secret)
  if (secret !== old.secret && !old.tree.size) {
    next.parameters.set(old.parameters.get())
    next.second.set(old.second.get())
  }
  blank.set(next)
  if (!old.secret || !old.tree.size) return
  old.words.set('')
  old.attachments.set([])
  stopPrivately([...old.tree.all()].map(m => m.id))
  undo(text.privateClosed, () => {
    blank.set(old)
    openChat('')
  })
}

/** Makes the new chat a private one, or an ordinary one again. */
export function setPrivate(on: boolean): void {
  const at = route.get()
  renew(on)
  if (at.view !== 'chat' || at.chat !== '') openChat('')
}

let greeted = 0 // how often the server's events began

/** After the events of the shown chat began: an answer of which they say nothing ended before, and its end is fetched. */
function lookAfter(t: Thread): void {
  const at = t.live.now()
  const nth = ++greeted
  setTimeout(() => {
    if (nth !== greeted) return
    for (const m of t.tree.all()) if (m.status === 'running' && !t.live.since(m.id, at)) return void fetchChat(t)
  }, 1000)
}

/** Follows what the server tells of the open chats. */
export function followThreads(): void {
  events.on('messages', ({ chat, messages }) => open.get(chat)?.take(messages))
  events.on('delta', d => {
    for (const t of open.values()) {
      if (!t.tree.get(d.message)) continue
      if (!t.delta(d)) void fetchChat(t)
      return
    }
  })
  events.on('removed', ({ chat, ids }) => open.get(chat)?.remove(ids))
  events.on('chat', chat => open.get(chat.id)?.header(chat))
  events.on('gone', ({ id }) => {
    const t = open.get(id)
    if (t) lost(t, en.chats.goneElsewhere(t.chat.get()?.title ?? ''))
  })
  events.on('hello', (_, again) => {
    const t = shown()
    if (!t) return
    if (again) void fetchChat(t)
    else lookAfter(t)
  })
  fresh.subscribe(() => renew(false))
  me.subscribe(m => {
    if (!m) return
    if (who !== undefined && who !== m.name) forget()
    who = m.name
    const t = shown()
    if (t?.phase.get() === 'failed') void fetchChat(t)
  })
}

let who: string | undefined

/** Somebody else is signed in: nothing that was open here is theirs. */
function forget(): void {
  for (const t of open.values()) t.phase.set('gone')
  open.clear()
  stopPrivately([...blank.get().tree.all()].map(m => m.id))
  blank.set(newThread())
  if (shown()?.phase.get() === 'loading') void fetchChat(shown() as Thread)
}
