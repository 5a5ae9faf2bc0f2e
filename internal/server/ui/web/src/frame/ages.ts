import type { Chat } from '../api/types'
import { en } from '../text/en'

const t = en.chats

/** The chats, newest first, in parts by how long ago they changed, counted in days of the person's own time. Parts without chats are left out. */
export function agesOf(all: readonly Chat[], now: Date): { name: string; chats: Chat[] }[] {
  // Times of the server are all written alike: they compare as texts.
  const midnight = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - days).toISOString()
  const parts = [
    { name: t.today, from: midnight(0) },
    { name: t.yesterday, from: midnight(1) },
    { name: t.week, from: midnight(7) },
    { name: t.month, from: midnight(30) },
    { name: t.older, from: '' },
  ]
  const out: { name: string; chats: Chat[] }[] = []
  let at = 0
  for (const { name, from } of parts) {
    const start = at
    while (at < all.length && (all[at]?.updated ?? '') >= from) at++
    if (at > start) out.push({ name, chats: all.slice(start, at) })
  }
  return out
}
