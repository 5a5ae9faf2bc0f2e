import { expect, test } from 'vitest'
import type { Chat } from '../api/types'
import { agesOf } from './ages'

test('by days of the calendar, not by hours', () => {
  const now = new Date(2026, 2, 10, 1, 0)
  const chat = (id: string, d: Date): Chat => ({ id, title: '', created: '', updated: d.toISOString(), parameters: {} })
  const parts = agesOf([
    chat('today', new Date(2026, 2, 10, 0, 0)), chat('yesterday', new Date(2026, 2, 9, 23, 59)), chat('week', new Date(2026, 2, 3, 12)),
    chat('month', new Date(2026, 1, 20)), chat('old', new Date(2024, 1, 1)),
  ], now)
  expect(parts.map(p => `${p.name}: ${p.chats.map(c => c.id).join(' ')}`)).toEqual(['Today: today', 'Yesterday: yesterday', 'Last 7 days: week', 'Last 30 days: month', 'Older: old'])
  expect(agesOf([], now)).toEqual([])
})
