import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { craftRpm } from './craft-rpm.ts';
import { startSite } from './run-site.ts';
import { putPackage, reindex, sendRequest } from './send-request.ts';

/** /metrics of a real service to which everything has happened that has samples only then. */
export async function readLiveMetrics(): Promise<string> {
  await using site = await startSite({ front: 'none' });
  const { baseUrl, storageDir } = site;
  const inNine = craftRpm({ name: 'nine', release: '1.el9' });
  for (const wanted of [201, 200]) {
    expectStatus(await putPackage(baseUrl, inNine, 'wait=50'), wanted);
  }
  expectStatus(await putPackage(baseUrl, Buffer.from('no package')), 400);
  await writeFile(join(storageDir, '9/x86_64/Packages/set-aside.rpm'), 'no package');
  expectStatus(await reindex(baseUrl, '9/x86_64'), 200);

  // A run that fails: the index cannot be where something else is.
  expectStatus(await putPackage(baseUrl, craftRpm({ name: 'eight', release: '1.el8' }), 'wait=50'), 201);
  const repodata = join(storageDir, '8/x86_64/repodata');
  await rm(repodata, { recursive: true });
  await writeFile(repodata, 'in the way');
  expectStatus(await reindex(baseUrl, '8/x86_64'), 500);
  return (await sendRequest(baseUrl, { path: '/metrics' })).text;
}

function expectStatus(
  { status, text }: { readonly status: number; readonly text: string },
  wanted: number,
): void {
  if (status !== wanted) throw new Error(`expected ${wanted}, got ${status}: ${text}`);
}

/** Every name that has samples, with the labels that they have. */
export function labelsByName(metrics: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of metrics.split('\n')) {
    const { name, labels = '' } = /^(?<name>\w+)(?:\{(?<labels>.*)\})? \S+$/.exec(line)?.groups ?? {};
    if (name === undefined) continue;
    const known = found.get(name) ?? new Set();
    found.set(name, known);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
  }
  return found;
}
