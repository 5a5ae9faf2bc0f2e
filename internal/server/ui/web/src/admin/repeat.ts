import { useEffect, useState } from 'preact/hooks'
import { wordsOf } from '../state/notices'

/** What was asked for last, why it failed if it did, and how to ask at once. */
export interface Asked<T> {
  value: T | null
  error: string
  again: () => void
}

/** Asks again and again while the page is looked at, every so many ms; 0: once. A value stays when a later question fails. */
export function useRepeated<T>(ask: () => Promise<T>, every: number, of: readonly unknown[] = []): Asked<T> {
  const [state, setState] = useState<{ value: T | null; error: string }>({ value: null, error: '' })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let ended = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const once = async (): Promise<void> => {
      try {
        const value = await ask()
        if (!ended) setState({ value, error: '' })
      } catch (e) {
        if (!ended) setState(s => ({ value: s.value, error: wordsOf(e) }))
      }
      if (!ended && every > 0) timer = setTimeout(wake, every)
    }
    const wake = (): void => {
      if (document.visibilityState === 'visible') void once()
      else document.addEventListener('visibilitychange', wake, { once: true })
    }
    void once()
    return () => {
      ended = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', wake)
    }
  }, [turn, ...of])
  return { ...state, again: () => setTurn(n => n + 1) }
}
