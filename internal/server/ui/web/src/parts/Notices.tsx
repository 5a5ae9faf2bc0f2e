import { dismiss, notices, spoken, type Notice } from '../state/notices'
import { mendFocus } from '../state/focus'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { Icon } from './Icon'

/** What happened and what went wrong, at the foot of the page and for screen readers. The regions are there before they say something: else nothing is read. */
export function Notices() {
  const all = useStore(notices)
  const whispered = useStore(spoken)
  return (
    <section class="notices" aria-label={en.frame.notices}>
      <div class="unseen" role="status">{whispered}</div>
      <div role="status" class="notice-list">{all.filter(n => n.kind === 'status').map(n => <Told key={n.id} notice={n} />)}</div>
      <div role="alert" class="notice-list">{all.filter(n => n.kind === 'alert').map(n => <Told key={n.id} notice={n} />)}</div>
    </section>
  )
}

function Told({ notice: { id, kind, text, undo, act } }: { notice: Notice }) {
  const take = async (fn: () => void | Promise<void>) => {
    dismiss(id)
    mendFocus()
    await fn()
    mendFocus()
  }
  return (
    <div class={`notice ${kind}`}>
      <span dir="auto" class="notice-text">{text}</span>
      {undo && <button type="button" class="button small" onClick={() => void take(undo)}>{en.common.undo}</button>}
      {act && <button type="button" class="button small" onClick={() => void take(act.run)}>{act.name}</button>}
      <button type="button" class="quiet square small" aria-label={en.common.dismiss} onClick={() => void take(() => undefined)}><Icon name="close" size={16} /></button>
    </div>
  )
}
