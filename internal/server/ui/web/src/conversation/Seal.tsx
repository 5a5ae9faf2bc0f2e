import { useId, useState } from 'preact/hooks'
import { receipts } from '../api/routes'
import type { ReceiptCheck } from '../api/types'
import { Icon } from '../parts/Icon'
import { text } from '../text/seal'

type Result = { state: 'checking' } | { state: 'checked'; check: ReceiptCheck } | { state: 'failed'; why: string }

/** The receipt of an answer: what it proves and what not, checked again, and to be taken away. */
export function Seal({ receipt }: { receipt: string }) {
  const [open, setOpen] = useState(false)
  const id = useId()
  return (
    <div class="seal">
      <button type="button" class="quiet small seal-name" aria-expanded={open} aria-controls={id} title={text.name} onClick={() => setOpen(!open)}>
        <Icon name="seal" size={16} /><span>{text.seal}</span>
      </button>
      <div id={id} class="seal-text" role="group" aria-label={text.name} hidden={!open}>{open && <Words receipt={receipt} />}</div>
    </div>
  )
}

function Words({ receipt }: { receipt: string }) {
  const [result, setResult] = useState<Result>()
  const check = () => {
    setResult({ state: 'checking' })
    receipts.check(receipt).then(
      c => setResult({ state: 'checked', check: c }),
      (e: unknown) => setResult({ state: 'failed', why: e instanceof Error ? e.message : String(e) }),
    )
  }
  const busy = result?.state === 'checking'
  return (
    <>
      <b>{text.proves}</b>
      <ul>{text.proven.map(x => <li key={x}>{x}</li>)}</ul>
      <b>{text.provesNot}</b>
      <ul>{text.notProven.map(x => <li key={x}>{x}</li>)}</ul>
      <div class="seal-acts">
        <button type="button" class="button small" aria-disabled={busy} onClick={() => { if (!busy) check() }}><Icon name="refresh" size={16} />{text.check}</button>
        <a class="button small" href={receipts.address(receipt)} download title={text.takeTitle}><Icon name="download" size={16} />{text.take}</a>
      </div>
      <div role="status">{result && <Outcome of={result} />}</div>
      <code>{text.elsewhere}</code>
    </>
  )
}

function Outcome({ of }: { of: Result }) {
  if (of.state === 'checking') return <span>{text.checking}</span>
  if (of.state === 'failed') return <span class="seal-bad"><Icon name="warning" size={16} />{text.failed(of.why)}</span>
  const c = of.check
  if (!c.ok) return <span class="seal-bad"><Icon name="warning" size={16} />{text.broken(c)}</span>
  return (
    <>
      <span class="seal-good"><Icon name="check" size={16} />{text.holds(c)}</span>
      {c.log && <div dir="auto">{text.place(c.log.index, c.log.size, c.log.origin)}</div>}
      {c.key && <div>{text.signedBy(c.key)}</div>}
    </>
  )
}
