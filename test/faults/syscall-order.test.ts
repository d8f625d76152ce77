import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { putPackage } from '../support/send-request.ts';
import { attachStrace, type Syscall } from '../support/strace.ts';

const SYSCALLS =
  'link,linkat,rename,renameat2,unlink,unlinkat,mkdir,openat,fsync,fdatasync,write,writev,sendto';

// Longer than any test: nothing but the upload happens.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };

/** Uploads a package and gives what the service did for it, up to the removal of its file in incoming. */
async function traceUpload(site: Site, bytes: Buffer): Promise<readonly Syscall[]> {
  const trace = await attachStrace(site.service.pid, { syscalls: SYSCALLS });
  const answer = await putPackage(site.baseUrl, bytes);
  await eventually(async () => expect(await readdir(site.incomingDir)).toEqual([]));
  const syscalls = await trace.stop();
  expect(answer.status).toBe(201);
  return syscalls;
}

/** The one call that the pattern matches; a failure shows all calls. */
function only(syscalls: readonly Syscall[], pattern: RegExp): Syscall {
  const found = syscalls.filter(({ text, hasFailed }) => !hasFailed && pattern.test(text));
  const [call] = found;
  if (call === undefined || found.length > 1) {
    const all = syscalls.map(({ text }) => text.slice(0, 200)).join('\n');
    throw new Error(`expected one call like ${pattern}, found ${found.length} in\n${all}`);
  }
  return call;
}

/** The first of several: a directory may be synced more often than needed. */
function first(syscalls: readonly Syscall[], pattern: RegExp, after: Syscall): Syscall {
  const found = syscalls.find(
    ({ text, begin, hasFailed }) => begin > after.end && !hasFailed && pattern.test(text),
  );
  if (found !== undefined) return found;
  const all = syscalls.map(({ text }) => text.slice(0, 200)).join('\n');
  throw new Error(`expected a call like ${pattern} after ${after.text} in\n${all}`);
}

function expectInOrder(...calls: readonly Syscall[]): void {
  for (const [index, call] of calls.entries()) {
    const next = calls[index + 1];
    if (next === undefined || call.end < next.begin) continue;
    throw new Error(`expected ${call.text} to end before ${next.text} begins`);
  }
}

const literal = (text: string): string => text.replaceAll(/[.+/]/g, String.raw`\$&`);
const syncOf = (path: string): RegExp => new RegExp(`^fsync\\(\\d+<${literal(path)}>`);

/** What must have happened in each repository before the answer; gives the answer. */
function expectPlacedBeforeAnswer(
  site: Site,
  syscalls: readonly Syscall[],
  repositories: readonly string[],
): Syscall {
  const incoming = literal(site.incomingDir);
  const answer = only(syscalls, /^(?:write|writev|sendto)\(\d+<socket:.*HTTP\/1\.1 201 /);
  const fileSync = first(
    syscalls,
    new RegExp(`^fsync\\(\\d+<${incoming}/[0-9a-f-]{36}>`),
    syscalls[0] ?? answer,
  );
  for (const repository of repositories) {
    const mark = join(site.stateDir, 'marks', repository.replace('/', '@'));
    const markMade = only(syscalls, new RegExp(`^openat\\(.*"${literal(mark)}".*O_CREAT`));
    const markSync = first(syscalls, syncOf(dirname(mark)), markMade);
    const packages = join(site.storageDir, repository, 'Packages');
    const linked = only(syscalls, new RegExp(`^link\\("${incoming}/.*, "${literal(packages)}/`));
    const packagesSync = first(syscalls, syncOf(packages), linked);
    expectInOrder(fileSync, linked);
    expectInOrder(markMade, markSync, linked, packagesSync, answer);
  }
  return answer;
}

describe.skipIf(lacks('strace'))('the calls that make an upload durable (needs strace)', () => {
  test.each<[Front, string]>([
    ['nginx', 'link'],
    ['none', 'rename'],
  ])('come in the order that loses nothing (front: %s)', async (front, takeOver) => {
    await using site = await startSite({ front, config: { index_updater: NEVER_QUIET } });
    await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50');

    const syscalls = await traceUpload(site, craftRpm({ name: 'second' }));
    const spool = literal(site.spoolDir);
    const incoming = literal(site.incomingDir);
    const takenOver = only(syscalls, new RegExp(`^${takeOver}\\("${spool}/[^"]+", "${incoming}/`));
    const fileSync = only(syscalls, new RegExp(`^fsync\\(\\d+<${incoming}/`));
    const answer = expectPlacedBeforeAnswer(site, syscalls, ['9/x86_64']);
    const removed = only(syscalls, new RegExp(`^unlink\\("${incoming}/`));
    expectInOrder(takenOver, fileSync, answer, removed);
  });

  test('a noarch package is durable in each of its repositories before the answer', async () => {
    await using site = await startSite({ config: { index_updater: NEVER_QUIET } });
    await putPackage(site.baseUrl, craftRpm({ name: 'first', arch: 'noarch' }), 'wait=50');
    const syscalls = await traceUpload(site, craftRpm({ name: 'second', arch: 'noarch' }));
    expectPlacedBeforeAnswer(site, syscalls, ['9/x86_64', '9/aarch64']);
  });

  test('each directory of a new repository is durable in its parent before the answer', async () => {
    await using site = await startSite({ config: { index_updater: NEVER_QUIET } });
    const syscalls = await traceUpload(site, craftRpm());
    const answer = expectPlacedBeforeAnswer(site, syscalls, ['9/x86_64']);
    for (const directory of ['9', '9/x86_64', '9/x86_64/Packages']) {
      const path = join(site.storageDir, directory);
      const made = only(syscalls, new RegExp(`^mkdir\\("${literal(path)}"`));
      expectInOrder(made, first(syscalls, syncOf(dirname(path)), made), answer);
    }
  });
});
