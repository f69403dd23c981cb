// Fails unless dist/ and src/api.gen.ts are what their sources make.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const fresh = mkdtempSync(join(tmpdir(), 'callboard-sdk-'));
const stale = [];

try {
  execFileSync('npx', ['openapi-typescript', '../../api/openapi.yaml', '--output', join(fresh, 'api.gen.ts')], { stdio: 'pipe' });
  compare(join(fresh, 'api.gen.ts'), 'src/api.gen.ts', 'npm run generate');
  execFileSync(process.execPath, ['scripts/build.mjs', fresh], { stdio: 'pipe' });
  for (const file of ['callboard.js', 'callboard.d.ts']) compare(join(fresh, file), join('dist', file), 'npm run build');
} finally {
  rmSync(fresh, { recursive: true });
}
if (stale.length > 0) {
  console.error(stale.join('\n'));
  process.exit(1);
}
console.log('dist/ and src/api.gen.ts are current.');

function compare(want, have, remedy) {
  if (read(want) !== read(have)) stale.push(`${have} is not what its sources make. Run: ${remedy}`);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
