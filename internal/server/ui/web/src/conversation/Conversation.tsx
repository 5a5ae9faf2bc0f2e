import { useEffect } from 'preact/hooks'
import { GetStarted } from '../models/GetStarted'
import { Bar } from '../parts/Bar'
import { PanelButton } from '../parts/Panel'
import { models } from '../state/models'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { en } from '../text/en'
import { DropPlace } from './Chips'
import { Composer } from './Composer'
import { lastModel } from './model'
import { Messages } from './Messages'
import { ModelChoice } from './ModelChoice'
import { ParametersPanel, SecondPanel } from './ParametersPanel'
import { blank, fetchChat, threadOf } from './shown'
import type { Thread } from './thread'

/** One chat: its messages and the message box. chat is its id, '' for a new one. */
export function Conversation({ chat }: { chat: string }) {
  const start = useStore(blank)
  const t = chat === '' ? start : threadOf(chat)
  useEffect(() => void fetchChat(t), [t])
  return <Shown key={t.id} t={t} />
}

function Shown({ t }: { t: Thread }) {
  const title = useStore(t.chat, c => c?.title ?? '') || (t.secret ? text.privateChat : en.frame.newChat)
  const phase = useStore(t.phase)
  const rows = useStore(t.rows, r => r.length)
  const known = useStore(models)
  useFirstModel(t)
  const empty = rows === 0 && (phase === 'new' || phase === 'ready')
  return (
    <div class={t.secret ? 'conversation secret' : 'conversation'}>
      <Bar title={title}>
        <ModelChoice t={t} name={text.model} of={t.parameters} />
        <PanelButton name="parameters" title={text.parameters} icon="sliders" />
      </Bar>
      {empty
        ? <div class="scroll"><div class="welcome">{known && !known.models.length ? <GetStarted /> : <p>{text.emptyChat}</p>}</div></div>
        : <Messages t={t} />}
      <Composer t={t} />
      <ParametersPanel t={t} />
      <SecondPanel t={t} />
      <DropPlace t={t} />
    </div>
  )
}

/** A new chat begins with the model that was chosen last. */
function useFirstModel(t: Thread): void {
  const known = useStore(models)
  useEffect(() => {
    if (!known || t.phase.get() !== 'new' || t.parameters.get().model !== undefined) return
    const model = lastModel(known.models.map(m => m.name))
    if (model !== undefined) t.parameters.set({ ...t.parameters.get(), model })
  }, [t, known])
}
