import { text } from '../text/admin'
import type { Used } from './api'

export const figures = ['requests', 'prompt_tokens', 'answer_tokens', 'reasoning_tokens', 'cached_tokens'] as const
export type Figure = (typeof figures)[number]

/** A figure of each of the last days, by model. */
export interface Days {
  /** Seconds since 1970 at the beginning of each day, in UTC. */
  at: number[]
  /** The models that used most, at most seven, and the others together; values[i] is of day at[i]. */
  series: { name: string; values: number[]; total: number }[]
  total: number
}

const MOST = 7
const DAY = 86_400

/** Sorts what was used into days that end today. */
export function byDay(used: readonly Used[], figure: Figure, days: number, now: Date): Days {
  const last = Math.floor(now.getTime() / 1000 / DAY)
  const at = Array.from({ length: days }, (_, i) => (last - days + 1 + i) * DAY)
  const rows = new Map<string, number[]>()
  for (const u of used) {
    const day = Math.floor(Date.parse(`${u.day ?? ''}T00:00:00Z`) / 1000 / DAY) - (last - days + 1)
    if (!(day >= 0 && day < days)) continue
    let row = rows.get(u.model ?? '')
    if (!row) rows.set(u.model ?? '', (row = new Array<number>(days).fill(0)))
    row[day] = (row[day] ?? 0) + (u[figure] ?? 0)
  }
  const sum = (v: number[]): number => v.reduce((a, b) => a + b, 0)
  const all = [...rows].map(([name, values]) => ({ name, values, total: sum(values) })).filter(s => s.total > 0).sort((a, b) => b.total - a.total || a.name.localeCompare(b.name))
  const series = all.slice(0, all.length > MOST + 1 ? MOST : MOST + 1)
  const rest = all.slice(series.length)
  if (rest.length) {
    const values = at.map((_, i) => rest.reduce((a, s) => a + (s.values[i] ?? 0), 0))
    series.push({ name: text.others, values, total: sum(values) })
  }
  return { at, series, total: all.reduce((a, s) => a + s.total, 0) }
}
