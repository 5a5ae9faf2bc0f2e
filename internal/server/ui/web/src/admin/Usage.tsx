import { useMemo, useState } from 'preact/hooks'
import { download } from '../frame/Settings'
import { SelectField } from '../parts/Field'
import { Icon } from '../parts/Icon'
import { text } from '../text/admin'
import { admin, type Used } from './api'
import { Chart } from './Chart'
import { byDay, figures, type Figure } from './days'
import { useRepeated } from './repeat'
import { Section, Table } from './Section'

const c = text.usageColumns
const columns: Figure[] = ['requests', 'prompt_tokens', 'cached_tokens', 'answer_tokens', 'reasoning_tokens']

/** What was used, by key. */
export function Usage() {
  const used = useRepeated(() => admin.usage('key'), 4000)
  return (
    <Section title={text.usage} hint={text.usageHint} asked={used} extra={<button type="button" class="button small" onClick={() => download(admin.usageFile('key,model,day'))}><Icon name="download" size={16} />{text.csv}</button>}>
      {all => (
        <Table name={text.usage} head={[c.key, ...columns.map(k => c[k])]} figures={columns.length}>
          {all.length === 0 && <tr><td colSpan={columns.length + 1}>{text.noUsage}</td></tr>}
          {all.map((u, i) => (
            <tr key={`${u.key_id ?? ''}/${i}`}>
              <th scope="row" dir="auto">{u.key_id ? <>{u.key}<span class="unseen">{text.keyWord}</span></> : text.thisMachine}</th>
              {columns.map(k => <td key={k} class="amount">{text.number(u[k] ?? 0)}</td>)}
            </tr>
          ))}
        </Table>
      )}
    </Section>
  )
}

const periods = ['7', '30', '90'] as const

/** What was used of each day, by model. */
export function UsageByDay() {
  const [figure, setFigure] = useState<Figure>('answer_tokens')
  const [period, setPeriod] = useState<(typeof periods)[number]>('30')
  const days = Number(period)
  const used = useRepeated(() => admin.usage('model,day', since(days)), 30_000, [period])
  return (
    <Section title={text.byDay} asked={used}>
      {all => (
        <>
          <div class="choices">
            <SelectField label={text.figure} value={figure} onChoose={setFigure} options={figures.map(f => ({ value: f, name: c[f] }))} />
            <SelectField label={text.period} value={period} onChoose={setPeriod} options={periods.map(p => ({ value: p, name: text.days(Number(p)) }))} />
          </div>
          <Days all={all} figure={figure} days={days} />
        </>
      )}
    </Section>
  )
}

function Days({ all, figure, days }: { all: Used[]; figure: Figure; days: number }) {
  const d = useMemo(() => byDay(all, figure, days, new Date()), [all, figure, days])
  return (
    <>
      <Chart days={d} label={text.chart(c[figure], days, d.total)} />
      {!!all.length && (
        <details>
          <summary>{text.numbers}</summary>
          <Table name={text.byDay} head={[c.day, c.model, ...columns.map(k => c[k])]} figures={columns.length}>
            {[...all].sort((a, b) => (b.day ?? '').localeCompare(a.day ?? '')).slice(0, 1000).map((u, i) => (
              <tr key={i}><th scope="row">{u.day}</th><td dir="auto">{u.model}</td>{columns.map(k => <td key={k} class="amount">{text.number(u[k] ?? 0)}</td>)}</tr>
            ))}
          </Table>
        </details>
      )}
    </>
  )
}

/** The first of the last so many days, in UTC as the server counts. */
function since(days: number): string {
  return new Date(Date.now() - (days - 1) * 86_400_000).toISOString().slice(0, 10)
}
