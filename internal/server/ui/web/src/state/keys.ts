// The keys of the whole page, and what Escape does.

export type Chord = 'search' | 'new-chat' | 'shortcuts' | 'box' | 'side' | 'parameters' | 'settings'

const bound = new Map<Chord, () => void>()
const layers: { rank: number; leave: () => boolean | void }[] = []

/** What Escape leaves first has the highest rank. */
const rank = { stop: 0, panel: 1, drawer: 2, search: 3, edit: 4, menu: 5, dialog: 6 } as const

/** Calls fn when the keys of chord are pressed; returns what ends that. */
export function onChord(chord: Chord, fn: () => void): () => void {
  bound.set(chord, fn)
  return () => void (bound.get(chord) === fn && bound.delete(chord))
}

/** Calls leave on Escape, the highest rank and of those the latest first; where it returns false the next one is asked. Returns what ends that. */
export function onEscape(of: keyof typeof rank, leave: () => boolean | void): () => void {
  const layer = { rank: rank[of], leave }
  layers.push(layer)
  return () => void layers.splice(layers.indexOf(layer), 1)
}

type Press = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>

/** Which chord a key press is. Ctrl and, on a Mac, ⌘ count alike; letters by their key, as the layout has them. */
export function chordOf(e: Press): Chord | undefined {
  if (!(e.ctrlKey || e.metaKey) || e.altKey) return undefined
  const key = e.key.toLowerCase()
  if (e.shiftKey) {
    if (key === 'o') return 'new-chat'
    if (key === '?' || key === '/') return 'shortcuts'
    return undefined
  }
  if (key === 'k') return 'search'
  if (key === 'b') return 'side'
  if (key === '.') return 'parameters'
  if (key === '/') return 'shortcuts'
  if (key === ',') return 'settings'
  if (key === 'i') return 'box'
  return undefined
}

/** Runs Escape; tells whether something took it. */
export function escape(): boolean {
  const all = [...layers].map((l, i) => ({ l, i })).sort((a, b) => b.l.rank - a.l.rank || b.i - a.i)
  return all.some(({ l }) => l.leave() !== false)
}

export function followKeys(): void {
  document.addEventListener('keydown', e => {
    if (e.isComposing || e.keyCode === 229 || e.defaultPrevented) return
    if (e.key === 'Escape' && !e.ctrlKey && !e.metaKey && !e.altKey && !e.shiftKey) {
      if (escape()) e.preventDefault()
      return
    }
    const chord = chordOf(e)
    const fn = chord && bound.get(chord)
    if (!fn) return
    e.preventDefault()
    if (!e.repeat && (chord === 'shortcuts' || !document.querySelector('dialog[open]'))) fn()
  })
}
