// The sum over all that the page is made of. A test in Go computes the same (page_sum_test.go).
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const files = ['build/first.js', 'build/inline.js', 'build/start.js', 'build/sum.js', 'index.html', 'package-lock.json', 'package.json', 'tsconfig.json', 'vite.config.ts']

function below(web, folder) {
  return readdirSync(join(web, folder), { withFileTypes: true }).flatMap(e => {
    const path = `${folder}/${e.name}`
    return e.isDirectory() ? below(web, path) : /\.test\.tsx?$/.test(e.name) ? [] : [path]
  })
}

/** sha256, in hexadecimal, of "NAME LENGTH\n" and the bytes of each source in the order of the names' bytes; tests do not count. */
export function sourceSum(web) {
  const sum = createHash('sha256')
  for (const name of [...files, ...below(web, 'src')].sort((a, b) => (a < b ? -1 : 1))) {
    const bytes = readFileSync(join(web, name))
    sum.update(`${name} ${bytes.length}\n`).update(bytes)
  }
  return sum.digest('hex')
}
