import { useLayoutEffect, useState } from 'preact/hooks'
import { Dialog } from '../parts/Dialog'
import { onChord } from '../state/keys'
import { en } from '../text/en'

const k = en.keys
const mac = /^Mac|^iP/.test(navigator.platform)
const groups: { name: string; keys: [string, string[][]][] }[] = [
  {
    name: k.groups.everywhere, keys: [
      [k.search, [['Ctrl', 'K']]],
      [k.newChat, [['Ctrl', 'Shift', 'O']]],
      [k.box, [['Ctrl', 'I']]],
      [k.side, [['Ctrl', 'B']]],
      [k.parameters, [['Ctrl', '.']]],
      [k.settings, [['Ctrl', ',']]],
      [k.shortcuts, [['Ctrl', '/']]],
      [k.stop, [['Esc']]],
    ],
  },
  { name: k.groups.writing, keys: [[k.send, [['Enter']]], [k.line, [['Shift', 'Enter']]], [k.edit, [['↑']]]] },
  { name: k.groups.lists, keys: [[k.arrows, [['↑'], ['↓']]], [k.home, [['Home'], ['End']]], [k.enter, [['Enter']]]] },
]

/** The overview of the keys, over the page while it is asked for. */
export function Keyboard() {
  const [open, setOpen] = useState(false)
  useLayoutEffect(() => onChord('shortcuts', () => setOpen(o => !o)), [])
  if (!open) return null
  return (
    <Dialog title={k.title} onClose={() => setOpen(false)} wide>
      <div class="keys">
        {groups.map(g => (
          <section key={g.name}>
            <h3>{g.name}</h3>
            <dl>
              {g.keys.map(([what, ways]) => (
                <div key={what}>
                  <dt>{what}</dt>
                  <dd>{ways.map((w, i) => <span key={i} class="chord">{w.map((x, j) => <>{j > 0 && <span class="plus">+</span>}<kbd key={x}>{mac && x === 'Ctrl' ? '⌘' : x}</kbd></>)}</span>)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
