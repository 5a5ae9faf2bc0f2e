import { defineConfig } from 'vite'
import { inline } from './build/inline.js'

export default defineConfig({
  plugins: [inline('../page.html.gz')],
  build: {
    target: 'es2023',
    cssTarget: 'chrome120',
    modulePreload: false,
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
  },
  test: { environment: 'node', include: ['src/**/*.test.{ts,tsx}', 'build/*.test.js'] },
})
