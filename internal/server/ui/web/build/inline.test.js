import { expect, test } from 'vitest'
import { classic, onePage, scriptText, styleText } from './inline.js'

test('nothing in a script or a style ends its element', () => {
  for (const s of ['</script>', '</SCRIPT ', '<!--', '<script>']) {
    const code = `x = ${JSON.stringify(s)}`
    expect(scriptText(code).toLowerCase()).not.toMatch(/<(\/script|!--|script)/)
    expect(new Function(`return ${scriptText(code).slice(4)}`)()).toBe(s)
  }
  expect(new RegExp(scriptText('<script').replace(/^/, '^'))).toEqual(/^\x3cscript/)
  expect(styleText('a::after{content:"</style>"}')).not.toContain('</style')
})

test('one page: no file beside it, replacement signs of the code left as they are', () => {
  const html = '<head>\n<script type="module" crossorigin src="/x.js"></script>\n<link rel="stylesheet" crossorigin href="/x.css">\n</head><body>\n<div id="app"></div>\n</body></html>'
  const page = onePage(html, 'a{}', '<p>$&</p>', 'let a = "$&$1"', 'abc')
  expect(page).toContain('<style>a{}</style>')
  expect(page).toContain('<div id="app"><p>$&</p></div>\n<script>(function starter()')
  expect(page).toContain('<script type="text/plain" id="code">let a = "$&$1"</script>')
  expect(page).not.toContain('src=')
  expect(page).not.toContain('href=')
  expect(page).toMatch(/<!-- sources abc -->\n$/)
})

test('the code is a script that leaves no names, or none', () => {
  expect(new Function(`${classic('const own = 1')}; return typeof own`)()).toBe('undefined')
  for (const code of ['import "x"', 'export {}', 'await 1', 'import.meta.url']) expect(() => classic(code)).toThrow(SyntaxError)
})
