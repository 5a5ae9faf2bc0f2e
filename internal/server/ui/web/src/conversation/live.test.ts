import { describe, expect, test } from 'vitest'
import type { Delta, Message } from '../api/types'
import { Live } from './live'
import { Tree } from './tree'

const running = (seq: number, content = ''): Message => ({ id: 'a1', parent: 'u1', role: 'assistant', content, status: 'running', created: '', seq })
const ended = (content: string): Message => ({ id: 'a1', parent: 'u1', role: 'assistant', content, status: 'complete', created: '' })
const delta = (seq: number, content: string, more: Partial<Delta> = {}): Delta => ({ message: 'a1', seq, content, tokens: seq, reasoning_tokens: 0, thinking: false, ...more })

function begin(): { tree: Tree; live: Live } {
  const tree = new Tree()
  const live = new Live(tree)
  live.event({ id: 'u1', role: 'user', content: 'q', created: '' })
  return { tree, live }
}

describe('deltas', () => {
  test('are added in order, and once', () => {
    const { tree, live } = begin()
    live.event(running(0))
    expect(live.delta(delta(1, 'one', { reasoning: 'hm', thinking: true }))).toBe('added')
    expect(live.delta(delta(2, ' two'))).toBe('added')
    expect(live.delta(delta(1, 'one'))).toBe('known')
    expect(tree.get('a1')).toMatchObject({ content: 'one two', reasoning: 'hm', tokens: 2, thinking: false, seq: 2 })
  })

  test('after a gap wait for the fetch', () => {
    const { tree, live } = begin()
    live.event(running(0))
    live.delta(delta(1, 'a'))
    expect(live.delta(delta(3, 'c'))).toBe('gap')
    const began = live.now()
    expect(live.delta(delta(4, 'd'))).toBe('gap')
    live.answer([running(3, 'abc')], began)
    expect(tree.get('a1')).toMatchObject({ content: 'abcd', seq: 4 })
    expect(live.delta(delta(5, 'e'))).toBe('added')
    expect(tree.get('a1')?.content).toBe('abcde')
  })

  test('of a message that is not here are of another chat', () => {
    const { tree, live } = begin()
    expect(live.delta({ ...delta(1, 'x'), message: 'else' })).toBe('known')
    expect(tree.get('else')).toBeUndefined()
  })

  test('of an answer that has ended here ask for the chat', () => {
    const { live } = begin()
    live.event(ended('abc'))
    expect(live.delta(delta(1, 'x'))).toBe('gap')
  })
})

describe('answers to requests', () => {
  test('do not bring a finished answer back to running', () => {
    const { tree, live } = begin()
    const began = live.now()
    live.event(running(0))
    live.event(ended('abc'))
    expect(live.answer([running(0)], began)).toEqual([])
    expect(tree.get('a1')).toMatchObject({ status: 'complete', content: 'abc' })
  })

  test('that are older than the deltas take nothing back', () => {
    const { tree, live } = begin()
    live.event(running(0))
    const began = live.now()
    live.delta(delta(1, 'one'))
    live.answer([running(0)], began)
    expect(tree.get('a1')).toMatchObject({ content: 'one', seq: 1 })
  })

  test('end an answer whose end was not told', () => {
    const { tree, live } = begin()
    live.event(running(0))
    live.answer([ended('all of it')], live.now())
    expect(tree.get('a1')).toMatchObject({ status: 'complete', content: 'all of it' })
  })

  test('name what is new', () => {
    const { live } = begin()
    expect(live.answer([ended('x'), { id: 'u1', role: 'user', content: 'q', created: '' }], live.now())).toEqual(['a1'])
  })

  test('a whole chat takes out what is not in it, but for what was told since and what is kept', () => {
    const { tree, live } = begin()
    live.event({ id: 'gone', parent: 'u1', role: 'assistant', content: '', created: '' })
    tree.put({ id: 'unsent', parent: 'u1', role: 'user', content: '', created: '' })
    const began = live.now()
    live.event(running(0))
    live.whole([{ id: 'u1', role: 'user', content: 'q', created: '' }], began, id => id === 'unsent')
    expect([...tree.all()].map(m => m.id).sort()).toEqual(['a1', 'u1', 'unsent'])
  })
})
