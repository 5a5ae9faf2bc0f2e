import { describe, expect, test } from 'vitest'
import { fromPreset, read, same, toPreset, withValue, write } from './parameters'
import type { Field } from './parameters'

describe('read', () => {
  const good: [Field, string, unknown][] = [
    ['temperature', '', undefined], ['temperature', '  ', undefined], ['temperature', '0', 0], ['temperature', ' 0.3 ', 0.3], ['temperature', '0,3', 0.3], ['temperature', '.5', 0.5], ['temperature', '1e-1', 0.1], ['temperature', '2', 2],
    ['seed', '0', 0], ['seed', '9007199254740991', Number.MAX_SAFE_INTEGER], ['seed', '1e3', 1000], ['max_tokens', '1', 1], ['top_p', '1', 1], ['top_k', '0', 0], ['reasoning_budget', '0', 0],
    ['system', ' kept as it is\n', ' kept as it is\n'], ['system', ' \n ', undefined],
    ['schema', '{"type": "object"}', { type: 'object' }], ['schema', '', undefined],
    ['tools', '[]', undefined], ['tools', '[{"type":"function","function":{"name":"f"}}]', [{ type: 'function', function: { name: 'f' } }]],
  ]
  test.each(good)('%s %j', (field, text, want) => expect(read(field, text)).toEqual({ value: want }))

  const bad: [Field, string, string][] = [
    ['temperature', '-3', 'number'], ['temperature', '2.1', 'number'], ['temperature', 'warm', 'number'], ['temperature', 'Infinity', 'number'], ['temperature', '0x1', 'number'], ['temperature', '1 2', 'number'], ['temperature', '1e999', 'number'],
    ['seed', '1.5', 'whole'], ['seed', '9007199254740992', 'whole'], ['max_tokens', '-1', 'whole'], ['max_tokens', '0', 'whole'], ['top_p', '1.01', 'number'], ['min_p', '-0.1', 'number'], ['top_k', '0.5', 'whole'],
    ['schema', '{"type": ', 'json'], ['schema', '[]', 'object'], ['schema', 'null', 'object'], ['schema', '3', 'object'], ['schema', `"${'x'.repeat(1_000_000)}"`, 'long'],
    ['tools', '[{"name": ', 'json'], ['tools', '{}', 'array'], ['tools', '[{"name":"f"}]', 'tool'], ['tools', '[null]', 'tool'], ['tools', '[{"type":"function","function":{"name":"a b"}}]', 'tool'],
    ['tools', '[{"type":"function","function":{"name":"f","parameters":[]}}]', 'tool'], ['tools', '[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]', 'twice'],
    ['tools', JSON.stringify(Array.from({ length: 129 }, (_, i) => ({ type: 'function', function: { name: `f${i}` } }))), 'many'],
  ]
  test.each(bad)('%s %.40s', (field, text, kind) => expect(read(field, text)).toMatchObject({ fault: { kind } }))
})

test('what is written is read again', () => {
  const p = { temperature: 0.7, seed: 0, system: 'a\nb', schema: { a: [1] }, tools: [{ type: 'function', function: { name: 'f' } }] }
  for (const f of ['temperature', 'seed', 'system', 'schema', 'tools'] as const) expect(read(f, write(f, p))).toEqual({ value: p[f] })
  expect(write('top_k', p)).toBe('')
})

test('withValue takes out what is empty', () => {
  expect(withValue({ seed: 1 }, 'seed', undefined)).toEqual({})
  expect(withValue({ mcp: ['a'] }, 'mcp', [])).toEqual({})
  expect(withValue({ system: 'x' }, 'system', '')).toEqual({})
  expect(withValue({}, 'temperature', 0)).toEqual({ temperature: 0 })
})

test('same looks into objects', () => {
  expect(same({ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 })).toBe(true)
  expect(same({ a: 1 }, { a: 1, b: 1 })).toBe(false)
  expect(same([1, 2], [2, 1])).toBe(false)
  expect(same([], {})).toBe(false)
})

test('a preset leaves the consent and, where it has none that is here, the model', () => {
  expect(fromPreset({ model: 'm', seed: 3, allowed: ['s/t'] }, { temperature: 1, allowed: ['x/y'] }, ['m'])).toEqual({ model: 'm', temperature: 1, allowed: ['s/t'] })
  expect(fromPreset({ model: 'm' }, { model: 'n' }, ['m', 'n'])).toEqual({ model: 'n' })
  expect(fromPreset({ model: 'm' }, { model: 'gone' }, ['m', 'n'])).toEqual({ model: 'm' })
  expect(fromPreset({}, { model: 'later' }, [])).toEqual({ model: 'later' })
  expect(toPreset({ seed: 1, allowed: ['x/y'] })).toEqual({ seed: 1 })
})
