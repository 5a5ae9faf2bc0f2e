import type { ComponentChildren } from 'preact'
import { server } from '../api/routes'
import type { ServerStatus } from '../api/types'
import { en } from '../text/en'
import { lasting } from '../text/figures'
import { text } from '../text/admin'
import { Section } from './Section'
import { useRepeated, type Asked } from './repeat'

export const useStatus = (): Asked<ServerStatus> => useRepeated(server.status, 3000)

/** What the server does at this moment. */
export function Now({ status }: { status: Asked<ServerStatus> }) {
  return (
    <Section title={text.now} asked={status} meanwhile={<Unknown />}>
      {s => (
        <dl class="tiles">
          <Tile name={text.queue} value={text.running(s.queue?.running ?? 0)}>{text.waiting(s.queue?.waiting ?? 0, s.queue?.limit ?? 0)}</Tile>
          <Tile name={text.speed} value={(s.tokens_per_second ?? 0).toLocaleString('en', { maximumFractionDigits: 1 })}>{text.speedHint}</Tile>
          <Tile name={text.memory} value={text.free(s.memory?.free ?? 0, s.memory?.total ?? 0)}>{text.weights(s.memory?.weights ?? 0, s.memory?.caches ?? 0)}</Tile>
          <CacheTile s={s} />
          <Tile name={text.errors24} value={text.number(s.errors?.length ?? 0)}>{text.errorsHint}</Tile>
          <Tile name={text.uptime} value={lasting(s.uptime_s ?? 0)}>{`${text.models}: ${s.models?.map(m => m.name).join(', ') || text.none}`}</Tile>
        </dl>
      )}
    </Section>
  )
}

/** The tiles before the first answer: what will stand there, in its place. */
function Unknown() {
  const names = [text.queue, text.speed, text.memory, text.cache, text.errors24, text.uptime]
  return <dl class="tiles">{names.map(n => <Tile key={n} name={n} value={en.common.loading}>{' '}</Tile>)}</dl>
}

function CacheTile({ s }: { s: ServerStatus }) {
  const { hit_tokens: hit = 0, prompt_tokens: prompt = 0, pages_used: used = 0, pages = 0, disk_bytes: disk = 0, disk_limit: limit = 0 } = s.cache ?? {}
  const more = [text.hitTokens(hit, prompt), pages > 0 && text.pages(used, pages), (disk > 0 || limit > 0) && text.disk(disk, limit)].filter(Boolean)
  return <Tile name={text.cache} value={text.hits(prompt > 0 ? hit / prompt : 0)}>{more.join(' · ')}</Tile>
}

function Tile({ name, value, children }: { name: string; value: string; children: ComponentChildren }) {
  return <div class="tile"><dt>{name}</dt><dd class="tile-value">{value}</dd><dd class="hint" dir="auto">{children}</dd></div>
}
