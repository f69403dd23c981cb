// Fails unless dist/ is what the sources make.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const fresh = mkdtempSync(join(tmpdir(), 'callboard-webui-'));
try {
  execFileSync('npx', ['vite', 'build', '--outDir', fresh, '--emptyOutDir', '--logLevel', 'error'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const want = filesIn(fresh);
  const have = filesIn('dist');
  const names = [...new Set([...want.keys(), ...have.keys()])].sort();
  const stale = names.filter((name) => want.get(name) !== have.get(name));
  if (stale.length > 0) {
    console.error(`dist/ is not what the sources make (${stale.join(', ')}). Run: npm run build`);
    process.exitCode = 1;
  } else {
    console.log('dist/ is current.');
  }
} finally {
  rmSync(fresh, { recursive: true });
}

/** Name to content of every file below a folder; empty when there is none. */
function filesIn(folder) {
  const files = new Map();
  const walk = (at) => {
    for (const name of readdirSync(at)) {
      const path = join(at, name);
      if (statSync(path).isDirectory()) walk(path);
      else files.set(relative(folder, path), readFileSync(path, 'latin1'));
    }
  };
  try {
    walk(folder);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return files;
}
