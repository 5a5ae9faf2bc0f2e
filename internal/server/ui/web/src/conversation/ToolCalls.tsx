import { useEffect, useState } from 'preact/hooks'
import type { Message, Result } from '../api/types'
import { Field } from '../parts/Field'
import { Icon } from '../parts/Icon'
import { focusBox } from '../state/focus'
import { say } from '../state/notices'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { callKey, tidy, wanted, type Wanted } from './calls'
import { allow, decline, runAllowed, send, type Consent } from './consent'
import { fit, useMessage } from './hooks'
import { UnsentNote } from './Question'
import type { Thread } from './thread'

/** The calls of an answer, with what they gave, or with what is wanted for them. results: the id of the message that has the results. */
export function ToolCalls({ t, m, results }: { t: Thread; m: Message; results?: string }) {
  const parameters = useStore(t.parameters)
  const given = useMessage(t, results ?? '')
  const running = useStore(t.running, r => r.length > 0)
  const calls = wanted(m, parameters)
  const open = !given && m.status !== 'running'
  useEffect(() => { if (open) void runAllowed(t, m) }, [open, m.id, m.calls])
  const typedHere = calls.some(w => w.server === undefined)
  const give = () => {
    if (running) return void say(text.runningNow, 4)
    if (send(t, m)) focusBox()
  }
  return (
    <section class="calls" aria-label={text.calls}>
      {calls.map(w => (
        <div key={w.call.id} class="call">
          <div class="call-name"><Icon name="tool" size={16} /><b dir="auto">{w.call.name}</b></div>
          {w.call.arguments.trim() !== '' && <pre class="call-text" tabIndex={0} aria-label={text.arguments}><code>{tidy(w.call.arguments)}</code></pre>}
          {given ? <Given result={given.results?.find(r => r.call === w.call.id)} /> : open && <Asked t={t} m={m} w={w} />}
        </div>
      ))}
      {results !== undefined && t.unsent.has(results) && <UnsentNote t={t} id={results} />}
      {open && typedHere && <div class="buttons"><button type="button" class="button primary small" onClick={give}>{text.sendResults}</button></div>}
    </section>
  )
}

function Given({ result }: { result: Result | undefined }) {
  if (!result) return null
  return (
    <div class="gave">
      <div class="hint">{text.gave}{result.failed && `, ${text.failedCall}`}</div>
      <pre class="call-text" tabIndex={0} aria-label={text.gave} dir="auto">{result.content}</pre>
    </div>
  )
}

/** What a call without a result wants of the person. */
function Asked({ t, m, w }: { t: Thread; m: Message; w: Wanted }) {
  const o = t.outcomes.get(callKey(m, w.call.id))
  if (o === 'running') return <div class="hint">{text.callRuns}</div>
  if (o) return <Given result={o} />
  if (w.server !== undefined && w.tool !== undefined) return <Ask t={t} m={m} w={w} server={w.server} tool={w.tool} />
  return <Typed t={t} m={m} w={w} />
}

function Typed({ t, m, w }: { t: Thread; m: Message; w: Wanted }) {
  const [words, setWords] = useState(t.typed.get(callKey(m, w.call.id)) ?? '')
  return (
    <Field label={text.resultOf(w.label)}>
      {a => <textarea {...a} dir="auto" rows={2} value={words} onInput={e => { t.typed.set(callKey(m, w.call.id), e.currentTarget.value); setWords(e.currentTarget.value); fit(e.currentTarget) }} />}
    </Field>
  )
}

function Ask({ t, m, w, server, tool }: { t: Thread; m: Message; w: Wanted; server: string; tool: string }) {
  const yes = (consent: Consent) => {
    void allow(t, m, w, consent)
    focusBox()
  }
  return (
    <div class="consent" role="group" aria-label={text.mayRun(tool, server)}>
      <div dir="auto"><Icon name="shield" size={16} />{text.mayRun(tool, server)}</div>
      <div class="buttons">
        <button type="button" class="button primary small" onClick={() => yes('once')}>{text.allowOnce}</button>
        <button type="button" class="button small" onClick={() => yes('chat')}>{text.allowChat}</button>
        <button type="button" class="button small" onClick={() => yes('always')}>{text.allowAlways}</button>
        <button type="button" class="button small" onClick={() => { decline(t, m, w); focusBox() }}>{text.decline}</button>
      </div>
    </div>
  )
}
