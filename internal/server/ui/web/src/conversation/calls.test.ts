import { expect, test } from 'vitest'
import type { Call, Message } from '../api/types'
import { argumentsOf, complete, tidy, wanted } from './calls'

const call = (id: string, name: string, args = '{}'): Call => ({ id, name, arguments: args })
const answer = (...calls: Call[]): Message => ({ id: 'a1', role: 'assistant', content: '', created: '', status: 'calls', calls })

test('each call has a label of its own', () => {
  expect(wanted(answer(call('1', 'f'), call('2', 'g'), call('3', 'f')), {}).map(w => w.label)).toEqual(['f (1)', 'g', 'f (2)'])
  expect(wanted({ ...answer(), calls: [] }, {})).toEqual([])
})

test('a call of a server that the chat has goes there', () => {
  const p = { mcp: ['files', 'files__old'], tools: [{ type: 'function', function: { name: 'files__own' } }] }
  const [a, b, c, d, e] = wanted(answer(call('1', 'files__read'), call('2', 'files__old__read'), call('3', 'files__own'), call('4', 'web__get'), call('5', 'files__')), p)
  expect(a).toMatchObject({ server: 'files', tool: 'read' })
  expect(b).toMatchObject({ server: 'files__old', tool: 'read' })
  for (const w of [c, d, e]) expect(w?.server).toBeUndefined()
})

test('arguments', () => {
  expect(argumentsOf(call('1', 'f', '{"a": 1}'))).toEqual({ a: 1 })
  expect(argumentsOf(call('1', 'f', ''))).toEqual({})
  for (const bad of ['[1]', '{"a"', 'null', '3']) expect(argumentsOf(call('1', 'f', bad))).toBeUndefined()
  expect(tidy('{"a":1}')).toBe('{\n  "a": 1\n}')
  expect(tidy('{"a')).toBe('{"a')
})

test('results are whole, in the order of the calls', () => {
  const w = wanted(answer(call('1', 'f'), call('2', 'g')), {})
  const r = (c: string) => ({ call: c, name: 'n', content: c })
  expect(complete(w, new Map([['2', r('2')]]))).toBeUndefined()
  expect(complete(w, new Map([['2', r('2')], ['1', r('1')]]))?.map(x => x.call)).toEqual(['1', '2'])
})
