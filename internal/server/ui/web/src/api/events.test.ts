import { beforeEach, expect, test, vi } from 'vitest'
import { backOff, Events } from './events'

class Source {
  closed = false
  onerror: (() => void) | null = null
  #on = new Map<string, (e: { data: string }) => void>()
  constructor(readonly address: string) {}
  addEventListener(name: string, fn: (e: { data: string }) => void) {
    this.#on.set(name, fn)
  }
  close() {
    this.closed = true
  }
  send(name: string, value: unknown = {}) {
    this.#on.get(name)?.({ data: JSON.stringify(value) })
  }
}

let made: Source[]
let events: Events
const at = (i: number) => made.at(i) ?? new Source('none was made')

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('document', { addEventListener() {}, visibilityState: 'visible' })
  vi.stubGlobal('addEventListener', () => undefined)
  made = []
  events = new Events(address => {
    const s = new Source(address)
    made.push(s)
    return s as unknown as EventSource
  })
  events.begin()
  events.open()
})

test('events come by name, until one does not want them any more', () => {
  const got: string[] = []
  const off = events.on('gone', e => got.push(e.id))
  at(0).send('hello')
  at(0).send('gone', { id: 'a' })
  off()
  at(0).send('gone', { id: 'b' })
  expect(got).toEqual(['a'])
  expect(events.line.get()).toBe('open')
})

test('a lost line is tried again, later each time, and says so when it is back', () => {
  const greeted: boolean[] = []
  events.on('hello', (_, again) => greeted.push(again))
  at(0).send('hello')
  at(0).onerror?.()
  expect(events.line.get()).toBe('lost')
  vi.advanceTimersByTime(700)
  expect(made.length).toBe(2)
  at(1).onerror?.()
  vi.advanceTimersByTime(700)
  expect(made.length).toBe(2)
  vi.advanceTimersByTime(700)
  expect(made.length).toBe(3)
  at(2).send('hello')
  expect(greeted).toEqual([false, true])
  expect(events.line.get()).toBe('open')
})

test('another chat: the old connection gives events until the new one greets, and nothing is fetched anew', () => {
  const got: string[] = []
  const again: boolean[] = []
  events.on('gone', e => got.push(e.id))
  events.on('hello', (_, a) => again.push(a))
  at(0).send('hello')
  events.follow('chat-1234')
  expect(at(1).address).toBe('/ui/api/events?chat=chat-1234')
  at(0).send('gone', { id: 'a' })
  at(1).send('hello')
  expect(at(0).closed).toBe(true)
  at(0).send('gone', { id: 'late' })
  at(1).send('gone', { id: 'b' })
  expect(got).toEqual(['a', 'b'])
  expect(again).toEqual([false, false])
})

test('chats that follow each other quickly leave one connection', () => {
  at(0).send('hello')
  events.follow('chat-1111')
  events.follow('chat-2222')
  at(2).send('hello')
  expect(made.map(s => s.closed)).toEqual([true, true, false])
})

test('a tab that nobody looks at lets go after half a minute, and comes back', () => {
  at(0).send('hello')
  events.seen(false)
  vi.advanceTimersByTime(29_000)
  expect(at(0).closed).toBe(false)
  vi.advanceTimersByTime(2_000)
  expect(at(0).closed).toBe(true)
  expect(events.line.get()).toBe('paused')
  events.seen(true)
  const again: boolean[] = []
  events.on('hello', (_, a) => again.push(a))
  at(-1).send('hello')
  expect(again).toEqual([true])
})

test('a short look away changes nothing', () => {
  at(0).send('hello')
  events.seen(false)
  events.seen(true)
  vi.advanceTimersByTime(60_000)
  expect(made.length).toBe(1)
  expect(at(0).closed).toBe(false)
})

test('waiting grows to a bound', () => {
  expect([0, 1, 4, 9, 99].map(n => backOff(n, 0.5))).toEqual([500, 1000, 8000, 15_000, 15_000])
})
