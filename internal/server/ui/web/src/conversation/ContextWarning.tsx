import { useState } from 'preact/hooks'
import type { FileText } from '../api/types'
import { Icon } from '../parts/Icon'
import { contextOf, modelOf, models } from '../state/models'
import { focusBox } from '../state/focus'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { modelOfThread } from './model'
import { room, type Room } from './context'
import { cut } from './delivery'
import type { Thread } from './thread'

/** Says that the context gets full, and how to make room. */
export function ContextWarning({ t }: { t: Thread }) {
  useStore(t.rows)
  useStore(t.cuts)
  useStore(t.parameters)
  useStore(t.running)
  useStore(models)
  const files = useStore(t.attachments)
  const words = useStore(t.words, w => Math.floor(w.length / 400)) // a letter more or less says nothing
  const [busy, setBusy] = useState(false)
  const r = roomOf(t, words * 400, files.flatMap(a => a.file ?? []))
  if (!r.nearly) return null
  const make = async (summarise: boolean) => {
    setBusy(true)
    await cut(t, summarise, r.limit)
    setBusy(false)
    focusBox()
  }
  return (
    <div class="context-warning" role="group" aria-label={text.context}>
      <Icon name="warning" />
      <span>{busy ? text.cutting : r.full ? text.fullNow(r.used, r.limit) : text.nearlyFull(r.used, r.limit)}</span>
      {t.tree.size > 0 && <button type="button" class="button small" disabled={busy} onClick={() => void make(false)}>{text.dropOldest}</button>}
      {t.tree.size > 0 && !t.secret && <button type="button" class="button small" disabled={busy} onClick={() => void make(true)}>{text.summariseOldest}</button>}
    </div>
  )
}

/** How full the context is for what is sent next. The limit is that of the last answer, or of the model where another one is chosen. */
function roomOf(t: Thread, letters: number, files: FileText[]): Room {
  const path = t.tree.path().flatMap(id => t.tree.get(id) ?? [])
  const last = path.findLast(m => m.figures)
  const model = modelOfThread(t)
  const limit = last?.figures && (last.model === model || !modelOf(model)) ? last.figures.context_limit : contextOf(modelOf(model))
  return room(path, t.cuts.get(), limit, letters, files)
}
