import { beforeEach, expect, test, vi } from 'vitest'
import type { Chat, Message, Turn } from '../api/types'
import { Thread } from './thread'

vi.mock('../state/notices', () => ({ whisper: (words: string) => said.push(words) }))
vi.mock('../state/drafts', () => ({ draftOf: () => '' }))
const said: string[] = []
beforeEach(() => void (said.length = 0))

const chat = (leaf?: string, more: Partial<Chat> = {}): Chat => ({ id: 'chat1', title: 'x', created: '', updated: '', parameters: {}, ...(leaf === undefined ? {} : { leaf }), ...more })
const user = (id: string, parent?: string): Message => ({ id, ...(parent === undefined ? {} : { parent }), role: 'user', content: id, created: '' })
const answer = (id: string, parent: string, more: Partial<Message> = {}): Message => ({ id, parent, role: 'assistant', content: id, created: '', status: 'complete', ...more })
const shown = (t: Thread) => {
  t.flush()
  return t.rows.get().map(r => r.on)
}

test('an event that is here before the chat hides nothing of it', () => {
  const t = new Thread('chat1', false, 'loading')
  t.take([answer('a1', 'u1', { status: 'running', seq: 3 })])
  t.whole(chat('a1'), [user('u1'), answer('a1', 'u1', { status: 'running', seq: 1 })], 0)
  expect(shown(t)).toEqual(['u1', 'a1'])
  expect(t.running.get()).toEqual(['a1'])
})

test('a branch that is made elsewhere switches nothing; what follows the shown end is shown', () => {
  const t = new Thread('chat1', false, 'loading')
  t.whole(chat('a1'), [user('u1'), answer('a1', 'u1')], 0)
  t.take([answer('a1b', 'u1', { status: 'running' })])
  t.header(chat('a1b'))
  expect(shown(t)).toEqual(['u1', 'a1'])
  expect(t.rows.get()[1]).toMatchObject({ at: 0, of: 2 })
  t.take([user('u2', 'a1'), answer('a2', 'u2', { status: 'running' })])
  expect(shown(t)).toEqual(['u1', 'a1', 'u2', 'a2'])
})

test('an answer that was asked for here is shown, but not where the person went elsewhere meanwhile', () => {
  const t = new Thread('chat1', false, 'loading')
  t.whole(chat('a1'), [user('u1'), answer('a1', 'u1'), user('u1b'), answer('ab', 'u1b')], 0)
  const again: Turn = { messages: [], answers: [{ id: 'a1c', parent: 'u1', parameters: {} }] }
  t.begin(again)
  t.take([answer('a1c', 'u1', { status: 'running' })])
  expect(shown(t)).toEqual(['u1', 'a1c'])
  t.begin({ messages: [], answers: [{ id: 'a1d', parent: 'u1', parameters: {} }] })
  t.select('u1b')
  t.take([answer('a1d', 'u1', { status: 'running' })])
  expect(shown(t)).toEqual(['u1b', 'ab'])
})

test('what begins and ends on the page is said, once', () => {
  const t = new Thread('chat1', false, 'loading')
  t.whole(chat('a1'), [user('u1'), answer('a1', 'u1')], 0)
  expect(said).toEqual([])
  t.take([answer('a1', 'u1', { status: 'running', seq: 0 })])
  t.take([answer('a1', 'u1', { status: 'running', seq: 1 })])
  t.take([answer('a1', 'u1', { status: 'stopped' })])
  t.answered(chat('a1'), [answer('a1', 'u1', { status: 'stopped' })], 0)
  expect(said).toEqual(['Answering…', 'Answer stopped'])
  t.take([answer('elsewhere', 'u1', { status: 'running' })])
  t.take([answer('elsewhere', 'u1')])
  expect(said).toHaveLength(2)
})

test('an answer that ends before its beginning was seen is said, if it was asked for here', () => {
  const t = new Thread('chat1', false, 'new')
  t.begin({ messages: [{ id: 'u1', role: 'user', content: 'q' }], answers: [{ id: 'a1', parent: 'u1', parameters: {} }] })
  t.answered(chat('a1'), [user('u1'), answer('a1', 'u1')], 0)
  expect(said).toEqual(['Answer complete'])
  expect(shown(t)).toEqual(['u1', 'a1'])
  expect(t.phase.get()).toBe('ready')
})

test('what is not sent stays, over a fetch of the chat', () => {
  const t = new Thread('chat1', false, 'loading')
  t.whole(chat('a1'), [user('u1'), answer('a1', 'u1')], 0)
  const turn: Turn = { messages: [{ id: 'u2', parent: 'a1', role: 'user', content: 'unsent' }], answers: [] }
  t.begin(turn)
  t.hold({ turn, state: 'failed', why: 'no line' })
  t.whole(chat('a1'), [user('u1'), answer('a1', 'u1')], t.live.now())
  expect(shown(t)).toEqual(['u1', 'a1', 'u2'])
  t.whole(chat('u2'), [user('u1'), answer('a1', 'u1'), user('u2', 'a1')], t.live.now())
  expect(t.unsent.size).toBe(0)
  t.remove(['u2'])
  expect(shown(t)).toEqual(['u1', 'a1'])
})

test('parameters of another browser are taken, unless there are changes here', () => {
  const t = new Thread('chat1', false, 'loading')
  t.whole(chat(undefined, { parameters: { seed: 1 } }), [], 0)
  expect(t.parameters.get()).toEqual({ seed: 1 })
  t.parameters.set({ seed: 2 })
  t.changed = true
  t.header(chat(undefined, { parameters: { seed: 3 } }))
  expect(t.parameters.get()).toEqual({ seed: 2 })
  t.changed = false
  t.header(chat(undefined, { parameters: { seed: 4 } }))
  expect(t.parameters.get()).toEqual({ seed: 4 })
})

test('a message is followed until its follower leaves', () => {
  const t = new Thread('chat1', false, 'loading')
  const calls: string[] = []
  const off = t.follow('a1', () => calls.push('told'))
  t.take([answer('a1', 'u1', { status: 'running' })])
  t.flush()
  t.delta({ message: 'a1', seq: 1, content: 'x', tokens: 1, reasoning_tokens: 0, thinking: false })
  t.delta({ message: 'a1', seq: 2, content: 'y', tokens: 2, reasoning_tokens: 0, thinking: false })
  t.flush()
  expect(calls).toHaveLength(2) // many deltas are one drawing
  off()
  t.touch('a1')
  t.flush()
  expect(calls).toHaveLength(2)
})
