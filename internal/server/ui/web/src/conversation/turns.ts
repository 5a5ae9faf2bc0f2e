// What is sent for each thing that a person does: one turn, with ids made here, so that it may be sent again.
import type { FileText, NewAnswer, NewMessage, Parameters, Result, Turn } from '../api/types'
import { newId } from './ids'
import type { Tree } from './tree'

const under = (parent: string | undefined) => (parent === undefined || parent === '' ? {} : { parent })

/** One answer, or two beside each other where there are second parameters. */
function answersTo(parent: string, parameters: Parameters, second: Parameters | null): NewAnswer[] {
  const id = newId()
  if (!second) return [{ id, parent, parameters }]
  const other = newId()
  return [{ id, parent, parameters, beside: other }, { id: other, parent, parameters: second, beside: id }]
}

/** A question behind the leaf. */
export function ask(tree: Tree, content: string, files: FileText[], parameters: Parameters, second: Parameters | null): Turn {
  const m: NewMessage = { id: newId(), ...under(tree.leaf), role: 'user', content, ...(files.length ? { files } : {}) }
  return turn([m], answersTo(m.id, parameters, second))
}

/** A version of a person's message, and its answer. Its files go with it: the server knows their text from the version before. */
export function askAgain(tree: Tree, id: string, content: string, parameters: Parameters, second: Parameters | null): Turn | undefined {
  const old = tree.get(id)
  if (old?.role !== 'user') return undefined
  const m: NewMessage = { id: newId(), ...under(old.parent), role: 'user', content, ...(old.files?.length ? { files: old.files } : {}) }
  return turn([m], answersTo(m.id, parameters, second))
}

/** A version of an answer as a person wants it; nothing runs. */
export function rewrite(tree: Tree, id: string, content: string): Turn | undefined {
  const old = tree.get(id)
  if (old?.role !== 'assistant') return undefined
  return turn([{ id: newId(), ...under(old.parent), role: 'assistant', content, edited: true }], [])
}

/** Another answer to the same message. */
export function regenerate(tree: Tree, id: string, parameters: Parameters): Turn | undefined {
  const old = tree.get(id)
  if (old?.role !== 'assistant' || old.parent === undefined) return undefined
  return turn([], answersTo(old.parent, parameters, null))
}

/** An answer to a person's message that has none. */
export function answer(tree: Tree, id: string, parameters: Parameters, second: Parameters | null): Turn | undefined {
  return tree.get(id) ? turn([], answersTo(id, parameters, second)) : undefined
}

/** The answer goes on where it ended. */
export function goOn(tree: Tree, id: string, parameters: Parameters): Turn | undefined {
  const old = tree.get(id)
  if (old?.role !== 'assistant' || old.parent === undefined) return undefined
  return turn([], [{ id, parent: old.parent, parameters, continue: true }])
}

/** What the calls of an answer gave, and the next answer. */
export function giveResults(id: string, results: Result[], parameters: Parameters): Turn {
  const m: NewMessage = { id: newId(), parent: id, role: 'tool', content: '', results }
  return turn([m], answersTo(m.id, parameters, null))
}

function turn(messages: NewMessage[], answers: NewAnswer[]): Turn {
  const leaf = answers[0]?.id ?? messages.at(-1)?.id
  return { messages, answers, ...(leaf === undefined ? {} : { leaf }) }
}
