// Makes dist/ for the packages: src/ compiled, since Node strips types in a checkout, but not below node_modules,
// and what a package installs outside it: man pages and the completion.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderCompletion } from './reference/bash-completion.ts';
import { renderCommandPage, renderConfigPage } from './reference/man-pages.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

mkdirSync(join(dist, 'man'));
writeFileSync(join(dist, 'man', 'rpmyard.1'), renderCommandPage());
writeFileSync(join(dist, 'man', 'rpmyard.yml.5'), renderConfigPage());
mkdirSync(join(dist, 'completions'));
writeFileSync(join(dist, 'completions', 'rpmyard'), renderCompletion());
