import type { Chat, Cut, Delta, Message, Parameters, Result, Turn } from '../api/types'
import { draftOf } from '../state/drafts'
import { nextFrame } from '../state/frame'
import { whisper } from '../state/notices'
import { Store } from '../state/store'
import { text } from '../text/conversation'
import type { Attachment } from './attachments'
import { newId } from './ids'
import { Live } from './live'
import { same } from './parameters'
import type { Field } from './parameters'
import { Tree, type Row } from './tree'
import { keepUnsent, unsentOf, type Unsent } from './unsent'

/** new: nothing of it is on the server yet. gone: it was deleted, or never was. */
export type Phase = 'new' | 'loading' | 'ready' | 'failed' | 'gone'

/** One open chat: what is known of it, what is shown of it, and what is being written. It changes in memory at once and tells followers once a frame. */
export class Thread {
  readonly tree = new Tree()
  readonly live = new Live(this.tree)
  readonly phase: Store<Phase>
  /** Why it could not be fetched. */
  readonly failure = new Store('')
  readonly chat = new Store<Chat | null>(null)
  readonly parameters = new Store<Parameters>({})
  /** The second parameters while two answers are asked for. */
  readonly second = new Store<Parameters | null>(null)
  /** Fields of the panels whose text is no value, by panel and field. */
  readonly faults = new Store<ReadonlySet<string>>(new Set())
  readonly rows = new Store<readonly Row[]>([])
  readonly running = new Store<readonly string[]>([])
  readonly attachments = new Store<readonly Attachment[]>([])
  /** By the id of the first message; the message stands in the tree. */
  readonly unsent = new Map<string, Unsent>()
  /** What stands in the message box. */
  readonly words = new Store('')
  /** What is sent waits for this: a cut under way. */
  hurdle: Promise<unknown> = Promise.resolve()
  /** What is typed into messages that are edited, by their id. */
  readonly edits = new Map<string, string>()
  /** What calls gave that are not sent yet, by callKey; and what is typed in for calls. */
  readonly outcomes = new Map<string, Result | 'running'>()
  readonly typed = new Map<string, string>()
  /** Answers that were asked for here: they are shown when they begin, and their calls may run by consent given before. */
  readonly own = new Set<string>()
  /** Places before which nothing is sent. */
  readonly cuts = new Store<readonly Cut[]>([])
  /** Whether parameters were changed that the server does not have yet. */
  changed = false
  /** A message that the view shall show. */
  readonly sought = new Store('')

  private readonly asked = new Set<Turn>()
  private readonly followers = new Map<string, Set<() => void>>()
  private readonly said = new Map<string, 'running' | 'ended'>()
  private readonly dirty = new Set<string>()
  private shape = false
  private planned = false
  /** Whether the whole chat was fetched: before, events may have told of parts of it. */
  private fetched = false

  constructor(readonly id: string, readonly secret: boolean, phase: Phase) {
    this.phase = new Store(phase)
    if (secret) return
    this.words.set(draftOf(this.draft))
    this.recall()
  }

  /** Under what name the draft is kept: a chat that is not on the server yet has that of the new one. */
  get draft(): string { return this.secret ? `private ${this.id}` : this.phase.get() === 'new' ? '' : this.id }

  /** Calls fn after a message changed; returns what ends that. */
  follow(id: string, fn: () => void): () => void {
    const all = this.followers.get(id) ?? new Set()
    this.followers.set(id, all)
    all.add(fn)
    return () => {
      all.delete(fn)
      if (!all.size) this.followers.delete(id)
    }
  }

  // ---- what comes from the server

  take(messages: readonly Message[]): void {
    for (const m of messages) {
      const before = this.tree.get(m.id)
      if (this.live.event(m)) this.arrived(m.id)
      this.touch(m.id)
      this.tell(before, m.id)
    }
    this.reshape()
  }

  /** A text of an answer. False where something is missing before it. */
  delta(d: Delta): boolean {
    const r = this.live.delta(d)
    if (r === 'added') this.touch(d.message)
    return r !== 'gap'
  }

  /** The whole chat, as a request that began at a moment brought it. */
  whole(chat: Chat, messages: readonly Message[], began: number): void {
    const first = !this.fetched
    this.fetched = true
    this.header(chat)
    const before = new Map([...this.tree.all()].map(m => [m.id, m]))
    const fresh = this.live.whole(messages, began, id => this.unsent.has(id))
    for (const m of messages) this.delivered(m.id)
    if (first) this.tree.choose(chat.leaf ?? '')
    else for (const id of fresh) this.arrived(id)
    for (const id of this.unsent.keys()) this.tree.choose(id)
    for (const m of this.tree.all()) {
      if (before.get(m.id) === m) continue
      this.touch(m.id)
      this.tell(before.get(m.id), m.id)
    }
    this.phase.set('ready')
    this.reshape()
  }

  /** Messages in the answer to a request that began at a moment. */
  answered(chat: Chat, messages: readonly Message[], began: number): void {
    this.fetched ||= this.phase.get() === 'new'
    this.header(chat)
    const before = new Map(messages.map(m => [m.id, this.tree.get(m.id)]))
    for (const id of this.live.answer(messages, began)) this.arrived(id)
    for (const m of messages) {
      this.touch(m.id)
      this.tell(before.get(m.id), m.id)
    }
    this.phase.set('ready')
    this.reshape()
  }

