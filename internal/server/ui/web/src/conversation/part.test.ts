import { expect, test } from 'vitest'
import { around, earlier, grown, later, tailOf, type Part } from './part'

test('a chat opens at its end', () => {
  expect(grown({ start: 0, end: 0, tail: true }, 0, 5000)).toEqual({ start: 4960, end: 5000, tail: true })
  expect(grown({ start: 0, end: 0, tail: true }, 0, 3)).toEqual({ start: 0, end: 3, tail: true })
})

test('what comes at the end is added, and nothing above goes', () => {
  let p: Part = tailOf(100)
  for (let n = 101; n < 400; n++) p = grown(p, n - 1, n)
  expect(p).toEqual({ start: 60, end: 399, tail: true })
})

test('a far longer branch is not drawn whole', () => {
  expect(grown({ start: 0, end: 10, tail: true }, 10, 5000)).toEqual({ start: 0, end: 160, tail: false })
  expect(grown({ start: 0, end: 10, tail: true }, 10, 100)).toEqual({ start: 0, end: 100, tail: true })
})

test('a shorter branch shows its end', () => {
  expect(grown({ start: 60, end: 100, tail: true }, 100, 50)).toEqual({ start: 10, end: 50, tail: true })
  expect(grown({ start: 60, end: 100, tail: true }, 100, 70)).toEqual({ start: 60, end: 70, tail: true })
  expect(grown({ start: 20, end: 180, tail: false }, 5000, 100)).toEqual({ start: 20, end: 100, tail: true })
})

test('who reads further up is left there', () => {
  const p = { start: 100, end: 260, tail: false }
  expect(grown(p, 5000, 5002)).toBe(p)
})

test('from the end to the beginning and back every row is drawn, and never too many', () => {
  let p = tailOf(5000)
  const seen = new Set<number>()
  const note = () => {
    for (let i = p.start; i < p.end; i++) seen.add(i)
    expect(p.end - p.start).toBeLessThanOrEqual(160)
  }
  for (let i = 0; i < 200 && p.start > 0; i++) {
    const before = p
    p = earlier(p, 5000)
    note()
    expect(p.end).toBeGreaterThanOrEqual(before.start + 40) // what was in sight is still drawn
  }
  expect(seen.size).toBe(5000)
  for (let i = 0; i < 200 && !p.tail; i++) {
    const before = p
    p = later(p, 5000)
    note()
    expect(p.start).toBeLessThan(before.end - 40)
  }
  expect(p.end).toBe(5000)
})

test('a row that is sought stands inside', () => {
  for (const row of [0, 7, 2500, 4999]) {
    const p = around(row, 5000)
    expect(p.start <= row && row < p.end).toBe(true)
  }
})
