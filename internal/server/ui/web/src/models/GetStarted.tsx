import { useEffect, useRef, useState } from 'preact/hooks'
import { models as routes } from '../api/routes'
import type { Offer } from '../api/types'
import { Icon } from '../parts/Icon'
import { focusBox } from '../state/focus'
import { models } from '../state/models'
import { say, warn, wordsOf } from '../state/notices'
import { useMay } from '../state/session'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { bytes, positions } from '../text/figures'
import { text } from '../text/models'
import { PullForm } from './PullForm'
import { PullProgress } from './PullRow'
import { begin, followPulls, pulls } from './pulls'

/** What a person without a model is offered. The conversation shows it in the place of its messages, until there is a model. */
export function GetStarted() {
  const mayPull = useMay('models')
  const [offers, setOffers] = useState<Offer[] | string | null>(null)
  const chosen = useRef<Offer | null>(null)
  useEffect(() => {
    followPulls()
    void routes.offers().then(r => setOffers(r.offers), (e: unknown) => setOffers(wordsOf(e)))
    return models.subscribe(m => {
      if (!m?.models.length || !chosen.current) return
      say(text.ready(chosen.current.title))
      setTimeout(focusBox)
    })
  }, [])
  return (
    <div class="start">
      <h2>{text.start}</h2>
      {!mayPull ? <p class="hint">{text.startForbidden}</p> : (
        <>
          <p class="hint">{Array.isArray(offers) && !offers.length ? text.startNone : text.startHint}</p>
          {offers === null && <p class="hint">{en.common.loading}</p>}
          {typeof offers === 'string' && <p class="error" role="alert">{offers}</p>}
          {Array.isArray(offers) && offers.length > 0 && (
            <ul class="offers" aria-label={text.offers}>
              {offers.map((o, i) => <OfferCard key={o.name} offer={o} first={i === 0} onChoose={() => (chosen.current = o)} />)}
            </ul>
          )}
          <details class="start-other"><summary>{text.startOther}</summary><Others offers={Array.isArray(offers) ? offers : []} /><PullForm /></details>
        </>
      )}
    </div>
  )
}

function OfferCard({ offer: o, first, onChoose }: { offer: Offer; first: boolean; onChoose: () => void }) {
  const pull = useStore(pulls, all => all?.find(p => p.name === o.name))
  const [busy, setBusy] = useState(false)
  const download = async () => {
    onChoose()
    setBusy(true)
    const error = await begin(o.name)
    if (error) warn(error)
    setBusy(false)
  }
  return (
    <li class="offer">
      <div class="row-title"><span class="row-name" dir="auto">{o.title}</span>{first && <span class="badge good">{text.first}</span>}</div>
      <p dir="auto">{o.good_at}</p>
      <p class="hint">{[bytes(o.size), o.context > 0 && `${positions(o.context)} context`, o.licence].filter(Boolean).join(' · ')}</p>
      {pull
        ? <PullProgress pull={pull} />
        : <button type="button" class={first ? 'button primary' : 'button'} aria-label={text.downloadName(o.title)} disabled={busy} onClick={() => void download()}><Icon name="download" size={16} />{text.download}</button>}
    </li>
  )
}

/** Pulls that are none of the offers. */
function Others({ offers }: { offers: Offer[] }) {
  const all = useStore(pulls)
  return <>{all?.filter(p => !offers.some(o => o.name === p.name)).map(p => <div key={p.id}><div class="row-name" dir="auto">{p.name}</div><PullProgress pull={p} /></div>)}</>
}
