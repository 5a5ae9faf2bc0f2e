import { useEffect, useState } from 'preact/hooks'
import type { Model } from '../api/types'
import { Bar } from '../parts/Bar'
import { fetchModels, models } from '../state/models'
import { useMay } from '../state/session'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { text } from '../text/models'
import { DeleteModel } from './DeleteModel'
import { Details } from './Details'
import { ModelRow } from './ModelRow'
import { PullForm } from './PullForm'
import { PullProgress } from './PullRow'
import { followPulls, pulls } from './pulls'

/** The models of this server: what is here, what comes, what memory has room for. */
export function Models() {
  const known = useStore(models)
  const coming = useStore(pulls)
  const mayPull = useMay('models')
  const [shown, setShown] = useState<{ what: 'details' | 'delete'; model: Model } | null>(null)
  useEffect(() => {
    void fetchModels()
    followPulls()
  }, [])
  return (
    <>
      <Bar title={text.title} />
      <div class="scroll">
        <div class="view">
          {mayPull && <PullForm />}
          {mayPull && !!coming?.length && (
            <section aria-label={text.pulls}>
              <h2>{text.pulls}</h2>
              <ul class="rows">
                {coming.map(p => <li key={p.id} class="listed"><div class="row-name" dir="auto">{p.name}</div><PullProgress pull={p} /></li>)}
              </ul>
            </section>
          )}
          <section aria-label={text.list}>
            <div class="section-head"><h2>{text.list}</h2>{known && known.memory.total > 0 && <span class="hint">{text.memory(known.memory.free, known.memory.total)}</span>}</div>
            {!known ? <p class="hint">{en.common.loading}</p> : !known.models.length ? <p class="hint">{text.none}</p> : (
              <ul class="rows">
                {known.models.map(m => <ModelRow key={m.name} model={m} standard={m.name === known.default} onDetails={() => setShown({ what: 'details', model: m })} onDelete={() => setShown({ what: 'delete', model: m })} />)}
              </ul>
            )}
          </section>
        </div>
      </div>
      {shown?.what === 'details' && <Details model={shown.model} onClose={() => setShown(null)} />}
      {shown?.what === 'delete' && <DeleteModel name={shown.model.name} onClose={() => setShown(null)} />}
    </>
  )
}
