// npm run bench:resumable -- [--gib N] [--cuts N]
// A large package through nginx over a line that is cut again and again, with tus-js-client; what it costs in memory.
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { SignatureTag, Tag } from '../src/rpm/rpm-parser/tag.ts';
import { craftRpm, dropTags, replaceTags, stringArrayTag } from '../test/support/craft-rpm.ts';
import { startCutLine } from '../test/support/cut-line.ts';
import { type Site, startSite } from '../test/support/run-site.ts';
import { sendRequest } from '../test/support/send-request.ts';
import { tusUpload } from '../test/support/tus-upload.ts';

const { values } = parseArgs({
  options: { gib: { type: 'string', default: '5' }, cuts: { type: 'string', default: '10' } },
});
const payloadBytes = Number(values.gib) * 2 ** 30;
const cuts = Number(values.cuts);
const MIB = 2 ** 20;

const RAISED = { limit: '16g', config: { server: { max_upload_bytes: '16 GiB' } } };

await using site = await startSite({
  config: RAISED.config,
  replacements: [{ from: 'client_max_body_size 4g;', to: `client_max_body_size ${RAISED.limit};` }],
});
const file = join(site.workDir, 'large.rpm');
const sha256 = await writeLargePackage(file);
const { size } = await stat(file);

const idle = await peaks(site);
await resetPeaks(site);
await using line = await startCutLine(
  site.baseUrl,
  Array.from({ length: cuts }, () => Math.floor(size / (cuts + 1))),
);
const begunMs = performance.now();
const uploaded = await tusUpload(createReadStream(file), `${line.baseUrl}/upload/resumable`, {
  headers: { 'X-Checksum-Sha256': sha256, Accept: 'application/json' },
});
const seconds = (performance.now() - begunMs) / 1000;
const resumable = await peaks(site);
const answer = await sendRequest(site.baseUrl, { path: `/api/v1/uploads/${sha256}?wait=50` });
const stored = await digestOf(join(site.storageDir, '9/x86_64/Packages/large-1.0-1.el9.x86_64.rpm'));

print({
  bytes: size,
  cuts: line.cutCount,
  retries: uploaded.retries,
  status: uploaded.status,
  seconds: Math.round(seconds),
  sent: sha256,
  stored,
  isSame: stored === sha256,
  known: answer.status,
  peakMib: { idle, resumable },
});
await rm(file);
process.exitCode = stored === sha256 && line.cutCount === cuts && answer.status === 200 ? 0 : 1;

/** A package whose payload cannot be compressed, with every digest right; gives its sha256. */
async function writeLargePackage(path: string): Promise<string> {
  const block = randomBytes(MIB);
  const payloadHash = createHash('sha256');
  for (const piece of payload(block)) payloadHash.update(piece);
  const small = Buffer.from('small');
  const withHeader = craftRpm({
    name: 'large',
    payload: small,
    editHeader: replaceTags(stringArrayTag(Tag.PAYLOADSHA256, [payloadHash.digest('hex')])),
    editSignature: (tags) => dropTags(SignatureTag.SIZE, SignatureTag.MD5, SignatureTag.PAYLOADSIZE)(tags),
  });
  const head = withHeader.subarray(0, withHeader.length - small.length);
  const hash = createHash('sha256').update(head);
  await writeFile(path, head);
  await using target = await open(path, 'a');
  for (const piece of payload(block)) {
    hash.update(piece);
    await target.write(piece);
  }
  return hash.digest('hex');
}

/** The block again and again, with its number in it. */
function* payload(block: Buffer): Generator<Buffer> {
  for (let number = 0; number * MIB < payloadBytes; number += 1) {
    const piece = Buffer.from(block);
    piece.writeUInt32BE(number, 0);
    yield piece.subarray(0, Math.min(MIB, payloadBytes - number * MIB));
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The most memory that the service and the largest nginx process had at once, in MiB. */
async function peaks({ service, root }: Site): Promise<{ readonly service: number; readonly nginx: number }> {
  const nginx = await Promise.all((await nginxPids(root)).map(peakOf));
  return { service: await peakOf(service.pid), nginx: Math.max(...nginx) };
}

async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}

/** Source: proc_pid_clear_refs(5), "5". */
async function resetPeaks({ service, root }: Site): Promise<void> {
  for (const pid of [service.pid, ...(await nginxPids(root))])
    await writeFile(`/proc/${pid}/clear_refs`, '5');
}

async function nginxPids(root: string): Promise<readonly number[]> {
  const main = Number(await readFile(join(root, 'nginx/nginx.pid'), 'utf8'));
  const children = await readFile(`/proc/${main}/task/${main}/children`, 'utf8');
  return [main, ...children.trim().split(' ').map(Number)];
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}
