import { expect, test } from 'vitest'
import type { Used } from './api'
import { byDay } from './days'

const used = (day: string, model: string, answer_tokens: number): Used => ({ day, model, answer_tokens, requests: 1, failed: 0, prompt_tokens: 0, cached_tokens: 0, reasoning_tokens: 0, seconds: 0 })
const now = new Date('2026-11-30T23:59:59Z')

test('days that end today, the largest model first', () => {
  const d = byDay([used('2026-11-30', 'a', 5), used('2026-11-28', 'b', 7), used('2026-11-28', 'b', 1), used('2026-11-01', 'a', 100), used('nonsense', 'a', 1)], 'answer_tokens', 3, now)
  expect(d.at.map(s => new Date(s * 1000).toISOString().slice(0, 10))).toEqual(['2026-11-28', '2026-11-29', '2026-11-30'])
  expect(d.series).toEqual([{ name: 'b', values: [8, 0, 0], total: 8 }, { name: 'a', values: [0, 0, 5], total: 5 }])
  expect(d.total).toBe(13)
})
test('many models: seven and the others', () => {
  const d = byDay(Array.from({ length: 20 }, (_, i) => used('2026-11-30', `m${i}`, i)), 'answer_tokens', 2, now)
  expect(d.series.map(s => s.name)).toEqual(['m19', 'm18', 'm17', 'm16', 'm15', 'm14', 'm13', 'others'])
  expect(d.series.at(-1)?.total).toBe(78)
  expect(d.total).toBe(190)
})
