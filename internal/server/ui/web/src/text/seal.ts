// The words of the seal under an answer.
import type { ReceiptCheck } from '../api/types'

const names: Record<string, string> = {
  signature: 'the signature', prompt: 'the prompt', output: 'the answer', log: 'its place in the log', witness: 'what witnesses saw', engine: 'and the model gave the same answer again, to the bit',
}

export const text = {
  seal: 'Sealed',
  name: 'Seal: what it proves',
  proves: 'What it proves',
  proven: [
    'This model, with these settings and this program, gives this answer to this prompt.',
    'Whoever runs this server signed that: a receipt that was taken away cannot be changed any more.',
    'Anyone who has the model can compute the answer again, to the bit, on another machine.',
  ],
  provesNot: 'What it does not prove',
  notProven: [
    'That the answer is true or good.',
    'That nobody read the prompt or kept a copy of it.',
    'The time: the server wrote it. Who watches its log knows better.',
    'That whoever runs the server shows everybody the same: only a log that independent witnesses sign does that.',
    'Anything, once the key that signs was stolen.',
  ],
  check: 'Check again',
  checking: 'The model computes the answer again…',
  take: 'Take it away',
  takeTitle: 'Save the receipt, with prompt and answer in it, as a file',
  elsewhere: 'On another machine: blitz verify FILE --key PUBLIC-KEY --model MODEL',
  holds: (c: ReceiptCheck) => `It holds. Checked: ${(c.checked ?? []).map(x => names[x] ?? x).join(', ')}.`,
  place: (index: number, size: number, origin: string) => `Leaf ${index.toLocaleString('en')} of ${size.toLocaleString('en')} in the log ${origin}.`,
  signedBy: (key: string) => `Signed by the key ${key.slice(0, 16)}…`,
  broken: (c: ReceiptCheck) => `It does not hold (${c.reason ?? ''}${c.first_difference === undefined ? '' : `, token ${c.first_difference}`}): ${c.detail ?? ''}`,
  failed: (why: string) => `It could not be checked. ${why}`,
}
