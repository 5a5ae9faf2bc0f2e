import { files as routes } from '../api/routes'
import type { FileText } from '../api/types'
import { warn, wordsOf } from '../state/notices'
import { text } from '../text/conversation'
import type { Thread } from './thread'

/** A file that goes with the next message. file is there once the server has read it. */
export interface Attachment { key: number; name: string; blob: Blob; model: string; file?: FileText }

const LARGEST = 32 << 20 // bytes of a file, as the server takes it
const MOST = 64 // files of a message, as the server takes them

let last = 0
const reads = new Map<number, AbortController>()

/** Attaches files; each is read by the server, and refused by its name where it cannot be. */
export function attach(t: Thread, files: readonly File[], model: string): void {
  const room = MOST - t.attachments.get().length
  if (files.length > room) warn(text.tooMany(MOST))
  for (const f of files.slice(0, Math.max(0, room))) {
    if (f.size > LARGEST) {
      warn(text.refused(f.name, text.tooLarge))
      continue
    }
    const a: Attachment = { key: ++last, name: f.name || 'file', blob: f, model }
    t.attachments.update(all => [...all, a])
    void read(t, a)
  }
}

export function detach(t: Thread, key: number): void {
  reads.get(key)?.abort()
  t.attachments.update(all => all.filter(a => a.key !== key))
}

/** Has the tokens counted anew where another model answers now. */
export function recount(t: Thread, model: string): void {
  for (const a of t.attachments.get()) {
    if (a.model === model) continue
    const b: Attachment = { key: a.key, name: a.name, blob: a.blob, model }
    t.attachments.update(all => all.map(x => (x.key === a.key ? b : x)))
    void read(t, b)
  }
}

async function read(t: Thread, a: Attachment): Promise<void> {
  reads.get(a.key)?.abort()
  const stop = new AbortController()
  reads.set(a.key, stop)
  try {
    const { unreadable, ...file } = await routes.text(a.blob, a.name, a.model, stop.signal)
    if (unreadable !== undefined) throw new Error(unreadable)
    t.attachments.update(all => all.map(x => (x.key === a.key ? { ...x, file } : x)))
  } catch (e) {
    if (stop.signal.aborted) return
    t.attachments.update(all => all.filter(x => x.key !== a.key))
    warn(text.refused(a.name, wordsOf(e)))
  } finally {
    if (reads.get(a.key) === stop) reads.delete(a.key)
  }
}

/** The files as they are sent; undefined while one is being read. */
export function readFiles(all: readonly Attachment[]): FileText[] | undefined {
  const out: FileText[] = []
  for (const a of all) {
    if (!a.file) return undefined
    out.push(a.file)
  }
  return out
}
