import { expect, test } from 'vitest'
import { pieces } from './marks'

const show = (text: string, marks: [number, number][]) => pieces(text, marks).map(p => (p.marked ? `[${p.text}]` : p.text)).join('')

test.each<[string, [number, number][], string]>([
  ['plain', [], 'plain'],
  ['one two', [[4, 7]], 'one [two]'],
  ['one two', [[4, 7], [0, 3]], '[one] [two]'],
  ['abcdef', [[1, 4], [2, 5]], 'a[bcd][e]f'],
  ['abc', [[2, 99]], 'ab[c]'],
  ['abc', [[-5, 1]], '[a]bc'],
  ['abc', [[2, 1]], 'abc'],
  ['', [[0, 1]], ''],
])('%s %j', (text, marks, want) => {
  expect(show(text, marks)).toBe(want)
})
