import { useLayoutEffect, useState } from 'preact/hooks'
import type { Message } from '../api/types'
import type { Thread } from './thread'

/** A message of a chat; the component is drawn anew when it changes. */
export function useMessage(t: Thread, id: string): Message | undefined {
  const [, redraw] = useState(0)
  useLayoutEffect(() => t.follow(id, () => redraw(n => n + 1)), [t, id])
  return t.tree.get(id)
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  const [holds, set] = useState(() => matchMedia(query).matches)
  useLayoutEffect(() => {
    const m = matchMedia(query)
    const look = () => set(m.matches)
    look()
    m.addEventListener('change', look)
    return () => m.removeEventListener('change', look)
  }, [query])
  return holds
}

/** Where there is little room beside each other. */
export const narrow = '(max-width: 40rem)'

const grows = typeof CSS !== 'undefined' && CSS.supports('field-sizing', 'content')

/** Makes a text area as high as its text, where the browser does not by itself. */
export function fit(area: HTMLTextAreaElement | null): void {
  if (!area || grows) return
  area.style.height = 'auto'
  area.style.height = `${area.scrollHeight + 2}px`
}

/** Puts a text into the clipboard; false where the browser does not let the page. */
export async function copyText(words: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(words)
    return true
  } catch {
    // over plain HTTP from another machine there is no clipboard but by the old way
  }
  const area = document.createElement('textarea')
  area.value = words
  area.className = 'unseen'
  const before = document.activeElement
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (before instanceof HTMLElement) before.focus()
  return done
}
