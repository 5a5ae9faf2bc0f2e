import { useEffect, useState } from 'preact/hooks'
import { models as routes } from '../api/routes'
import type { Model, ModelDetails } from '../api/types'
import { Dialog } from '../parts/Dialog'
import { wordsOf } from '../state/notices'
import { en } from '../text/en'
import { bytes, moment } from '../text/figures'
import { text } from '../text/models'

/** All that is known of a model. Its texts are the maker's, and shown as they are. */
export function Details({ model, onClose }: { model: Model; onClose: () => void }) {
  const [known, setKnown] = useState<ModelDetails | string>('')
  useEffect(() => void routes.details(model.name).then(setKnown, (e: unknown) => setKnown(wordsOf(e))), [model.name])
  const m = typeof known === 'string' ? model : known
  const facts: [string, string | undefined][] = [
    [text.size, bytes(m.size)],
    [text.parameters, m.parameters],
    [text.quantization, m.quantization],
    [text.family, m.family],
    [text.context, m.context > 0 ? text.contextOf(m.context) : undefined],
    [text.memoryLabel, text.fits(m.fits, m.context)],
    [text.licence, m.licence || text.noLicence],
    [text.modified, moment(m.modified)],
    [text.used, moment(m.used)],
    [text.digest, m.digest],
  ]
  return (
    <Dialog title={text.detailsOf(model.name)} onClose={onClose} wide>
      <dl class="facts">
        {facts.map(([name, value]) => value && <div key={name}><dt>{name}</dt><dd dir="auto">{value}</dd></div>)}
      </dl>
      {typeof known === 'string' ? <p class={known ? 'error' : 'hint'} {...(known && { role: 'alert' as const })}>{known || en.common.loading}</p> : <Texts m={known} />}
    </Dialog>
  )
}

function Texts({ m }: { m: ModelDetails }) {
  return (
    <>
      <h3>{text.template}</h3>
      {m.template ? <pre class="source" tabIndex={0} dir="ltr">{m.template}</pre> : <p class="hint">{text.noTemplate}</p>}
      {m.licence_text && <details><summary>{text.licenceText}</summary><pre class="source wrap" tabIndex={0} dir="auto">{m.licence_text}</pre></details>}
      {!!m.facts?.length && (
        <details>
          <summary>{text.facts}</summary>
          <div class="table-box" tabIndex={0} role="group" aria-label={text.facts}>
            <table class="table">
              <thead><tr><th scope="col">{text.fact}</th><th scope="col">{text.value}</th></tr></thead>
              <tbody>{m.facts.map((f, i) => <tr key={i}><td>{f.name}</td><td dir="auto">{f.value}</td></tr>)}</tbody>
            </table>
          </div>
        </details>
      )}
    </>
  )
}
