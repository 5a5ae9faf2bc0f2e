import { beforeEach, expect, test, vi } from 'vitest'
import { draftOf, keepDraft } from './drafts'

let stored: Map<string, string>

beforeEach(() => {
  stored = new Map()
  vi.stubGlobal('sessionStorage', { getItem: (k: string) => stored.get(k) ?? null, setItem: (k: string, v: string) => stored.set(k, v), removeItem: (k: string) => stored.delete(k) })
})

test('kept for each chat, in memory and for a reload', () => {
  keepDraft('a', 'one')
  keepDraft('', 'new')
  expect([draftOf('a'), draftOf(''), draftOf('b')]).toEqual(['one', 'new', ''])
  expect(stored.get('draft:a')).toBe('one')
  keepDraft('a', '')
  expect(draftOf('a')).toBe('')
  expect(stored.has('draft:a')).toBe(false)
})

test('a private one is in no storage, also where it was before', () => {
  keepDraft('p', 'public')
  keepDraft('p', 'secret', true)
  expect(draftOf('p')).toBe('secret')
  expect([...stored.values()].join()).not.toContain('public')
})

test('storage that is forbidden or full loses nothing', () => {
  vi.stubGlobal('sessionStorage', { getItem() { throw new Error('no') }, setItem() { throw new Error('full') }, removeItem() { throw new Error('no') } })
  keepDraft('f', 'text')
  expect(draftOf('f')).toBe('text')
  expect(draftOf('other')).toBe('')
})
