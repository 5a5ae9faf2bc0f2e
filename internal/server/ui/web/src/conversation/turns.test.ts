import { expect, test } from 'vitest'
import type { Message } from '../api/types'
import { newId } from './ids'
import { Tree } from './tree'
import { ask, askAgain, giveResults, goOn, regenerate, rewrite } from './turns'

const id = /^[A-Za-z0-9_-]{8,64}$/
const put = (t: Tree, m: Partial<Message> & { id: string; role: Message['role'] }) => {
  t.put({ content: m.id, created: '', ...m })
  t.choose(m.id)
}

test('ids are as the server wants them, and no two alike', () => {
  const all = Array.from({ length: 1000 }, newId)
  expect(all.every(x => id.test(x))).toBe(true)
  expect(new Set(all).size).toBe(1000)
})

test('a question stands behind the leaf, and its answer behind it', () => {
  const t = new Tree()
  const first = ask(t, 'hello', [], { seed: 1 }, null)
  expect(first.messages[0]).toEqual({ id: expect.stringMatching(id), role: 'user', content: 'hello' })
  expect(first.answers).toEqual([{ id: expect.stringMatching(id), parent: first.messages[0]?.id, parameters: { seed: 1 } }])
  expect(first.leaf).toBe(first.answers[0]?.id)
  put(t, { id: 'u1', role: 'user' })
  put(t, { id: 'a1', role: 'assistant', parent: 'u1' })
  expect(ask(t, 'more', [{ name: 'f', bytes: 1, tokens: 1, text: 'x' }], {}, null).messages[0]).toMatchObject({ parent: 'a1', files: [{ text: 'x' }] })
})

test('two answers name each other', () => {
  const [a, b] = ask(new Tree(), 'q', [], { seed: 1 }, { seed: 2 }).answers
  expect([a?.beside, b?.beside]).toEqual([b?.id, a?.id])
  expect([a?.parameters, b?.parameters]).toEqual([{ seed: 1 }, { seed: 2 }])
})

test('an edit is a version beside the message, with its files', () => {
  const t = new Tree()
  put(t, { id: 'u1', role: 'user', files: [{ name: 'f', bytes: 3, tokens: 1 }] })
  put(t, { id: 'a1', role: 'assistant', parent: 'u1' })
  const asked = askAgain(t, 'u1', 'other words', {}, null)
  expect(asked?.messages[0]).toEqual({ id: expect.stringMatching(id), role: 'user', content: 'other words', files: [{ name: 'f', bytes: 3, tokens: 1 }] })
  const written = rewrite(t, 'a1', 'my words')
  expect(written).toEqual({ messages: [{ id: expect.stringMatching(id), parent: 'u1', role: 'assistant', content: 'my words', edited: true }], answers: [], leaf: written?.messages[0]?.id })
  expect(askAgain(t, 'a1', 'x', {}, null)).toBeUndefined()
  expect(rewrite(t, 'u1', 'x')).toBeUndefined()
})

test('regenerate, continue, results', () => {
  const t = new Tree()
  put(t, { id: 'u1', role: 'user' })
  put(t, { id: 'a1', role: 'assistant', parent: 'u1' })
  expect(regenerate(t, 'a1', {})?.answers[0]?.parent).toBe('u1')
  expect(goOn(t, 'a1', {})).toEqual({ messages: [], answers: [{ id: 'a1', parent: 'u1', parameters: {}, continue: true }], leaf: 'a1' })
  expect(regenerate(t, 'u1', {})).toBeUndefined()
  const given = giveResults('a1', [{ call: 'c', name: 'f', content: 'r' }], {})
  expect(given.messages[0]).toMatchObject({ parent: 'a1', role: 'tool', results: [{ call: 'c' }] })
  expect(given.answers[0]?.parent).toBe(given.messages[0]?.id)
})
