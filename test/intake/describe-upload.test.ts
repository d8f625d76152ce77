import { describe, expect, it } from 'vitest';
import { describeUpload } from '../../src/intake/describe-upload.ts';
import { SqliteRecords } from '../../src/storage/local/sqlite-records.ts';
import type { Receipt } from '../../src/storage/records.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const SENT = '11'.repeat(32);
const SENT_ELSEWHERE = '22'.repeat(32);
const STORED = '33'.repeat(32);
const CLOSED = '44'.repeat(32);

function receipt(repository: string, fields: Partial<Receipt>): Receipt {
  return {
    repository: repo(repository),
    location: 'Packages/a-1-1.noarch.rpm',
    sha256: STORED,
    nevra: 'a-1-1.noarch',
    sizeBytes: 10,
    placedAtMs: 1,
    publishedAtMs: undefined,
    receivedSha256: undefined,
    signature: undefined,
    ...fields,
  };
}

/** What a client that may read 9/* is told of a digest. */
async function toldOf(sha256: string, receipts: readonly Receipt[]) {
  await using dir = await createTempDir();
  const records = new SqliteRecords(dir.path);
  try {
    await records.saveReceipts(receipts);
    const parts = { records, publicUrl: 'http://repo.example.com' };
    return await describeUpload(sha256, (repository) => repository.startsWith('9/'), parts);
  } finally {
    await records.close();
  }
}

describe('what a client is told of an upload', () => {
  it('is nothing of the copy that was signed for a repository that it may not read', async () => {
    const told = await toldOf(SENT, [
      receipt('8/x86_64', { sha256: CLOSED, receivedSha256: SENT, sizeBytes: 99 }),
      receipt('9/x86_64', { receivedSha256: SENT }),
    ]);
    expect(told).toMatchObject({ sha256: STORED, sizeBytes: 10, places: [{ repository: '9/x86_64' }] });
    expect(JSON.stringify(told)).not.toContain(CLOSED);
  });

  it('is nothing of the bytes that were sent to a repository that it may not read', async () => {
    const told = await toldOf(STORED, [
      receipt('8/x86_64', { receivedSha256: SENT_ELSEWHERE }),
      receipt('9/x86_64', { receivedSha256: SENT }),
    ]);
    expect(told).toMatchObject({ receivedSha256: SENT, places: [{ repository: '9/x86_64' }] });
    expect(JSON.stringify(told)).not.toContain(SENT_ELSEWHERE);
  });

  it('is all of a package that is stored elsewhere under the digest of what was sent', async () => {
    const told = await toldOf(SENT, [
      receipt('8/x86_64', { sha256: SENT }),
      receipt('9/x86_64', { receivedSha256: SENT }),
    ]);
    expect(told).toMatchObject({ sha256: STORED, places: [{ repository: '9/x86_64' }] });
  });

  it('is the same as of no package when it may read none of its repositories', async () => {
    expect(await toldOf(CLOSED, [receipt('8/x86_64', { sha256: CLOSED })])).toBeUndefined();
    expect(await toldOf(CLOSED, [])).toBeUndefined();
  });
});
