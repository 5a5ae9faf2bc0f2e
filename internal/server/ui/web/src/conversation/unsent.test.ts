import { expect, test } from 'vitest'
import type { Turn } from '../api/types'
import { keepUnsent, unsentChat, unsentOf } from './unsent'

/** A storage as browsers have it; full: it takes nothing. */
function storage(full = false): Storage {
  const held = new Map<string, string>()
  return {
    get length() { return held.size },
    key: i => [...held.keys()][i] ?? null,
    getItem: k => held.get(k) ?? null,
    setItem: (k, v) => { if (full) throw new DOMException('full', 'QuotaExceededError'); held.set(k, v) },
    removeItem: k => void held.delete(k),
    clear: () => held.clear(),
  }
}

const turn = (more: Partial<Turn> = {}): Turn => ({ messages: [{ id: 'u1', role: 'user', content: 'words' }], answers: [{ id: 'a1', parent: 'u1', parameters: {} }], ...more })

test('turns that are not sent are there again, and go when they are sent', () => {
  const s = storage()
  keepUnsent('chat1', [turn()], s)
  expect(unsentOf('chat1', s)).toEqual([turn()])
  expect(unsentChat(s)).toBe('')
  keepUnsent('chat2', [turn({ chat: { parameters: {} } })], s)
  expect(unsentChat(s)).toBe('chat2')
  keepUnsent('chat2', [], s)
  keepUnsent('chat1', [], s)
  expect(s.length).toBe(0)
})

test('what cannot be kept does no harm', () => {
  expect(() => keepUnsent('chat1', [turn()], storage(true))).not.toThrow()
  const s = storage()
  keepUnsent('chat1', [turn({ messages: [{ id: 'u1', role: 'user', content: 'x'.repeat(1_000_001) }] })], s)
  expect(s.length).toBe(0)
  for (const bad of ['', '{', '{}', '[null]', '[{}]', '[{"messages":[{}],"answers":[]}]', '[{"messages":1,"answers":[]}]']) {
    s.setItem('unsent:chat1', bad)
    expect(unsentOf('chat1', s)).toEqual([])
  }
})
