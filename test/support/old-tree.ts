import { copyFile, link, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buildRpm } from './build-rpm.ts';
import { sha256Of } from './send-request.ts';

/** Real packages for trees of others. */
export interface OldPackages {
  readonly alpha: string;
  readonly alphaOf8: string;
  readonly noarch: string;
  readonly untagged: string;
  readonly source: string;
}

/** Builds them once; tests lay them out with layOut(). */
export async function buildOldPackages(directory: string): Promise<OldPackages> {
  const [alpha, alphaOf8, noarch, untagged, source] = await Promise.all([
    buildRpm({ name: 'alpha', arch: 'x86_64', files: { '/usr/share/alpha': 'alpha' } }, directory),
    buildRpm({ name: 'alpha', arch: 'x86_64', release: '1.el8' }, directory),
    buildRpm({ name: 'noarch' }, directory),
    buildRpm({ name: 'untagged', release: '3' }, directory),
    buildRpm({ name: 'alpha', isSource: true }, directory),
  ]);
  return { alpha, alphaOf8, noarch, untagged, source };
}

/** Copies packages to their places: directory below the root to packages. */
export async function layOut(
  root: string,
  places: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  for (const [directory, packages] of Object.entries(places)) {
    await mkdir(join(root, directory), { recursive: true });
    for (const path of packages) await copyFile(path, join(root, directory, basename(path)));
  }
}

/** Gives a laid out package one more name, as the original service does for noarch packages. */
export async function linkInto(path: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await link(path, join(directory, basename(path)));
}

/** Path -> inode and sha256 of every file. */
export async function snapshot(root: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const facts = await Promise.all(
    files.map(async ({ parentPath, name }): Promise<[string, string]> => {
      const path = join(parentPath, name);
      return [path, `${(await stat(path)).ino} ${sha256Of(await readFile(path))}`];
    }),
  );
  return new Map(facts.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A configuration file beside the folders `storage`, `spool` and `state` of a site; gives its path. */
export async function writeSite(
  site: string,
  config: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): Promise<string> {
  const path = join(dirname(site), `${basename(site)}.yml`);
  const folder = basename(site);
  await mkdir(site, { recursive: true });
  const sections = {
    ...config,
    server: { spool_dir: `${folder}/spool`, ...config['server'] },
    repo: { top_dir: `${folder}/storage`, state_dir: `${folder}/state`, ...config['repo'] },
  };
  await writeFile(path, JSON.stringify(sections));
  return path;
}

export const COMPS = `<comps>
  <group>
    <id>tools</id><name>Tools</name><description/><default>true</default><uservisible>true</uservisible>
    <packagelist><packagereq type="mandatory">alpha</packagereq></packagelist>
  </group>
</comps>
`;

export const UPDATEINFO = `<updates>
  <update from="us" status="final" type="security" version="1">
    <id>OLD-2024-1</id><title>alpha</title><issued date="2024-01-02 03:04:05"/><description>d</description>
    <pkglist><collection><name>c</name>
      <package name="alpha" version="1.0" release="1.el9" epoch="0" arch="x86_64" src="alpha.src.rpm">
        <filename>alpha-1.0-1.el9.x86_64.rpm</filename>
      </package>
    </collection></pkglist>
  </update>
</updates>
`;
