import { beforeEach, expect, test, vi } from 'vitest'
import { events } from '../api/events'
import type { EventTypes } from '../api/types'
import { notices } from '../state/notices'
import { route } from '../state/router'
import { blank, followThreads, threadOf } from './shown'

const told = new Map<string, unknown>()
const tell = <N extends keyof EventTypes>(name: N, value: EventTypes[N]) => (told.get(name) as ((v: EventTypes[N], again: boolean) => void) | undefined)?.(value, true)

beforeEach(() => {
  vi.stubGlobal('location', { pathname: '/' })
  vi.stubGlobal('history', { pushState: () => undefined, replaceState: () => undefined })
  vi.stubGlobal('requestAnimationFrame', (fn: () => void) => setTimeout(fn, 1))
  vi.stubGlobal('document', { visibilityState: 'visible', activeElement: {}, body: {} })
  vi.spyOn(events, 'on').mockImplementation((name, fn) => {
    told.set(name, fn)
    return () => undefined
  })
})

test('an open chat that is deleted elsewhere is left, and what was being written goes on in a new one', () => {
  followThreads()
  const id = 'chat-one'
  route.set({ view: 'chat', chat: id })
  const t = threadOf(id)
  const chat = { id, title: 'the title', created: '', updated: '', parameters: {} }
  t.chat.set(chat)
  t.words.set('half a thought')
  const file = { name: 'a.txt', bytes: 1, text: 'a', tokens: 1 }
  t.attachments.set([{ key: 1, name: 'a.txt', blob: new Blob(), model: '', file }, { key: 2, name: 'b.txt', blob: new Blob(), model: '' }])
  tell('gone', { id })
  expect(route.get()).toEqual({ view: 'chat', chat: '' })
  expect(blank.get().words.get()).toBe('half a thought')
  expect(blank.get().attachments.get().map(a => a.name)).toEqual(['a.txt'])
  expect(notices.get().at(-1)?.text).toContain('the title')
  tell('gone', { id: 'chat-two' })
  expect(notices.get()).toHaveLength(1)
})
