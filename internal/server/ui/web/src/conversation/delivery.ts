// What a person does in a chat, sent to the server.
import { Failure } from '../api/client'
import { chats } from '../api/routes'
import type { Parameters, Turn } from '../api/types'
import { say, undo, warn, wordsOf } from '../state/notices'
import { modelsKnown } from '../state/models'
import { openChat } from '../state/router'
import { en } from '../text/en'
import { text } from '../text/conversation'
import { cutAt } from './context'
import { newId } from './ids'
import { settled } from './shown'
import { runPrivately, stopPrivately } from './private'
import type { Thread } from './thread'
import type { Unsent } from './unsent'

/** Sends a turn. What it has of messages stands on the page from now on, whatever becomes of it. */
export function submit(t: Thread, turn: Turn): void {
  const message = turn.messages[0]
  t.begin(turn)
  if (t.secret) {
    t.phase.set('ready')
    return runPrivately(t, turn)
  }
  const whole: Turn = t.phase.get() === 'new' ? { ...turn, chat: { parameters: t.parameters.get() } } : turn
  const u: Unsent = { turn: whole, state: 'waiting', why: '' }
  if (message) t.hold(u)
  void deliver(t, u)
}

/** Sends once more what was not sent. */
export function again(t: Thread, id: string): void {
  const u = t.unsent.get(id)
  if (u?.state === 'failed') void deliver(t, u)
}

async function deliver(t: Thread, u: Unsent): Promise<void> {
  const first = u.turn.messages[0]?.id
  const stand = (state: Unsent['state'], why = '') => {
    u.state = state
    u.why = why
    if (first !== undefined) t.touch(first)
  }
  t.underway(u.turn, true)
  stand('waiting')
  const known = await modelsKnown()
  fill(t, u.turn, known.default)
  stand('sending')
  const began = t.live.now()
  try {
    await t.hurdle
    await saved(t)
    const got = await chats.turn(t.id, u.turn)
    if (first !== undefined) t.delivered(first)
    const fresh = t.phase.get() === 'new'
    t.answered(got.chat, got.messages, began)
    if (fresh) settled(t)
  } catch (e) {
    if (first === undefined) return void warn(text.notSent(wordsOf(e)), 0, { name: en.common.tryAgain, run: () => void deliver(t, u) })
    stand('failed', wordsOf(e))
    warn(text.notSent(wordsOf(e)), 12)
  } finally {
    t.underway(u.turn, false)
  }
}

/** Names the model where none was chosen: what the chat was answered with is what it goes on with. */
function fill(t: Thread, turn: Turn, model: string): void {
  if (!model) return
  for (const a of turn.answers) a.parameters = { model, ...a.parameters }
  if (turn.chat) {
    turn.chat.parameters = { model, ...turn.chat.parameters }
    if (t.parameters.get().model === undefined) t.parameters.set({ model, ...t.parameters.get() })
  }
}

/** Ends the answers that run on the page. */
export async function stop(t: Thread, ids: readonly string[] = t.running.get()): Promise<void> {
  if (t.secret) return stopPrivately(ids)
  try {
    await Promise.all(ids.map(id => chats.stop(t.id, id)))
  } catch (e) {
    warn(text.notStopped(wordsOf(e)), 0, { name: en.common.tryAgain, run: () => void stop(t, ids) })
  }
}

/** Shows a branch, and has the server remember it. */
export function select(t: Thread, id: string): void {
  const leaf = t.select(id)
  t.flush()
  if (t.secret || t.unsent.has(leaf)) return
  chats.change(t.id, { leaf }).then(chat => t.header(chat), (e: unknown) => warn(text.leafNotKept(wordsOf(e)), 8))
}

// ---- parameters

let saving: ReturnType<typeof setTimeout> | undefined
const settle = 400 // ms without a change until parameters are sent

/** Changes parameters of the chat; they are sent when nothing more changes, or with what is sent next. */
export function setParameters(t: Thread, p: Parameters): void {
  t.parameters.set(p)
  if (t.secret || t.phase.get() === 'new') return
  t.changed = true
  clearTimeout(saving)
  saving = setTimeout(() => void saved(t).catch((e: unknown) => warn(text.parametersNotKept(wordsOf(e)), 0, { name: en.common.tryAgain, run: () => setParameters(t, t.parameters.get()) })), settle)
}

/** Sends parameters that the server does not have. */
export async function saved(t: Thread): Promise<void> {
  if (!t.changed || t.secret || t.phase.get() === 'new') return
  clearTimeout(saving)
  const p = t.parameters.get()
  t.changed = false
  try {
    t.header(await chats.change(t.id, { parameters: p }))
  } catch (e) {
    t.changed = true
    throw e
  }
}

// ---- messages

/** Deletes a message with all behind it. */
export async function remove(t: Thread, id: string): Promise<void> {
  if (t.unsent.has(id)) return t.withdraw(id)
  const gone = t.tree.under(id)
  const leaf = t.tree.leaf
  const copies = gone.flatMap(x => t.tree.get(x) ?? [])
  if (t.secret) {
    stopPrivately(gone)
    t.remove(gone)
    return void undo(text.messageDeleted, () => {
      for (const m of copies) t.tree.put(m)
      t.choose(leaf)
    })
  }
  t.remove(gone)
  try {
    t.header((await chats.removeMessage(t.id, id)).chat)
  } catch (e) {
    if (!(e instanceof Failure && e.status === 404)) {
      for (const m of copies) t.tree.put(m)
      t.choose(leaf)
      return void warn(text.notDeleted(wordsOf(e)))
    }
  }
  undo(text.messageDeleted, async () => {
    const began = t.live.now()
    try {
      const got = await chats.restoreMessage(t.id, id)
      t.answered(got.chat, got.messages, began)
      t.choose(leaf)
    } catch (e) {
      warn(text.notRestored(wordsOf(e)))
    }
  })
}

/** A chat of its own of the messages up to one. */
export async function fork(t: Thread, leaf: string): Promise<void> {
  const id = newId()
  try {
    await chats.fork(t.id, { id, leaf })
    openChat(id)
    say(text.forked)
  } catch (e) {
    warn(text.notForked(wordsOf(e)), 0, { name: en.common.tryAgain, run: () => void fork(t, leaf) })
  }
}

/** Drops or sums up the oldest messages, so that half of the context is free. What is sent meanwhile waits for it. */
export function cut(t: Thread, summarise: boolean, limit: number): Promise<void> {
  const done = cutNow(t, summarise, limit)
  t.hurdle = done
  return done
}

async function cutNow(t: Thread, summarise: boolean, limit: number): Promise<void> {
  if (t.secret) {
    const path = t.tree.path().flatMap(id => t.tree.get(id) ?? [])
    const at = cutAt(path, t.cuts.get(), limit)
    if (at === undefined) return void warn(text.nothingToDrop)
    t.cuts.update(all => [...all, { at }])
    return void say(text.dropped)
  }
  try {
    const got = await chats.cut(t.id, { leaf: t.tree.leaf, summarise })
    t.header(got.chat)
    if (got.dropped === 0) warn(text.nothingToDrop)
    else say(summarise ? text.summarised : text.dropped)
  } catch (e) {
    warn(text.notCut(wordsOf(e)), 0, { name: en.common.tryAgain, run: () => void cut(t, summarise, limit) })
  }
}
