import { useEffect, useState } from 'preact/hooks'
import { tools } from '../api/routes'
import type { Parameters, ToolServer } from '../api/types'
import { Icon } from '../parts/Icon'
import { warn, wordsOf } from '../state/notices'
import { me } from '../state/session'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { withValue } from './parameters'

/** Which servers of tools the model may call in this chat, and what runs there without a question. */
export function Servers({ p, set }: { p: Parameters; set: (p: Parameters) => void }) {
  const here = useStore(me, m => m?.mcp ?? false)
  const [all, setAll] = useState<ToolServer[]>([])
  useEffect(() => {
    if (here) tools.servers().then(r => setAll(r.servers), (e: unknown) => warn(text.serversFailed(wordsOf(e)), 8))
  }, [here])
  const chosen = p.mcp ?? []
  if (!here || !(all.length || chosen.length)) return null
  const names = [...all.map(s => s.name), ...chosen.filter(c => !all.some(s => s.name === c))]
  const allowed = p.allowed ?? []
  return (
    <fieldset class="servers">
      <legend>{text.servers}</legend>
      {names.map(name => {
        const s = all.find(x => x.name === name)
        return (
          <label key={name} class="check">
            <input type="checkbox" checked={chosen.includes(name)} onChange={e => set(withValue(p, 'mcp', e.currentTarget.checked ? [...chosen, name] : chosen.filter(c => c !== name)))} />
            <span dir="auto">{name}</span>
            {s && <span class="hint">{s.state === 'ready' ? text.serverTools(s.tools.length) : `${text.serverStates[s.state]}${s.error ? `: ${s.error}` : ''}`}</span>}
          </label>
        )
      })}
      {allowed.length > 0 && (
        <>
          <p class="hint">{text.allowedHere}</p>
          <ul class="chips">
            {allowed.map(a => (
              <li key={a} class="chip"><span dir="auto">{a}</span><button type="button" class="quiet square small" aria-label={text.forbid(a)} onClick={() => set(withValue(p, 'allowed', allowed.filter(x => x !== a)))}><Icon name="close" size={16} /></button></li>
            ))}
          </ul>
        </>
      )}
    </fieldset>
  )
}
