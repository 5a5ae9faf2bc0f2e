import { expect, test } from 'vitest'
import type { Message } from '../api/types'
import { Tree } from './tree'

const message = (id: string, parent?: string, more: Partial<Message> = {}): Message =>
  ({ id, ...(parent === undefined ? {} : { parent }), role: id.startsWith('u') ? 'user' : id.startsWith('t') ? 'tool' : 'assistant', content: id, created: '', ...more })

/** u1 → a1 → u2 → a2; a1's second version a1b → u3 → a3 */
function branched(): Tree {
  const t = new Tree()
  for (const [id, parent] of [['u1'], ['a1', 'u1'], ['u2', 'a1'], ['a2', 'u2'], ['a1b', 'u1'], ['u3', 'a1b'], ['a3', 'u3']] as const) t.put(message(id, parent))
  return t
}

test('an unknown leaf shows the newest branch', () => {
  const t = branched()
  t.choose('nowhere')
  expect(t.path()).toEqual(['u1', 'a1b', 'u3', 'a3'])
  expect(new Tree().path()).toEqual([])
})

test('a version is switched to the leaf that was open below it', () => {
  const t = branched()
  t.put(message('u2b', 'a1'))
  t.put(message('a2b', 'u2b'))
  t.choose('a2')
  expect(t.version('a1')).toEqual({ at: 0, of: [['a1'], ['a1b']] })
  t.select('a1b')
  expect(t.leaf).toBe('a3')
  t.select('a1')
  expect(t.leaf).toBe('a2') // not a2b, which is newer
  t.select('u2b')
  t.select('a1b')
  t.select('a1')
  expect(t.leaf).toBe('a2b')
})

test('a message behind the shown leaf is followed, one elsewhere is not', () => {
  const t = branched()
  t.choose('a2')
  t.put(message('u9', 'a3'))
  expect(t.follow('u9')).toBe(false)
  t.put(message('a1c', 'u1'))
  expect(t.follow('a1c')).toBe(false)
  t.put(message('u4', 'a2'))
  t.put(message('a4', 'u4'))
  expect(t.follow('u4')).toBe(true)
  expect(t.follow('a4')).toBe(true)
  expect(t.path()).toEqual(['u1', 'a1', 'u2', 'a2', 'u4', 'a4'])
  expect(t.follow('nowhere')).toBe(false)
})

test('an empty chat follows its first message', () => {
  const t = new Tree()
  t.put(message('u1'))
  expect(t.follow('u1')).toBe(true)
  expect(t.leaf).toBe('u1')
})

test('a message that is put again changes nothing but itself', () => {
  const t = branched()
  expect(t.put(message('a1', 'u1', { content: 'more' }))).toBe(false)
  expect(t.versions('a1')).toEqual([['a1'], ['a1b']])
  expect(t.get('a1')?.content).toBe('more')
})

test('removing what is shown shows the branch beside it, then the parent', () => {
  const t = branched()
  t.choose('a2')
  t.remove(['a1', 'u2', 'a2'])
  expect(t.path()).toEqual(['u1', 'a1b', 'u3', 'a3'])
  t.remove(['u3', 'a3'])
  expect(t.path()).toEqual(['u1', 'a1b'])
  t.remove(['a1b'])
  expect(t.path()).toEqual(['u1'])
  t.remove(['u1'])
  expect(t.path()).toEqual([])
  expect(t.size).toBe(0)
})

test('removing what is not shown switches nothing', () => {
  const t = branched()
  t.choose('a2')
  t.remove(['a1b', 'u3', 'a3'])
  expect(t.leaf).toBe('a2')
  expect(t.versions('a1')).toEqual([['a1']])
})

test('two answers beside each other are one version', () => {
  const t = new Tree()
  t.put(message('u1'))
  t.put(message('a1', 'u1', { beside: 'a2' }))
  t.put(message('a2', 'u1', { beside: 'a1' }))
  t.put(message('a3', 'u1'))
  t.choose('a2')
  expect(t.version('a2')).toEqual({ at: 0, of: [['a1', 'a2'], ['a3']] })
  expect(t.rows()).toEqual([
    { key: 'user ', role: 'user', ids: ['u1'], on: 'u1', at: 0, of: 1, nth: 1 },
    { key: 'assistant u1', role: 'assistant', ids: ['a1', 'a2'], on: 'a2', at: 0, of: 2, nth: 1 },
  ])
  t.remove(['a1'])
  expect(t.versions('a2')).toEqual([['a2'], ['a3']])
})

test('beside is believed only of two siblings that name each other', () => {
  const t = new Tree()
  t.put(message('u1'))
  t.put(message('a1', 'u1', { beside: 'a1' }))
  t.put(message('a2', 'u1', { beside: 'a3' }))
  t.put(message('a3', 'a1', { beside: 'a2' }))
  t.put(message('a4', 'u1', { beside: 'a2' }))
  for (const id of ['a1', 'a2', 'a3', 'a4']) expect(t.group(id)).toEqual([id])
})

test('results stand with the answer that called', () => {
  const t = new Tree()
  t.put(message('u1'))
  t.put(message('a1', 'u1', { status: 'calls' }))
  t.put(message('t1', 'a1'))
  t.put(message('a2', 't1'))
  t.choose('a2')
  expect(t.rows()).toEqual([
    { key: 'user ', role: 'user', ids: ['u1'], on: 'u1', at: 0, of: 1, nth: 1 },
    { key: 'assistant u1', role: 'assistant', ids: ['a1'], on: 'a1', results: 't1', at: 0, of: 1, nth: 1 },
    { key: 'assistant t1', role: 'assistant', ids: ['a2'], on: 'a2', at: 0, of: 1, nth: 2 },
  ])
})

test('running answers of the shown path, with those beside them', () => {
  const t = new Tree()
  t.put(message('u1'))
  t.put(message('a1', 'u1', { beside: 'a2', status: 'complete' }))
  t.put(message('a2', 'u1', { beside: 'a1', status: 'running' }))
  t.put(message('a3', 'u1', { status: 'running' }))
  t.choose('a1')
  expect(t.running()).toEqual(['a2'])
})

test('a circle of parents ends', () => {
  const t = new Tree()
  t.put(message('a1', 'a2'))
  t.put(message('a2', 'a1'))
  t.choose('a1')
  expect(t.path().length).toBeLessThanOrEqual(2)
  expect(t.below('a1')).toBeTypeOf('string')
  t.remove(['a1'])
  expect(t.size).toBe(1)
})

test('rows that stay the same are the same objects', () => {
  const t = branched()
  t.choose('a2')
  const before = t.rows()
  t.put(message('u4', 'a2'))
  t.follow('u4')
  t.put(message('a2b', 'u2'))
  const after = t.rows(before)
  expect(after.map((r, i) => r === before[i])).toEqual([true, true, true, false, false])
  expect(after[3]).toMatchObject({ on: 'a2', at: 0, of: 2 })
})

test('what stands behind a message', () => {
  expect(branched().under('a1').sort()).toEqual(['a1', 'a2', 'u2'])
  expect(branched().under('nowhere')).toEqual([])
})
