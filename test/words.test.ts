import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const PLACES = [
  'README.md',
  'CHANGELOG.md',
  'config.example.yml',
  'bench',
  'docs',
  'nginx',
  'packaging',
  'scripts',
  'selinux',
  'src',
];
const TEXT = /\.(?:conf|json|md|mjs|service|sh|socket|spec|te|ts|yml)$/;

// A sentence with one of these does not say who does what: the client, the caller, root, a host, the service.
const NAMELESS = /\b(?:whoever|(?:some|no|any|every)(?:body|one))\b/i;
// The state directory has this text, and keeps it over upgrades.
const STORED_OWNER = "'anybody '";

function filesBelow(path: string): readonly string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  return readdirSync(join(ROOT, path)).flatMap((name) => filesBelow(`${path}/${name}`));
}

it('texts name the one who acts', () => {
  const files = PLACES.flatMap(filesBelow).filter((path) => TEXT.test(path));
  expect(files.length).toBeGreaterThan(500);
  const found = files.flatMap((path) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        NAMELESS.test(line.replace(STORED_OWNER, '')) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
  expect(found).toEqual([]);
});
