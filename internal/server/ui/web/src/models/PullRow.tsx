import type { Pull } from '../api/types'
import { Icon } from '../parts/Icon'
import { mendFocus } from '../state/focus'
import { text } from '../text/models'
import { pause, remove, resume } from './pulls'

/** How far a pull is, and what can be done with it. */
export function PullProgress({ pull: p }: { pull: Pull }) {
  const facts = [text.progress(p.done, p.total)]
  if (p.state === 'running') facts.push(text.speed(p.speed), text.left(p.left))
  if (p.state === 'paused') facts.push(text.paused)
  const act = async (fn: (p: Pull) => Promise<void>) => {
    await fn(p)
    mendFocus()
  }
  return (
    <div class="pull">
      <progress aria-label={text.pulling(p.name)} max={1} value={p.total > 0 ? Math.min(1, p.done / p.total) : 0} />
      <div class="pull-line">
        <span class="hint">{facts.join(' · ')}</span>
        <span class="buttons">
          {p.state === 'running'
            ? <button key="toggle" type="button" class="button small" aria-label={text.pauseName(p.name)} onClick={() => void act(pause)}><Icon name="pause" size={16} />{text.pause}</button>
            : <button key="toggle" type="button" class="button small" aria-label={text.resumeName(p.name)} onClick={() => void act(resume)}><Icon name="play" size={16} />{text.resume}</button>}
          <button type="button" class="button small" aria-label={text.removeName(p.name)} onClick={() => void act(remove)}><Icon name="close" size={16} />{text.remove}</button>
        </span>
      </div>
      {p.state === 'failed' && p.error && <p class="error">{p.error}</p>}
    </div>
  )
}
