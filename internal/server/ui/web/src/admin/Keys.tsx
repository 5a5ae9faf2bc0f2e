import { useEffect, useRef, useState } from 'preact/hooks'
import { Confirm } from '../parts/Confirm'
import { Icon } from '../parts/Icon'
import { mendFocus } from '../state/focus'
import { say } from '../state/notices'
import { text } from '../text/admin'
import { moment } from '../text/figures'
import { admin, type Key, type Limits } from './api'
import { CreateKey } from './CreateKey'
import { useRepeated } from './repeat'
import { Section, Table } from './Section'

/** The keys, each with what it may do; a new one is made here, and an old one revoked. */
export function Keys() {
  const keys = useRepeated(admin.keys, 15_000)
  const [shown, setShown] = useState<'create' | Key | null>(null)
  const gone = useRef(false)
  useEffect(() => {
    if (gone.current) mendFocus() // it was on the button of a row that is no more
    gone.current = false
  }, [keys.value])
  const c = text.keyColumns
  return (
    <>
      <Section title={text.keys} asked={keys} extra={<button type="button" class="button primary small" onClick={() => setShown('create')}><Icon name="plus" size={16} />{text.create}</button>}>
        {all => !all.length ? <p class="hint">{text.noKeys}</p> : (
          <Table name={text.keys} head={[c.name, c.begins, c.may, c.limits, c.created, c.expires, c.state, c.action]}>
            {all.map(k => (
              <tr key={k.id}>
                <th scope="row"><span dir="auto">{k.name}</span></th>
                <td class="together"><code>{k.hint}…</code></td>
                <td>{k.scopes.join(', ')}</td>
                <td class="long" dir="auto">{limitsOf(k.limits).join(', ') || text.noLimits}</td>
                <td class="together">{moment(k.created_at)}</td>
                <td class="together">{moment(k.expires_at) || text.never}</td>
                <td>{text.state(k.state)}</td>
                <td><button type="button" class="button small" aria-label={text.revokeName(k.name)} onClick={() => setShown(k)}>{text.revoke}</button></td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
      {shown === 'create' && <CreateKey onMade={keys.again} onClose={() => setShown(null)} />}
      {shown && shown !== 'create' && (
        <Confirm
          title={text.revokeQuestion(shown.name)} action={text.revoke} danger onClose={() => setShown(null)}
          onConfirm={async () => {
            await admin.revoke(shown.name)
            say(text.revoked(shown.name))
            gone.current = true
            keys.again()
          }}
        >
          <p dir="auto">{text.revokeHint(shown.name)}</p>
        </Confirm>
      )}
    </>
  )
}

/** The limits of a key in words. */
function limitsOf(l: Limits | undefined): string[] {
  if (!l) return []
  const t = text.limit
  return [l.rpm && t.rpm(l.rpm), l.tpm && t.tpm(l.tpm), l.concurrent && t.concurrent(l.concurrent), l.monthly_tokens && t.monthly(l.monthly_tokens), l.models?.length && t.models(l.models)].filter((x): x is string => typeof x === 'string')
}