  /** What the server says of the chat itself. */
  header(chat: Chat): void {
    const known = this.chat.get()
    this.chat.set(chat)
    if (!same(this.cuts.get(), chat.cuts ?? [])) this.cuts.set(chat.cuts ?? [])
    if (!this.changed && !same(known?.parameters ?? null, chat.parameters)) this.parameters.set(chat.parameters)
  }

  remove(ids: readonly string[]): void {
    this.tree.remove(ids)
    for (const id of ids) this.edits.delete(id)
    this.reshape()
  }

  // ---- what a person does

  /** Shows the branch of a message; returns the leaf. */
  select(id: string): string {
    const leaf = this.tree.select(id)
    this.reshape()
    return leaf
  }

  choose(leaf: string): void {
    this.tree.choose(leaf)
    this.reshape()
  }

  /** Puts the messages of a turn on the page before the server has them, and shows them. */
  begin(turn: Turn): void {
    for (const a of turn.answers) this.own.add(a.id)
    let last = ''
    for (const m of turn.messages) {
      this.tree.put({ ...m, created: new Date().toISOString() })
      this.touch(m.id)
      last = m.id
    }
    if (last) this.tree.choose(last)
    this.reshape()
  }

  /** Notes that a turn is under way, or not any more. */
  underway(turn: Turn, on: boolean): void {
    if (on) this.asked.add(turn)
    else this.asked.delete(turn)
    for (const a of turn.answers) this.touch(a.parent)
  }

  /** Whether an answer to a message was asked for that is not here yet. */
  awaits(id: string): boolean {
    return [...this.asked].some(turn => turn.answers.some(a => a.parent === id))
  }

  edit(id: string, words: string | undefined): void {
    if (words === undefined) this.edits.delete(id)
    else this.edits.set(id, words)
    this.touch(id)
  }

  fault(panel: string, field: Field, wrong: boolean): void {
    const key = `${panel} ${field}`
    if (this.faults.get().has(key) === wrong) return
    const next = new Set(this.faults.get())
    if (wrong) next.add(key)
    else next.delete(key)
    this.faults.set(next)
  }

  // ---- what is not sent

  hold(u: Unsent): void {
    const id = u.turn.messages[0]?.id
    if (id === undefined) return
    this.unsent.set(id, u)
    this.keep()
    this.touch(id)
    this.reshape()
  }

  delivered(id: string): void {
    if (!this.unsent.delete(id)) return
    this.keep()
    this.touch(id)
  }

  /** Takes a message that was not sent out of the conversation. */
  withdraw(id: string): void {
    this.delivered(id)
    this.remove([id])
  }

  private keep(): void {
    if (!this.secret) keepUnsent(this.id, [...this.unsent.values()].map(u => u.turn))
  }

  private recall(): void {
    for (const turn of unsentOf(this.id)) {
      if (!turn.messages[0]) continue
      if (turn.chat) this.parameters.set(turn.chat.parameters)
      this.begin(turn)
      this.unsent.set(turn.messages[0].id, { turn, state: 'failed', why: text.leftUnsent })
    }
  }

  // ---- telling

  /** Tells followers of a message in the next frame. */
  touch(id: string): void {
    this.dirty.add(id)
    this.plan()
  }

  /** Works out in the next frame what is shown. */
  reshape(): void {
    this.shape = true
    this.plan()
  }

  private plan(): void {
    if (this.planned) return
    this.planned = true
    nextFrame(() => this.flush())
  }

  /** Tells at once what waits for the next frame. */
  flush(): void {
    this.planned = false
    if (this.shape) {
      this.shape = false
      const before = this.rows.get()
      const rows = this.tree.rows(before)
      if (rows.length !== before.length || rows.some((r, i) => r !== before[i])) this.rows.set(rows)
      const running = this.tree.running()
      if (running.join() !== this.running.get().join()) this.running.set(running)
    }
    const ids = [...this.dirty]
    this.dirty.clear()
    for (const id of ids) for (const fn of [...this.followers.get(id) ?? []]) fn()
  }

  private arrived(id: string): void {
    const m = this.tree.get(id)
    if (this.own.has(id) && m?.role === 'assistant') {
      const shown = this.tree.group(id).includes(this.tree.leaf)
      if (!shown && this.tree.path().includes(m.parent ?? '')) this.tree.choose(this.tree.group(id)[0] ?? id)
    } else this.tree.follow(id)
  }

  /** Says that an answer on the page began, or how it ended. */
  private tell(before: Message | undefined, id: string): void {
    const m = this.tree.get(id)
    if (m?.role !== 'assistant' || m.status === undefined) return
    const was = this.said.get(id)
    if (m.status === 'running') {
      if (was === 'running' || !this.shown(id)) return
      this.said.set(id, 'running')
      whisper(text.answering)
    } else if (before?.status === 'running' || (was === undefined && before === undefined && this.own.has(id))) {
      if (was === 'ended') return
      this.said.set(id, 'ended')
      if (this.shown(id) && !this.tree.running().length) whisper(text.ended(m.status))
    }
  }

  private shown(id: string): boolean {
    const path = new Set(this.tree.path())
    return this.tree.group(id).some(x => path.has(x))
  }
}

/** A chat that is not on the server yet. */
export const newThread = (secret = false) => new Thread(newId(), secret, 'new')
