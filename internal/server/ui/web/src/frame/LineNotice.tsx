import { useEffect, useState } from 'preact/hooks'
import { events } from '../api/events'
import { refused } from '../api/client'
import { say } from '../state/notices'
import { openPanel } from '../state/panel'
import { useStore } from '../state/store'
import { en } from '../text/en'

/** Says above the view that the connection is lost, or that the key is not accepted (any more). */
export function LineNotice() {
  const line = useStore(events.line)
  const no = useStore(refused)
  const lost = useLate(line === 'lost', 2_000)
  if (no) {
    return (
      <div class="line-notice" role="alert">
        <span>{en.line.refused(no)}</span>
        <button type="button" class="button small" onClick={() => openPanel('settings')}>{en.frame.settings}</button>
      </div>
    )
  }
  if (!lost) return null
  return (
    <div class="line-notice" role="alert">
      <span>{en.line.lost}</span>
      <button type="button" class="button small" onClick={() => events.open()}>{en.line.retry}</button>
    </div>
  )
}

/** Whether on has been true for ms: what mends itself at once is not worth a word. Says so when it ends. */
function useLate(on: boolean, ms: number): boolean {
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (!on) {
      if (late) say(en.line.back)
      setLate(false)
      return undefined
    }
    const t = setTimeout(() => setLate(true), ms)
    return () => clearTimeout(t)
  }, [on])
  return late
}
