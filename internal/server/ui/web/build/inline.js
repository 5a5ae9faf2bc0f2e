// Puts the page's one style, its first frame and its one script into its HTML and writes
// that, compressed, where Go embeds it.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { firstFrame } from './first.js'
import { starter } from './start.js'
import { sourceSum } from './sum.js'

const web = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** The script so that nothing in it ends or confuses its element: \x3c is < in a string, a template and an expression. */
export function scriptText(code) {
  return code.replace(/<(?=\/script|!--|script)/gi, '\\x3c')
}

/** The style so that nothing in it ends its element. */
export function styleText(css) {
  return css.replace(/<(?=\/style|!--)/gi, '\\3c ')
}

/** The code of the one chunk as a script that runs at once where it is put; an import, an export or an await of the whole chunk is none of a script's. */
export function classic(code) {
  const text = `(()=>{"use strict";${code}\n})()`
  new Function(text)
  return text
}

/** The page in one file: the first frame, what begins the code, and the code, which no browser compiles before that. The sum of the sources stands at the end, for the test that compares it with what is committed. */
export function onePage(html, css, frame, code, sum) {
  const head = html.replace(/\s*<script type="module"[^>]*><\/script>/g, '').replace(/\s*<link rel="stylesheet"[^>]*>/g, '').trimEnd()
  const styled = head.replace('</head>', () => `<style>${styleText(css)}</style>\n</head>`)
  const drawn = styled.replace('<div id="app"></div>', () => `<div id="app">${frame}</div>\n<script>(${scriptText(String(starter))})()</script>`)
  return drawn.replace('</body>', () => `<script type="text/plain" id="code">${scriptText(code)}</script>\n</body>`) + `\n<!-- sources ${sum} -->\n`
}

/** Writes page, compressed, to path unless the same page is there: other versions of zlib make other bytes of it. */
export function writePage(path, page) {
  try {
    if (gunzipSync(readFileSync(path)).toString() === page) return false
  } catch {
    // There is none yet, or it is damaged: it is written anew.
  }
  const packed = gzipSync(page, { level: 9, memLevel: 9 })
  packed[9] = 255 // the system it was made on is nobody's business
  writeFileSync(path, packed)
  return true
}

/** The plug-in: file is where the compressed page goes, relative to the folder of the page's sources. */
export function inline(file) {
  return {
    name: 'inline',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const files = Object.values(bundle)
      const chunks = files.filter(f => f.type === 'chunk')
      const named = end => files.filter(f => f.type === 'asset' && f.fileName.endsWith(end)).map(f => String(f.source))
      const [html, ...more] = named('.html')
      if (chunks.length !== 1 || html === undefined || more.length > 0) this.error(`the page is ${chunks.length} scripts and ${more.length + (html === undefined ? 0 : 1)} HTML files, want one each`)
      const code = classic(chunks[0].code.trim())
      const page = onePage(html, named('.css').join('\n').trim(), firstFrame(html, code), code, sourceSum(web))
      for (const name of Object.keys(bundle)) delete bundle[name]
      this.emitFile({ type: 'asset', fileName: 'page.html', source: page })
      const path = resolve(web, file)
      const written = writePage(path, page)
      this.info(`${path}: ${(page.length / 1000).toFixed(1)} kB, ${(readFileSync(path).length / 1000).toFixed(1)} kB compressed${written ? '' : ', unchanged'}`)
    },
  }
}
