import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { me } from '../api/client'
import { events } from '../api/events'
import type { Chat, EventTypes } from '../api/types'
import { changeChat, chats, deleteChat, fetchChats, fetchOlder, followChats, forgetChats, listed, oldest, take } from './chats'
import { notices } from './notices'
import { route } from './router'

const time = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString()
const chat = (n: number, more: Partial<Chat> = {}): Chat => ({ id: `chat-${n}`, title: `title ${n}`, created: time(n), updated: time(n), parameters: {}, ...more })

let all: Map<string, Chat>
let trash: Map<string, Chat>
let down = false

/** A server of chats with the routes of the list. */
function server(path: string, init: RequestInit): Response {
  const u = new URL(path, 'http://x')
  const json = (v: unknown, status = 200) => new Response(JSON.stringify(v), { status })
  if (down) return json({ error: { message: 'the disk is full' } }, 507)
  if (u.pathname === '/ui/api/chats') {
    const before = u.searchParams.get('before')
    const sorted = [...all.values()].sort((a, b) => (a.updated < b.updated ? 1 : -1))
    const plain = sorted.filter(c => !c.pinned && !c.folder && (!before || c.updated < before))
    const limit = Number(u.searchParams.get('limit'))
    return json({ chats: [...(before ? [] : sorted.filter(c => c.pinned || c.folder)), ...plain.slice(0, limit)], more: plain.length > limit })
  }
  const [, , , , id = '', restore] = u.pathname.split('/')
  const one = restore ? trash.get(id) : all.get(id)
  if (!one) return json({ error: { message: 'no such chat' } }, 404)
  if (restore) {
    all.set(id, one)
    return json(one)
  }
  if (init.method === 'DELETE') {
    all.delete(id)
    trash.set(id, one)
    return new Response(null, { status: 204 })
  }
  const changed = { ...one, ...(JSON.parse(String(init.body)) as Partial<Chat>) }
  all.set(id, changed)
  return json(changed)
}

const tell = <N extends keyof EventTypes>(name: N, value: EventTypes[N]) => (told.get(name) as ((v: EventTypes[N], again: boolean) => void) | undefined)?.(value, true)
const told = new Map<string, unknown>()
const shown = () => [...chats.get().all.keys()].sort()
const frame = () => new Promise(done => setTimeout(done, 40))

beforeEach(() => {
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => Promise.resolve(server(path, init)))
  vi.stubGlobal('location', { pathname: '/' })
  vi.stubGlobal('history', { pushState: (_: unknown, __: string, p: string) => (location.pathname = p), replaceState: (_: unknown, __: string, p: string) => (location.pathname = p) })
  vi.stubGlobal('requestAnimationFrame', (fn: () => void) => setTimeout(fn, 1))
  vi.stubGlobal('document', { visibilityState: 'visible', activeElement: {}, body: {} })
  vi.spyOn(events, 'on').mockImplementation((name, fn) => {
    told.set(name, fn)
    return () => undefined
  })
  me.set({ name: '', owner: true, signed_in: false, scopes: [], csrf: 'x', version: '', mcp: false })
  all = new Map(Array.from({ length: 1000 }, (_, i) => chat(i)).map(c => [c.id, c]))
  trash = new Map()
  down = false
  notices.set([])
  route.set({ view: 'chat', chat: '' })
  forgetChats()
  followChats()
})

afterEach(() => vi.unstubAllGlobals())

test('parts are fetched from the newest to the oldest', async () => {
  await fetchChats()
  expect([chats.get().all.size, chats.get().more]).toEqual([400, true])
  await fetchOlder()
  await fetchOlder()
  expect([chats.get().all.size, chats.get().more]).toEqual([1000, false])
  await fetchOlder()
  expect(chats.get().all.size).toBe(1000)
})

test('fetched anew: older parts stay, what the server has not any more among the newest goes', async () => {
  await fetchChats()
  await fetchOlder()
  all.delete('chat-999')
  all.set('chat-1300', chat(1300))
  await fetchChats()
  expect(chats.get().all.has('chat-999')).toBe(false)
  expect(chats.get().all.has('chat-1300')).toBe(true)
  expect(chats.get().all.has('chat-260')).toBe(true)
  await fetchOlder()
  expect(chats.get().all.size).toBe(1000)
})

test('a change is shown at once, and taken back with words where it fails', async () => {
  await fetchChats()
  const p = changeChat('chat-999', { title: 'other' })
  await frame()
  expect(chats.get().all.get('chat-999')?.title).toBe('other')
  expect(await p).toBe(true)
  down = true
  expect(await changeChat('chat-999', { title: 'never' })).toBe(false)
  await frame()
  expect(chats.get().all.get('chat-999')?.title).toBe('other')
  expect(notices.get().map(n => [n.kind, n.text.includes('the disk is full')])).toEqual([['alert', true]])
})

test('a deleted chat is gone, whatever is still said of it, until Undo', async () => {
  await fetchChats()
  route.set({ view: 'chat', chat: 'chat-999' })
  await deleteChat('chat-999')
  tell('chat', chat(999, { running: 1 }))
  await frame()
  expect(chats.get().all.has('chat-999')).toBe(false)
  expect(route.get()).toEqual({ view: 'chat', chat: '' })
  await notices.get()[0]?.undo?.()
  await frame()
  expect(chats.get().all.has('chat-999')).toBe(true)
  expect(route.get()).toEqual({ view: 'chat', chat: 'chat-999' })
})

test('a chat that cannot be deleted stays', async () => {
  await fetchChats()
  down = true
  await deleteChat('chat-999')
  await frame()
  expect(chats.get().all.has('chat-999')).toBe(true)
  expect(notices.get()[0]?.kind).toBe('alert')
})

test('what happens elsewhere is shown', async () => {
  await fetchChats()
  tell('chat', chat(1400))
  tell('chat', chat(2, { title: 'far back' })) // farther back than the list is known
  tell('gone', { id: 'chat-998' })
  await frame()
  expect(shown().includes('chat-1400')).toBe(true)
  expect(shown().includes('chat-2')).toBe(false)
  expect(shown().includes('chat-998')).toBe(false)
})

test('what was fetched for the one before is not shown to the next', async () => {
  const late = fetchChats()
  forgetChats()
  await late
  expect(chats.get().all.size).toBe(0)
  await fetchChats()
  expect(chats.get().all.size).toBe(400)
})

test('many changes are one', async () => {
  let times = 0
  const off = chats.subscribe(() => times++)
  for (let i = 0; i < 1000; i++) take(`chat-${i}`, chat(i))
  await frame()
  off()
  expect([times, chats.get().all.size]).toEqual([1, 1000])
})

test('the order: pinned, folders by name with pinned ones first, the rest; each newest first', () => {
  const l = listed([chat(1), chat(5), chat(3, { pinned: true }), chat(4, { pinned: true }), chat(2, { folder: 'b' }), chat(7, { folder: 'b' }), chat(6, { folder: 'b', pinned: true }), chat(8, { folder: 'A' })])
  const ids = (c: Chat[]) => c.map(x => x.id.slice(5)).join(' ')
  expect(ids(l.pinned)).toBe('4 3')
  expect(l.folders.map(f => `${f.name}: ${ids(f.chats)}`)).toEqual(['A: 8', 'b: 6 7 2'])
  expect(ids(l.rest)).toBe('5 1')
  expect(oldest([chat(5), chat(3), chat(1, { pinned: true })])).toBe(time(3))
})
