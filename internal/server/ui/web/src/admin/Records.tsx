import { useState } from 'preact/hooks'
import { server } from '../api/routes'
import type { ServerStatus } from '../api/types'
import { warn, wordsOf } from '../state/notices'
import { text } from '../text/admin'
import { moment } from '../text/figures'
import { admin, type Entry } from './api'
import { useRepeated, type Asked } from './repeat'
import { Section, Table } from './Section'

/** What went wrong in the last hours. */
export function Errors({ status }: { status: Asked<ServerStatus> }) {
  const c = text.errorColumns
  return (
    <Section title={text.errors} asked={status}>
      {s => !s.errors?.length ? <p class="hint">{text.noErrors}</p> : (
        <Table name={text.errors} head={[c.time, c.route, c.status, c.message]}>
          {s.errors.map((e, i) => <tr key={i}><td class="together">{moment(e.time)}</td><td class="together">{e.route}</td><td>{e.status || ''}</td><td class="long" dir="auto">{e.message}</td></tr>)}
        </Table>
      )}
    </Section>
  )
}

/** The settings in force, and where each comes from. */
export function ServerSettings() {
  const settings = useRepeated(server.settings, 0)
  const c = text.settingColumns
  return (
    <Section title={text.settings} hint={text.settingsHint} asked={settings}>
      {({ settings: all }) => (
        <Table name={text.settings} head={[c.name, c.value, c.from]}>
          {all.map(s => <tr key={s.name}><th scope="row">{s.name}</th><td dir="auto">{s.value || <span class="hint">{text.empty}</span>}</td><td class={s.from === 'default' ? 'hint' : ''}>{text.from(s.from, s.where)}</td></tr>)}
        </Table>
      )}
    </Section>
  )
}

/** Who changed what. */
export function Audit() {
  const newest = useRepeated(() => admin.audit(), 15_000)
  const [older, setOlder] = useState<{ all: Entry[]; more: boolean }>({ all: [], more: true })
  const c = text.auditColumns
  const fetchOlder = async (before: number) => {
    try {
      const got = await admin.audit(before)
      setOlder(o => ({ all: [...o.all, ...got], more: got.length >= 50 }))
    } catch (e) {
      warn(text.failed(text.audit, wordsOf(e)))
    }
  }
  return (
    <Section title={text.audit} hint={text.auditHint} asked={newest}>
      {first => {
        const all = [...first, ...older.all.filter(o => !first.some(f => f.id === o.id))]
        const last = all.at(-1)
        if (!last) return <p class="hint">{text.noAudit}</p>
        return (
          <>
            <Table name={text.audit} head={[c.at, c.actor, c.action, c.subject]}>
              {all.map(e => <tr key={e.id}><td class="together">{moment(e.at)}</td><td dir="auto">{e.actor}</td><td class="together">{e.action}</td><td dir="auto">{subjectOf(e)}</td></tr>)}
            </Table>
            {first.length >= 50 && older.more && <button type="button" class="button small" onClick={() => void fetchOlder(last.id)}>{text.more}</button>}
          </>
        )
      }}
    </Section>
  )
}

/** What an entry is about, with a name where the detail has one. */
function subjectOf(e: Entry): string {
  const name = typeof e.detail === 'object' && e.detail !== null && 'name' in e.detail && typeof e.detail.name === 'string' ? e.detail.name : ''
  return name && name !== e.subject ? `${name} (${e.subject})` : e.subject
}
