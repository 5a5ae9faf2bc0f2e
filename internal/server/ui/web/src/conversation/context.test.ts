import { expect, test } from 'vitest'
import type { Figures, Message } from '../api/types'
import { contextUsed, cutAt, room } from './context'

const figures = (context: number): Figures => ({ prompt_tokens: 0, cached_tokens: 0, answer_tokens: 0, reasoning_tokens: 0, first_token_ms: 0, tokens_per_second: 0, reasoning_ms: 0, context, context_limit: 1000 })
const user = (id: string): Message => ({ id, role: 'user', content: '', created: '' })
const answer = (id: string, context?: number): Message => ({ id, role: 'assistant', content: '', created: '', ...(context === undefined ? {} : { figures: figures(context) }) })
const path = [user('u1'), answer('a1', 300), user('u2'), answer('a2', 600), user('u3'), answer('a3', 900)]

test('the last figures count', () => {
  expect(contextUsed([], [])).toBe(0)
  expect(contextUsed(path, [])).toBe(900)
  expect(contextUsed([...path, user('u4'), answer('a4')], [])).toBe(900)
})

test('after a cut what stood before it does not count', () => {
  expect(contextUsed(path, [{ at: 'u2' }])).toBe(600)
  expect(contextUsed(path, [{ at: 'u3' }])).toBe(300)
  expect(contextUsed(path, [{ at: 'elsewhere' }])).toBe(900)
  // an answer that came after the cut has figures of its own
  expect(contextUsed([...path, user('u4'), answer('a4', 450)], [{ at: 'u3' }])).toBe(450)
})

test('nearly full, full', () => {
  expect(room(path, [], 1000, 0, []).nearly).toBe(true)
  expect(room(path, [], 2000, 0, []).nearly).toBe(false)
  expect(room(path, [{ at: 'u3' }], 1000, 0, []).nearly).toBe(false)
  expect(room(path, [], 0, 0, []).nearly).toBe(false)
  expect(room(path, [], 1000, 400, [])).toMatchObject({ used: 1000, full: true })
  expect(room([], [], 1000, 0, [{ name: 'f', bytes: 1, tokens: 850 }])).toMatchObject({ nearly: true, full: false })
})

test('where half of the context gets free', () => {
  expect(cutAt(path, [], 1000)).toBe('u3') // 900 - 300 is more than 500
  expect(cutAt(path, [], 1300)).toBe('u2')
  expect(cutAt(path, [{ at: 'u2' }], 1200)).toBe('u3')
  expect(cutAt([user('u1'), answer('a1', 900)], [], 1000)).toBeUndefined()
})
