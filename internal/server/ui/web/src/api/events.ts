import { Store } from '../state/store'
import type { EventTypes } from './types'

/** open: events come. lost: they ended and it is tried again. paused: nobody looks at the tab. */
export type Line = 'opening' | 'open' | 'lost' | 'paused'

type Name = keyof EventTypes
type Follower<N extends Name> = (value: EventTypes[N], again: boolean) => void

const names: Name[] = ['hello', 'chat', 'gone', 'messages', 'removed', 'delta', 'models', 'pulls', 'presets']
const hiddenFor = 30_000 // ms until a hidden tab lets go of its connection

/** How long to wait before try n (from 0), in ms: half a second that doubles to 15, give or take a quarter. */
export function backOff(n: number, chance = Math.random()): number {
  return Math.min(15_000, 500 * 2 ** Math.min(n, 10)) * (0.75 + chance / 2)
}

/** The server's events, by one connection of this tab. After hello with again true what is shown must be fetched anew: events are lost in between. */
export class Events {
  readonly line = new Store<Line>('paused')
  #followers = new Map<Name, Set<Follower<never>>>()
  #source: EventSource | undefined
  #next: EventSource | undefined
  #chat = ''
  #wanted = false
  #tries = 0
  #greeted = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #hidden: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly make: (address: string) => EventSource = a => new EventSource(a)) {}

  /** Calls fn with each event of that name; returns what ends that. For hello, again tells that it is not the tab's first. */
  on<N extends Name>(name: N, fn: Follower<N>): () => void {
    let all = this.#followers.get(name)
    if (!all) this.#followers.set(name, (all = new Set()))
    all.add(fn as Follower<never>)
    return () => void all.delete(fn as Follower<never>)
  }

  /** Follows from now on whether the tab is looked at and the network is there. */
  begin(): void {
    if (this.#wanted) return
    this.#wanted = true
    document.addEventListener('visibilitychange', () => this.seen(document.visibilityState === 'visible'))
    addEventListener('online', () => this.retry())
    addEventListener('pagehide', () => this.close())
    addEventListener('pageshow', e => e.persisted && this.open())
  }

  /** Which chat's messages come, too; '' for none. */
  follow(chat: string): void {
    if (chat === this.#chat) return
    this.#chat = chat
    if (this.#wanted && this.line.get() !== 'paused') this.open()
  }

  /** Tries at once instead of when the waiting ends. */
  retry(): void {
    if (this.#wanted && this.line.get() === 'lost') this.open()
  }

  /** Opens a connection that was closed. */
  resume(): void {
    if (this.#wanted && this.line.get() === 'paused') this.open()
  }

  seen(visible: boolean): void {
    clearTimeout(this.#hidden)
    if (!visible) this.#hidden = setTimeout(() => this.close(), hiddenFor)
    else if (this.line.get() === 'paused') this.open()
    else this.retry()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#end()
    this.line.set('paused')
  }

  /** Opens a connection anew; one that is open gives events until the new one greets, so that none is lost in between. */
  open(): void {
    clearTimeout(this.#timer)
    if (this.line.get() === 'paused') this.line.set('opening')
    const old = this.line.get() === 'open' ? this.#source : undefined
    this.#next?.close()
    if (!old) this.#source?.close()
    const source = this.make(this.#chat ? `/ui/api/events?chat=${encodeURIComponent(this.#chat)}` : '/ui/api/events')
    if (old) this.#next = source
    else this.#source = source
    for (const name of names) {
      source.addEventListener(name, e => {
        if (name === 'hello') this.#hello(source)
        else if (source === this.#source || source === this.#next) this.#tell(name, JSON.parse((e as MessageEvent<string>).data) as never, false)
      })
    }
    source.onerror = () => (source === this.#source || source === this.#next) && this.#lost()
  }

  #hello(source: EventSource): void {
    const seamless = source === this.#next
    if (seamless) {
      this.#source?.close()
      this.#source = source
      this.#next = undefined
    } else if (source !== this.#source) return
    this.#tries = 0
    this.line.set('open')
    const again = this.#greeted && !seamless
    this.#greeted = true
    this.#tell('hello', {} as never, again)
  }

  #lost(): void {
    this.#end()
    this.line.set('lost')
    this.#timer = setTimeout(() => this.open(), backOff(this.#tries++))
  }

  #end(): void {
    this.#source?.close()
    this.#next?.close()
    this.#source = this.#next = undefined
  }

  #tell(name: Name, value: never, again: boolean): void {
    for (const fn of [...(this.#followers.get(name) ?? [])]) fn(value, again)
  }
}

export const events = new Events()
