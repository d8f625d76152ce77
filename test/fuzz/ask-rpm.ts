import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PackageXml } from '../../src/rpm/repodata/render-package.ts';
import { createrepoXml } from '../support/createrepo-xml.ts';

/** What rpm and createrepo_c say of one package. */
export interface RpmVerdict {
  /** `rpm -K --nosignature` calls its digests OK. */
  readonly isVerified: boolean;
  /** As createrepo_c describes it; undefined for what it leaves out. */
  readonly xml: PackageXml | undefined;
}

/** Enough for the messages about hundreds of files. */
const MAX_OUTPUT_BYTES = 1 << 28;
const REFUSED: RpmVerdict = { isVerified: false, xml: undefined };

/**
 * Asks rpm and createrepo_c about many packages at once. When one of the programs crashes, the packages are asked about in
 * halves, until it is known which one it was; that one counts as refused.
 * @param dir the packages lie in it, with names that end in `.rpm`.
 */
export function askRpm(dir: string, names: readonly string[]): ReadonlyMap<string, RpmVerdict> {
  const verdicts = askAll(dir, names);
  if (verdicts !== undefined) return verdicts;
  if (names.length === 1) return new Map(names.map((name) => [name, REFUSED]));
  const middle = Math.ceil(names.length / 2);
  return new Map([...askRpm(dir, names.slice(0, middle)), ...askRpm(dir, names.slice(middle))]);
}

/** Undefined when one of the programs crashed. */
function askAll(dir: string, names: readonly string[]): ReadonlyMap<string, RpmVerdict> | undefined {
  const keys = spawnSync('rpmkeys', ['-K', '--nosignature', ...names], {
    cwd: dir,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    maxBuffer: MAX_OUTPUT_BYTES,
    encoding: 'latin1',
  });
  if (keys.signal !== null) return undefined;
  const verified = new Set(
    [...keys.stdout.matchAll(/([\w.-]+\.rpm): digests OK$/gm)].map(([, name]) => name),
  );
  const xml = indexAll(dir, names);
  if (xml === undefined) return undefined;
  return new Map(names.map((name) => [name, { isVerified: verified.has(name), xml: xml.get(name) }]));
}

function indexAll(dir: string, names: readonly string[]): ReadonlyMap<string, PackageXml> | undefined {
  const work = mkdtempSync(join(tmpdir(), 'rpmyard-ask-'));
  try {
    const [packagesDir, outputDir] = [join(work, 'packages'), join(work, 'output')];
    mkdirSync(packagesDir);
    mkdirSync(outputDir);
    for (const name of names) symlinkSync(join(dir, name), join(packagesDir, name));
    return createrepoXml(packagesDir, outputDir);
  } catch (error) {
    if (isCrash(error)) return undefined;
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isCrash(error: unknown): boolean {
  return error instanceof Error && 'signal' in error && typeof error.signal === 'string';
}
