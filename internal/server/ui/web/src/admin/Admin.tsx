import { Bar } from '../parts/Bar'
import { me } from '../state/session'
import { useStore } from '../state/store'
import { text } from '../text/admin'
import { Keys } from './Keys'
import { Now, useStatus } from './Now'
import { Audit, Errors, ServerSettings } from './Records'
import { Usage, UsageByDay } from './Usage'

/** Keys, usage and state of the server, for the scope admin; nothing is asked without it. */
export function Admin() {
  const known = useStore(me)
  return (
    <>
      <Bar title={text.title} />
      {known && (
        <div class="scroll">
          <div class="view">{known.scopes.includes('admin') ? <Parts /> : <p class="hint">{text.forbidden}</p>}</div>
        </div>
      )}
    </>
  )
}

function Parts() {
  const status = useStatus()
  return (
    <>
      <Now status={status} />
      <Keys />
      <Usage />
      <UsageByDay />
      <Errors status={status} />
      <ServerSettings />
      <Audit />
    </>
  )
}
