import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The page runs under `default-src 'none'; script-src 'self'; style-src 'self'`: nothing is inlined.
export default defineConfig({
  resolve: {
    alias: { '@callboard/sdk': fileURLToPath(new URL('../sdk/js/src/index.ts', import.meta.url)) },
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    license: { fileName: 'licenses.md' },
  },
  test: { include: ['test/**/*.test.ts'] },
});
