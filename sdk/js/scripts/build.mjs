// Builds the package into the folder named: callboard.js (one ES module) and callboard.d.ts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateDtsBundle } from 'dts-bundle-generator';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const out = process.argv[2] ?? 'dist';
mkdirSync(out, { recursive: true });

const banner = '// @callboard/sdk. Apache-2.0. Built from sdk/js/src; do not edit.';

await build({
  entryPoints: ['src/index.ts'],
  outfile: join(out, 'callboard.js'),
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  banner: { js: banner },
  logLevel: 'warning',
});

const [types] = generateDtsBundle(
  [{ filePath: 'src/index.ts', output: { noBanner: true, exportReferencedTypes: false } }],
  { preferredConfigPath: 'tsconfig.json' },
);
writeFileSync(join(out, 'callboard.d.ts'), `${banner}\n${types}`);
